//! Coming back from what is durable.

use std::sync::Arc;

use quorate::durable::{Corrupt, Record, Recover};
use quorate::id::{ClusterId, NodeId};
use quorate::saga::{
    Action, Cell, Config, Definition, Doubt, EPOCH, End, Entry, Epoch, Event, FORGOTTEN, IDENTITY, LOG,
    Notice, Orchestrator, Refusal, SagaId, Version,
};

use crate::bench::{Bench, DEFINITION, Disk, ME, SAGA, VERSION, diamond, forward_diamond, s};

fn recover(disk: &Disk) -> Result<Orchestrator<u32>, Corrupt> {
    Orchestrator::recover(Arc::new(Config::new(ClusterId(7), ME, [diamond(Doubt::Retry)])), disk, 0)
}

/// A disk on which one saga is under way.
fn disk() -> Disk {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.begin();
    bench.deliver_one();
    bench.deliver_one();
    bench.disk
}

fn with(records: impl IntoIterator<Item = Record<Cell, Entry<u32>>>) -> Disk {
    let mut disk = disk();
    records.into_iter().for_each(|record| disk.apply(record).expect("it fits"));
    disk
}

fn event(index: u64, saga: u64, event: Event) -> Record<Cell, Entry<u32>> {
    Record::Append { log: LOG, index, entry: Entry::Event { saga: SagaId(saga), event } }
}

#[test]
fn what_is_durable_is_what_comes_back() {
    let disk = disk();
    let machine = recover(&disk).expect("it recovers");
    assert_eq!(machine.epoch(), Epoch(1));
    machine.check().expect("a recovered orchestrator is right before it begins");
    let standing: Vec<_> =
        machine.sagas().map(|(id, standing)| (id, standing.done.iter().collect())).collect();
    assert_eq!(standing, [(SAGA, vec![s(0)])]);
}

#[test]
fn a_foreign_disk_is_refused() {
    for found in [(ClusterId(8), ME), (ClusterId(7), NodeId(9))] {
        let value = Cell::Identity { cluster: found.0, node: found.1 };
        let foreign = with([Record::Put { cell: IDENTITY, value }]);
        assert_eq!(recover(&foreign).unwrap_err(), Corrupt::Foreign { found });
    }
}

#[test]
fn what_contradicts_itself_is_refused() {
    assert_eq!(recover(&with([Record::Remove { cell: IDENTITY }])).unwrap_err(), Corrupt::Missing(IDENTITY));
    assert_eq!(recover(&with([Record::Remove { cell: EPOCH }])).unwrap_err(), Corrupt::Missing(EPOCH));
    let forgotten = Record::Append { log: LOG, index: 3, entry: Entry::Forgotten { saga: SAGA } };
    let too_many: [Event; 2] = [Event::Done(s(4)), Event::Done(s(255))];
    let inconsistent = [
        with([Record::Put { cell: EPOCH, value: Cell::Forgotten(SAGA) }]),
        with([Record::Put { cell: FORGOTTEN, value: Cell::Epoch(Epoch(1)) }]),
        with([Record::Put { cell: EPOCH, value: Cell::Epoch(Epoch(u64::MAX)) }]),
        with([event(3, 9, Event::Done(s(0)))]),
        with([event(3, 1, Event::Done(s(3)))]),
        with([event(3, 1, Event::Refused(s(0)))]),
        with([event(3, 1, Event::Undone(s(0)))]),
        with([event(3, 1, Event::Stuck(s(3)))]),
        with([
            event(3, 1, Event::Done(s(1))),
            event(4, 1, Event::Done(s(2))),
            event(5, 1, Event::Undone(s(1))),
        ]),
        with([forgotten]),
        with([event(3, 1, too_many[0])]),
    ];
    for (at, disk) in inconsistent.iter().enumerate() {
        assert!(matches!(recover(disk), Err(Corrupt::Inconsistent(_))), "case {at}: {:?}", recover(disk));
    }
    let value = Cell::Identity { cluster: ClusterId(7), node: ME };
    for index in [0, u64::MAX] {
        let mut disk = Disk::default();
        for record in [
            Record::Put { cell: IDENTITY, value },
            Record::Put { cell: EPOCH, value: Cell::Epoch(Epoch(1)) },
            event(index, 1, Event::Done(s(0))),
        ] {
            disk.apply(record).expect("it fits");
        }
        let expected = Corrupt::Inconsistent("the log's indices are out of range");
        assert_eq!(recover(&disk).unwrap_err(), expected);
    }
    let headless = with([Record::Discard { log: LOG, upto: 1 }]);
    assert!(matches!(recover(&headless), Err(Corrupt::Inconsistent(_))), "the beginning was cut off");
    assert!(recover(&with([event(3, 1, too_many[1])])).is_ok_and(|machine| machine.check().is_ok()));
}

