//! Breakers that come from bytes.

#[cfg(feature = "wire")]
mod bytes {
    use proptest::prelude::*;

    use super::super::*;

    #[test]
    fn a_breaker_survives_being_written_down() {
        let mut s = Scenario::due();
        let _probe = s.acquire().unwrap();
        let bytes = postcard::to_allocvec(&s.breaker).unwrap();
        assert_eq!(postcard::from_bytes::<Breaker>(&bytes).unwrap(), s.breaker);
    }

    proptest! {
        #[test]
        fn whatever_bytes_say_comes_back_valid_or_not_at_all(
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
            half_open in any::<bool>(),
            now in any::<u64>(),
        ) {
            let mut s = if half_open { Scenario::due() } else { Scenario::new(config()) };
            s.call(Outcome::Ignored);
            let token = s.acquire().unwrap();
            let mut bytes = postcard::to_allocvec(&s.breaker).unwrap();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if let Ok(mut breaker) = postcard::from_bytes::<Breaker>(&bytes) {
                prop_assert_eq!(breaker.check(), Ok(()));
                let _any_answer = breaker.finish(token, Outcome::Failed, Time(now), |_| 0);
                let _any_admission = breaker.acquire(Time(now), |_| 0);
                prop_assert_eq!(breaker.check(), Ok(()));
            }
        }
    }

    #[test]
    fn a_ratio_out_of_range_is_no_ratio() {
        let bytes = postcard::to_allocvec(&(3u32, 2u32)).unwrap();
        assert!(postcard::from_bytes::<Ratio>(&bytes).is_err());
    }
}

#[cfg(feature = "arbitrary")]
#[test]
fn an_arbitrary_breaker_is_a_valid_one() {
    use alloc::vec::Vec;

    use arbitrary::{Arbitrary, Unstructured};

    let bytes: Vec<u8> = (0..20_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut seen = alloc::collections::BTreeSet::new();
    for start in 0..500 {
        let breaker = super::Breaker::arbitrary(&mut Unstructured::new(&bytes[start * 30..])).unwrap();
        assert_eq!(breaker.check(), Ok(()));
        seen.insert(breaker.state());
    }
    assert_eq!(seen.len(), 3, "{seen:?}");
}
