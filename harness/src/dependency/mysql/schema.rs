//! Where a statement of a schema file stands, for messages: the server counts lines from the beginning of a statement, people
//! from the beginning of the file.

/// The line, from 1, of what the server refused after so many statements: `said` may end in `at line N` of the statement.
pub(super) fn line_of(schema: &str, done: usize, said: &str) -> usize {
    let begin = begin_of(schema, done);
    let before = schema[..begin].matches('\n').count();
    let within = said
        .rsplit_once(" at line ")
        .and_then(|(_, n)| n.trim().parse::<usize>().ok());
    before + within.unwrap_or(1)
}

/// Where the statement after so many others begins; the server leaves out the spaces before it.
fn begin_of(schema: &str, done: usize) -> usize {
    let mut rest = 0;
    for _ in 0..done {
        match end_of(&schema[rest..]) {
            Some(length) => rest += length,
            None => break,
        }
    }
    let spaces = schema[rest..].len() - schema[rest..].trim_start().len();
    rest + spaces
}

/// How long the first statement is, with its semicolon; none where none ends it.
fn end_of(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        at += match bytes[at] {
            b';' => return Some(at + 1),
            quote @ (b'\'' | b'"' | b'`') => quoted(&bytes[at..], quote),
            b'#' => up_to(rest, "\n"),
            b'-' if rest.starts_with("--") && rest[2..].starts_with(char::is_whitespace) => up_to(rest, "\n"),
            b'/' if rest.starts_with("/*") => up_to(rest, "*/"),
            _ => rest.chars().next().map_or(1, char::len_utf8),
        };
    }
    None
}

/// How long a quoted text is, quotes included. A quote that stands twice begins another one, which comes to the same.
fn quoted(bytes: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < bytes.len() && bytes[at] != quote {
        at += if bytes[at] == b'\\' && quote != b'`' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

/// How long a text is up to and with its first `end`.
fn up_to(text: &str, end: &str) -> usize {
    text.find(end).map_or(text.len(), |at| at + end.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = "-- a; comment\nCREATE TABLE a (n INT);\n\n/* b; */\nINSERT INTO a VALUES\n  (';'), (\"\\\";\"), ('it''s;');\n# c;\nINSRT\n  INTO a;\n";

    #[test]
    fn statements_are_told_apart_by_semicolons_that_end_them() {
        let begins: Vec<&str> = (0..3).map(|done| &SCHEMA[begin_of(SCHEMA, done)..][..6]).collect();
        assert_eq!(begins, ["-- a; ", "/* b; ", "# c;\nI"]);
        assert_eq!(begin_of(SCHEMA, 9), SCHEMA.len());
    }

    #[test]
    fn a_line_is_that_of_the_file() {
        assert_eq!(line_of(SCHEMA, 2, "... near 'INSRT' at line 2"), 8);
        assert_eq!(line_of(SCHEMA, 1, "Unknown column 'x'"), 4);
        assert_eq!(line_of("", 0, ""), 1);
        // Whatever the text is, there is a line.
        for text in ["'", "'\\", "/*", "--", "`a\\`; x", "\u{e9};\u{4e2d}"] {
            for done in 0..3 {
                assert!(line_of(text, done, "") >= 1, "{text}");
            }
        }
    }
}
