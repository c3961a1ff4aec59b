//! RESP, version 2: requests out of a stream of bytes, and replies into one.
//!
//! The codec is `redis-protocol`. Before it is handed a request, the request's bounds are found here: the codec
//! follows nested arrays as deep as a peer cares to nest them, and a server must not. A request is one flat
//! array of bulk strings, or one line of words.

use std::fmt;
use std::sync::Arc;

use redis_protocol::resp2::decode::decode;
use redis_protocol::resp2::encode::{encode, encode_borrowed};
use redis_protocol::resp2::types::{BorrowedFrame, OwnedFrame};

/// The longest argument, in bytes.
pub(crate) const ARGUMENT_BYTES_MAX: usize = 512 << 10;
/// The longest request, in bytes. Its encoding as a command is shorter.
pub(crate) const REQUEST_BYTES_MAX: usize = 1 << 20;
/// The most arguments of a request.
pub(crate) const ARGUMENTS_MAX: usize = 1024;
/// The longest request that is a line of words.
pub(crate) const INLINE_BYTES_MAX: usize = 4096;
/// The longest line with a length in it: a type, the digits of an `i64` and the end.
const LENGTH_LINE_BYTES_MAX: usize = 24;

/// What a client sent that is not a request. The connection cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    ArgumentCount,
    ArgumentLength,
    ArgumentType,
    RequestLength,
    Inline,
    Codec,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ERR Protocol error: ")?;
        match self {
            Self::ArgumentCount => {
                write!(f, "invalid multibulk length: the limit is {ARGUMENTS_MAX} arguments")
            }
            Self::ArgumentLength => write!(f, "invalid bulk length: the limit is {ARGUMENT_BYTES_MAX} bytes"),
            Self::ArgumentType => f.write_str("an argument must be a bulk string, '$'"),
            Self::RequestLength => write!(f, "too big request: the limit is {REQUEST_BYTES_MAX} bytes"),
            Self::Inline => write!(f, "too big inline request: the limit is {INLINE_BYTES_MAX} bytes"),
            Self::Codec => f.write_str("not a request"),
        }
    }
}

/// Finds requests in bytes as they arrive. No byte is looked at twice for its bounds, however they arrive.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    buffer: Vec<u8>,
    /// Where the next request starts in `buffer`.
    start: usize,
    /// How far that request is known to stand, from its start.
    scanned: usize,
    /// How many arguments follow; `None` before its first line is complete.
    left: Option<usize>,
}

