//! Branches, states, options and fields of their own: what is told apart, and what is refused.

use paytwice_checkers::check::{CheckError, check_file};
use paytwice_checkers::verdict::Verdict::{Unknown, Valid};
use paytwice_checkers::workloads::Options;

use crate::support::{Folder, anomalies, checked, refused, request, verdict};

#[test]
fn branches_are_changes_and_what_reads_show_of_them() {
    let quiet = [
        "9 invoke begin [t 2]",
        "0 ok apply [t 0]",
        "1 invoke read",
        "0 ok apply [t 1]",
        "1 ok read [t [0 1]]",
    ];
    let told = refused("branches", "-", &quiet);
    assert!(!told.contains("does not overlap"), "{told}");
    let loud = [
        "9 invoke begin [t 2]",
        "1 invoke read",
        "0 ok apply [t 1]",
        "1 ok read [t []]",
    ];
    let told = refused("branches", "-", &loud);
    assert!(
        told.contains("a read that does not overlap with a change of what it reads"),
        "{told}"
    );
    for lines in [
        &["9 invoke begin [t 65]", "0 ok apply [t 64]"][..],
        &["9 invoke begin [t 65]", "1 invoke read", "1 ok read [t [64]]"],
    ] {
        assert_eq!(
            verdict("branches", "-", lines),
            Unknown,
            "{}",
            refused("branches", "-", lines)
        );
    }
}

#[test]
fn states_beyond_the_table_are_told_by_their_names() {
    let lines = ["0 ok enter [x lost]", "0 ok enter [y found]", "0 ok enter [z lost]"];
    let found = anomalies("state-machine", "transitions=a:b", &lines);
    let sentences: Vec<&str> = found.iter().map(|(_, sentence, _)| &sentence[..]).collect();
    assert_eq!(
        sentences,
        [
            "x was in state lost, which is not in the table",
            "y was in state found, which is not in the table",
            "z was in state lost, which is not in the table",
        ]
    );
    for state in ["[1 2]", "{:a 1}"] {
        let line = format!("0 ok enter [x {state}]");
        let error = refused("state-machine", "transitions=a:b", &[&line]);
        assert!(error.contains("a state: a name or a number"), "{error}");
    }
}

#[test]
fn options_are_taken_as_they_are_spelled() {
    assert_eq!(Options::parse("b=1,a=2").unwrap().to_string(), "a=2,b=1");
    assert_eq!(Options::parse("-").unwrap().to_string(), "-");
    let error = refused("register", "nil-reads=sometimes", &["0 invoke read", "0 ok read 1"]);
    assert!(error.contains("initial or unseen"), "{error}");
    let folder = Folder::new("options");
    let path = folder.file("history.jsonl", "");
    let error = check_file(&request(&path, "promises", "scale=2")).unwrap_err();
    assert!(matches!(error, CheckError::Option(_)), "{error}");
    assert!(error.is_users());
}

/// An operation with fields of its own.
fn with(fields: &str, process: &str, kind: &str, f: &str, value: &str) -> String {
    format!("{{{fields}, :process {process}, :type :{kind}, :f :{f}, :value {value}}}")
}

#[test]
fn operations_have_indices_that_grow_and_may_have_a_key_beside_their_value() {
    let check = |lines: &[String], as_: &str| {
        let folder = Folder::new("fields");
        let path = folder.file("history.edn", &lines.join("\n"));
        check_file(&request(&path, as_, "-"))
    };
    let order = |indices: [&str; 2]| {
        let [first, second] = indices.map(|index| format!(":index {index}"));
        let lines = [
            with(&first, "0", "invoke", "acquire", "nil"),
            with(&second, "0", "ok", "acquire", "nil"),
        ];
        check(&lines, "mutex")
    };
    assert_eq!(order(["3", "4"]).unwrap().verdict(), Valid);
    assert_eq!(order(["nil", "nil"]).unwrap().verdict(), Valid);
    let error = order(["4", "4"]).unwrap_err().to_string();
    assert!(error.contains("indices that grow"), "{error}");
    // The key of what is sent, and an operation of nobody.
    let lines = [
        with(":key :k", "0", "invoke", "send", "1"),
        with(":key :k", "0", "ok", "send", "1"),
        with(":key :k", "nil", "info", "send", "1"),
        with(":key nil", "1", "invoke", "poll", "nil"),
        with(":key nil", "1", "ok", "poll", "[[:k 1]]"),
    ];
    let checked = check(&lines, "key-order").unwrap();
    assert_eq!((checked.verdict(), checked.ops), (Valid, 5), "{checked}");
}

#[test]
fn a_checked_file_is_told_in_words() {
    let lines = ["0 invoke add 2", "0 ok add 2", "0 invoke read", "0 ok read 1"];
    let shown = checked("counter", "-", &lines).unwrap().to_string();
    assert!(shown.starts_with("INVALID counter (decided)\n  "), "{shown}");
    assert!(shown.contains("reads 1"), "{shown}");
    assert!(shown.ends_with("4 operations read as jepsen-edn"), "{shown}");
    let shown = checked("counter", "-", &[]).unwrap().to_string();
    assert!(shown.starts_with("UNKNOWN counter: "), "{shown}");
}
