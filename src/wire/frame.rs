//! Frames: how a message travels between two nodes over a byte stream.
//!
//! All integers are little-endian.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 4 | magic, `b"QRTE"` |
//! | 4 | 1 | version of this layout, [`VERSION`] |
//! | 5 | 3 | reserved, zero |
//! | 8 | 4 | length of the body |
//! | 12 | 4 | CRC-32 (ISO-HDLC) over bytes 0..12, bytes 16..40 and the body |
//! | 16 | 8 | cluster |
//! | 24 | 8 | sender |
//! | 32 | 8 | receiver |
//! | 40 | .. | the message as [`wire::encode`](super::encode) writes it, a version byte of its own included |
//!
//! The identities are in every frame, so that a message that reaches the wrong node or cluster (a reused
//! address, a wrong line in a config file) is refused wherever it comes from. They are not authentication:
//! whoever reaches the port can claim any of them. A transport that knows its peer (mutual TLS) ties the two
//! together in the `known` question of [`Decoder::poll`].

use alloc::vec::Vec;
use core::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{DecodeError, EncodeError, checksum};
use crate::id::{ClusterId, NodeId};

/// The first bytes of every frame.
pub const MAGIC: [u8; 4] = *b"QRTE";
/// The version of the header's layout.
pub const VERSION: u8 = 1;
/// Bytes of the header.
pub const HEADER_LEN: usize = 40;
/// The largest body unless configured otherwise, in bytes.
pub const DEFAULT_MAX_BODY: u32 = 8 << 20;

/// Who sends a frame to whom, in which cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "the header's layout is fixed by its version")]
pub struct Address {
    /// The cluster of both.
    pub cluster: ClusterId,
    /// Who sends.
    pub sender: NodeId,
    /// Who is to receive.
    pub receiver: NodeId,
}

/// Why a byte stream is not, or no longer, a stream of frames for this node. The connection is of no more
/// use: where the next frame would begin cannot be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FrameError {
    /// It does not start with [`MAGIC`]: another protocol, or bytes were lost.
    Magic,
    /// The header has another layout.
    UnknownVersion {
        /// The version found.
        found: u8,
    },
    /// A reserved byte is not zero.
    Reserved,
    /// The body is longer than the limit.
    TooLong {
        /// The length that the header claims, in bytes.
        length: u32,
        /// The limit, in bytes.
        limit: u32,
    },
    /// It belongs to another cluster.
    WrongCluster {
        /// The cluster found.
        found: ClusterId,
    },
    /// It was meant for another node.
    WrongReceiver {
        /// The receiver found.
        found: NodeId,
    },
    /// The sender is not known here.
    UnknownSender {
        /// The sender found.
        found: NodeId,
    },
    /// It was damaged on the way.
    Checksum,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic => f.write_str("not a frame"),
            Self::UnknownVersion { found } => write!(f, "frame version {found}, {VERSION} is known"),
            Self::Reserved => f.write_str("a reserved byte of the frame is set"),
            Self::TooLong { length, limit } => write!(f, "a body of {length} bytes, {limit} are allowed"),
            Self::WrongCluster { found } => write!(f, "a frame of {found}"),
            Self::WrongReceiver { found } => write!(f, "a frame meant for {found}"),
            Self::UnknownSender { found } => write!(f, "a frame from {found}, who is not known here"),
            Self::Checksum => f.write_str("the frame is damaged"),
        }
    }
}

impl core::error::Error for FrameError {}

/// Appends a frame that carries `message` to `out`; its body takes at most `max_body` bytes.
///
/// # Errors
/// [`EncodeError`], and `out` is as it was.
pub fn encode<M: Serialize + ?Sized>(
    address: Address,
    message: &M,
    max_body: u32,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER_LEN]);
    let limit = usize::try_from(max_body).unwrap_or(usize::MAX);
    let encoded = super::encode(message, limit, out).and_then(|()| {
        let frame = out.get_mut(start..).and_then(|frame| frame.split_first_chunk_mut::<HEADER_LEN>());
        let (header, body) = frame.ok_or(EncodeError::Unsupported)?;
        let length = u32::try_from(body.len()).map_err(|_| EncodeError::TooLong { limit })?;
        *header = Header { length, checksum: 0, address }.to_bytes(body);
        Ok(())
    });
    if encoded.is_err() {
        out.truncate(start);
    }
    encoded
}

/// The fields of a header, those that are not constant.
#[derive(Clone, Copy, Debug)]
struct Header {
    length: u32,
    checksum: u32,
    address: Address,
}

impl Header {
    /// The header of `body`, with its checksum computed.
    fn to_bytes(self, body: &[u8]) -> [u8; HEADER_LEN] {
        let Address { cluster, sender, receiver } = self.address;
        let mut front = [0; 12];
        front[..4].copy_from_slice(&MAGIC);
        front[4] = VERSION;
        front[8..].copy_from_slice(&self.length.to_le_bytes());
        let mut back = [0; 24];
        back[..8].copy_from_slice(&cluster.0.to_le_bytes());
        back[8..16].copy_from_slice(&sender.0.to_le_bytes());
        back[16..].copy_from_slice(&receiver.0.to_le_bytes());
        let mut bytes = [0; HEADER_LEN];
        bytes[..12].copy_from_slice(&front);
        bytes[12..16].copy_from_slice(&checksum(&[&front, &back, body]).to_le_bytes());
        bytes[16..].copy_from_slice(&back);
        bytes
    }

