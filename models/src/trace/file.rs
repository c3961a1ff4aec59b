//! A trace as lines of JSON: all that it takes to replay a run.
//!
//! The first line is the [`Header`]: the protocol, the world, and where in it the trace begins. Each line after it is
//! one action, under its name, with the choices that its step makes, if any; when it happened in virtual time, where
//! there is such a thing; and what it says to people, which is not read back.
//!
//! ```text
//! {"quorate_trace":1,"protocol":"raft","world":{"kind":"check","name":"elections","bounds":"quick"},"origin":0,"property":"one leader a term"}
//! {"fire":{"node":1,"timer":"Election"},"says":"n1: timer election"}
//! {"deliver":{"from":1,"to":0,"message":{"Vote":{"term":1,"last":{"term":0,"index":0}}}}}
//! {"crash":{"node":0,"kept":1},"choices":[2],"at_ns":1500000}
//! ```
//!
//! A run that never ends is a *lasso*: its header says after how many actions the cycle begins (`cycle_from`), which ends
//! with the file. What fell in a simulation and in no world, such as that it heals, is in the header too (`simulated`).
//! Files that have either are of version 2, all others of version 1, which older releases read as well.
//!
//! Nothing in a file is taken on trust: its size is capped, what is not understood is refused by line, and an action
//! happens only if it can.

use quorate::id::NodeId;
use quorate::time::Time;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::render::script;
use super::{BadTrace, Fault, Trace};
use crate::check::Level;
use crate::network::Envelope;
use crate::spec::Spec;
use crate::world::{Action, ActionOf, Limits, Rules, Script};

/// The newest version of trace files that this release reads and writes.
pub const VERSION: u64 = 2;
/// The version of files that hold nothing which came later.
const VERSION_FIRST: u64 = 1;
/// How long a line may be, in bytes.
pub const LINE_BYTES_MAX: usize = 1 << 20;
/// How many lines a file may have.
pub const LINES_MAX: usize = 500_000;

/// The first line of a trace file: what its actions happen to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::exhaustive_structs, reason = "written out by whoever writes traces")]
pub struct Header {
    /// The version of the format, up to [`VERSION`]; what [`Rules::write`] writes is the first that has all that the
    /// header holds.
    pub quorate_trace: u64,
    /// The protocol, as in `cargo verify check PROTOCOL`.
    pub protocol: String,
    /// The world, and all that it takes to have it again.
    pub world: Where,
    /// Which of the worlds that it may begin in, from 0.
    pub origin: usize,
    /// The property that falls at the end; none if none does.
    #[serde(default)]
    pub property: Option<String>,
    /// What found it (`dfs`, `simulation`), for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explorer: Option<String>,
    /// After how many actions the cycle begins, where the run goes round for ever; where that is the end, nothing more
    /// happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cycle_from: Option<usize>,
    /// What fell in the simulation, where no world shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simulated: Option<SimulatedFall>,
}

/// What fell in a simulation and in no world, so that a replay cannot evaluate it, or not all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::exhaustive_structs, reason = "written out by whoever writes traces")]
pub struct SimulatedFall {
    /// The property.
    pub property: String,
    /// Who sees it.
    pub seen_by: SeenBy,
    /// How many events under faults the run was to have, to run its seed again.
    pub events: u64,
}

/// Who sees that a property falls which no world shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SeenBy {
    /// Who goes on without faults: the actions are those under faults.
    Healing,
    /// Who compares requests with their answers.
    Answers,
    /// A replay, too: the last action is refused.
    Refusal,
    /// Nobody: a claim made up to fall.
    Canary,
}

/// A world, and all that it takes to have it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
#[non_exhaustive]
pub enum Where {
    /// A world that is explored exhaustively.
    Check {
        /// Its name within the protocol.
        name: String,
        /// How far it goes.
        bounds: Level,
        /// What its limits were replaced by (`check --limit`).
        #[serde(default, skip_serializing_if = "Limits::replace_nothing")]
        limits: Limits,
    },
    /// A world that is simulated.
    Simulation {
        /// Its name within the protocol.
        name: String,
        /// What the run was drawn from.
        seed: u64,
        /// What its rules are built from.
        parameters: serde_json::Value,
    },
}

impl Where {
    /// The world `name` as it is explored, with these limits in the place of its own.
    #[must_use]
    pub fn check(name: &str, bounds: Level, limits: Limits) -> Self {
        Self::Check { name: name.to_owned(), bounds, limits }
    }

    /// The name of the world within its protocol.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Check { name, .. } | Self::Simulation { name, .. } => name,
        }
    }
}

