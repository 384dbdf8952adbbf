//! Fail and close: every request that waits on a connection is answered with code 1, so that clients need not wait for
//! their time-outs when the connection ends.
//!
//! Never: answers what the link itself asked, or what expects no answer.

use bytes::Bytes;
use paytwice_checkers::history::Deed;

use super::{Asked, RocketMq, What, reply};
use crate::remoting::{Frame as Remoting, codes};
use crate::wire::core::{Frame, FrameKind, Way};

/// What the answers say.
const REMARK: &str = "the broker failed (by the link)";

impl RocketMq {
    /// The answers to all that the client still waits for; `frame` itself, where it is an answer, is replaced by one.
    pub(super) fn failed(&mut self, way: Way, frame: &Frame) -> Vec<Frame> {
        let mut answers = Vec::new();
        if way == Way::Reply
            && let Ok(remoting) = Remoting::parse(frame.bytes.clone())
            && remoting.header.is_response()
        {
            // What was delivered in it is not: an answer that fails has no messages.
            let what = match (&frame.points[..], frame.kind) {
                ([point], FrameKind::Plain) => Some(&point.label),
                _ => None,
            };
            answers.push(answer(remoting.header.opaque, |raw| match what {
                Some(label) => Frame::named(raw, FrameKind::Plain, label.clone()),
                None => Frame::plain(raw, FrameKind::Plain),
            }));
        }
        let pending = std::mem::take(&mut self.pending[Way::Request as usize]);
        for (opaque, Asked { what, own }) in pending {
            if !own {
                answers.push(answer(opaque, |raw| match &what {
                    What::Named(label) | What::Route(Some(label)) => reply(raw, Some(label)),
                    What::Route(None) | What::Pull | What::Pop(_) | What::Other => reply(raw, None),
                }));
            }
        }
        answers
    }
}

fn answer(opaque: i32, frame: impl FnOnce(Bytes) -> Frame) -> Frame {
    let raw = Remoting::answer(codes::SYSTEM_ERROR, opaque, REMARK);
    frame(raw).did(Deed::Answered(codes::SYSTEM_ERROR.unsigned_abs()))
}
