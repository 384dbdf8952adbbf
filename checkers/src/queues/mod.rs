//! Checkers of queues and logs: what went in, what came out, how often and in which order.

pub mod exactly_once;
pub mod key_order;
pub mod log;
pub mod total_queue;
