//! Statements: what they are called, what they do to the open transaction, and where keys stand.
//!
//! Never: keeps any text of a statement but its verb, its first table, the name of a savepoint, the gtrid of an XA transaction
//! and, where the manifest says so, a key.

use paytwice_checkers::history::Role;

use super::charset::{Charset, Dialect};
use super::places::{Place, Places};
use super::sql::{Token, tokens};
use super::{set, xa};
use crate::wire::correlation::{Finder, Found};

/// Longer verbs are none.
const VERB_BYTES_MAX: usize = 20;
/// A table's name has at most so many characters.
const NAME_CHARS_MAX: usize = 64;
/// A key is not longer.
const KEY_BYTES_MAX: usize = 128;

/// What a statement does to the open transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Opens one.
    Begins,
    /// Ends it.
    Ends,
    /// Is part of it.
    Within,
    /// From here on statements commit by themselves: ends it where they did not.
    AutocommitOn,
    /// From here on statements do not commit by themselves.
    AutocommitOff,
    /// Remembers how far it has come.
    Saves,
    /// Undoes what came behind a savepoint.
    RollsBackTo,
    /// Forgets a savepoint.
    Releases,
}

/// What is known of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    /// Verb and first table: `INSERT account_pay`.
    pub(super) name: String,
    /// What it does to the open transaction.
    pub(super) turn: Turn,
    /// What it means.
    pub(super) role: Role,
    /// It reads or writes a table, so that it may have to wait for locks.
    pub(super) may_wait: bool,
    /// The gtrid of the XA transaction that it is about.
    pub(super) gtrid: Option<String>,
    /// The savepoint that it is about.
    pub(super) savepoint: Option<String>,
    /// The character set of what comes behind it.
    pub(super) charset: Option<Charset>,
    /// Where its keys stand: the number of each key, and its place.
    pub(super) places: Vec<(usize, Place)>,
    /// The numbers of the keys that stand in a table of its.
    could: Vec<usize>,
}

impl Statement {
    /// Reads a statement, or several of which the first gives the name. Where `whole` is false only its beginning is
    /// there.
    pub(super) fn read(sql: &[u8], whole: bool, dialect: Dialect, finder: &Finder) -> Statement {
        let mut tokens = tokens(sql, dialect);
        if !whole && let Some(Token::Word(_) | Token::Number(_)) = tokens.last() {
            tokens.pop(); // It may be half of one.
        }
        let mut parts = tokens
            .split(|token| token.is_symbol(b';'))
            .filter(|part| !part.is_empty());
        let first = parts.next().unwrap_or_default();
        let Called {
            verb,
            turn,
            role,
            table,
            gtrid,
            savepoint,
            charset,
            ..
        } = called(first);
        let mut places = Places::default();
        if finder.has_columns() {
            for part in std::iter::once(first).chain(parts) {
                places.find(part, finder);
            }
        }
        Statement {
            name: table.map_or_else(|| verb.clone(), |table| format!("{verb} {table}")),
            turn,
            role,
            may_wait: table.is_some() && turn == Turn::Within,
            gtrid,
            savepoint,
            charset,
            places: places.found,
            could: places.could,
        }
    }

    /// The parameters that hold keys.
    pub(super) fn parameters(&self) -> impl Iterator<Item = usize> {
        self.places.iter().filter_map(|(_, place)| match place {
            Place::Parameter(at) => Some(*at),
            Place::Literal(_) => None,
        })
    }

    /// Its keys; `parameter` tells what a parameter holds.
    pub(super) fn keys(&self, finder: &Finder, parameter: impl Fn(usize) -> Option<String>) -> Found {
        let mut found = Found {
            could: self.could.clone(),
            ..Found::default()
        };
        for (key, place) in &self.places {
            let name = finder.name(*key);
            match place {
                Place::Parameter(at) => parameter(*at).iter().for_each(|value| found.keys.add(name, value)),
                Place::Literal(value) => found.keys.add(name, value),
            }
        }
        found
    }
}

/// A text as the value of a key.
pub(super) fn value(text: &[u8]) -> Option<String> {
    let fits = (1..=KEY_BYTES_MAX).contains(&text.len());
    let text = std::str::from_utf8(text).ok().filter(|_| fits)?;
    (!text.contains(char::is_control)).then(|| text.to_owned())
}

/// What a statement is called.
pub(super) struct Called<'a> {
    pub(super) verb: String,
    turn: Turn,
    role: Role,
    pub(super) table: Option<&'a str>,
    gtrid: Option<String>,
    savepoint: Option<String>,
    charset: Option<Charset>,
    /// Where the words behind the table begin.
    pub(super) behind: usize,
}

