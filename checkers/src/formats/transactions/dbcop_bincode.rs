//! dbcop's binary form (`history.bincode`): bincode 1 of its first version's structures, as PolySI and AWDIT read it, too.
//!
//! Numbers are 8 bytes in little endian, booleans one byte, texts and lists begin with their length. In this order: five
//! numbers (id, nodes, variables, transactions, events), three texts (info, start, end), and the sessions. A session is a
//! list of transactions; a transaction is a list of events and whether it succeeded; an event is whether it is a write, its
//! variable, its value, and whether it succeeded. Variables hold 0 at first.

use crate::ops::Kind;

use super::super::error::ReadError;
use super::{Initial, Transactions, Word};

/// What a session, a transaction and an event take at the least, in bytes.
const SESSION_BYTES: usize = 8;
const TXN_BYTES: usize = 9;
const EVENT_BYTES: usize = 18;

/// A place in the file.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    file: &'a str,
}

pub(in super::super) fn parse(bytes: &[u8], file: &str) -> Result<Transactions, ReadError> {
    let mut cursor = Cursor { bytes, at: 0, file };
    for _ in 0..5 {
        cursor.number("the history's sizes")?;
    }
    for expected in ["the history's info", "when it began", "when it ended"] {
        let length = cursor.length(1, expected)?;
        let text = &bytes[cursor.at..cursor.at + length];
        if std::str::from_utf8(text).is_err() {
            return Err(cursor.damaged(cursor.at, expected, "what is no UTF-8"));
        }
        cursor.at += length;
    }
    let mut gathered = Transactions::default();
    let sessions = cursor.length(SESSION_BYTES, "a number of sessions")?;
    for session in 0..sessions {
        for _ in 0..cursor.length(TXN_BYTES, "a number of transactions")? {
            transaction(&mut cursor, session as i64, &mut gathered)?;
        }
    }
    if cursor.at < bytes.len() {
        let found = format!("{} bytes more", bytes.len() - cursor.at);
        return Err(cursor.damaged(cursor.at, "the end of the file behind the last session", &found));
    }
    Ok(gathered.gathered(Initial::Zero))
}

fn transaction(cursor: &mut Cursor<'_>, session: i64, gathered: &mut Transactions) -> Result<(), ReadError> {
    let txn = gathered.begin(session, Kind::Ok, gathered.txns.len() as u64 + 1);
    let mut failed = Vec::new();
    for _ in 0..cursor.length(EVENT_BYTES, "a number of events")? {
        let write = cursor.flag("whether the event is a write")?;
        let variable = Word::from(cursor.number("a variable")?);
        let value = Word::from(cursor.number("a value")?);
        match (cursor.flag("whether the event succeeded")?, write) {
            (true, true) => gathered.write(txn, variable, value),
            (true, false) => gathered.read(txn, variable, Some(value)),
            (false, true) => failed.push((variable, value)),
            (false, false) => {}
        }
    }
    if !cursor.flag("whether the transaction succeeded")? {
        gathered.txns[txn as usize].kind = Kind::Fail;
    }
    fail(session, &failed, gathered);
    Ok(())
}

/// The writes of a transaction that failed each by itself.
pub(super) fn fail(session: i64, writes: &[(Word, Word)], gathered: &mut Transactions) {
    let Some(line) = gathered
        .txns
        .last()
        .map(|last| last.line)
        .filter(|_| !writes.is_empty())
    else {
        return;
    };
    let txn = gathered.begin(session, Kind::Fail, line);
    writes.iter().for_each(|(key, value)| gathered.write(txn, *key, *value));
}

impl Cursor<'_> {
    fn damaged(&self, offset: usize, expected: &str, found: &str) -> ReadError {
        ReadError::Damaged {
            file: self.file.to_owned(),
            offset: offset as u64,
            expected: expected.to_owned(),
            found: found.to_owned(),
        }
    }

    fn take<const N: usize>(&mut self, expected: &str) -> Result<[u8; N], ReadError> {
        let Some(taken) = self.bytes[self.at..].first_chunk::<N>() else {
            return Err(self.damaged(self.at, expected, "the end of the file"));
        };
        self.at += N;
        Ok(*taken)
    }

    fn number(&mut self, expected: &str) -> Result<u64, ReadError> {
        self.take(expected).map(u64::from_le_bytes)
    }

    fn flag(&mut self, expected: &str) -> Result<bool, ReadError> {
        match self.take(expected)? {
            [0] => Ok(false),
            [1] => Ok(true),
            [byte] => Err(self.damaged(self.at - 1, &format!("0 or 1: {expected}"), &byte.to_string())),
        }
    }

    /// How many items follow, each of so many bytes at the least.
    fn length(&mut self, bytes: usize, expected: &str) -> Result<usize, ReadError> {
        let begins = self.at;
        let length = self.number(expected)?;
        let fits = usize::try_from(length)
            .ok()
            .filter(|length| *length <= (self.bytes.len() - self.at) / bytes);
        fits.ok_or_else(|| {
            let found = format!("{length}, and {} bytes behind it", self.bytes.len() - self.at);
            self.damaged(begins, expected, &found)
        })
    }
}
