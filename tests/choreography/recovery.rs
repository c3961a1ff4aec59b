//! Coming back from what is durable.

use std::sync::Arc;

use quorate::durable::{Corrupt, Record, Recover};
use quorate::id::{ClusterId, NodeId};
use quorate::saga::choreography::{
    Cell, Config, ConfigError, Entry, Event, FLOORS, Facts, IDENTITY, LOG, Name, Notice, Participant,
    Refusal, Rejection,
};
use quorate::saga::{Cause, Definition, Doubt, End, Resolution, SagaId, Version};

use crate::bench::{Bench, CLUSTER, DEFINITION, Disk, ME, SAGA, VERSION, diamond, n, s, tailed};

fn config() -> Config {
    Config::new(CLUSTER, n(1), (0..4).map(NodeId), [diamond(Doubt::Retry)])
}

fn recover(disk: &Disk) -> Result<Participant<u32>, Corrupt> {
    Participant::recover(Arc::new(config()), disk, 0)
}

/// The disk of node 1, which has heard that its step is due.
fn disk() -> Disk {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.begin();
    bench.serve_one();
    bench.deliver_one();
    bench.node(n(1)).disk.clone()
}

fn with(records: impl IntoIterator<Item = Record<Cell, Entry<u32>>>) -> Disk {
    let mut disk = disk();
    records.into_iter().for_each(|record| disk.apply(record).expect("it fits"));
    disk
}

fn event(index: u64, saga: u64, event: Event) -> Record<Cell, Entry<u32>> {
    let saga = Name { initiator: ME, saga: SagaId(saga) };
    Record::Append { log: LOG, index, entry: Entry::Event { saga, event } }
}

#[test]
fn what_is_durable_is_what_comes_back() {
    let machine = recover(&disk()).expect("it recovers");
    machine.check().expect("a recovered participant is right before it begins");
    let known: Vec<_> =
        machine.sagas().map(|(name, saga)| (name, saga.facts.done.iter().collect())).collect();
    assert_eq!(known, [(SAGA, vec![s(0)])]);
}

#[test]
fn a_foreign_disk_is_refused() {
    for found in [(ClusterId(8), n(1)), (CLUSTER, n(9))] {
        let value = Cell::Identity { cluster: found.0, node: found.1 };
        let foreign = with([Record::Put { cell: IDENTITY, value }]);
        assert_eq!(recover(&foreign).unwrap_err(), Corrupt::Foreign { found });
    }
}

#[test]
fn what_contradicts_itself_is_refused() {
    assert_eq!(recover(&with([Record::Remove { cell: IDENTITY }])).unwrap_err(), Corrupt::Missing(IDENTITY));
    let cancelled = Cause::Cancelled;
    let learned = |change: fn(&mut Facts)| {
        let mut facts = Facts::default();
        change(&mut facts);
        with([event(2, 1, Event::Learned(facts))])
    };
    let floors = Cell::Floors(vec![(ME, SagaId(2)), (ME, SagaId(1))]);
    let cases = [
        with([Record::Put { cell: IDENTITY, value: Cell::Floors(vec![]) }]),
        with([Record::Put { cell: FLOORS, value: Cell::Identity { cluster: CLUSTER, node: n(1) } }]),
        with([Record::Put { cell: FLOORS, value: floors }]),
        with([event(2, 9, Event::Done(s(0)))]),
        with([event(2, 1, Event::Done(s(3)))]),
        with([event(2, 1, Event::Done(s(4)))]),
        with([event(2, 1, Event::Clean(s(1)))]),
        with([event(2, 1, Event::GivenUp(s(0), cancelled))]),
        with([event(2, 1, Event::GivenUp(s(1), cancelled))]),
        with([event(2, 1, Event::GivenUp(s(3), Cause::Exhausted(s(3))))]),
        with([event(2, 1, Event::Wished(Cause::Refused(s(1))))]),
        with([event(2, 1, Event::Stuck(s(2)))]),
        with([event(2, 1, Event::Noted)]),
        learned(|facts| facts.cause = Some(Cause::Cancelled)),
        learned(|facts| {
            facts.done = quorate::saga::StepSet::first(4);
            facts.failed = quorate::saga::StepSet::of(quorate::saga::StepId(1));
            facts.cause = Some(Cause::Refused(quorate::saga::StepId(1)));
        }),
    ];
    for (at, disk) in cases.iter().enumerate() {
        assert!(matches!(recover(disk), Err(Corrupt::Inconsistent(_))), "case {at}: {:?}", recover(disk));
    }
    for index in [0, u64::MAX] {
        let mut disk = Disk::default();
        for record in [
            Record::Put { cell: IDENTITY, value: Cell::Identity { cluster: CLUSTER, node: n(1) } },
            event(index, 1, Event::Done(s(0))),
        ] {
            disk.apply(record).expect("it fits");
        }
        let expected = Corrupt::Inconsistent("the log's indices are out of range");
        assert_eq!(recover(&disk).unwrap_err(), expected);
    }
    let over = with([Record::Put { cell: FLOORS, value: Cell::Floors(vec![(ME, SagaId(2))]) }]);
    assert_eq!(recover(&over).expect("it recovers").sagas().len(), 0, "what is over is not looked at");
    assert!(recover(&with([event(2, 1, Event::Done(s(255)))])).is_ok_and(|machine| machine.check().is_ok()));
}

