//! What there is to be met by a breaker, and what each property speaks of.

use quorate::ledger::Output;
use quorate::resilience::breaker::{Breaker, Change, Notice, Outcome, Rejected, Request, State, Unmatched};

use super::{BreakerSpec, History};
use crate::coverage::{START, Vocabulary};
use crate::spec::{Event, Seen};

const CLOSED: &str = "closed";
const OPEN: &str = "open";
const HALF_OPEN: &str = "half-open";

const ACQUIRE: &str = "acquire";
const SUCCEEDED: &str = "finish: succeeded";
const FAILED: &str = "finish: failed";
const IGNORED: &str = "finish: ignored";
const CANCELLED: &str = "finish: cancelled";
const NOT_OUTSTANDING: &str = "finish of a token not outstanding";

const ADMITTED: &str = "admitted";
const REJECTED_OPEN: &str = "rejected: open";
const REJECTED_PROBING: &str = "rejected: probing";
const REJECTED_FULL: &str = "rejected: full";
const FINISHED: &str = "finished";
const LATE: &str = "ignored: late";
const ENDED: &str = "ignored: ended before";
const UNKNOWN: &str = "ignored: unknown";
const LAPSED: &str = "a lease lapsed";
const OPENED: &str = "it opened";
const HALF_OPENED: &str = "it half-opened";
const CLOSED_AGAIN: &str = "it closed";
const OTHER: &str = "something else";

const NONE_WHILE_OPEN: &str = "no token is outstanding while it is open";

pub(super) const VOCABULARY: Vocabulary = Vocabulary {
    phases: &[CLOSED, OPEN, HALF_OPEN],
    inputs: &[START, ACQUIRE, SUCCEEDED, FAILED, IGNORED, CANCELLED, NOT_OUTSTANDING],
    transitions: &[
        (CLOSED, OPEN),
        // A lease that lapsed opened it so long ago that the wait is over too.
        (CLOSED, HALF_OPEN),
        (OPEN, HALF_OPEN),
        (HALF_OPEN, OPEN),
        (HALF_OPEN, CLOSED),
    ],
    outcomes: &[
        ADMITTED,
        REJECTED_OPEN,
        REJECTED_PROBING,
        REJECTED_FULL,
        FINISHED,
        LATE,
        ENDED,
        UNKNOWN,
        LAPSED,
        OPENED,
        HALF_OPENED,
        CLOSED_AGAIN,
    ],
    impossible: &[
        (OPEN, START, "a breaker starts closed"),
        (HALF_OPEN, START, "a breaker starts closed"),
        (OPEN, SUCCEEDED, NONE_WHILE_OPEN),
        (OPEN, FAILED, NONE_WHILE_OPEN),
        (OPEN, IGNORED, NONE_WHILE_OPEN),
        (OPEN, CANCELLED, NONE_WHILE_OPEN),
    ],
    impossible_outcomes: &[],
};

pub(super) const fn phase(breaker: &Breaker) -> &'static str {
    match breaker.state() {
        State::Closed => CLOSED,
        State::Open => OPEN,
        State::HalfOpen => HALF_OPEN,
    }
}

pub(super) fn input(before: &Breaker, event: &Event<'_, BreakerSpec>) -> &'static str {
    match event {
        Event::Asked(Request::Acquire { .. }) => ACQUIRE,
        Event::Asked(Request::Finish { token, .. }) if before.outstanding().all(|held| held != *token) => {
            NOT_OUTSTANDING
        }
        Event::Asked(Request::Finish { outcome, .. }) => match outcome {
            Outcome::Succeeded => SUCCEEDED,
            Outcome::Failed => FAILED,
            Outcome::Ignored => IGNORED,
            Outcome::Cancelled => CANCELLED,
        },
        other => other.name(),
    }
}

pub(super) const fn outcome(notice: &Notice) -> Option<&'static str> {
    Some(match notice {
        Notice::Admitted { .. } => ADMITTED,
        Notice::Rejected { reason: Rejected::Open { .. }, .. } => REJECTED_OPEN,
        Notice::Rejected { reason: Rejected::Probing { .. }, .. } => REJECTED_PROBING,
        Notice::Rejected { reason: Rejected::Full { .. }, .. } => REJECTED_FULL,
        Notice::Finished { .. } => FINISHED,
        Notice::Ignored { reason: Unmatched::Late, .. } => LATE,
        Notice::Ignored { reason: Unmatched::Ended, .. } => ENDED,
        Notice::Ignored { reason: Unmatched::Unknown, .. } => UNKNOWN,
        Notice::Lapsed { .. } => LAPSED,
        Notice::Changed { change: Change::Opened { .. }, .. } => OPENED,
        Notice::Changed { change: Change::HalfOpened, .. } => HALF_OPENED,
        Notice::Changed { change: Change::Closed, .. } => CLOSED_AGAIN,
        _ => OTHER,
    })
}

type At<'a> = Seen<'a, BreakerSpec>;

fn told(seen: &At<'_>, what: &[&str]) -> bool {
    seen.outputs.iter().any(|output| match output {
        Output::Notify(notice) => outcome(notice).is_some_and(|told| what.contains(&told)),
        _ => false,
    })
}

/// A half-open breaker is asked for one more call.
pub(super) fn asked_while_half_open(seen: &At<'_>, _: &History) -> bool {
    phase(seen.before) == HALF_OPEN && matches!(seen.event, Event::Asked(Request::Acquire { .. }))
}

/// A closed breaker opens.
pub(super) fn opens(seen: &At<'_>, _: &History) -> bool {
    phase(seen.before) == CLOSED && told(seen, &[OPENED])
}

/// A half-open round ends.
pub(super) fn round_ends(seen: &At<'_>, _: &History) -> bool {
    phase(seen.before) == HALF_OPEN && told(seen, &[OPENED, CLOSED_AGAIN])
}

/// The end of a token changes nothing.
pub(super) fn ignores(seen: &At<'_>, _: &History) -> bool {
    told(seen, &[LATE, ENDED, UNKNOWN])
}

/// A token is to end a second time.
pub(super) fn ends_again(seen: &At<'_>, _: &History) -> bool {
    told(seen, &[ENDED])
}

/// A token is outstanding.
pub(super) fn holds_some(seen: &At<'_>, _: &History) -> bool {
    seen.after.in_flight() > 0
}

/// A call is refused.
pub(super) fn refuses(seen: &At<'_>, _: &History) -> bool {
    told(seen, &[REJECTED_OPEN, REJECTED_PROBING, REJECTED_FULL])
}

/// It is called when the clock reads less than the last time.
pub(super) fn clock_is_back(seen: &At<'_>, history: &History) -> bool {
    matches!(seen.event, Event::Asked(_)) && seen.frozen.now < history.read
}

/// Time brings something about.
pub(super) fn wait_ends(seen: &At<'_>, _: &History) -> bool {
    told(seen, &[LAPSED, HALF_OPENED])
}

/// Something is asked.
pub(super) const fn asked(seen: &At<'_>, _: &History) -> bool {
    matches!(seen.event, Event::Asked(_))
}
