//! Objects that histories are checked against, one file each.

pub mod counter;
pub mod keyed;
pub mod multi_register;
pub mod mutex;
pub mod queue;
pub mod register;
pub mod text;
