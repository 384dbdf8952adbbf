//! HTTP/1.1: a frame is a request or an answer, whole where a rule needs it so and it is not too large to be held together.
//!
//! Without such a rule bytes pass as they come, and the name of a message that has come in pieces stands on the last. What is
//! large, or streamed, passes piece by piece behind its head. HTTP/2, upgrades, tunnels and broken bytes pass as bytes and
//! are counted. Never: changes a byte, or names anything but method and path.

mod body;
mod refuse;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::mem::MaybeUninit;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use paytwice_checkers::history::{Again as How, Deed, Outcome};

use self::body::{Body, Chunk, Coding, dechunk};
use super::Terms;
use crate::wire::Refusal;
use crate::wire::core::{Again, Copied, Frame, FrameKind, Label, Refused, Session, Way};
use crate::wire::correlation::Found;
use crate::wire::keys::Keys;

/// Longer messages pass piece by piece.
const WHOLE_BYTES_MAX: usize = 256 << 10;
/// A longer head is no HTTP.
const HEAD_BYTES_MAX: usize = 64 << 10;
const HEADERS_MAX: usize = 128;
/// More requests than this without an answer are no HTTP.
const UNANSWERED_MAX: usize = 1024;

/// What a connection carries.
pub(super) struct Http {
    terms: Arc<Terms>,
    ways: [State; 2],
    /// A rule must see messages whole.
    whole: bool,
    unanswered: VecDeque<Asked>,
    requests: u64,
    unparsed_bytes: u64,
}

/// A request that waits for its answer.
struct Asked {
    /// Its number among the requests of the connection.
    number: u64,
    /// Method and path, with what was found in it.
    label: Label,
    /// Its answer has no body whatever its head says.
    head_only: bool,
    /// It asks for a tunnel.
    connect: bool,
}

/// Where one way stands.
enum State {
    /// Before a head.
    Head,
    /// In a message that is held together: its head has so many bytes, so many are scanned.
    Whole {
        message: Message,
        body: Body,
        scanned: usize,
    },
    /// In a message whose head has gone on, named or without a name.
    Pieces(Body),
    /// In a message that passes as it comes, to be named at its end; what was kept of it for that is empty once it is too
    /// much.
    Streamed {
        message: Message,
        body: Body,
        kept: Vec<u8>,
        bytes: usize,
    },
    /// No HTTP (any more).
    Bytes,
}

/// What a head says.
struct Message {
    /// What it is called, with its way. Keys stand in `found`.
    name: String,
    found: Found,
    outcome: Option<Outcome>,
    head_bytes: usize,
    chunked: bool,
    json: bool,
    coding: Coding,
    /// The request itself, when this is one, until it waits for its answer.
    asked: Option<Asked>,
    /// Its number, from then on.
    number: u64,
}

/// A head that was read.
struct Head {
    message: Message,
    body: Body,
    /// Whether the head must go on before its body has come.
    at_once: bool,
    /// What follows is no HTTP any more, both ways.
    tunnel: bool,
}

/// What came of trying to read a head.
enum Reading {
    More,
    Broken,
    Head(Box<Head>),
    /// An answer before the answer (100, 103): so many bytes.
    Interim(usize),
}

impl Http {
    pub(super) fn new(terms: Arc<Terms>) -> Http {
        Http {
            terms,
            ways: [State::Head, State::Head],
            whole: true,
            unanswered: VecDeque::new(),
            requests: 0,
            unparsed_bytes: 0,
        }
    }

    /// Takes one step; false when more bytes are needed.
    fn step(&mut self, way: Way, buffer: &mut BytesMut, out: &mut Vec<Frame>) -> bool {
        if buffer.is_empty() {
            return false;
        }
        match std::mem::replace(&mut self.ways[way as usize], State::Head) {
            State::Head => self.begin(way, buffer, out),
            State::Whole { message, body, scanned } => self.hold(way, message, body, scanned, buffer, out),
            State::Pieces(body) => self.piece(way, body, buffer, out),
            State::Streamed {
                message,
                body,
                kept,
                bytes,
            } => self.stream(way, message, body, kept, bytes, buffer, out),
            State::Bytes => {
                self.ways[way as usize] = State::Bytes;
                self.unparsed_bytes += buffer.len() as u64;
                out.push(Frame::plain(buffer.split().freeze(), FrameKind::Bytes));
                false
            }
        }
    }

