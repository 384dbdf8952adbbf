//! Many frames through the parsers: what real clients and servers said in a run, whole or damaged by dice, in any split into
//! reads. `PAYTWICE_FRAMES` is how many frames there are to be at least, over all protocols.
//!
//! No session may panic, keep bytes back that will never be more of a frame, or change one on a passing link. Never: touches
//! a socket or a clock; a failure names the round, and the same round fails again.
//!
//! A capture is what a link has read on one connection: for each read the way (0 or 1), its length (4 bytes, big-endian) and
//! its bytes.

use bytes::{Bytes, BytesMut};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::wire::core::{Again, Frame, FrameKind, Way};
use crate::wire::{Redelivery, Refusal};

/// Frames of all protocols together, where nothing else is said.
const FRAMES_DEFAULT: u64 = 60_000;
/// A session keeps no more back than this: the longest frame that is held together, and one read.
const HELD_BYTES_MAX: usize = (8 << 20) + FLOOD_READ_BYTES;
/// What is sent into a damaged conversation now and then, so that nothing can be kept back for ever.
const FLOOD_BYTES: usize = 12 << 20;
const FLOOD_READ_BYTES: usize = 64 << 10;
/// One damaged conversation of so many is flooded.
const FLOOD_ONE_IN: u32 = 500;

/// A read: which way, and what.
type Turn = (Way, Bytes);

#[test]
fn http_frames_pass_unchanged() {
    let captures = [
        &include_bytes!("captures/http-client-pay.bin")[..],
        include_bytes!("captures/http-account-pay.bin"),
        include_bytes!("captures/http-client-account.bin"),
    ];
    soak(Protocol::Http, &captures);
}

#[test]
fn mysql_frames_pass_unchanged() {
    let captures = [
        &include_bytes!("captures/mysql-pay.bin")[..],
        include_bytes!("captures/mysql-account-1.bin"),
        include_bytes!("captures/mysql-account-3.bin"),
    ];
    soak(Protocol::MySql, &captures);
}

#[test]
fn rocketmq_frames_pass_unchanged() {
    let captures = [
        &include_bytes!("captures/rocketmq-pay.bin")[..],
        include_bytes!("captures/rocketmq-account.bin"),
        include_bytes!("captures/rocketmq-names.bin"),
    ];
    soak(Protocol::RocketMq, &captures);
}

/// Round after round until there were enough frames.
fn soak(protocol: Protocol, captures: &[&[u8]]) {
    let of_all = std::env::var("PAYTWICE_FRAMES").map_or(FRAMES_DEFAULT, |n| n.parse().expect("a number of frames"));
    let wanted = of_all.div_ceil(3);
    let captures: Vec<Capture> = captures.iter().map(|raw| Capture::read(protocol, raw)).collect();
    let (mut frames, mut rounds, mut bytes) = (0, 0, 0);
    while frames < wanted {
        let mut dice = ChaCha8Rng::seed_from_u64(rounds);
        let capture = &captures[dice.random_range(0..captures.len())];
        let what = format!("{protocol:?}, round {rounds}");
        let seen = if dice.random_bool(0.5) {
            capture.whole(protocol, &mut dice, &what)
        } else {
            capture.damaged(protocol, &mut dice, &what)
        };
        frames += seen.frames;
        bytes += seen.bytes;
        rounds += 1;
    }
    println!("{protocol:?}: {frames} frames, {bytes} bytes, {rounds} conversations");
}

/// A conversation, and what it is called.
struct Capture {
    turns: Vec<Turn>,
    names: Vec<String>,
}

/// What went through a session.
struct Seen {
    frames: u64,
    bytes: u64,
    names: Vec<String>,
    /// Bytes that were kept back at the end, on both ways.
    held: usize,
}

