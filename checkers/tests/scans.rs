//! What the scanners of EDN and JSON take: every escape, every number, every form by its own rules, and what they say
//! of the rest.

use paytwice_checkers::formats::{edn, json};
use paytwice_checkers::ops::{Flaw, Tape, Value, write_edn};

/// A scanner: of which bytes, from where, whether nothing follows them.
type Scan = fn(&[u8], usize, bool, &mut Tape) -> Result<Option<usize>, Flaw>;

/// The form that is all of `text`.
fn whole(scan: Scan, text: &str) -> Tape {
    let mut tape = Tape::default();
    assert_eq!(
        scan(text.as_bytes(), 0, true, &mut tape),
        Ok(Some(text.len())),
        "{text}"
    );
    tape
}

/// The form that is all of `text`, as EDN.
fn form(scan: Scan, text: &str) -> String {
    let mut out = String::new();
    write_edn(whole(scan, text).root(), &mut out);
    out
}

/// The string that is all of `text`.
fn string(scan: Scan, text: &str) -> String {
    whole(scan, text).root().str().expect("a string").to_owned()
}

/// Where the flaw is, and what was expected there.
fn flaw(scan: Scan, bytes: &[u8]) -> (usize, &'static str) {
    let scanned = scan(bytes, 0, true, &mut Tape::default());
    let Flaw { at, expected } = scanned.expect_err(&String::from_utf8_lossy(bytes));
    (at, expected)
}

fn flawed(scan: Scan, bytes: &[u8], at: usize, expected: &str) {
    assert_eq!(flaw(scan, bytes), (at, expected), "{}", String::from_utf8_lossy(bytes));
}

