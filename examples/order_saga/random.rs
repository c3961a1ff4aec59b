//! Random numbers by a seed, for moods and for blows.

use std::time::SystemTime;

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// One that no other process and no other `stream` of this one has.
    pub(crate) fn of_now(stream: u64) -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let seed = now.as_secs().rotate_left(40) ^ u64::from(now.subsec_nanos());
        Self::new(seed ^ (u64::from(std::process::id()) << 20) ^ stream.rotate_right(8))
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `upto`; 0 if that is 0.
    pub(crate) const fn below(&mut self, upto: u64) -> u64 {
        if upto == 0 { 0 } else { self.next() % upto }
    }

    pub(crate) const fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    /// One of `among`, the first if there is none other.
    pub(crate) fn pick<'a, T: ?Sized>(&mut self, among: &[&'a T], otherwise: &'a T) -> &'a T {
        let at = usize::try_from(self.below(among.len() as u64)).unwrap_or(0);
        among.get(at).copied().unwrap_or(otherwise)
    }
}
