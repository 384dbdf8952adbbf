//! Reads the binary form, mapped into memory.
//!
//! Trusts nothing: every count, place and text number is checked against what is there, and a block's checksum before
//! anything in it is used. Memory: one entry per block, and one operation.

use std::path::Path;

use crate::formats::OP_BYTES_MAX;
use crate::formats::error::{CutOff, ReadError};
use crate::formats::map::Bytes;
use crate::ops::{Kind, Op, Process, Sequence, Tape};

use super::cells::{
    BLOCK_HEADER_BYTES, BlockHeader, Cell, FILE_HEADER_BYTES, FLAG_ERROR, FLAG_HEAP, FLAG_INDEX, FLAG_KEY,
    FLAG_PROCESS, FLAG_REST, FLAG_TIME, RECORD_BYTES, Record, Tag, u32_at,
};
use super::{MAGIC, VERSION};

/// A history in the binary form.
pub struct Binary {
    bytes: Bytes,
    file: String,
    blocks: Vec<Placed>,
    cut_off: Option<CutOff>,
    /// Keys of every shape: where they stand in the file, and how many.
    shapes: Vec<(usize, usize)>,
    /// How many blocks have been entered, and how many records of the last of them have been read.
    entered: usize,
    read: u32,
    tape: Tape,
    /// The most texts of one operation: [`OP_BYTES_MAX`], as the longest one that the other formats hold has no more. Cells
    /// that name one long text again and again take few bytes themselves.
    text_bytes_max: usize,
}

/// A block, and where its payload begins.
#[derive(Clone, Copy, Debug)]
struct Placed {
    header: BlockHeader,
    at: usize,
}

/// The parts of a block.
#[derive(Clone, Copy)]
struct Block<'a> {
    records: &'a [[u8; RECORD_BYTES]],
    heap: &'a [[u8; 4]],
}

impl std::fmt::Debug for Binary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Binary({}, {} blocks)", self.file, self.blocks.len())
    }
}

