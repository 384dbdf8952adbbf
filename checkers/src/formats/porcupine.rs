//! Operations as Jepsen prints them, `0 :invoke :read nil`, between tabs or blanks: in its `history.txt`, and in the logs of
//! its etcd test, as porcupine keeps them, behind `INFO  jepsen.util - `.
//!
//! Lines of other loggers are left out. `:timed-out` in the place of the value is the error; what was asked for stands
//! in the invocation. What follows the value in a `history.txt` is the error, as a text. A last line without its end is cut
//! off. (The key-value logs of porcupine are EDN, one map per line.)

use crate::ops::{Op, Tape};

use super::edn;
use super::error::{CutOff, ReadError};
use super::window::Window;

/// What a line begins with.
const LEVELS: [&[u8]; 5] = [b"INFO", b"WARN", b"ERROR", b"DEBUG", b"TRACE"];
const LOGGER: &[u8] = b"jepsen.util";
const TYPES: [&str; 4] = ["invoke", "ok", "fail", "info"];

/// Whether a line is one of a `history.txt`.
pub(super) fn begins(line: &str) -> bool {
    let mut words = line.split_ascii_whitespace();
    let process = words
        .next()
        .is_some_and(|process| process.starts_with(':') || process.parse::<u64>().is_ok());
    process
        && words
            .next()
            .and_then(|word| word.strip_prefix(':'))
            .is_some_and(|word| TYPES.contains(&word))
}

/// Reads such a log.
pub(super) struct Log {
    window: Window,
    /// Whether each operation stands behind a level and a logger.
    logged: bool,
    tape: Tape,
    /// The line's operation as EDN.
    text: String,
    position: u64,
    cut_off: Option<CutOff>,
}

impl Log {
    pub(super) fn new(window: Window, logged: bool) -> Log {
        Log {
            window,
            logged,
            tape: Tape::default(),
            text: String::new(),
            position: 0,
            cut_off: None,
        }
    }

    pub(super) fn cut_off(&self) -> Option<CutOff> {
        self.cut_off
    }

    /// The line of the last operation.
    pub(super) fn line(&self) -> u64 {
        // It has been read with its end.
        self.window.line().saturating_sub(1).max(1)
    }

