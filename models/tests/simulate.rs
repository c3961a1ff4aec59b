//! Long runs by a seed: the same everywhere, noticed when something falls, and short when told.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail loudly")]

use std::ffi::OsString;
use std::sync::atomic::{AtomicBool, AtomicU64};

use quorate::time::Time;
use quorate_models::breaker::{self, BreakerSpec};
use quorate_models::check::Protocol;
use quorate_models::cli::{self, HOLDS, Registry, Screen, UNDECIDED, VIOLATED};
use quorate_models::raft::{self, RaftSpec};
use quorate_models::simulate::{
    ANSWERED_ONCE, CANARY, Campaign, Dice, ENOUGH_EVENTS, ENOUGH_SEEDS, Explained, HEALS, NOTHING_WITHHELD,
    Options, Reached, Report, Seeds, Simulated, Simulation, TraceHash, campaign, rules,
};
use quorate_models::trace::{Header, Recorded, RecordedOf, SeenBy, SimulatedFall, Where, read, rules_of};
use quorate_models::{choreography, commit, paxos_commit, saga, tcc};

#[path = "simulate/errands.rs"]
mod errands;
use errands::{ASKS_ONCE, BOUNDED, Errands, IDLE, RIGHT, TELLS_TWICE};

fn run(simulation: &dyn Simulation, plan: &Campaign) -> Report {
    campaign(simulation, plan, &AtomicU64::new(0), &AtomicBool::new(false))
}

fn plan(seeds: std::ops::Range<u64>, events: u64) -> Campaign {
    Campaign { seeds, options: Options { events, canary: false }, threads: 1, ..Campaign::default() }
}

#[test]
fn the_same_seeds_have_the_same_hash_on_any_number_of_threads_and_others_another() {
    for simulation in [raft::simulation(), breaker::simulation()] {
        let hash = |threads, seeds| run(&*simulation, &Campaign { threads, ..plan(seeds, 500) }).hash;
        let once = hash(1, 0..12);
        assert_eq!(once, hash(1, 0..12));
        assert_eq!(once, hash(2, 0..12));
        assert_ne!(once, hash(1, 12..24));
        assert_ne!(once, hash(1, 0..11));
    }
}

#[test]
fn the_hashes_of_all_shares_add_up_in_any_order() {
    let simulation = raft::simulation();
    let share = |at| run(&*simulation, &Campaign { shard: (at, 3), ..plan(0..10, 300) });
    let shares: Vec<Report> = [2, 0, 1].map(share).into();
    assert_eq!(shares.iter().map(|report| report.seeds).sum::<u64>(), 10);
    let sum: TraceHash = shares.iter().map(|report| report.hash).sum();
    assert_eq!(sum, run(&*simulation, &plan(0..10, 300)).hash);
}

/// What happens by a seed is pinned, for every platform and compiler: a change of the simulator, or of what a protocol
/// does, changes it, and nothing else may.
#[test]
fn the_hashes_of_a_few_seeds_are_pinned() {
    let hash = |simulation: &dyn Simulation| run(simulation, &plan(0..8, 1_000)).hash.to_string();
    assert_eq!(hash(&*raft::simulation()), "eea126f9ea86dc96a199ad72e239ec6b");
    assert_eq!(hash(&*breaker::simulation()), "dcb0d752a10d9daa0b650159301a5b24");
    assert_eq!(hash(&*commit::simulation()), "c7f1ad06a58da50be062faad5e60eef4");
    assert_eq!(hash(&*paxos_commit::simulation()), "68cb8ab1426c9dae5b1373de2375b815");
    assert_eq!(hash(&*tcc::simulation()), "507c559947f0eb55a3ca3ff72c22bc45");
    assert_eq!(hash(&*saga::simulation()), "9c85baa46c19d24856cab894454554b9");
    assert_eq!(hash(&*choreography::simulation()), "6a968c87c731cc2fd9e32947c91fa372");
}

#[test]
fn nothing_falls_and_everything_that_should_be_seen_is() {
    let simulations = [
        raft::simulation(),
        breaker::simulation(),
        commit::simulation(),
        saga::simulation(),
        choreography::simulation(),
    ];
    for simulation in simulations {
        let seeds = 0..60;
        let report = run(&*simulation, &plan(seeds, 3_000));
        assert!(report.complete && report.falls.is_empty(), "{:?}", report.falls);
        for (name, reached) in &report.reached {
            assert!(reached.seeds > 0, "never: {name}");
        }
    }
}

