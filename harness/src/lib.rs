//! paytwice: starts a real stack of services, databases and queues, breaks it on purpose, and proves that what the
//! services promise was kept.
//!
//! Tests use [`Campaign`] and [`Session`], and look at the [`Run`] that comes of them. Everything else is public for the
//! tests of this crate and may change at any time; `ARCHITECTURE.md` has the map.

pub mod campaign;
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod clock;
#[doc(hidden)]
pub mod coverage;
#[doc(hidden)]
pub mod dependency;
#[doc(hidden)]
pub mod explore;
#[doc(hidden)]
pub mod fault;
#[doc(hidden)]
pub mod nemesis;
#[doc(hidden)]
pub mod plan;
#[doc(hidden)]
pub mod reads;
#[doc(hidden)]
pub mod record;
#[doc(hidden)]
pub mod remoting;
#[doc(hidden)]
pub mod run;
#[cfg(test)]
mod sample;
#[doc(hidden)]
pub mod settle;
#[doc(hidden)]
pub mod stack;
#[doc(hidden)]
pub mod sut;
#[doc(hidden)]
pub mod wire;
#[doc(hidden)]
pub mod workload;

pub use campaign::{Campaign, Run, Session};
pub use paytwice_checkers::history::History;
pub use paytwice_checkers::verdict::{Anomaly, Fate, Results, Verdict};
pub use paytwice_reports::coverage::Coverage;
pub use plan::{Plan, PlanError, PlanRequest};
pub use run::{Notice, Observer, RunError, Tick};
