//! What a target can promise, each promise by runs that are made for it: one that keeps it, one for each way to break it, one for
//! each input that never came, and the message of each mistake in its options.

mod availability;
mod branches;
mod command;
mod conserved;
mod durability;
mod given;
mod key_order;
mod leftovers;
mod linearizable_reads;
mod monotonic_reads;
mod no_rows;
mod registry;
mod schedule;
mod shop;
mod soft_state;
mod state_machine;