#[test]
fn every_fault_is_there_and_off_in_a_good_share_of_the_seeds() {
    let simulation = raft::simulation();
    let of = |seed| run(&*simulation, &plan(seed..seed + 1, 1_000)).tally;
    let tallies: Vec<_> = (0..60).map(of).collect();
    type Fault = (&'static str, fn(&quorate_models::simulate::Tally) -> u64);
    let faults: [Fault; 6] = [
        ("loss", |tally| tally.lost),
        ("duplicates", |tally| tally.duplicated),
        ("crashes", |tally| tally.crashes),
        ("torn writes", |tally| tally.torn),
        ("pauses", |tally| tally.pauses),
        ("partitions", |tally| tally.partitions),
    ];
    for (name, much) in faults {
        let with = tallies.iter().filter(|tally| much(tally) > 0).count();
        assert!((6..=57).contains(&with), "{name}: in {with} of 60 seeds");
    }
    assert!(tallies.iter().all(|tally| tally.requests == 0 || tally.answered > 0));
}

#[test]
fn a_canary_is_noticed_made_short_and_replays_from_its_file() {
    let simulation = raft::simulation();
    let options = Options { events: 300, canary: true };
    let report = run(&*simulation, &Campaign { options, ..plan(0..1000, 300) });
    let fell = report.falls.len();
    assert!((5..=15).contains(&fell), "{fell} of 1,000 seeds");
    assert!(report.falls.iter().all(|fall| fall.property == CANARY && fall.event <= 300));
    assert_eq!(report.explained.len(), fell);
    for explained in &report.explained {
        let length = explained.steps.len() as u64;
        assert!(length > 0 && length <= explained.fall.event, "{length} steps of {}", explained.fall.event);
        let recorded: Recorded<_> = read(explained.file.as_ref().unwrap()).unwrap();
        let Where::Simulation { seed, parameters, .. } = recorded.header.world else {
            panic!("not simulated")
        };
        assert_eq!(seed, explained.fall.seed);
        let rules = rules(RaftSpec::with_parameters(parameters).unwrap());
        assert!(rules.replay(&recorded.trace, |_, _, _| {}).is_ok());
        let (_, rules) = rules_of([&raft::protocol()], explained.file.as_ref().unwrap()).unwrap();
        let replayed = rules.replay_file(explained.file.as_ref().unwrap()).unwrap();
        assert_eq!((&replayed.steps, replayed.refused), (&explained.steps, None));
    }
    // It is told under the simplest parameters under which it happens.
    let voters = |explained: &&Explained| {
        let recorded: RecordedOf<RaftSpec> = read(explained.file.as_ref().unwrap()).unwrap();
        let Where::Simulation { parameters, .. } = recorded.header.world else { panic!("not simulated") };
        parameters["voters"].as_array().unwrap().len()
    };
    let small = report.explained.iter().filter(|explained| voters(explained) <= 3).count();
    assert!(small * 10 >= fell * 7, "{small} of {fell} traces have three nodes or fewer");
    let short = report.explained.iter().filter(|explained| explained.steps.len() <= 20).count();
    assert!(short * 10 >= fell * 7, "{short} of {fell} traces have 20 steps or fewer");
}

#[test]
fn who_asks_again_heals() {
    let report = run(&Seeds::<Errands<RIGHT>>::of("errands"), &plan(0..30, 300));
    assert!(report.complete && report.falls.is_empty(), "{:?}", report.falls);
    assert!(report.tally.lost > 0 && report.tally.answered > 0);
}

/// The shortest way in which any of some seeds falls.
fn shortest(simulation: &dyn Simulation, property: &str) -> Explained {
    let report = run(simulation, &plan(0..30, 300));
    assert!(report.falls.iter().all(|fall| fall.property == property), "{:?}", report.falls);
    report.explained.into_iter().min_by_key(|explained| explained.steps.len()).expect("something fell")
}

#[test]
fn who_asks_once_does_not_heal_once_a_message_is_lost() {
    let short = shortest(&Seeds::<Errands<ASKS_ONCE>>::of("errands"), HEALS);
    assert!(short.fall.healing && (2..=3).contains(&short.steps.len()), "{:#?}", short.steps);
    assert!(short.state.contains("unanswered requests: ["), "{}", short.state);
}

#[test]
fn an_answer_too_many_is_noticed() {
    let short = shortest(&Seeds::<Errands<TELLS_TWICE>>::of("errands"), ANSWERED_ONCE);
    assert!((4..=6).contains(&short.steps.len()), "{:#?}", short.steps);
}

#[test]
fn a_bound_of_the_protocols_own_is_no_silent_end() {
    let short = shortest(&Seeds::<Errands<BOUNDED>>::of("errands"), NOTHING_WITHHELD);
    assert!(short.steps.len() <= 3, "{:#?}", short.steps);
}

#[test]
fn what_no_world_shows_is_in_the_file_and_the_replay_says_what_it_cannot_see() {
    let protocol =
        |simulation| Protocol { name: "errands", source: "made up", checks: Vec::new(), simulation };
    type Made = (Box<dyn Simulation>, &'static str, SeenBy, &'static str, u8);
    let made: [Made; 3] = [
        (
            Box::new(Seeds::<Errands<ASKS_ONCE>>::of("errands")),
            HEALS,
            SeenBy::Healing,
            "not what came of it",
            HOLDS,
        ),
        (
            Box::new(Seeds::<Errands<TELLS_TWICE>>::of("errands")),
            ANSWERED_ONCE,
            SeenBy::Answers,
            "does not compare",
            HOLDS,
        ),
        (
            Box::new(Seeds::<Errands<BOUNDED>>::of("errands")),
            NOTHING_WITHHELD,
            SeenBy::Refusal,
            "refused",
            VIOLATED,
        ),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (simulation, property, seen_by, says, expected) in made {
        let fell = shortest(&*simulation, property);
        let text = fell.file.unwrap();
        let header = Header::read(&text).unwrap();
        assert_eq!(header.property, None);
        assert_eq!(
            header.simulated,
            Some(SimulatedFall { property: property.to_owned(), seen_by, events: 300 })
        );
        let file = folder.path().join("t.jsonl");
        std::fs::write(&file, &text).unwrap();
        let registry = Registry::new("cargo verify", vec![protocol(Some(simulation))]);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let args = ["verify", "replay", file.to_str().unwrap()].map(OsString::from);
        let status = cli::run(&registry, args, &mut Screen::plain(&mut out, &mut err));
        let out = String::from_utf8(out).unwrap();
        assert_eq!(status, expected, "{out}");
        // Words are wrapped.
        let words = out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(&format!("in the simulation this fell: {property}")), "{out}");
        let again =
            format!("simulate errands --seeds {0}..{1} --events 300", fell.fall.seed, fell.fall.seed + 1);
        assert!(words.contains(says) && words.contains(&again), "{out}");
    }
}

#[test]
fn each_line_of_a_trace_says_when_it_happened_and_the_replay_and_the_drawing_tell_it() {
    let simulation = raft::simulation();
    let options = Options { events: 300, canary: true };
    let report = run(&*simulation, &Campaign { options, explained: 4, ..plan(0..400, 300) });
    assert!(!report.explained.is_empty());
    for explained in &report.explained {
        let text = explained.file.as_ref().unwrap();
        let (_, rules) = rules_of([&raft::protocol()], text).unwrap();
        let times = rules.replay_file(text).unwrap().times;
        assert!(times.len() == explained.steps.len() && times.is_sorted());
        assert!(times.iter().all(Option::is_some) && times.last() > Some(&Some(Time::ZERO)));
        assert!(rules.drawing(text).unwrap().rows.iter().all(|row| row.at_ns.is_some()));
    }
}

#[test]
fn who_wins_an_election_is_struck_in_a_good_share_of_the_seeds_and_of_the_breaker_nobody() {
    let tally = |simulation: &dyn Simulation, seed| run(simulation, &plan(seed..seed + 1, 1_000)).tally;
    let raft: Vec<_> = (0..60).map(|seed| tally(&*raft::simulation(), seed)).collect();
    let struck = raft.iter().filter(|tally| tally.ambushes > 0).count();
    assert!((20..=50).contains(&struck), "in {struck} of 60 seeds");
    assert!(raft.iter().filter(|tally| tally.reigns > 0).count() > 50);
    assert!(raft.iter().all(|tally| tally.ambushes == 0 || tally.reigns > 0));
    let breaker = breaker::simulation();
    assert!((0..20).all(|seed| (tally(&*breaker, seed).reigns, tally(&*breaker, seed).ambushes) == (0, 0)));
}

#[test]
fn what_is_never_seen_counts_against_many_seeds_and_not_against_a_few() {
    let seeds = |of, seeds| {
        let reached = [("it is seen", Reached { seeds, of })].into();
        Report { reached, ..Report::default() }
    };
    let few = ENOUGH_SEEDS - 1;
    assert_eq!(seeds(ENOUGH_SEEDS, 0).unreached(ENOUGH_EVENTS), ["it is seen"]);
    assert!(seeds(ENOUGH_SEEDS, 1).unreached(ENOUGH_EVENTS).is_empty());
    assert!(seeds(few, 0).unreached(ENOUGH_EVENTS).is_empty());
    assert!(seeds(ENOUGH_SEEDS, 0).unreached(ENOUGH_EVENTS - 1).is_empty());
    // Nobody is answered who asks for nothing.
    let registry = Registry::new(
        "cargo verify",
        vec![Protocol {
            name: "errands",
            source: "made up",
            checks: Vec::new(),
            simulation: Some(Box::new(Seeds::<Errands<IDLE>>::of("errands"))),
        }],
    );
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let args = ["verify", "simulate", "--seeds", "0..1000", "--events", "1000"].map(OsString::from);
    let status = cli::run(&registry, args, &mut Screen::plain(&mut out, &mut err));
    let out = String::from_utf8(out).unwrap();
    assert_eq!(status, UNDECIDED, "{out}");
    assert!(out.contains("NEVER SEEN") && out.contains("an errand is out"), "{out}");
}

#[test]
fn a_specification_comes_back_from_its_parameters() {
    for seed in 0..40 {
        let raft = RaftSpec::sampled(&mut Dice::new(seed, "protocol"));
        assert_eq!(RaftSpec::with_parameters(raft.parameters()).unwrap().parameters(), raft.parameters());
        let breaker = BreakerSpec::sampled(&mut Dice::new(seed, "protocol"));
        assert_eq!(
            BreakerSpec::with_parameters(breaker.parameters()).unwrap().parameters(),
            breaker.parameters()
        );
    }
    assert!(RaftSpec::with_parameters(serde_json::Value::Null).is_err());
}

#[test]
fn a_campaign_that_is_stopped_says_so() {
    let stopped =
        campaign(&*raft::simulation(), &plan(0..4, 100), &AtomicU64::new(0), &AtomicBool::new(true));
    assert!(!stopped.complete && stopped.seeds == 0);
}

/// Runs a command line over our own protocols: the exit status, what it said, what it complained of.
fn command(args: &[&str]) -> (u8, String, String) {
    let registry = Registry::new("cargo verify", vec![raft::protocol(), breaker::protocol()]);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let all = ["verify", "simulate"].iter().chain(args).map(OsString::from);
    let status = cli::run(&registry, all, &mut Screen::plain(&mut out, &mut err));
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status, text(out), text(err))
}

