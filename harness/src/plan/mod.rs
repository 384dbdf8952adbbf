//! Plans: what a run will do, decided from what the user asked for and one seed.

mod check;
mod error;
mod fill;
mod manifest;
mod read;
mod target;
mod types;

pub use error::PlanError;
pub use fill::{fill, placeholders};
pub use manifest::*;
pub use target::{LinkDef, LinkKind, PartyDef, PartyKind, Target};
pub use types::*;
