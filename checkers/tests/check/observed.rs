//! What nobody saw, or saw the end of, decides nothing: no false alarm, and no verdict that was not earned.

use paytwice_checkers::check::{CheckError, check_corpus};
use paytwice_checkers::verdict::Verdict::{self, Invalid, Unknown, Valid};

use crate::support::{Folder, anomalies, checked, verdict};

const WRITTEN: [&str; 2] = ["0 invoke write 1", "0 ok write 1"];
const ENQUEUED: [&str; 2] = ["0 invoke enqueue 1", "0 ok enqueue 1"];

fn judged(as_: &str, options: &str, begin: &[&str], end: &[&str]) -> Verdict {
    verdict(as_, options, &[begin, end].concat())
}

#[test]
fn an_attempt_that_does_not_end_may_have_been_acknowledged() {
    let begin = ["@0 0 invoke attempt a"];
    let settle = "@9000 1 ok settle";
    let with = |end: &[&str]| judged("schedule", "delays-ms=0+1000", &begin, end);
    assert_eq!(with(&[settle]), Unknown);
    assert_eq!(with(&["@10 0 fail attempt a", settle]), Invalid);
    assert_eq!(with(&["@10 0 ok attempt a", settle]), Valid);
}

#[test]
fn what_may_have_been_taken_is_not_lost() {
    let more = ["0 invoke enqueue 2", "0 ok enqueue 2"];
    let both = [ENQUEUED, more].concat();
    let take = |begin: &[&str], end: &[&str]| judged("total-queue", "info-dequeues-take=true", begin, end);
    assert_eq!(take(&ENQUEUED, &["1 invoke dequeue"]), Unknown);
    assert_eq!(take(&both, &["1 invoke dequeue"]), Invalid);
    assert_eq!(take(&both, &["1 invoke drain"]), Unknown);
    assert_eq!(take(&both, &["1 invoke drain", "1 info drain"]), Unknown);
    assert_eq!(take(&both, &["1 invoke drain", "1 ok drain [2]"]), Invalid);
    // An end whose beginning is not on record is an end all the same.
    assert_eq!(take(&both, &["1 ok dequeue 1", "2 ok dequeue 2"]), Valid);
}

#[test]
fn a_dequeue_that_found_nothing_took_nothing() {
    let lines = [
        "1 invoke dequeue",
        "1 ok dequeue 1",
        "1 invoke dequeue",
        "1 ok dequeue nil",
    ];
    assert_eq!(judged("total-queue", "-", &ENQUEUED, &lines), Valid);
}

#[test]
fn deliveries_that_overlap_have_no_order() {
    let sent = [
        "0 invoke send [k 1]",
        "0 ok send [k 1]",
        "0 invoke send [k 2]",
        "0 ok send [k 2]",
    ];
    let overlapping = [
        "1 invoke receive",
        "2 invoke receive",
        "2 ok receive [k 2]",
        "1 ok receive [k 1]",
    ];
    let after = [
        "2 invoke receive",
        "2 ok receive [k 2]",
        "1 invoke receive",
        "1 ok receive [k 1]",
    ];
    assert_eq!(judged("key-order", "-", &sent, &overlapping), Unknown);
    assert_eq!(judged("key-order", "-", &sent, &after), Invalid);
    assert_eq!(
        judged("key-order", "-", &sent, &["1 invoke poll", "1 ok poll [[k 2] [k 1]]"]),
        Invalid
    );
    assert_eq!(
        judged("key-order", "-", &sent, &["1 ok receive [k 2]", "2 ok receive [k 1]"]),
        Invalid
    );
    let other = checked("key-order", "-", &[&sent[..], &overlapping].concat()).unwrap();
    assert_eq!(other.results[0].counts["unordered"], 1);
}

#[test]
fn a_send_that_does_not_end_may_have_taken_effect() {
    let again = [
        "0 invoke send [[:send k 1]]",
        "1 invoke send [[:send k 1]]",
        "1 fail send [[:send k 1]]",
        "2 invoke poll [[:poll]]",
        "2 ok poll [[:poll {k [[0 1]]}]]",
    ];
    assert_eq!(verdict("log", "-", &again), Valid);
    assert_eq!(anomalies("log", "-", &again[1..])[0].0, "G1a");
}

