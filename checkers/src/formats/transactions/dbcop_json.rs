//! dbcop's JSON: a list of sessions, or an object that holds it as `data`. A session is a list of transactions
//! `{"events": [...], "committed": true}`.
//!
//! An event is `{"Write": {"variable": x, "version": 1}}` or `{"Read": ...}`, in short `["w", x, 1]` or `["r", x, 1]`. The
//! version null was read where there was none, and so was 0 where nothing wrote 0 to the variable. dbcop's first version
//! says `success` for `committed`, and writes events as `{"write": true, "variable": x, "value": 1, "success": true}`.

use crate::ops::{Kind, Ref, Tape, Value};

use super::super::error::ReadError;
use super::super::json;
use super::text::malformed;
use super::{Initial, Transactions, Word, dbcop_bincode};

const SESSIONS: &str = "a list of sessions, or an object with one as data";
const TRANSACTION: &str = "a transaction {\"events\": [...], \"committed\": true}";
const EVENT: &str = "events like {\"Write\": {\"variable\": 0, \"version\": 1}} or [\"w\", 0, 1]";

pub(in super::super) fn parse(bytes: &[u8], file: &str) -> Result<Transactions, ReadError> {
    let mut gathered = Transactions::default();
    let from = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let mut cursor = Cursor {
        bytes,
        at: from,
        file,
        line: (1, from),
        tape: Tape::default(),
    };
    match cursor.peek() {
        Some(b'[') => cursor.sessions(&mut gathered)?,
        Some(b'{') => cursor.wrapped(&mut gathered)?,
        _ => return Err(cursor.malformed(cursor.at, SESSIONS)),
    }
    match cursor.peek() {
        None => Ok(gathered.gathered(Initial::Zero)),
        Some(_) => Err(cursor.malformed(cursor.at, "the end of the file behind the sessions")),
    }
}

/// Whether a text looks like it: a list of lists, or an object that begins with a member of dbcop's.
pub(in super::super) fn begins(text: &[u8]) -> bool {
    let next = |at: usize| json::skip_blank(text, at);
    match text.first() {
        Some(b'[') => text.get(next(1)) == Some(&b'['),
        Some(b'{') => [&b"\"params\""[..], b"\"data\""]
            .iter()
            .any(|member| text[next(1)..].starts_with(member)),
        _ => false,
    }
}

/// A place in the file.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    file: &'a str,
    /// A line up to the place, and where it begins.
    line: (u64, usize),
    tape: Tape,
}

/// One event.
struct Event<'t> {
    write: bool,
    variable: Ref<'t>,
    version: Ref<'t>,
    success: bool,
}

impl Cursor<'_> {
    /// The first byte of the next token, to which it moves.
    fn peek(&mut self) -> Option<u8> {
        self.at = json::skip_blank(self.bytes, self.at);
        self.bytes.get(self.at).copied()
    }

    /// The line of a byte behind every one that was asked for before.
    fn line(&mut self, at: usize) -> u64 {
        let (line, begins) = self.line;
        let passed = &self.bytes[begins..at];
        let lines = memchr::memchr_iter(b'\n', passed).count() as u64;
        let last = memchr::memrchr(b'\n', passed).map_or(begins, |last| begins + last + 1);
        self.line = (line + lines, last);
        self.line.0
    }

    fn malformed(&mut self, at: usize, expected: &str) -> ReadError {
        let line = self.line(at);
        let begins = self.line.1;
        malformed(self.file, &self.bytes[begins..], line, at - begins, expected)
    }

    /// Scans the next value onto the tape.
    fn value(&mut self) -> Result<(), ReadError> {
        match json::scan(self.bytes, self.at, true, &mut self.tape) {
            Ok(Some(end)) => {
                self.at = end;
                Ok(())
            }
            Ok(None) => Err(self.malformed(self.bytes.len(), "the rest of the history")),
            Err(flaw) => Err(self.malformed(flaw.at, flaw.expected)),
        }
    }

    fn expect(&mut self, byte: u8, expected: &str) -> Result<(), ReadError> {
        if self.peek() != Some(byte) {
            return Err(self.malformed(self.at, expected));
        }
        self.at += 1;
        Ok(())
    }

    /// The items of a list or object, which ends with `close`; its bracket has been read.
    fn items(
        &mut self,
        close: u8,
        expected: &str,
        mut item: impl FnMut(&mut Self) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        if self.peek() == Some(close) {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.peek();
            item(self)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(byte) if byte == close => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(self.malformed(self.at, expected)),
            }
        }
    }

    /// The object around the sessions.
    fn wrapped(&mut self, gathered: &mut Transactions) -> Result<(), ReadError> {
        let mut found = false;
        let begins = self.at;
        self.expect(b'{', SESSIONS)?;
        self.items(b'}', "a comma or }", |cursor| {
            if cursor.peek() != Some(b'"') {
                return Err(cursor.malformed(cursor.at, "a string as key"));
            }
            cursor.value()?;
            let data = matches!(cursor.tape.root().value(), Value::String("data"));
            cursor.expect(b':', "a colon")?;
            if data && !found {
                found = true;
                return cursor.sessions(gathered);
            }
            cursor.value()
        })?;
        if found {
            Ok(())
        } else {
            Err(self.malformed_before(begins))
        }
    }

    /// The object that begins there holds no sessions.
    fn malformed_before(&mut self, at: usize) -> ReadError {
        self.line = (1, 0);
        self.malformed(at, SESSIONS)
    }

    fn sessions(&mut self, gathered: &mut Transactions) -> Result<(), ReadError> {
        self.expect(b'[', SESSIONS)?;
        let mut session = 0;
        self.items(b']', "a comma or ] behind a session", |cursor| {
            cursor.expect(b'[', "a session: a list of transactions")?;
            cursor.items(b']', "a comma or ] behind a transaction", |cursor| {
                cursor.transaction(session, gathered)
            })?;
            session += 1;
            Ok(())
        })
    }

    fn transaction(&mut self, session: i64, gathered: &mut Transactions) -> Result<(), ReadError> {
        let begins = self.at;
        let line = self.line(begins);
        self.value()?;
        let added = add(self.tape.root(), session, line, gathered);
        added.map_err(|expected| self.malformed(begins, expected))
    }
}

