//! The protocol of clients and operators: a line asks, lines answer. The last one begins with `ok` or `error`, and
//! no other does.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// The longest question, in bytes.
const LINE_BYTES_MAX: u64 = 512;
/// The longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: u64 = 64 << 20;
/// The most clients at a time: each has a thread.
const CLIENTS_MAX: usize = 64;
/// How long a client may say nothing, or take to accept its answer.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Who answers: the last line as a result, the others before it.
pub(crate) trait Answer: Send + Sync + 'static {
    /// Answers the words of a line.
    ///
    /// # Errors
    /// What was wrong, and what to do about it.
    fn answer(&self, words: &[&str]) -> Result<(Vec<String>, String), String>;
}

/// Serves clients for as long as the process lives.
pub(crate) fn serve(listener: &TcpListener, service: &Arc<impl Answer>) {
    let clients = Arc::new(AtomicUsize::new(0));
    loop {
        let Ok((stream, _)) = listener.accept() else {
            // The operating system has nothing more to give, most likely.
            thread::sleep(Duration::from_millis(50));
            continue;
        };
        if clients.fetch_add(1, Ordering::Relaxed) >= CLIENTS_MAX {
            clients.fetch_sub(1, Ordering::Relaxed);
            let _ = (&stream).write_all(b"error too many clients: ask again later\n");
            continue;
        }
        let (service, place) = (Arc::clone(service), Arc::clone(&clients));
        let spawned = thread::Builder::new().name("client".to_owned()).spawn(move || {
            // A connection that breaks needs no words: its client has noticed.
            let _ = converse(stream, &*service);
            place.fetch_sub(1, Ordering::Relaxed);
        });
        if spawned.is_err() {
            clients.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn converse(stream: TcpStream, service: &impl Answer) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(IDLE_TIMEOUT))?;
    stream.set_write_timeout(Some(IDLE_TIMEOUT))?;
    let mut reader = BufReader::new(&stream);
    loop {
        let mut line = Vec::new();
        reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            if !line.is_empty() {
                (&stream)
                    .write_all(b"error a line is at most 511 bytes and ends: the connection ends here\n")?;
            }
            return Ok(());
        }
        let line = String::from_utf8_lossy(&line);
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut out = String::new();
        match service.answer(&words) {
            Ok((lines, last)) => {
                lines.iter().for_each(|line| out.extend([line, "\n"]));
                out.extend([if last.is_empty() { "ok" } else { "ok " }, &last, "\n"]);
            }
            Err(error) => out.extend(["error ", &error.replace(char::is_control, " "), "\n"]),
        }
        (&stream).write_all(out.as_bytes())?;
    }
}

/// What was answered: the lines before the last one, and that one without its first word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Ok(Vec<String>, String),
    Error(String),
}

/// Asks one question.
///
/// # Errors
/// The connection failed: whether the question arrived is not known, unless there was none at all
/// ([`io::ErrorKind::ConnectionRefused`]).
pub(crate) fn ask(port: u16, line: &str) -> io::Result<Said> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect_timeout(&address, Duration::from_secs(2))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(IDLE_TIMEOUT))?;
    (&stream).write_all(format!("{line}\n").as_bytes())?;
    let mut lines = Vec::new();
    for line in BufReader::new(stream.take(ANSWER_BYTES_MAX)).lines() {
        let line = line?;
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("ok", last) => return Ok(Said::Ok(lines, last.to_owned())),
            ("error", error) => return Ok(Said::Error(error.to_owned())),
            _ => lines.push(line),
        }
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}
