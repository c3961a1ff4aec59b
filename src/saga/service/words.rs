//! Taking what the application says of a key, asked or by hand.

use super::{Known, Notice, Refusal, Request, Service, Stage};
use crate::machine::Context;
use crate::saga::{Action, Data, Key, Outcome};

impl<D: Data> Service<D> {
    pub(super) fn on_request<Cx: Context<Self> + ?Sized>(&mut self, request: Request, cx: &mut Cx) {
        let key = request.key();
        let said = match request {
            Request::Done { .. } => self.settle(key, Stage::Done, cx),
            Request::Refused { .. } => self.settle(key, Stage::Refused, cx),
            Request::Undone { .. } => self.settle(key, Stage::Undone, cx),
            Request::Failed { .. } => self.fail(key, cx),
        };
        // Held: either way it may rest on a record of this very life.
        cx.notify(match said {
            Ok(()) => Notice::Accepted { key },
            Err(reason) => Notice::Refused { key, reason },
        });
    }

    /// What became of the key, for good; whoever awaits that is answered.
    fn settle<Cx: Context<Self> + ?Sized>(
        &mut self,
        key: Key,
        stage: Stage,
        cx: &mut Cx,
    ) -> Result<(), Refusal> {
        let owner = self.owner_to_be(key.owner).ok_or(Refusal::Full)?;
        if key.saga < owner.floor {
            return Err(Refusal::Forgotten);
        }
        let Some(known) = self.keys.get(&key).copied() else {
            if self.keys.len() >= self.config.max_keys {
                return Err(Refusal::Full);
            }
            self.hear(key.owner, owner, cx);
            self.set(key, stage, cx);
            return Ok(());
        };
        if known.stage == stage {
            return Ok(());
        }
        may_become(&known, stage)?;
        self.set(key, stage, cx);
        let Some(awaited) = known.awaited else { return Ok(()) };
        let outcome = match stage {
            Stage::Done => Outcome::Done,
            Stage::Undone => Outcome::Undone,
            Stage::Refused | Stage::Doing | Stage::Undoing => Outcome::Refused,
        };
        self.answer(awaited.answer(key, outcome), cx);
        Ok(())
    }

    /// It came to nothing, as far as is known: the next call asks again.
    fn fail<Cx: Context<Self> + ?Sized>(&mut self, key: Key, cx: &mut Cx) -> Result<(), Refusal> {
        let awaited = self.keys.get_mut(&key).and_then(|known| known.awaited.take());
        let awaited = awaited.ok_or(Refusal::NotAsked)?;
        let outcome = match awaited.action {
            Action::Do | Action::Probe => Outcome::Later,
            Action::Undo => Outcome::Refused,
        };
        self.answer(awaited.answer(key, outcome), cx);
        Ok(())
    }
}

/// Whether what is known of a key leaves room for this.
fn may_become(known: &Known, stage: Stage) -> Result<(), Refusal> {
    let at_work = known.awaited.is_some();
    match (known.stage, stage) {
        (Stage::Doing, Stage::Done | Stage::Refused) | (Stage::Undoing | Stage::Done, Stage::Undone) => {
            Ok(())
        }
        (Stage::Doing, Stage::Undone) if !at_work => Ok(()),
        (Stage::Doing | Stage::Undoing, _) if at_work => Err(Refusal::AtWork),
        _ => Err(Refusal::Contradiction),
    }
}