impl Requests {
    /// Takes bytes that arrived. Not bounded here: read no more while [`next`](Self::next) has requests.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.start);
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next request that is complete: its words. An empty line or array is a request of no words.
    pub(crate) fn next(&mut self) -> Result<Option<Vec<Vec<u8>>>, Malformed> {
        match self.rest().first() {
            None => Ok(None),
            Some(b'*') => self.next_array(),
            Some(_) => self.next_line(),
        }
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    fn next_line(&mut self) -> Result<Option<Vec<Vec<u8>>>, Malformed> {
        let rest = self.rest();
        let window = rest.get(..INLINE_BYTES_MAX).unwrap_or(rest);
        let Some(end) = window.iter().position(|byte| *byte == b'\n') else {
            return if window.len() < INLINE_BYTES_MAX { Ok(None) } else { Err(Malformed::Inline) };
        };
        let line = window.get(..end).unwrap_or_default();
        let words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let words = words.map(<[u8]>::to_vec).collect();
        self.start += end + 1;
        Ok(Some(words))
    }

    fn next_array(&mut self) -> Result<Option<Vec<Vec<u8>>>, Malformed> {
        while self.left != Some(0) {
            let Some(ahead) = self.rest().get(self.scanned..) else { return Ok(None) };
            let length = match self.left {
                None => length_line(ahead, b'*', ARGUMENTS_MAX).map_err(|()| Malformed::ArgumentCount)?,
                Some(_) if ahead.first().is_some_and(|first| *first != b'$') => {
                    return Err(Malformed::ArgumentType);
                }
                Some(_) => {
                    length_line(ahead, b'$', ARGUMENT_BYTES_MAX).map_err(|()| Malformed::ArgumentLength)?
                }
            };
            let Some((line, length)) = length else { return Ok(None) };
            match self.left {
                None => {
                    self.scanned = line;
                    self.left = Some(length);
                }
                Some(left) => {
                    let end = self.scanned + line + length + 2;
                    if end > REQUEST_BYTES_MAX {
                        return Err(Malformed::RequestLength);
                    }
                    match self.rest().get(end - 2..end) {
                        None => return Ok(None),
                        Some(b"\r\n") => {}
                        Some(_) => return Err(Malformed::ArgumentLength),
                    }
                    self.scanned = end;
                    self.left = Some(left - 1);
                }
            }
        }
        let words = words(self.rest().get(..self.scanned).unwrap_or_default())?;
        self.start += self.scanned;
        (self.scanned, self.left) = (0, None);
        Ok(Some(words))
    }
}

/// The words of a request that is known to be a flat array of bulk strings.
fn words(request: &[u8]) -> Result<Vec<Vec<u8>>, Malformed> {
    let Ok(Some((OwnedFrame::Array(arguments), length))) = decode(request) else {
        return Err(Malformed::Codec);
    };
    let words = arguments.into_iter().map(|argument| match argument {
        OwnedFrame::BulkString(word) => Ok(word),
        _ => Err(Malformed::Codec),
    });
    if length == request.len() { words.collect() } else { Err(Malformed::Codec) }
}

/// The bytes of the line that `bytes` begin with, and the number in it; `None` if it is not complete.
fn length_line(bytes: &[u8], kind: u8, max: usize) -> Result<Option<(usize, usize)>, ()> {
    let window = bytes.get(..LENGTH_LINE_BYTES_MAX).unwrap_or(bytes);
    let Some(end) = window.iter().position(|byte| *byte == b'\n') else {
        return if window.len() < LENGTH_LINE_BYTES_MAX { Ok(None) } else { Err(()) };
    };
    let digits = window.get(..end).and_then(|line| line.strip_prefix(&[kind])?.strip_suffix(b"\r"));
    let digits = digits.filter(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit));
    let number = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<usize>().ok());
    number.filter(|number| *number <= max).map(|number| Some((end + 1, number))).ok_or(())
}

/// An answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// A value as it is stored.
    Value(Arc<[u8]>),
    /// Anything else.
    Frame(OwnedFrame),
}

impl Reply {
    pub(crate) const NULL: Self = Self::Frame(OwnedFrame::Null);

    pub(crate) fn simple(text: &str) -> Self {
        Self::Frame(OwnedFrame::SimpleString(text.into()))
    }

    /// An error. What of it a client wrote cannot break out of its line.
    pub(crate) fn error(text: impl fmt::Display) -> Self {
        let text = text.to_string();
        Self::Frame(OwnedFrame::Error(text.replace(|found: char| found.is_control(), " ")))
    }

    pub(crate) fn integer(number: impl Into<i64>) -> Self {
        Self::Frame(OwnedFrame::Integer(number.into()))
    }

    pub(crate) fn bulk(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Frame(OwnedFrame::BulkString(bytes.into()))
    }

    pub(crate) fn array(items: Vec<OwnedFrame>) -> Self {
        Self::Frame(OwnedFrame::Array(items))
    }

    /// Appends the bytes of this reply to `out`.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let written = match self {
            Self::Value(bytes) => {
                let frame = BorrowedFrame::BulkString(bytes);
                out.resize(start + frame.encode_len(false), 0);
                encode_borrowed(out.get_mut(start..).unwrap_or_default(), &frame, false)
            }
            Self::Frame(frame) => {
                out.resize(start + encode_len(frame), 0);
                encode(out.get_mut(start..).unwrap_or_default(), frame, false)
            }
        };
        debug_assert!(written.is_ok_and(|written| written == out.len() - start));
    }
}

fn encode_len(frame: &OwnedFrame) -> usize {
    redis_protocol::resp2::types::Resp2Frame::encode_len(frame, false)
}
