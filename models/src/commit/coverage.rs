//! What there is to be met by a coordinator and a participant.

use quorate::commit::{Mode, Outcome, Rejection, Vote, coordinator, participant};
use quorate::either::{Either, Notice};

use super::{CommitSpec, Message, Node};
use crate::coverage::{CRASHED, FLUSHED, Impossible, START, Vocabulary, crossed};
use crate::spec::{Event, NoticeOf};

const C_EMPTY: &str = "coordinator: nothing open";
const C_ONE_PHASE: &str = "coordinator: one phase";
const C_COLLECTING: &str = "coordinator: collecting";
const C_COMMIT: &str = "coordinator: commit";
const C_ABORT: &str = "coordinator: abort";
const P_NEW: &str = "participant: knows nothing";
const P_ASKED: &str = "participant: asked";
const P_DOUBT: &str = "participant: in doubt";
const P_RESOLVED: &str = "participant: resolved by an operator";
const P_COMMIT: &str = "participant: to commit";
const P_ABORT: &str = "participant: to abort";
const P_ENDED: &str = "participant: ended";

const BEGIN: &str = "begin";
const CANCEL: &str = "cancel";
const VOTES: &str = "votes timeout";
const RESEND: &str = "resend timeout";
const READINESS: &str = "readiness timeout";
const DOUBT: &str = "doubt timeout";
const READY_YES: &str = "ready: yes";
const READY_NO: &str = "ready: no";
const READY_READ_ONLY: &str = "ready: read-only";
const DONE: &str = "done";
const RESOLVE: &str = "resolve";
const FOUND: &str = "found";
const FORGET: &str = "forget";
const PREPARE_PA: &str = "Prepare, presumed abort";
const PREPARE_PC: &str = "Prepare, presumed commit";
const ONE_PHASE: &str = "OnePhase";
const VOTE_YES: &str = "Vote yes";
const VOTE_NO: &str = "Vote no";
const VOTE_READ_ONLY: &str = "Vote read-only";
const DECISION_COMMIT: &str = "Decision commit";
const DECISION_ABORT: &str = "Decision abort";
const ACKNOWLEDGE: &str = "Acknowledge";
const ACKNOWLEDGE_DAMAGE: &str = "Acknowledge, damaged";
const INQUIRE: &str = "Inquire";
const INQUIRE_PEER: &str = "InquirePeer";
const ANSWER_COMMIT: &str = "Answer commit";
const ANSWER_ABORT: &str = "Answer abort";
const ANSWER_UNKNOWN: &str = "Answer unknown";

const BEGUN: &str = "begun";
const CANCELLED: &str = "cancelled";
const COMMITTED: &str = "outcome: commit";
const ABORTED: &str = "outcome: abort";
const UNKNOWN: &str = "outcome: unknown";
const FORGOTTEN: &str = "forgotten";
const OVERDUE: &str = "overdue";
const DAMAGE_THERE: &str = "damage, at the coordinator";
const REFUSED_BEGIN: &str = "refused: begin";
const REFUSED_CANCEL: &str = "refused: cancel";
const ASKED_TO_PREPARE: &str = "prepare";
const APPLY: &str = "apply";
const UNDO: &str = "undo";
const APPLY_HEURISTIC: &str = "apply, by an operator";
const UNDO_HEURISTIC: &str = "undo, by an operator";
const UNDECIDED: &str = "undecided";
const IN_DOUBT: &str = "in doubt";
const DAMAGE_HERE: &str = "damage, at the participant";
const NO_VOTE_WANTED: &str = "refused: no vote wanted";
const VOTED: &str = "refused: voted";
const NOT_DECIDED: &str = "refused: not decided";
const NOT_IN_DOUBT: &str = "refused: not in doubt";
const OVER: &str = "refused: over";
const TOO_LATE: &str = "rejected: too late";
const REJECTED: &str = "rejected";
const OTHER: &str = "something else";

