//! A service's application: it keeps reservations that outlive crashes, and does nothing twice.

use std::collections::BTreeMap;

use quorate::commit::TxId;
use quorate::commit::participant::Refusal;
use quorate::commit::tcc::service::{Notice, Request};

use crate::bench::Work;

/// What became of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    Reserved,
    Confirmed,
    Released,
}

/// What it does when it is asked to reserve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tries {
    Reserves,
    /// It reserves, and does not come to say so.
    ReservesSilently,
    Refuses,
    /// It does nothing for now.
    Waits,
}

pub struct Application {
    pub tries: Tries,
    /// Whether it can confirm and cancel; if not, it says so.
    pub works: bool,
    /// Whether it answers when it is told to confirm or cancel.
    pub answers: bool,
    /// Whether somebody sees to damage.
    pub sees_to_damage: bool,
    pub held: BTreeMap<TxId, Held>,
    /// How often it was asked to reserve.
    pub asked: BTreeMap<TxId, usize>,
    /// How often it was told to confirm or cancel.
    pub told: BTreeMap<TxId, usize>,
    /// What it was told that no correct service tells.
    pub outrage: Vec<String>,
}

impl Default for Application {
    fn default() -> Self {
        Self {
            tries: Tries::Reserves,
            works: true,
            answers: true,
            sees_to_damage: true,
            held: BTreeMap::new(),
            asked: BTreeMap::new(),
            told: BTreeMap::new(),
            outrage: Vec::new(),
        }
    }
}

impl Application {
    /// What it says to what it is told.
    pub fn attend(&mut self, notice: &Notice<Work>) -> Option<Request> {
        match *notice {
            Notice::Try { tx, .. } => self.try_it(tx),
            Notice::Confirm { tx, .. } => self.carry_out(tx, Held::Confirmed),
            Notice::Cancel { tx, .. } => self.carry_out(tx, Held::Released),
            Notice::Damage { tx, .. } => self.see_to_damage(tx),
            Notice::Refused { tx, reason: Refusal::NoVoteWanted | Refusal::Over } => {
                self.release(tx);
                None
            }
            _ => None,
        }
    }

    /// What it asks when it comes back from a crash.
    pub fn found(&self) -> Vec<Request> {
        let reserved = self.held.iter().filter(|(_, held)| **held == Held::Reserved);
        reserved.map(|(tx, _)| Request::Found { tx: *tx }).collect()
    }

    fn try_it(&mut self, tx: TxId) -> Option<Request> {
        *self.asked.entry(tx).or_default() += 1;
        if matches!(self.held.get(&tx), Some(Held::Confirmed | Held::Released)) {
            self.outrage.push(format!("{tx} is over here, and is to be reserved"));
        }
        match self.tries {
            Tries::Reserves => {
                self.held.insert(tx, Held::Reserved);
                Some(Request::Reserved { tx })
            }
            Tries::ReservesSilently => {
                self.held.insert(tx, Held::Reserved);
                None
            }
            Tries::Refuses => {
                self.release(tx);
                Some(Request::NotReserved { tx })
            }
            Tries::Waits => None,
        }
    }

    fn carry_out(&mut self, tx: TxId, wanted: Held) -> Option<Request> {
        *self.told.entry(tx).or_default() += 1;
        if !self.works {
            return self.answers.then_some(Request::Failed { tx });
        }
        match self.held.get(&tx) {
            Some(Held::Reserved) => {
                self.held.insert(tx, wanted);
            }
            None if wanted == Held::Released => {}
            Some(held) if *held == wanted => {}
            held => self.outrage.push(format!("{tx} is {held:?}, and is to be {wanted:?}")),
        }
        self.answers.then_some(Request::Done { tx })
    }

    /// Done says both: that all is released, and that the damage is seen to.
    fn see_to_damage(&mut self, tx: TxId) -> Option<Request> {
        if !self.works || !self.sees_to_damage {
            return None;
        }
        self.release(tx);
        Some(Request::Done { tx })
    }

    fn release(&mut self, tx: TxId) {
        if let Some(held @ Held::Reserved) = self.held.get_mut(&tx) {
            *held = Held::Released;
        }
    }
}
