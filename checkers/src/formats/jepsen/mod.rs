//! Jepsen's `test.jepsen`, from 0.3 on: a file of blocks, of which those of the history are read.
//!
//! The file begins with `JEPSEN`, a version and the place of the last index. A block begins with its length, a checksum and
//! its type. The index says where each block is, and which one is the test: a map, whose `:history` names the block of the
//! history. That is a vector of chunks; a chunk is a stream of operations in [Fressian](fressian). Numbers are big-endian.
//!
//! What a run that died wrote behind the last index is of a chunk without its header: the history is cut off there.

mod fressian;

use std::collections::{HashMap, HashSet};

use crate::ops::{Op, Tape, Value};

use super::error::{CutOff, ReadError};
use super::map::Bytes;
use fressian::{Flaw, Stream};

/// What such a file begins with, its header and a block's, in bytes.
pub(super) const MAGIC: &[u8] = b"JEPSEN";
const HEADER_BYTES: usize = 18;
const BLOCK_HEADER_BYTES: usize = 28;

/// The types of blocks.
const INDEX: u16 = 1;
const FRESSIAN: u16 = 2;
const PARTIAL_MAP: u16 = 3;
const FRESSIAN_STREAM: u16 = 4;
const BIG_VECTOR: u16 = 5;

/// A block: its type, and where its data is in the file.
#[derive(Clone, Copy)]
struct Block {
    kind: u16,
    from: usize,
    to: usize,
}

/// A chunk that is being read.
struct Chunk {
    stream: Stream,
    /// Where it is in the file.
    from: usize,
    /// What a list has left: None for one with an end of its own.
    left: Option<usize>,
    /// Whether it is a stream of operations and no list.
    bare: bool,
}

/// Reads such a file.
pub(super) struct Store {
    bytes: Bytes,
    file: String,
    /// Where each block is, by its number.
    blocks: HashMap<u32, usize>,
    /// The chunks of the history, the next one last.
    chunks: Vec<Block>,
    chunk: Option<Chunk>,
    tape: Tape,
    read: u64,
    /// Bytes behind the last index.
    unsealed: u64,
}

impl Store {
    pub(super) fn new(bytes: Bytes, file: &str) -> Result<Store, ReadError> {
        let mut store = Store {
            bytes,
            file: file.to_owned(),
            blocks: HashMap::new(),
            chunks: Vec::new(),
            chunk: None,
            tape: Tape::default(),
            read: 0,
            unsealed: 0,
        };
        let root = store.index()?;
        if let Some(history) = store.history(root)? {
            let mut named = HashSet::new();
            store.gather(history, &mut named)?;
            store.chunks.reverse();
        }
        Ok(store)
    }

