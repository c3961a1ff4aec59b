//! Choices, clocks and logs read back, on one node that rolls dice.

use quorate::durable::{Corrupt, Image, Record};
use quorate::id::{LogId, NodeId, Permutation, Permute};
use quorate::machine::{Context, Input, InputOf, Machine, Never};
use quorate::time::Time;
use quorate_models::check::{Progress, Report, RunOptions};
use quorate_models::explore::run;
use quorate_models::spec::{Property, RequestOf, Spec};
use quorate_models::world::{Limits, Rules, UNANNOUNCED, World};

const ROLLS: LogId = LogId(0);

/// Rolls two dice when asked, keeps what they show, reads it back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Dice {
    rolled: u64,
    read_back: Option<(u8, u8)>,
    latest: Time,
}

impl Permute for Dice {
    fn permute(&mut self, _by: &Permutation<'_>) {}
}

impl Machine for Dice {
    type Config = ();
    type Message = Never;
    type Timer = Never;
    type Request = ();
    type Cell = ();
    type Entry = (u8, u8);
    type Notice = ();

    fn step<C: Context<Self> + ?Sized>(&mut self, input: InputOf<Self>, cx: &mut C) {
        self.latest = self.latest.max(cx.now());
        match input {
            Input::Request(()) => {
                // Only after a 1 there is a second die.
                let first = u8::try_from(cx.choose(3)).unwrap_or(0);
                let second = if first == 1 { u8::try_from(cx.choose(2)).unwrap_or(0) } else { 0 };
                self.rolled += 1;
                cx.persist(Record::Append { log: ROLLS, index: self.rolled, entry: (first, second) });
                cx.load(ROLLS, self.rolled, self.rolled);
            }
            Input::Loaded { entries, .. } => self.read_back = entries.first().copied(),
            Input::Start | Input::Message { .. } | Input::Timer(_) => {}
        }
    }
}

#[derive(Clone, Debug)]
struct Rolling {
    announced: bool,
}

impl Spec for Rolling {
    type Machine = Dice;
    type History = ();

    fn nodes(&self) -> usize {
        1
    }

    fn recover(&self, _: NodeId, disk: &Image<(), (u8, u8)>, _: u64) -> Result<Dice, Corrupt> {
        let rolled = disk.last_index(ROLLS).unwrap_or(0);
        Ok(Dice { rolled, read_back: None, latest: Time::ZERO })
    }

    fn agrees(&self, machine: &Dice, disk: &Image<(), (u8, u8)>) -> Result<(), &'static str> {
        if machine.rolled == disk.last_index(ROLLS).unwrap_or(0) { Ok(()) } else { Err("rolls") }
    }

    fn requests(&self, _: &World<Self>, _: NodeId, requests: &mut Vec<RequestOf<Self>>) {
        requests.push(());
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::sometimes("0", |world| world.machines().any(|dice| dice.read_back == Some((0, 0)))),
            Property::sometimes("1 and 0", |world| {
                world.machines().any(|dice| dice.read_back == Some((1, 0)))
            }),
            Property::sometimes("1 and 1", |world| {
                world.machines().any(|dice| dice.read_back == Some((1, 1)))
            }),
            Property::sometimes("2", |world| world.machines().any(|dice| dice.read_back == Some((2, 0)))),
            Property::sometimes("time passes", |world| world.machines().any(|dice| dice.latest == Time(2))),
        ]
    }

    fn chooses(&self) -> bool {
        self.announced
    }

    fn ticks(&self) -> &[i64] {
        &[1, -1]
    }
}

fn rolled(announced: bool) -> Report {
    let limits = Limits { requests: Some(1), crashes: Some(1), ticks: Some(2), ..Limits::default() };
    let options = RunOptions { threads: 1, ..RunOptions::default() };
    run(Rules::new(Rolling { announced }, limits), &options, &Progress::default())
}

#[test]
fn every_script_of_choices_is_followed() {
    let report = rolled(true);
    assert!(report.complete && report.holds(), "{report:#?}");
}

#[test]
fn a_choice_that_was_not_announced_is_a_violation() {
    let violation = rolled(false).violation.expect("it falls");
    assert_eq!(violation.property, UNANNOUNCED);
    assert_eq!(violation.steps.len(), 1);
}
