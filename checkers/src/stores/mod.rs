//! Checkers of sets, counters and other small stores.

pub mod counter;
pub mod long_fork;
pub mod set;
pub mod set_full;
pub mod unique_ids;
