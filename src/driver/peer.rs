//! The way out to one peer: a bounded queue, and a thread that keeps a connection and writes to it.
//!
//! Messages go out on the connection that the sender made, and nothing comes back on it. The connection is
//! made before there is anything to say; a peer may close it for being silent, which is noticed, and mended,
//! when there is.

use core::time::Duration;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use serde::Serialize;

use super::entropy::Entropy;
use super::lock;
use super::metrics::Counters;
use super::options::Limits;
use crate::wire::frame::{self, Address};

/// A connection that was not written to for so long is looked at before it is used.
const STALE: Duration = Duration::from_millis(50);

/// Messages on their way to one peer.
pub(super) struct Outbox<M> {
    queue: Mutex<Queue<M>>,
    ready: Condvar,
    messages_max: usize,
}

struct Queue<M> {
    messages: VecDeque<M>,
    stop: bool,
    asleep: bool,
    /// The connection, so that stopping can end a write that hangs.
    stream: Option<TcpStream>,
}

impl<M> Outbox<M> {
    pub(super) fn new(messages_max: usize) -> Self {
        let queue = Queue { messages: VecDeque::new(), stop: false, asleep: false, stream: None };
        Self { queue: Mutex::new(queue), ready: Condvar::new(), messages_max: messages_max.max(1) }
    }

    /// Queues a message; returns the oldest one if it had to make room.
    pub(super) fn push(&self, message: M) -> Option<M> {
        let mut queue = lock(&self.queue);
        let full = queue.messages.len() >= self.messages_max;
        let dropped = if full { queue.messages.pop_front() } else { None };
        queue.messages.push_back(message);
        let asleep = queue.asleep;
        drop(queue);
        if asleep {
            self.ready.notify_one();
        }
        dropped
    }

    /// Ends the thread, whatever it waits for.
    pub(super) fn stop(&self) {
        let mut queue = lock(&self.queue);
        queue.stop = true;
        if let Some(stream) = queue.stream.take() {
            // It fails if the connection is gone, which is what is wanted.
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(queue);
        self.ready.notify_all();
    }

    fn is_stopped(&self) -> bool {
        lock(&self.queue).stop
    }

    /// Waits until there is a message; false if the thread is to end.
    fn wait(&self) -> bool {
        let mut queue = lock(&self.queue);
        while queue.messages.is_empty() && !queue.stop {
            queue.asleep = true;
            queue = self.ready.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.asleep = false;
        }
        !queue.stop
    }

    /// Waits for `pause`, or until the thread is to end.
    fn pause(&self, pause: Duration) {
        let queue = lock(&self.queue);
        let wait = self.ready.wait_timeout_while(queue, pause, |queue| !queue.stop);
        drop(wait.unwrap_or_else(PoisonError::into_inner));
    }

    /// Keeps `stream` for [`stop`](Self::stop); false if the thread is to end.
    fn connected(&self, stream: Option<TcpStream>) -> bool {
        let mut queue = lock(&self.queue);
        queue.stream = stream;
        !queue.stop
    }
}

/// The thread of one peer.
pub(super) struct Writer<M> {
    pub(super) outbox: Arc<Outbox<M>>,
    pub(super) socket: SocketAddr,
    pub(super) address: Address,
    pub(super) limits: Limits,
    pub(super) counters: Arc<Counters>,
    pub(super) entropy: Entropy,
}

impl<M: Serialize> Writer<M> {
    /// Connects and writes until the outbox is stopped.
    pub(super) fn run(mut self) {
        let mut failures: u32 = 0;
        let mut connected_before = false;
        while !self.outbox.is_stopped() {
            let begun = Instant::now();
            match self.connect() {
                Ok(stream) => {
                    self.counters.connects.one();
                    if connected_before {
                        self.counters.reconnects.one();
                    }
                    connected_before = true;
                    self.serve(stream);
                    // One that is accepted and closed at once counts as a failure to connect.
                    let lasted = begun.elapsed() > self.limits.reconnect_max;
                    failures = if lasted { 0 } else { failures.saturating_add(1) };
                }
                Err(_) => {
                    self.counters.connects_failed.one();
                    failures = failures.saturating_add(1);
                    // What waits would be stale by the time that the peer is back.
                    let mut queue = lock(&self.outbox.queue);
                    self.counters.messages_dropped.add(queue.messages.len());
                    queue.messages.clear();
                }
            }
            if failures > 0 {
                let pause = backoff(&self.limits, failures, self.entropy.draw());
                self.outbox.pause(pause);
            }
        }
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect_timeout(&self.socket, self.limits.connect_timeout)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(self.limits.write_timeout).filter(|timeout| !timeout.is_zero()))?;
        Ok(stream)
    }

