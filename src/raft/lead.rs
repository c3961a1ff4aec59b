//! Leading a term: sending entries to peers and taking their answers (paper, 5.3).

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use smallvec::smallvec;

use super::log;
use super::{
    Command, Entries, Entry, Index, LOG, Message, Mode, Notice, Outcome, Payload, Position, Progress, Raft,
    Rejection, Role, Term, Timer, persist_entries, reject,
};
use crate::id::NodeId;
use crate::machine::Context;
use crate::quorum::SlotSet;
use crate::time::Delay;

/// What only a leader keeps.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub struct Leader {
    /// What is known of each voter, by slot. For the leader itself, `matched` is how far its own disk got.
    pub progress: Vec<Progress>,
    /// Who was heard of since the last quorum check.
    heard: SlotSet,
    /// The bytes of commands that are uncommitted; of what was evicted before the election, none are counted.
    pub(super) uncommitted_bytes: usize,
    /// Where each of them stands that is uncommitted and no longer in memory, and its bytes; none of 0.
    evicted: VecDeque<(Index, usize)>,
    /// The read-back under way for a peer: its slot, and the first index asked for.
    fetching: Option<(usize, Index)>,
}

impl Leader {
    /// Who was heard of since the last call, with the leader's `own` slot.
    pub(super) fn take_heard(&mut self, own: SlotSet) -> SlotSet {
        let mut heard = core::mem::take(&mut self.heard);
        own.iter().for_each(|slot| heard.insert(slot));
        heard
    }

    /// Everything up to `index` is committed, of which entries of so many bytes are in memory.
    pub(super) fn committed(&mut self, index: Index, cached_bytes: usize) {
        let mut bytes = cached_bytes;
        while let Some((at, evicted)) = self.evicted.front().copied()
            && at <= index
        {
            self.evicted.pop_front();
            bytes = bytes.saturating_add(evicted);
        }
        self.uncommitted_bytes = self.uncommitted_bytes.saturating_sub(bytes);
    }

    /// What is evicted and uncommitted, with its bytes.
    pub(super) fn evicted(&self) -> impl Iterator<Item = (Index, usize)> {
        self.evicted.iter().copied()
    }

    /// Who was heard of, and whom a read-back is for.
    pub(super) fn slots(&self) -> SlotSet {
        let mut slots = self.heard;
        self.fetching.iter().for_each(|(slot, _)| slots.insert(*slot));
        slots
    }

    /// Renames slots: `to` gives each slot its new one.
    pub(super) fn permute(&mut self, to: impl Fn(usize) -> usize) {
        let mut renamed = self.progress.clone();
        for (slot, progress) in self.progress.drain(..).enumerate() {
            if let Some(place) = renamed.get_mut(to(slot)) {
                *place = progress;
            }
        }
        self.progress = renamed;
        let mut heard = SlotSet::EMPTY;
        self.heard.iter().for_each(|slot| heard.insert(to(slot)));
        self.heard = heard;
        self.fetching = self.fetching.map(|(slot, from)| (to(slot), from));
    }
}

