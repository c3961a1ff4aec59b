//! Causal consistency of registers whose values are each written once: Bouajjani, Enea, Guerraoui and Hamza 2017.
//!
//! A write is *before* whatever reads it, a call before what its client calls next, and so on (`co`). What is past for
//! a call is held as one number a client, so all of it costs calls times clients.

use super::accesses::{Accesses, Edges, Role, Source, accesses, cycle, knots};
use super::linearizable::HistoryOf;
use super::object::Sequential;
use super::verdict::{Undecided, Unsuitable, Verdict};
use crate::hash::Map;

/// Which causal consistency: the names and the patterns that break it are of Bouajjani et al. 2017, table 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Causality {
    /// Causal consistency, CC: everybody sees writes after what came before them. Clients may differ for ever on which
    /// of two unrelated writes is the later. Broken by CyclicCO, ThinAirRead, WriteCOInitRead, WriteCORead.
    Weak,
    /// Causal convergence, CCv: and all agree on one order of unrelated writes. Broken by CyclicCF besides.
    Convergent,
}

const THIN_AIR: &str = "this read found what nobody wrote:";
const CYCLE: &str = "each of these is before the next, and the last before the first:";
const INITIAL: &str = "the read finds what was there at first, although a write was before it:";
const STALE: &str = "the read finds a value although a write that came after it was before the read:";
const CONFLICT: &str = "these reads agree on no order of the writes that they know of:";

/// How many numbers are held at most: four bytes each.
const CELLS_MAX: usize = 1 << 28;

/// Whether clients see writes after what came before them. A write of unknown outcome counts if it was read; it is not
/// before what its client called next.
///
/// # Errors
/// [`Unsuitable`] if there is more than writes and reads, or a value is written twice.
pub fn causal<S: Sequential>(
    spec: &S,
    history: &HistoryOf<S>,
    causality: Causality,
) -> Result<Verdict, Unsuitable> {
    let found = accesses(spec, history)?;
    let Some(past) = Past::of(&found) else {
        return Ok(Verdict::Undecided(Undecided::Budget { key: None }));
    };
    Ok(past.broken(causality).map_or(Verdict::Holds, |(because, shown)| {
        Verdict::Violated(
            found.violation(because, shown, |fewer| Some(Past::of(fewer)?.broken(causality).is_some())),
        )
    }))
}

/// What is before each access.
struct Past<'a> {
    found: &'a Accesses,
    clients: usize,
    /// For each access, up to which place each client's certain accesses are before it, or are it.
    before: Vec<u32>,
    /// Whether what is before an access is known; not for those in a cycle, and after one.
    known: Vec<bool>,
    /// The certain writes of a client to a key, in its order.
    writes: Map<(usize, usize), Vec<usize>>,
    /// The writes of unknown outcome to a key.
    uncertain: Map<usize, Vec<usize>>,
    /// The first reads, of each client, of a write of unknown outcome.
    readers: Map<usize, Vec<usize>>,
}

