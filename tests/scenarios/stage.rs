//! The stage: nodes, their disks, and messages that move only when the script says so.

use std::collections::BTreeMap;

use quorate::durable::{Image, Recover};
use quorate::id::NodeId;
use quorate::ledger::{LedgerOf, Output};
use quorate::machine::{Input, InputOf, Machine, RecordOf};
use quorate::time::Time;

/// A protocol as scripts speak of it.
pub trait Play {
    type Machine: Recover<Cell: Clone, Entry: Clone, Message: Clone, Config: Clone>;

    /// The nodes of a script.
    fn cast(&self) -> Vec<(NodeId, <Self::Machine as Machine>::Config)>;
    /// What an application asks for in so many words.
    fn request(&self, node: NodeId, words: &[&str]) -> <Self::Machine as Machine>::Request;
    /// A timer by its name.
    fn timer(&self, node: NodeId, words: &[&str]) -> <Self::Machine as Machine>::Timer;
    fn message(&self, message: &<Self::Machine as Machine>::Message) -> String;
    fn notice(&self, notice: &<Self::Machine as Machine>::Notice) -> String;
    /// Nothing for what is not worth telling.
    fn record(&self, record: &RecordOf<Self::Machine>) -> Option<String>;
}

type MessageOf<P> = <<P as Play>::Machine as Machine>::Message;
type ConfigOf<P> = <<P as Play>::Machine as Machine>::Config;
type DiskOf<P> = Image<<<P as Play>::Machine as Machine>::Cell, <<P as Play>::Machine as Machine>::Entry>;

struct Actor<P: Play> {
    machine: P::Machine,
    ledger: LedgerOf<P::Machine>,
    disk: DiskOf<P>,
    config: ConfigOf<P>,
    slow: bool,
}

struct Stage<P: Play> {
    play: P,
    actors: BTreeMap<NodeId, Actor<P>>,
    network: Vec<(NodeId, NodeId, MessageOf<P>)>,
    told: Vec<String>,
}

/// Performs every script in a folder; `play` makes what the first word of a file's first block names.
pub fn perform<P: Play>(folder: &str, play: fn(&str) -> P) {
    let mut scripts = 0;
    datadriven::walk(folder, |file| {
        scripts += 1;
        let mut stage: Option<Stage<P>> = None;
        file.run(|case| {
            let stage = stage.get_or_insert_with(|| Stage::new(play(case.directive.as_str())));
            stage.told.clear();
            for command in case.input.lines().filter(|line| !line.trim().is_empty()) {
                stage.obey(command);
            }
            let mut told = stage.told.join("\n");
            if told.is_empty() {
                told.push_str("nothing happens");
            }
            told.push('\n');
            told
        });
    });
    assert!(scripts > 0, "there are scripts in {folder}");
}

pub fn node(word: &str) -> NodeId {
    let number = word.strip_prefix('n').and_then(|number| number.parse().ok());
    NodeId(number.unwrap_or_else(|| panic!("{word} is no node: n1, n2 and so on are")))
}

impl<P: Play> Stage<P> {
    fn new(play: P) -> Self {
        let mut stage = Self { actors: BTreeMap::new(), network: Vec::new(), told: Vec::new(), play };
        for (id, config) in stage.play.cast() {
            let disk = Image::default();
            let machine = P::Machine::recover(config.clone(), &disk, 0).expect("an empty disk recovers");
            let ledger = LedgerOf::<P::Machine>::new(id);
            stage.actors.insert(id, Actor { machine, ledger, disk, config, slow: false });
            stage.step(id, Input::Start);
        }
        stage
    }

