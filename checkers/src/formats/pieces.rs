//! A file's bytes in pieces of whole lines, one after the other: what has been read need not stay in memory.
//!
//! Never divides a line: where none ends within a piece, a larger one is tried.

use std::fs::File;
use std::io::Read;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use super::error::ReadError;
use super::map::{Bytes, map};
use super::reader::io;

/// How many bytes are mapped at once, unless a line is longer.
const PIECE_BYTES: u64 = 16 << 20;
/// How much larger the next try is where no line ends in a piece.
const GROWTH: u64 = 64;

/// The pieces of a file.
pub(crate) struct Pieces {
    source: Source,
    piece_bytes: u64,
    /// Where the next piece begins.
    at: u64,
}

enum Source {
    Mapped {
        file: File,
        name: String,
        size: u64,
    },
    /// What cannot be mapped is one piece.
    Read(Arc<Piece>),
}

/// Whole lines of a file; the last of all may have no end.
pub(crate) struct Piece {
    bytes: Bytes,
    end: usize,
}

impl Pieces {
    pub(crate) fn open(path: &Path) -> Result<Pieces, ReadError> {
        Pieces::with(path, PIECE_BYTES)
    }

    /// With pieces of so many bytes.
    pub(crate) fn with(path: &Path, piece_bytes: u64) -> Result<Pieces, ReadError> {
        let name = path.display().to_string();
        let mut file = File::open(path).map_err(io(&name))?;
        let meta = file.metadata().ok().filter(std::fs::Metadata::is_file);
        let size = meta.map_or(0, |meta| meta.len());
        let source = if size > 0 && map(&file, Some((0, 1))).is_ok() {
            Source::Mapped { file, name, size }
        } else {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).map_err(io(&name))?;
            let end = bytes.len();
            let bytes = Bytes::Owned(bytes);
            Source::Read(Arc::new(Piece { bytes, end }))
        };
        Ok(Pieces {
            source,
            piece_bytes,
            at: 0,
        })
    }

    /// Begins with the first piece again.
    pub(crate) fn rewind(&mut self) {
        self.at = 0;
    }

    /// The next piece; None at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Arc<Piece>>, ReadError> {
        let piece = match &self.source {
            Source::Read(piece) if self.at == 0 && piece.end > 0 => Arc::clone(piece),
            Source::Mapped { file, name, size } if self.at < *size => {
                let piece = Piece::map(file, self.at, *size, self.piece_bytes);
                Arc::new(piece.map_err(io(name))?)
            }
            _ => return Ok(None),
        };
        self.at += piece.end as u64;
        Ok(Some(piece))
    }
}

impl Piece {
    /// The lines from `start` on, of a file of this size.
    fn map(file: &File, start: u64, size: u64, piece_bytes: u64) -> std::io::Result<Piece> {
        let left = size - start;
        let mut wanted = piece_bytes;
        loop {
            let length = usize::try_from(wanted.min(left)).map_err(std::io::Error::other)?;
            let bytes = Bytes::Mapped(map(file, Some((start, length)))?);
            if wanted >= left {
                return Ok(Piece { bytes, end: length });
            }
            if let Some(last) = memchr::memrchr(b'\n', &bytes) {
                return Ok(Piece { bytes, end: last + 1 });
            }
            wanted = wanted.saturating_mul(GROWTH);
        }
    }
}

impl Deref for Piece {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(pieces: &mut Pieces) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| pieces.next().unwrap().map(|piece| piece.to_vec())).collect()
    }

    proptest! {
        #[test]
        fn pieces_are_the_file_and_end_with_lines(text in "[a\n]{0,300}", piece_bytes in 1..100_u64) {
            let path = std::env::temp_dir().join(format!("paytwice-pieces-{}", std::process::id()));
            std::fs::write(&path, &text).unwrap();
            let mut pieces = Pieces::with(&path, piece_bytes).unwrap();
            std::fs::remove_file(&path).unwrap();
            let read_first = read(&mut pieces);
            pieces.rewind();
            prop_assert_eq!(&read(&mut pieces), &read_first);
            prop_assert_eq!(read_first.concat(), text.as_bytes());
            let but_last = &read_first[..read_first.len().saturating_sub(1)];
            prop_assert!(but_last.iter().all(|piece| piece.ends_with(b"\n")));
        }
    }

    #[test]
    fn pieces_are_no_longer_than_they_need_to_be() {
        let path = std::env::temp_dir().join(format!("paytwice-some-pieces-{}", std::process::id()));
        for (text, lengths) in [
            ("", &[][..]),
            ("aa\naa\naa\naa\na", &[9, 4]),
            ("aa\naa\naa\naa\n", &[9, 3]),
            ("aaaaaaaaa\naaaaaaaaa\n", &[10, 10]),
            ("aaaaaaaaaa\naaaaaaaaa\na", &[22]),
        ] {
            std::fs::write(&path, text).unwrap();
            let mut pieces = Pieces::with(&path, 10).unwrap();
            let found: Vec<usize> = read(&mut pieces).iter().map(Vec::len).collect();
            assert_eq!(found, lengths, "{text}");
        }
        // A line that is too long makes one piece larger.
        std::fs::write(&path, "a".repeat(10) + "\n" + &"aa\n".repeat(300)).unwrap();
        let found = read(&mut Pieces::with(&path, 10).unwrap());
        assert_eq!(found[0].len(), 638);
        assert!(found[1..].iter().all(|piece| piece.len() == 9 || piece.len() == 3));
        std::fs::remove_file(&path).unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_cannot_be_mapped_is_one_piece() {
        // The system makes them up when they are read; they say that they have no bytes, or 4096.
        for path in ["/proc/version", "/sys/devices/system/cpu/possible"] {
            let Ok(bytes) = std::fs::read(path) else { continue };
            let mut pieces = Pieces::with(Path::new(path), 10).unwrap();
            for _ in 0..2 {
                assert_eq!(read(&mut pieces), [&bytes[..]], "{path}");
                pieces.rewind();
            }
        }
    }
}
