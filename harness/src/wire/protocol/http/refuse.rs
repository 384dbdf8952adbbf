//! The answer of a server that cannot serve now, in its place.
//!
//! Its length is given and the connection stays open, whatever the request asks for: the server never saw it. Never:
//! answers before what was asked earlier is answered, or a request that is not whole.

use paytwice_checkers::history::Deed;

use super::{Http, State};
use crate::wire::Refusal;
use crate::wire::core::{Frame, FrameKind, Refused, Way};

const BODY: &str = "Service Unavailable\n";

impl Http {
    pub(super) fn refused(&mut self, frame: &Frame, error: Refusal) -> Option<Refused> {
        let quiet = matches!(self.ways[Way::Reply as usize], State::Head);
        if error != Refusal::ServiceUnavailable || frame.kind != FrameKind::HttpRequest || !quiet {
            return None;
        }
        let is_first = |asked: &super::Asked| asked.number == frame.asked;
        let asked = self.unanswered.pop_front_if(|asked| is_first(asked))?;
        let body = if asked.head_only { "" } else { BODY };
        let answer = format!(
            "HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\ncontent-length: {}\r\nconnection: \
             keep-alive\r\n\r\n{body}",
            BODY.len()
        );
        let answer = Frame::named(answer.into(), FrameKind::Plain, asked.label.reply());
        Some(Refused {
            answer: answer.did(Deed::Answered(503)),
            instead: None,
        })
    }
}
