//! What an acceptor knows of each transaction.

use alloc::collections::VecDeque;

use super::over::Over;
use super::{Acceptor, Notice};
use crate::commit::Work;
use crate::commit::ids::{Nodes, TxId};
use crate::commit::paxos::ballot::{Ballot, Instances};
use crate::id::NodeId;
use crate::machine::Context;

/// What is known of one coordinator's transactions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Origin {
    pub(super) coordinator: NodeId,
    pub(super) over: Over,
    /// Those that are not over, ascending by number.
    pub(super) live: VecDeque<Ballots>,
}

/// All instances of one transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Ballots {
    pub(super) number: u64,
    /// This node takes part in no ballot below, in none of the instances.
    pub(super) promised: Ballot,
    pub(super) instances: Instances,
    /// Where the journal tells of it; nowhere before anything is said.
    pub(super) at: Option<u64>,
    /// Whether the timer of lingering has expired since anything was heard of it.
    pub(super) quiet: bool,
    /// Whether its coordinator has been asked to end it.
    pub(super) asked: bool,
}

impl Ballots {
    fn new(number: u64, managers: impl Iterator<Item = NodeId>) -> Self {
        let instances = managers.map(|manager| (manager, None)).collect();
        Self { number, promised: Ballot::ZERO, instances, at: None, quiet: false, asked: false }
    }

    pub(super) fn managers(&self) -> Nodes {
        self.instances.iter().map(|(manager, _)| *manager).collect()
    }
}

/// What is known of a transaction.
pub(super) enum Known<'a> {
    Live(&'a Ballots),
    /// It was to be forgotten.
    Over,
    /// In a gap below the floor.
    Forgotten,
    /// Never heard of.
    New,
}

impl<W: Work> Acceptor<W> {
    pub(super) fn known(&self, tx: TxId) -> Known<'_> {
        let origin = self.origin(tx.coordinator).ok().and_then(|at| self.origins.get(at));
        let Some(origin) = origin else { return Known::New };
        match origin.live.binary_search_by_key(&tx.number, |ballots| ballots.number) {
            Ok(at) => origin.live.get(at).map_or(Known::New, Known::Live),
            Err(_) if tx.number <= origin.over.floor => Known::Forgotten,
            Err(_) if origin.over.contains(tx.number) => Known::Over,
            Err(_) => Known::New,
        }
    }

    pub(super) fn ballots_mut(&mut self, tx: TxId) -> Option<&mut Ballots> {
        let at = self.origin(tx.coordinator).ok()?;
        let origin = self.origins.get_mut(at)?;
        let at = origin.live.binary_search_by_key(&tx.number, |ballots| ballots.number).ok()?;
        origin.live.get_mut(at)
    }

    /// All that is not over, in the order of the transactions.
    pub(super) fn ballots(&self) -> impl Iterator<Item = (TxId, &Ballots)> {
        self.origins.iter().flat_map(|origin| {
            let coordinator = origin.coordinator;
            let tx = move |number| TxId { coordinator, number };
            origin.live.iter().map(move |ballots| (tx(ballots.number), ballots))
        })
    }

    /// The transaction, begun here if it is new and there are fewer than `most`.
    pub(super) fn join<Cx: Context<Self> + ?Sized>(
        &mut self,
        tx: TxId,
        managers: impl Iterator<Item = NodeId>,
        most: usize,
        cx: &mut Cx,
    ) -> Option<&mut Ballots> {
        if matches!(self.known(tx), Known::New) {
            if self.live >= most {
                // Free: it says nothing but that nothing was changed.
                cx.notify_free(Notice::Overloaded { tx });
                return None;
            }
            self.place(tx, Ballots::new(tx.number, managers));
            self.linger(cx);
        }
        let ballots = self.ballots_mut(tx)?;
        (ballots.quiet, ballots.asked) = (false, false);
        Some(ballots)
    }

    /// Takes what is not over into the table.
    pub(super) fn place(&mut self, tx: TxId, ballots: Ballots) {
        let at = self.origin_or_new(tx.coordinator);
        let Some(origin) = self.origins.get_mut(at) else { return };
        match origin.live.binary_search_by_key(&tx.number, |ballots| ballots.number) {
            Ok(at) => {
                if let Some(place) = origin.live.get_mut(at) {
                    *place = ballots;
                }
            }
            Err(at) => {
                origin.live.insert(at, ballots);
                self.live = self.live.saturating_add(1);
            }
        }
    }

    /// Forgets a transaction but that it is over.
    pub(super) fn end(&mut self, tx: TxId) {
        let max = self.config.max_gaps;
        let at = self.origin_or_new(tx.coordinator);
        let Some(origin) = self.origins.get_mut(at) else { return };
        if let Ok(at) = origin.live.binary_search_by_key(&tx.number, |ballots| ballots.number)
            && let Some(ballots) = origin.live.remove(at)
        {
            self.live = self.live.saturating_sub(1);
            if ballots.at.is_some() {
                self.journal.needed = self.journal.needed.saturating_sub(1);
            }
        }
        origin.over.insert(tx.number, max);
    }

    fn origin_or_new(&mut self, coordinator: NodeId) -> usize {
        self.origin(coordinator).unwrap_or_else(|at| {
            self.origins.insert(at, Origin { coordinator, over: Over::default(), live: VecDeque::new() });
            at
        })
    }

    /// Where `coordinator` is among the origins, or would be.
    fn origin(&self, coordinator: NodeId) -> Result<usize, usize> {
        self.origins.binary_search_by_key(&coordinator, |origin| origin.coordinator)
    }
}
