//! Linearizability against exhaustive references, by construction, under renaming, and on recorded histories.

mod convert;
mod corpora;
mod decided;
mod dense;
mod edn;
mod fast;
mod generate;
mod limits;
mod metamorphic;
mod objects;
mod reference;
mod search;
mod unused;
mod words;
