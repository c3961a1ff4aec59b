//! What a node's surroundings are up to: whether it runs at all, its disk, its clock, when its timers are due.

use quorate::time::Time;
use smallvec::SmallVec;

use super::dice::Dice;
use super::faults::Clocks;

/// Parts in which the rate of a clock is told.
const MILLION: u64 = 1_000_000;

/// Whether a node runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It does.
    Up,
    /// It does nothing until then, and what arrives waits.
    Paused(u64),
    /// It does nothing until then, and what arrives is lost.
    Down(u64),
}

/// The surroundings of one node.
#[derive(Debug)]
pub(super) struct Host<T> {
    pub(super) state: State,
    /// Until when nothing that it sent arrives anywhere.
    pub(super) mute_until: u64,
    /// Until when nothing reaches it.
    pub(super) deaf_until: u64,
    pub(super) clock: Clock,
    /// How often it has crashed, or come back sooner than it was to: what was due in an earlier life is void.
    pub(super) life: u64,
    /// The records of the write under way that are not durable yet.
    pub(super) writing: usize,
    /// Whether it is about to look into its inbox.
    pub(super) looking: bool,
    /// Which expiry of each timer counts: the others were replaced.
    timers: SmallVec<[(T, u64); 2]>,
    /// How many were ever set.
    armed: u64,
}

impl<T: Copy + PartialEq> Host<T> {
    /// One that is up, whose clock reads `read` at `now`.
    pub(super) fn new(read: Time, now: u64, clocks: &Clocks, dice: &mut Dice) -> Self {
        let off = dice.below(clocks.drift_ppm.saturating_mul(2).saturating_add(1));
        let rate = MILLION.saturating_sub(clocks.drift_ppm).saturating_add(off);
        Self {
            state: State::Up,
            mute_until: 0,
            deaf_until: 0,
            clock: Clock { rate, from: now, read: read.0 },
            life: 0,
            writing: 0,
            looking: false,
            timers: SmallVec::new(),
            armed: 0,
        }
    }

    /// Until when it does nothing, if it does nothing now.
    pub(super) const fn stopped(&self, now: u64) -> Option<u64> {
        match self.state {
            State::Paused(until) | State::Down(until) if now < until => Some(until),
            _ => None,
        }
    }

    /// Whether what arrives now is lost.
    pub(super) const fn is_down(&self, now: u64) -> bool {
        matches!(self.state, State::Down(until) if now < until)
    }

    /// When it can do something, at `now` or later.
    pub(super) fn awake(&self, now: u64) -> u64 {
        self.stopped(now).unwrap_or(now)
    }

    /// It crashes, and is down until `until`.
    pub(super) fn crash(&mut self, until: u64) {
        self.state = State::Down(until);
        self.life += 1;
        self.writing = 0;
        self.looking = false;
        self.timers.clear();
    }

    /// It is up again, sooner than it was to be: what was due by then is void.
    pub(super) fn wake(&mut self) {
        self.state = State::Up;
        self.life += 1;
        self.writing = 0;
        self.looking = false;
        self.timers.clear();
    }

    /// A timer is set: the number of the expiry that now counts.
    pub(super) fn arm(&mut self, timer: T) -> u64 {
        self.armed += 1;
        match self.timers.iter_mut().find(|(name, _)| *name == timer) {
            Some((_, counts)) => *counts = self.armed,
            None => self.timers.push((timer, self.armed)),
        }
        self.armed
    }

    /// Whether this expiry counts.
    pub(super) fn counts(&self, timer: T, expiry: u64) -> bool {
        self.timers.contains(&(timer, expiry))
    }
}

/// A clock of its own: too fast, too slow, set forward and back.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    /// How many millionths of a second it counts in a second.
    rate: u64,
    /// When it was last looked at, in virtual time, and what it read then.
    from: u64,
    read: u64,
}

impl Clock {
    /// What it reads at `now`.
    pub(super) fn read(&self, now: u64) -> u64 {
        self.read.saturating_add(scaled(now.saturating_sub(self.from), self.rate, MILLION))
    }

    /// It is set forward or back, never before its origin.
    pub(super) fn step(&mut self, now: u64, by: i64) {
        self.read = self.read(now).saturating_add_signed(by);
        self.from = now;
    }

    /// How long a wait by this clock really is.
    pub(super) fn lasting(&self, wait: u64) -> u64 {
        scaled(wait, MILLION, self.rate.max(1))
    }
}

fn scaled(of: u64, by: u64, parts: u64) -> u64 {
    let scaled = u128::from(of) * u128::from(by) / u128::from(parts);
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_clock_counts_more_and_its_waits_are_over_sooner() {
        let mut clock = Clock { rate: 2 * MILLION, from: 100, read: 7 };
        assert_eq!((clock.read(150), clock.lasting(40)), (107, 20));
        clock.step(150, -1_000);
        assert_eq!((clock.read(150), clock.read(160)), (0, 20));
    }

    #[test]
    fn a_timer_set_again_is_due_but_once_and_a_crash_forgets_it() {
        let mut host: Host<char> = Host::new(Time(0), 0, &Clocks::default(), &mut Dice::new(0, "test"));
        let first = host.arm('a');
        let second = host.arm('a');
        assert!(!host.counts('a', first) && host.counts('a', second));
        host.crash(10);
        assert!(!host.counts('a', second) && host.is_down(9) && !host.is_down(10));
    }
}
