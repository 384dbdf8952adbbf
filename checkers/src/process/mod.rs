//! Checkers of processes over time: states, schedules, branches, what stays behind and for how long.

pub mod branches;
pub mod leftovers;
pub mod schedule;
pub mod soft_state;
pub mod state_machine;
