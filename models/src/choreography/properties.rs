//! What is claimed of sagas by choreography, and when that says anything. `observe.rs` decides it.

use quorate::ledger::Output;
use quorate::saga::choreography::{Event as Fact, Message, Notice, Request};
use quorate::saga::{Action, End, Kind};

use super::application::{About, about, is_back};
use super::history::Past;
use super::spec::Expect;
use super::{ChoreographySpec, History};
use crate::spec::{Event, Property, Seen};
use crate::world::World;

/// What each participant can see of itself.
pub const SELF: &str = "each participant agrees with itself";
/// A step begins when it is due, by what is durable where that was decided and where it is called.
pub const DUE: &str = "a step is called when all before it are durably done";
/// What is settled is not called for.
pub const SETTLED: &str = "what is durable of a step is not asked again";
/// Attempts are counted over all lives.
pub const BUDGET: &str = "a budget of attempts is one over all lives";
/// Whoever knows of the way back goes no step forward.
pub const TURNED: &str = "nothing is begun where it is durable that the saga goes back";
/// Nothing is guessed of an outcome.
pub const GUESSED: &str = "what is written of a step is what its application said";
/// What cannot have an effect is not undone.
pub const EXPOSED: &str = "only what may have an effect is undone";
/// In reverse order.
pub const ORDER: &str = "a step is undone once all that came after it has no effect";
/// No way back.
pub const PIVOT: &str = "nothing is undone past the pivot";
/// All of it.
pub const ALL: &str = "a completed saga has all of its effects";
/// Or none.
pub const NONE: &str = "a compensated saga has none of its effects";
/// One end.
pub const ONE_END: &str = "all participants are told one end, however often";
/// What is accepted stays.
pub const ACCEPTED: &str = "what is accepted is durable";
/// What is said is on disk.
pub const DURABLE: &str = "what a participant says that it knows is durable";
/// Nobody lets go too early.
pub const OVER: &str = "a saga is over once all its participants know its end";
/// What is over stays over.
pub const FORGOTTEN: &str = "a saga that is over is not called for, and never begins again";
/// Late, repeated and reordered words of correct nodes do no harm, and are no surprise.
pub const UNDERSTOOD: &str = "nobody rejects what a correct one says";

/// All of them, for what this world has.
pub(super) fn all(spec: &ChoreographySpec) -> Vec<Property<ChoreographySpec>> {
    let mut all = vec![
        Property::always(SELF, agree).given(|_, _| true),
        Property::observed(DUE)
            .given(|seen, history| calls(seen, Action::Do) && any(history, |past| !past.done.is_empty())),
        Property::observed(SETTLED).given(|seen, history| {
            calls_any(seen) && any(history, |past| !past.kept_done.and(past.kept_clean).is_empty())
        }),
        Property::observed(BUDGET).given(counted_call),
        Property::observed(TURNED).given(is_late_forward),
        Property::observed(GUESSED).given(|seen, _| writes_outcome(seen)),
        Property::observed(EXPOSED).given(|seen, _| calls(seen, Action::Undo)),
        Property::observed(ORDER).given(|seen, history| {
            calls(seen, Action::Undo) && any(history, |past| !past.kept_clean.common(past.begun).is_empty())
        }),
        Property::observed(PIVOT).given(wishes_past_pivot),
        Property::observed(ALL).given(|seen, _| ends(seen, |end| end == End::Completed)),
        Property::observed(NONE).given(|seen, _| ends(seen, |end| end != End::Completed)),
        Property::observed(ONE_END)
            .given(|seen, history| ends(seen, |_| true) && any(history, |past| past.told != 0)),
        Property::observed(ACCEPTED).given(|seen, _| accepts(seen)),
        Property::observed(DURABLE).given(|seen, _| says(seen) || ends(seen, |_| true)),
        Property::observed(OVER).given(|seen, _| tells_over(seen)),
        Property::observed(FORGOTTEN).given(is_late_event),
        Property::observed(UNDERSTOOD).given(|seen, _| matches!(seen.event, Event::Received { .. })),
    ];
    all.extend(spec.expect().iter().map(expected));
    all
}

/// What a world must come to.
const fn expected(expect: &Expect) -> Property<ChoreographySpec> {
    match expect {
        Expect::Completed => Property::sometimes("all are told that a saga is completed", |world| {
            told_all(world, |past| past.end == Some(End::Completed))
        }),
        Expect::Compensated => Property::sometimes(
            "all are told that a saga is compensated of which a step was undone",
            |world| told_all(world, |past| !past.undone.is_empty()),
        ),
        Expect::TooLate => {
            Property::sometimes("a saga is completed although its initiator wished otherwise", |world| {
                told_all(world, |past| past.end == Some(End::Completed))
                    && world.machines().any(|machine| {
                        machine.sagas().any(|(_, saga)| saga.facts.wish.is_some() && !saga.facts.is_back())
                    })
            })
        }
        Expect::InTime => Property::sometimes("a wish of the initiator turns a saga back", |world| {
            told_all(world, |past| {
                use quorate::saga::Cause::{Cancelled, Overdue};
                matches!(past.end, Some(End::Compensated { cause: Cancelled | Overdue }))
            })
        }),
        Expect::Stuck => Property::sometimes("an operator is told that a step is stuck", |world| {
            any(world.history(), |past| !past.stuck(false).and(past.stuck(true)).is_empty())
        }),
        Expect::Over => Property::sometimes("everybody lets go of a saga", |world| {
            any(world.history(), |past| past.over.count_ones() as usize == world.nodes().len())
        }),
    }
}

