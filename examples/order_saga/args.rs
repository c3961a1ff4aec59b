//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};

use crate::node::PORTS;
use crate::shop::Role;

pub(crate) const USAGE: &str = "\
Orders as sagas over three services (stock, payment, shipping), each a process of its own.

  order_saga demo [--orders N] [--kills N] [--seed N] [--dir DIR] [--port BASE]
      Starts a shop, places orders while its processes are killed at random, tells how they end, sees to what is
      stuck, and checks the books. Without --dir in a directory that is removed afterwards.

  order_saga node ROLE --dir DIR [--port BASE] [--until-stdin-closes]
      Runs one process of a shop: orders, stock, payment or shipping. It keeps its data in DIR, listens for the
      others on BASE+1 to BASE+4 and for clients on BASE+11 to BASE+14 (BASE is 6500), in the order of the roles.
      --through OTHER   the others are reached by ports after OTHER: those of a network in between
      --disk-ms N       every write to the orchestrator's or guard's store takes N milliseconds longer

  order_saga place TOKEN CUSTOMER ITEM QUANTITY ZONE    places an order, once for its token
  order_saga order N | orders | cancel N                tells of orders; has one go back
  order_saga stuck                                      lists the steps that wait for an operator
  order_saga resolve N STEP retry|happened|never        an operator's word on one of them
  order_saga books ROLE | mend ROLE NAME | void N       a service's books; an obstacle removed; a void by hand
      All of these take --port BASE.
";

/// Where a shop listens, unless told otherwise.
const PORT: u16 = 6500;

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Invocation {
    Help,
    Demo(DemoArgs),
    Node(NodeArgs),
    /// A line for a running process.
    Ask {
        port: u16,
        role: Role,
        line: String,
    },
}

/// `order_saga demo`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DemoArgs {
    pub(crate) dir: Option<PathBuf>,
    pub(crate) port: u16,
    pub(crate) orders: u64,
    pub(crate) kills: u64,
    pub(crate) seed: Option<u64>,
}

/// `order_saga node`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NodeArgs {
    pub(crate) role: Role,
    pub(crate) dir: PathBuf,
    pub(crate) port: u16,
    pub(crate) through: Option<u16>,
    pub(crate) disk_pause: Duration,
    pub(crate) until_stdin_closes: bool,
}

/// Reads the arguments, those after the name of the program.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Invocation, String> {
    let mut given = Given::read(Parser::from_args(args))?;
    if given.help || given.words.is_empty() {
        return Ok(Invocation::Help);
    }
    let words = std::mem::take(&mut given.words);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let invocation = match *words.as_slice() {
        ["help"] => Ok(Invocation::Help),
        ["demo"] => demo(&mut given),
        ["node", role] => node(role, &mut given),
        ["node"] => Err("node needs a role: orders, stock, payment or shipping".to_owned()),
        _ => ask(&words, &mut given),
    }?;
    match given.unused(&invocation) {
        Some(option) => Err(format!("`{}` does not take {option}", words.first().unwrap_or(&""))),
        None => Ok(invocation),
    }
}

/// What the command line has, before it is known what it means.
#[derive(Debug, Default)]
struct Given {
    help: bool,
    words: Vec<String>,
    dir: Option<PathBuf>,
    port: Option<u16>,
    orders: Option<u64>,
    kills: Option<u64>,
    seed: Option<u64>,
    through: Option<u16>,
    disk_ms: Option<u64>,
    until_stdin_closes: bool,
}

impl Given {
    fn read(mut parser: Parser) -> Result<Self, String> {
        let mut given = Self::default();
        while let Some(arg) = parser.next().map_err(|error| error.to_string())? {
            match arg {
                Arg::Short('h') | Arg::Long("help") => given.help = true,
                Arg::Value(word) => given.words.push(word.string().map_err(|error| error.to_string())?),
                Arg::Long("dir") => {
                    let dir = parser.value().map_err(|_| "--dir needs a value".to_owned())?;
                    given.dir = Some(PathBuf::from(dir));
                }
                Arg::Long("port") => given.port = Some(port(&mut parser, "--port")?),
                Arg::Long("through") => given.through = Some(port(&mut parser, "--through")?),
                Arg::Long("orders") => given.orders = Some(number(&mut parser, "--orders", 1, 10_000)?),
                Arg::Long("kills") => given.kills = Some(number(&mut parser, "--kills", 0, 10_000)?),
                Arg::Long("seed") => given.seed = Some(number(&mut parser, "--seed", 0, u64::MAX)?),
                Arg::Long("disk-ms") => given.disk_ms = Some(number(&mut parser, "--disk-ms", 0, 10_000)?),
                Arg::Long("until-stdin-closes") => given.until_stdin_closes = true,
                other => return Err(other.unexpected().to_string()),
            }
        }
        Ok(given)
    }