    /// Everything about a header that can be judged without its body.
    fn parse(bytes: &[u8; HEADER_LEN], expected: &Expected) -> Result<Self, FrameError> {
        if field::<4>(bytes, 0) != MAGIC {
            return Err(FrameError::Magic);
        }
        let [found, reserved @ ..] = field::<4>(bytes, 4);
        if found != VERSION {
            return Err(FrameError::UnknownVersion { found });
        }
        if reserved != [0; 3] {
            return Err(FrameError::Reserved);
        }
        let length = u32::from_le_bytes(field(bytes, 8));
        if length > expected.max_body {
            return Err(FrameError::TooLong { length, limit: expected.max_body });
        }
        let cluster = ClusterId(u64::from_le_bytes(field(bytes, 16)));
        if cluster != expected.cluster {
            return Err(FrameError::WrongCluster { found: cluster });
        }
        let receiver = NodeId(u64::from_le_bytes(field(bytes, 32)));
        if receiver != expected.receiver {
            return Err(FrameError::WrongReceiver { found: receiver });
        }
        let sender = NodeId(u64::from_le_bytes(field(bytes, 24)));
        let checksum = u32::from_le_bytes(field(bytes, 12));
        Ok(Self { length, checksum, address: Address { cluster, sender, receiver } })
    }
}

/// The `N` bytes at `offset`; zeros where the header has none.
fn field<const N: usize>(bytes: &[u8; HEADER_LEN], offset: usize) -> [u8; N] {
    bytes.get(offset..).and_then(|rest| rest.first_chunk::<N>()).copied().unwrap_or([0; N])
}

/// What a receiver accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "the header's layout is fixed by its version")]
pub struct Expected {
    /// Its cluster.
    pub cluster: ClusterId,
    /// Its own id.
    pub receiver: NodeId,
    /// The largest body, in bytes.
    pub max_body: u32,
}

/// A frame that was checked, borrowed from its decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    address: Address,
    body: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Who sent it to whom.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.address
    }

    /// The encoded message.
    #[must_use]
    pub const fn body(&self) -> &'a [u8] {
        self.body
    }

    /// The message.
    ///
    /// # Errors
    /// [`DecodeError`], if the sender put something else into the frame.
    pub fn message<M: Serialize + DeserializeOwned>(&self) -> Result<M, DecodeError> {
        super::decode(self.body)
    }
}

/// Cuts a byte stream into frames.
///
/// [`push`](Self::push) what was read, then [`poll`](Self::poll) until it yields `None`. The decoder then
/// holds less than one frame: never more than [`HEADER_LEN`], the largest body and what was last pushed.
/// Nothing is allocated for what a header claims. Its buffer is reused from frame to frame.
#[derive(Clone, Debug)]
pub struct Decoder {
    expected: Expected,
    buffer: Vec<u8>,
    /// Bytes at the front of `buffer` that were yielded already.
    used: usize,
    failed: Option<FrameError>,
}

impl Decoder {
    /// A decoder at the start of a stream.
    #[must_use]
    pub const fn new(expected: Expected) -> Self {
        Self { expected, buffer: Vec::new(), used: 0, failed: None }
    }

