//! Fressian, as far as Jepsen writes it: one value after the other onto a tape.
//!
//! A value begins with a code. Numbers and lengths are packed into it where they are small. A struct is a tag with a number
//! of values behind it; keywords, maps and sets are structs. What is written with `PUT_PRIORITY_CACHE` is named by its
//! number afterwards, and so is the tag of a struct: the caches live as long as the stream.
//!
//! Trusts nothing: every length is checked against what is there. Only leaves are taken from the cache, as Jepsen does, so
//! that no value is larger than what it was read from.

use std::ops::Range;

use crate::formats::OP_BYTES_MAX;
use crate::ops::{DEPTH_MAX, Sequence, Tape};

/// What was expected, and where.
pub(super) type Flaw = (usize, &'static str);

/// The tag of an operation of Jepsen's.
const OP: &str = "jepsen.history.Op";

/// How deep leaves nest: a cached keyword has a cached name, whose length is a number.
const PARTS_MAX: usize = 8;

/// A value without parts.
#[derive(Clone, Debug)]
enum Leaf {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Number(String),
    Char(char),
    Text(String),
    Keyword(String),
    Symbol(String),
    Bytes(Vec<u8>),
}

/// The beginning of a value: its parts follow.
enum Item {
    Leaf(Leaf),
    /// So many values, or those up to the end of the collection.
    List(Option<usize>),
    /// A tag, and so many values; of an array its length stands first.
    Struct(String, usize),
}

/// Reads the values of a block.
pub(super) struct Stream {
    bytes: Vec<u8>,
    pub(super) at: usize,
    /// None for a value that is no leaf, or that is being read.
    cache: Vec<Option<Leaf>>,
    structs: Vec<(String, usize)>,
    /// How many structs are being read, one within the other; and how many leaves.
    depth: usize,
    parts: usize,
}

impl Stream {
    pub(super) fn new(bytes: Vec<u8>) -> Stream {
        Stream {
            bytes,
            at: 0,
            cache: Vec::new(),
            structs: Vec::new(),
            depth: 0,
            parts: 0,
        }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// Puts the next value on a tape, which it clears first.
    pub(super) fn value(&mut self, tape: &mut Tape) -> Result<(), Flaw> {
        tape.clear();
        self.object(tape)
    }

    /// Begins a list that is the next value: its length, or None where it ends with its own code; 0 for nil.
    pub(super) fn begin_list(&mut self) -> Result<Option<usize>, Flaw> {
        let begins = self.at;
        match self.item()? {
            Item::List(length) => Ok(length),
            Item::Leaf(Leaf::Nil) => Ok(Some(0)),
            Item::Struct(tag, 1) if tag == "vec" => self.within(Stream::begin_list),
            _ => Err((begins, "a list")),
        }
    }

    /// Whether a list without a length ends here; then moves behind its end.
    pub(super) fn ends_list(&mut self) -> bool {
        let end = self.bytes.get(self.at).is_none_or(|code| *code == 0xfd);
        self.at += usize::from(end && !self.is_at_end());
        end
    }

    /// Reads what stands within a struct: as deep as values may nest.
    fn within<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Flaw>) -> Result<T, Flaw> {
        self.open(self.depth < DEPTH_MAX, self.at)?;
        self.depth += 1;
        let done = read(self);
        self.depth -= 1;
        done
    }

    fn object(&mut self, tape: &mut Tape) -> Result<(), Flaw> {
        let begins = self.at;
        if tape.text_len() > OP_BYTES_MAX {
            return Err((begins, "an operation with less text"));
        }
        match self.item()? {
            Item::Leaf(leaf) => push(leaf, tape),
            Item::List(length) => {
                self.open(tape.begin(Sequence::Vector), begins)?;
                self.items(length, tape)?;
                tape.end();
            }
            Item::Struct(tag, fields) => self.within(|stream| stream.structure(&tag, fields, begins, tape))?,
        }
        Ok(())
    }

    fn open(&self, begun: bool, at: usize) -> Result<(), Flaw> {
        if begun {
            Ok(())
        } else {
            Err((at, "a value that nests less than 256 deep"))
        }
    }

    /// The values of a list whose beginning has been read.
    fn items(&mut self, length: Option<usize>, tape: &mut Tape) -> Result<usize, Flaw> {
        let mut read = 0;
        loop {
            let ended = match length {
                Some(length) => read == length,
                None => self.ends_list(),
            };
            if ended {
                return Ok(read);
            }
            self.object(tape)?;
            read += 1;
        }
    }

    /// The values of a map whose tag has been read.
    fn entries(&mut self, tape: &mut Tape) -> Result<(), Flaw> {
        let begins = self.at;
        let length = self.begin_list()?;
        let read = self.items(length, tape)?;
        if read % 2 == 0 {
            Ok(())
        } else {
            Err((begins, "a value for each key"))
        }
    }

    fn structure(&mut self, tag: &str, fields: usize, begins: usize, tape: &mut Tape) -> Result<(), Flaw> {
        match (tag, fields) {
            ("map", _) => {
                self.open(tape.begin_map(), begins)?;
                self.entries(tape)?;
            }
            ("set" | "persistent-hash-set" | "persistent-sorted-set", _) => {
                self.open(tape.begin(Sequence::Set), begins)?;
                let length = self.begin_list()?;
                self.items(length, tape)?;
            }
            ("vec" | "atom", 1) => return self.object(tape),
            ("map-entry", 2) => {
                self.open(tape.begin(Sequence::Vector), begins)?;
                self.items(Some(2), tape)?;
            }
            (OP, 7) => {
                self.open(tape.begin_map(), begins)?;
                for field in ["index", "time", "type", "process", "f", "value"] {
                    tape.push_keyword(field);
                    self.object(tape)?;
                }
                match self.item()? {
                    Item::Leaf(Leaf::Nil) => {}
                    Item::Struct(tag, _) if tag == "map" => self.entries(tape)?,
                    _ => return Err((begins, "a map of the other fields of an operation")),
                }
            }
            (tag, 0) if tag.ends_with("[]") => {
                self.open(tape.begin(Sequence::Vector), begins)?;
                let length = self.length()?;
                self.items(Some(length), tape)?;
            }
            (tag, fields) => {
                let tag = tag.replace(|c: char| !c.is_alphanumeric() && !"./-_".contains(c), "_");
                self.open(tape.begin_tagged(&tag), begins)?;
                self.open(tape.begin(Sequence::Vector), begins)?;
                self.items(Some(fields), tape)?;
            }
        }
        tape.end();
        Ok(())
    }

    /// The next value's beginning: of a leaf all of it.
    fn item(&mut self) -> Result<Item, Flaw> {
        if self.parts == PARTS_MAX {
            return Err((self.at, "a value without parts"));
        }
        self.parts += 1;
        let item = self.item_here();
        self.parts -= 1;
        item
    }

    fn item_here(&mut self) -> Result<Item, Flaw> {
        let begins = self.at;
        let code = self.byte()?;
        if let Some(number) = self.packed(code)? {
            return Ok(Item::Leaf(Leaf::Int(number)));
        }
        let leaf = match code {
            0xcd => {
                let number = self.cache.len();
                self.cache.push(None);
                let item = self.item()?;
                // The caches may have been reset meanwhile.
                if let (Item::Leaf(leaf), Some(place)) = (&item, self.cache.get_mut(number)) {
                    *place = Some(leaf.clone());
                }
                return Ok(item);
            }
            0x80..=0x9f | 0xcc => {
                let number = if code == 0xcc {
                    self.length()?
                } else {
                    usize::from(code - 0x80)
                };
                let cached = self.cache.get(number).and_then(Option::as_ref);
                cached
                    .cloned()
                    .ok_or((begins, "the number of a cached value without parts"))?
            }
            0xa0..=0xaf | 0xf0 => {
                let number = if code == 0xf0 {
                    self.length()?
                } else {
                    usize::from(code - 0xa0)
                };
                let (tag, fields) = self
                    .structs
                    .get(number)
                    .cloned()
                    .ok_or((begins, "the number of a struct"))?;
                return self.tagged(tag, fields);
            }
            0xef => {
                let Item::Leaf(Leaf::Text(tag)) = self.item()? else {
                    return Err((begins, "a struct whose tag is a text"));
                };
                let fields = self.length()?;
                self.structs.push((tag.clone(), fields));
                return self.tagged(tag, fields);
            }
            0xb0..=0xb5 => {
                let array = ["long", "double", "boolean", "int", "float", "Object"][usize::from(code - 0xb0)];
                return Ok(Item::Struct(format!("{array}[]"), 0));
            }
            0xc0 | 0xc1 | 0xc3..=0xca => {
                let tags = [
                    "map", "set", "", "uuid", "regex", "uri", "bigint", "bigdec", "inst", "sym", "key",
                ];
                let fields = if matches!(code, 0xc7 | 0xc9 | 0xca) { 2 } else { 1 };
                return self.tagged(tags[usize::from(code - 0xc0)].to_owned(), fields);
            }
            0xcf => {
                self.take(11)?;
                self.cache.clear();
                self.structs.clear();
                return self.item();
            }
            0xfe => {
                self.cache.clear();
                self.structs.clear();
                return self.item();
            }
            0xd0..=0xd9 => Leaf::Bytes(self.chunks(code, 0xd0)?),
            0xda..=0xe3 => Leaf::Text(text(&self.chunks(code, 0xda)?)),
            0xe4..=0xeb => return Ok(Item::List(Some(usize::from(code - 0xe4)))),
            0xec => return Ok(Item::List(Some(self.length()?))),
            0xed | 0xee => return Ok(Item::List(None)),
            0xf5 => Leaf::Bool(true),
            0xf6 => Leaf::Bool(false),
            0xf7 => Leaf::Nil,
            0xf9 => Leaf::Float(f32::from_bits(self.big_endian(4)? as u32).into()),
            0xfa => Leaf::Float(f64::from_bits(self.big_endian(8)?)),
            0xfb => Leaf::Float(0.0),
            0xfc => Leaf::Float(1.0),
            _ => return Err((begins, "a code of Fressian")),
        };
        Ok(Item::Leaf(leaf))
    }

    /// A struct: a leaf, where it is one in Clojure.
    fn tagged(&mut self, tag: String, fields: usize) -> Result<Item, Flaw> {
        let begins = self.at;
        let leaf = match (&*tag, fields) {
            ("key", 2) => Leaf::Keyword(self.name()?),
            ("sym", 2) => Leaf::Symbol(self.name()?),
            ("char", 1) => {
                let code = self.int()?;
                let c = u32::try_from(code).ok().and_then(char::from_u32);
                Leaf::Char(c.unwrap_or(char::REPLACEMENT_CHARACTER))
            }
            ("byte", 1) => Leaf::Int(self.int()?),
            ("bigint", 1) => self.bigint()?,
            ("ratio", 2) => {
                let [above, below] = [self.item()?, self.item()?].map(|item| match item {
                    Item::Leaf(Leaf::Int(number)) => number.to_string(),
                    Item::Leaf(Leaf::Number(number)) => number,
                    _ => String::new(),
                });
                if above.is_empty() || below.is_empty() {
                    return Err((begins, "two whole numbers"));
                }
                Leaf::Number(format!("{above}/{below}"))
            }
            _ => return Ok(Item::Struct(tag, fields)),
        };
        Ok(Item::Leaf(leaf))
    }

    /// A namespace or nil, and a name.
    fn name(&mut self) -> Result<String, Flaw> {
        let begins = self.at;
        let parts = [self.item()?, self.item()?];
        match parts {
            [Item::Leaf(Leaf::Nil), Item::Leaf(Leaf::Text(name))] => Ok(name),
            [Item::Leaf(Leaf::Text(space)), Item::Leaf(Leaf::Text(name))] => Ok(format!("{space}/{name}")),
            _ => Err((begins, "a namespace or nil, and a name")),
        }
    }

    fn bigint(&mut self) -> Result<Leaf, Flaw> {
        let begins = self.at;
        let Item::Leaf(Leaf::Bytes(bytes)) = self.item()? else {
            return Err((begins, "the bytes of a whole number"));
        };
        if bytes.is_empty() || bytes.len() > 16 {
            return Err((begins, "a whole number of at most 16 bytes"));
        }
        let sign = if bytes[0] & 0x80 == 0 { 0 } else { 0xff };
        let mut wide = [sign; 16];
        wide[16 - bytes.len()..].copy_from_slice(&bytes);
        let number = i128::from_be_bytes(wide);
        Ok(i64::try_from(number).map_or_else(|_| Leaf::Number(number.to_string()), Leaf::Int))
    }

    /// A whole number that its code begins, if it begins one.
    fn packed(&mut self, code: u8) -> Result<Option<i64>, Flaw> {
        let (zero, behind) = match code {
            0x00..=0x3f => return Ok(Some(code.into())),
            0xff => return Ok(Some(-1)),
            0xf8 => return self.big_endian(8).map(|number| Some(number.cast_signed())),
            0x40..=0x5f => (0x50, 1),
            0x60..=0x6f => (0x68, 2),
            0x70..=0x73 => (0x72, 3),
            0x74..=0x77 => (0x76, 4),
            0x78..=0x7b => (0x7a, 5),
            0x7c..=0x7f => (0x7e, 6),
            _ => return Ok(None),
        };
        let above = (i64::from(code) - zero) << (8 * behind);
        Ok(Some(above | self.big_endian(behind)?.cast_signed()))
    }

    fn int(&mut self) -> Result<i64, Flaw> {
        let begins = self.at;
        match self.item()? {
            Item::Leaf(Leaf::Int(number)) => Ok(number),
            _ => Err((begins, "a whole number")),
        }
    }

    /// A number of bytes or values: no more than there are bytes.
    fn length(&mut self) -> Result<usize, Flaw> {
        let begins = self.at;
        let length = usize::try_from(self.int()?).ok();
        let fits = length.filter(|length| *length <= self.bytes.len());
        fits.ok_or((begins, "a length that fits into the block"))
    }

    /// Bytes in chunks, of which `code` begins the first. The codes from `first` on are: eight lengths, one more chunk,
    /// the last chunk.
    fn chunks(&mut self, mut code: u8, first: u8) -> Result<Vec<u8>, Flaw> {
        let mut bytes = Vec::new();
        loop {
            let (length, more) = match code.wrapping_sub(first) {
                short @ 0..=7 => (short.into(), false),
                8 => (self.length()?, true),
                9 => (self.length()?, false),
                _ => return Err((self.at - 1, "the next chunk")),
            };
            let chunk = self.take(length)?;
            bytes.extend_from_slice(&self.bytes[chunk]);
            if !more {
                return Ok(bytes);
            }
            code = self.byte()?;
        }
    }

    fn byte(&mut self) -> Result<u8, Flaw> {
        let at = self.take(1)?;
        Ok(self.bytes[at.start])
    }

    fn big_endian(&mut self, length: usize) -> Result<u64, Flaw> {
        let place = self.take(length)?;
        Ok(self.bytes[place]
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// The place of the next bytes, behind which it moves.
    fn take(&mut self, length: usize) -> Result<Range<usize>, Flaw> {
        if length > self.bytes.len() - self.at {
            return Err((self.at, "more bytes"));
        }
        self.at += length;
        Ok(self.at - length..self.at)
    }
}

fn push(leaf: Leaf, tape: &mut Tape) {
    match leaf {
        Leaf::Nil => tape.push_nil(),
        Leaf::Bool(value) => tape.push_bool(value),
        Leaf::Int(number) => tape.push_int(number),
        Leaf::Float(number) => tape.push_float(number),
        Leaf::Number(text) => tape.push_number(&text),
        Leaf::Char(c) => tape.push_char(c),
        Leaf::Text(text) => tape.push_string(&text),
        Leaf::Keyword(text) => tape.push_keyword(&text),
        Leaf::Symbol(text) => tape.push_symbol(&text),
        Leaf::Bytes(bytes) => {
            let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            tape.push_string(&hex.concat())
        }
    };
}

/// A text: each unit of UTF-16 by itself in the form of UTF-8.
fn text(bytes: &[u8]) -> String {
    if bytes.is_ascii() {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let mut units = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, behind @ ..] = rest {
        let (length, mut unit) = match first >> 4 {
            0xe => (2, u16::from(first & 0x0f)),
            0xc | 0xd => (1, u16::from(first & 0x1f)),
            _ => (0, u16::from(*first)),
        };
        let length = length.min(behind.len());
        for byte in &behind[..length] {
            unit = unit << 6 | u16::from(byte & 0x3f);
        }
        units.push(unit);
        rest = &behind[length..];
    }
    String::from_utf16_lossy(&units)
}
