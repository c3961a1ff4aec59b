//! Random walks through a world: choices pick the next action, whoever draws them, proptest, a fuzzer or a file.
//!
//! A walk goes far past the bounds of an exhaustive run and evaluates every property after every action.

use crate::spec::Spec;
use crate::trace::{Trace, TraceOf};
use crate::world::{Action, ActionOf, Rules, Withheld, World};

/// How often each kind of action is taken, out of [`WEIGHTS_TOTAL`]: often what makes progress, seldom what undoes it.
/// What cannot happen leaves its share to the next that can, so timers get what is left over by a world at rest.
const WEIGHTS: [(Kind, u16); 9] = [
    (Kind::Inbox, 20),
    (Kind::Request, 10),
    (Kind::Duplicate, 4),
    (Kind::Flush, 32),
    (Kind::Deliver, 52),
    (Kind::Fire, 3),
    (Kind::Crash, 2),
    (Kind::Tick, 1),
    (Kind::Drop, 4),
];

/// The sum of the weights, for a choice to be split by.
const WEIGHTS_TOTAL: u16 = 128;

/// How many actions shrinking may try in all.
const SHRINKING_ACTIONS: usize = 3_000_000;

/// The kinds of actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Deliver,
    Flush,
    Inbox,
    Request,
    Fire,
    Drop,
    Duplicate,
    Crash,
    Tick,
}

const fn kind<M, T, R>(action: &Action<M, T, R>) -> Kind {
    match action {
        Action::Deliver(..) => Kind::Deliver,
        Action::Flush(_) => Kind::Flush,
        Action::Inbox(..) => Kind::Inbox,
        Action::Request(..) => Kind::Request,
        Action::Fire(..) => Kind::Fire,
        Action::Drop(_) => Kind::Drop,
        Action::Duplicate(..) => Kind::Duplicate,
        Action::Crash(..) => Kind::Crash,
        Action::Tick(..) => Kind::Tick,
    }
}

/// The action that `choice` picks: its kind by weight, the next kind where there is none of it, and one of that
/// kind. Nothing if nothing can happen. Smaller choices pick what is more ordinary, so that shrinking does.
#[must_use]
pub fn pick<M, T, R>(actions: &[Action<M, T, R>], choice: u16) -> Option<&Action<M, T, R>> {
    let (mut weight, which) = (choice % WEIGHTS_TOTAL, usize::from(choice / WEIGHTS_TOTAL));
    let by_weight = WEIGHTS.iter().position(|(_, share)| {
        let here = weight < *share;
        weight = weight.saturating_sub(*share);
        here
    });
    let first = by_weight.unwrap_or(0);
    WEIGHTS.iter().cycle().skip(first).take(WEIGHTS.len()).find_map(|(wanted, _)| {
        let of_kind = || actions.iter().filter(|action| kind(action) == *wanted);
        let count = of_kind().count();
        of_kind().nth(which.checked_rem(count)?)
    })
}

/// Where a walk led.
pub struct Walk<S: Spec> {
    /// The choices that led there, each of which took an action.
    pub choices: Vec<u16>,
    /// What happened, without what a bound withheld.
    pub trace: TraceOf<S>,
    /// The property that fell at its end.
    pub violated: Option<&'static str>,
    /// How many choices fell on an action that a bound withheld.
    pub withheld: usize,
    /// The last world.
    pub world: World<S>,
}

impl<S: Spec> Walk<S> {
    /// How many actions were taken.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.trace.actions.len()
    }

    /// What fell and a short way to it, readable; nothing if nothing fell.
    #[must_use]
    pub fn report(&self, rules: &Rules<S>) -> Option<String> {
        let property = self.violated?;
        let shrunk = shrunk(rules, &self.choices, property);
        let trace = walk_by(rules, shrunk, |_, _, _| {}).trace;
        let short = rules.minimise(&trace, property);
        let lines = rules.render(&short);
        Some(format!(
            "\"{property}\" falls after {} actions, and after these {}:\n  {}",
            self.steps(),
            lines.len(),
            lines.join("\n  ")
        ))
    }
}

/// Walks from the first world on, one action for every two bytes (little-endian), to the end of the bytes or the
/// first property that falls.
///
/// # Panics
/// If the protocol has no world to begin in.
#[must_use]
pub fn walk<S: Spec>(rules: &Rules<S>, bytes: &[u8]) -> Walk<S> {
    let choices = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    walk_by(rules, choices, |_, _, _| {})
}

