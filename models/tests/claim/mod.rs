//! A small machine to try the world on: nodes claim a prize, each votes once for good, a majority wins.

use std::time::Duration;

use quorate::durable::{Corrupt, Image, Record};
use quorate::id::{CellId, NodeId, Permutation, Permute};
use quorate::ledger::Output;
use quorate::machine::{Context, Input, InputOf, Machine};
use quorate::time::Delay;
use quorate_models::check::Bounds;
use quorate_models::spec::{Band, Property, Seen, Spec};
use quorate_models::world::World;
use serde::{Deserialize, Serialize};

/// The cell of the vote.
const VOTE: CellId = CellId(0);
/// What must hold.
pub(crate) const ONE_WINNER: &str = "at most one winner";

/// Classic mistakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Bug {
    None,
    /// The vote leaves before it is durable.
    FreeVote,
    /// The vote is not written at all.
    ForgottenVote,
    /// The vote is not written, and recovery is not compared with the machine either.
    ForgottenUnnoticed,
    /// A step panics.
    Panic,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Message {
    Claim,
    Vote,
}

impl Permute for Message {
    fn permute(&mut self, _by: &Permutation<'_>) {}
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Timer {
    Retry,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Claim;

impl Permute for Claim {
    fn permute(&mut self, _by: &Permutation<'_>) {}
}

/// One node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Claimant {
    me: NodeId,
    nodes: u64,
    bug: Bug,
    vote: Option<NodeId>,
    claiming: bool,
    votes: Vec<NodeId>,
    won: bool,
}

impl Permute for Claimant {
    fn permute(&mut self, by: &Permutation<'_>) {
        self.me.permute(by);
        self.vote.permute(by);
        self.votes.permute(by);
        self.votes.sort_unstable();
    }
}

impl Claimant {
    fn ask<C: Context<Self> + ?Sized>(&self, cx: &mut C) {
        for peer in (0..self.nodes).map(NodeId).filter(|peer| *peer != self.me) {
            cx.send_free(peer, Message::Claim);
        }
        cx.set_timer(Timer::Retry, Delay::exactly(Duration::from_millis(10)));
    }

    fn vote<C: Context<Self> + ?Sized>(&mut self, claimant: NodeId, cx: &mut C) {
        if self.vote.is_none() {
            self.vote = Some(claimant);
            if !matches!(self.bug, Bug::ForgottenVote | Bug::ForgottenUnnoticed) {
                cx.persist(Record::Put { cell: VOTE, value: claimant });
            }
        }
        if self.vote != Some(claimant) {
            return;
        }
        if self.bug == Bug::FreeVote {
            cx.send_free(claimant, Message::Vote);
        } else {
            cx.send(claimant, Message::Vote);
        }
    }
}

impl Machine for Claimant {
    type Config = ();
    type Message = Message;
    type Timer = Timer;
    type Request = Claim;
    type Cell = NodeId;
    type Entry = ();
    type Notice = ();

    fn step<C: Context<Self> + ?Sized>(&mut self, input: InputOf<Self>, cx: &mut C) {
        match input {
            Input::Start | Input::Loaded { .. } => {}
            Input::Request(Claim) => {
                self.claiming = true;
                self.vote(self.me, cx);
                self.ask(cx);
            }
            Input::Timer(Timer::Retry) if self.claiming && !self.won => self.ask(cx),
            Input::Timer(Timer::Retry) => {}
            Input::Message { from, message: Message::Claim } => self.vote(from, cx),
            Input::Message { from, message: Message::Vote } => {
                if !self.claiming || self.votes.contains(&from) {
                    return;
                }
                self.votes.push(from);
                self.votes.sort_unstable();
                let votes = self.votes.len() as u64;
                assert!(self.bug != Bug::Panic || votes < 2, "planted");
                if votes * 2 > self.nodes && !self.won {
                    self.won = true;
                    cx.cancel_timer(Timer::Retry);
                    cx.notify(());
                }
            }
        }
    }
}

/// The claim as a world.
#[derive(Clone, Debug)]
pub(crate) struct Claims {
    pub(crate) nodes: usize,
    pub(crate) bug: Bug,
    pub(crate) signed: bool,
}

/// Who won, ever.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Winners(Vec<NodeId>);

impl Permute for Winners {
    fn permute(&mut self, by: &Permutation<'_>) {
        self.0.permute(by);
        self.0.sort_unstable();
    }
}

impl Spec for Claims {
    type Machine = Claimant;
    type History = Winners;

    fn nodes(&self) -> usize {
        self.nodes
    }

    fn recover(&self, node: NodeId, disk: &Image<NodeId, ()>, _applied: u64) -> Result<Claimant, Corrupt> {
        let vote = disk.get(VOTE).copied();
        let nodes = self.nodes as u64;
        Ok(Claimant { me: node, nodes, bug: self.bug, vote, claiming: false, votes: Vec::new(), won: false })
    }

    fn agrees(&self, machine: &Claimant, disk: &Image<NodeId, ()>) -> Result<(), &'static str> {
        let agrees = machine.vote == disk.get(VOTE).copied() || self.bug == Bug::ForgottenUnnoticed;
        if agrees { Ok(()) } else { Err("the vote") }
    }

    fn symmetric(&self) -> bool {
        true
    }

    fn sees_faults(&self) -> bool {
        false
    }

    fn prompt(&self) -> bool {
        true
    }

    fn requests(&self, world: &World<Self>, node: NodeId, requests: &mut Vec<Claim>) {
        if world.node(node).is_some_and(|node| !node.machine.claiming) {
            requests.push(Claim);
        }
    }

    fn bounds(&self) -> Bounds {
        Bounds::from([("claims", None)])
    }

    fn observe(&self, seen: &Seen<'_, Self>, winners: &mut Winners) -> Result<(), &'static str> {
        let told = seen.outputs.iter().any(|output| matches!(output, Output::Notify(())));
        if told && !winners.0.contains(&seen.node) {
            winners.0.push(seen.node);
            winners.0.sort_unstable();
        }
        if winners.0.len() > 1 { Err(ONE_WINNER) } else { Ok(()) }
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::observed(ONE_WINNER),
            Property::always("votes are counted once", |world| {
                world.machines().all(|machine| machine.votes.len() <= world.nodes().len())
            }),
            Property::sometimes("somebody wins", |world| !world.history().0.is_empty()),
            Property::sometimes("the winner crashes", |world| {
                world
                    .history()
                    .0
                    .iter()
                    .any(|winner| world.node(*winner).is_some_and(|node| !node.machine.won))
            }),
        ]
    }

    fn signature(&self, machine: &Claimant) -> u64 {
        if !self.signed {
            return 0;
        }
        let vote = machine.vote.map_or(0, |vote| if vote == machine.me { 1 } else { 2 });
        vote | u64::from(machine.claiming) << 2
            | u64::from(machine.won) << 3
            | (machine.votes.len() as u64) << 4
    }

    fn relation(&self, machine: &Claimant, about: NodeId) -> u64 {
        if !self.signed {
            return 0;
        }
        u64::from(machine.vote == Some(about)) | u64::from(machine.votes.contains(&about)) << 1
    }

    fn message_signature(&self, message: &Message) -> u64 {
        if self.signed && *message == Message::Vote { 1 } else { 0 }
    }

    fn band(&self, machine: &Claimant) -> Option<Band> {
        let hue = if machine.won { 145 } else { 215 + u16::from(machine.claiming) * 175 };
        Some(Band { label: self.summary(machine), hue })
    }

    fn summary(&self, machine: &Claimant) -> String {
        match (machine.won, machine.claiming) {
            (true, _) => "winner".to_owned(),
            (false, true) => "claimant".to_owned(),
            (false, false) => "voter".to_owned(),
        }
    }
}
