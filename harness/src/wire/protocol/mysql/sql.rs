//! The words of SQL: just enough of it to name statements and to find values.
//!
//! Knows quotes, backticks and comments. Never: judges whether a statement is right, or fails on one that is not; it
//! ends where it cannot go on.

use std::borrow::Cow;

use super::charset::{Charset, Dialect};

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
pub(super) fn tokens(sql: &[u8], dialect: Dialect) -> Vec<Token<'_>> {
    let mut rest = sql;
    let mut out = Vec::new();
    while let Some(token) = next(&mut rest, dialect) {
        out.push(token);
    }
    out
}

fn next<'a>(rest: &mut &'a [u8], dialect: Dialect) -> Option<Token<'a>> {
    skip_blanks(rest)?;
    let (first, after) = rest.split_first()?;
    match first {
        b'`' | b'\'' | b'"' => {
            let (text, after) = quoted(after, *first, dialect)?;
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
            let end = word_bytes(rest, dialect.charset);
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

fn word_bytes(bytes: &[u8], charset: Charset) -> usize {
    let mut end = 0;
    while bytes.get(end).is_some_and(|byte| is_word(*byte)) {
        end += charset.character_bytes(&bytes[end..]);
    }
    end
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
fn quoted(bytes: &[u8], quote: u8, dialect: Dialect) -> Option<(Cow<'_, [u8]>, &[u8])> {
    let escapes = quote != b'`' && !dialect.no_backslash_escapes;
    let mut text = Cow::Borrowed(&bytes[..0]);
    let mut from = 0;
    loop {
        let at = from + quote_or_backslash(&bytes[from..], quote, dialect.charset)?;
        extend(&mut text, bytes, from, at);
        let next = bytes.get(at + 1).copied();
        if bytes[at] == b'\\' && !escapes {
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

/// Where the next quote or backslash stands that is a character of its own.
fn quote_or_backslash(bytes: &[u8], quote: u8, charset: Charset) -> Option<usize> {
    if charset == Charset::AsciiSafe {
        return memchr::memchr2(quote, b'\\', bytes);
    }
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == quote || bytes[at] == b'\\' {
            return Some(at);
        }
        at += charset.character_bytes(&bytes[at..]);
    }
    None
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
        tokens(sql.as_bytes(), Dialect::default()).iter().map(word).collect()
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

    #[test]
    fn a_backslash_within_a_character_is_none() {
        // Each character ends with 0x5c, but that of GB18030, which has digits in it; then a text, and a name that ends with
        // a backtick's byte.
        for (charset, character) in [
            (Charset::Gbk, &b"\x87\x5c"[..]),
            (Charset::Big5, b"\xa5\x5c"),
            (Charset::Sjis, b"\x95\x5c"),
            (Charset::Gb18030, b"\x87\x5c"),
            (Charset::Gb18030, b"\x81\x30\x81\x30"),
        ] {
            let dialect = Dialect {
                charset,
                ..Dialect::default()
            };
            let sql = [b"'", character, b"','t1' ", character, b" `", character, b"`"].concat();
            let text = Token::Text(character.to_vec().into(), b'\'');
            let expected = vec![
                text,
                Token::Symbol(b','),
                Token::Text(b"t1".to_vec().into(), b'\''),
                Token::Word(character),
                Token::Name(character.to_vec().into()),
            ];
            assert_eq!(tokens(&sql, dialect), expected, "{charset:?}");
        }
        let plain = tokens(b"'\x87\x5c','t1'", Dialect::default());
        assert_ne!(plain[0], Token::Text(b"\x87\x5c".to_vec().into(), b'\''));
        let backtick = tokens(
            b"`\x81\x60` x",
            Dialect {
                charset: Charset::Gbk,
                ..Dialect::default()
            },
        );
        assert_eq!(backtick, [Token::Name(b"\x81\x60".to_vec().into()), Token::Word(b"x")]);
    }

    #[test]
    fn a_backslash_is_a_character_where_the_server_says_so() {
        let dialect = Dialect {
            no_backslash_escapes: true,
            ..Dialect::default()
        };
        let text = |text: &[u8]| Token::Text(text.to_vec().into(), b'\'');
        assert_eq!(
            tokens(br"'a\', 't''1'", dialect),
            [text(br"a\"), Token::Symbol(b','), text(b"t'1")]
        );
    }

    proptest! {
        #[test]
        fn any_bytes_have_words(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            charset in prop_oneof![
                Just(Charset::AsciiSafe), Just(Charset::Big5), Just(Charset::Gbk), Just(Charset::Sjis), Just(Charset::Gb18030)
            ],
            no_backslash_escapes in any::<bool>(),
        ) {
            let words = tokens(&bytes, Dialect { charset, no_backslash_escapes }).len();
            prop_assert!(words <= bytes.len());
        }

        #[test]
        fn what_looks_like_sql_has_words(text in "[a-c '\"`\\\\/*!#?;,()=.0-9\n-]{0,60}") {
            let _ = tokens(text.as_bytes(), Dialect::default());
        }

        #[test]
        fn a_quoted_text_reads_back(text in ".{0,30}") {
            let sql = format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"));
            prop_assert_eq!(tokens(sql.as_bytes(), Dialect::default()), vec![Token::Text(text.as_bytes().to_vec().into(), b'\'')]);
        }
    }
}
