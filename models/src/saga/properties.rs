//! What is claimed of sagas: by looking at what orchestrator and services say, and at what is durable by then.

use quorate::either::{Either, Notice};
use quorate::ledger::Output;
use quorate::machine::RecordOf;
use quorate::saga::service::{self, Rejection};
use quorate::saga::{
    self, Action, Answer, Call, Cause, Definition, End, Entry, Event as Known, Key, Message, Outcome,
    Request, Resolution, SagaId, StepId,
};

use super::application::{About, about};
use super::history::Past;
use super::spec::Expect;
use super::{History, Input, Nodes, ORCHESTRATOR, SagaSpec, coverage};
use crate::spec::{Event, Property, Seen};
use crate::world::World;

/// All that is needed of a record, a notice and an output of a node.
type RecordOfNodes = RecordOf<Nodes>;

/// What a node's own checks say.
pub const SELF: &str = "each node agrees with itself";
/// A step is called to be done only when that is durably due.
pub const DUE: &str = "a step is called when all before it are durably done";
/// What is known is not called for again.
pub const KNOWN: &str = "what is known of a step is not asked again";
/// Attempts are counted over all lives.
pub const BUDGET: &str = "a budget of attempts is one over all lives";
/// Exactly what may have an effect is undone.
pub const EXPOSED: &str = "only what may have an effect is undone";
/// In reverse order.
pub const ORDER: &str = "a step is undone after all that came after it";
/// No way back.
pub const PIVOT: &str = "nothing is undone past the pivot";
/// All of it.
pub const ALL: &str = "a completed saga has all of its effects";
/// Or none.
pub const NONE: &str = "a compensated saga has none of its effects";
/// One end.
pub const ONE_END: &str = "a saga ends one way, however often it is told";
/// What is accepted stays.
pub const ACCEPTED: &str = "what is accepted is durable";
/// A cancellation is no request to be weighed.
pub const CANCELLED: &str = "a saga whose cancellation was accepted does not complete";
/// Answers of earlier lives say nothing of this one's calls.
pub const OLD_ANSWERS: &str = "an answer to an earlier epoch changes nothing";
/// What is forgotten is over.
pub const FORGOTTEN: &str = "a forgotten saga is not called for, and never begins again";
/// The floor is below all that is kept.
pub const FLOOR: &str = "no service forgets what is not forgotten";
/// One effect a key.
pub const ONCE: &str = "an effect happens at most once for each key";
/// What is over stays over.
pub const TOMBSTONE: &str = "what is undone or refused does not happen any more";
/// One undoing a key.
pub const UNDONE_ONCE: &str = "an effect is undone at most once for each key";
/// Answers stand.
pub const STANDS: &str = "a service does not take back what it answered";
/// A service speaks of its application.
pub const TRUE: &str = "a service calls only that undone or refused which has no effect";
/// Executors whose time is over.
pub const FENCED: &str =
    "an executor of an earlier epoch changes nothing at a service that heard a later one";

/// All of them, for what this world has.
pub(super) fn all(spec: &SagaSpec) -> Vec<Property<SagaSpec>> {
    let mut all = vec![
        Property::always(SELF, agree).given(|_, _| true),
        Property::observed(DUE).given(|seen, _| calls(seen, Action::Do)),
        Property::observed(KNOWN)
            .given(|seen, history| any(history, |past| !past.done.is_empty()) && calls_any(seen)),
        Property::observed(BUDGET)
            .given(|seen, history| calls_any(seen) && any(history, |past| past.tries.iter().any(|t| *t > 0))),
        Property::observed(EXPOSED).given(|seen, _| calls(seen, Action::Undo)),
        Property::observed(ORDER)
            .given(|seen, history| calls(seen, Action::Undo) && any(history, |past| past.undone.len() > 1)),
        Property::observed(PIVOT).given(|seen, history| {
            calls(seen, Action::Undo) && any(history, |past| !past.refused.is_empty() && past.done.len() > 1)
        }),
        Property::observed(ALL).given(|seen, _| told(seen, coverage::COMPLETED)),
        Property::observed(NONE).given(|seen, _| told(seen, coverage::COMPENSATED)),
        Property::observed(ONE_END)
            .given(|seen, history| any(history, |past| past.completed.is_some()) && ends(seen)),
        Property::observed(ACCEPTED).given(|seen, _| told(seen, coverage::ACCEPTED)),
        Property::observed(CANCELLED)
            .given(|seen, history| any(history, |past| past.cancelled) && ends(seen)),
        Property::observed(OLD_ANSWERS).given(is_old_answer),
        Property::observed(FORGOTTEN)
            .given(|seen, history| any(history, |past| past.forgotten) && calls_any(seen)),
        Property::observed(FLOOR).given(|seen, history| {
            any(history, |past| past.forgotten) && matches!(seen.event, Event::Received { .. })
        }),
        Property::observed(ONCE)
            .given(|seen, history| is_call(seen, Action::Do) && any(history, |past| !past.has.is_empty())),
        Property::observed(TOMBSTONE).given(|seen, history| {
            is_call(seen, Action::Do) && any(history, |past| !past.without_effect().is_empty())
        }),
        Property::observed(UNDONE_ONCE)
            .given(|seen, history| is_call(seen, Action::Undo) && any(history, |past| !past.gone.is_empty())),
        Property::observed(STANDS).given(is_known),
        Property::observed(TRUE).given(|seen, history| {
            answers(seen, Outcome::Undone) && any(history, |past| !past.has.is_empty())
        }),
        Property::observed(FENCED).given(is_fenced),
    ];
    all.extend(spec.expect().iter().map(expected));
    all
}

