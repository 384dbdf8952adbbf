//! Writes the binary form, one operation at a time.
//!
//! Memory: one block, and every distinct text.

use std::collections::HashMap;
use std::io::{self, Write};

use crate::ops::{Kind, Op, Process, Ref, Sequence, Value};
use crate::texts::Texts;

use super::cells::{
    BlockHeader, Cell, FLAG_ERROR, FLAG_HEAP, FLAG_INDEX, FLAG_KEY, FLAG_PROCESS, FLAG_REST, FLAG_TIME, NUMBER_MAX,
    Record, Tag,
};
use super::{MAGIC, VERSION};
use crate::formats::CutOff;

/// A block ends with the operation that fills it: by records, or by cells.
const BLOCK_RECORDS: usize = 1 << 16;
const BLOCK_CELLS: usize = 1 << 20;
/// More shapes are not made: a map that has another one is written with its keys.
const SHAPES_MAX: usize = 1 << 12;
/// Longer maps have no shape.
const SHAPE_KEYS_MAX: usize = 64;

/// Writes a history in the binary form.
#[derive(Debug)]
pub struct BinaryWriter<W> {
    out: W,
    texts: Texts,
    shapes: HashMap<Vec<Cell>, u32>,
    block: Pending,
    /// What earlier blocks hold.
    records: u64,
    texts_before: usize,
    shapes_before: usize,
    /// The keys of the map at hand.
    keys: Vec<Cell>,
    full: bool,
}

/// The block that is being filled.
#[derive(Debug, Default)]
struct Pending {
    count: u32,
    records: Vec<u8>,
    heap: Vec<u32>,
    shapes: Vec<u32>,
}

impl<W: Write> BinaryWriter<W> {
    /// Begins a file.
    pub fn new(mut out: W) -> io::Result<BinaryWriter<W>> {
        let mut header = MAGIC.to_vec();
        header.extend(VERSION.to_le_bytes());
        header.resize(super::cells::FILE_HEADER_BYTES - 4, 0);
        header.extend(crc32fast::hash(&header).to_le_bytes());
        out.write_all(&header)?;
        let mut texts = Texts::default();
        texts.id(b""); // an operation without an `f` has text 0
        Ok(BinaryWriter {
            out,
            texts,
            shapes: HashMap::new(),
            block: Pending::default(),
            records: 0,
            texts_before: 0,
            shapes_before: 0,
            keys: Vec::new(),
            full: false,
        })
    }

    /// Adds an operation.
    pub fn push(&mut self, op: &Op) -> io::Result<()> {
        let position = self.records + u64::from(self.block.count);
        let start = self.block.heap.len();
        let mut flags = 0;
        if op.index != position {
            flags |= FLAG_INDEX;
            self.long(op.index);
        }
        let process = match op.process {
            Process::Nobody => Cell::NIL,
            Process::Named(name) => self.text(Tag::Keyword, name),
            Process::Client(number) => Cell::int(number).unwrap_or_else(|| {
                flags |= FLAG_PROCESS;
                self.long(number.cast_unsigned());
                Cell::new(Tag::Long, 0)
            }),
        };
        for (flag, form) in [(FLAG_ERROR, op.error), (FLAG_KEY, op.key)] {
            if let Some(form) = form {
                flags |= flag;
                self.form(form);
            }
        }
        let rest = op.rest().count();
        if rest > 0 {
            flags |= FLAG_REST;
            let cell = Cell::new(Tag::Map, self.bounded(rest));
            self.block.heap.push(cell.0);
            for (key, value) in op.rest() {
                self.form(key);
                self.form(value);
            }
        }
        self.form(op.value);
        // A short value alone stands in the record.
        let value = match self.block.heap[start..] {
            [cell] => {
                self.block.heap.truncate(start);
                cell
            }
            _ => {
                flags |= FLAG_HEAP;
                self.bounded(start)
            }
        };
        let record = Record {
            time: op.time.unwrap_or(0),
            process,
            f: self.texts.id(op.f.as_bytes()),
            value,
            kind: code(op.kind),
            flags: flags | if op.time.is_some() { FLAG_TIME } else { 0 },
        };
        record.write(&mut self.block.records);
        self.block.count += 1;
        if self.block.count as usize == BLOCK_RECORDS || self.block.heap.len() >= BLOCK_CELLS {
            self.flush()?;
        }
        Ok(())
    }

