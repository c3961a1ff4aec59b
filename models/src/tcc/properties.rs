//! What is claimed of try, confirm, cancel.

use quorate::commit::tcc::{Message, coordinator, service};
use quorate::commit::{Outcome, TxId};
use quorate::either::{Either, Notice};
use quorate::id::NodeId;
use quorate::ledger::Output;

use super::TccSpec;
use super::history::{Activity, Branch, Held, History, Told};
use super::spec::{NoticeOfSite, RequestOfSite, Work};
use crate::spec::{Event, Property, Seen};
use crate::world::World;

/// Nothing is confirmed at one service and cancelled at another, unless it lapsed or an operator gave up.
pub const AGREES: &str = "all are confirmed or all are cancelled";
/// A coordinator says one outcome of an activity, whatever crashes.
pub const DECIDED_ONCE: &str = "an activity is decided once";
/// A confirmation is decided only once every service has said that it has reserved.
pub const ALL_TRIED: &str = "nothing is confirmed before all have reserved";
/// An application is told to confirm only what it holds.
pub const RESERVED_ONLY: &str = "only what is reserved is confirmed";
/// An application is asked, and told to confirm or cancel, once in a life.
pub const ONCE: &str = "nothing is told twice in a life";
/// What is over at a service is never tried again there, however late the try.
pub const SUSPENDED: &str = "what is over is never reserved again";
/// An activity ends only when no service holds anything for it.
pub const ENDS: &str = "an activity ends when all have carried it out";
/// Whoever did otherwise than was decided has said so before the activity ends.
pub const DAMAGE: &str = "damage is told before the end";
/// A reservation is given up by nobody but the coordinator, an operator or a declared limit.
pub const LASTS: &str = "a reservation does not lapse by itself";
/// What the nodes can see of themselves holds.
pub const INVARIANTS: &str = "the nodes' own invariants";

type At<'a> = Seen<'a, TccSpec>;

/// All properties of a world.
pub(super) fn all(spec: &TccSpec) -> Vec<Property<TccSpec>> {
    let decides = |seen: &At<'_>, _: &History| told_at_coordinator(seen).any(is_decided);
    let confirms = |seen: &At<'_>, _: &History| {
        told_at_coordinator(seen)
            .any(|it| matches!(it, coordinator::Notice::Decided { outcome: Outcome::Commit, .. }))
    };
    let ends = |seen: &At<'_>, _: &History| {
        told_at_coordinator(seen).any(|it| matches!(it, coordinator::Notice::Ended { .. }))
    };
    let carries_out = |seen: &At<'_>, _: &History| told_at_service(seen).any(is_to_do);
    let mut all = vec![
        Property::observed(AGREES).given(carries_out),
        Property::observed(DECIDED_ONCE).given(decides),
        Property::observed(ALL_TRIED).given(confirms),
        Property::observed(RESERVED_ONLY).given(carries_out),
        Property::observed(ONCE).given(is_said_again),
        Property::observed(SUSPENDED).given(is_late),
        Property::observed(ENDS).given(ends),
        Property::observed(DAMAGE).given(ends),
        Property::observed(LASTS).given(carries_out),
        Property::always(INVARIANTS, agree_with_themselves).given(|_, _| true),
        Property::sometimes("all is confirmed, and over", |world| is_over(world, Held::Confirmed)),
    ];
    if spec.refuses() {
        all.push(Property::sometimes("a reservation is released, and all is over", |world| {
            is_over(world, Held::Released)
        }));
    }
    if spec.fails() {
        all.push(Property::sometimes("something is stuck", |world| {
            let services = world.machines().filter_map(Either::right);
            services.into_iter().any(|service| service.activities().any(|(tx, _)| service.is_stuck(tx)))
        }));
    }
    if spec.lapses() {
        all.push(Property::sometimes("what has lapsed was to be confirmed", |world| {
            let damaged = |activity: &Activity| activity.branches.iter().any(|branch| branch.damaged);
            world.history().activities.iter().any(damaged)
        }));
    }
    all
}

fn is_over(world: &World<TccSpec>, held: Held) -> bool {
    let over = world.machines().all(|machine| match machine {
        Either::Left(coordinator) => coordinator.in_flight() == 0,
        Either::Right(service) => service.live() == 0,
    });
    let so = |activity: &Activity| activity.branches.iter().any(|branch| branch.held == held);
    over && world.history().activities.iter().any(so)
}

fn agree_with_themselves(world: &World<TccSpec>) -> bool {
    world.machines().all(|machine| match machine {
        Either::Left(coordinator) => coordinator.check().is_ok(),
        Either::Right(service) => service.check().is_ok(),
    })
}

fn notices<'a>(seen: &At<'a>) -> impl Iterator<Item = &'a NoticeOfSite> + use<'a> {
    seen.outputs.iter().filter_map(|output| match output {
        Output::Notify(notice) => Some(notice),
        _ => None,
    })
}

fn told_at_coordinator<'a>(seen: &At<'a>) -> impl Iterator<Item = &'a coordinator::Notice> + use<'a> {
    notices(seen).filter_map(|notice| match notice {
        Notice::Left(notice) => Some(notice),
        _ => None,
    })
}

fn told_at_service<'a>(seen: &At<'a>) -> impl Iterator<Item = &'a service::Notice<Work>> + use<'a> {
    notices(seen).filter_map(|notice| match notice {
        Notice::Right(notice) => Some(notice),
        _ => None,
    })
}

const fn is_decided(notice: &coordinator::Notice) -> bool {
    matches!(notice, coordinator::Notice::Decided { .. })
}

const fn is_to_do(notice: &service::Notice<Work>) -> bool {
    matches!(notice, service::Notice::Confirm { .. } | service::Notice::Cancel { .. })
}

