//! dbcop's text form (`.hist`): transactions `[x:=1 y==2 z==?]`, with a `!` behind one that did not commit, a line of `-`
//! between sessions, comments behind `//`.
//!
//! `x==?` read the initial version, and so did `x==0` where nothing wrote 0 to x.

use crate::ops::Kind;

use super::super::error::ReadError;
use super::text::{Cursor, Text, Wrong};
use super::{Initial, Transactions};

const EVENT: &str = "x:=1, x==1 or x==?";

pub(in super::super) fn parse(bytes: &[u8], file: &str) -> Result<Transactions, ReadError> {
    let mut gathered = Transactions::default();
    let mut session = 0;
    let cut_off = Text::new(bytes, file).each(|line| {
        let mut cursor = Cursor::new(line);
        cursor.blanks();
        if cursor.rest().starts_with("//") {
            return Ok(());
        }
        if cursor.take(|c| c == '-').is_some() {
            session += 1;
            return cursor.end();
        }
        while !cursor.rest().is_empty() {
            transaction(&mut cursor, session, line.number, &mut gathered)?;
            cursor.blanks();
        }
        Ok(())
    })?;
    gathered.cut_off = cut_off;
    Ok(gathered.gathered(Initial::Zero))
}

/// Whether a text looks like it: by its first line that is neither a comment nor a rule.
pub(in super::super) fn begins(line: &str) -> bool {
    let Some(event) = line.strip_prefix('[') else {
        return false;
    };
    let behind = event.trim_start_matches(part_of_name);
    behind.len() < event.len() && (behind.starts_with(":=") || behind.starts_with("=="))
}

fn part_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn transaction(cursor: &mut Cursor, session: i64, line: u64, gathered: &mut Transactions) -> Result<(), Wrong> {
    cursor.expect("[", "a transaction [x:=1 y==2], // and a comment, or a line of -")?;
    let txn = gathered.begin(session, Kind::Ok, line);
    let begun = gathered.mops.len();
    let ended = events(cursor, txn, gathered);
    if ended.is_err() {
        // The line may be the last one, cut off: what is left of its transaction tells nothing.
        gathered.mops.truncate(begun);
        gathered.txns.pop();
        return ended;
    }
    if cursor.skip("!") {
        gathered.txns[txn as usize].kind = Kind::Fail;
    }
    Ok(())
}

fn events(cursor: &mut Cursor, txn: u32, gathered: &mut Transactions) -> Result<(), Wrong> {
    loop {
        cursor.blanks();
        let begins = cursor.at;
        let name = cursor.take(part_of_name).ok_or((begins, EVENT))?;
        let key = gathered.text(name);
        if cursor.skip(":=") {
            let value = cursor.number("a version, from 0 up")?;
            gathered.write(txn, key, value.into());
        } else {
            cursor.expect("==", ":= or ==")?;
            let value = match cursor.skip("?") {
                true => None,
                false => Some(cursor.number("a version, from 0 up, or ?")?.into()),
            };
            gathered.read(txn, key, value);
        }
        let apart = cursor.blanks();
        if cursor.skip("]") {
            return Ok(());
        }
        if !apart {
            return Err((cursor.at, "a blank or ]"));
        }
    }
}
