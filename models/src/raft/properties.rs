//! What is claimed of Raft (paper, figure 3, and what its production users learned to ask for).

use quorate::durable::Record;
use quorate::id::NodeId;
use quorate::ledger::Output;
use quorate::raft::{
    Cell, Command, Entry, HARD_STATE, Index, LOG, Message, Notice, Outcome, Payload, Raft, Term,
};
use smallvec::SmallVec;

use super::coverage::{
    acknowledges, applied_and_crashes, asked_twice, contested, crashes_after_a_commit,
    elected_after_a_commit, follower_appends, follower_commits, hears_of_fewer_commits, leads_with_entries,
    told_more,
};
use super::history::{Chosen, History};
use super::{Application, HistoryOf, RaftOf, RaftSpec};
use crate::node::Owed;
use crate::spec::{Event, Property, Seen};
use crate::world::World;

/// At most one leader is elected in a term.
pub const ELECTION_SAFETY: &str = "election safety";
/// A leader never overwrites or deletes its own entries.
pub const LEADER_APPEND_ONLY: &str = "leader append-only";
/// Two logs with an entry of the same index and term are equal up to it.
pub const LOG_MATCHING: &str = "log matching";
/// What is committed in a term is in the log of every leader of a later one.
pub const LEADER_COMPLETENESS: &str = "leader completeness";
/// No two nodes hold, or tell their applications of, different entries to be committed at one index.
pub const STATE_MACHINE_SAFETY: &str = "state-machine safety";
/// No node is heard to vote twice in a term, or in an earlier one, and no disk's term goes back.
pub const ONE_VOTE: &str = "one vote a term across crashes";
/// What is committed, and so what is acknowledged, is on the disks of a quorum.
pub const DURABLE: &str = "acknowledged means durable on a quorum";
/// An acknowledgement leaves only once the log, up to where it says, is on its sender's disk as it is in the
/// leader's.
pub const ACKED: &str = "an acknowledgement is durable before it leaves";
/// A node's commit index never goes back while it lives.
pub const COMMIT_FORWARD: &str = "commit never goes back";
/// What an application applied stays on its node's disk, and equals what was committed.
pub const APPLIED: &str = "applied is never rolled back";
/// Committed entries are told in order, without gaps, once each.
pub const TOLD_ONCE: &str = "committed entries are told in order, once";
/// Replicas of an application that have applied the same entries hold the same.
pub const REPLICAS_AGREE: &str = "replicas that applied the same hold the same";
/// What a node can see of itself holds.
pub const INVARIANTS: &str = "a node's own invariants";

/// All properties of a world.
pub(super) fn all<A: Application>(spec: &RaftSpec<A>) -> Vec<Property<RaftSpec<A>>> {
    let mut all = vec![
        Property::observed(ELECTION_SAFETY).given(contested),
        Property::observed(LEADER_APPEND_ONLY).given(leads_with_entries),
        Property::always(LOG_MATCHING, logs_match).given(follower_appends),
        Property::always(LEADER_COMPLETENESS, leaders_are_complete).given(elected_after_a_commit),
        Property::observed(STATE_MACHINE_SAFETY).given(follower_commits),
        Property::observed(ONE_VOTE).given(asked_twice),
        Property::always(DURABLE, committed_is_durable).given(crashes_after_a_commit),
        Property::always(ACKED, acknowledgements_are_durable).given(acknowledges),
        Property::observed(COMMIT_FORWARD).given(hears_of_fewer_commits),
        Property::always(APPLIED, applied_stays).given(applied_and_crashes),
        Property::observed(TOLD_ONCE).given(told_more),
        Property::observed(INVARIANTS).given(|_, _| true),
        Property::sometimes("a leader is elected", |world| world.machines().any(RaftOf::<A>::is_leader)),
    ];
    let expect = spec.expect();
    if expect.commits {
        all.push(Property::sometimes("a command commits", |world| {
            world.history().committed.iter().any(|chosen| matches!(chosen.entry.payload, Payload::Command(_)))
        }));
    }
    if expect.overwrites {
        all.push(Property::sometimes("a deposed leader's entry is overwritten", |world| {
            world
                .nodes()
                .iter()
                .any(|node| node.records().any(|record| matches!(record, Record::Truncate { .. })))
        }));
    }
    if expect.reelects {
        all.push(Property::sometimes("another leader is elected", |world| world.history().leaders.len() > 1));
    }
    // Replicas that hold nothing always agree.
    if size_of::<A::Replica>() > 0 {
        all.push(Property::always(REPLICAS_AGREE, replicas_agree).given(told_more));
    }
    all.extend(spec.application().properties());
    all
}

