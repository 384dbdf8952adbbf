//! Values are equal as Clojure has it, in every checker and through every format.

use std::path::Path;

use paytwice_checkers::check::check_file;
use paytwice_checkers::formats::{Format, Reader, convert};
use paytwice_checkers::verdict::Verdict::{self, Invalid, Valid};

use crate::support::{Folder, edn, request, verdict};

/// What goes in, and what comes out elsewhere: `A` is the one value, `B` the other.
const THROUGH: [(&str, &str, &[&str]); 11] = [
    (
        "fifo-queue",
        "-",
        &[
            "0 invoke enqueue A",
            "0 ok enqueue A",
            "1 invoke dequeue",
            "1 ok dequeue B",
        ],
    ),
    (
        "total-queue",
        "-",
        &[
            "0 invoke enqueue A",
            "0 ok enqueue A",
            "1 invoke dequeue",
            "1 ok dequeue B",
        ],
    ),
    (
        "cas-register",
        "-",
        &["0 invoke write A", "0 ok write A", "1 invoke read", "1 ok read B"],
    ),
    (
        "kv",
        "independent=true",
        &[
            "0 invoke put [0 A]",
            "0 ok put [0 A]",
            "1 invoke get [0 nil]",
            "1 ok get [0 B]",
        ],
    ),
    (
        "multi-register",
        "-",
        &[
            "0 invoke txn [[:write x A]]",
            "0 ok txn [[:write x A]]",
            "1 invoke txn [[:read x nil]]",
            "1 ok txn [[:read x B]]",
        ],
    ),
    (
        "set",
        "-",
        &["0 invoke add A", "0 ok add A", "1 invoke read", "1 ok read [B]"],
    ),
    (
        "set-full",
        "-",
        &["0 invoke add A", "0 ok add A", "1 invoke read", "1 ok read [B]"],
    ),
    (
        "log",
        "-",
        &[
            "0 invoke send [[:send k A]]",
            "0 ok send [[:send k [0 A]]]",
            "1 invoke poll [[:poll]]",
            "1 ok poll [[:poll {k [[0 B]]}]]",
        ],
    ),
    (
        "exactly-once-effects",
        "-",
        &["0 invoke send A", "0 ok send A", "1 invoke read", "1 ok read [B]"],
    ),
    (
        "list-append",
        "-",
        &[
            "0 invoke txn [[:append x A]]",
            "0 ok txn [[:append x A]]",
            "1 invoke txn [[:r x nil]]",
            "1 ok txn [[:r x [B]]]",
        ],
    ),
    (
        "list-append",
        "-",
        &[
            "0 invoke txn [[:append A 1]]",
            "0 ok txn [[:append A 1]]",
            "1 invoke txn [[:r B nil]]",
            "1 ok txn [[:r B [1]]]",
        ],
    ),
];

fn with(lines: &[&str], a: &str, b: &str) -> Vec<String> {
    let with = |line: &&str| {
        let parts: Vec<&str> = line.splitn(4, ' ').collect();
        let Some(value) = parts.get(3) else {
            return (*line).to_owned();
        };
        format!("{} {}", parts[..3].join(" "), value.replace('A', a).replace('B', b))
    };
    lines.iter().map(with).collect()
}

