//! MySQL: a frame is a command with all its packets, or the whole reply to one.
//!
//! Frames are named by verb and first table. Compression is withheld from the server's greeting, and encryption where
//! the link does not end it: the one change to bytes that pass. Where a client insists on them, and wherever else the
//! bytes make no sense, they pass as they come. What is large passes in pieces, and its name stands on the last. Never: keeps or names anything of
//! credentials, SQL or parameters but the keys that the manifest asks for and the gtrid of an XA transaction.

mod charset;
mod command;
mod handshake;
mod packet;
mod parameters;
mod places;
mod prepared;
mod refuse;
mod reply;
mod request;
mod set;
mod sql;
mod statement;
mod transaction;
mod xa;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use paytwice_checkers::history::Deed;

use self::charset::{Charset, Dialect};
use self::handshake::{Capabilities, Greeting};
use self::packet::{Broken, Cutter, HEADER_BYTES, Head, Next};
use self::prepared::Statements;
use self::reply::{Progress, Reply, Told, is_error};
use self::statement::{Statement, Turn};
use self::transaction::Transaction;
use super::Terms;
use crate::wire::Refusal;
use crate::wire::core::{Frame, FrameKind, Label, Refused, Session, Way};
use crate::wire::keys::Keys;

/// Longer replies pass in pieces of this length.
const PIECE_BYTES: usize = 64 << 10;
/// Longer commands do, and only this much of them is looked at for keys.
const COMMAND_BYTES: usize = 1 << 20;
/// A longer greeting is none.
const GREETING_BYTES_MAX: usize = 4096;
/// More commands than this without a reply are no MySQL.
const UNANSWERED_MAX: usize = 1024;

/// What a connection carries.
pub(super) struct MySql {
    terms: Arc<Terms>,
    /// The link goes on in TLS where the client wants it.
    ends_tls: bool,
    capabilities: Capabilities,
    phase: Phase,
    cutters: [Cutter; 2],
    /// The command under way, until its last byte has come.
    asking: Asking,
    /// How the reply under way ends, once its last packet has begun.
    ending: Option<Ending>,
    /// The last packet of the command under way has begun.
    asked_all: bool,
    /// It is the wish for TLS.
    starts_tls: bool,
    unanswered: VecDeque<Asked>,
    told: Told,
    dialect: Dialect,
    /// The character set of a session that begins anew.
    greeted: Charset,
    statements: Statements,
    transaction: Transaction,
    commands: u64,
    unparsed_bytes: u64,
}

/// Whose turn it is, and with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The server speaks first.
    Greeting,
    /// The client answers the greeting, which offered so much.
    Login {
        offered: Capabilities,
        /// In TLS, which the link ends.
        encrypted: bool,
    },
    /// The client answers questions until the server is content.
    Questions,
    /// The client sends commands.
    Commands,
    /// The client sends a file.
    File,
    /// No MySQL that can be read (any more), both ways.
    Bytes,
}

/// How the frame of a command is to be made.
#[derive(Debug, Default)]
struct Asking {
    /// What it is called, and its keys.
    label: Option<Label>,
    /// Its number among the commands of the connection; 0 where it has none.
    number: u64,
    /// What must be put into it, and where.
    owed: Option<(usize, Vec<u8>)>,
}

/// A command that waits for its reply.
#[derive(Debug)]
struct Asked {
    number: u64,
    label: Label,
    turn: Turn,
    reply: Reply,
    /// The sequence number that its reply begins with, where that is known.
    sequence: Option<u8>,
    /// The link asked, not the client.
    own: bool,
    /// The character set of what comes behind it, unless it fails.
    charset: Option<Charset>,
    /// The statement that it prepares.
    prepares: Option<Statement>,
    /// The statement that it executes, and whether it tells the server types of parameters.
    executes: Option<(u32, bool)>,
    /// The link may answer it in the server's place.
    may_be_refused: bool,
}

/// How what the server sends ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Greeting(Greeting),
    /// An error in the place of a greeting.
    TurnedAway,
    /// The client must answer before there can be more.
    Question {
        file: bool,
    },
    Reply,
    /// An error that nobody asked for: the server is about to end the connection.
    Unasked,
}

