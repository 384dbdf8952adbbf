//! HTTP/1.1: a frame is a request or an answer, whole where it is not too large to be held together.
//!
//! What is large, or streamed, passes piece by piece behind its head. HTTP/2, upgrades, tunnels and broken bytes
//! pass as bytes. Never: changes a byte, or names anything but method and path.

mod body;
mod refuse;

use std::collections::VecDeque;
use std::mem::MaybeUninit;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use paytwice_checkers::history::{Again as How, Deed, Outcome};

use self::body::{Body, Chunk, dechunk};
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
    /// In a message whose head has gone on.
    Pieces(Body),
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
    /// The request itself, when this is one.
    asked: Option<Asked>,
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
    Head(Head),
    /// An answer before the answer (100, 103): so many bytes.
    Interim(usize),
}

impl Http {
    pub(super) fn new(terms: Arc<Terms>) -> Http {
        Http {
            terms,
            ways: [State::Head, State::Head],
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
            State::Bytes => {
                self.ways[way as usize] = State::Bytes;
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
                self.unparsed_bytes += buffer.len() as u64;
                self.ways = [State::Bytes, State::Bytes];
                true
            }
            Reading::Interim(bytes) => {
                out.push(Frame::plain(buffer.split_to(bytes).freeze(), FrameKind::Plain));
                true
            }
            Reading::Head(head) => {
                let Head {
                    message,
                    body,
                    at_once,
                    tunnel,
                } = head;
                if at_once {
                    let bytes = buffer.split_to(message.head_bytes).freeze();
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
            self.unparsed_bytes += buffer.len() as u64;
            self.ways = [State::Bytes, State::Bytes];
            return true;
        };
        let scanned = scanned + taken;
        if !ended && scanned <= WHOLE_BYTES_MAX {
            self.ways[way as usize] = State::Whole { message, body, scanned };
            return false;
        }
        let bytes = buffer.split_to(scanned).freeze();
        if ended {
            self.find_keys(&mut message, &bytes);
        } else {
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
            self.unparsed_bytes += buffer.len() as u64;
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

    /// The frame of a message. A request waits for its answer from here on, with what is known of it.
    fn named(&mut self, bytes: Bytes, kind: FrameKind, message: Message) -> Frame {
        let Found { keys, could } = message.found;
        self.terms.finder.count(&keys, &could);
        if let Some(mut asked) = message.asked {
            self.requests += 1;
            asked.number = self.requests;
            asked.label.keys = keys.clone();
            self.unanswered.push_back(asked);
        }
        Frame::named(bytes, kind, Label::plain(message.name, keys)).told(message.outcome)
    }

    fn find_keys(&self, message: &mut Message, bytes: &Bytes) {
        let body = &bytes[message.head_bytes..];
        match message.chunked {
            true => self.terms.finder.http_body(&dechunk(body), &mut message.found),
            false => self.terms.finder.http_body(body, &mut message.found),
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
        Reading::Head(Head {
            message: Message {
                name,
                found,
                outcome: None,
                head_bytes,
                chunked: framing.chunked,
                asked: Some(asked),
            },
            body: framing.body(Body::Sized(0)),
            at_once: framing.expects,
            tunnel: false,
        })
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
        Reading::Head(Head {
            message: Message {
                name,
                found,
                outcome: Some(Outcome::Status(status)),
                head_bytes,
                chunked: framing.chunked,
                asked: None,
            },
            body,
            at_once: streamed && !bodiless,
            tunnel,
        })
    }
}

impl Session for Http {
    fn frames(&mut self, way: Way, buffer: &mut BytesMut, out: &mut Vec<Frame>) {
        while self.step(way, buffer, out) {}
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
            } else if is("content-type") {
                framing.json = value().to_ascii_lowercase().starts_with("application/json");
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

#[cfg(test)]
mod tests;
