//! What there is to be met by a coordinator and by a service.

use quorate::commit::Outcome;
use quorate::commit::participant::Phase;
use quorate::commit::tcc::{Message, coordinator, service};
use quorate::either::{Either, Notice};

use super::TccSpec;
use super::spec::{NoticeOfSite, Site};
use crate::coverage::{CRASHED, FLUSHED, Impossible, START, Vocabulary, crossed};
use crate::spec::Event;

const NOTHING: &str = "coordinator: nothing under way";
pub(super) const TRYING: &str = "coordinator: trying";
pub(super) const CONFIRMING: &str = "coordinator: confirming";
pub(super) const CANCELLING: &str = "coordinator: cancelling";
const IDLE: &str = "service: idle";
pub(super) const ASKED: &str = "service: asked";
pub(super) const RESERVED: &str = "service: reserved";
pub(super) const LAPSED: &str = "service: lapsed";
pub(super) const TOLD: &str = "service: told";

const TRY: &str = "try";
const TRIED: &str = "tried: reserved";
const NOT_TRIED: &str = "tried: not reserved";
const CONFIRM: &str = "confirm";
const CANCEL: &str = "cancel";
const DONE: &str = "done";
const TOOK: &str = "done otherwise";
const STUCK: &str = "stuck";
const BEGIN: &str = "asked to begin";
const ANSWER: &str = "the application answers the try";
const CARRIED_OUT: &str = "the application has carried it out";
const FOUND: &str = "the application found something reserved";
const CALL_OFF: &str = "asked to cancel";
const WRITE_OFF: &str = "asked to write off";
const FAILED: &str = "the application could not carry it out";
const RETRY: &str = "an operator has it tried again";
const GIVE_UP: &str = "an operator gives it up";
const RELEASE: &str = "an operator releases it";
const FORGET: &str = "an operator forgets damage";
const RETRY_TIMER: &str = "time to try again";
const LAPSE_TIMER: &str = "time for reservations to lapse";
const DEADLINE: &str = "the deadline of the tries";
const RESEND: &str = "time to say it again";
const TRYING_TIMER: &str = "the application has not answered the try";
const OTHER: &str = "something else";

const ENDED: &str = "ended";
const DAMAGE: &str = "damage, at the coordinator";
const OVERDUE: &str = "overdue";
const IS_STUCK: &str = "stuck, at the coordinator";
const LATE_ANSWER: &str = "refused: no vote wanted";
const REJECTED: &str = "rejected";

const AT_COORDINATOR: &str = "a message for services, or a service's application";
const AT_SERVICE: &str = "a message for coordinators, or a coordinator's application";

const OF_COORDINATORS: [&str; 4] = [NOTHING, TRYING, CONFIRMING, CANCELLING];
const OF_SERVICES: [&str; 5] = [IDLE, ASKED, RESERVED, LAPSED, TOLD];
/// What coordinators alone are told.
const TO_COORDINATORS: [&str; 10] =
    [TRIED, NOT_TRIED, DONE, TOOK, STUCK, BEGIN, CALL_OFF, WRITE_OFF, DEADLINE, RESEND];
/// What services alone are told.
#[rustfmt::skip]
const TO_SERVICES: [&str; 14] = [
    TRY, CONFIRM, CANCEL, ANSWER, CARRIED_OUT, FOUND, FAILED, RETRY, GIVE_UP, RELEASE, FORGET,
    TRYING_TIMER, RETRY_TIMER, LAPSE_TIMER,
];

/// What is of the other kind of node, and what is not durable.
const IMPOSSIBLE: [Impossible; 4 * 14 + 5 * 10 + 1] = {
    let none = [(ASKED, START, "a try that is not answered is not durable"); 4 * 14 + 5 * 10 + 1];
    let of_services = crossed(none, 0, &OF_COORDINATORS, &TO_SERVICES, AT_COORDINATOR);
    crossed(of_services, 4 * 14, &OF_SERVICES, &TO_COORDINATORS, AT_SERVICE)
};