    fn begin(&mut self, way: Way, buffer: &mut BytesMut, out: &mut Vec<Frame>) -> bool {
        let reading = match way {
            Way::Request => self.read_request(buffer),
            Way::Reply => self.read_answer(buffer),
        };
        match reading {
            Reading::More => false,
            Reading::Broken => {
                self.ways = [State::Bytes, State::Bytes];
                true
            }
            Reading::Interim(bytes) => {
                out.push(Frame::plain(buffer.split_to(bytes).freeze(), FrameKind::Plain));
                true
            }
            Reading::Head(head) => {
                let Head {
                    mut message,
                    body,
                    at_once,
                    tunnel,
                } = *head;
                if at_once {
                    let bytes = buffer.split_to(message.head_bytes).freeze();
                    self.leave_unread(&mut message);
                    let frame = self.named(bytes, FrameKind::Plain, message);
                    out.push(frame);
                    self.ways[way as usize] = State::Pieces(body);
                    if body == Body::Sized(0) {
                        self.ways[way as usize] = State::Head;
                    }
                } else {
                    // A message without a body is whole although nothing follows its head.
                    let scanned = message.head_bytes;
                    self.hold(way, message, body, scanned, buffer, out);
                }
                if tunnel {
                    self.ways = [State::Bytes, State::Bytes];
                }
                true
            }
        }
    }

    fn hold(
        &mut self,
        way: Way,
        mut message: Message,
        mut body: Body,
        scanned: usize,
        buffer: &mut BytesMut,
        out: &mut Vec<Frame>,
    ) -> bool {
        let Ok((taken, ended)) = body.scan(&buffer[scanned..]) else {
            self.ways = [State::Bytes, State::Bytes];
            return true;
        };
        let scanned = scanned + taken;
        if !ended && !self.whole {
            let kept = buffer[..scanned].to_vec();
            self.wait_for_answer(&mut message);
            out.push(Frame::plain(buffer.split_to(scanned).freeze(), FrameKind::Bytes));
            let bytes = scanned;
            self.ways[way as usize] = State::Streamed {
                message,
                body,
                kept,
                bytes,
            };
            return true;
        }
        if !ended && scanned <= WHOLE_BYTES_MAX {
            self.ways[way as usize] = State::Whole { message, body, scanned };
            return false;
        }
        let bytes = buffer.split_to(scanned).freeze();
        if ended {
            self.find_keys(&mut message, &bytes);
        } else {
            self.leave_unread(&mut message);
            self.ways[way as usize] = State::Pieces(body);
        }
        let kind = match way {
            Way::Request if ended => FrameKind::HttpRequest,
            _ => FrameKind::Plain,
        };
        let mut frame = self.named(bytes, kind, message);
        if kind == FrameKind::HttpRequest {
            frame.asked = self.requests;
        }
        out.push(frame);
        true
    }

