//! Lines over TCP: a server that answers each line with one, and a caller that waits for it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::words::{Answer, LINE_BYTES_MAX, Request};

/// The most callers at a time: each has a thread.
const CALLERS_MAX: usize = 64;
/// How long a caller may say nothing.
const IDLE_TIMEOUT: Duration = Duration::from_secs(600);
/// How long a caller may take to accept an answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// Answers callers for as long as the process lives. Requests of one connection are answered in order.
pub fn serve(listener: &TcpListener, answer: impl Fn(Request) -> Answer + Send + Sync + 'static) {
    let answer = Arc::new(answer);
    let callers = Arc::new(AtomicUsize::new(0));
    loop {
        let Ok((stream, _)) = listener.accept() else {
            // The operating system has nothing more to give, most likely.
            thread::sleep(Duration::from_millis(50));
            continue;
        };
        let place = Place::take(&callers);
        if place.taken > CALLERS_MAX {
            // Dropped: the caller sees its connection end, and nothing was done.
            continue;
        }
        let answer = Arc::clone(&answer);
        let spawned = thread::Builder::new().name("caller".to_owned()).spawn(move || {
            // A connection that breaks needs no words: its caller has noticed.
            let _ = converse(stream, answer.as_ref());
            drop(place);
        });
        if spawned.is_err() {
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// One of the places for callers; given back when dropped.
struct Place {
    callers: Arc<AtomicUsize>,
    taken: usize,
}

impl Place {
    fn take(callers: &Arc<AtomicUsize>) -> Self {
        let taken = callers.fetch_add(1, Ordering::Relaxed) + 1;
        Self { callers: Arc::clone(callers), taken }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.callers.fetch_sub(1, Ordering::Relaxed);
    }
}

fn converse(mut stream: TcpStream, answer: &impl Fn(Request) -> Answer) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(IDLE_TIMEOUT))?;
    stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
    let mut lines = BufReader::new(stream.try_clone()?);
    while let Some(line) = read_line(&mut lines)? {
        let said = match line.parse::<Request>() {
            Ok(request) => answer(request),
            Err(malformed) => Answer::Error(malformed.to_string()),
        };
        stream.write_all(format!("{said}\n").as_bytes())?;
    }
    Ok(())
}

/// The next line; `None` at the end, an error for one that is too long, cut off or no text.
fn read_line(lines: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    let room = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
    if lines.take(room).read_line(&mut line)? == 0 {
        return Ok(None);
    }
    if !line.ends_with('\n') {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a line is cut off, or too long"));
    }
    Ok(Some(line))
}

/// A connection on which requests are asked, one after the other.
#[derive(Debug)]
pub struct Caller {
    lines: BufReader<TcpStream>,
}

impl Caller {
    /// Connects to `address`; each answer may take `patience`.
    ///
    /// # Errors
    /// Nobody listens there.
    pub fn connect(address: SocketAddr, patience: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, patience)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        Ok(Self { lines: BufReader::new(stream) })
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// None came. What was asked for may have been done, or may yet be; the connection is of no further use.
    pub fn ask(&mut self, request: &Request) -> io::Result<Answer> {
        self.lines.get_mut().write_all(format!("{request}\n").as_bytes())?;
        let line = read_line(&mut self.lines)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        line.parse().map_err(|malformed| io::Error::new(io::ErrorKind::InvalidData, malformed))
    }
}

/// Asks one thing on a connection of its own.
///
/// # Errors
/// No answer came.
pub fn ask(address: SocketAddr, request: &Request, patience: Duration) -> io::Result<Answer> {
    Caller::connect(address, patience)?.ask(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_bounded_and_whole_or_an_error() {
        let read = |bytes: &[u8]| read_line(&mut BufReader::new(bytes));
        assert_eq!(read(b"settle x\nmore").ok().flatten().as_deref(), Some("settle x\n"));
        assert!(matches!(read(b""), Ok(None)));
        assert!(read(b"settle x").is_err());
        assert!(read(&[b"x".repeat(LINE_BYTES_MAX), b"\n".to_vec()].concat()).is_err());
        assert!(read(b"\xff\xff\n").is_err());
    }
}
