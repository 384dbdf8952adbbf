//! Histories of payments, and the checkers that judge them.

pub mod history;
pub mod verdict;
