//! The lines of a text, and what is said of one that is wrong.

use super::super::error::{CutOff, ReadError, found};

/// A text in memory.
pub(super) struct Text<'a> {
    bytes: &'a [u8],
    file: &'a str,
}

/// One line, without its end.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) text: &'a str,
    /// From 1.
    pub(super) number: u64,
}

/// What was expected, and where in the line.
pub(super) type Wrong = (usize, &'static str);

impl<'a> Text<'a> {
    pub(super) fn new(bytes: &'a [u8], file: &'a str) -> Text<'a> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        Text { bytes, file }
    }

    /// Gives each line that is not blank to `take`. A last one without its end of which `take` misses what should follow
    /// was cut off.
    pub(super) fn each(
        &self,
        mut take: impl FnMut(Line<'_>) -> Result<(), Wrong>,
    ) -> Result<Option<CutOff>, ReadError> {
        for (nth, bytes) in self.bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let number = nth as u64 + 1;
            let whole = bytes.ends_with(b"\n");
            let line = bytes.trim_ascii_end();
            let taken = match std::str::from_utf8(line) {
                Ok("") => Ok(()),
                Ok(text) => take(Line { text, number }),
                Err(flaw) if flaw.error_len().is_none() => Err((line.len(), "UTF-8")),
                Err(flaw) => Err((flaw.valid_up_to(), "UTF-8")),
            };
            match taken {
                Ok(()) => {}
                // No token is longer than two characters, but for those that may be cut anywhere.
                Err((at, _)) if !whole && at + 1 >= line.len() => {
                    let bytes = bytes.len() as u64;
                    return Ok(Some(CutOff { line: number, bytes }));
                }
                Err((at, expected)) => return Err(malformed(self.file, bytes, number, at, expected)),
            }
        }
        Ok(None)
    }
}

/// A flaw `at` so many bytes into the line `bytes`.
pub(super) fn malformed(file: &str, bytes: &[u8], line: u64, at: usize, expected: &str) -> ReadError {
    ReadError::Malformed {
        file: file.to_owned(),
        line,
        column: at as u64 + 1,
        expected: expected.to_owned(),
        found: found(&bytes[at.min(bytes.len())..]),
    }
}

/// A place in a line.
pub(super) struct Cursor<'a> {
    text: &'a str,
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(line: Line<'a>) -> Cursor<'a> {
        Cursor { text: line.text, at: 0 }
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Moves over blanks; whether there were any.
    pub(super) fn blanks(&mut self) -> bool {
        self.take(|c| matches!(c, ' ' | '\t')).is_some()
    }

    /// Moves over `token`, if it stands here.
    pub(super) fn skip(&mut self, token: &str) -> bool {
        let there = self.rest().starts_with(token);
        self.at += if there { token.len() } else { 0 };
        there
    }

    pub(super) fn expect(&mut self, token: &str, expected: &'static str) -> Result<(), Wrong> {
        if self.skip(token) {
            Ok(())
        } else {
            Err((self.at, expected))
        }
    }

    /// The characters from here on that belong; None where none does.
    pub(super) fn take(&mut self, belongs: impl Fn(char) -> bool) -> Option<&'a str> {
        let rest = self.rest();
        let length = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.at += length;
        Some(&rest[..length]).filter(|taken| !taken.is_empty())
    }

    /// A whole number from 0 up.
    pub(super) fn number(&mut self, expected: &'static str) -> Result<u64, Wrong> {
        let begins = self.at;
        let digits = self.take(|c| c.is_ascii_digit()).ok_or((begins, expected))?;
        digits.parse().map_err(|_| (begins, "a number below 2^64"))
    }

    /// Nothing but blanks may follow.
    pub(super) fn end(&mut self) -> Result<(), Wrong> {
        self.blanks();
        if self.rest().is_empty() {
            Ok(())
        } else {
            Err((self.at, "the end of the line"))
        }
    }
}
