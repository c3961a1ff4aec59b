//! What there is to be met by an orchestrator and by a service.

use quorate::either::{self, Either};
use quorate::saga::{
    Action, Answer, End, Message, Notice, Orchestrator, Outcome, Refusal, Request, Resolution, Service,
    Timer, service,
};

use super::{Input, Nodes, SagaSpec};
use crate::coverage::{CRASHED, FLUSHED, Impossible, START, Vocabulary, crossed};
use crate::spec::Event;

const IDLE: &str = "no saga";
pub(super) const FORWARD: &str = "forward";
pub(super) const BACK: &str = "back";
pub(super) const STUCK: &str = "stuck";
const OVER: &str = "all ended";
const SHELVED: &str = "shelved";
const RESTING: &str = "service: resting";
pub(super) const AT_WORK: &str = "service: at work";

const ANSWER_DONE: &str = "answer: done";
const ANSWER_REFUSED: &str = "answer: refused";
const ANSWER_UNDONE: &str = "answer: undone";
const ANSWER_NOT_NOW: &str = "answer: not now";
const ANSWER_UNSEEN: &str = "answer: unseen";
const ANSWER_SUPERSEDED: &str = "answer: superseded";
const STEP_TIMER: &str = "a step's timer";
const DEADLINE: &str = "the deadline";
const BEGIN: &str = "begin";
const CANCEL: &str = "cancel";
const RETRY: &str = "resolve: retry";
const HAPPENED: &str = "resolve: happened";
const NEVER: &str = "resolve: never";
const FORGET: &str = "forget";
const CALL_DO: &str = "call: do";
const CALL_PROBE: &str = "call: probe";
const CALL_UNDO: &str = "call: undo";
const SAID_DONE: &str = "said: done";
const SAID_REFUSED: &str = "said: refused";
const SAID_UNDONE: &str = "said: undone";
const SAID_FAILED: &str = "said: failed";

pub(super) const ACCEPTED: &str = "accepted";
pub(super) const COMPLETED: &str = "completed";
pub(super) const COMPENSATED: &str = "compensated";
const TURNED_BACK: &str = "turned back";
const STUCK_TOLD: &str = "stuck";
const SHELVED_TOLD: &str = "shelved";
const CALLED: &str = "called";
const TOO_LATE: &str = "refused: too late";
const NO_DEFINITION: &str = "refused: no definition";
const REJECTED: &str = "rejected";
const DO_TOLD: &str = "service: do";
const UNDO_TOLD: &str = "service: undo";
const WORD_ACCEPTED: &str = "service: accepted";
const LATE_CALL: &str = "service: rejected";
const OTHER: &str = "something else";

const OF_ORCHESTRATORS: [&str; 6] = [IDLE, FORWARD, BACK, STUCK, OVER, SHELVED];
const OF_SERVICES: [&str; 2] = [RESTING, AT_WORK];
/// What orchestrators alone are told.
#[rustfmt::skip]
const TO_ORCHESTRATORS: [&str; 14] = [
    ANSWER_DONE, ANSWER_REFUSED, ANSWER_UNDONE, ANSWER_NOT_NOW, ANSWER_UNSEEN, ANSWER_SUPERSEDED, STEP_TIMER, DEADLINE,
    BEGIN, CANCEL, RETRY, HAPPENED, NEVER, FORGET,
];
/// What services alone are told.
const TO_SERVICES: [&str; 7] =
    [CALL_DO, CALL_PROBE, CALL_UNDO, SAID_DONE, SAID_REFUSED, SAID_UNDONE, SAID_FAILED];

/// What is of the other kind of node.
const IMPOSSIBLE: [Impossible; 6 * 7 + 2 * 14] = {
    let none = [("", "", ""); 6 * 7 + 2 * 14];
    let of_services = crossed(none, 0, &OF_ORCHESTRATORS, &TO_SERVICES, "it is of services alone");
    crossed(of_services, 6 * 7, &OF_SERVICES, &TO_ORCHESTRATORS, "it is of orchestrators alone")
};

pub(super) const VOCABULARY: Vocabulary = Vocabulary {
    phases: &[IDLE, FORWARD, BACK, STUCK, OVER, SHELVED, RESTING, AT_WORK],
    inputs: &[
        START,
        FLUSHED,
        CRASHED,
        ANSWER_DONE,
        ANSWER_REFUSED,
        ANSWER_UNDONE,
        ANSWER_NOT_NOW,
        ANSWER_UNSEEN,
        ANSWER_SUPERSEDED,
        STEP_TIMER,
        DEADLINE,
        BEGIN,
        CANCEL,
        RETRY,
        HAPPENED,
        NEVER,
        FORGET,
        CALL_DO,
        CALL_PROBE,
        CALL_UNDO,
        SAID_DONE,
        SAID_REFUSED,
        SAID_UNDONE,
        SAID_FAILED,
    ],
    transitions: &[
        (IDLE, FORWARD),
        (FORWARD, BACK),
        (FORWARD, STUCK),
        (FORWARD, OVER),
        (FORWARD, SHELVED),
        (BACK, STUCK),
        (BACK, OVER),
        // The next saga is told.
        (BACK, FORWARD),
        (STUCK, FORWARD),
        (STUCK, BACK),
        (STUCK, OVER),
        (SHELVED, FORWARD),
        (OVER, IDLE),
        (OVER, FORWARD),
        (RESTING, AT_WORK),
        (AT_WORK, RESTING),
    ],
    outcomes: &[
        ACCEPTED,
        COMPLETED,
        COMPENSATED,
        TURNED_BACK,
        STUCK_TOLD,
        SHELVED_TOLD,
        CALLED,
        TOO_LATE,
        NO_DEFINITION,
        REJECTED,
        DO_TOLD,
        UNDO_TOLD,
        WORD_ACCEPTED,
        LATE_CALL,
    ],
    impossible: &IMPOSSIBLE,
    impossible_outcomes: &[],
};

