//! The fields of an event in the binary form: shapes whose keys are understood once, and the cells behind them.
//!
//! Never guesses: a cell of another type than the harness gives it makes the event one to be decoded as a whole.

use crate::formats::binary::{Binary, Cell, Tag};

use super::events::NONE;

/// What a key of a value is, once its text has been looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Tx,
    Account,
    Amount,
    Balance,
    Result,
    AnswerTx,
    Conflict,
    At,
    Read,
    Rows,
    /// Another key of one of our values, with what it holds.
    Text,
    Bool,
    Number(u32),
    Other,
}

const KEYS: [(&str, Key); 16] = [
    ("tx", Key::Tx),
    ("account", Key::Account),
    ("amount", Key::Amount),
    ("balance", Key::Balance),
    ("result", Key::Result),
    ("answer_tx", Key::AnswerTx),
    ("conflict", Key::Conflict),
    ("at", Key::At),
    ("read", Key::Read),
    ("rows", Key::Rows),
    ("answer_account", Key::Text),
    ("answer_amount", Key::Text),
    ("good", Key::Bool),
    ("k", Key::Number(u32::MAX)),
    ("attempt", Key::Number(u32::MAX)),
    ("status", Key::Number(0xffff)),
];

/// A shape, with its keys understood.
pub(super) struct Shape {
    pub(super) keys: Vec<Key>,
    /// Whether it has what a recharge owes beside its texts.
    pub(super) is_recharge: bool,
}

/// Something that is not as the harness writes it: the event is decoded as a whole.
pub(super) struct Unusual;

/// A recharge, a query, a wire event and the like, as far as they are needed.
#[derive(Clone, Copy)]
pub(super) struct Fields {
    pub(super) tx: u32,
    pub(super) account: u32,
    pub(super) amount: u32,
    pub(super) result: u32,
    pub(super) answer_tx: u32,
    pub(super) conflict: bool,
}

pub(super) const NO_FIELDS: Fields = Fields {
    tx: NONE,
    account: NONE,
    amount: NONE,
    result: NONE,
    answer_tx: NONE,
    conflict: false,
};

impl Shape {
    pub(super) fn of(binary: &Binary, keys: impl Iterator<Item = Cell>) -> Shape {
        let names: Vec<&str> = keys
            .map(|key| {
                let text = (key.tag() == Tag::String).then(|| binary.text(key.number())).flatten();
                text.unwrap_or_default()
            })
            .collect();
        let key = |name: &&str| {
            KEYS.iter()
                .find(|(known, _)| known == name)
                .map_or(Key::Other, |(_, key)| *key)
        };
        let has = |name: &str| names.contains(&name);
        let unique = names.iter().enumerate().all(|(at, name)| !names[..at].contains(name));
        let mut keys: Vec<Key> = names.iter().map(key).collect();
        if !unique {
            keys = vec![Key::Other];
        }
        Shape {
            is_recharge: has("attempt"),
            keys,
        }
    }
}

/// A cursor over the heap.
pub(super) struct Cells<'a> {
    rest: &'a [[u8; 4]],
    /// How many texts there are.
    texts: u32,
}

impl<'a> Cells<'a> {
    #[inline]
    pub(super) fn new(rest: &'a [[u8; 4]], texts: u32) -> Cells<'a> {
        Cells { rest, texts }
    }

    #[inline]
    pub(super) fn next(&mut self) -> Result<Cell, Unusual> {
        let (first, rest) = self.rest.split_first().ok_or(Unusual)?;
        self.rest = rest;
        Ok(Cell(u32::from_le_bytes(*first)))
    }

    #[inline]
    pub(super) fn string(&mut self) -> Result<u32, Unusual> {
        let cell = self.next()?;
        if cell.tag() == Tag::String && cell.number() < self.texts {
            Ok(cell.number())
        } else {
            Err(Unusual)
        }
    }

    #[inline]
    pub(super) fn string_or_nil(&mut self) -> Result<u32, Unusual> {
        let cell = self.next()?;
        match cell.tag() {
            Tag::String if cell.number() < self.texts => Ok(cell.number()),
            Tag::Nil => Ok(NONE),
            _ => Err(Unusual),
        }
    }

    /// One value of a map: kept where it is needed, and always of the type that the harness gives it.
    #[inline]
    pub(super) fn field(&mut self, key: Key, fields: &mut Fields, list: &mut Vec<u32>) -> Result<(), Unusual> {
        match key {
            Key::Tx => {
                let cell = self.next()?;
                match cell.tag() {
                    Tag::String if cell.number() < self.texts => fields.tx = cell.number(),
                    Tag::Vector => {
                        for _ in 0..cell.number() {
                            list.push(self.string()?);
                        }
                    }
                    _ => return Err(Unusual),
                }
            }
            Key::Account => fields.account = self.string()?,
            Key::Amount => fields.amount = self.string()?,
            Key::Result => fields.result = self.string()?,
            Key::AnswerTx => fields.answer_tx = self.string()?,
            Key::Text | Key::Balance => {
                self.string()?;
            }
            Key::Conflict | Key::Bool => {
                let cell = self.next()?;
                if cell.tag() != Tag::Bool {
                    return Err(Unusual);
                }
                if key == Key::Conflict {
                    fields.conflict = cell.number() != 0;
                }
            }
            Key::Number(max) => {
                let cell = self.next()?;
                let fits = u32::try_from(cell.signed()).is_ok_and(|n| n <= max);
                if cell.tag() != Tag::Int || !fits {
                    return Err(Unusual);
                }
            }
            Key::At | Key::Read | Key::Rows | Key::Other => return Err(Unusual),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_that_there_is() {
        for (cell, is_text) in [
            (Cell::new(Tag::String, 1), true),
            (Cell::new(Tag::String, 2), false),
            (Cell::new(Tag::String, 3), false),
            (Cell::new(Tag::Keyword, 1), false),
        ] {
            let heap = [cell.0.to_le_bytes()];
            let cells = || Cells::new(&heap, 2);
            assert_eq!(cells().string().is_ok(), is_text, "{cell:?}");
            assert_eq!(cells().string_or_nil().is_ok(), is_text, "{cell:?}");
            let mut fields = NO_FIELDS;
            let field = cells().field(Key::Tx, &mut fields, &mut Vec::new());
            assert_eq!((field.is_ok(), fields.tx == 1), (is_text, is_text), "{cell:?}");
        }
        let nil = [Cell::NIL.0.to_le_bytes()];
        assert!(Cells::new(&nil, 2).string_or_nil().is_ok_and(|id| id == NONE));
        assert!(Cells::new(&nil, 2).string().is_err());
    }

    #[test]
    fn a_number_is_whole_and_no_larger_than_its_type() {
        for (cell, fits) in [
            (Cell::new(Tag::Int, 9), true),
            (Cell::new(Tag::Int, 10), false),
            (Cell::int(-1).unwrap(), false),
            (Cell::new(Tag::Bool, 1), false),
        ] {
            let heap = [cell.0.to_le_bytes()];
            let read = Cells::new(&heap, 0).field(Key::Number(9), &mut NO_FIELDS.clone(), &mut Vec::new());
            assert_eq!(read.is_ok(), fits, "{cell:?}");
        }
    }
}
