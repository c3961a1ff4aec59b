//! Seeing what happens: what properties remember of it, and which of them falls by it.

use quorate::durable::Record;
use quorate::ledger::Output;
use quorate::saga::choreography::{Call, Entry, Event as Fact, Name, Notice, Request};
use quorate::saga::{Action, Definition, End, Kind, Resolution, StepId, StepSet};

use super::application::{About, about, is_back};
use super::history::{Past, bit};
use super::known::{self, Known, is_durable, known};
use super::properties::{
    ACCEPTED, ALL, At, BUDGET, DUE, DURABLE, EXPOSED, FORGOTTEN, GUESSED, NONE, ONE_END, ORDER, OVER, PIVOT,
    SETTLED, TURNED, UNDERSTOOD,
};
use super::steps_of;
use super::{ChoreographySpec, History};
use crate::plan::later;
use crate::spec::Event;

fn hold(holds: bool, property: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(property) }
}

/// Sees one event: follows what is durable and what is said, and names the property that it violates.
pub(super) fn observe(
    spec: &ChoreographySpec,
    seen: &At<'_>,
    history: &mut History,
) -> Result<(), &'static str> {
    if let Event::Asked(request) = seen.event {
        asked(spec, seen, request, history)?;
    }
    // In a crash what left may have left before what became durable with it.
    let prior = matches!(seen.event, Event::Crashed).then(|| history.clone());
    for record in seen.durable {
        durable(spec, seen, record, history)?;
    }
    let mut heard = Heard { spec, seen, prior, history };
    seen.outputs.iter().try_for_each(|output| heard.output(output))?;
    if matches!(seen.event, Event::Crashed) && !spec.menu().late {
        // Applications go down with their participant.
        for past in &mut history.sagas {
            let mine = spec.definition(past.saga.saga).map(|plan| steps_of(plan, seen.node));
            past.drop_calls(mine.unwrap_or_default());
        }
    }
    Ok(())
}

/// An application, or an operator, says something: it has happened by then.
fn asked(
    spec: &ChoreographySpec,
    seen: &At<'_>,
    request: &Request<()>,
    history: &mut History,
) -> Result<(), &'static str> {
    let (name, step) = match request {
        Request::Answer(answer) => {
            let name = Name { initiator: answer.key.owner, saga: answer.key.saga };
            let Some(past) = history.past_mut(name) else { return Ok(()) };
            past.answer(answer, !spec.menu().late);
            (name, answer.key.step)
        }
        Request::Resolve { saga, step, resolution, .. } => {
            if spec.menu().resolutions < u64::MAX {
                history.resolved += 1;
            }
            let back = is_back(seen.before, *saga);
            let Some(past) = history.past_mut(*saga) else { return Ok(()) };
            let of = StepSet::of(*step);
            match resolution {
                Resolution::Happened if back => past.undoes(of),
                Resolution::Happened => past.does(of),
                Resolution::Never => past.never = past.never.and(of),
                _ => {}
            }
            (*saga, *step)
        }
        _ => return Ok(()),
    };
    let Some((past, plan)) = history.past(name).zip(spec.definition(name.saga)) else { return Ok(()) };
    // Whatever was called for may still come about: after the end nothing is.
    hold(
        past.end.is_none_or(|end| is_whole(past, plan, end)),
        if past.live().contains(step) { NONE } else { ALL },
    )
}

fn is_whole(past: &Past, plan: &Definition, end: End) -> bool {
    match end {
        End::Completed => past.live().includes(plan.all()),
        End::Compensated { .. } => past.is_without(plan.all()),
    }
}

