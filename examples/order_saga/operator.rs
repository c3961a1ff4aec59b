//! The operator: waits until nothing moves any more, looks at what is stuck, sees to it, and says so.

use std::thread;
use std::time::{Duration, Instant};

use crate::audit;
use crate::processes::{PATIENCE, Shop};
use crate::shop::{NO_CARRIER, NO_VOIDS, Role, Task};

/// Waits until every order has ended or is listed as stuck.
pub(crate) fn await_rest(shop: &Shop) -> Result<(), String> {
    let begun = Instant::now();
    loop {
        let stuck = audit::stuck(shop)?;
        let orders = audit::orders(shop)?;
        let moving = |told: &&audit::Told| {
            told.end == "open" && !stuck.iter().any(|(number, ..)| *number == told.number)
        };
        let moving: Vec<u64> = orders.iter().filter(moving).map(|told| told.number).collect();
        if moving.is_empty() {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            return Err(format!("orders {moving:?} have neither ended nor are they listed as stuck"));
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Sees to whatever is stuck until nothing is; `tell` is told each word. Every other authorisation that is not voided
/// is voided by hand, and told to have happened; all else is mended and tried again.
pub(crate) fn resolve_all(shop: &Shop, mut tell: impl FnMut(&str)) -> Result<(), String> {
    let begun = Instant::now();
    let mut by_hand = true;
    loop {
        await_rest(shop)?;
        let stuck = audit::stuck(shop)?;
        if stuck.is_empty() {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            return Err(format!("{stuck:?} are stuck, whatever is done about it"));
        }
        let (void, other): (Vec<_>, Vec<_>) =
            stuck.into_iter().partition(|(_, task, undo)| *task == Task::Authorise && *undo);
        for (number, task, _) in &void {
            let happened =
                by_hand && shop.ask_until_answered(Role::Payment, &format!("void {number}")).is_ok();
            by_hand = !by_hand;
            if happened {
                resolve(shop, *number, *task, "happened", &mut tell)?;
            }
        }
        shop.ask_until_answered(Role::Payment, &format!("mend {NO_VOIDS}"))?;
        shop.ask_until_answered(Role::Shipping, &format!("mend {NO_CARRIER}"))?;
        for (number, task, _) in audit::stuck(shop)?.into_iter().chain(other) {
            resolve(shop, number, task, "retry", &mut tell)?;
        }
    }
}

fn resolve(
    shop: &Shop,
    number: u64,
    task: Task,
    word: &str,
    tell: &mut impl FnMut(&str),
) -> Result<(), String> {
    let line = format!("resolve {number} {} {word}", task.name());
    match shop.ask_until_answered(Role::Orders, &line) {
        Ok(_) => tell(&line),
        // Said twice, or settled by a late answer.
        Err(error) if error.contains("not stuck") || error.contains("no such saga") => {}
        Err(error) => return Err(error),
    }
    Ok(())
}
