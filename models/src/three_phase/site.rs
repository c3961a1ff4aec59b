//! A site: it votes, and leads when all before it are suspected.
//!
//! The lowest site coordinates. When it is suspected, the next one leads the *termination protocol* (Bernstein, Hadzilacos
//! and Goodman 1987, 7.5): it asks how far everybody is, and decides by what it hears (`termination.rs`).

use quorate::commit::Outcome;
use quorate::durable::Record;
use quorate::id::{CellId, NodeId, Permutation, Permute};
use quorate::machine::{Context, Input, InputOf, Machine, Never};

use super::message::{Kept, Message, Notice, Phase, Request};

/// The one durable cell.
pub const KEPT: CellId = CellId(0);
/// Who coordinates at first.
pub const FIRST: NodeId = NodeId(0);

/// A set of sites, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Sites(u64);

impl Sites {
    pub(super) const fn has(self, site: NodeId) -> bool {
        site.0 < 64 && self.0 & (1 << site.0) != 0
    }

    pub(super) const fn with(self, site: NodeId) -> Self {
        if site.0 < 64 { Self(self.0 | (1 << site.0)) } else { self }
    }
}

/// A site of three-phase commit, in one transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Site {
    pub(super) me: NodeId,
    pub(super) sites: u64,
    pub(super) phase: Phase,
    /// Whether it came back from a crash: it takes no part but asks what was decided.
    crashed: bool,
    /// Who it takes to have crashed.
    pub(super) suspected: Sites,
    /// Who it follows: what a lower site says but a decision is from before.
    pub(super) led_by: NodeId,
    pub(super) leads: Leads,
    /// Who came back, asked, and has no answer.
    asking: Sites,
}

/// What a leader waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Leads {
    /// It does not lead, or has not begun, or has decided.
    Nobody,
    /// Votes.
    Votes { yes: Sites },
    /// States: who has told, and whether anybody is committable.
    States { told: Sites, committable: Sites },
    /// Acknowledgements.
    Acknowledgements { from: Sites },
}

impl Site {
    /// A site of so many, which finds this on its disk.
    #[must_use]
    pub const fn new(me: NodeId, sites: u64, kept: Option<Kept>) -> Self {
        let phase = match kept {
            None | Some(Kept::Joined) => Phase::Initial,
            Some(Kept::Voted) => Phase::Wait,
            Some(Kept::Decided(outcome)) => Phase::Decided(outcome),
        };
        let (suspected, asking) = (Sites(0), Sites(0));
        Self {
            me,
            sites,
            phase,
            crashed: kept.is_some(),
            suspected,
            led_by: FIRST,
            leads: Leads::Nobody,
            asking,
        }
    }

    /// This site.
    #[must_use]
    pub const fn id(&self) -> NodeId {
        self.me
    }

    /// How far it is.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether it has crashed, and takes no part any more.
    #[must_use]
    pub const fn has_crashed(&self) -> bool {
        self.crashed
    }

    /// Whether it takes that site to have crashed.
    #[must_use]
    pub const fn suspects(&self, site: NodeId) -> bool {
        self.suspected.has(site)
    }

    /// What must be durable of it.
    #[must_use]
    pub const fn kept(&self) -> Kept {
        match self.phase {
            Phase::Initial => Kept::Joined,
            Phase::Wait | Phase::PreCommitted => Kept::Voted,
            Phase::Decided(outcome) => Kept::Decided(outcome),
        }
    }

    /// The others that it does not suspect.
    pub(super) fn others(&self) -> impl Iterator<Item = NodeId> + use<> {
        let (me, suspected) = (self.me, self.suspected);
        (0..self.sites).map(NodeId).filter(move |site| *site != me && !suspected.has(*site))
    }

    /// Whether everybody whom it waits for is in `so_far`, or crashed.
    pub(super) fn is_all(&self, so_far: Sites) -> bool {
        self.others().all(|site| so_far.has(site))
    }

    pub(super) fn tell_all<C: Context<Self> + ?Sized>(&self, message: Message, cx: &mut C) {
        self.others().for_each(|site| cx.send(site, message));
    }

    fn keep<C: Context<Self> + ?Sized>(&self, cx: &mut C) {
        cx.persist(Record::Put { cell: KEPT, value: self.kept() });
    }

    /// Decides, durably; who leads then tells everybody.
    pub(super) fn decide<C: Context<Self> + ?Sized>(&mut self, outcome: Outcome, cx: &mut C) {
        if matches!(self.phase, Phase::Decided(_)) {
            return;
        }
        self.phase = Phase::Decided(outcome);
        self.keep(cx);
        cx.notify(Notice::Decided { outcome });
        if self.leads != Leads::Nobody {
            self.leads = Leads::Nobody;
            self.tell_all(Message::Decision { outcome }, cx);
        }
        for site in (0..self.sites).map(NodeId).filter(|site| self.asking.has(*site)) {
            cx.send(site, Message::Decision { outcome });
        }
        self.asking = Sites::default();
    }

    fn start<C: Context<Self> + ?Sized>(&mut self, cx: &mut C) {
        self.keep(cx);
        match self.phase {
            // It has not voted, so that nobody can have committed.
            Phase::Initial if self.crashed => self.decide(Outcome::Abort, cx),
            Phase::Wait | Phase::PreCommitted => self.tell_all(Message::Inquire, cx),
            Phase::Initial | Phase::Decided(_) => {}
        }
    }

