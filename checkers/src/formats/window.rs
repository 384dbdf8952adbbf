//! A window on a file: the part that is being scanned, and where in the file it stands.
//!
//! Grows to the longest operation and no further; what has been scanned makes room for what follows.

use std::io::{ErrorKind, Read};

use super::error::{FOUND_BYTES_MAX, ReadError, found};

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
    /// [`OP_BYTES_MAX`]: how much it holds at most.
    bytes_max: usize,
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
            bytes_max: OP_BYTES_MAX,
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

    /// Doubles what there is to scan, at least by a block, unless the file ends. False when it has ended already. Whoever
    /// asks for more has not found the end of an operation in what there is.
    pub(super) fn more(&mut self) -> Result<bool, ReadError> {
        if self.at_end {
            return Ok(false);
        }
        self.make_room();
        if self.filled >= self.bytes_max {
            return Err(self.malformed(0, &format!("an operation of at most {} bytes", self.bytes_max)));
        }
        let wanted = (2 * self.filled).max(self.block).min(self.bytes_max);
        self.block = (4 * self.block).min(BLOCK_BYTES);
        self.fill(wanted)?;
        Ok(true)
    }

    /// Reads until so many bytes of the buffer are there, or the file ends.
    fn fill(&mut self, wanted: usize) -> Result<(), ReadError> {
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted, 0);
        }
        while self.filled < wanted && !self.at_end {
            match self.reader.read(&mut self.buffer[self.filled..wanted]) {
                Ok(0) => self.at_end = true,
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
        Ok(())
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
        let passed = &self.buffer[self.counted..at];
        let lines = memchr::memchr_iter(b'\n', passed).count() as u64;
        let start = memchr::memrchr(b'\n', passed).map(|last| small(self.counted + last + 1));
        (self.line + lines, start.unwrap_or(self.line_start))
    }

    /// The line of the next byte.
    pub(super) fn line(&self) -> u64 {
        self.place(self.at).0
    }

    /// The same, for whoever asks again and again: counts on from where it was asked last.
    pub(super) fn count_lines(&mut self) -> u64 {
        (self.line, self.line_start) = self.place(self.at);
        self.counted = self.at;
        self.line
    }

    /// An error at the byte `offset` bytes on. Reads what it shows of what stands there.
    pub(super) fn malformed(&mut self, offset: usize, expected: &str) -> ReadError {
        let at = (self.at + offset).min(self.filled);
        if memchr::memchr(b'\n', &self.buffer[at..self.filled]).is_none() {
            // What cannot be read is not shown: the flaw was there before.
            let _ = self.fill(at + FOUND_BYTES_MAX);
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn window(text: &str, bytes_max: usize) -> Window {
        Window {
            bytes_max,
            ..Window::new(Box::new(std::io::Cursor::new(text.to_owned())), "h")
        }
    }

    /// The next line, its end included.
    fn line(window: &mut Window) -> Result<Option<String>, ReadError> {
        loop {
            if let Some(n) = memchr::memchr(b'\n', window.bytes()) {
                let line = String::from_utf8_lossy(&window.bytes()[..=n]).into_owned();
                window.consume(n + 1);
                return Ok(Some(line));
            }
            if !window.more()? {
                return Ok(None);
            }
        }
    }

    #[test]
    fn an_operation_may_be_as_long_as_it_says_wherever_it_begins() {
        for before in 1..40 {
            for (length, fits) in [(49, true), (50, true), (51, false)] {
                let first = "a".repeat(before - 1) + "\n";
                let second = "b".repeat(length - 1) + "\n";
                let mut window = window(&format!("{first}{second}{first}"), 50);
                assert_eq!(line(&mut window).unwrap(), Some(first.clone()));
                let read = line(&mut window);
                if fits {
                    assert_eq!(read.unwrap(), Some(second), "{before}");
                    assert_eq!(line(&mut window).unwrap(), Some(first));
                } else {
                    let error = read.unwrap_err().to_string();
                    assert!(
                        error.starts_with("h:2:1: expected an operation of at most 50 bytes"),
                        "{error}"
                    );
                }
            }
        }
    }

    #[test]
    fn an_error_reads_what_it_shows_and_no_more() {
        let text = "a".repeat(FIRST_BYTES - 1) + &"b".repeat(1000);
        let mut window = window(&text, 1 << 20);
        window.more().unwrap();
        window.consume(FIRST_BYTES - 1);
        let error = window.malformed(0, "an a").to_string();
        assert_eq!(error, format!("h:1:8192: expected an a, found `{}...`", "b".repeat(40)));
        assert_eq!(window.bytes().len(), FOUND_BYTES_MAX);
        assert_eq!(window.buffer.len(), FIRST_BYTES - 1 + FOUND_BYTES_MAX);
    }

    #[test]
    fn what_has_been_read_makes_room_and_keeps_its_place() {
        let lines: Vec<String> = (0..1000).map(|n| "x".repeat(n % 37) + "\n").collect();
        let mut window = window(&lines.concat(), 64);
        for (n, expected) in (1..).zip(&lines) {
            assert_eq!(window.line(), n);
            if n % 3 != 0 {
                assert_eq!((window.count_lines(), window.line()), (n, n));
            }
            let wrong = window.malformed_as(0, "a", "b").to_string();
            assert!(wrong.starts_with(&format!("h:{n}:1:")), "{wrong}");
            assert_eq!(line(&mut window).unwrap().as_ref(), Some(expected));
            assert!(window.buffer.len() <= 64);
        }
        assert_eq!(line(&mut window).unwrap(), None);
    }
}
