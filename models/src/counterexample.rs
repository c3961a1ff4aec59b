//! A check that must fall: a protocol outside of what it assumes, as an example of what that does.
//!
//! It succeeds if its one property falls, and shows how. It fails if another one falls, and if none does: then
//! the world no longer shows what it was made for.

use crate::check::{Bounds, Check, Level, Progress, Report, RunOptions};
use crate::trace::Replays;
use crate::world::Limits;

/// A check of which one property must fall.
#[allow(missing_debug_implementations, reason = "checks are closures at heart")]
pub struct Counterexample {
    check: Box<dyn Check>,
    falls: &'static str,
}

impl Counterexample {
    /// `check`, in which the property `falls` must fall.
    #[must_use]
    pub const fn new(check: Box<dyn Check>, falls: &'static str) -> Self {
        Self { check, falls }
    }
}

impl Check for Counterexample {
    fn protocol(&self) -> &'static str {
        self.check.protocol()
    }

    fn name(&self) -> &'static str {
        self.check.name()
    }

    fn varies(&self) -> &'static str {
        self.check.varies()
    }

    fn bounds(&self, level: Level) -> Bounds {
        self.check.bounds(level)
    }

    fn reduces(&self) -> bool {
        self.check.reduces()
    }

    fn run(&self, level: Level, options: &RunOptions, progress: &Progress) -> Report {
        Report { must_fall: Some(self.falls), ..self.check.run(level, options, progress) }
    }

    fn explore(&self, level: Level, port: u16) {
        self.check.explore(level, port);
    }

    fn replays(&self, level: Level, limits: &Limits) -> Option<Box<dyn Replays>> {
        self.check.replays(level, limits)
    }
}
