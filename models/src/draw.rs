//! Traces as sequence diagrams.
//!
//! | file | concern |
//! |---|---|
//! | `scene.rs` | from a replay to a [`Drawing`] |
//! | `layout.rs` | where everything goes, so that no label covers another |
//! | `svg.rs` | a picture that stands alone, for light and for dark pages |
//! | `html.rs` | the picture in a page of its own, with what each step says |
//! | `mermaid.rs` | the sequence in Mermaid's words, for where those are drawn |
//!
//! Time runs downwards, one row an event: an action, with what the disk and the
//! inbox of its own node do right after it. Its number is that of the action in the trace. A node is a lane. A message is an arrow from where it was sent to where it
//! arrived; a lost one ends in a cross, one of which a copy stays in flight has two heads, and one that never arrives
//! is a stub. A band along the left marks what goes round for ever.

mod html;
pub mod layout;
mod mermaid;
pub(crate) mod scene;
mod svg;

pub use crate::spec::Band;

/// How many actions a drawing holds at most: beyond, nobody would see anything.
pub const ROWS_MAX: usize = 400;

/// What is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "written and read by whoever draws")]
pub struct Drawing {
    /// What it is of: the protocol and the world.
    pub title: String,
    /// The property that falls at the end.
    pub violated: Option<String>,
    /// The nodes, from left to right.
    pub lanes: Vec<Lane>,
    /// What happens, from top to bottom.
    pub rows: Vec<Row>,
    /// The phases of the nodes.
    pub stretches: Vec<Stretch>,
    /// What was sent and never arrived.
    pub stubs: Vec<Stub>,
    /// After how many rows the cycle begins, where they go round for ever; at their end where nothing more happens.
    pub cycle: Option<usize>,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "written and read by whoever draws")]
pub struct Lane {
    /// Its name.
    pub name: String,
    /// What it is in the end, in a few short lines.
    pub state: Vec<String>,
}

/// One event: an action, with what the disk and the inbox of its own node do right after it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "written and read by whoever draws")]
pub struct Row {
    /// The number of its first action, from 1.
    pub step: usize,
    /// All of it, in one line.
    pub says: String,
    /// When it happened in virtual time, in nanoseconds, where there is such a thing.
    pub at_ns: Option<u64>,
    /// What it looks like.
    pub what: What,
}

/// What an action looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "the two things there are to draw")]
pub enum What {
    /// A message.
    Message {
        /// The lane of the sender.
        from: usize,
        /// The lane of the receiver.
        to: usize,
        /// After how many rows it was sent; 0 is before the first.
        sent: usize,
        /// What it says.
        label: String,
        /// What becomes of it.
        fate: Fate,
    },
    /// Something that happens at one node.
    Local {
        /// Its lane.
        lane: usize,
        /// What kind of thing.
        mark: Mark,
        /// What it says; each in a line of its own.
        label: Vec<String>,
    },
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "what a network can do")]
pub enum Fate {
    /// It arrives.
    Arrives,
    /// It arrives, and a copy stays in flight.
    Repeats,
    /// It is lost.
    Lost,
}

/// What kind of thing happens at a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "every kind has its mark")]
pub enum Mark {
    /// A timer expires.
    Timer,
    /// The application asks for something.
    Request,
    /// A record becomes durable.
    Disk,
    /// It takes what its own driver owes it.
    Inbox,
    /// It crashes and comes back.
    Crash,
    /// Its clock moves.
    Clock,
}

/// A phase of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "written and read by whoever draws")]
pub struct Stretch {
    /// The lane.
    pub lane: usize,
    /// After how many rows it begins; 0 is before the first.
    pub from: usize,
    /// After how many rows it ends.
    pub upto: usize,
    /// What it is called, and its colour.
    pub band: Band,
}

/// A message that was sent and never arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "written and read by whoever draws")]
pub struct Stub {
    /// The lane of the sender.
    pub from: usize,
    /// The lane of the receiver.
    pub to: usize,
    /// After how many rows it was sent.
    pub sent: usize,
    /// All of it, in one line.
    pub says: String,
}

impl Drawing {
    /// How long the message of a row was on its way, in words; nothing where it arrived at once.
    #[must_use]
    pub fn delay(&self, at: usize) -> Option<String> {
        let row = self.rows.get(at)?;
        let What::Message { sent, fate, .. } = &row.what else { return None };
        if *fate == Fate::Lost {
            return None;
        }
        let since = sent.checked_sub(1).and_then(|before| self.rows.get(before)).and_then(|row| row.at_ns);
        match (row.at_ns, since) {
            (Some(now), Some(then)) if now > then => Some(format!("+{}", duration(now - then))),
            (Some(_), Some(_)) => None,
            _ => match (at + 1).saturating_sub(*sent) {
                0 | 1 => None,
                steps => Some(format!("+{steps}")),
            },
        }
    }
}

/// What is said where a cycle begins; one in which something happens, or not.
pub(crate) const fn turning(moves: bool) -> &'static str {
    if moves { "from here on, again and again:" } else { "from here on, nothing that must happen is left" }
}

/// Nanoseconds in the unit that suits them.
pub(crate) fn duration(nanos: u64) -> String {
    let (unit, name) = match nanos {
        0..1_000 => return format!("{nanos} ns"),
        1_000..1_000_000 => (1_000, "us"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        _ => (1_000_000_000, "s"),
    };
    let (whole, tenth) = (nanos / unit, nanos % unit * 10 / unit);
    if tenth == 0 { format!("{whole} {name}") } else { format!("{whole}.{tenth} {name}") }
}
