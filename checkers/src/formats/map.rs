//! The bytes of a file: mapped into memory where that is possible, read otherwise.

use std::fs::File;
use std::io::Read;
use std::ops::Deref;
use std::path::Path;

use super::error::ReadError;
use super::reader::io;

/// A file's bytes.
pub(crate) enum Bytes {
    Mapped(memmap2::Mmap),
    Owned(Vec<u8>),
}

impl Bytes {
    pub(crate) fn open(path: &Path) -> Result<Bytes, ReadError> {
        let name = path.display().to_string();
        let mut file = File::open(path).map_err(io(&name))?;
        if file.metadata().is_ok_and(|meta| meta.is_file())
            && let Ok(map) = map(&file)
        {
            return Ok(Bytes::Mapped(map));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io(&name))?;
        Ok(Bytes::Owned(bytes))
    }
}

/// Maps a file.
#[expect(unsafe_code, reason = "mapping is what makes reading as fast as memory")]
fn map(file: &File) -> std::io::Result<memmap2::Mmap> {
    // SAFETY: the bytes are only ever read, and every value taken from them is checked. What cannot be ruled out is
    // that another process changes the file meanwhile: histories are written once, and then only read.
    let map = unsafe { memmap2::Mmap::map(file) }?;
    let _ = map.advise(memmap2::Advice::Sequential); // a hint
    Ok(map)
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Bytes::Mapped(map) => map,
            Bytes::Owned(bytes) => bytes,
        }
    }
}
