//! The portfolio: several small worlds, each explored to the end, rather than one that never ends.

use super::RaftSpec;
use super::spec::Expect;
use crate::check::{Check, Level, Protocol, at};
use crate::explore::WorldCheck;
use crate::liveness::LivenessCheck;
use crate::world::Limits;

/// Raft with all of its worlds.
#[must_use]
pub fn protocol() -> Protocol {
    Protocol {
        name: "raft",
        source: "Ongaro and Ousterhout, In Search of an Understandable Consensus Algorithm (Extended Version), 2014",
        checks: checks(),
        simulation: Some(super::simulation()),
    }
}

fn checks() -> Vec<Box<dyn Check>> {
    vec![
        world("elections", "who votes for whom across crashes and cut disks", elections),
        world("pre-vote", "asking before campaigning", pre_vote),
        world(
            "replication",
            "two commands, lost, duplicated and reordered, under changing leaders",
            replication,
        ),
        world("figure-8", "an entry of an old term on a majority, and a rival with a later one", figure_8),
        world("rivals", "figure 8's logs, and crashes while one of them wins", rivals),
        world("divergence", "followers with suffixes that the leader lacks", divergence),
        world("two-nodes", "a majority of an even number", two_nodes),
        world("five-nodes", "quorums of three", five_nodes),
        world("alone", "one node, its disk and its crashes", alone),
        world("quorum-check", "leaders that hear of nobody", quorum_check),
        world("as-shipped", "asking before campaigning, and leaders that hear of nobody", as_shipped),
        world("full", "as much uncommitted as may be", full),
        world("small-cache", "entries read back from disk", small_cache),
        world(
            "divergent-cache",
            "suffixes that the leader lacks while its own entries are on disk only",
            divergent_cache,
        ),
        world("one-term", "who votes for whom in a single term, across crashes", one_term),
        world("late-votes", "grants of terms that are over", late_votes),
        world("late-acks", "acknowledgements of terms that are over", late_acks),
        world("late-pre-votes", "answers to a campaign that has begun since", late_pre_votes),
        world(
            "late-conflicts",
            "answers to appends that did not match, of terms that are over",
            late_conflicts,
        ),
        world("late-loads", "entries read back by who no longer leads", late_loads),
        world("late-loads-asking", "entries read back by who asks whether to campaign", late_loads_asking),
        world("late-disk", "completions of a slow disk that outlive a term", late_disk),
        settling("settles", "a leader, its followers, and anything that may have happened to them", settles),
        settling("settles-diverged", "followers whose logs the leader must mend", settles_diverged),
        world("long-old-log", "a long log of an old term, a short one of a later", long_old_log),
    ]
}

fn world(name: &'static str, varies: &'static str, setup: fn(Level) -> (RaftSpec, Limits)) -> Box<dyn Check> {
    Box::new(WorldCheck::new("raft", name, varies, setup))
}

fn settling(
    name: &'static str,
    varies: &'static str,
    setup: fn(Level) -> (RaftSpec, Limits),
) -> Box<dyn Check> {
    Box::new(LivenessCheck::new("raft", name, varies, setup))
}

fn limits(in_flight: u64, crashes: u64, duplicates: u64, requests: u64) -> Limits {
    Limits { requests: Some(requests), ..Limits::faults(in_flight, crashes, duplicates) }
}

const COMMITS: Expect = Expect { commits: true, overwrites: false, reelects: false };
const REELECTS: Expect = Expect { commits: false, overwrites: false, reelects: true };

fn elections(level: Level) -> (RaftSpec, Limits) {
    let spec = RaftSpec::new(3, 3).expecting(REELECTS);
    (spec, limits(at(level, 2, 2, 3), 2, at(level, 0, 1, 1), 0))
}

fn pre_vote(level: Level) -> (RaftSpec, Limits) {
    let spec = RaftSpec::new(3, 2).configured(|config| config.pre_vote = true).expecting(REELECTS);
    (spec, limits(at(level, 2, 2, 4), at(level, 1, 1, 2), at(level, 0, 1, 1), 0))
}

/// But for the deep bounds, it begins with a leader in the first term that was just asked for the first command; at
/// quick bounds an append waits for the answer to the one before. How a leader comes to be elected is what
/// `elections` explores, and appends follow each other in other worlds. The second command is asked for at any
/// time, of any leader.
fn replication(level: Level) -> (RaftSpec, Limits) {
    let spec = RaftSpec::new(3, 2).expecting(Expect { overwrites: true, reelects: true, ..COMMITS });
    let spec = match level {
        Level::Quick => spec.beginning_led().configured(|config| config.max_inflight_messages = 1),
        Level::Standard => spec.beginning_led(),
        Level::Deep => spec,
    };
    (spec, limits(2, 1, 1, 2))
}

