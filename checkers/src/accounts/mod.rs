//! Checkers of balances, postings and request numbers.

pub mod bank;
pub(crate) mod bounds;
pub mod idempotency;
pub mod postings;
