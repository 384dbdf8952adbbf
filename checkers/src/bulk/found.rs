//! What the scanner has found: the lines of a history of payments that there are millions of, and the rows of reads.
//!
//! Never owns a text: what was found refers to the bytes of its batch.

use crate::history::{Kind, QueryPath, ReadMoment};
use crate::intern::hash;
use crate::ledger::Role;

use super::events::Head;

/// A text in the bytes of its batch, in 32 bits: millions of them go from thread to thread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    start: u32,
    length: u32,
}

impl Span {
    /// Where `text`, a part of `bytes`, stands in them; None where that is too far. What is a part of the text is not.
    #[inline]
    pub(super) fn of(text: &[u8], bytes: &[u8]) -> Option<Span> {
        let start = offset(text, bytes);
        u32::try_from(start + text.len()).ok()?;
        Some(Span {
            start: start as u32,
            length: text.len() as u32,
        })
    }

    /// The text.
    #[inline]
    pub(super) fn text(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start as usize..][..self.length as usize]
    }
}

/// Where in `whole` a part of it begins.
#[inline]
pub(super) fn offset(part: &[u8], whole: &[u8]) -> usize {
    part.as_ptr().addr() - whole.as_ptr().addr()
}

/// A text of a line, with its hash.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Word {
    pub(super) span: Span,
    pub(super) hash: u32,
}

impl Word {
    #[inline]
    pub(super) fn of(text: &[u8], bytes: &[u8]) -> Option<Word> {
        Some(Word {
            span: Span::of(text, bytes)?,
            hash: hash(text),
        })
    }
}

/// A line, or a row of a read. Lines that are known come with where they stand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Found {
    Recharge(Head, Recharge, Span),
    Answer(Head, Answer, Span),
    Query(Head, QueryPath, Word, Span),
    Balance(Head, Span),
    OpenAccount(Head, Word, Span),
    Read(Head, ReadMoment, Role),
    Row(Row),
    /// To be parsed as a whole.
    Line(Span),
    /// The last line, without its end; it may be cut off.
    LastLine(Span),
    /// Something that is not as the harness writes it.
    Broken(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Recharge {
    pub(super) tx: Word,
    pub(super) account: Word,
    pub(super) amount: Word,
    pub(super) conflict: bool,
}

/// The number in an answer: nearly always the one that was asked with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum AnswerTx {
    None,
    Same,
    Other(Word),
}

/// How a recharge ended: what it was begun with is known already.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) tx: Word,
    pub(super) result: Option<Span>,
    pub(super) answer_tx: AnswerTx,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Row {
    Payment(Word, Word, Word, Option<Span>),
    Balance(Word, Option<Word>),
    Credit(Word),
}

/// What a line is about, as its keys and its `f` say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Recharge { conflict: bool },
    Query(QueryPath),
    Balance,
    OpenAccount,
}

/// The texts of a line that matter, by what they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Tx,
    Account,
    Amount,
    AnswerTx,
    Result,
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

    /// What was found in a line about `what`, in the bytes of a batch; None where a text that the line owes is missing,
    /// is no amount or stands too far.
    #[inline]
    pub(super) fn found(&self, what: What, head: Head, line: &[u8], bytes: &[u8]) -> Option<Found> {
        let span = Span::of(line, bytes)?;
        let word = |name| Word::of(self.text(name)?, bytes);
        match what {
            What::Recharge { conflict } if head.kind == Kind::Invoke => {
                Some(Found::Recharge(head, self.recharge(conflict, bytes)?, span))
            }
            What::Recharge { .. } => Some(Found::Answer(head, self.answer(bytes)?, span)),
            What::Query(path) => Some(Found::Query(head, path, word(Name::Tx)?, span)),
            What::Balance => self.text(Name::Account).map(|_| Found::Balance(head, span)),
            What::OpenAccount => Some(Found::OpenAccount(head, word(Name::Account)?, span)),
        }
    }

    #[inline]
    fn recharge(&self, conflict: bool, bytes: &[u8]) -> Option<Recharge> {
        let amount = self.text(Name::Amount).filter(|text| is_minor(text))?;
        Some(Recharge {
            tx: Word::of(self.text(Name::Tx)?, bytes)?,
            account: Word::of(self.text(Name::Account)?, bytes)?,
            amount: Word::of(amount, bytes)?,
            conflict,
        })
    }

    #[inline]
    fn answer(&self, bytes: &[u8]) -> Option<Answer> {
        let tx = self.text(Name::Tx)?;
        self.text(Name::Account)?;
        self.text(Name::Amount).filter(|text| is_minor(text))?;
        Some(Answer {
            tx: Word::of(tx, bytes)?,
            result: match self.text(Name::Result) {
                None => None,
                Some(result) => Some(Span::of(result, bytes)?),
            },
            answer_tx: match self.text(Name::AnswerTx) {
                None => AnswerTx::None,
                Some(answer) if answer == tx => AnswerTx::Same,
                Some(answer) => AnswerTx::Other(Word::of(answer, bytes)?),
            },
        })
    }
}

/// Minor units as the harness writes them, which an `i128` certainly holds.
#[inline]
fn is_minor(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    !digits.is_empty() && digits.len() <= 38 && digits.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_far_from_the_beginning_has_its_place() {
        let bytes = vec![b'x'; 140_000];
        let span = Span::of(&bytes[70_000..], &bytes).unwrap();
        assert_eq!(span.text(&bytes).len(), 70_000);
    }
}
