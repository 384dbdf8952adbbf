//! The nouns of the wire layer: frames, the points they are, and what a protocol makes of bytes.
//!
//! Frames in, decision, frames out: a [`Session`] cuts bytes into frames and names them; the rules decide
//! (`rule.rs`); the session says which frames a decision means in its protocol. Nothing here does any I/O.
//! Never: holds bytes back that it could not name; those pass as they came.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use paytwice_checkers::history::{Deed, Outcome, Role, Wire};

use super::keys::Keys;
use super::{Direction, Duplicated, Redelivery, Refusal};

/// Takes the events of links. Called from the path of the bytes, by the one thread of the links of a run: an
/// implementation must not block.
///
/// An event is recorded once the last byte of its frame has been handed to the kernel, or when it is certain that it never
/// will be. Cause comes before effect: what a frame brings about on any link of the run is recorded after it. What others
/// record (an operation of a client) may come before the frame that it is due to.
pub trait WireSink: Send + Sync {
    /// Takes one event.
    fn record(&self, event: Wire);
}

/// One way through a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Way {
    /// From the party that connected.
    Request,
    /// To the party that connected.
    Reply,
}

impl Way {
    /// Both, in the order in which a connection looks after them.
    pub(super) const BOTH: [Way; 2] = [Way::Request, Way::Reply];

    /// The other way.
    pub(super) fn back(self) -> Way {
        match self {
            Way::Request => Way::Reply,
            Way::Reply => Way::Request,
        }
    }

    /// True when a rule of that direction means this way.
    pub(super) fn is_in(self, direction: Direction) -> bool {
        match direction {
            Direction::Both => true,
            Direction::Request => self == Way::Request,
            Direction::Reply => self == Way::Reply,
        }
    }
}

/// What rules may pick a frame by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameKind {
    /// Bytes of a protocol that is not parsed, or a part of something too large to be held together.
    Bytes,
    /// A whole frame that nothing special can be done to.
    Plain,
    /// A whole HTTP request.
    HttpRequest,
    /// A whole request that stores one message.
    Send,
    /// A whole answer that brings stored messages to a consumer.
    Delivery,
    /// Once it is through, everything behind it is TLS.
    StartTls,
}

impl FrameKind {
    /// True when this is what a duplicate rule asks for.
    pub(super) fn is(self, what: Duplicated) -> bool {
        match what {
            Duplicated::HttpRequest => self == FrameKind::HttpRequest,
            Duplicated::Send => self == FrameKind::Send,
            Duplicated::Delivery => self == FrameKind::Delivery,
        }
    }
}

/// A named thing that a frame is; one frame may be several (a pull answer with many messages).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Point {
    /// What it is called: `SEND topic_notifymsg request`.
    pub(super) label: Label,
    /// How many bytes it is.
    pub(super) bytes: usize,
    /// What an answer says came of its request.
    pub(super) outcome: Option<Outcome>,
    /// What was done to this point alone.
    pub(super) did: Option<Deed>,
}

/// What something is called, what it means, and whose it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Label {
    /// A name, with its way where it is a point's.
    pub(super) name: String,
    /// What it means in its protocol.
    pub(super) role: Role,
    /// Keys found in it.
    pub(super) keys: Keys,
}

impl Label {
    /// A label that means nothing more than it says.
    pub(super) fn plain(name: impl Into<String>, keys: Keys) -> Label {
        Label {
            name: name.into(),
            role: Role::Plain,
            keys,
        }
    }

    /// As the request of that name.
    pub(super) fn request(&self) -> Label {
        self.with_way("request")
    }

    /// As the reply to what has that name.
    pub(super) fn reply(&self) -> Label {
        self.with_way("reply")
    }

    fn with_way(&self, way: &str) -> Label {
        Label {
            name: [self.name.as_str(), " ", way].concat(),
            role: self.role,
            keys: self.keys.clone(),
        }
    }
}

