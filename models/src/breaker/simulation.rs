//! The breaker in long runs: real times, a clock that drifts and is set, callers in good times and in bad.

use std::time::Duration;

use quorate::id::{NodeId, RequestId};
use quorate::machine::Never;
use quorate::resilience::breaker::{Config, Notice, Outcome, Ratio, Request, State};
use quorate::time::Delay;
use serde::{Deserialize, Serialize};

use super::BreakerSpec;
use crate::simulate::{Atlas, Dice, Seeds, Simulated, Simulation};
use crate::world::World;

/// How long times are good, and then bad, in paces.
const MOOD_PACES: u128 = 16;

/// The breaker in long runs.
#[must_use]
pub fn simulation() -> Box<dyn Simulation> {
    Box::new(Seeds::<BreakerSpec>::of("breaker"))
}

/// What a breaker is made from again.
#[derive(Serialize, Deserialize)]
struct Parameters {
    config: Config,
    callers: usize,
}

impl Simulated for BreakerSpec {
    fn sampled(dice: &mut Dice) -> Self {
        let number = |of: u64| u32::try_from(of).unwrap_or(1);
        let share = |dice: &mut Dice| {
            let shares = [(1, 10), (1, 4), (1, 2), (2, 3), (1, 1)];
            let (numerator, denominator) = dice.pick(&shares).copied().unwrap_or((1, 2));
            Ratio::new(numerator, denominator).unwrap_or(Ratio::HALF)
        };
        let window = dice.magnitude(1, 64);
        let min_calls = dice.between(1, window);
        let max_in_flight = dice.between(1, 8);
        let probes = dice.between(1, 8);
        let (open_ms, stretch) = (dice.magnitude(10, 60_000), dice.between(0, 2));
        let open = Duration::from_millis(open_ms);
        let lease = Duration::from_millis(dice.magnitude(open_ms / 8, open_ms * 4));
        let (threshold, probe_threshold) = (share(dice), share(dice));
        let probes_in_flight = dice.between(1, max_in_flight);
        let callers = usize::try_from(dice.between(1, 10)).unwrap_or(1);
        Self::new()
            .configured(|config| {
                (config.window, config.min_calls) = (number(window), number(min_calls));
                (config.threshold, config.probe_threshold) = (threshold, probe_threshold);
                config.open_for = Delay::between(open, open * number(1 + stretch));
                (config.probes, config.probes_in_flight) = (number(probes), number(probes_in_flight));
                (config.lease, config.max_in_flight) = (lease, number(max_in_flight));
            })
            .called_by(callers)
    }

    fn parameters(&self) -> serde_json::Value {
        let parameters = Parameters { config: *self.config(), callers: self.callers() };
        serde_json::to_value(parameters).unwrap_or_default()
    }

    fn with_parameters(parameters: serde_json::Value) -> Result<Self, serde_json::Error> {
        let Parameters { config, callers } = serde_json::from_value(parameters)?;
        Ok(Self::new().configured(|place| *place = config).called_by(callers))
    }

    fn pace(&self) -> Duration {
        self.config().open_for.min.min(self.config().lease)
    }

    /// It has no peers, and nothing of it survives a crash, tokens included: one that comes back is one that
    /// begins. It is called, not sent to, so that nothing waits for it while its process is paused: that is a clock
    /// which jumps. Its clock may do what it likes.
    fn atlas(&self) -> Atlas {
        Atlas { down_max: 0, paused_max: 0, network: false, clock_back: true }
    }

    /// Somebody idle calls, or somebody who called comes back, mostly with what the times bring; now and then a token
    /// is ended again, or one that was never given out.
    fn request(&self, world: &World<Self>, serial: u64, dice: &mut Dice) -> Option<(NodeId, Request)> {
        let (id, history) = (NodeId(0), world.history());
        let node = world.node(id)?;
        let pace = self.pace().as_nanos().max(1);
        let bad = u128::from(node.now.0) / (pace * MOOD_PACES) % 2 == 1;
        let outcome = match dice.below(20) {
            0 => Outcome::Ignored,
            1 => Outcome::Cancelled,
            _ if dice.per_mille(if bad { 800 } else { 30 }) => Outcome::Failed,
            _ => Outcome::Succeeded,
        };
        let token = match dice.below(40) {
            0 => history.spent.clone(),
            1 => node.machine.clone().acquire(node.now, |_| 0).ok(),
            _ if history.calls.len() < self.callers() && dice.per_mille(500) => None,
            _ => dice.pick(&history.calls).map(|call| call.token.clone()),
        };
        let request = match token {
            Some(token) => Request::Finish { token, outcome },
            None => Request::Acquire { id: RequestId(serial) },
        };
        Some((id, request))
    }

    /// The end of a token that nobody holds is the end of one that somebody does.
    fn request_like(&self, world: &World<Self>, request: &Request) -> Request {
        let history = world.history();
        match request {
            Request::Finish { token, outcome } if !history.calls.iter().any(|call| call.token == *token) => {
                let held = history.calls.iter().rev().max_by_key(|call| call.since.is_some());
                let token = held.map_or(token, |call| &call.token).clone();
                Request::Finish { token, outcome: *outcome }
            }
            _ => request.clone(),
        }
    }

    fn asked(&self, request: &Request) -> Option<u64> {
        match request {
            Request::Acquire { id } => Some(id.0),
            Request::Finish { .. } => None,
        }
    }

    fn answered(&self, notice: &Notice) -> Option<u64> {
        match notice {
            Notice::Admitted { id, .. } | Notice::Rejected { id, .. } => Some(id.0),
            _ => None,
        }
    }

    fn delay(&self, timer: Never) -> Delay {
        match timer {}
    }

    /// Times are good: who called comes back with a success, and then somebody calls.
    fn probe(&self, world: &World<Self>, serial: u64) -> Option<(NodeId, Request)> {
        let request = match world.history().calls.first() {
            Some(call) => Request::Finish { token: call.token.clone(), outcome: Outcome::Succeeded },
            None => Request::Acquire { id: RequestId(serial) },
        };
        Some((NodeId(0), request))
    }

    /// Calls pass, and nobody is missing.
    fn settled(&self, world: &World<Self>) -> bool {
        world.history().calls.is_empty()
            && world.machines().all(|breaker| breaker.state() == State::Closed && breaker.in_flight() == 0)
    }

    /// What was open half-opens, rounds pass, and, where the window was full of failures, it may open once more.
    fn heals_within(&self) -> Duration {
        (self.config().open_for.max + self.config().lease) * 8 + self.pace() * 200
    }
}
