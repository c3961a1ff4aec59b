//! A node of Raft among peers that lie: so many sequences of 32 well-formed messages, each of its own number.
//!
//! ```text
//! cargo run --release -p quorate-models --example hostile -- 10000000
//! cargo run --release -p quorate-models --example hostile -- 1000 5000000    # 1,000 of them, from number 5,000,000 on
//! ```
//!
//! Bytes decide everything in a sequence; here they are drawn by the sequence's number alone (SplitMix64), so that a
//! number is a whole report. What panics or breaks ends the run with that number.

use std::panic::catch_unwind;
use std::process::ExitCode;
use std::time::Instant;

use quorate_models::raft::fuzz::hostile;

/// Bytes of a sequence: more than 32 messages use up.
const BYTES: usize = 1024;
/// How many sequences pass between two lines of progress.
const REPORT_EVERY: u64 = 1_000_000;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>());
    let (sequences, from) = match (arguments.next(), arguments.next(), arguments.next()) {
        (Some(Ok(sequences)), None, None) => (sequences, 0),
        (Some(Ok(sequences)), Some(Ok(from)), None) => (sequences, from),
        _ => {
            eprintln!("how many sequences? usage: hostile SEQUENCES [FIRST], both whole numbers");
            return ExitCode::from(2);
        }
    };
    let started = Instant::now();
    let (mut messages, mut bytes) = (0, vec![0; BYTES]);
    for number in from..from.saturating_add(sequences) {
        fill(&mut bytes, number);
        match catch_unwind(|| hostile(&bytes)) {
            Ok(Ok(heard)) => messages += heard,
            Ok(Err(broken)) => {
                eprintln!("sequence {number}: {broken}");
                return ExitCode::FAILURE;
            }
            Err(_) => {
                eprintln!("sequence {number}: a panic, as told above");
                return ExitCode::FAILURE;
            }
        }
        let done = number - from + 1;
        if done.is_multiple_of(REPORT_EVERY) || done == sequences {
            println!(
                "{done} sequences, {messages} messages, {:.0} s, no panic",
                started.elapsed().as_secs_f64()
            );
        }
    }
    ExitCode::SUCCESS
}

/// The bytes of sequence `number`: SplitMix64 (Steele, Lea and Flood 2014), begun at a place of its own.
fn fill(bytes: &mut [u8], number: u64) {
    let mut state = number.wrapping_mul(0xd134_2543_de82_ef95);
    for chunk in bytes.chunks_mut(8) {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        let word = (word ^ word >> 31).to_le_bytes();
        chunk.iter_mut().zip(word).for_each(|(byte, drawn)| *byte = drawn);
    }
}
