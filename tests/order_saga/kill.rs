//! A few hundred orders, on disks and a network that are slow and lossy, while the processes are killed again and
//! again: then every order is all or nothing, and every customer was told the truth.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::blows::{self, Pace};
use crate::customers::{self, Diary};
use crate::network::Network;
use crate::node::PORTS;
use crate::processes::{Shop, Site};
use crate::programs::{free_ports, program};
use crate::random::Random;
use crate::shop::Role;
use crate::{audit, operator};

/// Unless `QUORATE_SAGA_ORDERS` says otherwise.
const ORDERS: u64 = 250;
/// Unless `QUORATE_SAGA_KILLS` says otherwise.
const KILLS: u64 = 110;
const CUSTOMERS: u64 = 6;

/// How much longer a write takes: so much more is not durable when a blow falls, of what the orchestrator knows most.
fn disk_ms(role: Role) -> u64 {
    if role == Role::Orders { 80 } else { 10 }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a setting is a number"))
}

#[test]
fn every_order_is_all_or_nothing_whoever_is_killed() {
    let seed = setting("QUORATE_SAGA_SEED").unwrap_or_else(|| Random::of_now(0).below(1_000_000));
    println!("QUORATE_SAGA_SEED={seed} draws orders and blows alike, though not their timing");
    let directory = tempfile::tempdir().expect("a directory");
    let (port, through) = (free_ports(PORTS + 1), free_ports(PORTS + 1));
    let network = Network::start(through, port, seed);
    let program = program("order_saga").to_owned();
    let site = Site { program, dir: directory.path().to_owned(), port, through: Some(through), disk_ms };
    let shop = Shop::start(site).expect("the shop opens");
    let kills = setting("QUORATE_SAGA_KILLS").unwrap_or(KILLS);
    let orders = setting("QUORATE_SAGA_ORDERS").unwrap_or(ORDERS);
    let pace = Pace::new(kills, orders);

    let diaries = disturb(&shop, &pace, seed);
    network.mend();
    shop.await_all().expect("all processes run");
    operator::await_rest(&shop).expect("every order ends, or is stuck and listed");
    let told = ends(&shop);
    println!("{} processes killed; {:?}; {told:?}", pace.kills(), network.mischief);
    assert_right(&shop, &diaries);
    for end in ["completed", "compensated", "open"] {
        // Of a few orders not every end need come about.
        assert!(
            orders < ORDERS || told.keys().any(|known| known.starts_with(end)),
            "no order came to be {end}: {told:?}"
        );
    }

    let mut words = 0;
    operator::resolve_all(&shop, |_| words += 1).expect("what is stuck can be resolved");
    println!("{words} words of an operator; {:?}", ends(&shop));
    assert!(!ends(&shop).contains_key("open"), "an order that was stuck has not ended");
    assert_right(&shop, &diaries);
    // Nothing of it was in memory only.
    shop.kill(&Role::ALL).expect("all run");
    Role::ALL.into_iter().try_for_each(|role| shop.start_process(role)).expect("all start");
    shop.await_all().expect("all processes run");
    assert_right(&shop, &diaries);
}

/// Orders and kills; and one customer cancels what is open whenever the orchestrator comes back, before it has found
/// out again how far it had come.
fn disturb(shop: &Shop, pace: &Pace, seed: u64) -> Vec<Diary> {
    let (down, over) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        let customers: Vec<_> = (0..CUSTOMERS)
            .map(|customer| {
                let random = Random::new(seed ^ ((customer + 1) << 32));
                scope.spawn(move || customers::order(shop, pace, random))
            })
            .collect();
        let canceller = scope.spawn(|| cancel_after_crashes(shop, &down, &over, Random::new(!seed)));
        let struck = blows::strike(shop, pace, &mut Random::new(seed), |roles| {
            down.fetch_or(roles.contains(&Role::Orders), Ordering::Relaxed);
        });
        let ordered: Vec<_> =
            customers.into_iter().map(|customer| customer.join().expect("no panic")).collect();
        over.store(true, Ordering::Relaxed);
        let cancelled = canceller.join().expect("no panic");
        struck.expect("processes end only by being killed");
        let diaries = ordered.into_iter().chain([cancelled]);
        diaries.map(|diary| diary.expect("customers are told the truth")).collect()
    })
}

fn cancel_after_crashes(
    shop: &Shop,
    down: &AtomicBool,
    over: &AtomicBool,
    mut random: Random,
) -> Result<Diary, String> {
    let mut diary = Diary::default();
    while !over.load(Ordering::Relaxed) {
        if !down.swap(false, Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(2));
            continue;
        }
        let open = audit::orders(shop)?;
        let open = open.iter().rev().filter(|told| told.end == "open").take(8);
        for told in open.filter(|_| random.one_in(2)) {
            if customers::cancel(shop, told.number)? {
                diary.cancelled.push(told.number);
            }
        }
    }
    Ok(diary)
}

/// How many orders stand how.
fn ends(shop: &Shop) -> BTreeMap<String, usize> {
    let mut ends = BTreeMap::new();
    for told in audit::orders(shop).expect("orders are listed") {
        *ends.entry(told.end).or_default() += 1;
    }
    ends
}

fn assert_right(shop: &Shop, diaries: &[Diary]) {
    let faults = audit::faults(shop, diaries).expect("books are told");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}
