//! The services' applications, and what was decided: what no node needs to know.

use quorate::commit::participant::{Phase, Refusal};
use quorate::commit::tcc::service::{Notice, Request};
use quorate::commit::{Outcome, TxId};
use quorate::id::{NodeId, Permutation, Permute};

use super::properties::{AGREES, ONCE, RESERVED_ONLY, SUSPENDED};
use super::spec::Work;

/// All activities, in the order in which they were begun.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "read by properties")]
pub struct History {
    /// The activities.
    pub activities: Vec<Activity>,
}

/// One activity.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "read by properties")]
pub struct Activity {
    /// Its number at the coordinator.
    pub number: u64,
    /// What its coordinator said was decided.
    pub decided: Option<Outcome>,
    /// Its parts, by service.
    pub branches: Vec<Branch>,
}

/// A service's part, as its application knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "read by properties")]
pub struct Branch {
    /// What became of the reservation.
    pub held: Held,
    /// Whether it is asked to reserve, and has not answered.
    pub asked: bool,
    /// What it is told to carry out.
    pub told: Told,
    /// Whether the service has said that it is reserved.
    pub reserved: bool,
    /// Whether the service has said that it is over: done, or not reserved.
    pub over: bool,
    /// Whether it lapsed, or an operator gave up, so that something else was done than was decided.
    pub excepted: bool,
    /// Whether the application is told of damage, and nobody has seen to it.
    pub damaged: bool,
    /// Whether the application has asked, in this life, about what it may have reserved.
    pub found: bool,
}

/// What became of a reservation. It outlives crashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "all that there is")]
pub enum Held {
    /// It was never made.
    #[default]
    Nothing,
    /// It may have been made: the application was asked, or had answered, when all crashed.
    Perhaps,
    /// It stands.
    Reserved,
    /// It was made final.
    Confirmed,
    /// It was given back.
    Released,
}

/// What an application is told to carry out, in one life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "all that there is")]
pub enum Told {
    /// Nothing.
    #[default]
    Nothing,
    /// This, and it has not answered.
    ToDo(Outcome),
    /// This, and it has failed.
    Failed(Outcome),
    /// This, and it is done.
    Done(Outcome),
}

impl History {
    /// A service's part in an activity.
    #[must_use]
    pub fn branch(&self, service: NodeId, tx: TxId) -> Option<&Branch> {
        let activity = self.activities.iter().find(|activity| activity.number == tx.number)?;
        activity.branches.get(place(service)?)
    }

    /// All that a service has a part in.
    pub fn branches(&self, service: NodeId) -> impl Iterator<Item = (TxId, &Activity, &Branch)> {
        let at = place(service);
        self.activities.iter().filter_map(move |activity| {
            let branch = activity.branches.get(at?)?;
            Some((TxId { coordinator: NodeId(0), number: activity.number }, activity, branch))
        })
    }

    pub(super) fn branch_mut(&mut self, service: NodeId, tx: TxId) -> Option<&mut Branch> {
        let activity = self.activity_mut(tx)?;
        activity.branches.get_mut(place(service)?)
    }

    pub(super) fn activity_mut(&mut self, tx: TxId) -> Option<&mut Activity> {
        self.activities.iter_mut().find(|activity| activity.number == tx.number)
    }

