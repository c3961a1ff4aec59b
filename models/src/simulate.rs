//! Long runs by a seed, in virtual time, under faults of every kind, and then none: whether what was claimed held
//! throughout, and whether the protocol heals.
//!
//! It is the same world that is explored exhaustively: what happens is a list of [`Action`](crate::world::Action)s,
//! which replays, shrinks and reads as every other trace does.
//!
//! | file | concern |
//! |---|---|
//! | `dice.rs` | random numbers by a seed |
//! | `queue.rs` | what is due when |
//! | `faults.rs` | what goes wrong in a run, and what never does |
//! | `aim.rs` | faults that seek out who matters most |
//! | `partition.rs` | who cannot reach whom |
//! | `phase.rs` | a world under faults: what is due happens; `phase/network.rs`, `phase/nodes.rs`, `phase/ambush.rs` |
//! | `host.rs` | what a node's surroundings are up to: down, paused, its disk, its clock |
//! | `record.rs` | what happened: counts, requests to be answered, the trace hash |
//! | `digest.rs` | the trace hash |
//! | `run.rs` | one seed: a phase with faults, one without |
//! | `shrink.rs` | a short trace that ends as a long one did |
//! | `campaign.rs` | many seeds, on many threads |
//!
//! # A run
//! The seed draws the protocol's own parameters ([`Simulated::sampled`]) and the faults. For a given number of events
//! the protocol works under these faults, and every property is evaluated after every event. Then they end: nothing
//! is lost, everybody is up, links stand, clocks are right. Within [`Simulated::heals_within`], in virtual time, every
//! request must be answered and [`Simulated::settled`] hold; if not, [`HEALS`] fell.

mod aim;
mod campaign;
mod dice;
mod digest;
mod faults;
mod host;
mod partition;
mod phase;
mod queue;
mod record;
mod run;
mod shrink;

use std::time::Duration;

use quorate::id::NodeId;
use quorate::time::Delay;

use crate::spec::{NoticeOf, RequestOf, Spec, TimerOf};
use crate::world::{Limits, Rules, World};

pub use campaign::{Campaign, ENOUGH_EVENTS, ENOUGH_SEEDS, EXPLAINED, Reached, Report, campaign};
pub use dice::{Dice, size, small};
pub use digest::TraceHash;
pub use faults::Atlas;
pub use record::Tally;
pub use run::{Explained, Fall, Options, SeedReport, Seeds, Simulation};

/// Once faults end, every request is answered and the protocol settles within its time.
pub const HEALS: &str = "it heals once the faults end";
/// No request is answered twice, and none that was not made.
pub const ANSWERED_ONCE: &str = "a request is answered once";
/// A simulation does only what can happen, and no bound of the protocol's own withholds it.
pub const NOTHING_WITHHELD: &str = "nothing is withheld in a simulation";
/// A claim that falls in one seed of a hundred, to see that it is noticed.
pub const CANARY: &str = "canary: this never happens";

/// A protocol that can be simulated.
///
/// [`Spec::exceeds`] must not bound what is sampled: a simulation has no bounds but its length.
pub trait Simulated: Spec {
    /// The protocol with parameters drawn for one run: how many nodes, what is switched on, how small its limits are.
    fn sampled(dice: &mut Dice) -> Self;

    /// The same with simpler parameters, each in one way: fewer nodes, something switched off. A trace of a violation is
    /// told under the simplest under which it still happens.
    fn simpler(&self) -> Vec<Self> {
        Vec::new()
    }

    /// What [`with_parameters`](Self::with_parameters) makes the protocol from again, for trace files.
    fn parameters(&self) -> serde_json::Value;

    /// The protocol with these parameters.
    ///
    /// # Errors
    /// What is wrong with them.
    fn with_parameters(parameters: serde_json::Value) -> Result<Self, serde_json::Error>;

    /// The time in which the protocol notices that something is wrong: faults come and last in proportion to it.
    fn pace(&self) -> Duration;

    /// What it survives.
    fn atlas(&self) -> Atlas;

    /// Who matters most just now, so that faults hurt most there, and a number of its reign (its term), which is another
    /// one when somebody comes to matter anew: a leader. Nothing where nobody does, or all do alike.
    fn prominent(&self, world: &World<Self>) -> Option<(NodeId, u64)> {
        let _ = world;
        None
    }

    /// How many requests there may be under faults, so that histories stay bounded.
    fn requests_max(&self) -> u64 {
        u64::MAX
    }

    /// What is asked next, of whom; `serial` is how many requests were made before. Nothing if nobody wants
    /// anything now.
    fn request(&self, world: &World<Self>, serial: u64, dice: &mut Dice)
    -> Option<(NodeId, RequestOf<Self>)>;

    /// `request`, or, where what it names does not exist in `world`, one like it that makes sense there: traces get
    /// short by it.
    fn request_like(&self, world: &World<Self>, request: &RequestOf<Self>) -> RequestOf<Self> {
        let _ = world;
        request.clone()
    }

    /// Whether `request` is still meant when it reaches `node`, which had paused since somebody thought of it, or where
    /// less led up to it: what a correct application does not say is not said.
    fn stands(&self, world: &World<Self>, node: NodeId, request: &RequestOf<Self>) -> bool {
        let _ = (world, node, request);
        true
    }

    /// The number by which a request is answered, unlike that of any other; none for one whose answers only the
    /// protocol's own properties follow.
    fn asked(&self, request: &RequestOf<Self>) -> Option<u64> {
        let _ = request;
        None
    }

    /// The number of the request that a notice answers.
    fn answered(&self, notice: &NoticeOf<Self>) -> Option<u64> {
        let _ = notice;
        None
    }

    /// The range of a timer's delay, for one that was set before the simulation looked: at the beginning, and when
    /// the faults end.
    fn delay(&self, timer: TimerOf<Self>) -> Delay;

    /// What to ask once the faults have ended, of whom, so that it shows whether all is well; `serial` is that of no
    /// other request.
    fn probe(&self, world: &World<Self>, serial: u64) -> Option<(NodeId, RequestOf<Self>)>;

    /// Whether all is well again.
    fn settled(&self, world: &World<Self>) -> bool;

    /// How much virtual time that may take.
    fn heals_within(&self) -> Duration;
}

/// The rules of a simulation of `spec`, as its traces replay under.
#[must_use]
pub fn rules<S: Simulated>(spec: S) -> Rules<S> {
    Rules::new(spec, Limits::default()).simulating()
}

/// Whole nanoseconds, saturating.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
