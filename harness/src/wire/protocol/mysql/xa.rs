//! XA: the statements of distributed transactions, and the identifier in them.
//!
//! A branch is open on its connection from XA START to XA PREPARE; whoever commits it may sit on another connection and
//! knows it by its identifier alone: `gtrid[, bqual[, format]]`, each text `'..'`, `X'..'` or `0x..`. Never: reads more of an
//! identifier than its gtrid.

use paytwice_checkers::history::Role;

use super::sql::Token;
use super::statement::{Turn, value};

/// An identifier's gtrid is not longer.
const GTRID_BYTES_MAX: usize = 64;

/// The statement's name, what it does to the open transaction, and what it means; `what` is the word behind XA.
pub(super) fn meaning(what: Option<&str>) -> (String, Turn, Role) {
    let Some(what) = what else {
        return ("XA".to_owned(), Turn::Within, Role::Plain);
    };
    let (what, turn, role) = match what {
        "START" | "BEGIN" => ("START", Turn::Begins, Role::Plain),
        "PREPARE" => ("PREPARE", Turn::Ends, Role::Prepared),
        "COMMIT" => ("COMMIT", Turn::Ends, Role::Committed),
        "ROLLBACK" => ("ROLLBACK", Turn::Ends, Role::RolledBack),
        other => (other, Turn::Within, Role::Plain),
    };
    (format!("XA {what}"), turn, role)
}

/// The gtrid at the front of these words: as text where it is one, in hexadecimal digits (`0x..`) otherwise.
pub(super) fn gtrid(words: &[Token<'_>]) -> Option<String> {
    let bytes = match words {
        [Token::Word(b"X" | b"x"), Token::Text(digits, b'\''), ..] => unhex(digits)?,
        [Token::Word([b'0', b'x', digits @ ..]), ..] => unhex(digits)?,
        [Token::Text(text, _), ..] => text.to_vec(),
        _ => return None,
    };
    if bytes.is_empty() || bytes.len() > GTRID_BYTES_MAX {
        return None;
    }
    Some(value(&bytes).unwrap_or_else(|| {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("0x{digits}")
    }))
}

fn unhex(digits: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    // A number of digits that is odd has a zero in front.
    let (first, pairs) = digits.split_at(digits.len() % 2);
    let first = first.iter().map(|byte| digit(*byte));
    let pairs = pairs
        .chunks_exact(2)
        .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?));
    first.chain(pairs).collect()
}

#[cfg(test)]
mod tests {
    use super::super::charset::Dialect;
    use super::super::sql::tokens;
    use super::*;

    #[test]
    fn an_identifier_is_text_however_it_is_written() {
        let read = |sql: &str| gtrid(&tokens(sql.as_bytes(), Dialect::default()));
        for sql in ["'ab','b1',7", "X'6162', X'31'", "x'6162'", "0x6162,0x31,0x1", "\"ab\""] {
            assert_eq!(read(sql).as_deref(), Some("ab"), "{sql}");
        }
        assert_eq!(read("0xff01").as_deref(), Some("0xff01"), "no text");
        assert_eq!(read("0xf01").as_deref(), Some("0x0f01"));
        for sql in ["", "''", "12", "0xzz", "X'6'' '", "?"] {
            assert_eq!(read(sql), None, "{sql}");
        }
        assert_eq!(read(&format!("'{}'", "x".repeat(65))), None);
    }
}
