//! A file of maps, one after another or within one outer sequence: EDN and JSON histories.
//!
//! Streams: holds one operation at a time. A file that ends within its last operation, or without its outer bracket, is
//! read up to there and says so; any other flaw is an error with its place.

use crate::ops::{Flaw, Mismatch, Op, Tape, Value};

use super::error::{CutOff, ReadError};
use super::window::Window;
use super::{edn, json};

/// What the maps are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    Edn,
    Json,
}

impl Syntax {
    fn skip_blank(self, bytes: &[u8], at: usize) -> usize {
        match self {
            Syntax::Edn => edn::skip_blank(bytes, at),
            Syntax::Json => json::skip_blank(bytes, at),
        }
    }

    fn scan(self, bytes: &[u8], tape: &mut Tape) -> Result<Option<usize>, Flaw> {
        match self {
            Syntax::Edn => edn::scan(bytes, 0, false, tape),
            Syntax::Json => json::scan(bytes, 0, false, tape),
        }
    }
}

/// Reads such a file.
pub(super) struct Forms {
    window: Window,
    syntax: Syntax,
    tape: Tape,
    /// Operations read.
    position: u64,
    /// What closes the outer sequence, where there is one.
    close: Option<u8>,
    state: State,
    cut_off: Option<CutOff>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Begin,
    Within,
    Closed,
}

impl Forms {
    pub(super) fn new(window: Window, syntax: Syntax) -> Forms {
        Forms {
            window,
            syntax,
            tape: Tape::default(),
            position: 0,
            close: None,
            state: State::Begin,
            cut_off: None,
        }
    }

    pub(super) fn cut_off(&self) -> Option<CutOff> {
        self.cut_off
    }

    /// The line up to which it has read.
    pub(super) fn line(&self) -> u64 {
        self.window.line()
    }

    /// The next operation; None at the end.
    pub(super) fn next(&mut self) -> Result<Option<Op<'_>>, ReadError> {
        if self.cut_off.is_some() || !self.advance()? {
            return Ok(None);
        }
        let Some(end) = self.scan()? else {
            return Ok(None);
        };
        let position = self.position;
        self.position += 1;
        let op = match Op::of(&self.tape, position) {
            Ok(op) => op,
            Err(mismatch) => return Err(misfit(&mut self.window, &self.tape, &mismatch)),
        };
        self.window.consume(end);
        Ok(Some(op))
    }

    /// Puts the next operation on a tape, and says in which line it ends; None at the end.
    pub(super) fn next_on(&mut self, tape: &mut Tape) -> Result<Option<u64>, ReadError> {
        if self.next()?.is_none() {
            return Ok(None);
        }
        std::mem::swap(&mut self.tape, tape);
        Ok(Some(self.window.count_lines()))
    }

    /// How many operations have been read.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Moves to the next form; false where none follows.
    fn advance(&mut self) -> Result<bool, ReadError> {
        if self.state == State::Begin {
            self.begin()?;
        }
        let mut comma = self.syntax == Syntax::Edn || self.close.is_none() || self.position == 0;
        loop {
            match self.token()? {
                None => {
                    if self.close.is_some() && self.state == State::Within {
                        self.cut();
                    }
                    return Ok(false);
                }
                Some(_) if self.state == State::Closed => {
                    return Err(self
                        .window
                        .malformed(0, "the end of the file behind the last operation"));
                }
                Some(byte) if Some(byte) == self.close => {
                    self.state = State::Closed;
                    self.window.consume(1);
                }
                Some(b',') if !comma => {
                    comma = true;
                    self.window.consume(1);
                    if self.token()? == self.close {
                        return Err(self.window.malformed(0, "an operation behind the comma"));
                    }
                }
                Some(_) if !comma => return Err(self.window.malformed(0, "a comma or ]")),
                Some(_) => return Ok(true),
            }
        }
    }

    /// The first byte of the next token, to which it moves.
    fn token(&mut self) -> Result<Option<u8>, ReadError> {
        loop {
            let bytes = self.window.bytes();
            let blank = self.syntax.skip_blank(bytes, 0);
            match bytes.get(blank) {
                Some(byte) => {
                    let byte = *byte;
                    self.window.consume(blank);
                    return Ok(Some(byte));
                }
                // A comment may go on in what has not been read yet: only whole lines are consumed.
                None if !self.window.at_end() => {
                    let lines = memchr::memrchr(b'\n', bytes).map_or(0, |n| n + 1);
                    self.window.consume(lines);
                    self.window.more()?;
                }
                None => {
                    self.window.consume(blank);
                    return Ok(None);
                }
            }
        }
    }

    /// The outer bracket, where there is one.
    fn begin(&mut self) -> Result<(), ReadError> {
        self.state = State::Within;
        if self.window.bytes().is_empty() {
            self.window.more()?;
        }
        if self.window.bytes().starts_with(b"\xef\xbb\xbf") {
            self.window.consume(3);
        }
        self.close = match (self.token()?, self.syntax) {
            (Some(b'['), _) => Some(b']'),
            (Some(b'('), Syntax::Edn) => Some(b')'),
            _ => return Ok(()),
        };
        self.window.consume(1);
        Ok(())
    }

    /// Scans the form at the window's beginning, reading more as long as it is not whole. None when it is cut off.
    fn scan(&mut self) -> Result<Option<usize>, ReadError> {
        loop {
            let (bytes, at_end) = (self.window.bytes(), self.window.at_end());
            if !matches!(bytes.first(), Some(b'{' | b'#')) {
                return Err(self.window.malformed(0, crate::ops::A_MAP));
            }
            // A map says itself where it ends: what is wrong with a token at the very end of the file is that it is cut.
            match self.syntax.scan(bytes, &mut self.tape) {
                Ok(Some(end)) => return Ok(Some(end)),
                Ok(None) if !at_end => {
                    self.window.more()?;
                }
                Ok(None) => {
                    self.last()?;
                    return Ok(None);
                }
                Err(flaw) => return Err(self.window.malformed(flaw.at, flaw.expected)),
            }
        }
    }

    /// The file ends within a form: cut off, where no other operation begins behind it, an error otherwise.
    fn last(&mut self) -> Result<(), ReadError> {
        let bytes = self.window.bytes();
        for newline in memchr::memchr_iter(b'\n', bytes) {
            let rest = &bytes[newline + 1..];
            let begins = rest.trim_ascii_start();
            if begins.starts_with(b"{:") || begins.starts_with(b"{\"") {
                let offset = newline + 1 + (rest.len() - begins.len());
                let expected = format!("the end of the operation that begins at line {}", self.window.line());
                return Err(self.window.malformed(offset, &expected));
            }
        }
        self.cut();
        Ok(())
    }

    fn cut(&mut self) {
        self.cut_off = Some(CutOff {
            line: self.window.line(),
            bytes: self.window.bytes().len() as u64,
        });
    }
}

/// A form that is no operation, at the place of the field that is wrong.
fn misfit(window: &mut Window, tape: &Tape, mismatch: &Mismatch) -> ReadError {
    let mut root = tape.root();
    while let Value::Tagged(_, form) = root.value() {
        root = form;
    }
    let Some(value) = root.get(mismatch.field) else {
        return window.malformed(0, mismatch.expected);
    };
    let found = format!("{} {value:?}", mismatch.field);
    window.malformed_as(0, mismatch.expected, &found)
}
