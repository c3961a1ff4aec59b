//! `history`: what clients saw, checked.

use std::fmt::Display;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::history::{
    BUDGET, Causality, Guarantee, History, HistoryOf, Kv, Limits, List, Lock, Queue, Register, Sequential,
    Unsuitable, Verdict, causal, convergent, linearizable, sequential, session,
};

use super::{HOLDS, Screen, UNDECIDED, VIOLATED};

#[derive(Debug, clap::Args)]
pub(super) struct HistoryArgs {
    /// The history: a line `{"quorate_history":1}`, then an event a line.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What the objects are.
    #[arg(long, value_enum, default_value_t = Model::Register)]
    model: Model,
    /// What to check; may be repeated.
    #[arg(long = "check", value_enum, value_name = "CHECK", default_values_t = [Guaranteed::Linearizable])]
    checks: Vec<Guaranteed>,
    /// Give up, undecided, after this many configurations of one object.
    #[arg(long, value_name = "N", default_value_t = BUDGET)]
    budget: u64,
    /// For convergence: reads called after this time are final; without it, those after the last update.
    #[arg(long, value_name = "TIME")]
    quiet: Option<u64>,
}

/// What an object is.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Model {
    /// Read, write, compare-and-swap; null at first.
    Register,
    /// Get, set, del and incr, as the Redis protocol has them.
    Kv,
    /// Append, and read as a whole.
    List,
    /// Enqueue and dequeue.
    Queue,
    /// Acquire and release.
    Lock,
}

/// What a history may be held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Guaranteed {
    /// Every call took effect at one moment between its call and its answer.
    Linearizable,
    /// One order of all calls, which keeps to each client's own.
    Sequential,
    /// Writes are seen after what came before them (CC). Distinct values only.
    Causal,
    /// Causal, and one order of unrelated writes (CCv). Distinct values only.
    CausalConvergence,
    /// Read your writes, monotonic reads, monotonic writes, writes follow reads. Distinct values only.
    Session,
    /// Once all is quiet everybody reads the same, and nothing acknowledged is lost.
    Convergence,
}

/// A value of a register, a list or a queue.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
enum Value {
    Number(i64),
    Text(Box<str>),
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "{text:?}"),
        }
    }
}

/// What a register holds: nothing at first, written as null.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
struct Held(Option<Value>);

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("null"),
        }
    }
}

/// Runs `history`: the exit status, or why it could not be carried out.
pub(super) fn history(args: &HistoryArgs, screen: &mut Screen<'_>) -> Result<u8, String> {
    match args.model {
        Model::Register => check_all(&Register { initial: Held::default() }, args, screen),
        Model::Kv => check_all(&Kv, args, screen),
        Model::List => check_all(&List::<Value>::default(), args, screen),
        Model::Queue => check_all(&Queue::<Value>::default(), args, screen),
        Model::Lock => check_all(&Lock, args, screen),
    }
}

fn check_all<S>(spec: &S, args: &HistoryArgs, screen: &mut Screen<'_>) -> Result<u8, String>
where
    S: Sequential<Operation: DeserializeOwned + Display, Outcome: DeserializeOwned + Display>,
{
    let history = read::<S>(&args.file)?;
    let mut status = HOLDS;
    for check in &args.checks {
        for (name, verdict) in verdicts(spec, &history, *check, args)? {
            let (said, came_to) = match &verdict {
                Verdict::Holds => (format!("{name}: holds, {} calls", history.calls().len()), HOLDS),
                Verdict::Violated(violation) => {
                    (format!("{name}: violated\n{}", violation.explain(&history)), VIOLATED)
                }
                Verdict::Undecided(why) => {
                    (format!("{name}: undecided: {}", why.explain(&history)), UNDECIDED)
                }
            };
            screen.say(said);
            // A violation is the word that counts, then doubt.
            status = match (status, came_to) {
                (VIOLATED, _) | (_, VIOLATED) => VIOLATED,
                (one, other) => one.max(other),
            };
        }
    }
    Ok(status)
}

fn read<S>(file: &Path) -> Result<HistoryOf<S>, String>
where
    S: Sequential<Operation: DeserializeOwned, Outcome: DeserializeOwned>,
{
    let failed = |error: &dyn Display| format!("{}: {error}", file.display());
    let opened = File::open(file).map_err(|error| failed(&error))?;
    History::read(BufReader::new(opened), Limits::default()).map_err(|error| failed(&error))
}

/// What a check comes to, each part of it with its name.
fn verdicts<S: Sequential>(
    spec: &S,
    history: &HistoryOf<S>,
    check: Guaranteed,
    args: &HistoryArgs,
) -> Result<Vec<(&'static str, Verdict)>, String> {
    let unsuitable = |why: Unsuitable| {
        format!("{why}; choose another --check, such as `linearizable`, or record distinct values")
    };
    Ok(match check {
        Guaranteed::Linearizable => vec![("linearizable", linearizable(spec, history, args.budget))],
        Guaranteed::Sequential => vec![("sequential", sequential(spec, history, args.budget))],
        Guaranteed::Causal => {
            vec![("causal", causal(spec, history, Causality::Weak).map_err(unsuitable)?)]
        }
        Guaranteed::CausalConvergence => {
            vec![("causal convergence", causal(spec, history, Causality::Convergent).map_err(unsuitable)?)]
        }
        Guaranteed::Session => {
            let one = |guarantee: Guarantee| Ok((guarantee.name(), session(spec, history, guarantee)?));
            Guarantee::ALL.into_iter().map(one).collect::<Result<_, _>>().map_err(unsuitable)?
        }
        Guaranteed::Convergence => vec![("convergence", convergent(spec, history, args.quiet, args.budget))],
    })
}