#[test]
fn every_escape_is_its_character() {
    for scan in [edn::scan as Scan, json::scan] {
        for (text, meant) in [
            (r#""\"""#, "\""),
            (r#""\\""#, "\\"),
            (r#""\/""#, "/"),
            (r#""a\nb""#, "a\nb"),
            (r#""a\tb""#, "a\tb"),
            (r#""a\rb""#, "a\rb"),
            (r#""a\bb""#, "a\u{8}b"),
            (r#""a\fb""#, "a\u{c}b"),
            (r#""\u00e9\u20AC""#, "\u{e9}\u{20ac}"),
            (r#""\ud83d\ude00""#, "\u{1f600}"),
            (r#""\ud800\udc00\udbff\udfff""#, "\u{10000}\u{10ffff}"),
            // Halves of a pair that stand alone, or the wrong way round.
            (r#""\ud83d""#, "\u{fffd}"),
            (r#""\ude00""#, "\u{fffd}"),
            (r#""\ud83dx""#, "\u{fffd}x"),
            (r#""\ud83d\n""#, "\u{fffd}\n"),
            (r#""\ud83d\u0041""#, "\u{fffd}A"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (r#""\udc00\udc00""#, "\u{fffd}\u{fffd}"),
            (r#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
        ] {
            assert_eq!(string(scan, text), meant, "{text}");
        }
    }
    for (text, meant) in [
        (r#""\'""#, "'"),
        (r#""\0""#, "\0"),
        (r#""\7\18\101\377\1011""#, "\u{7}\u{1}8A\u{ff}A1"),
    ] {
        assert_eq!(string(edn::scan, text), meant, "{text}");
        assert!(
            json::scan(text.as_bytes(), 0, true, &mut Tape::default()).is_err(),
            "{text}"
        );
    }
}

#[test]
fn a_string_may_end_anywhere_within_an_escape() {
    let text = r#"["\ud83d\ude00\u00e9\ud83d\n\ud83d"]"#.as_bytes();
    for scan in [edn::scan as Scan, json::scan] {
        for end in 0..text.len() {
            for at_end in [false, true] {
                let scanned = scan(&text[..end], 0, at_end, &mut Tape::default());
                assert_eq!(scanned, Ok(None), "{end}");
            }
        }
    }
}

#[test]
fn numbers_have_their_exact_value_and_otherwise_their_text() {
    for (text, edn_form, json_form) in [
        ("0", Some("0"), Some("0")),
        ("9", Some("9"), Some("9")),
        ("-0", Some("0"), Some("0")),
        ("-10", Some("-10"), Some("-10")),
        ("+5", Some("5"), None),
        ("007", Some("7"), None),
        ("-01", Some("-1"), None),
        (
            "99999999999999999",
            Some("99999999999999999"),
            Some("99999999999999999"),
        ),
        (
            "999999999999999999",
            Some("999999999999999999"),
            Some("999999999999999999"),
        ),
        (
            "-999999999999999999",
            Some("-999999999999999999"),
            Some("-999999999999999999"),
        ),
        (
            "1000000000000000000",
            Some("1000000000000000000"),
            Some("1000000000000000000"),
        ),
        (
            "9223372036854775807",
            Some("9223372036854775807"),
            Some("9223372036854775807"),
        ),
        (
            "9223372036854775808",
            Some("9223372036854775808"),
            Some("9223372036854775808"),
        ),
        (
            "-9223372036854775808",
            Some("-9223372036854775808"),
            Some("-9223372036854775808"),
        ),
        (
            "-9223372036854775809",
            Some("-9223372036854775809"),
            Some("-9223372036854775809"),
        ),
        ("1.5", Some("1.5"), Some("1.5")),
        ("1.50", Some("1.5"), Some("1.5")),
        ("0.5", Some("0.5"), Some("0.5")),
        ("-0.5", Some("-0.5"), Some("-0.5")),
        ("-0.0", Some("-0.0"), Some("-0.0")),
        ("1e2", Some("100.0"), Some("100.0")),
        ("1E+2", Some("100.0"), Some("100.0")),
        ("25e-1", Some("2.5"), Some("2.5")),
        ("1e999", Some("1e999"), Some("1e999")),
        ("1.", Some("1.0"), None),
        ("1e", None, None),
        ("1e+", None, None),
        ("1.e5", Some("100000.0"), None),
        ("1.2.3", None, None),
        ("1-2", None, None),
        ("1-", None, None),
        ("5N", Some("5"), None),
        ("1.10M", Some("1.10M"), None),
        ("7M", Some("7M"), None),
        ("xM", Some("xM"), None),
        ("1/3", Some("1/3"), None),
        ("-1/3", Some("-1/3"), None),
        ("1/", None, None),
        ("1/-3", None, None),
        ("1/3/5", None, None),
        ("0x1f", None, None),
    ] {
        for (scan, written) in [(edn::scan as Scan, edn_form), (json::scan, json_form)] {
            let in_vector = format!("[{text}]");
            match written {
                Some(written) => {
                    assert_eq!(form(scan, &in_vector), format!("[{written}]"), "{text}");
                    assert_eq!(form(scan, text), written);
                }
                None => assert!(
                    scan(in_vector.as_bytes(), 0, true, &mut Tape::default()).is_err(),
                    "{text}"
                ),
            }
        }
    }
    assert_eq!(flaw(json::scan, b"[-.5]"), (1, "a number"));
    assert_eq!(flaw(json::scan, b"[1, -]"), (4, "a number"));
    assert_eq!(flaw(json::scan, b"[.5]"), (1, "a value or ]"));
    assert_eq!(flaw(json::scan, b"[1, +5]"), (4, "a value"));
    // Whether a number goes on is not known before what follows it.
    for scan in [edn::scan as Scan, json::scan] {
        for text in ["12", "-1.5", "1e9"] {
            assert_eq!(
                scan(text.as_bytes(), 0, false, &mut Tape::default()),
                Ok(None),
                "{text}"
            );
        }
    }
}

#[test]
fn forms_are_told_apart_by_how_they_begin() {
    // Symbols, though they begin like numbers and other things.
    for text in [
        "-",
        "+",
        "+a",
        "-a",
        "-.5",
        ".",
        ".5",
        "*",
        "!",
        "_",
        "?",
        "$",
        "%",
        "&",
        "=",
        "<",
        ">",
        "/",
        "|",
        "a",
        "Z",
        "a/b",
        "nil?",
        "truely",
        "\u{e9}",
        "\u{20ac}x",
        "\u{1f600}",
    ] {
        let mut tape = Tape::default();
        assert_eq!(
            edn::scan(text.as_bytes(), 0, true, &mut tape),
            Ok(Some(text.len())),
            "{text}"
        );
        assert!(
            matches!(tape.root().value(), Value::Symbol(name) if name == text),
            "{text}"
        );
        assert_eq!(edn::scan(text.as_bytes(), 0, false, &mut tape), Ok(None), "{text}");
    }
    // Characters: named, by their code, or themselves, whatever they are and however many bytes they have.
    for (text, c) in [
        ("\\newline", '\n'),
        ("\\return", '\r'),
        ("\\tab", '\t'),
        ("\\space", ' '),
        ("\\backspace", '\u{8}'),
        ("\\formfeed", '\u{c}'),
        ("\\u00e9", '\u{e9}'),
        ("\\u20AC", '\u{20ac}'),
        ("\\u", 'u'),
        ("\\a", 'a'),
        ("\\(", '('),
        ("\\\\", '\\'),
        ("\\\"", '"'),
        ("\\;", ';'),
        ("\\,", ','),
        ("\\\u{7f}", '\u{7f}'),
        ("\\\u{e9}", '\u{e9}'),
        ("\\\u{7ff}", '\u{7ff}'),
        ("\\\u{800}", '\u{800}'),
        ("\\\u{20ac}", '\u{20ac}'),
        ("\\\u{ffff}", '\u{ffff}'),
        ("\\\u{10000}", '\u{10000}'),
        ("\\\u{1f600}", '\u{1f600}'),
    ] {
        let mut tape = Tape::default();
        assert_eq!(
            edn::scan(text.as_bytes(), 0, true, &mut tape),
            Ok(Some(text.len())),
            "{text}"
        );
        assert!(matches!(tape.root().value(), Value::Char(read) if read == c), "{text}");
        for end in 0..=text.len() {
            let bytes = &text.as_bytes()[..end];
            assert_eq!(
                edn::scan(bytes, 0, false, &mut tape),
                Ok(None),
                "{text}, {end} bytes of it"
            );
        }
        // What follows it is not part of it.
        let more = format!("[{text} {text}{text}[]]");
        assert_eq!(
            form(edn::scan, &more),
            format!("[{0} {0} {0} []]", form(edn::scan, text))
        );
    }
    for (text, written) in [
        ("#{1 #{2}}", "#{1 #{2}}"),
        ("#tag{:a 1}", "#tag {:a 1}"),
        ("#:ns{:a 1}", "#:ns {:a 1}"),
        ("[#\"a\\\\b\"]", "[\"a\\\\b\"]"),
        ("[##Inf ##-Inf ##NaN]", "[##Inf ##-Inf ##NaN]"),
        ("[#_a 1 #_ [2 3]]", "[1]"),
        ("#_a b", "b"),
        ("{:a #_ 1 2}", "{:a 2}"),
        ("[1;]\n,2\x0c3]", "[1 2 3]"),
    ] {
        assert_eq!(form(edn::scan, text), written);
    }
}

#[test]
fn what_is_no_form_is_told_with_its_place() {
    const CHARACTER: &str = "a character";
    const UTF8: &str = "UTF-8";
    const ESCAPE: &str = "an escape: \\n, \\t, \\\", \\\\, \\u0000";
    const DISPATCH: &str = "a tag, a set, ##Inf or #_";
    for (bytes, at, expected) in [
        (&b"[\\ab]"[..], 1, CHARACTER),
        (b"[\\u12]", 1, CHARACTER),
        (b"[\\u00e9f]", 1, CHARACTER),
        (b"[\\u00g1]", 1, CHARACTER),
        (b"[\\u+041]", 1, CHARACTER),
        (b"[\\ud800]", 1, CHARACTER),
        (b"\\\xe2\x82", 0, CHARACTER),
        (b"\\\xf0", 0, CHARACTER),
        (b"[\\\xff 12345]", 2, UTF8),
        (b"[:a\xff]", 3, UTF8),
        (b"[a\xe2\x82]", 2, UTF8),
        (b"[#1]", 1, DISPATCH),
        (b"[# a]", 1, DISPATCH),
        (b"[#(1)]", 1, DISPATCH),
        (b"[##Infinity]", 1, "##Inf, ##-Inf or ##NaN"),
        (b"[1 #_]", 5, "a form"),
        (b"{:a #t}", 6, "a form"),
        (b"[\"\\u12\"]", 6, "four hexadecimal digits"),
        (b"[\"\\8\"]", 3, ESCAPE),
        (b"(1]", 2, "a form or )"),
        (b"#{1]", 3, "a form or }"),
        (b"{)", 1, "a key or }"),
        (b"[']", 1, "a form"),
        (b"[\x01]", 1, "a form"),
        (b"[\x7f]", 1, "a form"),
    ] {
        flawed(edn::scan, bytes, at, expected);
    }
    for (bytes, at, expected) in [
        (&b"{\"a\":1 2}"[..], 7, "a comma or }"),
        (b"{\"a\":1]", 6, "a comma or }"),
        (b"{\"a\":1,}", 7, "a string as key"),
        (b"{1:2}", 1, "a string as key, or }"),
        (b"{\"a\" 1}", 5, "a colon"),
        (b"{\"a\":}", 5, "a value"),
        (b"[1 2]", 3, "a comma or ]"),
        (b"[1}", 2, "a comma or ]"),
        (b"[}", 1, "a value or ]"),
        (b"[x]", 1, "a value or ]"),
        (b"[1,]", 3, "a value"),
        (b"[1,x]", 3, "a value"),
        (b"[trux]", 1, "a value"),
        (b"x", 0, "a value"),
        (b"[\"a\nb\"]", 3, "the end of the string"),
        (b"[\"\x1f\"]", 2, "the end of the string"),
        (b"[\"abc\xffd\"]", 5, UTF8),
        (b"{\"a\xe2\x82\":1}", 3, UTF8),
        (b"[\"a\\'\"]", 4, ESCAPE),
        (b"[\"\\u00g1\"]", 6, "four hexadecimal digits"),
        (b"[\"\\ud83d\\u00g1\"]", 12, "four hexadecimal digits"),
    ] {
        flawed(json::scan, bytes, at, expected);
    }
}

#[test]
fn a_form_may_begin_anywhere() {
    for (scan, skip) in [
        (edn::scan as Scan, edn::skip_blank as fn(&[u8], usize) -> usize),
        (json::scan, json::skip_blank),
    ] {
        let mut tape = Tape::default();
        let bytes = b"[1] \t\r\n [2]";
        assert_eq!(scan(bytes, 3, true, &mut tape), Ok(Some(bytes.len())));
        assert_eq!(skip(bytes, 3), 8);
        assert_eq!(skip(b"  ", 0), 2);
        assert_eq!(skip(b"", 0), 0);
        let flaw = scan(b"[1] [2", 4, true, &mut tape);
        assert_eq!(flaw, Ok(None));
        assert_eq!(scan(b"[1] ]", 4, true, &mut tape).unwrap_err().at, 4);
    }
    assert_eq!(edn::skip_blank(b", ;]\n;\n 1", 0), 8);
    assert_eq!(edn::skip_blank(b";1", 0), 2);
    assert_eq!(json::skip_blank(b",1", 0), 0);
}
