//! Two nodes that run errands for each other, rightly and wrongly: what a simulation is to notice.

use std::collections::BTreeSet;
use std::time::Duration;

use quorate::durable::{Corrupt, Image};
use quorate::id::{NodeId, Permutation, Permute};
use quorate::machine::{Context, Input, InputOf, Machine, Never};
use quorate::time::Delay;
use quorate_models::simulate::{Atlas, Dice, Simulated};
use quorate_models::spec::{Property, RequestOf, Spec};
use quorate_models::world::World;
use serde::{Deserialize, Serialize};

/// Asks again until it is answered.
pub(crate) const RIGHT: u8 = 0;
/// Asks once, though messages may be lost.
pub(crate) const ASKS_ONCE: u8 = 1;
/// Tells its application of every answer that arrives.
pub(crate) const TELLS_TWICE: u8 = 2;
/// Has a bound of its own on errands.
pub(crate) const BOUNDED: u8 = 3;
/// Is never asked for anything.
pub(crate) const IDLE: u8 = 4;

const AGAIN: Delay = Delay::exactly(Duration::from_millis(10));

/// A node with errands out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Runner<const BUG: u8> {
    me: NodeId,
    open: BTreeSet<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Errand {
    Run(u64),
    Done(u64),
}

impl<const BUG: u8> Permute for Runner<BUG> {
    fn permute(&mut self, by: &Permutation<'_>) {
        self.me.permute(by);
    }
}

impl Permute for Errand {
    fn permute(&mut self, _: &Permutation<'_>) {}
}

impl<const BUG: u8> Machine for Runner<BUG> {
    type Config = ();
    type Message = Errand;
    type Timer = u8;
    type Request = u64;
    type Cell = Never;
    type Entry = Never;
    type Notice = u64;

    fn step<C: Context<Self> + ?Sized>(&mut self, input: InputOf<Self>, cx: &mut C) {
        let other = NodeId(1 - self.me.0);
        match input {
            Input::Start => cx.set_timer(0, AGAIN),
            Input::Request(errand) => {
                self.open.insert(errand);
                cx.send(other, Errand::Run(errand));
            }
            Input::Message { from, message: Errand::Run(errand) } => cx.send(from, Errand::Done(errand)),
            Input::Message { message: Errand::Done(errand), .. } => {
                if self.open.remove(&errand) || BUG == TELLS_TWICE {
                    cx.notify(errand);
                }
            }
            Input::Timer(_) => {
                cx.set_timer(0, AGAIN);
                if BUG != ASKS_ONCE {
                    self.open.iter().for_each(|errand| cx.send(other, Errand::Run(*errand)));
                }
            }
            Input::Loaded { .. } => {}
        }
    }
}

#[derive(Clone)]
pub(crate) struct Errands<const BUG: u8>;

impl<const BUG: u8> Spec for Errands<BUG> {
    type Machine = Runner<BUG>;
    type History = ();

    fn nodes(&self) -> usize {
        2
    }

    fn recover(&self, me: NodeId, _: &Image<Never, Never>, _: u64) -> Result<Runner<BUG>, Corrupt> {
        Ok(Runner { me, open: BTreeSet::new() })
    }

    fn agrees(&self, _: &Runner<BUG>, _: &Image<Never, Never>) -> Result<(), &'static str> {
        Ok(())
    }

    fn requests(&self, _: &World<Self>, _: NodeId, _: &mut Vec<RequestOf<Self>>) {}

    fn exceeds(&self, machine: &Runner<BUG>) -> Option<&'static str> {
        (BUG == BOUNDED && machine.open.len() > 2).then_some("errands")
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::sometimes("an errand is out", |world| {
            world.machines().any(|runner| !runner.open.is_empty())
        })]
    }
}

impl<const BUG: u8> Simulated for Errands<BUG> {
    fn sampled(_: &mut Dice) -> Self {
        Self
    }

    fn parameters(&self) -> serde_json::Value {
        serde_json::Value::Null
    }

    fn with_parameters(_: serde_json::Value) -> Result<Self, serde_json::Error> {
        Ok(Self)
    }

    fn pace(&self) -> Duration {
        Duration::from_millis(20)
    }

    fn atlas(&self) -> Atlas {
        Atlas { down_max: 1, paused_max: 1, network: true, clock_back: true }
    }

    fn request(&self, _: &World<Self>, serial: u64, dice: &mut Dice) -> Option<(NodeId, u64)> {
        (BUG != IDLE).then(|| (NodeId(dice.below(2)), serial))
    }

    fn asked(&self, request: &u64) -> Option<u64> {
        Some(*request)
    }

    fn answered(&self, notice: &u64) -> Option<u64> {
        Some(*notice)
    }

    fn delay(&self, _: u8) -> Delay {
        AGAIN
    }

    fn probe(&self, _: &World<Self>, _: u64) -> Option<(NodeId, u64)> {
        None
    }

    fn settled(&self, world: &World<Self>) -> bool {
        world.machines().all(|runner| runner.open.is_empty())
    }

    fn heals_within(&self) -> Duration {
        Duration::from_secs(1)
    }
}
