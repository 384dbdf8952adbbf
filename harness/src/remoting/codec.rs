//! Frames of the remoting protocol: where one ends, what its header says, and both header encodings.
//!
//! A frame is 4 bytes of length (without themselves), 1 byte of header encoding and 3 bytes of header length, the
//! header, the body. Each frame names its own encoding: a broker may answer a binary request with a JSON header.
//! Never: panics on foreign bytes, or allocates what a length field promises before the bytes are there.

use std::collections::BTreeMap;

use bytes::{BufMut, Bytes, BytesMut};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Longer frames are not remoting frames (brokers refuse them far earlier).
pub const FRAME_BYTES_MAX: usize = 32 << 20;

/// Set in `flag` of a response.
const FLAG_RESPONSE: i32 = 1;
/// Set in `flag` of a request that will not be answered.
const FLAG_ONEWAY: i32 = 2;
/// Length field, and encoding with header length.
const PREFIX_BYTES: usize = 8;
/// Version of RocketMQ 5.x that our own frames announce.
const VERSION: i32 = 475;

/// Why bytes are no frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// A length field contradicts itself or the limits.
    #[error("a {what} of {bytes} bytes does not fit into the frame")]
    Length {
        /// Which length.
        what: &'static str,
        /// What it said.
        bytes: u64,
    },
    /// The encoding byte is neither JSON nor binary.
    #[error("header encoding {0} is not known")]
    Encoding(u8),
    /// The header is not what its encoding byte says.
    #[error("the header cannot be read: {0}")]
    Header(String),
    /// A stored message in a body is damaged.
    #[error("a stored message cannot be read: {0}")]
    Record(&'static str),
    /// A body is not what its request code promises.
    #[error("the body cannot be read: {0}")]
    Body(String),
}

/// How a header is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serialization {
    /// A JSON object.
    Json,
    /// RocketMQ's own binary form.
    Binary,
}

/// Where the first frame of a buffer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameEnd {
    /// More bytes are needed to tell.
    Unknown,
    /// After this many bytes, which may not all be there yet.
    At(usize),
    /// These bytes begin no frame.
    Broken,
}

/// Finds the end of the frame that `buffer` begins with.
pub fn frame_end(buffer: &[u8]) -> FrameEnd {
    let Some(prefix) = buffer.first_chunk::<PREFIX_BYTES>() else {
        // A TLS or text greeting is told from the length field alone.
        return match buffer.first_chunk::<4>() {
            Some(length) if !plausible(u32::from_be_bytes(*length)) => FrameEnd::Broken,
            _ => FrameEnd::Unknown,
        };
    };
    let [l0, l1, l2, l3, encoding, h0, h1, h2] = *prefix;
    let length = u32::from_be_bytes([l0, l1, l2, l3]);
    let header = u32::from_be_bytes([0, h0, h1, h2]);
    if !plausible(length) || encoding > 1 || header > length - 4 {
        return FrameEnd::Broken;
    }
    FrameEnd::At(4 + length as usize)
}

fn plausible(length: u32) -> bool {
    length >= 4 && length as usize <= FRAME_BYTES_MAX
}

/// What the header of a frame says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Request code, or response code.
    pub code: i32,
    /// Pairs a response with its request.
    pub opaque: i32,
    /// Bit 0: a response; bit 1: oneway.
    pub flag: i32,
    /// Words of the peer, mostly about an error.
    pub remark: Option<String>,
    /// Named fields of the request or response.
    pub fields: BTreeMap<String, String>,
}

impl Header {
    /// True for the answer to a request.
    pub fn is_response(&self) -> bool {
        self.flag & FLAG_RESPONSE != 0
    }

    /// True for a request that will not be answered.
    pub fn is_oneway(&self) -> bool {
        self.flag & FLAG_ONEWAY != 0
    }

    /// A field by name.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// A field as a number.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.field(name)?.parse().ok()
    }
}

/// One whole frame: its bytes as they came, and its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What the header says.
    pub header: Header,
    /// How the header is written.
    pub serialization: Serialization,
    raw: Bytes,
    body_at: usize,
}

