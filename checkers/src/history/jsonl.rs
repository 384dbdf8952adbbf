//! `history.jsonl`: one event per line.
//!
//! Reads what a killed writer left: a last line that was cut off is dropped and reported, every other line must
//! parse. Never guesses: a malformed line is an error that names file, line and column.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use crate::parallel::pipeline;

use super::{Body, Event, FORMAT_VERSION, Header, History};

/// The longest line that is read, in bytes: a bound on memory, far above what a final read takes.
pub const LINE_BYTES_MAX: u64 = 1 << 30;

/// Events, and bytes of their lines, that go from thread to thread at once, and how many such batches may wait.
const BATCH: usize = 512;
const BATCH_BYTES: usize = 1 << 20;
const BATCHES_WAITING: usize = 4;

/// How much of a malformed line is shown.
const FOUND_CHARS_MAX: usize = 40;

/// Why a history could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file could not be opened or read.
    #[error("{file}: {source}")]
    Io {
        /// Name of the file.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// A later version of the format.
    #[error(
        "{file}: the history has format version {found}; this program reads up to {FORMAT_VERSION}: use a newer one"
    )]
    Version {
        /// Name of the file.
        file: String,
        /// Its version.
        found: u32,
    },
    /// A line is not an event.
    #[error("{file}:{line}:{column}: expected {expected}, found {found}")]
    Line {
        /// Name of the file.
        file: String,
        /// Line, from 1.
        line: u64,
        /// Column in bytes, from 1.
        column: usize,
        /// What should have stood there.
        expected: String,
        /// What stood there.
        found: String,
    },
}

/// Reads the history in the file at `path`.
pub fn read_path(path: impl AsRef<Path>) -> Result<History, ReadError> {
    Events::open(path)?.whole()
}

/// Reads a history from `reader`; `file` is what errors call it.
pub fn read(reader: impl BufRead, file: &str) -> Result<History, ReadError> {
    Events::new(reader, file)?.whole()
}

/// A history, event by event: what is longer than memory is read so.
pub struct Events<R> {
    header: Header,
    /// The header's own event, until it is taken.
    first: Option<Event>,
    lines: Lines<R>,
}

impl Events<BufReader<File>> {
    /// Opens the history in the file at `path`.
    pub fn open(path: impl AsRef<Path>) -> Result<Events<BufReader<File>>, ReadError> {
        let path = path.as_ref();
        let file = path.display().to_string();
        let opened = File::open(path).map_err(|source| ReadError::Io {
            file: file.clone(),
            source,
        })?;
        Events::new(BufReader::with_capacity(1 << 18, opened), &file)
    }
}

impl<R: BufRead> Events<R> {
    /// Reads the header; `file` is what errors call it.
    pub fn new(reader: R, file: &str) -> Result<Events<R>, ReadError> {
        let mut lines = Lines {
            reader,
            file: file.to_owned(),
            line: 0,
            cut_off: false,
            buffer: Vec::new(),
        };
        let Some(first) = lines.next()? else {
            let found = if lines.cut_off {
                "a line that is cut off"
            } else {
                "the end of the file"
            };
            return Err(lines.error(1, "the header (f: \"history\") on the first line", found));
        };
        let Body::Header(header) = &first.body else {
            let found = format!("f: {:?}", first.body.f());
            return Err(lines.error(1, "the header (f: \"history\") on the first line", &found));
        };
        let header = (**header).clone();
        if header.version > FORMAT_VERSION {
            return Err(ReadError::Version {
                file: file.to_owned(),
                found: header.version,
            });
        }
        Ok(Events {
            header,
            first: Some(first),
            lines,
        })
    }

    /// What the first line said.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The next event; None at the end.
    pub fn next_event(&mut self) -> Result<Option<Event>, ReadError> {
        match self.first.take() {
            Some(first) => Ok(Some(first)),
            None => self.lines.next(),
        }
    }

    /// Gives every event that is left to `take`, while a thread of its own reads on; says whether the last line was cut off.
    pub fn each(mut self, mut take: impl FnMut(&Event)) -> Result<bool, ReadError>
    where
        R: Send,
    {
        let read = pipeline(
            BATCHES_WAITING,
            |full, empty| {
                loop {
                    let mut batch: Vec<Event> = empty.try_recv().unwrap_or_default();
                    batch.clear();
                    let mut bytes = 0;
                    while batch.len() < BATCH && bytes < BATCH_BYTES {
                        let Some(event) = self.next_event().transpose() else {
                            break;
                        };
                        let event = match event {
                            Ok(event) => event,
                            Err(error) => {
                                let _ = full.send(batch); // nobody listens where `take` has panicked
                                return Err(error);
                            }
                        };
                        bytes += self.lines.buffer.len();
                        batch.push(event);
                    }
                    if batch.is_empty() || full.send(batch).is_err() {
                        return Ok(self.lines.cut_off);
                    }
                }
            },
            |batch| {
                batch.iter().for_each(&mut take);
                Ok::<(), std::convert::Infallible>(())
            },
        );
        match read {
            Ok(read) => read,
            Err(never) => match never {},
        }
    }

