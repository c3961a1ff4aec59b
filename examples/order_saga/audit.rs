//! Whether the books are right: every order all or nothing, every effect once, and nothing lost or made on the way.

use std::collections::{BTreeMap, BTreeSet};

use quorate::saga::StepId;

use crate::customers::{Diary, Known};
use crate::processes::Shop;
use crate::shop::{Order, Role, Task};

/// An order as the process that takes them tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) number: u64,
    pub(crate) token: String,
    /// Customer, item, quantity and zone.
    pub(crate) what: String,
    pub(crate) order: Order,
    /// `open`, `completed`, or `compensated:` and why.
    pub(crate) end: String,
}

/// The books of one service.
#[derive(Debug, Default)]
struct Books {
    /// Free, held and taken.
    accounts: BTreeMap<String, [u64; 3]>,
    /// By order and step, in the order in which they came.
    effects: BTreeMap<(u64, u8), Vec<Effect>>,
}

/// An effect, or one that was taken back.
#[derive(Debug)]
struct Effect {
    undo: bool,
    amount: u64,
    account: String,
}

/// All orders, the oldest first.
pub(crate) fn orders(shop: &Shop) -> Result<Vec<Told>, String> {
    let lines = shop.ask_until_answered(Role::Orders, "orders")?;
    lines.iter().map(|line| read_order(line).ok_or_else(|| format!("`{line}` is no order"))).collect()
}

fn read_order(line: &str) -> Option<Told> {
    let words: Vec<_> = line.split(' ').collect();
    let &["order", number, token, customer, item, quantity, zone, _, end] = words.as_slice() else {
        return None;
    };
    let (what, order) =
        (format!("{customer} {item} {quantity} {zone}"), Order::read(customer, item, quantity, zone).ok()?);
    Some(Told { number: number.parse().ok()?, token: token.to_owned(), what, order, end: end.to_owned() })
}

/// The steps that are stuck: order, step and way.
pub(crate) fn stuck(shop: &Shop) -> Result<Vec<(u64, Task, bool)>, String> {
    let lines = shop.ask_until_answered(Role::Orders, "stuck")?;
    let read = |line: &String| {
        let words: Vec<_> = line.split(' ').collect();
        let &["stuck", number, task, way] = words.as_slice() else { return None };
        Some((number.parse().ok()?, Task::named(task)?, way == "undo"))
    };
    lines.iter().map(|line| read(line).ok_or_else(|| format!("`{line}` is no step that is stuck"))).collect()
}

fn books(shop: &Shop, role: Role) -> Result<Books, String> {
    let mut books = Books::default();
    for line in shop.ask_until_answered(role, "books")? {
        take_line(&mut books, &line).ok_or_else(|| format!("`{line}` is not in the form of books"))?;
    }
    Ok(books)
}

fn take_line(books: &mut Books, line: &str) -> Option<()> {
    let words: Vec<_> = line.split(' ').collect();
    match *words.as_slice() {
        ["account", name, free, held, taken] => {
            let columns = [free.parse().ok()?, held.parse().ok()?, taken.parse().ok()?];
            books.accounts.insert(name.to_owned(), columns);
        }
        ["effect", saga, step, way, amount, account] => {
            let (undo, account) = (way == "undo", account.to_owned());
            let effect = Effect { undo, amount: amount.parse().ok()?, account };
            books.effects.entry((saga.parse().ok()?, step.parse().ok()?)).or_default().push(effect);
        }
        _ => return None,
    }
    Some(())
}

/// Everything that is wrong with the orders and the books of a shop. Nothing may be under way but what is stuck.
pub(crate) fn faults(shop: &Shop, diaries: &[Diary]) -> Result<Vec<String>, String> {
    // In this order: what is open later and was not listed before is not just about to end.
    let (stuck, orders) = (stuck(shop)?, orders(shop)?);
    let stuck: BTreeSet<u64> = stuck.into_iter().map(|(number, ..)| number).collect();
    let mut found = Vec::new();
    for told in orders.iter().filter(|told| told.end == "open" && !stuck.contains(&told.number)) {
        found.push(format!("order {} is open, and not listed as stuck", told.number));
    }
    let mut all = BTreeMap::new();
    for role in Role::SERVICES {
        all.insert(role, books(shop, role)?);
    }
    for told in &orders {
        for task in Task::ALL {
            if let Some(books) = all.get(&task.role()) {
                found.extend(fault_of_step(told, task, books));
            }
        }
    }
    for (role, books) in &all {
        found.extend(faults_of_accounts(*role, books, &orders));
    }
    found.extend(untruths(&orders, diaries));
    Ok(found)
}