/// A form that cannot be: what was expected, and what stood there.
type Wrong = (&'static str, String);

/// A record whose forms are on a tape, its own index and its long process number, where it has them.
type Read = (Record, Option<u64>, Option<i64>);

impl Binary {
    /// Maps the file at `path`.
    pub fn open(path: &Path) -> Result<Binary, ReadError> {
        Binary::of(Bytes::open(path)?, &path.display().to_string())
    }

    /// Reads a file that is in memory.
    pub fn new(bytes: Vec<u8>, file: &str) -> Result<Binary, ReadError> {
        Binary::of(Bytes::Owned(bytes), file)
    }

    fn of(bytes: Bytes, file: &str) -> Result<Binary, ReadError> {
        let mut binary = Binary {
            bytes,
            file: file.to_owned(),
            blocks: Vec::new(),
            cut_off: None,
            shapes: Vec::new(),
            entered: 0,
            read: 0,
            tape: Tape::default(),
            text_bytes_max: OP_BYTES_MAX,
        };
        binary.check_header()?;
        binary.place_blocks()?;
        Ok(binary)
    }

    /// Where the file, or the history it was made from, is cut off.
    pub fn cut_off(&self) -> Option<CutOff> {
        self.cut_off
    }

    /// How many operations have been read.
    pub(crate) fn position(&self) -> u64 {
        let last = self
            .entered
            .checked_sub(1)
            .map(|block| self.blocks[block].header.first_record);
        last.unwrap_or(0) + u64::from(self.read)
    }

    /// How many operations it holds.
    pub fn len(&self) -> u64 {
        let last = self.blocks.last().map(|b| b.header);
        last.map_or(0, |h| h.first_record + u64::from(h.records))
    }

    /// True when it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn check_header(&self) -> Result<(), ReadError> {
        let unreadable = |problem: String| ReadError::Unreadable {
            file: self.file.clone(),
            problem,
        };
        if self.bytes.len() < FILE_HEADER_BYTES || !self.bytes.starts_with(MAGIC) {
            return Err(unreadable(
                "is not in the binary form, which begins with `paytwice`".into(),
            ));
        }
        if crc32fast::hash(&self.bytes[..28]) != u32_at(&self.bytes, 28) {
            return Err(self.damaged(0, "a header with its checksum", "another checksum"));
        }
        let version = u32_at(&self.bytes, 8);
        if version != VERSION {
            let problem = format!(
                "is in version {version} of the binary form; this program reads version {VERSION}: convert it again"
            );
            return Err(unreadable(problem));
        }
        Ok(())
    }

    /// Walks from header to header, up to the last whole block.
    fn place_blocks(&mut self) -> Result<(), ReadError> {
        let mut at = FILE_HEADER_BYTES;
        let (mut records, mut texts, mut shapes) = (0, 0, 0);
        loop {
            let rest = &self.bytes[at..];
            let Some((head, behind)) = rest.split_first_chunk::<BLOCK_HEADER_BYTES>() else {
                self.truncated(at);
                return Ok(());
            };
            let Some(header) = BlockHeader::from_bytes(head) else {
                // A file system may have lost what it had not written yet, and kept the length.
                if rest.iter().all(|b| *b == 0) {
                    self.truncated(at);
                    return Ok(());
                }
                return Err(self.damaged(at, "the header of a block, with its checksum", "something else"));
            };
            if header.is_last {
                self.cut_off = header.cut_bytes.map(|bytes| CutOff {
                    line: self.len() + 1,
                    bytes: u64::from(bytes),
                });
                if behind.is_empty() {
                    return Ok(());
                }
                return Err(self.damaged(at + BLOCK_HEADER_BYTES, "the end of the file", "more bytes"));
            }
            let counted = (header.first_record, header.first_text, header.first_shape);
            if counted != (records, texts, shapes) || header.records == 0 {
                return Err(self.damaged(at, "a block that continues the one before", "another one"));
            }
            let length = header.parts().iter().sum::<u64>();
            let Some(length) = usize::try_from(length).ok().filter(|n| *n <= behind.len()) else {
                self.truncated(at);
                return Ok(());
            };
            records += u64::from(header.records);
            texts = texts.saturating_add(header.texts);
            shapes = shapes.saturating_add(header.shapes);
            self.blocks.push(Placed {
                header,
                at: at + BLOCK_HEADER_BYTES,
            });
            at += BLOCK_HEADER_BYTES + length;
        }
    }

    fn truncated(&mut self, at: usize) {
        self.cut_off = Some(CutOff {
            line: self.len() + 1,
            bytes: (self.bytes.len() - at) as u64,
        });
    }

    fn damaged(&self, offset: usize, expected: &str, found: &str) -> ReadError {
        ReadError::Damaged {
            file: self.file.clone(),
            offset: offset as u64,
            expected: expected.to_owned(),
            found: found.to_owned(),
        }
    }

    /// Where the parts of a block begin, and where the last ends.
    fn part_starts(placed: &Placed) -> [usize; 6] {
        let mut starts = [placed.at; 6];
        for (part, bytes) in placed.header.parts().iter().enumerate() {
            starts[part + 1] = starts[part] + usize::try_from(*bytes).unwrap_or(0);
        }
        starts
    }

    /// The checksum of a block holds.
    fn verify(&self, block: usize) -> Result<(), ReadError> {
        let placed = &self.blocks[block];
        let starts = Binary::part_starts(placed);
        if crc32fast::hash(&self.bytes[starts[0]..starts[5]]) != placed.header.payload_crc {
            let expected = "a block with its checksum";
            return Err(self.damaged(placed.at - BLOCK_HEADER_BYTES, expected, "another checksum"));
        }
        Ok(())
    }

    /// A block, without looking at its checksum.
    fn block(&self, block: usize) -> Block<'_> {
        let placed = &self.blocks[block];
        let starts = Binary::part_starts(placed);
        Block {
            records: self.bytes[starts[0]..starts[1]].as_chunks().0,
            heap: self.bytes[starts[1]..starts[2]].as_chunks().0,
        }
    }

    /// Takes in the shapes of the next block, after its checksum.
    fn enter(&mut self) -> Result<(), ReadError> {
        self.verify(self.entered)?;
        let placed = self.blocks[self.entered];
        let [.., shapes, end] = Binary::part_starts(&placed);
        let wrong = |binary: &Binary, at| binary.damaged(at, "shapes as many as the block says", "others");
        let mut at = shapes;
        for _ in 0..placed.header.shapes {
            if at == end {
                return Err(wrong(self, at));
            }
            let keys = u32_at(&self.bytes, at) as usize;
            at += 4;
            if (end - at) / 4 < keys {
                return Err(wrong(self, at));
            }
            self.shapes.push((at, keys));
            at += 4 * keys;
        }
        if at != end {
            return Err(wrong(self, at));
        }
        self.entered += 1;
        self.read = 0;
        Ok(())
    }

    /// The text of a number.
    fn text(&self, id: u32) -> Option<&str> {
        let known = &self.blocks[..self.entered];
        let block = known.partition_point(|b| b.header.first_text <= id).checked_sub(1)?;
        let placed = &known[block];
        let nth = (id - placed.header.first_text) as usize;
        if nth >= placed.header.texts as usize {
            return None;
        }
        let [_, _, ends, text, ..] = Binary::part_starts(placed);
        let end = u32_at(&self.bytes, ends + 4 * nth) as usize;
        let start = if nth == 0 {
            0
        } else {
            u32_at(&self.bytes, ends + 4 * nth - 4) as usize
        };
        if start > end || end > placed.header.text_bytes as usize {
            return None;
        }
        std::str::from_utf8(&self.bytes[text + start..text + end]).ok()
    }

    /// The keys of a shape.
    fn shape(&self, shape: u32) -> Option<impl ExactSizeIterator<Item = Cell> + '_> {
        let (at, keys) = *self.shapes.get(shape as usize)?;
        let cells = self.bytes[at..at + 4 * keys].as_chunks::<4>().0;
        Some(cells.iter().map(|cell| Cell(u32::from_le_bytes(*cell))))
    }

    /// The next operation; None at the end.
    #[expect(clippy::should_implement_trait, reason = "an operation borrows the tape")]
    pub fn next(&mut self) -> Result<Option<Op<'_>>, ReadError> {
        while self.entered == 0 || self.read == self.blocks[self.entered - 1].header.records {
            if self.entered == self.blocks.len() {
                return Ok(None);
            }
            self.enter()?;
        }
        let (block, nth) = (self.entered - 1, self.read as usize);
        self.read += 1;
        let mut tape = std::mem::take(&mut self.tape);
        let parsed = self.operation(block, nth, &mut tape);
        self.tape = tape;
        let parsed = parsed.map_err(|(expected, found)| {
            let at = Binary::part_starts(&self.blocks[block])[0] + nth * RECORD_BYTES;
            self.damaged(at, expected, &found)
        })?;
        Ok(Some(self.assemble(block, nth, parsed)))
    }

    /// The operation whose forms are on the tape.
    fn assemble(&self, block: usize, nth: usize, (record, index, process): Read) -> Op<'_> {
        let position = self.blocks[block].header.first_record + nth as u64;
        let whole = self.tape.root();
        Op {
            index: index.unwrap_or(position),
            time: (record.flags & FLAG_TIME != 0).then_some(record.time),
            process: match (process, record.process.tag()) {
                (Some(number), _) => Process::Client(number),
                (None, Tag::Int) => Process::Client(record.process.signed()),
                (None, Tag::Keyword) => Process::Named(self.text(record.process.number()).unwrap_or_default()),
                (None, _) => Process::Nobody,
            },
            kind: [Kind::Invoke, Kind::Ok, Kind::Fail, Kind::Info][usize::from(record.kind & 3)],
            f: self.text(record.f).unwrap_or_default(),
            value: whole.get("value").unwrap_or(self.tape.nil()),
            error: whole.get("error"),
            key: whole.get("key"),
            whole,
        }
    }

    /// Puts a record's forms on the tape; returns the record, its own index, and its long process number.
    fn operation(&self, block: usize, nth: usize, tape: &mut Tape) -> Result<Read, Wrong> {
        let block = self.block(block);
        let record = Record::from_bytes(&block.records[nth]);
        let named = matches!(record.process.tag(), Tag::Keyword);
        let known = |id: u32| self.text(id).is_some();
        if record.kind > 3 || !known(record.f) || named && !known(record.process.number()) {
            return Err(("a record with a type, a process and an f", format!("{record:?}")));
        }
        if !matches!(record.process.tag(), Tag::Keyword | Tag::Int | Tag::Nil | Tag::Long) {
            return Err(("a process", format!("{:?}", record.process)));
        }
        let inline = [record.value.to_le_bytes()];
        let mut cells = match record.flags & FLAG_HEAP {
            0 => Cells {
                binary: self,
                rest: &inline,
            },
            _ => Cells {
                binary: self,
                rest: block.heap.get(record.value as usize..).unwrap_or_default(),
            },
        };
        let has = |flag: u8| record.flags & flag != 0;
        let own = has(FLAG_INDEX).then(|| cells.long()).transpose()?;
        let process = has(FLAG_PROCESS)
            .then(|| cells.long())
            .transpose()?
            .map(u64::cast_signed);
        tape.clear();
        tape.begin_map();
        for (flag, name) in [(FLAG_ERROR, "error"), (FLAG_KEY, "key")] {
            if has(flag) {
                tape.push_keyword(name);
                cells.form(tape)?;
            }
        }
        if has(FLAG_REST) {
            let cell = cells.next()?;
            if cell.tag() != Tag::Map {
                return Err(("a map of further fields", format!("{cell:?}")));
            }
            for _ in 0..2 * cell.number() {
                cells.form(tape)?;
            }
        }
        tape.push_keyword("value");
        cells.form(tape)?;
        tape.end();
        Ok((record, own, process))
    }
}

