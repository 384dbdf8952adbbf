//! EDN: scans one form into a tape.
//!
//! Reads all of EDN, and of Clojure's printer what gets into histories: ratios, `#"regex"` (as a string), namespaced
//! maps (as a tagged map), `##Inf`. One pass over the bytes, no recursion, no allocation beyond the tape.

use crate::ops::{Flaw, Inside, Sequence, Tape, number};

/// Where the next form begins: behind white space, commas and comments. The end of the bytes where none does.
pub fn skip_blank(bytes: &[u8], mut at: usize) -> usize {
    while let Some(byte) = bytes.get(at) {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' | b',' | 0x0c => at += 1,
            b';' => at = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |n| at + n),
            _ => break,
        }
    }
    at
}

/// Scans the form that begins at `from` into the tape, which it clears first.
///
/// Returns where the form ends; None when the bytes end before it does. Where nothing follows the bytes, `at_end` says
/// so: a number or name at their very end is then complete.
pub fn scan(bytes: &[u8], from: usize, at_end: bool, tape: &mut Tape) -> Result<Option<usize>, Flaw> {
    tape.clear();
    let mut scanner = Scanner {
        bytes,
        at: from,
        at_end,
        tape,
    };
    loop {
        scanner.at = skip_blank(bytes, scanner.at);
        match scanner.step()? {
            Step::Open => {}
            Step::Whole => return Ok(Some(scanner.at)),
            Step::Short => return Ok(None),
        }
    }
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    at_end: bool,
    tape: &'a mut Tape,
}

/// What one token brought.
enum Step {
    /// More has to follow.
    Open,
    /// The form is complete.
    Whole,
    /// The bytes end within the token.
    Short,
}

impl From<bool> for Step {
    fn from(whole: bool) -> Step {
        if whole { Step::Whole } else { Step::Open }
    }
}

impl<'a> Scanner<'a> {
    fn step(&mut self) -> Result<Step, Flaw> {
        let Some(byte) = self.bytes.get(self.at) else {
            return Ok(Step::Short);
        };
        match byte {
            b'{' => self.open(Tape::begin_map),
            b'[' => self.open(|tape| tape.begin(Sequence::Vector)),
            b'(' => self.open(|tape| tape.begin(Sequence::List)),
            b'}' | b']' | b')' => self.close(*byte),
            b'"' => self.string(self.at + 1),
            b':' => self.keyword(),
            b'\\' => self.character(),
            b'#' => self.dispatch(),
            b'0'..=b'9' => self.number(),
            b'+' | b'-' if self.bytes.get(self.at + 1).is_some_and(u8::is_ascii_digit) => self.number(),
            _ => self.symbol(),
        }
    }

    fn flaw<T>(&self, expected: &'static str) -> Result<T, Flaw> {
        Err(Flaw { at: self.at, expected })
    }

    fn open(&mut self, begin: impl FnOnce(&mut Tape) -> bool) -> Result<Step, Flaw> {
        if !begin(self.tape) {
            return self.flaw("a form that nests less than 256 deep");
        }
        self.at += 1;
        Ok(Step::Open)
    }

    fn close(&mut self, byte: u8) -> Result<Step, Flaw> {
        match (self.tape.inside(), byte) {
            (Inside::Sequence(Sequence::List), b')')
            | (Inside::Sequence(Sequence::Vector), b']')
            | (Inside::Sequence(Sequence::Set), b'}')
            | (Inside::Map { at_value: false }, b'}') => {
                self.at += 1;
                Ok(self.tape.end().into())
            }
            (Inside::Map { at_value: true }, _) => self.flaw("a value for the key before it"),
            (Inside::Map { .. }, _) => self.flaw("a key or }"),
            (Inside::Sequence(Sequence::Set), _) => self.flaw("a form or }"),
            (Inside::Sequence(Sequence::Vector), _) => self.flaw("a form or ]"),
            (Inside::Sequence(Sequence::List), _) => self.flaw("a form or )"),
            (Inside::Prefix | Inside::Nothing, _) => self.flaw("a form"),
        }
    }

    /// A string whose text begins at `from`.
    fn string(&mut self, from: usize) -> Result<Step, Flaw> {
        let start = self.tape.text_len();
        let mut at = from;
        loop {
            let Some(n) = memchr::memchr2(b'"', b'\\', &self.bytes[at..]) else {
                return Ok(Step::Short);
            };
            let text = utf8(self.bytes, at, at + n)?;
            self.tape.add_text(text);
            at += n + 1;
            if self.bytes[at - 1] == b'"' {
                self.at = at;
                return Ok(self.tape.end_string(start).into());
            }
            let Some((c, after)) = escape(self.bytes, at)? else {
                return Ok(Step::Short);
            };
            self.tape.add_char(c);
            at = after;
        }
    }

    fn keyword(&mut self) -> Result<Step, Flaw> {
        let Some(token) = self.token(self.at + 1)? else {
            return Ok(Step::Short);
        };
        if token.is_empty() {
            return self.flaw("a keyword");
        }
        self.at += 1 + token.len();
        Ok(self.tape.push_keyword(token).into())
    }