#[test]
fn a_saga_of_more_steps_than_may_be_is_refused_though_nobody_knows_its_definition() {
    let machine = recover(&disk()).expect("it recovers");
    let mut standing = machine.sagas().map(|(_, standing)| standing.clone()).next().expect("it is there");
    standing.version = Version(99);
    for (steps, is_refused) in [(64, false), (65, true), (300, true)] {
        standing.tries = (0..steps).map(|_| 0).collect();
        let entry = Entry::Saga { saga: SagaId(9), standing: Box::new(standing.clone()) };
        let found = recover(&with([Record::Append { log: LOG, index: 3, entry }]));
        assert_eq!(found.is_err(), is_refused, "{steps} steps: {found:?}");
    }
}

#[test]
fn a_saga_of_a_version_that_is_gone_is_shelved_and_goes_on_when_it_is_back() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.begin();
    bench.deliver_one();
    bench.deliver_one();
    let both = bench.config.clone();
    let mut outline = quorate::saga::Outline::new();
    outline.step(crate::bench::step(1, quorate::saga::Kind::Pivot, &[], Doubt::Retry));
    let second = Definition::new(DEFINITION, Version(2), outline).expect("it stands");
    bench.config = Arc::new(Config::new(ClusterId(7), ME, [second.clone()]));
    bench.network.clear();
    bench.crash();
    let shelved = Notice::Shelved { saga: SAGA, definition: DEFINITION, version: VERSION };
    assert!(bench.told.contains(&shelved));
    assert!(!bench.fire_one() && bench.network.is_empty(), "nothing is done with it");
    for request in [bench.cancel(), bench.resolve(0, quorate::saga::Resolution::Retry), bench.forget(SAGA)] {
        let refused = Notice::Refused { id: request, reason: Refusal::UnknownDefinition };
        assert_eq!(bench.answers(request), [refused]);
    }
    let other = bench.request(|id| quorate::saga::Request::Begin {
        id,
        saga: SagaId(2),
        definition: DEFINITION,
        version: Version(2),
        input: 0,
    });
    assert_eq!(bench.answers(other), [Notice::Accepted { id: other }], "others are not held up");
    bench.config = Arc::new(Config::new(ClusterId(7), ME, [both.definitions[0].clone(), second]));
    bench.crash();
    bench.run();
    assert_eq!(bench.end(), Some(End::Completed));
}

#[test]
fn a_definition_that_was_changed_in_place_is_not_the_one_that_was_begun() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.begin();
    bench.config = Arc::new(Config::new(ClusterId(7), ME, [forward_diamond(Doubt::Retry)]));
    bench.crash();
    assert!(bench.told.iter().any(|notice| matches!(notice, Notice::Shelved { .. })));
}

#[test]
fn what_is_said_before_the_start_begins_a_life_as_well() {
    let mut bench = Bench::at_rest(Config::new(ClusterId(7), ME, [diamond(Doubt::Retry)]));
    let machine = recover(&bench.disk).expect("nothing is wrong with nothing");
    bench.executors.push(crate::bench::Executor { machine, ledger: quorate::ledger::Ledger::new(ME) });
    bench.begin();
    bench.step(quorate::machine::Input::Start);
    assert_eq!(bench.machine().epoch(), Epoch(1));
    bench.run();
    assert_eq!(bench.end(), Some(End::Completed));
    assert_eq!(bench.services.heard.iter().filter(|heard| **heard == (s(0), Action::Do)).count(), 1);
}

#[test]
fn a_log_that_is_written_anew_leaves_the_same_orchestrator() {
    let mut bench = Bench::new(diamond(Doubt::Retry));
    bench.begin();
    for _ in 0..5 {
        bench.deliver_one();
    }
    assert!(bench.disk.log(LOG).count() > 1);
    let anew = bench.machine().renumbered(&bench.disk).expect("the disk recovers");
    assert_eq!((anew.entries.len(), anew.machine.log_entries()), (1, 1));
    let mut disk = Disk::default();
    for cell in [IDENTITY, EPOCH] {
        let value = *bench.disk.get(cell).expect("it is there");
        disk.apply(Record::Put { cell, value }).expect("it fits");
    }
    for (index, entry) in (1..).zip(anew.entries) {
        disk.apply(Record::Append { log: LOG, index, entry }).expect("it fits");
    }
    anew.machine.agrees_with(&disk).expect("machine and disk moved along");
    assert!(anew.machine.sagas().eq(bench.machine().sagas()));
}