/// What a world must come to.
const fn expected(expect: &Expect) -> Property<SagaSpec> {
    match expect {
        Expect::Completed => Property::sometimes("a saga is completed", |world| {
            any(world.history(), |past| past.completed == Some(true))
        }),
        Expect::Compensated => Property::sometimes("a saga is compensated", |world| {
            any(world.history(), |past| past.completed == Some(false) && past.undone.len() > 1)
        }),
        Expect::Stuck => Property::sometimes("an operator is told that a step is stuck", |world| {
            any(world.history(), |past| !past.stuck.is_empty())
        }),
        Expect::BackFromPivot => Property::sometimes("a saga goes back from a refused pivot", |world| {
            any(world.history(), |past| past.refused.contains(StepId(3)) && past.completed == Some(false))
        }),
        Expect::Shelved => {
            Property::sometimes("a saga of a definition that is gone goes on when it is back", |world| {
                let completed = any(world.history(), |past| past.completed == Some(true));
                completed && orchestrators(world).any(|machine| machine.epoch().0 > 2)
            })
        }
        Expect::LaterLife => Property::sometimes("a service hears of a later life", |world| {
            world.history().heard.iter().any(|epoch| epoch.0 > 1)
        }),
        Expect::Tombstone => Property::sometimes("a step is undone before it is done", |world| {
            any(world.history(), |past| !past.gone.without(past.has).is_empty())
        }),
        Expect::Forgotten => Property::sometimes("a saga is forgotten, and another one runs", |world| {
            any(world.history(), |past| past.forgotten) && any(world.history(), |past| !past.forgotten)
        }),
    }
}

pub(super) fn any(history: &History, holds: impl FnMut(&Past) -> bool) -> bool {
    history.sagas.iter().any(holds)
}

pub(super) fn orchestrators(world: &World<SagaSpec>) -> impl Iterator<Item = &saga::Orchestrator<Input>> {
    world.machines().filter_map(Either::left)
}

fn agree(world: &World<SagaSpec>) -> bool {
    world.machines().all(|machine| match machine {
        Either::Left(machine) => machine.check().is_ok(),
        Either::Right(machine) => machine.check().is_ok(),
    })
}

type At<'a> = Seen<'a, SagaSpec>;

/// The calls that leave an orchestrator, by message or by notice.
fn calls_out<'a>(seen: &At<'a>) -> impl Iterator<Item = &'a Call<Input>> + use<'a> {
    seen.outputs.iter().filter_map(|output| match output {
        Output::Send { message: Message::Call(call), .. }
        | Output::Notify(Notice::Left(saga::Notice::Call(call))) => Some(call),
        _ => None,
    })
}

fn calls(seen: &At<'_>, action: Action) -> bool {
    calls_out(seen).any(|call| call.action == action)
}

fn calls_any(seen: &At<'_>) -> bool {
    calls_out(seen).next().is_some()
}

/// Whether a service is called: by message, or by notice where the service is the orchestrator's own application.
fn is_call(seen: &At<'_>, action: Action) -> bool {
    matches!(seen.event, Event::Received { message: Message::Call(call), .. } if call.action == action)
}

