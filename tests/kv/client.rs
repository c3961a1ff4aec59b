//! A client that follows leaders, and tells what it knows of each request.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use redis_protocol::resp2::decode::decode;
use redis_protocol::resp2::types::OwnedFrame;

/// What a client knows of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// It was carried out.
    Done(OwnedFrame),
    /// It was not carried out, nor will it be.
    NotApplied,
    /// It may have been carried out, or be later.
    Unknown,
}

/// One connection.
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(Self { stream, buffer: Vec::new() })
    }

    pub(crate) fn send(&mut self, words: &[&[u8]]) -> io::Result<()> {
        self.stream.write_all(&request(words))
    }

    /// The next reply.
    pub(crate) fn reply(&mut self) -> io::Result<OwnedFrame> {
        loop {
            let decoded = decode(&self.buffer).map_err(|error| io::Error::other(error.to_string()))?;
            if let Some((reply, length)) = decoded {
                self.buffer.drain(..length);
                return Ok(reply);
            }
            let mut chunk = [0; 16 << 10];
            match self.stream.read(&mut chunk)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => self.buffer.extend_from_slice(&chunk[..read]),
            }
        }
    }

    pub(crate) fn call(&mut self, words: &[&[u8]]) -> io::Result<OwnedFrame> {
        self.send(words)?;
        self.reply()
    }

    /// Whether the other side has closed the connection, after everything it said.
    pub(crate) fn is_closed(&mut self) -> bool {
        self.buffer.is_empty() && matches!(self.stream.read(&mut [0; 1]), Ok(0))
    }
}

/// The bytes of a request.
pub(crate) fn request(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// A client of a cluster.
pub(crate) struct Client {
    nodes: Vec<SocketAddr>,
    at: SocketAddr,
    connection: Option<Connection>,
}

impl Client {
    pub(crate) fn new(nodes: Vec<SocketAddr>) -> Self {
        let at = nodes[0];
        Self { nodes, at, connection: None }
    }

    /// Asks once, where the leader was last known to be.
    pub(crate) fn once(&mut self, words: &[&[u8]]) -> Known {
        if self.connection.is_none() {
            self.connection = Connection::open(self.at).ok();
        }
        let Some(connection) = &mut self.connection else {
            self.go_on();
            return Known::NotApplied;
        };
        match connection.call(words) {
            Ok(OwnedFrame::Error(error)) => self.failed(&error),
            Ok(reply) => Known::Done(reply),
            // It may have got there before the connection broke.
            Err(_) => {
                self.go_on();
                Known::Unknown
            }
        }
    }

    fn failed(&mut self, error: &str) -> Known {
        let words: Vec<&str> = error.split(' ').collect();
        match words[..] {
            ["MOVED", _, address] => {
                self.at = address.parse().expect("an address");
                self.connection = None;
                Known::NotApplied
            }
            ["TRYAGAIN" | "CLUSTERDOWN", ..] => {
                self.go_on();
                Known::NotApplied
            }
            _ if error.ends_with("outcome unknown") => Known::Unknown,
            _ => panic!("an unexpected error: {error}"),
        }
    }

    /// Tries the next node.
    fn go_on(&mut self) {
        let here = self.nodes.iter().position(|node| *node == self.at).unwrap_or(0);
        self.at = self.nodes[(here + 1) % self.nodes.len()];
        self.connection = None;
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What `INFO` says.
#[derive(Clone, Debug)]
pub(crate) struct Info {
    /// The leader, numbered from 0.
    pub(crate) leader: Option<usize>,
    pub(crate) applied: u64,
    pub(crate) digest: String,
}

/// `INFO` of a node, if it runs.
pub(crate) fn info(address: SocketAddr) -> Option<Info> {
    let reply = Connection::open(address).ok()?.call(&[b"INFO"]).ok()?;
    let OwnedFrame::BulkString(text) = reply else { panic!("INFO said {reply:?}") };
    let text = String::from_utf8(text).expect("INFO is text");
    let field = |name: &str| {
        let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        found.unwrap_or_else(|| panic!("INFO does not tell {name}:\n{text}"))
    };
    let leader = field("leader").parse::<usize>().ok().map(|leader| leader - 1);
    let applied = field("applied_index").parse().expect("a number");
    Some(Info { leader, applied, digest: field("state_digest").to_owned() })
}