    /// Writes what comes, until the connection breaks or the thread is to end.
    fn serve(&self, mut stream: TcpStream) {
        let Ok(clone) = stream.try_clone() else { return };
        if !self.outbox.connected(Some(clone)) {
            return;
        }
        let mut taken = VecDeque::new();
        let mut bytes = Vec::new();
        let mut written = Instant::now();
        while self.outbox.wait() {
            // A peer that restarted is found out before messages are lost on the dead connection.
            if written.elapsed() > STALE && is_dead(&stream) {
                break;
            }
            core::mem::swap(&mut taken, &mut lock(&self.outbox.queue).messages);
            if self.write(&mut stream, &mut taken, &mut bytes).is_err() {
                self.counters.messages_dropped.add(taken.len());
                break;
            }
            written = Instant::now();
        }
        self.outbox.connected(None);
    }

    /// Writes all of `taken`, several frames at a time.
    fn write(&self, stream: &mut TcpStream, taken: &mut VecDeque<M>, bytes: &mut Vec<u8>) -> io::Result<()> {
        while !taken.is_empty() {
            bytes.clear();
            let mut frames = 0usize;
            while bytes.len() < self.limits.write_bytes.max(1) {
                let Some(message) = taken.pop_front() else { break };
                match frame::encode(self.address, &message, self.limits.message_bytes, bytes) {
                    Ok(()) => frames = frames.saturating_add(1),
                    Err(_) => self.counters.messages_too_long.one(),
                }
            }
            if frames == 0 {
                continue;
            }
            let written = stream.write_all(bytes);
            if written.is_err() {
                self.counters.messages_dropped.add(frames);
            }
            written?;
            self.counters.writes.one();
            self.counters.frames_sent.add(frames);
            self.counters.bytes_sent.add(bytes.len());
            // One long message does not keep its memory for ever.
            bytes.shrink_to(self.limits.write_bytes.saturating_mul(2));
        }
        Ok(())
    }
}

/// How long to wait after so many failures in a row: doubled each time up to a limit, half of it jitter.
fn backoff(limits: &Limits, failures: u32, draw: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(20);
    let longest = limits.reconnect_min.saturating_mul(1 << doublings).min(limits.reconnect_max);
    let half = longest / 2;
    half.saturating_add(half.mul_f64(f64::from(draw) / f64::from(u32::MAX)))
}

/// Whether the peer has closed the connection. Peers send nothing this way: data counts as closed, too.
fn is_dead(stream: &TcpStream) -> bool {
    let looked = stream.set_nonblocking(true).and_then(|()| stream.peek(&mut [0]));
    let restored = stream.set_nonblocking(false);
    let alive = matches!(looked, Err(ref error) if error.kind() == io::ErrorKind::WouldBlock);
    !alive || restored.is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_within_its_limits() {
        let limits = Limits::default();
        for failures in 1..100 {
            let (least, most) = (backoff(&limits, failures, 0), backoff(&limits, failures, u32::MAX));
            assert!(least >= limits.reconnect_min / 2 && most <= limits.reconnect_max);
            assert!(least < most);
        }
        assert_eq!(backoff(&limits, 3, u32::MAX), limits.reconnect_min * 4);
        assert_eq!(backoff(&limits, u32::MAX, u32::MAX), limits.reconnect_max);
    }

    #[test]
    fn a_full_queue_drops_its_oldest_message() {
        let outbox = Outbox::new(2);
        assert_eq!([outbox.push('a'), outbox.push('b'), outbox.push('c')], [None, None, Some('a')]);
        assert!(outbox.wait());
        outbox.stop();
        assert!(!outbox.wait());
    }
}
