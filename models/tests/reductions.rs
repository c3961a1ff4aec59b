//! What an exploration leaves out, held against what it would find without leaving anything out.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail loudly")]

mod claim;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use claim::{Bug, Claims};
use quorate::commit::{Mode, Vote};
use quorate_models::check::{Progress, Report, RunOptions};
use quorate_models::commit::CommitSpec;
use quorate_models::commit_on_raft::CommitOnRaftSpec;
use quorate_models::explore::{Explored, run};
use quorate_models::paxos_commit::PaxosCommitSpec;
use quorate_models::raft::RaftSpec;
use quorate_models::spec::Spec;
use quorate_models::world::{Action, Limits, Rules, Script, Withheld, World};
use stateright::{Checker, Model};

const fn limits(in_flight: u64, duplicates: u64, requests: u64, crashes: u64) -> Limits {
    Limits {
        in_flight: Some(in_flight),
        duplicates: Some(duplicates),
        requests: Some(requests),
        crashes: Some(crashes),
        ticks: Some(0),
        drift: None,
    }
}

/// Visits every world that exploration reaches. Returns how many there are, and what they are without
/// messages in flight and faults spent, up to names.
fn reach<S: Spec>(rules: &Rules<S>, mut visit: impl FnMut(&World<S>)) -> (usize, BTreeSet<u64>) {
    let mut pending = rules.initial();
    let mut seen: BTreeSet<u64> = pending.iter().map(World::fingerprint).collect();
    let mut reached = BTreeSet::new();
    while let Some(world) = pending.pop() {
        visit(&world);
        reached.insert(rules.canonical(world.without_faults()).fingerprint());
        let mut moves = Vec::new();
        rules.moves(&world, &mut moves, &mut Withheld::new());
        pending
            .extend(moves.into_iter().map(|taken| taken.next).filter(|next| seen.insert(next.fingerprint())));
    }
    (seen.len(), reached)
}

/// Late losses reach the same nodes and histories as early ones, and the same violations.
fn late_losses_lose_nothing<S: Spec>(rules: impl Fn() -> Rules<S>) {
    let (mut fell_early, mut fell_late) = (BTreeSet::new(), BTreeSet::new());
    let rules = || rules().without_prompt();
    let (with_early, with_late) = (rules().with_early_losses(), rules());
    let early = reach(&with_early, |world| fell_early.extend(with_early.violated(world)));
    let late = reach(&with_late, |world| fell_late.extend(with_late.violated(world)));
    println!("{} worlds, {} of them enough, {} without faults", early.0, late.0, late.1.len());
    assert!(early.1 == late.1, "{} and {} worlds without faults", early.1.len(), late.1.len());
    assert_eq!(fell_early, fell_late);
    assert!(late.0 <= early.0);
}

#[test]
fn late_losses_reach_all_that_claimants_come_to() {
    for bug in [Bug::None, Bug::FreeVote, Bug::ForgottenVote, Bug::ForgottenUnnoticed, Bug::Panic] {
        for (nodes, limits) in [(2, limits(1, 1, 2, 1)), (2, limits(3, 2, 2, 2)), (3, limits(2, 1, 2, 0))] {
            late_losses_lose_nothing(|| Rules::new(Claims { nodes, bug, signed: true }, limits));
        }
    }
    let claims = Claims { nodes: 3, bug: Bug::None, signed: true };
    late_losses_lose_nothing(|| Rules::new(claims.clone(), limits(3, 0, 2, 1)).without_symmetry());
}

#[test]
fn late_losses_reach_all_that_raft_comes_to() {
    late_losses_lose_nothing(|| Rules::new(RaftSpec::new(2, 2), limits(1, 1, 1, 1)));
    late_losses_lose_nothing(|| Rules::new(RaftSpec::new(2, 2), limits(2, 1, 1, 0)).without_symmetry());
    late_losses_lose_nothing(|| Rules::new(RaftSpec::new(2, 2), limits(3, 0, 1, 0)).without_inert());
    late_losses_lose_nothing(|| Rules::new(RaftSpec::new(3, 1), limits(2, 1, 1, 1)));
    let diverged = || RaftSpec::new(3, 3).beginning_with(&[(2, &[1, 2]), (2, &[1]), (2, &[1, 1])]);
    late_losses_lose_nothing(|| Rules::new(diverged(), limits(2, 0, 0, 0)));
    let asking = || RaftSpec::new(3, 1).configured(|config| config.pre_vote = true);
    late_losses_lose_nothing(|| Rules::new(asking(), limits(3, 0, 0, 0)));
}

