//! The options of a promise: read by name, each mistake said with its key, what is there, and what was probably meant.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::history::{Header, Moment, Promise};
use crate::money;
use crate::names::{did_you_mean, list};

/// The options of one promise, while they are read.
pub(crate) struct Options<'a> {
    /// Where it stands: `promises[0]`.
    at: String,
    map: &'a Map<String, Value>,
    problems: Vec<String>,
}

impl<'a> Options<'a> {
    /// The options of the promise at a position.
    pub(crate) fn of(promise: &'a Promise, position: usize) -> Options<'a> {
        Options {
            at: format!("promises[{position}]"),
            map: &promise.options,
            problems: Vec::new(),
        }
    }

    /// Every option is one of these.
    pub(crate) fn known(&mut self, known: &(impl Iterator<Item = &'static str> + Clone), owner: &str) {
        for key in self
            .map
            .keys()
            .filter(|key| !known.clone().any(|name| name == key.as_str()))
        {
            let hint = did_you_mean(key, known.clone());
            let has = list(known.clone());
            let at = &self.at;
            self.problems
                .push(format!("{at}.{key} is no option of {owner}; it has {has}{hint}"));
        }
    }

    /// Something is wrong with an option.
    pub(crate) fn say(&mut self, key: &str, problem: impl std::fmt::Display) {
        let at = &self.at;
        self.problems.push(format!("{at}.{key} {problem}"));
    }

    /// What was made of them, or what is wrong.
    pub(crate) fn ended<T>(self, made: Option<T>) -> Result<T, Vec<String>> {
        match made {
            Some(made) if self.problems.is_empty() => Ok(made),
            _ if self.problems.is_empty() => Err(vec![format!("{} cannot be understood", self.at)]),
            _ => Err(self.problems),
        }
    }

    /// Whether anything is wrong so far.
    pub(crate) fn is_fine(&self) -> bool {
        self.problems.is_empty()
    }

    /// The value at a key, which may lead into tables: `effect.view`.
    pub(crate) fn value(&self, key: &str) -> Option<&'a Value> {
        let mut parts = key.split('.');
        let (first, position) = indexed(parts.next()?);
        let mut value = at(self.map.get(first)?, position)?;
        for part in parts {
            let (name, position) = indexed(part);
            value = at(value.get(name)?, position)?;
        }
        Some(value)
    }

    /// How many tables a list has, each of which has no other keys than these; the list must be there, and not be empty.
    pub(crate) fn tables(&mut self, key: &str, known: &[&str], example: &str) -> usize {
        let Some(value) = self.value(key) else {
            self.say(key, format!("is missing; for example {key} = {example}"));
            return 0;
        };
        let count = match value.as_array() {
            Some(list) if !list.is_empty() => list.len(),
            _ => {
                self.wrong(key, value, &format!("a list of tables, as in {example}"));
                return 0;
            }
        };
        for position in 0..count {
            self.table(&format!("{key}[{position}]"), known);
        }
        count
    }

    /// A text.
    pub(crate) fn text(&mut self, key: &str) -> Option<&'a str> {
        let value = self.value(key)?;
        if value.as_str().is_none() {
            self.wrong(key, value, "a text");
        }
        value.as_str()
    }

