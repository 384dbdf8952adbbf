//! Conversations written by hand, byte for byte.

mod handshake;
mod names;
mod refusals;
mod replies;
mod splits;
mod transactions;

use super::charset::Dialect;
use super::packet::packet;
use super::*;
use crate::wire::correlation::Correlation;

/// What both parties can do in most tests: the protocol of today, results that end with EOF packets.
const PLAIN: u32 = 1 << 9 | 1 << 15 | 1 << 19;
const DEPRECATE_EOF: u32 = 1 << 24;
const OPTIONAL_METADATA: u32 = 1 << 25;
const QUERY_ATTRIBUTES: u32 = 1 << 27;

const AUTOCOMMIT: u16 = 2;
const IN_TRANSACTION: u16 = 1;
const MORE_RESULTS: u16 = 8;
const CURSOR_EXISTS: u16 = 64;

fn session(ends_tls: bool) -> MySql {
    MySql::new(Arc::new(Terms::new(correlation(), None)), ends_tls)
}

fn correlation() -> Correlation {
    let places = ["sql:account_pay.id", "sql:de_duplication.tx_no"];
    Correlation::default().with_key("tx", &places).unwrap()
}

/// A session, and what has not been taken of what was fed to it.
struct Talk {
    session: MySql,
    buffers: [BytesMut; 2],
}

impl Talk {
    fn new() -> Talk {
        Talk::on(session(false))
    }

    fn on(session: MySql) -> Talk {
        Talk {
            session,
            buffers: Default::default(),
        }
    }

    /// A connection that is logged in.
    fn open(capabilities: u32) -> Talk {
        let mut talk = Talk::new();
        talk.server(&greeting(capabilities));
        talk.client(&login(capabilities));
        let reply = talk.server(&ok(2, AUTOCOMMIT));
        assert_eq!(names(&reply), ["CONNECT reply"]);
        talk
    }

    fn feed(&mut self, way: Way, bytes: &[u8]) -> Vec<Frame> {
        let mut out = Vec::new();
        self.buffers[way as usize].extend_from_slice(bytes);
        self.session.frames(way, &mut self.buffers[way as usize], &mut out);
        out
    }

    fn client(&mut self, bytes: &[u8]) -> Vec<Frame> {
        self.feed(Way::Request, bytes)
    }

    fn server(&mut self, bytes: &[u8]) -> Vec<Frame> {
        self.feed(Way::Reply, bytes)
    }

    /// A command and its reply, each of which must be one frame: both names.
    fn exchange(&mut self, command: &[u8], reply: &[Vec<u8>]) -> Vec<String> {
        let (asked, replied) = (self.client(command), self.server(&reply.concat()));
        assert_eq!((asked.len(), replied.len()), (1, 1), "{asked:?} {replied:?}");
        assert_eq!(self.session.unparsed_bytes(), 0);
        [names(&asked), names(&replied)].concat()
    }
}

/// The points of frames with their keys, `-` for a frame without a name.
fn names(frames: &[Frame]) -> Vec<String> {
    let name = |frame: &Frame| match &frame.points[..] {
        [] => "-".to_owned(),
        [point] if point.label.keys.is_empty() => point.label.name.clone(),
        [point] => format!("{} {}", point.label.name, point.label.keys),
        _ => panic!("a frame of MySQL is one point"),
    };
    frames.iter().map(name).collect()
}

fn bytes_of(frames: &[Frame]) -> Vec<u8> {
    frames.iter().flat_map(|frame| frame.bytes.to_vec()).collect()
}

fn greeting(capabilities: u32) -> Vec<u8> {
    let bits = capabilities.to_le_bytes();
    let payload = [
        &b"\x0a8.4.0\0"[..],
        &[7, 0, 0, 0],
        b"noncenon",
        &[0],
        &bits[..2],
        &[45],
        &AUTOCOMMIT.to_le_bytes(),
        &bits[2..],
        &[21],
        &[0; 10],
        b"morenoncemor\0",
        b"caching_sha2_password\0",
    ];
    packet(0, &payload.concat())
}

fn login(capabilities: u32) -> Vec<u8> {
    let payload = [
        &capabilities.to_le_bytes()[..],
        &[0, 0, 0, 1, 45],
        &[0; 23],
        b"alice\0\x06secret",
    ];
    packet(1, &payload.concat())
}

fn ok(sequence: u8, status: u16) -> Vec<u8> {
    packet(sequence, &[&[0, 1, 0][..], &status.to_le_bytes(), &[0, 0]].concat())
}

/// An OK packet in the place of an EOF packet.
fn ok_end(sequence: u8, status: u16) -> Vec<u8> {
    packet(sequence, &[&[0xfe, 0, 0][..], &status.to_le_bytes(), &[0, 0]].concat())
}

fn eof(sequence: u8, status: u16) -> Vec<u8> {
    packet(sequence, &[&[0xfe, 0, 0][..], &status.to_le_bytes()].concat())
}

fn error(sequence: u8, code: u16) -> Vec<u8> {
    packet(sequence, &[&[0xff][..], &code.to_le_bytes(), b"#HY000no"].concat())
}

fn column(sequence: u8) -> Vec<u8> {
    packet(
        sequence,
        b"\x03def\x01d\x01t\x01t\x01c\x01c\x0c\x2d\0\x04\0\0\0\x03\0\0\0\0\0",
    )
}

fn row(sequence: u8, text: &[u8]) -> Vec<u8> {
    assert!(text.len() < 0xfb);
    packet(sequence, &[&[text.len() as u8][..], text].concat())
}

fn query(sql: &str) -> Vec<u8> {
    packet(0, &[b"\x03", sql.as_bytes()].concat())
}

fn prepare(sql: &str) -> Vec<u8> {
    packet(0, &[b"\x16", sql.as_bytes()].concat())
}

/// A command about a statement: its byte, the statement, the rest.
fn about(command: u8, statement: u32, rest: &[u8]) -> Vec<u8> {
    packet(0, &[&[command][..], &statement.to_le_bytes(), rest].concat())
}

/// The reply to a PREPARE, with EOF packets.
fn prepared(statement: u32, columns: u16, parameters: u16) -> Vec<Vec<u8>> {
    let (s, c, p) = (statement.to_le_bytes(), columns.to_le_bytes(), parameters.to_le_bytes());
    let mut out = vec![packet(1, &[&[0][..], &s, &c, &p, &[0, 0, 0]].concat())];
    for count in [parameters, columns].into_iter().filter(|count| *count > 0) {
        for _ in 0..count {
            out.push(column(out.len() as u8 + 1));
        }
        out.push(eof(out.len() as u8 + 1, AUTOCOMMIT));
    }
    out
}

/// A parameter: its type, and its value with length.
#[derive(Clone)]
struct Value(u8, Vec<u8>);

fn text(text: &str) -> Value {
    Value(0xfd, [&[text.len() as u8][..], text.as_bytes()].concat())
}

fn execute(statement: u32, with_types: bool, values: &[Value]) -> Vec<u8> {
    let mut rest = vec![0, 1, 0, 0, 0];
    if !values.is_empty() {
        rest.extend(vec![0; values.len().div_ceil(8)]);
        rest.push(u8::from(with_types));
        if with_types {
            values.iter().for_each(|value| rest.extend([value.0, 0]));
        }
        values.iter().for_each(|value| rest.extend(&value.1));
    }
    about(0x17, statement, &rest)
}