/// An inert message changes nothing where it arrives, stays inert, and taking it out of flight loses nothing.
fn inert_is_inert<S: Spec>(spec: &S, limits: Limits) {
    let rules = || Rules::new(spec.clone(), limits);
    let unreduced = rules().with_early_losses().without_inert();
    let mut found = 0;
    let whole = reach(&unreduced, |world| {
        let is_inert = |world: &World<S>, envelope: &_| {
            let quorate_models::network::Envelope { from, to, message } = envelope;
            world.node(*to).is_some_and(|receiver| spec.inert(receiver, *from, message))
        };
        let inert: Vec<_> = world.network().iter().filter(|envelope| is_inert(world, envelope)).collect();
        if inert.is_empty() {
            return;
        }
        found += inert.len();
        for envelope in &inert {
            let arrived = unreduced.apply_named(world, &Action::Deliver((*envelope).clone(), Script::new()));
            let lost = unreduced.apply_named(world, &Action::Drop((*envelope).clone()));
            assert_eq!(arrived.unwrap(), lost.unwrap(), "{envelope:?} changed something");
        }
        let mut actions = Vec::new();
        unreduced.actions(world, &mut actions, &mut Withheld::new());
        for next in actions.iter().filter_map(|action| unreduced.apply_named(world, action).ok()) {
            for envelope in inert.iter().filter(|envelope| next.network().contains(envelope)) {
                assert!(is_inert(&next, envelope), "{envelope:?} is not inert any more in {next:?}");
            }
        }
    });
    let reduced = reach(&rules().with_early_losses(), |_| ());
    println!("{found} inert messages in {} worlds, {} of them enough", whole.0, reduced.0);
    assert!(found > 0 && reduced.0 < whole.0);
    // An inert message fills a place in flight: without it, more happens within the same bound.
    assert!(whole.1.is_subset(&reduced.1));
}

#[test]
fn inert_messages_of_raft_never_change_anything() {
    inert_is_inert(&RaftSpec::new(2, 2), limits(2, 1, 1, 0));
    inert_is_inert(&RaftSpec::new(2, 3).configured(|config| config.pre_vote = true), limits(2, 0, 0, 0));
    inert_is_inert(&RaftSpec::new(3, 1), limits(2, 0, 1, 0));
    let diverged = RaftSpec::new(3, 3).beginning_with(&[(2, &[1, 2]), (2, &[1]), (2, &[1, 1])]);
    inert_is_inert(&diverged, limits(2, 0, 0, 0));
}

/// Records that become durable only where it shows: the machines that are reached are the same, in all their
/// combinations, and so is what falls.
fn late_flushes_lose_nothing<S: Spec>(rules: impl Fn() -> Rules<S>) -> (usize, usize) {
    let machines = |world: &World<S>| {
        let machines: Vec<&S::Machine> = world.machines().collect();
        let mut hasher = DefaultHasher::new();
        (machines, world.spent().requests, world.spent().crashes).hash(&mut hasher);
        hasher.finish()
    };
    let reached = |rules: &Rules<S>| {
        let (mut all, mut fell) = (BTreeSet::new(), BTreeSet::new());
        let (worlds, _) = reach(rules, |world| {
            all.insert(machines(world));
            fell.extend(rules.violated(world));
        });
        (worlds, all, fell)
    };
    let rules = || rules().without_symmetry().without_prompt();
    let (early, late) = (reached(&rules().with_early_flushes()), reached(&rules()));
    println!("{} worlds, {} of them enough; {} and {} tuples", early.0, late.0, early.1.len(), late.1.len());
    assert!(early.1 == late.1, "{} and {} combinations of machines", early.1.len(), late.1.len());
    assert_eq!(early.2, late.2);
    assert!(late.0 <= early.0);
    (early.0, late.0)
}

