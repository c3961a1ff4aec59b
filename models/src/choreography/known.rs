//! What a disk says of a saga, in the plainest words: the machine's own recovery is not asked.

use quorate::durable::Image;
use quorate::id::NodeId;
use quorate::saga::choreography::{Cell, Entry, Event, FLOORS, Facts, LOG, Message, Name, Standing};
use quorate::saga::{SagaId, StepId, StepSet};
use smallvec::SmallVec;

/// What is durable at a participant.
pub(super) type DiskImage = Image<Cell, Entry<()>>;

/// What is durable of a saga at one participant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) done: StepSet,
    pub(super) failed: StepSet,
    pub(super) clean: StepSet,
    pub(super) back: bool,
    pub(super) wish: bool,
    pub(super) noted: bool,
    /// How many attempts of each step came to nothing, the way the saga goes.
    tries: SmallVec<[u16; 8]>,
}

impl Known {
    fn of(standing: &Standing<()>) -> Self {
        let mut known = Self { noted: standing.noted, ..Self::default() };
        known.hear(&standing.facts);
        known.tries = standing.tries.iter().copied().collect();
        known
    }

    fn hear(&mut self, facts: &Facts) {
        self.done = self.done.and(facts.done);
        self.failed = self.failed.and(facts.failed);
        self.clean = self.clean.and(facts.clean);
        self.back |= facts.cause.is_some();
        self.wish |= facts.wish.is_some();
    }

    fn take(&mut self, event: Event) {
        let was_back = self.back;
        let with = |set: &mut StepSet, step| *set = set.and(StepSet::of(step));
        match event {
            Event::Learned(facts) => self.hear(&facts),
            Event::Done(step) => with(&mut self.done, step),
            Event::Clean(step) => with(&mut self.clean, step),
            Event::Refused(step, _) => {
                with(&mut self.failed, step);
                with(&mut self.clean, step);
                self.back = true;
            }
            Event::GivenUp(step, _) => {
                with(&mut self.failed, step);
                self.back = true;
            }
            Event::Wished(_) => self.wish = true,
            Event::Tried(step, tries) => self.set_tries(step, tries),
            Event::Unstuck(step) => self.set_tries(step, 0),
            Event::Noted => self.noted = true,
            _ => {}
        }
        if self.back && !was_back {
            self.tries.iter_mut().for_each(|tries| *tries = 0);
        }
    }

    fn set_tries(&mut self, step: StepId, tries: u16) {
        if let Some(place) = self.tries.get_mut(usize::from(step.0)) {
            *place = tries;
        }
    }

    /// How many attempts of `step` came to nothing.
    pub(super) fn tries(&self, step: StepId) -> u16 {
        self.tries.get(usize::from(step.0)).copied().unwrap_or(0)
    }

    /// Whether all of it is known.
    pub(super) fn includes(&self, facts: &Facts) -> bool {
        self.done.includes(facts.done)
            && self.failed.includes(facts.failed)
            && self.clean.includes(facts.clean)
            && (self.back || facts.cause.is_none())
            && (self.wish || facts.wish.is_none())
    }
}

/// What a disk says of a saga; nothing where it never heard of it, or what it knew is dropped.
pub(super) fn known(disk: &DiskImage, name: Name) -> Option<Known> {
    let mut known: Option<Known> = None;
    for (_, entry) in disk.log(LOG) {
        match entry {
            Entry::Saga { saga, standing } if *saga == name => known = Some(Known::of(standing)),
            Entry::Event { saga, event } if *saga == name => {
                if let Some(known) = &mut known {
                    known.take(*event);
                }
            }
            _ => {}
        }
    }
    known
}

/// The saga of `initiator` below which all are over, as a disk says.
pub(super) fn floor(disk: &DiskImage, initiator: NodeId) -> SagaId {
    let Some(Cell::Floors(floors)) = disk.get(FLOORS) else { return SagaId(0) };
    floors.iter().find(|(node, _)| *node == initiator).map_or(SagaId(0), |(_, floor)| *floor)
}

/// Whether all that a message says its sender knows is on its disk.
pub(super) fn is_durable(disk: &DiskImage, message: &Message<()>) -> bool {
    let of = |name: &Name, facts: &Facts| {
        name.saga < floor(disk, name.initiator)
            || known(disk, *name).is_some_and(|known| known.includes(facts))
    };
    match message {
        Message::Event { saga, floor: said, facts, .. } => {
            *said <= floor(disk, saga.initiator) && of(saga, facts)
        }
        Message::Ack { saga, facts } => of(saga, facts),
        Message::Over { initiator, floor: said } => *said <= floor(disk, *initiator),
    }
}
