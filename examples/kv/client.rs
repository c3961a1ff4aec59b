//! One client's connection: requests in, replies out, in order.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::app::{Answer, Ask, Waiter};
use crate::node::Service;
use crate::requests::{self, Todo};
use crate::resp::{Reply, Requests};

/// The most clients at a time: each has a thread.
const CLIENTS_MAX: usize = 256;
/// The most requests of one client that are under way. It may send more: they are not read meanwhile.
const PIPELINED_MAX: usize = 512;
/// How long a client waits for an outcome before it is told that there is none yet.
const OUTCOME_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a client may say nothing.
const IDLE_TIMEOUT: Duration = Duration::from_secs(600);
/// How long a client may take to accept a part of a reply.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to listen to a client that was told that it is cut off.
const LINGER: Duration = Duration::from_secs(1);
/// Bytes read at a time, and gathered before they are written.
const CHUNK_BYTES: usize = 64 << 10;

/// Accepts clients for as long as the process lives.
pub(crate) fn accept(service: &Arc<Service>, listener: &TcpListener) {
    let clients = Arc::new(AtomicUsize::new(0));
    loop {
        let Ok((stream, _)) = listener.accept() else {
            // The operating system has nothing more to give, most likely.
            thread::sleep(Duration::from_millis(50));
            continue;
        };
        let place = Place::take(&clients);
        if place.taken > CLIENTS_MAX {
            refuse(&stream);
            continue;
        }
        let service = Arc::clone(service);
        let spawned = thread::Builder::new().name("client".to_owned()).spawn(move || {
            // A connection that breaks needs no words: its client has noticed.
            let _ = Connection::new(&service, stream).and_then(|mut connection| connection.serve());
            drop(place);
        });
        if spawned.is_err() {
            thread::sleep(Duration::from_millis(50));
        }
    }
}

fn refuse(mut stream: &TcpStream) {
    let mut out = Vec::new();
    Reply::error(format!("ERR max number of clients reached: {CLIENTS_MAX}")).write(&mut out);
    // A few bytes fit into the socket's buffer, or the client has to do without.
    let _ = stream.set_nonblocking(true).and_then(|()| stream.write(&out));
}

/// One of the places for clients; given back when dropped.
struct Place {
    clients: Arc<AtomicUsize>,
    taken: usize,
}

impl Place {
    fn take(clients: &Arc<AtomicUsize>) -> Self {
        let taken = clients.fetch_add(1, Ordering::Relaxed) + 1;
        Self { clients: Arc::clone(clients), taken }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.clients.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A request that was read and not yet replied to.
enum Pending {
    /// The answer to ask number so much of the burst, of this slot.
    Asked(usize, u16),
    Info,
    Slots,
    Nodes,
    Reply(Reply),
}

struct Connection<'a> {
    service: &'a Service,
    stream: TcpStream,
    requests: Requests,
    sender: Sender<(u64, Answer)>,
    answers: Receiver<(u64, Answer)>,
    /// What was ever asked. Answers that come too late are told by their number.
    asked: u64,
}

impl<'a> Connection<'a> {
    fn new(service: &'a Service, stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(IDLE_TIMEOUT))?;
        stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
        let (sender, answers) = channel();
        Ok(Self { service, stream, requests: Requests::default(), sender, answers, asked: 0 })
    }

    /// Serves until the client leaves, or has to.
    fn serve(&mut self) -> io::Result<()> {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let read = match self.stream.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.requests.push(chunk.get(..read).unwrap_or_default());
            loop {
                let mut asks = Vec::new();
                let (burst, last) = self.burst(&mut asks);
                if burst.is_empty() && !last {
                    break;
                }
                self.answer(burst, asks)?;
                if last {
                    return self.hang_up(&mut chunk);
                }
            }
        }
    }

    /// Takes requests that have arrived, and whether they are the last ones.
    fn burst(&mut self, asks: &mut Vec<Ask>) -> (Vec<Pending>, bool) {
        let until = Instant::now() + OUTCOME_TIMEOUT;
        let mut burst = Vec::new();
        while burst.len() < PIPELINED_MAX {
            let words = match self.requests.next() {
                Ok(Some(words)) => words,
                Ok(None) => break,
                Err(malformed) => {
                    burst.push(Pending::Reply(Reply::error(malformed)));
                    return (burst, true);
                }
            };
            burst.push(match requests::read(words) {
                Todo::Nothing => continue,
                Todo::Reply(reply) => Pending::Reply(reply),
                Todo::Info => Pending::Info,
                Todo::Slots => Pending::Slots,
                Todo::Nodes => Pending::Nodes,
                Todo::Quit => {
                    burst.push(Pending::Reply(Reply::simple("OK")));
                    return (burst, true);
                }
                Todo::Ask(op, slot) => match op.encode() {
                    Ok(command) => {
                        let at = asks.len();
                        let seq = self.asked + at as u64;
                        let waiter = Waiter { answers: self.sender.clone(), seq };
                        asks.push(Ask { command, waiter, until });
                        Pending::Asked(at, slot)
                    }
                    Err(error) => Pending::Reply(Reply::error(format!("ERR {error}"))),
                },
            });
        }
        (burst, false)
    }

    /// Asks, waits for the outcomes, and replies in the order of the requests.
    fn answer(&mut self, burst: Vec<Pending>, asks: Vec<Ask>) -> io::Result<()> {
        let mut answers = self.outcomes(asks);
        let mut out = Vec::new();
        for pending in burst {
            let reply = match pending {
                Pending::Asked(at, slot) => match answers.get_mut(at).and_then(Option::take) {
                    Some(answer) => self.service.reply(answer, slot),
                    None => Reply::error("ERR timeout; outcome unknown"),
                },
                Pending::Info => self.service.info(),
                Pending::Slots => self.service.slots(),
                Pending::Nodes => self.service.nodes(),
                Pending::Reply(reply) => reply,
            };
            reply.write(&mut out);
            if out.len() >= CHUNK_BYTES {
                self.stream.write_all(&out)?;
                out.clear();
            }
        }
        self.stream.write_all(&out)
    }

    /// What became of `asks`, as far as it is known in time.
    fn outcomes(&mut self, asks: Vec<Ask>) -> Vec<Option<Answer>> {
        let mut answers: Vec<Option<Answer>> = asks.iter().map(|_| None).collect();
        let Some(until) = asks.first().map(|ask| ask.until) else { return answers };
        let first = self.asked;
        self.asked += asks.len() as u64;
        self.service.ask(asks);
        let mut missing = answers.len();
        while missing > 0 {
            let patience = until.saturating_duration_since(Instant::now());
            let Ok((seq, answer)) = self.answers.recv_timeout(patience) else { break };
            let at = seq.checked_sub(first).and_then(|at| usize::try_from(at).ok());
            if let Some(place) = at.and_then(|at| answers.get_mut(at)) {
                *place = Some(answer);
                missing -= 1;
            }
        }
        answers
    }

    /// Closes the connection such that the last reply arrives: what the client still sends is taken in for a
    /// while, since a socket that is closed with unread bytes tears down what it has sent.
    fn hang_up(&mut self, chunk: &mut [u8]) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)?;
        self.stream.set_read_timeout(Some(LINGER))?;
        let until = Instant::now() + LINGER;
        while Instant::now() < until && self.stream.read(chunk)? > 0 {}
        Ok(())
    }
}
