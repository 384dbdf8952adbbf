//! RocketMQ remoting: requests, answers and what the broker asks for itself, paired by their opaque.
//!
//! Route answers are rewritten so that clients come back through the link. Everything else passes verbatim unless a
//! rule duplicates it. Never: forwards an answer to what the link itself asked, or changes an offset that a
//! client would commit past a message it has not seen.

mod duplicate;
mod fail;
mod memory;
mod points;
mod refuse;
mod route;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use paytwice_checkers::history::{Deed, Outcome};

pub(super) use self::memory::Memory;
use super::Terms;
use crate::remoting::{Frame as Remoting, FrameEnd, codes, frame_end};
use crate::wire::Refusal;
use crate::wire::core::{Again, Copied, Frame, FrameKind, Label, Refused, Session, Way};

/// Longer frames pass in pieces, without a name.
const WHOLE_BYTES_MAX: usize = 8 << 20;
/// Requests that wait for their answer, per way; the oldest are forgotten beyond this.
const PENDING_MAX: usize = 4096;
/// Opaques from here on are the link's own.
const OWN_OPAQUE: i32 = 0x6000_0000;

/// What a connection carries.
pub(super) struct RocketMq {
    terms: Arc<Terms>,
    ways: [State; 2],
    pending: [BTreeMap<i32, Asked>; 2],
    next_own_opaque: i32,
    unparsed_bytes: u64,
}

/// Where one way stands.
enum State {
    Frames,
    /// In a frame that is too long to be held together: so many bytes to go.
    Pieces(usize),
    /// No remoting frames (any more).
    Bytes,
}

/// A request that waits for its answer.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    what: What,
    /// The link asked, not the client.
    own: bool,
}

/// What was asked.
#[derive(Clone, Debug)]
enum What {
    /// Something with a name, which its answer shares: a message is to be stored, given back, or acknowledged.
    Named(Label),
    /// Messages of a topic and queue.
    Pull,
    /// Messages that are hidden from others, for this group.
    Pop(String),
    /// Where to find brokers: what is asked, if it is about one topic.
    Route(Option<Label>),
    /// Anything else.
    Other,
}

impl RocketMq {
    pub(super) fn new(terms: Arc<Terms>) -> RocketMq {
        RocketMq {
            terms,
            ways: [State::Frames, State::Frames],
            pending: Default::default(),
            next_own_opaque: OWN_OPAQUE,
            unparsed_bytes: 0,
        }
    }

    /// Takes one step; false when more bytes are needed.
    fn step(&mut self, way: Way, buffer: &mut BytesMut, out: &mut Vec<Frame>) -> bool {
        if buffer.is_empty() {
            return false;
        }
        match self.ways[way as usize] {
            State::Frames => match frame_end(buffer) {
                FrameEnd::At(end) if end > WHOLE_BYTES_MAX => self.ways[way as usize] = State::Pieces(end),
                FrameEnd::At(end) if end <= buffer.len() => {
                    let raw = buffer.split_to(end).freeze();
                    out.push(self.frame(way, raw));
                }
                FrameEnd::At(_) | FrameEnd::Unknown => return false,
                FrameEnd::Broken => self.ways[way as usize] = State::Bytes,
            },
            State::Pieces(left) => {
                let bytes = buffer.split_to(left.min(buffer.len())).freeze();
                self.ways[way as usize] = match left - bytes.len() {
                    0 => State::Frames,
                    left => State::Pieces(left),
                };
                self.unparsed_bytes += bytes.len() as u64;
                out.push(Frame::plain(bytes, FrameKind::Bytes));
            }
            State::Bytes => {
                self.unparsed_bytes += buffer.len() as u64;
                out.push(Frame::plain(buffer.split().freeze(), FrameKind::Bytes));
            }
        }
        true
    }

    fn frame(&mut self, way: Way, raw: Bytes) -> Frame {
        let Ok(remoting) = Remoting::parse(raw.clone()) else {
            self.unparsed_bytes += raw.len() as u64;
            return Frame::plain(raw, FrameKind::Bytes);
        };
        if remoting.header.is_response() {
            let asked = self.pending[way.back() as usize].remove(&remoting.header.opaque);
            return self.answer(&remoting, asked);
        }
        let (frame, what) = points::request(&self.terms, &remoting);
        if !remoting.header.is_oneway() {
            self.ask(way, remoting.header.opaque, Asked { what, own: false });
        }
        frame
    }

    fn answer(&self, remoting: &Remoting, asked: Option<Asked>) -> Frame {
        let raw = remoting.raw().clone();
        let Some(Asked { what, own }) = asked else {
            return Frame::plain(raw, FrameKind::Plain);
        };
        let mut frame = match what {
            What::Named(label) => reply(raw, Some(&label)).told(outcome(remoting)),
            What::Route(label) => reply(self.rerouted(remoting), label.as_ref()).told(outcome(remoting)),
            What::Pull if remoting.header.code == codes::SUCCESS => points::delivery(&self.terms, remoting),
            What::Pop(group) if remoting.header.code == codes::SUCCESS => points::popped(&self.terms, remoting, &group),
            What::Pull | What::Pop(_) | What::Other => Frame::plain(raw, FrameKind::Plain),
        };
        if own {
            frame.forward = false;
            frame = frame.did(Deed::CopyAnswer);
        }
        frame
    }

    fn rerouted(&self, remoting: &Remoting) -> Bytes {
        let advertise = self.terms.advertise.filter(|_| remoting.header.code == codes::SUCCESS);
        let body = advertise.and_then(|advertise| route::rewrite(remoting.body(), advertise));
        body.map_or_else(|| remoting.raw().clone(), |body| remoting.with_body(&body))
    }

    fn ask(&mut self, way: Way, opaque: i32, asked: Asked) {
        let pending = &mut self.pending[way as usize];
        pending.insert(opaque, asked);
        if pending.len() > PENDING_MAX {
            pending.pop_first();
        }
    }

    fn own_opaque(&mut self) -> i32 {
        let opaque = self.next_own_opaque;
        self.next_own_opaque = opaque.checked_add(1).unwrap_or(OWN_OPAQUE);
        opaque
    }
}

/// The answer to what has this name, if it has one.
fn reply(raw: Bytes, asked: Option<&Label>) -> Frame {
    match asked {
        Some(label) => Frame::named(raw, FrameKind::Plain, label.reply()),
        None => Frame::plain(raw, FrameKind::Plain),
    }
}

/// The error that an answer reports.
fn outcome(remoting: &Remoting) -> Option<Outcome> {
    let code = u32::try_from(remoting.header.code).ok()?;
    (remoting.header.code != codes::SUCCESS).then_some(Outcome::Error(code))
}

impl Session for RocketMq {
    fn frames(&mut self, way: Way, buffer: &mut BytesMut, out: &mut Vec<Frame>) {
        while self.step(way, buffer, out) {}
    }

    fn duplicate(&mut self, way: Way, frame: Frame, again: &Again) -> Copied {
        match frame.kind {
            FrameKind::Send => self.send_again(way, frame),
            FrameKind::Delivery => duplicate::deliver_again(&self.terms, &frame, again),
            _ => Copied::No,
        }
    }

    fn fail_all(&mut self, way: Way, frame: &Frame) -> Option<Vec<Frame>> {
        Some(self.failed(way, frame))
    }

    fn refuse(&mut self, frame: &Frame, error: Refusal) -> Option<Refused> {
        self.refused(frame, error)
    }

    fn unparsed_bytes(&self) -> u64 {
        self.unparsed_bytes
    }
}

#[cfg(test)]
mod tests;
