//! What the properties of Paxos Commit remember.

use std::collections::BTreeMap;

use quorate::commit::paxos::Ballot;
use quorate::commit::{Outcome, TxId, Vote};
use quorate::id::{NodeId, Permutation, Permute};
use smallvec::SmallVec;

/// What happened so far, by transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "read by properties")]
pub struct History {
    /// All that were begun.
    pub transactions: BTreeMap<TxId, Past>,
}

/// What happened of one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "read by properties")]
pub struct Past {
    /// Its resource managers, ascending; none where it was begun in a life of which nothing was heard.
    pub managers: SmallVec<[NodeId; 4]>,
    /// What each resource manager was heard to vote, ascending.
    pub votes: SmallVec<[(NodeId, Vote); 4]>,
    /// The outcome that somebody was told first.
    pub outcome: Option<Outcome>,
    /// The highest ballot that each acceptor was heard to promise, ascending.
    pub promised: SmallVec<[(NodeId, Ballot); 4]>,
    /// Which acceptor was heard to accept what, in which ballot: sorted.
    pub accepted: SmallVec<[(Ballot, NodeId, Vote, NodeId); 8]>,
}

impl History {
    /// How many transactions this leader has begun.
    #[must_use]
    pub fn begun_by(&self, leader: NodeId) -> u64 {
        self.transactions.keys().filter(|tx| tx.coordinator == leader).count() as u64
    }

    pub(super) fn of(&mut self, tx: TxId) -> &mut Past {
        self.transactions.entry(tx).or_default()
    }
}

impl Past {
    /// What this resource manager was heard to vote.
    #[must_use]
    pub fn vote_of(&self, manager: NodeId) -> Option<Vote> {
        self.votes.iter().find(|(node, _)| *node == manager).map(|(_, vote)| *vote)
    }

    /// Notes a vote that was heard: whether it is the one that was heard before.
    pub(super) fn voted(&mut self, manager: NodeId, vote: Vote) -> bool {
        match self.votes.binary_search_by_key(&manager, |(node, _)| *node) {
            Ok(at) => self.votes.get(at).is_some_and(|(_, before)| *before == vote),
            Err(at) => {
                self.votes.insert(at, (manager, vote));
                true
            }
        }
    }

    /// Notes an outcome that was told: whether it is the one that was told before.
    pub(super) fn decided(&mut self, outcome: Outcome) -> bool {
        *self.outcome.get_or_insert(outcome) == outcome
    }

    /// Notes that an acceptor takes part in `ballot`: whether it has promised none above.
    pub(super) fn takes_part(&mut self, acceptor: NodeId, ballot: Ballot) -> bool {
        match self.promised.binary_search_by_key(&acceptor, |(node, _)| *node) {
            Ok(at) => {
                let Some((_, promised)) = self.promised.get_mut(at) else { return false };
                let keeps = ballot >= *promised;
                *promised = ballot.max(*promised);
                keeps
            }
            Err(at) => {
                self.promised.insert(at, (acceptor, ballot));
                true
            }
        }
    }

    /// Notes that an acceptor has accepted a vote.
    pub(super) fn accepts(&mut self, acceptor: NodeId, ballot: Ballot, manager: NodeId, vote: Vote) {
        let accepted = (ballot, manager, vote, acceptor);
        if let Err(at) = self.accepted.binary_search(&accepted) {
            self.accepted.insert(at, accepted);
        }
    }

    /// What is chosen in the instance of a resource manager, in any ballot.
    pub(super) fn chosen(&self, manager: NodeId, acceptors: usize) -> impl Iterator<Item = Vote> + '_ {
        self.choices(manager, acceptors).map(|(_, vote)| vote)
    }

    /// The same, in ballots below this one.
    pub(super) fn chosen_below(
        &self,
        ballot: Ballot,
        manager: NodeId,
        acceptors: usize,
    ) -> impl Iterator<Item = Vote> + '_ {
        let choices = self.choices(manager, acceptors);
        choices.filter(move |(of, _)| *of < ballot).map(|(_, vote)| vote)
    }

    /// What a majority of `acceptors` has accepted in one ballot. A majority counted here, not by the crate: a wrong one must
    /// not excuse itself.
    fn choices(&self, manager: NodeId, acceptors: usize) -> impl Iterator<Item = (Ballot, Vote)> + '_ {
        let runs = self.accepted.chunk_by(|a, b| (a.0, a.1, a.2) == (b.0, b.1, b.2));
        runs.filter(move |run| run.len() * 2 > acceptors)
            .filter_map(|run| run.first())
            .filter(move |(_, of, ..)| *of == manager)
            .map(|(ballot, _, vote, _)| (*ballot, *vote))
    }
}

impl Permute for History {
    fn permute(&mut self, by: &Permutation<'_>) {
        let transactions = std::mem::take(&mut self.transactions);
        for (mut tx, mut past) in transactions {
            tx.permute(by);
            past.permute(by);
            self.transactions.insert(tx, past);
        }
    }
}

impl Permute for Past {
    fn permute(&mut self, by: &Permutation<'_>) {
        self.managers.iter_mut().for_each(|node| node.permute(by));
        self.managers.sort_unstable();
        self.votes.iter_mut().for_each(|(node, _)| node.permute(by));
        self.votes.sort_unstable();
        self.promised.iter_mut().for_each(|(node, _)| node.permute(by));
        self.promised.sort_unstable();
        for (_, manager, _, acceptor) in &mut self.accepted {
            manager.permute(by);
            acceptor.permute(by);
        }
        self.accepted.sort_unstable();
    }
}
