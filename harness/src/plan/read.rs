//! Reads a TOML file into a type and turns what goes wrong into a message that names the key.

use paytwice_checkers::names::{did_you_mean, list};
use serde::de::DeserializeOwned;
use toml::Value;

use super::error::PlanError;

/// Reads `text`; `file` is its name in messages.
pub(crate) fn from_toml<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, PlanError> {
    let parsed = toml::Deserializer::parse(text).map_err(|e| syntax(file, text, &e))?;
    serde_path_to_error::deserialize(parsed).map_err(|e| {
        let line = e.inner().span().map(|span| line_of(text, span.start));
        let mut key = e.path().to_string();
        let problem = reword(e.inner().message(), &mut key);
        bad(file, line, &key, &problem)
    })
}

/// The `version` of a file, before its other keys are looked at: another version explains every other error.
pub(crate) fn check_version(file: &str, text: &str, expected: u32) -> Result<(), PlanError> {
    match table(file, text)?.get("version") {
        Some(Value::Integer(v)) if *v == i64::from(expected) => Ok(()),
        Some(Value::Integer(v)) => Err(bad(
            file,
            None,
            "version",
            &format!("is {v}; this build reads {expected}"),
        )),
        Some(other) => Err(bad(
            file,
            None,
            "version",
            &format!("must be the number {expected}, found {other}"),
        )),
        None => Err(bad(
            file,
            None,
            "version",
            &format!("is missing; write `version = {expected}`"),
        )),
    }
}

/// The text as a table, without any meaning yet.
pub(crate) fn table(file: &str, text: &str) -> Result<toml::Table, PlanError> {
    text.parse().map_err(|e| syntax(file, text, &e))
}

fn syntax(file: &str, text: &str, error: &toml::de::Error) -> PlanError {
    let line = error.span().map(|span| line_of(text, span.start));
    let problem = format!("is not TOML: {}", error.message().replace('\n', ", "));
    bad(file, line, "", &problem)
}

fn bad(file: &str, line: Option<usize>, key: &str, problem: &str) -> PlanError {
    let key = if key.is_empty() || key == "." {
        String::new()
    } else {
        format!("{key} ")
    };
    let line = line.map_or_else(String::new, |line| format!(" (line {line})"));
    PlanError::BadFile {
        file: file.to_owned(),
        problems: vec![format!("{key}{problem}{line}")],
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|b| *b == b'\n').count()
}

/// Turns serde's words into ours: `unknown field` gets a near match, the others lose their jargon.
fn reword(message: &str, key: &mut String) -> String {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    if message.starts_with("unknown field") {
        let (unknown, known) = quoted.split_first().unwrap_or((&"", &[]));
        let at_parent = key.rsplit('.').next() != Some(*unknown);
        if at_parent {
            *key = if key == "." {
                (*unknown).to_owned()
            } else {
                format!("{key}.{unknown}")
            };
        }
        let hint = did_you_mean(unknown, known.iter().copied());
        return format!("is not a known key; known here: {}{hint}", list(known.iter().copied()));
    }
    if message.starts_with("unknown variant") {
        let (unknown, known) = quoted.split_first().unwrap_or((&"", &[]));
        let hint = did_you_mean(unknown, known.iter().copied());
        return format!("is {unknown:?}; it can be {}{hint}", list(known.iter().copied()));
    }
    if message.starts_with("missing field") {
        let missing = quoted.first().copied().unwrap_or_default();
        let place = if key == "." { String::new() } else { format!("{key}.") };
        *key = format!("{place}{missing}");
        return "is missing".to_owned();
    }
    if let Some((found, expected)) = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "))
        .and_then(|rest| rest.split_once(", expected "))
    {
        return format!("must be {}, found {found}", plain_type(expected));
    }
    if let Some((found, size)) = message
        .strip_prefix("invalid length ")
        .and_then(|rest| rest.split_once(", expected a tuple of size "))
    {
        return format!("must be a list of {size} values, found {found}");
    }
    // Messages of our own types go on where the key ends.
    if OWN.iter().any(|verb| message.starts_with(verb)) {
        return message.to_owned();
    }
    format!("cannot be used: {message}")
}

/// How messages of our own types begin.
const OWN: [&str; 3] = ["is ", "has ", "must "];

fn plain_type(expected: &str) -> String {
    match expected {
        "u16" => "a number from 0 to 65535".to_owned(),
        "u32" => format!("a whole number from 0 to {}", u32::MAX),
        "u64" => "a whole number, not negative".to_owned(),
        "f64" => "a number".to_owned(),
        "a map" => "a table".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a boolean" => "true or false".to_owned(),
        other => match other.strip_prefix("struct ") {
            Some(_) => "a table".to_owned(),
            None => other.to_owned(),
        },
    }
}
