//! The kit that checks machines.
pub mod check;
