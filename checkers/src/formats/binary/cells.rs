//! How records, cells and headers stand in the file.

/// Bytes of the file's header.
pub(super) const FILE_HEADER_BYTES: usize = 32;
/// Bytes of a block's header.
pub(super) const BLOCK_HEADER_BYTES: usize = 64;
/// Bytes of a record.
pub(super) const RECORD_BYTES: usize = 24;

/// The record has a time.
pub(super) const FLAG_TIME: u8 = 1;
/// Its index is not its position: two cells on the heap.
pub(super) const FLAG_INDEX: u8 = 2;
/// Its process number is long: two cells on the heap.
pub(super) const FLAG_PROCESS: u8 = 4;
/// An error on the heap.
pub(super) const FLAG_ERROR: u8 = 8;
/// A key on the heap.
pub(super) const FLAG_KEY: u8 = 16;
/// A map of further fields on the heap.
pub(super) const FLAG_REST: u8 = 32;
/// The value is where on the heap these begin; without it, it is a cell.
pub(super) const FLAG_HEAP: u8 = 64;

/// What a cell is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Tag {
    Nil,
    Bool,
    Int,
    Long,
    Float,
    Number,
    Char,
    String,
    Keyword,
    Symbol,
    Tagged,
    List,
    Vector,
    Set,
    Map,
    Shaped,
}

const TAGS: [Tag; 16] = [
    Tag::Nil,
    Tag::Bool,
    Tag::Int,
    Tag::Long,
    Tag::Float,
    Tag::Number,
    Tag::Char,
    Tag::String,
    Tag::Keyword,
    Tag::Symbol,
    Tag::Tagged,
    Tag::List,
    Tag::Vector,
    Tag::Set,
    Tag::Map,
    Tag::Shaped,
];

/// The largest number beside a tag.
pub(super) const NUMBER_MAX: u32 = (1 << 28) - 1;

/// One cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Cell(pub(super) u32);

impl Cell {
    pub(super) const NIL: Cell = Cell(0);

    pub(super) const fn new(tag: Tag, number: u32) -> Cell {
        Cell(number << 4 | tag as u32)
    }

    /// A whole number, where it is short enough.
    pub(super) fn int(value: i64) -> Option<Cell> {
        let short = i32::try_from(value)
            .ok()
            .filter(|v| (-(1 << 27)..1 << 27).contains(v))?;
        Some(Cell(short.cast_unsigned() << 4 | Tag::Int as u32))
    }

    #[inline]
    pub(super) fn tag(self) -> Tag {
        TAGS[(self.0 & 15) as usize]
    }

    #[inline]
    pub(super) fn number(self) -> u32 {
        self.0 >> 4
    }

    /// The number of an [`Tag::Int`], with its sign.
    #[inline]
    pub(super) fn signed(self) -> i64 {
        i64::from(self.0.cast_signed() >> 4)
    }
}

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) time: u64,
    pub(super) process: Cell,
    pub(super) f: u32,
    pub(super) value: u32,
    pub(super) kind: u8,
    pub(super) flags: u8,
}

impl Record {
    #[inline]
    pub(super) fn from_bytes(bytes: &[u8; RECORD_BYTES]) -> Record {
        let word = |at: usize| u32_at(bytes, at);
        Record {
            time: u64::from(word(0)) | u64::from(word(4)) << 32,
            process: Cell(word(8)),
            f: word(12),
            value: word(16),
            kind: bytes[20],
            flags: bytes[21],
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.time.to_le_bytes());
        out.extend(self.process.0.to_le_bytes());
        out.extend(self.f.to_le_bytes());
        out.extend(self.value.to_le_bytes());
        out.extend([self.kind, self.flags, 0, 0]);
    }
}

/// What a block's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockHeader {
    /// The last one, which has no payload.
    pub(super) is_last: bool,
    /// With the last one: the history it was made from was cut off, and how many bytes were left out.
    pub(super) cut_bytes: Option<u32>,
    pub(super) records: u32,
    pub(super) heap: u32,
    pub(super) texts: u32,
    pub(super) text_bytes: u32,
    pub(super) shapes: u32,
    pub(super) shape_cells: u32,
    pub(super) first_record: u64,
    pub(super) first_text: u32,
    pub(super) first_shape: u32,
    pub(super) payload_crc: u32,
}

const BLOCK: &[u8; 4] = b"blck";
const LAST: &[u8; 4] = b"fini";

impl BlockHeader {
    pub(super) fn to_bytes(self) -> [u8; BLOCK_HEADER_BYTES] {
        let mut out = Vec::with_capacity(BLOCK_HEADER_BYTES);
        out.extend(if self.is_last { LAST } else { BLOCK });
        out.extend(self.cut_bytes.map_or(0, |n| n.saturating_add(1)).to_le_bytes());
        for word in [
            self.records,
            self.heap,
            self.texts,
            self.text_bytes,
            self.shapes,
            self.shape_cells,
        ] {
            out.extend(word.to_le_bytes());
        }
        out.extend(self.first_record.to_le_bytes());
        for word in [self.first_text, self.first_shape, self.payload_crc] {
            out.extend(word.to_le_bytes());
        }
        out.resize(BLOCK_HEADER_BYTES - 4, 0);
        out.extend(crc32fast::hash(&out).to_le_bytes());
        let mut bytes = [0; BLOCK_HEADER_BYTES];
        bytes.copy_from_slice(&out);
        bytes
    }

    /// None where the bytes are no header.
    pub(super) fn from_bytes(bytes: &[u8; BLOCK_HEADER_BYTES]) -> Option<BlockHeader> {
        let word = |at: usize| u32_at(bytes, at);
        let is_last = bytes.starts_with(LAST);
        let whole = crc32fast::hash(&bytes[..BLOCK_HEADER_BYTES - 4]) == word(BLOCK_HEADER_BYTES - 4);
        if !whole || !(is_last || bytes.starts_with(BLOCK)) {
            return None;
        }
        Some(BlockHeader {
            is_last,
            cut_bytes: word(4).checked_sub(1),
            records: word(8),
            heap: word(12),
            texts: word(16),
            text_bytes: word(20),
            shapes: word(24),
            shape_cells: word(28),
            first_record: u64::from(word(32)) | u64::from(word(36)) << 32,
            first_text: word(40),
            first_shape: word(44),
            payload_crc: word(48),
        })
    }

    /// Bytes of each part of the payload, in order: records, heap, text ends, text with its padding, shapes.
    pub(super) fn parts(&self) -> [u64; 5] {
        [
            u64::from(self.records) * RECORD_BYTES as u64,
            u64::from(self.heap) * 4,
            u64::from(self.texts) * 4,
            u64::from(self.text_bytes).next_multiple_of(4),
            u64::from(self.shape_cells) * 4,
        ]
    }
}

/// A number in little endian.
#[inline]
pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}