/// The worlds ask for what an application can want at all: the tests ask the rest.
const NOBODY_ASKS: &str = "no application of the worlds asks for it";
const NOBODY_SAYS: &str = "no correct node or driver says it";
const COORDINATORS: &str = "it is of coordinators alone";
const PARTICIPANTS: &str = "it is of participants alone";

const OF_COORDINATORS: [&str; 5] = [C_EMPTY, C_ONE_PHASE, C_COLLECTING, C_COMMIT, C_ABORT];
const OF_PARTICIPANTS: [&str; 7] = [P_NEW, P_ASKED, P_DOUBT, P_RESOLVED, P_COMMIT, P_ABORT, P_ENDED];
/// What coordinators alone are told.
const TO_COORDINATORS: [&str; 10] = [
    BEGIN,
    CANCEL,
    VOTES,
    RESEND,
    VOTE_YES,
    VOTE_NO,
    VOTE_READ_ONLY,
    ACKNOWLEDGE,
    ACKNOWLEDGE_DAMAGE,
    INQUIRE,
];
/// What participants alone are told.
const TO_PARTICIPANTS: [&str; 15] = [
    READINESS,
    DOUBT,
    READY_YES,
    READY_NO,
    READY_READ_ONLY,
    DONE,
    RESOLVE,
    FOUND,
    FORGET,
    PREPARE_PA,
    PREPARE_PC,
    ONE_PHASE,
    DECISION_COMMIT,
    DECISION_ABORT,
    INQUIRE_PEER,
];

/// What is of the other kind of node.
const IMPOSSIBLE: [Impossible; 7 * 10 + 5 * 15] = {
    let none = [("", "", ""); 7 * 10 + 5 * 15];
    let of_participants = crossed(none, 0, &OF_PARTICIPANTS, &TO_COORDINATORS, COORDINATORS);
    crossed(of_participants, 7 * 10, &OF_COORDINATORS, &TO_PARTICIPANTS, PARTICIPANTS)
};

#[rustfmt::skip]
pub(super) const VOCABULARY: Vocabulary = Vocabulary {
    phases: &[
        C_EMPTY, C_ONE_PHASE, C_COLLECTING, C_COMMIT, C_ABORT,
        P_NEW, P_ASKED, P_DOUBT, P_RESOLVED, P_COMMIT, P_ABORT, P_ENDED,
    ],
    inputs: &[
        START, FLUSHED, CRASHED,
        BEGIN, CANCEL, VOTES, RESEND,
        VOTE_YES, VOTE_NO, VOTE_READ_ONLY, ACKNOWLEDGE, ACKNOWLEDGE_DAMAGE, INQUIRE,
        READINESS, DOUBT, READY_YES, READY_NO, READY_READ_ONLY, DONE, RESOLVE, FOUND, FORGET,
        PREPARE_PA, PREPARE_PC, ONE_PHASE, DECISION_COMMIT, DECISION_ABORT, INQUIRE_PEER,
        ANSWER_COMMIT, ANSWER_ABORT, ANSWER_UNKNOWN,
    ],
    transitions: &[
        (C_EMPTY, C_ONE_PHASE),
        (C_EMPTY, C_COLLECTING),
        (C_ONE_PHASE, C_EMPTY),
        (C_COLLECTING, C_COMMIT),
        (C_COLLECTING, C_ABORT),
        // What its presumption says already is forgotten at once.
        (C_COLLECTING, C_EMPTY),
        (C_COMMIT, C_EMPTY),
        (C_ABORT, C_EMPTY),
        (P_NEW, P_ASKED),
        (P_NEW, P_ENDED),
        // A crash takes back what is not durable.
        (P_ASKED, P_NEW),
        (P_ASKED, P_DOUBT),
        (P_ASKED, P_COMMIT),
        (P_ASKED, P_ABORT),
        (P_ASKED, P_ENDED),
        (P_DOUBT, P_RESOLVED),
        (P_DOUBT, P_COMMIT),
        (P_DOUBT, P_ABORT),
        (P_RESOLVED, P_COMMIT),
        (P_RESOLVED, P_ABORT),
        (P_RESOLVED, P_ENDED),
        (P_COMMIT, P_ENDED),
        (P_ABORT, P_ENDED),
        // Of several transactions the earliest is told.
        (P_ENDED, P_ASKED),
        (P_COMMIT, P_ASKED),
        (P_COMMIT, P_ABORT),
        (P_ABORT, P_ASKED),
        (P_ABORT, P_COMMIT),
    ],
    outcomes: &[
        BEGUN, CANCELLED, COMMITTED, ABORTED, UNKNOWN, FORGOTTEN, OVERDUE, DAMAGE_THERE, REFUSED_BEGIN,
        REFUSED_CANCEL, ASKED_TO_PREPARE, APPLY, UNDO, APPLY_HEURISTIC, UNDO_HEURISTIC, UNDECIDED, IN_DOUBT,
        DAMAGE_HERE, NO_VOTE_WANTED, VOTED, NOT_DECIDED, NOT_IN_DOUBT, OVER, TOO_LATE, REJECTED,
    ],
    impossible: &IMPOSSIBLE,
    impossible_outcomes: &[
        (REJECTED, NOBODY_SAYS),
        (VOTED, NOBODY_ASKS),
    ],
};

