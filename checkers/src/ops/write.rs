//! Writes a form as EDN or as JSON.
//!
//! EDN keeps every distinction. JSON has fewer forms: keywords and symbols become strings and lists become arrays; what
//! would be taken for another value then is tagged (`{"#set": [1, 2]}`, see the table in `formats/tags.rs`). A [`JsonWriter`]
//! remembers which kind of name a text stood for first.

use std::collections::HashMap;
use std::fmt::Write;

use super::{Entries, Items, Kind, Op, Process, Ref, Sequence, Value, number};

/// Appends the form as EDN.
pub fn write_edn(form: Ref, out: &mut String) {
    match form.value() {
        Value::Nil => out.push_str("nil"),
        Value::Bool(value) => out.push_str(if value { "true" } else { "false" }),
        Value::Int(value) => put(out, format_args!("{value}")),
        Value::Float(value) => float_edn(value, out),
        Value::Number(text) | Value::Symbol(text) => out.push_str(text),
        Value::Char(c) => char_edn(c, out),
        Value::String(text) => string_edn(text, out),
        Value::Keyword(text) => {
            out.push(':');
            out.push_str(text);
        }
        Value::Tagged(tag, form) => {
            put(out, format_args!("#{tag} "));
            write_edn(form, out);
        }
        Value::Sequence(sequence, items) => {
            let (open, close) = match sequence {
                Sequence::List => ("(", ')'),
                Sequence::Vector => ("[", ']'),
                Sequence::Set => ("#{", '}'),
            };
            out.push_str(open);
            for (at, item) in items.enumerate() {
                out.push_str(if at == 0 { "" } else { " " });
                write_edn(item, out);
            }
            out.push(close);
        }
        Value::Map(entries) => {
            out.push('{');
            for (at, (key, value)) in entries.enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                write_edn(key, out);
                out.push(' ');
                write_edn(value, out);
            }
            out.push('}');
        }
    }
}

/// Appends the form as JSON.
pub fn write_json(form: Ref, out: &mut String) {
    JsonWriter::default().form(form, out);
}

/// Appends the operation as a JSON object.
pub fn write_op_json(op: &Op, out: &mut String) {
    JsonWriter::default().op(op, out);
}

/// The kinds of names that JSON writes as strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NameKind {
    String,
    Keyword,
    Symbol,
}

impl NameKind {
    fn of(form: Ref<'_>) -> Option<(NameKind, &str)> {
        match form.value() {
            Value::String(text) => Some((NameKind::String, text)),
            Value::Keyword(text) => Some((NameKind::Keyword, text)),
            Value::Symbol(text) => Some((NameKind::Symbol, text)),
            _ => None,
        }
    }

    fn tag(self) -> &'static str {
        match self {
            NameKind::String => "string",
            NameKind::Keyword => "keyword",
            NameKind::Symbol => "symbol",
        }
    }
}

/// Writes the operations of one history as JSON: different values stay different.
#[derive(Debug, Default)]
pub struct JsonWriter {
    /// Which kind of name each text stood for first: that one is written as a plain string.
    kinds: HashMap<String, NameKind>,
}

impl JsonWriter {
    /// Appends an operation as a JSON object.
    pub fn op(&mut self, op: &Op, out: &mut String) {
        put(out, format_args!("{{\"index\":{}", op.index));
        if let Some(time) = op.time {
            put(out, format_args!(",\"time\":{time}"));
        }
        match op.process {
            Process::Client(number) => put(out, format_args!(",\"process\":{number}")),
            Process::Named(name) => {
                out.push_str(",\"process\":");
                string_json(name, out);
            }
            Process::Nobody => {}
        }
        put(out, format_args!(",\"type\":\"{}\"", kind(op.kind)));
        if !op.f.is_empty() {
            out.push_str(",\"f\":");
            string_json(op.f, out);
        }
        out.push_str(",\"value\":");
        self.form(op.value, out);
        for (name, form) in [("error", op.error), ("key", op.key)] {
            if let Some(form) = form {
                put(out, format_args!(",\"{name}\":"));
                self.form(form, out);
            }
        }
        for (key, value) in op.rest() {
            out.push(',');
            key_json(key, out);
            out.push(':');
            self.form(value, out);
        }
        out.push('}');
    }

    /// Appends a form as JSON.
    fn form(&mut self, form: Ref, out: &mut String) {
        if let Some((kind, text)) = NameKind::of(form) {
            if self.is_plain(kind, text) {
                return string_json(text, out);
            }
            return tagged_json(kind.tag(), out, |out| string_json(text, out));
        }
        match form.value() {
            Value::Nil => out.push_str("null"),
            Value::Bool(value) => out.push_str(if value { "true" } else { "false" }),
            Value::Int(value) => put(out, format_args!("{value}")),
            Value::Float(value) if value.is_finite() => put(out, format_args!("{value:?}")),
            Value::Float(value) => tagged_json("number", out, |out| {
                let mut text = String::new();
                float_edn(value, &mut text);
                string_json(&text, out);
            }),
            Value::Char(c) => tagged_json("char", out, |out| string_json(c.encode_utf8(&mut [0; 4]), out)),
            Value::Number(text) => match text.strip_suffix('N').unwrap_or(text) {
                plain if number::json(plain).is_some() => out.push_str(plain),
                _ => tagged_json("number", out, |out| string_json(text, out)),
            },
            Value::Tagged(tag, form) => tagged_json(tag, out, |out| self.form(form, out)),
            Value::Sequence(Sequence::Set, items) => tagged_json("set", out, |out| self.array(items, out)),
            Value::Sequence(_, items) => self.array(items, out),
            Value::Map(entries) if self.is_object(entries) => {
                out.push('{');
                for (at, (key, value)) in entries.enumerate() {
                    out.push_str(if at == 0 { "" } else { "," });
                    key_json(key, out);
                    out.push(':');
                    self.form(value, out);
                }
                out.push('}');
            }
            Value::Map(entries) => tagged_json("map", out, |out| {
                out.push('[');
                for (at, (key, value)) in entries.enumerate() {
                    out.push_str(if at == 0 { "[" } else { ",[" });
                    self.form(key, out);
                    out.push(',');
                    self.form(value, out);
                    out.push(']');
                }
                out.push(']');
            }),
            Value::String(_) | Value::Keyword(_) | Value::Symbol(_) => {}
        }
    }

