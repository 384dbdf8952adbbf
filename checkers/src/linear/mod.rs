//! Linearizability: is there one order of all operations, each at a moment between its call and its return, that a
//! single correct object can explain? (Herlihy and Wing 1990)
//!
//! Twelve lines from operations to a witness:
//!
//! ```
//! use paytwice_checkers::linear::models::register::{Answer, Ask, Register};
//! use paytwice_checkers::linear::{Budget, Operation, check};
//! use paytwice_checkers::verdict::Verdict;
//!
//! let history = [
//!     Operation::ok(0, Ask::Write(1), 0, Answer::Done, 1),
//!     Operation::info(1, Ask::Write(2), 2),
//!     Operation::ok(2, Ask::Read, 3, Answer::Value(2), 4),
//!     Operation::ok(0, Ask::Read, 5, Answer::Value(1), 6),
//! ];
//! let result = check(&Register { initial: 0 }, &history, Budget::default());
//! assert_eq!(result.verdict, Verdict::Invalid);
//! assert_eq!(
//!     result.anomalies[0].sentence,
//!     "\"read -> 1\" (5 to 6) has no place beside \"write 2\" (2 to ?), \"read -> 2\" (3 to 4): by then the \
//!      object could only be 2. Up to there an order exists; from 3 to 6 none does, 3 configurations tried"
//! );
//! ```
//!
//! | history | entry | how | cost |
//! | --- | --- | --- | --- |
//! | any object of one's own | [`check()`], [`solve()`] | [`Model`]; split by key; search | exponential in overlap, at worst |
//! | registers and maps: read, write, cas, append | [`map::check`] | zones per key, else search | O(n log n) by zones |
//! | first-in first-out queue | [`fifo::check`] | four conditions, else a search for the order of dequeues | O(n) for dense positions |
//! | mutex | [`locks::check`] | earliest deadline first | O(n log n) |
//!
//! An operation whose end is not known (info) may have happened at any time after its call, or never. What was not
//! decided within the [`Budget`] is unknown, with the reason; so is a history in which nothing is known to have
//! happened. Nothing here reads a clock. Keys are judged on all cores; the result does not depend on how many.
//!
//! Cannot see: what no operation of the history observed; effects between objects that are judged apart.

mod aspects;
pub mod budget;
pub mod check;
mod explain;
pub mod fifo;
mod interner;
pub mod locks;
mod machine;
pub mod map;
pub mod model;
pub mod models;
pub mod names;
pub mod operation;
mod plan;
mod replay;
mod report;
mod search;
pub mod solve;
mod takes;
mod tally;
mod visited;
mod zones;

pub use budget::Budget;
pub use check::check;
pub use fifo::FifoHistory;
pub use map::MapHistory;
pub use model::Model;
pub use operation::Operation;
pub use report::NONLINEARIZABLE;
pub use solve::{Impossible, Outcome, search, solve};