#[test]
fn late_flushes_reach_all_that_raft_comes_to() {
    let mut saved = 0;
    for (spec, limits) in [
        (RaftSpec::new(2, 2), limits(1, 1, 1, 1)),
        (RaftSpec::new(2, 2), limits(2, 0, 1, 1)),
        (RaftSpec::new(3, 1), limits(2, 0, 1, 1)),
        (RaftSpec::new(3, 2), limits(2, 0, 0, 0)),
        (RaftSpec::new(3, 3).beginning_with(&[(2, &[1, 2]), (2, &[1]), (2, &[1, 1])]), limits(2, 0, 0, 0)),
        (RaftSpec::new(2, 3).beginning_with(&[(2, &[1, 2]), (2, &[1, 1, 1])]), limits(2, 0, 0, 1)),
        (RaftSpec::new(2, 2).configured(|config| config.pre_vote = true), limits(2, 0, 1, 1)),
    ] {
        let (early, late) = late_flushes_lose_nothing(|| Rules::new(spec.clone(), limits));
        saved += early - late;
    }
    assert!(saved > 0);
}

/// Visiting worlds in layers of faults spent comes to the same verdicts, meets the same, and visits no more.
fn layers_lose_nothing<S: Spec>(rules: impl Fn() -> Rules<S>) -> (u64, u64) {
    let explored = |rules: Rules<S>| {
        let report = run(rules, &RunOptions { threads: 2, ..RunOptions::default() }, &Progress::default());
        assert!(report.complete || report.violation.is_some());
        report
    };
    let (whole, layered) = (explored(rules().without_layers()), explored(rules()));
    let fell = |report: &Report| report.violation.as_ref().map(|violation| violation.property);
    assert_eq!(fell(&layered), fell(&whole));
    if whole.violation.is_none() {
        assert_eq!(layered.properties, whole.properties);
        let met = |report: &Report| report.coverage.meetings.keys().copied().collect::<Vec<_>>();
        assert_eq!(met(&layered), met(&whole));
        assert!(layered.unique <= whole.unique && layered.states <= whole.states);
    }
    (whole.unique, layered.unique)
}

#[test]
fn layers_lose_nothing_of_what_claimants_come_to() {
    for bug in [Bug::None, Bug::FreeVote, Bug::ForgottenVote, Bug::ForgottenUnnoticed, Bug::Panic] {
        for (nodes, limits) in [(2, limits(1, 1, 2, 1)), (2, limits(3, 2, 2, 2)), (3, limits(2, 1, 2, 1))] {
            layers_lose_nothing(|| Rules::new(Claims { nodes, bug, signed: true }, limits));
        }
    }
}

#[test]
fn layers_lose_nothing_of_what_raft_comes_to() {
    let mut sums = (0, 0);
    for (spec, limits) in [
        (RaftSpec::new(2, 2), limits(1, 1, 1, 1)),
        (RaftSpec::new(2, 2), limits(2, 1, 1, 2)),
        (RaftSpec::new(3, 1), limits(2, 1, 1, 2)),
        (RaftSpec::new(3, 3).beginning_with(&[(2, &[1, 2]), (2, &[1]), (2, &[1, 1])]), limits(2, 0, 0, 1)),
        (RaftSpec::new(2, 2).configured(|config| config.pre_vote = true), limits(2, 0, 1, 2)),
    ] {
        let (whole, layered) = layers_lose_nothing(|| Rules::new(spec.clone(), limits));
        println!("{whole} worlds, {layered} of them enough");
        sums = (sums.0 + whole, sums.1 + layered);
    }
    assert!(sums.1 < sums.0);
}

/// Without layers, the search visits exactly what stateright's own visits.
#[test]
fn the_search_visits_what_stateright_visits() {
    let raft = || Rules::new(RaftSpec::new(2, 2), limits(2, 1, 1, 1)).without_layers();
    let claims =
        || Rules::new(Claims { nodes: 3, bug: Bug::None, signed: true }, limits(2, 1, 2, 1)).without_layers();
    agrees_with_stateright(raft);
    agrees_with_stateright(claims);
}