    fn array(&mut self, items: Items, out: &mut String) {
        out.push('[');
        for (at, item) in items.enumerate() {
            out.push_str(if at == 0 { "" } else { "," });
            self.form(item, out);
        }
        out.push(']');
    }

    /// Whether a name is the first kind with its text.
    fn is_plain(&mut self, kind: NameKind, text: &str) -> bool {
        match self.kinds.get(text) {
            Some(first) => *first == kind,
            None => {
                self.kinds.insert(text.to_owned(), kind);
                true
            }
        }
    }

    /// Whether a map's keys can be those of an object, and not be taken for a tag.
    fn is_object(&mut self, entries: Entries) -> bool {
        let mut keys = entries.map(|(key, _)| NameKind::of(key));
        let alone = entries.len() == 1;
        keys.all(|key| key.is_some_and(|(kind, text)| self.is_plain(kind, text) && !(alone && is_tag(text))))
    }
}

/// Whether the only key of an object says that it is a tagged form.
pub(crate) fn is_tag(key: &str) -> bool {
    let Some(tag) = key.strip_prefix('#') else { return false };
    let plain = |c: char| c.is_alphanumeric() || ".*+!-_?$%&=<>/".contains(c);
    tag.starts_with(char::is_alphabetic) && tag.chars().all(plain)
}

/// Appends a tagged form.
fn tagged_json(tag: &str, out: &mut String, write: impl FnOnce(&mut String)) {
    out.push('{');
    string_json(&format!("#{tag}"), out);
    out.push(':');
    write(out);
    out.push('}');
}

/// Appends the operation as a map in EDN.
pub fn write_op_edn(op: &Op, out: &mut String) {
    put(out, format_args!("{{:index {}", op.index));
    if let Some(time) = op.time {
        put(out, format_args!(", :time {time}"));
    }
    match op.process {
        Process::Client(number) => put(out, format_args!(", :process {number}")),
        Process::Named(name) if is_keyword(name) => put(out, format_args!(", :process :{name}")),
        Process::Named(name) => {
            out.push_str(", :process ");
            string_edn(name, out);
        }
        Process::Nobody => {}
    }
    put(out, format_args!(", :type :{}", kind(op.kind)));
    if is_keyword(op.f) {
        put(out, format_args!(", :f :{}", op.f));
    } else if !op.f.is_empty() {
        out.push_str(", :f ");
        string_edn(op.f, out);
    }
    out.push_str(", :value ");
    write_edn(op.value, out);
    for (name, form) in [("error", op.error), ("key", op.key)] {
        if let Some(form) = form {
            put(out, format_args!(", :{name} "));
            write_edn(form, out);
        }
    }
    for (key, value) in op.rest() {
        out.push_str(", ");
        write_edn(key, out);
        out.push(' ');
        write_edn(value, out);
    }
    out.push('}');
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Invoke => "invoke",
        Kind::Ok => "ok",
        Kind::Fail => "fail",
        Kind::Info => "info",
    }
}

/// Whether a name can be written as a keyword.
fn is_keyword(name: &str) -> bool {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !",\"();[]{}\\@^`~".contains(c);
    !name.is_empty() && name.chars().all(plain)
}

fn key_json(key: Ref, out: &mut String) {
    if let Some(name) = key.name() {
        return string_json(name, out);
    }
    let mut text = String::new();
    write_edn(key, &mut text);
    string_json(&text, out);
}

/// Appends a string as JSON.
pub(crate) fn string_json(text: &str, out: &mut String) {
    string(text, true, out);
}

fn string_edn(text: &str, out: &mut String) {
    string(text, false, out);
}

/// Appends a string; control characters without a letter of their own as they are, or as codes.
fn string(text: &str, codes: bool, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if codes && c < ' ' => put(out, format_args!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Appends a float as EDN, the same for equal ones: there is one zero.
pub(crate) fn write_edn_float(value: f64, out: &mut String) {
    float_edn(if value == 0.0 { 0.0 } else { value }, out);
}

fn float_edn(value: f64, out: &mut String) {
    if value.is_nan() {
        out.push_str("##NaN");
    } else if value.is_infinite() {
        out.push_str(if value > 0.0 { "##Inf" } else { "##-Inf" });
    } else {
        put(out, format_args!("{value:?}"));
    }
}

fn char_edn(c: char, out: &mut String) {
    match c {
        '\n' => out.push_str("\\newline"),
        '\r' => out.push_str("\\return"),
        '\t' => out.push_str("\\tab"),
        ' ' => out.push_str("\\space"),
        c if c.is_control() && u32::from(c) < 0x1_0000 => put(out, format_args!("\\u{:04x}", u32::from(c))),
        c => {
            out.push('\\');
            out.push(c);
        }
    }
}

fn put(out: &mut String, text: std::fmt::Arguments) {
    let _ = out.write_fmt(text); // a String takes everything
}
