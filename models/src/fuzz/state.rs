//! A whole machine as data: one that is read is right, so it goes on as any other does, whatever it is told.

use arbitrary::{Result as Drawn, Unstructured};
use quorate::machine::{InputOf, Machine, Recorder};
use quorate::time::Time;

use super::Outcome;
use super::decode::{Data, near_of};
use super::subject::{MachineOf, Subject, former};

/// The most inputs that a machine has behind it in its last life.
const STEPS_MAX: usize = 32;

/// Reads a machine that is nearly one that lived, and has it live on.
///
/// # Errors
/// The promise that was broken.
///
/// # Panics
/// If the machine does.
pub fn state<S: Subject>(bytes: &[u8]) -> Outcome
where
    MachineOf<S>: Data,
{
    let mut u = Unstructured::new(bytes);
    let Ok(subject) = S::arbitrary(&mut u) else { return Ok(0) };
    let rest = u.take_rest();
    let Some(mut machine) = near_of(rest, |u| lived(&subject, u))? else { return Ok(0) };
    subject.check(&machine)?;
    let mut u = Unstructured::new(rest.get(rest.len() / 2..).unwrap_or_default());
    let mut steps = 1;
    while !u.is_empty() {
        let Ok(input) = subject.arbitrary_input(&machine, &mut u) else { break };
        feed::<S>(&mut machine, input.clone());
        subject.check(&machine).map_err(|what| format!("{what}, after {input:?}: {machine:?}"))?;
        steps += 1;
    }
    Ok(steps)
}

/// A machine that came back from a disk of its own, and was told some things since.
fn lived<S: Subject>(subject: &S, u: &mut Unstructured<'_>) -> Drawn<MachineOf<S>> {
    let (disk, applied) = former(subject, u)?;
    let mut machine = subject.recover(&disk, applied).map_err(|_| arbitrary::Error::IncorrectFormat)?;
    for _ in 0..u.int_in_range(0..=STEPS_MAX)? {
        let input = subject.arbitrary_input(&machine, u)?;
        feed::<S>(&mut machine, input);
    }
    Ok(machine)
}

fn feed<S: Subject>(machine: &mut MachineOf<S>, input: InputOf<MachineOf<S>>) {
    machine.step(input, &mut Recorder::new(Time::ZERO, &[]));
}