    fn piece(&mut self, way: Way, mut body: Body, buffer: &mut BytesMut, out: &mut Vec<Frame>) -> bool {
        let Ok((taken, ended)) = body.scan(buffer) else {
            self.ways = [State::Bytes, State::Bytes];
            return true;
        };
        if taken > 0 {
            out.push(Frame::plain(buffer.split_to(taken).freeze(), FrameKind::Bytes));
        }
        if !ended {
            self.ways[way as usize] = State::Pieces(body);
        }
        true
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of the state that it takes over")]
    fn stream(
        &mut self,
        way: Way,
        mut message: Message,
        mut body: Body,
        mut kept: Vec<u8>,
        bytes: usize,
        buffer: &mut BytesMut,
        out: &mut Vec<Frame>,
    ) -> bool {
        let Ok((taken, ended)) = body.scan(buffer) else {
            self.ways = [State::Bytes, State::Bytes];
            return true;
        };
        let bytes = bytes + taken;
        let piece = buffer.split_to(taken).freeze();
        // Empty from the piece on that is too much.
        let is_kept = !kept.is_empty() && bytes <= WHOLE_BYTES_MAX;
        match is_kept {
            true => kept.extend_from_slice(&piece),
            false => kept = Vec::new(),
        }
        if !ended {
            out.push(Frame::plain(piece, FrameKind::Bytes));
            self.ways[way as usize] = State::Streamed {
                message,
                body,
                kept,
                bytes,
            };
            return true;
        }
        match is_kept {
            true => self.find_keys(&mut message, &kept),
            false => self.leave_unread(&mut message),
        }
        let mut frame = self.named(piece, FrameKind::Bytes, message);
        frame.points.iter_mut().for_each(|point| point.bytes = bytes);
        out.push(frame);
        true
    }

    /// The frame of a message. A request waits for its answer from here on, with what is known of it.
    fn named(&mut self, bytes: Bytes, kind: FrameKind, mut message: Message) -> Frame {
        self.wait_for_answer(&mut message);
        let Found { keys, could } = message.found;
        self.terms.finder.count(&keys, &could);
        let waits = self.unanswered.iter_mut().find(|asked| asked.number == message.number);
        if let Some(asked) = waits {
            asked.label.keys = keys.clone();
        }
        Frame::named(bytes, kind, Label::plain(message.name, keys)).told(message.outcome)
    }

    /// A request whose first byte passes waits for its answer, which may come before its last.
    fn wait_for_answer(&mut self, message: &mut Message) {
        if let Some(mut asked) = message.asked.take() {
            self.requests += 1;
            message.number = self.requests;
            asked.number = self.requests;
            asked.label.keys = message.found.keys.clone();
            self.unanswered.push_back(asked);
        }
    }

    fn find_keys(&self, message: &mut Message, bytes: &[u8]) {
        let body = &bytes[message.head_bytes..];
        let body = match message.chunked {
            true => Cow::Owned(dechunk(body)),
            false => Cow::Borrowed(body),
        };
        match message.coding.plain(&body) {
            Some(plain) => self.terms.finder.http_body(&plain, &mut message.found),
            None => self.leave_unread(message),
        }
    }

    /// The body is not looked at: where keys could stand in it, they were not found.
    fn leave_unread(&self, message: &mut Message) {
        if message.json || message.coding != Coding::Identity {
            self.terms.finder.http_unread(&mut message.found);
        }
    }

    fn read_request(&self, buffer: &[u8]) -> Reading {
        let mut headers = [const { MaybeUninit::uninit() }; HEADERS_MAX];
        let mut request = httparse::Request::new(&mut []);
        let head_bytes = match request.parse_with_uninit_headers(buffer, &mut headers) {
            Ok(httparse::Status::Complete(bytes)) => bytes,
            Ok(httparse::Status::Partial) if buffer.len() < HEAD_BYTES_MAX => return Reading::More,
            _ => return Reading::Broken,
        };
        let (Some(method), Some(target)) = (request.method, request.path) else {
            return Reading::Broken;
        };
        if request.version != Some(1) && request.version != Some(0) || self.unanswered.len() >= UNANSWERED_MAX {
            return Reading::Broken;
        }
        let Ok(framing) = Framing::read(request.headers) else {
            return Reading::Broken;
        };
        let mut found = Found::default();
        let path = self.terms.finder.http_path(target, &mut found);
        let label = Label::plain([method, " ", path].concat(), Keys::default());
        self.terms
            .finder
            .http_headers(|name| value_of(request.headers, name), &mut found);
        let connect = method == "CONNECT";
        let name = label.request().name;
        let asked = Asked {
            number: 0,
            label,
            head_only: method == "HEAD",
            connect,
        };
        Reading::Head(Box::new(Head {
            message: Message {
                name,
                found,
                outcome: None,
                head_bytes,
                chunked: framing.chunked,
                json: framing.json,
                coding: framing.coding,
                asked: Some(asked),
                number: 0,
            },
            body: framing.body(Body::Sized(0)),
            at_once: framing.expects,
            tunnel: false,
        }))
    }

    fn read_answer(&mut self, buffer: &[u8]) -> Reading {
        let mut headers = [const { MaybeUninit::uninit() }; HEADERS_MAX];
        let mut answer = httparse::Response::new(&mut []);
        let parser = httparse::ParserConfig::default();
        let head_bytes = match parser.parse_response_with_uninit_headers(&mut answer, buffer, &mut headers) {
            Ok(httparse::Status::Complete(bytes)) => bytes,
            Ok(httparse::Status::Partial) if buffer.len() < HEAD_BYTES_MAX => return Reading::More,
            _ => return Reading::Broken,
        };
        let status = answer.code.unwrap_or_default();
        if matches!(status, 100 | 102..=199) {
            return Reading::Interim(head_bytes);
        }
        let (Ok(framing), Some(asked)) = (Framing::read(answer.headers), self.unanswered.pop_front()) else {
            return Reading::Broken;
        };
        // What was asked about is answered.
        let Label { name, keys, .. } = asked.label.reply();
        let mut found = Found {
            keys,
            ..Found::default()
        };
        self.terms
            .finder
            .http_headers(|name| value_of(answer.headers, name), &mut found);
        let tunnel = status == 101 || asked.connect && (200..300).contains(&status);
        let bodiless = tunnel || asked.head_only || matches!(status, 204 | 304);
        let body = if bodiless {
            Body::Sized(0)
        } else {
            framing.body(Body::ToEnd)
        };
        let streamed = body == Body::ToEnd || framing.chunked && !framing.json;
        Reading::Head(Box::new(Head {
            message: Message {
                name,
                found,
                outcome: Some(Outcome::Status(status)),
                head_bytes,
                chunked: framing.chunked,
                json: framing.json,
                coding: framing.coding,
                asked: None,
                number: 0,
            },
            body,
            at_once: streamed && !bodiless,
            tunnel,
        }))
    }
}

impl Session for Http {
    fn frames(&mut self, way: Way, buffer: &mut BytesMut, out: &mut Vec<Frame>) {
        while self.step(way, buffer, out) {}
    }