#[rustfmt::skip]
pub(super) const VOCABULARY: Vocabulary = Vocabulary {
    phases: &[NOTHING, TRYING, CONFIRMING, CANCELLING, IDLE, ASKED, RESERVED, LAPSED, TOLD],
    inputs: &[
        START, CRASHED, FLUSHED,
        TRIED, NOT_TRIED, DONE, TOOK, STUCK, BEGIN, CALL_OFF, WRITE_OFF, DEADLINE, RESEND,
        TRY, CONFIRM, CANCEL, ANSWER, CARRIED_OUT, FOUND, FAILED, RETRY, GIVE_UP, RELEASE, FORGET,
        TRYING_TIMER, RETRY_TIMER, LAPSE_TIMER,
    ],
    transitions: &[
        (NOTHING, TRYING),
        (TRYING, CONFIRMING),
        (TRYING, CANCELLING),
        (CONFIRMING, NOTHING),
        (CANCELLING, NOTHING),
        (IDLE, ASKED),
        (ASKED, RESERVED),
        (ASKED, IDLE),
        (RESERVED, TOLD),
        (RESERVED, LAPSED),
        (LAPSED, TOLD),
        (LAPSED, IDLE),
        (TOLD, IDLE),
        (ASKED, TOLD),
        // Of several activities the earliest is told.
        (CANCELLING, CONFIRMING),
        (CANCELLING, TRYING),
        (CONFIRMING, CANCELLING),
        (CONFIRMING, TRYING),
        (RESERVED, ASKED),
        (TOLD, ASKED),
        (TOLD, RESERVED),
        // All had cancelled before the coordinator was to decide.
        (TRYING, NOTHING),
    ],
    outcomes: &[ENDED, DAMAGE, OVERDUE, IS_STUCK, LATE_ANSWER, REJECTED],
    impossible: &IMPOSSIBLE,
    impossible_outcomes: &[],
};

/// The phase of the one activity that matters most: the first that is not over.
pub(super) fn phase(machine: &Site) -> &'static str {
    match machine {
        Either::Left(coordinator) => match coordinator.activities().next().map(|(_, phase)| phase) {
            None => NOTHING,
            Some(coordinator::Phase::Decided(Outcome::Commit)) => CONFIRMING,
            Some(coordinator::Phase::Decided(Outcome::Abort)) => CANCELLING,
            Some(_) => TRYING,
        },
        Either::Right(service) => {
            let mut phases = service.activities().map(|(_, phase)| match phase {
                Phase::Asked => ASKED,
                Phase::InDoubt { heuristic: None } => RESERVED,
                Phase::InDoubt { heuristic: Some(_) } => LAPSED,
                Phase::Decided(_) => TOLD,
                Phase::Ended(_) | Phase::Forgotten => IDLE,
            });
            phases.find(|phase| *phase != IDLE).unwrap_or(IDLE)
        }
    }
}

pub(super) fn input(before: &Site, event: &Event<'_, TccSpec>) -> &'static str {
    let _ = before;
    match event {
        Event::Received { message, .. } => match message {
            Message::Try { .. } => TRY,
            Message::Tried { reserved: true, .. } => TRIED,
            Message::Tried { reserved: false, .. } => NOT_TRIED,
            Message::Confirm { .. } => CONFIRM,
            Message::Cancel { .. } => CANCEL,
            Message::Done { took: None, .. } => DONE,
            Message::Done { took: Some(_), .. } => TOOK,
            Message::Stuck { .. } => STUCK,
            _ => OTHER,
        },
        Event::Asked(Either::Left(request)) => match request {
            coordinator::Request::Begin { .. } => BEGIN,
            coordinator::Request::Cancel { .. } => CALL_OFF,
            coordinator::Request::WriteOff { .. } => WRITE_OFF,
            _ => OTHER,
        },
        Event::Asked(Either::Right(request)) => asked(request),
        Event::Expired(Either::Left(coordinator::Timer::Votes)) => DEADLINE,
        Event::Expired(Either::Left(_)) => RESEND,
        Event::Expired(Either::Right(service::Timer::Trying)) => TRYING_TIMER,
        Event::Expired(Either::Right(service::Timer::Retry)) => RETRY_TIMER,
        Event::Expired(Either::Right(_)) => LAPSE_TIMER,
        other => other.name(),
    }
}

/// What the application of a service says, or an operator there.
const fn asked(request: &service::Request) -> &'static str {
    match request {
        service::Request::Reserved { .. } | service::Request::NotReserved { .. } => ANSWER,
        service::Request::Done { .. } => CARRIED_OUT,
        service::Request::Found { .. } => FOUND,
        service::Request::Failed { .. } => FAILED,
        service::Request::Retry { .. } => RETRY,
        service::Request::GiveUp { .. } => GIVE_UP,
        service::Request::Release { .. } => RELEASE,
        service::Request::Forget { .. } => FORGET,
        _ => OTHER,
    }
}

pub(super) const fn outcome(notice: &NoticeOfSite) -> Option<&'static str> {
    Some(match notice {
        Notice::Left(coordinator::Notice::Ended { .. }) => ENDED,
        Notice::Left(coordinator::Notice::Damage { .. }) => DAMAGE,
        Notice::Left(coordinator::Notice::Overdue { .. }) => OVERDUE,
        Notice::Left(coordinator::Notice::Stuck { .. }) => IS_STUCK,
        Notice::Right(service::Notice::Refused { .. }) => LATE_ANSWER,
        Notice::Left(coordinator::Notice::Rejected { .. })
        | Notice::Right(service::Notice::Rejected { .. }) => REJECTED,
        _ => return None,
    })
}