/// A record is durable.
fn durable(
    spec: &ChoreographySpec,
    seen: &At<'_>,
    record: &Record<quorate::saga::choreography::Cell, Entry<()>>,
    history: &mut History,
) -> Result<(), &'static str> {
    let Record::Append { entry, .. } = record else { return Ok(()) };
    match entry {
        Entry::Saga { saga, .. } => {
            // What a crash made durable may have been written before the floor was raised.
            let is_late = saga.saga < known::floor(seen.frozen.disk(), saga.initiator);
            hold(matches!(seen.event, Event::Crashed) || !is_late, FORGOTTEN)?;
            if saga.initiator == seen.node && history.past(*saga).is_none() {
                history.sagas.push(Past::new(*saga));
            }
            Ok(())
        }
        Entry::Event { saga, event } => match history.past_mut(*saga).zip(spec.definition(saga.saga)) {
            Some((past, plan)) => settled(past, plan, *event),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

/// What became of a step is durable where it is carried out.
fn settled(past: &mut Past, plan: &Definition, event: Fact) -> Result<(), &'static str> {
    let decided = plan.pivot().is_some_and(|pivot| past.live().contains(pivot));
    match event {
        Fact::Done(step) => {
            hold(past.live().contains(step), GUESSED)?;
            past.kept_done = past.kept_done.and(StepSet::of(step));
        }
        Fact::Clean(step) | Fact::Refused(step, _) => {
            hold(!decided, PIVOT)?;
            hold(past.is_without(StepSet::of(step)), GUESSED)?;
            past.kept_clean = past.kept_clean.and(StepSet::of(step));
        }
        Fact::GivenUp(..) => hold(!decided, PIVOT)?,
        _ => {}
    }
    Ok(())
}

/// What leaves a participant in one event.
struct Heard<'a, 'b> {
    spec: &'a ChoreographySpec,
    seen: &'a At<'b>,
    /// How it was before, where what left may have left by then.
    prior: Option<History>,
    history: &'a mut History,
}

impl Heard<'_, '_> {
    fn output(
        &mut self,
        output: &quorate::ledger::OutputOf<quorate::saga::choreography::Participant<()>>,
    ) -> Result<(), &'static str> {
        match output {
            Output::Send { message, .. } => hold(is_durable(self.seen.frozen.disk(), message), DURABLE),
            Output::Notify(notice) => self.told(notice),
            _ => Ok(()),
        }
    }

    fn told(&mut self, notice: &Notice<()>) -> Result<(), &'static str> {
        match notice {
            Notice::Call(call) => self.called(call),
            Notice::Ended { saga, end } => self.ended(*saga, *end),
            Notice::Over { initiator, floor } => {
                hold(*floor <= known::floor(self.seen.frozen.disk(), *initiator), DURABLE)?;
                let below = |past: &&mut Past| past.saga.initiator == *initiator && past.saga.saga < *floor;
                self.history
                    .sagas
                    .iter_mut()
                    .filter(below)
                    .try_for_each(|past| over(self.spec, self.seen, past))
            }
            Notice::Stuck { saga, step, action } => {
                let place = usize::from(*action == Action::Undo);
                if let Some(stuck) = self.history.past_mut(*saga).and_then(|past| past.stuck.get_mut(place)) {
                    *stuck = stuck.and(StepSet::of(*step));
                }
                Ok(())
            }
            Notice::Accepted { id } => {
                let (saga, what) = about(*id);
                self.accepted(Name { initiator: self.seen.node, saga }, what)
            }
            Notice::Rejected { .. } => Err(UNDERSTOOD),
            _ => Ok(()),
        }
    }

    /// What the disk says of a saga that is spoken of; nothing where the same crash left it dropped, for it is over: it
    /// may have been there when that was said.
    fn here(&self, saga: Name, otherwise: &'static str) -> Result<Option<Known>, &'static str> {
        let disk = self.seen.frozen.disk();
        let here = known(disk, saga);
        let is_dropped = self.prior.is_some() && saga.saga < known::floor(disk, saga.initiator);
        hold(here.is_some() || is_dropped, otherwise)?;
        Ok(here)
    }

    /// An application is called.
    fn called(&mut self, call: &Call<()>) -> Result<(), &'static str> {
        let (name, step) = (Name { initiator: call.key.owner, saga: call.key.saga }, call.key.step);
        let past = self.history.past(name).ok_or(DUE)?;
        hold(past.over == 0, FORGOTTEN)?;
        let plan = self.spec.definition(name.saga).ok_or(DUE)?;
        let prior = self.prior.as_ref().and_then(|prior| prior.past(name)).unwrap_or(past);
        if let Some(here) = self.here(name, DUE)? {
            if call.action == Action::Undo {
                undone(past, plan, &here, step)?;
            } else {
                hold(past.kept_done.common(here.done).includes(plan.after(step)), DUE)?;
                hold(self.prior.is_some() || !here.back, TURNED)?;
            }
            self.budgeted(call, plan, &here)?;
        }
        hold(!prior.kept_clean.contains(step), SETTLED)?;
        if call.action != Action::Undo {
            hold(!prior.kept_done.contains(step), SETTLED)?;
        }
        if let Some(past) = self.history.past_mut(name) {
            past.call(call.action, step);
        }
        Ok(())
    }

    /// A call is one of so many attempts, in whichever life. What left in a crash may have left before an attempt that
    /// became durable with it.
    fn budgeted(&self, call: &Call<()>, plan: &Definition, here: &Known) -> Result<(), &'static str> {
        let policy = plan.step(call.key.step).map(|step| step.policy);
        let most = policy.map_or(0, |policy| match call.action {
            Action::Undo => policy.undo_attempts,
            Action::Do | Action::Probe => policy.attempts,
        });
        let exact = self.prior.is_some() || here.tries(call.key.step) == call.attempt;
        hold(call.attempt < most && exact, BUDGET)
    }

    fn ended(&mut self, saga: Name, end: End) -> Result<(), &'static str> {
        let property = if end == End::Completed { ALL } else { NONE };
        let plan = self.spec.definition(saga.saga).ok_or(property)?;
        let past = self.history.past(saga).ok_or(property)?;
        hold(is_whole(past, plan, end), property)?;
        hold(past.end.is_none_or(|told| told == end), ONE_END)?;
        if let Some(here) = self.here(saga, DURABLE)? {
            let all = if end == End::Completed { here.done } else { here.clean };
            hold(all == plan.all() && here.back == (end != End::Completed), DURABLE)?;
        }
        let Some(past) = self.history.past_mut(saga) else { return Ok(()) };
        past.end = Some(end);
        past.told |= bit(self.seen.node);
        Ok(())
    }

    fn accepted(&self, saga: Name, what: Option<About>) -> Result<(), &'static str> {
        let known = known(self.seen.frozen.disk(), saga);
        let is_over = saga.saga < known::floor(self.seen.frozen.disk(), saga.initiator);
        let is_so = |holds: fn(&Known) -> bool| known.as_ref().is_some_and(holds);
        match what {
            Some(About::Begin) => hold(is_over || known.is_some(), ACCEPTED),
            Some(About::Cancel) => hold(is_over || is_so(|known| known.wish || known.back), ACCEPTED),
            Some(About::Forget) => hold(is_over || is_so(|known| known.noted), ACCEPTED),
            Some(About::Resolve) | None => Ok(()),
        }
    }
}

/// A participant lets go of a saga, and its application with it.
fn over(spec: &ChoreographySpec, seen: &At<'_>, past: &mut Past) -> Result<(), &'static str> {
    let plan = spec.definition(past.saga.saga).ok_or(OVER)?;
    hold(past.told & parties(plan, past.saga) == parties(plan, past.saga), OVER)?;
    past.over |= bit(seen.node);
    past.drop_calls(steps_of(plan, seen.node));
    Ok(())
}

/// Who has a part in a saga, a bit each.
pub(super) fn parties(plan: &Definition, saga: Name) -> u64 {
    plan.steps().iter().fold(bit(saga.initiator), |all, step| all | bit(step.service))
}

/// A step is called to be undone.
fn undone(past: &Past, plan: &Definition, here: &Known, step: StepId) -> Result<(), &'static str> {
    let kind = plan.step(step).map(|step| step.kind);
    let decided = plan.pivot().is_some_and(|pivot| past.live().and(past.kept_done).contains(pivot));
    hold(here.back && past.kept_done.includes(plan.after(step)), EXPOSED)?;
    hold(kind == Some(Kind::Compensatable) && !decided, PIVOT)?;
    hold(past.is_without(later(plan, step)), ORDER)
}
