//! The resource manager: two-phase commit's [participant](crate::commit::participant), whose votes go to the acceptors.
//!
//! What it asks its application, what it keeps durable, when it is in doubt, what an operator may do about that and
//! how much it remembers is the participant's, unchanged. What it says is said in other words, to others: its vote to
//! the acceptors, its inquiries to any leader and to no peer; and what it has aborted it does not vote for again, since a
//! vote is a proposal, of which there is one in a ballot.

#[cfg(feature = "serde")]
mod serial;

use alloc::vec::Vec;

use super::config::{Config, ConfigError, Member, Role};
use super::message::Message;
use crate::commit::config::Member as CommonMember;
use crate::commit::ids::{Mode, Nodes, Outcome, TxId, Vote};
use crate::commit::message::Message as Said;
use crate::commit::participant::{Cell, Entry, Notice, Participant, Phase, Request, Timer};
use crate::commit::{Rejection, Work};
use crate::durable::{Corrupt, Image, Recover, Stored};
use crate::fixed::Fixed;
use crate::id::{NodeId, Permutation, Permute};
use crate::machine::{Context, Effect, EffectOf, Input, InputOf, Machine};
use crate::time::Time;

/// A resource manager in any number of transactions. See [the module](crate::commit::paxos).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ResourceManager<W> {
    config: Fixed<Config>,
    participant: Participant<W>,
}

impl<W: Work> ResourceManager<W> {
    /// A node as new, with nothing durable.
    ///
    /// # Errors
    /// [`ConfigError`], if the configuration does not stand.
    pub fn new(member: Member) -> Result<Self, ConfigError> {
        let common = common(&member)?;
        let participant = Participant::new(common).map_err(ConfigError::Common)?;
        Ok(Self { config: Fixed(member.config), participant })
    }

    /// The participant inside: how far each transaction has come, and what it holds.
    ///
    /// State runs ahead of the disk: never answer anybody from it; only effects are truth.
    #[must_use]
    pub const fn participant(&self) -> &Participant<W> {
        &self.participant
    }

    /// Checks the node's own invariants.
    ///
    /// # Errors
    /// What does not hold, in a few words: a bug in this crate.
    pub fn check(&self) -> Result<(), &'static str> {
        self.participant.check()
    }

    /// A leader speaks, and the participant hears it from its coordinator.
    fn message<Cx: Context<Self> + ?Sized>(&mut self, from: NodeId, message: Message<W>, cx: &mut Cx) {
        let tx = message.tx();
        if let Err(reason) = self.admit(from, tx) {
            return cx.notify_free(Notice::Rejected { from, reason });
        }
        let mode = Mode::PresumedAbort;
        let mut known = Known::new();
        let said = match message {
            Message::Prepare { managers, work, .. } => {
                if let Err(reason) = self.config.check_managers(managers.iter().copied()) {
                    return cx.notify_free(Notice::Rejected { from, reason });
                }
                if self.has_aborted(tx) {
                    // It may have voted yes before it learned that. Two votes in one ballot must not be, and a leader
                    // that does not know yet learns it from the acceptors.
                    return;
                }
                if self.participant.peers(tx).is_some_and(|peers| *peers != managers) {
                    return cx.notify_free(Notice::Rejected { from, reason: Rejection::Contradicts });
                }
                known.push((tx, managers.clone()));
                Said::Prepare { tx, mode, peers: managers, work }
            }
            Message::Decision { outcome, .. } => Said::Decision { tx, mode, outcome },
            Message::Presumed { .. } => Said::Answer { tx, outcome: Some(Outcome::Abort) },
            _ => return cx.notify_free(Notice::Rejected { from, reason: Rejection::Misdirected }),
        };
        self.drive(Input::Message { from: tx.coordinator, message: said }, Some(from), &known, cx);
    }

    fn has_aborted(&self, tx: TxId) -> bool {
        let phase = self.participant.phase(tx);
        matches!(phase, Some(Phase::Decided(Outcome::Abort) | Phase::Ended(Some(Outcome::Abort))))
    }

    fn admit(&self, from: NodeId, tx: TxId) -> Result<(), Rejection> {
        if !self.config.common.knows(from) {
            return Err(Rejection::NotAMember);
        }
        self.config.check_name(tx)?;
        if self.config.role(from) == Role::Leader { Ok(()) } else { Err(Rejection::WrongRole) }
    }

    fn drive<Cx: Context<Self> + ?Sized>(
        &mut self,
        input: InputOf<Participant<W>>,
        from: Option<NodeId>,
        managers: &[(TxId, Nodes)],
        cx: &mut Cx,
    ) {
        self.participant.step(input, &mut Port { cx, config: &self.config, from, managers });
    }
}

