//! What the workloads share: clients and their open operations, forms as numbers and as names.

use std::collections::HashMap;

use crate::formats::edn;
use crate::isolation::Scalar;
use crate::ops::{Kind, Op, Process, Ref, Tape, Value, write_edn, write_edn_float};
use crate::streaming::{At, Names};
use crate::texts::Texts;
pub(super) use crate::verdict::decided;

/// An operation that is not of the workload's shape.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("operation {index}: expected {expected}, found {found}")]
pub struct Misfit {
    /// Its index.
    pub index: u64,
    /// What was expected.
    pub expected: String,
    /// What stood there.
    pub found: String,
}

/// The longest form that a message shows.
const FOUND_CHARS_MAX: usize = 60;

/// A misfit.
pub(super) fn misfit(op: &Op, expected: &str, found: Ref) -> Misfit {
    misfit_as(op, expected, &format!("{found:?}"))
}

/// A misfit, where `found` says what stood there.
pub(super) fn misfit_as(op: &Op, expected: &str, found: &str) -> Misfit {
    let shown = match found.char_indices().nth(FOUND_CHARS_MAX) {
        Some((end, _)) => format!("{}...", &found[..end]),
        None => found.to_owned(),
    };
    Misfit {
        index: op.index,
        expected: expected.to_owned(),
        found: shown,
    }
}

/// An `f` that the workload does not know.
pub(super) fn unknown_f(op: &Op, expected: &str) -> Misfit {
    let found = if op.f.is_empty() { "none" } else { op.f };
    misfit_as(op, &format!("an f of {expected}"), found)
}

/// The number of a client's process; None for a named one. Operations that name no process are one client's.
pub(super) fn client(op: &Op) -> Option<i64> {
    match op.process {
        Process::Client(number) => Some(number),
        Process::Nobody => Some(i64::MIN),
        Process::Named(_) => None,
    }
}

/// Where an operation stands, for the streaming checkers.
pub(super) fn at(op: &Op) -> At {
    At {
        index: op.index,
        time: op.time.unwrap_or(0),
    }
}

/// Where an operation stands, for the checkers that judge by times.
pub(super) fn timed(op: &Op) -> Result<At, Misfit> {
    match op.time {
        Some(_) => Ok(at(op)),
        None => Err(misfit_as(op, "a time, in nanoseconds since the run began", "none")),
    }
}

/// Whether an observation was made: a change log, the wire or a probe saw it at the moment of the `ok`.
pub(super) fn observed(op: &Op) -> Result<bool, Misfit> {
    match op.kind {
        Kind::Ok => Ok(true),
        Kind::Invoke | Kind::Fail => Ok(false),
        Kind::Info => {
            let expected = format!("an observed {}, ok or fail", op.f);
            Err(misfit_as(op, &expected, "one of unknown outcome (info)"))
        }
    }
}

/// What an operation is about and what it says of it: its key and its value, or a value that is a pair.
pub(super) fn keyed<'a>(op: &Op<'a>, expected: &str) -> Result<(Ref<'a>, Ref<'a>), Misfit> {
    match op.key {
        Some(key) => Ok((key, op.value)),
        None => op.value.pair().ok_or_else(|| misfit(op, expected, op.value)),
    }
}

/// The same of several things at once: a map of them. `each` is told every one.
pub(super) fn keyed_each<'a>(
    op: &Op<'a>,
    expected: &str,
    mut each: impl FnMut(Ref<'a>, Ref<'a>) -> Result<(), Misfit>,
) -> Result<(), Misfit> {
    match op.value.entries().filter(|_| op.key.is_none()) {
        Some(mut entries) => entries.try_for_each(|(key, value)| each(key, value)),
        None => keyed(op, expected).and_then(|(key, value)| each(key, value)),
    }
}

/// A whole number, of any size of which four billion can be added up.
pub(super) fn whole(form: Ref) -> Option<i128> {
    match form.value() {
        Value::Int(number) => Some(number.into()),
        Value::Number(text) => whole_of(text.trim_end_matches('N')),
        _ => None,
    }
}

/// The same of a text.
pub(super) fn whole_of(text: &str) -> Option<i128> {
    let number: i128 = text.parse().ok()?;
    Some(number).filter(|number| number.unsigned_abs() < 1 << 95)
}

/// A read that cannot be placed: what it read changed while it was under way, and it tells of another state.
pub(super) fn overlapping(op: &Op, changed: u64) -> Misfit {
    let found = format!("a read that began before operation {changed} and says something else");
    misfit_as(
        op,
        "a read that does not overlap with a change of what it reads",
        &found,
    )
}

