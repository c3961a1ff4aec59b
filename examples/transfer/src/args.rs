//! The command line.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};
use quorate::commit::Mode;
use quorate::id::{ClusterId, NodeId};

use crate::bank::BankArgs;
use crate::coordinator::CoordinatorArgs;
use crate::node::NodeArgs;
use crate::words::{Name, Request};

/// What `--help` prints.
pub const USAGE: &str = "\
Money moved between two PostgreSQL databases by two-phase commit.

  transfer demo [--stay]
      Starts two PostgreSQL servers, two banks and a coordinator in a directory of their own, moves some
      money, kills some of them, and cleans up; with --stay only once its standard input ends.

  transfer ask ADDRESS transfer ID FROM TO AMOUNT
      Asks a coordinator to move money. FROM and TO are BANK/ACCOUNT. The answer is `committed`,
      `aborted REASON` or `unknown REASON`; an ID may be sent again until the answer is one of the first two.
  transfer ask ADDRESS settle ID
      Asks a bank what became of a transfer; one that has not happened never will from then on.

  transfer coordinator --dir DIR --listen ADDR --client ADDR --bank NAME=ID=LISTEN=CLIENT ...
      Runs the coordinator, which keeps its decisions in DIR. [--id 1] [--presume abort|commit]
  transfer bank --name NAME --id ID --dir DIR --listen ADDR --client ADDR --peer ID=LISTEN ... --database WHERE
      Runs a bank. Its peers are the coordinator and all other banks. WHERE is written as for psql:
      'host=/run/postgresql user=bank dbname=bank'. That server needs max_prepared_transactions = 80.

  Addresses are IP:PORT. Both take [--cluster 1], and end with their standard input under --until-stdin-closes.
";

/// How long `ask` waits for an answer.
pub const ASK_PATIENCE: Duration = Duration::from_secs(15);

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a command line")]
pub enum Invocation {
    /// `--help`, or nothing.
    Help,
    /// `demo`.
    Demo {
        /// Whether it stays until its standard input ends.
        stay: bool,
    },
    /// `ask`.
    Ask {
        /// Whom.
        address: SocketAddr,
        /// What.
        request: Request,
    },
    /// `coordinator` or `bank`.
    Serve {
        /// Which of them.
        role: Role,
        /// Whether it ends with its standard input.
        until_stdin_closes: bool,
    },
}

/// What a process is.
#[derive(Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a command line")]
pub enum Role {
    /// `coordinator`.
    Coordinator(CoordinatorArgs),
    /// `bank`.
    Bank(BankArgs),
}

/// Reads the arguments, those after the name of the program.
///
/// # Errors
/// What is wrong with them.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Invocation, String> {
    let mut parser = Parser::from_args(args);
    match parser.next().map_err(|error| error.to_string())? {
        None | Some(Arg::Short('h') | Arg::Long("help")) => Ok(Invocation::Help),
        Some(Arg::Value(command)) => match command.to_str() {
            Some("help") => Ok(Invocation::Help),
            Some("demo") => demo(parser),
            Some("ask") => ask(parser),
            Some("coordinator") => coordinator(parser),
            Some("bank") => bank(parser),
            _ => Err(format!("there is no command {command:?}; there are demo, ask, coordinator and bank")),
        },
        Some(other) => Err(format!("{}; there are demo, ask, coordinator and bank", other.unexpected())),
    }
}

fn demo(mut parser: Parser) -> Result<Invocation, String> {
    let mut stay = false;
    while let Some(arg) = parser.next().map_err(|error| error.to_string())? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok(Invocation::Help),
            Arg::Long("stay") => stay = true,
            other => return Err(other.unexpected().to_string()),
        }
    }
    Ok(Invocation::Demo { stay })
}

fn ask(mut parser: Parser) -> Result<Invocation, String> {
    let mut words = Vec::new();
    while let Some(arg) = parser.next().map_err(|error| error.to_string())? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok(Invocation::Help),
            Arg::Value(word) => words.push(word.string().map_err(|error| error.to_string())?),
            // A negative amount looks like an option; it is told what an amount is.
            Arg::Short(digit) if digit.is_ascii_digit() => words.push(format!("-{digit}")),
            other => return Err(other.unexpected().to_string()),
        }
    }
    let (address, words) = words.split_first().ok_or("ask: whom? An address, IP:PORT, comes first")?;
    let address = read(address, "ask", "IP:PORT")?;
    let request = words.join(" ").parse().map_err(|error| format!("ask: {error}"))?;
    Ok(Invocation::Ask { address, request })
}

