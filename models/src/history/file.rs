//! Histories as JSON lines, so that one process can record and another check.
//!
//! The first line says what it is: `{"quorate_history":1}`. Then an event a line, those of one client in their order:
//!
//! ```json
//! {"client":3,"at":120,"key":"x","call":{"write":5}}
//! {"client":3,"at":150,"ok":"done"}
//! {"client":4,"at":151,"failed":true}
//! {"client":5,"at":160,"unknown":true}
//! ```
//!
//! `key` may be left out where there is one object. Operations and outcomes are written as their types say, as in
//! `"read"`, `{"value":5}`. Unknown fields are an error: a misspelt outcome must not pass for an unknown one.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufRead, Read as _, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::call::{Answer, Builder, Client, Event, EventKind, History, Key, Malformed};

/// The version of the form that is written, and the only one that is read.
pub const VERSION: u32 = 1;

/// How much is read at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "written out by callers, with a default for the rest")]
pub struct Limits {
    /// Calls.
    pub calls_max: usize,
    /// Bytes of a line.
    pub line_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { calls_max: 16_000_000, line_bytes_max: 16 << 20 }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    quorate_history: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "O: Deserialize<'de>, R: Deserialize<'de>"))]
struct Line<O, R> {
    client: Client,
    at: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    call: Option<O>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ok: Option<R>,
    #[serde(default, skip_serializing_if = "is_false")]
    failed: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    unknown: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// A file that is no history.
#[derive(Debug)]
pub enum Unreadable {
    /// It could not be read.
    Io(io::Error),
    /// The first line is not that of a history of [`VERSION`].
    NotAHistory(String),
    /// A line is not an event.
    Line {
        /// Which, counted from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// An event cannot have happened.
    Malformed {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        malformed: Malformed,
    },
    /// It is longer than the limits allow.
    TooLong {
        /// The line at which it was, counted from 1.
        line: usize,
        /// Which limit.
        why: &'static str,
    },
}

impl<O: DeserializeOwned, R: DeserializeOwned> History<O, R> {
    /// Reads a history.
    ///
    /// # Errors
    /// [`Unreadable`] says which line is wrong and how.
    pub fn read(mut from: impl BufRead, limits: Limits) -> Result<Self, Unreadable> {
        let mut keys: BTreeMap<String, Key> = BTreeMap::new();
        let mut builder = Builder::default();
        let (mut text, mut line) = (Vec::new(), 0);
        let mut calls = 0;
        loop {
            text.clear();
            line += 1;
            let read = from.by_ref().take(limits.line_bytes_max).read_until(b'\n', &mut text);
            if read.map_err(Unreadable::Io)? == 0 {
                break;
            }
            if text.last() != Some(&b'\n') && text.len() as u64 >= limits.line_bytes_max {
                return Err(Unreadable::TooLong { line, why: "bytes of a line" });
            }
            if line == 1 {
                header(&text)?;
                continue;
            }
            if text.trim_ascii().is_empty() {
                continue;
            }
            let parsed: Line<O, R> = serde_json::from_slice(&text)
                .map_err(|error| Unreadable::Line { line, why: error.to_string() })?;
            calls += usize::from(parsed.call.is_some());
            if calls > limits.calls_max {
                return Err(Unreadable::TooLong { line, why: "calls" });
            }
            let event =
                event(parsed, &mut keys).map_err(|why| Unreadable::Line { line, why: why.to_owned() })?;
            builder.push(event).map_err(|malformed| Unreadable::Malformed { line, malformed })?;
        }
        if line == 1 {
            return Err(Unreadable::NotAHistory("the file is empty".to_owned()));
        }
        Ok(builder.finish().with_names(keys.into_iter().map(|(name, key)| (key, name))))
    }
}

fn header(text: &[u8]) -> Result<(), Unreadable> {
    match serde_json::from_slice::<Header>(text) {
        Ok(Header { quorate_history: VERSION }) => Ok(()),
        Ok(Header { quorate_history }) => Err(Unreadable::NotAHistory(format!(
            "it is of version {quorate_history}, and only {VERSION} is known"
        ))),
        Err(error) => Err(Unreadable::NotAHistory(format!(
            "the first line must be {{\"quorate_history\":{VERSION}}}: {error}"
        ))),
    }
}

/// The event of a line.
fn event<O, R>(line: Line<O, R>, keys: &mut BTreeMap<String, Key>) -> Result<Event<O, R>, &'static str> {
    let Line { client, at, key, call, ok, failed, unknown } = line;
    if key.is_some() && call.is_none() {
        return Err("a key belongs to a call");
    }
    let kind = match (call, ok, failed, unknown) {
        (Some(operation), None, false, false) => {
            let count = keys.len() as u64;
            let key = *keys.entry(key.unwrap_or_default()).or_insert(Key(count));
            EventKind::Called(key, operation)
        }
        (None, Some(outcome), false, false) => EventKind::Returned(outcome),
        (None, None, true, false) => EventKind::Failed,
        (None, None, false, true) => EventKind::Unknown,
        _ => return Err("an event is one of `call`, `ok`, `failed` and `unknown`"),
    };
    Ok(Event { client, at, kind })
}

impl<O: Serialize, R: Serialize> History<O, R> {
    /// Writes the history. Reading it gives the same calls; keys are numbered anew, and keep their names.
    ///
    /// # Errors
    /// Whatever `to` fails with.
    pub fn write(&self, mut to: impl Write) -> io::Result<()> {
        let mut put = |line: &dyn Fn(&mut Vec<u8>) -> serde_json::Result<()>| {
            let mut text = Vec::new();
            line(&mut text)?;
            text.push(b'\n');
            to.write_all(&text)
        };
        put(&|text| serde_json::to_writer(text, &Header { quorate_history: VERSION }))?;
        // A client's own calls are in its order, each followed by its answer: all that a reader needs.
        for call in self.calls() {
            let line = |at| Line::<&O, &R> {
                client: call.client,
                at,
                key: None,
                call: None,
                ok: None,
                failed: false,
                unknown: false,
            };
            let called =
                Line { key: Some(self.name(call.key)), call: Some(&call.operation), ..line(call.called) };
            put(&|text| serde_json::to_writer(text, &called))?;
            let answer = match &call.answer {
                Answer::Returned { at, outcome } => Line { ok: Some(outcome), ..line(*at) },
                Answer::Unknown => Line { unknown: true, ..line(call.called) },
            };
            put(&|text| serde_json::to_writer(text, &answer))?;
        }
        Ok(())
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "it could not be read: {error}"),
            Self::NotAHistory(why) => write!(f, "this is no history: {why}"),
            Self::Line { line, why } => write!(f, "line {line}: {why}"),
            Self::Malformed { line, malformed } => write!(f, "line {line}: {malformed}"),
            Self::TooLong { line, why } => write!(f, "line {line}: more {why} than are read at most"),
        }
    }
}

impl std::error::Error for Unreadable {}