impl<C: Command> Raft<C> {
    /// Begins to lead the current term, with an entry of its own (paper, 5.4.2 and 8; thesis, 6.4).
    pub(super) fn lead<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        let next = Index(self.last().index.0.saturating_add(1));
        let progress = self.config.voters.iter().map(|_| Progress::unknown(next)).collect();
        self.role = Role::Leader(Leader {
            progress,
            heard: SlotSet::EMPTY,
            uncommitted_bytes: self.log.cached_bytes(self.commit, self.last().index),
            evicted: VecDeque::new(),
            fetching: None,
        });
        cx.notify_free(Notice::Leader { term: self.term, leader: Some(self.me) });
        if self.config.check_quorum {
            cx.set_timer(Timer::Election, self.config.election);
        } else {
            cx.cancel_timer(Timer::Election);
        }
        cx.set_timer(Timer::Heartbeat, Delay::exactly(self.config.heartbeat));
        self.append_own(smallvec![Entry { term: self.term, payload: Payload::Noop }], cx);
    }

    /// Appends entries of the leader's own, and sends them out while its disk works.
    pub(super) fn append_own<Cx: Context<Self> + ?Sized>(&mut self, entries: Entries<C>, cx: &mut Cx) {
        let first = Index(self.last().index.0.saturating_add(1));
        persist_entries(first, &entries, cx);
        for entry in entries {
            self.log.push(entry);
        }
        // Held behind the entries: comes back once they are durable (thesis, 10.2.1).
        let outcome = Outcome::Matched(self.last().index);
        cx.send(self.me, Message::AppendReply { term: self.term, outcome });
        self.replicate(cx);
        self.evict();
    }

    /// Evicts what the cache does not hold; the sizes of what is uncommitted are remembered until it is not.
    fn evict(&mut self) {
        let (role, commit) = (&mut self.role, self.commit);
        self.log.evict(&self.config, |index, bytes| {
            if let Role::Leader(leader) = role
                && index > commit
                && bytes > 0
            {
                leader.evicted.push_back((index, bytes));
            }
        });
    }

    /// Sends every peer what it may be sent now.
    pub(super) fn replicate<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        for slot in 0..self.config.voters.len() {
            self.send_entries(slot, cx);
        }
    }

    pub(super) fn on_heartbeat_timeout<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        if !self.is_leader() {
            return;
        }
        cx.set_timer(Timer::Heartbeat, Delay::exactly(self.config.heartbeat));
        for slot in 0..self.config.voters.len() {
            if let Some(progress) = self.progress_mut(slot)
                && let Mode::Probe { waiting } = &mut progress.mode
            {
                *waiting = false;
            }
            if !self.send_entries(slot, cx) {
                self.send_empty(slot, cx);
            }
        }
    }

    /// Sends the peer at `slot` the entries that it lacks, as far as flow control lets them go: whether
    /// anything was sent.
    pub(super) fn send_entries<Cx: Context<Self> + ?Sized>(&mut self, slot: usize, cx: &mut Cx) -> bool {
        let mut sent = false;
        while let Some(next) = self.sendable(slot) {
            if self.log.is_evicted(next) {
                self.fetch(slot, next, cx);
                break;
            }
            let (entries, bytes) = self.log.batch(next, &self.config);
            if entries.is_empty() {
                break;
            }
            self.send_append(slot, next, entries, bytes, cx);
            sent = true;
        }
        sent
    }

    /// The next index to send to the peer at `slot`, if flow control lets anything go.
    fn sendable(&self, slot: usize) -> Option<Index> {
        if self.config.voters.get(slot) == Some(&self.me) {
            return None;
        }
        let Role::Leader(leader) = &self.role else { return None };
        leader
            .progress
            .get(slot)
            .filter(|progress| progress.may_send(&self.config))
            .map(|progress| progress.next)
    }

    /// A heartbeat: an append without entries. It follows everything sent, so that a loss shows.
    pub(super) fn send_empty<Cx: Context<Self> + ?Sized>(&mut self, slot: usize, cx: &mut Cx) {
        if self.config.voters.get(slot) == Some(&self.me) {
            return;
        }
        if let Some(next) = self.progress_mut(slot).map(|progress| progress.next) {
            self.send_append(slot, next, Entries::new(), 0, cx);
        }
    }

    fn send_append<Cx: Context<Self> + ?Sized>(
        &mut self,
        slot: usize,
        next: Index,
        entries: Entries<C>,
        bytes: usize,
        cx: &mut Cx,
    ) {
        let before = Index(next.0.saturating_sub(1));
        let Some(prev_term) = self.log.term_at(before) else { return };
        let Some(to) = self.config.voters.get(slot).copied() else { return };
        let count = entries.len();
        let last = Index(before.0.saturating_add(count as u64));
        let prev = Position { term: prev_term, index: before };
        cx.send_free(to, Message::Append { term: self.term, prev, entries, commit: self.commit });
        if let Some(progress) = self.progress_mut(slot) {
            progress.sent(count, last, bytes);
        }
    }

    /// Asks for evicted entries back, for the peer at `slot`; one read-back at a time.
    fn fetch<Cx: Context<Self> + ?Sized>(&mut self, slot: usize, from: Index, cx: &mut Cx) {
        let most = self.config.max_append_entries as u64;
        let upto = from.0.saturating_add(most - 1).min(self.last().index.0);
        if let Role::Leader(leader) = &mut self.role
            && leader.fetching.is_none()
        {
            leader.fetching = Some((slot, from));
            cx.load(LOG, from.0, upto);
        }
    }

    /// Entries read back, for the peer that waits for them.
    pub(super) fn serve_fetched<Cx: Context<Self> + ?Sized>(
        &mut self,
        from: Index,
        entries: &[Entry<C>],
        cx: &mut Cx,
    ) {
        let Role::Leader(leader) = &mut self.role else { return };
        let Some((slot, asked)) = leader.fetching else { return };
        if asked != from {
            return;
        }
        leader.fetching = None;
        if self.sendable(slot) == Some(from) {
            let (batch, bytes) = log::batch(entries, &self.config);
            if !batch.is_empty() {
                self.send_append(slot, from, batch, bytes, cx);
            }
        }
        // Others may have waited for their turn. If there was nothing to read, the next heartbeat asks again.
        if !entries.is_empty() {
            self.replicate(cx);
        }
    }

    pub(super) fn on_append_reply<Cx: Context<Self> + ?Sized>(
        &mut self,
        slot: usize,
        from: NodeId,
        term: Term,
        outcome: Outcome,
        cx: &mut Cx,
    ) {
        self.observe_term(term, cx);
        let check_quorum = self.config.check_quorum;
        let last = self.last().index;
        let Role::Leader(leader) = &mut self.role else { return };
        if term != self.term {
            return;
        }
        if check_quorum {
            leader.heard.insert(slot);
        }
        match outcome {
            Outcome::Matched(index) if index > last => reject(from, Rejection::AcknowledgesTooMuch, cx),
            Outcome::Matched(index) => self.on_matched(slot, index, cx),
            Outcome::Conflict { at, hint } => self.on_conflict(slot, at, hint, cx),
            Outcome::Stale => {}
        }
    }

    fn on_matched<Cx: Context<Self> + ?Sized>(&mut self, slot: usize, index: Index, cx: &mut Cx) {
        let found = !self.is_replicating(slot);
        if let Some(progress) = self.progress_mut(slot) {
            progress.matched_up_to(index);
        }
        if self.advance_commit(cx) {
            self.spread_commit(cx);
        } else if !self.send_entries(slot, cx) && found && self.config.eager_commit && index <= self.commit {
            // What was committed while its log was being probed, it was not told of.
            self.send_empty(slot, cx);
        }
    }

    fn on_conflict<Cx: Context<Self> + ?Sized>(
        &mut self,
        slot: usize,
        at: Index,
        hint: Position,
        cx: &mut Cx,
    ) {
        // Nothing of the peer's past the hint can match, nor anything of ours of a later term before it.
        let fits = self.log.last_at_most(hint.index, hint.term).index;
        if let Some(progress) = self.progress_mut(slot)
            && progress.conflicts(at, fits)
            && !self.send_entries(slot, cx)
        {
            self.send_empty(slot, cx);
        }
    }

    /// Whether the peer at `slot` is known to match up to what it was sent.
    pub(super) fn is_replicating(&self, slot: usize) -> bool {
        match &self.role {
            Role::Leader(leader) => {
                leader.progress.get(slot).is_some_and(|progress| matches!(progress.mode, Mode::Replicate(_)))
            }
            _ => false,
        }
    }

    fn progress_mut(&mut self, slot: usize) -> Option<&mut Progress> {
        match &mut self.role {
            Role::Leader(leader) => leader.progress.get_mut(slot),
            _ => None,
        }
    }
}
