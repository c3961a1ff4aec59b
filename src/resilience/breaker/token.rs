//! Admissions as tokens: what is given out, what is outstanding, and how each token ends once.

use alloc::collections::VecDeque;
use core::fmt;

use crate::id::{id, no_nodes_inside};
use crate::time::Time;

id!(
    /// One stay of a breaker in one state. Every transition begins the next one, and thereby ends every
    /// token that is still outstanding.
    Generation(u64), "generation "
);

impl Generation {
    /// The generation after this one.
    ///
    /// Wraps after 2^64 transitions, which no run lives to see.
    pub(super) const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// Whether this generation came before `other`.
    pub(super) const fn is_before(self, other: Self) -> bool {
        let distance = other.0.wrapping_sub(self.0);
        distance != 0 && distance <= u64::MAX / 2
    }
}

/// The right to make one call, given out by a breaker; to be ended once, with an [`Outcome`].
///
/// It is not `Copy`: on the paved path [`finish`](super::Breaker::finish) consumes it, so that the compiler
/// sees to "once". Where tokens travel as data (in requests, in bytes) they can be cloned, and the breaker
/// itself finds out the second end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[must_use = "a token that never ends takes a place until its lease runs out, and then counts as failed"]
pub struct Token {
    pub(super) generation: Generation,
    /// Counts the tokens of the generation, from 1.
    pub(super) serial: u64,
}

impl Token {
    /// The generation in which the token was given out. In any other it is late.
    #[must_use]
    pub const fn generation(&self) -> Generation {
        self.generation
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "token {} of {}", self.serial, self.generation)
    }
}

/// How a call ended. Which errors are failures is for the caller to say, in every state alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_enums, reason = "the four ways in which an admission ends")]
pub enum Outcome {
    /// What was called is healthy. Counts.
    Succeeded,
    /// What was called is not healthy. Counts.
    Failed,
    /// The call ended, in a way that says nothing about what was called (a bad argument, say). Gives the
    /// place back and counts nowhere.
    Ignored,
    /// The caller gave up before the call ended, or never made it. Gives the place back and counts nowhere.
    Cancelled,
}

/// Why a token could not be ended. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[allow(clippy::exhaustive_enums, reason = "the past, the present and the future of a token")]
pub enum Unmatched {
    /// It is of an earlier generation: the breaker has changed its state since. No error of the caller's.
    Late,
    /// It is of this generation and has ended: a second end, or one after its lease ran out.
    Ended,
    /// The breaker never gave it out: a caller mixes up breakers, or the token was forged.
    Unknown,
}

impl fmt::Display for Unmatched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Late => "the breaker has changed its state since the token was given out",
            Self::Ended => "the token has ended already, or its lease ran out",
            Self::Unknown => "this breaker never gave the token out",
        })
    }
}

impl core::error::Error for Unmatched {}

no_nodes_inside!(Generation, Token, Outcome, Unmatched);

/// The serial of no token.
const NEVER: u64 = 0;
/// In canonical form, the serial of every token of the present generation that has ended.
const ENDED: u64 = 1;
/// In canonical form, the first serial of an outstanding token.
const FIRST: u64 = 2;

/// One outstanding token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Lease {
    pub(super) serial: u64,
    /// The lowest reading of the clock since it was given out: its age is measured from here.
    pub(super) since: Time,
}

/// The tokens of the present generation: which serial comes next, and which are outstanding.
///
/// Sorted by serial, which is the order of admission, and therefore by `since` as well: the oldest lease is
/// always at the front.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Outstanding {
    next: u64,
    leases: VecDeque<Lease>,
}

