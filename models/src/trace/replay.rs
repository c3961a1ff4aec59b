//! From the text of a file to what comes of it, whatever the machine inside.

use std::collections::BTreeSet;

use quorate::time::Time;

use super::{BadTrace, Fault, Header, RecordedOf, SeenBy, Where, read};
use crate::check::{Kind, Protocol};
use crate::draw::{Drawing, scene};
use crate::liveness::NoLasso;
use crate::simulate::NOTHING_WITHHELD;
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
    /// How many events they are ([`Trace::events`](super::Trace::events)).
    pub events: usize,
    /// When each of them happened, in virtual time, as far as the file says.
    pub times: Vec<Option<Time>>,
    /// The properties that fell, in the order in which they did.
    pub falls: Vec<Fall>,
    /// The action that cannot happen, after which nothing was replayed.
    pub refused: Option<BadTrace>,
    /// How many actions there are after one in which a property fell for good, so that no world goes on from there.
    pub left_over: usize,
    /// The cycle, where the run goes round for ever and every action happened.
    pub cycle: Option<Cycle>,
    /// The last world, readable.
    pub state: String,
    /// 64 bits of the last world.
    pub fingerprint: u64,
}

/// A run that goes round for ever, as a replay saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a plain record")]
pub struct Cycle {
    /// After how many actions it begins.
    pub from: usize,
    /// Why it breaks no claim; nothing if it does, which is among the falls then.
    pub refuted: Option<NoLasso>,
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
    /// How many events they are ([`Trace::events`](super::Trace::events)).
    pub events: usize,
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
        let whole = refused.is_none() && left_over == 0;
        let cycle = recorded.header.cycle_from.filter(|_| whole);
        let cycle = cycle.map(|from| Cycle { from, refuted: self.refuted(&recorded, from).err() });
        let named = recorded.header.property.as_ref();
        if let (Some(Cycle { refuted: None, .. }), Some(name)) = (&cycle, named) {
            falls.found.push(Fall { property: name.clone(), after: actions.len() });
        }
        let simulated = recorded.header.simulated.as_ref().map(|fall| fall.seen_by);
        if simulated == Some(SeenBy::Refusal) && refused.is_some() && steps.len() + 1 == actions.len() {
            falls.found.push(Fall { property: NOTHING_WITHHELD.to_owned(), after: steps.len() });
        }
        let events = super::events(actions.get(..steps.len()).unwrap_or(actions));
        let times = recorded.times.iter().take(steps.len()).copied().collect();
        Ok(Replayed {
            steps,
            events,
            times,
            falls: falls.found,
            refused,
            left_over,
            cycle,
            state: self.picture(&world),
            fingerprint: world.fingerprint(),
        })
    }

    fn minimise_file(&self, text: &str) -> Result<Minimised, BadTrace> {
        let recorded = self.understood(text)?;
        let replayed = self.replay_file(text)?;
        if let Some(why) = replayed.cycle.as_ref().and_then(|cycle| cycle.refuted.clone()) {
            return Err(Fault::NoLasso(why).at(1));
        }
        let named =
            |fall: &&Fall| recorded.header.property.as_ref().is_none_or(|name| *name == fall.property);
        // What is refused at the end does not fall in a world.
        let in_a_world = |fall: &&Fall| fall.property != NOTHING_WITHHELD;
        let Some(fall) = replayed.falls.iter().filter(in_a_world).find(named) else {
            return Err(replayed
                .refused
                .unwrap_or_else(|| Fault::NothingFalls.at(recorded.trace.actions.len() + 1)));
        };
        let (short, is_minimal) = match recorded.header.cycle_from {
            Some(from) => self.minimise_lasso(&recorded, from),
            None => {
                let short = self.minimise_recorded(&recorded, &fall.property);
                let is_minimal = self.is_minimal(&short.trace, &fall.property);
                (short, is_minimal)
            }
        };
        let text = self.write(&short).map_err(|error| Fault::from(error).at(1))?;
        Ok(Minimised {
            text,
            property: fall.property.clone(),
            lengths: (recorded.trace.actions.len(), short.trace.actions.len()),
            events: short.trace.events(),
            is_minimal,
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
        let known: Vec<&str> = match recorded.header.cycle_from {
            // Only a claim falls on a run that never ends.
            Some(_) => self.spec().leads_to().iter().map(|claim| claim.name).collect(),
            None => {
                let always = self.properties().iter().filter(|property| property.kind == Kind::Always);
                always.map(|property| property.name).collect()
            }
        };
        match &recorded.header.property {
            Some(name) if !known.contains(&name.as_str()) => {
                let known = known.into_iter().map(str::to_owned).collect();
                Err(Fault::NoProperty { name: name.clone(), known }.at(1))
            }
            _ => Ok(recorded),
        }
    }

    /// Whether going round from the action `from` on breaks the claim that the header names.
    pub(crate) fn refuted(&self, recorded: &RecordedOf<S>, from: usize) -> Result<(), NoLasso> {
        let name = recorded.header.property.as_deref().unwrap_or_default();
        self.circles(&recorded.trace, from, name)
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
