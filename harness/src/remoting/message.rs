//! Stored messages: the form in which a broker keeps a message and hands it to consumers.
//!
//! The body of a pull answer is such records one after the other. Only what identifies a message is read: topic,
//! place, keys, body. Never: reads beyond what the record's own lengths allow.

use std::ops::Range;

use super::codec::CodecError;

/// Magic number of records with a topic length of one byte.
const MAGIC_V1: u32 = 0xDAA3_20A7;
/// Magic number of records with a topic length of two bytes.
const MAGIC_V2: u32 = 0xDAA3_20AB;
/// Set in the system flag when the body is compressed.
const SYSFLAG_COMPRESSED: u32 = 1;
/// Set in the system flag when the body is several messages, stored as one.
const SYSFLAG_INNER_BATCH: u32 = 1 << 7;
/// Length, magic number, checksum, flag and length of the body of a message in a batch.
const BATCHED_HEAD_BYTES: usize = 20;
/// Set in the system flag when the host that sent it has an IPv6 address.
const SYSFLAG_BORN_HOST_V6: u32 = 1 << 4;
/// Set in the system flag when the host that stored it has an IPv6 address.
const SYSFLAG_STORE_HOST_V6: u32 = 1 << 5;

/// `NAME \u{1} VALUE \u{2} NAME \u{1} ...`: the properties of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Properties<'a>(&'a str);

impl<'a> Properties<'a> {
    /// Properties in their text form.
    pub fn new(text: &'a str) -> Self {
        Properties(text)
    }

    /// A property by name.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.0
            .split('\u{2}')
            .filter_map(|pair| pair.split_once('\u{1}'))
            .find_map(|(key, value)| (key == name).then_some(value))
    }

    /// The business keys that the sender gave (separated by spaces in `KEYS`).
    pub fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.get("KEYS").unwrap_or_default().split_ascii_whitespace()
    }

    /// The number that the sending client gave the message; every copy of it carries the same one.
    pub fn unique_key(&self) -> Option<&'a str> {
        self.get("UNIQ_KEY")
    }

    /// True for the half message of a transaction.
    pub fn is_half(&self) -> bool {
        self.get("TRAN_MSG")
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }
}

/// How the body of a message is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// With zlib, the default of producers.
    Zlib,
    /// With LZ4, zstd, or something newer.
    Other,
}

impl Compression {
    /// As the system flag of a message says; the kind stands in three of its bits.
    pub fn of(sysflag: u32) -> Compression {
        match (sysflag & SYSFLAG_COMPRESSED, sysflag >> 8 & 7) {
            (0, _) => Compression::None,
            (_, 0 | 3) => Compression::Zlib,
            _ => Compression::Other,
        }
    }
}

/// A message of a batch, as a producer sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batched<'a> {
    /// Its properties.
    pub properties: Properties<'a>,
    /// Its body.
    pub body: &'a [u8],
}

/// The messages of a batch; None where the body is none.
pub fn batch(mut body: &[u8]) -> Option<Vec<Batched<'_>>> {
    let mut messages = Vec::new();
    while !body.is_empty() {
        let size = u32::from_be_bytes(*body.first_chunk()?) as usize;
        if size < BATCHED_HEAD_BYTES {
            return None;
        }
        let (message, after) = body.split_at_checked(size)?;
        let mut rest = Reader(&message[BATCHED_HEAD_BYTES - 4..]);
        let body_bytes = rest.u32().ok()? as usize;
        let of_message = rest.take(body_bytes).ok()?;
        let properties_bytes = rest.take(2).ok()?.iter().fold(0, |n, b| n << 8 | usize::from(*b));
        let properties = Properties(rest.text(properties_bytes).ok()?);
        messages.push(Batched {
            properties,
            body: of_message,
        });
        body = after;
    }
    Some(messages)
}

