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
pub struct Chosen {
    /// The entry.
    pub entry: Entry<Command>,
    /// The term of the node that first held it to be committed: every leader of a later term has it.
    pub in_term: Term,
}

/// What happened so far, as far as properties care.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "read by properties")]
pub struct History {
    /// Who was elected in which term, by term.
    pub leaders: SmallVec<[(Term, NodeId); 4]>,
    /// The committed log: index 1 is first.
    pub committed: SmallVec<[Chosen; 4]>,
    /// The last vote that each node was heard to give, by node: in which term, for whom. Forgotten once the
    /// node's disk is past that term, since a disk's term never goes back (which is a property of its own).
    pub votes: SmallVec<[Option<(Term, NodeId)>; 5]>,
}

impl History {
    /// Nothing has happened yet to any of `nodes`.
    pub(super) fn new(nodes: usize) -> Self {
        Self { votes: SmallVec::from_elem(None, nodes), ..Self::default() }
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

impl Permute for History {
    fn permute(&mut self, by: &Permutation<'_>) {
        self.leaders.iter_mut().for_each(|(_, node)| node.permute(by));
        let votes = self.votes.clone();
        for (at, vote) in votes.into_iter().enumerate() {
            if let Some(place) = self.vote_of(by.apply(NodeId(at as u64))) {
                *place = vote.map(|(term, whom)| (term, by.apply(whom)));
            }
        }
    }
}