    /// An option that was given and means nothing here: what is understood was taken out before.
    fn unused(&self, invocation: &Invocation) -> Option<&'static str> {
        let needless = [
            ("--dir", self.dir.is_some()),
            ("--orders", self.orders.is_some()),
            ("--kills", self.kills.is_some()),
            ("--seed", self.seed.is_some()),
            ("--through", self.through.is_some()),
            ("--disk-ms", self.disk_ms.is_some()),
            ("--until-stdin-closes", self.until_stdin_closes),
        ];
        let option = needless.into_iter().find(|(_, given)| *given).map(|(option, _)| option);
        option.filter(|_| *invocation != Invocation::Help)
    }

    fn port(&mut self) -> u16 {
        self.port.take().unwrap_or(PORT)
    }
}

fn demo(given: &mut Given) -> Result<Invocation, String> {
    Ok(Invocation::Demo(DemoArgs {
        dir: given.dir.take(),
        port: given.port(),
        orders: given.orders.take().unwrap_or(100),
        kills: given.kills.take().unwrap_or(40),
        seed: given.seed.take(),
    }))
}

fn node(role: &str, given: &mut Given) -> Result<Invocation, String> {
    let dir = given.dir.take().ok_or("--dir is missing: where should the process keep its data?")?;
    Ok(Invocation::Node(NodeArgs {
        role: known_role(role)?,
        dir,
        port: given.port(),
        through: given.through.take(),
        disk_pause: Duration::from_millis(given.disk_ms.take().unwrap_or(0)),
        until_stdin_closes: std::mem::take(&mut given.until_stdin_closes),
    }))
}

fn known_role(name: &str) -> Result<Role, String> {
    Role::named(name)
        .ok_or_else(|| format!("`{name}` is not a role; there are orders, stock, payment and shipping"))
}

/// A line for one of the processes: which words it understands it says itself, how many of them is told here.
fn ask(words: &[&str], given: &mut Given) -> Result<Invocation, String> {
    let (role, line) = match *words {
        ["books", role] => (known_role(role)?, "books".to_owned()),
        ["mend", role, name] => (known_role(role)?, format!("mend {name}")),
        ["void", _] => (Role::Payment, words.join(" ")),
        ["orders" | "stuck"] | ["order" | "cancel", _] | ["resolve", _, _, _] | ["place", _, _, _, _, _] => {
            (Role::Orders, words.join(" "))
        }
        [
            verb
            @ ("books" | "mend" | "void" | "orders" | "stuck" | "order" | "cancel" | "resolve" | "place"),
            ..,
        ] => {
            return Err(format!("`{verb}` takes other words than these"));
        }
        _ => return Err(format!("`{}` is not a command", words.first().unwrap_or(&""))),
    };
    if words.iter().any(|word| word.contains(char::is_whitespace)) {
        return Err("a word with a space in it would be two".to_owned());
    }
    if role == Role::Orders && line == "books" {
        return Err("`orders` has no books; the command `orders` lists what was ordered".to_owned());
    }
    Ok(Invocation::Ask { port: given.port(), role, line })
}

fn port(parser: &mut Parser, name: &str) -> Result<u16, String> {
    let port = number(parser, name, 1, u64::from(u16::MAX - PORTS))?;
    u16::try_from(port).map_err(|error| error.to_string())
}

fn number(parser: &mut Parser, name: &str, least: u64, most: u64) -> Result<u64, String> {
    let text = parser.value().map_err(|_| format!("{name} needs a value"))?;
    let text = text.to_string_lossy();
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("{name}: `{text}` is not a number from {least} to {most}"))
}
