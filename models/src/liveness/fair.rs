//! Strongly connected components with a fair cycle.

use super::graph::{Edge, Graph, NONE};

/// States, sorted, and which edges count between them.
pub(super) struct Part<'a> {
    graph: &'a Graph,
    claim: usize,
    states: Vec<u32>,
}

impl<'a> Part<'a> {
    /// These states, and what claim `claim` allows to go on for ever between them.
    pub(super) fn new(graph: &'a Graph, claim: usize, mut states: Vec<u32>) -> Self {
        states.sort_unstable();
        Self { graph, claim, states }
    }

    /// The states.
    pub(super) fn states(&self) -> &[u32] {
        &self.states
    }

    /// What may happen for ever in `state`, also what leads out of here.
    pub(super) fn allowed(&self, state: u32) -> impl Iterator<Item = &'a Edge> {
        let bit = super::graph::bit(self.claim);
        self.graph.edges(state).iter().filter(move |edge| edge.tails & bit != 0)
    }

    /// What may happen for ever in `state` without leaving.
    pub(super) fn within(&self, state: u32) -> impl Iterator<Item = &'a Edge> {
        self.allowed(state).filter(|edge| self.place(edge.to).is_some())
    }

    fn place(&self, state: u32) -> Option<usize> {
        self.states.binary_search(&state).ok()
    }

    /// A component of these states that a fair run may stay in for ever, if there is any.
    pub(super) fn fair(self) -> Option<Self> {
        let mut pending = vec![self];
        while let Some(part) = pending.pop() {
            for component in part.components() {
                match component.judge() {
                    Judged::Fair => return Some(component),
                    Judged::Unfair => {}
                    Judged::Without(states) => pending.push(Self { states, ..component }),
                }
            }
        }
        None
    }

    /// Whether a run may go through all of a component for ever.
    fn judge(&self) -> Judged {
        let classes = self.graph.classes.len();
        let (mut taken, mut possible) = (vec![false; classes], vec![0_usize; classes]);
        let mut here: Vec<u32> = Vec::new();
        for state in &self.states {
            here.clear();
            for edge in self.allowed(*state).filter(|edge| edge.class != NONE) {
                here.push(edge.class);
                taken[edge.class as usize] |= self.place(edge.to).is_some();
            }
            here.sort_unstable();
            here.dedup();
            here.iter().for_each(|class| possible[*class as usize] += 1);
        }
        let starved = |class: &usize| possible[*class] > 0 && !taken[*class];
        let mut starved_strongly = vec![false; classes];
        for class in (0..classes).filter(starved) {
            if self.graph.classes[class].strong {
                starved_strongly[class] = true;
            } else if possible[class] == self.states.len() {
                return Judged::Unfair;
            }
        }
        if !starved_strongly.contains(&true) {
            return Judged::Fair;
        }
        let starves = |state: &u32| {
            self.allowed(*state).any(|edge| edge.class != NONE && starved_strongly[edge.class as usize])
        };
        Judged::Without(self.states.iter().copied().filter(|state| !starves(state)).collect())
    }

    /// The strongly connected components (Tarjan, Depth-First Search and Linear Graph Algorithms, 1972), without
    /// recursion.
    fn components(&self) -> Vec<Self> {
        let count = self.states.len();
        let mut search = Search {
            index: vec![NONE; count],
            low: vec![NONE; count],
            on_stack: vec![false; count],
            stack: Vec::new(),
            next: 0,
        };
        let mut found = Vec::new();
        for root in 0..count {
            if search.index[root] == NONE {
                self.search(root, &mut search, &mut found);
            }
        }
        found
    }

    fn search(&self, root: usize, search: &mut Search, found: &mut Vec<Self>) {
        let inner = |at: usize| -> Vec<usize> {
            self.within(self.states[at]).filter_map(|edge| self.place(edge.to)).collect()
        };
        let mut path = vec![(root, inner(root), 0)];
        search.enter(root);
        while let Some((at, targets, seen)) = path.last_mut() {
            let at = *at;
            if let Some(target) = targets.get(*seen).copied() {
                *seen += 1;
                if search.index[target] == NONE {
                    search.enter(target);
                    path.push((target, inner(target), 0));
                } else if search.on_stack[target] {
                    search.low[at] = search.low[at].min(search.index[target]);
                }
                continue;
            }
            path.pop();
            if let Some((parent, ..)) = path.last() {
                search.low[*parent] = search.low[*parent].min(search.low[at]);
            }
            if search.low[at] == search.index[at] {
                let states = search.leave(at).into_iter().map(|place| self.states[place]).collect();
                found.push(Self::new(self.graph, self.claim, states));
            }
        }
    }
}

/// What is to be thought of a component.
enum Judged {
    /// A run may go through all of it for ever.
    Fair,
    /// No run may stay in it.
    Unfair,
    /// A run may stay in it only among these states.
    Without(Vec<u32>),
}

/// Tarjan's numbers, by place.
struct Search {
    index: Vec<u32>,
    low: Vec<u32>,
    on_stack: Vec<bool>,
    stack: Vec<usize>,
    next: u32,
}

impl Search {
    fn enter(&mut self, at: usize) {
        self.index[at] = self.next;
        self.low[at] = self.next;
        self.next += 1;
        self.on_stack[at] = true;
        self.stack.push(at);
    }

    /// The component whose first state is `at`.
    fn leave(&mut self, at: usize) -> Vec<usize> {
        let mut component = Vec::new();
        while let Some(top) = self.stack.pop() {
            self.on_stack[top] = false;
            component.push(top);
            if top == at {
                break;
            }
        }
        component
    }
}