/// A cursor over the heap.
struct Cells<'a> {
    binary: &'a Binary,
    rest: &'a [[u8; 4]],
}

impl Cells<'_> {
    fn next(&mut self) -> Result<Cell, Wrong> {
        let (first, rest) = self
            .rest
            .split_first()
            .ok_or_else(|| ("a cell", "the end of the block".into()))?;
        self.rest = rest;
        Ok(Cell(u32::from_le_bytes(*first)))
    }

    fn long(&mut self) -> Result<u64, Wrong> {
        Ok(u64::from(self.next()?.0) | u64::from(self.next()?.0) << 32)
    }

    /// Puts a form on the tape. Recurses as deep as the tape lets it nest.
    fn form(&mut self, tape: &mut Tape) -> Result<(), Wrong> {
        let cell = self.next()?;
        let text = || {
            let text = self.binary.text(cell.number());
            text.ok_or_else(|| ("a text that is there", format!("text {}", cell.number())))
        };
        match cell.tag() {
            Tag::Nil => tape.push_nil(),
            Tag::Bool => tape.push_bool(cell.number() != 0),
            Tag::Int => tape.push_int(cell.signed()),
            Tag::Char => {
                let c = char::from_u32(cell.number());
                tape.push_char(c.ok_or_else(|| ("a character", format!("{cell:?}")))?)
            }
            Tag::Number => tape.push_number(text()?),
            Tag::String => tape.push_string(text()?),
            Tag::Keyword => tape.push_keyword(text()?),
            Tag::Symbol => tape.push_symbol(text()?),
            Tag::Long => tape.push_int(self.long()?.cast_signed()),
            Tag::Float => tape.push_float(f64::from_bits(self.long()?)),
            Tag::Tagged => {
                nested(tape.begin_tagged(text()?))?;
                self.bounded(tape)?;
                return self.form(tape);
            }
            Tag::List => return self.sequence(Sequence::List, cell, tape),
            Tag::Vector => return self.sequence(Sequence::Vector, cell, tape),
            Tag::Set => return self.sequence(Sequence::Set, cell, tape),
            Tag::Map => {
                nested(tape.begin_map())?;
                for _ in 0..2 * u64::from(cell.number()) {
                    self.form(tape)?;
                }
                tape.end()
            }
            Tag::Shaped => return self.shaped(cell, tape),
        };
        self.bounded(tape)
    }

    /// The texts on the tape are not more than one operation may have.
    fn bounded(&self, tape: &Tape) -> Result<(), Wrong> {
        if tape.text_len() > self.binary.text_bytes_max {
            let found = format!("more than {} bytes of texts", self.binary.text_bytes_max);
            return Err(("an operation that is not too long", found));
        }
        Ok(())
    }

    fn sequence(&mut self, sequence: Sequence, cell: Cell, tape: &mut Tape) -> Result<(), Wrong> {
        nested(tape.begin(sequence))?;
        for _ in 0..cell.number() {
            self.form(tape)?;
        }
        tape.end();
        Ok(())
    }

    fn shaped(&mut self, cell: Cell, tape: &mut Tape) -> Result<(), Wrong> {
        let shape = self.binary.shape(cell.number());
        let keys = shape.ok_or_else(|| ("a shape that is there", format!("shape {}", cell.number())))?;
        nested(tape.begin_map())?;
        for key in keys {
            let text = self.binary.text(key.number());
            let text = text.ok_or_else(|| ("a key that is there", format!("text {}", key.number())))?;
            match key.tag() {
                Tag::Keyword => tape.push_keyword(text),
                Tag::Symbol => tape.push_symbol(text),
                _ => tape.push_string(text),
            };
            self.bounded(tape)?;
            self.form(tape)?;
        }
        tape.end();
        Ok(())
    }
}