fn answers(seen: &At<'_>, outcome: Outcome) -> bool {
    seen.outputs.iter().any(|output| match output {
        Output::Send { message: Message::Answer(answer), .. } => answer.outcome == outcome,
        _ => false,
    })
}

fn told(seen: &At<'_>, what: &str) -> bool {
    seen.outputs.iter().any(|output| match output {
        Output::Notify(notice) => coverage::outcome(notice) == Some(what),
        _ => false,
    })
}

fn ends(seen: &At<'_>) -> bool {
    told(seen, coverage::COMPLETED) || told(seen, coverage::COMPENSATED)
}

fn is_old_answer(seen: &At<'_>, _: &History) -> bool {
    match (&seen.event, seen.before) {
        (Event::Received { message: Message::Answer(answer), .. }, Either::Left(machine)) => {
            answer.epoch < machine.epoch()
        }
        _ => false,
    }
}

/// A call for a step of which its service has said what became of it.
fn is_known(seen: &At<'_>, history: &History) -> bool {
    match seen.event {
        Event::Received { message: Message::Call(call), .. } => {
            let settled = |past: &Past| past.has.and(past.without_effect()).contains(call.key.step);
            history.past(call.key.saga).is_some_and(settled)
        }
        _ => false,
    }
}

fn is_fenced(seen: &At<'_>, history: &History) -> bool {
    match (&seen.event, seen.before) {
        (Event::Received { message: Message::Call(call), .. }, Either::Right(_)) => {
            call.epoch < history.heard(seen.node)
        }
        _ => false,
    }
}

fn hold(holds: bool, property: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(property) }
}

