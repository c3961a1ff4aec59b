//! Raft in a world: its configuration, its bounds, where it begins.

use std::sync::Arc;

use quorate::durable::{Corrupt, Image, Record, Recover};
use quorate::id::{ClusterId, NodeId};
use quorate::machine::RecordOf;
use quorate::raft::{
    Cell, Command, Config, Entry, HARD_STATE, IDENTITY, LOG, Member, Message, Mode, Notice, Payload, Raft,
    Request, Role, Term,
};

use super::{Application, Bare, HistoryOf, RaftOf, coverage, liveness, properties, render};
use crate::check::Bounds;
use crate::coverage::Vocabulary;
use crate::hash::fingerprint;
use crate::liveness::LeadsTo;
use crate::node::{Frozen, ImageOf};
use crate::spec::{Band, Event, Origin, Property, Seen, Shown, Spec};
use crate::world::{Action, ActionOf, World};

/// The cluster under check.
const CLUSTER: ClusterId = ClusterId(1);

/// Raft with a configuration, a bound on its terms and a place to begin; and what it replicates.
#[derive(Clone, Debug)]
pub struct RaftSpec<A = Bare> {
    application: A,
    config: Arc<Config>,
    terms: u64,
    /// The terms of the entries on each disk, and the term of the disk; empty for nodes as new.
    disks: Vec<(u64, Vec<u64>)>,
    /// Who alone campaigns in a term; anybody in terms that are not named.
    elects: Vec<(Term, NodeId)>,
    /// Whether answers that nobody waits for any more stay in flight.
    late: bool,
    /// Whether the world begins with a leader.
    led: bool,
    expect: Expect,
}

/// What a world must reach, or its check is vacuous.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Expect {
    /// A command is committed.
    pub(super) commits: bool,
    /// A deposed leader's entry is overwritten.
    pub(super) overwrites: bool,
    /// Somebody is elected after somebody else was.
    pub(super) reelects: bool,
}

impl RaftSpec {
    /// `nodes` new nodes, up to term `terms`, without pre-vote and quorum check, which have worlds of their own.
    #[must_use]
    pub fn new(nodes: u64, terms: u64) -> Self {
        let mut config = Config::new(CLUSTER, (0..nodes).map(NodeId));
        config.pre_vote = false;
        config.check_quorum = false;
        config.eager_commit = false;
        config.max_inflight_messages = 2;
        config.max_append_entries = 2;
        Self {
            application: Bare,
            config: Arc::new(config),
            terms,
            disks: Vec::new(),
            elects: Vec::new(),
            late: false,
            led: false,
            expect: Expect::default(),
        }
    }

    /// With this application on top: its commands are replicated, and what is claimed of it is checked along with
    /// what is claimed of Raft.
    #[must_use]
    pub fn under<A: Application>(self, application: A) -> RaftSpec<A> {
        let Self { application: Bare, config, terms, disks, elects, late, led, expect } = self;
        RaftSpec { application, config, terms, disks, elects, late, led, expect }
    }
}

impl<A: Application> RaftSpec<A> {
    /// With another configuration.
    #[must_use]
    pub fn configured(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(Arc::make_mut(&mut self.config));
        self
    }

    /// Beginning with these disks: for each node its term, and the terms of its entries. Entry `i` of term `t`
    /// holds the same command wherever it is.
    #[must_use]
    pub fn beginning_with(mut self, disks: &[(u64, &[u64])]) -> Self {
        self.disks = disks.iter().map(|(term, entries)| (*term, entries.to_vec())).collect();
        self
    }

    /// With nobody but these nodes to campaign in these terms: for worlds that lead up to something. What that
    /// withholds is counted under `candidates`, and nodes are no longer alike.
    #[must_use]
    pub fn electing(mut self, candidates: &[(u64, u64)]) -> Self {
        self.elects = candidates.iter().map(|(term, node)| (Term(*term), NodeId(*node))).collect();
        self
    }

    /// Beginning with the first node leading, the first entry of its term on every disk, and one request just
    /// made of it.
    #[must_use]
    pub fn beginning_led(mut self) -> Self {
        self.led = true;
        self
    }

    /// With answers left in flight that a correct receiver does nothing with.
    ///
    /// Everywhere else they are taken out, and with them the chance to see a receiver that counts them.
    #[must_use]
    pub fn with_late_answers(mut self) -> Self {
        self.late = true;
        self
    }

    pub(super) fn expecting(mut self, expect: Expect) -> Self {
        self.expect = expect;
        self
    }

