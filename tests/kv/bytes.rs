//! Requests and commands out of any bytes: for the fuzzer, and for the replay of what it kept.

use crate::command::{Bytes, Op};
use crate::resp::{ARGUMENTS_MAX, REQUEST_BYTES_MAX, Requests};

/// Reads `bytes`, in pieces whose length the first byte says, as a client's requests; and as a command of the log.
/// How they are cut changes nothing; nothing that is read is beyond its limits; a command has one encoding. Yields how
/// many there were.
///
/// # Errors
/// What does not hold.
pub(crate) fn requests(bytes: &[u8]) -> Result<u64, String> {
    let Some((chunk, stream)) = bytes.split_first() else { return Ok(0) };
    let (whole, cut) = (read([stream]), read(stream.chunks(usize::from(*chunk).max(1))));
    if whole != cut {
        return Err(format!("{whole:?} as a whole, {cut:?} in pieces of {chunk}"));
    }
    for words in &whole.0 {
        let length: usize = words.iter().map(Vec::len).sum();
        let inline_words_max = 1 << 12;
        if words.len() > ARGUMENTS_MAX.max(inline_words_max) || length > REQUEST_BYTES_MAX {
            return Err(format!("{} words of {length} bytes", words.len()));
        }
    }
    let mut found = whole.0.len() as u64;
    if let Ok(op) = Op::decode(&Bytes(stream.into())) {
        let again = op.clone().encode().map_err(|error| error.to_string())?;
        if *again.0 != *stream {
            return Err(format!("{stream:?} decode to {op:?}, which encodes to {again:?}"));
        }
        found += 1;
    }
    Ok(found)
}

/// All requests in `pieces`, and what ended them.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Vec<Vec<u8>>>, Option<String>) {
    let mut requests = Requests::default();
    let mut found = Vec::new();
    for piece in pieces {
        requests.push(piece);
        loop {
            match requests.next() {
                Ok(Some(words)) => found.push(words),
                Ok(None) => break,
                Err(malformed) => return (found, Some(malformed.to_string())),
            }
        }
    }
    (found, None)
}