/// One stored message, read in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Where it stands in the bytes that it was read from.
    pub span: Range<usize>,
    /// Its queue.
    pub queue_id: i32,
    /// Its place in the queue.
    pub queue_offset: i64,
    /// Its place in the broker's log.
    pub log_offset: i64,
    /// How often it was given back by consumers.
    pub reconsume_times: i32,
    /// Its topic, as stored.
    pub topic: &'a str,
    /// Its properties.
    pub properties: Properties<'a>,
    /// Its body, as it is stored.
    pub body: &'a [u8],
    /// How that is compressed.
    pub compression: Compression,
    /// Whether it is several messages.
    pub is_batch: bool,
}

/// The records of a pull answer (or of a transaction check), one after the other.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Records<'a> {
    /// Reads records from the front of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Records { bytes, at: 0 }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, CodecError>;

    /// After an error there is no way to find the next record: the rest is given up.
    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let record = read_record(self.bytes, self.at);
        self.at = record.as_ref().map_or(self.bytes.len(), |r| r.span.end);
        Some(record)
    }
}

fn read_record(bytes: &[u8], start: usize) -> Result<Record<'_>, CodecError> {
    let rest = &bytes[start..];
    let size = rest.first_chunk::<4>().ok_or(CodecError::Record("no size"))?;
    let size = u32::from_be_bytes(*size) as usize;
    let mut r = Reader(rest.get(4..size).ok_or(CodecError::Record("a size beyond the body"))?);
    let topic_length_bytes = match r.u32()? {
        MAGIC_V1 => 1,
        MAGIC_V2 => 2,
        _ => return Err(CodecError::Record("an unknown magic number")),
    };
    r.skip(4)?; // checksum of the body
    let queue_id = r.u32()? as i32;
    r.skip(4)?; // flag
    let queue_offset = r.i64()?;
    let log_offset = r.i64()?;
    let sysflag = r.u32()?;
    r.skip(8)?; // born time
    r.skip(if sysflag & SYSFLAG_BORN_HOST_V6 == 0 { 8 } else { 20 })?;
    r.skip(8)?; // store time
    r.skip(if sysflag & SYSFLAG_STORE_HOST_V6 == 0 { 8 } else { 20 })?;
    let reconsume_times = r.u32()? as i32;
    r.skip(8)?; // offset of the prepared message
    let body_bytes = r.u32()? as usize;
    let body = r.take(body_bytes)?;
    let topic_bytes = r
        .take(topic_length_bytes)?
        .iter()
        .fold(0, |n, b| n << 8 | usize::from(*b));
    let topic = r.text(topic_bytes)?;
    let properties_bytes = r.take(2)?.iter().fold(0, |n, b| n << 8 | usize::from(*b));
    let properties = Properties(r.text(properties_bytes)?);
    Ok(Record {
        span: start..start + size,
        queue_id,
        queue_offset,
        log_offset,
        reconsume_times,
        topic,
        properties,
        body,
        compression: Compression::of(sysflag),
        is_batch: sysflag & SYSFLAG_INNER_BATCH != 0,
    })
}

/// Reads from the front of a record.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, bytes: usize) -> Result<&'a [u8], CodecError> {
        let short = CodecError::Record("it ends too early");
        let (front, rest) = self.0.split_at_checked(bytes).ok_or(short)?;
        self.0 = rest;
        Ok(front)
    }

    fn skip(&mut self, bytes: usize) -> Result<(), CodecError> {
        self.take(bytes).map(|_| ())
    }

    fn u32(&mut self) -> Result<u32, CodecError> {
        Ok(self.take(4)?.iter().fold(0, |n, b| n << 8 | u32::from(*b)))
    }

    fn i64(&mut self) -> Result<i64, CodecError> {
        Ok(self.take(8)?.iter().fold(0, |n, b| n << 8 | i64::from(*b)))
    }

    fn text(&mut self, bytes: usize) -> Result<&'a str, CodecError> {
        std::str::from_utf8(self.take(bytes)?).map_err(|_| CodecError::Record("text that is not UTF-8"))
    }
}

/// Writes a batch as a producer would: for tests of what reads them.
#[cfg(test)]
pub(crate) fn test_batch(messages: &[(&str, &[u8])]) -> Vec<u8> {
    use bytes::BufMut;
    let mut out = Vec::new();
    for (properties, body) in messages {
        out.put_u32((BATCHED_HEAD_BYTES + body.len() + 2 + properties.len()) as u32);
        out.put_bytes(0, 12);
        out.put_u32(body.len() as u32);
        out.put_slice(body);
        out.put_u16(properties.len() as u16);
        out.put_slice(properties.as_bytes());
    }
    out
}

