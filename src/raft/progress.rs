//! What a leader knows of one peer, and how much it has on its way to it (thesis, 10.2).

use alloc::collections::VecDeque;

use super::{Config, Index};

/// What a leader knows of one peer's log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub struct Progress {
    /// The peer's log durably equals the leader's up to here.
    pub matched: Index,
    /// The next entry to send; always past `matched`.
    pub next: Index,
    /// How entries are sent.
    pub mode: Mode,
}

/// How entries are sent to a peer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Mode {
    /// Where the logs part is not known: one append at a time.
    Probe {
        /// An append is on its way; the next leaves when it is answered, or with a heartbeat.
        waiting: bool,
    },
    /// The peer's log is known to match before `next`: appends follow each other without waiting.
    Replicate(Inflight),
}

/// The appends on their way to one peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Inflight {
    /// The last index of each append and its bytes, oldest first.
    window: VecDeque<(Index, usize)>,
    bytes: usize,
}

impl Inflight {
    /// Whether no further append may leave.
    pub(super) fn is_full(&self, config: &Config) -> bool {
        self.window.len() >= config.max_inflight_messages
            || (self.bytes >= config.max_inflight_bytes && !self.window.is_empty())
    }

    pub(super) fn push(&mut self, last: Index, bytes: usize) {
        self.window.push_back((last, bytes));
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Forgets every append that ends at or before `matched`.
    fn acknowledge(&mut self, matched: Index) {
        while let Some((last, bytes)) = self.window.front().copied()
            && last <= matched
        {
            self.window.pop_front();
            self.bytes = self.bytes.saturating_sub(bytes);
        }
    }
}

impl Progress {
    /// Whether what is known fits together, for a leader whose log ends at `last`.
    pub(super) fn check(&self, last: Index, config: &Config) -> Result<(), &'static str> {
        let next_max = last.0.saturating_add(1);
        if self.matched >= self.next || self.matched > last || self.next.0 > next_max {
            return Err("a peer's progress is out of order");
        }
        let Mode::Replicate(inflight) = &self.mode else { return Ok(()) };
        let lasts = inflight.window.iter().map(|(last, _)| *last);
        let between = [self.matched].into_iter().chain(lasts).chain([self.next]);
        if !between.is_sorted_by(|a, b| a < b) {
            return Err("the appends on their way to a peer are out of order");
        }
        let bytes = inflight.window.iter().try_fold(0_usize, |sum, (_, bytes)| sum.checked_add(*bytes));
        if bytes != Some(inflight.bytes) || inflight.window.len() > config.max_inflight_messages {
            return Err("the appends on their way to a peer are miscounted");
        }
        Ok(())
    }

    /// A peer of which nothing is known but that the leader's log ends before `next`.
    pub(super) const fn unknown(next: Index) -> Self {
        Self { matched: Index(0), next, mode: Mode::Probe { waiting: false } }
    }

    /// The peer's log matches up to `index`.
    pub(super) fn matched_up_to(&mut self, index: Index) {
        self.matched = self.matched.max(index);
        self.next = self.next.max(Index(self.matched.0.saturating_add(1)));
        match &mut self.mode {
            Mode::Replicate(inflight) => inflight.acknowledge(index),
            Mode::Probe { .. } => {
                self.next = Index(self.matched.0.saturating_add(1));
                self.mode = Mode::Replicate(Inflight::default());
            }
        }
    }

    /// An append after `at` did not fit, and nothing past `hint` will: whether that was news.
    pub(super) fn conflicts(&mut self, at: Index, hint: Index) -> bool {
        let stale = match self.mode {
            Mode::Replicate(_) => at <= self.matched,
            Mode::Probe { .. } => at.0.checked_add(1) != Some(self.next.0),
        };
        if stale || at.0 == 0 {
            return false;
        }
        let fits = hint.0.min(at.0 - 1).max(self.matched.0);
        self.next = Index(fits.saturating_add(1));
        self.mode = Mode::Probe { waiting: false };
        true
    }

    /// Whether an append may leave now.
    pub(super) fn may_send(&self, config: &Config) -> bool {
        match &self.mode {
            Mode::Probe { waiting } => !waiting,
            Mode::Replicate(inflight) => !inflight.is_full(config),
        }
    }

    /// An append that ends at `last` has left.
    pub(super) fn sent(&mut self, entries: usize, last: Index, bytes: usize) {
        match &mut self.mode {
            Mode::Probe { waiting } => *waiting = true,
            Mode::Replicate(inflight) if entries > 0 => {
                inflight.push(last, bytes);
                self.next = Index(last.0.saturating_add(1));
            }
            Mode::Replicate(_) => {}
        }
    }
}