/// Sees one event: follows what is durable and what is said, and names the property that it violates.
pub(super) fn observe(spec: &SagaSpec, seen: &At<'_>, history: &mut History) -> Result<(), &'static str> {
    if is_old_answer(seen, history) {
        hold(seen.after == seen.before, OLD_ANSWERS)?;
    }
    if is_fenced(seen, history) {
        hold(seen.after == seen.before, FENCED)?;
    }
    match seen.event {
        Event::Asked(Either::Left(request)) => asked(spec, request, seen.before, history),
        Event::Asked(Either::Right(request)) => said(*request, history),
        Event::Recovered if seen.node == ORCHESTRATOR => {
            history.sagas.iter_mut().for_each(|past| past.called = Default::default());
        }
        _ => {}
    }
    // In a crash what left may have left before what became durable with it.
    let before = matches!(seen.event, Event::Crashed).then(|| history.clone());
    for record in seen.durable {
        durable(spec, record, history)?;
    }
    let mut heard = Heard { spec, seen, prior: before, history };
    seen.outputs.iter().try_for_each(|output| heard.output(output))
}

/// The services of the orchestrator's own node, and its operator, say something.
fn asked(spec: &SagaSpec, request: &Request<Input>, before: &Nodes, history: &mut History) {
    match request {
        Request::Answer(answer) => word(*answer, history),
        Request::Resolve { saga, step, resolution, .. } => {
            if spec.menu().resolutions < u64::MAX {
                history.resolved += 1;
            }
            let Some(past) = history.past_mut(*saga) else { return };
            let standing = before.left().and_then(|machine| machine.sagas().find(|(id, _)| id == saga));
            let back = standing.is_some_and(|(_, standing)| standing.cause.is_some());
            match resolution {
                Resolution::Happened if back => past.says_undone(*step),
                Resolution::Happened => past.says_done(*step),
                Resolution::Never => past.says_refused(*step),
                _ => {}
            }
        }
        _ => {}
    }
}

/// The application of a service says something: it is as it says, whether the service keeps it or not.
fn said(request: service::Request, history: &mut History) {
    let key = request.key();
    if let Some(past) = history.past_mut(key.saga)
        && matches!(request, service::Request::Undone { .. } | service::Request::Refused { .. })
    {
        past.may = past.may.without(saga::StepSet::of(key.step));
        past.sworn = past.sworn.and(saga::StepSet::of(key.step));
    }
}

/// A service answers.
fn word(answer: Answer, history: &mut History) {
    let Some(past) = history.past_mut(answer.key.saga) else { return };
    match (answer.action, answer.outcome) {
        (Action::Do | Action::Probe, Outcome::Done) => past.says_done(answer.key.step),
        (Action::Do | Action::Probe, Outcome::Refused) => past.says_refused(answer.key.step),
        (Action::Undo, Outcome::Undone) => past.says_undone(answer.key.step),
        _ => {}
    }
}

/// A record is durable.
fn durable(spec: &SagaSpec, record: &RecordOfNodes, history: &mut History) -> Result<(), &'static str> {
    let quorate::durable::Record::Append { entry: Either::Left(entry), .. } = record else { return Ok(()) };
    match entry {
        Entry::Saga { saga, .. } => match history.past(*saga) {
            Some(past) => hold(!past.forgotten, FORGOTTEN)?,
            None => {
                let steps = spec.definition(*saga).map_or(0, |plan| plan.steps().len());
                history.sagas.push(Past::new(*saga, steps));
            }
        },
        Entry::Event { saga, event } => {
            let (Some(past), Some(plan)) = (history.past_mut(*saga), spec.definition(*saga)) else {
                return Ok(());
            };
            turns(past, plan, *event)?;
            past.take(*event);
        }
        Entry::Forgotten { saga } => {
            if let Some(past) = history.past_mut(*saga) {
                past.forgotten = true;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Nothing but its own refusal turns a saga whose pivot may have an effect.
fn turns(past: &Past, plan: &Definition, event: Known) -> Result<(), &'static str> {
    let back = match event {
        Known::Refused(step) => Some(step) != plan.pivot(),
        Known::TurnedBack(_) => true,
        Known::Undone(_) => !past.back,
        _ => false,
    };
    hold(!back || !past.decided(plan), PIVOT)
}

/// What leaves a node in one event.
struct Heard<'a, 'b> {
    spec: &'a SagaSpec,
    seen: &'a At<'b>,
    /// What was durable before, where what left may have left before the rest.
    prior: Option<History>,
    history: &'a mut History,
}

impl Heard<'_, '_> {
    fn output(&mut self, output: &quorate::ledger::OutputOf<Nodes>) -> Result<(), &'static str> {
        match output {
            Output::Send { message: Message::Call(call), .. } => self.called(call),
            Output::Send { message: Message::Answer(answer), .. } => self.answered(*answer),
            Output::Notify(Notice::Left(notice)) => self.told(notice),
            Output::Notify(Notice::Right(notice)) => self.service_told(notice),
            _ => Ok(()),
        }
    }

    /// What was durable for sure when this left.
    fn prior(&self, saga: SagaId) -> Option<&Past> {
        self.prior.as_ref().unwrap_or(self.history).past(saga)
    }

    fn called(&mut self, call: &Call<Input>) -> Result<(), &'static str> {
        let Key { saga, step, .. } = call.key;
        let plan = self.spec.definition(saga).ok_or(DUE)?;
        let past = self.history.past(saga).ok_or(DUE)?;
        hold(past.due(plan).contains(step), if call.action == Action::Undo { EXPOSED } else { DUE })?;
        // What became known with a crash may have become known after the call.
        let Some(prior) = self.prior(saga) else { return Ok(()) };
        hold(!prior.forgotten, FORGOTTEN)?;
        self.budgeted(call, past, prior)?;
        if call.action == Action::Undo {
            hold(!prior.refused.contains(step), EXPOSED)?;
            hold(!prior.undone.contains(step), KNOWN)?;
            let decided = prior.decided(plan) && past.decided(plan);
            hold(!decided && plan.pivot() != Some(step), PIVOT)?;
            let exposed = past.exposed_after(plan, step);
            hold(exposed.is_empty(), ORDER)?;
        } else {
            hold(!prior.done.and(prior.refused).contains(step) && !prior.back, KNOWN)?;
        }
        let own = plan.step(step).is_some_and(|step| step.service == ORCHESTRATOR);
        if let Some(past) = self.history.past_mut(saga) {
            if call.action == Action::Undo {
                past.taken_back = past.taken_back.and(saga::StepSet::of(step));
            }
            if own {
                past.is_called(call.action, step);
            }
        }
        Ok(())
    }

    /// Whether a call is the attempt that comes after those that are durable.
    fn budgeted(&self, call: &Call<Input>, past: &Past, prior: &Past) -> Result<(), &'static str> {
        let step = call.key.step;
        let most =
            self.spec.definition(call.key.saga).and_then(|plan| plan.step(step)).map(|step| step.policy);
        let most = most.map_or(0, |policy| match call.action {
            Action::Undo => policy.undo_attempts,
            Action::Do | Action::Probe => policy.attempts,
        });
        let exact = self.prior.is_some() || past.tries(step) == call.attempt;
        // A saga that turned, or a word of the operator, begins anew.
        let anew = past.back != prior.back || past.tries(step) < prior.tries(step);
        hold(call.attempt < most && (exact || anew), BUDGET)
    }

    fn told(&mut self, notice: &saga::Notice<Input>) -> Result<(), &'static str> {
        match notice {
            saga::Notice::Call(call) => self.called(call)?,
            saga::Notice::Ended { saga, end } => self.ended(*saga, *end)?,
            saga::Notice::Stuck { saga, step, .. } => {
                if let Some(past) = self.history.past_mut(*saga) {
                    past.stuck = past.stuck.and(saga::StepSet::of(*step));
                }
            }
            saga::Notice::Accepted { id } => {
                let (saga, what) = about(*id);
                let past = self.history.past_mut(saga).ok_or(ACCEPTED)?;
                match what {
                    Some(About::Cancel) => {
                        hold(past.back, ACCEPTED)?;
                        past.cancelled = true;
                    }
                    Some(About::Forget) => hold(past.forgotten, ACCEPTED)?,
                    _ => {}
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn ended(&mut self, saga: SagaId, end: End) -> Result<(), &'static str> {
        let plan = self.spec.definition(saga).ok_or(ONE_END)?;
        let past = self.history.past_mut(saga).ok_or(ONE_END)?;
        let completed = end == End::Completed;
        match end {
            End::Completed => {
                hold(past.has.includes(plan.all()) && past.without_effect().is_empty(), ALL)?;
                hold(!past.cancelled, CANCELLED)?;
            }
            End::Compensated { cause } => {
                // Whether it was called before a crash nobody knows: what was due counts.
                hold(past.without_effect().includes(past.due(plan)), NONE)?;
                let refused = |step| past.refused.contains(step);
                hold(!matches!(cause, Cause::Refused(step) if !refused(step)), ONE_END)?;
            }
        }
        hold(past.completed.is_none_or(|before| before == completed), ONE_END)?;
        past.completed = Some(completed);
        Ok(())
    }

    fn service_told(&mut self, notice: &service::Notice<Input>) -> Result<(), &'static str> {
        let known = |key: &Key| self.history.past(key.saga);
        match notice {
            service::Notice::Do { key, .. } => {
                let past = known(key).ok_or(DUE)?;
                hold(!past.without_effect().contains(key.step), TOMBSTONE)?;
                hold(!past.has.contains(key.step), ONCE)?;
                if let Some(past) =
                    self.history.past_mut(key.saga).filter(|past| !past.sworn.contains(key.step))
                {
                    past.may = past.may.and(saga::StepSet::of(key.step));
                }
                Ok(())
            }
            service::Notice::Undo { key, .. } => {
                let past = known(key).ok_or(EXPOSED)?;
                hold(!past.without_effect().contains(key.step), UNDONE_ONCE)?;
                if let Some(past) = self.history.past_mut(key.saga) {
                    past.asked_back = past.asked_back.and(saga::StepSet::of(key.step));
                }
                Ok(())
            }
            service::Notice::Rejected { reason: Rejection::Forgotten | Rejection::Malformed, .. } => {
                let Event::Received { message: Message::Call(call), .. } = self.seen.event else {
                    return Ok(());
                };
                hold(known(&call.key).is_none_or(|past| past.forgotten), FLOOR)
            }
            _ => Ok(()),
        }
    }

    fn answered(&mut self, answer: Answer) -> Result<(), &'static str> {
        let Key { owner, saga, step } = answer.key;
        hold(owner == ORCHESTRATOR, STANDS)?;
        if let Some(past) = self.history.past(saga) {
            let stands = match (answer.action, answer.outcome) {
                (Action::Do | Action::Probe, Outcome::Done) => !past.without_effect().contains(step),
                (Action::Do | Action::Probe, Outcome::Refused) => {
                    !past.has.contains(step) || past.without_effect().contains(step)
                }
                (Action::Probe, Outcome::Unseen) => !past.has.and(past.without_effect()).contains(step),
                _ => true,
            };
            hold(stands, STANDS)?;
            hold(!matches!(answer.outcome, Outcome::Undone) || !past.may.contains(step), TRUE)?;
        }
        if !matches!(answer.outcome, Outcome::Superseded { .. }) {
            self.history.hears(self.seen.node, answer.epoch);
        }
        word(answer, self.history);
        Ok(())
    }
}
