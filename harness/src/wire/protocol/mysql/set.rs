//! SET: what a client changes about its session, as far as that matters for what follows.
//!
//! Never: keeps a value but whether statements commit by themselves, and the character set of what is sent.

use super::charset::Charset;
use super::sql::Token;

/// What a SET changes in its session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Setting {
    /// Whether each statement commits by itself from now on.
    pub(super) autocommit: Option<bool>,
    /// The character set of statements.
    pub(super) charset: Option<Charset>,
    /// It sets what transactions are like (`SET SESSION TRANSACTION ...`), not a variable.
    pub(super) of_transactions: bool,
}

/// Reads what stands behind SET.
pub(super) fn read(words: &[Token<'_>]) -> Setting {
    let mut setting = Setting::default();
    let mut for_session = true;
    // Commas in brackets separate no assignments, but what stands between them assigns nothing that is looked for.
    for (at, assignment) in words.split(|word| word.is_symbol(b',')).enumerate() {
        let mut rest = assignment;
        while let [first, ..] = rest {
            let is = |keywords: &[&str]| keywords.iter().any(|keyword| first.is_word(keyword));
            if is(&["GLOBAL", "PERSIST", "PERSIST_ONLY"]) {
                for_session = false;
            } else if is(&["SESSION", "LOCAL"]) {
                for_session = true;
            } else if !(first.is_symbol(b'@') || first.is_symbol(b'.')) {
                break;
            }
            rest = &rest[1..];
        }
        setting.of_transactions |= at == 0 && rest.first().is_some_and(|word| word.is_word("TRANSACTION"));
        if for_session {
            setting.take(rest);
        }
    }
    setting
}

impl Setting {
    fn take(&mut self, assignment: &[Token<'_>]) {
        match assignment {
            [names, charset, ..] if names.is_word("NAMES") || names.is_word("CHARSET") => {
                self.charset = Some(Charset::named(charset));
            }
            [character, set, charset, ..] if character.is_word("CHARACTER") && set.is_word("SET") => {
                self.charset = Some(Charset::named(charset));
            }
            [name, Token::Symbol(b'='), value, ..] | [name, Token::Symbol(b':'), Token::Symbol(b'='), value, ..] => {
                let Some(name) = name.name() else { return };
                if name.eq_ignore_ascii_case("autocommit") {
                    self.autocommit = switch(value);
                } else if name.eq_ignore_ascii_case("character_set_client") {
                    self.charset = Some(Charset::named(value));
                }
            }
            _ => {}
        }
    }
}

fn switch(value: &Token<'_>) -> Option<bool> {
    let text = match value {
        Token::Word(text) | Token::Number(text) => text,
        Token::Text(text, _) => &text[..],
        _ => return None,
    };
    let is = |known: &[&str]| known.iter().any(|known| text.eq_ignore_ascii_case(known.as_bytes()));
    match () {
        () if is(&["1", "ON", "TRUE"]) => Some(true),
        () if is(&["0", "OFF", "FALSE"]) => Some(false),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::charset::Dialect;
    use super::super::sql::tokens;
    use super::*;

    #[test]
    fn what_a_session_changes_is_read_however_it_is_written() {
        let read = |sql: &str| read(&tokens(sql.as_bytes(), Dialect::default()));
        for (sql, autocommit) in [
            ("autocommit=0", Some(false)),
            ("@@session.autocommit := OFF", Some(false)),
            ("SESSION autocommit = 'on'", Some(true)),
            (
                "character_set_results = NULL, @@autocommit = 1, sql_mode = CONCAT(@@sql_mode, ',X')",
                Some(true),
            ),
            ("GLOBAL autocommit = 0", None),
            ("GLOBAL max_connections = 5, autocommit = 0", None),
            ("GLOBAL max_connections = 5, SESSION autocommit = 0", Some(false)),
            ("@@global.autocommit = 0", None),
            ("@autocommit_before = 0", None),
            ("autocommit = @before", None),
            ("a = 1", None),
        ] {
            assert_eq!(read(sql).autocommit, autocommit, "{sql}");
        }
        for (sql, charset) in [
            ("NAMES gbk", Some(Charset::Gbk)),
            ("NAMES 'GB18030' COLLATE 'gb18030_bin'", Some(Charset::Gb18030)),
            ("CHARACTER SET big5", Some(Charset::Big5)),
            ("charset sjis", Some(Charset::Sjis)),
            ("NAMES utf8mb4", Some(Charset::AsciiSafe)),
            ("sql_mode='X', NAMES cp932", Some(Charset::Sjis)),
            ("character_set_client = gbk", Some(Charset::Gbk)),
            ("character_set_results = gbk", None),
        ] {
            assert_eq!(read(sql).charset, charset, "{sql}");
        }
        for sql in [
            "TRANSACTION READ ONLY",
            "SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        ] {
            assert!(read(sql).of_transactions, "{sql}");
        }
        assert!(!read("transaction_isolation = 'SERIALIZABLE'").of_transactions);
    }
}
