//! The kit that checks machines.
pub mod check;
pub mod cli;
pub mod planted;
