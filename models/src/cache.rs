//! What a worker remembers of pure functions: bounded, and forgetting what was not asked for in a while.

use std::collections::HashMap;
use std::hash::Hash;

use foldhash::fast::FixedState;

/// Two generations: what is asked for moves to the younger one, and when that is full, the older one goes.
#[derive(Debug)]
pub(crate) struct Cache<K, V> {
    young: HashMap<K, V, FixedState>,
    old: HashMap<K, V, FixedState>,
}

impl<K, V> Default for Cache<K, V> {
    fn default() -> Self {
        Self { young: HashMap::default(), old: HashMap::default() }
    }
}

impl<K: Eq + Hash, V: Clone> Cache<K, V> {
    /// What is remembered under `key`, or else what `make` makes. At most twice `most` are remembered.
    pub(crate) fn get(&mut self, key: K, most: usize, make: impl FnOnce() -> V) -> V {
        if let Some(value) = self.young.get(&key) {
            return value.clone();
        }
        let value = self.old.remove(&key).unwrap_or_else(make);
        if self.young.len() >= most {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value.clone());
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_the_rest_goes() {
        let mut cache = Cache::default();
        let mut made = 0;
        for round in 0..100_u32 {
            for key in [0, round] {
                let value = cache.get(key, 4, || {
                    made += 1;
                    key
                });
                assert_eq!(value, key);
            }
            assert!(cache.young.len() + cache.old.len() <= 8);
        }
        assert_eq!(made, 100);
    }
}
