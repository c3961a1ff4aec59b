//! The process of a service: a guard, the books behind it, and a few hands that do the work, each in its own time.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use quorate::driver::{Handle, Notices, RequestError};
use quorate::saga::service::{Config, Notice, Refusal, Request};
use quorate::saga::{Action, Key, SagaId, Service, TaskId};

use crate::args::NodeArgs;
use crate::books::{Books, Word};
use crate::lines::{self, Answer};
use crate::node;
use crate::random::Random;
use crate::shop::{CLUSTER, HANGING, NO_CARRIER, NO_VOIDS, Order, Role, STEP_TIMEOUT, Task};

/// So many pieces of work at a time.
const HANDS: usize = 16;
/// One piece of work in so many takes longer than anybody waits.
const SLOW_ONE_IN: u64 = 16;
/// Of one in so many it is not known whether it was done, although it was.
const UNSURE_ONE_IN: u64 = 16;
/// How long the bank that hangs takes.
const HANGS_FOR: Duration = Duration::from_secs(3);
/// How soon a node that was too busy is told again.
const AGAIN: Duration = Duration::from_millis(5);
/// How long an operator waits for what the guard says.
const PATIENCE: Duration = Duration::from_secs(5);

type Machine = Service<Order>;

/// Runs a service until it is told to end, or cannot go on.
pub(crate) fn run(args: &NodeArgs) -> Result<(), String> {
    let config = Arc::new(Config::new(CLUSTER, args.role.node()));
    let (handle, notices, clients) = node::start::<Machine>(args, config)?;
    let books = Books::open(&args.dir, args.role).map_err(|error| node::explain_books(&error, &args.dir))?;
    let shop =
        Arc::new(Counter { role: args.role, handle: handle.clone(), books, waiters: Mutex::default() });
    // Without a limit of its own: the guard asks one thing of a key at a time, and keeps so many keys at most.
    let (work, todo) = channel();
    let todo = Arc::new(Mutex::new(todo));
    for hand in 0..HANDS {
        let (shop, todo) = (Arc::clone(&shop), Arc::clone(&todo));
        node::spawn("hand", move || shop.work(&todo, Random::of_now(hand as u64)))?;
    }
    node::until_told(args, &handle)?;
    node::spawn("clients", {
        let shop = Arc::clone(&shop);
        move || lines::serve(&clients, &shop)
    })?;
    node::announce(args);
    shop.follow(&notices, &work);
    handle.join().map_err(|error| format!("{} stopped: {error}", args.role.name()))
}

/// A piece of work.
struct Asked {
    key: Key,
    way: Action,
    task: TaskId,
    order: Order,
}

type Waiters = BTreeMap<Key, Sender<Result<(), Refusal>>>;

struct Counter {
    role: Role,
    handle: Handle<Machine>,
    books: Books,
    /// Operators who settled a key by hand.
    waiters: Mutex<Waiters>,
}

impl Counter {
    /// Hands on what the guard asks, until it stops.
    fn follow(&self, notices: &Notices<Machine>, work: &Sender<Asked>) {
        while let Some(notice) = notices.recv() {
            match notice {
                Notice::Do { key, task, input: order } => {
                    let _ = work.send(Asked { key, way: Action::Do, task, order });
                }
                Notice::Undo { key, task, input: order } => {
                    let _ = work.send(Asked { key, way: Action::Undo, task, order });
                }
                Notice::Accepted { key } => self.tell(key, Ok(())),
                Notice::Refused { key, reason } => self.tell(key, Err(reason)),
                // What is late or the orchestrator got wrong was dropped; there is nobody to tell.
                _ => {}
            }
        }
    }

    fn tell(&self, key: Key, word: Result<(), Refusal>) {
        if let Some(waiter) = self.waiters().remove(&key) {
            let _ = waiter.send(word);
        }
    }

