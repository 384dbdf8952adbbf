//! The text form of PolySI, Plume and IsoVista, which AWDIT calls `plume`: an operation a line, `r(key,value,session,txn)`
//! or `w(...)`.
//!
//! Numbers are whole and not negative. Transactions are numbered over all sessions; -1 stands for writes that were aborted.
//! Keys hold 0 at first.

use std::collections::HashMap;

use crate::ops::Kind;

use super::super::error::ReadError;
use super::text::{Cursor, Line, Text, Wrong};
use super::{Initial, Transactions, Word};

const SHAPE: &str = "r(key,value,session,transaction) or w(...)";

/// One line.
struct Event {
    write: bool,
    key: Word,
    value: Word,
    session: u64,
    /// None where it was aborted.
    txn: Option<u64>,
}

pub(in super::super) fn parse(bytes: &[u8], file: &str) -> Result<Transactions, ReadError> {
    let mut gathered = Transactions::default();
    // Per transaction its number here, and its session.
    let mut numbers: HashMap<u64, (u32, u64)> = HashMap::new();
    let cut_off = Text::new(bytes, file).each(|line| {
        let event = event(line)?;
        let session = i64::try_from(event.session).map_err(|_| (0, "a session below 2^63"))?;
        let txn = match event.txn {
            None => gathered.begin(session, Kind::Fail, line.number),
            Some(name) => {
                let begin = || (gathered.begin(session, Kind::Ok, line.number), event.session);
                let (txn, its_session) = *numbers.entry(name).or_insert_with(begin);
                if its_session != event.session {
                    return Err((0, "a transaction of one session: this one has operations in another"));
                }
                txn
            }
        };
        match event.write {
            true => gathered.write(txn, event.key, event.value),
            false => gathered.read(txn, event.key, Some(event.value)),
        }
        Ok(())
    })?;
    gathered.cut_off = cut_off;
    Ok(gathered.gathered(Initial::Zero))
}

/// Whether a text looks like it: by its first line.
pub(in super::super) fn begins(line: &str) -> bool {
    let fields = line.strip_prefix("r(").or_else(|| line.strip_prefix("w("));
    fields.is_some_and(|fields| fields.starts_with(|c: char| c.is_ascii_digit()))
}

fn event(line: Line<'_>) -> Result<Event, Wrong> {
    let mut cursor = Cursor::new(line);
    cursor.blanks();
    let write = cursor.skip("w(");
    if !write {
        cursor.expect("r(", SHAPE)?;
    }
    let key = cursor.number("a key, from 0 up")?.into();
    cursor.expect(",", "a comma and the value")?;
    let value = cursor.number("a value, from 0 up")?.into();
    cursor.expect(",", "a comma and the session")?;
    let session = cursor.number("a session, from 0 up")?;
    cursor.expect(",", "a comma and the transaction")?;
    let txn = match cursor.skip("-1") {
        true => None,
        false => Some(cursor.number("a transaction, from 0 up, or -1 for an aborted one")?),
    };
    cursor.expect(")", "a parenthesis behind the transaction")?;
    cursor.end()?;
    Ok(Event {
        write,
        key,
        value,
        session,
        txn,
    })
}
