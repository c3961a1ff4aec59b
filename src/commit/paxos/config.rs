//! Who leads, who accepts, and what every role is told at birth and recovery.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::commit::config::{Config as Common, ConfigError as CommonError};
use crate::commit::{Rejection, TxId};
use crate::id::NodeId;
use crate::quorum::{MAX_NODES, majority};
use crate::time::Delay;

/// One node and the configuration that it shares with the others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "made by the embedder")]
pub struct Member {
    /// This node. A process that plays several roles runs as many machines, each with a name of its own.
    pub me: NodeId,
    /// The configuration; its timing and limits may differ from node to node.
    pub config: Arc<Config>,
}

/// Who there is, and the limits of a node. See [`Config::new`] for the defaults.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub struct Config {
    /// What two-phase commit is told as well: the cluster, all members, limits and timing. Its `max_transactions` bounds
    /// what a leader has begun and, apart, what it has taken over; and at an acceptor, what it has not been told to
    /// forget: that many are begun by votes, and ballots, which end what is left over, always find room
    /// ([`open_max`](Self::open_max)).
    pub common: Common,
    /// Who may lead, by rank. The order is the same at all nodes, and for ever: ballots are told apart by it.
    pub leaders: Vec<NodeId>,
    /// The 2F+1 acceptors, ascending: any F may be lost.
    pub acceptors: Vec<NodeId>,
    /// How many acceptors a resource manager sends its vote to at first: from F+1, which saves messages
    /// (Gray and Lamport 2006, section 4.3), to all of them, which waits for nobody slow. When it is asked again it
    /// sends to all.
    pub asked_first: usize,
    /// A leader that was overtaken by a higher ballot begins one of its own after one to two of these: a range, so
    /// that two leaders do not overtake each other for ever. A leader that took over gives up as late.
    pub ballot: Delay,
    /// An acceptor that has heard nothing of a transaction for one to two of these asks a leader to end it.
    pub linger: Delay,
    /// The most gaps that an acceptor remembers among the numbers of a coordinator's ended transactions. What lies
    /// in the lowest ones beyond, it takes no part in any more.
    pub max_gaps: usize,
}

impl Config {
    /// These leaders, acceptors and resource managers, with the default timing and limits of
    /// [two-phase commit](Common::new); all acceptors asked at first, ballots after 1 to 3 s, lingering for 10 to
    /// 15 s, 64 gaps.
    #[must_use]
    pub fn new(
        cluster: crate::id::ClusterId,
        leaders: impl IntoIterator<Item = NodeId>,
        acceptors: impl IntoIterator<Item = NodeId>,
        managers: impl IntoIterator<Item = NodeId>,
    ) -> Self {
        let leaders: Vec<NodeId> = leaders.into_iter().collect();
        let mut acceptors: Vec<NodeId> = acceptors.into_iter().collect();
        acceptors.sort_unstable();
        acceptors.dedup();
        let members = leaders.iter().chain(&acceptors).copied().chain(managers);
        Self {
            common: Common::new(cluster, members),
            asked_first: acceptors.len(),
            leaders,
            acceptors,
            ballot: Delay::between(Duration::from_secs(1), Duration::from_secs(3)),
            linger: Delay::between(Duration::from_secs(10), Duration::from_secs(15)),
            max_gaps: 64,
        }
    }

    /// Whether the configuration stands, for node `me` in `role`.
    ///
    /// # Errors
    /// The first thing that does not.
    pub fn validate(&self, me: NodeId, role: Role) -> Result<(), ConfigError> {
        self.common.validate(me).map_err(ConfigError::Common)?;
        let (leaders, acceptors) = (&self.leaders, &self.acceptors);
        if leaders.is_empty() || leaders.len() > MAX_NODES {
            return Err(ConfigError::Leaders(leaders.len()));
        }
        if acceptors.len().is_multiple_of(2) || acceptors.len() > MAX_NODES {
            return Err(ConfigError::Acceptors(acceptors.len()));
        }
        if !acceptors.is_sorted_by(|a, b| a < b) {
            return Err(ConfigError::AcceptorsNotSorted);
        }
        for (at, node) in leaders.iter().chain(acceptors).enumerate() {
            if !self.common.knows(*node) {
                return Err(ConfigError::NotAMember(*node));
            }
            if at < leaders.len()
                && (leaders.iter().take(at).any(|it| it == node) || acceptors.contains(node))
            {
                return Err(ConfigError::TwoRoles(*node));
            }
        }
        if self.asked_first < self.quorum() || self.asked_first > acceptors.len() {
            return Err(ConfigError::AskedFirst { least: self.quorum(), most: acceptors.len() });
        }
        if self.max_gaps == 0 {
            return Err(ConfigError::Common(CommonError::ZeroLimit("max_gaps")));
        }
        if self.role(me) == role { Ok(()) } else { Err(ConfigError::WrongRole(me)) }
    }

