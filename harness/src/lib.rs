//! paytwice: starts a real payment stack, breaks it on purpose, and proves that money was credited exactly once.
//!
//! Tests use [`Campaign`]; the command line is in [`cli`]; `ARCHITECTURE.md` has the map.

pub mod campaign;
pub mod cli;
pub mod clock;
pub mod coverage;
pub mod dependency;
pub mod explore;
pub mod fault;
pub mod nemesis;
pub mod plan;
pub mod reads;
pub mod record;
pub mod run;
pub mod settle;
pub mod stack;
pub mod sut;
pub mod wire;
pub mod workload;

pub use campaign::{Campaign, Run, Session};
