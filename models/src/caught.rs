//! Panics of machines under check: caught, and quiet, since a run meets the same one thousands of times.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// What `task` yields; nothing if it panics.
///
/// What it was changing means nothing after a panic: the caller drops it.
pub(crate) fn caught<T>(task: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                before(info);
            }
        }));
    });
    let was = QUIET.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(task)).ok();
    QUIET.set(was);
    outcome
}