impl<W: Work> Machine for ResourceManager<W> {
    type Config = Member;
    type Message = Message<W>;
    type Timer = Timer;
    type Request = Request;
    type Cell = Cell;
    type Entry = Entry<W>;
    type Notice = Notice<W>;

    fn step<Cx: Context<Self> + ?Sized>(&mut self, input: InputOf<Self>, cx: &mut Cx) {
        let (input, known) = match input {
            Input::Message { from, message } => return self.message(from, message, cx),
            Input::Request(request) => {
                let managers = match request {
                    Request::Ready { tx, .. } => self.participant.peers(tx).map(|peers| (tx, peers.clone())),
                    Request::Done { .. }
                    | Request::Resolve { .. }
                    | Request::Found { .. }
                    | Request::Forget { .. } => None,
                };
                (Input::Request(request), managers.into_iter().collect())
            }
            Input::Start => (Input::Start, self.known()),
            Input::Timer(timer) => (Input::Timer(timer), self.known()),
            Input::Loaded { log, from, entries } => (Input::Loaded { log, from, entries }, Known::new()),
        };
        self.drive(input, None, &known, cx);
    }
}

/// The resource managers of some transactions, ascending by transaction.
type Known = Vec<(TxId, Nodes)>;

impl<W: Work> ResourceManager<W> {
    /// The resource managers of all transactions that have not been decided.
    fn known(&self) -> Known {
        let open = self.participant.transactions();
        open.filter_map(|(tx, _)| Some((tx, self.participant.peers(tx)?.clone()))).collect()
    }
}

/// The context of the participant inside.
struct Port<'a, Cx: ?Sized> {
    cx: &'a mut Cx,
    config: &'a Config,
    /// The leader who speaks.
    from: Option<NodeId>,
    /// The resource managers of all transactions that a vote or an inquiry can be about.
    managers: &'a [(TxId, Nodes)],
}