    /// The part that a member plays: who neither leads nor accepts is a resource manager.
    #[must_use]
    pub fn role(&self, node: NodeId) -> Role {
        match (self.leaders.contains(&node), self.slot(node)) {
            (true, _) => Role::Leader,
            (false, Some(_)) => Role::Acceptor,
            (false, None) => Role::ResourceManager,
        }
    }

    /// The most transactions that an acceptor keeps and has not been told to forget: as many as can be open in the whole
    /// cluster, at `max_transactions` a member. With fewer, acceptors full of different ones could hold each other up.
    #[must_use]
    pub fn open_max(&self) -> usize {
        self.common.max_transactions.saturating_mul(self.common.members.len())
    }

    /// How many acceptors are a majority: F+1.
    #[must_use]
    pub fn quorum(&self) -> usize {
        majority(self.acceptors.len())
    }

    /// The dense slot of an acceptor.
    pub(super) fn slot(&self, node: NodeId) -> Option<usize> {
        self.acceptors.binary_search(&node).ok()
    }

    /// The rank of a leader.
    pub(super) fn rank(&self, node: NodeId) -> Option<u8> {
        self.leaders.iter().position(|leader| *leader == node).and_then(|rank| u8::try_from(rank).ok())
    }

    /// Whether a transaction of this name may be.
    pub(super) fn check_name(&self, tx: TxId) -> Result<(), Rejection> {
        if self.role(tx.coordinator) != Role::Leader {
            return Err(Rejection::WrongRole);
        }
        if tx.number == 0 { Err(Rejection::NeverBegun) } else { Ok(()) }
    }

    /// Whether these may be the resource managers of a transaction: ascending, so that all who speak of it mean the
    /// same.
    pub(super) fn check_managers(
        &self,
        managers: impl ExactSizeIterator<Item = NodeId>,
    ) -> Result<(), Rejection> {
        if managers.len() == 0 || managers.len() > self.common.max_participants {
            return Err(Rejection::Malformed);
        }
        let mut before = None;
        for manager in managers {
            if before.is_some_and(|before| before >= manager) || !self.is_manager(manager) {
                return Err(Rejection::Malformed);
            }
            before = Some(manager);
        }
        Ok(())
    }

    pub(super) fn is_manager(&self, node: NodeId) -> bool {
        self.common.knows(node) && self.role(node) == Role::ResourceManager
    }
}

/// The part that a node plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(clippy::exhaustive_enums, reason = "the parts of the paper")]
pub enum Role {
    /// Begins and ends transactions, and ballots where that stalls.
    Leader,
    /// Remembers votes.
    Acceptor,
    /// Votes, and carries out what is decided.
    ResourceManager,
}

/// Why a configuration does not stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfigError {
    /// What two-phase commit is told as well does not stand.
    Common(CommonError),
    /// There is no leader, or there are more than 64.
    Leaders(usize),
    /// The number of acceptors is not odd, or above 64: one more of an even number would tolerate no more losses.
    Acceptors(usize),
    /// The acceptors are not ascending, or one stands twice.
    AcceptorsNotSorted,
    /// A leader or an acceptor is not a member.
    NotAMember(NodeId),
    /// A node stands twice among leaders and acceptors.
    TwoRoles(NodeId),
    /// Votes go to fewer acceptors at first than decide, or to more than there are.
    AskedFirst {
        /// F+1.
        least: usize,
        /// 2F+1.
        most: usize,
    },
    /// The node itself is to play another part.
    WrongRole(NodeId),
}

impl ConfigError {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Common(error) => error.as_str(),
            Self::Leaders(_) => "there is no leader, or there are more than 64",
            Self::Acceptors(_) => "the number of acceptors is not odd, or above 64",
            Self::AcceptorsNotSorted => "the acceptors are not ascending, or one stands twice",
            Self::NotAMember(_) => "a leader or an acceptor is not among the members",
            Self::TwoRoles(_) => "a node stands twice among leaders and acceptors",
            Self::AskedFirst { .. } => "votes go to too few acceptors at first, or to too many",
            Self::WrongRole(_) => "this node is to play another part",
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Common(error) => error.fmt(f),
            Self::Leaders(number) => write!(f, "{number} leaders: it takes 1 to {MAX_NODES}"),
            Self::Acceptors(number) => {
                write!(f, "{number} acceptors: it takes an odd number up to {MAX_NODES}")
            }
            Self::NotAMember(node) => write!(f, "{node} leads or accepts, and is not among the members"),
            Self::TwoRoles(node) => write!(f, "{node} stands twice among leaders and acceptors"),
            Self::AskedFirst { least, most } => write!(f, "asked_first: it takes {least} to {most}"),
            Self::WrongRole(node) => write!(f, "{node} is to play another part"),
            Self::AcceptorsNotSorted => f.write_str(self.as_str()),
        }
    }
}

impl core::error::Error for ConfigError {}
