//! Versioned bytes for records and messages, and the frames in which messages travel between peers.
//!
//! - [`encode`] and [`decode`]: a value as one version byte and [postcard](https://postcard.jamesmunns.com).
//! - [`seal`] and [`unseal`]: the same, followed by a CRC-32 that also covers where the value belongs, for
//!   values at rest: damage and misplacement are told from a value that was never written.
//! - [`frame`]: a fixed header with magic, version, length, checksum and identities, and a decoder for byte
//!   streams that any transport can use.
//!
//! # Promises
//! - Whatever bytes arrive, decoding returns a value or a typed error; it does not panic.
//! - A value that decodes encodes to the very same bytes: there is one encoding of each value, and every
//!   other one is refused ([`DecodeError::NotCanonical`]).
//! - Sequences allocate as their elements arrive, never by a length that the bytes only claim.
//!
//! The second and third promise lean on the value's own `Deserialize`. Three kinds of type do not belong in a
//! message or record: sequences of zero-sized elements (a few bytes can claim 2^64 of them), types that nest
//! without limit (a few bytes a level), and anything that iterates over a hashed container.

pub mod frame;

use alloc::vec::Vec;
use core::fmt;

use postcard::ser_flavors::Flavor;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The version that [`encode`] writes and [`decode`] accepts.
pub const VERSION: u8 = 1;

/// Bytes of the checksum that [`seal`] appends.
const SEAL_LEN: usize = 4;

/// Why a value could not be encoded. The output is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EncodeError {
    /// The encoding would be longer than the limit.
    TooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The value's `Serialize` asks for what the format does not have, such as a sequence of unknown length.
    Unsupported,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { limit } => write!(f, "the value takes more than {limit} bytes"),
            Self::Unsupported => f.write_str("the value cannot be expressed in the format"),
        }
    }
}

impl core::error::Error for EncodeError {}

/// Why bytes are not a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DecodeError {
    /// Another version wrote them.
    UnknownVersion {
        /// The version found.
        found: u8,
    },
    /// They end before the value does.
    Truncated,
    /// The value ends before they do.
    TrailingBytes {
        /// How many bytes are left over.
        count: usize,
    },
    /// They do not follow the format, or no value of the type looks like this.
    Malformed,
    /// They yield a value whose own encoding is a different one.
    NotCanonical,
    /// The checksum of a sealed value does not match: the bytes are damaged, or belong elsewhere.
    Checksum,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownVersion { found } => {
                write!(f, "written by format version {found}, {VERSION} is known")
            }
            Self::Truncated => f.write_str("the bytes end before the value does"),
            Self::TrailingBytes { count } => write!(f, "{count} bytes follow the value"),
            Self::Malformed => f.write_str("the bytes do not follow the format"),
            Self::NotCanonical => f.write_str("the bytes are not the value's one encoding"),
            Self::Checksum => f.write_str("the checksum does not match: damaged or misplaced"),
        }
    }
}

impl core::error::Error for DecodeError {}

/// Appends the version byte and the encoding of `value` to `out`: at most `limit` bytes.
///
/// # Errors
/// [`EncodeError`], and `out` is as it was.
pub fn encode<T: Serialize + ?Sized>(value: &T, limit: usize, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = out.len();
    let result = encode_unguarded(value, limit, out);
    if result.is_err() {
        out.truncate(start);
    }
    result
}

/// As [`encode`], but a failure leaves what was written so far.
fn encode_unguarded<T: Serialize + ?Sized>(
    value: &T,
    limit: usize,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let mut writer = Writer { out, left: limit };
    writer.try_push(VERSION).map_err(|_| EncodeError::TooLong { limit })?;
    postcard::serialize_with_flavor(value, writer).map_err(|error| match error {
        postcard::Error::SerializeBufferFull => EncodeError::TooLong { limit },
        _ => EncodeError::Unsupported,
    })
}

/// The value whose [`encode`]d form `bytes` is, all of it.
///
/// # Errors
/// [`DecodeError`].
pub fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let (&found, body) = bytes.split_first().ok_or(DecodeError::Truncated)?;
    if found != VERSION {
        return Err(DecodeError::UnknownVersion { found });
    }
    let (value, rest) = postcard::take_from_bytes::<T>(body).map_err(|error| match error {
        postcard::Error::DeserializeUnexpectedEnd => DecodeError::Truncated,
        _ => DecodeError::Malformed,
    })?;
    if !rest.is_empty() {
        return Err(DecodeError::TrailingBytes { count: rest.len() });
    }
    postcard::serialize_with_flavor(&value, Comparer { expected: body })
        .map_err(|_| DecodeError::NotCanonical)?;
    Ok(value)
}

/// Appends the encoding of `value` to `out`, and a CRC-32 over `place` and the encoding.
///
/// `place` names where the value belongs (a key, an index); it is not written.
///
/// # Errors
/// [`EncodeError`], and `out` is as it was. `limit` counts the checksum.
pub fn seal<T: Serialize + ?Sized>(
    value: &T,
    place: &[u8],
    limit: usize,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let start = out.len();
    let room = limit.checked_sub(SEAL_LEN).ok_or(EncodeError::TooLong { limit })?;
    encode(value, room, out).map_err(|error| match error {
        EncodeError::TooLong { .. } => EncodeError::TooLong { limit },
        other => other,
    })?;
    let checksum = checksum(&[place, out.get(start..).unwrap_or_default()]);
    out.extend_from_slice(&checksum.to_le_bytes());
    Ok(())
}