    fn obey(&mut self, command: &str) {
        let words: Vec<&str> = command.split_whitespace().collect();
        match words[..] {
            ["deliver"] => self.deliver_all(),
            ["deliver", from, to] => self.deliver(node(from), node(to), false),
            ["deliver", "last", from, to] => self.deliver_last(node(from), node(to)),
            ["repeat", from, to] => self.deliver(node(from), node(to), true),
            ["lose"] => self.network.clear(),
            ["lose", from, to] => drop(self.take(node(from), node(to))),
            [who, "crashes"] => self.crash(node(who)),
            [who, "is", "slow"] => self.actor(node(who)).slow = true,
            [who, "writes"] => {
                self.actor(node(who)).slow = false;
                self.settle(node(who));
            }
            [who, "expires", ref timer @ ..] => {
                let timer = self.play.timer(node(who), timer);
                self.step(node(who), Input::Timer(timer));
            }
            [who, ref words @ ..] if who.starts_with('n') => {
                let request = self.play.request(node(who), words);
                self.step(node(who), Input::Request(request));
            }
            _ => panic!("`{command}` is no command: tests/scenarios/main.rs has the list"),
        }
    }

    fn actor(&mut self, id: NodeId) -> &mut Actor<P> {
        self.actors.get_mut(&id).unwrap_or_else(|| panic!("{id} is not in this play"))
    }

    fn take(&mut self, from: NodeId, to: NodeId) -> Vec<MessageOf<P>> {
        let sent = std::mem::take(&mut self.network);
        let (taken, rest): (Vec<_>, Vec<_>) =
            sent.into_iter().partition(|(sender, receiver, _)| (*sender, *receiver) == (from, to));
        self.network = rest;
        taken.into_iter().map(|(.., message)| message).collect()
    }

    fn deliver(&mut self, from: NodeId, to: NodeId, and_keep: bool) {
        let taken = self.take(from, to);
        if and_keep {
            self.network.extend(taken.iter().map(|message| (from, to, message.clone())));
        }
        for message in taken {
            self.step(to, Input::Message { from, message });
        }
    }

    fn deliver_last(&mut self, from: NodeId, to: NodeId) {
        let at = self.network.iter().rposition(|(sender, receiver, _)| (*sender, *receiver) == (from, to));
        let at = at.unwrap_or_else(|| panic!("nothing is on its way from {from} to {to}"));
        let (.., message) = self.network.remove(at);
        self.step(to, Input::Message { from, message });
    }

    fn deliver_all(&mut self) {
        for _ in 0..1000 {
            if self.network.is_empty() {
                return;
            }
            let (from, to, message) = self.network.remove(0);
            self.step(to, Input::Message { from, message });
        }
        panic!("the nodes do not come to rest");
    }

    fn step(&mut self, id: NodeId, input: InputOf<P::Machine>) {
        let actor = self.actor(id);
        actor.machine.step(input, &mut actor.ledger.port(Time::ZERO, || 0));
        self.settle(id);
    }

    /// Writes what is to be written, unless the disk is slow, and carries out what the ledger lets go.
    fn settle(&mut self, id: NodeId) {
        loop {
            let Self { actors, play, network, told } = self;
            let actor = actors.get_mut(&id).expect("it plays");
            while let Some(output) = actor.ledger.next_output() {
                match output {
                    Output::Send { to, message } => {
                        told.push(format!("{id} -> {to}: {}", play.message(&message)));
                        network.push((id, to, message));
                    }
                    Output::Notify(notice) => told.push(format!("{id} is told: {}", play.notice(&notice))),
                    Output::Loopback(_) | Output::Load { .. } => panic!("no play has these"),
                }
            }
            // One by one, so that what waits for a record is told right after it.
            let batch = if actor.slow { None } else { actor.ledger.begin_batch(1) };
            let Some(batch) = batch else { return };
            for record in actor.ledger.batch() {
                actor.disk.apply(record.clone()).expect("records fit the disk");
                told.extend(play.record(record).map(|record| format!("{id} writes: {record}")));
            }
            actor.ledger.complete(batch);
        }
    }

    fn crash(&mut self, id: NodeId) {
        let actor = self.actor(id);
        actor.slow = false;
        actor.ledger = LedgerOf::<P::Machine>::new(id);
        actor.machine = P::Machine::recover(actor.config.clone(), &actor.disk, 0).expect("the disk recovers");
        self.step(id, Input::Start);
    }
}
