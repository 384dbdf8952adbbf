//! Files of transactions by session, without times: dbcop's, PolySI's, Plume's, AWDIT's and Cobra's.
//!
//! Each transaction is one operation, its completion alone: `{:process session, :type :ok, :f :txn, :value [[:w k v] [:r k
//! v]]}`. The transactions of a session follow one another; nothing is known of those of different sessions. An aborted
//! transaction is a `fail`, one without an end an `info`.
//!
//! A file is held whole: its transactions may stand in any order.

pub(super) mod awdit;
pub(super) mod cobra;
pub(super) mod dbcop_bincode;
pub(super) mod dbcop_json;
pub(super) mod dbcop_text;
pub(super) mod plume;
mod text;

use std::collections::HashSet;

use crate::ops::{Kind, Op, Sequence, Tape};
use crate::texts::Texts;

use super::error::CutOff;

/// A key or a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Word {
    Int(i64),
    /// Above what an `i64` holds.
    Large(u64),
    /// The number of a text.
    Text(u32),
}

impl From<u64> for Word {
    fn from(number: u64) -> Word {
        i64::try_from(number).map_or(Word::Large(number), Word::Int)
    }
}

/// One read or write; a read without a value found nothing.
#[derive(Clone, Copy, Debug)]
struct Mop {
    /// The number of its transaction.
    txn: u32,
    write: bool,
    key: Word,
    value: Option<Word>,
}

#[derive(Clone, Copy, Debug)]
struct Txn {
    session: i64,
    kind: Kind,
    line: u64,
}

/// What keys hold at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Initial {
    /// Nothing.
    Nothing,
    /// 0: a read of 0 that nothing wrote to its key is one of the initial version.
    Zero,
}

/// The transactions of a file, in the order in which they are read.
#[derive(Debug, Default)]
pub(super) struct Transactions {
    txns: Vec<Txn>,
    /// Those of each transaction behind those of the one before, once all are there.
    mops: Vec<Mop>,
    texts: Texts,
    cut_off: Option<CutOff>,
    /// How many transactions and how many of their reads and writes have been read.
    read: usize,
    mops_read: usize,
    tape: Tape,
}

/// Gathering.
impl Transactions {
    /// Begins a transaction, and returns its number.
    fn begin(&mut self, session: i64, kind: Kind, line: u64) -> u32 {
        self.txns.push(Txn { session, kind, line });
        u32::try_from(self.txns.len() - 1).expect("a file of fewer than 2^32 transactions")
    }

    fn read(&mut self, txn: u32, key: Word, value: Option<Word>) {
        let write = false;
        self.mops.push(Mop { txn, write, key, value });
    }

    fn write(&mut self, txn: u32, key: Word, value: Word) {
        let (write, value) = (true, Some(value));
        self.mops.push(Mop { txn, write, key, value });
    }

    fn text(&mut self, text: &str) -> Word {
        Word::Text(self.texts.id(text.as_bytes()))
    }

    /// All are there.
    fn gathered(mut self, initial: Initial) -> Transactions {
        if !self.mops.is_sorted_by_key(|mop| mop.txn) {
            self.mops.sort_by_key(|mop| mop.txn);
        }
        let zero = Some(Word::Int(0));
        if initial == Initial::Zero {
            let writes = self.mops.iter().filter(|mop| mop.write && mop.value == zero);
            let written: HashSet<Word> = writes.map(|mop| mop.key).collect();
            let reads = self.mops.iter_mut().filter(|mop| !mop.write && mop.value == zero);
            reads
                .filter(|mop| !written.contains(&mop.key))
                .for_each(|mop| mop.value = None);
        }
        self
    }
}

/// Reading.
impl Transactions {
    /// The next transaction; None at the end.
    pub(super) fn next(&mut self) -> Option<Op<'_>> {
        let txn = *self.txns.get(self.read)?;
        let rest = &self.mops[self.mops_read..];
        let length = rest.iter().take_while(|mop| mop.txn as usize == self.read).count();
        write_txn(&mut self.tape, &txn, &rest[..length], &self.texts);
        let position = self.read as u64;
        self.read += 1;
        self.mops_read += length;
        Some(Op::of(&self.tape, position).expect("it was written as an operation"))
    }

    pub(super) fn cut_off(&self) -> Option<CutOff> {
        self.cut_off
    }

    /// The line where the last transaction begins; of a binary file its position, from 1.
    pub(super) fn line(&self) -> u64 {
        let last = self.read.checked_sub(1).map(|last| self.txns[last].line);
        last.unwrap_or(1)
    }
}

fn write_txn(tape: &mut Tape, txn: &Txn, mops: &[Mop], texts: &Texts) {
    let kind = match txn.kind {
        Kind::Invoke => "invoke",
        Kind::Ok => "ok",
        Kind::Fail => "fail",
        Kind::Info => "info",
    };
    tape.clear();
    tape.begin_map();
    tape.push_keyword("process");
    tape.push_int(txn.session);
    for (field, word) in [("type", kind), ("f", "txn")] {
        tape.push_keyword(field);
        tape.push_keyword(word);
    }
    tape.push_keyword("value");
    tape.begin(Sequence::Vector);
    for mop in mops {
        tape.begin(Sequence::Vector);
        tape.push_keyword(if mop.write { "w" } else { "r" });
        push_word(tape, Some(mop.key), texts);
        push_word(tape, mop.value, texts);
        tape.end();
    }
    tape.end();
    tape.end();
}

fn push_word(tape: &mut Tape, word: Option<Word>, texts: &Texts) {
    match word {
        None => tape.push_nil(),
        Some(Word::Int(number)) => tape.push_int(number),
        Some(Word::Large(number)) => tape.push_number(&number.to_string()),
        Some(Word::Text(id)) => tape.push_string(texts.str(id)),
    };
}
