//! Ledgers and timers out of arbitrary bytes.

use alloc::collections::VecDeque;

use arbitrary::{Arbitrary, Result, Unstructured};

use super::{Held, Ledger, Time, Timers};

impl<'a, M, T, V, E, N> Arbitrary<'a> for Ledger<M, T, V, E, N>
where
    M: Arbitrary<'a>,
    T: Copy + Ord + Arbitrary<'a>,
    V: Arbitrary<'a>,
    E: Arbitrary<'a>,
    N: Arbitrary<'a>,
{
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let me = u.arbitrary()?;
        let held: VecDeque<Held<M, V, E, N>> = u.arbitrary()?;
        // An output behind no record would be ready.
        let held: VecDeque<_> = held.into_iter().skip_while(|held| matches!(held, Held::Output(_))).collect();
        let records = held.iter().filter(|held| matches!(held, Held::Record(_))).count();
        let writing = u.int_in_range(0..=records)?;
        Ok(Self { me, held, writing, ready: u.arbitrary()?, timers: u.arbitrary()? })
    }
}

impl<'a, T: Copy + Ord + Arbitrary<'a>> Arbitrary<'a> for Timers<T> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let mut timers = Self::new();
        for set in u.arbitrary_iter::<(T, Time)>()? {
            let (timer, due) = set?;
            timers.set(timer, due);
        }
        Ok(timers)
    }
}
