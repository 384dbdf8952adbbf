//! Forms of generic operations: when two say the same, and how they are written.

use paytwice_checkers::formats::{Format, Reader};
use paytwice_checkers::ops::{Op, write_edn, write_json, write_op_edn, write_op_json};

/// What is said of the only operation of a history in EDN.
fn of<T>(op: &str, say: impl FnOnce(&Op) -> T) -> T {
    let cursor = std::io::Cursor::new(op.to_owned());
    let mut reader = Reader::new(cursor, "h", Format::JepsenEdn).unwrap();
    say(&reader.next().unwrap().expect("an operation"))
}

/// What is said of a value.
fn of_value<T>(value: &str, say: impl FnOnce(paytwice_checkers::ops::Ref) -> T) -> T {
    of(&format!("{{:type :ok, :value {value}}}"), |op| say(op.value))
}

#[test]
fn forms_are_equal_when_they_say_the_same() {
    let same = |pair: &str| {
        of_value(pair, |value| {
            let (a, b) = value.pair().expect("a pair");
            assert_eq!(a == b, b == a, "{pair}");
            a == b
        })
    };
    for form in [
        "nil",
        "true",
        "false",
        "1",
        "1.5",
        "##NaN",
        "\\a",
        "12345678901234567890",
        "1/3",
        "\"a\"",
        ":a",
        "a",
        "#t 1",
        "[1 [2]]",
        "(1 2)",
        "#{1 2}",
        "{:a 1, :b [2]}",
    ] {
        assert!(same(&format!("[{form} {form}]")), "{form}");
    }
    assert!(same("[#{1 2} #{2 1}]") && same("[{:a #{1 2}, :b 2} {:b 2, :a #{2 1}}]"));
    for pair in [
        "[nil false]",
        "[true false]",
        "[1 2]",
        "[1 1.0]",
        "[1.5 2.5]",
        "[\\a \\b]",
        "[\\a \"a\"]",
        "[12345678901234567890 12345678901234567891]",
        "[\"a\" \"b\"]",
        "[:a :b]",
        "[:a \"a\"]",
        "[a b]",
        "[#t 1 #u 1]",
        "[#t 1 #t 2]",
        "[[1 2] [1 3]]",
        "[[1] [1 2]]",
        "[[1 2] (1 2)]",
        "[#{1} #{2}]",
        "[#{1 2} #{1 3}]",
        "[#{1 2} [1 2]]",
        "[{:a 1, :b 2} {:a 1, :b 3}]",
        "[{:a 1} {:a 2}]",
        "[{:a 1} {:b 1}]",
        "[{:a 1} {}]",
    ] {
        assert!(!same(pair), "{pair}");
    }
}

#[test]
fn a_form_says_what_it_is() {
    assert_eq!(
        ["true", "false", "1", "nil"].map(|form| of_value(form, |f| f.bool())),
        [Some(true), Some(false), None, None]
    );
    let text = |form| of_value(form, |f| f.str().map(str::to_owned));
    assert_eq!(
        ["\"a b\"", ":a", "a", "1"].map(text),
        [Some("a b".to_owned()), None, None, None]
    );
    assert_eq!(
        of_value("{:a 1, :b 2}", |f| f.entries().map(|entries| entries.len())),
        Some(2)
    );
}

#[test]
fn numbers_that_json_cannot_write_are_tagged() {
    let json = |form: &str| {
        of_value(form, |value| {
            let mut out = String::new();
            write_json(value, &mut out);
            out
        })
    };
    for (form, written) in [
        ("1.5", "1.5"),
        ("##Inf", "{\"#number\":\"##Inf\"}"),
        ("##-Inf", "{\"#number\":\"##-Inf\"}"),
        ("##NaN", "{\"#number\":\"##NaN\"}"),
        ("12345678901234567890", "12345678901234567890"),
        ("12345678901234567890N", "12345678901234567890"),
        ("1/3", "{\"#number\":\"1/3\"}"),
        ("1.10M", "{\"#number\":\"1.10M\"}"),
    ] {
        assert_eq!(json(form), written, "{form}");
    }
}

#[test]
fn characters_come_back_as_they_were() {
    for form in [
        "\\a",
        "\\newline",
        "\\space",
        "\\tab",
        "\\return",
        "\\u0001",
        "\\u007f",
        "##Inf",
        "##-Inf",
        "##NaN",
    ] {
        let written = of_value(form, |value| {
            let mut out = String::new();
            write_edn(value, &mut out);
            out
        });
        assert_eq!(written, form);
    }
}

#[test]
fn names_that_are_no_keywords_are_written_as_strings() {
    let edn = |op: &str| {
        of(op, |op| {
            let mut out = String::new();
            write_op_edn(op, &mut out);
            out
        })
    };
    for name in ["a b", "a(b", "a,b", "a\u{1}b", ""] {
        let op = format!("{{:index 3, :process \"n{name} \", :type :ok, :f \"{name}\", :value nil}}");
        let written = edn(&op);
        assert!(written.contains(&format!(":process \"n{name} \"")), "{written}");
        assert_eq!(written.contains(":f "), !name.is_empty(), "{written}");
        if !name.is_empty() {
            assert!(written.contains(&format!(":f \"{name}\"")), "{written}");
        }
    }
    let written = edn("{:index 3, :process :nemesis, :type :ok, :f \"read\", :value nil}");
    assert!(
        written.starts_with("{:index 3, :process :nemesis, :type :ok, :f :read"),
        "{written}"
    );
    let json = of("{:index 3, :process nil, :type :info, :f :read, :key nil}", |op| {
        let mut out = String::new();
        write_op_json(op, &mut out);
        out
    });
    assert!(json.contains("\"index\":3") && !json.contains("nemesis"), "{json}");
}
