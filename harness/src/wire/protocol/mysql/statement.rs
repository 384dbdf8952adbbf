//! Statements: what they are called, what they do to the open transaction, and where keys stand.
//!
//! Never: keeps any text of a statement but its verb, its first table, the gtrid of an XA transaction and, where the manifest
//! says so, a key.

use paytwice_checkers::history::Role;

use super::sql::{Token, tokens};
use super::xa;
use crate::wire::correlation::{Finder, Found};

/// Longer verbs are none.
const VERB_BYTES_MAX: usize = 20;
/// A table's name has at most so many characters.
const NAME_CHARS_MAX: usize = 64;
/// A key is not longer.
const KEY_BYTES_MAX: usize = 128;
/// This many keys of one statement are looked for.
const KEYS_MAX: usize = 256;

/// What a statement does to the open transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Opens one.
    Begins,
    /// Ends it.
    Ends,
    /// Is part of it.
    Within,
}

/// Where a key stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In a parameter, counted from 0.
    Parameter(usize),
    /// In the text itself.
    Literal(String),
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
    /// Where its keys stand: the number of each key, and its place.
    pub(super) places: Vec<(usize, Place)>,
    /// The numbers of the keys that stand in a table of its.
    could: Vec<usize>,
}

impl Statement {
    /// Reads a statement, or several of which the first gives the name. Where `whole` is false only its beginning is
    /// there.
    pub(super) fn read(sql: &[u8], whole: bool, finder: &Finder) -> Statement {
        let mut tokens = tokens(sql);
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
struct Called<'a> {
    verb: String,
    turn: Turn,
    role: Role,
    table: Option<&'a str>,
    gtrid: Option<String>,
    /// Where the words behind the table begin.
    behind: usize,
}

fn called<'a>(words: &'a [Token<'a>]) -> Called<'a> {
    let open = words.iter().take_while(|word| word.is_symbol(b'(')).count();
    let meant = |verb: &str, turn: Turn, role: Role| Called {
        verb: verb.to_owned(),
        turn,
        role,
        table: None,
        gtrid: None,
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
        "ROLLBACK" if words[at..].iter().any(|word| word.is_word("TO")) => plain("ROLLBACK TO SAVEPOINT", Turn::Within),
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

/// Looks for keys.
#[derive(Default)]
struct Places {
    found: Vec<(usize, Place)>,
    could: Vec<usize>,
    /// How often a value of a column was looked for.
    looked: usize,
}

impl Places {
    fn find(&mut self, words: &[Token<'_>], finder: &Finder) {
        let called = called(words);
        self.name_tables(words, finder);
        if matches!(called.verb.as_str(), "INSERT" | "REPLACE")
            && let Some(table) = called.table
        {
            self.inserted(words, called.behind, |column| {
                let columns = finder.columns(column);
                let here = columns.filter(|(_, other)| other.eq_ignore_ascii_case(table));
                here.map(|(key, _)| key).collect()
            });
        }
        for at in 0..words.len() {
            let Some(column) = words[at].name().filter(|_| self.looked < KEYS_MAX) else {
                continue;
            };
            let values = match (words.get(at + 1), words.get(at + 2)) {
                (Some(next), _) if next.is_symbol(b'=') => at + 2..at + 3,
                (Some(next), Some(open)) if next.is_word("IN") && open.is_symbol(b'(') => list(words, at + 3),
                _ => continue,
            };
            let mut looked = false;
            for (key, table) in finder.columns(column) {
                looked = true;
                if means(words, at, table) {
                    self.values(words, values.clone(), key);
                }
            }
            self.looked += usize::from(looked);
        }
    }

    /// Notes which keys stand in a table that is named here.
    fn name_tables(&mut self, words: &[Token<'_>], finder: &Finder) {
        for (key, table, _) in finder.tables() {
            let is_it = |word: &Token<'_>| word.name().is_some_and(|name| name.eq_ignore_ascii_case(table));
            if !self.could.contains(&key) && words.iter().any(is_it) {
                self.could.push(key);
            }
        }
    }

    /// `(c1, c2) VALUES (?, 'x'), (?, 'y')`
    fn inserted(&mut self, words: &[Token<'_>], at: usize, keys: impl Fn(&str) -> Vec<usize>) {
        if !words.get(at).is_some_and(|word| word.is_symbol(b'(')) {
            return;
        }
        let columns = list(words, at + 1);
        let wanted: Vec<Vec<usize>> = words[columns.clone()]
            .split(|word| word.is_symbol(b','))
            .map(|column| column.last().and_then(Token::name).map(&keys).unwrap_or_default())
            .collect();
        let mut row = columns.end + 2;
        let values = words.get(row - 1);
        if wanted.iter().all(Vec::is_empty)
            || !values.is_some_and(|word| word.is_word("VALUES") || word.is_word("VALUE"))
        {
            return;
        }
        while words.get(row).is_some_and(|word| word.is_symbol(b'(')) && self.found.len() < KEYS_MAX {
            row = self.row(words, row + 1, &wanted) + 2;
        }
    }

    /// The values of one row; where its closing bracket stands.
    fn row(&mut self, words: &[Token<'_>], from: usize, wanted: &[Vec<usize>]) -> usize {
        let (mut begin, mut depth, mut column) = (from, 0, 0);
        for (at, word) in words.iter().enumerate().skip(from) {
            let ends = depth == 0 && (word.is_symbol(b',') || word.is_symbol(b')'));
            if ends {
                for key in wanted.get(column).into_iter().flatten().filter(|_| at == begin + 1) {
                    self.value(words, begin, *key);
                }
                (begin, column) = (at + 1, column + 1);
            }
            match word {
                Token::Symbol(b'(') => depth += 1,
                Token::Symbol(b')') if depth == 0 => return at,
                Token::Symbol(b')') => depth -= 1,
                _ => {}
            }
        }
        words.len()
    }

    /// Each value of a range that stands alone between commas.
    fn values(&mut self, words: &[Token<'_>], range: std::ops::Range<usize>, key: usize) {
        for at in range.clone() {
            let first = at == range.start || words[at - 1].is_symbol(b',');
            let last = matches!(
                words.get(at + 1),
                None | Some(Token::Word(_) | Token::Symbol(b',' | b')'))
            );
            if first && last {
                self.value(words, at, key);
            }
        }
    }

    fn value(&mut self, words: &[Token<'_>], at: usize, key: usize) {
        let place = match words.get(at) {
            Some(Token::Parameter) => {
                let before = words[..at].iter().filter(|word| **word == Token::Parameter);
                Some(Place::Parameter(before.count()))
            }
            Some(Token::Text(text, _)) => value(text).map(Place::Literal),
            Some(Token::Number(digits)) => value(digits).map(Place::Literal),
            _ => None,
        };
        if let Some(place) = place
            && self.found.len() < KEYS_MAX
            && !self.found.contains(&(key, place.clone()))
        {
            self.found.push((key, place));
        }
    }
}

/// What stands before the closing bracket, `from` standing behind the opening one.
fn list(words: &[Token<'_>], from: usize) -> std::ops::Range<usize> {
    let from = from.min(words.len());
    from..outside_brackets_close(words, from)
}

fn outside_brackets_close(words: &[Token<'_>], from: usize) -> usize {
    let mut depth = 0;
    for (at, word) in words.iter().enumerate().skip(from) {
        match word {
            Token::Symbol(b'(') => depth += 1,
            Token::Symbol(b')') if depth == 0 => return at,
            Token::Symbol(b')') => depth -= 1,
            _ => {}
        }
    }
    words.len()
}

/// Whether the column at `at` may be one of this table: the statement names the table, and what stands before the
/// column, if anything does, is the table or another name for it.
fn means(words: &[Token<'_>], at: usize, table: &str) -> bool {
    let is = |at: usize, name: &str| {
        let word = words.get(at).and_then(Token::name);
        word.is_some_and(|word| word.eq_ignore_ascii_case(name))
    };
    let qualifier = match at {
        2.. if words[at - 1].is_symbol(b'.') => words[at - 2].name(),
        _ => None,
    };
    let mut named = (0..words.len()).filter(|at| is(*at, table));
    match qualifier {
        None => named.next().is_some(),
        Some(qualifier) if qualifier.eq_ignore_ascii_case(table) => true,
        Some(other) => named.any(|at| is(at + 1, other) || is(at + 1, "AS") && is(at + 2, other)),
    }
}
