//! Patterns that keep a caller healthy while what it calls is not.

pub mod breaker;
