//! Why a history could not be read: where, what was expected, what stood there.

use std::io;

/// How much of a malformed line is shown.
const FOUND_CHARS_MAX: usize = 40;
/// In how many bytes that much stands, and whether more follows.
pub(super) const FOUND_BYTES_MAX: usize = 4 * (FOUND_CHARS_MAX + 1);

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
    /// Something else stood where an operation was expected.
    #[error("{file}:{line}:{column}: expected {expected}, found {found}")]
    Malformed {
        /// Name of the file.
        file: String,
        /// Line, from 1.
        line: u64,
        /// Column in bytes, from 1.
        column: u64,
        /// What should have stood there.
        expected: String,
        /// What stood there.
        found: String,
    },
    /// A file in the binary form is damaged.
    #[error("{file}: byte {offset}: expected {expected}, found {found}")]
    Damaged {
        /// Name of the file.
        file: String,
        /// Where in the file.
        offset: u64,
        /// What should have stood there.
        expected: String,
        /// What stood there.
        found: String,
    },
    /// Nothing that this program reads.
    #[error("{file}: {problem}")]
    Unreadable {
        /// Name of the file.
        file: String,
        /// What is wrong, and what to do about it.
        problem: String,
    },
}

/// The last operation of a history, where the file ends within it: the writer died while it wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutOff {
    /// Line where the operation begins, from 1.
    pub line: u64,
    /// Bytes that were left of it.
    pub bytes: u64,
}

impl std::fmt::Display for CutOff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "cut off at line {}: its last {} bytes were left out",
            self.line, self.bytes
        )
    }
}

/// What stands at the beginning of `bytes`, shortened to one line.
pub(super) fn found(bytes: &[u8]) -> String {
    let line = &bytes[..memchr::memchr(b'\n', bytes).unwrap_or(bytes.len())];
    let shown = &line[..line.len().min(FOUND_BYTES_MAX)];
    let text = String::from_utf8_lossy(shown);
    let text = text.trim_end_matches('\r');
    match text.char_indices().nth(FOUND_CHARS_MAX) {
        Some((end, _)) => format!("`{}...`", &text[..end]),
        None if text.is_empty() => "the end of the line".into(),
        None => format!("`{text}`"),
    }
}
