//! The process that takes orders: an orchestrator, the book of orders, and the words of clients and operators.

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use quorate::driver::{Handle, Notices, RequestError};
use quorate::id::RequestId;
use quorate::saga::{Action, End, Notice, Orchestrator, Refusal, Request, Resolution, SagaId, StepId};

use crate::args::NodeArgs;
use crate::lines::{self, Answer};
use crate::node;
use crate::order_book::OrderBook;
use crate::shop::{self, DEFINITION, Order, Task};

/// The most orders that are open at a time; what the orchestrator keeps at most is more.
const OPEN_MAX: usize = 500;
/// Notices taken before those who ask get their turn.
const NOTICES_AT_ONCE: usize = 256;
/// How long a client waits for what the orchestrator says.
const PATIENCE: Duration = Duration::from_secs(5);
/// How soon what the orchestrator was too busy to take is handed to it again.
const AGAIN: Duration = Duration::from_millis(20);

type Machine = Orchestrator<Order>;

/// Runs the process until it is told to end, or cannot go on.
pub(crate) fn run(args: &NodeArgs) -> Result<(), String> {
    let (handle, notices, clients) = node::start::<Machine>(args, shop::config()?)?;
    let book = OrderBook::open(&args.dir).map_err(|error| node::explain_books(&error, &args.dir))?;
    let desk = Arc::new(Desk { handle: handle.clone(), book, state: Mutex::default() });
    desk.begin_open_orders().map_err(|error| node::explain_books(&error, &args.dir))?;
    node::until_told(args, &handle)?;
    node::spawn("clients", {
        let desk = Arc::clone(&desk);
        move || lines::serve(&clients, &desk)
    })?;
    node::announce(args);
    desk.follow(&notices)?;
    handle.join().map_err(|error| format!("orders stopped: {error}"))
}

/// Where orders are taken.
struct Desk {
    handle: Handle<Machine>,
    book: OrderBook,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    requests: u64,
    asked: BTreeMap<RequestId, Asked>,
    /// What the orchestrator has yet to be told. Sagas ascend, so they wait in a row.
    unbegun: VecDeque<(SagaId, Order)>,
    unforgotten: VecDeque<SagaId>,
    open: usize,
    /// Told again after a restart, so this need not be durable. A late answer may settle a step that is listed here,
    /// which shows when it is resolved, or with the end of its saga.
    stuck: BTreeMap<(SagaId, StepId), Action>,
}

/// What was asked of the orchestrator, and who waits for its answer.
struct Asked {
    what: What,
    waiter: Option<Sender<Result<(), Refusal>>>,
}

#[derive(Clone, Copy)]
enum What {
    Begin(SagaId),
    Forget,
    Cancel,
    Resolve(SagaId, StepId),
}

impl State {
    fn request(&mut self, what: What, waiter: Option<Sender<Result<(), Refusal>>>) -> RequestId {
        let id = RequestId(self.requests);
        self.requests += 1;
        self.asked.insert(id, Asked { what, waiter });
        id
    }
}