    fn hold_whole(&mut self, whole: bool) {
        self.whole = whole;
    }

    fn duplicate(&mut self, _: Way, frame: Frame, _: &Again) -> Copied {
        let copy = frame.clone().did(Deed::Copy);
        Copied::Aside(frame.did(Deed::Duplicated(How::Frame)), copy)
    }

    fn refuse(&mut self, frame: &Frame, error: Refusal) -> Option<Refused> {
        self.refused(frame, error)
    }

    fn unparsed_bytes(&self) -> u64 {
        self.unparsed_bytes
    }
}

/// The value of the first header of that name.
fn value_of<'a>(headers: &[httparse::Header<'a>], name: &str) -> Option<&'a str> {
    let header = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
    std::str::from_utf8(header.value).ok().map(str::trim)
}

/// What the headers say about the body.
#[derive(Default)]
struct Framing {
    length: Option<u64>,
    chunked: bool,
    json: bool,
    coding: Coding,
    expects: bool,
}

impl Framing {
    /// An error where the headers contradict each other: two parties might then see different bodies.
    fn read(headers: &[httparse::Header<'_>]) -> Result<Framing, body::Broken> {
        let mut framing = Framing::default();
        for header in headers {
            let value = || std::str::from_utf8(header.value).unwrap_or_default().trim();
            let is = |name: &str| header.name.eq_ignore_ascii_case(name);
            if is("content-length") {
                let length = value().parse().map_err(|_| body::Broken)?;
                if framing.length.replace(length).is_some_and(|other| other != length) {
                    return Err(body::Broken);
                }
            } else if is("transfer-encoding") {
                framing.chunked = value()
                    .rsplit(',')
                    .next()
                    .is_some_and(|v| v.trim().eq_ignore_ascii_case("chunked"));
            } else if is("content-encoding") {
                framing.coding = Coding::named(value());
            } else if is("content-type") {
                framing.json = is_json(value());
            } else if is("expect") {
                framing.expects = value().eq_ignore_ascii_case("100-continue");
            }
        }
        match framing.chunked && framing.length.is_some() {
            true => Err(body::Broken),
            false => Ok(framing),
        }
    }

    fn body(&self, otherwise: Body) -> Body {
        match (self.chunked, self.length) {
            (true, _) => Body::Chunked(Chunk::START),
            (false, Some(length)) => Body::Sized(length),
            (false, None) => otherwise,
        }
    }
}

/// `application/json`, and what is written in it: `application/problem+json`.
fn is_json(content_type: &str) -> bool {
    let kind = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    kind == "application/json" || kind.ends_with("+json")
}

#[cfg(test)]
mod tests;
