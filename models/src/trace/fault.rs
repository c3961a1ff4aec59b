//! What may be wrong with a trace file, and what to do about it.

use std::fmt;

use super::{LINE_BYTES_MAX, LINES_MAX, VERSION};
use crate::draw::ROWS_MAX;
use crate::liveness::NoLasso;

/// A trace file that cannot be read or replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a place and what is wrong there")]
pub struct BadTrace {
    /// The line, the header being line 1.
    pub line: usize,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a line of a trace file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// There is no line at all.
    Empty,
    /// The line is longer than [`LINE_BYTES_MAX`].
    LongLine,
    /// There are more than [`LINES_MAX`] lines.
    ManyLines,
    /// The first line is no header.
    NotATrace,
    /// The file is of another version.
    Version(u64),
    /// The line is empty, or something else than an object of JSON.
    NotAnObject,
    /// The line is no JSON, or not of the form that it should have.
    Json {
        /// The column, from 1; 0 where it is of no one column.
        column: usize,
        /// What the parser says.
        says: String,
    },
    /// The line holds so many actions, where one belongs.
    NotOneAction(usize),
    /// The line holds choices, and its action makes none.
    NoChoices,
    /// The protocol is not registered.
    NoProtocol {
        /// As the file names it.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// The protocol has no such world.
    NoWorld {
        /// As the file names it.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// The world keeps its rules to itself, so nothing can be replayed in it.
    NotReplayable(String),
    /// The world begins in fewer ways.
    NoOrigin {
        /// As the file has it, from 0.
        origin: usize,
        /// How many there are.
        origins: usize,
    },
    /// The world has no such property.
    NoProperty {
        /// As the file names it.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// The action of this line cannot happen where the lines before it lead.
    Refused {
        /// The action, readable.
        action: String,
        /// Why.
        why: String,
    },
    /// A drawing of so many actions would show nothing.
    TooMuchToDraw {
        /// How many actions there are.
        rows: usize,
    },
    /// No property falls, so there is nothing that must be kept.
    NothingFalls,
    /// The run that goes round for ever breaks no claim.
    NoLasso(NoLasso),
}

impl BadTrace {
    /// Whether the file is sound and only its actions do not happen, as after the bug that they led to was mended.
    #[must_use]
    pub const fn is_refused(&self) -> bool {
        matches!(self.fault, Fault::Refused { .. })
    }
}

impl Fault {
    /// At this line.
    pub(crate) const fn at(self, line: usize) -> BadTrace {
        BadTrace { line, fault: self }
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        // One line was parsed, so its number says nothing.
        let says = error.to_string();
        let says = says.split(" at line ").next().unwrap_or_default().to_owned();
        Self::Json { column: error.column(), says }
    }
}

impl fmt::Display for BadTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the file is empty; a trace begins with a header"),
            Self::LongLine => write!(f, "longer than {LINE_BYTES_MAX} bytes, which no trace needs"),
            Self::ManyLines => {
                write!(f, "more than {LINES_MAX} lines; minimise the trace where it was written")
            }
            Self::NotATrace => {
                write!(f, "no trace: the first line of one is a header, {{\"quorate_trace\":{VERSION},..}}")
            }
            Self::Version(version) => write!(
                f,
                "a trace of version {version}, and those up to {VERSION} are understood; use the release that wrote it, or find it again with `check --trace`"
            ),
            Self::NotAnObject => {
                f.write_str("no action; each line is one, as {\"flush\":{\"node\":0}}, and none is empty")
            }
            Self::Json { column: 0, says } => f.write_str(says),
            Self::Json { column, says } => write!(f, "{says} (column {column})"),
            Self::NotOneAction(0) => f.write_str("no action; a line holds one, as {\"flush\":{\"node\":0}}"),
            Self::NotOneAction(many) => write!(f, "{many} actions; give each a line of its own"),
            Self::NoChoices => f.write_str("choices, although this action makes none; leave them out"),
            Self::NoProtocol { name, known } => {
                write!(f, "there is no protocol `{name}`; there are: {}", known.join(", "))
            }
            Self::NoWorld { name, known } => write!(
                f,
                "there is no world `{name}`; there are: {}; a trace of a world that is no more has to be found again",
                known.join(", ")
            ),
            Self::NotReplayable(name) => write!(f, "traces of the world `{name}` cannot be replayed here"),
            Self::NoOrigin { origin, origins } => write!(
                f,
                "the world begins in {origins} ways, and number {origin} (from 0) is none of them; the world has changed, or the file was edited"
            ),
            Self::NoProperty { name, known } => {
                write!(f, "there is no property \"{name}\"; there are: {}", known.join(", "))
            }
            Self::Refused { action, why } => write!(
                f,
                "`{action}` cannot happen here: {why}; either the file was edited, or the machine now behaves differently before this line"
            ),
            Self::TooMuchToDraw { rows } => {
                write!(
                    f,
                    "{rows} actions are too many to draw, at most {ROWS_MAX} can be seen; minimise the trace first"
                )
            }
            Self::NothingFalls => {
                f.write_str("no property falls at the end of this trace, so there is nothing to keep")
            }
            Self::NoLasso(why) => write!(f, "going round for ever breaks no claim here: {why}"),
        }
    }
}

impl std::error::Error for BadTrace {}
