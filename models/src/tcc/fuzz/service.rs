//! One service among coordinators that may say anything.

use arbitrary::{Result as Drawn, Unstructured};
use quorate::commit::TxId;
use quorate::commit::tcc::Member;
use quorate::commit::tcc::service::{Notice, Phase, Request, Timer};
use quorate::durable::{Corrupt, Recover};
use quorate::id::NodeId;
use quorate::machine::{Input, InputOf};

use super::{Bytes, Service, TO_ANYBODY, TO_SERVICE, any_message, arbitrary_member};
use crate::commit::fuzz::{any_tx, journal_fits, rejected};
use crate::fuzz::subject::{DiskOf, former};
use crate::fuzz::{Subject, pick};

/// A service with limits that are soon reached, and an application that goes by names or by positions.
#[derive(Clone, Debug)]
pub struct OneService {
    member: Member,
    by_position: bool,
}

impl Subject for OneService {
    type Machine = Service;
    type Ticket = ();

    fn arbitrary(u: &mut Unstructured<'_>) -> Drawn<Self> {
        Ok(Self { member: arbitrary_member(u)?, by_position: u.arbitrary()? })
    }

    fn me(&self) -> NodeId {
        self.member.me
    }

    fn arbitrary_disk(&self, u: &mut Unstructured<'_>) -> Drawn<(DiskOf<Self>, u64)> {
        former(self, u)
    }

    fn recover(&self, disk: &DiskOf<Self>, applied: u64) -> Result<Service, Corrupt> {
        Service::recover(self.member.clone(), disk, applied)
    }

    fn agrees(&self, machine: &Service, disk: &DiskOf<Self>) -> Result<(), &'static str> {
        machine.agrees_with(disk)
    }

    fn arbitrary_input(&self, machine: &Service, u: &mut Unstructured<'_>) -> Drawn<InputOf<Service>> {
        let (me, members) = (self.member.me, &self.member.config.commit.members);
        let others: Vec<NodeId> = members.iter().copied().filter(|node| *node != me).collect();
        let known: Vec<TxId> = machine.activities().map(|(tx, _)| tx).collect();
        let tx = any_tx(u, &known, &others, known.last().map_or(1, |tx| tx.number))?;
        Ok(match u.int_in_range(0..=15)? {
            0 => u.arbitrary()?,
            1 => Input::Start,
            2 => Input::Timer(*u.choose(&[Timer::Trying, Timer::Retry, Timer::Lapse])?),
            3..=8 => Input::Request(any_request(u, tx)?),
            kind => {
                let from = if u.ratio(1, 8)? { pick::known(u, members)? } else { tx.coordinator };
                let kinds = if kind == 9 { TO_ANYBODY } else { TO_SERVICE };
                Input::Message { from, message: any_message(u, tx, kinds)? }
            }
        })
    }

    fn told(&self, notice: &Notice<Bytes>, applied: u64) -> Result<u64, String> {
        Ok(match notice {
            Notice::Confirm { position, .. } | Notice::Cancel { position, .. } if self.by_position => {
                applied.max(*position)
            }
            _ => applied,
        })
    }

    fn check(&self, machine: &Service) -> Result<(), String> {
        Ok(machine.check()?)
    }

    fn fits(&self, machine: &Service) -> Result<(), String> {
        let config = &self.member.config.commit;
        if machine.live() > config.max_transactions {
            return Err(format!("{} activities, of {}", machine.live(), config.max_transactions));
        }
        let most = config.max_bytes.max(config.max_work_bytes);
        if machine.held_bytes() > most {
            return Err(format!("{} bytes of work, of {most}", machine.held_bytes()));
        }
        let tombstones = config.max_tombstones.saturating_mul(config.members.len().saturating_add(1));
        journal_fits(machine.journal_len(), config.max_transactions.saturating_add(tombstones), config)
    }

    fn kind(&self, notice: &Notice<Bytes>) -> &'static str {
        match notice {
            Notice::Try { .. } => "try",
            Notice::Confirm { .. } => "confirm",
            Notice::Cancel { lapsed: true, .. } => "lapsed",
            Notice::Cancel { .. } => "cancel",
            Notice::Undecided { .. } => "undecided",
            Notice::Stuck { .. } => "stuck",
            Notice::Damage { .. } => "damage to be seen to",
            Notice::Refused { .. } => "refused an answer",
            Notice::Rejected { reason, .. } => rejected(*reason),
            _ => "other",
        }
    }

    fn role(&self, machine: &Service) -> &'static str {
        let over = |phase: &Phase| matches!(phase, Phase::Ended(_) | Phase::Forgotten);
        let last = machine.activities().filter(|(_, phase)| !over(phase)).last();
        last.map_or("at rest", |(tx, phase)| match phase {
            _ if machine.is_stuck(tx) => "stuck",
            Phase::Asked => "trying",
            Phase::InDoubt { heuristic: None } => "reserved",
            Phase::InDoubt { .. } => "released",
            _ => "carrying out",
        })
    }
}

/// What an application or an operator may ask.
fn any_request(u: &mut Unstructured<'_>, tx: TxId) -> Drawn<Request> {
    Ok(match u.int_in_range(0..=11)? {
        0..=2 => Request::Reserved { tx },
        3 => Request::NotReserved { tx },
        4 | 5 => Request::Done { tx },
        6 | 7 => Request::Failed { tx },
        8 => Request::Retry { tx },
        9 => Request::GiveUp { tx },
        10 => Request::Release { tx },
        _ if u.arbitrary()? => Request::Forget { tx },
        _ => Request::Found { tx },
    })
}