    fn symbol(&mut self) -> Result<Step, Flaw> {
        let first = self.bytes[self.at];
        if !(first.is_ascii_alphabetic() || b".*+!-_?$%&=<>/|".contains(&first) || first >= 0x80) {
            return self.flaw("a form");
        }
        let Some(token) = self.token(self.at)? else {
            return Ok(Step::Short);
        };
        self.at += token.len();
        Ok(match token {
            "nil" => self.tape.push_nil(),
            "true" => self.tape.push_bool(true),
            "false" => self.tape.push_bool(false),
            _ => self.tape.push_symbol(token),
        }
        .into())
    }

    fn number(&mut self) -> Result<Step, Flaw> {
        let Some(token) = self.token(self.at)? else {
            return Ok(Step::Short);
        };
        let whole = if let Some(int) = number::int(token.as_bytes()) {
            self.tape.push_int(int)
        } else {
            match number::edn(token) {
                Some(number::Number::Int(int)) => self.tape.push_int(int),
                Some(number::Number::Float(float)) => self.tape.push_float(float),
                Some(number::Number::Text) => self.tape.push_number(token),
                None => return self.flaw("a number"),
            }
        };
        self.at += token.len();
        Ok(whole.into())
    }

    fn character(&mut self) -> Result<Step, Flaw> {
        // The first character may be a delimiter: \( is one.
        let after = self.at + 1;
        let Some(first) = self.bytes.get(after) else {
            return Ok(Step::Short);
        };
        let width = match first {
            0..0x80 => 1,
            0x80..0xe0 => 2,
            0xe0..0xf0 => 3,
            _ => 4,
        };
        if self.bytes.len() < after + width {
            return if self.at_end {
                self.flaw("a character")
            } else {
                Ok(Step::Short)
            };
        }
        let Some(rest) = self.token(after + width)? else {
            return Ok(Step::Short);
        };
        let token = utf8(self.bytes, after, after + width + rest.len())?;
        let mut chars = token.chars();
        let c = match (token, chars.next(), chars.as_str()) {
            (_, Some(c), "") => c,
            ("newline", ..) => '\n',
            ("return", ..) => '\r',
            ("tab", ..) => '\t',
            ("space", ..) => ' ',
            ("backspace", ..) => '\u{8}',
            ("formfeed", ..) => '\u{c}',
            (_, Some('u'), digits) if digits.len() == 4 => {
                let code = super::json::hex(token.as_bytes(), 1).ok().flatten();
                match code.and_then(char::from_u32) {
                    Some(c) => c,
                    None => return self.flaw("a character"),
                }
            }
            _ => return self.flaw("a character"),
        };
        self.at = after + token.len();
        Ok(self.tape.push_char(c).into())
    }

    /// What begins with `#`.
    fn dispatch(&mut self) -> Result<Step, Flaw> {
        let Some(second) = self.bytes.get(self.at + 1) else {
            return Ok(Step::Short);
        };
        match second {
            b'{' => {
                let begun = self.open(|tape| tape.begin(Sequence::Set));
                self.at += 1;
                begun
            }
            b'_' => {
                let begun = self.open(Tape::begin_discard);
                self.at += 1;
                begun
            }
            b'"' => self.string(self.at + 2),
            b'#' => self.symbolic(),
            b':' => self.tag(self.at + 1),
            _ if second.is_ascii_alphabetic() => self.tag(self.at + 1),
            _ => self.flaw("a tag, a set, ##Inf or #_"),
        }
    }

    /// `##Inf`, `##-Inf`, `##NaN`.
    fn symbolic(&mut self) -> Result<Step, Flaw> {
        let Some(token) = self.token(self.at + 2)? else {
            return Ok(Step::Short);
        };
        let value = match token {
            "Inf" => f64::INFINITY,
            "-Inf" => f64::NEG_INFINITY,
            "NaN" => f64::NAN,
            _ => return self.flaw("##Inf, ##-Inf or ##NaN"),
        };
        self.at += 2 + token.len();
        Ok(self.tape.push_float(value).into())
    }

    fn tag(&mut self, from: usize) -> Result<Step, Flaw> {
        let Some(token) = self.token(from)? else {
            return Ok(Step::Short);
        };
        if !self.tape.begin_tagged(token) {
            return self.flaw("a form that nests less than 256 deep");
        }
        self.at = from + token.len();
        Ok(Step::Open)
    }

    /// The token that begins at `from`; None when the bytes may end within it.
    fn token(&self, from: usize) -> Result<Option<&'a str>, Flaw> {
        let rest = &self.bytes[from..];
        let length = rest.iter().position(|b| TERMINATES[usize::from(*b)]);
        match length {
            None if !self.at_end => Ok(None),
            None => utf8(self.bytes, from, self.bytes.len()).map(Some),
            Some(length) => utf8(self.bytes, from, from + length).map(Some),
        }
    }
}