    /// The next operation; None at the end.
    pub(super) fn next(&mut self) -> Result<Option<Op<'_>>, ReadError> {
        if !self.advance()? {
            return Ok(None);
        }
        let position = self.read;
        self.read += 1;
        match Op::of(&self.tape, position) {
            Ok(op) => Ok(Some(op)),
            Err(mismatch) => Err(damaged(&self.file, self.at(), mismatch.expected, "something else")),
        }
    }

    pub(super) fn cut_off(&self) -> Option<CutOff> {
        let (line, bytes) = (self.read + 1, self.unsealed);
        (bytes > 0 && self.chunk.is_none() && self.chunks.is_empty()).then_some(CutOff { line, bytes })
    }

    /// How many operations have been read.
    pub(super) fn position(&self) -> u64 {
        self.read
    }

    /// Where in the file the next value is.
    fn at(&self) -> usize {
        self.chunk.as_ref().map_or(0, |chunk| chunk.from + chunk.stream.at)
    }

    /// Puts the next operation on the tape; false where none follows.
    fn advance(&mut self) -> Result<bool, ReadError> {
        loop {
            if self.chunk.is_none() {
                let Some(block) = self.chunks.pop() else {
                    return Ok(false);
                };
                self.chunk = Some(self.open(block)?);
            }
            let Some(chunk) = &mut self.chunk else { return Ok(false) };
            let ended = match &mut chunk.left {
                _ if chunk.bare => chunk.stream.is_at_end(),
                Some(left) => left.checked_sub(1).map(|fewer| *left = fewer).is_none(),
                None => chunk.stream.ends_list(),
            };
            if !ended {
                let read = chunk.stream.value(&mut self.tape);
                let from = chunk.from;
                return read.map(|()| true).map_err(|flaw| self.flaw(from, flaw));
            }
            self.chunk = None;
        }
    }

    fn open(&self, block: Block) -> Result<Chunk, ReadError> {
        let mut stream = Stream::new(self.bytes[block.from..block.to].to_vec());
        let bare = block.kind == FRESSIAN_STREAM;
        let left = match bare {
            true => None,
            false => stream.begin_list().map_err(|flaw| self.flaw(block.from, flaw))?,
        };
        Ok(Chunk {
            stream,
            from: block.from,
            left,
            bare,
        })
    }

    /// Reads the index, and returns the number of the test's block.
    fn index(&mut self) -> Result<u32, ReadError> {
        let unreadable = |problem: &str| ReadError::Unreadable {
            file: self.file.clone(),
            problem: problem.to_owned(),
        };
        if !self.bytes.starts_with(MAGIC) || self.bytes.len() < HEADER_BYTES {
            return Err(unreadable(
                "is no test.jepsen: it should begin with JEPSEN, a version and the place of an index",
            ));
        }
        if self.number(6, 4) > 1 {
            return Err(unreadable(
                "is in a later version of Jepsen's format: this program reads versions 0 and 1",
            ));
        }
        let at = usize::try_from(self.number(10, 8)).unwrap_or(usize::MAX);
        if at == 0 {
            return Err(unreadable("has no index: the run ended before anything was written"));
        }
        let index = self.block(at, &[INDEX])?;
        let entries = (index.to - index.from).saturating_sub(4) / 12;
        for nth in 0..entries {
            let entry = index.from + 4 + 12 * nth;
            let place = usize::try_from(self.number(entry + 4, 8)).unwrap_or(usize::MAX);
            self.blocks.insert(self.number(entry, 4) as u32, place);
        }
        if index.to - index.from < 4 {
            return Err(damaged(
                &self.file,
                index.from,
                "the number of the test's block",
                "the end of the index",
            ));
        }
        let last = self.blocks.values().filter(|place| **place > at).count();
        self.unsealed = if last == 0 {
            (self.bytes.len() - index.to) as u64
        } else {
            0
        };
        Ok(self.number(index.from, 4) as u32)
    }

    /// The number of the history's block, as the test says.
    fn history(&mut self, root: u32) -> Result<Option<u32>, ReadError> {
        let test = self.block_of(root, &[FRESSIAN, PARTIAL_MAP])?;
        let from = test.from + if test.kind == PARTIAL_MAP { 4 } else { 0 };
        let mut stream = Stream::new(self.bytes[from.min(test.to)..test.to].to_vec());
        let read = stream.value(&mut self.tape);
        read.map_err(|flaw| self.flaw(from, flaw))?;
        let Value::Tagged("block-ref", form) = self.tape.root().get("history").map_or(Value::Nil, |form| form.value())
        else {
            return Ok(None);
        };
        let number = form.items().and_then(|mut items| items.next()?.int());
        Ok(number.and_then(|number| u32::try_from(number).ok()))
    }

    /// Gathers the chunks under a block, each once.
    fn gather(&mut self, number: u32, named: &mut HashSet<u32>) -> Result<(), ReadError> {
        let block = self.block_of(number, &[FRESSIAN, FRESSIAN_STREAM, BIG_VECTOR])?;
        if !named.insert(number) || named.len() > self.blocks.len() {
            return Err(damaged(
                &self.file,
                block.from,
                "a chunk that is named once",
                "one that is named again",
            ));
        }
        if block.kind != BIG_VECTOR {
            self.chunks.push(block);
            return Ok(());
        }
        let chunks = (block.to - block.from).saturating_sub(8) / 12;
        for nth in 0..chunks {
            let number = self.number(block.from + 8 + 12 * nth + 8, 4) as u32;
            let chunk = self.block_of(number, &[FRESSIAN, FRESSIAN_STREAM])?;
            if !named.insert(number) {
                return Err(damaged(
                    &self.file,
                    chunk.from,
                    "a chunk that is named once",
                    "one that is named again",
                ));
            }
            self.chunks.push(chunk);
        }
        Ok(())
    }

    fn block_of(&self, number: u32, kinds: &[u16]) -> Result<Block, ReadError> {
        let place = self.blocks.get(&number).copied();
        let missing = || {
            damaged(
                &self.file,
                10,
                "an index with every block that is named",
                &format!("none of {number}"),
            )
        };
        self.block(place.ok_or_else(missing)?, kinds)
    }

    /// The block at a place in the file.
    fn block(&self, at: usize, kinds: &[u16]) -> Result<Block, ReadError> {
        let wrong = |expected: &str, found: &str| damaged(&self.file, at, expected, found);
        let rest = self.bytes.len().saturating_sub(at);
        if rest < BLOCK_HEADER_BYTES {
            return Err(wrong("a block", "the end of the file"));
        }
        let length = usize::try_from(self.number(at, 8)).unwrap_or(usize::MAX);
        if !(BLOCK_HEADER_BYTES..=rest).contains(&length) {
            return Err(wrong(
                "a block that ends in the file",
                &format!("one of {length} bytes"),
            ));
        }
        let (from, to) = (at + BLOCK_HEADER_BYTES, at + length);
        // The checksum is one of the data, and then of the header without it.
        let mut header = [0; BLOCK_HEADER_BYTES];
        header.copy_from_slice(&self.bytes[at..from]);
        header[8..12].fill(0);
        header[14..].fill(0);
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(&self.bytes[from..to]);
        checksum.update(&header);
        if u64::from(checksum.finalize()) != self.number(at + 8, 4) {
            return Err(wrong("a block with its checksum", "another checksum"));
        }
        let kind = self.number(at + 12, 2) as u16;
        match kinds.contains(&kind) {
            true => Ok(Block { kind, from, to }),
            false => Err(wrong(
                &format!("a block of type {kinds:?}"),
                &format!("one of type {kind}"),
            )),
        }
    }

    /// The number of so many bytes at a place that is in the file.
    fn number(&self, at: usize, bytes: usize) -> u64 {
        let bytes = &self.bytes[at..at + bytes];
        bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    /// What is wrong with the data that begins at `from`.
    fn flaw(&self, from: usize, (at, expected): Flaw) -> ReadError {
        let at = from + at;
        let found = self
            .bytes
            .get(at)
            .map_or("the end of the file".to_owned(), |byte| format!("{byte:#04x}"));
        damaged(&self.file, at, expected, &found)
    }
}

fn damaged(file: &str, offset: usize, expected: &str, found: &str) -> ReadError {
    ReadError::Damaged {
        file: file.to_owned(),
        offset: offset as u64,
        expected: expected.to_owned(),
        found: found.to_owned(),
    }
}
