//! Ledgers and timers as data. What is read is checked: a ledger that exists is right.

use alloc::collections::VecDeque;

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use smallvec::SmallVec;

use super::{Held, Ledger, NodeId, Output, Time, Timers};

/// The same fields as [`Ledger`], in the same order, not yet checked.
#[derive(Deserialize)]
#[serde(
    rename = "Ledger",
    bound(deserialize = "M: Deserialize<'de>, T: Copy + Ord + Deserialize<'de>, V: Deserialize<'de>, \
                       E: Deserialize<'de>, N: Deserialize<'de>")
)]
struct Unchecked<M, T, V, E, N> {
    me: NodeId,
    held: VecDeque<Held<M, V, E, N>>,
    writing: usize,
    ready: VecDeque<Output<M, N>>,
    timers: Timers<T>,
}

impl<'de, M, T, V, E, N> Deserialize<'de> for Ledger<M, T, V, E, N>
where
    M: Deserialize<'de>,
    T: Copy + Ord + Deserialize<'de>,
    V: Deserialize<'de>,
    E: Deserialize<'de>,
    N: Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Unchecked { me, held, writing, ready, timers } = Unchecked::deserialize(deserializer)?;
        if matches!(held.front(), Some(Held::Output(_))) {
            return Err(D::Error::custom("an output is held behind nothing"));
        }
        if writing > held.iter().filter(|held| matches!(held, Held::Record(_))).count() {
            return Err(D::Error::custom("more records are being written than there are"));
        }
        Ok(Self { me, held, writing, ready, timers })
    }
}

#[derive(Deserialize)]
#[serde(rename = "Timers")]
struct UncheckedTimers<T> {
    set: SmallVec<[(T, Time); super::timers::INLINE]>,
}

impl<'de, T: Copy + Ord + Deserialize<'de>> Deserialize<'de> for Timers<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let UncheckedTimers { set } = UncheckedTimers::<T>::deserialize(deserializer)?;
        if !set.is_sorted_by(|(a, _), (b, _)| a < b) {
            return Err(D::Error::custom(
                "the timers are not in the order of their names, or one is set twice",
            ));
        }
        Ok(Self { set })
    }
}