pub(super) fn phase(machine: &Nodes) -> &'static str {
    match machine {
        Either::Left(machine) => of_orchestrator(machine),
        Either::Right(machine) => of_service(machine),
    }
}

/// The phase of the first saga that has not ended.
fn of_orchestrator(machine: &Orchestrator<Input>) -> &'static str {
    let Some((_, standing)) = machine.sagas().find(|(saga, _)| machine.end(*saga).is_none()) else {
        return if machine.sagas().len() == 0 { IDLE } else { OVER };
    };
    let config = machine.config();
    let defined = config.definitions.iter().any(|plan| {
        (plan.id(), plan.version(), plan.shape()) == (standing.definition, standing.version, standing.shape)
    });
    match (defined, standing.stuck.is_empty(), standing.cause) {
        (false, ..) => SHELVED,
        (_, false, _) => STUCK,
        (.., Some(_)) => BACK,
        (.., None) => FORWARD,
    }
}

fn of_service(machine: &Service<Input>) -> &'static str {
    if machine.keys().any(|(key, _)| machine.is_at_work(key)) { AT_WORK } else { RESTING }
}

pub(super) fn input(_before: &Nodes, event: &Event<'_, SagaSpec>) -> &'static str {
    match event {
        Event::Received { message: Message::Call(call), .. } => match call.action {
            Action::Do => CALL_DO,
            Action::Probe => CALL_PROBE,
            Action::Undo => CALL_UNDO,
        },
        Event::Received { message: Message::Answer(answer), .. }
        | Event::Asked(Either::Left(Request::Answer(answer))) => answered(answer),
        Event::Expired(Either::Left(Timer::Step { .. })) => STEP_TIMER,
        Event::Expired(Either::Left(Timer::Deadline { .. })) => DEADLINE,
        Event::Asked(Either::Left(request)) => match request {
            Request::Begin { .. } => BEGIN,
            Request::Cancel { .. } => CANCEL,
            Request::Forget { .. } => FORGET,
            Request::Resolve { resolution: Resolution::Retry, .. } => RETRY,
            Request::Resolve { resolution: Resolution::Happened, .. } => HAPPENED,
            Request::Resolve { resolution: Resolution::Never, .. } => NEVER,
            _ => OTHER,
        },
        Event::Asked(Either::Right(request)) => match request {
            service::Request::Done { .. } => SAID_DONE,
            service::Request::Refused { .. } => SAID_REFUSED,
            service::Request::Undone { .. } => SAID_UNDONE,
            service::Request::Failed { .. } => SAID_FAILED,
            _ => OTHER,
        },
        other => other.name(),
    }
}

const fn answered(answer: &Answer) -> &'static str {
    match (answer.action, answer.outcome) {
        (Action::Undo, Outcome::Refused) | (_, Outcome::Later) => ANSWER_NOT_NOW,
        (_, Outcome::Done) => ANSWER_DONE,
        (_, Outcome::Refused) => ANSWER_REFUSED,
        (_, Outcome::Undone) => ANSWER_UNDONE,
        (_, Outcome::Unseen) => ANSWER_UNSEEN,
        (_, Outcome::Superseded { .. }) => ANSWER_SUPERSEDED,
    }
}

pub(super) const fn outcome(
    notice: &either::Notice<Notice<Input>, service::Notice<Input>>,
) -> Option<&'static str> {
    Some(match notice {
        either::Notice::Left(notice) => match notice {
            Notice::Accepted { .. } => ACCEPTED,
            Notice::Refused { reason: Refusal::TooLate, .. } => TOO_LATE,
            Notice::Refused { reason: Refusal::UnknownDefinition, .. } => NO_DEFINITION,
            Notice::Call(_) => CALLED,
            Notice::TurnedBack { .. } => TURNED_BACK,
            Notice::Stuck { .. } => STUCK_TOLD,
            Notice::Ended { end: End::Completed, .. } => COMPLETED,
            Notice::Ended { end: End::Compensated { .. }, .. } => COMPENSATED,
            Notice::Shelved { .. } => SHELVED_TOLD,
            Notice::Rejected { .. } => REJECTED,
            _ => OTHER,
        },
        either::Notice::Right(notice) => match notice {
            service::Notice::Do { .. } => DO_TOLD,
            service::Notice::Undo { .. } => UNDO_TOLD,
            service::Notice::Accepted { .. } => WORD_ACCEPTED,
            service::Notice::Rejected { .. } => LATE_CALL,
            _ => OTHER,
        },
        either::Notice::Misdirected => OTHER,
    })
}
