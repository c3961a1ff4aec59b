//! Frames out of a stream, against a reader in the plainest words: the whole stream at once, field by field.

use arbitrary::{Arbitrary, Result as Drawn, Unstructured};
use quorate::id::{ClusterId, NodeId};
use quorate::wire::frame::{self, Address, Decoder, Expected, FrameError, HEADER_LEN};

use super::Outcome;

/// The receiver's limit, in bytes of body.
const BODY_MAX: u32 = 48;
const EXPECTED: Expected = Expected { cluster: ClusterId(7), receiver: NodeId(2), max_body: BODY_MAX };
/// The most pieces of a stream.
const PIECES_MAX: usize = 12;

/// What bodies hold.
type Message = Vec<u8>;

/// Whether a sender is one.
const fn known(sender: NodeId) -> bool {
    sender.0 < 4
}

/// Cuts the stream that `bytes` describe into frames: the same ones as the plain reader, the same error at its end,
/// however the stream arrives; a message that is read makes the same frame again; and never is more kept than one
/// frame and what last arrived.
///
/// # Errors
/// The promise that was broken.
pub fn frames(bytes: &[u8]) -> Outcome {
    let mut u = Unstructured::new(bytes);
    let Ok((chunk, stream)) = drawn(&mut u) else { return Ok(0) };
    let (expected, error) = read(&stream);
    let mut decoder = Decoder::new(EXPECTED);
    let (mut found, mut failed) = (Vec::new(), None);
    for piece in stream.chunks(chunk) {
        decoder.push(piece);
        if decoder.pending() > HEADER_LEN + BODY_MAX as usize + chunk {
            return Err(format!("{} bytes wait", decoder.pending()));
        }
        loop {
            match decoder.poll(known) {
                Ok(Some(frame)) => {
                    found.push((frame.address().sender, frame.body().to_vec()));
                    whole(&frame.address(), frame.body(), frame.message().ok())?;
                }
                Ok(None) => break,
                Err(error) if failed.is_none_or(|before| before == error) => {
                    failed = Some(error);
                    break;
                }
                Err(error) => return Err(format!("{failed:?} became {error:?}")),
            }
        }
    }
    if (&found, failed) != (&expected, error) {
        return Err(format!("found {found:?}, {failed:?}; expected {expected:?}, {error:?}"));
    }
    Ok(found.len() as u64)
}

/// A message that was read has one encoding: that frame.
fn whole(address: &Address, body: &[u8], message: Option<Message>) -> Result<(), String> {
    let Some(message) = message else { return Ok(()) };
    let mut again = Vec::new();
    frame::encode(*address, &message, BODY_MAX, &mut again).map_err(|error| error.to_string())?;
    if again.get(HEADER_LEN..) == Some(body) {
        Ok(())
    } else {
        Err(format!("{message:?} encodes to {again:?}"))
    }
}

/// The frames at the start of `stream`, by sender and body, and what is wrong behind them.
fn read(stream: &[u8]) -> (Vec<(NodeId, Vec<u8>)>, Option<FrameError>) {
    let mut frames = Vec::new();
    let mut rest = stream;
    loop {
        let Some(header) = rest.first_chunk::<HEADER_LEN>() else {
            let begins = rest.iter().zip(b"QRTE").all(|(found, expected)| found == expected);
            return (frames, (!begins).then_some(FrameError::Magic));
        };
        let number = |at: usize, length: usize| {
            header
                .iter()
                .skip(at)
                .take(length)
                .rev()
                .fold(0, |number: u64, byte| number << 8 | u64::from(*byte))
        };
        let [length, sum] = [8, 12].map(|at| u32::try_from(number(at, 4)).unwrap_or(u32::MAX));
        let [cluster, sender, receiver] = [16, 24, 32].map(|at| number(at, 8));
        let wrong = if !header.starts_with(b"QRTE") {
            Some(FrameError::Magic)
        } else if header[4] != 1 {
            Some(FrameError::UnknownVersion { found: header[4] })
        } else if number(5, 3) != 0 {
            Some(FrameError::Reserved)
        } else if length > BODY_MAX {
            Some(FrameError::TooLong { length, limit: BODY_MAX })
        } else if cluster != EXPECTED.cluster.0 {
            Some(FrameError::WrongCluster { found: ClusterId(cluster) })
        } else if receiver != EXPECTED.receiver.0 {
            Some(FrameError::WrongReceiver { found: NodeId(receiver) })
        } else if !known(NodeId(sender)) {
            Some(FrameError::UnknownSender { found: NodeId(sender) })
        } else {
            None
        };
        if wrong.is_some() {
            return (frames, wrong);
        }
        let end = HEADER_LEN + length as usize;
        let Some(body) = rest.get(HEADER_LEN..end) else { return (frames, None) };
        if sum != crc32(&[&header[..12], &header[16..], body]) {
            return (frames, Some(FrameError::Checksum));
        }
        frames.push((NodeId(sender), body.to_vec()));
        rest = rest.get(end..).unwrap_or_default();
    }
}

