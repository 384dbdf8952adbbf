//! Linearizability (draft).
pub mod budget;
pub mod check;
mod explain;
pub mod fifo;
mod intern;
pub mod locks;
mod machine;
pub mod map;
pub mod model;
pub mod models;
pub mod names;
pub mod operation;
mod parallel;
mod plan;
pub mod report;
mod search;
pub mod solve;
mod tally;
mod visited;
mod zones;

pub use budget::Budget;
pub use check::check;
pub use fifo::FifoHistory;
pub use map::MapHistory;
pub use model::Model;
pub use operation::Operation;
pub use solve::{Impossible, Outcome, solve};
