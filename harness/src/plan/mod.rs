//! Plans: what a run will do, decided from what the user asked for and one seed.

mod types;

pub use types::*;
