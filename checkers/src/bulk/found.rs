//! What the scanner has found: the lines of a history of payments that there are millions of, and the rows of reads.
//!
//! Never owns a text: what was found refers to the bytes of the file.

use crate::history::{Kind, QueryPath, ReadMoment};
use crate::intern::hash;
use crate::ledger::Role;

use super::events::Head;

/// A text of a line, with its hash.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Word<'a> {
    pub(super) text: &'a [u8],
    pub(super) hash: u64,
}

impl<'a> Word<'a> {
    #[inline]
    pub(super) fn new(text: &'a [u8]) -> Word<'a> {
        Word { text, hash: hash(text) }
    }
}

/// A line, or a row of a read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Found<'a> {
    Recharge(Head, Recharge<'a>, &'a [u8]),
    Answer(Head, Answer<'a>, &'a [u8]),
    Query(Head, QueryPath, Word<'a>, &'a [u8]),
    Balance(Head, &'a [u8]),
    OpenAccount(Head, Word<'a>, &'a [u8]),
    Delivery(Head, [Option<Word<'a>>; 2], u32, &'a [u8]),
    Frame(Head, &'a [u8]),
    Read(Head, ReadMoment, Role),
    Row(Row<'a>),
    /// To be parsed as a whole.
    Line(&'a [u8]),
    /// The last line, without its end; it may be cut off.
    LastLine(&'a [u8]),
    /// A read whose rows are not as they should be.
    Broken,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Recharge<'a> {
    pub(super) tx: Word<'a>,
    pub(super) account: Word<'a>,
    pub(super) amount: Word<'a>,
    pub(super) conflict: bool,
}

/// The number in an answer: nearly always the one that was asked with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum AnswerTx<'a> {
    None,
    Same,
    Other(Word<'a>),
}

/// How a recharge ended: what it was begun with is known already.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Answer<'a> {
    pub(super) tx: Word<'a>,
    pub(super) result: Option<&'a [u8]>,
    pub(super) answer_tx: AnswerTx<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Row<'a> {
    Payment(Word<'a>, Word<'a>, Word<'a>, Option<&'a [u8]>),
    Balance(Word<'a>, Option<Word<'a>>),
    Credit(Word<'a>),
}

/// What a line is about, as its keys and its `f` say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Recharge { conflict: bool },
    Query(QueryPath),
    Balance,
    OpenAccount,
    Wire,
}

/// The texts of a line that matter, by what they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Tx,
    SecondTx,
    Account,
    Amount,
    AnswerTx,
    Result,
    Point,
    Did,
    /// Any other, which only has to be a text.
    Other,
}

/// What a line says in its numbers and texts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Said<'a> {
    /// None for a named process.
    pub(super) process: Option<u64>,
    texts: [Option<&'a [u8]>; Name::Other as usize + 1],
}

impl<'a> Said<'a> {
    #[inline]
    pub(super) fn put(&mut self, name: Name, text: &'a [u8]) {
        self.texts[name as usize] = Some(text);
    }

    #[inline]
    fn text(&self, name: Name) -> Option<&'a [u8]> {
        self.texts[name as usize]
    }

    #[inline]
    fn word(&self, name: Name) -> Option<Word<'a>> {
        self.text(name).map(Word::new)
    }

    /// What was found in a line about `what`; None where a text that it owes is missing, or is no amount.
    #[inline]
    pub(super) fn found(&self, what: What, head: Head, line: &'a [u8]) -> Option<Found<'a>> {
        match what {
            What::Recharge { conflict } => self.recharge(head, conflict, line),
            What::Query(path) => Some(Found::Query(head, path, self.word(Name::Tx)?, line)),
            What::Balance => self.text(Name::Account).map(|_| Found::Balance(head, line)),
            What::OpenAccount => Some(Found::OpenAccount(head, self.word(Name::Account)?, line)),
            What::Wire => self.wire(head, line),
        }
    }

    #[inline]
    fn recharge(&self, head: Head, conflict: bool, line: &'a [u8]) -> Option<Found<'a>> {
        let (tx, account) = (self.text(Name::Tx)?, self.text(Name::Account)?);
        let amount = self.text(Name::Amount).filter(|text| is_minor(text))?;
        if head.kind == Kind::Invoke {
            let recharge = Recharge {
                tx: Word::new(tx),
                account: Word::new(account),
                amount: Word::new(amount),
                conflict,
            };
            return Some(Found::Recharge(head, recharge, line));
        }
        let answer = Answer {
            tx: Word::new(tx),
            result: self.text(Name::Result),
            answer_tx: match self.text(Name::AnswerTx) {
                None => AnswerTx::None,
                Some(answer) if answer == tx => AnswerTx::Same,
                Some(answer) => AnswerTx::Other(Word::new(answer)),
            },
        };
        Some(Found::Answer(head, answer, line))
    }

    #[inline]
    fn wire(&self, head: Head, line: &'a [u8]) -> Option<Found<'a>> {
        if !self.text(Name::Point)?.starts_with(b"DELIVER") {
            return Some(Found::Frame(head, line));
        }
        let tx = [self.word(Name::Tx), self.word(Name::SecondTx)];
        let times = self.text(Name::Did).map_or(1, times);
        Some(Found::Delivery(head, tx, times, line))
    }
}

/// How often a frame arrived: not at all where it was dropped on its way.
pub(super) fn times(did: &[u8]) -> u32 {
    let has = |what: &[u8]| memchr::memmem::find(did, what).is_some();
    u32::from(did.is_empty() || !has(b"dropped") && !has(b"lost"))
}

/// Minor units as the harness writes them, which an `i128` certainly holds.
#[inline]
fn is_minor(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    !digits.is_empty() && digits.len() <= 38 && digits.iter().all(u8::is_ascii_digit)
}