#[test]
fn a_saga_of_more_steps_than_may_be_is_refused_though_nobody_knows_its_definition() {
    let machine = recover(&disk()).expect("it recovers");
    let mut standing = machine.sagas().map(|(_, standing)| standing.clone()).next().expect("it is there");
    standing.version = Version(99);
    for (steps, is_refused) in [(64, false), (65, true), (300, true)] {
        standing.tries = (0..steps).map(|_| 0).collect();
        let saga = Name { initiator: ME, saga: SagaId(9) };
        let entry = Entry::Saga { saga, standing: Box::new(standing.clone()) };
        let found = recover(&with([Record::Append { log: LOG, index: 2, entry }]));
        assert_eq!(found.is_err(), is_refused, "{steps} steps: {found:?}");
    }
}

#[test]
fn a_saga_of_a_version_that_is_gone_is_shelved_and_goes_on_when_it_is_back() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.begin();
    bench.serve_one();
    bench.deliver_one();
    let old = bench.node(n(1)).config.clone();
    let second = {
        let mut outline = quorate::saga::Outline::new();
        let pivot = diamond(Doubt::Retry).steps()[3].clone();
        outline.step(quorate::saga::Step { after: vec![], ..pivot });
        Definition::new(DEFINITION, Version(2), outline).expect("it stands")
    };
    bench.node_mut(n(1)).config = Arc::new(Config::new(CLUSTER, n(1), (0..4).map(NodeId), [second]));
    bench.network.clear();
    bench.crash(n(1));
    let shelved = Notice::Shelved { saga: SAGA, definition: DEFINITION, version: VERSION };
    assert!(bench.told.contains(&(n(1), shelved)));
    for _ in 0..3 {
        bench.flow();
        bench.fire_all();
    }
    let unknown = Notice::Rejected { from: ME, reason: Rejection::UnknownDefinition };
    assert!(bench.told.contains(&(n(1), unknown)), "who publishes to it is not answered");
    assert!(!bench.heard.contains(&(s(1), quorate::saga::Action::Do)), "nothing is done with it");
    let id = bench.resolve(n(1), 1, Resolution::Retry);
    assert_eq!(bench.answers(id), [Notice::Refused { id, reason: Refusal::UnknownDefinition }]);
    bench.node_mut(n(1)).config = old;
    bench.crash(n(1));
    bench.run();
    assert_eq!(bench.end(), Some(End::Completed));
}

#[test]
fn a_definition_that_was_changed_in_place_is_not_the_one_that_was_begun() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.begin();
    bench.serve_one();
    let other = Config::new(CLUSTER, n(1), (0..4).map(NodeId), [tailed(Doubt::Retry)]);
    bench.node_mut(n(1)).config = Arc::new(other);
    bench.crash(n(1));
    bench.deliver_one();
    let unknown = Notice::Rejected { from: ME, reason: Rejection::UnknownDefinition };
    assert_eq!(bench.told.last(), Some(&(n(1), unknown)));
}

#[test]
fn what_is_said_before_the_start_begins_a_life_as_well() {
    let mut bench = Bench::at_rest([diamond(Doubt::Retry)], |_| {});
    bench.begin();
    bench.step(ME, quorate::machine::Input::Start);
    bench.flow();
    assert_eq!(bench.end(), Some(End::Completed));
    assert_eq!(bench.heard.len(), 4);
}

#[test]
fn a_configuration_that_does_not_stand_is_refused() {
    let refused = |change: fn(&mut Config)| {
        let mut config = config();
        change(&mut config);
        Participant::<u32>::new(Arc::new(config)).unwrap_err()
    };
    assert_eq!(refused(|config| config.nodes.reverse()), ConfigError::NodesNotSorted);
    assert_eq!(refused(|config| config.nodes.push(n(3))), ConfigError::NodesNotSorted);
    assert_eq!(refused(|config| config.nodes.truncate(3)), ConfigError::NotAParticipant(n(3)));
    assert_eq!(refused(|config| config.me = n(9)), ConfigError::NotAParticipant(n(9)));
    assert_eq!(refused(|config| config.max_sagas = 0), ConfigError::ZeroLimit("max_sagas"));
    assert_eq!(refused(|config| config.max_log_entries = 2047), ConfigError::LogTooSmall);
    let twice = |config: &mut Config| config.definitions.push(config.definitions[0].clone());
    assert_eq!(refused(twice), ConfigError::DefinitionsNotSorted);
}

#[test]
fn a_log_that_is_written_anew_leaves_the_same_participant() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.begin();
    bench.serve_one();
    bench.deliver_one();
    let mut other = bench.node(n(0)).disk.clone();
    assert!(other.log(LOG).count() > 1);
    let machine = bench.machine(n(0));
    let anew = machine.renumbered(&other).expect("the disk recovers");
    assert_eq!((anew.entries.len(), anew.machine.log_entries()), (1, 1));
    let identity = other.get(IDENTITY).cloned().expect("it is there");
    other = Disk::default();
    other.apply(Record::Put { cell: IDENTITY, value: identity }).expect("it fits");
    for (index, entry) in (1..).zip(anew.entries) {
        other.apply(Record::Append { log: LOG, index, entry }).expect("it fits");
    }
    anew.machine.agrees_with(&other).expect("machine and disk moved along");
    assert!(anew.machine.sagas().eq(machine.sagas()));
}