fn agrees_with_stateright<S: Spec>(rules: impl Fn() -> Rules<S>) {
    let theirs = Explored::new(rules()).checker().spawn_dfs().join();
    for threads in [1, 2] {
        let ours = run(rules(), &RunOptions { threads, ..RunOptions::default() }, &Progress::default());
        assert!(ours.complete && ours.holds());
        let counts = (theirs.unique_state_count() as u64, theirs.state_count() as u64);
        assert_eq!((ours.unique, ours.states), counts);
    }
}

/// Two-phase commit of two participants, with applications that say no more than their votes, or all they can.
fn commit(mode: Mode) -> CommitSpec {
    CommitSpec::new(2).beginning(mode)
}

/// What applications and operators ask is bounded by what there is to ask.
const fn faults(in_flight: u64, duplicates: u64, crashes: u64) -> Limits {
    Limits { requests: None, ..limits(in_flight, duplicates, 0, crashes) }
}

const MODES: [Mode; 2] = [Mode::PresumedAbort, Mode::PresumedCommit];

#[test]
fn late_losses_reach_all_that_two_phase_commit_comes_to() {
    for mode in MODES {
        late_losses_lose_nothing(|| Rules::new(commit(mode).terse(), faults(2, 0, 0)));
        late_losses_lose_nothing(|| Rules::new(commit(mode).terse().voting(&[Vote::Yes]), faults(2, 1, 1)));
    }
}

#[test]
fn inert_messages_of_two_phase_commit_never_change_anything() {
    for mode in MODES {
        let votes = [Vote::Yes, Vote::ReadOnly];
        inert_is_inert(&commit(mode).terse().voting(&votes), faults(2, 0, 0));
        inert_is_inert(&commit(mode).terse().voting(&[Vote::Yes]), faults(2, 0, 1));
    }
}

#[test]
fn late_flushes_reach_all_that_two_phase_commit_comes_to() {
    let mut saved = 0;
    for mode in MODES {
        for (spec, limits) in [
            (commit(mode).terse(), faults(2, 0, 1)),
            (commit(mode).voting(&[Vote::Yes]), faults(2, 0, 0)),
            (commit(mode).voting(&[Vote::Yes]).resolved_at(1), faults(2, 0, 0)),
        ] {
            let (early, late) = late_flushes_lose_nothing(|| Rules::new(spec.clone(), limits));
            saved += early - late;
        }
    }
    assert!(saved > 0);
}

#[test]
fn layers_lose_nothing_of_what_two_phase_commit_comes_to() {
    for mode in MODES {
        layers_lose_nothing(|| Rules::new(commit(mode).terse(), faults(2, 1, 1)));
    }
}

/// The coordinator keeps its name; of worlds in which participants have changed theirs, one is enough.
#[test]
fn participants_are_interchangeable_and_their_coordinator_is_not() {
    for (participants, votes) in [(2, vec![Vote::Yes, Vote::No]), (3, vec![Vote::Yes])] {
        for mode in MODES {
            let spec = || CommitSpec::new(participants).beginning(mode).terse().voting(&votes);
            let rules = || Rules::new(spec(), faults(participants, 0, u64::from(participants == 2)));
            let (one, whole) = (rules(), rules().without_symmetry());
            let mut looked_at = 0;
            let reduced = reach(&one, |world| {
                looked_at += 1;
                if looked_at % 16 == 1 {
                    one.check_symmetry(world).unwrap();
                }
            });
            let mut orbits = BTreeSet::new();
            let all = reach(&whole, |world| {
                orbits.insert(one.canonical(world.clone()).fingerprint());
            });
            println!("{} worlds, {} of them enough", all.0, reduced.0);
            assert_eq!(orbits.len(), reduced.0, "each orbit has one representative");
            assert!(reduced.0 * 3 < all.0 * 2);
        }
    }
}