impl MySql {
    pub(super) fn new(terms: Arc<Terms>, ends_tls: bool) -> MySql {
        MySql {
            terms,
            ends_tls,
            capabilities: Capabilities::default(),
            phase: Phase::Greeting,
            cutters: Default::default(),
            asking: Asking::default(),
            ending: None,
            asked_all: false,
            starts_tls: false,
            unanswered: VecDeque::new(),
            told: Told::default(),
            dialect: Dialect::default(),
            greeted: Charset::default(),
            statements: Statements::default(),
            transaction: Transaction::default(),
            commands: 0,
            unparsed_bytes: 0,
        }
    }

    /// Takes one step; false when more bytes are needed.
    fn step(&mut self, way: Way, buffer: &mut BytesMut, out: &mut Vec<Frame>) -> Result<bool, Broken> {
        if way == Way::Request && self.phase == Phase::Greeting && !buffer.is_empty() {
            return Err(Broken); // A client of another protocol, which may wait for an answer.
        }
        if self.cutters[way as usize].is_fresh() {
            self.cutters[way as usize].sequence = self.first_sequence(way);
        }
        if let Next::More = self.cutters[way as usize].skip(buffer)? {
            self.pieces(way, buffer, out);
            return Ok(false);
        }
        let is_last = match way {
            Way::Request => self.asked_all,
            Way::Reply => self.ending.is_some(),
        };
        if is_last {
            self.pieces(way, buffer, out);
            let frame = self.last_piece(way, buffer);
            let goes_on = frame.kind != FrameKind::StartTls;
            out.push(frame);
            return Ok(goes_on);
        }
        let next = self.cutters[way as usize].next(buffer, self.look_bytes(way), way == Way::Reply)?;
        let Next::Begins(head, sequence) = next else {
            self.pieces(way, buffer, out);
            return Ok(false);
        };
        match way {
            Way::Request => self.asked_all = self.request(&head)?,
            Way::Reply => self.ending = self.reply(&head)?,
        }
        self.cutters[way as usize].enter(head.length, sequence);
        Ok(true)
    }

    /// The sequence number that the next frame begins with, where that is known.
    fn first_sequence(&self, way: Way) -> Option<u8> {
        match (way, self.phase) {
            (Way::Reply, Phase::Greeting) | (Way::Request, Phase::Commands) => Some(0),
            (Way::Request, Phase::Login { encrypted, .. }) => Some(if encrypted { 2 } else { 1 }),
            (Way::Request, _) => None,
            (Way::Reply, _) => self.unanswered.front().and_then(|asked| asked.sequence),
        }
    }

    /// How much of the next packet must be there before it is looked at.
    fn look_bytes(&self, way: Way) -> usize {
        match (way, self.phase) {
            (Way::Reply, Phase::Greeting) => GREETING_BYTES_MAX,
            (Way::Reply, _) => reply::LOOK_BYTES,
            (Way::Request, Phase::File) => 0,
            (Way::Request, _) => COMMAND_BYTES - HEADER_BYTES,
        }
    }

    /// Lets go what is too much to be held. The cuts depend on nothing but the length of the frame.
    fn pieces(&mut self, way: Way, buffer: &mut BytesMut, out: &mut Vec<Frame>) {
        let cutter = &mut self.cutters[way as usize];
        let piece = piece_bytes(way);
        while cutter.scanned > piece {
            cutter.scanned -= piece;
            cutter.in_pieces = true;
            out.push(Frame::plain(buffer.split_to(piece).freeze(), FrameKind::Bytes));
        }
    }

    fn last_piece(&mut self, way: Way, buffer: &mut BytesMut) -> Frame {
        let cutter = std::mem::take(&mut self.cutters[way as usize]);
        let bytes = buffer.split_to(cutter.scanned);
        let kind = match cutter.in_pieces {
            true => FrameKind::Bytes,
            false => FrameKind::Plain,
        };
        match way {
            Way::Request => self.asked(bytes, kind),
            Way::Reply => self.replied(bytes, kind),
        }
    }

    /// The frame of a command.
    fn asked(&mut self, bytes: BytesMut, kind: FrameKind) -> Frame {
        self.asked_all = false;
        if std::mem::take(&mut self.starts_tls) {
            return Frame::plain(bytes.freeze(), FrameKind::StartTls);
        }
        let Asking { label, number, owed } = std::mem::take(&mut self.asking);
        let bytes = match owed {
            Some((at, types)) if kind == FrameKind::Plain => with_types(&bytes, at, &types),
            _ => bytes.freeze(),
        };
        let frame = match label {
            Some(label) => Frame::named(bytes, kind, label.request()),
            None => Frame::plain(bytes, kind),
        };
        Frame { asked: number, ..frame }
    }

