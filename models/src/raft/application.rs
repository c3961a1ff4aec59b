//! What Raft may replicate under check: an application of one's own, whose invariants are checked in worlds of Raft.

use std::fmt::Debug;

use quorate::id::{NodeId, RequestId};
use quorate::raft::{self, Notice, Request};

use super::{Command, RaftSpec};
use crate::spec::{Data, Property, Value};
use crate::world::World;

/// A state machine that is replicated, put into worlds of Raft by [`RaftSpec::under`].
///
/// Each node has a replica. What Raft tells the node's application, [`told`](Self::told) makes the replica do. A replica
/// is kept by the application itself, together with the index up to which it has applied: a crash takes back neither.
/// Replicas that have applied the same entries must hold the same
/// ([`REPLICAS_AGREE`](super::properties::REPLICAS_AGREE)); whatever else is claimed is for
/// [`properties`](Self::properties) to say.
///
/// Worlds of Raft are reduced, and an application must not undo what that rests on: neither commands nor replicas
/// name nodes, all nodes are treated alike, and nothing here looks at what is in flight or was spent, other than how many
/// requests were made ([`Spec::sees_faults`](crate::spec::Spec::sees_faults)), nor asks that a record be not durable
/// yet ([`Spec::quiet`](crate::spec::Spec::quiet)).
pub trait Application: Clone + Debug + Send + Sync + 'static {
    /// What is replicated.
    type Command: raft::Command + Value + Ord + Data;
    /// What one node's replica holds, in the beginning its default.
    type Replica: Value + Default;

    /// What may be asked next of `leader`, which leads or believes that it does.
    fn requests(
        &self,
        world: &World<RaftSpec<Self>>,
        leader: NodeId,
        requests: &mut Vec<Request<Self::Command>>,
    );

    /// What a replica does when its node is told `notice`, by a leader and everybody else alike.
    ///
    /// # Errors
    /// The name of the property that falls by it, one of [`properties`](Self::properties).
    fn told(&self, replica: &mut Self::Replica, notice: &Notice<Self::Command>) -> Result<(), &'static str>;

    /// What is claimed of the application, beyond that replicas agree. What they hold is in
    /// [`History::replicas`](super::History::replicas).
    fn properties(&self) -> Vec<Property<RaftSpec<Self>>> {
        Vec::new()
    }

    /// A command in a few words, for traces.
    fn show(&self, command: &Self::Command) -> String {
        format!("{command:?}")
    }
}

/// No application: commands are bytes, each asked for once, and nobody applies them.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "there is nothing to add to nothing")]
pub struct Bare;

impl Application for Bare {
    type Command = Command;
    type Replica = ();

    /// A command that nobody has asked for yet.
    fn requests(&self, world: &World<RaftSpec>, _leader: NodeId, requests: &mut Vec<Request<Command>>) {
        let command = Command::try_from(world.spent().requests).unwrap_or(Command::MAX);
        requests.push(Request::Propose { id: RequestId(0), commands: [command].into_iter().collect() });
    }

    fn told(&self, (): &mut (), _notice: &Notice<Command>) -> Result<(), &'static str> {
        Ok(())
    }

    fn show(&self, command: &Command) -> String {
        format!("c{command}")
    }
}
