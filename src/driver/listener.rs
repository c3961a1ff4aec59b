//! The way in: accepts connections and reads frames from them.

use core::time::Duration;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::Driven;
use super::inbox::Inbox;
use super::lock;
use super::metrics::Counters;
use super::options::Limits;
use super::peers::Peers;
use crate::id::NodeId;
use crate::wire::frame::{Decoder, Expected, FrameError};

/// Bytes read from a connection at a time.
const READ_BYTES: usize = 64 << 10;
/// How long to wait when the operating system refuses a connection: most likely, it has no more to give.
const REFUSED_PAUSE: Duration = Duration::from_millis(50);

/// What all connections of a node share.
pub(super) struct Listener<Mc: Driven> {
    pub(super) expected: Expected,
    pub(super) limits: Limits,
    pub(super) counters: Arc<Counters>,
    pub(super) inbox: Arc<Inbox<Mc>>,
    pub(super) peers: Arc<Peers<Mc::Message>>,
    /// The connections, so that stopping can end their reads.
    pub(super) connections: Mutex<BTreeMap<u64, TcpStream>>,
}

/// Why a connection ends.
enum End {
    /// The peer closed it, it broke, or the node stops.
    Closed,
    /// Nothing came in time.
    Idle,
    /// A frame was wrong.
    Rejected(FrameError),
    /// A frame was right, and the message in it wrong.
    Malformed,
}

impl<Mc: Driven> Listener<Mc> {
    /// Accepts connections until the node stops.
    pub(super) fn run(self: &Arc<Self>, listener: &TcpListener) {
        let mut readers: Vec<JoinHandle<()>> = Vec::new();
        let mut next = 0u64;
        loop {
            let accepted = listener.accept();
            if self.inbox.is_stopping() {
                break;
            }
            let Ok((stream, _)) = accepted else {
                thread::sleep(REFUSED_PAUSE);
                continue;
            };
            readers.retain(|reader| !reader.is_finished());
            if readers.len() >= self.limits.connections.max(1) {
                self.counters.connections_refused.one();
                continue;
            }
            next = next.wrapping_add(1);
            match self.admit(next, stream) {
                Ok(reader) => readers.push(reader),
                Err(_) => self.counters.connections_refused.one(),
            }
        }
        for stream in lock(&self.connections).values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        for reader in readers {
            let _ = reader.join();
        }
    }

    /// Starts the thread of a connection.
    fn admit(self: &Arc<Self>, id: u64, stream: TcpStream) -> io::Result<JoinHandle<()>> {
        let clone = stream.try_clone()?;
        let timeout = self.limits.frame_timeout.min(self.limits.idle_timeout).max(Duration::from_millis(1));
        stream.set_read_timeout(Some(timeout))?;
        lock(&self.connections).insert(id, clone);
        let shared = Arc::clone(self);
        let name = format!("{}-in", self.expected.receiver);
        let spawned = thread::Builder::new().name(name).spawn(move || {
            let registered = Registered { connections: &shared.connections, id };
            match shared.read(stream) {
                End::Closed => {}
                End::Idle => shared.counters.connections_idle.one(),
                End::Rejected(
                    FrameError::WrongCluster { .. }
                    | FrameError::WrongReceiver { .. }
                    | FrameError::UnknownSender { .. },
                ) => shared.counters.rejected_identity.one(),
                End::Rejected(FrameError::TooLong { .. }) => shared.counters.rejected_too_long.one(),
                End::Rejected(_) | End::Malformed => shared.counters.rejected_damaged.one(),
            }
            drop(registered);
        });
        match spawned {
            Ok(handle) => {
                self.counters.connections_accepted.one();
                Ok(handle)
            }
            Err(error) => {
                lock(&self.connections).remove(&id);
                Err(error)
            }
        }
    }

    /// Reads frames from a connection until it ends.
    fn read(&self, mut stream: TcpStream) -> End {
        let mut decoder = Decoder::new(self.expected);
        let mut chunk = vec![0; READ_BYTES];
        let mut messages = Vec::new();
        let mut sender = None;
        // When the connection last delivered a whole frame, or began.
        let mut last = Instant::now();
        // Since when it owes the rest of a frame, or its first.
        let mut owing = Some(last);
        loop {
            let read = match stream.read(&mut chunk) {
                Ok(0) => return End::Closed,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if is_timeout(&error) => 0,
                Err(_) => return End::Closed,
            };
            if self.inbox.is_stopping() {
                return End::Closed;
            }
            decoder.push(chunk.get(..read).unwrap_or_default());
            let end = self.decode(&mut decoder, &mut sender, &mut messages);
            let (now, framed) = (Instant::now(), !messages.is_empty());
            if let Some(from) = sender
                && !self.inbox.deliver(from, &mut messages)
            {
                return End::Closed;
            }
            if let Some(end) = end {
                return end;
            }
            if framed {
                (last, owing) = (now, None);
            }
            if decoder.pending() > 0 {
                owing = owing.or(Some(now));
            }
            let late = owing.is_some_and(|since| now.duration_since(since) >= self.limits.frame_timeout);
            if late || now.duration_since(last) >= self.limits.idle_timeout {
                return End::Idle;
            }
        }
    }

    /// Takes the frames that are complete, and says why the connection must end, if it must. The first frame
    /// decides who is at the other end.
    fn decode(
        &self,
        decoder: &mut Decoder,
        sender: &mut Option<NodeId>,
        messages: &mut Vec<Mc::Message>,
    ) -> Option<End> {
        loop {
            let same = *sender;
            let known = |from| same.is_none_or(|same| same == from) && self.peers.knows(from);
            let frame = match decoder.poll(known) {
                Ok(Some(frame)) => frame,
                Ok(None) => return None,
                Err(error) => return Some(End::Rejected(error)),
            };
            match frame.message() {
                Ok(message) => messages.push(message),
                Err(_) => return Some(End::Malformed),
            }
            *sender = Some(frame.address().sender);
            self.counters.frames_received.one();
        }
    }
}

/// Forgets a connection when its thread ends, however it ends.
struct Registered<'a> {
    connections: &'a Mutex<BTreeMap<u64, TcpStream>>,
    id: u64,
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        lock(self.connections).remove(&self.id);
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// Wakes a thread that accepts connections at `socket`, by making one, until it has ended.
pub(super) fn end_accepting(handle: JoinHandle<()>, mut socket: SocketAddr) {
    if socket.ip().is_unspecified() {
        socket.set_ip(match socket {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
    }
    while !handle.is_finished() {
        // Refused or not: all that matters is that the thread looks up.
        drop(TcpStream::connect_timeout(&socket, REFUSED_PAUSE));
        thread::sleep(Duration::from_millis(1));
    }
    let _ = handle.join();
}
