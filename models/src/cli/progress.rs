//! The live line of a running check.

use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::check::{Check, Progress};
use crate::usage::Usage;

use super::table::{bytes, short};

/// One line on standard error, redrawn while a check runs; nothing where that is no terminal.
#[derive(Debug)]
pub(super) struct Line {
    bar: ProgressBar,
    title: String,
    started: Instant,
}

impl Line {
    /// A line for `title`, drawn if `live`.
    pub(super) fn new(title: String, live: bool) -> Self {
        let target = if live { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(
            ProgressStyle::with_template("{spinner} {wide_msg}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        bar.set_message(title.clone());
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, title, started: Instant::now() }
    }

    /// A line for `check`.
    pub(super) fn of(check: &dyn Check, live: bool) -> Self {
        Self::new(format!("{}/{}", check.protocol(), check.name()), live)
    }

    /// Shows `text` behind the title.
    pub(super) fn tell(&self, text: &str) {
        self.bar.set_message(format!("{}  {text}", self.title));
    }

    /// Shows where the check is.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a rate"
    )]
    pub(super) fn show(&self, progress: &Progress) {
        let spent = self.started.elapsed().as_secs_f64();
        let (states, unique) = (progress.states.load(Relaxed), progress.unique.load(Relaxed));
        let expanded = progress.expanded.load(Relaxed);
        let frontier = unique.saturating_sub(expanded);
        // What waits may lead to more, and to nothing new.
        let left = spent * frontier as f64 / expanded.max(1) as f64;
        let memory = match Usage::now().resident_bytes() {
            0 => String::new(),
            resident => format!(", {}", bytes(resident)),
        };
        self.bar.set_message(format!(
            "{}  {} of {} states, {}/s, depth {}, frontier {}{memory}, {:.0} s, what waits takes {:.0} s",
            self.title,
            short(unique),
            short(states),
            short((states as f64 / spent.max(0.001)) as u64),
            progress.depth.load(Relaxed),
            short(frontier),
            spent,
            left,
        ));
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
