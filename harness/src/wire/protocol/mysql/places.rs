//! Where keys stand in a statement: values that are stored in a column that holds one, or compared with it for equality.
//!
//! Knows `column = value` and `value = column`, `IN`, rows (`(a, b) = (1, 2)`, `(a, b) IN ((1, 2))`), and what INSERT and
//! REPLACE store: with columns or in the order of the table, from rows or from a SELECT. Never: takes a value that is part of
//! a longer expression.

use super::sql::Token;
use super::statement::{called, value};
use crate::wire::correlation::Finder;

/// This many keys of one statement are looked for.
const KEYS_MAX: usize = 256;
/// Rows that stand deeper in others are not read.
const DEPTH_MAX: usize = 8;
/// Behind these words a value, and before some of them a column, is part of a longer expression.
const OPERATORS: [&str; 6] = ["DIV", "MOD", "LIKE", "RLIKE", "REGEXP", "INTERVAL"];

/// Where a key stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In a parameter, counted from 0.
    Parameter(usize),
    /// In the text itself.
    Literal(String),
}

/// The places of the keys of a statement.
#[derive(Default)]
pub(super) struct Places {
    /// The number of each key, and where it stands.
    pub(super) found: Vec<(usize, Place)>,
    /// The numbers of the keys that could stand in the statement.
    pub(super) could: Vec<usize>,
}

impl Places {
    /// Adds those of one statement.
    pub(super) fn find(&mut self, words: &[Token<'_>], finder: &Finder) {
        let called = called(words);
        // What a procedure or a prepared text does is not told here.
        let unseen = matches!(called.verb.as_str(), "CALL" | "EXECUTE");
        let tables = named_tables(words, finder);
        for (key, table, _) in finder.tables() {
            let named = tables.iter().any(|named| named.table.eq_ignore_ascii_case(table));
            if (named || unseen) && !self.could.contains(&key) {
                self.could.push(key);
            }
        }
        if tables.is_empty() {
            return;
        }
        let mut search = Search {
            words,
            closes: closes(words),
            finder,
            tables,
            stored_from: Vec::new(),
            looked: 0,
            places: self,
        };
        if let ("INSERT" | "REPLACE", Some(table)) = (called.verb.as_str(), called.table) {
            search.stored(table, called.behind);
        }
        search.compared();
    }
}

/// A table that holds a key, and what it is called in a statement.
struct Named<'a> {
    table: &'a str,
    aliases: Vec<&'a str>,
}

/// The tables with a key that a statement names.
fn named_tables<'a>(words: &'a [Token<'a>], finder: &'a Finder) -> Vec<Named<'a>> {
    let mut named: Vec<Named<'a>> = Vec::new();
    for (_, table, _) in finder.tables() {
        if named.iter().any(|known| known.table.eq_ignore_ascii_case(table)) {
            continue;
        }
        let is_it = |at: &usize| words[*at].name().is_some_and(|name| name.eq_ignore_ascii_case(table));
        let mut places = (0..words.len()).filter(is_it).peekable();
        if places.peek().is_none() {
            continue;
        }
        let alias = |at: usize| match words.get(at + 1) {
            Some(word) if word.is_word("AS") => words.get(at + 2)?.name(),
            word => word?.name(),
        };
        let aliases = places.filter_map(alias).collect();
        named.push(Named { table, aliases });
    }
    named
}

