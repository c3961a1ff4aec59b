//! One node among peers, a disk and an application that may say anything: its promises, step by step.
//!
//! Bytes choose the node, what is on its disk and what it is told; where worlds are too well-behaved to go, this goes.

use std::collections::{BTreeMap, VecDeque};

use arbitrary::{Result as Drawn, Unstructured};
use quorate::durable::{Image, Recover};
use quorate::id::RequestId;
use quorate::ledger::{LedgerOf, Output};
use quorate::machine::{Context, Effect, Input, InputOf, Machine, Recorder};
use quorate::raft::{Cell, Entry, Member, Message, Notice, Raft, Request};
use quorate::time::Time;

/// Commands of any size.
type Bytes = Vec<u8>;
type Node = Raft<Bytes>;
type Disk = Image<Cell, Entry<Bytes>>;

/// What a run came to, so that it can be seen to come to something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a plain record of numbers")]
pub struct Tally {
    /// Steps taken.
    pub steps: u64,
    /// Steps after which the node led.
    pub led: u64,
    /// Proposals accepted.
    pub accepted: u64,
    /// Proposals refused.
    pub refused: u64,
    /// Inputs that were rejected.
    pub rejected: u64,
    /// Entries told to be committed.
    pub committed: u64,
    /// Read-backs asked for.
    pub loads: u64,
    /// Crashes.
    pub crashes: u64,
}

/// Drives one node as `bytes` say, until they are used up.
///
/// # Errors
/// The promise that was broken.
///
/// # Panics
/// If the node does: that promise is the first.
pub fn alone(bytes: &[u8]) -> Result<Tally, String> {
    let mut u = Unstructured::new(bytes);
    let Ok((member, (disk, applied))) = born(&mut u) else { return Ok(Tally::default()) };
    let mut life = Life::begin(member, disk, applied)?;
    while !u.is_empty() {
        // Nothing is drawn once the bytes are used up.
        let Ok(happening) = life.next(&mut u) else { break };
        life.happens(happening)?;
    }
    life.end()?;
    Ok(life.tally)
}

fn born(u: &mut Unstructured<'_>) -> Drawn<(Member, (Disk, u64))> {
    let member = Member::arbitrary_small(u)?;
    let disk = member.arbitrary_disk(u)?;
    Ok((member, disk))
}

/// What happens next.
enum Happening {
    /// The node is told something.
    Told(InputOf<Node>),
    /// Its own driver feeds it what it owes.
    Owed,
    /// So many records become durable.
    Flush(usize),
    /// The node crashes with only so many of its records durable, and comes back.
    Crash(usize),
}

/// A node with its driver.
struct Life {
    member: Member,
    node: Node,
    ledger: LedgerOf<Node>,
    /// What is durable.
    disk: Disk,
    /// What will be once every record is.
    emitted: Disk,
    applied: u64,
    owed: VecDeque<InputOf<Node>>,
    /// How often each request was answered in this life.
    answers: BTreeMap<RequestId, u32>,
    asked: u64,
    tally: Tally,
}

impl Life {
    fn begin(member: Member, disk: Disk, applied: u64) -> Result<Self, String> {
        let node = recovered(&member, &disk, applied)?;
        let mut life = Self {
            ledger: LedgerOf::<Node>::new(member.me),
            node,
            member,
            emitted: disk.clone(),
            disk,
            applied,
            owed: VecDeque::new(),
            answers: BTreeMap::new(),
            asked: 0,
            tally: Tally::default(),
        };
        life.step(Input::Start)?;
        Ok(life)
    }

    fn next(&self, u: &mut Unstructured<'_>) -> Drawn<Happening> {
        Ok(match u.int_in_range(0..=31)? {
            0 => Happening::Crash(u.int_in_range(0..=8)?),
            1..=5 => Happening::Flush(u.int_in_range(1..=4)?),
            6..=9 => Happening::Flush(usize::MAX),
            10..=16 => Happening::Owed,
            _ => Happening::Told(self.node.arbitrary_input(u)?),
        })
    }

    fn happens(&mut self, happening: Happening) -> Result<(), String> {
        match happening {
            Happening::Told(Input::Request(Request::Propose { commands, .. })) => {
                self.asked += 1;
                let id = RequestId(self.asked);
                self.answers.insert(id, 0);
                self.step(Input::Request(Request::Propose { id, commands }))
            }
            Happening::Told(input) => self.step(input),
            Happening::Owed => match self.owed.pop_front() {
                Some(input) => self.step(input),
                None => Ok(()),
            },
            Happening::Flush(most) => {
                self.flush(most)?;
                self.carry_out()
            }
            Happening::Crash(durable) => self.crash(durable),
        }
    }