/// That of the earliest transaction that is not over.
pub(super) fn phase(machine: &Node) -> &'static str {
    match machine {
        Either::Left(coordinator) => match coordinator.transactions().next() {
            None => C_EMPTY,
            Some((_, coordinator::Phase::OnePhase)) => C_ONE_PHASE,
            Some((_, coordinator::Phase::Collecting)) => C_COLLECTING,
            Some((_, coordinator::Phase::Decided(Outcome::Commit))) => C_COMMIT,
            Some((_, coordinator::Phase::Decided(Outcome::Abort))) => C_ABORT,
        },
        Either::Right(participant) => {
            let open = participant.transactions().find(|(_, phase)| {
                !matches!(phase, participant::Phase::Ended(_) | participant::Phase::Forgotten)
            });
            match open {
                Some((_, participant::Phase::Asked)) => P_ASKED,
                Some((_, participant::Phase::InDoubt { heuristic: None })) => P_DOUBT,
                Some((_, participant::Phase::InDoubt { .. })) => P_RESOLVED,
                Some((_, participant::Phase::Decided(Outcome::Commit))) => P_COMMIT,
                Some((_, participant::Phase::Decided(Outcome::Abort))) => P_ABORT,
                _ if participant.transactions().next().is_none() => P_NEW,
                _ => P_ENDED,
            }
        }
    }
}

