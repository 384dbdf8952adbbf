//! The streaming checkers against straightforward references, against histories that are valid by construction, and
//! against each named anomaly planted alone.

mod harness;

mod bank;
mod branches;
mod counter;
mod counts;
mod exactly_once;
mod idempotency;
mod key_order;
mod leftovers;
mod log;
mod long_fork;
mod postings;
mod schedule;
mod set;
mod set_full;
mod soft_state;
mod state_machine;
mod total_queue;
mod unique_ids;
