//! What the sample services share: start-up, configuration, money, database and broker access.
//!
//! These are ordinary services. They are configured by environment variables, log JSON lines on
//! stdout, stop gracefully on SIGTERM and SIGINT, and outlive the absence of their dependencies.
//! Every decision that a team could take wrongly is a [`policy`](mod@policy): an enum with one correct value,
//! its default.

pub mod bridge;
pub mod broker;
pub mod config;
pub mod database;
pub mod http;
pub mod ids;
pub mod late;
pub mod message;
pub mod money;
pub mod policy;
pub mod retry;
pub mod service;
