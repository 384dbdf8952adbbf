//! JSON: scans one value into a tape.
//!
//! Strict: what RFC 8259 does not allow is a flaw. One pass over the bytes, no recursion, no allocation beyond the
//! tape. Numbers keep their exactness: what neither 64 bits nor a double hold stays text. An object whose only key begins
//! with `#` is a tagged form of EDN, `{"#set": [1, 2]}`: it takes a second pass over the tape.

use crate::ops::{Flaw, Inside, Sequence, Tape, number};

/// Where the next value begins: behind white space.
pub fn skip_blank(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// Scans the value that begins at `from` into the tape, which it clears first.
///
/// Returns where the value ends; None when the bytes end before it does. Where nothing follows the bytes, `at_end`
/// says so: a number at their very end is then complete.
pub fn scan(bytes: &[u8], from: usize, at_end: bool, tape: &mut Tape) -> Result<Option<usize>, Flaw> {
    tape.clear();
    let mut scanner = Scanner {
        bytes,
        at: from,
        at_end,
        tape,
        expected: Expected::Value,
        tags: false,
    };
    loop {
        scanner.at = skip_blank(bytes, scanner.at);
        match scanner.step()? {
            Step::Open => {}
            Step::Whole => {
                if scanner.tags {
                    let mut read = Tape::default();
                    super::tags::read(scanner.tape.root(), &mut read);
                    *scanner.tape = read;
                }
                return Ok(Some(scanner.at));
            }
            Step::Short => return Ok(None),
        }
    }
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    at_end: bool,
    tape: &'a mut Tape,
    expected: Expected,
    /// Some key begins with `#`.
    tags: bool,
}

/// What the grammar allows next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
}

enum Step {
    Open,
    Whole,
    Short,
}