impl Frame {
    /// Reads one whole frame.
    pub fn parse(raw: Bytes) -> Result<Frame, CodecError> {
        match frame_end(&raw) {
            FrameEnd::At(end) if end == raw.len() => {}
            _ => {
                return Err(CodecError::Length {
                    what: "frame",
                    bytes: raw.len() as u64,
                });
            }
        }
        let encoding = raw[4];
        let header_bytes = u32::from_be_bytes([0, raw[5], raw[6], raw[7]]) as usize;
        let body_at = PREFIX_BYTES + header_bytes;
        let bytes = &raw[PREFIX_BYTES..body_at];
        let (serialization, header) = match encoding {
            0 => (Serialization::Json, parse_json(bytes)?),
            1 => (Serialization::Binary, parse_binary(bytes)?),
            other => return Err(CodecError::Encoding(other)),
        };
        Ok(Frame {
            header,
            serialization,
            raw,
            body_at,
        })
    }

    /// A new JSON-encoded request.
    pub fn request(code: i32, opaque: i32, oneway: bool, fields: &BTreeMap<String, String>, body: &[u8]) -> Bytes {
        let header = json!({
            "code": code,
            "language": "OTHER",
            "version": VERSION,
            "opaque": opaque,
            "flag": if oneway { FLAG_ONEWAY } else { 0 },
            "extFields": fields,
            "serializeTypeCurrentRPC": "JSON",
        });
        assemble(Serialization::Json, header.to_string().as_bytes(), body)
    }

    /// A new JSON-encoded answer without fields or body.
    pub fn answer(code: i32, opaque: i32, remark: &str) -> Bytes {
        let header = json!({
            "code": code,
            "language": "JAVA",
            "version": VERSION,
            "opaque": opaque,
            "flag": FLAG_RESPONSE,
            "remark": remark,
            "serializeTypeCurrentRPC": "JSON",
        });
        assemble(Serialization::Json, header.to_string().as_bytes(), &[])
    }

    /// The bytes as they came.
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// What follows the header.
    pub fn body(&self) -> &[u8] {
        &self.raw[self.body_at..]
    }

    /// The same frame under another opaque.
    pub fn with_opaque(&self, opaque: i32) -> Result<Bytes, CodecError> {
        let bytes = &self.raw[PREFIX_BYTES..self.body_at];
        let header = match self.serialization {
            Serialization::Json => edit_json(bytes, |map| {
                map.insert("opaque".to_owned(), opaque.into());
            })?,
            Serialization::Binary => {
                let mut header = bytes.to_vec();
                let at = header.get_mut(5..9).ok_or_else(short)?;
                at.copy_from_slice(&opaque.to_be_bytes());
                header
            }
        };
        Ok(assemble(self.serialization, &header, self.body()))
    }

    /// The same frame with one named field changed.
    pub fn with_field(&self, name: &str, value: &str) -> Result<Bytes, CodecError> {
        let bytes = &self.raw[PREFIX_BYTES..self.body_at];
        let header = match self.serialization {
            Serialization::Json => edit_json(bytes, |map| {
                let fields = map.entry("extFields").or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(fields) = fields {
                    fields.insert(name.to_owned(), value.into());
                }
            })?,
            Serialization::Binary => {
                let mut header = self.header.clone();
                header.fields.insert(name.to_owned(), value.to_owned());
                edit_binary(bytes, &header)?
            }
        };
        Ok(assemble(self.serialization, &header, self.body()))
    }

    /// The same header before another body.
    pub fn with_body(&self, body: &[u8]) -> Bytes {
        assemble(self.serialization, &self.raw[PREFIX_BYTES..self.body_at], body)
    }
}

fn assemble(serialization: Serialization, header: &[u8], body: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(PREFIX_BYTES + header.len() + body.len());
    out.put_u32((4 + header.len() + body.len()) as u32);
    let encoding: u32 = match serialization {
        Serialization::Json => 0,
        Serialization::Binary => 1,
    };
    out.put_u32(encoding << 24 | (header.len() as u32 & 0x00ff_ffff));
    out.put_slice(header);
    out.put_slice(body);
    out.freeze()
}