fn through(as_: &str, options: &str, lines: &[&str], a: &str, b: &str) -> Verdict {
    let lines = with(lines, a, b);
    verdict(as_, options, &lines.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn different_values_are_told_apart() {
    for (a, b) in [
        ("1", "\"1\""),
        ("1", ":1"),
        ("1", "1.0"),
        ("true", "\"true\""),
        (":nil", "\"nil\""),
        (":a", "\"a\""),
        (":a", "a"),
        ("a", "\"a\""),
        ("\\a", "\"a\""),
        ("1/3", "\"1/3\""),
        ("1.10M", "\"1.10M\""),
        ("12345678901234567890N", "\"12345678901234567890\""),
        ("##Inf", "\"inf\""),
        ("[1 2]", "\"[1 2]\""),
        ("[1 2]", "#{1 2}"),
        ("[[1 2]]", "{1 2}"),
        ("{1 2}", "{\"1\" 2}"),
        ("{:a 2}", "{\"a\" 2}"),
        ("#{}", "[]"),
        ("#inst \"2020\"", "\"2020\""),
        ("#x \"1\"", "#y \"1\""),
        ("[:set [1]]", "#{1}"),
    ] {
        for (as_, options, lines) in THROUGH {
            for (a, b) in [(a, b), (b, a)] {
                assert_eq!(through(as_, options, lines, a, b), Invalid, "{as_}: {a} is not {b}");
                assert_eq!(
                    converted(as_, options, lines, a, b),
                    [Invalid; 5],
                    "{as_}: {a} is not {b}"
                );
            }
        }
    }
    // What a register holds at first is nil, and not its text.
    let read = |value| format!("0 ok read {value}");
    for (options, value, expected) in [
        ("nil-reads=initial", "nil", Valid),
        ("nil-reads=initial", "\"nil\"", Invalid),
        ("initial=0", "0", Valid),
        ("initial=0", "\"0\"", Invalid),
        ("initial=\"0\"", "\"0\"", Valid),
        ("initial=a", "\"a\"", Valid),
        ("initial=:a", ":a", Valid),
        ("initial=:a", "\"a\"", Invalid),
    ] {
        let lines = ["0 invoke read", &read(value)];
        assert_eq!(verdict("cas-register", options, &lines), expected, "{options} {value}");
    }
    for (initial, is_it) in [("a", true), ("\"a\"", true), (":a", false), ("1", false)] {
        let lines = ["0 invoke txn [[:r k nil] [:w k 2]]", "0 ok txn [[:r k \"a\"] [:w k 2]]"];
        let read = ["1 invoke txn [[:r k nil]]", "1 ok txn [[:r k 2]]"];
        let found = verdict(
            "rw-register",
            &format!("closed=true,initial={initial}"),
            &[lines, read].concat(),
        );
        assert_eq!(found != Invalid, is_it, "{initial}: {found:?}");
    }
}

#[test]
fn equal_values_are_the_same() {
    for (a, b) in [
        ("1", "1"),
        ("12", "12N"),
        ("12345678901234567890", "12345678901234567890N"),
        ("0.0", "-0.0"),
        ("\"a b\"", "\"a b\""),
        (":a", ":a"),
        ("#{:b :a}", "#{:a :b}"),
        ("#{#{1 2} 3}", "#{3 #{2 1}}"),
        ("{:a 1, :b #{1 2}}", "{:b #{2 1}, :a 1}"),
        ("{1 2, [3] 4}", "{[3] 4, 1 2}"),
        ("(1 2)", "[1 2]"),
        ("[#{1 2}]", "(#{2 1})"),
        ("#x #{1 2}", "#x #{2 1}"),
        ("{\"#set\" [1]}", "{\"#set\" [1]}"),
        ("\\a", "\\a"),
        ("1/3", "1/3"),
    ] {
        for (as_, options, lines) in THROUGH {
            assert_eq!(through(as_, options, lines, a, b), Valid, "{as_}: {a} is {b}");
            assert_eq!(converted(as_, options, lines, a, b), [Valid; 5], "{as_}: {a} is {b}");
        }
    }
}

/// What is said of the history once it was converted: to each format, and to one after the other and back.
fn converted(as_: &str, options: &str, lines: &[&str], a: &str, b: &str) -> [Verdict; 5] {
    let folder = Folder::new("values");
    let lines: Vec<String> = with(lines, a, b).iter().map(|line| edn(line)).collect();
    let edn = folder.file("history.edn", &lines.join("\n"));
    let to = |from: &Path, name: &str, format| {
        let path = folder.0.join(name);
        let mut reader = Reader::open(from, None).unwrap();
        convert(&mut reader, std::fs::File::create(&path).unwrap(), format).unwrap();
        path
    };
    let jsonl = to(&edn, "h.jsonl", Format::Jsonl);
    let json = to(&edn, "h.json", Format::JepsenJson);
    let binary = to(&edn, "h.ptw", Format::Binary);
    let again = to(&jsonl, "again.ptw", Format::Binary);
    let back = to(&again, "back.edn", Format::JepsenEdn);
    [jsonl, json, binary, again, back].map(|path| check_file(&request(&path, as_, options)).unwrap().verdict())
}

#[test]
fn a_keyword_names_what_a_string_names_where_names_are_structure() {
    let lines = [
        "{\"index\":0,\"process\":0,\"type\":\"invoke\",\"f\":\"txn\",\"value\":[[\"append\",1,1]]}",
        "{\"index\":1,\"process\":0,\"type\":\"ok\",\"f\":\"txn\",\"value\":[[\"append\",1,1]]}",
        "{\"index\":2,\"process\":0,\"type\":\"invoke\",\"f\":\"txn\",\"value\":[[\"r\",1,null]]}",
        "{\"index\":3,\"process\":0,\"type\":\"ok\",\"f\":\"txn\",\"value\":[[\"r\",1,[1]]]}",
    ];
    let folder = Folder::new("names");
    let path = folder.file("history.jsonl", &lines.join("\n"));
    assert_eq!(
        check_file(&request(&path, "list-append", "-")).unwrap().verdict(),
        Valid
    );
    let as_edn = [
        "0 invoke \"write\" 1",
        "0 ok :write 1",
        "0 invoke :read",
        "0 ok \"read\" 1",
    ];
    let as_edn: Vec<String> = as_edn
        .iter()
        .map(|line| edn(line).replace(":f ::", ":f :").replace(":f :\"", ":f \""))
        .collect();
    let path = folder.file("history.edn", &as_edn.join("\n"));
    assert_eq!(
        check_file(&request(&path, "cas-register", "-")).unwrap().verdict(),
        Valid
    );
}

#[test]
fn texts_are_appended_to_and_nothing_else_is() {
    let lines = |put: &str, piece: &str, found: &str| {
        [
            format!("0 invoke put [0 {put}]"),
            format!("0 ok put [0 {put}]"),
            format!("0 invoke append [0 {piece}]"),
            format!("0 ok append [0 {piece}]"),
            "0 invoke get [0 nil]".to_owned(),
            format!("0 ok get [0 {found}]"),
        ]
    };
    for (put, piece, found, expected) in [
        ("\"1\"", "\"2\"", "\"12\"", Valid),
        ("\"1\"", "\"2\"", "\"21\"", Invalid),
        ("\"1\"", "\"2\"", "12", Verdict::Unknown),
        ("1", "\"2\"", "\"12\"", Verdict::Unknown),
        ("\"1\"", "2", "\"12\"", Verdict::Unknown),
    ] {
        let lines = lines(put, piece, found);
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        for options in ["independent=true", "-"] {
            assert_eq!(verdict("kv", options, &lines), expected, "{put} {piece} {found}");
        }
    }
    // Of two keys, without being told so; what is compared and set is a pair as well.
    let lines = [
        "0 invoke put [a \"1\"]",
        "0 ok put [a \"1\"]",
        "0 invoke get [b nil]",
        "0 ok get [b \"1\"]",
    ];
    assert_eq!(verdict("kv", "-", &lines), Invalid);
    let lines = |cas: &str| {
        [
            format!("0 invoke put {}", cas.replace("[\"1\" \"2\"]", "\"1\"")),
            format!("0 ok put {}", cas.replace("[\"1\" \"2\"]", "\"1\"")),
            format!("0 invoke cas {cas}"),
            format!("0 ok cas {cas}"),
            format!("0 invoke get {}", cas.replace("[\"1\" \"2\"]", "nil")),
            format!("0 ok get {}", cas.replace("[\"1\" \"2\"]", "\"2\"")),
        ]
    };
    for cas in ["[\"1\" \"2\"]", "[k [\"1\" \"2\"]]"] {
        let lines = lines(cas);
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert_eq!(verdict("kv", "-", &lines), Valid, "{cas}");
    }
}