impl Scanner<'_> {
    fn step(&mut self) -> Result<Step, Flaw> {
        let Some(byte) = self.bytes.get(self.at).copied() else {
            return Ok(Step::Short);
        };
        match (self.expected, byte) {
            (Expected::Value | Expected::ValueOrEnd, b'{') => self.open(true),
            (Expected::Value | Expected::ValueOrEnd, b'[') => self.open(false),
            (Expected::ValueOrEnd | Expected::CommaOrEnd, b']') => self.close(false),
            (Expected::KeyOrEnd | Expected::CommaOrEnd, b'}') => self.close(true),
            (Expected::Value | Expected::ValueOrEnd, _) => self.leaf(byte),
            (Expected::Key | Expected::KeyOrEnd, b'"') => self.key(),
            (Expected::Key, _) => self.flaw("a string as key"),
            (Expected::KeyOrEnd, _) => self.flaw("a string as key, or }"),
            (Expected::Colon, b':') => self.punctuation(Expected::Value),
            (Expected::Colon, _) => self.flaw("a colon"),
            (Expected::CommaOrEnd, b',') => self.punctuation(match self.tape.inside() {
                Inside::Map { .. } => Expected::Key,
                _ => Expected::Value,
            }),
            (Expected::CommaOrEnd, _) => self.flaw(match self.tape.inside() {
                Inside::Map { .. } => "a comma or }",
                _ => "a comma or ]",
            }),
        }
    }

    fn flaw<T>(&self, expected: &'static str) -> Result<T, Flaw> {
        Err(Flaw { at: self.at, expected })
    }

    fn punctuation(&mut self, next: Expected) -> Result<Step, Flaw> {
        self.at += 1;
        self.expected = next;
        Ok(Step::Open)
    }

    fn open(&mut self, map: bool) -> Result<Step, Flaw> {
        let (begun, next) = if map {
            (self.tape.begin_map(), Expected::KeyOrEnd)
        } else {
            (self.tape.begin(Sequence::Vector), Expected::ValueOrEnd)
        };
        if !begun {
            return self.flaw("a value that nests less than 256 deep");
        }
        self.punctuation(next)
    }

    fn close(&mut self, map: bool) -> Result<Step, Flaw> {
        match (self.tape.inside(), map) {
            (Inside::Map { .. }, true) | (Inside::Sequence(_), false) => {}
            (Inside::Map { .. }, false) => return self.flaw("a comma or }"),
            _ => return self.flaw("a comma or ]"),
        }
        self.at += 1;
        Ok(self.after(|tape| tape.end()))
    }

    fn leaf(&mut self, byte: u8) -> Result<Step, Flaw> {
        match byte {
            b'"' => {
                let Some(whole) = self.string()? else {
                    return Ok(Step::Short);
                };
                self.expected = Expected::CommaOrEnd;
                Ok(if whole { Step::Whole } else { Step::Open })
            }
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.word(b"true", |tape| tape.push_bool(true)),
            b'f' => self.word(b"false", |tape| tape.push_bool(false)),
            b'n' => self.word(b"null", Tape::push_nil),
            _ if self.expected == Expected::ValueOrEnd => self.flaw("a value or ]"),
            _ => self.flaw("a value"),
        }
    }

    fn after(&mut self, push: impl FnOnce(&mut Tape) -> bool) -> Step {
        self.expected = Expected::CommaOrEnd;
        if push(self.tape) { Step::Whole } else { Step::Open }
    }

    fn word(&mut self, word: &[u8], push: impl FnOnce(&mut Tape) -> bool) -> Result<Step, Flaw> {
        let rest = &self.bytes[self.at..];
        if rest.starts_with(word) {
            self.at += word.len();
            return Ok(self.after(push));
        }
        if word.starts_with(rest) {
            return Ok(Step::Short);
        }
        self.flaw("a value")
    }

    fn number(&mut self) -> Result<Step, Flaw> {
        let rest = &self.bytes[self.at..];
        let part = |b: &u8| matches!(b, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E');
        let length = match rest.iter().position(|b| !part(b)) {
            None if !self.at_end => return Ok(Step::Short),
            None => rest.len(),
            Some(length) => length,
        };
        let token = &rest[..length];
        let plain = token[0] != b'0' && !token.starts_with(b"-0");
        let number = match number::int(token).filter(|_| plain) {
            Some(int) => Some(number::Number::Int(int)),
            None => std::str::from_utf8(token).ok().and_then(number::json),
        };
        let Some(number) = number else {
            return self.flaw("a number");
        };
        let step = self.after(|tape| match number {
            number::Number::Int(int) => tape.push_int(int),
            number::Number::Float(float) => tape.push_float(float),
            number::Number::Text => tape.push_number(std::str::from_utf8(token).unwrap_or_default()),
        });
        self.at += length;
        Ok(step)
    }

    fn key(&mut self) -> Result<Step, Flaw> {
        self.tags |= self.bytes.get(self.at + 1) == Some(&b'#');
        if self.string()?.is_none() {
            return Ok(Step::Short);
        }
        self.expected = Expected::Colon;
        Ok(Step::Open)
    }

    /// A string; None when the bytes end within it.
    fn string(&mut self) -> Result<Option<bool>, Flaw> {
        let start = self.tape.text_len();
        let mut at = self.at + 1;
        loop {
            let rest = &self.bytes[at..];
            let Some(n) = rest.iter().position(|b| matches!(b, b'"' | b'\\' | 0..0x20)) else {
                return Ok(None);
            };
            let text = std::str::from_utf8(&rest[..n]).map_err(|e| Flaw {
                at: at + e.valid_up_to(),
                expected: "UTF-8",
            })?;
            self.tape.add_text(text);
            at += n + 1;
            match rest[n] {
                b'"' => {
                    self.at = at;
                    return Ok(Some(self.tape.end_string(start)));
                }
                b'\\' => {
                    let Some((c, after)) = escape(self.bytes, at)? else {
                        return Ok(None);
                    };
                    self.tape.add_char(c);
                    at = after;
                }
                _ => {
                    return Err(Flaw {
                        at: at - 1,
                        expected: "the end of the string",
                    });
                }
            }
        }
    }
}

/// The character of the escape whose letter stands at `at`, and where it ends; None when the bytes end within it.
fn escape(bytes: &[u8], at: usize) -> Result<Option<(char, usize)>, Flaw> {
    let Some(letter) = bytes.get(at) else { return Ok(None) };
    let c = match letter {
        b'"' | b'\\' | b'/' => char::from(*letter),
        b'n' => '\n',
        b't' => '\t',
        b'r' => '\r',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'u' => return unicode(bytes, at + 1),
        _ => {
            return Err(Flaw {
                at,
                expected: "an escape: \\n, \\t, \\\", \\\\, \\u0000",
            });
        }
    };
    Ok(Some((c, at + 1)))
}