impl<Cx: ?Sized> Port<'_, Cx> {
    fn managers(&self, tx: TxId) -> Option<Nodes> {
        let at = self.managers.binary_search_by_key(&tx, |(tx, _)| *tx).ok()?;
        self.managers.get(at).map(|(_, managers)| managers.clone())
    }

    fn say<W: Work>(&mut self, message: Said<W>)
    where
        Cx: Context<ResourceManager<W>>,
    {
        match message {
            Said::Vote { tx, vote } => self.vote(tx, vote),
            Said::Acknowledge { tx, took } => {
                // To who told it: the coordinator may be gone.
                self.cx.send(self.from.unwrap_or(tx.coordinator), Message::Acknowledge { tx, took });
            }
            Said::Inquire { tx, .. } => self.inquire(tx, tx.coordinator),
            // A peer knows nothing that the acceptors do not.
            Said::InquirePeer { .. }
            | Said::Prepare { .. }
            | Said::OnePhase { .. }
            | Said::Decision { .. }
            | Said::Answer { .. } => {}
        }
    }

    fn vote<W: Work>(&mut self, tx: TxId, vote: Vote)
    where
        Cx: Context<ResourceManager<W>>,
    {
        let Some(managers) = self.managers(tx) else { return };
        // Who is asked again by a leader has not been heard by enough.
        let many = if self.from.is_some() { usize::MAX } else { self.config.asked_first };
        for acceptor in self.config.acceptors.iter().take(many) {
            self.cx.send(*acceptor, Message::Vote { tx, managers: managers.clone(), vote });
        }
    }

    fn inquire<W: Work>(&mut self, tx: TxId, leader: NodeId)
    where
        Cx: Context<ResourceManager<W>>,
    {
        if let Some(managers) = self.managers(tx) {
            self.cx.send(leader, Message::Inquire { tx, managers });
        }
    }

    fn tell<W: Work>(&mut self, notice: Notice<W>) -> Notice<W>
    where
        Cx: Context<ResourceManager<W>>,
    {
        match notice {
            // The coordinator has been asked in vain: another leader takes over.
            Notice::InDoubt { tx } => {
                if let Some(leader) = another_leader(self.config, tx, |upto| self.cx.choose(upto)) {
                    self.inquire(tx, leader);
                }
                Notice::InDoubt { tx }
            }
            Notice::Rejected { from, reason } => Notice::Rejected { from: self.from.unwrap_or(from), reason },
            other => other,
        }
    }
}

impl<W: Work, Cx: Context<ResourceManager<W>> + ?Sized> Context<Participant<W>> for Port<'_, Cx> {
    fn now(&self) -> Time {
        self.cx.now()
    }

    fn choose(&mut self, upto: u32) -> u32 {
        self.cx.choose(upto)
    }

    fn emit(&mut self, effect: EffectOf<Participant<W>>) {
        match effect {
            // Nothing that a participant says is free.
            Effect::Send { message, .. } => self.say(message),
            Effect::Notify { notice, release } => {
                let notice = self.tell(notice);
                self.cx.emit(Effect::Notify { notice, release });
            }
            Effect::Persist(record) => self.cx.persist(record),
            Effect::SetTimer { timer, after } => self.cx.set_timer(timer, after),
            Effect::CancelTimer(timer) => self.cx.cancel_timer(timer),
            Effect::Load { log, from, upto } => self.cx.load(log, from, upto),
        }
    }
}

/// A leader that did not begin `tx`: any, so that not all who ask burden the same one.
pub(super) fn another_leader(config: &Config, tx: TxId, choose: impl FnOnce(u32) -> u32) -> Option<NodeId> {
    let mut others = config.leaders.iter().filter(|leader| **leader != tx.coordinator);
    let many = others.clone().count();
    let chosen = if many > 1 { choose(u32::try_from(many).unwrap_or(u32::MAX)) } else { 0 };
    others.nth(usize::try_from(chosen).unwrap_or(0)).copied()
}

/// What the participant inside is told.
fn common(member: &Member) -> Result<CommonMember, ConfigError> {
    member.config.validate(member.me, Role::ResourceManager)?;
    Ok(CommonMember { me: member.me, config: alloc::sync::Arc::new(member.config.common.clone()) })
}

impl<W: Work> Recover for ResourceManager<W> {
    /// `applied` is as [a participant](Participant)'s.
    fn recover(
        member: Member,
        stored: &(impl Stored<Cell, Entry<W>> + ?Sized),
        applied: u64,
    ) -> Result<Self, Corrupt> {
        let common = common(&member).map_err(|error| Corrupt::Config(error.as_str()))?;
        let participant = Participant::recover(common, stored, applied)?;
        Ok(Self { config: Fixed(member.config), participant })
    }

    fn agrees_with(&self, image: &Image<Cell, Entry<W>>) -> Result<(), &'static str> {
        self.participant.agrees_with(image)
    }
}

impl<W> Permute for ResourceManager<W> {
    fn permute(&mut self, by: &Permutation<'_>) {
        self.participant.permute(by);
    }
}