fn nested(begun: bool) -> Result<(), Wrong> {
    if begun {
        Ok(())
    } else {
        Err(("a form that nests less than 256 deep", "a deeper one".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::Binary;
    use crate::formats::binary::BinaryWriter;
    use crate::formats::{Format, Reader};

    #[test]
    fn a_text_may_be_as_long_as_it_says() {
        // Beside the value's texts stands its name.
        for (bound, fits) in [(3 * 1000 + "value".len(), true), (3 * 1000 + "value".len() - 1, false)] {
            let mut binary = binary("\"$\" ".repeat(3).as_str());
            binary.text_bytes_max = bound;
            assert_eq!(binary.next().is_ok(), fits, "{bound}");
        }
    }

    #[test]
    fn texts_are_known_block_by_block() {
        let mut writer = BinaryWriter::new(Vec::new()).unwrap();
        let ops = "{:type :ok, :f :f}".repeat(1 << 16) + "{:type :ok, :f :g}";
        let mut reader = Reader::new(std::io::Cursor::new(ops), "h", Format::JepsenEdn).unwrap();
        while let Some(op) = reader.next().unwrap() {
            writer.push(&op).unwrap();
        }
        let mut binary = Binary::new(writer.finish(None).unwrap(), "h").unwrap();
        assert_eq!(binary.blocks.len(), 2);
        for (texts, last) in [(0_u32, None), (2, Some("f")), (3, Some("g"))] {
            assert_eq!(texts.checked_sub(1).and_then(|id| binary.text(id)), last);
            assert_eq!(binary.text(texts), None);
            if texts < 3 {
                binary.enter().unwrap();
            }
        }
        let none = Binary::new(BinaryWriter::new(Vec::new()).unwrap().finish(None).unwrap(), "h").unwrap();
        assert_eq!((none.blocks.len(), none.len()), (0, 0));
    }

    /// One operation whose value has a text of a thousand bytes as often as it is told, in each place that a form has.
    fn binary(form: &str) -> Binary {
        let text = "t".repeat(1000);
        let edn = format!(
            "{{:process 0, :type :ok, :f :read, :value [{}]}}",
            form.replace('$', &text)
        );
        let mut reader = Reader::new(std::io::Cursor::new(edn), "h", Format::JepsenEdn).unwrap();
        let mut writer = BinaryWriter::new(Vec::new()).unwrap();
        while let Some(op) = reader.next().unwrap() {
            writer.push(&op).unwrap();
        }
        Binary::new(writer.finish(None).unwrap(), "h.ptw").unwrap()
    }

    #[test]
    fn a_text_named_again_and_again_is_refused_like_a_long_operation() {
        for form in ["\"$\" ", ":$ ", "#$ 1 ", "{:$ 1} ", "[$] "] {
            for (times, fits) in [(9, true), (11, false)] {
                let mut binary = binary(&form.repeat(times));
                assert!(binary.bytes.len() < 4000, "{form}: {}", binary.bytes.len());
                binary.text_bytes_max = 10_000;
                let read = binary.next().map(|op| op.is_some());
                assert_eq!(read.is_ok(), fits, "{form} {times}: {read:?}");
                if let Err(error) = read {
                    let message = "expected an operation that is not too long, found more than 10000 bytes of texts";
                    assert!(error.to_string().contains(message), "{error}");
                }
            }
        }
    }
}
