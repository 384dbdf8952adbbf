//! What JSON has no form for, as EDN tags in JSON: an object whose only key is `#` and a tag.
//!
//! | EDN | JSON |
//! | --- | --- |
//! | a set | `{"#set": [...]}` |
//! | a map with a key that is no name, or whose only key begins with `#` | `{"#map": [[k, v], ...]}` |
//! | a character | `{"#char": "a"}` |
//! | a number that JSON cannot write | `{"#number": "1/3"}` |
//! | `#inst "..."`, or any other tagged form | `{"#inst": "..."}` |
//! | a keyword, symbol or string whose text stood for another kind of name before | `{"#keyword": "a"}`, `{"#symbol": "a"}`, `{"#string": "a"}` |
//!
//! Keywords and symbols are written as strings: few histories hold a keyword and a string of the same text, and where one
//! does, the later kind is tagged. So different values stay different, whatever a history is converted to.

use crate::ops::{Flaw, Ref, Sequence, Tape, Value, is_tag};

use super::edn;

/// Writes the form on another tape, its tags read.
pub(super) fn read(form: Ref, out: &mut Tape) {
    if let Some((tag, value)) = tagged(form) {
        return read_tagged(tag, value, out);
    }
    match form.value() {
        Value::Nil => drop(out.push_nil()),
        Value::Bool(value) => drop(out.push_bool(value)),
        Value::Int(value) => drop(out.push_int(value)),
        Value::Float(value) => drop(out.push_float(value)),
        Value::Number(text) => drop(out.push_number(text)),
        Value::Char(c) => drop(out.push_char(c)),
        Value::String(text) => drop(out.push_string(text)),
        Value::Keyword(text) => drop(out.push_keyword(text)),
        Value::Symbol(text) => drop(out.push_symbol(text)),
        Value::Tagged(tag, value) => {
            out.begin_tagged(tag);
            read(value, out);
        }
        Value::Sequence(sequence, items) => {
            out.begin(sequence);
            items.for_each(|item| read(item, out));
            out.end();
        }
        Value::Map(entries) => {
            out.begin_map();
            for (key, value) in entries {
                read(key, out);
                read(value, out);
            }
            out.end();
        }
    }
}

/// The tag of an object, and what it tags.
fn tagged(form: Ref<'_>) -> Option<(&str, Ref<'_>)> {
    let (key, value) = form.entries().filter(|entries| entries.len() == 1)?.next()?;
    let key = key.str().filter(|key| is_tag(key))?;
    Some((&key[1..], value))
}

fn read_tagged(tag: &str, value: Ref, out: &mut Tape) {
    let pairs = || {
        value
            .items()
            .filter(|items| items.clone().all(|item| item.pair().is_some()))
    };
    match (tag, value.str()) {
        ("set", None) if value.items().is_some() => {
            out.begin(Sequence::Set);
            value.items().into_iter().flatten().for_each(|item| read(item, out));
            out.end();
        }
        ("map", None) if pairs().is_some() => {
            out.begin_map();
            for (key, value) in pairs().into_iter().flatten().filter_map(Ref::pair) {
                read(key, out);
                read(value, out);
            }
            out.end();
        }
        ("char", Some(text)) if text.chars().count() == 1 => {
            out.push_char(text.chars().next().unwrap_or_default());
        }
        ("keyword", Some(text)) => drop(out.push_keyword(text)),
        ("symbol", Some(text)) => drop(out.push_symbol(text)),
        ("number", Some(text)) if number(text, out) => {}
        _ => {
            out.begin_tagged(tag);
            read(value, out);
        }
    }
}

/// Writes the number that a text stands for in EDN; false where it is none.
fn number(text: &str, out: &mut Tape) -> bool {
    let mut tape = Tape::default();
    let scanned: Result<Option<usize>, Flaw> = edn::scan(text.as_bytes(), 0, true, &mut tape);
    let whole = scanned == Ok(Some(text.len()));
    let form = tape.root();
    let is_number = matches!(form.value(), Value::Int(_) | Value::Float(_) | Value::Number(_));
    if whole && is_number {
        read(form, out);
    }
    whole && is_number
}
