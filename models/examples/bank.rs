//! An application of one's own on Raft, checked: an account into which a client pays. The client asks again, of whoever
//! leads then, until it hears that a payment was made, so a payment may be committed twice and must count once
//! (Ongaro 2014, 6.3).
//!
//! ```text
//! cargo run --release -p quorate-models --example bank -- check
//! BUG=retries cargo run --release -p quorate-models --example bank -- check --draw bank.svg
//! BUG=early cargo run --release -p quorate-models --example bank -- check --draw bank.svg
//! ```
//!
//! The bugs: what is committed twice counts twice; what a leader has accepted counts before it is committed.

use std::collections::BTreeSet;
use std::process::ExitCode;

use quorate::id::{NodeId, Permutation, Permute, RequestId};
use quorate::raft::{Notice, Payload, Request};
use quorate_models::check::{Level, Protocol};
use quorate_models::cli::{self, Registry};
use quorate_models::explore::WorldCheck;
use quorate_models::raft::{Application, RaftSpec};
use quorate_models::spec::Property;
use quorate_models::world::{Limits, World};

/// What each payment is worth.
const AMOUNT: u64 = 10;
/// What must hold: an account is worth the payments that were committed, each counted once.
pub(crate) const PAID_ONCE: &str = "each payment that was committed is paid once";

/// What may be wrong with the bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    None,
    Retries,
    Early,
}

/// The application. A command is the number of a payment: 1 and on.
#[derive(Clone, Debug)]
struct Bank(Bug);

/// What a replica of it holds: the money, and the last payment made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Account {
    balance: u64,
    last: u64,
}

impl Permute for Account {
    fn permute(&mut self, _: &Permutation<'_>) {} // names no node
}

impl Bank {
    fn pay(&self, account: &mut Account, payment: u64) {
        if payment > account.last || self.0 == Bug::Retries {
            account.balance = account.balance.saturating_add(AMOUNT);
            account.last = account.last.max(payment);
        }
    }
}

impl Application for Bank {
    type Command = u64;
    type Replica = Account;

    /// The client asks for the payment after the last one that anybody told it was made.
    fn requests(&self, world: &World<RaftSpec<Self>>, _leader: NodeId, requests: &mut Vec<Request<u64>>) {
        let made = world.history().replicas.iter().map(|account| account.last).max().unwrap_or(0);
        let payment = made.saturating_add(1);
        requests.push(Request::Propose { id: RequestId(payment), commands: [payment].into_iter().collect() });
    }

    fn told(&self, account: &mut Account, notice: &Notice<u64>) -> Result<(), &'static str> {
        match notice {
            Notice::Committed { payload: Payload::Command(payment), .. } => self.pay(account, *payment),
            Notice::Accepted { id, .. } if self.0 == Bug::Early => self.pay(account, id.0),
            _ => {}
        }
        Ok(())
    }

    fn properties(&self) -> Vec<Property<RaftSpec<Self>>> {
        vec![
            Property::always(PAID_ONCE, |world| {
                world.nodes().iter().zip(&world.history().replicas).all(|(node, account)| {
                    let payments: BTreeSet<u64> = payments(world, node.applied).collect();
                    account.balance == AMOUNT * payments.len() as u64
                })
            }),
            Property::sometimes("a payment is committed twice", |world| {
                let payments: Vec<u64> = payments(world, u64::MAX).collect();
                (1..payments.len()).any(|at| payments[..at].contains(&payments[at]))
            }),
        ]
    }

    fn show(&self, payment: &u64) -> String {
        format!("payment {payment}")
    }
}

/// The payments among the first `applied` committed entries.
fn payments(world: &World<RaftSpec<Bank>>, applied: u64) -> impl Iterator<Item = u64> {
    (0..applied).zip(&world.history().committed).filter_map(|(_, chosen)| match chosen.entry.payload {
        Payload::Command(payment) => Some(payment),
        _ => None,
    })
}

/// The bank on Raft in three worlds, and a command line over them.
pub(crate) fn registry(bug: Bug) -> Registry {
    // Three nodes that begin with a leader which was just asked for the first payment.
    let led = move |level| {
        let spec = RaftSpec::new(3, 2).beginning_led().configured(|config| config.max_inflight_messages = 1);
        let crashes = if level == Level::Quick { 0 } else { 1 };
        (spec.under(Bank(bug)), limits(2, crashes, 2))
    };
    let alone = move |level| {
        let times = if level == Level::Quick { 3 } else { 4 };
        (RaftSpec::new(1, times).under(Bank(bug)), limits(2, times, times))
    };
    let pair = move |level| {
        let crashes = if level == Level::Quick { 1 } else { 2 };
        (RaftSpec::new(2, 2).under(Bank(bug)), limits(2, crashes, 2))
    };
    Registry::new(
        "cargo run --release -p quorate-models --example bank --",
        vec![Protocol {
            name: "bank",
            source: "Ongaro, Consensus: Bridging Theory and Practice, 2014, 6.3",
            checks: vec![
                Box::new(WorldCheck::new("bank", "alone", "one node, its disk and its crashes", alone)),
                Box::new(WorldCheck::new("bank", "pair", "two nodes, of which either crashes", pair)),
                Box::new(WorldCheck::new("bank", "led", "payments asked again, under changing leaders", led)),
            ],
            simulation: None,
        }],
    )
}

fn limits(in_flight: u64, crashes: u64, requests: u64) -> Limits {
    let (in_flight, duplicates) = (Some(in_flight), Some(0));
    Limits { in_flight, duplicates, crashes: Some(crashes), requests: Some(requests), ..Limits::default() }
}

fn main() -> ExitCode {
    let bug = match std::env::var("BUG").as_deref() {
        Ok("retries") => Bug::Retries,
        Ok("early") => Bug::Early,
        _ => Bug::None,
    };
    cli::main(&registry(bug))
}
