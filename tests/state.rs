//! Whole machines as data: what was written is read back, and what could not have come about is refused with a message.
//! Two-phase commit's and Raft's, and what machines do that were nearly right, is left to the fuzz targets (`*_state`).
#![cfg(feature = "serde")]

use std::fmt::Debug;
use std::sync::Arc;

use quorate::commit::paxos::{self, Acceptor, Leader, ResourceManager, leader};
use quorate::commit::tcc::{self, coordinator, service};
use quorate::commit::{TxId, Vote};
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

const TX: TxId = TxId { coordinator: NodeId(1), number: 1 };

fn paxos_member(me: u64) -> paxos::Member {
    let names = |from: u64, many: u64| (from..from + many).map(NodeId);
    let config = paxos::Config::new(ClusterId(7), names(1, 2), names(11, 3), names(21, 2));
    paxos::Member { me: NodeId(me), config: Arc::new(config) }
}

fn two_managers() -> quorate::commit::Nodes {
    [21, 22].map(NodeId).into_iter().collect()
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
    refused(
        &machine,
        &[
            (&[("/config/max_attempts", json!(0))], "max_attempts"),
            (&[("/failing/0/attempts", json!(0))], "its attempts say"),
            (&[("/failing/0/attempts", json!(99))], "its attempts say"),
            (&[("/failing/0/wait", json!("Operator"))], "its attempts say"),
            (&[("/failing/0/tx", another.clone())], "not to be carried out"),
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
