//! The coordinator: clients' transfers in, two-phase commits among the banks, answers out.
//!
//! | file | concern |
//! |---|---|
//! | `coordinator/desk.rs` | who waits for which transaction |

mod desk;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use quorate::commit::coordinator::{Cell, Entry, Request};
use quorate::commit::{Coordinator, Mode, Outcome};
use quorate::driver::{self, Handle};
use quorate::id::NodeId;

use crate::lines;
use crate::node::{self, NodeArgs, spawn};
use crate::part::{Change, Part};
use crate::say;
use crate::words::{self, Answer, Name, Transfer};
use desk::Desk;

/// How long a client waits for the outcome.
const OUTCOME_PATIENCE: Duration = Duration::from_secs(5);
/// How long a client waits, then, for a bank to say what it knows.
const SETTLE_PATIENCE: Duration = Duration::from_secs(3);
/// How long a bank may take to answer.
const BANK_PATIENCE: Duration = Duration::from_secs(1);
/// How long to wait before banks are asked again.
const SETTLE_PAUSE: Duration = Duration::from_millis(20);

/// `transfer coordinator`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a command line")]
pub struct CoordinatorArgs {
    /// The node. Its peers are the banks.
    pub node: NodeArgs,
    /// Where clients reach it.
    pub client: SocketAddr,
    /// The banks: their nodes, and where they are asked what became of a transfer.
    pub banks: BTreeMap<String, (NodeId, SocketAddr)>,
    /// What it means that a transaction is forgotten.
    pub mode: Mode,
}

type Node = Coordinator<Part>;

/// Runs the coordinator until it is killed or cannot go on.
///
/// # Errors
/// What is wrong, and what to do.
pub fn run(args: CoordinatorArgs) -> Result<(), String> {
    let clients = node::listen(args.client, "clients")?;
    let (options, member) = node::configure(&args.node)?;
    let store = node::open::<Cell, Entry>(&args.node)?;
    let (handle, notices) = driver::start(options, member, 0, store)
        .map_err(|error| node::explain_start(&error, &args.node.dir))?;
    say(&format!("coordinator: clients at {}", args.client));
    let desk = Arc::new(Desk::default());
    let front = Front { handle: handle.clone(), desk: Arc::clone(&desk), banks: args.banks, mode: args.mode };
    spawn("clients", move || {
        lines::serve(&clients, move |request| match request {
            words::Request::Transfer(transfer) => front.transfer(&transfer),
            words::Request::Settle(_) => Answer::Error("a bank is asked to settle".to_owned()),
        });
    })?;
    while let Some(notice) = notices.recv() {
        desk.on_notice(notice);
    }
    handle.join().map_err(|error| format!("the coordinator stopped: {error}"))
}

/// What answers clients.
struct Front {
    handle: Handle<Node>,
    desk: Arc<Desk>,
    banks: BTreeMap<String, (NodeId, SocketAddr)>,
    mode: Mode,
}

impl Front {
    /// Carries a transfer out, and answers only what is true of its *id*, which may have been sent before.
    fn transfer(&self, transfer: &Transfer) -> Answer {
        let branches = match self.branches(transfer) {
            Ok(branches) => branches,
            Err(answer) => return answer,
        };
        let waiting = self.desk.wait_in_line();
        let request = Request::Begin { id: waiting.id(), mode: self.mode, branches };
        if self.handle.request(request).is_ok() && waiting.outcome(OUTCOME_PATIENCE) == Some(Outcome::Commit)
        {
            return Answer::Committed;
        }
        // This attempt has failed, or nobody knows. An earlier one, before a crash, may have not.
        self.settle(transfer)
    }

    /// What each bank is to do: one transaction's branches.
    fn branches(&self, transfer: &Transfer) -> Result<Vec<(NodeId, Part)>, Answer> {
        let mut branches: Vec<(NodeId, Part)> = Vec::new();
        // An amount is positive, so the opposite exists.
        for (place, amount) in
            [(&transfer.from, transfer.amount.saturating_neg()), (&transfer.to, transfer.amount)]
        {
            let (node, _) = self.bank(&place.bank)?;
            let change = Change { account: place.account.to_string(), amount };
            if let Some((_, part)) = branches.iter_mut().find(|(other, _)| *other == node) {
                part.changes.push(change);
            } else {
                branches.push((node, Part { transfer: transfer.id.to_string(), changes: vec![change] }));
            }
        }
        Ok(branches)
    }

    fn bank(&self, name: &Name) -> Result<(NodeId, SocketAddr), Answer> {
        let bank = self.banks.get(name.as_str()).copied();
        bank.ok_or_else(|| Answer::Error(format!("there is no bank {name}")))
    }

    /// Asks the banks what became of a transfer, and so sees to it that it never happens if it has not: one bank
    /// that refuses is enough. The bank that pays is asked first, and the other one for a better reason.
    fn settle(&self, transfer: &Transfer) -> Answer {
        let until = Instant::now() + SETTLE_PATIENCE;
        let request = words::Request::Settle(transfer.id.clone());
        loop {
            let mut reason = None;
            for name in [&transfer.from.bank, &transfer.to.bank] {
                let Ok((_, address)) = self.bank(name) else { continue };
                match lines::ask(address, &request, BANK_PATIENCE) {
                    Ok(Answer::Committed) => return Answer::Committed,
                    Ok(Answer::Aborted(said)) => {
                        if reason.as_deref().is_none_or(|reason| reason == words::GIVEN_UP) {
                            reason = Some(said);
                        }
                    }
                    Ok(Answer::Unknown(_) | Answer::Error(_)) | Err(_) => {}
                }
            }
            if let Some(reason) = reason {
                return Answer::Aborted(reason);
            }
            if Instant::now() >= until {
                return Answer::Unknown("no bank can tell yet: ask again under the same id".to_owned());
            }
            thread::sleep(SETTLE_PAUSE);
        }
    }
}
