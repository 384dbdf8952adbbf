//! AWDIT's own text form, which it calls `test`: `r key value` and `w key value`, a line of `-` between transactions, a
//! line of `=` between sessions.
//!
//! What keys hold at first is written by a transaction of the file.

use crate::ops::Kind;

use super::super::error::ReadError;
use super::text::{Cursor, Line, Text, Wrong};
use super::{Initial, Transactions, Word};

pub(in super::super) fn parse(bytes: &[u8], file: &str) -> Result<Transactions, ReadError> {
    let mut gathered = Transactions::default();
    let (mut session, mut open) = (0, None);
    let cut_off = Text::new(bytes, file).each(|line| {
        if rule(line.text, '=') {
            session += 1;
            open = None;
        } else if rule(line.text, '-') {
            open = None;
        } else {
            let (write, key, value) = event(line)?;
            let txn = *open.get_or_insert_with(|| gathered.begin(session, Kind::Ok, line.number));
            match write {
                true => gathered.write(txn, key, value),
                false => gathered.read(txn, key, Some(value)),
            }
        }
        Ok(())
    })?;
    gathered.cut_off = cut_off;
    Ok(gathered.gathered(Initial::Nothing))
}

/// Whether a text looks like it: by its first line.
pub(in super::super) fn begins(line: &str) -> bool {
    let text = line;
    rule(line, '=') || rule(line, '-') || event(Line { text, number: 1 }).is_ok()
}

/// Whether a line is a rule of one character.
fn rule(line: &str, character: char) -> bool {
    let line = line.trim();
    !line.is_empty() && line.chars().all(|c| c == character)
}

fn event(line: Line<'_>) -> Result<(bool, Word, Word), Wrong> {
    let mut cursor = Cursor::new(line);
    cursor.blanks();
    let write = cursor.skip("w");
    if !write {
        cursor.expect("r", "r key value, w key value, or a line of - or =")?;
    }
    let mut number = |expected| {
        let begins = cursor.at;
        if cursor.blanks() {
            cursor.number(expected)
        } else {
            Err((begins, expected))
        }
    };
    let key = number("a blank and a key, from 0 up")?;
    let value = number("a blank and a value, from 0 up")?;
    cursor.end()?;
    Ok((write, key.into(), value.into()))
}