impl Outstanding {
    /// No token was given out yet; room for `capacity` of them, so that admitting never allocates.
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self { next: 1, leases: VecDeque::with_capacity(capacity) }
    }

    /// Begins the next generation.
    pub(super) fn clear(&mut self) {
        self.next = 1;
        self.leases.clear();
    }

    /// How many tokens are outstanding.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.leases.len()
    }

    /// The oldest outstanding token.
    #[inline]
    pub(super) fn oldest(&self) -> Option<Lease> {
        self.leases.front().copied()
    }

    /// The outstanding tokens, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = Lease> {
        self.leases.iter().copied()
    }

    /// Gives out the next serial.
    #[inline]
    pub(super) fn admit(&mut self, now: Time) -> u64 {
        let serial = self.next;
        // Would take 2^63 admissions within one generation to wrap: `check` refuses a state beyond the half.
        self.next = self.next.wrapping_add(1);
        self.leases.push_back(Lease { serial, since: now });
        serial
    }

    /// Ends a token of the present generation.
    #[inline]
    pub(super) fn end(&mut self, serial: u64) -> Result<(), Unmatched> {
        let Some(at) = self.find(serial) else {
            return Err(if (1..self.next).contains(&serial) { Unmatched::Ended } else { Unmatched::Unknown });
        };
        self.leases.remove(at);
        Ok(())
    }

    #[inline]
    fn find(&self, serial: u64) -> Option<usize> {
        // Where tokens end in the order of their admission, the distance from the oldest is the position.
        let guess = usize::try_from(serial.wrapping_sub(self.leases.front()?.serial)).ok()?;
        if self.leases.get(guess).is_some_and(|lease| lease.serial == serial) {
            return Some(guess);
        }
        self.leases.binary_search_by_key(&serial, |lease| lease.serial).ok()
    }

    /// Takes the clock's reading: no lease began after it.
    #[inline]
    pub(super) fn observe(&mut self, now: Time) {
        if self.leases.back().is_some_and(|youngest| youngest.since > now) {
            self.went_back(now);
        }
    }

    #[cold]
    fn went_back(&mut self, now: Time) {
        for lease in self.leases.iter_mut().rev() {
            if lease.since <= now {
                break;
            }
            lease.since = now;
        }
    }

    /// The same tokens renumbered from [`FIRST`], each aged as `since` says.
    pub(super) fn canonical(&self, since: impl Fn(Time) -> Time) -> Self {
        let mut canonical = Self { next: FIRST, leases: VecDeque::with_capacity(self.leases.len()) };
        for lease in &self.leases {
            canonical.admit(since(lease.since));
        }
        canonical
    }

    /// The same tokens under new serials in the same order, up to `last`, each aged as `since` says.
    pub(super) fn renumbered(
        &self,
        serial: impl Fn(u64) -> u64,
        last: u64,
        since: impl Fn(Time) -> Time,
    ) -> Self {
        let mut leases = VecDeque::with_capacity(self.leases.len());
        leases.extend(
            self.leases.iter().map(|old| Lease { serial: serial(old.serial), since: since(old.since) }),
        );
        Self { next: last.saturating_add(1), leases }
    }

    /// The serial that [`canonical`](Self::canonical) gives to `serial`.
    pub(super) fn canonical_serial(&self, serial: u64) -> u64 {
        match self.leases.binary_search_by_key(&serial, |lease| lease.serial) {
            Ok(at) => FIRST + at as u64,
            Err(_) if serial == NEVER => NEVER,
            Err(_) if serial < self.next => ENDED,
            // Not given out yet: as far ahead as it was.
            Err(_) => (serial - self.next).saturating_add(FIRST + self.leases.len() as u64),
        }
    }

    /// Whether the parts agree.
    ///
    /// # Errors
    /// What does not, in a few words.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.next == 0 || self.next > u64::MAX / 2 {
            return Err("the next serial is out of range");
        }
        let mut before: Option<Lease> = None;
        for lease in &self.leases {
            if !(1..self.next).contains(&lease.serial) {
                return Err("a token is outstanding that was never given out");
            }
            if before.is_some_and(|before| before.serial >= lease.serial || before.since > lease.since) {
                return Err("the outstanding tokens are not in the order of admission");
            }
            before = Some(*lease);
        }
        Ok(())
    }
}
