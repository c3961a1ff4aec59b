//! Random numbers that are the same in every run and on every platform.

use oorandom::Rand64;
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher as _;

/// Draws by a seed: PCG (O'Neill 2014), whose streams `oorandom` keeps from version to version. Integers only.
#[derive(Clone, Debug)]
pub struct Dice {
    stream: Rand64,
}

impl Dice {
    /// The draws of `seed` for one purpose: seeds, and purposes under one seed, have nothing to do with each other.
    #[must_use]
    pub fn new(seed: u64, purpose: &str) -> Self {
        let mut hasher = SipHasher13::new();
        hasher.write(&seed.to_le_bytes());
        hasher.write(purpose.as_bytes());
        Self { stream: Rand64::new(hasher.finish128().as_u128()) }
    }

    /// A number below `upto`; 0 if there is none. Uniform but for a bias below `upto / 2^64`.
    pub fn below(&mut self, upto: u64) -> u64 {
        let scaled = (u128::from(self.stream.rand_u64()) * u128::from(upto)) >> 64;
        u64::try_from(scaled).unwrap_or(0)
    }

    /// A number from `least` to `most`, both included; `least` if they are the wrong way round.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least.saturating_add(self.below(most.saturating_sub(least).saturating_add(1)))
    }

    /// A number from `least` to `most` of which each order of magnitude is as likely as the next.
    pub fn magnitude(&mut self, least: u64, most: u64) -> u64 {
        let (least, most) = (least.max(1), most.max(1));
        let doublings = self.between(u64::from(least.ilog2()), u64::from(most.ilog2()));
        let floor = 1_u64 << doublings.min(63);
        self.between(floor.max(least), floor.saturating_mul(2).saturating_sub(1).min(most))
    }

    /// True in so many of a thousand.
    pub fn per_mille(&mut self, chance: u32) -> bool {
        // Nothing is drawn for what never happens: most faults are off in most runs.
        chance > 0 && self.below(1000) < u64::from(chance)
    }

    /// One of `all`; nothing if there is none.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        usize::try_from(self.below(all.len() as u64)).ok().and_then(|at| all.get(at))
    }
}

/// What was drawn, as a size.
#[must_use]
pub fn size(drawn: u64) -> usize {
    usize::try_from(drawn).unwrap_or(usize::MAX)
}

/// What was drawn, as a factor of durations and the like.
#[must_use]
pub fn small(drawn: u64) -> u32 {
    u32::try_from(drawn).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_pinned() {
        let mut dice = Dice::new(7, "test");
        let drawn: Vec<u64> = (0..4).map(|_| dice.below(1_000_000)).collect();
        assert_eq!(drawn, [868_595, 92_540, 744_045, 657_553]);
    }

    #[test]
    fn draws_stay_in_their_range_and_reach_both_ends() {
        let mut dice = Dice::new(0, "test");
        let drawn: Vec<u64> = (0..1000).map(|_| dice.between(3, 6)).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&3), Some(&6)));
        assert_eq!((dice.below(0), dice.below(1), dice.between(9, 2)), (0, 0, 9));
        let drawn: Vec<u64> = (0..10_000).map(|_| dice.magnitude(5, 80)).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&5), Some(&80)));
        assert!(!dice.per_mille(0) && dice.per_mille(1000));
        assert_eq!(dice.pick::<u8>(&[]), None);
    }

    #[test]
    fn purposes_and_seeds_have_streams_of_their_own() {
        let first = |seed, purpose| Dice::new(seed, purpose).below(u64::MAX);
        assert_ne!(first(1, "a"), first(1, "b"));
        assert_ne!(first(1, "a"), first(2, "a"));
    }
}