    /// An application hears what its service tells it.
    pub(super) fn told(&mut self, service: NodeId, notice: &Notice<Work>) -> Result<(), &'static str> {
        match *notice {
            Notice::Try { tx, .. } => self.branch_mut(service, tx).map_or(Ok(()), Branch::asked_to_reserve),
            Notice::Confirm { tx, .. } => {
                let decided = self.activity_mut(tx).and_then(|activity| activity.decided);
                let Some(branch) = self.branch_mut(service, tx) else { return Err(RESERVED_ONLY) };
                branch.told_to(Outcome::Commit, decided, false)
            }
            Notice::Cancel { tx, lapsed, .. } => {
                let decided = self.activity_mut(tx).and_then(|activity| activity.decided);
                let Some(branch) = self.branch_mut(service, tx) else { return Ok(()) };
                branch.told_to(Outcome::Abort, decided, lapsed)
            }
            Notice::Refused { tx, reason: Refusal::NoVoteWanted | Refusal::Over } => {
                if let Some(branch) = self.branch_mut(service, tx) {
                    branch.release();
                }
                Ok(())
            }
            Notice::Damage { tx, .. } => {
                if let Some(branch) = self.branch_mut(service, tx) {
                    branch.damaged = true;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// An application says something to its service.
    pub(super) fn asks(&mut self, service: NodeId, request: &Request, refused: bool) {
        let (Request::Reserved { tx }
        | Request::NotReserved { tx }
        | Request::Done { tx }
        | Request::Failed { tx }
        | Request::Found { tx }
        | Request::Retry { tx }
        | Request::GiveUp { tx }) = *request
        else {
            return;
        };
        let Some(branch) = self.branch_mut(service, tx) else { return };
        match request {
            Request::Reserved { .. } => {
                branch.asked = false;
                branch.held = Held::Reserved;
            }
            Request::NotReserved { .. } => {
                // It has let go; but until the service says so it may be asked once more, as if for the first time.
                branch.asked = false;
                branch.held = Held::Nothing;
            }
            Request::Done { .. } => branch.done(),
            Request::Failed { .. } => {
                if let Told::ToDo(outcome) = branch.told {
                    branch.told = Told::Failed(outcome);
                }
            }
            Request::GiveUp { .. } if !refused => branch.excepted = true,
            Request::Found { .. } => branch.found = true,
            _ => {}
        }
    }

    /// A service crashed, and came back knowing what it does.
    pub(super) fn crashed(&mut self, service: NodeId, knows: impl Fn(TxId) -> Option<Phase>) {
        let Some(at) = place(service) else { return };
        for activity in &mut self.activities {
            let tx = TxId { coordinator: NodeId(0), number: activity.number };
            let Some(branch) = activity.branches.get_mut(at) else { continue };
            let is_known = matches!(knows(tx), Some(Phase::InDoubt { .. } | Phase::Decided(_)));
            branch.held = match branch.held {
                Held::Nothing if branch.asked => Held::Perhaps,
                Held::Reserved if !is_known => Held::Perhaps,
                held => held,
            };
            branch.asked = false;
            branch.told = Told::Nothing;
            (branch.damaged, branch.found) = (false, false);
        }
    }
}

impl Branch {
    /// Asked once in a life, and never once it is over.
    fn asked_to_reserve(&mut self) -> Result<(), &'static str> {
        if self.over || matches!(self.held, Held::Confirmed | Held::Released) {
            return Err(SUSPENDED);
        }
        if self.asked || self.held == Held::Reserved {
            return Err(ONCE);
        }
        self.asked = true;
        Ok(())
    }

    fn told_to(
        &mut self,
        outcome: Outcome,
        decided: Option<Outcome>,
        lapsed: bool,
    ) -> Result<(), &'static str> {
        if matches!(self.told, Told::ToDo(_) | Told::Done(_)) {
            return Err(ONCE);
        }
        match (outcome, self.held) {
            (Outcome::Commit, Held::Reserved | Held::Confirmed) => {}
            (Outcome::Commit, Held::Nothing | Held::Perhaps | Held::Released) => return Err(RESERVED_ONLY),
            (Outcome::Abort, Held::Confirmed) => return Err(AGREES),
            (Outcome::Abort, _) => {}
        }
        // A service cancels alone only what it has not said to be reserved, or what lapses.
        self.excepted |= lapsed;
        if !self.excepted && decided != Some(outcome) && (self.reserved || outcome == Outcome::Commit) {
            return Err(AGREES);
        }
        self.asked = false;
        self.told = Told::ToDo(outcome);
        Ok(())
    }

    /// Carried out by the application, or by hand. Damage is seen to as well.
    fn done(&mut self) {
        self.damaged = false;
        let (Told::ToDo(outcome) | Told::Failed(outcome)) = self.told else { return };
        self.told = Told::Done(outcome);
        match outcome {
            Outcome::Commit => self.held = Held::Confirmed,
            Outcome::Abort => self.release(),
        }
    }

    fn release(&mut self) {
        self.held = match self.held {
            Held::Perhaps | Held::Reserved => Held::Released,
            held => held,
        };
    }
}

/// The place of a service among them.
fn place(service: NodeId) -> Option<usize> {
    usize::try_from(service.0.checked_sub(1)?).ok()
}

impl Permute for History {
    fn permute(&mut self, _: &Permutation<'_>) {} // nodes are not interchangeable: one coordinates
}