/// CRC-32 (ISO-HDLC) over all `parts`, bit by bit.
pub(super) fn crc32(parts: &[&[u8]]) -> u32 {
    let bytes = parts.iter().copied().flatten();
    !bytes.fold(u32::MAX, |sum, byte| {
        (0..8).fold(
            sum ^ u32::from(*byte),
            |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 },
        )
    })
}

/// A piece of a stream.
#[derive(Debug, Arbitrary)]
enum Piece {
    /// A frame of ours, from one of a few senders.
    Frame(u8, Message),
    /// A frame with one field that is of the sender's making, sealed as if it were right.
    Odd(Field, Vec<u8>),
    /// A frame that is changed on the way, at one bit.
    Damaged(Message, u16),
    /// Anything.
    Raw(Vec<u8>),
}

/// A field of a header.
#[derive(Clone, Copy, Debug, Arbitrary)]
enum Field {
    Version(u8),
    Reserved(u8),
    Length(u32),
    Cluster(u64),
    Sender(u64),
    Receiver(u64),
    None,
}

fn drawn(u: &mut Unstructured<'_>) -> Drawn<(usize, Vec<u8>)> {
    let chunk = u.int_in_range(1..=96)?;
    let mut stream = Vec::new();
    for _ in 0..PIECES_MAX {
        if u.is_empty() {
            break;
        }
        u.arbitrary::<Piece>()?.lay(&mut stream);
    }
    Ok((chunk, stream))
}

impl Piece {
    fn lay(self, stream: &mut Vec<u8>) {
        let start = stream.len();
        let address = |sender| Address { cluster: EXPECTED.cluster, sender, receiver: EXPECTED.receiver };
        match self {
            // Longer than the limit: its writer refuses it, and nothing is sent.
            Self::Frame(sender, message) => {
                _ = frame::encode(address(NodeId(u64::from(sender % 4))), &message, BODY_MAX, stream);
            }
            Self::Damaged(message, bit) => {
                _ = frame::encode(address(NodeId(1)), &message, BODY_MAX, stream);
                let at = usize::from(bit / 8).checked_rem(stream.len() - start).unwrap_or(0);
                stream.get_mut(start + at).into_iter().for_each(|byte| *byte ^= 1 << (bit % 8));
            }
            Self::Odd(field, body) => stream.extend(sealed(field, &body)),
            Self::Raw(bytes) => stream.extend(bytes),
        }
    }
}

/// A frame by hand.
fn sealed(field: Field, body: &[u8]) -> Vec<u8> {
    let mut front = [*b"QRTE", [1, 0, 0, 0], u32::try_from(body.len()).unwrap_or(0).to_le_bytes()];
    let mut back = [EXPECTED.cluster.0, 1, EXPECTED.receiver.0].map(u64::to_le_bytes);
    match field {
        Field::Version(version) => front[1][0] = version,
        Field::Reserved(byte) => front[1][2] = byte,
        Field::Length(length) => front[2] = length.to_le_bytes(),
        Field::Cluster(cluster) => back[0] = cluster.to_le_bytes(),
        Field::Sender(sender) => back[1] = sender.to_le_bytes(),
        Field::Receiver(receiver) => back[2] = receiver.to_le_bytes(),
        Field::None => {}
    }
    let (front, back) = (front.concat(), back.concat());
    let sum = crc32(&[&front, &back, body]).to_le_bytes();
    [&front, sum.as_slice(), &back, body].concat()
}