impl Capture {
    /// As it was captured, up to where nothing is kept back; a greeting as a link passes it on.
    fn read(protocol: Protocol, mut raw: &[u8]) -> Capture {
        let mut turns = Vec::new();
        while let Some((head, rest)) = raw.split_at_checked(5) {
            let way = Way::BOTH[usize::from(head[0])];
            let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
            turns.push((way, Bytes::copy_from_slice(&rest[..length])));
            raw = &rest[length..];
        }
        if protocol == Protocol::MySql {
            let mut out = Vec::new();
            let greeting = &mut BytesMut::from(&turns[0].1[..]);
            protocol.session(&terms(), false).frames(Way::Reply, greeting, &mut out);
            turns[0].1 = out[0].bytes.clone();
        }
        let (mut talk, mut whole) = (Talk::new(protocol, "as captured"), 0);
        for (n, (way, bytes)) in turns.iter().enumerate() {
            talk.feed(*way, bytes, None);
            if talk.held() == 0 {
                whole = n + 1;
            }
        }
        turns.truncate(whole);
        let mut talk = Talk::new(protocol, "as captured");
        turns.iter().for_each(|(way, bytes)| talk.feed(*way, bytes, None));
        let names = talk.end().names;
        assert!(turns.len() > 10 && names.len() > 10, "{protocol:?}: {names:?}");
        Capture { turns, names }
    }

    /// As it is, in other reads: the same frames, and nothing is kept back.
    fn whole(&self, protocol: Protocol, dice: &mut ChaCha8Rng, what: &str) -> Seen {
        let mut talk = Talk::new(protocol, what);
        let sizes = Sizes::draw(dice);
        for (way, bytes) in &self.turns {
            sizes.split(bytes, dice, |piece, _| talk.feed(*way, piece, None));
        }
        let seen = talk.end();
        assert_eq!(seen.held, 0, "{what}");
        assert!(seen.names == self.names, "{what}: other names: {:?}", seen.names);
        seen
    }

    /// Damaged: whatever comes of it passes, and rules may ask anything of any frame.
    fn damaged(&self, protocol: Protocol, dice: &mut ChaCha8Rng, what: &str) -> Seen {
        let mut turns = self.turns.clone();
        // What a damaged greeting offers may be withheld.
        let first = usize::from(protocol == Protocol::MySql);
        for _ in 0..dice.random_range(1..5) {
            damage(&mut turns, first, dice);
        }
        let mut talk = Talk::new(protocol, what);
        let sizes = Sizes::draw(dice);
        for (way, bytes) in &turns {
            sizes.split(bytes, dice, |piece, dice| talk.feed(*way, piece, Some(dice)));
        }
        if dice.random_ratio(1, FLOOD_ONE_IN) {
            let flood = vec![dice.random(); FLOOD_READ_BYTES];
            for _ in 0..FLOOD_BYTES / FLOOD_READ_BYTES {
                Way::BOTH.iter().for_each(|way| talk.feed(*way, &flood, None));
            }
        }
        talk.end()
    }
}

/// Changes, takes out, puts in, repeats or cuts off something.
fn damage(turns: &mut Vec<Turn>, first: usize, dice: &mut ChaCha8Rng) {
    let turn = dice.random_range(first..turns.len());
    let mut bytes = turns[turn].1.to_vec();
    let at = dice.random_range(0..bytes.len().max(1)).min(bytes.len());
    let to = dice.random_range(at..=bytes.len().min(at + 40));
    match dice.random_range(0..7) {
        0 | 1 => bytes[at..to].iter_mut().for_each(|byte| *byte = dice.random()),
        2 => bytes[at..to.min(at + 4)]
            .iter_mut()
            .for_each(|byte| *byte ^= 1 << dice.random_range(0..8)),
        3 => drop(bytes.drain(at..to)),
        4 => {
            let garbage: Vec<u8> = (at..to).map(|_| dice.random()).collect();
            bytes.splice(at..at, garbage);
        }
        5 => {
            let again = turns[turn].clone();
            let to = dice.random_range(first..=turns.len());
            return turns.insert(to, again);
        }
        _ => bytes.truncate(at),
    }
    turns[turn].1 = bytes.into();
}

/// How large reads are in one conversation.
struct Sizes(usize);

impl Sizes {
    fn draw(dice: &mut ChaCha8Rng) -> Sizes {
        Sizes([1, 8, 90, 1500, 40_000][dice.random_range(0..5)])
    }

