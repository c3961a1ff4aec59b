//! Nodes, messages and the rest in a few words, for traces and drawings.

use quorate::durable::Record;
use quorate::either::{Either, Notice};
use quorate::machine::RecordOf;
use quorate::saga::{Entry, Message, Orchestrator, Service, Standing, StepSet};

use super::{Input, Nodes, SagaSpec, coverage};
use crate::spec::{Band, Shown};

pub(super) fn shown(shown: &Shown<'_, SagaSpec>) -> String {
    match shown {
        Shown::Message(Message::Call(call)) => {
            let (key, tries) = (call.key, call.attempt);
            format!("{:?} {}/{} in {}, attempt {tries}", call.action, key.saga, key.step, call.epoch)
        }
        Shown::Message(Message::Answer(answer)) => {
            let key = answer.key;
            let asked = format!("{:?} {}/{} in {}", answer.action, key.saga, key.step, answer.epoch);
            format!("{:?}, to {asked}", answer.outcome)
        }
        Shown::Timer(Either::Left(timer)) => format!("{timer:?}"),
        Shown::Request(Either::Left(request)) => format!("{request:?}"),
        Shown::Request(Either::Right(request)) => format!("{request:?}"),
        Shown::Notice(Notice::Left(notice)) => format!("{notice:?}"),
        Shown::Notice(Notice::Right(notice)) => format!("{notice:?}"),
        Shown::Record(record) => recorded(record),
        other => other.debug(),
    }
}

fn recorded(record: &RecordOf<Nodes>) -> String {
    match record {
        Record::Put { value: Either::Left(value), .. } => format!("{value:?}"),
        Record::Put { value: Either::Right(value), .. } => format!("{value:?}"),
        Record::Append { index, entry: Either::Left(entry), .. } => match entry {
            Entry::Saga { saga, standing } => format!("{index}: {saga} stands at {}", stands(standing)),
            Entry::Event { saga, event } => format!("{index}: {saga}, {event:?}"),
            other => format!("{index}: {other:?}"),
        },
        Record::Append { index, entry: Either::Right(entry), .. } => {
            format!("{index}: {}/{} {:?}", entry.key.saga, entry.key.step, entry.stage)
        }
        other => format!("{other:?}"),
    }
}

fn steps(set: StepSet) -> String {
    set.iter().map(|step| step.0.to_string()).collect::<Vec<_>>().join(" ")
}

fn stands(standing: &Standing<Input>) -> String {
    let named = [
        ("done", standing.done),
        ("refused", standing.refused),
        ("undone", standing.undone),
        ("stuck", standing.stuck),
    ];
    let way = standing.cause.map(|cause| format!("back ({cause:?})")).into_iter();
    let sets = named.iter().filter(|(_, set)| !set.is_empty());
    let sets = sets.map(|(name, set)| format!("{name} {}", steps(*set)));
    let words: Vec<String> = way.chain(sets).collect();
    if words.is_empty() { "the beginning".to_owned() } else { words.join(", ") }
}

pub(super) fn summary(machine: &Nodes) -> String {
    match machine {
        Either::Left(machine) => of_orchestrator(machine),
        Either::Right(machine) => of_service(machine),
    }
}

fn of_orchestrator(machine: &Orchestrator<Input>) -> String {
    let sagas = machine.sagas().map(|(id, standing)| format!("{id}: {}", stands(standing)));
    format!("{}; {}", machine.epoch(), sagas.collect::<Vec<_>>().join("; "))
}

fn of_service(machine: &Service<Input>) -> String {
    let keys = machine.keys().map(|(key, stage)| {
        let work = if machine.is_at_work(key) { " (at work)" } else { "" };
        format!("{}/{} {stage:?}{work}", key.saga, key.step)
    });
    let keys = keys.collect::<Vec<_>>().join(", ");
    if keys.is_empty() { "nothing known".to_owned() } else { keys }
}

pub(super) fn band(machine: &Nodes) -> Option<Band> {
    let label = coverage::phase(machine);
    let hue = match label {
        coverage::FORWARD => 215,
        coverage::BACK => 45,
        coverage::STUCK => 5,
        coverage::AT_WORK => 280,
        _ => 145,
    };
    Some(Band { label: label.to_owned(), hue })
}
