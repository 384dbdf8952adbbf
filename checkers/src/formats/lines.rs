//! A history in any format as the JSON lines that it would be, read operation by operation.
//!
//! A last operation that is cut off is a last line that is cut off. Never holds more than one operation.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use crate::ops::write_op_json;

use super::error::ReadError;
use super::reader::io;
use super::{Format, Reader};

/// How much of a file is read at once.
const BUFFER_BYTES: usize = 1 << 18;

/// The lines of a history that a reader has opened and not read yet: those of its file, where it has JSON lines.
pub(crate) fn json_lines(reader: Reader) -> Result<Box<dyn BufRead + Send>, ReadError> {
    if reader.format() == Format::Jsonl {
        let name = reader.path().display().to_string();
        let file = File::open(reader.path()).map_err(io(&name))?;
        return Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, file)));
    }
    Ok(Box::new(BufReader::new(JsonLines {
        reader,
        line: String::new(),
        taken: 0,
        ended: false,
    })))
}

/// The operations of a reader, each as a line of JSON.
struct JsonLines {
    reader: Reader,
    line: String,
    /// How much of the line has been taken.
    taken: usize,
    ended: bool,
}

impl JsonLines {
    fn advance(&mut self) -> io::Result<()> {
        self.line.clear();
        self.taken = 0;
        match self.reader.next().map_err(io::Error::other)? {
            Some(op) => {
                write_op_json(&op, &mut self.line);
                self.line.push('\n');
            }
            None => {
                self.ended = true;
                if self.reader.cut_off().is_some() {
                    self.line.push('{');
                }
            }
        }
        Ok(())
    }
}

impl Read for JsonLines {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.line.len() && !self.ended {
            self.advance()?;
        }
        let read = (&self.line.as_bytes()[self.taken..]).read(buffer)?;
        self.taken += read;
        Ok(read)
    }
}