/// The bytes that end a token.
const TERMINATES: [bool; 256] = {
    let mut table = [false; 256];
    let ends = b" \t\n\r,\x0c\"();[]{}\\@^`~";
    let mut at = 0;
    while at < ends.len() {
        table[ends[at] as usize] = true;
        at += 1;
    }
    table
};

fn utf8(bytes: &[u8], from: usize, to: usize) -> Result<&str, Flaw> {
    std::str::from_utf8(&bytes[from..to]).map_err(|e| Flaw {
        at: from + e.valid_up_to(),
        expected: "UTF-8",
    })
}

/// The character of the escape whose letter stands at `at`, and where it ends; None when the bytes end within it.
fn escape(bytes: &[u8], at: usize) -> Result<Option<(char, usize)>, Flaw> {
    let Some(letter) = bytes.get(at) else { return Ok(None) };
    let c = match letter {
        b'"' | b'\\' | b'\'' | b'/' => char::from(*letter),
        b'n' => '\n',
        b't' => '\t',
        b'r' => '\r',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'u' => return super::json::unicode(bytes, at + 1),
        b'0'..=b'7' => {
            let digits = bytes[at..].iter().take(3).take_while(|b| (b'0'..=b'7').contains(b));
            let (value, length) = digits.fold((0, 0), |(v, n), b| (v * 8 + u32::from(b - b'0'), n + 1));
            return Ok(char::from_u32(value).map(|c| (c, at + length)));
        }
        _ => {
            return Err(Flaw {
                at,
                expected: "an escape: \\n, \\t, \\\", \\\\, \\u0000",
            });
        }
    };
    Ok(Some((c, at + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::write_edn;

    fn round(text: &str) -> String {
        let mut tape = Tape::default();
        let end = scan(text.as_bytes(), 0, true, &mut tape);
        assert_eq!(end, Ok(Some(text.len())), "{text}");
        let mut out = String::new();
        write_edn(tape.root(), &mut out);
        out
    }

    #[test]
    fn forms_are_written_as_they_were_read() {
        for text in [
            "nil",
            "[true false nil]",
            "{:index 0, :type :invoke, :value [[:append 253 1] [:r 2 nil]]}",
            "#{1 2 (3 x)}",
            "#jepsen.history.Op {:f :read}",
            "[-1 0 9223372036854775807 -9223372036854775808 9223372036854775808 1.10M 1/3]",
            "[1.5 -0.0 1e300 ##Inf ##-Inf ##NaN]",
            r#""a \"quoted\" \\ line\n""#,
            r"[\a \newline \space \( \é]",
            "{}",
            "#:jepsen {:a #inst \"2020\"}",
        ] {
            assert_eq!(round(text), text);
        }
    }

    #[test]
    fn what_prints_otherwise_means_the_same() {
        for (text, same) in [
            (" ; comment\n[1,2 ,3]", "[1 2 3]"),
            ("[1 #_2 #_ #_ 3 4 5]", "[1 5]"),
            ("{#_ :a :b #_ 1 2}", "{:b 2}"),
            ("[+5 5N 007]", "[5 5 7]"),
            (r#""\u00e9\101""#, "\"\u{e9}A\""),
            (r#"#"re+""#, r#""re+""#),
            ("#tag #other [1]", "#tag #other [1]"),
        ] {
            assert_eq!(round(text), same);
        }
    }

    #[test]
    fn flaws_have_their_place() {
        let flaw = |text: &str| scan(text.as_bytes(), 0, true, &mut Tape::default());
        for (text, at, expected) in [
            ("{:a}", 3, "a value for the key before it"),
            ("[1 }", 3, "a form or ]"),
            ("{:a 1 ]", 6, "a key or }"),
            ("[1x]", 1, "a number"),
            ("[:]", 1, "a keyword"),
            ("[#tag ]", 6, "a form"),
            ("[\"\\q\"]", 3, "an escape: \\n, \\t, \\\", \\\\, \\u0000"),
            ("[@]", 1, "a form"),
            ("]", 0, "a form"),
        ] {
            assert_eq!(flaw(text), Err(Flaw { at, expected }), "{text}");
        }
        assert_eq!(scan(b"[\"\xff\"]", 0, true, &mut Tape::default()).unwrap_err().at, 2);
    }

    #[test]
    fn short_bytes_are_no_flaw() {
        let text = r#"{:a ["x\n" #{1} \newline ##Inf #tag 1.5]}"#;
        for end in 0..text.len() {
            let scanned = scan(&text.as_bytes()[..end], 0, false, &mut Tape::default());
            assert_eq!(scanned, Ok(None), "{}", &text[..end]);
        }
        assert_eq!(scan(b"12", 0, false, &mut Tape::default()), Ok(None));
        assert_eq!(scan(b"12", 0, true, &mut Tape::default()), Ok(Some(2)));
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = "[".repeat(100_000);
        let flaw = scan(deep.as_bytes(), 0, true, &mut Tape::default()).unwrap_err();
        assert_eq!(flaw.at, crate::ops::DEPTH_MAX);
        let tags = "#a ".repeat(100_000);
        assert!(scan(tags.as_bytes(), 0, true, &mut Tape::default()).is_err());
    }
}
