//! What a protocol supplies to be put into a world.

use std::fmt::Debug;
use std::hash::Hash;

use quorate::durable::Corrupt;
use quorate::id::{NodeId, Permute};
use quorate::ledger::OutputOf;
use quorate::machine::{Machine, RecordOf};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::check::{Bounds, Kind};
use crate::coverage::{self, Vocabulary};
use crate::liveness::{Fairness, LeadsTo};
use crate::node::{Frozen, ImageOf, Node};
use crate::world::{ActionOf, World};

/// What states are made of.
pub trait Value: Clone + Eq + Hash + Debug + Permute + Send + Sync + 'static {}
impl<T: Clone + Eq + Hash + Debug + Permute + Send + Sync + 'static> Value for T {}

/// What timers are: names. One that names a node would not be renamed, so it goes without symmetry.
pub trait Name: Copy + Ord + Hash + Debug + Send + Sync + 'static {}
impl<T: Copy + Ord + Hash + Debug + Send + Sync + 'static> Name for T {}

/// What trace files hold: written as JSON and read back as it was.
pub trait Data: Serialize + DeserializeOwned {}
impl<T: Serialize + DeserializeOwned> Data for T {}

/// The messages of a protocol.
pub type MessageOf<S> = <<S as Spec>::Machine as Machine>::Message;
/// The timers of a protocol.
pub type TimerOf<S> = <<S as Spec>::Machine as Machine>::Timer;
/// The requests of a protocol.
pub type RequestOf<S> = <<S as Spec>::Machine as Machine>::Request;
/// The durable cells of a protocol.
pub type CellOf<S> = <<S as Spec>::Machine as Machine>::Cell;
/// The durable entries of a protocol.
pub type EntryOf<S> = <<S as Spec>::Machine as Machine>::Entry;
/// The notices of a protocol.
pub type NoticeOf<S> = <<S as Spec>::Machine as Machine>::Notice;

