//! The history of a run: the ordered record of operations, faults, wire events and observations.

mod event;

pub use event::*;