/// Any number of messages in flight, each of which arrives any number of times.
const fn any_messages(crashes: u64) -> Limits {
    Limits {
        in_flight: None,
        duplicates: None,
        requests: None,
        crashes: Some(crashes),
        ticks: Some(0),
        drift: None,
    }
}

/// Silent nodes write at once or crash over it, and what may arrive any number of times stays in flight: what is reached is the
/// same, each with as few crashes, and so is what falls. Returns how many worlds there are, how many are enough, and how
/// many properties fell.
fn prompt_disks_lose_nothing<S: Spec>(
    spec: &S,
    limits: Limits,
    what: fn(&World<S>) -> Option<u64>,
) -> (usize, usize, usize) {
    let reached = |rules: &Rules<S>| {
        let (mut all, mut fell) = (BTreeMap::new(), BTreeSet::new());
        let (worlds, _) = reach(rules, |world| {
            fell.extend(rules.violated(world));
            if let Some(what) = what(world) {
                let crashes = world.spent().crashes;
                let least = all.entry(what).or_insert(crashes);
                *least = crashes.min(*least);
            }
        });
        (worlds, all, fell)
    };
    let rules = || Rules::new(spec.clone(), limits).without_symmetry();
    let whole = reached(&rules().with_early_losses().with_early_flushes());
    let reduced = reached(&rules());
    println!("{} worlds, {} of them enough; {} compared", whole.0, reduced.0, whole.1.len());
    let missing = whole.1.iter().filter(|(world, crashes)| reduced.1.get(world) != Some(crashes)).count();
    let of = (whole.1.len(), reduced.1.len());
    assert_eq!(whole.2, reduced.2);
    // What comes after a fall is not looked at.
    let is_same = whole.1 == reduced.1 || !whole.2.is_empty();
    assert!(is_same, "{missing} missing, or at more crashes, of {} in {}", of.0, of.1);
    (whole.0, reduced.0, whole.2.len())
}

/// Where no disk is behind: the machines and the history.
fn at_rest<S: Spec>(world: &World<S>) -> Option<u64> {
    let is_at_rest = world.nodes().iter().all(|node| !node.ledger.is_waiting());
    is_at_rest.then(|| {
        let mut hasher = DefaultHasher::new();
        (world.machines().collect::<Vec<_>>(), world.history()).hash(&mut hasher);
        hasher.finish()
    })
}

/// The machines in all their combinations, however much of what shows to nobody is written down.
#[allow(clippy::unnecessary_wraps, reason = "one of two ways to compare")]
fn machines<S: Spec>(world: &World<S>) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    (world.machines().collect::<Vec<_>>(), world.spent().requests).hash(&mut hasher);
    Some(hasher.finish())
}

#[test]
fn prompt_disks_reach_all_that_claimants_come_to() {
    let mut fell = 0;
    for bug in [Bug::None, Bug::FreeVote, Bug::ForgottenVote, Bug::ForgottenUnnoticed, Bug::Panic] {
        for (nodes, limits) in [(2, limits(1, 1, 2, 1)), (2, limits(3, 2, 2, 2)), (3, limits(2, 1, 2, 1))] {
            fell += prompt_disks_lose_nothing(&Claims { nodes, bug, signed: true }, limits, machines).2;
            prompt_disks_lose_nothing(&Claims { nodes, bug, signed: true }, limits, at_rest);
        }
    }
    assert!(fell > 0);
}

/// Raft tells others things while its disk works, so that a node may have gone further than it remembers.
#[test]
fn prompt_disks_reach_all_that_a_coordinator_on_raft_comes_to() {
    let mut sums = (0, 0);
    for (spec, limits) in [
        (CommitOnRaftSpec::new(2, 1, (2, 2), Mode::PresumedAbort).beginning_new(), faults(2, 0, 1)),
        (CommitOnRaftSpec::new(2, 1, (2, 1), Mode::PresumedAbort).beginning_new(), faults(3, 0, 2)),
        (CommitOnRaftSpec::new(3, 0, (2, 1), Mode::PresumedAbort).beginning_new(), faults(2, 0, 0)),
        (CommitOnRaftSpec::new(1, 1, (2, 5), Mode::PresumedCommit), faults(1, 0, 1)),
    ] {
        let (whole, reduced, _) = prompt_disks_lose_nothing(&spec, limits, machines);
        sums = (sums.0 + whole, sums.1 + reduced);
    }
    assert!(sums.1 < sums.0);
}