/// A protocol, configured, with its bounds and its properties.
///
/// With [`symmetric`](Self::symmetric), everything here must treat all nodes of a kind alike: renaming the nodes of
/// what a method is given renames its answer, and changes nothing else.
/// [`Rules::check_symmetry`](crate::world::Rules::check_symmetry) tests that.
pub trait Spec: Clone + Send + Sync + 'static {
    /// The machine of each node.
    type Machine: Machine<
            Message: Value + Ord + Data,
            Timer: Name + Data,
            Request: Value + Data,
            Cell: Value,
            Entry: Value,
            Notice: Value,
        > + Value;

    /// What properties remember of the past and no node needs to know (ghost state).
    type History: Value + Default;

    /// How many nodes there are, named `NodeId(0)` and on.
    fn nodes(&self) -> usize;

    /// The machine of a node that comes back with what its disk holds; a new one where it holds nothing.
    ///
    /// # Errors
    /// What is wrong with the disk; in a world, that is a violation.
    fn recover(&self, node: NodeId, disk: &ImageOf<Self>, applied: u64) -> Result<Self::Machine, Corrupt>;

    /// Whether recovery from `disk` would yield what `machine` holds to be durable.
    ///
    /// # Errors
    /// What differs.
    fn agrees(&self, machine: &Self::Machine, disk: &ImageOf<Self>) -> Result<(), &'static str>;

    /// The configurations that a world may begin in; one of new nodes by default.
    fn origins(&self) -> Vec<Origin<Self>> {
        vec![Origin::default()]
    }

    /// What happens next before the world begins; `None` once it is where it is to begin. `offered` is what could
    /// happen. By this a world can begin where no disk alone could bring it, with a leader, say.
    fn prologue(&self, world: &World<Self>, offered: &[ActionOf<Self>]) -> Option<ActionOf<Self>> {
        let _ = (world, offered);
        None
    }

    /// The requests that the application of `node` may make next; none by default.
    fn requests(&self, world: &World<Self>, node: NodeId, requests: &mut Vec<RequestOf<Self>>) {
        let _ = (world, node, requests);
    }

    /// The bound of the protocol's own (`"terms"`) that this machine is beyond: the action that led here is
    /// withheld and counted under that name.
    fn exceeds(&self, machine: &Self::Machine) -> Option<&'static str> {
        let _ = machine;
        None
    }

    /// The protocol's own bounds, for the report.
    fn bounds(&self) -> Bounds {
        Bounds::new()
    }

    /// The index up to which the application has applied everything for good once it was told `notice`.
    fn applied(&self, notice: &NoticeOf<Self>) -> Option<u64> {
        let _ = notice;
        None
    }

    /// Sees all that happens and remembers what properties need. Its answer depends on nothing but what it is
    /// given.
    ///
    /// # Errors
    /// The name of the property that this event violates: one of [`properties`](Self::properties), of
    /// [`Claim::Observed`].
    fn observe(&self, seen: &Seen<'_, Self>, history: &mut Self::History) -> Result<(), &'static str> {
        let _ = (seen, history);
        Ok(())
    }

    /// What is claimed of every world.
    fn properties(&self) -> Vec<Property<Self>>;

    /// What is claimed to happen at last, in the worlds of [`LivenessCheck`](crate::liveness::LivenessCheck); at
    /// most [`CLAIMS_MAX`](crate::liveness::CLAIMS_MAX) claims.
    fn leads_to(&self) -> Vec<LeadsTo<Self>> {
        Vec::new()
    }

    /// How often an action must happen where it is possible, for what is claimed to happen at last.
    fn fairness(&self, action: &ActionOf<Self>) -> Fairness {
        Fairness::usual(action)
    }

    /// Whether nodes (of one [kind](Self::kind)) are interchangeable, so that worlds that differ only by their names are
    /// one. Not unless a protocol says so: of nodes that have ranks, neighbours or roles by name, it would hide worlds.
    fn symmetric(&self) -> bool {
        false
    }

    /// The kind of a node, where not all are alike: with [`symmetric`](Self::symmetric), only nodes of one kind are
    /// interchangeable (a coordinator is not one of its participants, which are). Kinds do not descend from one name to
    /// the next, so that the names of each are those from its first to its last.
    fn kind(&self, node: NodeId) -> u8 {
        let _ = node;
        0
    }

    /// A summary of a machine that no renaming of nodes changes: the finer, the faster symmetry is.
    fn signature(&self, machine: &Self::Machine) -> u64 {
        let _ = machine;
        0
    }

    /// A summary of what `machine` holds about node `about` (its vote for it, how far it follows), in which
    /// names of nodes do not appear: renaming changes nothing but `about`. Tells apart nodes that
    /// [`signature`](Self::signature) does not.
    fn relation(&self, machine: &Self::Machine, about: NodeId) -> u64 {
        let _ = (machine, about);
        0
    }

    /// A summary of a message that no renaming of nodes changes.
    fn message_signature(&self, message: &MessageOf<Self>) -> u64 {
        let _ = message;
        0
    }

    /// Whether `message`, delivered to `receiver` now or at any time to come, changes nothing: neither the
    /// receiver, whatever befalls it (a crash takes back what its disk does not hold), nor by way of an
    /// effect. Such a message is taken out of flight at once, since all that it could do is fill a place.
    fn inert(&self, receiver: &Frozen<Self>, from: NodeId, message: &MessageOf<Self>) -> bool {
        let _ = (receiver, from, message);
        false
    }

    /// Whether [`requests`](Self::requests) or a property looks at what is in flight or at the budgets spent
    /// ([`World::network`], [`World::spent`]), other than how many requests were made. Where none does, a
    /// message may as well be lost when its place is needed, and what changes nothing but budgets need not
    /// be tried (`moves.rs` says why).
    fn sees_faults(&self) -> bool {
        true
    }

    /// Whether the network loses messages; a crash loses what waits for its disk all the same. One that does not is an
    /// assumption of the protocol that few networks keep.
    fn loses(&self) -> bool {
        true
    }

    /// Whether what `from` sends may reach `to` at all: not across a partition that lasts as long as the world.
    fn linked(&self, from: NodeId, to: NodeId) -> bool {
        let _ = (from, to);
        true
    }

    /// Whether `record`, by becoming durable, makes nothing happen that would not have happened otherwise, but that what
    /// waits for it leaves: no property falls that would not fall without, and no request becomes possible. Such
    /// records need not be seen to become durable one by one (`moves.rs` says why).
    fn quiet(&self, record: &RecordOf<Self::Machine>) -> bool {
        let _ = record;
        false
    }

    /// Whether it shows to nobody when the disk of a node that has said nothing gets to what the node wrote: no property sets
    /// what that node holds against what others do meanwhile, but by what it has said, and what may be asked of a node rests on
    /// that node and on what others have said. Then what a silent step has a node write may as well become durable at once, or
    /// never, if the node crashes over it (`moves.rs` says why).
    fn prompt(&self) -> bool {
        false
    }

    /// Whether a node that waits for its disk may tell others anything meanwhile (free effects), so that they know what it
    /// forgets in a crash.
    fn speaks_early(&self) -> bool {
        true
    }

    /// Whether steps make choices: they are enumerated only then, since that costs a second step. A choice
    /// that was not announced is a violation, never a hole.
    fn chooses(&self) -> bool {
        false
    }

    /// The steps, in nanoseconds, that the clock of a node may take at once; none for machines that read no
    /// clock.
    fn ticks(&self) -> &[i64] {
        &[]
    }

    /// Whether this timer of node `id` ever expires in this world: a bound, for nodes that only take part.
    fn expires(&self, id: NodeId, timer: &TimerOf<Self>) -> bool {
        let _ = (id, timer);
        true
    }

    /// A node and a history that stand for all those which go on to behave alike, where the machine holds what
    /// only grows (generations, serials, readings of a clock): in terms relative to the present, so that the
    /// worlds are finitely many. Asked of the node that an action befell, after each, and of every node that a
    /// world begins with; `None` where they stand for themselves.
    ///
    /// What is renamed in the machine is to be renamed in the history and the requests alike, and nothing else
    /// may name it: neither a message, nor another node.
    fn relative(
        &self,
        id: NodeId,
        node: &Node<Self>,
        history: &Self::History,
    ) -> Option<(Node<Self>, Self::History)> {
        let _ = (id, node, history);
        None
    }

    /// A machine in a few words (its role, its term): shown in traces where it changes.
    fn summary(&self, machine: &Self::Machine) -> String {
        let _ = machine;
        String::new()
    }

    /// The phase that a machine is in (its role and its term), for drawings: a stretch of its lane has one colour and
    /// this label. Nothing where there are no such phases.
    fn band(&self, machine: &Self::Machine) -> Option<Band> {
        let _ = machine;
        None
    }

    /// The words in which coverage is told ([`coverage`]): all phases, inputs, transitions and outcomes
    /// that there are. Without phases, none is reported.
    fn vocabulary(&self) -> Vocabulary {
        Vocabulary::default()
    }

    /// The phase that a machine is in, in the words of the vocabulary.
    fn phase(&self, machine: &Self::Machine) -> &'static str {
        let _ = machine;
        ""
    }

    /// What kind of input `event` is at a machine in this state, in the words of the vocabulary: what befalls every
    /// machine has [a name already](Event::name).
    fn input(&self, before: &Self::Machine, event: &Event<'_, Self>) -> &'static str {
        let _ = before;
        event.name()
    }

    /// What an application is told by `notice`, in the words of the vocabulary, where it is worth counting.
    fn outcome(&self, notice: &NoticeOf<Self>) -> Option<&'static str> {
        let _ = notice;
        None
    }

    /// A message, a record or the like in a few words, for traces.
    fn show(&self, shown: &Shown<'_, Self>) -> String {
        shown.debug()
    }
}

