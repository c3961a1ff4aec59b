//! The four session guarantees of Terry, Demers, Petersen, Spreitzer, Theimer and Welch 1994, as clients can see them.
//!
//! Terry's are about what servers hold; a client sees values. So each guarantee is taken for this: *is there, for
//! each key, one order of its writes, in which those of a client keep to its order, such that no read is older than
//! what the guarantee says it must not be older than?* The initial value is older than all writes.
//!
//! | guarantee | what a read of a key must not be older than |
//! |---|---|
//! | read your writes | its client's own writes of the key before |
//! | monotonic reads | what its client read of the key before |
//! | monotonic writes | writes of the key that came, at their client, before a write (of any key) that this client has read |
//! | writes follow reads | reads of the key that came, at some client, before a write (of any key) that this client has read; and such a write of the key itself is later than what was read |
//!
//! That is one graph of "not older than" for each guarantee; the order exists unless two writes of it can reach each
//! other. It costs calls times clients. Longer chains, from client to client, are causal consistency's business.

use super::accesses::{Accesses, Edges, Role, Source, accesses, cycle, knots};
use super::linearizable::HistoryOf;
use super::object::Sequential;
use super::verdict::{Unsuitable, Verdict};
use crate::hash::Map;

/// A session guarantee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarantee {
    /// A client reads its own writes, or later ones.
    ReadYourWrites,
    /// A client never reads what is older than what it read.
    MonotonicReads,
    /// Who sees a write of a client sees those that the client made before it.
    MonotonicWrites,
    /// Who sees a write of a client sees what the client had read before it.
    WritesFollowReads,
}

impl Guarantee {
    /// All four.
    pub const ALL: [Self; 4] =
        [Self::ReadYourWrites, Self::MonotonicReads, Self::MonotonicWrites, Self::WritesFollowReads];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadYourWrites => "read your writes",
            Self::MonotonicReads => "monotonic reads",
            Self::MonotonicWrites => "monotonic writes",
            Self::WritesFollowReads => "writes follow reads",
        }
    }

    const fn because(self) -> &'static str {
        match self {
            Self::ReadYourWrites => "a client does not read its own writes:",
            Self::MonotonicReads => "a client reads what is older than what it read:",
            Self::MonotonicWrites => "a client sees a write, but not what was written before it:",
            Self::WritesFollowReads => "a client sees a write, but not what was read before it:",
        }
    }
}

const THIN_AIR: &str = "this read found what nobody wrote:";

/// Whether every client of a history has `guarantee`.
///
/// # Errors
/// [`Unsuitable`] if there is more than writes and reads, or a value is written twice.
pub fn session<S: Sequential>(
    spec: &S,
    history: &HistoryOf<S>,
    guarantee: Guarantee,
) -> Result<Verdict, Unsuitable> {
    let found = accesses(spec, history)?;
    Ok(match Sessions::new(&found, guarantee).look() {
        Ok(()) => Verdict::Holds,
        Err((because, shown)) => Verdict::Violated(
            found.violation(because, shown, |fewer| Some(Sessions::new(fewer, guarantee).look().is_err())),
        ),
    })
}

/// What breaks a guarantee, and the accesses that show it.
type Broken = (&'static str, Vec<usize>);

/// The graph of what must not be older than what, for one guarantee. Nodes are accesses, and collections of reads.
struct Sessions<'a> {
    found: &'a Accesses,
    guarantee: Guarantee,
    /// From the older to the newer, each with its place in `because`.
    edges: Edges,
    because: Vec<Vec<usize>>,
    /// The certain writes of a client to a key, in its order.
    writes: Map<(usize, usize), Vec<usize>>,
    /// The reads of a client of a key, in its order, each with a node that is not older than any of them so far.
    reads: Map<(usize, usize), Vec<(usize, usize)>>,
}

impl<'a> Sessions<'a> {
    fn new(found: &'a Accesses, guarantee: Guarantee) -> Self {
        let edges = vec![Vec::new(); found.all.len()];
        let mut sessions = Self {
            found,
            guarantee,
            edges,
            because: Vec::new(),
            writes: Map::default(),
            reads: Map::default(),
        };
        for session in &found.sessions {
            for at in session {
                sessions.note(*at);
            }
        }
        sessions
    }

    /// Notes an access where it will be looked for, and what holds whatever the guarantee: a client's own order.
    fn note(&mut self, at: usize) {
        let access = &self.found.all[at];
        let own = (access.client, access.key);
        match access.role {
            Role::Write => {
                let writes = self.writes.entry(own).or_default();
                if let Some(last) = writes.last() {
                    self.edges[*last].push((at, None));
                }
                if access.certain {
                    writes.push(at);
                }
                if self.guarantee == Guarantee::WritesFollowReads
                    && let Some((read, node)) = self.reads.get(&own).and_then(|reads| reads.last().copied())
                {
                    self.add(node, at, vec![read]);
                }
            }
            Role::Read(Source::Write(write)) if self.guarantee == Guarantee::WritesFollowReads => {
                let reads = self.reads.entry(own).or_default();
                let node = self.edges.len();
                self.edges.push(Vec::new());
                if let Some((_, before)) = reads.last() {
                    self.edges[*before].push((node, None));
                }
                reads.push((at, node));
                self.add(write, node, vec![at]);
            }
            Role::Read(_) => {}
        }
    }

