//! Compressed bodies, made readable for a look at their keys.
//!
//! Never: makes more of a body than a bounded number of bytes.

use std::io::Read;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

/// A body that is longer when it is not compressed is not looked at.
const PLAIN_BYTES_MAX: u64 = 4 << 20;

/// The content of gzip; None where it is none, or too long.
pub(super) fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    read(MultiGzDecoder::new(bytes))
}

/// The content of zlib.
pub(super) fn zlib(bytes: &[u8]) -> Option<Vec<u8>> {
    read(ZlibDecoder::new(bytes))
}

/// What HTTP calls deflate: zlib, or what some servers send instead, the same without its frame.
pub(super) fn deflate(bytes: &[u8]) -> Option<Vec<u8>> {
    zlib(bytes).or_else(|| read(DeflateDecoder::new(bytes)))
}

fn read(decoder: impl Read) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    decoder.take(PLAIN_BYTES_MAX + 1).read_to_end(&mut plain).ok()?;
    (plain.len() as u64 <= PLAIN_BYTES_MAX).then_some(plain)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    #[test]
    fn each_form_reads_back_and_none_without_a_bound() {
        fn written(mut encoder: impl Write, bytes: &[u8]) {
            encoder.write_all(bytes).unwrap();
            encoder.flush().unwrap();
        }
        let mut out = [Vec::new(), Vec::new(), Vec::new()];
        let [in_gzip, in_zlib, raw] = &mut out;
        written(GzEncoder::new(in_gzip, Compression::fast()), b"a body");
        written(ZlibEncoder::new(in_zlib, Compression::fast()), b"a body");
        written(DeflateEncoder::new(raw, Compression::fast()), b"a body");
        let [in_gzip, in_zlib, raw] = out;
        let body = Some(b"a body".to_vec());
        assert_eq!(
            [gzip(&in_gzip), zlib(&in_zlib), deflate(&in_zlib), deflate(&raw)],
            [(); 4].map(|()| body.clone())
        );
        assert_eq!(
            [gzip(b"a body"), zlib(&in_gzip), gzip(&in_gzip[..8])],
            [None, None, None]
        );

        let mut bomb = Vec::new();
        written(
            GzEncoder::new(&mut bomb, Compression::best()),
            &vec![0; PLAIN_BYTES_MAX as usize + 1],
        );
        assert_eq!(gzip(&bomb), None);
    }
}