/// Sees one event: notes what the properties need, and names the property that it violates.
///
/// What the paper claims comes before what a node can see of itself, so that a bug falls by the claim that it
/// breaks.
pub(super) fn observe<A: Application>(
    application: &A,
    seen: &Seen<'_, RaftSpec<A>>,
    history: &mut HistoryOf<A>,
) -> Result<(), &'static str> {
    disks_move_on(seen, history);
    votes_are_heard(seen, history)?;
    if !matches!(seen.event, Event::Crashed | Event::Recovered) {
        hold(seen.after.term() >= seen.before.term(), ONE_VOTE)?;
        hold(seen.after.commit() >= seen.before.commit(), COMMIT_FORWARD)?;
        hold(is_append_only(seen.before, seen.after), LEADER_APPEND_ONLY)?;
    }
    commits(seen, history)?;
    if seen.after.is_leader() && !seen.before.is_leader() {
        hold(history.elected(seen.after.term(), seen.node), ELECTION_SAFETY)?;
    }
    told_in_order(seen, history)?;
    replicas_hear(application, seen, history)?;
    hold(seen.after.check().is_ok(), INVARIANTS)
}

fn hold(holds: bool, property: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(property) }
}

/// Votes of terms that a disk is past need no remembering: a term never goes back in a node's life (which is
/// checked), and a life begins with the disk's (which recovery is checked for).
fn disks_move_on<A: Application>(seen: &Seen<'_, RaftSpec<A>>, history: &mut HistoryOf<A>) {
    for record in seen.durable {
        if let Record::Put { cell: HARD_STATE, value: Cell::HardState { term, .. } } = record {
            history.moved_on(seen.node, *term);
        }
    }
}

/// A grant that leaves a node is a vote; so is a candidate's request, for itself.
fn votes_are_heard<A: Application>(
    seen: &Seen<'_, RaftSpec<A>>,
    history: &mut HistoryOf<A>,
) -> Result<(), &'static str> {
    for output in seen.outputs {
        let (term, candidate) = match output {
            Output::Send { to, message: Message::VoteReply { term, granted: true } } => (*term, *to),
            Output::Send { message: Message::Vote { term, .. }, .. } => (*term, seen.node),
            _ => continue,
        };
        hold(history.voted(seen.node, term, candidate), ONE_VOTE)?;
    }
    Ok(())
}

fn is_append_only<C: Command>(before: &Raft<C>, after: &Raft<C>) -> bool {
    let led_throughout = before.is_leader() && after.is_leader() && before.term() == after.term();
    !led_throughout
        || (after.last().index >= before.last().index
            && before.cached().all(|(index, entry)| {
                after.entry(index).is_none_or(|now| now == entry) && after.term_at(index) == Some(entry.term)
            }))
}

/// Notes what the node newly holds to be committed; one that recovers, what it did not hand to its application.
fn commits<A: Application>(
    seen: &Seen<'_, RaftSpec<A>>,
    history: &mut HistoryOf<A>,
) -> Result<(), &'static str> {
    let mut index = match seen.event {
        Event::Crashed => return Ok(()),
        Event::Recovered => Index(seen.applied_before),
        _ => seen.before.commit(),
    };
    while index < seen.after.commit() {
        index = Index(index.0 + 1);
        let Some(entry) = known_entry(seen, index) else { continue };
        match chosen_at(history, index) {
            Some(chosen) => hold(chosen.entry == entry, STATE_MACHINE_SAFETY)?,
            None => history.committed.push(Chosen { entry, in_term: seen.after.term() }),
        }
    }
    Ok(())
}

