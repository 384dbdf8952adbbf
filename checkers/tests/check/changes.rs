//! What a read changes in what is known, whose numbers are whose, and what begins with the first operation.

use paytwice_checkers::check::check_file;
use paytwice_checkers::verdict::Verdict::{Invalid, Unknown, Valid};

use crate::support::{Folder, anomalies, checked, request, verdict};

fn counts<const N: usize>(as_: &str, options: &str, lines: &[&str], names: [&str; N]) -> [u64; N] {
    let result = checked(as_, options, lines).unwrap().results.remove(0);
    names.map(|name| result.counts[name])
}

#[test]
fn a_file_that_is_not_there_is_the_users_matter_and_one_that_cannot_be_opened_is_not() {
    let folder = Folder::new("opened");
    for as_ in ["set", "promises"] {
        let missing = check_file(&request(&folder.0.join("none.jsonl"), as_, "-")).unwrap_err();
        assert!(missing.is_users(), "{missing}");
        let error = check_file(&request(&folder.0.join("no\0name"), as_, "-")).unwrap_err();
        assert!(!error.is_users(), "{as_}: {error}");
    }
}

#[test]
fn a_read_of_branches_changes_those_that_it_shows_otherwise_and_no_others() {
    let begin = "9 invoke begin [t 3]";
    for (changes, shown, expected) in [
        (&[][..], "[]", [0, 0]),
        (&[], "[0]", [1, 0]),
        (&[], "[1 2]", [2, 0]),
        (&["0 ok apply [t 0]"], "[0]", [1, 0]),
        (&["0 ok apply [t 0]"], "[]", [1, 1]),
        (&["0 ok apply [t 1]"], "[0]", [2, 1]),
        (&["0 ok apply [t 1]"], "[0 1 2]", [3, 0]),
        (&["0 ok apply [t 1]", "0 ok revert [t 1]"], "[]", [1, 1]),
        (&["0 ok apply [t 0]", "0 ok apply [t 2]"], "[2]", [2, 1]),
        // Of a branch that cannot be judged nothing is known, and of no other because of it.
        (&["0 ok apply [t 64]"], "[]", [0, 0]),
        (&[], "[64]", [0, 0]),
    ] {
        let read = format!("1 ok read [t {shown}]");
        let lines = [&[begin][..], changes, &["1 invoke read", &read]].concat();
        assert_eq!(
            counts("branches", "-", &lines, ["applied", "reverted"]),
            expected,
            "{lines:#?}"
        );
    }
}

#[test]
fn what_began_with_the_history_overlaps_with_no_change() {
    let lines = ["1 invoke read", "1 ok read [t [0]]", "9 ok begin [t 1]"];
    assert_eq!(counts("branches", "-", &lines, ["applied", "reverted"]), [1, 0]);
    let lines = ["1 invoke read", "1 ok read [[file a]]", "9 ok settle"];
    assert_eq!(verdict("leftovers", "-", &lines), Invalid);
}

#[test]
fn many_states_beyond_the_table_are_told_apart() {
    let strays = ["lost", "found", "gone", "sold", "burnt"];
    let lines = strays.map(|state| format!("0 ok enter [{state}-id {state}]"));
    let found = anomalies(
        "state-machine",
        "transitions=a:b",
        &lines.each_ref().map(String::as_str),
    );
    let sentences: Vec<&str> = found.iter().map(|(_, sentence, _)| &sentence[..]).collect();
    let expected = strays.map(|state| format!("{state}-id was in state {state}, which is not in the table"));
    assert_eq!(sentences, expected);
}

#[test]
fn a_sampled_id_is_first_seen_where_it_can_have_come_from_an_initial_state() {
    let table = "transitions=a:b+c:d,initial=a,sampled=true";
    for (state, expected) in [("a", Valid), ("b", Valid), ("c", Invalid), ("d", Invalid)] {
        let line = format!("0 ok enter [x {state}]");
        let end = match state {
            "a" => "0 ok enter [x b]",
            "c" => "0 ok enter [x d]",
            _ => "0 ok settle",
        };
        let lines = [&line[..], end, "0 ok settle"];
        assert_eq!(verdict("state-machine", table, &lines), expected, "{state}");
    }
}

#[test]
fn an_account_without_a_balance_is_told() {
    let lines = ["0 invoke read", "0 ok read {:a 10, :b nil}"];
    let found = anomalies("bank", "-", &lines);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "nil-balance");
}

#[test]
fn an_operation_on_a_log_says_with_what_unless_it_ended_as_nobody_knows() {
    for (lines, expected) in [
        (&["0 invoke send nil"][..], true),
        (&["0 invoke poll [[:poll]]", "0 ok poll nil"], true),
        (&["0 invoke poll [[:poll]]", "0 info poll nil"], false),
        (&["0 invoke poll [[:poll]]", "0 info poll 7"], true),
    ] {
        assert_eq!(checked("log", "-", lines).is_err(), expected, "{lines:?}");
    }
}

