//! The worlds that were visited: a fingerprint each, with which budgets were spent when.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Mutex, PoisonError};

use crate::world::{Limits, Spent};

/// A power of two: workers rarely meet in one.
const SHARDS: usize = 256;
/// Ways to have spent the budgets that are told apart in one entry.
const WAYS_MAX: u64 = 32;

/// The ways in which the budgets may have been spent, by number.
#[derive(Clone, Debug)]
pub(super) struct Ways {
    /// How many values there are of duplicates, crashes, ticks.
    values: [u64; 3],
    /// For each way, those that spend no more of anything, itself included, as bits.
    no_more: Vec<u32>,
}

impl Ways {
    /// The ways within `limits`; none told apart from others if there are too many.
    pub(super) fn of(limits: &Limits) -> Option<Self> {
        // Without a limit nothing is counted.
        let values = [limits.duplicates, limits.crashes, limits.ticks]
            .map(|most| most.map_or(1, |most| most.saturating_add(1)));
        let all = values
            .iter()
            .try_fold(1_u64, |all, values| all.checked_mul(*values))
            .filter(|all| *all <= WAYS_MAX)?;
        let mut ways = Self { values, no_more: Vec::new() };
        let spent = |way: u64| [way % values[0], way / values[0] % values[1], way / values[0] / values[1]];
        for way in 0..all {
            let below = (0..all)
                .filter(|other| spent(*other).iter().zip(spent(way)).all(|(less, more)| *less <= more));
            ways.no_more.push(below.fold(0, |bits, other| bits | 1 << other));
        }
        Some(ways)
    }

    /// The number of the way in which `spent` was spent.
    pub(super) fn way(&self, spent: &Spent) -> usize {
        let [duplicates, crashes, _] = self.values;
        let way = spent.duplicates + duplicates * (spent.crashes + crashes * spent.ticks);
        usize::try_from(way).unwrap_or(usize::MAX)
    }

    /// The ways that spend no more of anything than `way`, itself included.
    fn no_more(&self, way: usize) -> u32 {
        self.no_more.get(way).copied().unwrap_or(0)
    }
}

/// Fingerprints are hashed already.
#[derive(Clone, Copy, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

type Shard = HashMap<u64, u32, BuildHasherDefault<AsItIs>>;

/// The visited worlds, of all workers.
pub(super) struct Visited {
    shards: Vec<Mutex<Shard>>,
    ways: Option<Ways>,
}

/// What became of a world that was come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Come {
    /// Nobody was here before, nor where as much can happen.
    New,
    /// Somebody was, or will be.
    Known,
}

impl Visited {
    /// Nothing yet. Without `ways`, what was spent is part of the fingerprints.
    pub(super) fn new(ways: Option<Ways>) -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), ways }
    }

    /// Notes the world of this fingerprint, come to by spending `spent`.
    pub(super) fn come(&self, print: u64, spent: &Spent) -> Come {
        let (bit, no_more) = self.bits(spent);
        let mut shard = self.shard(print);
        let ways = shard.entry(print).or_default();
        if *ways & no_more != 0 {
            return Come::Known;
        }
        *ways |= bit;
        Come::New
    }

    /// Whether somebody came to the world of this fingerprint with less spent.
    pub(super) fn is_covered(&self, print: u64, spent: &Spent) -> bool {
        let (bit, no_more) = self.bits(spent);
        let less = no_more & !bit;
        less != 0 && self.shard(print).get(&print).is_some_and(|ways| ways & less != 0)
    }

    fn bits(&self, spent: &Spent) -> (u32, u32) {
        let Some(ways) = &self.ways else { return (1, 1) };
        let way = ways.way(spent);
        let bit = u32::try_from(way).ok().and_then(|way| 1_u32.checked_shl(way)).unwrap_or(0);
        (bit, ways.no_more(way))
    }

    fn shard(&self, print: u64) -> std::sync::MutexGuard<'_, Shard> {
        // The table uses the top seven bits and the bottom ones; shards take some between.
        let at = usize::try_from(print >> 32).unwrap_or(0) % SHARDS;
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spent(duplicates: u64, crashes: u64) -> Spent {
        Spent { duplicates, crashes, ..Spent::default() }
    }

    fn visited() -> Visited {
        let limits = Limits { duplicates: Some(1), crashes: Some(2), ..Limits::default() };
        Visited::new(Ways::of(&limits))
    }

    #[test]
    fn who_spent_less_covers_who_spent_more() {
        let visited = visited();
        assert_eq!(visited.come(7, &spent(0, 1)), Come::New);
        assert_eq!(visited.come(7, &spent(0, 1)), Come::Known);
        assert_eq!(visited.come(7, &spent(1, 1)), Come::Known);
        assert_eq!(visited.come(7, &spent(0, 2)), Come::Known);
        assert_eq!(visited.come(7, &spent(1, 0)), Come::New, "neither spent less of everything");
        assert_eq!(visited.come(7, &spent(0, 0)), Come::New);
        assert_eq!(visited.come(8, &spent(1, 2)), Come::New, "another world");
        assert!(visited.is_covered(7, &spent(0, 1)) && !visited.is_covered(7, &spent(0, 0)));
        assert!(!visited.is_covered(8, &spent(1, 2)) && !visited.is_covered(9, &spent(1, 2)));
    }

    #[test]
    fn what_has_no_limit_is_not_told_apart_and_too_many_ways_are_not_either() {
        let ways = Ways::of(&Limits::default()).expect("one way");
        assert_eq!(ways.no_more, [1]);
        let many = Limits { crashes: Some(5), duplicates: Some(5), ..Limits::default() };
        assert!(Ways::of(&many).is_none());
        let visited = Visited::new(None);
        assert_eq!(visited.come(7, &spent(0, 1)), Come::New);
        assert_eq!(visited.come(7, &spent(0, 0)), Come::Known, "the fingerprint tells them apart");
        assert!(!visited.is_covered(7, &spent(0, 1)));
    }

    #[test]
    fn every_way_has_a_number_of_its_own() {
        let limits = Limits { duplicates: Some(1), crashes: Some(2), ticks: Some(3), ..Limits::default() };
        let ways = Ways::of(&limits).expect("24 ways");
        let mut numbers = Vec::new();
        for duplicates in 0..=1 {
            for crashes in 0..=2 {
                for ticks in 0..=3 {
                    let spent = Spent { duplicates, crashes, ticks, ..Spent::default() };
                    let way = ways.way(&spent);
                    numbers.push(way);
                    let below = (duplicates + 1) * (crashes + 1) * (ticks + 1);
                    assert_eq!(u64::from(ways.no_more(way).count_ones()), below, "{spent:?}");
                }
            }
        }
        numbers.sort_unstable();
        assert_eq!(numbers, (0..24).collect::<Vec<_>>());
    }
}
