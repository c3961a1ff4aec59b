//! The breaker as a machine: requests in, notices out.

use super::{Breaker, Change, Event, Generation, Outcome, Rejected, Token, Unmatched};
use crate::id::{RequestId, no_nodes_inside};
use crate::machine::{Context, Input, InputOf, Machine, Never};

/// What is asked of a breaker.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_enums, reason = "an admission begins and ends; there is no third")]
pub enum Request {
    /// To make a call. Answered by [`Notice::Admitted`] or [`Notice::Rejected`].
    Acquire {
        /// Chosen by the caller, repeated in the answer.
        id: RequestId,
    },
    /// To end a token. Answered by [`Notice::Finished`] or [`Notice::Ignored`].
    Finish {
        /// The token.
        token: Token,
        /// How the call ended.
        outcome: Outcome,
    },
}

/// What a breaker tells. Every notice is free, for nothing of a breaker is durable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[non_exhaustive]
pub enum Notice {
    /// The call may be made, and `token` is to be finished after it.
    Admitted {
        /// The request's.
        id: RequestId,
        /// To be ended once.
        token: Token,
    },
    /// The call must not be made.
    Rejected {
        /// The request's.
        id: RequestId,
        /// Why not, and when to come back.
        reason: Rejected,
    },
    /// The token has ended, as asked.
    Finished {
        /// The token.
        token: Token,
        /// How it ended.
        outcome: Outcome,
    },
    /// The token was not outstanding: its end changed nothing.
    Ignored {
        /// The token.
        token: Token,
        /// Why it was not.
        reason: Unmatched,
    },
    /// The token's lease ran out: it has ended, and counts as failed.
    Lapsed {
        /// The token.
        token: Token,
    },
    /// A transition, right behind what caused it.
    Changed {
        /// The generation that it began.
        generation: Generation,
        /// What changed.
        change: Change,
    },
}

no_nodes_inside!(Request, Notice);

impl Machine for Breaker {
    type Config = super::Config;
    type Message = Never;
    type Timer = Never;
    type Request = Request;
    type Cell = Never;
    type Entry = Never;
    type Notice = Notice;

    fn step<C: Context<Self> + ?Sized>(&mut self, input: InputOf<Self>, cx: &mut C) {
        let request = match input {
            Input::Request(request) => request,
            Input::Start | Input::Loaded { .. } => return,
            Input::Message { message, .. } => match message {},
            Input::Timer(timer) => match timer {},
        };
        let now = cx.now();
        while let Some(event) = self.poll(now, |upto| cx.choose(upto)) {
            let change = match event {
                Event::Lapsed { token, change } => {
                    cx.notify_free(Notice::Lapsed { token });
                    change
                }
                Event::HalfOpened => Some(Change::HalfOpened),
            };
            self.notify_change(change, cx);
        }
        match request {
            Request::Acquire { id } => cx.notify_free(match self.acquire(now, |_| 0) {
                Ok(token) => Notice::Admitted { id, token },
                Err(reason) => Notice::Rejected { id, reason },
            }),
            Request::Finish { token, outcome } => {
                match self.finish(token.clone(), outcome, now, |upto| cx.choose(upto)) {
                    Ok(change) => {
                        cx.notify_free(Notice::Finished { token, outcome });
                        self.notify_change(change, cx);
                    }
                    Err(reason) => cx.notify_free(Notice::Ignored { token, reason }),
                }
            }
        }
    }
}

impl Breaker {
    fn notify_change<C: Context<Self> + ?Sized>(&self, change: Option<Change>, cx: &mut C) {
        if let Some(change) = change {
            cx.notify_free(Notice::Changed { generation: self.generation, change });
        }
    }
}
