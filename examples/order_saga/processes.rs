//! The four processes of a shop: started, killed, started again.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::lines::{self, Said};
use crate::node::client_port;
use crate::shop::Role;

/// How long anything may take before it is given up. Nothing is judged by its speed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Where a shop is, and how its processes reach each other.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) program: PathBuf,
    pub(crate) dir: PathBuf,
    pub(crate) port: u16,
    /// The ports of a network in between, if there is one.
    pub(crate) through: Option<u16>,
    /// How much longer a write takes to the store of a process.
    pub(crate) disk_ms: fn(Role) -> u64,
}

/// A running shop. Dropped, it is killed.
pub(crate) struct Shop {
    site: Site,
    children: [Mutex<Option<Child>>; 4],
    /// A process ended by itself, or could not be started.
    broken: AtomicBool,
}

impl Shop {
    /// Starts all processes, and waits until they take clients.
    pub(crate) fn start(site: Site) -> Result<Self, String> {
        let shop = Self { site, children: [const { Mutex::new(None) }; 4], broken: AtomicBool::new(false) };
        Role::ALL.into_iter().try_for_each(|role| shop.start_process(role))?;
        shop.await_all()?;
        Ok(shop)
    }

    fn child(&self, role: Role) -> MutexGuard<'_, Option<Child>> {
        let [orders, stock, payment, shipping] = &self.children;
        let child = match role {
            Role::Orders => orders,
            Role::Stock => stock,
            Role::Payment => payment,
            Role::Shipping => shipping,
        };
        child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is no use in waiting for all processes any more.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// Starts a process that does not run.
    pub(crate) fn start_process(&self, role: Role) -> Result<(), String> {
        self.spawn(role).inspect_err(|_| self.broken.store(true, Ordering::Relaxed))
    }

    fn spawn(&self, role: Role) -> Result<(), String> {
        let Site { program, dir, port, through, disk_ms } = &self.site;
        let unusable = |error: std::io::Error| format!("{} cannot be used: {error}", dir.display());
        fs::create_dir_all(dir).map_err(unusable)?;
        let log = File::options().create(true).append(true).open(log_path(dir, role)).map_err(unusable)?;
        let mut command = Command::new(program);
        command.args(["node", role.name(), "--until-stdin-closes", "--port", &port.to_string(), "--dir"]);
        command.arg(dir.join(role.name())).stdin(Stdio::piped());
        command.args(["--disk-ms", &disk_ms(role).to_string()]);
        if let Some(through) = through {
            command.args(["--through", &through.to_string()]);
        }
        command.stdout(log.try_clone().map_err(unusable)?).stderr(log);
        let child = command.spawn().map_err(|error| format!("{} does not start: {error}", role.name()))?;
        *self.child(role) = Some(child);
        Ok(())
    }

    /// Kills processes, each before any of them is known to have ended: they are given no time to do anything.
    pub(crate) fn kill(&self, roles: &[Role]) -> Result<(), String> {
        let mut dying = Vec::new();
        for role in roles {
            let Some(mut child) = self.child(*role).take() else { continue };
            if let Ok(Some(status)) = child.try_wait() {
                return Err(self.ended(*role, &status.to_string()));
            }
            child.kill().map_err(|error| format!("{} cannot be killed: {error}", role.name()))?;
            dying.push(child);
        }
        for mut child in dying {
            let _ = child.wait();
        }
        Ok(())
    }

    fn ended(&self, role: Role, how: &str) -> String {
        self.broken.store(true, Ordering::Relaxed);
        let words = fs::read_to_string(log_path(&self.site.dir, role)).unwrap_or_default();
        let last: Vec<_> = words.lines().rev().take(3).collect();
        format!("{} ended by itself ({how}): {}", role.name(), last.join(" / "))
    }

    /// Waits until all processes take clients.
    pub(crate) fn await_all(&self) -> Result<(), String> {
        for role in Role::ALL {
            self.ask_until_answered(role, if role == Role::Orders { "stuck" } else { "books" })?;
        }
        Ok(())
    }

    /// Asks once.
    pub(crate) fn ask(&self, role: Role, line: &str) -> std::io::Result<Said> {
        lines::ask(client_port(self.site.port, role), line)
    }

    /// Asks until there is an answer, and gives the lines of it; an `error` is one.
    pub(crate) fn ask_until_answered(&self, role: Role, line: &str) -> Result<Vec<String>, String> {
        let begun = Instant::now();
        loop {
            match self.ask(role, line) {
                Ok(Said::Ok(lines, _)) => return Ok(lines),
                Ok(Said::Error(error)) => return Err(format!("{} to `{line}`: {error}", role.name())),
                Err(error) if begun.elapsed() > PATIENCE => {
                    return Err(format!("{} does not answer `{line}`: {error}", role.name()));
                }
                Err(_) => {}
            }
            if let Some(child) = &mut *self.child(role)
                && let Ok(Some(status)) = child.try_wait()
            {
                return Err(self.ended(role, &status.to_string()));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

fn log_path(dir: &Path, role: Role) -> PathBuf {
    dir.join(format!("{}.log", role.name()))
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _ = self.kill(&Role::ALL);
    }
}