/// A phase of a machine, as drawings show it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "written out by protocols")]
pub struct Band {
    /// What it is called, in a word or two.
    pub label: String,
    /// Its colour, in degrees on the colour wheel: 0 is red, 120 green, 240 blue.
    pub hue: u16,
}

/// What traces show of a protocol, to be said in a few words.
#[allow(missing_debug_implementations, reason = "it has a `debug` that is the point of it")]
#[non_exhaustive]
pub enum Shown<'a, S: Spec> {
    /// A message.
    Message(&'a MessageOf<S>),
    /// A timer.
    Timer(TimerOf<S>),
    /// What an application asks.
    Request(&'a RequestOf<S>),
    /// A change of durable state.
    Record(&'a RecordOf<S::Machine>),
    /// An entry of a log.
    Entry(&'a EntryOf<S>),
    /// What an application is told.
    Notice(&'a NoticeOf<S>),
}

impl<S: Spec> Shown<'_, S> {
    /// As its `Debug` has it.
    #[must_use]
    pub fn debug(&self) -> String {
        match self {
            Self::Message(message) => format!("{message:?}"),
            Self::Timer(timer) => format!("{timer:?}"),
            Self::Request(request) => format!("{request:?}"),
            Self::Record(record) => format!("{record:?}"),
            Self::Entry(entry) => format!("{entry:?}"),
            Self::Notice(notice) => format!("{notice:?}"),
        }
    }
}

/// A configuration that a world begins in.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs, reason = "written out by protocols, with a default for the rest")]
pub struct Origin<S: Spec> {
    /// What each disk holds and its application has applied; nothing for the nodes beyond the end.
    pub disks: Vec<(ImageOf<S>, u64)>,
    /// What happened before.
    pub history: S::History,
}

impl<S: Spec> Default for Origin<S> {
    fn default() -> Self {
        Self { disks: Vec::new(), history: S::History::default() }
    }
}

/// What one node went through.
#[allow(clippy::exhaustive_enums, reason = "observers handle what they care about")]
pub enum Event<'a, S: Spec> {
    /// Its machine took `Start`.
    Started,
    /// Its machine took a message; from the node itself, what it sent to itself.
    Received {
        /// The sender.
        from: NodeId,
        /// What it said.
        message: &'a MessageOf<S>,
    },
    /// A timer expired.
    Expired(TimerOf<S>),
    /// The application asked for something.
    Asked(&'a RequestOf<S>),
    /// Its machine took what it had asked to read back.
    Loaded,
    /// A record became durable.
    Flushed,
    /// It crashed, after `outputs` and `durable` had happened.
    Crashed,
    /// It recovered from its disk. `Started` follows.
    Recovered,
}

impl<S: Spec> Event<'_, S> {
    /// Its kind, as [`coverage`] names it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Started => coverage::START,
            Self::Received { .. } => "a message",
            Self::Expired(_) => "a timer",
            Self::Asked(_) => "a request",
            Self::Loaded => coverage::LOADED,
            Self::Flushed => coverage::FLUSHED,
            Self::Crashed | Self::Recovered => coverage::CRASHED,
        }
    }
}

