//! Requests and their answers: what was asked, what was proposed, where it is in the log, what became of it.
//!
//! Like the machines it sits on, this does no I/O: it is told notices, and says what to propose.
//!
//! # When an outcome is known
//! A proposal is in the log at an index, in a term ([`Notice::Accepted`]). Once an entry of that term is
//! committed at that index, the proposal is done. Once an entry of a *later* term is committed at that index
//! or before it, the proposal is lost for good: terms never go back along a log, so no log that holds what
//! is committed can hold it. Until then its outcome is unknown, and that is what a client is told whose
//! patience ends first.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::mpsc::Sender;
use std::time::Instant;

use quorate::id::{NodeId, RequestId};
use quorate::raft::{Commands, Index, Notice, Payload, Refusal, Term};

use crate::command::{Bytes, Op};
use crate::state::{Outcome, State};

/// The most commands of one proposal.
pub(crate) const BATCH_COMMANDS_MAX: usize = 256;
/// The most bytes of one proposal; a single command may be longer.
pub(crate) const BATCH_BYTES_MAX: usize = 512 << 10;
/// The most proposals whose place in the log is not known yet. What comes meanwhile is the next batch.
pub(crate) const PROPOSALS_MAX: usize = 4;
/// The most commands that wait to be proposed.
pub(crate) const QUEUE_COMMANDS_MAX: usize = 8192;
/// The most bytes that wait to be proposed.
pub(crate) const QUEUE_BYTES_MAX: usize = 64 << 20;

/// What one client asks.
#[derive(Debug)]
pub(crate) struct Ask {
    /// The command.
    pub(crate) command: Bytes,
    /// Who waits for it.
    pub(crate) waiter: Waiter,
    /// Until when. What was not proposed by then never is.
    pub(crate) until: Instant,
}

/// Who waits for an answer. Gone clients are not told from slow ones: their answers go nowhere.
#[derive(Clone, Debug)]
pub(crate) struct Waiter {
    /// The connection's answers.
    pub(crate) answers: Sender<(u64, Answer)>,
    /// The request, as the connection counts them.
    pub(crate) seq: u64,
}

impl Waiter {
    fn tell(&self, answer: Answer) {
        let _ = self.answers.send((self.seq, answer));
    }
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is committed and was carried out.
    Done(Outcome),
    /// It was refused: nothing was changed.
    Refused(Refusal),
    /// Another leader's entry is committed in its place: nothing was changed, nor will be.
    Lost,
    /// Too much waits: nothing was changed.
    Busy,
    /// The node stops: nothing was proposed.
    Stopping,
}

/// Why the node must stop: to go on would make this replica differ from the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fatal(String);

impl fmt::Display for Fatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The state, and everyone who waits for it to change.
#[derive(Debug)]
pub(crate) struct App {
    state: State,
    applied: Index,
    /// The term of the last entry applied.
    applied_term: Term,
    term: Term,
    leader: Option<NodeId>,
    queue: VecDeque<Ask>,
    queue_bytes: usize,
    /// Proposals whose place is not known.
    proposed: BTreeMap<RequestId, Vec<Waiter>>,
    /// Proposals in the log that are not committed.
    placed: BTreeMap<(Index, Term), Waiter>,
    proposals: u64,
}

impl App {
    /// An empty state. `applied` is 0 with it, so all that is committed is told again.
    pub(crate) fn new() -> Self {
        Self {
            state: State::default(),
            applied: Index(0),
            applied_term: Term(0),
            term: Term(0),
            leader: None,
            queue: VecDeque::new(),
            queue_bytes: 0,
            proposed: BTreeMap::new(),
            placed: BTreeMap::new(),
            proposals: 0,
        }
    }

    /// Takes a request, which is answered once.
    pub(crate) fn ask(&mut self, ask: Ask) {
        let bytes = self.queue_bytes.saturating_add(ask.command.0.len());
        if self.queue.len() >= QUEUE_COMMANDS_MAX || bytes > QUEUE_BYTES_MAX {
            return ask.waiter.tell(Answer::Busy);
        }
        self.queue_bytes = bytes;
        self.queue.push_back(ask);
    }

