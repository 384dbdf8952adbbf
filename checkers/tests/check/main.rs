//! What `paytwice check FILE --as CHECKER` decides and says, through the library behind it.

mod files;
mod messages;
mod support;
mod verdicts;
mod witnesses;
