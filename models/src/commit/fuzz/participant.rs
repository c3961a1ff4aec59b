//! One participant among coordinators and peers that may say anything.

use std::sync::Arc;

use arbitrary::{Result as Drawn, Unstructured};
use quorate::commit::participant::{Notice, Phase, Request, Timer};
use quorate::commit::{Config, Member, TxId};
use quorate::durable::{Corrupt, Recover};
use quorate::id::NodeId;
use quorate::machine::{Input, InputOf};

use super::{
    Bytes, Participant, TO_ANYBODY, TO_PARTICIPANT, any_message, any_tx, arbitrary_config, journal_fits,
    rejected,
};
use crate::fuzz::subject::{DiskOf, former};
use crate::fuzz::{Subject, pick};

/// A participant with limits that are soon reached, and an application that goes by names or by positions.
#[derive(Clone, Debug)]
pub struct OneParticipant {
    member: Member,
    by_position: bool,
}

impl Subject for OneParticipant {
    type Machine = Participant;
    type Ticket = ();

    fn arbitrary(u: &mut Unstructured<'_>) -> Drawn<Self> {
        let config = Arc::new(arbitrary_config(u)?);
        let me = *u.choose(&config.members)?;
        Ok(Self { member: Member { me, config }, by_position: u.arbitrary()? })
    }

    fn me(&self) -> NodeId {
        self.member.me
    }

    fn arbitrary_disk(&self, u: &mut Unstructured<'_>) -> Drawn<(DiskOf<Self>, u64)> {
        former(self, u)
    }

    fn recover(&self, disk: &DiskOf<Self>, applied: u64) -> Result<Participant, Corrupt> {
        Participant::recover(self.member.clone(), disk, applied)
    }

    fn agrees(&self, machine: &Participant, disk: &DiskOf<Self>) -> Result<(), &'static str> {
        machine.agrees_with(disk)
    }

    fn arbitrary_input(
        &self,
        machine: &Participant,
        u: &mut Unstructured<'_>,
    ) -> Drawn<InputOf<Participant>> {
        let members = &self.member.config.members;
        let known: Vec<TxId> = machine.transactions().map(|(tx, _)| tx).collect();
        let tx = a_transaction(u, &known, members, self.member.me)?;
        Ok(match u.int_in_range(0..=15)? {
            0 => u.arbitrary()?,
            1 => Input::Start,
            2 => Input::Timer(Timer::Readiness),
            3 => Input::Timer(Timer::Doubt),
            4..=7 => Input::Request(any_request(u, tx)?),
            kind => {
                let from = if u.ratio(1, 4)? { pick::known(u, members)? } else { tx.coordinator };
                let kinds = if kind == 8 { TO_ANYBODY } else { TO_PARTICIPANT };
                Input::Message { from, message: any_message(u, tx, members, kinds)? }
            }
        })
    }

    fn told(&self, notice: &Notice<Bytes>, applied: u64) -> Result<u64, String> {
        Ok(if self.by_position { carried_out(notice, applied) } else { applied })
    }

    fn check(&self, machine: &Participant) -> Result<(), String> {
        Ok(machine.check()?)
    }

    fn fits(&self, machine: &Participant) -> Result<(), String> {
        fits(&self.member.config, machine)
    }

    fn kind(&self, notice: &Notice<Bytes>) -> &'static str {
        kind(notice)
    }

    fn role(&self, machine: &Participant) -> &'static str {
        role(machine)
    }
}

/// A transaction of another node.
pub(super) fn a_transaction(
    u: &mut Unstructured<'_>,
    known: &[TxId],
    members: &[NodeId],
    me: NodeId,
) -> Drawn<TxId> {
    let others: Vec<NodeId> = members.iter().copied().filter(|node| *node != me).collect();
    let last = known.last().map_or(1, |tx| tx.number);
    any_tx(u, known, &others, last)
}

/// What an application or an operator may ask.
pub(crate) fn any_request(u: &mut Unstructured<'_>, tx: TxId) -> Drawn<Request> {
    Ok(match u.int_in_range(0..=7)? {
        0..=3 => Request::Ready { tx, vote: u.arbitrary()? },
        4 | 5 => Request::Done { tx },
        6 => Request::Resolve { tx, outcome: u.arbitrary()? },
        _ if u.arbitrary()? => Request::Forget { tx },
        _ => Request::Found { tx },
    })
}

/// The position up to which an application that carries out all that it is told has come.
pub(crate) fn carried_out<W>(notice: &Notice<W>, applied: u64) -> u64 {
    match notice {
        Notice::Apply { position, .. } | Notice::Undo { position, .. } => applied.max(*position),
        _ => applied,
    }
}

/// Whether a participant keeps its limits.
pub(crate) fn fits(config: &Config, machine: &Participant) -> Result<(), String> {
    if machine.live() > config.max_transactions {
        return Err(format!("{} transactions, of {}", machine.live(), config.max_transactions));
    }
    let most = config.max_bytes.max(config.max_work_bytes);
    if machine.held_bytes() > most {
        return Err(format!("{} bytes of work, of {most}", machine.held_bytes()));
    }
    for coordinator in &config.members {
        let over = |(tx, phase): &(TxId, Phase)| tx.coordinator == *coordinator && is_over(phase);
        let tombstones = machine.transactions().filter(over).count();
        // Apart from these, as many tell of damage.
        let most = config.max_tombstones.saturating_mul(2);
        if tombstones > most {
            return Err(format!("{tombstones} tombstones of {coordinator}, of {most}"));
        }
    }
    let tombstones = config.max_tombstones.saturating_mul(config.members.len().saturating_add(1));
    journal_fits(machine.journal_len(), config.max_transactions.saturating_add(tombstones), config)
}

const fn is_over(phase: &Phase) -> bool {
    matches!(phase, Phase::Ended(_))
}

pub(crate) fn kind<W>(notice: &Notice<W>) -> &'static str {
    match notice {
        Notice::Prepare { .. } => "prepare",
        Notice::Apply { heuristic: false, .. } => "apply",
        Notice::Apply { .. } => "apply what an operator decided",
        Notice::Undo { heuristic: false, .. } => "undo",
        Notice::Undo { .. } => "undo what an operator decided",
        Notice::Undecided { .. } => "undecided",
        Notice::InDoubt { .. } => "in doubt",
        Notice::Damage { .. } => "damage to be seen to",
        Notice::Refused { .. } => "refused an answer",
        Notice::Rejected { reason, .. } => rejected(*reason),
        _ => "other",
    }
}

pub(crate) fn role<W: quorate::commit::Work>(machine: &quorate::commit::Participant<W>) -> &'static str {
    let open = machine.transactions().map(|(_, phase)| phase).filter(|phase| !is_over(phase));
    open.last().map_or("at rest", |phase| match phase {
        Phase::Asked => "asked",
        Phase::InDoubt { heuristic: None } => "in doubt",
        Phase::InDoubt { .. } => "resolved",
        Phase::Decided(_) => "carrying out",
        Phase::Ended(_) | Phase::Forgotten => "over",
    })
}