/// All or nothing: a step of a completed order was done once, one of a compensated order was undone if it was done.
fn fault_of_step(told: &Told, task: Task, books: &Books) -> Option<String> {
    let (account, amount) = task.posting(&told.order)?;
    let effects = books.effects.get(&(told.number, task.step().0)).map_or(&[][..], Vec::as_slice);
    let right = effects.iter().all(|effect| (effect.amount, effect.account.as_str()) == (amount, account));
    let undone: Vec<bool> = effects.iter().map(|effect| effect.undo).collect();
    let none_left = undone.is_empty() || undone == [false, true];
    let in_order = match told.end.as_str() {
        "completed" => undone == [false],
        // What is stuck has come some of the way.
        "open" => none_left || undone == [false],
        _ => none_left,
    };
    (!right || !in_order).then(|| {
        let (number, end, name) = (told.number, &told.end, task.name());
        format!("order {number} is {end}, and the effects of {name} ({amount} of {account}) are {effects:?}")
    })
}

/// What was free at the opening is free, held or taken now, as the effects and as the orders say.
fn faults_of_accounts(role: Role, books: &Books, orders: &[Told]) -> Vec<String> {
    let mut found = Vec::new();
    let known: BTreeSet<u64> = orders.iter().map(|told| told.number).collect();
    for (number, _) in books.effects.keys().filter(|(number, _)| !known.contains(number)) {
        found.push(format!("{} has effects of order {number}, which there is not", role.name()));
    }
    for (name, opening) in role.opening() {
        let columns = books.accounts.get(*name).copied().unwrap_or_default();
        let mut fault = |what: String| found.push(format!("{name} at {}: {columns:?}{what}", role.name()));
        if columns.iter().sum::<u64>() != *opening {
            fault(format!(" are not {opening} together"));
        }
        let counted = by_effects(books, name, *opening);
        if counted != columns.map(i128::from) {
            fault(format!(", and {counted:?} by its effects"));
        }
        let taken = taken_by(orders, role, name);
        let over = orders.iter().all(|told| told.end != "open");
        if over && columns != [opening.saturating_sub(taken), 0, taken] {
            fault(format!(", and {taken} were ordered"));
        }
    }
    found
}

/// What is free, held and taken of an account after all effects.
fn by_effects(books: &Books, name: &str, opening: u64) -> [i128; 3] {
    let (mut free, mut held, mut taken) = (i128::from(opening), 0, 0);
    for ((_, step), effects) in &books.effects {
        let task = Task::of_step(StepId(*step));
        for effect in effects.iter().filter(|effect| effect.account == name) {
            let amount = i128::from(effect.amount) * if effect.undo { -1 } else { 1 };
            match task {
                Some(Task::Capture | Task::HandOver) => (held, taken) = (held - amount, taken + amount),
                Some(Task::Ship) => (free, taken) = (free - amount, taken + amount),
                Some(Task::Reserve | Task::Authorise) | None => (free, held) = (free - amount, held + amount),
            }
        }
    }
    [free, held, taken]
}

/// What completed orders take of an account.
fn taken_by(orders: &[Told], role: Role, name: &str) -> u64 {
    let task = Task::ALL.into_iter().find(|task| task.role() == role);
    let completed = orders.iter().filter(|told| told.end == "completed");
    let postings = completed.filter_map(|told| task?.posting(&told.order));
    postings.filter(|(account, _)| *account == name).map(|(_, amount)| amount).sum()
}

/// What customers were told that is not so.
fn untruths(orders: &[Told], diaries: &[Diary]) -> Vec<String> {
    let mut found = Vec::new();
    let mut by_token: BTreeMap<&str, Vec<&Told>> = BTreeMap::new();
    orders.iter().for_each(|told| by_token.entry(&told.token).or_default().push(told));
    let by_number: BTreeMap<u64, &Told> = orders.iter().map(|told| (told.number, told)).collect();
    for (token, (what, known)) in diaries.iter().flat_map(|diary| &diary.placed) {
        let there = by_token.remove(token.as_str()).unwrap_or_default();
        let right = match (known, there.as_slice()) {
            (Known::Taken(number), [told]) => told.number == *number && told.what == *what,
            (Known::NotTaken | Known::Unknown, []) => true,
            (Known::Unknown, [told]) => told.what == *what,
            _ => false,
        };
        if !right {
            found.push(format!("{token} ({what}) was told to be {known:?}, and there is {there:?}"));
        }
    }
    for number in diaries.iter().flat_map(|diary| &diary.cancelled) {
        let end = by_number.get(number).map_or("nowhere", |told| &told.end);
        if !end.starts_with("compensated") && end != "open" {
            found.push(format!("order {number} was told to go back, and is {end}"));
        }
    }
    for (number, told) in diaries.iter().flat_map(|diary| &diary.ended) {
        let end = by_number.get(number).map_or("nowhere", |told| &told.end);
        if end != told {
            found.push(format!("order {number} was told to be {told}, and is {end}"));
        }
    }
    found
}