fn parse_json(bytes: &[u8]) -> Result<Header, CodecError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Json {
        code: i32,
        #[serde(default)]
        opaque: i32,
        #[serde(default)]
        flag: i32,
        #[serde(default)]
        remark: Option<String>,
        #[serde(default)]
        ext_fields: Option<BTreeMap<String, Option<String>>>,
    }
    let json: Json = serde_json::from_slice(bytes).map_err(|e| CodecError::Header(e.to_string()))?;
    Ok(Header {
        code: json.code,
        opaque: json.opaque,
        flag: json.flag,
        remark: json.remark,
        fields: json
            .ext_fields
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect(),
    })
}

fn edit_json(bytes: &[u8], edit: impl FnOnce(&mut Map<String, Value>)) -> Result<Vec<u8>, CodecError> {
    let mut map: Map<String, Value> = serde_json::from_slice(bytes).map_err(|e| CodecError::Header(e.to_string()))?;
    edit(&mut map);
    serde_json::to_vec(&map).map_err(|e| CodecError::Header(e.to_string()))
}

/// code 2, language 1, version 2, opaque 4, flag 4, remark (4 + n), fields (4 + n): (2 + name, 4 + value)*.
fn parse_binary(bytes: &[u8]) -> Result<Header, CodecError> {
    let mut rest = Cursor(bytes);
    let code = i32::from(i16::from_be_bytes(rest.array()?));
    let _language: [u8; 1] = rest.array()?;
    let _version: [u8; 2] = rest.array()?;
    let opaque = i32::from_be_bytes(rest.array()?);
    let flag = i32::from_be_bytes(rest.array()?);
    let remark = rest.long_text()?;
    let fields_bytes = u32::from_be_bytes(rest.array()?) as usize;
    let mut rest = Cursor(rest.take(fields_bytes)?);
    let mut fields = BTreeMap::new();
    while !rest.0.is_empty() {
        let name_bytes = u16::from_be_bytes(rest.array()?) as usize;
        let name = text(rest.take(name_bytes)?);
        fields.insert(name, rest.long_text()?);
    }
    Ok(Header {
        code,
        opaque,
        flag,
        remark: (!remark.is_empty()).then_some(remark),
        fields,
    })
}

/// Keeps language and version of `old`; writes everything else anew.
fn edit_binary(old: &[u8], header: &Header) -> Result<Vec<u8>, CodecError> {
    let mut out = old.get(..13).ok_or_else(short)?.to_vec();
    out[5..9].copy_from_slice(&header.opaque.to_be_bytes());
    put_binary_tail(&mut out, header);
    Ok(out)
}

fn put_binary_tail(out: &mut Vec<u8>, header: &Header) {
    let remark = header.remark.as_deref().unwrap_or_default();
    out.put_u32(remark.len() as u32);
    out.put_slice(remark.as_bytes());
    let mut fields = Vec::new();
    for (name, value) in &header.fields {
        fields.put_u16(name.len() as u16);
        fields.put_slice(name.as_bytes());
        fields.put_u32(value.len() as u32);
        fields.put_slice(value.as_bytes());
    }
    out.put_u32(fields.len() as u32);
    out.put_slice(&fields);
}

/// A whole frame with a binary header, as a peer that prefers them would send it.
#[cfg(test)]
pub(crate) fn encode_binary(header: &Header, body: &[u8]) -> Bytes {
    let mut out = Vec::new();
    out.put_i16(header.code as i16);
    out.put_u8(7); // language: other
    out.put_u16(VERSION as u16);
    out.put_i32(header.opaque);
    out.put_i32(header.flag);
    put_binary_tail(&mut out, header);
    assemble(Serialization::Binary, &out, body)
}

