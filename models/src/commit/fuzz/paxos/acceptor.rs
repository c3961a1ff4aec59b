//! One acceptor among leaders and resource managers that may say anything.

use arbitrary::{Result as Drawn, Unstructured};
use quorate::commit::TxId;
use quorate::commit::paxos::acceptor::{Notice, Phase, Timer};
use quorate::commit::paxos::{Ballot, Member};
use quorate::durable::{Corrupt, Recover};
use quorate::id::NodeId;
use quorate::machine::{Input, InputOf};

use super::{Acceptor, Said, TO_ACCEPTOR, TO_ANYBODY, arbitrary_member, managers};
use crate::commit::fuzz::{ENTRIES_PER_NEEDED, ENTRIES_PER_STEP, any_tx, rejected};
use crate::fuzz::subject::{DiskOf, former};
use crate::fuzz::{Subject, pick};

/// An acceptor with limits that are soon reached.
#[derive(Clone, Debug)]
pub struct OneAcceptor {
    member: Member,
}

impl Subject for OneAcceptor {
    type Machine = Acceptor;
    type Ticket = ();

    fn arbitrary(u: &mut Unstructured<'_>) -> Drawn<Self> {
        Ok(Self { member: arbitrary_member(u, |config| config.acceptors.clone())? })
    }

    fn me(&self) -> NodeId {
        self.member.me
    }

    fn arbitrary_disk(&self, u: &mut Unstructured<'_>) -> Drawn<(DiskOf<Self>, u64)> {
        former(self, u)
    }

    fn recover(&self, disk: &DiskOf<Self>, applied: u64) -> Result<Acceptor, Corrupt> {
        Acceptor::recover(self.member.clone(), disk, applied)
    }

    fn agrees(&self, machine: &Acceptor, disk: &DiskOf<Self>) -> Result<(), &'static str> {
        machine.agrees_with(disk)
    }

    fn arbitrary_input(&self, machine: &Acceptor, u: &mut Unstructured<'_>) -> Drawn<InputOf<Acceptor>> {
        match u.int_in_range(0..=15)? {
            0 => return u.arbitrary(),
            1 => return Ok(Input::Start),
            2 => return Ok(Input::Timer(Timer::Linger)),
            _ => {}
        }
        let config = &self.member.config;
        let known: Vec<TxId> = machine.transactions().collect();
        let number =
            if u.ratio(1, 4)? { known.last().map_or(1, |tx| tx.number) } else { u.int_in_range(1..=9)? };
        let tx = any_tx(u, &known, &config.leaders, number)?;
        let at = match machine.phase(tx) {
            Some(Phase::Live { promised, .. }) => promised,
            _ => Ballot { round: 1, rank: 0 },
        };
        let rank = u.int_in_range(0..=config.leaders.len().saturating_sub(1))?;
        let managers = managers(config);
        let said = Said { tx, at, rank: u8::try_from(rank).unwrap_or(0), managers: &managers };
        let kinds = if u.ratio(1, 16)? { TO_ANYBODY } else { TO_ACCEPTOR };
        let from = match u.int_in_range(0..=7)? {
            0 => pick::known(u, &config.common.members)?,
            1..=3 => pick::known(u, &managers)?,
            _ => config.leaders.get(rank).copied().unwrap_or_default(),
        };
        Ok(Input::Message { from, message: said.message(u, kinds)? })
    }

    fn check(&self, machine: &Acceptor) -> Result<(), String> {
        Ok(machine.check()?)
    }

    fn fits(&self, machine: &Acceptor) -> Result<(), String> {
        let config = &self.member.config;
        if machine.live() > config.open_max() {
            return Err(format!("{} transactions, of {}", machine.live(), config.open_max()));
        }
        // What is over is written into its cell before the head of the journal is dropped: it takes a second time around.
        let needed = 2 * ENTRIES_PER_NEEDED.saturating_mul(config.open_max());
        let most = needed.saturating_add(2 * config.common.journal_slack).saturating_add(ENTRIES_PER_STEP);
        match machine.journal_len() {
            long if long > most as u64 => Err(format!("{long} entries in the journal, of {most}")),
            _ => Ok(()),
        }
    }

    fn kind(&self, notice: &Notice) -> &'static str {
        match notice {
            Notice::Overloaded { .. } => "overloaded acceptor",
            Notice::Lingers { .. } => "lingers",
            Notice::Rejected { reason, .. } => rejected(*reason),
            _ => "other",
        }
    }

    fn role(&self, machine: &Acceptor) -> &'static str {
        match machine.transactions().last().and_then(|tx| machine.phase(tx)) {
            Some(Phase::Live { promised: Ballot::ZERO, .. }) => "in ballot 0",
            Some(Phase::Live { .. }) => "in a ballot",
            _ => "idle acceptor",
        }
    }
}