fn chosen_at<C, R>(history: &History<C, R>, index: Index) -> Option<&Chosen<C>> {
    usize::try_from(index.0.checked_sub(1)?).ok().and_then(|at| history.committed.get(at))
}

/// An entry of the node's log, from wherever it is: in memory, on its disk, or on the way there.
fn known_entry<A: Application>(seen: &Seen<'_, RaftSpec<A>>, index: Index) -> Option<Entry<A::Command>> {
    let node = seen.frozen;
    let on_the_way = node.records().filter_map(|record| match record {
        Record::Append { index: at, entry, .. } if *at == index.0 => Some(entry),
        _ => None,
    });
    let entry = seen.after.entry(index).or_else(|| on_the_way.last());
    entry.or_else(|| node.disk().entry(LOG, index.0)).cloned()
}

/// Applications are told what is committed, in order.
fn told_in_order<A: Application>(
    seen: &Seen<'_, RaftSpec<A>>,
    history: &HistoryOf<A>,
) -> Result<(), &'static str> {
    let mut applied = seen.applied_before;
    for output in seen.outputs {
        if let Output::Notify(Notice::Committed { index, term, payload }) = output {
            applied += 1;
            hold(index.0 == applied, TOLD_ONCE)?;
            let chosen = chosen_at(history, *index).map(|chosen| &chosen.entry);
            let told = chosen.is_some_and(|entry| entry.term == *term && entry.payload == *payload);
            hold(told, STATE_MACHINE_SAFETY)?;
        }
    }
    Ok(())
}

/// Replicas do with what they are told what they do.
fn replicas_hear<A: Application>(
    application: &A,
    seen: &Seen<'_, RaftSpec<A>>,
    history: &mut HistoryOf<A>,
) -> Result<(), &'static str> {
    let Some(replica) = history.replica_mut(seen.node) else { return Ok(()) };
    seen.outputs.iter().try_for_each(|output| match output {
        Output::Notify(notice) => application.told(replica, notice),
        _ => Ok(()),
    })
}

fn replicas_agree<A: Application>(world: &World<RaftSpec<A>>) -> bool {
    let replicas = || world.nodes().iter().zip(&world.history().replicas);
    replicas().enumerate().all(|(at, (node, replica))| {
        replicas().skip(at + 1).all(|(other, same)| node.applied != other.applied || replica == same)
    })
}

/// The terms of a whole log: that of index 1 is first.
type Terms = SmallVec<[Term; 64]>;

fn terms<C: Command>(raft: &Raft<C>) -> Terms {
    let runs = raft.evicted_runs();
    let in_memory = raft.cached().next().map_or(raft.last().index.0 + 1, |(first, _)| first.0);
    let ends = runs.iter().skip(1).map(|run| run.index.0).chain([in_memory]);
    let mut terms = Terms::new();
    for (run, end) in runs.iter().zip(ends) {
        let length = usize::try_from(end.saturating_sub(run.index.0)).unwrap_or(0);
        terms.extend(std::iter::repeat_n(run.term, length));
    }
    terms.extend(raft.cached().map(|(_, entry)| entry.term));
    terms
}

fn logs_match<A: Application>(world: &World<RaftSpec<A>>) -> bool {
    let logs: SmallVec<[(&RaftOf<A>, Terms); 5]> = world.machines().map(|raft| (raft, terms(raft))).collect();
    logs.iter().enumerate().all(|(at, a)| logs.iter().skip(at + 1).all(|b| match_up(a, b)))
}

/// Once two logs part, they never agree again, and what they agree on up to there is the same.
fn match_up<C: Command>((a, a_terms): &(&Raft<C>, Terms), (b, b_terms): &(&Raft<C>, Terms)) -> bool {
    let differ = |(a, b): (&Term, &Term)| a != b;
    let both = || a_terms.iter().zip(b_terms);
    let agreed = both().position(differ).unwrap_or(a_terms.len().min(b_terms.len()));
    if !both().skip(agreed).all(differ) {
        return false;
    }
    let first = |raft: &Raft<C>| raft.cached().next().map_or(u64::MAX, |(index, _)| index.0);
    let in_both = first(a).max(first(b))..=agreed as u64;
    in_both.map(Index).all(|index| a.entry(index) == b.entry(index))
}

