//! One coordinator among participants that may say anything.

use std::sync::Arc;

use arbitrary::{Result as Drawn, Unstructured};
use quorate::commit::coordinator::{Notice, Phase, Request, Timer};
use quorate::commit::{Member, TxId};
use quorate::durable::{Corrupt, Recover};
use quorate::id::{NodeId, RequestId};
use quorate::machine::{Input, InputOf};

use super::{
    Bytes, Coordinator, TO_ANYBODY, TO_COORDINATOR, any_message, any_tx, arbitrary_config, journal_fits,
    rejected,
};
use crate::fuzz::subject::{DiskOf, former};
use crate::fuzz::{Subject, pick};

/// A coordinator with limits that are soon reached.
#[derive(Clone, Debug)]
pub struct OneCoordinator {
    member: Member,
}

impl Subject for OneCoordinator {
    type Machine = Coordinator;
    type Ticket = RequestId;

    fn arbitrary(u: &mut Unstructured<'_>) -> Drawn<Self> {
        let config = Arc::new(arbitrary_config(u)?);
        let me = *u.choose(&config.members)?;
        Ok(Self { member: Member { me, config } })
    }

    fn me(&self) -> NodeId {
        self.member.me
    }

    fn arbitrary_disk(&self, u: &mut Unstructured<'_>) -> Drawn<(DiskOf<Self>, u64)> {
        former(self, u)
    }

    fn recover(&self, disk: &DiskOf<Self>, applied: u64) -> Result<Coordinator, Corrupt> {
        Coordinator::recover(self.member.clone(), disk, applied)
    }

    fn agrees(&self, machine: &Coordinator, disk: &DiskOf<Self>) -> Result<(), &'static str> {
        machine.agrees_with(disk)
    }

    fn arbitrary_input(
        &self,
        machine: &Coordinator,
        u: &mut Unstructured<'_>,
    ) -> Drawn<InputOf<Coordinator>> {
        let members = &self.member.config.members;
        let known: Vec<TxId> = machine.transactions().map(|(tx, _)| tx).collect();
        let last = machine.next_number().saturating_sub(1);
        Ok(match u.int_in_range(0..=15)? {
            0 => u.arbitrary()?,
            1 => Input::Start,
            2 => Input::Timer(Timer::Votes),
            3 => Input::Timer(Timer::Resend),
            4 => Input::Request(Request::Cancel {
                id: pick::request(u)?,
                tx: any_tx(u, &known, &[self.member.me], last)?,
            }),
            5..=7 => {
                let others: Vec<NodeId> =
                    members.iter().copied().filter(|node| *node != self.member.me).collect();
                let nodes = pick::some(u, &others)?.into_iter();
                let branches = nodes.map(|node| Ok((node, pick::payload(u)?))).collect::<Drawn<_>>()?;
                Input::Request(Request::Begin { id: pick::request(u)?, mode: u.arbitrary()?, branches })
            }
            kind => {
                let tx = any_tx(u, &known, &[self.member.me], last)?;
                let asked: Vec<NodeId> = machine.participants(tx).map(|(node, _)| node).collect();
                let from = pick::known(u, if kind == 8 || asked.is_empty() { members } else { &asked })?;
                let kinds = if kind == 8 { TO_ANYBODY } else { TO_COORDINATOR };
                Input::Message { from, message: any_message(u, tx, members, kinds)? }
            }
        })
    }

    fn asks(&self, request: &Request<Bytes>) -> Option<RequestId> {
        match request {
            Request::Begin { id, .. } | Request::Cancel { id, .. } => Some(*id),
            _ => None,
        }
    }

    fn answers(&self, notice: &Notice) -> Option<RequestId> {
        match notice {
            Notice::Begun { id, .. } | Notice::Refused { id, .. } | Notice::Cancelled { id } => Some(*id),
            _ => None,
        }
    }

    fn check(&self, machine: &Coordinator) -> Result<(), String> {
        Ok(machine.check()?)
    }

    fn fits(&self, machine: &Coordinator) -> Result<(), String> {
        let config = &self.member.config;
        if machine.in_flight() > config.max_transactions {
            return Err(format!("{} transactions, of {}", machine.in_flight(), config.max_transactions));
        }
        let largest = machine.transactions().map(|(tx, _)| machine.participants(tx).count()).max();
        if largest > Some(config.max_participants) {
            return Err(format!("{largest:?} participants, of {}", config.max_participants));
        }
        journal_fits(machine.journal_len(), config.max_transactions, config)
    }

    fn kind(&self, notice: &Notice) -> &'static str {
        match notice {
            Notice::Begun { .. } => "begun",
            Notice::Refused { .. } => "refused",
            Notice::Cancelled { .. } => "cancelled",
            Notice::Outcome { .. } => "outcome",
            Notice::Unknown { .. } => "unknown",
            Notice::Forgotten { .. } => "forgotten",
            Notice::Overdue { .. } => "overdue",
            Notice::Damage { .. } => "damage",
            Notice::Rejected { reason, .. } => rejected(*reason),
            _ => "other",
        }
    }

    fn role(&self, machine: &Coordinator) -> &'static str {
        let phases = machine.transactions().map(|(_, phase)| phase);
        phases.last().map_or("idle", |phase| match phase {
            Phase::OnePhase => "leaving the decision",
            Phase::Collecting => "collecting",
            Phase::Decided(_) => "awaiting acknowledgements",
        })
    }
}
