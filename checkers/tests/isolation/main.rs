//! Isolation of transactions, through the public API: against exhaustive references, by construction, and as recorded.

mod histories;
mod list_append;
mod reference;
mod rw_register;
