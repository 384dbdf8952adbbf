//! The RocketMQ remoting protocol: its frames, the messages inside them, and a small client for administration.
//!
//! The codec serves the wire layer (which reads frames that are under way between others) and the client (which
//! talks to a broker itself, past every link). Never: panics on what a peer sent, or re-encodes a frame that was
//! not changed.

mod admin;
mod client;
mod codec;
pub mod codes;
mod counters;
mod loose;
mod message;

pub use admin::{Admin, BrokerRoute};
pub use client::{Client, RemotingError, Response};
pub use codec::{CodecError, FRAME_BYTES_MAX, Frame, FrameEnd, Header, Serialization, frame_end};
pub use counters::{Counters, halves_kept};
pub use loose::Loose;
pub use message::{Properties, Record, Records};

/// What tests of other modules make frames and messages with.
#[cfg(test)]
pub(crate) mod test_support {
    pub(crate) use super::codec::encode_binary;
    pub(crate) use super::message::test_record;
}
