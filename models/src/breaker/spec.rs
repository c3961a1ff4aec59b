//! The breaker in a world: its callers, its clock, its canonical form.

use std::time::Duration;

use quorate::durable::{Corrupt, Image};
use quorate::id::{NodeId, RequestId};
use quorate::machine::Never;
use quorate::resilience::breaker::{Breaker, Config, Notice, Outcome, Request, State, Token};
use quorate::time::{Delay, Time};

use super::history::Call;
use super::{History, coverage, liveness, properties};
use crate::check::Bounds;
use crate::coverage::Vocabulary;
use crate::liveness::{Fairness, LeadsTo};
use crate::node::Node;
use crate::spec::{Band, Event, Property, Seen, Spec};
use crate::world::{ActionOf, World};

/// Every way in which a call ends.
const OUTCOMES: [Outcome; 4] = [Outcome::Succeeded, Outcome::Failed, Outcome::Ignored, Outcome::Cancelled];

/// A breaker with a configuration and callers.
#[derive(Clone, Debug)]
pub struct BreakerSpec {
    config: Config,
    callers: usize,
}

impl BreakerSpec {
    /// A window of 3 that opens at half of 2 or more, for 1 or 2 ns; rounds of 2 probes, one at a time, that any
    /// failure ends; leases of 2 ns; 3 calls at once, of 4 callers.
    #[must_use]
    pub fn new() -> Self {
        let mut config = Config::default();
        (config.window, config.min_calls) = (3, 2);
        config.open_for = Delay::between(nanos(1), nanos(2));
        (config.probes, config.probes_in_flight) = (2, 1);
        config.lease = nanos(2);
        config.max_in_flight = 3;
        Self { config, callers: 4 }
    }

    /// With another configuration.
    #[must_use]
    pub fn configured(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// With so many callers.
    #[must_use]
    pub const fn called_by(mut self, callers: usize) -> Self {
        self.callers = callers;
        self
    }

    /// How many callers there are.
    #[must_use]
    pub const fn callers(&self) -> usize {
        self.callers
    }

    /// The configuration.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The longest that the breaker stays open.
    pub(super) fn longest_wait(config: &Config) -> Duration {
        config.open_for.max.max(config.open_for.min)
    }
}

impl Default for BreakerSpec {
    fn default() -> Self {
        Self::new()
    }
}

impl Spec for BreakerSpec {
    type Machine = Breaker;
    type History = History;

    fn nodes(&self) -> usize {
        1
    }

    fn recover(&self, _: NodeId, _: &Image<Never, Never>, _: u64) -> Result<Breaker, Corrupt> {
        Breaker::new(self.config).map_err(|_| Corrupt::Config("no breaker can work by it"))
    }

    fn agrees(&self, _: &Breaker, _: &Image<Never, Never>) -> Result<(), &'static str> {
        Ok(())
    }

    /// A call by one of the idle callers; every end of every token that is held; a second end; and a token that
    /// was never given out, since only a breaker that went on from here without this one could know it.
    fn requests(&self, world: &World<Self>, node: NodeId, requests: &mut Vec<Request>) {
        let Some(node) = world.node(node) else { return };
        let history = world.history();
        if history.calls.len() < self.callers {
            requests.push(Request::Acquire { id: RequestId(0) });
        }
        let mut finish = |token: &Token, outcomes: &[Outcome]| {
            let ends = outcomes.iter().map(|&outcome| Request::Finish { token: token.clone(), outcome });
            requests.extend(ends);
        };
        let mut before: Option<&Call> = None;
        for call in &history.calls {
            if before != Some(call) {
                finish(&call.token, &OUTCOMES);
            }
            before = Some(call);
        }
        if let Some(spent) = &history.spent {
            finish(spent, &[Outcome::Succeeded, Outcome::Failed]);
        }
        if let Ok(unknown) = node.machine.clone().acquire(node.now, |_| 0) {
            finish(&unknown, &[Outcome::Failed]);
        }
    }