    /// What to propose next, if anything. It has to be handed to the node, or back with
    /// [`returned`](Self::returned).
    pub(crate) fn next_proposal(&mut self, now: Instant) -> Option<(RequestId, Commands<Bytes>)> {
        if self.proposed.len() >= PROPOSALS_MAX {
            return None;
        }
        let mut commands = Commands::new();
        let mut waiters = Vec::new();
        let mut bytes = 0;
        while let Some(ask) = self.queue.front() {
            let size = ask.command.0.len();
            let full = commands.len() >= BATCH_COMMANDS_MAX || bytes + size > BATCH_BYTES_MAX;
            if full && !commands.is_empty() {
                break;
            }
            let Some(ask) = self.queue.pop_front() else { break };
            self.queue_bytes = self.queue_bytes.saturating_sub(size);
            if ask.until > now {
                bytes += size;
                commands.push(ask.command);
                waiters.push(ask.waiter);
            }
        }
        if commands.is_empty() {
            return None;
        }
        let id = RequestId(self.proposals);
        self.proposals += 1;
        self.proposed.insert(id, waiters);
        Some((id, commands))
    }

    /// The node did not take a proposal: it is too busy, or stops.
    pub(crate) fn returned(&mut self, id: RequestId, answer: &Answer) {
        for waiter in self.proposed.remove(&id).unwrap_or_default() {
            waiter.tell(answer.clone());
        }
    }

    /// Takes what the node says.
    pub(crate) fn on_notice(&mut self, notice: Notice<Bytes>) -> Result<(), Fatal> {
        match notice {
            Notice::Accepted { id, index, term } => self.on_accepted(id, index, term),
            Notice::Refused { id, reason } => self.returned(id, &Answer::Refused(reason)),
            Notice::Committed { index, term, payload } => self.on_committed(index, term, payload)?,
            Notice::Leader { term, leader } => (self.term, self.leader) = (term, leader),
            // The driver counts what peers do wrong; there is nobody else to tell.
            _ => {}
        }
        Ok(())
    }

    fn on_accepted(&mut self, id: RequestId, first: Index, term: Term) {
        let waiters = self.proposed.remove(&id).unwrap_or_default();
        for (waiter, index) in waiters.into_iter().zip(first.0..) {
            if term < self.applied_term || Index(index) <= self.applied {
                // What is held comes in order, so this does not happen; were it to, the outcome is not known.
                continue;
            }
            self.placed.insert((Index(index), term), waiter);
        }
    }

    fn on_committed(&mut self, index: Index, term: Term, payload: Payload<Bytes>) -> Result<(), Fatal> {
        if index.0 != self.applied.0 + 1 {
            return Err(Fatal(format!("after {} came {index}: the log has a gap", self.applied)));
        }
        let outcome = match payload {
            Payload::Noop => None,
            Payload::Command(command) => {
                let op = Op::decode(&command).map_err(|error| {
                    Fatal(format!(
                        "the command at {index} cannot be read: {error}; was it written by a newer release?"
                    ))
                })?;
                Some(self.state.apply(op))
            }
            other => return Err(Fatal(format!("the entry at {index} is of an unknown kind: {other:?}"))),
        };
        let newer = term > self.applied_term;
        (self.applied, self.applied_term) = (index, term);
        if let (Some(waiter), Some(outcome)) = (self.placed.remove(&(index, term)), outcome) {
            waiter.tell(Answer::Done(outcome));
        }
        self.forget_lost(newer);
        Ok(())
    }

    /// Tells those whose place is taken, and, once a `newer` term has committed, all of earlier terms: nothing
    /// of those can be committed any more, wherever it is.
    fn forget_lost(&mut self, newer: bool) {
        while let Some(entry) = self.placed.first_entry()
            && entry.key().0 <= self.applied
        {
            entry.remove().tell(Answer::Lost);
        }
        if newer {
            self.placed.retain(|(_, term), waiter| {
                let alive = *term >= self.applied_term;
                if !alive {
                    waiter.tell(Answer::Lost);
                }
                alive
            });
        }
    }

    /// Who leads, as far as this node knows.
    pub(crate) const fn leader(&self) -> Option<NodeId> {
        self.leader
    }

    /// The current term, as far as it was told.
    pub(crate) const fn term(&self) -> Term {
        self.term
    }

    /// The last entry applied, and its term.
    pub(crate) const fn applied(&self) -> (Index, Term) {
        (self.applied, self.applied_term)
    }

    /// The state.
    pub(crate) const fn state(&self) -> &State {
        &self.state
    }

    /// How many requests wait to be proposed, and how many for their outcome.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        (self.queue.len(), self.proposed.values().map(Vec::len).sum::<usize>() + self.placed.len())
    }
}