impl Desk {
    /// A thread that panics here leaves half of a change behind: to go on from it would be worse than to stop.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|_| std::process::abort())
    }

    /// Nobody knows which open orders the last life has begun: all are begun again, before any new one.
    fn begin_open_orders(&self) -> Result<(), redb::Error> {
        let mut state = self.lock();
        let open = self.book.all()?.into_iter().filter(|taken| taken.end.is_empty());
        state.unbegun.extend(open.map(|taken| (taken.saga, taken.order)));
        state.open = state.unbegun.len();
        self.hand_over(&mut state);
        Ok(())
    }

    /// Hands the orchestrator what waits for it, as much as it takes.
    fn hand_over(&self, state: &mut State) {
        while let Some(&(saga, input)) = state.unbegun.front() {
            let id = state.request(What::Begin(saga), None);
            let (definition, version) = DEFINITION;
            if self.handle.request(Request::Begin { id, saga, definition, version, input }).is_err() {
                state.asked.remove(&id);
                return;
            }
            state.unbegun.pop_front();
        }
        while let Some(&saga) = state.unforgotten.front() {
            let id = state.request(What::Forget, None);
            if self.handle.request(Request::Forget { id, saga }).is_err() {
                state.asked.remove(&id);
                return;
            }
            state.unforgotten.pop_front();
        }
    }

    /// Takes what the orchestrator says, until it stops.
    fn follow(&self, notices: &Notices<Machine>) -> Result<(), String> {
        while let Ok(first) = notices.recv_timeout(AGAIN) {
            let more = std::iter::from_fn(|| notices.try_recv().ok().flatten());
            let told: Vec<_> = first.into_iter().chain(more.take(NOTICES_AT_ONCE)).collect();
            let mut state = self.lock();
            let mut ends = Vec::new();
            for notice in told {
                on_notice(&mut state, notice, &mut ends)?;
            }
            if !ends.is_empty() {
                let ended = self.book.end(&ends).map_err(|error| format!("the book of orders: {error}"))?;
                state.open = state.open.saturating_sub(ended);
                state.unforgotten.extend(ends.iter().map(|(saga, _)| *saga));
            }
            self.hand_over(&mut state);
        }
        Ok(())
    }

    fn place(&self, token: &str, order: Order) -> Result<SagaId, String> {
        let mut state = self.lock();
        if let Some(known) = self.book.find(token).map_err(|error| broken(&error))? {
            let same = known.order == order;
            return same.then_some(known.saga).ok_or_else(|| {
                format!("`{token}` names order {} already, another one: take a new token", known.saga.0)
            });
        }
        if state.open >= OPEN_MAX {
            return Err(format!("busy: {OPEN_MAX} orders are open, nothing was taken: place it again later"));
        }
        let saga = self.book.take(token, order).map_err(|error| broken(&error))?;
        state.open += 1;
        state.unbegun.push_back((saga, order));
        self.hand_over(&mut state);
        Ok(saga)
    }

    fn cancel(&self, saga: SagaId) -> Result<String, String> {
        let outcome = {
            let mut state = self.lock();
            if state.unbegun.iter().any(|(waiting, _)| *waiting == saga) {
                return Err("busy: the order has not begun: cancel it again later".to_owned());
            }
            self.ask(&mut state, What::Cancel, |id| Request::Cancel { id, saga })?
        };
        match self.await_word(&outcome)? {
            Ok(()) => Ok("it goes back".to_owned()),
            // Forgotten, most likely: the book knows how it ended.
            Err(Refusal::UnknownSaga) => match self.book.get(saga).map_err(|error| broken(&error))? {
                Some(taken) if taken.end.starts_with("compensated") => Ok(taken.end),
                Some(taken) if taken.end == "completed" => Err("too late: it is completed".to_owned()),
                Some(_) => Err("busy: the order has not begun: cancel it again later".to_owned()),
                None => Err(no_order(saga)),
            },
            Err(reason) => Err(reason.to_string()),
        }
    }

    fn resolve(&self, saga: SagaId, step: StepId, resolution: Resolution) -> Result<(), String> {
        let outcome = {
            let mut state = self.lock();
            self.ask(&mut state, What::Resolve(saga, step), |id| Request::Resolve {
                id,
                saga,
                step,
                resolution,
            })?
        };
        self.await_word(&outcome)?.map_err(|reason| match reason {
            Refusal::NotStuck | Refusal::UnknownSaga => format!("{reason}: `stuck` lists those that are"),
            reason => reason.to_string(),
        })
    }

    fn ask(
        &self,
        state: &mut State,
        what: What,
        request: impl FnOnce(RequestId) -> Request<Order>,
    ) -> Result<Receiver<Result<(), Refusal>>, String> {
        let (waiter, outcome) = channel();
        let id = state.request(what, Some(waiter));
        self.handle.request(request(id)).map_err(|error| {
            state.asked.remove(&id);
            match error {
                RequestError::Busy(_) => "busy: nothing was changed: ask again later".to_owned(),
                RequestError::Stopped(_) => {
                    "the process ends: nothing was changed: ask again later".to_owned()
                }
            }
        })?;
        Ok(outcome)
    }

    fn await_word(&self, outcome: &Receiver<Result<(), Refusal>>) -> Result<Result<(), Refusal>, String> {
        let word = outcome.recv_timeout(PATIENCE);
        word.map_err(|_| "unknown: no answer in time, it may have been done: ask again".to_owned())
    }

    fn stuck(&self) -> Vec<String> {
        let line = |(&(saga, step), action): (&(SagaId, StepId), &Action)| {
            let name = Task::of_step(step).map_or("?", Task::name);
            let way = if *action == Action::Undo { "undo" } else { "do" };
            format!("stuck {} {name} {way}", saga.0)
        };
        self.lock().stuck.iter().map(line).collect()
    }
}

