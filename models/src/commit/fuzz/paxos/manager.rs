//! One resource manager among leaders that may say anything.

use arbitrary::{Result as Drawn, Unstructured};
use quorate::commit::TxId;
use quorate::commit::participant::{Notice, Timer};
use quorate::commit::paxos::{Ballot, Member};
use quorate::durable::{Corrupt, Recover};
use quorate::id::NodeId;
use quorate::machine::{Input, InputOf};

use super::{Bytes, Manager, Said, TO_ANYBODY, TO_MANAGER, arbitrary_member, managers};
use crate::commit::fuzz::any_tx;
use crate::commit::fuzz::participant::{any_request, carried_out, fits, kind, role};
use crate::fuzz::subject::{DiskOf, former};
use crate::fuzz::{Subject, pick};

/// A resource manager with limits that are soon reached, and an application that goes by names or by positions.
#[derive(Clone, Debug)]
pub struct OneManager {
    member: Member,
    by_position: bool,
}

impl Subject for OneManager {
    type Machine = Manager;
    type Ticket = ();

    fn arbitrary(u: &mut Unstructured<'_>) -> Drawn<Self> {
        Ok(Self { member: arbitrary_member(u, managers)?, by_position: u.arbitrary()? })
    }

    fn me(&self) -> NodeId {
        self.member.me
    }

    fn arbitrary_disk(&self, u: &mut Unstructured<'_>) -> Drawn<(DiskOf<Self>, u64)> {
        former(self, u)
    }

    fn recover(&self, disk: &DiskOf<Self>, applied: u64) -> Result<Manager, Corrupt> {
        Manager::recover(self.member.clone(), disk, applied)
    }

    fn agrees(&self, machine: &Manager, disk: &DiskOf<Self>) -> Result<(), &'static str> {
        machine.agrees_with(disk)
    }

    fn arbitrary_input(&self, machine: &Manager, u: &mut Unstructured<'_>) -> Drawn<InputOf<Manager>> {
        let config = &self.member.config;
        let known: Vec<TxId> = machine.participant().transactions().map(|(tx, _)| tx).collect();
        let last = known.last().map_or(1, |tx| tx.number);
        let tx = any_tx(u, &known, &config.leaders, last)?;
        Ok(match u.int_in_range(0..=15)? {
            0 => u.arbitrary()?,
            1 => Input::Start,
            2 => Input::Timer(Timer::Readiness),
            3 => Input::Timer(Timer::Doubt),
            4..=7 => Input::Request(any_request(u, tx)?),
            kind => {
                let managers = managers(config);
                let said = Said { tx, at: Ballot::ZERO, rank: 0, managers: &managers };
                let kinds = if kind == 8 { TO_ANYBODY } else { TO_MANAGER };
                let from = pick::known(u, if kind == 9 { &config.common.members } else { &config.leaders })?;
                Input::Message { from, message: said.message(u, kinds)? }
            }
        })
    }

    fn told(&self, notice: &Notice<Bytes>, applied: u64) -> Result<u64, String> {
        Ok(if self.by_position { carried_out(notice, applied) } else { applied })
    }

    fn check(&self, machine: &Manager) -> Result<(), String> {
        Ok(machine.check()?)
    }

    fn fits(&self, machine: &Manager) -> Result<(), String> {
        fits(&self.member.config.common, machine.participant())
    }

    fn kind(&self, notice: &Notice<Bytes>) -> &'static str {
        kind(notice)
    }

    fn role(&self, machine: &Manager) -> &'static str {
        role(machine.participant())
    }
}
