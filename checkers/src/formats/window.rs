//! A window on a file: the part that is being scanned, and where in the file it stands.
//!
//! Grows to the longest operation and no further; what has been scanned makes room for what follows.

use std::io::{ErrorKind, Read};

use super::error::{ReadError, found};

/// How much is read at first, and how much at a time later, in bytes.
const FIRST_BYTES: usize = 1 << 13;
const BLOCK_BYTES: usize = 1 << 18;

/// The longest operation that is read, in bytes: a bound on memory, far above what a final read takes.
pub const OP_BYTES_MAX: usize = 1 << 28;

pub(super) struct Window {
    reader: Box<dyn Read + Send>,
    file: String,
    buffer: Vec<u8>,
    /// The bytes that are there: `buffer[at..filled]`.
    at: usize,
    filled: usize,
    at_end: bool,
    /// How much to read next time.
    block: usize,
    /// Line of `buffer[counted]`, and where that line begins, relative to the beginning of the buffer.
    line: u64,
    line_start: i64,
    counted: usize,
}

impl Window {
    pub(super) fn new(reader: Box<dyn Read + Send>, file: &str) -> Window {
        Window {
            reader,
            file: file.to_owned(),
            buffer: Vec::new(),
            at: 0,
            filled: 0,
            at_end: false,
            block: FIRST_BYTES,
            line: 1,
            line_start: 0,
            counted: 0,
        }
    }

    /// What has been read and not been consumed.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.at..self.filled]
    }

    /// Whether nothing follows [`Window::bytes`].
    pub(super) fn at_end(&self) -> bool {
        self.at_end
    }

    /// Moves on by `n` bytes.
    pub(super) fn consume(&mut self, n: usize) {
        self.at = (self.at + n).min(self.filled);
    }

    /// Doubles what there is to scan, at least by a block, unless the file ends. False when it has ended already.
    pub(super) fn more(&mut self) -> Result<bool, ReadError> {
        if self.at_end {
            return Ok(false);
        }
        self.make_room();
        let wanted = (2 * self.filled).max(self.block);
        self.block = (4 * self.block).min(BLOCK_BYTES);
        if self.filled > OP_BYTES_MAX {
            return Err(self.malformed(0, &format!("an operation of at most {OP_BYTES_MAX} bytes")));
        }
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted, 0);
        }
        while self.filled < wanted {
            match self.reader.read(&mut self.buffer[self.filled..wanted]) {
                Ok(0) => {
                    self.at_end = true;
                    break;
                }
                Ok(n) => self.filled += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(ReadError::Io {
                        file: self.file.clone(),
                        source,
                    });
                }
            }
        }
        Ok(true)
    }

    fn make_room(&mut self) {
        let (line, start) = self.place(self.at);
        self.line = line;
        self.line_start = start - small(self.at);
        self.buffer.copy_within(self.at..self.filled, 0);
        self.filled -= self.at;
        self.at = 0;
        self.counted = 0;
    }

    /// Line of a byte of the buffer, and where that line begins.
    fn place(&self, at: usize) -> (u64, i64) {
        let (mut line, mut start) = (self.line, self.line_start);
        for newline in memchr::memchr_iter(b'\n', &self.buffer[self.counted..at]) {
            line += 1;
            start = small(self.counted + newline + 1);
        }
        (line, start)
    }

    /// The line of the byte `offset` bytes on.
    pub(super) fn line(&self, offset: usize) -> u64 {
        self.place((self.at + offset).min(self.filled)).0
    }

    /// Name of the file.
    pub(super) fn file(&self) -> &str {
        &self.file
    }

    /// An error at the byte `offset` bytes on.
    pub(super) fn malformed(&self, offset: usize, expected: &str) -> ReadError {
        let at = (self.at + offset).min(self.filled);
        self.malformed_as(offset, expected, &found(&self.buffer[at..self.filled]))
    }

    /// An error at the byte `offset` bytes on, where `found` says what stands there.
    pub(super) fn malformed_as(&self, offset: usize, expected: &str, found: &str) -> ReadError {
        let at = (self.at + offset).min(self.filled);
        let (line, start) = self.place(at);
        ReadError::Malformed {
            file: self.file.clone(),
            line,
            column: u64::try_from(small(at) - start).unwrap_or(0) + 1,
            expected: expected.to_owned(),
            found: found.to_owned(),
        }
    }
}

fn small(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