/// One entry an append, so that the entry of the old term is acknowledged before the one of the new is there:
/// with two, an entry of an old term is never counted alone and the figure never comes about.
fn figure_8(level: Level) -> (RaftSpec, Limits) {
    let (spec, limits) = rivals(level);
    let crashes = Some(at(level, 0, 1, 2));
    (spec.configured(|config| config.max_append_entries = 1), Limits { crashes, ..limits })
}

fn rivals(level: Level) -> (RaftSpec, Limits) {
    let spec = RaftSpec::new(3, 5)
        .beginning_with(&[(3, &[1, 2]), (3, &[1]), (3, &[1, 3])])
        .expecting(Expect { overwrites: true, ..REELECTS });
    (spec, limits(at(level, 2, 2, 4), at(level, 1, 1, 2), at(level, 0, 1, 1), 0))
}

fn divergence(level: Level) -> (RaftSpec, Limits) {
    let spec = RaftSpec::new(3, 4)
        .beginning_with(&[(3, &[1, 3]), (3, &[1, 1, 1]), (3, &[1, 2, 2])])
        .expecting(Expect { overwrites: true, ..Expect::default() });
    (spec, limits(at(level, 2, 2, 4), at(level, 0, 1, 1), 1, at(level, 1, 1, 2)))
}

fn two_nodes(level: Level) -> (RaftSpec, Limits) {
    let spec = RaftSpec::new(2, at(level, 2, 3, 3)).expecting(Expect { reelects: true, ..COMMITS });
    (spec, limits(at(level, 2, 3, 4), 2, 1, 1))
}

fn five_nodes(level: Level) -> (RaftSpec, Limits) {
    let spec = RaftSpec::new(5, at(level, 1, 1, 2));
    (spec, limits(at(level, 4, 5, 5), at(level, 0, 1, 1), 0, 0))
}

fn alone(level: Level) -> (RaftSpec, Limits) {
    let spec = RaftSpec::new(1, at(level, 3, 4, 5)).expecting(Expect { reelects: true, ..COMMITS });
    (spec, limits(2, at(level, 3, 4, 5), 0, at(level, 3, 4, 5)))
}

fn quorum_check(level: Level) -> (RaftSpec, Limits) {
    let spec = RaftSpec::new(3, 2).configured(|config| config.check_quorum = true).expecting(REELECTS);
    (spec, limits(at(level, 2, 2, 3), at(level, 0, 1, 1), 0, 0))
}

/// Both together, as the default configuration has them.
fn as_shipped(level: Level) -> (RaftSpec, Limits) {
    let spec = RaftSpec::new(3, 2)
        .configured(|config| (config.pre_vote, config.check_quorum) = (true, true))
        .expecting(REELECTS);
    (spec, limits(2, at(level, 0, 1, 1), at(level, 0, 0, 1), 0))
}

/// One entry may be uncommitted: the leader's own, then one command.
fn full(level: Level) -> (RaftSpec, Limits) {
    let spec = RaftSpec::new(2, at(level, 1, 2, 2))
        .configured(|config| config.max_uncommitted_entries = 1)
        .expecting(COMMITS);
    (spec, limits(2, at(level, 0, 1, 1), 0, 3))
}

fn small_cache(level: Level) -> (RaftSpec, Limits) {
    let spec = RaftSpec::new(3, 2)
        .configured(|config| {
            config.max_cached_entries = 1;
            config.max_append_entries = 1;
        })
        .beginning_with(&[(1, &[1, 1]), (1, &[1, 1]), (1, &[])])
        .expecting(if level == Level::Quick { Expect::default() } else { COMMITS });
    (spec, limits(at(level, 2, 2, 3), at(level, 0, 1, 1), 0, at(level, 0, 1, 1)))
}

fn one_term(level: Level) -> (RaftSpec, Limits) {
    (RaftSpec::new(3, 1), limits(2, at(level, 1, 2, 3), at(level, 0, 1, 1), 0))
}

/// What `inert` takes out of flight everywhere else stays: the very answers that a correct node ignores.
fn late_votes(level: Level) -> (RaftSpec, Limits) {
    let spec = RaftSpec::new(3, 2).with_late_answers().expecting(REELECTS);
    (spec, limits(3, at(level, 0, 1, 1), at(level, 0, 0, 1), 0))
}