    /// Ends the file; `cut_off` says what was left out of the history it was made from.
    pub fn finish(mut self, cut_off: Option<CutOff>) -> io::Result<W> {
        if self.block.count > 0 {
            self.flush()?;
        }
        let cut_bytes = cut_off.map(|cut| u32::try_from(cut.bytes).unwrap_or(u32::MAX));
        self.put_block(true, cut_bytes, &[], &[])?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut ends: Vec<u32> = Vec::with_capacity(self.texts.len() - self.texts_before);
        let mut text: Vec<u8> = Vec::new();
        for id in self.texts_before..self.texts.len() {
            text.extend_from_slice(self.texts.text(u32::try_from(id).unwrap_or(u32::MAX)));
            ends.push(u32::try_from(text.len()).map_err(|_| too_much("text in one block"))?);
        }
        if self.full {
            return Err(too_much("distinct texts, or items in one form"));
        }
        self.put_block(false, None, &ends, &text)?;
        self.records += u64::from(self.block.count);
        self.texts_before = self.texts.len();
        self.shapes_before = self.shapes.len();
        self.block.count = 0;
        self.block.records.clear();
        self.block.heap.clear();
        self.block.shapes.clear();
        Ok(())
    }

    fn put_block(&mut self, is_last: bool, cut_bytes: Option<u32>, ends: &[u32], text: &[u8]) -> io::Result<()> {
        let small = |n: usize| u32::try_from(n).map_err(|_| too_much("data in one block"));
        let mut payload = Vec::with_capacity(self.block.records.len() + 4 * self.block.heap.len() + text.len());
        payload.extend_from_slice(&self.block.records);
        let words = |words: &[u32], payload: &mut Vec<u8>| payload.extend(words.iter().flat_map(|w| w.to_le_bytes()));
        words(&self.block.heap, &mut payload);
        words(ends, &mut payload);
        payload.extend_from_slice(text);
        payload.resize(payload.len().next_multiple_of(4), 0);
        words(&self.block.shapes, &mut payload);
        let header = BlockHeader {
            is_last,
            cut_bytes,
            records: self.block.count,
            heap: small(self.block.heap.len())?,
            texts: small(ends.len())?,
            text_bytes: small(text.len())?,
            shapes: small(self.shapes.len() - self.shapes_before)?,
            shape_cells: small(self.block.shapes.len())?,
            first_record: self.records,
            first_text: small(self.texts_before)?,
            first_shape: small(self.shapes_before)?,
            payload_crc: crc32fast::hash(&payload),
        };
        self.out.write_all(&header.to_bytes())?;
        self.out.write_all(&payload)
    }

