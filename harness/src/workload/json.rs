//! JSON answers, read where they stand: numbers keep every digit that the service wrote.
//! Never: takes a number through binary floating point.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

/// What stands at a pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// `null`.
    Null,
    /// A text, a number or a truth value, as text.
    Text(String),
    /// A list or a table.
    Nested,
}

/// The JSON in a text; None where it is none.
pub(crate) fn parse(text: &str) -> Option<&RawValue> {
    serde_json::from_str(text).ok()
}

/// What stands at a JSON pointer.
pub(crate) fn at<'a>(json: &'a RawValue, pointer: &str) -> Option<&'a RawValue> {
    if pointer.is_empty() {
        return Some(json);
    }
    let mut json = json;
    for token in pointer.strip_prefix('/')?.split('/') {
        let token = token.replace("~1", "/").replace("~0", "~");
        json = match json.get().as_bytes().first()? {
            b'[' => *list(json)?.get(token.parse::<usize>().ok()?)?,
            b'{' => {
                let table: HashMap<Cow<'_, str>, &RawValue> = serde_json::from_str(json.get()).ok()?;
                *table.get(token.as_str())?
            }
            _ => return None,
        };
    }
    Some(json)
}

/// The items of a list; None where it is none.
pub(crate) fn list(json: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(json.get()).ok()
}

/// What a value is.
pub(crate) fn cell(json: &RawValue) -> Cell {
    let text = json.get();
    match text.as_bytes().first() {
        Some(b'"') => serde_json::from_str(text).map_or(Cell::Nested, Cell::Text),
        Some(b'[' | b'{') => Cell::Nested,
        _ if text == "null" => Cell::Null,
        _ => Cell::Text(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_and_keep_their_digits() {
        let text = r#"{"a/b":[{"n":12345678901234567890.10,"s":"x\"y","z":null,"t":true}],"":1}"#;
        let json = parse(text).unwrap();
        let text = |pointer: &str| at(json, pointer).map(cell);
        let says = |text: &str| Some(Cell::Text(text.to_owned()));
        assert_eq!(text("/a~1b/0/n"), says("12345678901234567890.10"));
        assert_eq!(text("/a~1b/0/s"), says("x\"y"));
        assert_eq!(text("/a~1b/0/t"), says("true"));
        assert_eq!(text("/a~1b/0/z"), Some(Cell::Null));
        assert_eq!(text("/a~1b"), Some(Cell::Nested));
        assert_eq!(text("/"), says("1"));
        assert_eq!(
            (text("/a~1b/1"), text("/a~1b/x"), text("/a~1b/0/n/1"), text("x")),
            (None, None, None, None)
        );
        assert!(parse("{").is_none() && parse("1 2").is_none());
    }
}
