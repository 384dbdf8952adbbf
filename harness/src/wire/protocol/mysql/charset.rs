//! Character sets of what a client sends, as far as they change where a statement's words end: in some of them the second
//! byte of a character may be a quote in backticks or a backslash.
//!
//! Never: decodes a character.

use super::sql::Token;

/// How the bytes of statements are to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) charset: Charset,
    /// `sql_mode` has `NO_BACKSLASH_ESCAPES`: a backslash in a text is a character like any other.
    pub(super) no_backslash_escapes: bool,
}

/// A character set, by where its characters end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Charset {
    /// No byte of ASCII is part of a longer character: UTF-8, Latin 1, EUC and the like.
    #[default]
    AsciiSafe,
    Big5,
    Gbk,
    /// Shift JIS, and its variant cp932.
    Sjis,
    Gb18030,
}

impl Charset {
    /// By the number of a collation, as the handshake has it.
    pub(super) fn of_collation(number: u64) -> Charset {
        match number {
            1 | 84 => Charset::Big5,
            13 | 88 | 95 | 96 => Charset::Sjis,
            28 | 87 => Charset::Gbk,
            248..=250 => Charset::Gb18030,
            _ => Charset::AsciiSafe,
        }
    }

    /// By the name in a statement.
    pub(super) fn named(word: &Token<'_>) -> Charset {
        let name = match word {
            Token::Word(name) => name,
            Token::Name(name) | Token::Text(name, _) => &name[..],
            _ => return Charset::AsciiSafe,
        };
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        match () {
            () if is("big5") => Charset::Big5,
            () if is("gbk") => Charset::Gbk,
            () if is("sjis") || is("cp932") => Charset::Sjis,
            () if is("gb18030") => Charset::Gb18030,
            () => Charset::AsciiSafe,
        }
    }

    /// The length of the character at the front; 1 where there is no whole longer one.
    pub(super) fn character_bytes(self, bytes: &[u8]) -> usize {
        let second = bytes.get(1).copied().unwrap_or_default();
        let two = match (self, bytes.first().copied().unwrap_or_default()) {
            (Charset::Big5, 0xa1..=0xf9) => matches!(second, 0x40..=0x7e | 0xa1..=0xfe),
            (Charset::Gbk | Charset::Gb18030, 0x81..=0xfe) => matches!(second, 0x40..=0x7e | 0x80..=0xfe),
            (Charset::Sjis, 0x81..=0x9f | 0xe0..=0xfc) => matches!(second, 0x40..=0x7e | 0x80..=0xfc),
            _ => false,
        };
        let four =
            self == Charset::Gb18030 && matches!(bytes, [0x81..=0xfe, b'0'..=b'9', 0x81..=0xfe, b'0'..=b'9', ..]);
        match (four, two) {
            (true, _) => 4,
            (false, true) => 2,
            (false, false) => 1,
        }
    }
}