#[test]
fn writes_that_nobody_read_are_unknown() {
    for (as_, options, begin, end) in [
        ("cas-register", "-", &WRITTEN[..], &["0 invoke read", "0 ok read 1"][..]),
        ("cas-register", "-", &WRITTEN, &["0 invoke cas [1 2]", "0 ok cas [1 2]"]),
        (
            "cas-register",
            "failed-cas=refused",
            &WRITTEN,
            &["0 invoke cas [3 2]", "0 fail cas [3 2]"],
        ),
        (
            "cas-register",
            "nil-reads=initial,initial=1",
            &WRITTEN,
            &["0 invoke read", "0 ok read nil"],
        ),
        (
            "kv",
            "-",
            &["0 invoke append \"a\"", "0 ok append \"a\""],
            &["0 invoke get", "0 ok get \"a\""],
        ),
        (
            "multi-register",
            "-",
            &["0 invoke txn [[:write x 1]]", "0 ok txn [[:write x 1]]"],
            &["0 invoke txn [[:read x nil]]", "0 ok txn [[:read x 1]]"],
        ),
        ("fifo-queue", "-", &ENQUEUED, &["0 invoke dequeue", "0 ok dequeue 1"]),
        ("fifo-queue", "-", &[], &["0 invoke dequeue", "0 ok dequeue nil"]),
        (
            "list-append",
            "-",
            &["0 invoke txn [[:append x 1]]", "0 ok txn [[:append x 1]]"],
            &["0 invoke txn [[:r x nil]]", "0 ok txn [[:r x [1]]]"],
        ),
        (
            "rw-register",
            "-",
            &["0 invoke txn [[:w x 1]]", "0 ok txn [[:w x 1]]"],
            &["0 invoke txn [[:r x nil]]", "0 ok txn [[:r x 1]]"],
        ),
    ] {
        assert_eq!(verdict(as_, options, begin), Unknown, "{as_} {begin:?}");
        let reason = checked(as_, options, begin).unwrap().results.remove(0).reason;
        assert!(reason.is_some_and(|why| !why.is_empty()), "{as_}");
        assert_eq!(judged(as_, options, begin, end), Valid, "{as_} {end:?}");
    }
    for (as_, unseen) in [
        ("cas-register", ["0 invoke read", "0 ok read nil"]),
        ("cas-register", ["0 invoke cas [5 2]", "0 fail cas [5 2]"]),
    ] {
        assert_eq!(judged(as_, "-", &WRITTEN, &unseen), Unknown, "{unseen:?}");
    }
}

#[test]
fn a_read_of_nil_is_what_the_option_says() {
    let written = ["0 invoke txn [[:write x 1]]", "0 ok txn [[:write x 1]]"];
    let read = [
        "0 invoke txn [[:read x nil] [:read y nil]]",
        "0 ok txn [[:read x nil] [:read y 0]]",
    ];
    let with = |options, begin: &[&str]| judged("multi-register", options, begin, &read);
    assert_eq!(with("-", &written), Valid);
    assert_eq!(with("nil-reads=unseen", &written), Valid);
    assert_eq!(with("nil-reads=initial,initial=0", &written), Invalid);
    assert_eq!(with("nil-reads=initial,initial=0", &[]), Valid);
    assert_eq!(with("nil-reads=initial", &[]), Invalid);
    let nothing = ["0 invoke txn [[:read x nil]]", "0 ok txn [[:read x nil]]"];
    assert_eq!(verdict("multi-register", "nil-reads=initial", &nothing), Valid);
    assert_eq!(
        judged("multi-register", "nil-reads=initial", &written, &nothing),
        Invalid
    );
}

#[test]
fn the_last_index_that_fits_is_the_last_that_is_taken() {
    let folder = Folder::new("index");
    let check = |last: u64| {
        let op = |index, kind| format!("{{:index {index}, :process 0, :type :{kind}, :f :read, :value 1}}");
        let lines = [op(last - 1, "invoke"), op(last, "ok")].join("\n");
        let path = folder.file("history.edn", &lines);
        paytwice_checkers::check::check_file(&crate::support::request(&path, "cas-register", "initial=1"))
    };
    assert_eq!(check((1 << 32) - 3).unwrap().verdict(), Valid);
    let error = check((1 << 32) - 2).unwrap_err();
    assert!(matches!(error, CheckError::Misfit { .. }), "{error}");
    assert!(
        error.to_string().contains("expected an index below 2^32 - 2"),
        "{error}"
    );
}

#[test]
fn a_corpus_without_a_history_is_an_error() {
    let folder = Folder::new("empty-corpus");
    for table in ["", "path\tformat\tas\toptions\tverdict\tsource\n", "# later\n\n"] {
        folder.file("VERDICTS.tsv", table);
        let error = check_corpus(&folder.0, |_| {}).unwrap_err().to_string();
        assert!(error.contains("VERDICTS.tsv: names no history"), "{error}");
    }
}
