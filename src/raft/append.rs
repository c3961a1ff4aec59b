//! A follower takes entries from the leader of its term (paper, 5.3 and figure 2).

use super::{
    Command, Entries, Entry, Index, LOG, Message, Outcome, Position, Raft, Rejection, Term, Timer, reject,
};
use crate::durable::Record;
use crate::id::NodeId;
use crate::machine::Context;

impl<C: Command> Raft<C> {
    pub(super) fn on_append<Cx: Context<Self> + ?Sized>(
        &mut self,
        from: NodeId,
        term: Term,
        prev: Position,
        entries: Entries<C>,
        commit: Index,
        cx: &mut Cx,
    ) {
        if from == self.me {
            return reject(from, Rejection::FromMyself, cx);
        }
        if term < self.term {
            // Tells a leader that was cut off that its term is over.
            return cx.send_free(from, Message::AppendReply { term: self.term, outcome: Outcome::Stale });
        }
        if term == self.term && self.is_leader() {
            return reject(from, Rejection::TwoLeaders, cx);
        }
        let Some(end) = well_formed_end(term, prev, &entries) else {
            return reject(from, Rejection::MalformedEntries, cx);
        };
        let newer = term > self.term;
        self.follow(term, Some(from), cx);
        if newer {
            self.persist_hard_state(cx);
        }
        cx.set_timer(Timer::Election, self.config.election);
        if self.log.term_at(prev.index) != Some(prev.term) {
            return self.refuse_append(from, prev, cx);
        }
        match self.first_missing(prev, &entries) {
            Some((first, _)) if first <= self.commit => {
                return reject(from, Rejection::ContradictsCommitted, cx);
            }
            Some((first, skipped)) => self.take_entries(first, entries.into_iter().skip(skipped), cx),
            None => {}
        }
        cx.send(from, Message::AppendReply { term, outcome: Outcome::Matched(end) });
        self.commit_up_to(commit.min(end), cx);
        self.log.evict(&self.config, |_, _| {});
    }

    /// Where the logs part, so that the leader finds it in one step a term (paper, 5.3; thesis, 3.5).
    fn refuse_append<Cx: Context<Self> + ?Sized>(&mut self, from: NodeId, prev: Position, cx: &mut Cx) {
        if prev.index <= self.commit {
            return reject(from, Rejection::ContradictsCommitted, cx);
        }
        let hint = self.log.last_at_most(prev.index, prev.term);
        let outcome = Outcome::Conflict { at: prev.index, hint };
        cx.send_free(from, Message::AppendReply { term: self.term, outcome });
    }

    /// The first of `entries` that is not in the log, with how many stand before it; `None` if all are there.
    fn first_missing(&self, prev: Position, entries: &[Entry<C>]) -> Option<(Index, usize)> {
        let mut index = prev.index;
        for (skipped, entry) in entries.iter().enumerate() {
            index = Index(index.0.saturating_add(1));
            if self.log.term_at(index) != Some(entry.term) {
                return Some((index, skipped));
            }
        }
        None
    }

    /// Puts `entries` at `first`, in place of what is there and contradicts them.
    fn take_entries<Cx: Context<Self> + ?Sized>(
        &mut self,
        first: Index,
        entries: impl Iterator<Item = Entry<C>>,
        cx: &mut Cx,
    ) {
        if first <= self.last().index {
            cx.persist(Record::Truncate { log: LOG, from: first.0 });
            self.log.truncate(first);
        }
        for (entry, index) in entries.zip(first.0..) {
            cx.persist(Record::Append { log: LOG, index, entry: entry.clone() });
            self.log.push(entry);
        }
    }
}

/// The index of the last of `entries`, if their terms and indices stand.
fn well_formed_end<C>(term: Term, prev: Position, entries: &[Entry<C>]) -> Option<Index> {
    let terms = core::iter::once(prev.term).chain(entries.iter().map(|entry| entry.term));
    let ordered = terms.chain(core::iter::once(term)).is_sorted();
    let starts = (prev.index.0 == 0) == (prev.term.0 == 0);
    let begun = entries.iter().all(|entry| entry.term.0 > 0);
    let end = prev.index.0.checked_add(entries.len() as u64).filter(|end| *end < u64::MAX)?;
    (ordered && starts && begun).then_some(Index(end))
}