/// What is open, per client: an operation begins, and ends once.
#[derive(Debug)]
pub(super) struct Clients<T> {
    open: HashMap<i64, (u64, T)>,
    last: Option<u64>,
}

impl<T> Default for Clients<T> {
    fn default() -> Self {
        Clients {
            open: HashMap::new(),
            last: None,
        }
    }
}

impl<T> Clients<T> {
    /// Every operation's index is above the one before: witnesses and order rest on it.
    pub(super) fn follow(&mut self, op: &Op) -> Result<(), Misfit> {
        if self.last.is_some_and(|last| op.index <= last) {
            let found = format!("index {} behind {}", op.index, self.last.unwrap_or(0));
            return Err(misfit_as(op, "indices that grow", &found));
        }
        self.last = Some(op.index);
        Ok(())
    }

    /// An operation begins.
    pub(super) fn begin(&mut self, client: i64, op: &Op, what: T) -> Result<(), Misfit> {
        match self.open.insert(client, (op.index, what)) {
            None => Ok(()),
            Some((open, _)) => {
                let found = format!("an invocation while operation {open} of its process is open");
                Err(misfit_as(op, "one operation of a process at a time", &found))
            }
        }
    }

    /// An operation ends: the index of its invocation, and what it was begun with. None for an info that ends nothing.
    pub(super) fn end(&mut self, client: i64, op: &Op) -> Result<Option<(u64, T)>, Misfit> {
        match self.open.remove(&client) {
            Some(open) => Ok(Some(open)),
            None if op.kind == Kind::Info => Ok(None),
            None => Err(misfit_as(
                op,
                "the end of an operation that was invoked",
                "no invocation of its process",
            )),
        }
    }

    /// The same of an operation whose invocation may not be on record: None where it is not.
    pub(super) fn close(&mut self, client: i64) -> Option<(u64, T)> {
        self.open.remove(&client)
    }

    /// What is open at the end, in the order of the invocations.
    pub(super) fn rest(&mut self) -> Vec<(i64, u64, T)> {
        let mut rest: Vec<(i64, u64, T)> = self
            .open
            .drain()
            .map(|(client, (index, what))| (client, index, what))
            .collect();
        rest.sort_unstable_by_key(|(_, index, _)| *index);
        rest
    }
}

/// Clients as dense numbers.
#[derive(Debug, Default)]
pub(super) struct Processes(HashMap<i64, u32>);

impl Processes {
    pub(super) fn id(&mut self, client: i64) -> u32 {
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        *self.0.entry(client).or_insert(next)
    }
}

/// A form that outlives its operation.
#[derive(Debug, Default)]
pub(super) struct Kept {
    tape: Tape,
    at: u32,
}

impl Kept {
    /// Takes the place of what was kept.
    pub(super) fn keep(&mut self, form: Ref) {
        self.at = form.copy_tape(&mut self.tape);
    }

    pub(super) fn form(&self) -> Ref<'_> {
        self.tape.at(self.at)
    }
}

/// Forms as dense numbers: equal forms have one number.
#[derive(Debug, Default)]
pub(super) struct Forms {
    texts: Texts,
    scratch: String,
}

impl Forms {
    pub(super) fn id(&mut self, form: Ref) -> u32 {
        self.scratch.clear();
        canonical(form, &mut self.scratch);
        self.texts.id(self.scratch.as_bytes())
    }

    /// The number of two forms together.
    pub(super) fn id_of_pair(&mut self, a: Ref, b: Ref) -> u32 {
        self.scratch.clear();
        canonical(a, &mut self.scratch);
        self.scratch.push(' ');
        canonical(b, &mut self.scratch);
        self.texts.id(self.scratch.as_bytes())
    }

    pub(super) fn name(&self, id: u32) -> &str {
        if (id as usize) < self.texts.len() {
            self.texts.str(id)
        } else {
            ""
        }
    }
}