fn short() -> CodecError {
    CodecError::Header("it ends too early".to_owned())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Reads from the front of a header.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, bytes: usize) -> Result<&'a [u8], CodecError> {
        let (front, rest) = self.0.split_at_checked(bytes).ok_or_else(short)?;
        self.0 = rest;
        Ok(front)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let (front, rest) = self.0.split_first_chunk::<N>().ok_or_else(short)?;
        self.0 = rest;
        Ok(*front)
    }

    fn long_text(&mut self) -> Result<String, CodecError> {
        let bytes = u32::from_be_bytes(self.array()?) as usize;
        Ok(text(self.take(bytes)?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn a_request_reads_back() {
        let raw = Frame::request(
            10,
            7,
            true,
            &fields(&[("topic", "t"), ("properties", "KEYS\u{1}k\u{2}")]),
            b"body",
        );
        let frame = Frame::parse(raw.clone()).unwrap();
        assert_eq!((frame.header.code, frame.header.opaque), (10, 7));
        assert!(frame.header.is_oneway() && !frame.header.is_response());
        assert_eq!(frame.header.field("properties"), Some("KEYS\u{1}k\u{2}"));
        assert_eq!(frame.body(), b"body");
        assert_eq!(frame.raw(), &raw);
    }

    #[test]
    fn edits_change_one_thing_in_both_encodings() {
        let header = Header {
            code: 310,
            opaque: 5,
            flag: 1,
            remark: Some("hm".to_owned()),
            fields: fields(&[("nextBeginOffset", "12"), ("i", "x")]),
        };
        let json = Frame::request(310, 5, false, &header.fields, b"payload");
        for raw in [encode_binary(&header, b"payload"), json] {
            let before = Frame::parse(raw).unwrap();
            let after = Frame::parse(before.with_opaque(0x6000_0001).unwrap()).unwrap();
            assert_eq!(after.header.opaque, 0x6000_0001);
            assert_eq!(after.header.fields, before.header.fields);
            let after = Frame::parse(before.with_field("nextBeginOffset", "11").unwrap()).unwrap();
            assert_eq!(after.header.number("nextBeginOffset"), Some(11));
            assert_eq!(after.header.field("i"), Some("x"));
            assert_eq!(after.header.opaque, 5);
            assert_eq!(after.body(), b"payload");
            let after = Frame::parse(before.with_body(b"")).unwrap();
            assert_eq!(after.body(), b"");
            assert_eq!(after.header, before.header);
        }
    }

    #[test]
    fn foreign_greetings_begin_no_frame() {
        assert_eq!(frame_end(b"\x16\x03\x01\x02\x00"), FrameEnd::Broken, "TLS");
        assert_eq!(frame_end(b"GET / HTTP/1.1"), FrameEnd::Broken);
        assert_eq!(frame_end(&[0, 0, 0, 3, 0, 0, 0, 0]), FrameEnd::Broken);
        assert_eq!(
            frame_end(&[0, 0, 0, 8, 0, 0, 0, 5]),
            FrameEnd::Broken,
            "header longer than frame"
        );
        assert_eq!(frame_end(&[0, 0, 0, 8]), FrameEnd::Unknown);
        assert_eq!(frame_end(&[0, 0, 0, 8, 1, 0, 0, 4]), FrameEnd::At(12));
    }

    fn header() -> impl Strategy<Value = Header> {
        let remark = proptest::option::of(".{1,20}");
        let fields = proptest::collection::btree_map(".{0,9}", ".{0,30}", 0..6);
        (any::<i16>(), any::<i32>(), any::<i32>(), remark, fields).prop_map(|(code, opaque, flag, remark, fields)| {
            Header {
                code: i32::from(code),
                opaque,
                flag,
                remark,
                fields,
            }
        })
    }

    proptest! {
        #[test]
        fn binary_headers_read_back(header in header(), body in proptest::collection::vec(any::<u8>(), 0..99)) {
            let frame = Frame::parse(encode_binary(&header, &body)).unwrap();
            prop_assert_eq!(&frame.header, &header);
            prop_assert_eq!(frame.body(), &body[..]);
        }

        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), encoding in 0u8..3) {
            let _ = frame_end(&bytes);
            let _ = Frame::parse(Bytes::from(bytes.clone()));
            // The same garbage behind a prefix that fits, as header alone and as half header, half body.
            for header in [bytes.len(), bytes.len() / 2] {
                let mut raw = ((bytes.len() + 4) as u32).to_be_bytes().to_vec();
                raw.extend((u32::from(encoding) << 24 | header as u32).to_be_bytes());
                raw.extend(&bytes);
                if let Ok(frame) = Frame::parse(Bytes::from(raw)) {
                    let _ = frame.with_opaque(1);
                    let _ = frame.with_field("a", "b");
                }
            }
        }

        #[test]
        fn damaged_headers_never_panic(header in header(), at in any::<proptest::sample::Index>(), byte in any::<u8>()) {
            let mut raw = encode_binary(&header, b"xyz").to_vec();
            let at = at.index(raw.len());
            raw[at] = byte;
            let _ = Frame::parse(Bytes::from(raw));
        }
    }
}