    fn split(&self, bytes: &[u8], dice: &mut ChaCha8Rng, mut feed: impl FnMut(&[u8], &mut ChaCha8Rng)) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(dice.random_range(1..=self.0).min(rest.len()));
            rest = after;
            feed(piece, dice);
        }
    }
}

/// A session, what is in its buffers, and what went into each way and has not come out.
struct Talk<'a> {
    session: Box<dyn Session>,
    what: &'a str,
    buffers: [BytesMut; 2],
    under_way: [BytesMut; 2],
    out: Vec<Frame>,
    seen: Seen,
}

impl Talk<'_> {
    fn new(protocol: Protocol, what: &str) -> Talk<'_> {
        Talk {
            session: protocol.session(&terms(), false),
            what,
            buffers: Default::default(),
            under_way: Default::default(),
            out: Vec::new(),
            seen: Seen {
                frames: 0,
                bytes: 0,
                names: Vec::new(),
                held: 0,
            },
        }
    }

    /// One read. With dice, a rule asks something of some of the frames.
    fn feed(&mut self, way: Way, bytes: &[u8], dice: Option<&mut ChaCha8Rng>) {
        let (buffer, under_way) = (&mut self.buffers[way as usize], &mut self.under_way[way as usize]);
        buffer.extend_from_slice(bytes);
        under_way.extend_from_slice(bytes);
        self.session.frames(way, buffer, &mut self.out);
        for frame in &self.out {
            assert!(!frame.bytes.is_empty(), "{}: an empty frame", self.what);
            let sent = under_way.split_to(frame.bytes.len().min(under_way.len()));
            assert!(sent == frame.bytes, "{}: bytes were changed", self.what);
            // What passes as mere bytes, however it was read, is no frame.
            self.seen.frames += u64::from(frame.kind != FrameKind::Bytes || !frame.points.is_empty());
            self.seen.bytes += sent.len() as u64;
            let names = frame
                .points
                .iter()
                .map(|point| format!("{} {:?} {:?}", point.label.name, point.label.role, point.label.keys));
            self.seen.names.extend(names);
        }
        assert!(buffer == under_way, "{}: bytes were lost", self.what);
        assert!(
            buffer.len() <= HELD_BYTES_MAX,
            "{}: {} bytes are kept back",
            self.what,
            buffer.len()
        );
        let frames = std::mem::take(&mut self.out);
        if let (Some(dice), Some(frame)) = (dice, frames.last()) {
            self.ask(way, frame, dice);
        }
    }

    /// What rules ask of a session. What it answers is not passed on here: only that it does.
    fn ask(&mut self, way: Way, frame: &Frame, dice: &mut ChaCha8Rng) {
        match dice.random_range(0..40) {
            0 => {
                let again = Again {
                    dice: dice.random(),
                    copies: 1,
                    after: std::time::Duration::ZERO,
                    how: [None, Some(Redelivery::Rewind), Some(Redelivery::Twice)][dice.random_range(0..3)],
                    point: (!frame.points.is_empty()).then_some(0),
                };
                self.session.duplicate(way, frame.clone(), &again);
            }
            1 if way == Way::Request => {
                let error = Refusal::ALL[dice.random_range(0..Refusal::ALL.len())];
                self.session.refuse(frame, error);
            }
            2 => drop(self.session.fail_all(way, frame)),
            _ => {}
        }
    }

    fn held(&self) -> usize {
        self.buffers.iter().map(BytesMut::len).sum()
    }

    fn end(mut self) -> Seen {
        self.seen.held = self.held();
        self.seen
    }
}

/// A link that changes no route: the addresses in route answers are the one thing that it may rewrite.
fn terms() -> Arc<Terms> {
    let places = [
        "http:/tx_no",
        "path:/pay/payresult/{tx}",
        "message:/tx_no",
        "message:key",
        "sql:account_pay.id",
        "sql:de_duplication.tx_no",
        "xa:gtrid",
    ];
    let correlation = Correlation::default().with_key("tx", &places);
    Arc::new(Terms::new(correlation.unwrap(), None))
}
