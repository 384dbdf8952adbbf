//! Linearizability (draft).
pub mod budget;
mod explain;
mod intern;
mod machine;
pub mod model;
pub mod models;
pub mod operation;
mod plan;
mod search;
pub mod solve;
mod tally;
mod visited;

pub use budget::Budget;
pub use model::Model;
pub use operation::Operation;
pub use solve::{Impossible, Outcome, solve};