    fn request<C: Context<Self> + ?Sized>(&mut self, request: Request, cx: &mut C) {
        if self.crashed {
            return;
        }
        match request {
            Request::Begin => self.begin(cx),
            Request::Vote { yes } => self.vote(yes, cx),
            Request::Suspect { site } if site != self.me => self.suspect(site, cx),
            Request::Suspect { .. } => {}
        }
    }

    fn begin<C: Context<Self> + ?Sized>(&mut self, cx: &mut C) {
        if self.me != FIRST || self.phase != Phase::Initial {
            return;
        }
        if self.suspected != Sites::default() {
            // Nobody is left out: who crashed before it was asked has aborted.
            self.leads = Leads::Votes { yes: Sites::default() };
            self.decide(Outcome::Abort, cx);
        } else {
            self.phase = Phase::Wait;
            self.keep(cx);
            self.leads = Leads::Votes { yes: Sites::default() };
            self.tell_all(Message::VoteRequest, cx);
        }
    }

    fn vote<C: Context<Self> + ?Sized>(&mut self, yes: bool, cx: &mut C) {
        if self.phase != Phase::Initial || self.me == FIRST {
            return;
        }
        if yes {
            self.phase = Phase::Wait;
            self.keep(cx);
        }
        cx.send(FIRST, Message::Vote { yes });
        if !yes {
            self.decide(Outcome::Abort, cx);
        }
    }

    fn message<C: Context<Self> + ?Sized>(&mut self, from: NodeId, message: Message, cx: &mut C) {
        match message {
            Message::Decision { outcome } => return self.decide(outcome, cx),
            Message::Inquire => return self.inquired(from, cx),
            _ if self.crashed || from < self.led_by && is_led(message) => return,
            _ => {}
        }
        match message {
            Message::VoteRequest if self.phase == Phase::Initial => cx.notify(Notice::Asked),
            Message::Vote { yes } => self.on_vote(from, yes, cx),
            Message::PreCommit => {
                if matches!(self.phase, Phase::Wait | Phase::PreCommitted) {
                    self.phase = Phase::PreCommitted;
                    cx.send(from, Message::Acknowledge);
                }
            }
            Message::Acknowledge => self.on_acknowledge(from, cx),
            Message::StateRequest => self.on_state_request(from, cx),
            Message::State { phase } => self.on_state(from, phase, cx),
            Message::VoteRequest | Message::Decision { .. } | Message::Inquire => {}
        }
    }

    fn inquired<C: Context<Self> + ?Sized>(&mut self, from: NodeId, cx: &mut C) {
        match self.phase {
            Phase::Decided(outcome) => cx.send(from, Message::Decision { outcome }),
            _ => self.asking = self.asking.with(from),
        }
    }

    fn on_vote<C: Context<Self> + ?Sized>(&mut self, from: NodeId, yes: bool, cx: &mut C) {
        let Leads::Votes { yes: so_far } = self.leads else { return };
        if !yes {
            return self.decide(Outcome::Abort, cx);
        }
        self.leads = Leads::Votes { yes: so_far.with(from) };
        self.go_on(cx);
    }

    fn on_acknowledge<C: Context<Self> + ?Sized>(&mut self, from: NodeId, cx: &mut C) {
        if let Leads::Acknowledgements { from: so_far } = self.leads {
            self.leads = Leads::Acknowledgements { from: so_far.with(from) };
            self.go_on(cx);
        }
    }

    /// Goes on where whoever leads has heard of everybody.
    pub(super) fn go_on<C: Context<Self> + ?Sized>(&mut self, cx: &mut C) {
        match self.leads {
            Leads::Votes { yes } if self.is_all(yes) => self.pre_commit(cx),
            Leads::Acknowledgements { from } if self.is_all(from) => self.decide(Outcome::Commit, cx),
            Leads::States { told, committable } if self.is_all(told) => self.terminate(committable, cx),
            _ => {}
        }
    }

    /// Everybody has voted yes, and is told before anybody commits.
    pub(super) fn pre_commit<C: Context<Self> + ?Sized>(&mut self, cx: &mut C) {
        self.phase = Phase::PreCommitted;
        self.leads = Leads::Acknowledgements { from: Sites::default() };
        self.tell_all(Message::PreCommit, cx);
        self.go_on(cx);
    }
}

/// Whether only who leads says it.
const fn is_led(message: Message) -> bool {
    matches!(message, Message::VoteRequest | Message::PreCommit | Message::StateRequest)
}

impl Machine for Site {
    type Config = u64;
    type Message = Message;
    type Timer = ();
    type Request = Request;
    type Cell = Kept;
    type Entry = Never;
    type Notice = Notice;

    fn step<C: Context<Self> + ?Sized>(&mut self, input: InputOf<Self>, cx: &mut C) {
        match input {
            Input::Start => self.start(cx),
            Input::Message { from, message } => self.message(from, message, cx),
            Input::Request(request) => self.request(request, cx),
            Input::Timer(()) | Input::Loaded { .. } => {}
        }
    }
}

impl Permute for Site {
    fn permute(&mut self, _: &Permutation<'_>) {} // sites have ranks: they are not interchangeable
}
