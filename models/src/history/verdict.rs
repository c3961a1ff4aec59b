//! What a check comes to, and what it says of a violation.

use std::fmt;

use super::call::{Answer, Call, History, Key};

/// What a check comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// The history keeps what was checked.
    Holds,
    /// It does not.
    Violated(Violation),
    /// Nothing is known: not that it holds, nor that it does not.
    Undecided(Undecided),
}

impl Verdict {
    /// Whether the history keeps what was checked, for certain.
    #[must_use]
    pub const fn holds(&self) -> bool {
        matches!(self, Self::Holds)
    }

    /// What breaks it, if anything is known to.
    #[must_use]
    pub const fn violation(&self) -> Option<&Violation> {
        match self {
            Self::Violated(violation) => Some(violation),
            _ => None,
        }
    }
}

/// Why nothing is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undecided {
    /// The budget of configurations ran out.
    Budget {
        /// The object that it ran out on, if objects are looked at one by one.
        key: Option<Key>,
    },
    /// Nobody read an object that was written, after all was quiet.
    NeverRead {
        /// The object.
        key: Key,
        /// When it was quiet.
        quiet: u64,
    },
}

/// A check that cannot be made of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsuitable {
    /// The check is for objects that are only written and read; this call does something else.
    NotARegister {
        /// Its place in [`History::calls`].
        call: usize,
    },
    /// The check needs values that are each written once, and not the initial one; this one is written again.
    NotDistinct {
        /// The place in [`History::calls`] of the second write.
        call: usize,
    },
}

/// Calls that break a guarantee by themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What they break, in a sentence.
    pub because: &'static str,
    /// Their places in [`History::calls`], ascending.
    pub calls: Vec<usize>,
    /// The one that found no place, where one is known.
    pub stuck: Option<usize>,
    /// Whether each of them is needed: without what is known of it, the others could be explained.
    pub minimal: bool,
}

impl Violation {
    /// The violation in a few lines, one for each call in the order of their times.
    #[must_use]
    pub fn explain<O: fmt::Display, R: fmt::Display>(&self, history: &History<O, R>) -> String {
        let mut lines = vec![self.because.to_owned()];
        let found = self.calls.iter().filter_map(|at| history.calls().get(*at).map(|call| (*at, call)));
        let rows: Vec<_> = found.map(|(at, call)| (at, row(history, call))).collect();
        let width =
            |cell: fn(&Row) -> &String| rows.iter().map(|(_, row)| cell(row).len()).max().unwrap_or(0);
        let (who, when) = (width(|row| &row.who), width(|row| &row.when));
        for (at, row) in &rows {
            let mark = if self.stuck == Some(*at) { "  <- finds no place" } else { "" };
            let Row { who: w, when: t, what } = row;
            lines.push(format!("  {w:who$}  {t:when$}  {what}{mark}"));
        }
        if !self.minimal {
            lines.push("  (perhaps not all of these are needed)".to_owned());
        }
        lines.join("\n")
    }
}

/// A call, in words.
struct Row {
    who: String,
    when: String,
    what: String,
}

fn row<O: fmt::Display, R: fmt::Display>(history: &History<O, R>, call: &Call<O, R>) -> Row {
    let Call { client, called, operation, .. } = call;
    let (until, outcome) = match &call.answer {
        Answer::Returned { at, outcome } => (at.to_string(), outcome.to_string()),
        Answer::Unknown => ("?".to_owned(), "unknown".to_owned()),
    };
    let key = history.name(call.key);
    Row {
        who: format!("client {}", client.0),
        when: format!("{called}..{until}"),
        what: format!("{key}: {operation} -> {outcome}"),
    }
}

impl Undecided {
    /// The reason in a sentence.
    #[must_use]
    pub fn explain<O, R>(&self, history: &History<O, R>) -> String {
        match self {
            Self::Budget { key: Some(key) } => {
                format!("the budget ran out on key {}; nothing is known of it", history.name(*key))
            }
            Self::Budget { key: None } => "the budget ran out; nothing is known".to_owned(),
            Self::NeverRead { key, quiet } => {
                format!(
                    "key {} was written and nobody read it after {quiet}, when all was quiet",
                    history.name(*key)
                )
            }
        }
    }
}

impl fmt::Display for Unsuitable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotARegister { call } => {
                write!(f, "call {call} is neither a write nor a read, and this check knows no others")
            }
            Self::NotDistinct { call } => {
                write!(
                    f,
                    "call {call} writes a value that was there before; this check needs distinct values"
                )
            }
        }
    }
}

impl std::error::Error for Unsuitable {}
