//! The RocketMQ remoting protocol: its frames, and the messages inside them.
//!
//! It serves the wire layer, which reads frames that are under way between others, and the client in
//! `dependency/rocketmq`, which talks to a broker itself, past every link. Never: panics on what a peer sent, re-encodes a
//! frame that was not changed, or does any I/O.

mod codec;
pub mod codes;
mod loose;
mod message;

pub use codec::{CodecError, FRAME_BYTES_MAX, Frame, FrameEnd, Header, Serialization, frame_end};
pub use loose::Loose;
pub use message::{Batched, Compression, Properties, Record, Records, batch};

/// What tests of other modules make frames and messages with.
#[cfg(test)]
pub(crate) mod test_support {
    pub(crate) use super::codec::encode_binary;
    pub(crate) use super::message::{test_batch, test_record, test_record_with};
}