#[test]
fn the_command_ends_with_the_trace_hash_of_all_its_seeds() {
    let (status, out, _) = command(&["raft", "--seeds", "3..6", "--events", "200", "--threads", "1"]);
    assert_eq!(status, HOLDS, "{out}");
    let hash = run(&*raft::simulation(), &plan(3..6, 200)).hash;
    assert_eq!(out.lines().last(), Some(format!("trace hash: {hash}").as_str()));
    let (_, one, _) = command(&["raft", "--seeds", "0..5", "--events", "100", "--shard", "2/2"]);
    assert_eq!(
        one.lines().find(|line| line.starts_with("raft")).unwrap().split_whitespace().nth(1),
        Some("2")
    );
}

#[test]
fn the_command_tells_a_fall_with_its_seed_again_its_trace_and_its_status() {
    let folder = tempfile::tempdir().unwrap();
    let traces = folder.path().to_str().unwrap();
    let canary = run(
        &*raft::simulation(),
        &Campaign { options: Options { events: 100, canary: true }, ..plan(0..400, 100) },
    );
    let seed = canary.falls.first().unwrap().seed;
    let seeds = format!("{seed}..{}", seed + 1);
    let json = folder.path().join("results.json");
    let args = ["raft", "--seeds", &seeds, "--events", "100", "--canary", "--traces", traces];
    let (status, out, _) = command(&[&args[..], &["--json", json.to_str().unwrap()]].concat());
    assert_eq!(status, VIOLATED);
    assert!(
        out.contains(&format!("cargo verify simulate raft --seeds {seeds} --events 100 --canary")),
        "{out}"
    );
    assert!(out.contains(CANARY) && out.contains("   1. n"), "{out}");
    assert!(folder.path().join(format!("raft-seed-{seed}.jsonl")).exists());
    let document: serde_json::Value = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    assert_eq!(document["simulations"][0]["violations"][0]["property"], CANARY);
}

#[test]
fn what_cannot_be_understood_is_refused_with_a_reason() {
    for (args, reason) in [
        (vec!["--seeds", "9..3"], "A below B"),
        (vec!["--shard", "3/2"], "1/N to N/N"),
        (vec!["--events", "0"], "events"),
        (vec!["paxos"], "there is no protocol `paxos`"),
    ] {
        let (status, _, err) = command(&args);
        assert_eq!(status, UNDECIDED);
        assert!(err.contains(reason), "{err}");
    }
}

#[test]
fn the_registry_simulates_up_to_the_first_fall() {
    let registry = Registry::new("cargo verify", vec![raft::protocol()]);
    let report = registry.simulate("raft", 0..3, 100).unwrap();
    assert!(report.complete && report.falls.is_empty());
    assert!(registry.simulate("paxos", 0..3, 100).is_none());
}