#[test]
fn postings_of_two_clients_and_both_halves_of_a_transfer_end_on_their_own() {
    let read = |account: &str, balance: i64| {
        [
            format!("2 invoke read [{account} nil]"),
            format!("2 ok read [{account} {balance}]"),
        ]
    };
    let judged = |begin: &[&str], reads: &[[String; 2]]| {
        let reads = reads.iter().flatten().map(String::as_str);
        let lines: Vec<&str> = begin.iter().copied().chain(reads).collect();
        verdict("postings", "-", &lines)
    };
    let transfer = "{:from a, :to b, :amount 5}";
    let (asked, done) = (
        &*format!("0 invoke transfer {transfer}"),
        &*format!("0 ok transfer {transfer}"),
    );
    // The second client's credit is still open.
    let open = [asked, "1 invoke credit [b 100]", done];
    for (balance, expected) in [(5, Valid), (105, Valid), (0, Invalid), (106, Invalid)] {
        assert_eq!(judged(&open, &[read("b", balance)]), expected, "{balance}");
    }
    let closed = [asked, "1 invoke credit [b 100]", "1 ok credit [b 100]"];
    for (balance, expected) in [(100, Valid), (105, Valid), (0, Invalid), (5, Invalid)] {
        assert_eq!(judged(&closed, &[read("b", balance)]), expected, "{balance}");
    }
    for (account, balance, expected) in [("a", -5, Valid), ("a", 0, Invalid), ("b", 5, Valid), ("b", 0, Invalid)] {
        let verdict = judged(&[asked, done], &[read(account, balance)]);
        assert_eq!(verdict, expected, "{account} {balance}");
    }
}

#[test]
fn a_read_that_began_before_an_element_was_known_need_not_show_it() {
    let late = ["0 invoke add a", "1 invoke read", "0 ok add a", "1 ok read #{}"];
    assert_eq!(verdict("set-full", "-", &late), Unknown);
    let lost = ["0 invoke add a", "0 ok add a", "1 invoke read", "1 ok read #{}"];
    assert_eq!(verdict("set-full", "-", &lost), Invalid);
}

#[test]
fn keys_that_look_like_numbers_are_told_as_what_they_are() {
    for (key, told) in [("\"1\"", "\"1\" = 6"), ("1", "T1 read 1 = 6"), ("\"a\"", "read a = 6")] {
        let txn = format!("[[:w {key} 5] [:r {key} 6]]");
        let lines = [format!("0 invoke txn {txn}"), format!("0 ok txn {txn}")];
        let found = anomalies("rw-register", "-", &lines.each_ref().map(String::as_str));
        assert!(
            found.iter().any(|(_, sentence, _)| sentence.contains(told)),
            "{found:?}"
        );
    }
}

#[test]
fn what_no_enqueue_succeeded_with_is_not_dequeued() {
    let lines = [
        "0 invoke enqueue 1",
        "0 fail enqueue 1",
        "1 invoke dequeue",
        "1 ok dequeue 1",
    ];
    assert_eq!(verdict("total-queue", "exactly-once=true", &lines), Invalid);
    assert_eq!(verdict("total-queue", "-", &lines), Valid);
}

#[test]
fn a_consumer_lags_behind_what_it_was_assigned_and_not_behind_what_it_subscribed_to() {
    for (f, lags) in [("assign", true), ("subscribe", false)] {
        let (asked, done) = (format!("1 invoke {f} [k]"), format!("1 ok {f} [k]"));
        let lines = [
            "@0 0 invoke send [[:send k 1]]",
            "@10 0 ok send [[:send k [0 1]]]",
            &*format!("@20 {asked}"),
            &*format!("@30 {done}"),
            "@900 1 invoke poll [[:poll]]",
            "@910 1 ok poll [[:poll {}]]",
        ];
        let [lag] = counts("log", "-", &lines, ["worst-realtime-lag-us"]);
        assert_eq!(lag > 0, lags, "{f} {lag}");
    }
}

#[test]
fn keys_and_values_that_are_written_alike_are_told_apart() {
    for (one, other) in [
        ("\"[1 2]\"", "[1 2]"),
        ("\"1.5\"", "1.5"),
        ("\"1\"", "1"),
        ("\"\\\"1\\\"\"", "\"1\""),
        ("\"true\"", "true"),
        ("\"{:a 1}\"", "{:a 1}"),
    ] {
        let begun = |n: u8, key: &str, value: &str| format!("{n} invoke txn [[:append {key} {value}]]");
        let done = |n: u8, key: &str, value: &str| format!("{n} ok txn [[:append {key} {value}]]");
        let read = [
            "2 invoke txn [[:r x nil]]".to_owned(),
            format!("2 ok txn [[:r {one} [1]] [:r {other} [2]]]"),
        ];
        let keys = [
            begun(0, one, "1"),
            done(0, one, "1"),
            begun(1, other, "2"),
            done(1, other, "2"),
        ];
        let lines: Vec<&str> = keys.iter().chain(&read).map(String::as_str).collect();
        assert_eq!(verdict("list-append", "-", &lines), Valid, "{one} and {other} as keys");

        let read = format!("2 ok txn [[:r x [{one} {other}]]]");
        let values = [
            begun(0, "x", one),
            done(0, "x", one),
            begun(1, "x", other),
            done(1, "x", other),
        ];
        let lines: Vec<&str> = values
            .iter()
            .map(String::as_str)
            .chain(["2 invoke txn [[:r x nil]]", &read])
            .collect();
        assert_eq!(
            verdict("list-append", "-", &lines),
            Valid,
            "{one} and {other} as values"
        );
    }
}