/// Reads what a statement is called.
pub(super) fn called<'a>(words: &'a [Token<'a>]) -> Called<'a> {
    let open = words.iter().take_while(|word| word.is_symbol(b'(')).count();
    let meant = |verb: &str, turn: Turn, role: Role| Called {
        verb: verb.to_owned(),
        turn,
        role,
        table: None,
        gtrid: None,
        savepoint: None,
        charset: None,
        behind: words.len(),
    };
    let plain = |verb: &str, turn: Turn| meant(verb, turn, Role::Plain);
    let Some(verb) = words.get(open).and_then(keyword) else {
        return plain("QUERY", Turn::Within);
    };
    let at = open + 1;
    let says = |at: usize, keyword: &str| words.get(at).is_some_and(|word| word.is_word(keyword));
    match verb.as_str() {
        "BEGIN" => plain("BEGIN", Turn::Begins),
        "START" if says(at, "TRANSACTION") => plain("BEGIN", Turn::Begins),
        "ROLLBACK" if words[at..].iter().any(|word| word.is_word("TO")) => Called {
            savepoint: savepoint(words),
            ..plain("ROLLBACK TO SAVEPOINT", Turn::RollsBackTo)
        },
        "SAVEPOINT" => Called {
            savepoint: savepoint(words),
            ..plain("SAVEPOINT", Turn::Saves)
        },
        "RELEASE" if says(at, "SAVEPOINT") => Called {
            savepoint: savepoint(words),
            ..plain("RELEASE SAVEPOINT", Turn::Releases)
        },
        "SET" => {
            let setting = set::read(&words[at..]);
            let (name, turn) = match setting.autocommit {
                _ if setting.of_transactions => ("SET TRANSACTION", Turn::Within),
                Some(true) => ("SET AUTOCOMMIT 1", Turn::AutocommitOn),
                Some(false) => ("SET AUTOCOMMIT 0", Turn::AutocommitOff),
                None => ("SET", Turn::Within),
            };
            Called {
                charset: setting.charset,
                ..plain(name, turn)
            }
        }
        "COMMIT" => meant("COMMIT", Turn::Ends, Role::Committed),
        "ROLLBACK" => meant("ROLLBACK", Turn::Ends, Role::RolledBack),
        "XA" => {
            let (name, turn, role) = xa::meaning(words.get(at).and_then(keyword).as_deref());
            Called {
                gtrid: xa::gtrid(&words[words.len().min(at + 1)..]),
                ..meant(&name, turn, role)
            }
        }
        "WITH" => match main_of_with(words, at) {
            Some(main) => called_of(words, main),
            None => plain("WITH", Turn::Within),
        },
        _ => called_of(words, open),
    }
}

/// The savepoint of a statement that is about one: its last word.
fn savepoint(words: &[Token<'_>]) -> Option<String> {
    let name = words.last()?.name()?;
    (name.chars().count() <= NAME_CHARS_MAX).then(|| name.to_owned())
}

/// The statement that stands behind its common tables: the first that is in no brackets.
fn main_of_with(words: &[Token<'_>], from: usize) -> Option<usize> {
    let main = ["SELECT", "INSERT", "REPLACE", "UPDATE", "DELETE"];
    outside_brackets(words, from, |word| main.iter().any(|verb| word.is_word(verb)))
}

/// A statement whose verb stands at `at`.
fn called_of<'a>(words: &'a [Token<'a>], at: usize) -> Called<'a> {
    let verb = words.get(at).and_then(keyword).unwrap_or_default();
    let skipped: &[&str] = match verb.as_str() {
        "INSERT" | "REPLACE" => &["LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE", "INTO"],
        "UPDATE" => &["LOW_PRIORITY", "IGNORE"],
        "DELETE" => &["LOW_PRIORITY", "QUICK", "IGNORE", "FROM"],
        _ => &[],
    };
    let table_at = match verb.as_str() {
        "INSERT" | "REPLACE" | "UPDATE" | "DELETE" | "CALL" => Some(at + 1),
        "SELECT" => from_of(words, at + 1),
        _ => None,
    };
    let found = table_at.and_then(|mut at| {
        let skip = |word: &Token<'_>| word.is_symbol(b'(') || skipped.iter().any(|skip| word.is_word(skip));
        while words.get(at).is_some_and(skip) {
            at += 1;
        }
        table(words, at)
    });
    Called {
        verb,
        turn: Turn::Within,
        role: Role::Plain,
        gtrid: None,
        savepoint: None,
        charset: None,
        table: found.map(|(table, _)| table),
        behind: found.map_or(words.len(), |(_, behind)| behind),
    }
}

/// A keyword in upper case.
fn keyword(word: &Token<'_>) -> Option<String> {
    match word {
        Token::Word(word) if word.len() <= VERB_BYTES_MAX && word.iter().all(u8::is_ascii_alphabetic) => {
            Some(String::from_utf8_lossy(word).to_ascii_uppercase())
        }
        _ => None,
    }
}

/// Where the first table of a SELECT stands, in a subquery where it selects from one.
fn from_of(words: &[Token<'_>], at: usize) -> Option<usize> {
    let from = outside_brackets(words, at, |word| word.is_word("FROM"))? + 1;
    let open = words[from..].iter().take_while(|word| word.is_symbol(b'(')).count();
    match words.get(from + open) {
        Some(word) if open > 0 && word.is_word("SELECT") => from_of(words, from + open + 1),
        _ => Some(from + open),
    }
}

/// The first word for which `is` holds, before the bracket that `at` stands in closes.
fn outside_brackets(words: &[Token<'_>], at: usize, is: impl Fn(&Token<'_>) -> bool) -> Option<usize> {
    let mut depth = 0;
    for (at, word) in words.iter().enumerate().skip(at) {
        match word {
            Token::Symbol(b'(') => depth += 1,
            Token::Symbol(b')') if depth == 0 => return None,
            Token::Symbol(b')') => depth -= 1,
            word if depth == 0 && is(word) => return Some(at),
            _ => {}
        }
    }
    None
}

/// The table that is named at `at`, without its database, and where the words behind it begin.
fn table<'a>(words: &'a [Token<'a>], mut at: usize) -> Option<(&'a str, usize)> {
    let mut name = words.get(at)?.name()?;
    while words.get(at + 1).is_some_and(|word| word.is_symbol(b'.')) {
        at += 2;
        name = words.get(at)?.name()?;
    }
    let fits = (1..=NAME_CHARS_MAX).contains(&name.chars().count()) && !name.contains(char::is_control);
    (fits && !name.eq_ignore_ascii_case("DUAL")).then_some((name, at + 1))
}