fn leaders_are_complete<A: Application>(world: &World<RaftSpec<A>>) -> bool {
    let committed = &world.history().committed;
    world.machines().filter(|raft| raft.is_leader()).all(|leader| {
        let terms = terms(leader);
        (1..).zip(committed).enumerate().all(|(at, (index, chosen))| {
            chosen.in_term >= leader.term()
                || (terms.get(at) == Some(&chosen.entry.term)
                    && leader.entry(Index(index)).is_none_or(|entry| *entry == chosen.entry))
        })
    })
}

/// An acknowledgement on its way to the leader of its term is true of the disk of who gave it, for as long as that
/// node is in that term too.
fn acknowledgements_are_durable<A: Application>(world: &World<RaftSpec<A>>) -> bool {
    let flying = world.network().iter().map(|envelope| (envelope.from, envelope.to, &envelope.message));
    let owed = world.ids().zip(world.nodes()).flat_map(|(id, node)| {
        node.inbox.iter().filter_map(move |owed| match owed {
            Owed::Loopback(message) => Some((id, id, message)),
            Owed::Loaded { .. } => None,
        })
    });
    // What is durable up to an index is durable up to any before: of many answers the farthest is enough.
    let mut farthest: SmallVec<[(NodeId, NodeId, Term, Index); 8]> = SmallVec::new();
    for (from, to, message) in flying.chain(owed) {
        if let Message::AppendReply { term, outcome: Outcome::Matched(index) } = message {
            let same =
                |place: &&mut (NodeId, NodeId, Term, Index)| (place.0, place.1, place.2) == (from, to, *term);
            match farthest.iter_mut().find(same) {
                Some(place) => place.3 = place.3.max(*index),
                None => farthest.push((from, to, *term, *index)),
            }
        }
    }
    farthest.into_iter().all(|(from, to, term, index)| is_durable(world, from, to, term, index))
}

fn is_durable<A: Application>(
    world: &World<RaftSpec<A>>,
    from: NodeId,
    to: NodeId,
    term: Term,
    index: Index,
) -> bool {
    let (Some(node), Some(leader)) = (world.node(from), world.node(to)) else { return false };
    let counts = leader.machine.is_leader() && leader.machine.term() == term && node.machine.term() == term;
    if !counts {
        return true;
    }
    let mut durable = node.disk().log(LOG);
    let led = terms(&leader.machine);
    led.len() as u64 >= index.0
        && (1..=index.0)
            .zip(&led)
            .all(|(at, led)| durable.next().is_some_and(|(index, entry)| index == at && entry.term == *led))
}

fn committed_is_durable<A: Application>(world: &World<RaftSpec<A>>) -> bool {
    let (nodes, committed) = (world.nodes(), &world.history().committed);
    let mut holders: SmallVec<[usize; 64]> = SmallVec::from_elem(0, committed.len());
    for node in nodes {
        for (index, entry) in node.disk().log(LOG).take_while(|(index, _)| *index <= committed.len() as u64) {
            let place = usize::try_from(index).ok().and_then(|index| index.checked_sub(1));
            let Some(at) = place else { continue };
            if committed.get(at).is_some_and(|chosen| chosen.entry == *entry) {
                holders[at] += 1;
            }
        }
    }
    // Counted here, not by the crate: a wrong majority must not excuse itself.
    holders.iter().all(|holders| *holders > nodes.len() / 2)
}

fn applied_stays<A: Application>(world: &World<RaftSpec<A>>) -> bool {
    let committed = &world.history().committed;
    world.nodes().iter().all(|node| {
        let mut durable = node.disk().log(LOG);
        let mut chosen = committed.iter();
        (1..=node.applied).all(|at| match (durable.next(), chosen.next()) {
            (Some((index, entry)), Some(chosen)) => index == at && chosen.entry == *entry,
            _ => false,
        })
    })
}