    /// Whether the last line was cut off: true only once the end was reached.
    pub fn is_cut_off(&self) -> bool {
        self.lines.cut_off
    }

    fn whole(mut self) -> Result<History, ReadError> {
        let mut events = Vec::new();
        while let Some(event) = self.next_event()? {
            events.push(event);
        }
        Ok(History {
            header: self.header,
            events,
            truncated: self.lines.cut_off,
        })
    }
}

/// One event as a line, without the line's end.
pub fn to_line(event: &Event) -> serde_json::Result<String> {
    serde_json::to_string(event)
}

struct Lines<R> {
    reader: R,
    file: String,
    line: u64,
    /// Whether the last line was cut off.
    cut_off: bool,
    buffer: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> Result<Option<Event>, ReadError> {
        loop {
            self.buffer.clear();
            self.buffer.shrink_to(BATCH_BYTES);
            self.line += 1;
            let read = self
                .reader
                .by_ref()
                .take(LINE_BYTES_MAX)
                .read_until(b'\n', &mut self.buffer)
                .map_err(|source| ReadError::Io {
                    file: self.file.clone(),
                    source,
                })?;
            if read == 0 {
                return Ok(None);
            }
            let whole = self.buffer.last() == Some(&b'\n');
            if !whole && read as u64 == LINE_BYTES_MAX {
                let expected = format!("a line of less than {LINE_BYTES_MAX} bytes");
                return Err(self.error(read, &expected, "a longer one"));
            }
            if self.buffer.trim_ascii().is_empty() {
                continue;
            }
            return match self.parse() {
                Ok(event) => Ok(Some(event)),
                Err(_) if !whole => {
                    self.cut_off = true;
                    Ok(None)
                }
                Err(error) => Err(error),
            };
        }
    }

    fn parse(&self) -> Result<Event, ReadError> {
        let text = std::str::from_utf8(&self.buffer).map_err(|e| {
            let at = e.valid_up_to();
            self.error(at + 1, "UTF-8", &format!("byte 0x{:02x}", self.buffer[at]))
        })?;
        let text = text.trim_end_matches(['\n', '\r']);
        Event::from_line(text).map_err(|(column, e)| {
            let message = e.to_string();
            // The position at the end of serde's message is that of the value, not of the line.
            let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(m, _)| m);
            self.error(column.max(1), &expectation(message), &found(text, column))
        })
    }

    fn error(&self, column: usize, expected: &str, found: &str) -> ReadError {
        ReadError::Line {
            file: self.file.clone(),
            line: self.line.max(1),
            column,
            expected: expected.to_owned(),
            found: found.to_owned(),
        }
    }
}

/// serde's message as what was expected: `invalid type: null, expected u64` becomes `u64 (invalid type: null)`.
fn expectation(message: &str) -> String {
    if let Some((problem, expected)) = message.split_once(", expected ") {
        return format!("{expected} ({problem})");
    }
    match message.strip_prefix("expected ") {
        Some(expected) => expected.to_owned(),
        None => format!("an event ({message})"),
    }
}

/// What stands at `column`, from the beginning of its token, shortened.
fn found(text: &str, column: usize) -> String {
    let mut start = column.saturating_sub(1).min(text.len());
    if start == text.len() {
        return match text.char_indices().rev().nth(FOUND_CHARS_MAX / 2) {
            Some((tail, _)) => format!("the end of the line after `{}`", &text[tail..]),
            None => format!("the end of the line after `{text}`"),
        };
    }
    // serde's column is the end of a token; a token begins behind a delimiter.
    let token = |b: &u8| matches!(b, b':' | b',' | b'[' | b'{');
    let before = &text.as_bytes()[start.saturating_sub(FOUND_CHARS_MAX)..start];
    start -= before
        .iter()
        .rev()
        .position(token)
        .unwrap_or(if before.len() == start { start } else { 0 });
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let rest = &text[start..];
    match rest.char_indices().nth(FOUND_CHARS_MAX) {
        Some((end, _)) => format!("`{}...`", &rest[..end]),
        None => format!("`{rest}`"),
    }
}
