//! Raw TCP: a frame is what one read brought.

use bytes::BytesMut;

use crate::wire::core::{Frame, FrameKind, Session, Way};

/// Passes bytes.
pub(super) struct Bytewise;

impl Session for Bytewise {
    fn frames(&mut self, _: Way, buffer: &mut BytesMut, out: &mut Vec<Frame>) {
        if !buffer.is_empty() {
            out.push(Frame::plain(buffer.split().freeze(), FrameKind::Bytes));
        }
    }
}