/// Adds a transaction; the error is what was expected.
fn add(form: Ref<'_>, session: i64, line: u64, gathered: &mut Transactions) -> Result<(), &'static str> {
    let member = |name: &str| form.entries().and_then(|_| form.get(name));
    let committed = member("committed").or_else(|| member("success")).map(Ref::value);
    let (Some(events), Some(Value::Bool(committed))) = (member("events").and_then(Ref::items), committed) else {
        return Err(TRANSACTION);
    };
    let txn = gathered.begin(session, if committed { Kind::Ok } else { Kind::Fail }, line);
    let mut failed = Vec::new();
    for form in events {
        let event = event(form).ok_or(EVENT)?;
        let variable = word(event.variable, gathered).ok_or(EVENT)?;
        let version = match event.version.is_nil() {
            true => None,
            false => Some(word(event.version, gathered).ok_or(EVENT)?),
        };
        match (event.success, event.write, version) {
            (true, true, Some(version)) => gathered.write(txn, variable, version),
            (false, true, Some(version)) => failed.push((variable, version)),
            (_, true, None) => return Err(EVENT),
            (true, false, version) => gathered.read(txn, variable, version),
            (false, false, _) => {}
        }
    }
    dbcop_bincode::fail(session, &failed, gathered);
    Ok(())
}

fn event(form: Ref<'_>) -> Option<Event<'_>> {
    if let Some(mut items) = form.items() {
        let (name, variable, version) = (items.next()?, items.next()?, items.next()?);
        let write = match (name.value(), items.next()) {
            (Value::String("w"), None) => true,
            (Value::String("r"), None) => false,
            _ => return None,
        };
        let success = true;
        return Some(Event {
            write,
            variable,
            version,
            success,
        });
    }
    form.entries()?;
    let flag = |name: &str| match form.get(name)?.value() {
        Value::Bool(flag) => Some(flag),
        _ => None,
    };
    if let Some(write) = flag("write") {
        return Some(Event {
            write,
            variable: form.get("variable")?,
            version: form.get("value")?,
            success: flag("success")?,
        });
    }
    let (write, fields) = match form.get("Write") {
        Some(fields) => (true, fields),
        None => (false, form.get("Read")?),
    };
    fields.entries()?;
    Some(Event {
        write,
        variable: fields.get("variable")?,
        version: fields.get("version")?,
        success: true,
    })
}

/// A variable or a version: a whole number or a text.
fn word(form: Ref<'_>, gathered: &mut Transactions) -> Option<Word> {
    match form.value() {
        Value::Int(number) => Some(Word::Int(number)),
        Value::Number(text) => text.parse::<u64>().ok().map(Word::from),
        Value::String(text) => Some(gathered.text(text)),
        _ => None,
    }
}
