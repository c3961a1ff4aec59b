//! The count window: the last outcomes, one bit each, sliding by exact eviction.

use smallvec::SmallVec;

/// Words kept without allocating: windows of up to 128 outcomes stay inline.
const INLINE_WORDS: usize = 2;

/// The last `size` outcomes of calls, as a ring of bits (1 is a failure).
///
/// Recording is O(1) and never allocates. Until the ring is full it is filled from the front; from then on
/// each new outcome takes the place of the oldest, and the count of failures follows exactly.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Window {
    words: SmallVec<[u64; INLINE_WORDS]>,
    /// How many outcomes fit; at least 1 in a valid configuration.
    size: u32,
    /// How many outcomes are in it.
    len: u32,
    /// Where the next outcome goes: the oldest one, once the ring is full.
    next: u32,
    /// How many of the outcomes in it are failures.
    failures: u32,
}

impl Window {
    /// An empty window over the last `size` outcomes.
    pub(super) fn new(size: u32) -> Self {
        let words = size.div_ceil(u64::BITS) as usize;
        Self { words: SmallVec::from_elem(0, words), size, len: 0, next: 0, failures: 0 }
    }

    /// Takes one outcome in, and the oldest one out if the window is full.
    #[inline]
    pub(super) fn record(&mut self, failed: bool) {
        let bit = 1u64 << (self.next % u64::BITS);
        let Some(word) = self.words.get_mut((self.next / u64::BITS) as usize) else { return };
        if self.len < self.size {
            self.len += 1;
        } else if *word & bit != 0 {
            self.failures = self.failures.saturating_sub(1);
        }
        if failed {
            *word |= bit;
            self.failures = self.failures.saturating_add(1);
        } else {
            *word &= !bit;
        }
        self.next = if self.next + 1 < self.size { self.next + 1 } else { 0 };
    }

    /// Forgets every outcome.
    pub(super) fn clear(&mut self) {
        self.words.fill(0);
        (self.len, self.next, self.failures) = (0, 0, 0);
    }

    /// How many outcomes are in the window.
    pub(super) const fn len(&self) -> u32 {
        self.len
    }

    /// How many of them are failures.
    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }

    /// The outcomes, oldest first; true is a failure.
    pub(super) fn iter(&self) -> impl Iterator<Item = bool> {
        let oldest = if self.len < self.size { 0 } else { self.next };
        let positions = (oldest..self.len).chain(0..oldest);
        positions.map(|at| self.is_failure(at))
    }

    fn is_failure(&self, at: u32) -> bool {
        let word = self.words.get((at / u64::BITS) as usize).copied().unwrap_or(0);
        word >> (at % u64::BITS) & 1 == 1
    }

    /// The same outcomes with the oldest at the front of the ring.
    pub(super) fn canonical(&self) -> Self {
        let mut canonical = Self::new(self.size);
        self.iter().for_each(|failed| canonical.record(failed));
        canonical
    }

    /// Whether this is a window over `size` outcomes whose parts agree.
    ///
    /// # Errors
    /// What does not, in a few words.
    pub(super) fn check(&self, size: u32) -> Result<(), &'static str> {
        if self.size != size || self.words.len() != size.div_ceil(u64::BITS) as usize {
            return Err("the window is not of the configured size");
        }
        if self.len > self.size || self.next >= self.size {
            return Err("the window's ring points outside of itself");
        }
        if self.len < self.size && self.next != self.len {
            return Err("the window is not filled from its front");
        }
        if (self.len..self.size).any(|at| self.is_failure(at)) {
            return Err("the window holds outcomes past its length");
        }
        let ones: u32 = self.words.iter().map(|word| word.count_ones()).sum();
        if ones != self.failures {
            return Err("the window's count of failures is off");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_window_is_the_last_outcomes_and_nothing_else(
            size in 1u32..200,
            operations in proptest::collection::vec(prop::option::weighted(0.99, any::<bool>()), 0..600),
        ) {
            let mut window = Window::new(size);
            let mut reference: VecDeque<bool> = VecDeque::new();
            for operation in operations {
                match operation {
                    Some(failed) => {
                        window.record(failed);
                        reference.push_back(failed);
                        if reference.len() > size as usize {
                            reference.pop_front();
                        }
                    }
                    None => {
                        window.clear();
                        reference.clear();
                    }
                }
                let failures = reference.iter().filter(|failed| **failed).count();
                prop_assert_eq!(window.len() as usize, reference.len());
                prop_assert_eq!(window.failures() as usize, failures);
                prop_assert!(window.iter().eq(reference.iter().copied()));
                prop_assert_eq!(window.check(size), Ok(()));
                prop_assert!(window.canonical().iter().eq(reference.iter().copied()));
            }
            prop_assert_eq!(window.canonical().check(size), Ok(()));
        }

        #[test]
        fn windows_of_the_same_outcomes_have_one_canonical_form(
            size in 1u32..100,
            outcomes in proptest::collection::vec(any::<bool>(), 0..300),
            earlier in proptest::collection::vec(any::<bool>(), 0..300),
        ) {
            let mut window = Window::new(size);
            let kept = outcomes.len().min(size as usize);
            let mut other = Window::new(size);
            outcomes.iter().for_each(|failed| window.record(*failed));
            if kept == size as usize {
                earlier.iter().for_each(|failed| other.record(*failed));
            }
            outcomes.iter().skip(outcomes.len() - kept).for_each(|failed| other.record(*failed));
            prop_assert_eq!(window.canonical(), other.canonical());
        }
    }

    #[test]
    fn a_window_of_one_holds_the_last_outcome() {
        let mut window = Window::new(1);
        window.record(true);
        window.record(false);
        assert_eq!((window.len(), window.failures()), (1, 0));
    }

    #[test]
    fn a_window_that_contradicts_itself_is_found_out() {
        let mut window = Window::new(70);
        window.record(true);
        assert_eq!(window.check(70), Ok(()));
        assert!(window.check(71).is_err());
        assert!(Window { failures: 0, ..window.clone() }.check(70).is_err());
        assert!(Window { next: 70, ..window.clone() }.check(70).is_err());
        assert!(Window { next: 3, ..window.clone() }.check(70).is_err());
        assert!(Window { len: 71, ..window.clone() }.check(70).is_err());
        assert!(Window { len: 0, next: 0, ..window }.check(70).is_err());
    }
}