pub(super) fn input(_before: &Node, event: &Event<'_, CommitSpec>) -> &'static str {
    match event {
        Event::Expired(Either::Left(coordinator::Timer::Votes)) => VOTES,
        Event::Expired(Either::Left(_)) => RESEND,
        Event::Expired(Either::Right(participant::Timer::Readiness)) => READINESS,
        Event::Expired(Either::Right(_)) => DOUBT,
        Event::Asked(Either::Left(coordinator::Request::Begin { .. })) => BEGIN,
        Event::Asked(Either::Left(_)) => CANCEL,
        Event::Asked(Either::Right(request)) => match request {
            participant::Request::Ready { vote: Vote::Yes, .. } => READY_YES,
            participant::Request::Ready { vote: Vote::No, .. } => READY_NO,
            participant::Request::Ready { .. } => READY_READ_ONLY,
            participant::Request::Done { .. } => DONE,
            participant::Request::Resolve { .. } => RESOLVE,
            participant::Request::Found { .. } => FOUND,
            participant::Request::Forget { .. } => FORGET,
            _ => OTHER,
        },
        Event::Received { message, .. } => received(message),
        other => other.name(),
    }
}

const fn received(message: &Message) -> &'static str {
    match message {
        Message::Prepare { mode: Mode::PresumedAbort, .. } => PREPARE_PA,
        Message::Prepare { .. } => PREPARE_PC,
        Message::OnePhase { .. } => ONE_PHASE,
        Message::Vote { vote: Vote::Yes, .. } => VOTE_YES,
        Message::Vote { vote: Vote::No, .. } => VOTE_NO,
        Message::Vote { .. } => VOTE_READ_ONLY,
        Message::Decision { outcome: Outcome::Commit, .. } => DECISION_COMMIT,
        Message::Decision { .. } => DECISION_ABORT,
        Message::Acknowledge { took: None, .. } => ACKNOWLEDGE,
        Message::Acknowledge { .. } => ACKNOWLEDGE_DAMAGE,
        Message::Inquire { .. } => INQUIRE,
        Message::InquirePeer { .. } => INQUIRE_PEER,
        Message::Answer { outcome: Some(Outcome::Commit), .. } => ANSWER_COMMIT,
        Message::Answer { outcome: Some(Outcome::Abort), .. } => ANSWER_ABORT,
        Message::Answer { outcome: None, .. } => ANSWER_UNKNOWN,
        _ => OTHER,
    }
}

pub(super) const fn outcome(notice: &NoticeOf<CommitSpec>) -> Option<&'static str> {
    Some(match notice {
        Notice::Left(notice) => of_coordinator(notice),
        Notice::Right(notice) => of_participant(notice),
        Notice::Misdirected => REJECTED,
    })
}

const fn of_coordinator(notice: &coordinator::Notice) -> &'static str {
    match notice {
        coordinator::Notice::Begun { .. } => BEGUN,
        coordinator::Notice::Cancelled { .. } => CANCELLED,
        coordinator::Notice::Outcome { outcome: Outcome::Commit, .. } => COMMITTED,
        coordinator::Notice::Outcome { .. } => ABORTED,
        coordinator::Notice::Unknown { .. } => UNKNOWN,
        coordinator::Notice::Forgotten { .. } => FORGOTTEN,
        coordinator::Notice::Overdue { .. } => OVERDUE,
        coordinator::Notice::Damage { .. } => DAMAGE_THERE,
        coordinator::Notice::Refused { reason: coordinator::Refusal::NotUndecided, .. } => REFUSED_CANCEL,
        coordinator::Notice::Refused { .. } => REFUSED_BEGIN,
        coordinator::Notice::Rejected { reason: Rejection::TooLate, .. } => TOO_LATE,
        coordinator::Notice::Rejected { .. } => REJECTED,
        _ => OTHER,
    }
}

const fn of_participant(notice: &participant::Notice<super::Work>) -> &'static str {
    match notice {
        participant::Notice::Prepare { .. } => ASKED_TO_PREPARE,
        participant::Notice::Apply { heuristic: true, .. } => APPLY_HEURISTIC,
        participant::Notice::Apply { .. } => APPLY,
        participant::Notice::Undo { heuristic: true, .. } => UNDO_HEURISTIC,
        participant::Notice::Undo { .. } => UNDO,
        participant::Notice::Undecided { .. } => UNDECIDED,
        participant::Notice::InDoubt { .. } => IN_DOUBT,
        participant::Notice::Damage { .. } => DAMAGE_HERE,
        participant::Notice::Refused { reason, .. } => match reason {
            participant::Refusal::NoVoteWanted => NO_VOTE_WANTED,
            participant::Refusal::Voted => VOTED,
            participant::Refusal::NotDecided => NOT_DECIDED,
            participant::Refusal::NotInDoubt => NOT_IN_DOUBT,
            participant::Refusal::Over => OVER,
            _ => OTHER,
        },
        participant::Notice::Rejected { reason: Rejection::TooLate, .. } => TOO_LATE,
        participant::Notice::Rejected { .. } => REJECTED,
        _ => OTHER,
    }
}
