//! Who waits for which transaction: from the request to its name to its outcome.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quorate::commit::coordinator::Notice;
use quorate::commit::{Outcome, TxId};
use quorate::id::RequestId;

use crate::say;

/// All who wait. Nobody does after a crash: whoever was waiting asks again.
#[derive(Debug, Default)]
pub(super) struct Desk {
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// How many have ever asked.
    asked: u64,
    /// Those whose transaction has no name yet, or an outcome, by request.
    places: BTreeMap<RequestId, Sender<Outcome>>,
    /// Which request began a transaction.
    begun: BTreeMap<TxId, RequestId>,
}

impl Desk {
    /// A place for the outcome of one request.
    pub(super) fn wait_in_line(&self) -> Place<'_> {
        let (sender, outcome) = channel();
        let mut waiting = self.lock();
        let id = RequestId(waiting.asked);
        waiting.asked = waiting.asked.saturating_add(1);
        waiting.places.insert(id, sender);
        Place { desk: self, id, outcome }
    }

    /// Takes what the machine says.
    pub(super) fn on_notice(&self, notice: Notice) {
        let mut waiting = self.lock();
        match notice {
            Notice::Begun { id, tx } if waiting.places.contains_key(&id) => {
                waiting.begun.insert(tx, id);
            }
            Notice::Outcome { tx, outcome } => {
                let id = waiting.begun.remove(&tx);
                if let Some(place) = id.and_then(|id| waiting.places.remove(&id)) {
                    // Gone clients are not told from slow ones.
                    let _ = place.send(outcome);
                }
            }
            // Its place is dropped, and so is its patience.
            Notice::Refused { id, .. } => drop(waiting.places.remove(&id)),
            Notice::Unknown { tx } => {
                let id = waiting.begun.remove(&tx);
                drop(id.and_then(|id| waiting.places.remove(&id)));
            }
            Notice::Damage { tx, participant, took } => {
                say(&format!("{tx}: an operator decided {took} at {participant}, contrary to the outcome"));
            }
            Notice::Rejected { from, reason } => say(&format!("{from} said what it must not: {reason}")),
            _ => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who waits; dropped, nobody does any more.
pub(super) struct Place<'a> {
    desk: &'a Desk,
    id: RequestId,
    outcome: Receiver<Outcome>,
}

impl Place<'_> {
    /// The request to wait for.
    pub(super) const fn id(&self) -> RequestId {
        self.id
    }

    /// The outcome; `None` if there is none in time, or none to come.
    pub(super) fn outcome(&self, patience: Duration) -> Option<Outcome> {
        self.outcome.recv_timeout(patience).ok()
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut waiting = self.desk.lock();
        waiting.places.remove(&self.id);
        let id = self.id;
        waiting.begun.retain(|_, begun| *begun != id);
    }
}
