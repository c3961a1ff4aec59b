//! From the text of a file to what comes of it, whatever the machine inside.

use std::collections::BTreeSet;

use super::{BadTrace, Fault, Header, RecordedOf, Where, read};
use crate::check::{Kind, Protocol};
use crate::draw::{Drawing, scene};
use crate::spec::Spec;
use crate::world::{Refused, Rules, World};

/// A property that falls in a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a plain record")]
pub struct Fall {
    /// Its name.
    pub property: String,
    /// After how many actions it falls first.
    pub after: usize,
}

/// What came of a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a plain record")]
pub struct Replayed {
    /// The actions that happened, readable.
    pub steps: Vec<String>,
    /// The properties that fell, in the order in which they did.
    pub falls: Vec<Fall>,
    /// The action that cannot happen, after which nothing was replayed.
    pub refused: Option<BadTrace>,
    /// How many actions there are after one in which a property fell for good, so that no world goes on from there.
    pub left_over: usize,
    /// The last world, readable.
    pub state: String,
    /// 64 bits of the last world.
    pub fingerprint: u64,
}

/// A trace of which no action can be left out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a plain record")]
pub struct Minimised {
    /// The trace as a file.
    pub text: String,
    /// The property that falls at its end.
    pub property: String,
    /// How many actions there were, and how many there are.
    pub lengths: (usize, usize),
    /// Whether every action that is left was tried alone. It was not where there was too much to try.
    pub is_minimal: bool,
}

/// Rules that trace files can be replayed under, whatever the machine inside.
pub trait Replays: Send + Sync {
    /// Carries out what a trace file says, and evaluates every property after each action.
    ///
    /// # Errors
    /// What is wrong with the file. An action that cannot happen is no error but [`Replayed::refused`].
    fn replay_file(&self, text: &str) -> Result<Replayed, BadTrace>;

    /// Leaves out of a trace file what it does not take for its property to fall: the one that it names, or else
    /// the first that does.
    ///
    /// # Errors
    /// What is wrong with the file; that an action cannot happen; that nothing falls.
    fn minimise_file(&self, text: &str) -> Result<Minimised, BadTrace>;

    /// What happens in a trace file, to be drawn.
    ///
    /// # Errors
    /// What is wrong with the file; that an action cannot happen; that there is too much to draw.
    fn drawing(&self, text: &str) -> Result<Drawing, BadTrace>;
}

impl<S: Spec> Replays for Rules<S> {
    fn replay_file(&self, text: &str) -> Result<Replayed, BadTrace> {
        let recorded = self.understood(text)?;
        let mut world = self.begun(&recorded)?;
        let actions = &recorded.trace.actions;
        let mut steps = Vec::with_capacity(actions.len());
        let mut falls = Falls::default();
        let (mut refused, mut left_over) = (None, 0);
        falls.note(self, &world, 0);
        for (at, action) in actions.iter().enumerate() {
            if world.broken().is_some() {
                left_over = actions.len() - at;
                break;
            }
            match self.apply_named(&world, action) {
                Ok(next) => {
                    steps.push(self.describe(&world, action, &next));
                    falls.note(self, &next, at + 1);
                    world = next;
                }
                Err(why) => {
                    refused = Some(self.refusal(&world, &recorded, at, why));
                    break;
                }
            }
        }
        Ok(Replayed {
            steps,
            falls: falls.found,
            refused,
            left_over,
            state: self.picture(&world),
            fingerprint: world.fingerprint(),
        })
    }

    fn minimise_file(&self, text: &str) -> Result<Minimised, BadTrace> {
        let recorded = self.understood(text)?;
        let replayed = self.replay_file(text)?;
        let named =
            |fall: &&Fall| recorded.header.property.as_ref().is_none_or(|name| *name == fall.property);
        let Some(fall) = replayed.falls.iter().find(named) else {
            return Err(replayed
                .refused
                .unwrap_or_else(|| Fault::NothingFalls.at(recorded.trace.actions.len() + 1)));
        };
        let short = self.minimise_recorded(&recorded, &fall.property);
        let text = self.write(&short).map_err(|error| Fault::from(error).at(1))?;
        Ok(Minimised {
            text,
            property: fall.property.clone(),
            lengths: (recorded.trace.actions.len(), short.trace.actions.len()),
            is_minimal: self.is_minimal(&short.trace, &fall.property),
        })
    }

    fn drawing(&self, text: &str) -> Result<Drawing, BadTrace> {
        let recorded = self.understood(text)?;
        self.begun(&recorded)?;
        scene::drawing(self, &recorded)
    }
}

