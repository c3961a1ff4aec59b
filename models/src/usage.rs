//! What a run costs, as the operating system tells.

use std::fs;

/// CPU time and memory of this process at one moment; zero where unknown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    cpu_seconds: f64,
    resident_bytes: u64,
}

/// `/proc` counts CPU time in hundredths of a second on every Linux that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;
/// `/proc` counts kibibytes.
const KIBI: u64 = 1024;

impl Usage {
    /// The usage so far.
    pub(crate) fn now() -> Self {
        Self { cpu_seconds: cpu_seconds().unwrap_or(0.0), resident_bytes: resident_bytes().unwrap_or(0) }
    }

    /// Resident memory, in bytes.
    pub(crate) const fn resident_bytes(self) -> u64 {
        self.resident_bytes
    }

    /// CPU seconds since, and growth of resident memory.
    pub(crate) fn since(self) -> (f64, u64) {
        let now = Self::now();
        (
            (now.cpu_seconds - self.cpu_seconds).max(0.0),
            now.resident_bytes.saturating_sub(self.resident_bytes),
        )
    }
}

#[allow(clippy::cast_precision_loss, reason = "ticks of a hundredth of a second")]
fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the process, in parentheses, may hold spaces; user and system time are fields 14 and 15.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) as f64 / TICKS_PER_SECOND)
}

fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibi: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibi * KIBI)
}