/// The options that a coordinator and a bank have in common.
#[derive(Default)]
struct Common {
    id: Option<NodeId>,
    cluster: Option<u64>,
    dir: Option<PathBuf>,
    listen: Option<SocketAddr>,
    client: Option<SocketAddr>,
    until_stdin_closes: bool,
}

impl Common {
    /// Takes an option that is common; false if it is not.
    fn take(&mut self, name: &str, parser: &mut Parser) -> Result<bool, String> {
        match name {
            "id" => self.id = Some(NodeId(read(&text(parser, "--id")?, "--id", "a number")?)),
            "cluster" => self.cluster = Some(read(&text(parser, "--cluster")?, "--cluster", "a number")?),
            "dir" => self.dir = Some(PathBuf::from(parser.value().map_err(|_| "--dir needs a value")?)),
            "listen" => self.listen = Some(read(&text(parser, "--listen")?, "--listen", "IP:PORT")?),
            "client" => self.client = Some(read(&text(parser, "--client")?, "--client", "IP:PORT")?),
            "until-stdin-closes" => self.until_stdin_closes = true,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The node and where clients reach it.
    fn node(self, peers: BTreeMap<NodeId, SocketAddr>) -> Result<(NodeArgs, SocketAddr), String> {
        let id = self.id.ok_or("--id is missing: the number of this node")?;
        if peers.contains_key(&id) {
            return Err(format!("node {} is this one itself: name only the others", id.0));
        }
        let dir = self.dir.ok_or("--dir is missing: where should the node keep its data?")?;
        let listen = self.listen.ok_or("--listen is missing: the address for other nodes")?;
        let client = self.client.ok_or("--client is missing: the address for clients")?;
        let cluster = ClusterId(self.cluster.unwrap_or(1));
        Ok((NodeArgs { id, cluster, dir, listen, peers }, client))
    }
}

fn coordinator(mut parser: Parser) -> Result<Invocation, String> {
    let mut common = Common { id: Some(NodeId(1)), ..Common::default() };
    let (mut banks, mut peers) = (BTreeMap::new(), BTreeMap::new());
    let mut mode = Mode::PresumedAbort;
    while let Some(arg) = parser.next().map_err(|error| error.to_string())? {
        let Arg::Long(name) = arg else { return other(&arg) };
        match name.to_owned().as_str() {
            "help" => return Ok(Invocation::Help),
            "bank" => {
                let (name, id, listen, client) = one_bank(&text(&mut parser, "--bank")?)?;
                if peers.insert(id, listen).is_some() || banks.insert(name, (id, client)).is_some() {
                    return Err("--bank: a bank or its number is named twice".to_owned());
                }
            }
            "presume" => {
                mode = match text(&mut parser, "--presume")?.as_str() {
                    "abort" => Mode::PresumedAbort,
                    "commit" => Mode::PresumedCommit,
                    found => return Err(format!("--presume: {found:?} is neither abort nor commit")),
                }
            }
            name => {
                if !common.take(name, &mut parser)? {
                    return Err(format!("a coordinator has no option --{name}"));
                }
            }
        }
    }
    if banks.is_empty() {
        return Err("--bank is missing: whose money should be moved?".to_owned());
    }
    let until_stdin_closes = common.until_stdin_closes;
    let (node, client) = common.node(peers)?;
    let role = Role::Coordinator(CoordinatorArgs { node, client, banks, mode });
    Ok(Invocation::Serve { role, until_stdin_closes })
}

fn one_bank(text: &str) -> Result<(String, NodeId, SocketAddr, SocketAddr), String> {
    let parts: Vec<&str> = text.split('=').collect();
    let [name, id, listen, client] = parts.as_slice() else {
        return Err(format!("--bank: {text:?} is not NAME=ID=LISTEN=CLIENT"));
    };
    let name: Name = read(name, "--bank", "a name")?;
    let id = NodeId(read(id, "--bank", "a number")?);
    Ok((name.to_string(), id, read(listen, "--bank", "IP:PORT")?, read(client, "--bank", "IP:PORT")?))
}

fn bank(mut parser: Parser) -> Result<Invocation, String> {
    let mut common = Common::default();
    let (mut name, mut database, mut peers) = (None, None, BTreeMap::new());
    while let Some(arg) = parser.next().map_err(|error| error.to_string())? {
        let Arg::Long(option) = arg else { return other(&arg) };
        match option.to_owned().as_str() {
            "help" => return Ok(Invocation::Help),
            "name" => name = Some(read(&text(&mut parser, "--name")?, "--name", "a name")?),
            "database" => database = Some(text(&mut parser, "--database")?),
            "peer" => {
                let peer = text(&mut parser, "--peer")?;
                let (id, address) =
                    peer.split_once('=').ok_or_else(|| format!("--peer: {peer:?} is not ID=LISTEN"))?;
                let id = NodeId(read(id, "--peer", "a number")?);
                if peers.insert(id, read(address, "--peer", "IP:PORT")?).is_some() {
                    return Err(format!("--peer: node {} is named twice", id.0));
                }
            }
            option => {
                if !common.take(option, &mut parser)? {
                    return Err(format!("a bank has no option --{option}"));
                }
            }
        }
    }
    let name = name.ok_or("--name is missing: the bank's name")?;
    let database = database.ok_or("--database is missing: where is the bank's money?")?;
    if peers.is_empty() {
        return Err("--peer is missing: the coordinator, and all other banks".to_owned());
    }
    let until_stdin_closes = common.until_stdin_closes;
    let (node, client) = common.node(peers)?;
    let role = Role::Bank(BankArgs { name, node, client, database });
    Ok(Invocation::Serve { role, until_stdin_closes })
}

fn other(arg: &Arg<'_>) -> Result<Invocation, String> {
    match arg {
        Arg::Short('h') => Ok(Invocation::Help),
        Arg::Short(found) => Err(format!("there is no option -{found}")),
        Arg::Long(found) => Err(format!("there is no option --{found}")),
        Arg::Value(found) => Err(format!("{found:?} belongs to no option")),
    }
}

fn text(parser: &mut Parser, name: &str) -> Result<String, String> {
    let value = parser.value().map_err(|_| format!("{name} needs a value"))?;
    value.string().map_err(|_| format!("{name}: its value is no text"))
}

fn read<T: FromStr>(text: &str, name: &str, what: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{name}: {text:?} is not {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Invocation, String> {
        parse(line.split(' ').map(OsString::from))
    }

    const COORDINATOR: &str = "coordinator --dir d --listen 127.0.0.1:1 --client 127.0.0.1:2";
    const BANK: &str =
        "bank --name a --id 2 --dir d --listen 127.0.0.1:1 --client 127.0.0.1:2 --peer 1=127.0.0.1:3";

    #[test]
    fn a_command_line_says_who_is_who() {
        let line = format!("{COORDINATOR} --presume commit --bank a=2=127.0.0.1:3=127.0.0.1:4");
        let Ok(Invocation::Serve { role: Role::Coordinator(args), until_stdin_closes: false }) =
            parsed(&line)
        else {
            panic!("{line}");
        };
        assert_eq!((args.mode, args.node.id, args.node.peers.len()), (Mode::PresumedCommit, NodeId(1), 1));
        let line = format!("{BANK} --until-stdin-closes --database host=/x");
        let Ok(Invocation::Serve { role: Role::Bank(args), until_stdin_closes: true }) = parsed(&line) else {
            panic!("{line}");
        };
        assert_eq!((args.name.as_str(), args.database.as_str()), ("a", "host=/x"));
        assert!(matches!(parsed("ask 127.0.0.1:1 settle t"), Ok(Invocation::Ask { .. })));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (line, named) in [
            ("frobnicate".to_owned(), "frobnicate"),
            ("demo --fast".to_owned(), "--fast"),
            (COORDINATOR.to_owned(), "--bank is missing"),
            (format!("{COORDINATOR} --bank a=2=127.0.0.1:3"), "NAME=ID"),
            (format!("{COORDINATOR} --bank a=1=127.0.0.1:3=127.0.0.1:4"), "itself"),
            (format!("{COORDINATOR} --presume nothing"), "nothing"),
            (BANK.to_owned(), "--database is missing"),
            (format!("{BANK} --database x --peer 1=127.0.0.1:9"), "twice"),
            ("bank --id x".to_owned(), "--id"),
            ("bank --dir".to_owned(), "--dir needs"),
            ("ask 127.0.0.1:1 transfer t a/x b/y -5".to_owned(), "amount"),
            ("ask nowhere settle t".to_owned(), "IP:PORT"),
            ("ask".to_owned(), "whom"),
        ] {
            let error = parsed(&line).expect_err(&line);
            assert!(error.contains(named), "{line}: {error}");
        }
    }
}