    /// The application on top.
    #[must_use]
    pub const fn application(&self) -> &A {
        &self.application
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    pub(super) const fn expect(&self) -> &Expect {
        &self.expect
    }

    fn disk(node: u64, term: u64, entries: &[u64]) -> ImageOf<Self> {
        let mut disk = Image::default();
        let identity = Cell::Identity { cluster: CLUSTER, node: NodeId(node) };
        let hard_state = Cell::HardState { term: Term(term), vote: None };
        let cells = [(IDENTITY, identity), (HARD_STATE, hard_state)];
        let cells = cells.map(|(cell, value)| Record::Put { cell, value });
        let appends = (1..).zip(entries).map(|(index, term)| {
            let entry = Entry { term: Term(*term), payload: Payload::Noop };
            Record::Append { log: LOG, index, entry }
        });
        for record in cells.into_iter().chain(appends) {
            // A record that does not fit leaves a disk that the first check of the world refuses.
            let _ = disk.apply(record);
        }
        disk
    }
}

impl<A: Application> Spec for RaftSpec<A> {
    type Machine = RaftOf<A>;
    type History = HistoryOf<A>;

    fn nodes(&self) -> usize {
        self.config.voters.len()
    }

    fn recover(&self, node: NodeId, disk: &ImageOf<Self>, applied: u64) -> Result<RaftOf<A>, Corrupt> {
        RaftOf::<A>::recover(Member { me: node, config: Arc::clone(&self.config) }, disk, applied)
    }

    fn agrees(&self, machine: &RaftOf<A>, disk: &ImageOf<Self>) -> Result<(), &'static str> {
        machine.agrees_with(disk)
    }

    fn origins(&self) -> Vec<Origin<Self>> {
        let disks =
            (0..).zip(&self.disks).map(|(node, (term, entries))| (Self::disk(node, *term, entries), 0));
        vec![Origin { disks: disks.collect(), history: HistoryOf::<A>::new(self.nodes()) }]
    }

    /// The first node campaigns; nothing is lost or late until it leads and all have its first entry. What comes of
    /// the request is no longer part of it.
    fn prologue(&self, world: &World<Self>, offered: &[ActionOf<Self>]) -> Option<ActionOf<Self>> {
        if !self.led {
            return None;
        }
        let led = world.machines().any(RaftOf::<A>::is_leader);
        let asked = world.spent().requests > 0;
        let rank = |action: &&ActionOf<Self>| match action {
            Action::Flush(_) | Action::Inbox(..) | Action::Deliver(..) if asked => 4,
            Action::Flush(_) | Action::Inbox(..) => 0,
            Action::Deliver(envelope, _) if matches!(envelope.message, Message::Vote { .. }) => 1,
            Action::Deliver(..) => 2,
            Action::Fire(node, ..) if !led && *node == NodeId(0) => 3,
            Action::Request(..) if !asked => 3,
            _ => 4,
        };
        offered.iter().min_by_key(rank).filter(|action| rank(action) < 4).cloned()
    }

    /// The application asks leaders: what others are asked they refuse.
    fn requests(&self, world: &World<Self>, node: NodeId, requests: &mut Vec<Request<A::Command>>) {
        if world.node(node).is_some_and(|node| node.machine.is_leader()) {
            self.application.requests(world, node, requests);
        }
    }

