//! Processes killed at random, alone and together, and started again; customers who go on ordering meanwhile.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::processes::Shop;
use crate::random::Random;
use crate::shop::Role;

/// How far the killing and the ordering have come: they keep in step, however fast the machine is.
#[derive(Debug)]
pub(crate) struct Pace {
    kills: AtomicU64,
    kills_planned: u64,
    orders: AtomicU64,
    orders_planned: u64,
}

impl Pace {
    pub(crate) const fn new(kills_planned: u64, orders_planned: u64) -> Self {
        let (kills, orders) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { kills, kills_planned, orders, orders_planned }
    }

    /// Processes killed so far.
    pub(crate) fn kills(&self) -> u64 {
        self.kills.load(Ordering::Relaxed)
    }

    /// The number of the next order, as soon as it is time for it; none if all were placed.
    pub(crate) fn next_order(&self) -> Option<u64> {
        let order = self.orders.fetch_add(1, Ordering::Relaxed);
        let due = |kills: u64| order * self.kills_planned <= (kills + 2) * self.orders_planned;
        while order < self.orders_planned && !due(self.kills()) {
            thread::sleep(Duration::from_millis(5));
        }
        (order < self.orders_planned).then_some(order)
    }

    /// No more blows: who waits for one goes on.
    fn over(&self) {
        self.kills.fetch_max(self.kills_planned, Ordering::Relaxed);
    }
}

/// Kills processes until enough were killed, and starts each again; `tell` is told each blow.
pub(crate) fn strike(
    shop: &Shop,
    pace: &Pace,
    random: &mut Random,
    mut tell: impl FnMut(&[Role]),
) -> Result<(), String> {
    let outcome = (|| {
        while pace.kills() < pace.kills_planned {
            thread::sleep(Duration::from_millis(80 + random.below(250)));
            let roles = victims(random);
            shop.kill(&roles)?;
            pace.kills.fetch_add(roles.len() as u64, Ordering::Relaxed);
            tell(&roles);
            for role in roles {
                // Some are back before anybody may have missed them.
                if random.one_in(2) {
                    thread::sleep(Duration::from_millis(random.below(200)));
                }
                shop.start_process(role)?;
            }
        }
        Ok(())
    })();
    pace.over();
    outcome
}

/// Mostly one; often who calls and one that is called; sometimes all.
fn victims(random: &mut Random) -> Vec<Role> {
    let service = random.pick(&[&Role::Stock, &Role::Payment, &Role::Shipping], &Role::Stock);
    match random.below(8) {
        0 => Role::ALL.to_vec(),
        1..=3 => vec![Role::Orders, *service],
        4 => vec![Role::Orders],
        _ => vec![*service],
    }
}