    /// Takes the next packet of the server.
    fn reply(&mut self, head: &Head<'_>) -> Result<Option<Ending>, Broken> {
        if self.phase == Phase::Greeting {
            if is_error(head) {
                return Ok(Some(Ending::TurnedAway));
            }
            let greeting = Greeting::read(head.bytes).filter(|_| head.is_whole());
            return greeting.map(|greeting| Some(Ending::Greeting(greeting))).ok_or(Broken);
        }
        let Some(asked) = self.unanswered.front_mut() else {
            return if is_error(head) {
                Ok(Some(Ending::Unasked))
            } else {
                Err(Broken)
            };
        };
        Ok(match asked.reply.take(head, self.capabilities, &mut self.told)? {
            Progress::More => None,
            Progress::Question { file } => Some(Ending::Question { file }),
            Progress::Ended => Some(Ending::Reply),
        })
    }

    /// The frame of what the server sent.
    fn replied(&mut self, mut bytes: BytesMut, kind: FrameKind) -> Frame {
        match self.ending.take() {
            Some(Ending::Greeting(greeting)) => {
                self.phase = Phase::Login {
                    offered: greeting.offered,
                    encrypted: false,
                };
                self.greeted = greeting.charset;
                greeting.withhold(&mut bytes, self.ends_tls);
                Frame::plain(bytes.freeze(), kind)
            }
            Some(Ending::TurnedAway) => {
                Frame::named(bytes.freeze(), kind, Label::plain("CONNECT reply", Keys::default()))
            }
            Some(Ending::Question { file }) => {
                if let Some(asked) = self.unanswered.front_mut() {
                    asked.sequence = None;
                }
                if file {
                    self.phase = Phase::File;
                }
                Frame::plain(bytes.freeze(), kind)
            }
            Some(Ending::Reply) => self.answer(bytes.freeze(), kind),
            Some(Ending::Unasked) | None => Frame::plain(bytes.freeze(), kind),
        }
    }

    /// The frame of a whole reply.
    fn answer(&mut self, bytes: Bytes, kind: FrameKind) -> Frame {
        let told = std::mem::take(&mut self.told);
        let Some(asked) = self.unanswered.pop_front() else {
            return Frame::plain(bytes, kind);
        };
        if asked.reply == Reply::Login && self.phase == Phase::Questions {
            self.phase = Phase::Commands;
        }
        if let (Some((number, parameters)), Some(statement)) = (told.prepared, asked.prepares) {
            self.statements.add(number, parameters, statement);
        }
        if let (Some(charset), None) = (asked.charset, told.error) {
            self.dialect.charset = charset;
        }
        if let Some(status) = told.status {
            self.dialect.no_backslash_escapes = status.no_backslash_escapes();
        }
        if self.unanswered.is_empty() && !asked.own {
            match (told.error, told.status) {
                (Some(_), _) => self.transaction.refused(asked.turn),
                (None, Some(status)) => self.transaction.answered(status, asked.turn, &asked.label.keys),
                (None, None) => {}
            }
        }
        let mut frame = Frame::named(bytes, kind, asked.label.reply()).told(told.outcome());
        if asked.own {
            frame.forward = false;
            frame = frame.did(Deed::LinkAnswer);
        }
        frame
    }
}

/// How much of a frame is held at most.
fn piece_bytes(way: Way) -> usize {
    match way {
        Way::Request => COMMAND_BYTES,
        Way::Reply => PIECE_BYTES,
    }
}

/// The packet of an EXECUTE without types, with types at `at`.
fn with_types(bytes: &[u8], at: usize, types: &[u8]) -> Bytes {
    let (before, after) = (&bytes[HEADER_BYTES..at], &bytes[at + 1..]);
    packet::packet(bytes[3], &[before, &[1], types, after].concat()).into()
}

impl Session for MySql {
    fn frames(&mut self, way: Way, buffer: &mut BytesMut, out: &mut Vec<Frame>) {
        while self.phase != Phase::Bytes {
            match self.step(way, buffer, out) {
                Ok(true) => {}
                Ok(false) => return,
                Err(Broken) => self.phase = Phase::Bytes,
            }
        }
        if !buffer.is_empty() {
            self.unparsed_bytes += buffer.len() as u64;
            out.push(Frame::plain(buffer.split().freeze(), FrameKind::Bytes));
        }
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