/// The value that was [`seal`]ed at `place` as `bytes`.
///
/// # Errors
/// [`DecodeError`]; [`DecodeError::Checksum`] goes before all others but an unknown version.
pub fn unseal<T: Serialize + DeserializeOwned>(bytes: &[u8], place: &[u8]) -> Result<T, DecodeError> {
    let (encoded, found) = bytes.split_last_chunk::<SEAL_LEN>().ok_or(DecodeError::Truncated)?;
    match encoded.first() {
        Some(&VERSION) => {}
        Some(&found) => return Err(DecodeError::UnknownVersion { found }),
        None => return Err(DecodeError::Truncated),
    }
    if u32::from_le_bytes(*found) != checksum(&[place, encoded]) {
        return Err(DecodeError::Checksum);
    }
    decode(encoded)
}

/// CRC-32 (ISO-HDLC) over all `parts`, as if they were one.
fn checksum(parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}

/// Writes to a vector, so many bytes at most.
struct Writer<'a> {
    out: &'a mut Vec<u8>,
    left: usize,
}

impl Flavor for Writer<'_> {
    type Output = ();

    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        self.left = self.left.checked_sub(data.len()).ok_or(postcard::Error::SerializeBufferFull)?;
        self.out.extend_from_slice(data);
        Ok(())
    }

    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.left = self.left.checked_sub(1).ok_or(postcard::Error::SerializeBufferFull)?;
        self.out.push(data);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// Compares what is written with what is expected, without storing it.
struct Comparer<'a> {
    expected: &'a [u8],
}

impl Flavor for Comparer<'_> {
    type Output = ();

    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        self.expected = self.expected.strip_prefix(data).ok_or(postcard::Error::SerializeBufferFull)?;
        Ok(())
    }

    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.try_extend(&[data])
    }

    fn finalize(self) -> postcard::Result<()> {
        if self.expected.is_empty() { Ok(()) } else { Err(postcard::Error::SerializeBufferFull) }
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;
    use alloc::string::String;
    use alloc::vec;

    use super::*;
    use crate::durable::Record;
    use crate::id::{CellId, LogId};

    type Rec = Record<String, Vec<u8>>;

    fn records() -> Vec<Rec> {
        vec![
            Record::Put { cell: CellId(1), value: "x".into() },
            Record::Remove { cell: CellId(2) },
            Record::Append { log: LogId(3), index: 300, entry: vec![0, 1, 255] },
            Record::Truncate { log: LogId(3), from: u64::MAX },
            Record::Discard { log: LogId(3), upto: 0 },
        ]
    }

    fn bytes_of(record: &Rec) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(record, usize::MAX, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_is_encoded_decodes_and_every_prefix_is_truncated() {
        for record in records() {
            let bytes = bytes_of(&record);
            assert_eq!(decode::<Rec>(&bytes), Ok(record));
            for end in 0..bytes.len() {
                assert_eq!(decode::<Rec>(&bytes[..end]), Err(DecodeError::Truncated));
            }
            let longer = [&bytes[..], &[0, 0]].concat();
            assert_eq!(decode::<Rec>(&longer), Err(DecodeError::TrailingBytes { count: 2 }));
        }
    }

    #[test]
    fn every_flipped_bit_is_an_error_or_the_one_encoding_of_another_value() {
        for record in records() {
            let bytes = bytes_of(&record);
            for bit in 0..bytes.len() * 8 {
                let mut bad = bytes.clone();
                bad[bit / 8] ^= 1 << (bit % 8);
                if let Ok(other) = decode::<Rec>(&bad) {
                    assert_ne!(other, record);
                    assert_eq!(bytes_of(&other), bad);
                }
            }
        }
    }

    #[test]
    fn a_second_encoding_of_a_value_is_refused() {
        assert_eq!(decode::<u64>(&[VERSION, 0x80, 0x00]), Err(DecodeError::NotCanonical));
        assert_eq!(decode::<BTreeSet<u8>>(&[VERSION, 2, 7, 7]), Err(DecodeError::NotCanonical));
        assert_eq!(decode::<BTreeSet<u8>>(&[VERSION, 2, 7, 6]), Err(DecodeError::NotCanonical));
        assert_eq!(decode::<bool>(&[VERSION, 2]), Err(DecodeError::Malformed));
        assert_eq!(decode::<bool>(&[9, 1]), Err(DecodeError::UnknownVersion { found: 9 }));
    }

    #[test]
    fn a_claimed_length_allocates_nothing() {
        let claim = [VERSION, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
        assert_eq!(decode::<Vec<u64>>(&claim), Err(DecodeError::Truncated));
    }

    #[test]
    fn the_limit_is_exact_and_a_failure_leaves_the_output_alone() {
        let record = &records()[2];
        let length = bytes_of(record).len();
        let mut out = vec![42];
        assert_eq!(encode(record, length - 1, &mut out), Err(EncodeError::TooLong { limit: length - 1 }));
        assert_eq!(encode(record, 0, &mut out), Err(EncodeError::TooLong { limit: 0 }));
        assert_eq!(out, [42]);
        assert_eq!(encode(record, length, &mut out), Ok(()));
        assert_eq!(out.len(), 1 + length);
    }

    #[test]
    fn a_sealed_value_is_read_back_from_its_place_only_and_every_damage_is_found() {
        let mut bytes = Vec::new();
        seal(&records()[2], b"here", usize::MAX, &mut bytes).unwrap();
        assert_eq!(unseal::<Rec>(&bytes, b"here").as_ref(), Ok(&records()[2]));
        assert_eq!(unseal::<Rec>(&bytes, b"there"), Err(DecodeError::Checksum));
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(unseal::<Rec>(&bad, b"here").is_err());
        }
        let limit = bytes.len() - 1;
        let mut out = vec![1];
        let refused = seal(&records()[2], b"here", limit, &mut out);
        assert_eq!((refused, out), (Err(EncodeError::TooLong { limit }), vec![1]));
    }
}
