//! What `paytwice check FILE --as CHECKER` decides and says, through the library behind it.

mod changes;
mod completions;
mod fields;
mod files;
mod lines;
mod messages;
mod observed;
mod records;
mod support;
mod transactions;
mod values;
mod verdicts;
mod witnesses;