    fn bounds(&self) -> Bounds {
        let of = |number: u32| Some(u64::from(number));
        Bounds::from([
            ("callers", Some(self.callers as u64)),
            ("window", of(self.config.window)),
            ("probes", of(self.config.probes)),
            ("probes_in_flight", of(self.config.probes_in_flight)),
            ("max_in_flight", of(self.config.max_in_flight)),
        ])
    }

    fn observe(&self, seen: &Seen<'_, Self>, history: &mut History) -> Result<(), &'static str> {
        properties::observe(self, seen, history)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all(self, self.callers)
    }

    fn leads_to(&self) -> Vec<LeadsTo<Self>> {
        liveness::all()
    }

    fn fairness(&self, action: &ActionOf<Self>) -> Fairness {
        liveness::fairness(action)
    }

    fn symmetric(&self) -> bool {
        false
    }

    fn sees_faults(&self) -> bool {
        false
    }

    fn chooses(&self) -> bool {
        self.config.open_for.max > self.config.open_for.min
    }

    fn ticks(&self) -> &[i64] {
        &[1, -1]
    }

    fn relative(&self, _: NodeId, node: &Node<Self>, history: &History) -> Option<(Node<Self>, History)> {
        let (mut node, mut history) = (node.clone(), history.clone());
        let mut tokens: Vec<Token> = history.calls.iter().map(|call| call.token.clone()).collect();
        tokens.extend(history.spent.take());
        node.machine = node.machine.canonical_among(history.read, &mut tokens);
        let mut tokens = tokens.into_iter();
        for call in &mut history.calls {
            if let Some(token) = tokens.next() {
                call.token = token;
            }
        }
        history.spent = tokens.next();
        history.calls.sort_unstable_by(|one, other| one.token.cmp(&other.token));
        node.now = self.distant(node.now, history.read);
        history.count_time(history.read, Breaker::CANONICAL_NOW);
        Some((node, history))
    }

    fn band(&self, machine: &Breaker) -> Option<Band> {
        let (label, hue) = match machine.state() {
            State::Closed => ("closed", 145),
            State::Open => ("open", 5),
            State::HalfOpen => ("half-open", 45),
        };
        Some(Band { label: label.to_owned(), hue })
    }

    fn vocabulary(&self) -> Vocabulary {
        coverage::VOCABULARY
    }

    fn phase(&self, machine: &Breaker) -> &'static str {
        coverage::phase(machine)
    }

    fn input(&self, before: &Breaker, event: &Event<'_, Self>) -> &'static str {
        coverage::input(before, event)
    }

    fn outcome(&self, notice: &Notice) -> Option<&'static str> {
        coverage::outcome(notice)
    }

    fn summary(&self, machine: &Breaker) -> String {
        let (failures, calls) = (machine.failures(), machine.calls());
        let state = match machine.state() {
            State::Closed => format!("closed, {failures} of {calls} failed"),
            State::Open => "open".to_owned(),
            State::HalfOpen => format!("half-open, {failures} of {calls} failed"),
        };
        format!("{state}, {} in flight", machine.in_flight())
    }
}

impl BreakerSpec {
    /// `now` as it is when `read` is the canonical present: as far from it as makes a difference.
    fn distant(&self, now: Time, read: Time) -> Time {
        let (lease, wait) = (self.config.lease, Self::longest_wait(&self.config));
        let ahead = now.since(read).min(lease.saturating_add(wait));
        let behind = read.since(now).min(lease.max(wait));
        let behind = u64::try_from(behind.as_nanos()).unwrap_or(u64::MAX);
        Time(Breaker::CANONICAL_NOW.after(ahead).0.saturating_sub(behind))
    }
}

/// So many nanoseconds.
pub(super) const fn nanos(nanos: u64) -> Duration {
    Duration::from_nanos(nanos)
}
