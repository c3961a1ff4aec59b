//! Participants and what they say, in a few words, for traces.

use quorate::durable::Record;
use quorate::saga::StepSet;
use quorate::saga::choreography::{Entry, Facts, Message, Participant};

use super::ChoreographySpec;
use crate::spec::Shown;

pub(super) fn shown(shown: &Shown<'_, ChoreographySpec>) -> String {
    match shown {
        Shown::Message(Message::Event { saga, facts, .. }) => format!("event, {saga}: {}", told(facts)),
        Shown::Message(Message::Ack { saga, facts }) => format!("ack, {saga}: {}", told(facts)),
        Shown::Message(Message::Over { initiator, floor }) => format!("over, below {floor} of {initiator}"),
        Shown::Record(Record::Append { index, entry: Entry::Saga { saga, standing }, .. }) => {
            format!("{index}: {saga} stands at {}", told(&standing.facts))
        }
        Shown::Record(Record::Append { index, entry: Entry::Event { saga, event }, .. }) => {
            format!("{index}: {saga}, {event:?}")
        }
        other => other.debug(),
    }
}

fn told(facts: &Facts) -> String {
    let named = [("done", facts.done), ("failed", facts.failed), ("clean", facts.clean)];
    let wish = facts.wish.map(|cause| format!("wished ({cause:?})"));
    let back = facts.cause.map(|cause| format!("back ({cause:?})"));
    let sets = named.iter().filter(|(_, set)| !set.is_empty());
    let sets = sets.map(|(name, set)| format!("{name} [{}]", steps(*set)));
    let words: Vec<String> = wish.into_iter().chain(back).chain(sets).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}

fn steps(set: StepSet) -> String {
    set.iter().map(|step| step.0.to_string()).collect::<Vec<_>>().join(" ")
}

pub(super) fn summary(machine: &Participant<()>) -> String {
    let of = machine.sagas().map(|(saga, standing)| format!("{saga}: {}", told(&standing.facts)));
    of.collect::<Vec<_>>().join("; ")
}
