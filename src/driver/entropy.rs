//! Random numbers for jitter and choices: they serve liveness only, and need not be unguessable.

use std::hash::{BuildHasher, RandomState};

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
#[derive(Clone, Debug)]
pub(super) struct Entropy {
    state: u64,
}

impl Entropy {
    /// From `seed`, or from the operating system, by way of the keys of a hasher.
    pub(super) fn new(seed: Option<u64>) -> Self {
        Self { state: seed.unwrap_or_else(|| RandomState::new().hash_one(0u8)) }
    }

    /// Uniform over all of `u32`.
    pub(super) fn draw(&mut self) -> u32 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_sequence_comes_out() {
        // The high halves of the first outputs of the authors' C program for seed 1234567.
        let mut entropy = Entropy::new(Some(1_234_567));
        let drawn: Vec<u32> = (0..3).map(|_| entropy.draw()).collect();
        let expected = [6_457_827_717_110_365_317u64, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!(drawn, expected.map(|whole| u32::try_from(whole >> 32).unwrap()));
    }

    #[test]
    fn two_nodes_draw_differently() {
        assert_ne!(Entropy::new(None).state, Entropy::new(None).state);
    }
}
