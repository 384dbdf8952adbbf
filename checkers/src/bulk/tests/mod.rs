//! What the bulk way's own tests read.

mod left;
mod taken;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::formats::binary::{Binary, BinaryWriter};
use crate::formats::pieces::Pieces;
use crate::formats::{Format, Reader};

/// A file that is gone when the test is.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new(text: &str) -> Scratch {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "paytwice-taken-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        Scratch(path)
    }

    pub(super) fn pieces(&self) -> Pieces {
        Pieces::open(&self.0).unwrap()
    }

    /// None where it cannot be read.
    pub(super) fn binary(&self) -> Option<Binary> {
        let mut reader = Reader::open(&self.0, Some(Format::Jsonl)).unwrap();
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

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
