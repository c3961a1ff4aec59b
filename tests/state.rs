//! Whole machines as data: what was written is read back, and what could not have come about is refused with a message.
//! Raft's, and what machines do that were nearly right, is left to the fuzz targets (`*_state`).
#![cfg(feature = "serde")]

use std::fmt::Debug;
use std::sync::Arc;

use quorate::commit::coordinator::Coordinator;
use quorate::commit::participant::Participant;
use quorate::commit::paxos::{self, Acceptor, Leader, ResourceManager, leader};
use quorate::commit::tcc::{self, coordinator, service};
use quorate::commit::{self, TxId, Vote};
use quorate::durable::{Image, Recover};
use quorate::id::{ClusterId, NodeId, RequestId};
use quorate::machine::{Input, InputOf, Machine, Recorder};
use quorate::saga::{self, Kind, Orchestrator, SagaId, StepId, choreography};
use quorate::time::Time;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// What is changed, and what is said of it.
type Case<'a> = (&'a [(&'a str, Value)], &'a str);

/// Writes a machine, changes it, and sees how reading it is refused.
fn refused<M: Serialize + DeserializeOwned + PartialEq + Debug>(machine: &M, cases: &[Case<'_>]) {
    let written = serde_json::to_value(machine).unwrap();
    assert_eq!(serde_json::from_value::<M>(written.clone()).unwrap(), *machine);
    for (changes, why) in cases {
        let mut changed = written.clone();
        for (place, value) in *changes {
            let place = changed.pointer_mut(place).unwrap_or_else(|| panic!("no {place} in {written}"));
            *place = value.clone();
        }
        match serde_json::from_value::<M>(changed) {
            Ok(read) => panic!("{changes:?} is read: {read:?}"),
            Err(error) => assert!(error.to_string().contains(why), "{changes:?}: {error}"),
        }
    }
}

/// The machine after all this.
fn after<M: Machine>(mut machine: M, inputs: impl IntoIterator<Item = InputOf<M>>) -> M {
    inputs.into_iter().for_each(|input| machine.step(input, &mut Recorder::new(Time::ZERO, &[])));
    machine
}

const TX: TxId = numbered(1);

fn paxos_member(me: u64) -> paxos::Member {
    let names = |from: u64, many: u64| (from..from + many).map(NodeId);
    let config = paxos::Config::new(ClusterId(7), names(1, 2), names(11, 3), names(21, 2));
    paxos::Member { me: NodeId(me), config: Arc::new(config) }
}

fn two_managers() -> commit::Nodes {
    [21, 22].map(NodeId).into_iter().collect()
}

/// A node of two-phase commit as new.
fn of_commit<M: Recover<Config = commit::Member, Cell: Clone, Entry: Clone>>(me: u64) -> M {
    let config = Arc::new(commit::Config::new(ClusterId(7), [1, 2, 3].map(NodeId)));
    M::recover(commit::Member { me: NodeId(me), config }, &Image::default(), 0).unwrap()
}

const fn numbered(number: u64) -> TxId {
    TxId { coordinator: NodeId(1), number }
}

#[test]
fn a_coordinator_that_could_not_be_is_refused() {
    let begin = |id, mode| {
        let branches = vec![(NodeId(2), 5_u32), (NodeId(3), 6)];
        Input::Request(commit::coordinator::Request::Begin { id: RequestId(id), mode, branches })
    };
    let vote = |node, number| {
        let message = commit::Message::Vote { tx: numbered(number), vote: Vote::Yes };
        Input::Message { from: NodeId(node), message }
    };
    let abort = commit::Mode::PresumedAbort;
    let begun = [begin(1, commit::Mode::PresumedCommit), begin(2, abort), begin(3, abort)];
    let machine = after(of_commit::<Coordinator<u32>>(1), begun);
    let machine = after(machine, [vote(2, 2), vote(3, 2), vote(2, 3)]);
    let (bytes, needed) = ("/bytes", "/journal/needed");
    let (first, second, third) = ("/transactions/0", "/transactions/1", "/transactions/2");
    let at = |transaction: &str, field: &str| format!("{transaction}/{field}");
    refused(
        &machine,
        &[
            (&[("/config/max_bytes", json!(0))], "max_bytes"),
            (&[(&at(first, "number"), json!(2))], "out of order"),
            (&[("/journal/first", json!(0))], "out of range"),
            (&[("/identified", json!(false))], "not under a name"),
            (&[("/reserved", json!(2))], "not reserved"),
            (&[("/next", json!(0))], "not reserved"),
            (&[("/next", json!(3))], "never begun"),
            (&[(bytes, json!(11))], "bytes of work are miscounted"),
            (&[(needed, json!(1))], "needed entries are miscounted"),
            (&[(&at(first, "number"), json!(0))], "has no number"),
            (&[(&at(first, "branches/1/node"), json!(2))], "out of order, or this node"),
            (&[(&at(first, "branches/0/node"), json!(1))], "out of order, or this node"),
            (&[(&at(first, "at"), json!(2))], "not in the journal"),
            (&[(&at(first, "phase"), json!({ "Decided": "Commit" }))], "nobody needs to hear of"),
            (&[(&at(first, "mode"), json!("PresumedAbort"))], "or the other way round"),
            (&[(&at(second, "at"), json!(null)), (needed, json!(1))], "or the other way round"),
            (&[(&at(third, "branches/0/work"), json!(5)), (bytes, json!(16))], "asked again"),
            (
                &[
                    (&at(third, "branches/1/work"), json!(null)),
                    (&at(third, "branches/1/vote"), json!("Yes")),
                    (bytes, json!(8)),
                ],
                "nothing is decided",
            ),
            (&[(&at(third, "branches/0/vote"), json!("No"))], "nothing is decided"),
            (&[(&at(third, "phase"), json!("OnePhase"))], "more than one participant"),
            (&[(&at(second, "branches"), json!([]))], "nothing is forgotten"),
        ],
    );
}

#[test]
fn a_participant_that_could_not_be_is_refused() {
    let from = |message| Input::Message { from: NodeId(1), message };
    let prepare = |number| {
        let (mode, peers) = (commit::Mode::PresumedAbort, [2, 3].map(NodeId).into_iter().collect());
        from(commit::Message::Prepare { tx: numbered(number), mode, peers, work: 5_u32 })
    };
    let ready =
        |number, vote| Input::Request(commit::participant::Request::Ready { tx: numbered(number), vote });
    let (mode, outcome) = (commit::Mode::PresumedAbort, commit::Outcome::Commit);
    let decision = from(commit::Message::Decision { tx: numbered(3), mode, outcome });
    let machine = after(of_commit::<Participant<u32>>(2), (1..=4).map(prepare));
    let machine = after(machine, [ready(2, Vote::Yes), ready(3, Vote::Yes), decision, ready(4, Vote::No)]);
    let written = serde_json::to_value(&machine).unwrap();
    let origin = &written["table"]["origins"][0];
    let of = |branch: u8, field: &str| format!("/table/origins/0/branches/{branch}/{field}");
    let (prepared, decided) =
        (of(1, "state/Prepared/ask/one_phase"), |field| of(2, &format!("state/Decided/{field}")));
    refused(
        &machine,
        &[
            (&[("/config/journal_slack", json!(0))], "journal_slack"),
            (&[("/table/origins", json!([origin, origin]))], "coordinators are out of order"),
            (&[("/journal/first", json!(0))], "out of range"),
            (&[("/applied", json!(5))], "carried out than was told"),
            (&[("/identified", json!(false))], "not under a name"),
            (&[(&of(0, "number"), json!(2))], "transactions are out of order"),
            (&[("/table/origins/0/floor", json!(4))], "below the floor"),
            (&[("/table/origins/0/tombstones", json!(0))], "tombstones are miscounted"),
            (&[("/table/origins/0/coordinator", json!(2))], "nobody's"),
            (&[(&of(0, "number"), json!(0))], "nobody's"),
            (&[(&decided("position"), json!(0))], "position past its entry"),
            (&[(&decided("position"), json!(4))], "position past its entry"),
            (&[(&of(0, "at"), json!(1))], "durable before the vote"),
            (&[(&of(1, "at"), json!(null))], "not in the journal"),
            (&[(&of(1, "at"), json!(4))], "not in the journal"),
            (&[(&prepared, json!(true))], "who decides alone"),
            (&[(&decided("took"), json!("Commit"))], "and the same"),
            (&[(&decided("done"), json!(true))], "what is over is kept"),
            (&[(&decided("work"), json!(null))], "lacks what is to be applied"),
            (&[("/table/counts/live", json!(2))], "live transactions are miscounted"),
            (&[("/table/counts/bytes", json!(11))], "bytes of work are miscounted"),
            (&[("/journal/needed", json!(2))], "needed entries are miscounted"),
            (&[("/table/counts/asked", json!(0))], "in doubt or resolved"),
            (&[("/table/counts/in_doubt", json!(0))], "in doubt or resolved"),
            (&[("/table/counts/resolved", json!(1))], "in doubt or resolved"),
            (&[("/awaits_readiness", json!(false))], "no timer is set"),
        ],
    );
}

#[test]
fn a_leader_that_could_not_be_is_refused() {
    let branches = vec![(NodeId(21), 5_u32), (NodeId(22), 6)];
    let begin = Input::Request(leader::Request::Begin { id: RequestId(1), branches });
    let leader = after(Leader::new(paxos_member(1)).unwrap(), [begin]);
    let (tx, of_first) = ("/transactions/0", "/transactions/0/branches/0");
    let (by, all) = (format!("{of_first}/by"), format!("{tx}/branches/1/by"));
    let vote = format!("{of_first}/vote");
    let yes = json!({ "ballot": { "round": 0, "rank": 0 }, "vote": "Yes" });
    refused(
        &leader,
        &[
            (&[("/me", json!(11))], "another part"),
            (&[("/config/asked_first", json!(0))], "asked_first"),
            (&[("/rank", json!(1))], "another's rank"),
            (&[("/identified", json!(false))], "not under a name"),
            (&[("/next", json!(0))], "not reserved"),
            (&[("/next", json!(9_999_999))], "not reserved"),
            (&[("/bytes", json!(1))], "miscounted"),
            (&[("/armed/votes", json!(false))], "no timer is set"),
            (&[("/transactions/0/tx/number", json!(9))], "never begun"),
            (&[("/transactions/0/tx/coordinator", json!(2))], "never begun"),
            (&[("/transactions/0/branches/0/node", json!(11))], "resource managers are"),
            (&[("/transactions/0/own", json!(false))], "waits for ballot 0"),
            (&[("/transactions/0/phase", json!({ "Decided": "Abort" }))], "an abort is kept"),
            (&[("/transactions/0/phase", json!({ "Decided": "Commit" }))], "work is kept"),
            (
                &[(
                    "/transactions/0/phase",
                    json!({ "Promising": { "ballot": { "round": 9, "rank": 0 }, "by": 0 } }),
                )],
                "not this node's",
            ),
            (&[(&by, json!(8))], "accepts none"),
            (&[(&by, json!(1))], "stands otherwise"),
            (&[(&vote, yes)], "stands otherwise"),
            (&[(&by, json!(3)), (&all, json!(3))], "every vote is chosen"),
        ],
    );
}

#[test]
fn an_acceptor_that_could_not_be_is_refused() {
    let vote = paxos::Message::Vote { tx: TX, managers: two_managers(), vote: Vote::Yes };
    let vote = Input::Message { from: NodeId(21), message: vote };
    let acceptor = after(Acceptor::<u32>::new(paxos_member(11)).unwrap(), [vote]);
    let no = json!({ "ballot": { "round": 0, "rank": 0 }, "vote": "No" });
    let higher = json!({ "ballot": { "round": 5, "rank": 0 }, "vote": "No" });
    refused(
        &acceptor,
        &[
            (&[("/me", json!(1))], "another part"),
            (&[("/identified", json!(false))], "not under a name"),
            (&[("/journal/first", json!(0))], "out of range"),
            (&[("/folded", json!(9))], "more is said to be over"),
            (&[("/live", json!(2))], "live transactions are miscounted"),
            (&[("/journal/needed", json!(1))], "needed entries are miscounted"),
            (&[("/origins/0/over/spans", json!([[3, 2]]))], "what is over is out of order"),
            (&[("/origins/0/over/spans", json!([[1, 1]]))], "that is over, or never was"),
            (&[("/origins/0/live/0/number", json!(0))], "that is over, or never was"),
            (&[("/origins/0/live/0/instances", json!([]))], "or there are none"),
            (&[("/origins/0/live/0/asked", json!(true))], "not quiet"),
            (&[("/origins/0/live/0/promised/round", json!(3))], "in no journal"),
            (&[("/origins/0/live/0/instances/1/1", no)], "nothing is written down"),
            (&[("/origins/0/live/0/instances/1/1", higher)], "beyond what is promised"),
            (&[("/origins/0/live/0/at", json!(1)), ("/journal/needed", json!(1))], "not in the journal"),
        ],
    );
}

#[test]
fn a_resource_manager_that_could_not_be_is_refused() {
    let prepare = paxos::Message::Prepare { tx: TX, managers: two_managers(), work: 5 };
    let prepare = Input::Message { from: NodeId(1), message: prepare };
    let manager = after(ResourceManager::<u32>::new(paxos_member(21)).unwrap(), [prepare]);
    refused(
        &manager,
        &[
            (&[("/config/acceptors", json!([11, 12, 21]))], "another part"),
            (&[("/participant/table/counts/live", json!(0))], "miscounted"),
        ],
    );
}

fn tcc_member(me: u64) -> tcc::Member {
    let config = tcc::Config::new(ClusterId(7), [1, 2].map(NodeId));
    tcc::Member { me: NodeId(me), config: Arc::new(config) }
}

#[test]
fn a_coordinator_of_reservations_that_could_not_be_is_refused() {
    let begin = coordinator::Request::Begin { id: RequestId(1), branches: vec![(NodeId(2), 5_u32)] };
    let machine = after(tcc::Coordinator::new(tcc_member(1)).unwrap(), [Input::Request(begin)]);
    let (phase, at) = ("/inner/transactions/0/phase", "/inner/transactions/0/at");
    let one_phase = [(phase, json!("OnePhase")), (at, json!(null)), ("/inner/journal/needed", json!(0))];
    refused(&machine, &[(&[("/inner/bytes", json!(9))], "miscounted"), (&one_phase, "a service decides")]);
}

#[test]
fn a_service_of_reservations_that_could_not_be_is_refused() {
    let from = |message| Input::Message { from: NodeId(1), message };
    let inputs = [
        from(tcc::Message::Try { tx: TX, work: 5_u32 }),
        Input::Request(service::Request::Reserved { tx: TX }),
        from(tcc::Message::Confirm { tx: TX }),
        Input::Request(service::Request::Failed { tx: TX }),
    ];
    let machine = after(tcc::Service::new(tcc_member(2)).unwrap(), inputs);
    let another = json!({ "coordinator": 1, "number": 9 });
    let written = serde_json::to_value(&machine).unwrap();
    let (failing, most) = (&written["failing"][0], &written["config"]["max_attempts"]);
    refused(
        &machine,
        &[
            (&[("/config/max_attempts", json!(0))], "max_attempts"),
            (&[("/failing/0/attempts", json!(0))], "its attempts say"),
            (&[("/failing/0/attempts", json!(99))], "its attempts say"),
            (&[("/failing/0/wait", json!("Operator"))], "its attempts say"),
            (&[("/failing/0/attempts", most.clone())], "its attempts say"),
            (
                &[("/failing/0/attempts", most.clone()), ("/failing/0/wait", json!("Application"))],
                "its attempts say",
            ),
            (&[("/failing/0/tx", another.clone())], "not to be carried out"),
            (&[("/failing", json!([failing, failing]))], "out of order"),
            (&[("/lapsing", json!([another, another]))], "out of order"),
            (&[("/lapsing", json!([another]))], "no limit was declared"),
            (&[("/awaits_lapse", json!(true))], "no limit was declared"),
        ],
    );
}

/// A step at node 2, and a pivot after it.
fn a_definition() -> saga::Definition {
    let mut outline = saga::Outline::new();
    for (kind, after) in [(Kind::Compensatable, vec![]), (Kind::Pivot, vec![StepId(0)])] {
        let (task, service, policy) = (saga::TaskId(1), NodeId(2), saga::Policy::default());
        outline.step(saga::Step { task, service, kind, after, policy });
    }
    saga::Definition::new(saga::DefinitionId(5), saga::Version(2), outline).unwrap()
}

#[test]
fn an_orchestrator_that_could_not_be_is_refused() {
    let plan = a_definition();
    let begin = |id: u64| {
        let (definition, version, saga) = (plan.id(), plan.version(), SagaId(id));
        Input::Request(saga::Request::Begin { id: RequestId(id), saga, definition, version, input: 5_u32 })
    };
    let config = saga::Config::new(ClusterId(7), NodeId(3), [plan.clone()]);
    let machine = after(Orchestrator::new(Arc::new(config)).unwrap(), [begin(8), begin(9)]);
    let many: Vec<_> = (0..65).map(|_| "Grounded").collect();
    let (first, flights) = ("/sagas/0/1/flights/0", "/sagas/0/1/flights");
    refused(
        &machine,
        &[
            (&[("/config/max_sagas", json!(0))], "max_sagas"),
            (&[("/config/definitions/0/steps", json!([]))], "no step"),
            (&[("/first", json!(0))], "out of range"),
            (&[("/next", json!(u64::MAX))], "used up"),
            (&[("/epoch", json!(u64::MAX))], "used up"),
            (&[("/epoch", json!(0))], "without an epoch"),
            (&[("/identified", json!(false))], "not under a name"),
            (&[("/superseded", json!(1))], "superseded by an earlier one"),
            (&[("/begun", json!(false)), ("/superseded", json!(7))], "before it began"),
            (&[("/sagas/0/0", json!(10))], "out of order"),
            (&[("/sagas/1/1/since", json!(1))], "share an entry"),
            (&[("/sagas/0/1/since", json!(7))], "told from the log"),
            (
                &[(flights, json!(many)), ("/sagas/0/1/standing/tries", json!(vec![0; 65]))],
                "more steps than may be",
            ),
            (&[(flights, json!([]))], "more steps than may be"),
            (&[(first, json!("Grounded"))], "not what is to be done"),
            (&[(first, json!({ "Called": "Undo" }))], "not what is to be done"),
            (&[("/sagas/0/1/standing/done", json!(2))], "although one before it is"),
        ],
    );
}

#[test]
fn a_service_of_sagas_that_could_not_be_is_refused() {
    use saga::service::{Config, Service};
    let call = |step| {
        let key = saga::Key { owner: NodeId(3), saga: SagaId(1), step: StepId(step) };
        let (epoch, attempt, task, action) = (saga::Epoch(1), 0, saga::TaskId(1), saga::Action::Do);
        let call = saga::Call { key, epoch, attempt, task, action, input: 5_u32, floor: SagaId(1) };
        Input::Message { from: NodeId(3), message: saga::Message::Call(call) }
    };
    let machine = Service::<u32>::new(Arc::new(Config::new(ClusterId(7), NodeId(2)))).unwrap();
    let machine = after(machine, [Input::Start, call(0), call(1)]);
    let written = serde_json::to_value(&machine).unwrap();
    let (owner, key) = (&written["owners"][0], &written["keys"][0]);
    refused(
        &machine,
        &[
            (&[("/config/max_keys", json!(0))], "max_keys"),
            (&[("/owners", json!([owner, owner]))], "out of order"),
            (&[("/keys", json!([key, key]))], "out of order"),
            (&[("/keys/1/1/at", key[1]["at"].clone())], "share an entry"),
            (&[("/first", json!(0))], "out of range"),
            (&[("/first", json!(9))], "out of range"),
            (&[("/next", json!(u64::MAX))], "out of range"),
            (&[("/next", json!(1))], "cannot be told from the log"),
            (&[("/identified", json!(false))], "not under a name"),
            (&[("/identified", json!(false)), ("/keys", json!([])), ("/next", json!(1))], "not under a name"),
            (&[("/owners/0/1/floor", json!(2))], "has forgotten"),
            (&[("/owners", json!([]))], "has forgotten"),
            (&[("/keys/0/1/stage", json!("Undone"))], "at work on what it was not asked"),
        ],
    );
}

#[test]
fn a_participant_of_choreography_that_could_not_be_is_refused() {
    let plan = a_definition();
    let (definition, version, saga) = (plan.id(), plan.version(), SagaId(9));
    let begin = choreography::Request::Begin { id: RequestId(1), saga, definition, version, input: 5_u32 };
    let config = choreography::Config::new(ClusterId(7), NodeId(3), [2, 3].map(NodeId), [plan]);
    let machine = choreography::Participant::new(Arc::new(config)).unwrap();
    let machine = after(machine, [Input::Request(begin)]);
    let more = json!([{ "wish": null, "cause": null, "done": 1, "failed": 0, "clean": 0 }]);
    let many: Vec<_> = (0..65).map(|_| "Grounded").collect();
    let (known, flights) = ("/sagas/0/1/known", "/sagas/0/1/flights");
    refused(
        &machine,
        &[
            (&[("/config/max_sagas", json!(0))], "max_sagas"),
            (&[("/first", json!(0))], "out of range"),
            (&[("/next", json!(u64::MAX))], "used up"),
            (&[("/identified", json!(false))], "without a name"),
            (&[("/floors", json!([[3, 10]]))], "that is over"),
            (&[("/floors", json!([[3, 1], [2, 1]]))], "out of order"),
            (&[("/sagas/0/1/since", json!(7))], "told from the log"),
            (&[(known, json!([]))], "known to know of a saga than take part"),
            (&[(known, more)], "known to know what is not known here"),
            (
                &[
                    (flights, json!(many)),
                    ("/sagas/0/1/standing/tries", json!(vec![0; 65])),
                    ("/sagas/0/1/standing/shape", json!(0)),
                    (known, json!([])),
                ],
                "more steps than may be",
            ),
            (&[("/sagas/0/1/flights/0", json!({ "Called": "Do" }))], "not what is to be done"),
        ],
    );
}