impl<S: Spec> Rules<S> {
    /// A trace file of these rules.
    fn understood(&self, text: &str) -> Result<RecordedOf<S>, BadTrace> {
        let recorded: RecordedOf<S> = read(text)?;
        let known = || self.properties().iter().filter(|property| property.kind == Kind::Always);
        match &recorded.header.property {
            Some(name) if known().all(|property| property.name != name) => {
                let known = known().map(|property| property.name.to_owned()).collect();
                Err(Fault::NoProperty { name: name.clone(), known }.at(1))
            }
            _ => Ok(recorded),
        }
    }

    /// The world that a trace begins in.
    fn begun(&self, recorded: &RecordedOf<S>) -> Result<World<S>, BadTrace> {
        let (origin, worlds) = (recorded.trace.origin, self.initial());
        let origins = worlds.len();
        worlds.into_iter().nth(origin).ok_or_else(|| Fault::NoOrigin { origin, origins }.at(1))
    }

    /// What is wrong with the action at this place of a trace, which was refused in `world`.
    pub(crate) fn refusal(
        &self,
        world: &World<S>,
        recorded: &RecordedOf<S>,
        at: usize,
        why: Refused,
    ) -> BadTrace {
        let said = recorded
            .trace
            .actions
            .get(at)
            .map(|action| (self.name(world, action), self.why(world, action, why)));
        let (action, why) = said.unwrap_or_default();
        // The header is line 1.
        Fault::Refused { action, why }.at(at + 2)
    }
}

/// Which properties fell first when.
#[derive(Default)]
struct Falls {
    known: BTreeSet<&'static str>,
    found: Vec<Fall>,
}

impl Falls {
    fn note<S: Spec>(&mut self, rules: &Rules<S>, world: &World<S>, after: usize) {
        let falling = rules.properties().iter().filter(|property| rules.violates(property, world));
        // An observer may name a property that nobody listed.
        for name in falling.map(|property| property.name).chain(world.broken()) {
            if self.known.insert(name) {
                self.found.push(Fall { property: name.to_owned(), after });
            }
        }
    }
}

/// The rules that a trace file is to be replayed under, among those of `protocols`, and its header.
///
/// # Errors
/// What is wrong with the header, or that there is no such protocol or world.
pub fn rules_of<'a>(
    protocols: impl IntoIterator<Item = &'a Protocol> + Clone,
    text: &str,
) -> Result<(Header, Box<dyn Replays>), BadTrace> {
    let header = Header::read(text)?;
    let found = protocols.clone().into_iter().find(|protocol| protocol.name == header.protocol);
    let Some(protocol) = found else {
        let known = protocols.into_iter().map(|protocol| protocol.name.to_owned()).collect();
        return Err(Fault::NoProtocol { name: header.protocol, known }.at(1));
    };
    let rules = rules_in(protocol, &header.world).map_err(|fault| fault.at(1))?;
    Ok((header, rules))
}

fn rules_in(protocol: &Protocol, world: &Where) -> Result<Box<dyn Replays>, Fault> {
    let name = world.name().to_owned();
    let (bounds, limits) = match world {
        Where::Check { bounds, limits, .. } => (bounds, limits),
        Where::Simulation { parameters, .. } => {
            let simulation = protocol.simulation.as_ref().ok_or(Fault::NotReplayable(name))?;
            return Ok(simulation.replays(parameters.clone())?);
        }
    };
    let Some(check) = protocol.checks.iter().find(|check| check.name() == name) else {
        let known = protocol.checks.iter().map(|check| check.name().to_owned()).collect();
        return Err(Fault::NoWorld { name, known });
    };
    check.replays(*bounds, limits).ok_or(Fault::NotReplayable(name))
}

/// Whether what a trace file once led to is mended: how many of its actions happen, without any property falling.
/// All of them, or those before one that the machine, as it is now, no longer leads to. For regression tests.
///
/// # Errors
/// What is wrong with the file, or what falls and when.
pub fn regress(protocol: &Protocol, text: &str) -> Result<usize, String> {
    let (_, rules) = rules_of([protocol], text).map_err(|bad| bad.to_string())?;
    let replayed = rules.replay_file(text).map_err(|bad| bad.to_string())?;
    match replayed.falls.first() {
        Some(fall) => Err(format!(
            "\"{}\" falls after {} actions:\n  {}\n{}",
            fall.property,
            fall.after,
            replayed.steps.join("\n  "),
            replayed.state
        )),
        None => Ok(replayed.steps.len()),
    }
}
