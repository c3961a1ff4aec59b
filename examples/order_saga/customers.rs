//! Customers: what they ask, and what they were told.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use crate::blows::Pace;
use crate::lines::Said;
use crate::processes::{PATIENCE, Shop};
use crate::random::Random;
use crate::shop::Role;

/// What a customer was told of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// It was taken, under this number.
    Taken(u64),
    /// It was not taken, nor will it be.
    NotTaken,
    /// Nobody said.
    Unknown,
}

/// What one customer was told.
#[derive(Debug, Default)]
pub(crate) struct Diary {
    /// By token: what was ordered, and what is known of it.
    pub(crate) placed: BTreeMap<String, (String, Known)>,
    /// Orders of which it was said that they go back.
    pub(crate) cancelled: Vec<u64>,
    /// Ends that were told.
    pub(crate) ended: BTreeMap<u64, String>,
}

/// Orders, cancels and asks until it is over.
pub(crate) fn order(shop: &Shop, pace: &Pace, mut random: Random) -> Result<Diary, String> {
    let mut diary = Diary::default();
    while let Some(number) = pace.next_order() {
        let token = format!("t{number}");
        let what = whim(&mut random);
        // Some give up when nobody answers, and do not know then.
        let patient = !random.one_in(8);
        let known = place(shop, &token, &what, patient)?;
        if let Known::Taken(order) = known {
            if random.one_in(8) && place(shop, &token, &what, true)? != known {
                return Err(format!(
                    "{token} was taken as order {order}, and as another when it was placed again"
                ));
            }
            if random.one_in(8) && cancel(shop, order)? {
                diary.cancelled.push(order);
            }
            look(shop, 1 + random.below(order), &mut diary)?;
        }
        diary.placed.insert(token, (what, known));
    }
    Ok(diary)
}

/// Customer, item, quantity and zone.
fn whim(random: &mut Random) -> String {
    let customers = ["alice", "alice", "alice", "alice", "alice", "bob", "bob", "carol", "dave", "dave"];
    let items = ["lamp", "lamp", "lamp", "lamp", "lamp", "lamp", "desk", "desk", "unicorn", "unicorn"];
    let zone = if random.one_in(12) { "island" } else { "town" };
    let (customer, item) = (random.pick(&customers, "alice"), random.pick(&items, "lamp"));
    format!("{customer} {item} {} {zone}", 1 + random.below(3))
}

/// Places an order until somebody says what became of it, or once.
fn place(shop: &Shop, token: &str, what: &str, patient: bool) -> Result<Known, String> {
    // An attempt that broke may have got there.
    let mut perhaps = false;
    let line = format!("place {token} {what}");
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE && !shop.is_broken() {
        match shop.ask(Role::Orders, &line) {
            Ok(Said::Ok(_, number)) => {
                let number = number.parse().map_err(|_| format!("`{line}` was answered with `{number}`"))?;
                return Ok(Known::Taken(number));
            }
            Ok(Said::Error(error)) if error.starts_with("busy") || error.starts_with("too many") => {}
            Ok(Said::Error(error)) => return Err(format!("`{line}` was answered with `{error}`")),
            Err(error) => perhaps |= error.kind() != std::io::ErrorKind::ConnectionRefused,
        }
        if !patient {
            return Ok(if perhaps { Known::Unknown } else { Known::NotTaken });
        }
        thread::sleep(Duration::from_millis(10));
    }
    Err(format!("`{line}` was never answered"))
}

/// Cancels an order; whether it was said to go back.
pub(crate) fn cancel(shop: &Shop, order: u64) -> Result<bool, String> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE && !shop.is_broken() {
        match shop.ask(Role::Orders, &format!("cancel {order}")) {
            Ok(Said::Ok(..)) => return Ok(true),
            Ok(Said::Error(error))
                if ["busy", "unknown", "too many", "the process"]
                    .iter()
                    .any(|again| error.starts_with(again)) => {}
            Ok(Said::Error(_)) => return Ok(false),
            Err(_) => {}
        }
        thread::sleep(Duration::from_millis(10));
    }
    Err(format!("nobody said whether order {order} was cancelled"))
}

/// Looks at an order, whosever it is: what was told to have ended has ended so for ever.
fn look(shop: &Shop, order: u64, diary: &mut Diary) -> Result<(), String> {
    let Ok(Said::Ok(lines, _)) = shop.ask(Role::Orders, &format!("order {order}")) else { return Ok(()) };
    let end = lines.first().and_then(|line| line.split(' ').next_back()).unwrap_or_default();
    let known = diary.ended.get(&order);
    if known.is_some_and(|known| known != end) {
        return Err(format!("order {order} was told to be {known:?}, and is {end}"));
    }
    if end != "open" {
        diary.ended.insert(order, end.to_owned());
    }
    Ok(())
}
