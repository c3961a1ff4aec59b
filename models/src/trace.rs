//! Traces: sequences of actions, replayed, minimised, made readable, and kept as files.
//!
//! | file | concern |
//! |---|---|
//! | `file.rs` | a trace as lines of JSON: all that it takes to replay a run |
//! | `fault.rs` | what may be wrong with such a file, and what to do about it |
//! | `minimise.rs` | what can be left out |
//! | `gather.rs` | what counts as one event |
//! | `replay.rs` | from the text of a file to what comes of it, whatever the machine inside |
//! | `render.rs` | actions and worlds in words |

mod fault;
mod file;
mod gather;
mod minimise;
mod render;
mod replay;

use quorate::id::{Permutation, Permute};

pub(crate) use gather::{events, is_one, moved, nearer};
pub(crate) use render::cut;

pub use fault::{BadTrace, Fault};
pub use file::{
    Header, LINE_BYTES_MAX, LINES_MAX, Recorded, RecordedOf, SeenBy, SimulatedFall, VERSION, Where, read,
};
pub use replay::{Cycle, Fall, Minimised, Replayed, Replays, regress, rules_of};

use crate::spec::Spec;
use crate::symmetry::{Renaming, composed, inverse};
use crate::world::{Action, ActionOf, Move, Refused, Rules, World};

/// Actions from one of the initial worlds on; every node keeps its name throughout.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "read, written and edited by whoever has a trace")]
pub struct Trace<A> {
    /// Which of the initial worlds it begins in.
    pub origin: usize,
    /// What happens.
    pub actions: Vec<A>,
}

/// The traces of a protocol.
pub type TraceOf<S> = Trace<ActionOf<S>>;

impl<S: Spec> Rules<S> {
    /// Turns a path of representatives, where each move uses the names of the world before it, into a trace
    /// in which nodes keep the names of the first world.
    ///
    /// # Errors
    /// [`Refused`], if the path is none.
    pub fn unwind(&self, origin: usize, path: &[Move<S>]) -> Result<TraceOf<S>, Refused> {
        let mut world = self.initial().into_iter().nth(origin).ok_or(Refused::Impossible)?;
        // How the nodes of the first world are called in `world`.
        let mut names: Renaming = (0..=u8::MAX).take(world.nodes().len()).collect();
        let mut actions = Vec::with_capacity(path.len());
        for Move { lost, action, times, .. } in path {
            let back = inverse(&names);
            let repeated = std::iter::repeat_n(action, *times).cloned();
            for action in lost.iter().cloned().map(Action::Drop).chain(repeated) {
                world = self.apply_named(&world, &action)?;
                let mut original = action;
                original.permute(&Permutation::new(&back));
                actions.push(original);
            }
            let (next, renaming) = self.canonical_with(world);
            if let Some(renaming) = renaming {
                names = composed(&names, &renaming);
            }
            world = next;
        }
        Ok(Trace { origin, actions })
    }

    /// Replays a trace and calls `visit` with the world before each action, the action, and the world after.
    /// Returns the last world.
    ///
    /// # Errors
    /// The first action that is refused, by its place, and why.
    pub fn replay(
        &self,
        trace: &TraceOf<S>,
        mut visit: impl FnMut(&World<S>, &ActionOf<S>, &World<S>),
    ) -> Result<World<S>, (usize, Refused)> {
        let origin = self.initial().into_iter().nth(trace.origin);
        let mut world = origin.ok_or((0, Refused::Impossible))?;
        for (at, action) in trace.actions.iter().enumerate() {
            let next = self.apply_named(&world, action).map_err(|refused| (at, refused))?;
            visit(&world, action, &next);
            world = next;
        }
        Ok(world)
    }

    /// Whether `world` violates the property of that name.
    #[must_use]
    pub fn falls(&self, name: &str, world: &World<S>) -> bool {
        world.broken() == Some(name)
            || self
                .properties()
                .iter()
                .any(|property| property.name == name && self.violates(property, world))
    }
}
