//! Which of a coordinator's transactions are over, in little space.
//!
//! A coordinator numbers its transactions upwards, and nearly all of them end: what is over is a few spans of numbers,
//! one more for each that has not ended or never came here. So what is over is known exactly, and not by a floor
//! that a transaction could be overtaken by while others still decide it. Only where there are too many gaps do the
//! lowest give way to a floor, below which this acceptor takes no part in anything new.

use smallvec::SmallVec;

/// The numbers of transactions that are over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Over {
    /// Up to here, what is not over is not known.
    pub(super) floor: u64,
    /// Spans `first..=last` above the floor: ascending, and a gap between any two.
    pub(super) spans: SmallVec<[(u64, u64); 2]>,
}

impl Over {
    /// Takes back what was written down; `None` if it was never so.
    pub(super) fn from_parts(floor: u64, spans: &[(u64, u64)]) -> Option<Self> {
        let mut end = floor;
        for (at, (first, last)) in spans.iter().enumerate() {
            // The first span may begin right above the floor.
            let gap = u64::from(at > 0);
            if first > last || *first <= end.checked_add(gap)? {
                return None;
            }
            end = *last;
        }
        Some(Self { floor, spans: SmallVec::from_slice(spans) })
    }

    pub(super) fn contains(&self, number: u64) -> bool {
        let at = self.spans.partition_point(|(_, last)| *last < number);
        self.spans.get(at).is_some_and(|(first, _)| *first <= number)
    }

    /// Adds `number`, and lets the lowest spans go where there are more than `max`. What is at or below the floor
    /// stays as it is.
    pub(super) fn insert(&mut self, number: u64, max: usize) {
        if number <= self.floor || self.contains(number) {
            return;
        }
        let at = self.spans.partition_point(|(_, last)| *last < number);
        let follows = at.checked_sub(1).is_some_and(|before| {
            self.spans.get(before).is_some_and(|(_, last)| last.checked_add(1) == Some(number))
        });
        let precedes = self.spans.get(at).is_some_and(|(first, _)| number.checked_add(1) == Some(*first));
        match (follows, precedes) {
            (true, true) => {
                let (_, end) = self.spans.remove(at);
                self.widen(at, |span| span.1 = end);
            }
            (true, false) => self.widen(at, |span| span.1 = number),
            (false, true) => self.widen(at.saturating_add(1), |span| span.0 = number),
            (false, false) => self.spans.insert(at, (number, number)),
        }
        while self.spans.len() > max {
            let (_, last) = self.spans.remove(0);
            self.floor = last;
        }
    }

    /// Changes the span before `at`.
    fn widen(&mut self, at: usize, change: impl FnOnce(&mut (u64, u64))) {
        if let Some(span) = at.checked_sub(1).and_then(|at| self.spans.get_mut(at)) {
            change(span);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_is_over_is_known_exactly_in_whatever_order_it_ended() {
        let mut over = Over::default();
        let mut reference = BTreeSet::new();
        let mut number = 7_u64;
        for _ in 0..200 {
            number = number * 37 % 101;
            over.insert(number, usize::MAX);
            reference.insert(number);
            for asked in 0..110 {
                assert_eq!(over.contains(asked), reference.contains(&asked), "{asked} of {over:?}");
            }
            assert_eq!(Over::from_parts(over.floor, &over.spans), Some(over.clone()));
        }
    }

    #[test]
    fn too_many_gaps_give_way_to_a_floor_from_below() {
        let mut over = Over::default();
        for number in [2, 4, 6, 8] {
            over.insert(number, 2);
        }
        assert_eq!((over.floor, &over.spans[..]), (4, &[(6, 6), (8, 8)][..]));
        over.insert(3, 2);
        assert!(!over.contains(3), "below the floor nothing is told apart");
        over.insert(u64::MAX, 2);
        over.insert(u64::MAX - 1, 2);
        assert_eq!((over.floor, &over.spans[..]), (6, &[(8, 8), (u64::MAX - 1, u64::MAX)][..]));
    }

    #[test]
    fn spans_that_touch_or_are_out_of_order_were_never_written() {
        for spans in [&[(3, 2)][..], &[(1, 2), (3, 4)], &[(5, 6), (1, 2)], &[(0, 1)]] {
            assert_eq!(Over::from_parts(0, spans), None, "{spans:?}");
        }
        assert_eq!(Over::from_parts(4, &[(4, 5)]), None);
        assert!(Over::from_parts(u64::MAX, &[]).is_some());
        assert!(Over::from_parts(4, &[(5, 5), (7, 9)]).is_some());
    }
}
