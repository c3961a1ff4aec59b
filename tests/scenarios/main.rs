//! Scripts that read as documentation: what is done, and all that comes of it.
//!
//! Each file in `commit/` and `saga/` is a story. Below `when` stand commands, below `----` what each node writes, says and
//! tells its application, in that order of events. After a change that is meant, `REWRITE=1 cargo test --test scenarios`
//! writes the outcomes anew: the diff is what is to be reviewed.
//!
//! | command | what it does |
//! |---|---|
//! | `n1 WORDS` | the application of n1 asks for something |
//! | `n1 expires TIMER` | a timer that is set expires |
//! | `deliver` | all messages on their way arrive, and all that come of them |
//! | `deliver n1 n2` | those from n1 to n2 arrive, and nothing else |
//! | `deliver last n1 n2` | the one that was sent last overtakes the others |
//! | `repeat n1 n2` | those arrive, and stay on their way |
//! | `lose n1 n2` | those are lost; `lose` alone: all are |
//! | `n1 crashes` | what is not on its disk is lost; it comes back |
//! | `n1 is slow`, `n1 writes` | its disk waits; its disk has done all that it was to do |
#![allow(unreachable_pub, reason = "a test binary has no public")]

mod commit;
mod saga;
mod stage;

#[test]
fn atomic_commit_goes_as_its_scripts_say() {
    stage::perform("tests/scenarios/commit", commit::plays);
}

#[test]
fn sagas_go_as_their_scripts_say() {
    stage::perform("tests/scenarios/saga", saga::plays);
}
