//! A run on which what a claim promises never comes.

use std::collections::BTreeMap;

use super::fair::Part;
use super::graph::{Edge, Graph, NONE};

/// A way into a cycle, and the cycle.
#[derive(Debug)]
pub(super) struct Lasso {
    /// From a first state to where the cycle begins.
    pub(super) way: Vec<u32>,
    /// From there back to there; that state alone where nothing more happens.
    pub(super) cycle: Vec<u32>,
}

/// A fair run on which claim `claim` does not hold, if there is one.
pub(super) fn find(graph: &Graph, claim: usize) -> Option<Lasso> {
    let waiting = Waiting::of(graph, claim);
    let component = Part::new(graph, claim, waiting.states()).fair()?;
    // Breadth first, so lower numbers are nearer.
    let entry = *component.states().first()?;
    Some(Lasso { way: waiting.way_to(graph, entry), cycle: cycle(graph, &component, entry) })
}

/// The states in which what was promised has not come yet.
struct Waiting {
    /// From where each was reached, itself where the waiting begins.
    reached_from: BTreeMap<u32, u32>,
}

impl Waiting {
    fn of(graph: &Graph, claim: usize) -> Self {
        let states = 0..u32::try_from(graph.len()).unwrap_or(NONE);
        let begins = |state: &u32| graph.from(claim, *state) && !graph.to(claim, *state);
        let mut pending: Vec<u32> = states.filter(begins).collect();
        let mut reached_from: BTreeMap<u32, u32> = pending.iter().map(|state| (*state, *state)).collect();
        while !pending.is_empty() {
            let mut next = Vec::new();
            for state in pending {
                for edge in graph.edges(state).iter().filter(|edge| !graph.to(claim, edge.to)) {
                    reached_from.entry(edge.to).or_insert_with(|| {
                        next.push(edge.to);
                        state
                    });
                }
            }
            pending = next;
        }
        Self { reached_from }
    }

    fn states(&self) -> Vec<u32> {
        self.reached_from.keys().copied().collect()
    }

    /// A way from a first state to where the waiting begins, and on to `state`.
    fn way_to(&self, graph: &Graph, state: u32) -> Vec<u32> {
        let mut waiting = vec![state];
        let mut at = state;
        while let Some(from) = self.reached_from.get(&at).copied().filter(|from| *from != at) {
            waiting.push(from);
            at = from;
        }
        waiting.reverse();
        let mut way = graph.way_to(at);
        way.extend(waiting.into_iter().skip(1));
        way
    }
}

/// What a fair cycle must come by for the sake of one class.
#[derive(Clone, Copy)]
enum Due {
    /// This is taken.
    Taken(u32),
    /// A state in which it is not possible.
    Impossible(u32),
}

/// A cycle through `entry` that treats every class fairly.
fn cycle(graph: &Graph, component: &Part<'_>, entry: u32) -> Vec<u32> {
    let mut cycle = vec![entry];
    for due in dues(graph, component) {
        let met = cycle.windows(2).any(|pair| takes(component, pair, due))
            || cycle.iter().any(|state| lacks(component, *state, due));
        if met {
            continue;
        }
        let at = cycle.last().copied().unwrap_or(entry);
        cycle.extend(match due {
            Due::Taken(class) => route(component, at, |_, edge| edge.is_some_and(|edge| edge.class == class)),
            Due::Impossible(_) => route(component, at, |state, _| lacks(component, state, due)),
        });
    }
    let at = cycle.last().copied().unwrap_or(entry);
    if component.states().len() > 1 || component.within(entry).next().is_some() {
        // Home, by at least one step.
        if at != entry || cycle.len() == 1 {
            cycle.extend(route(component, at, |state, edge| state == entry && edge.is_some()));
        }
    }
    cycle
}

fn takes(component: &Part<'_>, pair: &[u32], due: Due) -> bool {
    let (Due::Taken(class), [from, to]) = (due, pair) else { return false };
    component.within(*from).any(|edge| edge.to == *to && edge.class == class)
}

fn lacks(component: &Part<'_>, state: u32, due: Due) -> bool {
    match due {
        Due::Taken(_) => false,
        Due::Impossible(class) => component.allowed(state).all(|edge| edge.class != class),
    }
}

/// What a fair cycle in this component comes by: each class once, or, where that will do, a state without it.
fn dues(graph: &Graph, component: &Part<'_>) -> Vec<Due> {
    let (mut possible, mut taken) = (BTreeMap::new(), BTreeMap::new());
    for state in component.states() {
        for edge in component.allowed(*state).filter(|edge| edge.class != NONE) {
            possible.insert(edge.class, ());
        }
        for edge in component.within(*state).filter(|edge| edge.class != NONE) {
            taken.insert(edge.class, ());
        }
    }
    let everywhere = |class: u32| {
        component.states().iter().all(|state| component.allowed(*state).any(|edge| edge.class == class))
    };
    let due = |class: u32| {
        let strong = graph.classes.get(class as usize).is_some_and(|class| class.strong);
        let must_be_taken = strong || everywhere(class);
        if must_be_taken && taken.contains_key(&class) { Due::Taken(class) } else { Due::Impossible(class) }
    };
    possible.into_keys().map(due).collect()
}

