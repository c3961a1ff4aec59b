//! The search for an order: Wing and Gong 1993, as Lowe 2017 has it, just in time.
//!
//! Returns are gone through in their order. Before each, operations that have been called and have not returned take
//! effect in any order, and the one that returns is among them: to let an operation wait until the next return loses
//! nothing. So a configuration is the state and which of the *open* operations took effect; what has returned is
//! forgotten, and configurations that were tried before are not tried again. A search fails where no configuration
//! is left, so a bad history takes no longer than what is before the violation.
//!
//! Three things keep it small:
//! - a read that fits takes effect at once: it changes nothing, now or later, so whatever works with it later works
//!   with it now. A write that happens to write what is there is no read: later it might change something;
//! - operations of unknown outcome are counted by kind, not told apart: equal ones do equal things. One that the next
//!   would hide is not used;
//! - of two configurations that differ only in these, the one that used fewer can do all that the other can, since
//!   nothing forces it to use them. Those that cannot matter to any known outcome are left out.
//!
//! So unknown writes do not double the work each: the configurations of a register at one return are at most its
//! values times the sets of its open calls, whatever their number.

use smallvec::SmallVec;

use super::object::{Foresight, Observed, Sequential, Step};
use crate::hash::Map;

/// An operation to be put into an order.
#[derive(Debug)]
pub(super) struct Task<'a, O, R> {
    /// Which call of the history it is.
    pub(super) call: u32,
    /// From when on it can take effect.
    pub(super) called: u64,
    /// When it took effect at the latest; `None` if it may take effect at any time, or never.
    pub(super) returned: Option<u64>,
    /// Whether it may not have taken effect at all, although it returned.
    pub(super) optional: bool,
    pub(super) operation: &'a O,
    /// What it answered, if that is known.
    pub(super) outcome: Option<&'a R>,
}

impl<O, R> Clone for Task<'_, O, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<O, R> Copy for Task<'_, O, R> {}

impl<O, R> Task<'_, O, R> {
    /// Whether it took effect for certain.
    pub(super) const fn is_certain(&self) -> bool {
        self.returned.is_some() && !self.optional
    }
}

/// The tasks of an object.
pub(super) type TaskOf<'a, S> = Task<'a, <S as Sequential>::Operation, <S as Sequential>::Outcome>;

/// What a search comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// There is an order.
    Order,
    /// There is none; the call that could not be placed in the order that came furthest.
    None { stuck: u32 },
    /// It would take more than the budget.
    OutOfBudget,
}

/// Searches for an order of `tasks`, in at most `budget` configurations, which are taken off it.
pub(super) fn search<S: Sequential>(spec: &S, tasks: &[TaskOf<'_, S>], budget: &mut u64) -> Found {
    let mut history = tasks.iter().map(|task| Observed {
        operation: task.operation,
        outcome: task.outcome,
        certain: task.is_certain(),
    });
    let foresight = spec.foresight(&mut history);
    match Plan::of(spec, tasks, &*foresight) {
        Some(plan) => Search { spec, plan, foresight: &*foresight, tried: Map::default() }.run(budget),
        None => Found::OutOfBudget,
    }
}

/// How many open operations all returns together may have: four bytes each.
const OPEN_MAX: usize = 1 << 26;

/// A set of slots. An operation has a slot from its call to its return.
type Slots = SmallVec<[u64; 2]>;

/// The tasks, made ready.
struct Plan<'a, O, R> {
    /// Those that returned, in the order of their returns.
    returns: Vec<Ready<'a, O, R>>,
    /// Where the last of those that took effect for certain has returned.
    end: usize,
    /// For each return, which operations are open just before it: where they start in `open`.
    starts: Vec<u32>,
    /// Positions in `returns`, itself first.
    open: Vec<u32>,
    /// How many slots there are.
    slots: usize,
    /// The kinds of operations of unknown outcome, by their first call.
    kinds: Vec<Kind<'a, O>>,
}

struct Ready<'a, O, R> {
    task: Task<'a, O, R>,
    slot: u32,
    is_read: bool,
}

/// Operations of unknown outcome that are equal.
struct Kind<'a, O> {
    operation: &'a O,
    /// When each was called, ascending.
    called: Vec<u64>,
}

