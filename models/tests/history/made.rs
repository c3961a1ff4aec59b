//! Histories made by a seed: of objects that behave, and of objects that do not quite.

use quorate_models::history::{Client, Event, EventKind, HistoryOf, Key, Sequential};

/// Random numbers: Steele, Lea and Flood 2014 (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Whether it happens, once in `times`.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// How a history is made.
#[derive(Clone, Copy)]
pub struct Shape {
    pub clients: u64,
    pub keys: u64,
    pub calls: usize,
    /// How many calls in a thousand have an unknown outcome.
    pub unknown: u64,
    /// The first of the calls that are acknowledged and have no effect, if any are.
    pub lost: Option<usize>,
    /// How many in a row are.
    pub lost_calls: usize,
}

/// One call, as it really was.
struct Made<O> {
    client: u64,
    key: u64,
    called: u64,
    effect: Option<u64>,
    returned: u64,
    unknown: bool,
    operation: O,
}

/// Calls that really took effect between call and return, on real objects; the `n`th asks for `operation(n)`.
pub fn made<S: Sequential>(
    spec: &S,
    seed: u64,
    shape: Shape,
    mut operation: impl FnMut(&mut Random, u64) -> S::Operation,
) -> Vec<Event<S::Operation, S::Outcome>> {
    let mut random = Random(seed);
    let mut clocks = vec![0_u64; shape.clients as usize];
    let mut calls: Vec<Made<S::Operation>> = Vec::with_capacity(shape.calls);
    for n in 0..shape.calls {
        let client = n as u64 % shape.clients;
        let clock = &mut clocks[client as usize];
        let called = *clock + 1 + random.below(1_000);
        let effect = called + 1 + random.below(1_000);
        let returned = effect + 1 + random.below(1_000);
        let unknown = random.below(1_000) < shape.unknown;
        *clock = returned;
        let late = if unknown { random.below(20_000) } else { 0 };
        let happens = if unknown {
            random.once_in(2)
        } else {
            shape.lost.is_none_or(|lost| !(lost..lost + shape.lost_calls).contains(&n))
        };
        calls.push(Made {
            client,
            key: random.below(shape.keys),
            called,
            effect: happens.then_some(effect + late),
            returned,
            unknown,
            operation: operation(&mut random, n as u64),
        });
    }
    answered(spec, shape.keys, calls)
}

/// Lets the calls take effect in the order of their moments, and tells what the clients saw.
fn answered<S: Sequential>(
    spec: &S,
    keys: u64,
    calls: Vec<Made<S::Operation>>,
) -> Vec<Event<S::Operation, S::Outcome>> {
    let mut order: Vec<usize> = (0..calls.len()).collect();
    order.sort_by_key(|at| (calls[*at].effect.unwrap_or(calls[*at].returned), *at));
    let mut states: Vec<S::State> = (0..keys).map(|_| spec.initial()).collect();
    let mut outcomes: Vec<Option<S::Outcome>> = calls.iter().map(|_| None).collect();
    for at in order {
        let state = &mut states[calls[at].key as usize];
        let mut aside = state.clone();
        let state = if calls[at].effect.is_some() { state } else { &mut aside };
        outcomes[at] = Some(spec.apply(state, &calls[at].operation));
    }
    let mut events = Vec::with_capacity(calls.len() * 2);
    for (call, outcome) in calls.into_iter().zip(outcomes) {
        let client = Client(call.client as u32);
        events.push(Event {
            client,
            at: call.called,
            kind: EventKind::Called(Key(call.key), call.operation),
        });
        let kind = match outcome {
            Some(outcome) if !call.unknown => EventKind::Returned(outcome),
            _ => EventKind::Unknown,
        };
        events.push(Event { client, at: call.returned, kind });
    }
    events
}

/// A history of events that no client could not have seen.
pub fn history<S: Sequential>(events: Vec<Event<S::Operation, S::Outcome>>) -> HistoryOf<S> {
    HistoryOf::<S>::from_events(events).expect("clients of one call at a time")
}

/// A small history in which objects are sometimes stale: both verdicts are common. Event numbers are times.
pub fn small<S: Sequential>(
    spec: &S,
    random: &mut Random,
    (clients, keys, calls): (u64, u64, u64),
    mut operation: impl FnMut(&mut Random, u64) -> S::Operation,
) -> Vec<Event<S::Operation, S::Outcome>> {
    let mut states: Vec<Vec<S::State>> = (0..keys).map(|_| vec![spec.initial()]).collect();
    let mut open: Vec<Option<Option<S::Outcome>>> = (0..clients).map(|_| None).collect();
    // Clients that are left waiting; one never is.
    let (mut events, mut made, mut gone) = (Vec::new(), 0, Vec::new());
    let stale = random.below(4);
    while made < calls || open.iter().any(Option::is_some) {
        let client = random.below(clients);
        let at = events.len() as u64;
        let push = |kind| Event { client: Client(client as u32), at, kind };
        match open[client as usize].take() {
            Some(None) => events.push(push(EventKind::Unknown)),
            Some(Some(outcome)) => events.push(push(EventKind::Returned(outcome))),
            None if made < calls && !gone.contains(&client) => {
                let (key, operation) = (random.below(keys), operation(random, made));
                made += 1;
                let past = &mut states[key as usize];
                let back =
                    if stale > 0 && random.once_in(1 + stale) { 1 + random.below(2) as usize } else { 0 };
                let mut state = past[past.len() - 1 - back.min(past.len() - 1)].clone();
                let outcome = spec.apply(&mut state, &operation);
                past.push(state);
                let unknown = gone.len() as u64 + 1 < clients && random.once_in(5);
                if unknown {
                    gone.push(client);
                }
                open[client as usize] = Some((!unknown).then_some(outcome));
                events.push(push(EventKind::Called(Key(key), operation)));
            }
            None => {}
        }
    }
    events
}
