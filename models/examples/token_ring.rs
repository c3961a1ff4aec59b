//! A machine of one's own, checked: Dijkstra's token ring (Self-stabilizing Systems in Spite of Distributed Control,
//! 1974), with rounds that never end, over a network that loses, repeats and reorders, on disks that outlive crashes.
//! `docs/guide.md` walks through it.
//!
//! ```text
//! cargo run --release -p quorate-models --example token_ring -- check
//! BUG=hasty cargo run --release -p quorate-models --example token_ring -- check --draw ring.svg
//! ```
//!
//! The bug: a station passes the token on before its disk knows.

use std::process::ExitCode;
use std::time::Duration;

use quorate::durable::{Corrupt, Record};
use quorate::id::{CellId, NodeId, Permutation, Permute};
use quorate::machine::{Context, Effect, Input, InputOf, Machine, Never, Release};
use quorate::time::Delay;
use quorate_models::check::{Bounds, Level, Protocol};
use quorate_models::cli::{self, Registry};
use quorate_models::explore::WorldCheck;
use quorate_models::liveness::{LeadsTo, LivenessCheck};
use quorate_models::node::ImageOf;
use quorate_models::simulate::{Atlas, Dice, Seeds, Simulated};
use quorate_models::spec::{Property, Spec};
use quorate_models::world::{Action, ActionOf, Limits, World};
use serde_json::Value as Json;

/// What must hold, and what must happen once the first station has passed the token on.
pub(crate) const ONE_WORKS: &str = "at most one station works";
pub(crate) const COMES_ROUND: &str = "the token comes round, whatever was lost";

const ROUND: CellId = CellId(0);
const EVERY: Duration = Duration::from_millis(50);

/// A station: the round of the token that it last passed on, and of the one it works with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Station {
    me: NodeId,
    next: NodeId,
    passing: Release,
    passed: u64,
    works: Option<u64>,
}

impl Permute for Station {
    fn permute(&mut self, _: &Permutation<'_>) {} // stations of a ring are not interchangeable
}

impl Machine for Station {
    type Config = ();
    type Message = u64;
    type Timer = ();
    type Request = Never;
    type Cell = u64;
    type Entry = Never;
    type Notice = Never;

    fn step<C: Context<Self> + ?Sized>(&mut self, input: InputOf<Self>, cx: &mut C) {
        match input {
            // The first station takes back what it sent around; the others take what they have not had.
            Input::Message { message: round, .. } => match self.me {
                NodeId(0) if round == self.passed => self.works = Some(round.saturating_add(1)),
                NodeId(1..) if round > self.passed => self.works = Some(round),
                _ => {}
            },
            Input::Start | Input::Timer(()) => {
                if let Some(round) = self.works.take() {
                    self.passed = round;
                    cx.persist(Record::Put { cell: ROUND, value: round });
                }
                cx.emit(Effect::Send { to: self.next, message: self.passed, release: self.passing });
                cx.set_timer((), Delay::exactly(EVERY));
            }
            Input::Request(_) | Input::Loaded { .. } => {}
        }
    }
}

/// A ring of three, as far as so many rounds.
#[derive(Clone)]
struct Ring<const HASTY: bool>(u64);

impl<const HASTY: bool> Spec for Ring<HASTY> {
    type Machine = Station;
    type History = ();

    fn nodes(&self) -> usize {
        3
    }

    fn recover(&self, me: NodeId, disk: &ImageOf<Self>, _applied: u64) -> Result<Station, Corrupt> {
        let (next, passed) = (NodeId((me.0 + 1) % 3), disk.get(ROUND).copied().unwrap_or(0));
        let passing = if HASTY { Release::Free } else { Release::Held };
        Ok(Station { me, next, passing, passed, works: None })
    }

    fn agrees(&self, station: &Station, disk: &ImageOf<Self>) -> Result<(), &'static str> {
        (disk.get(ROUND).copied().unwrap_or(0) == station.passed).then_some(()).ok_or("the round")
    }

    fn exceeds(&self, station: &Station) -> Option<&'static str> {
        (station.passed > self.0).then_some("rounds")
    }

    fn bounds(&self) -> Bounds {
        Bounds::from([("rounds", Some(self.0))])
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONE_WORKS, |world| world.machines().filter(|s| s.works.is_some()).count() <= 1),
            Property::sometimes("the token comes round", came_round),
        ]
    }

    fn leads_to(&self) -> Vec<LeadsTo<Self>> {
        let from = |world: &World<Self>| world.machines().any(|station| station.passed > 0);
        let tail = |action: &ActionOf<Self>| !matches!(action, Action::Crash(..));
        vec![LeadsTo { name: COMES_ROUND, from, to: came_round, tail }]
    }

    fn summary(&self, station: &Station) -> String {
        station.works.map_or("idle".to_owned(), |round| format!("works, round {round}"))
    }
}

fn came_round<const HASTY: bool>(world: &World<Ring<HASTY>>) -> bool {
    world.machines().all(|station| station.passed > 0)
}

/// The ring in long runs, with no bound on its rounds.
impl<const HASTY: bool> Simulated for Ring<HASTY> {
    fn sampled(_: &mut Dice) -> Self {
        Self(u64::MAX)
    }

    fn parameters(&self) -> Json {
        Json::Null // nothing was drawn
    }

    fn with_parameters(_: Json) -> Result<Self, serde_json::Error> {
        Ok(Self(u64::MAX))
    }

    fn pace(&self) -> Duration {
        EVERY
    }

    fn atlas(&self) -> Atlas {
        Atlas { down_max: 3, paused_max: 3, network: true, clock_back: true }
    }

    fn request(&self, _: &World<Self>, _: u64, _: &mut Dice) -> Option<(NodeId, Never)> {
        None
    }

    fn delay(&self, (): ()) -> Delay {
        Delay::exactly(EVERY)
    }

    fn probe(&self, _: &World<Self>, _: u64) -> Option<(NodeId, Never)> {
        None
    }

    /// Somebody has the token.
    fn settled(&self, world: &World<Self>) -> bool {
        world.machines().any(|station| station.works.is_some())
    }

    fn heals_within(&self) -> Duration {
        EVERY * 10
    }
}

/// The ring in two worlds and in long runs, and a command line over them.
pub(crate) fn registry<const HASTY: bool>() -> Registry {
    let ring = |level| {
        let rounds = match level {
            Level::Quick => 2,
            Level::Standard => 3,
            Level::Deep => 4,
        };
        let (in_flight, duplicates, crashes) = (Some(3), Some(1), Some(2));
        (Ring::<HASTY>(rounds), Limits { in_flight, duplicates, crashes, ..Limits::default() })
    };
    Registry::new(
        "cargo run --release -p quorate-models --example token_ring --",
        vec![Protocol {
            name: "token-ring",
            source: "Dijkstra, Self-stabilizing Systems in Spite of Distributed Control, 1974",
            checks: vec![
                Box::new(WorldCheck::new("token-ring", "ring", "who is heard, and who crashes", ring)),
                Box::new(LivenessCheck::new("token-ring", "comes-round", "what comes of it at last", ring)),
            ],
            simulation: Some(Box::new(Seeds::<Ring<HASTY>>::of("token-ring"))),
        }],
    )
}

fn main() -> ExitCode {
    let is_hasty = std::env::var("BUG").is_ok_and(|bug| bug == "hasty");
    cli::main(&if is_hasty { registry::<true>() } else { registry::<false>() })
}