fn told_all(world: &World<ChoreographySpec>, holds: impl Fn(&Past) -> bool) -> bool {
    let all = world.nodes().len();
    any(world.history(), |past| past.told.count_ones() as usize == all && holds(past))
}

pub(super) fn any(history: &History, holds: impl FnMut(&Past) -> bool) -> bool {
    history.sagas.iter().any(holds)
}

fn agree(world: &World<ChoreographySpec>) -> bool {
    world.machines().all(|machine| machine.check().is_ok())
}

pub(super) type At<'a> = Seen<'a, ChoreographySpec>;

fn notices<'a>(seen: &At<'a>) -> impl Iterator<Item = &'a Notice<()>> + use<'a> {
    seen.outputs.iter().filter_map(|output| match output {
        Output::Notify(notice) => Some(notice),
        _ => None,
    })
}

fn calls(seen: &At<'_>, action: Action) -> bool {
    notices(seen).any(|notice| matches!(notice, Notice::Call(call) if call.action == action))
}

fn calls_any(seen: &At<'_>) -> bool {
    notices(seen).any(|notice| matches!(notice, Notice::Call(_)))
}

/// A call after an attempt that came to nothing.
fn counted_call(seen: &At<'_>, _: &History) -> bool {
    notices(seen).any(|notice| matches!(notice, Notice::Call(call) if call.attempt > 0))
}

/// An application speaks of the way forward where the saga is known to go back.
fn is_late_forward(seen: &At<'_>, _: &History) -> bool {
    match seen.event {
        Event::Asked(Request::Answer(answer)) => {
            let saga =
                quorate::saga::choreography::Name { initiator: answer.key.owner, saga: answer.key.saga };
            answer.action != Action::Undo && is_back(seen.before, saga)
        }
        _ => false,
    }
}

fn writes_outcome(seen: &At<'_>) -> bool {
    use quorate::durable::Record;
    use quorate::saga::choreography::Entry;
    seen.durable.iter().any(|record| {
        matches!(
            record,
            Record::Append {
                entry: Entry::Event { event: Fact::Done(_) | Fact::Clean(_) | Fact::Refused(..), .. },
                ..
            }
        )
    })
}

/// A participant that has called its pivot hears that its saga is to go back, or that it was refused.
fn wishes_past_pivot(seen: &At<'_>, history: &History) -> bool {
    let is_pivot = |past: &Past| {
        let plan = seen.before.config().definitions.iter().find(|plan| {
            let of = |standing: &quorate::saga::choreography::Standing<()>| {
                (standing.definition, standing.version) == (plan.id(), plan.version())
            };
            seen.before.sagas().any(|(saga, standing)| saga == past.saga && of(standing))
        });
        plan.is_some_and(|plan| {
            let begun = |step| plan.step(step).is_some_and(|step| step.kind == Kind::Pivot);
            past.begun.iter().any(begun)
        })
    };
    let about_back = match seen.event {
        Event::Asked(Request::Cancel { .. }) => true,
        Event::Received { message: Message::Event { facts, .. }, .. } => {
            facts.wish.is_some() || facts.cause.is_some()
        }
        _ => calls(seen, Action::Undo),
    };
    about_back && any(history, is_pivot)
}

fn ends(seen: &At<'_>, how: fn(End) -> bool) -> bool {
    notices(seen).any(|notice| matches!(notice, Notice::Ended { end, .. } if how(*end)))
}

fn accepts(seen: &At<'_>) -> bool {
    notices(seen).any(|notice| match notice {
        Notice::Accepted { id } => !matches!(about(*id).1, Some(About::Resolve) | None),
        _ => false,
    })
}

fn says(seen: &At<'_>) -> bool {
    seen.outputs.iter().any(|output| matches!(output, Output::Send { .. }))
}

fn tells_over(seen: &At<'_>) -> bool {
    notices(seen).any(|notice| matches!(notice, Notice::Over { .. }))
}

/// An event of a saga that its receiver has let go of.
fn is_late_event(seen: &At<'_>, history: &History) -> bool {
    match seen.event {
        Event::Received { message: Message::Event { saga, .. }, .. } => {
            history.past(*saga).is_some_and(|past| past.over & super::history::bit(seen.node) != 0)
        }
        _ => false,
    }
}
