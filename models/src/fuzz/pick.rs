//! Drawing what is likely to mean something: names that are known, numbers that are near, limits that are soon reached;
//! and seldom anything at all.

use arbitrary::{Arbitrary, Result as Drawn, Unstructured};
use quorate::id::RequestId;

/// The largest of the small limits, and of the small payloads.
const SMALL_MAX: usize = 6;
/// How many requests may have different names at once.
const REQUESTS: u64 = 3;

/// `at`, mostly, or what is next to it, or an end of the range, or anything.
///
/// # Errors
/// None that more bytes would not mend.
pub fn near(u: &mut Unstructured<'_>, at: u64) -> Drawn<u64> {
    Ok(match u.int_in_range(0..=31)? {
        0 => 0,
        1 => u64::MAX,
        2 => u64::MAX - 1,
        3 => u.arbitrary()?,
        4..=8 => at.saturating_add(1),
        9..=12 => at.saturating_sub(1),
        13 => u.int_in_range(0..=9)?,
        _ => at,
    })
}

/// One of these, mostly.
///
/// # Errors
/// None that more bytes would not mend.
pub fn known<'a, T: Copy + Arbitrary<'a>>(u: &mut Unstructured<'a>, known: &[T]) -> Drawn<T> {
    if known.is_empty() || u.ratio(1, 16)? { u.arbitrary() } else { u.choose(known).copied() }
}

/// All of these, mostly, or some, in their order; seldom one of them twice.
///
/// # Errors
/// None that more bytes would not mend.
pub fn some<T: Copy>(u: &mut Unstructured<'_>, of: &[T]) -> Drawn<Vec<T>> {
    let which: u8 = match u.int_in_range(0..=3)? {
        0 => u.arbitrary()?,
        _ => u8::MAX,
    };
    let mut some: Vec<T> =
        of.iter().enumerate().filter(|(at, _)| which >> (at % 8) & 1 == 1).map(|(_, one)| *one).collect();
    if u.ratio(1, 32)? {
        some.extend(of.first());
    }
    Ok(some)
}

/// A payload of a few bytes.
///
/// # Errors
/// None that more bytes would not mend.
pub fn payload(u: &mut Unstructured<'_>) -> Drawn<Vec<u8>> {
    Ok(vec![0; u.int_in_range(0..=SMALL_MAX)?])
}

/// Makes limits small, but for some that are left as they are.
///
/// # Errors
/// None that more bytes would not mend.
pub fn limits<const N: usize>(u: &mut Unstructured<'_>, limits: [&mut usize; N]) -> Drawn<()> {
    for limit in limits {
        let small = u.int_in_range(0..=SMALL_MAX)?;
        *limit = if small == 0 { *limit } else { small };
    }
    Ok(())
}

/// The name of a request; another may have the same.
///
/// # Errors
/// None that more bytes would not mend.
pub fn request(u: &mut Unstructured<'_>) -> Drawn<RequestId> {
    Ok(RequestId(u.int_in_range(0..=REQUESTS)?))
}