/// `\uXXXX` from its digits on, with the second half of a surrogate pair where it needs one; a half alone is U+FFFD. (A
/// half at the end of the bytes, too: no string ends there.)
pub(super) fn unicode(bytes: &[u8], at: usize) -> Result<Option<(char, usize)>, Flaw> {
    let Some(high) = hex(bytes, at)? else { return Ok(None) };
    if let Some(c) = char::from_u32(high) {
        return Ok(Some((c, at + 4)));
    }
    let lone = Ok(Some((char::REPLACEMENT_CHARACTER, at + 4)));
    match bytes.get(at + 4..at + 6) {
        Some(b"\\u") if high < 0xdc00 => {
            let Some(low) = hex(bytes, at + 6)? else {
                return Ok(None);
            };
            if !(0xdc00..0xe000).contains(&low) {
                return lone;
            }
            let both = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
            Ok(Some((
                char::from_u32(both).unwrap_or(char::REPLACEMENT_CHARACTER),
                at + 10,
            )))
        }
        _ => lone,
    }
}

/// Four hexadecimal digits as a number; None when the bytes end within them.
pub(super) fn hex(bytes: &[u8], at: usize) -> Result<Option<u32>, Flaw> {
    let mut value = 0;
    for n in at..at + 4 {
        let Some(byte) = bytes.get(n) else { return Ok(None) };
        let Some(digit) = char::from(*byte).to_digit(16) else {
            return Err(Flaw {
                at: n,
                expected: "four hexadecimal digits",
            });
        };
        value = value * 16 + digit;
    }
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::write_json;

    fn round(text: &str) -> String {
        let mut tape = Tape::default();
        assert_eq!(
            scan(text.as_bytes(), 0, true, &mut tape),
            Ok(Some(text.len())),
            "{text}"
        );
        let mut out = String::new();
        write_json(tape.root(), &mut out);
        out
    }

    #[test]
    fn values_are_written_as_they_were_read() {
        for text in [
            "null",
            "[true,false,[]]",
            r#"{"index":0,"value":[["append",253,1],["r",2,null]],"x":{}}"#,
            r#""a \"quoted\" \\ line\n\u0001é""#,
            "[-1,0,9223372036854775807,1.5,-0.0]",
        ] {
            assert_eq!(round(text), text);
        }
        assert_eq!(
            round(r#"" \ud83d\ude00 \u00e9 \ud83d \/""#),
            "\" \u{1f600} é \u{fffd} /\""
        );
        assert_eq!(round("[12345678901234567890 , 1E2]"), "[12345678901234567890,100.0]");
    }

    #[test]
    fn agrees_with_serde_on_what_is_json() {
        for text in [
            "[1,]",
            "{\"a\":1,}",
            "[01]",
            "[1 2]",
            "{\"a\" 1}",
            "{1:2}",
            "[}",
            "{]",
            "tru",
            "nul",
            "nulll",
            "[\"a\nb\"]",
            "\"\\x\"",
            "\"\\u12g4\"",
            "-",
            "1.",
            ".5",
            "+1",
            "[1}",
            "{\"a\":}",
            "",
            "[",
            "{\"a\":1",
            "[-0]",
            "[0]",
            "[1e5]",
        ] {
            let ours =
                matches!(scan(text.as_bytes(), 0, true, &mut Tape::default()), Ok(Some(end)) if end == text.len());
            assert_eq!(ours, serde_json::from_str::<serde_json::Value>(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn short_bytes_are_no_flaw() {
        let text = r#"{"a":["x\n\ud83d\ude00",{"b":true},-1.5e3,null]}"#;
        for end in 0..text.len() {
            let scanned = scan(&text.as_bytes()[..end], 0, false, &mut Tape::default());
            assert_eq!(scanned, Ok(None), "{}", &text[..end]);
        }
    }

    #[test]
    fn nesting_is_bounded() {
        for deep in ["[".repeat(100_000), "{\"a\":".repeat(100_000)] {
            assert!(scan(deep.as_bytes(), 0, true, &mut Tape::default()).is_err());
        }
    }
}