    /// The next operation; None at the end.
    pub(super) fn next(&mut self) -> Result<Option<Op<'_>>, ReadError> {
        let length = loop {
            let Some((length, whole)) = self.next_line()? else {
                return Ok(None);
            };
            if !whole {
                // Nothing tells `:write 1` from the beginning of `:write 12`.
                self.cut_off = Some(CutOff {
                    line: self.window.line(),
                    bytes: length as u64,
                });
                self.window.consume(length);
                return Ok(None);
            }
            match self.parse(length) {
                Ok(true) => break length,
                Ok(false) => self.window.consume(length),
                Err((at, expected)) => return Err(self.window.malformed(at, expected)),
            }
        };
        let position = self.position;
        self.position += 1;
        let op = Op::of(&self.tape, position).map_err(|mismatch| self.window.malformed(0, mismatch.expected))?;
        self.window.consume(length);
        Ok(Some(op))
    }

    /// Length of the next line, its end included, and whether it has one.
    fn next_line(&mut self) -> Result<Option<(usize, bool)>, ReadError> {
        let mut seen = 0;
        loop {
            let bytes = self.window.bytes();
            if let Some(n) = memchr::memchr(b'\n', &bytes[seen..]) {
                return Ok(Some((seen + n + 1, true)));
            }
            seen = bytes.len();
            if !self.window.more()? {
                return Ok(Some((seen, false)).filter(|_| seen > 0));
            }
        }
    }

    /// Puts the line's operation on the tape; false where it has none. The error says where, and what was expected.
    fn parse(&mut self, length: usize) -> Result<bool, Wrong> {
        let line = self.window.bytes()[..length].trim_ascii_end();
        let Some(start) = line.iter().position(|b| !b.is_ascii_whitespace()) else {
            return Ok(false);
        };
        let behind = if self.logged {
            behind_logger(line, start)?
        } else {
            Some(start)
        };
        let Some(mut at) = behind else { return Ok(false) };
        self.text.clear();
        for (field, expected) in [
            ("{:process ", "a process"),
            (" :type :", ":invoke, :ok, :fail or :info"),
            (" :f :", "what was asked for: :read, :write, :cas"),
        ] {
            let token = word(line, &mut at);
            let begins = at - token.len();
            let token = std::str::from_utf8(token).map_err(|_| (begins, "UTF-8"))?;
            let name = match field {
                "{:process " => token,
                " :f :" if token == "nil" && !self.logged => continue,
                _ => token.strip_prefix(':').ok_or((begins, expected))?,
            };
            let known = field != " :type :" || TYPES.contains(&name);
            let clean = name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.:/?!+*<>=".contains(&b));
            if name.is_empty() || !known || !clean {
                return Err((begins, expected));
            }
            self.text.push_str(field);
            self.text.push_str(name);
        }
        let rest = std::str::from_utf8(&line[at..]).map_err(|_| (at, "UTF-8"))?;
        let value = rest.trim_start();
        let from = at + (rest.len() - value.len());
        if value.is_empty() {
            return Err((from, "a value"));
        }
        let error = match self.logged {
            true => "",
            false => split_value(value, &mut self.tape).map_err(|(at, expected)| (from + at, expected))?,
        };
        let value = value[..value.len() - error.len()].trim_end();
        let field = if value == ":timed-out" { " :error " } else { " :value " };
        self.text.push_str(field);
        let offset = self.text.len();
        self.text.push_str(value);
        if !error.is_empty() && value != ":timed-out" {
            self.text.push_str(" :error ");
            push_string(error, &mut self.text);
        }
        self.text.push('}');
        match edn::scan(self.text.as_bytes(), 0, true, &mut self.tape) {
            Ok(Some(end)) if end == self.text.len() => Ok(true),
            Ok(_) => Err((from, "a value")),
            Err(flaw) => Err((from + flaw.at.saturating_sub(offset), flaw.expected)),
        }
    }
}

/// Where in the line, and what was expected there.
type Wrong = (usize, &'static str);

/// Where the operation of a line begins whose level is at `start`; None where another logger wrote it.
fn behind_logger(line: &[u8], start: usize) -> Result<Option<usize>, Wrong> {
    if !LEVELS.iter().any(|level| line[start..].starts_with(level)) {
        return Err((start, "a line of a log: INFO  jepsen.util - 0 :invoke :read nil"));
    }
    let Some(logger) = memchr::memmem::find(line, LOGGER) else {
        return Ok(None);
    };
    let mut at = logger + LOGGER.len();
    if word(line, &mut at) != b"-" {
        return Err((at, "` - ` behind the logger's name"));
    }
    Ok(Some(at))
}

/// The error behind a value; empty where there is none.
fn split_value<'a>(value: &'a str, tape: &mut Tape) -> Result<&'a str, Wrong> {
    match edn::scan(value.as_bytes(), 0, true, tape) {
        Ok(Some(end)) => Ok(value[end..].trim_start()),
        Ok(None) => Err((value.len(), "the rest of the value")),
        Err(flaw) => Err((flaw.at, flaw.expected)),
    }
}

/// A text as a string of EDN.
fn push_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

/// The next word of the line, behind which it moves `at`.
fn word<'a>(line: &'a [u8], at: &mut usize) -> &'a [u8] {
    let blank = |b: &u8| b.is_ascii_whitespace();
    let start = *at + line[*at..].iter().position(|b| !blank(b)).unwrap_or(line.len() - *at);
    let length = line[start..].iter().position(blank).unwrap_or(line.len() - start);
    *at = start + length;
    &line[start..*at]
}