    /// A text that must be there.
    pub(crate) fn needed(&mut self, key: &str, example: &str) -> Option<&'a str> {
        if self.value(key).is_none() {
            self.say(key, format!("is missing; for example {key} = {example}"));
        }
        self.text(key)
    }

    /// A name that must be one of those that are there.
    pub(crate) fn name<'n>(
        &mut self,
        key: &str,
        what: &str,
        there: impl Iterator<Item = &'n str> + Clone,
    ) -> Option<&'a str> {
        let name = self.text(key)?;
        self.refers(key, what, name, there).then_some(name)
    }

    /// Whether `name`, at a key, is one of those that are there.
    pub(crate) fn refers<'n>(
        &mut self,
        key: &str,
        what: &str,
        name: &str,
        there: impl Iterator<Item = &'n str> + Clone,
    ) -> bool {
        let problem = format!("refers to {what} {name:?}; this target has");
        self.one_of(key, name, there, &problem)
    }

    /// Whether `name`, at a key, is one of a fixed choice: of states, of roles.
    pub(crate) fn chosen<'n>(
        &mut self,
        key: &str,
        what: &str,
        name: &str,
        there: impl Iterator<Item = &'n str> + Clone,
    ) -> bool {
        let problem = format!("has {what} {name:?}; the {what}s are");
        self.one_of(key, name, there, &problem)
    }

    fn one_of<'n>(
        &mut self,
        key: &str,
        name: &str,
        there: impl Iterator<Item = &'n str> + Clone,
        problem: &str,
    ) -> bool {
        let found = there.clone().any(|other| other == name);
        if !found {
            let hint = did_you_mean(name, there.clone());
            self.say(key, format!("{problem} {}{hint}", list(there)));
        }
        found
    }

    /// A number.
    pub(crate) fn number(&mut self, key: &str) -> Option<f64> {
        let value = self.value(key)?;
        if value.as_f64().is_none() {
            self.wrong(key, value, "a number");
        }
        value.as_f64()
    }

    /// One text, or several.
    pub(crate) fn texts(&mut self, key: &str) -> Option<Vec<String>> {
        let value = self.value(key)?;
        let texts = texts(value);
        if texts.is_none() {
            self.wrong(key, value, "a text or a list of texts");
        }
        texts
    }

    /// Columns, each with the values that count: `{ result = ["success"] }`.
    pub(crate) fn values_by_column(&mut self, key: &str) -> BTreeMap<String, Vec<String>> {
        let Some(value) = self.value(key) else {
            return BTreeMap::new();
        };
        let shape = "a table of columns with their values, as in { result = [\"success\"] }";
        let Some(table) = value.as_object() else {
            self.wrong(key, value, shape);
            return BTreeMap::new();
        };
        let mut columns = BTreeMap::new();
        for (column, value) in table {
            match texts(value) {
                Some(values) if !values.is_empty() => drop(columns.insert(column.clone(), values)),
                _ => self.wrong(&format!("{key}.{column}"), value, "a list of texts"),
            }
        }
        columns
    }

    /// One text, or several, that must be there.
    pub(crate) fn needed_texts(&mut self, key: &str, example: &str) -> Option<Vec<String>> {
        if self.value(key).is_none() {
            self.say(key, format!("is missing; for example {key} = {example}"));
        }
        let texts = self.texts(key)?;
        if texts.is_empty() {
            self.say(key, format!("is empty; for example {key} = {example}"));
            return None;
        }
        Some(texts)
    }

    /// A view that must be there.
    pub(crate) fn view(&mut self, key: &str, header: &Header) -> Option<&'a str> {
        self.needed(key, "\"orders\"");
        self.name(key, "view", header.views.keys().map(String::as_str))
    }

    /// A view that must be there, and be read at a moment.
    pub(crate) fn view_at(&mut self, key: &str, header: &Header, moment: Moment) -> Option<&'a str> {
        let view = self.view(key, header)?;
        self.is_read(key, header, view, moment).then_some(view)
    }

    /// Whether a view that is there is read at a moment.
    pub(crate) fn is_read(&mut self, key: &str, header: &Header, view: &str, moment: Moment) -> bool {
        let read = &header.views[view];
        let found = read.contains(&moment);
        if !found {
            let has = list(read.iter().map(|other| word(*other)));
            let moment = word(moment);
            self.say(
                key,
                format!("needs {view} at {moment:?}, and it is read at {has}: add {moment:?} to views.{view}.at"),
            );
        }
        found
    }

    /// The moments that count, of those at which a view may be read; `otherwise` where nothing is said.
    pub(crate) fn moments(&mut self, key: &str, possible: &[Moment], otherwise: &[Moment]) -> Vec<Moment> {
        let Some(names) = self.texts(key) else {
            return otherwise.to_vec();
        };
        let mut moments = Vec::new();
        for name in &names {
            let found = possible.iter().find(|moment| word(**moment) == name.as_str());
            let words = possible.iter().map(|moment| word(*moment));
            match found {
                Some(moment) => moments.push(*moment),
                None => {
                    let hint = did_you_mean(name, words.clone());
                    self.say(key, format!("has {name:?}; it can have {}{hint}", list(words)));
                }
            }
        }
        if names.is_empty() {
            self.say(key, "is empty; for example [\"final\"]");
        }
        moments
    }

    /// A number written as a text or as a number, in units of `10^-scale`.
    pub(crate) fn amount(&mut self, key: &str, scale: u32) -> Option<i128> {
        let value = self.value(key)?;
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        let amount = money::parse(&text, scale).ok().filter(money::Money::is_exact);
        if amount.is_none() {
            self.wrong(key, value, "a number, as in 100 or \"100.00\"");
        }
        amount.map(|amount| amount.nearest())
    }

    /// Lengths of time, in nanoseconds.
    pub(crate) fn durations_ns(&mut self, key: &str) -> Option<Vec<u64>> {
        let texts = self.texts(key)?;
        let mut all = Vec::new();
        for (position, text) in texts.iter().enumerate() {
            match duration_ns(text) {
                Some(ns) => all.push(ns),
                None => self.say(
                    &format!("{key}[{position}]"),
                    format!("is {text:?}; expected a length of time like \"200ms\", \"5s\" or \"2m\""),
                ),
            }
        }
        Some(all)
    }

    /// A length of time, in nanoseconds: `200ms`, `5s`, `2m`.
    pub(crate) fn duration_ns(&mut self, key: &str) -> Option<u64> {
        let text = self.text(key)?;
        let ns = duration_ns(text);
        if ns.is_none() {
            self.say(
                key,
                format!("is {text:?}; expected a length of time like \"200ms\", \"5s\" or \"2m\""),
            );
        }
        ns
    }

    /// A table has no other keys than these.
    pub(crate) fn table(&mut self, key: &str, known: &[&str]) -> bool {
        let Some(value) = self.value(key) else { return false };
        let Some(table) = value.as_object() else {
            self.wrong(key, value, "a table");
            return false;
        };
        for inner in table.keys().filter(|inner| !known.contains(&inner.as_str())) {
            let hint = did_you_mean(inner, known.iter().copied());
            let has = list(known.iter().copied());
            self.say(&format!("{key}.{inner}"), format!("is unknown; {key} has {has}{hint}"));
        }
        true
    }

    pub(crate) fn wrong(&mut self, key: &str, value: &Value, expected: &str) {
        let found = value.to_string();
        let found: String = found.chars().take(40).collect();
        self.say(key, format!("is {found}; expected {expected}"));
    }
}

/// `branches[1]` as a name and a position.
fn indexed(part: &str) -> (&str, Option<usize>) {
    let inner = part.strip_suffix(']').and_then(|part| part.split_once('['));
    match inner.and_then(|(name, position)| Some((name, position.parse().ok()?))) {
        Some((name, position)) => (name, Some(position)),
        None => (part, None),
    }
}

fn at(value: &Value, position: Option<usize>) -> Option<&Value> {
    match position {
        Some(position) => value.get(position),
        None => Some(value),
    }
}

/// A moment as manifests name it.
pub(crate) fn word(moment: Moment) -> &'static str {
    match moment {
        Moment::Initial => "initial",
        Moment::Look => "look",
        Moment::Rest => "rest",
        Moment::AfterRepair => "after-repair",
        Moment::Final => "final",
    }
}

fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(values) => values.iter().map(|v| v.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

/// Nanoseconds of a text like `200ms`.
fn duration_ns(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..end].parse().ok()?;
    let unit = match &text[end..] {
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    number.checked_mul(unit)
}