impl<'a, O: Clone + Eq + std::hash::Hash, R: Clone + Eq> Plan<'a, O, R> {
    fn of<S: Sequential<Operation = O, Outcome = R>>(
        spec: &S,
        tasks: &[Task<'a, O, R>],
        foresight: &dyn Foresight<'a, S>,
    ) -> Option<Self> {
        let mut returns: Vec<Ready<'a, O, R>> = Vec::with_capacity(tasks.len());
        let mut last_return = 0;
        let matters = |operation| !spec.is_read(operation, None) && foresight.may_matter(operation);
        for task in tasks {
            if let Some(returned) = task.returned.filter(|_| task.is_certain() || matters(task.operation)) {
                last_return = last_return.max(returned);
                let is_read = spec.is_read(task.operation, task.outcome);
                let mut task = *task;
                if task.optional {
                    task.operation = foresight.kind(task.operation).unwrap_or(task.operation);
                }
                returns.push(Ready { task, slot: 0, is_read });
            }
        }
        returns.sort_by_key(|ready| (ready.task.returned, ready.task.call));
        let end = returns.iter().rposition(|ready| ready.task.is_certain()).map_or(0, |last| last + 1);
        let kinds = kinds(tasks, last_return, |operation| {
            matters(operation).then(|| foresight.kind(operation).unwrap_or(operation))
        });
        let (starts, open, slots) = open_operations(&mut returns)?;
        Some(Self { returns, end, starts, open, slots, kinds })
    }

    /// The operations open just before return `at`.
    fn open(&self, at: usize) -> &[u32] {
        let bound = |at: usize| self.starts.get(at).map_or(self.open.len(), |start| *start as usize);
        self.open.get(bound(at)..bound(at + 1)).unwrap_or(&[])
    }
}

/// Groups the operations of unknown outcome that were called up to `until` by what they are equal to; those that do
/// not matter are equal to nothing.
fn kinds<'a, O: Eq + std::hash::Hash, R>(
    tasks: &[Task<'a, O, R>],
    until: u64,
    equal_to: impl Fn(&'a O) -> Option<&'a O>,
) -> Vec<Kind<'a, O>> {
    let mut places: Map<&O, usize> = Map::default();
    let mut kinds: Vec<Kind<'a, O>> = Vec::new();
    for task in tasks {
        if task.returned.is_some() || task.called > until {
            continue;
        }
        let Some(operation) = equal_to(task.operation) else { continue };
        let place = *places.entry(operation).or_insert(kinds.len());
        match kinds.get_mut(place) {
            Some(kind) => kind.called.push(task.called),
            None => kinds.push(Kind { operation, called: vec![task.called] }),
        }
    }
    for kind in &mut kinds {
        kind.called.sort_unstable();
    }
    kinds.sort_by_key(|kind| kind.called.first().copied());
    kinds
}

/// Which operations are open before each return, and how many at most; gives each its slot. `None` if there are too
/// many to be written down.
fn open_operations<O, R>(returns: &mut [Ready<'_, O, R>]) -> Option<(Vec<u32>, Vec<u32>, usize)> {
    let mut by_call: Vec<u32> = (0..u32::try_from(returns.len()).ok()?).collect();
    by_call.sort_by_key(|at| returns.get(*at as usize).map(|ready| ready.task.called));
    let mut calls = by_call.into_iter().peekable();
    let (mut starts, mut open) = (Vec::with_capacity(returns.len() + 1), Vec::new());
    let (mut now, mut free, mut slots) = (Vec::<u32>::new(), Vec::<u32>::new(), 0_u32);
    for at in 0..returns.len() {
        let time = returns.get(at).and_then(|ready| ready.task.returned);
        while let Some(called) =
            calls.next_if(|next| returns.get(*next as usize).map(|ready| ready.task.called) <= time)
        {
            let slot = free.pop().unwrap_or_else(|| {
                slots += 1;
                slots - 1
            });
            if let Some(ready) = returns.get_mut(called as usize) {
                ready.slot = slot;
            }
            // In the order of returns: the most urgent first.
            let place = now.partition_point(|open| *open < called);
            now.insert(place, called);
        }
        starts.push(u32::try_from(open.len()).ok()?);
        if open.len() + now.len() > OPEN_MAX {
            return None;
        }
        open.extend_from_slice(&now);
        // The one that returns is the first: those before it are gone.
        if !now.is_empty() {
            now.remove(0);
        }
        free.extend(returns.get(at).map(|ready| ready.slot));
    }
    starts.push(u32::try_from(open.len()).ok()?);
    Some((starts, open, slots as usize))
}

/// How many of each kind took effect; those of which none did are left out. By kind, ascending.
type Used = SmallVec<[(u32, u32); 2]>;

/// How far an order is.
#[derive(Clone)]
struct Configuration<T> {
    /// The next return.
    at: usize,
    state: T,
    /// The open operations that took effect, by slot.
    done: Slots,
    used: Used,
    /// The state before the last step, if that was an operation of unknown outcome and nothing has needed it yet.
    unneeded: Option<T>,
}

/// A configuration that was tried, but for what was used.
#[derive(PartialEq, Eq, Hash)]
struct Place<T> {
    at: usize,
    state: T,
    done: Slots,
}

struct Search<'s, 'a, S: Sequential> {
    spec: &'s S,
    plan: Plan<'a, S::Operation, S::Outcome>,
    foresight: &'s dyn Foresight<'a, S>,
    /// What was tried: the smallest sets used at each place.
    tried: Map<Place<S::State>, SmallVec<[Used; 1]>>,
}

/// A configuration with more than one way on, and the next of these.
struct Fork<T> {
    from: Configuration<T>,
    next: usize,
}

impl<S: Sequential> Search<'_, '_, S> {
    fn run(mut self, budget: &mut u64) -> Found {
        let words = self.plan.slots.div_ceil(64).max(1);
        let mut forks: Vec<Fork<S::State>> = Vec::new();
        let mut furthest = 0;
        let start = Configuration {
            at: 0,
            state: self.spec.initial(),
            done: SmallVec::from_elem(0, words),
            used: Used::new(),
            unneeded: None,
        };
        let mut current = Some(start);
        loop {
            if let Some(mut here) = current.take() {
                if *budget == 0 {
                    return Found::OutOfBudget;
                }
                *budget -= 1;
                let went_on = self.go_on(&mut here, budget);
                furthest = furthest.max(here.at);
                if here.at >= self.plan.end {
                    return Found::Order;
                }
                if went_on && self.is_new(&here) {
                    forks.push(Fork { from: here, next: 0 });
                }
            }
            let Some(fork) = forks.last_mut() else { break };
            current = next_way(self.spec, &self.plan, self.foresight, fork, budget);
            if current.is_none() {
                forks.pop();
            }
        }
        let stuck = self.plan.returns.get(furthest).map_or(0, |ready| ready.task.call);
        Found::None { stuck }
    }

    /// Goes on as long as there is one way only; whether there are more after that.
    fn go_on(&self, here: &mut Configuration<S::State>, budget: &mut u64) -> bool {
        loop {
            self.settle(here);
            let Some(next) = self.plan.returns.get(here.at).filter(|_| here.at < self.plan.end) else {
                return false;
            };
            let alone = !next.task.optional && self.plan.open(here.at).len() == 1 && !self.may_use(here.at);
            if !alone {
                return true;
            }
            match self.spec.step(&here.state, next.task.operation, next.task.outcome) {
                Step::Impossible => return false,
                Step::Unchanged => {}
                Step::Becomes(state) => here.state = state,
            }
            if !self.foresight.is_plausible(&here.state) {
                return false;
            }
            here.unneeded = None;
            set(&mut here.done, next.slot);
            *budget = budget.saturating_sub(1);
        }
    }

    /// Whether an operation of unknown outcome can take effect before return `at`.
    fn may_use(&self, at: usize) -> bool {
        let time = self.plan.returns.get(at).and_then(|ready| ready.task.returned);
        self.plan.kinds.first().and_then(|kind| kind.called.first()).is_some_and(|first| Some(*first) <= time)
    }

    /// Lets the reads that fit take effect, and what took effect return.
    fn settle(&self, here: &mut Configuration<S::State>) {
        while let Some(next) = self.plan.returns.get(here.at) {
            for open in self.plan.open(here.at) {
                let Some(ready) = self.plan.returns.get(*open as usize) else { continue };
                if ready.is_read
                    && !is_set(&here.done, ready.slot)
                    && !matches!(
                        self.spec.step(&here.state, ready.task.operation, ready.task.outcome),
                        Step::Impossible
                    )
                {
                    set(&mut here.done, ready.slot);
                    here.unneeded = None;
                }
            }
            if !is_set(&here.done, next.slot) {
                return;
            }
            clear(&mut here.done, next.slot);
            here.at += 1;
        }
    }

    /// Whether nothing that can do as much was tried before; remembers it.
    fn is_new(&mut self, here: &Configuration<S::State>) -> bool {
        let place = Place { at: here.at, state: here.state.clone(), done: here.done.clone() };
        let tried = self.tried.entry(place).or_default();
        if tried.iter().any(|used| is_within(used, &here.used)) {
            return false;
        }
        tried.retain(|used| !is_within(&here.used, used));
        tried.push(here.used.clone());
        true
    }
}

/// Whether nothing was used more often in `less` than in `more`.
fn is_within(less: &Used, more: &Used) -> bool {
    less.iter().all(|(kind, count)| count_of(more, *kind) >= *count)
}

fn count_of(used: &Used, kind: u32) -> u32 {
    used.iter().find(|(other, _)| *other == kind).map_or(0, |(_, count)| *count)
}

/// The next way on from a fork: an open operation takes effect, or one of unknown outcome does, or one that need not
/// have taken effect returns without.
fn next_way<'a, S: Sequential>(
    spec: &S,
    plan: &Plan<'a, S::Operation, S::Outcome>,
    foresight: &dyn Foresight<'a, S>,
    fork: &mut Fork<S::State>,
    budget: &mut u64,
) -> Option<Configuration<S::State>> {
    let from = &fork.from;
    let open = plan.open(from.at);
    let next = plan.returns.get(from.at)?.task;
    let time = next.returned?;
    loop {
        let way = fork.next;
        fork.next += 1;
        // First of all: one that need not have taken effect has not.
        if way == 0 && next.optional {
            return Some(Configuration { at: from.at + 1, unneeded: None, ..from.clone() });
        }
        let way = way - usize::from(next.optional);
        if let Some(ready) = open.get(way).and_then(|at| plan.returns.get(*at as usize)) {
            // A read that does not fit is for later.
            if ready.is_read || is_set(&from.done, ready.slot) {
                continue;
            }
            let state = match spec.step(&from.state, ready.task.operation, ready.task.outcome) {
                Step::Impossible => continue,
                Step::Unchanged => from.state.clone(),
                Step::Becomes(state) if foresight.is_plausible(&state) => state,
                Step::Becomes(_) => continue,
            };
            let mut done = from.done.clone();
            set(&mut done, ready.slot);
            let used = from.used.clone();
            return Some(Configuration { at: from.at, state, done, used, unneeded: None });
        }
        let which = way.checked_sub(open.len())?;
        let kind =
            plan.kinds.get(which).filter(|kind| kind.called.first().is_some_and(|first| *first <= time))?;
        let which = u32::try_from(which).ok()?;
        let called = kind.called.partition_point(|called| *called <= time);
        if count_of(&from.used, which) as usize >= called {
            continue;
        }
        *budget = budget.saturating_sub(1);
        let Step::Becomes(state) = spec.step(&from.state, kind.operation, None) else { continue };
        // What makes no difference although nothing came between need not be used.
        let without = from.unneeded.as_ref().map(|before| spec.step(before, kind.operation, None));
        if matches!(&without, Some(Step::Becomes(same)) if *same == state) || !foresight.is_plausible(&state)
        {
            continue;
        }
        let mut used = from.used.clone();
        match used.binary_search_by_key(&which, |(kind, _)| *kind) {
            Ok(place) => used.iter_mut().skip(place).take(1).for_each(|(_, count)| *count += 1),
            Err(place) => used.insert(place, (which, 1)),
        }
        let unneeded = Some(from.state.clone());
        return Some(Configuration { at: from.at, state, done: from.done.clone(), used, unneeded });
    }
}

fn set(slots: &mut Slots, slot: u32) {
    if let Some(word) = slots.get_mut(slot as usize / 64) {
        *word |= 1 << (slot % 64);
    }
}

fn clear(slots: &mut Slots, slot: u32) {
    if let Some(word) = slots.get_mut(slot as usize / 64) {
        *word &= !(1 << (slot % 64));
    }
}

fn is_set(slots: &Slots, slot: u32) -> bool {
    slots.get(slot as usize / 64).is_some_and(|word| word & (1 << (slot % 64)) != 0)
}