impl Header {
    /// The header of a trace from the first origin of a world, in which nothing falls.
    #[must_use]
    pub fn new(protocol: &str, world: Where) -> Self {
        Self {
            quorate_trace: VERSION_FIRST,
            protocol: protocol.to_owned(),
            world,
            origin: 0,
            property: None,
            explorer: None,
            cycle_from: None,
            simulated: None,
        }
    }

    /// The first version of the format that has all that it holds.
    const fn version(&self) -> u64 {
        if self.cycle_from.is_some() || self.simulated.is_some() { VERSION } else { VERSION_FIRST }
    }

    /// The header of a file, whatever follows it.
    ///
    /// # Errors
    /// What is wrong with the first line.
    pub fn read(text: &str) -> Result<Self, BadTrace> {
        let line = text.lines().next().ok_or(Fault::Empty.at(1))?;
        header(line).map_err(|fault| fault.at(1))
    }
}

/// A trace as its file has it.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::exhaustive_structs, reason = "written out by whoever writes traces")]
pub struct Recorded<A> {
    /// What it happens to.
    pub header: Header,
    /// What happens.
    pub trace: Trace<A>,
    /// When each action happened, in virtual time, as far as that is known.
    pub times: Vec<Option<Time>>,
}

/// The recorded traces of a protocol.
pub type RecordedOf<S> = Recorded<ActionOf<S>>;

impl<A> Recorded<A> {
    /// A trace without times.
    #[must_use]
    pub fn new(header: Header, trace: Trace<A>) -> Self {
        Self { header: Header { origin: trace.origin, ..header }, trace, times: Vec::new() }
    }
}

/// Reads a trace file. Whether its actions can happen is for [`Rules::replay`] to say.
///
/// # Errors
/// The first line that is not understood, and why.
pub fn read<M, T, R>(text: &str) -> Result<Recorded<Action<M, T, R>>, BadTrace>
where
    M: DeserializeOwned,
    T: DeserializeOwned,
    R: DeserializeOwned,
{
    let header = Header::read(text)?;
    let trace = Trace { origin: header.origin, actions: Vec::new() };
    let mut recorded = Recorded { header, trace, times: Vec::new() };
    for (number, line) in (1..).zip(text.lines()).skip(1) {
        if number > LINES_MAX {
            return Err(Fault::ManyLines.at(number));
        }
        let (action, at) = parsed(line).map_err(|fault| fault.at(number))?;
        recorded.trace.actions.push(action);
        recorded.times.push(at);
    }
    Ok(recorded)
}

impl<S: Spec> Rules<S> {
    /// A trace as a file, each line with what it says to people. What cannot happen is written all the same.
    ///
    /// # Errors
    /// Where a message, a timer or a request has no form in JSON: a map, say, whose keys are no strings.
    pub fn write(&self, recorded: &RecordedOf<S>) -> Result<String, serde_json::Error> {
        let Recorded { header, trace, times } = recorded;
        let header = Header { quorate_trace: header.version(), origin: trace.origin, ..header.clone() };
        let mut text = serde_json::to_string(&header)?;
        text.push('\n');
        let mut says = self.render(trace).into_iter();
        for (at, action) in trace.actions.iter().enumerate() {
            let mut line = Line::from(action);
            line.at_ns = times.get(at).copied().flatten().map(|time| time.0);
            line.says = says.next();
            text.push_str(&serde_json::to_string(&line)?);
            text.push('\n');
        }
        Ok(text)
    }
}

/// The header in a line.
fn header(line: &str) -> Result<Header, Fault> {
    #[derive(Deserialize)]
    struct Version {
        quorate_trace: u64,
    }
    within_bounds(line)?;
    if !is_object(line) {
        return Err(Fault::NotATrace);
    }
    // The version first: of another one, nothing else need be understood.
    let version: Version = serde_json::from_str(line).map_err(|_| Fault::NotATrace)?;
    if !(VERSION_FIRST..=VERSION).contains(&version.quorate_trace) {
        return Err(Fault::Version(version.quorate_trace));
    }
    Ok(serde_json::from_str(line)?)
}

fn within_bounds(line: &str) -> Result<(), Fault> {
    if line.len() > LINE_BYTES_MAX { Err(Fault::LongLine) } else { Ok(()) }
}

/// Whether a line is what it should be at first sight: an array would be read as an object without names.
fn is_object(line: &str) -> bool {
    line.trim_start().starts_with('{')
}

/// An action, and when it happened.
type Timed<M, T, R> = (Action<M, T, R>, Option<Time>);