/// Takes one notice. Ends are gathered: they are written down together.
fn on_notice(state: &mut State, notice: Notice<Order>, ends: &mut Vec<(SagaId, End)>) -> Result<(), String> {
    match notice {
        Notice::Accepted { id } => on_word(state, id, Ok(()))?,
        Notice::Refused { id, reason } => on_word(state, id, Err(reason))?,
        Notice::Ended { saga, end } => {
            state.stuck.retain(|(stuck, _), _| *stuck != saga);
            ends.push((saga, end));
        }
        Notice::Stuck { saga, step, action } => {
            state.stuck.insert((saga, step), action);
        }
        Notice::TurnedBack { saga, .. } => state.stuck.retain(|(stuck, _), _| *stuck != saga),
        Notice::Shelved { saga, definition, version } => {
            let what = format!("order {} runs under {definition} {version}", saga.0);
            return Err(format!("{what}, which this program does not know: start the one that took it"));
        }
        Notice::Superseded { epoch } => {
            return Err(format!("another process runs these orders, in {epoch}: this one ends"));
        }
        // What is late or a service got wrong was dropped; there is nobody to tell.
        _ => {}
    }
    Ok(())
}

fn on_word(state: &mut State, id: RequestId, word: Result<(), Refusal>) -> Result<(), String> {
    let Some(Asked { what, waiter }) = state.asked.remove(&id) else { return Ok(()) };
    match (what, word) {
        (What::Resolve(saga, step), Ok(()) | Err(Refusal::NotStuck | Refusal::UnknownSaga)) => {
            state.stuck.remove(&(saga, step));
        }
        (What::Begin(saga), Err(reason)) => {
            return Err(format!("order {} was taken and cannot be begun: {reason}", saga.0));
        }
        _ => {}
    }
    if let Some(waiter) = waiter {
        // Who has gone does not want to know.
        let _ = waiter.send(word);
    }
    Ok(())
}

fn broken(error: &redb::Error) -> String {
    format!("the book of orders cannot be used: {error}")
}

fn no_order(saga: SagaId) -> String {
    format!("there is no order {}: `orders` lists all", saga.0)
}

fn number(word: &str) -> Result<SagaId, String> {
    word.parse().map(SagaId).map_err(|_| format!("`{word}` is not the number of an order"))
}

fn step(word: &str) -> Result<StepId, String> {
    let names: Vec<_> = Task::ALL.iter().map(|task| task.name()).collect();
    let known = Task::named(word).map(Task::step);
    known.ok_or_else(|| format!("`{word}` is not a step; there are {}", names.join(", ")))
}

fn resolution(word: &str) -> Result<Resolution, String> {
    match word {
        "retry" => Ok(Resolution::Retry),
        "happened" => Ok(Resolution::Happened),
        "never" => Ok(Resolution::Never),
        other => Err(format!("`{other}` resolves nothing; `retry`, `happened` and `never` do")),
    }
}

impl Answer for Desk {
    fn answer(&self, words: &[&str]) -> Result<(Vec<String>, String), String> {
        match *words {
            ["place", token, customer, item, quantity, zone] => {
                let saga = self.place(token, Order::read(customer, item, quantity, zone)?)?;
                Ok((Vec::new(), saga.0.to_string()))
            }
            ["order", number_] => {
                let saga = number(number_)?;
                let taken = self.book.get(saga).map_err(|error| broken(&error))?;
                Ok((vec![taken.ok_or_else(|| no_order(saga))?.line()], String::new()))
            }
            ["orders"] => {
                let all = self.book.all().map_err(|error| broken(&error))?;
                Ok((all.iter().map(crate::order_book::Taken::line).collect(), String::new()))
            }
            ["cancel", number_] => Ok((Vec::new(), self.cancel(number(number_)?)?)),
            ["stuck"] => Ok((self.stuck(), String::new())),
            ["resolve", number_, step_, word] => {
                self.resolve(number(number_)?, step(step_)?, resolution(word)?)?;
                Ok((Vec::new(), String::new()))
            }
            _ => Err("ask: place TOKEN CUSTOMER ITEM QUANTITY ZONE, order N, orders, cancel N, stuck, \
                      resolve N STEP retry|happened|never"
                .to_owned()),
        }
    }
}
