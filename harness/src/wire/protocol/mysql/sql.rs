//! The words of SQL: just enough of it to name statements and to find values.
//!
//! Knows quotes, backticks and comments. Never: judges whether a statement is right, or fails on one that is not; it
//! ends where it cannot go on.

use std::borrow::Cow;

/// A word of SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A keyword or a bare name.
    Word(&'a [u8]),
    /// A name in backticks.
    Name(Cow<'a, [u8]>),
    /// A text in quotes; a name where the server is told so and the quotes are double.
    Text(Cow<'a, [u8]>, u8),
    /// Digits.
    Number(&'a [u8]),
    /// `?`
    Parameter,
    /// Any other character.
    Symbol(u8),
}

impl Token<'_> {
    /// True for this keyword, in upper case.
    pub(super) fn is_word(&self, keyword: &str) -> bool {
        matches!(self, Token::Word(word) if word.eq_ignore_ascii_case(keyword.as_bytes()))
    }

    /// True for this character.
    pub(super) fn is_symbol(&self, symbol: u8) -> bool {
        *self == Token::Symbol(symbol)
    }

    /// As a name, if it can be one.
    pub(super) fn name(&self) -> Option<&str> {
        let bytes = match self {
            Token::Word(word) => word,
            Token::Name(name) => &name[..],
            Token::Text(text, b'"') => &text[..],
            _ => return None,
        };
        std::str::from_utf8(bytes).ok()
    }
}

/// Cuts SQL into words, comments left out. What stands in `/*! .. */` is carried out, and so it is no comment.
pub(super) fn tokens(sql: &[u8]) -> Vec<Token<'_>> {
    let mut rest = sql;
    let mut out = Vec::new();
    while let Some(token) = next(&mut rest) {
        out.push(token);
    }
    out
}

fn next<'a>(rest: &mut &'a [u8]) -> Option<Token<'a>> {
    skip_blanks(rest)?;
    let (first, after) = rest.split_first()?;
    match first {
        b'`' | b'\'' | b'"' => {
            let (text, after) = quoted(after, *first)?;
            *rest = after;
            Some(match first {
                b'`' => Token::Name(text),
                quote => Token::Text(text, *quote),
            })
        }
        b'?' => {
            *rest = after;
            Some(Token::Parameter)
        }
        byte if is_word(*byte) => {
            let end = rest.iter().position(|byte| !is_word(*byte)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            *rest = after;
            Some(match word.iter().all(u8::is_ascii_digit) {
                true => Token::Number(word),
                false => Token::Word(word),
            })
        }
        symbol => {
            *rest = after;
            Some(Token::Symbol(*symbol))
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// None where a comment has no end.
fn skip_blanks(rest: &mut &[u8]) -> Option<()> {
    loop {
        *rest = rest.trim_ascii_start();
        let line = match **rest {
            [b'#', ..] => true,
            [b'-', b'-'] => true,
            [b'-', b'-', next, ..] => next.is_ascii_whitespace() || next.is_ascii_control(),
            _ => false,
        };
        if line {
            let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            *rest = &rest[end..];
            continue;
        }
        match **rest {
            [b'/', b'*', b'!', ref carried_out @ ..] => {
                let version = carried_out.iter().take_while(|byte| byte.is_ascii_digit()).count();
                *rest = &carried_out[version..];
            }
            [b'/', b'*', ref comment @ ..] => {
                let end = memchr::memmem::find(comment, b"*/")?;
                *rest = &comment[end + 2..];
            }
            [b'*', b'/', ref after @ ..] => *rest = after,
            _ => return Some(()),
        }
    }
}

/// The text up to the closing quote, which is doubled (or, but for names, escaped) inside it.
fn quoted(bytes: &[u8], quote: u8) -> Option<(Cow<'_, [u8]>, &[u8])> {
    let mut text = Cow::Borrowed(&bytes[..0]);
    let mut from = 0;
    loop {
        let at = from + memchr::memchr2(quote, b'\\', &bytes[from..])?;
        extend(&mut text, bytes, from, at);
        let next = bytes.get(at + 1).copied();
        if bytes[at] == b'\\' && quote == b'`' {
            text.to_mut().push(b'\\');
            from = at + 1;
        } else if bytes[at] == b'\\' {
            text.to_mut().push(escaped(next?));
            from = at + 2;
        } else if next == Some(quote) {
            text.to_mut().push(quote);
            from = at + 2;
        } else {
            return Some((text, &bytes[at + 1..]));
        }
    }
}

/// Borrows for as long as the text is one piece.
fn extend<'a>(text: &mut Cow<'a, [u8]>, bytes: &'a [u8], from: usize, to: usize) {
    match text {
        Cow::Borrowed([]) => *text = Cow::Borrowed(&bytes[from..to]),
        text => text.to_mut().extend_from_slice(&bytes[from..to]),
    }
}

fn escaped(byte: u8) -> u8 {
    match byte {
        b'0' => 0,
        b'b' => 8,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'Z' => 26,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(sql: &str) -> Vec<String> {
        let word = |token: &Token<'_>| match token {
            Token::Word(w) => format!("w:{}", String::from_utf8_lossy(w)),
            Token::Name(n) => format!("n:{}", String::from_utf8_lossy(n)),
            Token::Text(t, _) => format!("t:{}", String::from_utf8_lossy(t)),
            Token::Number(n) => format!("d:{}", String::from_utf8_lossy(n)),
            Token::Parameter => "?".to_owned(),
            Token::Symbol(s) => char::from(*s).to_string(),
        };
        tokens(sql.as_bytes()).iter().map(word).collect()
    }

    #[test]
    fn words_names_texts_and_numbers() {
        assert_eq!(
            words("SELECT `a``b`, 12, t1.c2 FROM x WHERE y=?"),
            [
                "w:SELECT", "n:a`b", ",", "d:12", ",", "w:t1", ".", "w:c2", "w:FROM", "w:x", "w:WHERE", "w:y", "=", "?"
            ]
        );
        assert_eq!(
            words(r#"'it''s' "a\"b" 'c\\' 'd\n'"#),
            ["t:it's", "t:a\"b", "t:c\\", "t:d\n"]
        );
        assert_eq!(
            words("2fa größe -3 1.5"),
            ["w:2fa", "w:größe", "-", "d:3", "d:1", ".", "d:5"]
        );
    }

    #[test]
    fn comments_are_left_out_but_what_is_carried_out_is_not() {
        assert_eq!(
            words("/* BEGIN ' */ a -- b ?\n c # d\n--\n e--f"),
            ["w:a", "w:c", "w:e", "-", "-", "w:f"]
        );
        assert_eq!(words("/*!50001 COMMIT */ /*+ hint */ x"), ["w:COMMIT", "w:x"]);
        assert_eq!(words("a /* no end"), ["w:a"]);
        assert_eq!(words("a 'no end"), ["w:a"]);
        assert_eq!(words("'no end\\"), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn any_bytes_have_words(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(tokens(&bytes).len() <= bytes.len());
        }

        #[test]
        fn what_looks_like_sql_has_words(text in "[a-c '\"`\\\\/*!#?;,()=.0-9\n-]{0,60}") {
            let _ = tokens(text.as_bytes());
        }

        #[test]
        fn a_quoted_text_reads_back(text in ".{0,30}") {
            let sql = format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"));
            prop_assert_eq!(tokens(sql.as_bytes()), vec![Token::Text(text.as_bytes().to_vec().into(), b'\'')]);
        }
    }
}
