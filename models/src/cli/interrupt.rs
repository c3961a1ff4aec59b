//! Ctrl-C: asked once, a command ends with what it has.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use super::UNDECIDED;

/// Set once somebody asks for the end; who asks twice gets it at once.
pub(super) fn asked() -> &'static AtomicBool {
    static STOP: AtomicBool = AtomicBool::new(false);
    static HANDLER: Once = Once::new();
    HANDLER.call_once(|| {
        let asked = || {
            if STOP.swap(true, Ordering::Relaxed) {
                std::process::exit(i32::from(UNDECIDED));
            }
        };
        // Where there is no such signal, or somebody else handles it, it ends the process as it always did.
        let _ = ctrlc::try_set_handler(asked);
    });
    &STOP
}