/// The action in a line, and when it happened.
fn parsed<M, T, R>(line: &str) -> Result<Timed<M, T, R>, Fault>
where
    M: DeserializeOwned,
    T: DeserializeOwned,
    R: DeserializeOwned,
{
    within_bounds(line)?;
    if !is_object(line) {
        return Err(Fault::NotAnObject);
    }
    let line: Line<M, T, R> = serde_json::from_str(line)?;
    let (at, chooses) = (line.at_ns.map(Time), line.choices.is_some());
    let action = line.action()?;
    let makes_none = matches!(action, Action::Drop(_) | Action::Flush(_) | Action::Tick(..));
    if chooses && makes_none { Err(Fault::NoChoices) } else { Ok((action, at)) }
}

/// One line after the header: one of the actions, and what goes with it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<M, T, R> {
    #[serde(skip_serializing_if = "Option::is_none")]
    deliver: Option<Passed<M>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate: Option<Passed<M>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    drop: Option<Passed<M>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fire: Option<Fired<T>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<Asked<R>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flush: Option<At>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inbox: Option<At>,
    #[serde(skip_serializing_if = "Option::is_none")]
    crash: Option<Crashed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tick: Option<Ticked>,
    #[serde(skip_serializing_if = "Option::is_none")]
    choices: Option<Vec<u32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at_ns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    says: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Passed<M> {
    from: NodeId,
    to: NodeId,
    message: M,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fired<T> {
    node: NodeId,
    timer: T,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked<R> {
    node: NodeId,
    request: R,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct At {
    node: NodeId,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Crashed {
    node: NodeId,
    /// How many of the held effects happened.
    kept: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ticked {
    node: NodeId,
    by_ns: i64,
}

impl<M> Passed<M> {
    fn envelope(self) -> Envelope<M> {
        let Self { from, to, message } = self;
        Envelope { from, to, message }
    }
}

impl<M, T, R> Line<M, T, R> {
    fn empty() -> Self {
        Self {
            deliver: None,
            duplicate: None,
            drop: None,
            fire: None,
            request: None,
            flush: None,
            inbox: None,
            crash: None,
            tick: None,
            choices: None,
            at_ns: None,
            says: None,
        }
    }

    /// Its one action.
    fn action(self) -> Result<Action<M, T, R>, Fault> {
        let choices = Script::from_vec(self.choices.unwrap_or_default());
        let mut actions: Vec<Action<M, T, R>> = Vec::new();
        actions.extend(self.deliver.map(|sent| Action::Deliver(sent.envelope(), choices.clone())));
        actions.extend(self.duplicate.map(|sent| Action::Duplicate(sent.envelope(), choices.clone())));
        actions.extend(self.drop.map(|sent| Action::Drop(sent.envelope())));
        actions.extend(self.fire.map(|fired| Action::Fire(fired.node, fired.timer, choices.clone())));
        actions.extend(self.request.map(|asked| Action::Request(asked.node, asked.request, choices.clone())));
        actions.extend(self.flush.map(|at| Action::Flush(at.node)));
        actions.extend(self.inbox.map(|at| Action::Inbox(at.node, choices.clone())));
        actions.extend(self.crash.map(|crashed| Action::Crash(crashed.node, crashed.kept, choices)));
        actions.extend(self.tick.map(|ticked| Action::Tick(ticked.node, ticked.by_ns)));
        let count = actions.len();
        match (actions.pop(), count) {
            (Some(action), 1) => Ok(action),
            _ => Err(Fault::NotOneAction(count)),
        }
    }
}

impl<M: Clone, T: Copy, R: Clone> From<&Action<M, T, R>> for Line<M, T, R> {
    fn from(action: &Action<M, T, R>) -> Self {
        let mut line = Self::empty();
        let passed = |Envelope { from, to, message }: &Envelope<M>| {
            Some(Passed { from: *from, to: *to, message: message.clone() })
        };
        match action {
            Action::Deliver(envelope, _) => line.deliver = passed(envelope),
            Action::Duplicate(envelope, _) => line.duplicate = passed(envelope),
            Action::Drop(envelope) => line.drop = passed(envelope),
            Action::Fire(node, timer, _) => line.fire = Some(Fired { node: *node, timer: *timer }),
            Action::Request(node, request, _) => {
                line.request = Some(Asked { node: *node, request: request.clone() });
            }
            Action::Flush(node) => line.flush = Some(At { node: *node }),
            Action::Inbox(node, _) => line.inbox = Some(At { node: *node }),
            Action::Crash(node, kept, _) => line.crash = Some(Crashed { node: *node, kept: *kept }),
            Action::Tick(node, by_ns) => line.tick = Some(Ticked { node: *node, by_ns: *by_ns }),
        }
        let choices = script(action);
        line.choices = (!choices.is_empty()).then(|| choices.to_vec());
        line
    }
}