    /// Appends a form to the heap. Recurses as deep as the form nests.
    fn form(&mut self, form: Ref) {
        let cell = match form.value() {
            Value::Nil => Cell::NIL,
            Value::Bool(value) => Cell::new(Tag::Bool, u32::from(value)),
            Value::Int(value) => match Cell::int(value) {
                Some(cell) => cell,
                None => {
                    self.block.heap.push(Cell::new(Tag::Long, 0).0);
                    return self.long(value.cast_unsigned());
                }
            },
            Value::Float(value) => {
                self.block.heap.push(Cell::new(Tag::Float, 0).0);
                return self.long(value.to_bits());
            }
            Value::Char(c) => Cell::new(Tag::Char, u32::from(c)),
            Value::Number(text) => self.text(Tag::Number, text),
            Value::String(text) => self.text(Tag::String, text),
            Value::Keyword(text) => self.text(Tag::Keyword, text),
            Value::Symbol(text) => self.text(Tag::Symbol, text),
            Value::Tagged(tag, form) => {
                let cell = self.text(Tag::Tagged, tag);
                self.block.heap.push(cell.0);
                return self.form(form);
            }
            Value::Sequence(sequence, items) => {
                let tag = match sequence {
                    Sequence::List => Tag::List,
                    Sequence::Vector => Tag::Vector,
                    Sequence::Set => Tag::Set,
                };
                let cell = Cell::new(tag, self.bounded(items.len()));
                self.block.heap.push(cell.0);
                items.for_each(|item| self.form(item));
                return;
            }
            Value::Map(entries) => {
                let shape = self.shape(form);
                let cell = shape.unwrap_or_else(|| Cell::new(Tag::Map, self.bounded(entries.len())));
                self.block.heap.push(cell.0);
                for (key, value) in entries {
                    if shape.is_none() {
                        self.form(key);
                    }
                    self.form(value);
                }
                return;
            }
        };
        self.block.heap.push(cell.0);
    }

    /// The shape of a map whose keys are names.
    fn shape(&mut self, map: Ref) -> Option<Cell> {
        let entries = map.entries().filter(|e| e.len() <= SHAPE_KEYS_MAX)?;
        let mut keys = std::mem::take(&mut self.keys);
        keys.clear();
        for (key, _) in entries {
            keys.push(match key.value() {
                Value::String(text) => self.text(Tag::String, text),
                Value::Keyword(text) => self.text(Tag::Keyword, text),
                Value::Symbol(text) => self.text(Tag::Symbol, text),
                _ => {
                    self.keys = keys;
                    return None;
                }
            });
        }
        let known = self.shapes.get(&keys).copied();
        let shape = known.or_else(|| {
            let number = self.shapes.len();
            if number == SHAPES_MAX {
                return None;
            }
            let count = self.bounded(keys.len());
            self.block.shapes.push(count);
            self.block.shapes.extend(keys.iter().map(|key| key.0));
            let number = self.bounded(number);
            self.shapes.insert(keys.clone(), number);
            Some(number)
        });
        self.keys = keys;
        shape.map(|number| Cell::new(Tag::Shaped, number))
    }

    fn text(&mut self, tag: Tag, text: &str) -> Cell {
        let id = self.texts.id(text.as_bytes());
        Cell::new(tag, self.bounded(id as usize))
    }

    fn long(&mut self, value: u64) {
        self.block.heap.extend([value as u32, (value >> 32) as u32]);
    }

    /// A number that fits beside a tag; one that does not makes the next flush fail.
    fn bounded(&mut self, n: usize) -> u32 {
        let small = u32::try_from(n).ok().filter(|n| *n <= NUMBER_MAX);
        self.full |= small.is_none();
        small.unwrap_or(0)
    }
}

fn too_much(what: &str) -> io::Error {
    io::Error::other(format!("the binary form cannot hold that much: {what}"))
}

fn code(kind: Kind) -> u8 {
    match kind {
        Kind::Invoke => 0,
        Kind::Ok => 1,
        Kind::Fail => 2,
        Kind::Info => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::{Format, Reader};

    #[test]
    fn a_file_with_a_number_that_does_not_fit_beside_a_tag_is_not_written() {
        let most = (1 << 28) - 1;
        for (numbers, fit) in [
            ([0, most], true),
            ([most + 1, 0], false),
            ([0, most + 1], false),
            ([most + 1, 1 << 40], false),
        ] {
            let mut writer = BinaryWriter::new(Vec::new()).unwrap();
            let mut reader = Reader::new(&b"{:type :ok}"[..], "h", Format::JepsenEdn).unwrap();
            writer.push(&reader.next().unwrap().unwrap()).unwrap();
            let written = numbers.map(|number| writer.bounded(number));
            assert_eq!(written.map(|n| n as usize) == numbers, fit);
            assert_eq!(writer.finish(None).is_ok(), fit, "{numbers:?}");
        }
    }
}
