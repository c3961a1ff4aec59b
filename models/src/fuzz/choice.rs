//! What the first byte of an input chooses.

/// A run of one machine, or of one kind of data.
type Run<T> = fn(&[u8]) -> Result<T, String>;

/// Runs one of these over the rest of `bytes`, as the first of them says: a protocol has several machines and kinds of data,
/// and one target for all.
///
/// # Errors
/// The promise that was broken.
pub fn one_of<T: Default>(bytes: &[u8], runs: &[Run<T>]) -> Result<T, String> {
    let Some((which, rest)) = bytes.split_first() else { return Ok(T::default()) };
    let which = usize::from(*which).checked_rem(runs.len());
    which.and_then(|which| runs.get(which)).map_or_else(|| Ok(T::default()), |run| run(rest))
}