/// A service hears of what it knows.
fn is_said_again(seen: &At<'_>, _: &History) -> bool {
    match (&seen.event, seen.before) {
        (Event::Received { message, .. }, Either::Right(service)) => service.phase(message.tx()).is_some(),
        _ => false,
    }
}

/// A try comes to a service where it is over.
fn is_late(seen: &At<'_>, history: &History) -> bool {
    match &seen.event {
        Event::Received { message: Message::Try { tx, .. }, .. } => {
            history.branch(seen.node, *tx).is_some_and(|branch| branch.over)
        }
        _ => false,
    }
}

/// Keeps the history, and finds what falls.
pub(super) fn observe(seen: &At<'_>, history: &mut History) -> Result<(), &'static str> {
    match &seen.event {
        Event::Asked(request) => asked(seen, request, history),
        Event::Recovered => {
            if let Either::Right(service) = seen.after {
                history.crashed(seen.node, |tx| service.phase(tx));
            }
        }
        _ => {}
    }
    for output in seen.outputs {
        match output {
            Output::Send { to, message } => said(seen, *to, message, history)?,
            Output::Notify(Notice::Left(notice)) => at_coordinator(notice, history)?,
            Output::Notify(Notice::Right(notice)) => {
                lasts(seen, notice, history)?;
                history.told(seen.node, notice)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn asked(seen: &At<'_>, request: &RequestOfSite, history: &mut History) {
    match (request, seen.before, seen.after) {
        (
            Either::Left(coordinator::Request::Begin { branches, .. }),
            Either::Left(before),
            Either::Left(after),
        ) if after.next_number() > before.next_number() => {
            let branches = vec![Branch::default(); branches.len()];
            history.activities.push(Activity { number: before.next_number(), decided: None, branches });
        }
        (Either::Left(coordinator::Request::WriteOff { tx, service, .. }), Either::Left(before), _)
            if before.awaited(*tx).any(|awaited| awaited == *service) =>
        {
            if let Some(branch) = history.branch_mut(*service, *tx) {
                branch.excepted = true;
            }
        }
        (Either::Right(request), Either::Right(before), Either::Right(after)) => {
            history.asks(seen.node, request, before == after);
        }
        _ => {}
    }
}

/// What a coordinator decides, in whatever words it says so.
fn decides(tx: TxId, outcome: Outcome, history: &mut History) -> Result<(), &'static str> {
    let Some(activity) = history.activity_mut(tx) else { return Err(DECIDED_ONCE) };
    if *activity.decided.get_or_insert(outcome) != outcome {
        return Err(DECIDED_ONCE);
    }
    let tried = activity.branches.iter().all(|branch| branch.reserved);
    if outcome == Outcome::Commit && !tried { Err(ALL_TRIED) } else { Ok(()) }
}

fn said(
    seen: &At<'_>,
    to: NodeId,
    message: &Message<Work>,
    history: &mut History,
) -> Result<(), &'static str> {
    match message {
        Message::Confirm { tx } => decides(*tx, Outcome::Commit, history),
        Message::Cancel { tx } => decides(*tx, Outcome::Abort, history),
        Message::Tried { tx, reserved } => {
            let Some(branch) = history.branch_mut(seen.node, *tx) else { return Err(SUSPENDED) };
            if *reserved && (branch.over || branch.held == Held::Nothing) {
                return Err(SUSPENDED);
            }
            (branch.reserved, branch.over) = (branch.reserved || *reserved, branch.over || !*reserved);
            Ok(())
        }
        Message::Done { tx, took } => {
            debug_assert_eq!(to, tx.coordinator);
            if let Some(branch) = history.branch_mut(seen.node, *tx) {
                branch.over = true;
                branch.excepted |= took.is_some();
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn at_coordinator(notice: &coordinator::Notice, history: &mut History) -> Result<(), &'static str> {
    match *notice {
        coordinator::Notice::Decided { tx, outcome } => decides(tx, outcome, history),
        coordinator::Notice::Ended { tx } => {
            let Some(activity) = history.activity_mut(tx) else { return Err(ENDS) };
            let decided = activity.decided;
            activity.branches.iter().try_for_each(|branch| ended(decided, branch))
        }
        _ => Ok(()),
    }
}

/// What an activity leaves behind at a service when it ends.
fn ended(decided: Option<Outcome>, branch: &Branch) -> Result<(), &'static str> {
    let carried_out = match decided {
        _ if branch.excepted => return Ok(()),
        Some(Outcome::Commit) => branch.held == Held::Confirmed,
        // What may have been made and never was answered is asked about when the application comes back.
        Some(Outcome::Abort) => {
            matches!(branch.held, Held::Nothing | Held::Perhaps | Held::Released)
        }
        None => false,
    };
    let otherwise = decided == Some(Outcome::Commit) && branch.held == Held::Released;
    match carried_out && branch.over && !matches!(branch.told, Told::ToDo(_)) {
        true => Ok(()),
        false if otherwise => Err(DAMAGE),
        false => Err(ENDS),
    }
}

/// A reservation that was said is cancelled alone only where that is declared, or asked for.
fn lasts(seen: &At<'_>, notice: &service::Notice<Work>, history: &History) -> Result<(), &'static str> {
    let service::Notice::Cancel { tx, .. } = notice else { return Ok(()) };
    let alone = matches!(seen.event, Event::Expired(Either::Right(timer)) if timer != service::Timer::Lapse);
    let reserved = history.branch(seen.node, *tx).is_some_and(|branch| branch.reserved);
    let told = history.branch(seen.node, *tx).is_some_and(|branch| branch.told != Told::Nothing);
    if alone && reserved && !told { Err(LASTS) } else { Ok(()) }
}
