//! One leader among acceptors, resource managers and other leaders that may say anything.

use arbitrary::{Result as Drawn, Unstructured};
use quorate::commit::TxId;
use quorate::commit::paxos::leader::{Notice, Phase, Request, Timer};
use quorate::commit::paxos::{Ballot, Member};
use quorate::durable::{Corrupt, Recover};
use quorate::id::{NodeId, RequestId};
use quorate::machine::{Input, InputOf};

use super::{Bytes, Leader, Said, TO_ANYBODY, TO_LEADER, arbitrary_member, managers};
use crate::commit::fuzz::{any_tx, rejected};
use crate::fuzz::subject::{DiskOf, former};
use crate::fuzz::{Subject, pick};

/// A leader with limits that are soon reached.
#[derive(Clone, Debug)]
pub struct OneLeader {
    member: Member,
}

impl OneLeader {
    fn any_message(&self, machine: &Leader, tx: TxId, u: &mut Unstructured<'_>) -> Drawn<InputOf<Leader>> {
        let config = &self.member.config;
        let at = match machine.phase(tx) {
            Some(Phase::Promising { ballot, .. } | Phase::Proposing { ballot, .. }) => ballot,
            Some(Phase::Overtaken { by }) => by,
            _ => Ballot::ZERO,
        };
        let known = managers(config);
        let rank = u.int_in_range(0..=config.leaders.len().saturating_sub(1))?;
        let said = Said { tx, at, rank: u8::try_from(rank).unwrap_or(0), managers: &known };
        let kinds = if u.ratio(1, 16)? { TO_ANYBODY } else { TO_LEADER };
        let message = said.message(u, kinds)?;
        let from = match u.int_in_range(0..=7)? {
            0 => pick::known(u, &config.common.members)?,
            1 => pick::known(u, &config.leaders)?,
            2 | 3 => pick::known(u, &known)?,
            _ => pick::known(u, &config.acceptors)?,
        };
        Ok(Input::Message { from, message })
    }
}

impl Subject for OneLeader {
    type Machine = Leader;
    type Ticket = RequestId;

    fn arbitrary(u: &mut Unstructured<'_>) -> Drawn<Self> {
        Ok(Self { member: arbitrary_member(u, |config| config.leaders.clone())? })
    }

    fn me(&self) -> NodeId {
        self.member.me
    }

    fn arbitrary_disk(&self, u: &mut Unstructured<'_>) -> Drawn<(DiskOf<Self>, u64)> {
        former(self, u)
    }

    fn recover(&self, disk: &DiskOf<Self>, applied: u64) -> Result<Leader, Corrupt> {
        Leader::recover(self.member.clone(), disk, applied)
    }

    fn agrees(&self, machine: &Leader, disk: &DiskOf<Self>) -> Result<(), &'static str> {
        machine.agrees_with(disk)
    }

    fn arbitrary_input(&self, machine: &Leader, u: &mut Unstructured<'_>) -> Drawn<InputOf<Leader>> {
        let known: Vec<TxId> = machine.transactions().map(|(tx, _)| tx).collect();
        let last = machine.next_number().saturating_sub(1);
        let tx = any_tx(u, &known, &self.member.config.leaders, last)?;
        Ok(match u.int_in_range(0..=15)? {
            0 => u.arbitrary()?,
            1 => Input::Start,
            2 => Input::Timer(Timer::Votes),
            3 => Input::Timer(Timer::Ballot),
            4 => Input::Timer(Timer::Resend),
            5 => Input::Request(Request::Cancel { id: pick::request(u)?, tx }),
            6 | 7 => {
                let nodes = pick::some(u, &managers(&self.member.config))?.into_iter();
                let branches = nodes.map(|node| Ok((node, pick::payload(u)?))).collect::<Drawn<_>>()?;
                Input::Request(Request::Begin { id: pick::request(u)?, branches })
            }
            _ => self.any_message(machine, tx, u)?,
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

    fn check(&self, machine: &Leader) -> Result<(), String> {
        Ok(machine.check()?)
    }

    fn fits(&self, machine: &Leader) -> Result<(), String> {
        let common = &self.member.config.common;
        // Of its own, and taken over.
        let most = common.max_transactions.saturating_mul(2);
        if machine.in_flight() > most {
            return Err(format!("{} transactions, of {most}", machine.in_flight()));
        }
        let most = common.max_bytes.max(common.max_participants.saturating_mul(common.max_work_bytes));
        match machine.held_bytes() {
            held if held > most => Err(format!("{held} bytes of work, of {most}")),
            _ => Ok(()),
        }
    }

    fn kind(&self, notice: &Notice) -> &'static str {
        match notice {
            Notice::Begun { .. } => "begun",
            Notice::Refused { .. } => "refused",
            Notice::Cancelled { .. } => "cancelled",
            Notice::Outcome { .. } => "outcome",
            Notice::Unknown { .. } => "unknown",
            Notice::Forgotten { .. } => "forgotten",
            Notice::TookOver { .. } => "took over",
            Notice::GaveUp { .. } => "gave up",
            Notice::Overdue { .. } => "overdue",
            Notice::Damage { .. } => "damage",
            Notice::Overloaded { .. } => "overloaded",
            Notice::Exhausted { .. } => "exhausted",
            Notice::Rejected { reason, .. } => rejected(*reason),
            _ => "other",
        }
    }

    fn role(&self, machine: &Leader) -> &'static str {
        machine.transactions().last().map_or("idle leader", |(_, phase)| match phase {
            Phase::Voting => "voting",
            Phase::Promising { .. } => "promising",
            Phase::Proposing { .. } => "proposing",
            Phase::Overtaken { .. } => "overtaken",
            Phase::Decided(_) => "decided",
        })
    }
}
