//! Histories: what each check lets pass and what it does not, beside other checkers and by planted faults.
#![allow(missing_docs, unreachable_pub, reason = "a test")]
#![allow(clippy::cast_possible_truncation, reason = "small numbers")]

#[path = "history/brute.rs"]
mod brute;
#[path = "history/by_hand.rs"]
mod by_hand;
#[path = "history/faults.rs"]
mod faults;
#[path = "history/files.rs"]
mod files;
#[path = "history/made.rs"]
mod made;
#[path = "history/stateright.rs"]
mod stateright_says;
