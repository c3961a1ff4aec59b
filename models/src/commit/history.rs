//! What the properties of two-phase commit remember of the past.
//!
//! As little as possible: two worlds that differ only in their history are two worlds to explore.

use quorate::commit::{Mode, Nodes, Outcome, TxId, Vote};
use quorate::id::{NodeId, Permutation, Permute, RequestId};
use smallvec::SmallVec;

/// What happened so far, as far as properties and applications care.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "read by properties")]
pub struct History {
    /// How many transactions were asked for.
    pub asked: u64,
    /// How often an operator decided, whatever became of it.
    pub resolved: usize,
    /// Those that were asked for and not answered in this life of their coordinator.
    pub pending: SmallVec<[Pending; 1]>,
    /// Those that their applications know the names of, ascending.
    pub deals: SmallVec<[Deal; 2]>,
}

/// A transaction that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "read by properties")]
pub struct Pending {
    /// The request.
    pub id: RequestId,
    /// Of whom.
    pub coordinator: NodeId,
    /// Its mode.
    pub mode: Mode,
    /// Its participants, ascending.
    pub participants: Nodes,
}

/// A transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "read by properties")]
pub struct Deal {
    /// The request that began it.
    pub id: RequestId,
    /// Its name.
    pub tx: TxId,
    /// What forgetting it means.
    pub mode: Mode,
    /// What was first said to have become of it.
    pub outcome: Option<Outcome>,
    /// Whether the application of its coordinator was told in this life.
    pub told: bool,
    /// Its participants, ascending.
    pub parts: SmallVec<[Part; 3]>,
}

/// A participant of a transaction, and its application.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "read by properties")]
pub struct Part {
    /// The node.
    pub node: NodeId,
    /// How far its application has come.
    pub app: App,
    /// The first vote that left it; where it is alone, the last that its application gave.
    pub said: Option<Vote>,
    /// Whether it said something that is true only if it will never vote yes after it.
    pub closed: bool,
    /// What its application was told to carry out.
    pub told: Option<Told>,
    /// What an operator decided, as its application was told.
    pub heuristic: Option<Outcome>,
    /// Whether its application was told of damage.
    pub damage_here: bool,
    /// Whether that of its coordinator was.
    pub damage_there: bool,
}

/// What an application was told to carry out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "read by properties")]
pub struct Told {
    /// To apply or to undo.
    pub outcome: Outcome,
    /// Under this position.
    pub position: u64,
}

/// How far an application has come with a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "read by properties")]
pub enum App {
    /// It knows nothing of it.
    Idle,
    /// It was asked to get ready.
    Asked,
    /// It is prepared and has said so.
    Ready,
    /// It was not prepared, or had only read, and has said so: forgotten in a crash if the node forgets it.
    Declined,
    /// It came back from a crash with something prepared.
    Back,
    /// It has asked what becomes of that.
    Finding,
    /// It was told to carry something out, or of damage, and has not said that it did.
    Told,
    /// It carried out what an operator decided, said so, and was told since that this did damage.
    Harmed,
    /// It has said so.
    Done,
    /// It has nothing to do with it any more.
    Over,
}

impl Deal {
    /// Whether its only participant decides.
    #[must_use]
    pub fn is_one_phase(&self) -> bool {
        self.parts.len() == 1
    }

    /// What `node` has to do with it.
    #[must_use]
    pub fn part(&self, node: NodeId) -> Option<&Part> {
        self.parts.iter().find(|part| part.node == node)
    }
}

impl Part {
    const fn new(node: NodeId) -> Self {
        Self {
            node,
            app: App::Idle,
            said: None,
            closed: false,
            told: None,
            heuristic: None,
            damage_here: false,
            damage_there: false,
        }
    }

    /// Whether an operator decided otherwise than `outcome` here.
    #[must_use]
    pub fn is_damaged_by(&self, outcome: Option<Outcome>) -> bool {
        self.heuristic.zip(outcome).is_some_and(|(took, outcome)| took != outcome)
    }
}

impl History {
    /// The transaction of that name.
    #[must_use]
    pub fn deal(&self, tx: TxId) -> Option<&Deal> {
        self.deals.iter().find(|deal| deal.tx == tx)
    }

    pub(super) fn deal_mut(&mut self, tx: TxId) -> Option<&mut Deal> {
        self.deals.iter_mut().find(|deal| deal.tx == tx)
    }

    pub(super) fn part_mut(&mut self, tx: TxId, node: NodeId) -> Option<&mut Part> {
        self.deal_mut(tx)?.parts.iter_mut().find(|part| part.node == node)
    }

    /// The request `id` of `coordinator` has begun `tx`.
    pub(super) fn begin(&mut self, id: RequestId, tx: TxId) {
        let same = |pending: &Pending| pending.id == id && pending.coordinator == tx.coordinator;
        let Some(at) = self.pending.iter().position(same) else { return };
        let Pending { mode, participants, .. } = self.pending.remove(at);
        let parts = participants.into_iter().map(Part::new).collect();
        self.deals.push(Deal { id, tx, mode, outcome: None, told: false, parts });
        self.deals.sort_by_key(|deal| deal.tx);
    }

    /// All that `node` takes part in.
    pub(super) fn parts_of(&self, node: NodeId) -> impl Iterator<Item = (TxId, &Part)> {
        self.deals.iter().filter_map(move |deal| Some((deal.tx, deal.part(node)?)))
    }
}

impl Permute for History {
    fn permute(&mut self, by: &Permutation<'_>) {
        for pending in &mut self.pending {
            pending.coordinator.permute(by);
            pending.participants.iter_mut().for_each(|node| node.permute(by));
            pending.participants.sort_unstable();
        }
        for deal in &mut self.deals {
            deal.tx.permute(by);
            deal.parts.iter_mut().for_each(|part| part.node.permute(by));
            deal.parts.sort_unstable_by_key(|part| part.node);
        }
        self.deals.sort_unstable_by_key(|deal| deal.tx);
    }
}