/// Writes a record as a broker would: for tests of what reads them.
#[cfg(test)]
pub(crate) fn test_record(topic: &str, queue_offset: i64, properties: &str, body: &[u8]) -> Vec<u8> {
    test_record_with(topic, queue_offset, 0, properties, body)
}

/// The same with a system flag.
#[cfg(test)]
pub(crate) fn test_record_with(topic: &str, queue_offset: i64, sysflag: u32, properties: &str, body: &[u8]) -> Vec<u8> {
    use bytes::BufMut;
    let mut out = Vec::new();
    out.put_u32(0);
    out.put_u32(MAGIC_V1);
    out.put_u32(0);
    out.put_u32(2);
    out.put_u32(0);
    out.put_i64(queue_offset);
    out.put_i64(queue_offset * 1000);
    out.put_u32(sysflag);
    out.put_bytes(0, 32);
    out.put_u32(1);
    out.put_i64(0);
    out.put_u32(body.len() as u32);
    out.put_slice(body);
    out.put_u8(topic.len() as u8);
    out.put_slice(topic.as_bytes());
    out.put_u16(properties.len() as u16);
    out.put_slice(properties.as_bytes());
    let size = out.len() as u32;
    out[..4].copy_from_slice(&size.to_be_bytes());
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn records_follow_each_other() {
        let mut bytes = test_record("t", 4, "KEYS\u{1}a b\u{2}UNIQ_KEY\u{1}U1\u{2}", b"{}");
        bytes.extend(test_record("%RETRY%g", 5, "TRAN_MSG\u{1}true", b""));
        let records: Vec<_> = Records::new(&bytes).collect::<Result<_, _>>().unwrap();
        assert_eq!(records.len(), 2);
        assert_eq!(
            (records[0].queue_id, records[0].queue_offset, records[0].log_offset),
            (2, 4, 4000)
        );
        assert_eq!(records[0].properties.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(records[0].properties.unique_key(), Some("U1"));
        assert_eq!(
            (records[0].body, records[0].compression),
            (&b"{}"[..], Compression::None)
        );
        assert_eq!((records[1].topic, records[1].reconsume_times), ("%RETRY%g", 1));
        assert!(records[1].properties.is_half());
        assert_eq!(records[1].span.end, bytes.len());
    }

    #[test]
    fn a_batch_reads_back_and_half_of_one_does_not() {
        let bytes = test_batch(&[("KEYS\u{1}a\u{2}", b"{}"), ("", b"")]);
        let messages = batch(&bytes).unwrap();
        assert_eq!(messages.len(), 2);
        assert_eq!(messages[0].properties.keys().collect::<Vec<_>>(), ["a"]);
        assert_eq!((messages[0].body, messages[1].body), (&b"{}"[..], &b""[..]));
        for cut in 1..bytes.len() {
            let whole = batch(&bytes[..cut]).map(|messages| messages.len());
            assert!(matches!(whole, None | Some(1)), "{cut}");
        }
        assert_eq!(batch(&[0; 20]), None);
    }

    #[test]
    fn the_kind_of_compression_stands_in_the_system_flag() {
        for (sysflag, kind) in [
            (0, Compression::None),
            (3 << 8, Compression::None),
            (1, Compression::Zlib),
            (1 | 3 << 8, Compression::Zlib),
            (1 | 1 << 8, Compression::Other),
            (1 | 2 << 8, Compression::Other),
        ] {
            assert_eq!(Compression::of(sysflag), kind);
        }
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Records::new(&bytes).count();
            let _ = batch(&bytes);
        }

        #[test]
        fn damaged_records_never_panic(at in any::<proptest::sample::Index>(), byte in any::<u8>(), cut in 0usize..130) {
            let mut bytes = test_record("topic", 9, "KEYS\u{1}k\u{2}", b"body");
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes.truncate(bytes.len().saturating_sub(cut));
            let _ = Records::new(&bytes).count();
        }
    }
}
