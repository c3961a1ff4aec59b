//! What a machine supplies to be driven by bytes.

use std::fmt::Debug;

use arbitrary::{Arbitrary, Result as Drawn, Unstructured};
use quorate::durable::{Corrupt, Image, Recover};
use quorate::id::NodeId;
use quorate::ledger::OutputOf;
use quorate::machine::{Effect, Input, InputOf, Machine, Recorder};
use quorate::time::Time;

/// The most steps of a former life, and the most records of it that became durable.
const FORMER_STEPS_MAX: usize = 24;
const FORMER_RECORDS_MAX: usize = 32;

/// The machine of a subject.
pub type MachineOf<S> = <S as Subject>::Machine;
/// What is on its disk.
pub type DiskOf<S> = Image<<MachineOf<S> as Machine>::Cell, <MachineOf<S> as Machine>::Entry>;

/// What inputs and records are made of.
pub trait Value: Clone + PartialEq + Debug {}
impl<T: Clone + PartialEq + Debug> Value for T {}

/// A machine, configured, and what is known of it.
///
/// A method that draws fails only where more bytes would help.
pub trait Subject: Sized {
    /// The machine.
    type Machine: Machine<Message: Value, Timer: Value, Request: Value, Cell: Value, Entry: Value>;
    /// What tells one request and its answer from the others; `()` where no request awaits an answer.
    type Ticket: Ord + Debug;

    /// Any configuration; of limits, those that are soon reached.
    ///
    /// # Errors
    /// None that more bytes would not mend.
    fn arbitrary(u: &mut Unstructured<'_>) -> Drawn<Self>;

    /// The name of the node.
    fn me(&self) -> NodeId {
        NodeId(1)
    }

    /// A disk that a machine of this configuration may have written, and what its application has applied of it.
    ///
    /// # Errors
    /// None that more bytes would not mend.
    fn arbitrary_disk(&self, u: &mut Unstructured<'_>) -> Drawn<(DiskOf<Self>, u64)> {
        let _ = u;
        Ok((Image::default(), 0))
    }

    /// The machine that comes back with what a disk holds.
    ///
    /// # Errors
    /// What is wrong with the disk: a broken promise, if the machine itself wrote it.
    fn recover(&self, disk: &DiskOf<Self>, applied: u64) -> Result<Self::Machine, Corrupt>;

    /// Whether recovery from `disk` would yield what `machine` holds to be durable.
    ///
    /// # Errors
    /// What differs.
    fn agrees(&self, machine: &Self::Machine, disk: &DiskOf<Self>) -> Result<(), &'static str>;

    /// Anything the machine may be told, most of it to the point.
    ///
    /// # Errors
    /// None that more bytes would not mend.
    fn arbitrary_input(
        &self,
        machine: &Self::Machine,
        u: &mut Unstructured<'_>,
    ) -> Drawn<InputOf<Self::Machine>>;

    /// The answer that a request awaits: as many as were asked for come, once everything is durable.
    fn asks(&self, request: &<Self::Machine as Machine>::Request) -> Option<Self::Ticket> {
        let _ = request;
        None
    }

    /// The request that a notice answers.
    fn answers(&self, notice: &<Self::Machine as Machine>::Notice) -> Option<Self::Ticket> {
        let _ = notice;
        None
    }

    /// What the application, that has applied up to `applied`, has applied after it was told `notice`.
    ///
    /// # Errors
    /// The promise that was broken: told twice, out of order.
    fn told(&self, notice: &<Self::Machine as Machine>::Notice, applied: u64) -> Result<u64, String> {
        let _ = notice;
        Ok(applied)
    }

    /// Whether what leaves the node keeps its limits.
    ///
    /// # Errors
    /// The promise that was broken.
    fn leaves(&self, output: &OutputOf<Self::Machine>) -> Result<(), String> {
        let _ = output;
        Ok(())
    }

    /// Whether the machine's invariants and the limits of its memory hold; asked after each step.
    ///
    /// # Errors
    /// The promise that was broken.
    fn check(&self, machine: &Self::Machine) -> Result<(), String> {
        let _ = machine;
        Ok(())
    }

    /// Whether what the machine holds is within its limits, in memory and on its disk; asked after each step of one whose
    /// disk is all its own. Somebody else may have written more there.
    ///
    /// # Errors
    /// The promise that was broken.
    fn fits(&self, machine: &Self::Machine) -> Result<(), String> {
        let _ = machine;
        Ok(())
    }

    /// What kind of a notice it is: tallied, so that runs can be seen to come to something.
    fn kind(&self, notice: &<Self::Machine as Machine>::Notice) -> &'static str {
        let _ = notice;
        "notice"
    }

    /// What the machine is after a step (its role): tallied.
    fn role(&self, machine: &Self::Machine) -> &'static str {
        let _ = machine;
        "machine"
    }
}

/// What a former life leaves on a disk: whichever of its records became durable, and what its application has applied by
/// then. Often nothing.
///
/// # Errors
/// None that more bytes would not mend.
pub fn former<S: Subject>(subject: &S, u: &mut Unstructured<'_>) -> Drawn<(DiskOf<S>, u64)> {
    let (mut disk, mut applied) = (Image::default(), 0);
    if u.arbitrary()? {
        return Ok((disk, applied));
    }
    let mut records = u.int_in_range(1..=FORMER_RECORDS_MAX)?;
    let mut machine = subject.recover(&disk, applied).map_err(|_| arbitrary::Error::IncorrectFormat)?;
    let mut next = Input::Start;
    for _ in 0..FORMER_STEPS_MAX {
        let mut cx = Recorder::new(Time::ZERO, &[]);
        machine.step(next, &mut cx);
        for effect in cx.effects {
            match effect {
                Effect::Persist(_) if records == 0 => return Ok((disk, applied)),
                Effect::Persist(record) => {
                    records -= 1;
                    disk.apply(record).map_err(|_| arbitrary::Error::IncorrectFormat)?;
                }
                Effect::Notify { notice, .. } => applied = subject.told(&notice, applied).unwrap_or(applied),
                _ => {}
            }
        }
        next = subject.arbitrary_input(&machine, u)?;
    }
    Ok((disk, applied))
}

/// Any machine that recovers, with a configuration and inputs out of bytes: nothing is known of it but the contract.
#[derive(Clone, Debug)]
pub struct Plain<Mc: Machine> {
    config: Mc::Config,
}

impl<Mc> Subject for Plain<Mc>
where
    Mc: Recover
        + Machine<Config: Clone, Message: Value, Timer: Value, Request: Value, Cell: Value, Entry: Value>,
    Mc::Config: for<'a> Arbitrary<'a>,
    Input<Mc::Message, Mc::Timer, Mc::Request, Mc::Entry>: for<'a> Arbitrary<'a>,
{
    type Machine = Mc;
    type Ticket = ();

    fn arbitrary(u: &mut Unstructured<'_>) -> Drawn<Self> {
        Ok(Self { config: u.arbitrary()? })
    }

    fn recover(&self, disk: &DiskOf<Self>, applied: u64) -> Result<Mc, Corrupt> {
        Mc::recover(self.config.clone(), disk, applied)
    }

    fn agrees(&self, machine: &Mc, disk: &DiskOf<Self>) -> Result<(), &'static str> {
        machine.agrees_with(disk)
    }

    fn arbitrary_input(&self, _: &Mc, u: &mut Unstructured<'_>) -> Drawn<InputOf<Mc>> {
        u.arbitrary()
    }
}
