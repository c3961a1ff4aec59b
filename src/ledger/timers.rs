//! The timers of one node: a few names, each set at most once.

use smallvec::SmallVec;

use crate::time::Time;

/// How many timers are kept without allocating.
pub(super) const INLINE: usize = 4;

/// Which timers are set, and when each is due.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Timers<T> {
    /// Sorted by name.
    pub(super) set: SmallVec<[(T, Time); INLINE]>,
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Timers<T> {
    /// No timer is set.
    #[must_use]
    pub fn new() -> Self {
        Self { set: SmallVec::new() }
    }
}

impl<T: Copy + Ord> Timers<T> {
    /// Sets a timer, replacing what was set under its name.
    #[inline]
    pub fn set(&mut self, timer: T, due: Time) {
        // Most often it is the first, or comes behind all others.
        match self.set.last() {
            Some((last, _)) if *last >= timer => self.set_among(timer, due),
            _ => self.set.push((timer, due)),
        }
    }

    fn set_among(&mut self, timer: T, due: Time) {
        match self.set.iter_mut().find(|(name, _)| *name >= timer) {
            Some((name, slot)) if *name == timer => *slot = due,
            _ => {
                let at = self.set.partition_point(|(name, _)| *name < timer);
                self.set.insert(at, (timer, due));
            }
        }
    }

    /// Forgets a timer.
    pub fn cancel(&mut self, timer: T) {
        // What is last is taken without a search.
        match self.set.last() {
            Some((last, _)) if *last == timer => drop(self.set.pop()),
            Some(_) => self.set.retain(|(name, _)| *name != timer),
            None => {}
        }
    }

    /// When the next timer is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Time> {
        self.set.iter().map(|(_, due)| *due).min()
    }

    /// Takes the earliest timer that is due at `now`; of two due together, the one whose name comes first.
    pub fn expire(&mut self, now: Time) -> Option<T> {
        let &(timer, due) = self.set.iter().min_by_key(|(_, due)| *due)?;
        if due > now {
            return None;
        }
        self.cancel(timer);
        Some(timer)
    }

    /// The timers that are set, by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (T, Time)> {
        self.set.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setting_again_replaces_and_cancelling_forgets() {
        let mut timers = Timers::new();
        timers.set('b', Time(20));
        timers.set('a', Time(10));
        timers.set('a', Time(30));
        assert_eq!(timers.next_due(), Some(Time(20)));
        assert_eq!(timers.expire(Time(19)), None);
        assert_eq!(timers.expire(Time(99)), Some('b'));
        timers.cancel('b');
        timers.cancel('a');
        assert_eq!(timers.expire(Time(99)), None);
    }
}