/// Walks as `choices` say; `visit` sees the world before each action, the action, and the world after.
///
/// # Panics
/// If the protocol has no world to begin in.
pub fn walk_by<S: Spec>(
    rules: &Rules<S>,
    choices: impl IntoIterator<Item = u16>,
    mut visit: impl FnMut(&World<S>, &ActionOf<S>, &World<S>),
) -> Walk<S> {
    let world = rules.initial().into_iter().next().expect("a protocol begins somewhere");
    let trace = Trace { origin: 0, actions: Vec::new() };
    let violated = rules.violated(&world);
    let mut walk = Walk { choices: Vec::new(), trace, violated, withheld: 0, world };
    let (mut actions, mut withheld) = (Vec::new(), Withheld::new());
    for choice in choices {
        if walk.violated.is_some() {
            break;
        }
        actions.clear();
        rules.actions(&walk.world, &mut actions, &mut withheld);
        let Some(action) = pick(&actions, choice) else { break };
        let Ok(next) = rules.apply_named(&walk.world, action) else {
            walk.withheld += 1;
            continue;
        };
        visit(&walk.world, action, &next);
        walk.violated = rules.violated(&next);
        walk.trace.actions.push(action.clone());
        walk.choices.push(choice);
        walk.world = next;
    }
    walk
}

/// Fewer and smaller choices after which the property still falls.
///
/// Choices mean something else once others are left out, so this gets where leaving actions out of a trace does not:
/// a whole election can go, and what follows it still happens, only in an earlier term.
fn shrunk<S: Spec>(rules: &Rules<S>, choices: &[u16], property: &str) -> Vec<u16> {
    let mut best = choices.to_vec();
    let mut actions_left = SHRINKING_ACTIONS;
    let mut attempt = |tried: &[u16]| {
        actions_left = actions_left.saturating_sub(tried.len());
        if actions_left == 0 {
            return None;
        }
        let walk = walk_by(rules, tried.iter().copied(), |_, _, _| {});
        (walk.violated == Some(property)).then_some(walk.choices)
    };
    loop {
        let before = best.clone();
        let mut chunk = best.len().div_ceil(2).max(1);
        loop {
            let mut from = 0;
            while from < best.len() {
                let upto = (from + chunk).min(best.len());
                let tried = [&best[..from], &best[upto..]].concat();
                match attempt(&tried) {
                    Some(shorter) if shorter.len() < best.len() => best = shorter,
                    _ => from += chunk,
                }
            }
            if chunk == 1 {
                break;
            }
            chunk = chunk.div_ceil(2);
        }
        for at in 0..best.len() {
            for smaller in [0, best.get(at).map_or(0, |choice| choice % WEIGHTS_TOTAL)] {
                let mut tried = best.clone();
                match tried.get_mut(at) {
                    Some(choice) if smaller < *choice => *choice = smaller,
                    _ => continue,
                }
                if let Some(no_longer) = attempt(&tried)
                    && no_longer.len() <= best.len()
                {
                    best = no_longer;
                }
            }
        }
        if best == before || best.is_empty() {
            return best;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate::id::NodeId;

    type Plain = Action<u8, u8, u8>;

    #[test]
    fn the_weights_share_out_every_choice() {
        assert_eq!(WEIGHTS.iter().map(|(_, share)| share).sum::<u16>(), WEIGHTS_TOTAL);
    }

    #[test]
    fn each_kind_comes_as_often_as_its_weight_says() {
        let actions: [Plain; 3] = [
            Action::Flush(NodeId(0)),
            Action::Flush(NodeId(1)),
            Action::Crash(NodeId(0), 0, Default::default()),
        ];
        let mut counts = [0_u32; 3];
        for choice in 0..=u16::MAX {
            let picked = pick(&actions, choice).unwrap();
            counts[actions.iter().position(|action| action == picked).unwrap()] += 1;
        }
        // Deliveries and timers leave their share to crashes, all else to flushes.
        let each = u32::from(u16::MAX / WEIGHTS_TOTAL) + 1;
        assert_eq!(counts[2], (52 + 3 + 2) * each);
        assert_eq!(counts[0] + counts[1], (20 + 10 + 4 + 32 + 1 + 4) * each);
        assert_eq!(counts[0], counts[1]);
    }

    #[test]
    fn where_nothing_can_happen_nothing_is_picked() {
        assert_eq!(pick(&[] as &[Plain], 77), None);
    }

    #[test]
    fn the_smallest_choice_is_the_most_ordinary_action() {
        let envelope = crate::network::Envelope { from: NodeId(0), to: NodeId(1), message: 3 };
        let deliver: Plain = Action::Deliver(envelope.clone(), Default::default());
        let actions =
            [Action::Drop(envelope), Action::Fire(NodeId(0), 0, Default::default()), deliver.clone()];
        assert_eq!(pick(&actions, 0), Some(&deliver));
    }
}