    /// One step, and what must hold after it and after each record of it.
    fn step(&mut self, input: InputOf<Node>) -> Result<(), String> {
        self.tally.steps += 1;
        let told = format!("{input:?}");
        let mut cx = Recorder::new(Time::ZERO, &[]);
        self.node.step(input, &mut cx);
        let broken = |what: &str| format!("{what}, after {told}");
        for effect in cx.effects {
            if let Effect::Persist(record) = &effect {
                self.emitted.apply(record.clone()).map_err(|misfit| broken(&misfit.to_string()))?;
                recovered(&self.member, &self.emitted, self.applied).map_err(|error| broken(&error))?;
            }
            let mut port = self.ledger.port(Time::ZERO, || 0);
            Context::<Node>::emit(&mut port, effect);
        }
        self.node.check().map_err(broken)?;
        self.node.agrees_with(&self.emitted).map_err(broken)?;
        let back = recovered(&self.member, &self.emitted, self.applied)?;
        back.agrees_with(&self.emitted).map_err(broken)?;
        self.tally.led += u64::from(self.node.is_leader());
        self.carry_out()
    }

    /// Makes records durable, `most` of them: whether there was any.
    fn flush(&mut self, most: usize) -> Result<bool, String> {
        let Some(batch) = self.ledger.begin_batch(most) else { return Ok(false) };
        for record in self.ledger.batch() {
            self.disk.apply(record.clone()).map_err(|misfit| misfit.to_string())?;
        }
        self.ledger.complete(batch);
        Ok(true)
    }

    fn carry_out(&mut self) -> Result<(), String> {
        while let Some(output) = self.ledger.next_output() {
            match output {
                Output::Send { to, .. } if to == self.member.me => {
                    return Err("a message to itself went out to the network".to_owned());
                }
                Output::Send { message: Message::Append { entries, .. }, .. } => {
                    let most = self.member.config.max_append_entries;
                    if entries.len() > most {
                        return Err(format!("{} entries in an append, of {most}", entries.len()));
                    }
                }
                Output::Send { .. } => {}
                Output::Loopback(message) => {
                    self.owed.push_back(Input::Message { from: self.member.me, message });
                }
                Output::Notify(notice) => self.told(&notice)?,
                Output::Load { log, from, upto } => {
                    self.tally.loads += 1;
                    let wanted = self.disk.log(log).filter(|(at, _)| (from..=upto).contains(at));
                    let entries = wanted.map(|(_, entry)| entry.clone()).collect();
                    self.owed.push_back(Input::Loaded { log, from, entries });
                }
            }
        }
        Ok(())
    }

    fn told(&mut self, notice: &Notice<Bytes>) -> Result<(), String> {
        match notice {
            Notice::Accepted { id, .. } | Notice::Refused { id, .. } => {
                let accepted = matches!(notice, Notice::Accepted { .. });
                *(if accepted { &mut self.tally.accepted } else { &mut self.tally.refused }) += 1;
                match self.answers.get_mut(id) {
                    Some(answers) if *answers == 0 => *answers = 1,
                    _ => return Err(format!("{id} is answered twice, or was never asked")),
                }
            }
            Notice::Committed { index, .. } => {
                if index.0 != self.applied + 1 {
                    return Err(format!("told of {index} after {}", self.applied));
                }
                self.tally.committed += 1;
                self.applied = index.0;
            }
            Notice::Rejected { .. } => self.tally.rejected += 1,
            _ => {}
        }
        Ok(())
    }

    /// Whatever waited for a record beyond the first `durable` ones is lost.
    fn crash(&mut self, durable: usize) -> Result<(), String> {
        if durable > 0 && self.flush(durable)? {
            self.carry_out()?;
        }
        self.tally.crashes += 1;
        self.node = recovered(&self.member, &self.disk, self.applied)?;
        self.ledger = LedgerOf::<Node>::new(self.member.me);
        self.emitted = self.disk.clone();
        self.owed.clear();
        self.answers.clear();
        self.step(Input::Start)
    }

    /// Once everything is durable, everything is answered.
    fn end(&mut self) -> Result<(), String> {
        while self.flush(usize::MAX)? {}
        self.carry_out()?;
        if self.disk != self.emitted {
            return Err("the disk is not what was emitted".to_owned());
        }
        match self.answers.iter().find(|(_, answers)| **answers != 1) {
            Some((id, _)) => Err(format!("{id} was never answered")),
            None => Ok(()),
        }
    }
}

fn recovered(member: &Member, disk: &Disk, applied: u64) -> Result<Node, String> {
    let node = Node::recover(member.clone(), disk, applied).map_err(|corrupt| corrupt.to_string())?;
    node.check()?;
    Ok(node)
}
