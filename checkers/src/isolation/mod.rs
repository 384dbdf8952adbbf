//! Isolation of transactions: which consistency models a recorded history can satisfy, and why not the others.
//!
//! [`list_append`] judges transactions that append to lists and read them whole, [`rw_register`] such that read and
//! write registers. Both infer, from what was read and written, which transaction must come before which; an anomaly is
//! a read that cannot be, or a cycle of such dependencies, and each rules out certain [`Model`]s. This is the method
//! of Elle (Kingsbury and Alvaro, 2020) over the formalism of Adya (1999), and the names are theirs.
//!
//! ```
//! use paytwice_checkers::isolation::{ListAppend, Model, Options, Outcome, Txn};
//! use paytwice_checkers::verdict::Verdict;
//!
//! let mut history = ListAppend::new();
//! let txn = |process, invoke, complete| Txn { process, invoke, complete: Some(complete), outcome: Outcome::Ok };
//! history.begin(txn(0, 0, 2));
//! history.read("x", [] as [i64; 0]);
//! history.append("y", 1);
//! history.begin(txn(1, 1, 3));
//! history.read("y", [] as [i64; 0]);
//! history.append("x", 2);
//!
//! let report = history.check(&Options::default());
//! assert_eq!(report.verdict(Model::SnapshotIsolation), Verdict::Valid);
//! assert_eq!(report.verdict(Model::Serializable), Verdict::Invalid);
//! assert_eq!(
//!     report.into_result().anomalies[0].sentence,
//!     "T2 comes before T3, because T2 did not observe T3's append of 2 to x; \
//!      but T3 comes before T2, because T3 did not observe T2's append of 1 to y"
//! );
//! ```
//!
//! A transaction is named after the index of its completion. How the parts work together: a checker turns a history
//! into columns of small numbers (`scalars`, `txns`), scans them for what is wrong without a graph, and links the
//! transactions (`graph`); `cycles` asks once whether the graph with real time has any cycle at all, and only if so
//! looks inside its `components` for the classes of [`Kind`]; what no cycle rules out is decided by what a reader must
//! see (`reach` carries that along the graph), and `report` says it in words: valid is only what is shown to hold.

mod completeness;
mod components;
mod cycles;
mod graph;
mod kind;
pub mod list_append;
mod model;
mod reach;
mod report;
pub mod rw_register;
mod scalars;
mod txns;

pub(crate) use completeness::{LISTS_DECIDE, REGISTERS_DECIDE};
pub use kind::{Class, Kind, Order};
pub use list_append::ListAppend;
pub use model::{Model, UnknownModel};
pub use report::{Options, Report};
pub use rw_register::RwRegister;
pub use scalars::Scalar;
pub use txns::{Outcome, Txn};