    /// Whether an order of the writes exists.
    fn look(mut self) -> Result<(), Broken> {
        for session in &self.found.sessions {
            self.walk(session)?;
        }
        let count = self.found.all.len();
        // A collection may reach the one write it is of; two writes must not reach each other.
        let is_knot = |knot: &&Vec<usize>| knot.iter().filter(|node| **node < count).count() > 1;
        let knots = knots(&self.edges);
        let Some(knot) = knots.iter().filter(is_knot).min_by_key(|knot| knot.len()) else { return Ok(()) };
        let mut writes = knot.iter().copied().filter(|node| *node < count);
        let (Some(one), Some(other)) = (writes.next(), writes.next()) else { return Ok(()) };
        let round = cycle(&self.edges, knot, one, other);
        let because = round.iter().filter_map(|(.., because)| self.because.get((*because)?)).flatten();
        let nodes = round.iter().map(|(from, ..)| *from).filter(|node| *node < count);
        Err((self.guarantee.because(), because.copied().chain(nodes).collect()))
    }

    /// Goes through what a client did, and says of each read what it must not be older than.
    fn walk(&mut self, session: &[usize]) -> Result<(), Broken> {
        let mut own_writes: Map<usize, usize> = Map::default();
        let mut own_reads: Map<usize, (usize, usize)> = Map::default();
        // The latest write of each client that this one has read, and by which read.
        let mut seen: Vec<Option<(usize, usize)>> = vec![None; self.found.sessions.len()];
        for at in session {
            let access = &self.found.all[*at];
            let source = match access.role {
                Role::Write => {
                    if access.certain {
                        own_writes.insert(access.key, *at);
                    }
                    continue;
                }
                Role::Read(source) => source,
            };
            match (self.guarantee, source) {
                (_, Source::Nobody) => return Err((THIN_AIR, vec![*at])),
                (Guarantee::ReadYourWrites, _) => {
                    if let Some(write) = own_writes.get(&access.key) {
                        self.not_older(*at, source, *write, &[])?;
                    }
                }
                (Guarantee::MonotonicReads, _) => {
                    if let Some((write, read)) = own_reads.get(&access.key) {
                        self.not_older(*at, source, *write, &[*read])?;
                    }
                    if let Source::Write(write) = source {
                        own_reads.insert(access.key, (write, *at));
                    }
                }
                (Guarantee::MonotonicWrites | Guarantee::WritesFollowReads, _) => {
                    if let Source::Write(write) = source {
                        let by = self.found.all[write].client;
                        let place = |write: usize| self.found.all[write].place;
                        if seen[by].is_none_or(|(before, _)| place(before) < place(write)) {
                            seen[by] = Some((write, *at));
                        }
                    }
                    self.not_older_than_seen(*at, source, &seen)?;
                }
            }
        }
        Ok(())
    }

    /// A read must not be older than what came before the writes that its client has seen.
    fn not_older_than_seen(
        &mut self,
        read: usize,
        source: Source,
        seen: &[Option<(usize, usize)>],
    ) -> Result<(), Broken> {
        let key = self.found.all[read].key;
        for (client, seen) in seen.iter().enumerate() {
            let Some((write, by)) = *seen else { continue };
            let place = self.found.all[write].place;
            let is_earlier = |at: usize| self.found.all[at].place < place;
            let (older, because) = if self.guarantee == Guarantee::MonotonicWrites {
                let Some(writes) = self.writes.get(&(client, key)) else { continue };
                let count = writes.partition_point(|at| is_earlier(*at));
                let Some(older) = count.checked_sub(1).and_then(|last| writes.get(last)) else { continue };
                (*older, *older)
            } else {
                let Some(reads) = self.reads.get(&(client, key)) else { continue };
                let count = reads.partition_point(|(at, _)| is_earlier(*at));
                let Some((at, node)) = count.checked_sub(1).and_then(|last| reads.get(last)) else {
                    continue;
                };
                (*node, *at)
            };
            self.not_older(read, source, older, &[write, by, because])?;
        }
        Ok(())
    }

    /// What `read` found must not be older than `older`, because of these.
    fn not_older(
        &mut self,
        read: usize,
        source: Source,
        older: usize,
        because: &[usize],
    ) -> Result<(), Broken> {
        let because: Vec<usize> = because.iter().copied().chain([read]).collect();
        match source {
            Source::Write(write) if write != older => self.add(older, write, because),
            Source::Initial => {
                let write = Some(older).filter(|older| *older < self.found.all.len());
                return Err((self.guarantee.because(), because.into_iter().chain(write).collect()));
            }
            _ => {}
        }
        Ok(())
    }

    /// The first is not newer than the second, because of these.
    fn add(&mut self, older: usize, newer: usize, because: Vec<usize>) {
        self.edges[older].push((newer, Some(self.because.len())));
        self.because.push(because);
    }
}
