//! The wire layer: every link of a run goes through a proxy of the harness.
//!
//! A [`Link`] listens where a service looks for its dependency and passes everything on. Its protocol cuts the
//! bytes into frames; the [`Rule`]s in force decide about each frame; the protocol turns frame and decision into
//! frames again. What crossed goes to the [`WireSink`]. All links of a run share one thread.
//!
//! ```text
//! client <-> leg of a link <-> connection:  bytes -> session -> frames -> decision -> frames -> lane -> bytes
//! ```
//!
//! Never: binds any address but those it was given, changes a byte on a passing link (but for the addresses in
//! answers that tell where servers are, and the encryption that a server's greeting offers, where the link does not end
//! it), buffers without a bound, or lets a credential out of a frame.

mod active;
mod between;
mod connection;
mod core;
mod correlation;
mod gate;
mod keys;
mod lane;
mod link;
mod place;
mod point;
mod protocol;
mod question;
mod rule;
mod socket;
mod stream;
mod thread;
mod tls;
mod vocabulary;

pub use active::{Fired, HealedRule, RuleGuard, RuleStats};
pub use between::Between;
pub use core::WireSink;
pub use correlation::{Correlation, KeyStats, Tables};
pub use gate::{Gate, Gates};
pub use link::{LegSpec, Link, LinkSpec, LinkStats, WireError};
pub use place::Place;
pub use point::PointDef;
pub(crate) use protocol::BROKER_LEG;
pub use protocol::{Protocol, Refusal, UnknownRefusal};
pub use question::{Ask, Connecting, Greeting, HttpGet, LinkProbe};
pub use rule::{Action, At, Rule};
pub use tls::{Authority, Tls, TlsError};
pub use vocabulary::{Direction, Duplicated, Moment, Redelivery, WireDetail};
