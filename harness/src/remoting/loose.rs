//! JSON as brokers write it: keys may be numbers or whole objects (`{{"queueId":0}:{"brokerOffset":7}}`).
//!
//! Never: recurses deeper than [`DEPTH_MAX`], whatever the input nests.

use super::codec::CodecError;

/// Deeper nesting is refused.
const DEPTH_MAX: usize = 32;

/// A loose JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Loose {
    /// `null`, `true`, `false` and every number that is no integer, as written.
    Word(String),
    /// An integer.
    Int(i64),
    /// A string.
    Text(String),
    /// A list.
    List(Vec<Loose>),
    /// An object; keys are values themselves, in order.
    Map(Vec<(Loose, Loose)>),
}

impl Loose {
    /// Reads one value; nothing but blanks may follow it.
    pub fn parse(bytes: &[u8]) -> Result<Loose, CodecError> {
        let mut parser = Parser { bytes, at: 0 };
        let value = parser.value(0)?;
        match parser.peek() {
            None => Ok(value),
            Some(_) => Err(parser.error("the end")),
        }
    }

    /// A member of an object by its text key.
    pub fn get(&self, key: &str) -> Option<&Loose> {
        self.entries()
            .iter()
            .find_map(|(k, v)| (k.as_str() == Some(key)).then_some(v))
    }

    /// The members of an object; none for anything else.
    pub fn entries(&self) -> &[(Loose, Loose)] {
        match self {
            Loose::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Loose::Text(text) => Some(text),
            _ => None,
        }
    }

    /// An integer, also where it is written as a string.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Loose::Int(n) => Some(*n),
            Loose::Text(text) => text.parse().ok(),
            _ => None,
        }
    }
}

struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Parser<'_> {
    fn error(&self, expected: &str) -> CodecError {
        CodecError::Body(format!("expected {expected} at byte {}", self.at))
    }

    /// The next byte that is not blank.
    fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.bytes.get(self.at) {
            if !byte.is_ascii_whitespace() {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    fn accept(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn value(&mut self, depth: usize) -> Result<Loose, CodecError> {
        if depth > DEPTH_MAX {
            return Err(self.error("less nesting"));
        }
        match self.peek() {
            Some(b'{') => self.map(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.text().map(Loose::Text),
            Some(_) => self.word(),
            None => Err(self.error("a value")),
        }
    }

    fn map(&mut self, depth: usize) -> Result<Loose, CodecError> {
        self.at += 1;
        let mut entries = Vec::new();
        if self.accept(b'}') {
            return Ok(Loose::Map(entries));
        }
        loop {
            let key = self.value(depth + 1)?;
            if !self.accept(b':') {
                return Err(self.error("`:`"));
            }
            entries.push((key, self.value(depth + 1)?));
            if self.accept(b'}') {
                return Ok(Loose::Map(entries));
            }
            if !self.accept(b',') {
                return Err(self.error("`,` or `}`"));
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Loose, CodecError> {
        self.at += 1;
        let mut values = Vec::new();
        if self.accept(b']') {
            return Ok(Loose::List(values));
        }
        loop {
            values.push(self.value(depth + 1)?);
            if self.accept(b']') {
                return Ok(Loose::List(values));
            }
            if !self.accept(b',') {
                return Err(self.error("`,` or `]`"));
            }
        }
    }

    fn text(&mut self) -> Result<String, CodecError> {
        let start = self.at;
        let mut end = start + 1;
        loop {
            match self.bytes.get(end) {
                Some(b'"') => break,
                Some(b'\\') => end += 2,
                Some(_) => end += 1,
                None => return Err(self.error("a string that ends")),
            }
        }
        let text = serde_json::from_slice(&self.bytes[start..=end]).map_err(|_| self.error("a string"))?;
        self.at = end + 1;
        Ok(text)
    }

    fn word(&mut self) -> Result<Loose, CodecError> {
        let rest = &self.bytes[self.at..];
        let part_of_word = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.' | b'_');
        let end = rest.iter().position(|b| !part_of_word(b)).unwrap_or(rest.len());
        if end == 0 {
            return Err(self.error("a value"));
        }
        let word = String::from_utf8_lossy(&rest[..end]).into_owned();
        self.at += end;
        Ok(word.parse().map_or(Loose::Word(word), Loose::Int))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn objects_and_numbers_may_be_keys() {
        let text =
            br#"{"offsetTable":{{"queueId":0,"topic":"t"}:{"brokerOffset":7}},"x":{0:"a:1"},"tps":0.5,"n":null}"#;
        let value = Loose::parse(text).unwrap();
        let (key, row) = &value.get("offsetTable").unwrap().entries()[0];
        assert_eq!(key.get("topic").and_then(Loose::as_str), Some("t"));
        assert_eq!(row.get("brokerOffset").and_then(Loose::as_i64), Some(7));
        assert_eq!(value.get("x").unwrap().entries()[0].0, Loose::Int(0));
        assert_eq!(value.get("tps"), Some(&Loose::Word("0.5".to_owned())));
    }

    #[test]
    fn what_is_cut_short_or_nests_too_deep_is_an_error() {
        for text in ["", "{", r#"{"a""#, r#"{"a":}"#, "[1,", r#""abc"#, r#""\"#, "{} {}"] {
            assert!(Loose::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Loose::parse("[".repeat(100_000).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn garbage_never_panics(text in r#"[\[\]{}:,"\\0-9a-c ]{0,60}"#) {
            let _ = Loose::parse(text.as_bytes());
        }
    }
}