/// A form as EDN, the same for equal forms and for no others: sets and maps in one order, lists as vectors, numbers as they
/// are shortest. Equal is what Clojure calls equal: `1` is not `1.0`, `"1"` or `:1`.
fn canonical(form: Ref, out: &mut String) {
    let (open, close, mut parts): (&str, char, Vec<String>) = match form.value() {
        Value::Sequence(crate::ops::Sequence::Set, items) => {
            let part = |item| {
                let mut text = String::new();
                canonical(item, &mut text);
                text
            };
            ("#{", '}', items.map(part).collect())
        }
        Value::Map(entries) => {
            let part = |(key, value)| {
                let mut text = String::new();
                canonical(key, &mut text);
                text.push(' ');
                canonical(value, &mut text);
                text
            };
            ("{", '}', entries.map(part).collect())
        }
        Value::Sequence(_, items) => {
            // Lists and vectors are equal, as they are in Clojure.
            out.push('[');
            for (at, item) in items.enumerate() {
                out.push_str(if at == 0 { "" } else { " " });
                canonical(item, out);
            }
            return out.push(']');
        }
        Value::Float(value) => return write_edn_float(value, out),
        Value::Number(text) => return out.push_str(text.strip_suffix('N').unwrap_or(text)),
        Value::Tagged(tag, form) => {
            out.push('#');
            out.push_str(tag);
            out.push(' ');
            return canonical(form, out);
        }
        _ => return write_edn(form, out),
    };
    parts.sort_unstable();
    out.push_str(open);
    out.push_str(&parts.join(" "));
    out.push(close);
}

/// What numbers of elements and of keys stand for.
pub(super) struct Named<'a> {
    pub(super) ids: &'a Forms,
    pub(super) keys: &'a Forms,
}

impl Names for Named<'_> {
    fn id(&self, id: u32) -> String {
        self.ids.name(id).to_owned()
    }

    fn key(&self, key: u32) -> String {
        self.keys.name(key).to_owned()
    }
}

/// A form as a key or value of a transaction: an integer, or the text of its [`identity`].
pub(super) fn scalar<'a>(form: Ref<'a>, scratch: &'a mut String) -> Scalar<'a> {
    match form.value() {
        Value::Int(value) => Scalar::Int(value),
        Value::String(text) if is_word(text) => Scalar::Str(text),
        _ => {
            scratch.clear();
            identity(form, scratch);
            Scalar::Str(scratch)
        }
    }
}

/// A form as a text that equal forms have, and no others: as EDN, but for words without their quotes. A symbol has a quote
/// before it, as in Lisp, that tells it from the word.
pub(super) fn identity(form: Ref, out: &mut String) {
    match form.value() {
        Value::String(text) if is_word(text) => out.push_str(text),
        Value::Symbol(text) => {
            out.push('\'');
            out.push_str(text);
        }
        _ => canonical(form, out),
    }
}

/// The same as a text of its own.
pub(super) fn identity_of(form: Ref) -> String {
    let mut text = String::new();
    identity(form, &mut text);
    text
}

/// The form that an option names, in EDN, where it does; what is a symbol there is a string.
pub(super) fn form_of_option<'a>(text: &str, tape: &'a mut Tape) -> Option<Ref<'a>> {
    let scanned = edn::scan(text.as_bytes(), 0, true, tape);
    if scanned == Ok(Some(text.len())) && matches!(tape.root().value(), Value::Symbol(_)) {
        tape.clear();
        tape.push_string(text);
    }
    (scanned == Ok(Some(text.len()))).then(|| tape.root())
}

/// The identity of the form that an option names; what is no form is a string.
pub(super) fn identity_of_option(text: &str) -> String {
    let mut tape = Tape::default();
    if form_of_option(text, &mut tape).is_none() {
        tape.clear();
        tape.push_string(text);
    }
    identity_of(tape.root())
}

/// Whether a string has a text that no form has which is no string: EDN writes those with another beginning, or as these
/// words.
fn is_word(text: &str) -> bool {
    let begins = text.starts_with(|first: char| first.is_alphabetic() || first == '_');
    begins && !matches!(text, "nil" | "true" | "false")
}

/// A form as a name: strings, keywords and symbols by their text, anything else as EDN.
pub(super) fn name_of(form: Ref) -> String {
    match form.name() {
        Some(name) => name.to_owned(),
        None => {
            let mut text = String::new();
            canonical(form, &mut text);
            text
        }
    }
}

/// A small operation of a transaction: `[f key value]`.
pub(super) fn mop(form: Ref<'_>) -> Option<(&str, Ref<'_>, Option<Ref<'_>>)> {
    let mut items = form.items().filter(|items| (2..=3).contains(&items.len()))?;
    let f = items.next()?.name()?;
    let key = items.next()?;
    Some((f, key, items.next()))
}

/// An index as the compact histories take it.
pub(super) fn index(op: &Op) -> Result<u32, Misfit> {
    let bounded = u32::try_from(op.index).ok().filter(|index| *index < u32::MAX - 1);
    bounded.ok_or_else(|| misfit_as(op, "an index below 2^32 - 2", &op.index.to_string()))
}
