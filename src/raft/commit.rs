//! What is committed, and telling the application so in order (paper, 5.3 and 5.4.2).

use smallvec::SmallVec;

use super::{Command, Entry, Index, LOG, Notice, Raft, Rejection, Role, reject};
use crate::machine::Context;

impl<C: Command> Raft<C> {
    /// The leader's rule: an entry of its own term that a quorum holds durably is committed, and with it all
    /// before it. Whether the commit index went forward.
    pub(super) fn advance_commit<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) -> bool {
        let Some(index) = self.quorum_match() else { return false };
        // Counting replicas commits no entry of an earlier term (figure 8).
        if index <= self.commit || self.log.term_at(index) != Some(self.term) {
            return false;
        }
        self.commit_up_to(index, cx);
        true
    }

    /// The last index that a quorum holds durably.
    fn quorum_match(&self) -> Option<Index> {
        let Role::Leader(leader) = &self.role else { return None };
        let mut matched: SmallVec<[Index; 8]> =
            leader.progress.iter().map(|progress| progress.matched).collect();
        matched.sort_unstable();
        matched.len().checked_sub(self.config.quorum()).and_then(|at| matched.get(at)).copied()
    }

    /// Everything up to `index` is committed; a lower index is no news.
    pub(super) fn commit_up_to<Cx: Context<Self> + ?Sized>(&mut self, index: Index, cx: &mut Cx) {
        let index = index.min(self.last().index);
        if index <= self.commit {
            return;
        }
        if let Role::Leader(leader) = &mut self.role {
            leader.committed(index, self.log.cached_bytes(self.commit, index));
        }
        self.commit = index;
        self.tell_committed(cx);
    }

    /// Tells followers of a new commit index, with the entries that they lack or without any.
    pub(super) fn spread_commit<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        if !self.config.eager_commit {
            return self.replicate(cx);
        }
        for slot in 0..self.config.voters.len() {
            if !self.send_entries(slot, cx) && self.is_replicating(slot) {
                self.send_empty(slot, cx);
            }
        }
    }

    /// Tells the application of committed entries, in order; those no longer in memory are read back first.
    pub(super) fn tell_committed<Cx: Context<Self> + ?Sized>(&mut self, cx: &mut Cx) {
        while self.noticed < self.commit {
            let index = Index(self.noticed.0.saturating_add(1));
            if let Some(entry) = self.log.get(index) {
                let (term, payload) = (entry.term, entry.payload.clone());
                self.noticed = index;
                cx.notify(Notice::Committed { index, term, payload });
            } else {
                if self.reading.is_none() {
                    self.reading = Some(index);
                    cx.load(LOG, index.0, self.commit.0);
                }
                return;
            }
        }
    }

    /// Entries read back: for the application, for a peer, or for both.
    pub(super) fn on_loaded<Cx: Context<Self> + ?Sized>(
        &mut self,
        from: Index,
        entries: &[Entry<C>],
        cx: &mut Cx,
    ) {
        // What was cut from the log since it was read is worth nothing, nor is what never was in it.
        let held = self.last().index.0.checked_sub(from.0).map_or(0, |more| more.saturating_add(1));
        let held = usize::try_from(held).unwrap_or(usize::MAX).min(entries.len());
        let current = entries.iter().take(held).zip(from.0..);
        let current =
            current.take_while(|(entry, at)| self.log.term_at(Index(*at)) == Some(entry.term)).count();
        let entries = entries.get(..current).unwrap_or(&[]);
        if self.reading == Some(from) {
            self.reading = None;
            self.tell_loaded(from, entries, cx);
        }
        self.serve_fetched(from, entries, cx);
    }

    fn tell_loaded<Cx: Context<Self> + ?Sized>(&mut self, from: Index, entries: &[Entry<C>], cx: &mut Cx) {
        let before = self.noticed;
        for (entry, at) in entries.iter().zip(from.0..) {
            let next = Index(self.noticed.0.saturating_add(1));
            if Index(at) == next && next <= self.commit {
                self.noticed = next;
                cx.notify(Notice::Committed {
                    index: next,
                    term: entry.term,
                    payload: entry.payload.clone(),
                });
            }
        }
        if self.noticed > before {
            self.tell_committed(cx);
        } else if from <= self.commit {
            // Asked again with the next commit: a driver that has nothing to say must not be asked in a loop.
            reject(self.me, Rejection::UnknownLog, cx);
        }
    }
}