/// One leader in two terms, with a crash in between that may take back what a follower acknowledged.
fn late_acks(level: Level) -> (RaftSpec, Limits) {
    let spec = RaftSpec::new(3, 2).electing(&[(1, 0), (2, 0)]).with_late_answers();
    (spec, limits(3, 1, at(level, 0, 0, 1), 0))
}

fn late_pre_votes(level: Level) -> (RaftSpec, Limits) {
    let spec =
        RaftSpec::new(3, at(level, 1, 1, 2)).configured(|config| config.pre_vote = true).with_late_answers();
    (spec, limits(3, 0, at(level, 0, 0, 1), 0))
}

/// Two leaders whose logs differ from the others', one after the other, and answers of the first one's time.
fn late_conflicts(level: Level) -> (RaftSpec, Limits) {
    let spec = RaftSpec::new(3, 4)
        .beginning_with(&[(1, &[1]), (1, &[]), (1, &[])])
        .electing(&[(2, 0), (3, 0), (4, 1)])
        .configured(|config| config.pre_vote = true)
        .with_late_answers();
    (spec, limits(2, at(level, 0, 1, 1), 0, 0))
}

/// A leader that reads back what a follower lacks, hears of nobody, and campaigns before its disk has answered.
fn late_loads(level: Level) -> (RaftSpec, Limits) {
    let spec = reading_back(3).electing(&[(2, 0), (3, 0)]);
    (spec, limits(2, at(level, 0, 0, 1), 0, 0))
}

/// The same, but that it asks first.
fn late_loads_asking(level: Level) -> (RaftSpec, Limits) {
    let spec = reading_back(2).configured(|config| config.pre_vote = true).electing(&[(2, 0)]);
    (spec, limits(2, at(level, 0, 0, 1), 0, 0))
}

/// The first of two nodes has two entries that the other lacks, and room for one in memory.
fn reading_back(terms: u64) -> RaftSpec {
    RaftSpec::new(2, terms)
        .configured(|config| {
            config.max_cached_entries = 1;
            config.max_append_entries = 1;
            config.check_quorum = true;
        })
        .beginning_with(&[(1, &[1, 1]), (1, &[])])
}

/// The first node is one entry ahead, and leads, is cut, and leads again: what its disk told it of a place the
/// first time may come back when that place is being written anew.
fn late_disk(level: Level) -> (RaftSpec, Limits) {
    let spec = RaftSpec::new(3, 4)
        .beginning_with(&[(1, &[1]), (1, &[]), (1, &[])])
        .electing(&[(2, 0), (3, 1), (4, 0)])
        .expecting(Expect { overwrites: true, ..REELECTS });
    (spec, limits(2, 0, 0, at(level, 0, 0, 1)))
}

fn long_old_log(level: Level) -> (RaftSpec, Limits) {
    let spec =
        RaftSpec::new(3, 4).beginning_with(&[(2, &[1, 1, 1]), (2, &[1]), (2, &[1, 2])]).expecting(REELECTS);
    (spec, limits(2, at(level, 0, 1, 1), 0, 0))
}

/// A leader that waits for its disk sends an empty append, and only then does one end before the logs part: with
/// entries at hand, the first append that matches cuts what it contradicts.
fn divergent_cache(level: Level) -> (RaftSpec, Limits) {
    let spec = RaftSpec::new(3, 4)
        .configured(|config| {
            config.max_cached_entries = 1;
            config.max_append_entries = 1;
        })
        .beginning_with(&[(3, &[1, 3]), (3, &[1, 2, 2]), (3, &[1])])
        .expecting(Expect { overwrites: true, ..Expect::default() });
    (spec, limits(2, at(level, 0, 1, 1), 0, 0))
}

/// One term: who leads is settled. Everything else that can befall a leader and its followers does.
fn settles(level: Level) -> (RaftSpec, Limits) {
    let spec = RaftSpec::new(3, 1).beginning_led();
    (spec, limits(2, at(level, 0, 1, 1), 0, at(level, 1, 1, 2)))
}

fn settles_diverged(level: Level) -> (RaftSpec, Limits) {
    let spec = RaftSpec::new(3, 4)
        .beginning_with(&[(3, &[1, 3]), (3, &[1, 1, 1]), (3, &[1, 2, 2])])
        .electing(&[(4, 0)]);
    (spec, limits(2, at(level, 0, 0, 1), 0, 0))
}