    fn exceeds(&self, machine: &RaftOf<A>) -> Option<&'static str> {
        if machine.term().0 > self.terms {
            return Some("terms");
        }
        let (me, term) = (machine.id(), machine.term());
        let campaigns = matches!(machine.role(), Role::Candidate { .. });
        let barred = campaigns && self.elects.iter().any(|(of, node)| *of == term && *node != me);
        barred.then_some("candidates")
    }

    fn bounds(&self) -> Bounds {
        let mut bounds = Bounds::from([("terms", Some(self.terms))]);
        if !self.elects.is_empty() {
            bounds.insert("candidates", Some(1));
        }
        bounds
    }

    fn applied(&self, notice: &Notice<A::Command>) -> Option<u64> {
        match notice {
            Notice::Committed { index, .. } => Some(index.0),
            _ => None,
        }
    }

    fn observe(&self, seen: &Seen<'_, Self>, history: &mut HistoryOf<A>) -> Result<(), &'static str> {
        properties::observe(&self.application, seen, history)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all(self)
    }

    fn symmetric(&self) -> bool {
        self.elects.is_empty()
    }

    fn signature(&self, machine: &RaftOf<A>) -> u64 {
        let me = machine.id();
        let (role, detail) = match machine.role() {
            Role::Follower { leader } => (0, usize::from(leader.is_some())),
            Role::PreCandidate { votes } => (1, votes.len()),
            Role::Candidate { votes } => (2, votes.len()),
            Role::Leader(_) => (3, 0),
            _ => (4, 0),
        };
        let vote = machine.vote().map(|vote| vote == me);
        let entries = machine.cached().last();
        fingerprint(&(role, detail, machine.term(), vote, machine.last(), machine.commit(), entries))
    }

    fn relation(&self, machine: &RaftOf<A>, about: NodeId) -> u64 {
        let slot = self.config.slot_of(about).unwrap_or(0);
        let voted = machine.vote() == Some(about);
        match machine.role() {
            Role::Follower { leader } => fingerprint(&(voted, *leader == Some(about))),
            Role::PreCandidate { votes } | Role::Candidate { votes } => {
                fingerprint(&(voted, votes.contains(slot)))
            }
            Role::Leader(leader) => {
                let progress = leader.progress.get(slot);
                let seen = progress.map(|p| (p.matched, p.next, matches!(p.mode, Mode::Probe { .. })));
                fingerprint(&(voted, seen))
            }
            _ => u64::from(voted),
        }
    }

    fn message_signature(&self, message: &Message<A::Command>) -> u64 {
        // No message names a node.
        fingerprint(message)
    }

    fn leads_to(&self) -> Vec<LeadsTo<Self>> {
        liveness::all()
    }

    fn inert(&self, receiver: &Frozen<Self>, _from: NodeId, message: &Message<A::Command>) -> bool {
        let durable = match receiver.disk().get(HARD_STATE) {
            Some(Cell::HardState { term, .. }) => *term,
            _ => Term(0),
        };
        !self.late && is_past_answering(&receiver.machine, durable, message)
    }

    fn sees_faults(&self) -> bool {
        false
    }

    /// A term, a vote or an entry on disk only ever helps: no property asks for its absence. A truncation takes
    /// something away, so it shows.
    fn quiet(&self, record: &RecordOf<RaftOf<A>>) -> bool {
        matches!(record, Record::Put { .. } | Record::Append { .. })
    }

    fn vocabulary(&self) -> Vocabulary {
        coverage::VOCABULARY
    }

    fn phase(&self, machine: &RaftOf<A>) -> &'static str {
        coverage::phase(machine)
    }

    fn input(&self, before: &RaftOf<A>, event: &Event<'_, Self>) -> &'static str {
        coverage::input(before, event)
    }

    fn outcome(&self, notice: &Notice<A::Command>) -> Option<&'static str> {
        coverage::outcome(notice)
    }

    fn show(&self, shown: &Shown<'_, Self>) -> String {
        render::shown(&self.application, shown)
    }

    fn band(&self, machine: &RaftOf<A>) -> Option<Band> {
        let (role, hue) = match machine.role() {
            Role::Follower { .. } => ("follower", 215),
            Role::PreCandidate { .. } => ("pre-candidate", 55),
            Role::Candidate { .. } => ("candidate", 30),
            Role::Leader(_) => ("leader", 145),
            _ => return None,
        };
        Some(Band { label: format!("{role} {}", machine.term()), hue })
    }

    fn summary(&self, machine: &RaftOf<A>) -> String {
        let role = match machine.role() {
            Role::Follower { leader: Some(leader) } => format!("follower of {leader}"),
            Role::Follower { leader: None } => "follower".to_string(),
            Role::PreCandidate { votes } => {
                format!("pre-candidate with {} of {}", votes.len(), self.config.quorum())
            }
            Role::Candidate { votes } => {
                format!("candidate with {} of {}", votes.len(), self.config.quorum())
            }
            Role::Leader(_) => "leader".to_string(),
            other => format!("{other:?}"),
        };
        let terms: Vec<String> = machine.cached().map(|(_, entry)| entry.term.0.to_string()).collect();
        format!("{role}, {}, log [{}], commit {}", machine.term(), terms.join(" "), machine.commit().0)
    }
}

/// Whether `message` answers a question that its receiver, on whose disk the term is `durable`, can never have open again.
///
/// A receiver whose disk is in the answer's term or a later one learns no term from it, in this life or
/// after a crash. A vote counts only with a candidate of its term, an acknowledgement only with a leader of
/// its term; and a node whose disk is in a term and that is neither never becomes either in that term: a
/// campaign begins a later one, and leading begins with being a candidate.
pub(crate) fn is_past_answering<C: Command>(raft: &Raft<C>, durable: Term, message: &Message<C>) -> bool {
    let leads_or_may = matches!(raft.role(), Role::Candidate { .. } | Role::Leader(_));
    match message {
        Message::VoteReply { term, granted } => {
            let counts = *granted && raft.term() == *term && matches!(raft.role(), Role::Candidate { .. });
            *term <= durable && !counts
        }
        Message::PreVoteReply { term, .. } => *term <= durable,
        Message::AppendReply { term, .. } => *term <= durable && !(raft.term() == *term && leads_or_may),
        _ => false,
    }
}
