//! Whatever is lost, repeated, reordered or crashes: all confirmed or all cancelled, and in the end nothing is held.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use quorate::commit::tcc::coordinator::Notice;
use quorate::commit::tcc::service::{Request, Timer};
use quorate::commit::{Outcome, TxId};
use quorate::id::NodeId;
use quorate::time::Delay;

use crate::application::{Held, Tries};
use crate::bench::Bench;

const SERVICES: [NodeId; 3] = [NodeId(2), NodeId(3), NodeId(4)];

/// Tells one number into several choices.
struct Choices(u32);

impl Choices {
    fn below(&mut self, upto: usize) -> usize {
        let upto = u32::try_from(upto.max(1)).expect("few choices");
        let chosen = self.0 % upto;
        self.0 /= upto;
        chosen as usize
    }

    fn service(&mut self) -> NodeId {
        SERVICES[self.below(SERVICES.len())]
    }
}

fn act(bench: &mut Bench, mut choices: Choices) {
    match choices.below(18) {
        0 => {
            let size = 1 + choices.below(3);
            let members = SERVICES.iter().cycle().skip(choices.below(3)).take(size);
            bench.begin_with(members.map(|id| (*id, 1)).collect()).ok();
        }
        1 => {
            let tries = [Tries::Reserves, Tries::Refuses, Tries::Waits, Tries::ReservesSilently];
            bench.tries(choices.service(), tries[choices.below(tries.len())]);
        }
        2 => {
            let works = choices.below(2) == 0;
            bench.works(choices.service(), works);
        }
        3 => {
            let answers = choices.below(2) == 0;
            bench.application(choices.service()).answers = answers;
        }
        4 => bench.resend(),
        5 => bench.deadline(),
        6 => bench.expire(choices.service(), Timer::Retry),
        7 => bench.expire(choices.service(), Timer::Trying),
        8 => bench.expire(choices.service(), Timer::Lapse),
        9 => bench.crash_coordinator(),
        10 => bench.crash(choices.service()),
        11 => {
            // The last step before a crash leaves nothing on the disk, and nothing leaves it.
            let id = choices.service();
            bench.services.get_mut(&id).expect("it is there").disk_works = false;
            deliver(bench, &mut choices, false);
            bench.crash(id);
        }
        12 => {
            bench.coordinator.disk_works = false;
            deliver(bench, &mut choices, false);
            bench.crash_coordinator();
        }
        13 => {
            let lost = choices.below(bench.network.len());
            bench.network.remove(lost);
        }
        14 => operate(bench, &mut choices),
        15 => deliver(bench, &mut choices, true),
        _ => deliver(bench, &mut choices, false),
    }
}

/// An operator or an application asks, wanted or not.
fn operate(bench: &mut Bench, choices: &mut Choices) {
    let id = choices.service();
    let known: Vec<TxId> = bench.applications[&id].asked.keys().copied().collect();
    let Some(tx) = known.get(choices.below(known.len())).copied() else { return };
    if choices.below(3) == 0 {
        bench.cancel(tx);
        return;
    }
    let reserved = bench.held(id, tx) == Some(Held::Reserved);
    let request = match choices.below(4) {
        0 => Request::Retry { tx },
        1 => Request::Failed { tx },
        2 if reserved => Request::Reserved { tx },
        _ => Request::Found { tx },
    };
    bench.ask(id, request);
}

/// Delivers any message, and leaves it on its way if it is to come again.
fn deliver(bench: &mut Bench, choices: &mut Choices, again: bool) {
    let at = choices.below(bench.network.len());
    let Some((from, to, message)) = bench.network.remove(at) else { return };
    if again {
        bench.network.push_back((from, to, message.clone()));
    }
    bench.deliver_to(to, from, message);
}

fn heal(bench: &mut Bench) {
    for id in SERVICES {
        let application = bench.application(id);
        (application.tries, application.works, application.answers) = (Tries::Reserves, true, true);
        bench.crash(id);
    }
    for _ in 0..4 {
        bench.deliver_all();
        bench.resend();
        bench.deadline();
        for id in SERVICES {
            bench.expire(id, Timer::Trying);
            bench.expire(id, Timer::Retry);
        }
    }
    bench.deliver_all();
}

/// The outcomes that the coordinator told of each activity.
fn decided(bench: &Bench) -> BTreeMap<TxId, BTreeSet<Outcome>> {
    let mut decided: BTreeMap<TxId, BTreeSet<Outcome>> = BTreeMap::new();
    for (tx, outcome) in bench.decided() {
        decided.entry(tx).or_default().insert(outcome);
    }
    decided
}

fn run(script: Vec<u32>, lapses: bool) -> Bench {
    let mut bench = Bench::with(3, |config| {
        config.commit.max_tombstones = 3;
        config.commit.journal_slack = 2;
        config.commit.numbers_reserved = 2;
        config.commit.max_transactions = 4;
        config.lapse = lapses.then_some(Delay::exactly(config.commit.votes.max * 3));
    });
    bench.begin();
    bench.begin();
    for chosen in script {
        act(&mut bench, Choices(chosen));
    }
    heal(&mut bench);
    bench
}

fn nothing_is_left(bench: &Bench) -> Result<(), TestCaseError> {
    prop_assert_eq!(bench.coordinator.machine.in_flight(), 0);
    for id in SERVICES {
        let (machine, application) = (&bench.services[&id].machine, &bench.applications[&id]);
        prop_assert_eq!(machine.live(), 0, "{} has not ended", id);
        prop_assert_eq!(machine.held_bytes(), 0);
        prop_assert_eq!(&application.outrage, &Vec::<String>::new());
        for (tx, held) in &application.held {
            prop_assert_ne!(*held, Held::Reserved, "{} holds {}", id, tx);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn all_is_confirmed_or_all_is_cancelled_and_nothing_is_held_in_the_end(
        script in proptest::collection::vec(any::<u32>(), 0..120),
    ) {
        let bench = run(script, false);
        nothing_is_left(&bench)?;
        let decided = decided(&bench);
        for (tx, outcomes) in &decided {
            prop_assert_eq!(outcomes.len(), 1, "{} is decided twice", tx);
        }
        for id in SERVICES {
            for (tx, held) in &bench.applications[&id].held {
                let confirmed = decided.get(tx).is_some_and(|outcomes| outcomes.contains(&Outcome::Commit));
                prop_assert_eq!(*held == Held::Confirmed, confirmed, "{} at {}", tx, id);
            }
        }
    }

    #[test]
    fn what_lapses_is_released_and_a_confirmation_of_it_is_told_as_damage(
        script in proptest::collection::vec(any::<u32>(), 0..120),
    ) {
        let bench = run(script, true);
        nothing_is_left(&bench)?;
        for (tx, outcomes) in decided(&bench) {
            prop_assert_eq!(outcomes.len(), 1, "{} is decided twice", tx);
            for id in SERVICES {
                let damage = Notice::Damage { tx, service: id, took: Outcome::Abort };
                let (held, damaged) = (bench.held(id, tx), bench.heard(&damage));
                let wanted = if outcomes.contains(&Outcome::Commit) && !damaged {
                    matches!(held, None | Some(Held::Confirmed))
                } else {
                    held != Some(Held::Confirmed)
                };
                prop_assert!(wanted, "{} at {}: {:?}, damaged: {}", tx, id, held, damaged);
            }
        }
    }
}
