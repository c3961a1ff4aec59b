//! The command line of the example: see the library.

use std::io::{Read, Write};
use std::process::ExitCode;
use std::thread;

use quorate_transfer::args::{self, Invocation, Role};
use quorate_transfer::{bank, coordinator, demo, lines, say};

fn main() -> ExitCode {
    let outcome = args::parse(std::env::args_os().skip(1)).and_then(carry_out);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}\n`transfer --help` tells more");
            ExitCode::FAILURE
        }
    }
}

fn carry_out(invocation: Invocation) -> Result<(), String> {
    match invocation {
        Invocation::Help => say(args::USAGE.trim_end()),
        Invocation::Demo { stay } => demo::run(stay)?,
        Invocation::Ask { address, request } => {
            let answer = lines::ask(address, &request, args::ASK_PATIENCE)
                .map_err(|error| format!("no answer from {address}: {error}; ask again under the same id"))?;
            say(&answer.to_string());
        }
        Invocation::Serve { role, until_stdin_closes } => {
            if until_stdin_closes {
                thread::spawn(end_with_stdin);
            }
            match role {
                Role::Coordinator(args) => coordinator::run(args)?,
                Role::Bank(args) => bank::run(&args)?,
            }
        }
    }
    Ok(())
}

/// A parent that ends, in whatever way, closes the pipe to its children: so they end as well.
fn end_with_stdin() {
    let mut ignored = [0; 64];
    while std::io::stdin().read(&mut ignored).is_ok_and(|read| read > 0) {}
    std::process::exit(0);
}