    fn waiters(&self) -> MutexGuard<'_, Waiters> {
        self.waiters.lock().unwrap_or_else(|_| std::process::abort())
    }

    /// Works for as long as the process lives. Whoever is asked says what became of it: a guard waits for that.
    fn work(&self, todo: &Mutex<Receiver<Asked>>, mut random: Random) {
        loop {
            let next = todo.lock().unwrap_or_else(|_| std::process::abort()).recv();
            let Ok(asked) = next else { return };
            let word = self.carry_out(&asked, &mut random).unwrap_or_else(|error| {
                // What the disk holds is unknown, as after a crash: recovery is what tells.
                eprintln!("error: the books of {} cannot be used: {error}", self.role.name());
                std::process::abort()
            });
            let key = asked.key;
            self.say(match word {
                Word::Done => Request::Done { key },
                Word::Undone => Request::Undone { key },
                Word::Refused => Request::Refused { key },
                Word::Failed => Request::Failed { key },
            });
        }
    }

    fn carry_out(&self, asked: &Asked, random: &mut Random) -> Result<Word, redb::Error> {
        let Asked { key, way, task, order } = asked;
        let task = Task::of_id(*task).filter(|task| task.role() == self.role);
        let posting = task.and_then(|task| Some((task, task.posting(order)?)));
        // Nothing that this service does, now or ever.
        let Some((task, posting)) = posting else {
            return Ok(if *way == Action::Undo { Word::Undone } else { Word::Refused });
        };
        if random.one_in(SLOW_ONE_IN) {
            thread::sleep(STEP_TIMEOUT.mul_f32(1.5));
        }
        let (account, troubled) = (posting.0, !self.books.is_mended(posting.0)?);
        let word = match way {
            Action::Undo => self.books.take_back(*key, posting, account == NO_VOIDS && troubled)?,
            Action::Do | Action::Probe if task == Task::Ship && account == NO_CARRIER && troubled => {
                Word::Failed
            }
            Action::Do | Action::Probe => {
                if task == Task::Authorise && account == HANGING {
                    thread::sleep(HANGS_FOR);
                }
                self.books.carry_out(*key, task, posting)?
            }
        };
        let unsure = word != Word::Refused && random.one_in(UNSURE_ONE_IN);
        Ok(if unsure { Word::Failed } else { word })
    }

    /// Tells the guard, however busy it is.
    fn say(&self, mut word: Request) {
        while let Err(RequestError::Busy(again)) = self.handle.request(word) {
            word = again;
            thread::sleep(AGAIN);
        }
    }

    /// Takes back by hand what could not be taken back, and tells the guard.
    fn void(&self, order: &str) -> Result<(), String> {
        let saga = order.parse().map(SagaId);
        let saga = saga.map_err(|_| format!("`{order}` is not the number of an order"))?;
        let key = Key { owner: Role::Orders.node(), saga, step: Task::Authorise.step() };
        let word = self.books.void(key).map_err(|error| format!("the books cannot be used: {error}"))?;
        if word != Word::Undone {
            return Err(format!("nothing of order {order} waits to be voided: `books` tells what there is"));
        }
        let (waiter, outcome) = channel();
        self.waiters().insert(key, waiter);
        self.say(Request::Undone { key });
        let word = outcome.recv_timeout(PATIENCE);
        let word =
            word.map_err(|_| "unknown: no answer in time, it may have been done: ask again".to_owned())?;
        word.map_err(|reason| format!("voided, and refused by the guard: {reason}"))
    }
}

impl Answer for Counter {
    fn answer(&self, words: &[&str]) -> Result<(Vec<String>, String), String> {
        let unusable = |error: redb::Error| format!("the books cannot be used: {error}");
        match *words {
            ["books"] => Ok((self.books.lines().map_err(unusable)?, String::new())),
            ["mend", name] if self.role.opening().iter().any(|(known, _)| *known == name) => {
                self.books.mend(name).map_err(unusable)?;
                Ok((Vec::new(), String::new()))
            }
            ["mend", name] => {
                let names: Vec<_> = self.role.opening().iter().map(|(name, _)| *name).collect();
                Err(format!(
                    "`{name}` has no account at {}; there are {}",
                    self.role.name(),
                    names.join(", ")
                ))
            }
            ["void", order] if self.role == Role::Payment => {
                self.void(order)?;
                Ok((Vec::new(), String::new()))
            }
            _ => Err("ask: books, mend NAME; of payment also void N".to_owned()),
        }
    }
}
