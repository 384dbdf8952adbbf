//! Linearizability against exhaustive references, by construction, under renaming, and on recorded histories.

mod generate;
mod objects;
mod reference;
mod search;
