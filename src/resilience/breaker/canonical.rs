//! The canonical form, for explorers: what only grows (generations, serials, times) becomes relative.

use alloc::vec::Vec;
use core::time::Duration;

use super::{Breaker, Generation, Outstanding, Phase, Token, Window, longest};
use crate::time::Time;

/// The canonical generation of tokens from before the present one, whichever it was.
const PAST: Generation = Generation(0);
/// The canonical generation of the breaker itself.
const PRESENT: Generation = Generation(1);

impl Breaker {
    /// What `now` becomes in [`canonical`](Self::canonical) form.
    pub const CANONICAL_NOW: Time = Time(1 << 63);

    /// The one breaker that stands for all those that, at `now`, go on to behave alike.
    ///
    /// It behaves at [`CANONICAL_NOW`](Self::CANONICAL_NOW) and any time after it (or before it) as `self`
    /// does at `now` and as long after it (or before it), but for the renaming of tokens by
    /// [`canonical_token`](Self::canonical_token): generations and serials are renumbered, times become
    /// relative to `now`, and the window's ring is turned so that the oldest outcome comes first. So the
    /// canonical breakers that an explorer meets are finitely many, however long it runs.
    ///
    /// Waits that are over by `now`, although no call has noticed yet, are all alike. That makes no difference
    /// to readings from `now` on, nor to earlier ones if the last call was made at `now`, for then no wait is
    /// over.
    #[must_use]
    pub fn canonical(&self, now: Time) -> Self {
        let window = self.window.canonical();
        self.canonical_by(now, window, |outstanding, since| outstanding.canonical(since))
    }

    /// As [`canonical`](Self::canonical), without taking for granted what a check is to find out: that tokens
    /// which are not outstanding all behave alike, and that it makes no difference where in its ring the window
    /// begins. Renames each of `tokens` along with the breaker, so that they stay apart.
    ///
    /// The serials of the present generation that are outstanding or in `tokens` become 1 and on, in their
    /// order. Tokens of past generations keep their serials, as of one past generation, and so remain finitely
    /// many where each step is followed by this.
    #[must_use]
    pub fn canonical_among(&self, now: Time, tokens: &mut [Token]) -> Self {
        let (past, present): (Vec<&mut Token>, Vec<&mut Token>) = tokens
            .iter_mut()
            .filter(|token| {
                token.generation == self.generation || token.generation.is_before(self.generation)
            })
            .partition(|token| token.generation != self.generation);
        let mut known: Vec<u64> = self.outstanding.iter().map(|lease| lease.serial).collect();
        known.extend(present.iter().map(|token| token.serial));
        known.sort_unstable();
        known.dedup();
        for token in past {
            token.generation = PAST;
        }
        for token in present {
            *token = Token { generation: PRESENT, serial: renumbered(&known, token.serial) };
        }
        self.canonical_by(now, self.window.clone(), |outstanding, since| {
            outstanding.renumbered(|serial| renumbered(&known, serial), known.len() as u64, since)
        })
    }

    fn canonical_by(
        &self,
        now: Time,
        window: Window,
        outstanding: impl FnOnce(&Outstanding, &dyn Fn(Time) -> Time) -> Outstanding,
    ) -> Self {
        let longest_open = longest(self.config.open_for);
        let lease = self.config.lease.saturating_add(longest_open);
        Self {
            config: self.config,
            generation: PRESENT,
            phase: match self.phase {
                Phase::Open { since, wait } => Phase::Open { since: relative(since, now, wait), wait },
                phase @ (Phase::Closed | Phase::HalfOpen { .. }) => phase,
            },
            window,
            outstanding: outstanding(&self.outstanding, &|since| relative(since, now, lease)),
        }
    }

    /// What `token` is called in [`canonical`](Self::canonical) form.
    ///
    /// All tokens of past generations become one, for they behave alike, and so do all tokens of the present one
    /// that have ended.
    pub fn canonical_token(&self, token: &Token) -> Token {
        if token.generation == self.generation {
            let serial = self.outstanding.canonical_serial(token.serial);
            return Token { generation: PRESENT, serial };
        }
        if token.generation.is_before(self.generation) {
            return Token { generation: PAST, serial: 0 };
        }
        let ahead = token.generation.0.wrapping_sub(self.generation.0);
        Token { generation: Generation(PRESENT.0.wrapping_add(ahead)), serial: token.serial }
    }
}

/// `since` as it would be if `now` were [`Breaker::CANONICAL_NOW`]; an age above `limit` counts as `limit`, and
/// what began after `now` still does.
fn relative(since: Time, now: Time, limit: Duration) -> Time {
    let limit = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
    let age = now.0.saturating_sub(since.0).min(limit);
    let ahead = since.0.saturating_sub(now.0);
    Time(Breaker::CANONICAL_NOW.0.saturating_sub(age).saturating_add(ahead))
}

/// The place of `serial` among those `known`, from 1.
fn renumbered(known: &[u64], serial: u64) -> u64 {
    known.partition_point(|other| *other < serial) as u64 + 1
}
