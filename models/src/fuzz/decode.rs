//! Decoders: bytes are a value or a typed error, and each value has one encoding.

use std::fmt::Debug;

use arbitrary::{Arbitrary, Result as Drawn, Unstructured};
use quorate::wire::{self, DecodeError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::frame::crc32;

/// The most edits of an encoding.
const EDITS_MAX: u8 = 3;
/// The longest place that a sealed value may have, in bytes.
const PLACE_MAX: usize = 16;

/// What decoders yield.
pub trait Data: Serialize + DeserializeOwned + PartialEq + Debug {}
impl<T: Serialize + DeserializeOwned + PartialEq + Debug> Data for T {}

/// Decodes `bytes`: the value, if they are one.
///
/// # Errors
/// The promise that was broken: a value that decodes encodes to the very same bytes, and these to the same value.
pub fn decode<T: Data>(bytes: &[u8]) -> Result<Option<T>, String> {
    let Ok(value) = wire::decode::<T>(bytes) else { return Ok(None) };
    let mut again = Vec::new();
    wire::encode(&value, bytes.len(), &mut again).map_err(|error| format!("{error}: {value:?}"))?;
    if again != bytes {
        return Err(format!("{bytes:?} decode to {value:?}, which encodes to {again:?}"));
    }
    match wire::decode::<T>(&again) {
        Ok(same) if same == value => Ok(Some(value)),
        other => Err(format!("{value:?} decodes to {other:?}")),
    }
}

/// Decodes what `bytes` say, as they are or as a value that is encoded and then edited a little: what is wrong only in
/// one place comes up that way, and the fuzzer need not find the format out. Without an edit, the value comes back.
///
/// # Errors
/// The promise that was broken.
pub fn near<T: Data + for<'a> Arbitrary<'a>>(bytes: &[u8]) -> Result<Option<T>, String> {
    near_of(bytes, |u| u.arbitrary())
}

/// The same, of a value that is drawn so.
///
/// # Errors
/// The promise that was broken.
pub fn near_of<T: Data>(
    bytes: &[u8],
    draw: impl FnOnce(&mut Unstructured<'_>) -> Drawn<T>,
) -> Result<Option<T>, String> {
    let mut u = Unstructured::new(bytes);
    let Some((&mode, raw)) = bytes.split_first() else { return Ok(None) };
    if mode > EDITS_MAX {
        return decode(raw);
    }
    let Ok((edits, value)) = drawn(&mut u, draw) else { return Ok(None) };
    let mut encoded = Vec::new();
    wire::encode(&value, usize::MAX, &mut encoded).map_err(|error| format!("{error}: {value:?}"))?;
    if decode::<T>(&encoded)?.as_ref() != Some(&value) {
        return Err(format!("{value:?} does not come back"));
    }
    edits.iter().for_each(|edit| edit.make(&mut encoded));
    decode(&encoded)
}

/// Seals and unseals what `bytes` say: from its place only, and no damage goes unseen.
///
/// # Errors
/// The promise that was broken.
pub fn sealed<T: Data + for<'a> Arbitrary<'a>>(bytes: &[u8]) -> Result<Option<T>, String> {
    let mut u = Unstructured::new(bytes);
    let place = |u: &mut Unstructured<'_>| -> Drawn<Vec<u8>> {
        (0..u.int_in_range(0..=PLACE_MAX)?).map(|_| u.arbitrary()).collect()
    };
    let Ok((place, (edits, value))) =
        place(&mut u).and_then(|place| Ok((place, drawn(&mut u, |u| u.arbitrary::<T>())?)))
    else {
        return Ok(None);
    };
    let mut sealed = Vec::new();
    wire::seal(&value, &place, usize::MAX, &mut sealed).map_err(|error| format!("{error}: {value:?}"))?;
    if wire::unseal::<T>(&sealed, &place).as_ref() != Ok(&value) {
        return Err(format!("{value:?} does not come back from {place:?}"));
    }
    // Moved, it is damage: what differs within 32 bits never has the same checksum.
    let mut elsewhere = place.clone();
    elsewhere.first_mut().into_iter().for_each(|byte| *byte ^= 1);
    if elsewhere != place && wire::unseal::<T>(&sealed, &elsewhere) != Err(DecodeError::Checksum) {
        return Err(format!("{value:?} of {place:?} is read at {elsewhere:?}"));
    }
    let mut body = sealed.split_off(sealed.len().saturating_sub(4));
    std::mem::swap(&mut body, &mut sealed);
    // What is edited and sealed again is judged as the bytes in it; what is edited and not sealed again is damage.
    let before = body.clone();
    edits.iter().for_each(|edit| edit.make(&mut body));
    let damaged = [body.as_slice(), &sealed].concat();
    let resealed = [body.as_slice(), &crc32(&[&place, &body]).to_le_bytes()].concat();
    if body != before && resealed != damaged && wire::unseal::<T>(&damaged, &place).is_ok() {
        return Err(format!("damage goes unseen: {damaged:?} at {place:?}"));
    }
    let (unsealed, plain) = (wire::unseal::<T>(&resealed, &place), wire::decode::<T>(&body));
    if unsealed != plain {
        return Err(format!("sealed {unsealed:?}, plain {plain:?}"));
    }
    decode(&body)
}

/// Writes what `bytes` say as a trace file does, and reads it back; edited, it is a value or an error, and what it is then
/// comes back as well. A text has more than one way to say a value, so it is the value's text that is the same again.
///
/// # Errors
/// The promise that was broken.
pub fn text<T: Data + for<'a> Arbitrary<'a>>(bytes: &[u8]) -> Result<Option<T>, String> {
    let mut u = Unstructured::new(bytes);
    let Ok((edits, value)) = drawn(&mut u, |u| u.arbitrary::<T>()) else { return Ok(None) };
    let mut text = said(&value)?.into_bytes();
    if serde_json::from_slice::<T>(&text).as_ref().ok() != Some(&value) {
        return Err(format!("{value:?} does not come back from {}", String::from_utf8_lossy(&text)));
    }
    edits.iter().for_each(|edit| edit.make(&mut text));
    let Ok(near) = serde_json::from_slice::<T>(&text) else { return Ok(None) };
    let again = said(&near)?;
    match serde_json::from_str::<T>(&again) {
        Ok(same) if same == near && said(&same)? == again => Ok(Some(near)),
        other => Err(format!("{near:?} is {other:?} after {again}")),
    }
}

fn said<T: Data>(value: &T) -> Result<String, String> {
    serde_json::to_string(value).map_err(|error| format!("{error}: {value:?}"))
}

/// Edits, and what they are made to. The first byte says how many.
fn drawn<T>(
    u: &mut Unstructured<'_>,
    draw: impl FnOnce(&mut Unstructured<'_>) -> Drawn<T>,
) -> Drawn<(Vec<Edit>, T)> {
    let count = u.arbitrary::<u8>()?.min(EDITS_MAX);
    let edits = (0..count).map(|_| u.arbitrary()).collect::<Drawn<_>>()?;
    Ok((edits, draw(u)?))
}

/// One change of an encoding.
#[derive(Clone, Copy, Debug, Arbitrary)]
enum Edit {
    Set { at: u16, to: u8 },
    Flip { at: u16, bit: u8 },
    Insert { at: u16, byte: u8 },
    Remove { at: u16 },
    Cut { at: u16 },
}

impl Edit {
    fn make(self, bytes: &mut Vec<u8>) {
        let within = |at: u16, length: usize| usize::from(at).checked_rem(length).unwrap_or(0);
        let length = bytes.len();
        match self {
            Self::Set { at, to } => bytes.get_mut(within(at, length)).into_iter().for_each(|byte| *byte = to),
            Self::Flip { at, bit } => {
                bytes.get_mut(within(at, length)).into_iter().for_each(|byte| *byte ^= 1 << (bit % 8));
            }
            Self::Insert { at, byte } => bytes.insert(within(at, length + 1), byte),
            Self::Remove { at } => {
                if length > 0 {
                    bytes.remove(within(at, length));
                }
            }
            Self::Cut { at } => bytes.truncate(within(at, length)),
        }
    }
}
