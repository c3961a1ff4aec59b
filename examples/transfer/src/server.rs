//! A PostgreSQL server of one's own: found, initialised in a directory, started on a socket there, killed.
//!
//! It listens on no network, and only its own user (and root) reaches its socket. PostgreSQL refuses to run as
//! root, so where this process is root the server runs as an ordinary user.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use postgres::{Client, Config, NoTls};

use crate::node::TRANSACTIONS_MAX;

/// The superuser of the server, and the database.
const USER: &str = "bank";
const DATABASE: &str = "postgres";
/// Whom to run as instead of root, in this order.
const ORDINARY: [&str; 2] = ["postgres", "nobody"];
/// How long a server may take to start, recovery included.
const START_PATIENCE: Duration = Duration::from_secs(90);

/// Where PostgreSQL is, and as whom it can be run.
#[derive(Clone, Debug)]
pub struct Installation {
    binaries: PathBuf,
    /// The user and group to run as; none if this process is no root.
    identity: Option<(u32, u32)>,
}

impl Installation {
    /// Finds PostgreSQL.
    ///
    /// # Errors
    /// Why it cannot be run here.
    pub fn find() -> Result<Self, String> {
        let binaries = candidates().into_iter().find(|dir| is_installed(dir)).ok_or(
            "PostgreSQL is not installed: neither on the PATH, nor where pg_config says, nor in \
             /usr/lib/postgresql; on Debian, `apt-get install postgresql`",
        )?;
        let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
        let identity =
            if is_root {
                let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
                let found = ORDINARY.iter().find_map(|name| identity_of(&users, name));
                Some(found.ok_or(
                    "PostgreSQL does not run as root, and there is neither a user postgres nor nobody",
                )?)
            } else {
                None
            };
        Ok(Self { binaries, identity })
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.binaries.join(program));
        if let Some((user, group)) = self.identity {
            command.uid(user).gid(group);
        }
        command.stdin(Stdio::null());
        command
    }
}

fn is_installed(dir: &Path) -> bool {
    ["postgres", "initdb", "pg_ctl"].iter().all(|program| dir.join(program).is_file())
}

fn candidates() -> Vec<PathBuf> {
    let mut dirs: Vec<PathBuf> = std::env::var_os("PATH").iter().flat_map(std::env::split_paths).collect();
    if let Ok(said) = Command::new("pg_config").arg("--bindir").output() {
        dirs.push(PathBuf::from(String::from_utf8_lossy(&said.stdout).trim()));
    }
    let mut debian: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    // The newest first.
    debian.sort_by_key(|path| {
        let version =
            path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse::<u32>().ok());
        std::cmp::Reverse(version)
    });
    dirs.extend(debian.into_iter().map(|path| path.join("bin")));
    dirs
}

/// The user and group of `name`, as `/etc/passwd` has them.
fn identity_of(users: &str, name: &str) -> Option<(u32, u32)> {
    let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// A server and its directory. Dropped, it is stopped.
#[derive(Debug)]
pub struct Server {
    installation: Installation,
    dir: PathBuf,
    process: Option<Child>,
}

impl Server {
    /// Initialises a server in `dir`, which is made, and starts it.
    ///
    /// # Errors
    /// What did not work.
    pub fn create(installation: &Installation, dir: &Path) -> Result<Self, String> {
        make_directory(dir, installation.identity).map_err(|error| format!("{}: {error}", dir.display()))?;
        let mut initdb = installation.command("initdb");
        initdb.current_dir(dir).arg("-D").arg(dir.join("data"));
        // Nothing is in it yet that a power cut could take: from here on, the server syncs what it promises.
        initdb.args([
            "--username",
            USER,
            "--auth",
            "trust",
            "--encoding",
            "UTF8",
            "--no-locale",
            "--no-sync",
        ]);
        let done = initdb.output().map_err(|error| format!("initdb does not run: {error}"))?;
        if !done.status.success() {
            return Err(format!("initdb: {}", String::from_utf8_lossy(&done.stderr)));
        }
        let mut server = Self { installation: installation.clone(), dir: dir.to_owned(), process: None };
        server.start()?;
        Ok(server)
    }

    /// Starts a server that does not run, and waits until it takes connections.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(&mut self) -> Result<(), String> {
        let begun = Instant::now();
        while begun.elapsed() < START_PATIENCE {
            let mut process = self.launch().map_err(|error| format!("PostgreSQL does not run: {error}"))?;
            // After a kill, its orphans may keep the directory for a moment: then it ends, and is started again.
            while matches!(process.try_wait(), Ok(None)) && begun.elapsed() < START_PATIENCE {
                if self.connect().is_ok() {
                    self.process = Some(process);
                    return Ok(());
                }
                thread::sleep(Duration::from_millis(20));
            }
            let _ = process.kill();
            let _ = process.wait();
            thread::sleep(Duration::from_millis(50));
        }
        let log = fs::read_to_string(self.dir.join("log")).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(10).collect();
        Err(format!("PostgreSQL does not start in {}: {tail:?}", self.dir.display()))
    }

    fn launch(&self) -> io::Result<Child> {
        let log = File::options().create(true).append(true).open(self.dir.join("log"))?;
        let mut command = self.installation.command("postgres");
        command.current_dir(&self.dir).arg("-D").arg(self.dir.join("data")).arg("-k").arg(&self.dir);
        for setting in [
            "listen_addresses=".to_owned(),
            "unix_socket_permissions=0700".to_owned(),
            format!("max_prepared_transactions={}", TRANSACTIONS_MAX + TRANSACTIONS_MAX / 4),
            // Small, to start quickly; what durability needs is left as it is: fsync is on.
            "shared_buffers=16MB".to_owned(),
            "max_connections=40".to_owned(),
        ] {
            command.arg("-c").arg(setting);
        }
        command.stdout(log.try_clone()?).stderr(log).spawn()
    }

    /// Kills the server: it is given no time to do anything. Its children end by themselves.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// How the database is reached, as `--database` takes it.
    #[must_use]
    pub fn database(&self) -> String {
        format!("host={} user={USER} dbname={DATABASE}", self.dir.display())
    }

    /// A connection of one's own.
    ///
    /// # Errors
    /// The server is not there.
    pub fn connect(&self) -> Result<Client, postgres::Error> {
        Config::new().host_path(&self.dir).user(USER).dbname(DATABASE).connect(NoTls)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.process.is_some() {
            // Unlike a kill, this waits for the server's children: the directory may be removed afterwards.
            let mut stop = self.installation.command("pg_ctl");
            stop.current_dir(&self.dir).args(["stop", "--wait", "--mode=immediate", "--silent"]);
            let _ = stop
                .arg("-D")
                .arg(self.dir.join("data"))
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
        }
        self.kill();
    }
}

/// Makes a directory that belongs to who runs the server, and in which nobody else looks.
fn make_directory(dir: &Path, identity: Option<(u32, u32)>) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    if let Some((user, group)) = identity {
        chown(dir, Some(user), Some(group))?;
    }
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let users = "root:x:0:0::/root:/bin/sh\npostgresx:x:7:8::/:/bin/sh\npostgres:x:101:104::/var:/bin/sh\nbroken:x\n";
        assert_eq!(identity_of(users, "postgres"), Some((101, 104)));
        assert_eq!((identity_of(users, "nobody"), identity_of(users, "broken")), (None, None));
    }
}
