//! What there is to be met by a participant.

use quorate::saga::choreography::{Answer, Message, Notice, Participant, Refusal, Request, Timer};
use quorate::saga::{Action, End, Outcome, Resolution};

use super::ChoreographySpec;
use crate::coverage::{CRASHED, FLUSHED, Impossible, START, Vocabulary};
use crate::spec::Event;

const IDLE: &str = "no saga";
const FORWARD: &str = "forward";
const BACK: &str = "back";
const STUCK: &str = "stuck";
const ENDED: &str = "all ended";

const EVENT: &str = "an event";
const ACK: &str = "an acknowledgement";
const OVER: &str = "a floor";
const STEP_TIMER: &str = "a step's timer";
const PUBLISH: &str = "time to publish again";
const DEADLINE: &str = "the deadline";
const BEGIN: &str = "begin";
const CANCEL: &str = "cancel";
const RETRY: &str = "resolve: retry";
const HAPPENED: &str = "resolve: happened";
const NEVER: &str = "resolve: never";
const FORGET: &str = "forget";
const ANSWER_DONE: &str = "answer: done";
const ANSWER_REFUSED: &str = "answer: refused";
const ANSWER_UNDONE: &str = "answer: undone";
const ANSWER_NOT_NOW: &str = "answer: not now";
const ANSWER_UNSEEN: &str = "answer: unseen";

const ACCEPTED: &str = "accepted";
const TOO_LATE: &str = "refused: too late";
const COMPLETED: &str = "completed";
const COMPENSATED: &str = "compensated";
const TURNED_BACK: &str = "turned back";
const STUCK_TOLD: &str = "stuck";
const CALLED: &str = "called";
const LET_GO: &str = "over";
const OTHER: &str = "something else";

/// What a participant is not told, or not in that phase.
const IMPOSSIBLE: &[Impossible] = &[
    (FORWARD, START, "a restart is part of its crash"),
    (BACK, START, "a restart is part of its crash"),
    (STUCK, START, "a restart is part of its crash"),
    (ENDED, START, "a restart is part of its crash"),
    (ENDED, STEP_TIMER, "nothing is under way"),
    (ENDED, DEADLINE, "it ends with the saga"),
    (IDLE, STEP_TIMER, "timers go with their saga"),
    (IDLE, PUBLISH, "timers go with their saga"),
    (IDLE, DEADLINE, "timers go with their saga"),
    (IDLE, CANCEL, "nobody names a saga that is not kept"),
    (IDLE, RETRY, "nobody names a saga that is not kept"),
    (IDLE, HAPPENED, "nobody names a saga that is not kept"),
    (IDLE, NEVER, "nobody names a saga that is not kept"),
    (IDLE, FORGET, "nobody names a saga that is not kept"),
    (ENDED, RETRY, "nothing is stuck"),
    (ENDED, HAPPENED, "nothing is stuck"),
    (ENDED, NEVER, "nothing is stuck"),
    (FORWARD, RETRY, "nothing is stuck in the first saga that runs"),
    (FORWARD, HAPPENED, "nothing is stuck in the first saga that runs"),
    (FORWARD, NEVER, "nothing is stuck in the first saga that runs"),
    (BACK, RETRY, "nothing is stuck in the first saga that runs"),
    (BACK, HAPPENED, "nothing is stuck in the first saga that runs"),
    (BACK, NEVER, "nothing is stuck in the first saga that runs"),
];

pub(super) const VOCABULARY: Vocabulary = Vocabulary {
    phases: &[IDLE, FORWARD, BACK, STUCK, ENDED],
    inputs: &[
        START,
        FLUSHED,
        CRASHED,
        EVENT,
        ACK,
        OVER,
        STEP_TIMER,
        PUBLISH,
        DEADLINE,
        BEGIN,
        CANCEL,
        RETRY,
        HAPPENED,
        NEVER,
        FORGET,
        ANSWER_DONE,
        ANSWER_REFUSED,
        ANSWER_UNDONE,
        ANSWER_NOT_NOW,
        ANSWER_UNSEEN,
    ],
    transitions: &[
        (IDLE, FORWARD),
        (IDLE, BACK),
        // What never began there is clean at once.
        (IDLE, ENDED),
        (FORWARD, BACK),
        (FORWARD, STUCK),
        (FORWARD, ENDED),
        (BACK, STUCK),
        (BACK, ENDED),
        (STUCK, FORWARD),
        (STUCK, BACK),
        (STUCK, ENDED),
        (ENDED, FORWARD),
        (ENDED, IDLE),
    ],
    outcomes: &[ACCEPTED, TOO_LATE, COMPLETED, COMPENSATED, TURNED_BACK, STUCK_TOLD, CALLED, LET_GO],
    impossible: IMPOSSIBLE,
    impossible_outcomes: &[],
};

/// The phase of the first saga that has not ended as far as is known here.
pub(super) fn phase(machine: &Participant<()>) -> &'static str {
    let Some((_, standing)) = machine.sagas().find(|(saga, _)| machine.end(*saga).is_none()) else {
        return if machine.sagas().len() == 0 { IDLE } else { ENDED };
    };
    match (standing.stuck.is_empty(), standing.facts.is_back()) {
        (false, _) => STUCK,
        (true, true) => BACK,
        (true, false) => FORWARD,
    }
}

pub(super) fn input(_before: &Participant<()>, event: &Event<'_, ChoreographySpec>) -> &'static str {
    match event {
        Event::Received { message, .. } => match message {
            Message::Event { .. } => EVENT,
            Message::Ack { .. } => ACK,
            Message::Over { .. } => OVER,
        },
        Event::Expired(Timer::Step { .. }) => STEP_TIMER,
        Event::Expired(Timer::Publish { .. }) => PUBLISH,
        Event::Expired(Timer::Deadline { .. }) => DEADLINE,
        Event::Asked(request) => asked(request),
        other => other.name(),
    }
}

const fn asked(request: &Request<()>) -> &'static str {
    match request {
        Request::Begin { .. } => BEGIN,
        Request::Cancel { .. } => CANCEL,
        Request::Forget { .. } => FORGET,
        Request::Resolve { resolution: Resolution::Retry, .. } => RETRY,
        Request::Resolve { resolution: Resolution::Happened, .. } => HAPPENED,
        Request::Resolve { resolution: Resolution::Never, .. } => NEVER,
        Request::Answer(answer) => answered(answer),
        _ => OTHER,
    }
}

const fn answered(answer: &Answer) -> &'static str {
    match (answer.action, answer.outcome) {
        (Action::Undo, Outcome::Refused) | (_, Outcome::Later) => ANSWER_NOT_NOW,
        (_, Outcome::Done) => ANSWER_DONE,
        (_, Outcome::Refused) => ANSWER_REFUSED,
        (_, Outcome::Undone) => ANSWER_UNDONE,
        (_, Outcome::Unseen) => ANSWER_UNSEEN,
        (_, Outcome::Superseded { .. }) => OTHER,
    }
}

pub(super) const fn outcome(notice: &Notice<()>) -> Option<&'static str> {
    Some(match notice {
        Notice::Accepted { .. } => ACCEPTED,
        Notice::Refused { reason: Refusal::TooLate, .. } => TOO_LATE,
        Notice::Call(_) => CALLED,
        Notice::TurnedBack { .. } => TURNED_BACK,
        Notice::Stuck { .. } => STUCK_TOLD,
        Notice::Ended { end: End::Completed, .. } => COMPLETED,
        Notice::Ended { end: End::Compensated { .. }, .. } => COMPENSATED,
        Notice::Over { .. } => LET_GO,
        _ => OTHER,
    })
}
