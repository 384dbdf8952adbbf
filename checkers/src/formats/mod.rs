//! What histories are written in: one file per format.
//!
//! [`edn`] and [`json`] scan one form at a time into a [`Tape`](crate::ops::Tape).

pub mod edn;
pub mod json;
mod number;
