//! One coordinator of activities among services that may say anything.

use arbitrary::{Result as Drawn, Unstructured};
use quorate::commit::TxId;
use quorate::commit::tcc::Member;
use quorate::commit::tcc::coordinator::{Notice, Phase, Request, Timer};
use quorate::durable::{Corrupt, Recover};
use quorate::id::{NodeId, RequestId};
use quorate::machine::{Input, InputOf};

use super::{Bytes, Coordinator, TO_ANYBODY, TO_COORDINATOR, any_message, arbitrary_member};
use crate::commit::fuzz::{any_tx, journal_fits, rejected};
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
        Ok(Self { member: arbitrary_member(u)? })
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
        let (me, members) = (self.member.me, &self.member.config.commit.members);
        let others: Vec<NodeId> = members.iter().copied().filter(|node| *node != me).collect();
        let known: Vec<TxId> = machine.activities().map(|(tx, _)| tx).collect();
        let tx = any_tx(u, &known, &[me], machine.next_number().saturating_sub(1))?;
        Ok(match u.int_in_range(0..=15)? {
            0 => u.arbitrary()?,
            1 => Input::Start,
            2 => Input::Timer(Timer::Votes),
            3 => Input::Timer(Timer::Resend),
            4 => Input::Request(Request::Cancel { id: pick::request(u)?, tx }),
            5 => {
                let service = pick::known(u, &others)?;
                Input::Request(Request::WriteOff { id: pick::request(u)?, tx, service })
            }
            6 | 7 => {
                let nodes = pick::some(u, &others)?.into_iter();
                let branches = nodes.map(|node| Ok((node, pick::payload(u)?))).collect::<Drawn<_>>()?;
                Input::Request(Request::Begin { id: pick::request(u)?, branches })
            }
            kind => {
                let kinds = if kind == 8 { TO_ANYBODY } else { TO_COORDINATOR };
                Input::Message { from: pick::known(u, &others)?, message: any_message(u, tx, kinds)? }
            }
        })
    }

    fn asks(&self, request: &Request<Bytes>) -> Option<RequestId> {
        match request {
            Request::Begin { id, .. } | Request::Cancel { id, .. } | Request::WriteOff { id, .. } => {
                Some(*id)
            }
            _ => None,
        }
    }

    fn answers(&self, notice: &Notice) -> Option<RequestId> {
        match notice {
            Notice::Begun { id, .. }
            | Notice::Refused { id, .. }
            | Notice::Cancelled { id }
            | Notice::WrittenOff { id } => Some(*id),
            _ => None,
        }
    }

    fn check(&self, machine: &Coordinator) -> Result<(), String> {
        Ok(machine.check()?)
    }

    fn fits(&self, machine: &Coordinator) -> Result<(), String> {
        let config = &self.member.config.commit;
        if machine.in_flight() > config.max_transactions {
            return Err(format!("{} activities, of {}", machine.in_flight(), config.max_transactions));
        }
        journal_fits(machine.journal_len(), config.max_transactions, config)
    }

    fn kind(&self, notice: &Notice) -> &'static str {
        match notice {
            Notice::Begun { .. } => "begun",
            Notice::Refused { .. } => "refused",
            Notice::Cancelled { .. } => "cancelled",
            Notice::WrittenOff { .. } => "written off",
            Notice::Decided { .. } => "decided",
            Notice::Ended { .. } => "ended",
            Notice::Overdue { .. } => "overdue",
            Notice::Stuck { .. } => "a service is stuck",
            Notice::Damage { .. } => "damage",
            Notice::Rejected { reason, .. } => rejected(*reason),
            _ => "other",
        }
    }

    fn role(&self, machine: &Coordinator) -> &'static str {
        machine.activities().last().map_or("idle", |(_, phase)| match phase {
            Phase::OnePhase => "leaving the decision",
            Phase::Collecting => "trying",
            Phase::Decided(_) => "confirming or cancelling",
        })
    }
}
