//! Answers in a broker's or name server's place: too busy, shutting down, no such route.
//!
//! Producers take the first two as the word of a broker that has stored nothing, and try again at once. Never: answers a
//! request that expects no answer.

use paytwice_checkers::history::Deed;

use super::{RocketMq, What, reply};
use crate::remoting::{Frame as Remoting, codes};
use crate::wire::Refusal;
use crate::wire::core::{Frame, Refused, Way};

impl RocketMq {
    pub(super) fn refused(&mut self, frame: &Frame, error: Refusal) -> Option<Refused> {
        let remoting = Remoting::parse(frame.bytes.clone()).ok()?;
        let header = &remoting.header;
        let send = codes::is_send(header.code) || header.code == codes::SEND_BATCH_MESSAGE;
        let (code, remark) = match error {
            Refusal::SystemBusy if send => (
                codes::SYSTEM_BUSY,
                "[REJECTREQUEST]system busy, start flow control for a while",
            ),
            Refusal::ServiceUnavailable if send => (codes::SERVICE_NOT_AVAILABLE, "service not available now"),
            Refusal::NoRoute if header.code == codes::GET_ROUTEINFO_BY_TOPIC => (
                codes::TOPIC_NOT_EXIST,
                "No topic route info in name server for the topic",
            ),
            _ => return None,
        };
        if header.is_response() || header.is_oneway() {
            return None;
        }
        let asked = self.pending[Way::Request as usize].remove(&header.opaque)?;
        let raw = Remoting::answer(code, header.opaque, remark);
        let answer = match asked.what {
            What::Named(label) | What::Route(Some(label)) => reply(raw, Some(&label)),
            What::Route(None) | What::Pull | What::Pop(_) | What::Other => reply(raw, None),
        };
        Some(Refused {
            answer: answer.did(Deed::Answered(code.unsigned_abs())),
            instead: None,
        })
    }
}