    /// Takes what was read from the stream. After an error it is dropped.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_some() {
            return;
        }
        if self.used > 0 {
            self.buffer.drain(..self.used);
            self.used = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next frame, if all of it is there. `known` tells whether a sender is one: asked once the header
    /// is there, before the body is waited for.
    ///
    /// # Errors
    /// [`FrameError`], now and at every later call: the stream is to be closed.
    pub fn poll(&mut self, known: impl FnOnce(NodeId) -> bool) -> Result<Option<Frame<'_>>, FrameError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        match self.next(known) {
            Ok(Some((address, start, end))) => {
                self.used = end;
                Ok(self.buffer.get(start..end).map(|body| Frame { address, body }))
            }
            Ok(None) => Ok(None),
            Err(error) => {
                self.failed = Some(error);
                self.buffer = Vec::new();
                self.used = 0;
                Err(error)
            }
        }
    }

    /// How many bytes wait for the rest of their frame.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.buffer.len().saturating_sub(self.used)
    }

    /// Checks the next frame and says where its body is.
    fn next(
        &self,
        known: impl FnOnce(NodeId) -> bool,
    ) -> Result<Option<(Address, usize, usize)>, FrameError> {
        let unread = self.buffer.get(self.used..).unwrap_or_default();
        let Some((bytes, rest)) = unread.split_first_chunk::<HEADER_LEN>() else {
            // What is wrong from the first byte on need not wait for a whole header.
            let same = unread.iter().zip(&MAGIC).all(|(found, expected)| found == expected);
            return if same { Ok(None) } else { Err(FrameError::Magic) };
        };
        let header = Header::parse(bytes, &self.expected)?;
        if !known(header.address.sender) {
            return Err(FrameError::UnknownSender { found: header.address.sender });
        }
        let Some(body) = usize::try_from(header.length).ok().and_then(|length| rest.get(..length)) else {
            return Ok(None);
        };
        let (front, back) = (bytes.get(..12).unwrap_or_default(), bytes.get(16..).unwrap_or_default());
        if header.checksum != checksum(&[front, back, body]) {
            return Err(FrameError::Checksum);
        }
        let start = self.used.saturating_add(HEADER_LEN);
        Ok(Some((header.address, start, start.saturating_add(body.len()))))
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    const ADDRESS: Address = Address { cluster: ClusterId(7), sender: NodeId(1), receiver: NodeId(2) };
    const EXPECTED: Expected = Expected { cluster: ClusterId(7), receiver: NodeId(2), max_body: 64 };

    fn frame(message: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encode(ADDRESS, message, 64, &mut out).unwrap();
        out
    }

    fn first(bytes: &[u8]) -> Result<Option<Vec<u8>>, FrameError> {
        let mut decoder = Decoder::new(EXPECTED);
        decoder.push(bytes);
        Ok(decoder.poll(|node| node == NodeId(1))?.map(|frame| frame.message().unwrap()))
    }

    #[test]
    fn frames_come_out_as_they_went_in_however_the_stream_is_cut() {
        let messages: [&[u8]; 4] = [b"", b"a", b"vote for me", &[0; 60]];
        let stream: Vec<u8> = messages.iter().flat_map(|message| frame(message)).collect();
        for chunk in 1..=stream.len() {
            let mut decoder = Decoder::new(EXPECTED);
            let mut seen: Vec<Vec<u8>> = Vec::new();
            for piece in stream.chunks(chunk) {
                decoder.push(piece);
                while let Some(frame) = decoder.poll(|_| true).unwrap() {
                    assert_eq!(frame.address(), ADDRESS);
                    seen.push(frame.message().unwrap());
                }
                assert!(decoder.pending() < HEADER_LEN + 64);
            }
            assert_eq!(seen, messages);
            assert_eq!(decoder.pending(), 0);
        }
    }

    #[test]
    fn every_flipped_bit_is_found_or_leaves_the_frame_unfinished() {
        let good = frame(b"hello");
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            // A longer length within the limit waits for bytes that a dead peer never sends.
            assert!(matches!(first(&bad), Err(_) | Ok(None)), "bit {bit}");
        }
    }

    #[test]
    fn each_check_has_its_error() {
        let with = |offset: usize, byte: u8| {
            let mut bytes = frame(b"hello");
            bytes[offset] = byte;
            first(&bytes)
        };
        assert_eq!(with(0, b'X'), Err(FrameError::Magic));
        assert_eq!(with(4, 2), Err(FrameError::UnknownVersion { found: 2 }));
        assert_eq!(with(6, 1), Err(FrameError::Reserved));
        assert_eq!(with(11, 0x80), Err(FrameError::TooLong { length: 0x8000_0007, limit: 64 }));
        assert_eq!(with(12, 0), Err(FrameError::Checksum));
        assert_eq!(with(16, 9), Err(FrameError::WrongCluster { found: ClusterId(9) }));
        assert_eq!(with(24, 9), Err(FrameError::UnknownSender { found: NodeId(9) }));
        assert_eq!(with(32, 9), Err(FrameError::WrongReceiver { found: NodeId(9) }));
        assert_eq!(with(HEADER_LEN, 9), Err(FrameError::Checksum));
        assert_eq!(first(b"GE"), Err(FrameError::Magic));
        assert_eq!(first(b"QR"), Ok(None));
    }

    #[test]
    fn an_oversized_frame_is_refused_by_its_header_alone_and_the_decoder_stays_failed() {
        let mut header = frame(b"hello");
        header[8..12].copy_from_slice(&65u32.to_le_bytes());
        header.truncate(HEADER_LEN);
        let mut decoder = Decoder::new(EXPECTED);
        decoder.push(&header);
        let error = FrameError::TooLong { length: 65, limit: 64 };
        assert_eq!(decoder.poll(|_| true), Err(error));
        decoder.push(&frame(b"fine"));
        assert_eq!(decoder.poll(|_| true), Err(error));
        assert_eq!(decoder.pending(), 0);
    }

    #[test]
    fn a_message_over_the_limit_is_not_encoded() {
        let mut out = vec![1, 2];
        let refused = encode(ADDRESS, &[0u8; 64][..], 64, &mut out);
        assert_eq!((refused, out), (Err(EncodeError::TooLong { limit: 64 }), vec![1, 2]));
    }

    #[test]
    fn a_foreign_body_is_an_error_of_its_own() {
        let bytes = frame(b"hello");
        let mut decoder = Decoder::new(EXPECTED);
        decoder.push(&bytes);
        let frame = decoder.poll(|_| true).unwrap().unwrap();
        assert_eq!(frame.message::<bool>(), Err(DecodeError::Malformed));
    }
}
