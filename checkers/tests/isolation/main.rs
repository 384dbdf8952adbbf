//! Isolation of transactions, through the public API: against exhaustive references, by construction, and as recorded.

mod by_construction;
mod choices;
mod corpora;
mod executions;
mod histories;
mod list_append;
mod metamorphic;
mod peers;
mod reference;
mod rw_register;
mod stores;
mod words;
