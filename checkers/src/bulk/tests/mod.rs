//! What the bulk way's own tests read.

mod left;
mod taken;

use std::io::Write as _;

use tempfile::NamedTempFile;

use crate::formats::binary::{Binary, BinaryWriter};
use crate::formats::pieces::Pieces;
use crate::formats::{Format, Reader};

/// A file that is gone when the test is.
pub(super) struct Scratch(NamedTempFile);

impl Scratch {
    pub(super) fn new(text: &str) -> Scratch {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Scratch(file)
    }

    pub(super) fn pieces(&self) -> Pieces {
        Pieces::open(self.0.path()).unwrap()
    }

    /// None where it cannot be read.
    pub(super) fn binary(&self) -> Option<Binary> {
        let mut reader = Reader::open(self.0.path(), Some(Format::Jsonl)).unwrap();
        let mut writer = BinaryWriter::new(Vec::new()).unwrap();
        while let Some(op) = reader.next().ok()? {
            writer.push(&op).unwrap();
        }
        let mut binary = Binary::new(writer.finish(None).unwrap(), "taken").unwrap();
        for _ in 0..binary.block_count() {
            binary.enter_unverified().unwrap();
        }
        Some(binary)
    }
}