/// What a link carries in one piece.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// Its bytes, as they will be forwarded.
    pub(super) bytes: Bytes,
    /// What rules may pick it by.
    pub(super) kind: FrameKind,
    /// What it is called; empty for what is not worth an event.
    pub(super) points: Vec<Point>,
    /// What was done to it so far.
    pub(super) did: Vec<Deed>,
    /// False for the answer to something that the link itself asked: it ends here.
    pub(super) forward: bool,
    /// The number of a request, from 1, where its session must be able to tell it from others; 0 otherwise.
    pub(super) asked: u64,
}

impl Frame {
    /// A frame without a name.
    pub(super) fn plain(bytes: Bytes, kind: FrameKind) -> Frame {
        Frame {
            bytes,
            kind,
            points: Vec::new(),
            did: Vec::new(),
            forward: true,
            asked: 0,
        }
    }

    /// A frame with one name.
    pub(super) fn named(bytes: Bytes, kind: FrameKind, label: Label) -> Frame {
        let point = Point {
            label,
            bytes: bytes.len(),
            outcome: None,
            did: None,
        };
        Frame {
            points: vec![point],
            ..Frame::plain(bytes, kind)
        }
    }

    /// Adds to what was done to it.
    pub(super) fn did(mut self, what: Deed) -> Frame {
        self.did.push(what);
        self
    }

    /// Says what came of the request that it answers.
    pub(super) fn told(mut self, outcome: Option<Outcome>) -> Frame {
        self.points.iter_mut().for_each(|point| point.outcome = outcome);
        self
    }
}

/// How something is to arrive again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Again {
    /// Decides where the protocol has a choice.
    pub(super) dice: u64,
    /// How often again.
    pub(super) copies: u32,
    /// Time between two arrivals.
    pub(super) after: Duration,
    /// The one way of a delivery; None: the die decides.
    pub(super) how: Option<Redelivery>,
    /// Which of the frame's points is meant; None: the die decides.
    pub(super) point: Option<usize>,
}

/// What a session makes of a frame that is to arrive twice.
#[derive(Debug)]
pub(super) enum Copied {
    /// It cannot, for this frame: the frame goes on as it is.
    No,
    /// This frame in its place makes it arrive twice.
    Whole(Frame),
    /// The first goes on in its place, the second right behind it.
    Behind(Frame, Frame),
    /// The first goes on in its place; the second is sent on a connection of its own and its answer dropped.
    Aside(Frame, Frame),
}

/// What a session makes of a request that is answered with an error in the server's place. The request is not passed on.
#[derive(Debug)]
pub(super) struct Refused {
    /// Goes to the party that asked.
    pub(super) answer: Frame,
    /// Goes on in the request's place, where the server must hear of it; its own answer ends here.
    pub(super) instead: Option<Frame>,
}

/// What a protocol remembers of one connection.
pub(super) trait Session: Send {
    /// Takes as many whole frames off the front of `buffer` as there are. Behind a frame of kind [`FrameKind::StartTls`] it
    /// takes nothing: what is left of the buffer belongs to a handshake.
    fn frames(&mut self, way: Way, buffer: &mut BytesMut, out: &mut Vec<Frame>);

    /// Whether a rule in force must see each message whole before the first byte of it passes. Without one, bytes pass as
    /// they come where the protocol can name them later.
    fn hold_whole(&mut self, whole: bool) {
        let _ = whole;
    }

    /// The frames that make `frame` arrive once more.
    fn duplicate(&mut self, way: Way, frame: Frame, again: &Again) -> Copied {
        let _ = (way, frame, again);
        Copied::No
    }

    /// Answers with an error everything that the client has asked and that was not answered before `frame`, which came
    /// from the last call of [`Session::frames`] and will not be passed on. None where the protocol has no such answer.
    fn fail_all(&mut self, way: Way, frame: &Frame) -> Option<Vec<Frame>> {
        let _ = (way, frame);
        None
    }

    /// Answers a request, which came from the last call of [`Session::frames`], with an error that its protocol allows; the
    /// caller does not pass it on then. None where it cannot: the request must be passed on.
    fn refuse(&mut self, frame: &Frame, error: Refusal) -> Option<Refused> {
        let _ = (frame, error);
        None
    }

    /// How many bytes passed that should have been frames of this protocol and were not.
    fn unparsed_bytes(&self) -> u64 {
        0
    }
}