/// A pattern that was found, and the accesses that make it.
type Pattern = (&'static str, Vec<usize>);

impl<'a> Past<'a> {
    /// What is before each access; `None` if it is too much to be held.
    fn of(found: &'a Accesses) -> Option<Self> {
        let (count, clients) = (found.all.len(), found.sessions.len());
        let cells = count.checked_mul(clients).filter(|cells| *cells <= CELLS_MAX)?;
        let mut past = Self {
            found,
            clients,
            before: vec![0; cells],
            known: vec![false; count],
            writes: Map::default(),
            uncertain: Map::default(),
            readers: Map::default(),
        };
        for session in &found.sessions {
            for at in session {
                past.note(*at);
            }
        }
        past.fill();
        Some(past)
    }

    /// Notes an access where it will be looked for.
    fn note(&mut self, at: usize) {
        let access = &self.found.all[at];
        match access.role {
            Role::Write if access.certain => {
                self.writes.entry((access.client, access.key)).or_default().push(at);
            }
            Role::Write => self.uncertain.entry(access.key).or_default().push(at),
            Role::Read(Source::Write(write)) if !self.found.all[write].certain => {
                let readers = self.readers.entry(write).or_default();
                if !readers.iter().any(|reader| self.found.all[*reader].client == access.client) {
                    readers.push(at);
                }
            }
            Role::Read(_) => {}
        }
    }

    /// Goes through the accesses, each after what is directly before it.
    fn fill(&mut self) {
        let edges = order(self.found);
        let mut waiting = vec![0_usize; edges.len()];
        edges.iter().flatten().for_each(|(to, _)| waiting[*to] += 1);
        let mut ready: Vec<usize> = (0..edges.len()).filter(|at| waiting[*at] == 0).collect();
        while let Some(at) = ready.pop() {
            self.known[at] = true;
            let access = &self.found.all[at];
            if access.certain {
                self.before[at * self.clients + access.client] = access.place;
            }
            for (to, _) in &edges[at] {
                for client in 0..self.clients {
                    let (from, to) = (at * self.clients + client, to * self.clients + client);
                    self.before[to] = self.before[to].max(self.before[from]);
                }
                waiting[*to] -= 1;
                if waiting[*to] == 0 {
                    ready.push(*to);
                }
            }
        }
    }

    /// Whether a write is before an access, or is it.
    fn is_before(&self, write: usize, at: usize) -> bool {
        let reaches = |one: usize| {
            let access = &self.found.all[one];
            self.before[at * self.clients + access.client] >= access.place
        };
        if self.found.all[write].certain {
            reaches(write)
        } else {
            write == at
                || self.readers.get(&write).is_some_and(|readers| readers.iter().any(|one| reaches(*one)))
        }
    }

    /// The last write of each client to a key before an access, and those of unknown outcome.
    fn last_writes(&self, key: usize, at: usize) -> impl Iterator<Item = usize> {
        let last = move |client| {
            let writes = self.writes.get(&(client, key))?;
            let until = self.before[at * self.clients + client];
            let count = writes.partition_point(|write| self.found.all[*write].place <= until);
            writes.get(count.checked_sub(1)?).copied()
        };
        let uncertain = self.uncertain.get(&key).into_iter().flatten().copied();
        (0..self.clients).filter_map(last).chain(uncertain.filter(move |write| self.is_before(*write, at)))
    }

    /// A pattern that breaks it, if there is one.
    fn broken(&self, causality: Causality) -> Option<Pattern> {
        let reads = || {
            self.found.all.iter().enumerate().filter_map(|(at, access)| match access.role {
                Role::Read(source) => Some((at, access.key, source)),
                Role::Write => None,
            })
        };
        if let Some((at, ..)) = reads().find(|(.., source)| *source == Source::Nobody) {
            return Some((THIN_AIR, vec![at]));
        }
        let mut edges = order(self.found);
        if self.known.contains(&false) {
            return round(&edges).map(|round| (CYCLE, round.into_iter().map(|(from, ..)| from).collect()));
        }
        for (read, key, source) in reads() {
            for write in self.last_writes(key, read) {
                match source {
                    Source::Initial => return Some((INITIAL, self.chain(write, read))),
                    Source::Write(of) if of != write => {
                        if self.is_before(of, write) {
                            let mut pattern = self.chain(of, write);
                            pattern.extend(self.chain(write, read));
                            pattern.push(of);
                            return Some((STALE, pattern));
                        }
                        edges[write].push((of, Some(read)));
                    }
                    _ => {}
                }
            }
        }
        match causality {
            Causality::Weak => None,
            Causality::Convergent => round(&edges).map(|round| {
                let because = |(from, _, read): (usize, usize, Option<usize>)| {
                    read.map_or_else(|| vec![from], |read| self.chain(from, read))
                };
                (CONFLICT, round.into_iter().flat_map(because).collect())
            }),
        }
    }

    /// How a write is before an access: the reads in between, each with what it read.
    fn chain(&self, write: usize, at: usize) -> Vec<usize> {
        let (mut at, mut chain) = (at, vec![write, at]);
        loop {
            let access = &self.found.all[at];
            if at == write || (self.found.all[write].certain && access.client == self.found.all[write].client)
            {
                return chain;
            }
            // The first of this client that the write is before: it must be a read, or `at` itself, a write.
            let session = &self.found.sessions[access.client];
            let earlier = session.iter().copied().find(|other| {
                let other_access = &self.found.all[*other];
                other_access.place <= access.place
                    && (other_access.certain || *other == at)
                    && self.is_before(write, *other)
            });
            let Some(first) = earlier else { return chain };
            let Role::Read(Source::Write(of)) = self.found.all[first].role else { return chain };
            chain.extend([first, of]);
            at = of;
        }
    }
}

/// What is directly before what: a client's calls in their order, and a write before its reads.
fn order(found: &Accesses) -> Edges {
    let mut edges: Edges = vec![Vec::new(); found.all.len()];
    for session in &found.sessions {
        let mut last = None;
        for at in session {
            if let Some(last) = last {
                let edges: &mut Vec<_> = &mut edges[last];
                edges.push((*at, None));
            }
            if found.all[*at].certain {
                last = Some(*at);
            }
        }
    }
    for (at, access) in found.all.iter().enumerate() {
        if let Role::Read(Source::Write(write)) = access.role {
            edges[write].push((at, None));
        }
    }
    edges
}

/// A way round, if there is one.
fn round(edges: &Edges) -> Option<Vec<(usize, usize, Option<usize>)>> {
    let knots = knots(edges);
    let knot = knots.iter().min_by_key(|knot| knot.len())?;
    Some(cycle(edges, knot, *knot.first()?, *knot.last()?))
}
