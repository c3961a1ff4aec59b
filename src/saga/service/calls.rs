//! Taking calls: whose time is over, what is forgotten, what is answered at once and what the application is asked.

use super::{Awaited, Known, Notice, Owner, Rejection, Service, Stage};
use crate::id::NodeId;
use crate::machine::Context;
use crate::saga::{Action, Call, Data, Key, Outcome, SagaId, StepId};

impl<D: Data> Service<D> {
    pub(super) fn on_call<Cx: Context<Self> + ?Sized>(&mut self, from: NodeId, call: Call<D>, cx: &mut Cx) {
        let key = call.key;
        if from != key.owner || from == self.config.me {
            return cx.notify_free(Notice::Rejected { from, reason: Rejection::NotTheOwner });
        }
        if key.saga < call.floor {
            return cx.notify_free(Notice::Rejected { from, reason: Rejection::Malformed });
        }
        let Some(owner) = self.owner_to_be(from) else {
            return self.answer(call.answer(Outcome::Later), cx);
        };
        if call.epoch < owner.epoch {
            return self.answer(call.answer(Outcome::Superseded { epoch: owner.epoch }), cx);
        }
        let heard = Owner { epoch: call.epoch, floor: owner.floor.max(call.floor) };
        self.hear(from, heard, cx);
        if key.saga < heard.floor {
            // Its saga has ended: nobody waits for an answer.
            return cx.notify_free(Notice::Rejected { from, reason: Rejection::Forgotten });
        }
        match call.action {
            Action::Do | Action::Probe => self.on_do(call, cx),
            Action::Undo => self.on_undo(call, cx),
        }
    }

    /// What is known of an orchestrator, or of one that is new; none if there is no room for it.
    pub(super) fn owner_to_be(&self, node: NodeId) -> Option<Owner> {
        let room = self.owners.len() < self.config.max_owners;
        self.owners.get(&node).copied().or_else(|| room.then(Owner::default))
    }

    /// Notes what was heard of an orchestrator, and forgets what it has forgotten.
    pub(super) fn hear<Cx: Context<Self> + ?Sized>(&mut self, node: NodeId, heard: Owner, cx: &mut Cx) {
        if self.owners.insert(node, heard) == Some(heard) {
            return;
        }
        // Before anything that is told, asked or forgotten for it.
        self.persist_owners(cx);
        let below = |saga| Key { owner: node, saga, step: StepId(0) };
        while let Some((key, _)) = self.keys.range(below(SagaId(0))..below(heard.floor)).next() {
            let key = *key;
            self.keys.remove(&key);
        }
    }

    fn on_do<Cx: Context<Self> + ?Sized>(&mut self, call: Call<D>, cx: &mut Cx) {
        let outcome = match self.keys.get(&call.key) {
            None if call.action == Action::Probe => Outcome::Unseen,
            None if self.keys.len() >= self.config.max_keys => Outcome::Later,
            None if call.input.size_bytes() > self.config.max_input_bytes => {
                self.set(call.key, Stage::Refused, cx);
                Outcome::Refused
            }
            // Before the application is asked: of what it may have done an undo must ask it too.
            None => {
                self.set(call.key, Stage::Doing, cx);
                return self.ask(call, cx);
            }
            Some(Known { stage: Stage::Doing, .. }) => return self.ask(call, cx),
            Some(Known { stage: Stage::Done, .. }) => Outcome::Done,
            Some(Known { stage: Stage::Refused | Stage::Undone, .. }) => Outcome::Refused,
            Some(Known { stage: Stage::Undoing, .. }) => Outcome::Later,
        };
        self.answer(call.answer(outcome), cx);
    }

    fn on_undo<Cx: Context<Self> + ?Sized>(&mut self, call: Call<D>, cx: &mut Cx) {
        let outcome = match self.keys.get(&call.key) {
            None if self.keys.len() >= self.config.max_keys => Outcome::Later,
            // What it takes back may still be on its way.
            None => {
                self.set(call.key, Stage::Undone, cx);
                Outcome::Undone
            }
            // One thing at a time.
            Some(Known { stage: Stage::Doing, awaited: Some(_), .. }) => Outcome::Later,
            Some(Known { stage: Stage::Doing | Stage::Done, .. }) => {
                self.set(call.key, Stage::Undoing, cx);
                return self.ask(call, cx);
            }
            Some(Known { stage: Stage::Undoing, .. }) => return self.ask(call, cx),
            Some(Known { stage: Stage::Refused | Stage::Undone, .. }) => Outcome::Undone,
        };
        self.answer(call.answer(outcome), cx);
    }

    /// Asks the application, unless it is at work; either way the call awaits what it says.
    fn ask<Cx: Context<Self> + ?Sized>(&mut self, call: Call<D>, cx: &mut Cx) {
        let Some(known) = self.keys.get_mut(&call.key) else { return };
        let at_work = known.awaited.replace(Awaited::of(&call)).is_some();
        if at_work {
            return;
        }
        let Call { key, action, task, input, .. } = call;
        cx.notify(match action {
            Action::Do | Action::Probe => Notice::Do { key, task, input },
            Action::Undo => Notice::Undo { key, task, input },
        });
    }
}
