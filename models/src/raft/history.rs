//! What Raft's properties remember of the past.
//!
//! As little as possible: two worlds that differ only in their history are two worlds to explore.

use quorate::id::{NodeId, Permutation, Permute};
use quorate::raft::{Entry, Term};
use smallvec::SmallVec;

use super::Command;

/// A committed entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "read by properties")]
pub struct Chosen<C = Command> {
    /// The entry.
    pub entry: Entry<C>,
    /// The term of the node that first held it to be committed: every leader of a later term has it.
    pub in_term: Term,
}

/// What happened so far, as far as properties care: with commands `C`, and a replica `R` on each node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "read by properties")]
pub struct History<C = Command, R = ()> {
    /// Who was elected in which term, by term.
    pub leaders: SmallVec<[(Term, NodeId); 4]>,
    /// The committed log: index 1 is first.
    pub committed: SmallVec<[Chosen<C>; 4]>,
    /// The last vote that each node was heard to give, by node: in which term, for whom. Forgotten once the
    /// node's disk is past that term, since a disk's term never goes back (which is a property of its own).
    pub votes: SmallVec<[Option<(Term, NodeId)>; 5]>,
    /// What the application's replica holds, by node ([`Application`](super::Application)).
    pub replicas: Vec<R>,
}

impl<C, R> Default for History<C, R> {
    fn default() -> Self {
        let (leaders, committed, votes) = (SmallVec::new(), SmallVec::new(), SmallVec::new());
        Self { leaders, committed, votes, replicas: Vec::new() }
    }
}

impl<C, R: Clone + Default> History<C, R> {
    /// Nothing has happened yet to any of `nodes`.
    pub(super) fn new(nodes: usize) -> Self {
        let (votes, replicas) = (SmallVec::from_elem(None, nodes), vec![R::default(); nodes]);
        Self { votes, replicas, ..Self::default() }
    }
}

impl<C, R> History<C, R> {
    /// The replica of `node`.
    #[must_use]
    pub fn replica(&self, node: NodeId) -> Option<&R> {
        usize::try_from(node.0).ok().and_then(|at| self.replicas.get(at))
    }

    pub(super) fn replica_mut(&mut self, node: NodeId) -> Option<&mut R> {
        usize::try_from(node.0).ok().and_then(|at| self.replicas.get_mut(at))
    }

    /// Notes that `node` leads `term`: whether it is the first to do so.
    pub(super) fn elected(&mut self, term: Term, node: NodeId) -> bool {
        match self.leaders.binary_search_by_key(&term, |(term, _)| *term) {
            Ok(at) => self.leaders.get(at).is_some_and(|(_, leader)| *leader == node),
            Err(at) => {
                self.leaders.insert(at, (term, node));
                true
            }
        }
    }

    /// Notes that `node` was heard to vote for `candidate` in `term`: whether that fits what it said before.
    pub(super) fn voted(&mut self, node: NodeId, term: Term, candidate: NodeId) -> bool {
        let Some(vote) = self.vote_of(node) else { return false };
        match *vote {
            Some((said, whom)) if said > term || (said == term && whom != candidate) => false,
            _ => {
                *vote = Some((term, candidate));
                true
            }
        }
    }

    /// Notes that the disk of `node` is in `term`.
    pub(super) fn moved_on(&mut self, node: NodeId, term: Term) {
        if let Some(vote) = self.vote_of(node)
            && vote.is_some_and(|(said, _)| said < term)
        {
            *vote = None;
        }
    }

    fn vote_of(&mut self, node: NodeId) -> Option<&mut Option<(Term, NodeId)>> {
        usize::try_from(node.0).ok().and_then(|at| self.votes.get_mut(at))
    }
}

/// Neither commands nor replicas name a node.
impl<C, R: Clone> Permute for History<C, R> {
    fn permute(&mut self, by: &Permutation<'_>) {
        self.leaders.iter_mut().for_each(|(_, node)| node.permute(by));
        let replicas = self.replicas.clone();
        for (at, replica) in replicas.into_iter().enumerate() {
            if let Some(place) = self.replica_mut(by.apply(NodeId(at as u64))) {
                *place = replica;
            }
        }
        let votes = self.votes.clone();
        for (at, vote) in votes.into_iter().enumerate() {
            if let Some(place) = self.vote_of(by.apply(NodeId(at as u64))) {
                *place = vote.map(|(term, whom)| (term, by.apply(whom)));
            }
        }
    }
}