#[test]
fn prompt_disks_and_messages_that_stay_reach_all_that_paxos_commit_comes_to() {
    let yes = |leaders, managers| PaxosCommitSpec::new(leaders, 1, managers).voting(&[Vote::Yes]);
    for (spec, crashes) in [
        (PaxosCommitSpec::new(1, 1, 1), 2),
        (PaxosCommitSpec::new(1, 1, 1).forgetting(), 1),
        (yes(1, 1).hurrying().doubting().forgetting(), 1),
        (yes(1, 1).resending(), 1),
        (yes(1, 1).carrying_out(), 2),
        (yes(1, 1).balloting(Some(&[1])), 1),
        (yes(2, 1).balloting(Some(&[0, 1])), 1),
        (yes(1, 2), 1),
    ] {
        let (whole, reduced, _) = prompt_disks_lose_nothing(&spec, any_messages(crashes), at_rest);
        assert!(reduced * 2 < whole);
    }
}

#[test]
fn prompt_disks_reach_all_that_two_phase_commit_comes_to() {
    for mode in MODES {
        let one = || CommitSpec::new(1).beginning(mode);
        let short = |spec: CommitSpec| {
            spec.configured(|config| (config.max_tombstones, config.journal_slack) = (1, 1))
        };
        for (spec, limits) in [
            (commit(mode).terse(), faults(2, 0, 1)),
            (commit(mode).terse().voting(&[Vote::Yes]), faults(2, 1, 1)),
            (commit(mode).voting(&[Vote::Yes]), faults(2, 0, 0)),
            (commit(mode).terse().voting(&[Vote::Yes]).resolved_at(1), faults(2, 0, 1)),
            (commit(mode).terse().cancelled(), faults(2, 0, 0)),
            (one(), faults(2, 1, 2)),
            (one().resolved_at(1), faults(2, 0, 2)),
            (one().by_position().resolved_at(1), faults(2, 0, 1)),
            (short(one().beginning(mode)), faults(2, 0, 1)),
            (short(one().beginning(mode).overlapping()).voting(&[Vote::Yes]), faults(1, 0, 1)),
        ] {
            let (whole, reduced, _) = prompt_disks_lose_nothing(&spec, limits, at_rest);
            assert!(reduced < whole);
        }
    }
}

#[test]
fn inert_messages_of_paxos_commit_never_change_anything() {
    inert_is_inert(&PaxosCommitSpec::new(1, 1, 1).balloting(Some(&[1])).forgetting(), faults(2, 0, 0));
    inert_is_inert(&PaxosCommitSpec::new(2, 1, 1).balloting(Some(&[0, 1])).doubting(), faults(2, 0, 0));
    inert_is_inert(&PaxosCommitSpec::new(1, 1, 1).resending(), faults(2, 1, 1));
}

/// Leaders keep their names; acceptors change theirs among each other, and so do resource managers.
#[test]
fn acceptors_are_interchangeable_and_so_are_resource_managers() {
    for spec in [
        PaxosCommitSpec::new(1, 3, 1).voting(&[Vote::Yes]).balloting(Some(&[1])),
        PaxosCommitSpec::new(1, 1, 2).forgetting(),
    ] {
        let rules = || Rules::new(spec.clone(), any_messages(0));
        let (one, whole) = (rules(), rules().without_symmetry());
        let mut looked_at = 0;
        let reduced = reach(&one, |world| {
            looked_at += 1;
            if looked_at % 16 == 1 {
                one.check_symmetry(world).unwrap();
            }
        });
        let mut orbits = BTreeSet::new();
        let all = reach(&whole, |world| {
            orbits.insert(one.canonical(world.clone()).fingerprint());
        });
        println!("{} worlds, {} of them enough", all.0, reduced.0);
        assert_eq!(orbits.len(), reduced.0, "each orbit has one representative");
        assert!(reduced.0 < all.0);
    }
}
