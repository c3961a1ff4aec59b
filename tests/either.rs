//! A machine that is one of two behaves as the one it is.

use std::sync::Arc;

use quorate::commit::{Config, Coordinator, Member, Mode, Participant, Vote, coordinator, participant};
use quorate::durable::{Corrupt, Image, Recover};
use quorate::either::{Either, Notice};
use quorate::id::{ClusterId, NodeId, RequestId};
use quorate::machine::{Context, Effect, EffectOf, Input, InputOf, Machine, Never, Release};
use quorate::time::Time;

type Node = Either<Coordinator<u8>, Participant<u8>>;
type Disk = Image<<Node as Machine>::Cell, <Node as Machine>::Entry>;

const FIRST: NodeId = NodeId(1);
const SECOND: NodeId = NodeId(2);
const THIRD: NodeId = NodeId(3);

fn member(me: NodeId) -> Member {
    Member { me, config: Arc::new(Config::new(ClusterId(1), [FIRST, SECOND, THIRD])) }
}

fn coordinator() -> Node {
    Either::Left(Coordinator::new(member(FIRST)).unwrap())
}

fn participant() -> Node {
    Either::Right(Participant::new(member(SECOND)).unwrap())
}

fn begin() -> InputOf<Node> {
    let (id, mode) = (RequestId(1), Mode::PresumedCommit);
    Input::Request(Either::Left(coordinator::Request::Begin {
        id,
        mode,
        branches: vec![(SECOND, 5), (FIRST, 5)],
    }))
}

/// The node after `input`, and what it emitted; what it persisted is on `disk`.
fn take(node: &Node, input: InputOf<Node>, disk: &mut Disk) -> (Node, Vec<EffectOf<Node>>) {
    let (node, effects) = node.stepped(input, Time::ZERO, &[]);
    for effect in &effects {
        if let Effect::Persist(record) = effect {
            disk.apply(record.clone()).unwrap();
        }
    }
    (node, effects)
}

fn notices(effects: Vec<EffectOf<Node>>) -> Vec<<Node as Machine>::Notice> {
    let notice = |effect| match effect {
        Effect::Notify { notice, .. } => Some(notice),
        _ => None,
    };
    effects.into_iter().filter_map(notice).collect()
}

/// A participant that has voted, and its disk.
fn one_that_voted() -> (Node, Disk) {
    let (config, id, mode) = (member(FIRST).config, RequestId(1), Mode::PresumedAbort);
    let mut disks = [Disk::default(), Disk::default()];
    let coordinator = Coordinator::new(Member { me: FIRST, config: config.clone() }).unwrap();
    let branches = vec![(SECOND, 5), (THIRD, 5)];
    let begin = Input::Request(Either::Left(coordinator::Request::Begin { id, mode, branches }));
    let (_, effects) = take(&Either::Left(coordinator), begin, &mut disks[0]);
    let message = effects.into_iter().find_map(|effect| match effect {
        Effect::Send { to: SECOND, message, .. } => Some(message),
        _ => None,
    });
    let message = message.expect("the participant is asked");
    let tx = message.tx();
    let node = Either::Right(Participant::new(Member { me: SECOND, config }).unwrap());
    let (node, _) = take(&node, Input::Message { from: FIRST, message }, &mut disks[1]);
    let ready = participant::Request::Ready { tx, vote: Vote::Yes };
    let (node, effects) = take(&node, Input::Request(Either::Right(ready)), &mut disks[1]);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Send { to: FIRST, .. })), "it votes");
    let [_, disk] = disks;
    (node, disk)
}

/// Tells the time and what was chosen of five.
#[derive(Clone, Debug)]
struct Curious;

impl Machine for Curious {
    type Config = ();
    type Message = u8;
    type Timer = Never;
    type Request = ();
    type Cell = Never;
    type Entry = Never;
    type Notice = (Time, u32);

    fn step<C: Context<Self> + ?Sized>(&mut self, _: InputOf<Self>, cx: &mut C) {
        let told = (cx.now(), cx.choose(5));
        cx.notify(told);
    }
}

#[test]
fn either_kind_is_told_the_time_and_what_was_chosen() {
    let told = |node: Either<Curious, Curious>| node.stepped(Input::Start, Time(7), &[3]).1;
    for (node, notice) in [
        (Either::Left(Curious), Notice::Left((Time(7), 3))),
        (Either::Right(Curious), Notice::Right((Time(7), 3))),
    ] {
        assert_eq!(told(node), [Effect::Notify { notice, release: Release::Held }]);
    }
}

#[test]
fn each_kind_comes_back_from_its_own_disk() {
    let (node, disk) = one_that_voted();
    assert_eq!(node.agrees_with(&disk), Ok(()));
    let back = Node::recover(Either::Right(member(SECOND)), &disk, 0).unwrap();
    assert_eq!(back.agrees_with(&disk), Ok(()));
    assert_ne!(back, participant(), "what it voted for is known");
}

#[test]
fn a_disk_of_the_other_kind_is_refused() {
    let (_, disk) = one_that_voted();
    assert!(matches!(Node::recover(Either::Left(member(SECOND)), &disk, 0), Err(Corrupt::Inconsistent(_))));
    assert!(coordinator().agrees_with(&disk).is_err());
}

#[test]
fn a_request_a_timer_or_a_read_back_of_the_other_kind_changes_nothing_and_is_told() {
    let loaded = Input::Loaded {
        log: quorate::commit::JOURNAL,
        from: 1,
        entries: vec![Either::Left(coordinator::Entry::Ended {
            tx: quorate::commit::TxId { coordinator: FIRST, number: 1 },
            outcome: quorate::commit::Outcome::Commit,
        })],
    };
    for input in [begin(), Input::Timer(Either::Left(coordinator::Timer::Votes)), loaded] {
        let (node, effects) = participant().stepped(input, Time::ZERO, &[]);
        assert_eq!(node, participant());
        assert_eq!(notices(effects), [Notice::Misdirected]);
    }
    let wrong = Input::Timer(Either::Right(participant::Timer::Doubt));
    let (node, effects) = coordinator().stepped(wrong, Time::ZERO, &[]);
    assert_eq!((node, notices(effects)), (coordinator(), vec![Notice::Misdirected]));
}
