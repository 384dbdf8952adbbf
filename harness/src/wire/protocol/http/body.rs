//! Where an HTTP/1.1 body ends, and how it is coded.
//!
//! A scanner that is fed bytes as they come, split anywhere. Never: looks at a byte twice.

use std::borrow::Cow;

use crate::wire::protocol::inflate;

/// A size line longer than this is no chunked body.
const SIZE_LINE_MAX: usize = 1024;

/// What is still to come of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// So many bytes.
    Sized(u64),
    /// Chunks.
    Chunked(Chunk),
    /// Everything until the connection ends.
    ToEnd,
}

/// Where in a chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunk {
    /// In a size line: what it says so far, its length, and whether the digits are over.
    Size { value: u64, line: usize, digits_over: bool },
    /// In a chunk: so many bytes to go, its line end included.
    Data(u64),
    /// In a trailer line of so many bytes so far.
    Trailer { line: usize },
}

/// The bytes are no body of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

impl Chunk {
    /// The beginning of a chunked body.
    pub(super) const START: Chunk = Chunk::Size {
        value: 0,
        line: 0,
        digits_over: false,
    };
}

impl Body {
    /// Takes bytes: how many of them belong to the body, and whether it ends with them.
    pub(super) fn scan(&mut self, bytes: &[u8]) -> Result<(usize, bool), Broken> {
        match self {
            Body::ToEnd => Ok((bytes.len(), false)),
            Body::Sized(left) => {
                let taken = (*left).min(bytes.len() as u64);
                *left -= taken;
                Ok((taken as usize, *left == 0))
            }
            Body::Chunked(chunk) => {
                let mut at = 0;
                while at < bytes.len() {
                    if chunk.step(bytes, &mut at)? {
                        return Ok((at, true));
                    }
                }
                Ok((at, false))
            }
        }
    }
}

impl Chunk {
    /// Takes one step; true at the end of the body.
    fn step(&mut self, bytes: &[u8], at: &mut usize) -> Result<bool, Broken> {
        let byte = bytes[*at];
        match self {
            Chunk::Data(left) => {
                let taken = (*left).min((bytes.len() - *at) as u64);
                *left -= taken;
                *at += taken as usize;
                if *left == 0 {
                    *self = Chunk::START;
                }
                return Ok(false);
            }
            Chunk::Size {
                value,
                line,
                digits_over,
            } => {
                *line += 1;
                match (byte, char::from(byte).to_digit(16)) {
                    (b'\n', _) if *line > 1 => *self = after_size_line(*value)?,
                    (_, Some(digit)) if !*digits_over => {
                        *value = value
                            .checked_mul(16)
                            .and_then(|v| v.checked_add(u64::from(digit)))
                            .ok_or(Broken)?;
                    }
                    (b';' | b' ' | b'\t' | b'\r', _) if *line > 1 => *digits_over = true,
                    (_, _) if *digits_over && *line < SIZE_LINE_MAX => {}
                    _ => return Err(Broken),
                }
            }
            Chunk::Trailer { line } => match byte {
                b'\n' if *line == 0 => {
                    *at += 1;
                    return Ok(true);
                }
                b'\n' => *line = 0,
                b'\r' => {}
                _ => *line += 1,
            },
        }
        *at += 1;
        Ok(false)
    }
}

fn after_size_line(size: u64) -> Result<Chunk, Broken> {
    match size {
        0 => Ok(Chunk::Trailer { line: 0 }),
        size => size.checked_add(2).map(Chunk::Data).ok_or(Broken),
    }
}

/// The payload of a chunked body that is all there.
pub(super) fn dechunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(end) = bytes.iter().position(|b| *b == b'\n') {
        let digits = bytes[..end]
            .split(|b| !b.is_ascii_hexdigit())
            .next()
            .unwrap_or_default();
        let size = std::str::from_utf8(digits)
            .ok()
            .and_then(|d| usize::from_str_radix(d, 16).ok());
        let (Some(size @ 1..), rest) = (size, &bytes[end + 1..]) else {
            break;
        };
        out.extend_from_slice(&rest[..size.min(rest.len())]);
        bytes = rest.get(size.saturating_add(2)..).unwrap_or_default();
    }
    out
}

/// How a body is coded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Coding {
    /// As it is.
    #[default]
    Identity,
    Gzip,
    Deflate,
    /// In a way that is not read here.
    Other,
}

impl Coding {
    /// By what a header says.
    pub(super) fn named(name: &str) -> Coding {
        match name.to_ascii_lowercase().as_str() {
            "" | "identity" => Coding::Identity,
            "gzip" | "x-gzip" => Coding::Gzip,
            "deflate" => Coding::Deflate,
            _ => Coding::Other,
        }
    }

    /// The content of a body; None where it cannot be read.
    pub(super) fn plain(self, body: &[u8]) -> Option<Cow<'_, [u8]>> {
        match self {
            Coding::Identity => Some(Cow::Borrowed(body)),
            // The answer to a HEAD, or one without content, is coded in name only.
            _ if body.is_empty() => Some(Cow::Borrowed(body)),
            Coding::Gzip => inflate::gzip(body).map(Cow::Owned),
            Coding::Deflate => inflate::deflate(body).map(Cow::Owned),
            Coding::Other => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CHUNKED: &[u8] = b"5\r\nhello\r\n1A;x=\"y\"\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nTrailer: 1\r\n\r\n";

    #[test]
    fn a_chunked_body_ends_after_its_trailers() {
        let mut body = Body::Chunked(Chunk::START);
        let with_more = [CHUNKED, b"GET"].concat();
        assert_eq!(body.scan(&with_more), Ok((CHUNKED.len(), true)));
        assert_eq!(dechunk(CHUNKED), b"helloabcdefghijklmnopqrstuvwxyz");
        for broken in [&b"\r\n"[..], b"xyz\r\n", b"fffffffffffffffff\r\n", b";\r\n"] {
            assert_eq!(Body::Chunked(Chunk::START).scan(broken), Err(Broken));
        }
    }

    proptest! {
        #[test]
        fn any_split_finds_the_same_end(cuts in proptest::collection::vec(0..CHUNKED.len(), 0..6)) {
            let mut cuts = cuts;
            cuts.extend([0, CHUNKED.len()]);
            cuts.sort_unstable();
            let mut body = Body::Chunked(Chunk::START);
            let mut ended = false;
            for pair in cuts.windows(2) {
                let piece = &CHUNKED[pair[0]..pair[1]];
                let (taken, end) = body.scan(piece).unwrap();
                prop_assert_eq!(taken, piece.len());
                ended |= end;
            }
            prop_assert!(ended);
        }

        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..99)) {
            let _ = Body::Chunked(Chunk::START).scan(&bytes);
            let _ = dechunk(&bytes);
        }
    }
}