/// An event, with what it changed.
#[allow(clippy::exhaustive_structs, reason = "observers read it")]
pub struct Seen<'a, S: Spec> {
    /// Where it happened.
    pub node: NodeId,
    /// What happened.
    pub event: Event<'a, S>,
    /// The machine before.
    pub before: &'a S::Machine,
    /// The machine after.
    pub after: &'a S::Machine,
    /// What its application had applied before.
    pub applied_before: u64,
    /// What left the node in this event.
    pub outputs: &'a [OutputOf<S::Machine>],
    /// The records that became durable in this event.
    pub durable: &'a [RecordOf<S::Machine>],
    /// The whole node, after the event. What compares nodes is a property of worlds, not of events.
    pub frozen: &'a Frozen<S>,
}

/// How a property is decided.
#[allow(clippy::exhaustive_enums, reason = "the two ways there are")]
pub enum Claim<S: Spec> {
    /// By looking at a world.
    State(fn(&World<S>) -> bool),
    /// By [`Spec::observe`], which reports its name when it falls.
    Observed,
}

/// A named property.
#[allow(clippy::exhaustive_structs, reason = "written out by protocols")]
pub struct Property<S: Spec> {
    /// Its name.
    pub name: &'static str,
    /// `Always` or `Sometimes`.
    pub kind: Kind,
    /// How it is decided.
    pub claim: Claim<S>,
    /// What an always-property speaks of, where it names that.
    pub premise: Option<Premise<S>>,
}

/// Whether an event, before which the history was this one, is of the kind that a property speaks of.
pub type Premise<S> = fn(&Seen<'_, S>, &<S as Spec>::History) -> bool;

impl<S: Spec> Property<S> {
    /// Holds in every world.
    #[must_use]
    pub const fn always(name: &'static str, holds: fn(&World<S>) -> bool) -> Self {
        Self { name, kind: Kind::Always, claim: Claim::State(holds), premise: None }
    }

    /// Holds in some world: the check is not vacuous.
    #[must_use]
    pub const fn sometimes(name: &'static str, holds: fn(&World<S>) -> bool) -> Self {
        Self { name, kind: Kind::Sometimes, claim: Claim::State(holds), premise: None }
    }

    /// Never reported by [`Spec::observe`].
    #[must_use]
    pub const fn observed(name: &'static str) -> Self {
        Self { name, kind: Kind::Always, claim: Claim::Observed, premise: None }
    }

    /// The same, with the premise without which it says nothing: reports tell whether it was ever met.
    #[must_use]
    pub const fn given(self, premise: Premise<S>) -> Self {
        Self { premise: Some(premise), ..self }
    }
}