/// The states of a shortest way within the component from after `from` to where `done` says so, of a state and the
/// edge by which it was reached; none if `from` will do.
fn route(component: &Part<'_>, from: u32, done: impl Fn(u32, Option<&Edge>) -> bool) -> Vec<u32> {
    if done(from, None) {
        return Vec::new();
    }
    let mut reached_from: BTreeMap<u32, u32> = BTreeMap::new();
    let mut pending = vec![from];
    let way = |reached_from: &BTreeMap<u32, u32>, state: u32, last: u32| {
        let mut way = vec![last];
        let mut at = state;
        while at != from {
            way.push(at);
            at = reached_from.get(&at).copied().unwrap_or(from);
        }
        way.reverse();
        way
    };
    while !pending.is_empty() {
        let mut next = Vec::new();
        for state in pending {
            for edge in component.within(state) {
                if done(edge.to, Some(edge)) {
                    return way(&reached_from, state, edge.to);
                }
                if edge.to != from && !reached_from.contains_key(&edge.to) {
                    reached_from.insert(edge.to, state);
                    next.push(edge.to);
                }
            }
        }
        pending = next;
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STATES: u32 = 5;
    const CLASSES: u32 = 4;

    /// Whether a run may go through just these states for ever, said as the definitions have it.
    fn may_stay(graph: &Graph, states: &[u32]) -> bool {
        let within = |state: u32| graph.edges(state).iter().filter(|edge| states.contains(&edge.to));
        let mut reached = vec![states[0]];
        let mut at = 0;
        while let Some(state) = reached.get(at).copied() {
            at += 1;
            for edge in within(state) {
                if !reached.contains(&edge.to) {
                    reached.push(edge.to);
                }
            }
        }
        let back = states.iter().all(|state| {
            let (mut known, mut at) = (vec![*state], 0);
            while let Some(state) = known.get(at).copied() {
                at += 1;
                known.extend(
                    within(state).map(|edge| edge.to).filter(|to| !known.contains(to)).collect::<Vec<_>>(),
                );
            }
            known.contains(&states[0])
        });
        let connected = reached.len() == states.len() && back;
        connected
            && (0..CLASSES).all(|class| {
                let possible = |state: &&u32| graph.edges(**state).iter().any(|edge| edge.class == class);
                let taken = states.iter().any(|state| within(*state).any(|edge| edge.class == class));
                let often = states.iter().filter(possible).count();
                taken || if graph.classes[class as usize].strong { often == 0 } else { often < states.len() }
            })
    }

    fn some_graph() -> impl Strategy<Value = Graph> {
        let class = prop_oneof![2 => Just(NONE), 5 => 0..CLASSES];
        let edges = prop::collection::vec((0..STATES, 0..STATES, class), 0..12);
        (prop::collection::vec(any::<bool>(), CLASSES as usize), edges)
            .prop_map(|(strong, edges)| Graph::of(STATES, &strong, &edges))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3_000))]

        #[test]
        fn a_lasso_is_found_just_where_some_set_of_states_may_be_stayed_in(graph in some_graph()) {
            let sets = (1_u32..1 << STATES).map(|set| (0..STATES).filter(|state| set & (1 << state) != 0).collect());
            let exists = sets.into_iter().any(|set: Vec<u32>| may_stay(&graph, &set));
            let lasso = find(&graph, 0);
            prop_assert_eq!(lasso.is_some(), exists);
            if let Some(Lasso { way, cycle }) = lasso {
                prop_assert_eq!(way.last(), cycle.first());
                prop_assert_eq!(cycle.first(), cycle.last());
                for pair in cycle.windows(2) {
                    prop_assert!(graph.edges(pair[0]).iter().any(|edge| edge.to == pair[1]));
                }
                let mut states = cycle;
                states.sort_unstable();
                states.dedup();
                prop_assert!(may_stay(&graph, &states), "a cycle through {states:?} is not fair");
            }
        }
    }

    #[test]
    fn random_graphs_have_lassos_and_have_none() {
        let lone = Graph::of(1, &[false], &[(0, 0, 0)]);
        assert!(find(&lone, 0).is_some_and(|lasso| lasso.cycle == [0, 0]));
        let leaves = Graph::of(2, &[true], &[(0, 1, 0), (1, 0, NONE)]);
        assert_eq!(find(&leaves, 0).map(|lasso| lasso.cycle.len()), Some(3));
        let stops = Graph::of(1, &[false], &[]);
        assert_eq!(find(&stops, 0).map(|lasso| lasso.cycle), Some(vec![0]));
    }
}
