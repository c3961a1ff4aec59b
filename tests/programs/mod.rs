//! For tests of examples: their programs, built when they are stale, and ports for their processes.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// How long anything may take before a test gives up. Nothing is judged by its speed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until `what` happens.
pub(crate) fn wait<T>(what: &str, mut happens: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(value) = happens() {
            return value;
        }
        assert!(begun.elapsed() < PATIENCE, "waited too long for {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// The program of `example`, of which a test has one. `cargo test` builds examples; where only some targets were asked
/// for, it is built here.
pub(crate) fn program(example: &str) -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let test = std::env::current_exe().expect("this test has a path");
        let profile = test.parent().and_then(Path::parent).expect("target/<profile>/deps/<test>");
        let program = profile.join("examples").join(example).with_extension(std::env::consts::EXE_EXTENSION);
        if !is_fresh(&program, example) {
            build(profile, example);
        }
        program
    })
}

/// Whether the program is newer than all that it is made of.
fn is_fresh(program: &Path, example: &str) -> bool {
    let Ok(built) = fs::metadata(program).and_then(|metadata| metadata.modified()) else { return false };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = [root.join("src"), root.join("examples").join(example), root.join("Cargo.toml")];
    sources.iter().all(|part| newest(part) <= built)
}

fn newest(path: &Path) -> SystemTime {
    let own = fs::metadata(path).and_then(|metadata| metadata.modified()).expect("sources can be read");
    let inside = fs::read_dir(path).into_iter().flatten().flatten();
    inside.map(|entry| newest(&entry.path())).fold(own, SystemTime::max)
}

fn build(profile: &Path, example: &str) {
    let name = profile.file_name().and_then(|name| name.to_str()).expect("a profile has a name");
    let profile = if name == "debug" { "dev" } else { name };
    let mut command = Command::new(option_env!("CARGO").unwrap_or("cargo"));
    command.args(["build", "--quiet", "--locked", "--example", example, "--profile", profile]);
    let status = command.current_dir(env!("CARGO_MANIFEST_DIR")).status().expect("cargo runs");
    assert!(status.success(), "the example does not build");
}

/// So many ports in a row that are free, below those that the system gives to outgoing connections: a node
/// that comes back finds its own free.
pub(crate) fn free_ports(count: u16) -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id().wrapping_mul(61) % 18_000).expect("it is small");
    wait("free ports", || {
        let first = 12_000 + (start + NEXT.fetch_add(count, Ordering::Relaxed)) % 18_000;
        let free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        (first..first + count).all(free).then_some(first)
    })
}
