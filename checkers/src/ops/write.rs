//! Writes a form as EDN or as JSON.
//!
//! EDN keeps every distinction. JSON has fewer: keywords, symbols and characters become strings, sets and lists become
//! arrays, a tagged form becomes its form, a key that is no name becomes its EDN as a string, and so does a number that JSON
//! has no way to write (`1/3`, `1.10M`).

use std::fmt::Write;

use super::{Kind, Op, Process, Ref, Sequence, Value, number};

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
    match form.value() {
        Value::Nil => out.push_str("null"),
        Value::Bool(value) => out.push_str(if value { "true" } else { "false" }),
        Value::Int(value) => put(out, format_args!("{value}")),
        Value::Float(value) if value.is_finite() => put(out, format_args!("{value:?}")),
        Value::Float(value) => put(out, format_args!("\"{value}\"")),
        Value::Char(c) => string_json(c.encode_utf8(&mut [0; 4]), out),
        // What EDN adds to JSON's numbers is written as a string.
        Value::Number(text) if number::json(text).is_some() => out.push_str(text),
        Value::Number(text) | Value::Symbol(text) | Value::String(text) | Value::Keyword(text) => {
            string_json(text, out);
        }
        Value::Tagged(_, form) => write_json(form, out),
        Value::Sequence(_, items) => {
            out.push('[');
            for (at, item) in items.enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                write_json(item, out);
            }
            out.push(']');
        }
        Value::Map(entries) => {
            out.push('{');
            for (at, (key, value)) in entries.enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                key_json(key, out);
                out.push(':');
                write_json(value, out);
            }
            out.push('}');
        }
    }
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

/// Appends the operation as a JSON object.
pub fn write_op_json(op: &Op, out: &mut String) {
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
    write_json(op.value, out);
    for (name, form) in [("error", op.error), ("key", op.key)] {
        if let Some(form) = form {
            put(out, format_args!(",\"{name}\":"));
            write_json(form, out);
        }
    }
    for (key, value) in op.rest() {
        out.push(',');
        key_json(key, out);
        out.push(':');
        write_json(value, out);
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
