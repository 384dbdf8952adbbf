//! Transactional isolation, of Elle's class.
mod components;
mod cycles;
mod graph;
mod intern;
mod kind;
pub mod list_append;
mod model;
mod report;
pub mod rw_register;
mod txns;

pub use intern::Scalar;
pub use kind::{Class, Kind, Order};
pub use list_append::ListAppend;
pub use model::{Model, Models, UnknownModel};
pub use report::{Options, Report};
pub use rw_register::RwRegister;
pub use txns::{Outcome, Txn};