/// For each opening bracket, where it closes; the end where it does not.
fn closes(words: &[Token<'_>]) -> Vec<usize> {
    let mut closes = vec![words.len(); words.len()];
    let mut open = Vec::new();
    for (at, word) in words.iter().enumerate() {
        match word {
            Token::Symbol(b'(') => open.push(at),
            Token::Symbol(b')') => {
                if let Some(opened) = open.pop() {
                    closes[opened] = at;
                }
            }
            _ => {}
        }
    }
    closes
}

/// A side of a comparison, or an item of a list.
enum Operand<'a> {
    Column(Column<'a>),
    /// A value, by where it stands.
    Value(usize),
    Row(Vec<Operand<'a>>),
    Other,
}

#[derive(Clone, Copy)]
struct Column<'a> {
    qualifier: Option<&'a str>,
    name: &'a str,
}

struct Search<'a, 'p> {
    words: &'a [Token<'a>],
    closes: Vec<usize>,
    finder: &'a Finder,
    tables: Vec<Named<'a>>,
    /// Columns of other tables out of which an INSERT ... SELECT takes a key.
    stored_from: Vec<(usize, Column<'a>)>,
    /// How often a value of a column was looked for.
    looked: usize,
    places: &'p mut Places,
}

impl<'a> Search<'a, '_> {
    fn is_symbol(&self, at: usize, symbol: u8) -> bool {
        self.words.get(at).is_some_and(|word| word.is_symbol(symbol))
    }

    fn is_any(&self, at: usize, keywords: &[&str]) -> bool {
        let word = self.words.get(at);
        word.is_some_and(|word| keywords.iter().any(|keyword| word.is_word(keyword)))
    }

    /// The operand that begins at `at`, and where it ends; None where none does.
    fn operand(&self, at: usize, depth: usize) -> Option<(Operand<'a>, usize)> {
        if depth > DEPTH_MAX {
            return None;
        }
        match self.words.get(at)? {
            Token::Symbol(b'(') => self.row(at, depth),
            Token::Parameter | Token::Number(_) => Some((Operand::Value(at), at + 1)),
            // A name where the server is told so, and the key's column is called like that.
            text @ Token::Text(_, b'"')
                if text
                    .name()
                    .is_some_and(|name| self.finder.columns(name).next().is_some()) =>
            {
                self.column(at)
            }
            Token::Text(..) => Some((Operand::Value(at), at + 1)),
            Token::Word(word) => {
                let before_text = matches!(self.words.get(at + 1), Some(Token::Text(..)));
                match word {
                    // The character set of the text that follows.
                    [b'_', ..] | [b'n' | b'N'] if before_text => Some((Operand::Value(at + 1), at + 2)),
                    _ if self.is_any(at, &["BINARY"]) => self.operand(at + 1, depth + 1),
                    _ if self.is_symbol(at + 1, b'(') => self.function(at, depth),
                    _ => self.column(at),
                }
            }
            Token::Name(_) => self.column(at),
            Token::Symbol(_) => None,
        }
    }

    /// `ROW(..)`, a value whose type is changed, or what says nothing of a value.
    fn function(&self, at: usize, depth: usize) -> Option<(Operand<'a>, usize)> {
        if self.is_any(at, &["ROW"]) {
            return self.row(at + 1, depth);
        }
        let end = self.closes[at + 1] + 1;
        let inner = match self.is_any(at, &["CAST", "CONVERT"]) {
            true => self.operand(at + 2, depth + 1),
            false => None,
        };
        Some(match inner {
            Some((operand, to)) if self.is_any(to, &["AS", "USING"]) || self.is_symbol(to, b',') => (operand, end),
            _ => (Operand::Other, end),
        })
    }

    /// What stands in the bracket at `open`: a row, or the one operand in it.
    fn row(&self, open: usize, depth: usize) -> Option<(Operand<'a>, usize)> {
        let close = self.closes[open];
        if close >= self.words.len() {
            return None;
        }
        let mut items: Vec<Operand<'a>> = self
            .items(open + 1, close)
            .map(|(from, to)| self.item(from, to, depth + 1))
            .collect();
        let operand = match items.len() {
            1 => items.remove(0),
            _ => Operand::Row(items),
        };
        Some((operand, close + 1))
    }

    /// The operand that is all of a range.
    fn item(&self, from: usize, to: usize, depth: usize) -> Operand<'a> {
        match self.operand(from, depth) {
            Some((operand, end)) if end == to => operand,
            _ => Operand::Other,
        }
    }

    /// What stands between the commas of a range, brackets being passed over.
    fn items(&self, from: usize, to: usize) -> impl Iterator<Item = (usize, usize)> {
        let mut begin = Some(from);
        std::iter::from_fn(move || {
            let from = begin?;
            let mut at = from;
            while at < to && !self.is_symbol(at, b',') {
                at = match self.is_symbol(at, b'(') {
                    true => self.closes[at] + 1,
                    false => at + 1,
                };
            }
            begin = (at < to).then_some(at + 1);
            Some((from, at.min(to)))
        })
    }

    fn column(&self, mut at: usize) -> Option<(Operand<'a>, usize)> {
        let (mut qualifier, mut name) = (None, self.words.get(at)?.name()?);
        while self.is_symbol(at + 1, b'.') {
            at += 2;
            (qualifier, name) = (Some(name), self.words.get(at)?.name()?);
        }
        Some((Operand::Column(Column { qualifier, name }), at + 1))
    }

    /// Every comparison for equality.
    fn compared(&mut self) {
        for at in 0..self.words.len() {
            if self.looked >= KEYS_MAX || !self.begins(at) {
                continue;
            }
            // A bracket is not read unless it is compared.
            if self.is_symbol(at, b'(') && self.right_of(self.closes[at] + 1).is_none() {
                continue;
            }
            let Some((left, end)) = self.operand(at, 0) else {
                continue;
            };
            match self.right_of(end) {
                Some((right_at, false)) => {
                    if let Some((right, end)) = self.operand(right_at, 0)
                        && self.ends(end)
                    {
                        self.equal(&left, &right);
                    }
                }
                Some((open, true)) if self.closes[open] < self.words.len() => {
                    let items: Vec<(usize, usize)> = self.items(open + 1, self.closes[open]).collect();
                    for (from, to) in items {
                        let right = self.item(from, to, 0);
                        self.equal(&left, &right);
                    }
                }
                _ => {}
            }
        }
    }

    /// Where the other side of a comparison begins whose operator stands at `at`, and whether it is the bracket of an IN.
    fn right_of(&self, at: usize) -> Option<(usize, bool)> {
        let is = |ahead: usize, symbol: u8| self.is_symbol(at + ahead, symbol);
        if is(0, b'=') {
            Some((at + 1, false))
        } else if is(0, b'<') && is(1, b'=') && is(2, b'>') {
            Some((at + 3, false))
        } else if self.is_any(at, &["IN"]) && is(1, b'(') {
            Some((at + 1, true))
        } else {
            None
        }
    }

    /// Whether an operand that begins at `at` is part of nothing longer.
    fn begins(&self, at: usize) -> bool {
        let Some(before) = at.checked_sub(1) else {
            return true;
        };
        match &self.words[before] {
            Token::Word(_) => !self.is_any(before, &OPERATORS),
            Token::Symbol(b'(' | b',' | b'!') => true,
            Token::Symbol(both @ (b'&' | b'|')) => before > 0 && self.is_symbol(before - 1, *both),
            _ => false,
        }
    }

    /// Whether an operand that ends before `at` is part of nothing longer.
    fn ends(&self, at: usize) -> bool {
        match self.words.get(at) {
            None | Some(Token::Symbol(b',' | b')')) => true,
            Some(Token::Word(_)) => !self.is_any(at, &OPERATORS),
            Some(Token::Symbol(both @ (b'&' | b'|'))) => self.is_symbol(at + 1, *both),
            Some(_) => false,
        }
    }

    fn equal(&mut self, left: &Operand<'a>, right: &Operand<'a>) {
        match (left, right) {
            (Operand::Column(column), Operand::Value(at)) | (Operand::Value(at), Operand::Column(column)) => {
                let keys = self.keys_of(*column);
                self.looked += usize::from(!keys.is_empty());
                keys.into_iter().for_each(|key| self.value(*at, key));
            }
            (Operand::Row(left), Operand::Row(right)) if left.len() == right.len() => {
                left.iter().zip(right).for_each(|(left, right)| self.equal(left, right));
            }
            _ => {}
        }
    }

    /// The keys that a column holds: of a table that is named by what stands before the column, or of any that the
    /// statement names.
    fn keys_of(&self, column: Column<'a>) -> Vec<usize> {
        let means = |table: &str| {
            let named = self.tables.iter().find(|named| named.table.eq_ignore_ascii_case(table));
            named.is_some_and(|named| match column.qualifier {
                None => true,
                Some(qualifier) if qualifier.eq_ignore_ascii_case(table) => true,
                Some(other) => named.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(other)),
            })
        };
        let own = self.finder.columns(column.name).filter(|(_, table)| means(table));
        let same = |other: Column<'a>| {
            let qualifiers = (column.qualifier, other.qualifier);
            other.name.eq_ignore_ascii_case(column.name)
                && !matches!(qualifiers, (Some(one), Some(other)) if !one.eq_ignore_ascii_case(other))
        };
        let stored_from = self.stored_from.iter().filter(|(_, other)| same(*other));
        own.map(|(key, _)| key)
            .chain(stored_from.map(|(key, _)| *key))
            .collect()
    }

    /// What an INSERT or REPLACE stores; `at` is behind the table's name.
    fn stored(&mut self, table: &str, mut at: usize) {
        if self.is_any(at, &["PARTITION"]) && self.is_symbol(at + 1, b'(') {
            at = self.closes[at + 1] + 1;
        }
        let query = ["SELECT", "WITH", "TABLE", "VALUES"];
        let columns: Vec<String> =
            match self.is_symbol(at, b'(') && !self.is_symbol(at + 1, b'(') && !self.is_any(at + 1, &query) {
                true => {
                    let close = self.closes[at];
                    let items = self.items(at + 1, close).map(|(_, to)| to.checked_sub(1));
                    let name = |last: Option<usize>| self.words.get(last?)?.name().map(str::to_owned);
                    let names = items.map(|last| name(last).unwrap_or_default()).collect();
                    at = close + 1;
                    names
                }
                false => self.finder.order(table),
            };
        let wanted: Vec<Vec<usize>> = columns
            .into_iter()
            .map(|column| {
                let columns = self.finder.columns(&column);
                let here = columns.filter(|(_, other)| other.eq_ignore_ascii_case(table));
                here.map(|(key, _)| key).collect()
            })
            .collect();
        if wanted.iter().all(Vec::is_empty) {
            return;
        }
        match self.is_any(at, &["VALUES", "VALUE"]) {
            true => self.stored_rows(at + 1, &wanted),
            false => self.stored_selects(at, &wanted),
        }
    }

    /// `(?, 'x'), (?, 'y')`, `ROW(?, 'x')`
    fn stored_rows(&mut self, mut at: usize, wanted: &[Vec<usize>]) {
        while self.places.found.len() < KEYS_MAX {
            at += usize::from(self.is_any(at, &["ROW"]));
            if !self.is_symbol(at, b'(') {
                return;
            }
            let close = self.closes[at];
            let items: Vec<(usize, usize)> = self.items(at + 1, close).collect();
            for ((from, to), keys) in items.into_iter().zip(wanted) {
                // In a statement of which the end is missing a value may go on.
                if let Operand::Value(at) = self.item(from, to, 0)
                    && to < self.words.len()
                {
                    keys.iter().for_each(|key| self.value(at, *key));
                }
            }
            if !self.is_symbol(close + 1, b',') {
                return;
            }
            at = close + 2;
        }
    }

    /// The items of each SELECT of a query that are stored.
    fn stored_selects(&mut self, from: usize, wanted: &[Vec<usize>]) {
        let outer = self.words[from.min(self.words.len())..]
            .iter()
            .take_while(|word| word.is_symbol(b'('))
            .count();
        let mut depth = 0;
        for at in from..self.words.len() {
            match &self.words[at] {
                Token::Symbol(b'(') => depth += 1,
                Token::Symbol(b')') => depth -= 1.min(depth),
                word if depth == outer && word.is_word("SELECT") => self.stored_select(at + 1, wanted),
                _ => {}
            }
        }
    }

    fn stored_select(&mut self, mut from: usize, wanted: &[Vec<usize>]) {
        const FIRST: [&str; 10] = [
            "ALL",
            "DISTINCT",
            "DISTINCTROW",
            "HIGH_PRIORITY",
            "STRAIGHT_JOIN",
            "SQL_SMALL_RESULT",
            "SQL_BIG_RESULT",
            "SQL_BUFFER_RESULT",
            "SQL_NO_CACHE",
            "SQL_CALC_FOUND_ROWS",
        ];
        const BEHIND: [&str; 9] = [
            "FROM",
            "WHERE",
            "UNION",
            "EXCEPT",
            "INTERSECT",
            "ON",
            "LIMIT",
            "ORDER",
            "FOR",
        ];
        while self.is_any(from, &FIRST) {
            from += 1;
        }
        let mut end = from;
        while end < self.words.len() && !self.is_any(end, &BEHIND) && !self.is_symbol(end, b')') {
            end = match self.is_symbol(end, b'(') {
                true => self.closes[end] + 1,
                false => end + 1,
            };
        }
        let items: Vec<(usize, usize)> = self.items(from, end.min(self.words.len())).collect();
        for ((from, to), keys) in items.into_iter().zip(wanted) {
            let Some((operand, end)) = self.operand(from, 0) else {
                continue;
            };
            // Another name for it may follow.
            if !(end == to || end + 1 == to || self.is_any(end, &["AS"])) {
                continue;
            }
            match operand {
                Operand::Value(at) => keys.iter().for_each(|key| self.value(at, *key)),
                Operand::Column(column) => self.stored_from.extend(keys.iter().map(|key| (*key, column))),
                Operand::Row(_) | Operand::Other => {}
            }
        }
    }

    fn value(&mut self, at: usize, key: usize) {
        let place = match self.words.get(at) {
            Some(Token::Parameter) => {
                let before = self.words[..at].iter().filter(|word| **word == Token::Parameter);
                Some(Place::Parameter(before.count()))
            }
            Some(Token::Text(text, _)) => value(text).map(Place::Literal),
            Some(Token::Number(digits)) => value(digits).map(Place::Literal),
            _ => None,
        };
        if let Some(place) = place
            && self.places.found.len() < KEYS_MAX
            && !self.places.found.contains(&(key, place.clone()))
        {
            self.places.found.push((key, place));
        }
    }
}
