//! Workloads of messages, ledgers and processes: what they decide, in which words, and by which operations.

use paytwice_checkers::verdict::Verdict::{self, Invalid, Unknown, Valid};

use crate::support::{anomalies, checked, verdict};

/// A workload, its options, lines, and the verdict.
type Decided = (&'static str, &'static str, &'static [&'static str], Verdict);

const SENT: [&str; 2] = ["0 invoke send m", "0 ok send m"];

#[test]
fn each_tells_what_is_right_from_what_is_not_known() {
    let decided: [Decided; 18] = [
        ("key-order", "-", &["0 invoke send [k 1]", "0 ok send [k 1]"], Unknown),
        (
            // Concurrent sends, and one of unknown outcome, may come in any order.
            "key-order",
            "-",
            &[
                "0 invoke send [k 1]",
                "1 invoke send [k 2]",
                "0 info send nil",
                "1 ok send [k 2]",
                "2 invoke poll nil",
                "2 ok poll [[k 2] [k 1]]",
            ],
            Valid,
        ),
        (
            "exactly-once-effects",
            "-",
            &[SENT[0], SENT[1], "1 invoke read nil", "1 ok read [m]"],
            Valid,
        ),
        (
            // What is acknowledged while the read goes on may have come too late for it.
            "exactly-once-effects",
            "-",
            &[SENT[0], "1 invoke read nil", SENT[1], "1 ok read []"],
            Unknown,
        ),
        (
            "exactly-once-effects",
            "-",
            &[
                "0 invoke send m",
                "0 info send nil",
                "1 invoke read nil",
                "1 ok read []",
            ],
            Unknown,
        ),
        (
            "exactly-once-effects",
            "-",
            &[SENT[0], SENT[1], "1 ok deliver m", "1 ok apply m", "1 ok settle"],
            Valid,
        ),
        (
            "idempotent-requests",
            "-",
            &[
                "0 invoke request [r {:n 1}]",
                "0 info request nil",
                "1 invoke request [r {:n 1}]",
                "1 ok request nil",
                "2 invoke read nil",
                "2 ok read [[r {:n 1}]]",
            ],
            Valid,
        ),
        (
            "idempotent-requests",
            "-",
            &[
                "0 invoke request [r 1]",
                "2 invoke read nil",
                "0 ok request [r 1]",
                "2 ok read []",
            ],
            Unknown,
        ),
        (
            "postings",
            "initial=10",
            &[
                "0 invoke transfer {:from a, :to b, :amount 3}",
                "1 invoke read [a nil]",
                "1 ok read [a 7]",
                "2 invoke read [b nil]",
                "2 ok read [b 13]",
            ],
            Valid,
        ),
        (
            "postings",
            "-",
            &["0 invoke credit [a 5]", "0 ok credit [a 5]"],
            Unknown,
        ),
        (
            "postings",
            "eventual=true",
            &[
                "0 invoke debit [a 5]",
                "0 ok debit [a 5]",
                "0 invoke read [a nil]",
                "0 ok read [a 0]",
                "0 invoke read [a nil]",
                "0 ok read [a -5]",
            ],
            Valid,
        ),
        (
            "state-machine",
            "transitions=made:paid:sent+made:dropped",
            &[
                "0 ok enter [o made]",
                "0 ok enter [o \"paid\"]",
                "0 ok enter [o :sent]",
                "0 ok settle",
            ],
            Valid,
        ),
        (
            "state-machine",
            "transitions=made:paid:sent,sampled=true",
            &[
                "0 invoke read nil",
                "0 ok read {o made, p nil}",
                "0 invoke read nil",
                "0 ok read {o sent, p sent}",
                "0 ok settle",
            ],
            Valid,
        ),
        (
            "state-machine",
            "transitions=made:paid",
            &["0 ok enter [o made]"],
            Unknown,
        ),
        (
            "branches",
            "-",
            &[
                "0 invoke begin [t 2]",
                "0 ok begin [t 2]",
                "0 invoke commit t",
                "0 ok commit t",
                "1 ok apply [t 0]",
                "2 invoke read nil",
                "2 ok read {t [0 1]}",
                "2 ok settle",
            ],
            Valid,
        ),
        (
            "branches",
            "-",
            &["0 invoke begin [t 2]", "1 ok apply [t 0]", "1 ok apply [t 1]"],
            Unknown,
        ),
        (
            "leftovers",
            "-",
            &[
                "0 ok appear [lock 1]",
                "0 invoke read nil",
                "0 ok read []",
                "0 ok settle",
            ],
            Valid,
        ),
        (
            "leftovers",
            "-",
            &["0 ok appear [lock 1]", "0 ok vanish [lock 1]"],
            Unknown,
        ),
    ];
    for (as_, options, lines, expected) in decided {
        assert_eq!(verdict(as_, options, lines), expected, "{as_} {options} {lines:?}");
    }
}

#[test]
fn a_message_that_overtakes_another_is_out_of_order() {
    let lines = [
        "0 invoke send [k 1]",
        "0 ok send [k 1]",
        "0 invoke send [k 2]",
        "0 ok send [k 2]",
        "1 invoke receive nil",
        "1 ok receive [k 2]",
        "1 invoke receive nil",
        "1 ok receive [k 1]",
    ];
    let sentence = "message k 1 of key k was sent before k 2 was, and delivered after it";
    let found = anomalies("key-order", "-", &lines);
    assert_eq!(found, [("out-of-order".into(), sentence.into(), vec![0, 1, 2, 5, 7])]);
}

#[test]
fn effects_are_counted_in_the_last_read() {
    let lines = [
        "0 invoke send a",
        "0 ok send a",
        "0 invoke send b",
        "0 ok send b",
        "0 invoke send c",
        "0 fail send c",
        "1 invoke read nil",
        "1 ok read [a a b c]", // the one below takes its place
        "1 invoke read nil",
        "1 ok read [b b c d]",
    ];
    let found = anomalies("exactly-once-effects", "-", &lines);
    let expected = [
        (
            "lost",
            "message a was acknowledged and never took effect; it was delivered never",
            vec![0, 1],
        ),
        (
            "duplicated",
            "message b took effect twice; it was delivered never",
            vec![2, 3, 9],
        ),
        ("aborted", "message c took effect, and every attempt failed", vec![4, 9]),
        (
            "unexpected",
            "message d took effect once and was never asked for",
            vec![9],
        ),
    ];
    assert_eq!(
        found,
        expected.map(|(kind, how, witness)| (kind.into(), how.into(), witness))
    );
    let applied = [
        &SENT[..],
        &["1 ok deliver m", "1 ok apply m", "1 ok apply m", "1 ok settle"],
    ]
    .concat();
    let found = anomalies("exactly-once-effects", "-", &applied);
    let sentence = "message m took effect twice; it was delivered once";
    assert_eq!(found, [("duplicated".into(), sentence.into(), vec![0, 1, 4])]);
}

#[test]
fn two_payloads_of_one_request_are_a_divergence() {
    let lines = [
        "0 invoke request [r 1]",
        "0 ok request [r 1]",
        "0 invoke request [r 2]",
        "0 ok request [r 2]",
        "0 invoke request [q 7]",
        "0 ok request [q 7]",
        "1 invoke read nil",
        "1 ok read [[r 1]]",
    ];
    let found = anomalies("idempotent-requests", "-", &lines);
    let expected = [
        (
            "divergence",
            "request r was accepted with 2 payloads",
            vec![0, 1, 2, 3, 7],
        ),
        ("lost", "request q was accepted and is not recorded", vec![4, 5]),
    ];
    assert_eq!(
        found,
        expected.map(|(kind, how, witness)| (kind.into(), how.into(), witness))
    );
}

#[test]
fn a_balance_that_no_postings_explain_is_a_divergence() {
    let lines = [
        "0 invoke transfer {:from a, :to b, :amount 3}",
        "0 ok transfer {:from a, :to b, :amount 3}",
        "0 invoke read [b nil]",
        "0 ok read [b 16]",
        "0 invoke read [a nil]",
        "0 ok read [a 7]",
    ];
    let sentence = "account b was read as 16 where its postings make 13; it was not read right after that";
    let found = anomalies("postings", "initial=10", &lines);
    assert_eq!(found, [("divergence".into(), sentence.into(), vec![2, 3])]);
}

#[test]
fn a_transition_has_to_be_in_the_table() {
    let lines = [
        "0 ok enter [o paid]",
        "0 ok enter [o made]",
        "0 ok enter [p made]",
        "0 ok enter [p sent]",
        "0 ok enter [q made]",
        "0 ok enter [q 12]",
        "0 ok settle",
    ];
    let found = anomalies("state-machine", "transitions=made:paid:sent", &lines);
    let expected = [
        ("illegal-start", "o began as paid", vec![0]),
        ("illegal-transition", "o went from paid to made", vec![0, 1]),
        ("illegal-transition", "p went from made to sent", vec![2, 3]),
        ("stuck", "o is made at the end", vec![1]),
        (
            "unknown-state",
            "q was in state 12, which is not in the table",
            vec![4, 5],
        ),
    ];
    let expected = expected.map(|(kind, how, witness)| (kind.to_owned(), how.to_owned(), witness));
    assert!(expected.iter().all(|anomaly| found.contains(anomaly)), "{found:?}");
    assert_eq!(found.len(), expected.len(), "{found:?}");
    let named = "transitions=made:paid:made,initial=paid+made,terminal=paid";
    assert_eq!(
        verdict("state-machine", named, &["0 ok enter [o paid]", "0 ok settle"]),
        Valid
    );
    assert_eq!(
        verdict("state-machine", named, &["0 ok enter [o made]", "0 ok settle"]),
        Invalid
    );
}

#[test]
fn attempts_are_judged_by_their_times() {
    const OPTIONS: &str = "delays-ms=0+15000+60000,early-ms=100,late-ms=1000,silence-ms=50";
    let on_time = [
        "@5 0 ok due n",
        "@5 0 invoke attempt n",
        "@6 0 fail attempt n",
        "@15100 0 invoke attempt n",
        "@15101 0 ok attempt n",
        "@90000 0 ok settle",
    ];
    assert_eq!(verdict("schedule", OPTIONS, &on_time), Valid);
    assert_eq!(verdict("schedule", OPTIONS, &on_time[..5]), Unknown);
    // From the attempt before, it is the same up to the second attempt.
    assert_eq!(
        verdict("schedule", &format!("{OPTIONS},since=previous"), &on_time),
        Valid
    );
    let unknown = [&on_time[..4], &["@15101 0 info attempt n", "@90000 1 ok settle"]].concat();
    assert_eq!(verdict("schedule", OPTIONS, &unknown), Unknown);
    let refused = [&on_time[..4], &["@15101 0 fail attempt n", "@90000 0 ok settle"]].concat();
    let found = anomalies("schedule", OPTIONS, &refused);
    let sentence = "attempt 3 of n was 29995 ms overdue when the history ended";
    assert_eq!(found, [("missing".into(), sentence.into(), vec![3, 5])]);
    let late = [
        &on_time[..3],
        &[
            "@16500 0 invoke attempt n",
            "@16500 0 ok attempt n",
            "@17000 0 invoke attempt n",
        ],
    ];
    let found = anomalies("schedule", OPTIONS, &late.concat());
    let expected = [
        ("late", "attempt 2 of n came 1495 ms too late", vec![1, 3]),
        (
            "after-ack",
            "attempt 3 of n came 500 ms after the acknowledgement",
            vec![4, 5],
        ),
    ];
    assert_eq!(
        found,
        expected.map(|(kind, how, witness)| (kind.into(), how.into(), witness))
    );
}

#[test]
fn half_a_transaction_is_partial() {
    let lines = [
        "0 invoke begin [t 3]",
        "0 ok begin [t 3]",
        "0 invoke commit t",
        "0 ok commit t",
        "1 ok apply [t 0]",
        "1 ok apply [t 2]",
        "1 ok revert [t 2]",
        "2 invoke read nil",
        "2 ok read [t [0 1]]",
        "2 ok settle",
    ];
    let sentence = "transaction t has 2 of 3 branches in effect";
    let found = anomalies("branches", "-", &lines);
    assert_eq!(found, [("partial".into(), sentence.into(), vec![0, 3, 8])]);
    let found = anomalies(
        "branches",
        "-",
        &[&lines[..7], &["2 ok rollback t", "2 ok settle"]].concat(),
    );
    let told: Vec<&str> = found.iter().map(|(_, sentence, _)| sentence.as_str()).collect();
    assert_eq!(
        told,
        [
            "transaction t was reported committed and rolled back",
            "transaction t has 1 of 3 branches in effect"
        ]
    );
}

#[test]
fn what_is_there_at_rest_is_left_over() {
    let lines = [
        "0 ok appear [lock 1]",
        "0 ok appear [lock 2]",
        "0 ok vanish [lock 1]",
        "0 invoke read nil",
        "0 ok read [[frozen 7]]",
        "0 ok settle",
    ];
    let found = anomalies("leftovers", "-", &lines);
    let sentence = "frozen 7 (frozen) was still there when the system had come to rest";
    assert_eq!(found, [("leftover".into(), sentence.into(), vec![4, 5])]);
}

#[test]
fn recovery_counts_from_the_end_of_healing() {
    const OPTIONS: &str = "window-ms=5000,recovery-ms=1000,heals=start+mend";
    let lines = [
        "@0 0 ok enter p",
        "@100 :nemesis info mend nil",
        "@600 :nemesis info mend :done",
        "@1600 0 ok leave p",
        "@1700 0 ok settle",
    ];
    assert_eq!(verdict("soft-state", OPTIONS, &lines), Valid);
    let slow = [&lines[..3], &["@1601 0 ok leave p", lines[4]]].concat();
    let found = anomalies("soft-state", OPTIONS, &slow);
    assert_eq!(
        found,
        [(
            "recovery-exceeded".into(),
            "recovery from mend took 1001 ms".into(),
            vec![2, 3]
        )]
    );
    let found = anomalies("soft-state", "window-ms=1000", &[lines[0], lines[3], lines[4]]);
    assert_eq!(
        found,
        [(
            "window-exceeded".into(),
            "p was half done for 1600 ms".into(),
            vec![0, 1]
        )]
    );
    // Only begun to heal: nothing to recover from.
    assert_eq!(
        verdict("soft-state", OPTIONS, &[lines[0], lines[1], lines[3], lines[4]]),
        Unknown
    );
}

#[test]
fn nothing_is_guessed() {
    for (as_, options, lines, expected) in [
        (
            "key-order",
            "-",
            &["0 invoke send m"][..],
            "operation 0: expected a message [k v], found m",
        ),
        (
            "key-order",
            "-",
            &["0 ok poll [m]"],
            "operation 0: expected a message [k v], found m",
        ),
        (
            "exactly-once-effects",
            "-",
            &["0 ok apply m", "0 ok read [m]"],
            "operation 1: expected effects told by read or by apply, found both",
        ),
        (
            "exactly-once-effects",
            "-",
            &["0 info apply m"],
            "operation 0: expected an observed apply, ok or fail, found one of unknown outcome (info)",
        ),
        (
            "idempotent-requests",
            "-",
            &["0 ok read {r 1}"],
            "operation 0: expected a list of records [id payload], found {r 1}",
        ),
        (
            "postings",
            "-",
            &["0 invoke read [a nil]", "0 ok read [b 1]"],
            "operation 1: expected a balance of account a, which was asked for, found [b 1]",
        ),
        (
            "postings",
            "-",
            &["0 invoke transfer [a b 1]"],
            "operation 0: expected a transfer {:from a, :to b, :amount n}, found [a b 1]",
        ),
        (
            "state-machine",
            "transitions=a:b",
            &[
                "0 invoke read nil",
                "1 invoke read nil",
                "0 ok read [o b]",
                "1 ok read [o a]",
            ],
            "operation 3: expected a read that does not overlap with a change of what it reads, found a read that began \
             before operation 2 and says something else",
        ),
        (
            "schedule",
            "delays-ms=0",
            &["0 invoke attempt n"],
            "operation 0: expected a time, in nanoseconds since the run began, found none",
        ),
        (
            "branches",
            "-",
            &["0 invoke begin [t many]"],
            "operation 0: expected a number of branches, found many",
        ),
        (
            "branches",
            "-",
            &["1 invoke read nil", "0 ok apply [t 0]", "1 ok read [t []]"],
            "operation 2: expected a read that does not overlap with a change of what it reads, found a read that began \
             before operation 1 and says something else",
        ),
        (
            "leftovers",
            "-",
            &["1 invoke read nil", "0 ok appear [lock 0]", "1 ok read []"],
            "operation 2: expected a read that does not overlap with a change of what it reads, found a read that began \
             before operation 1 and says something else",
        ),
        (
            "soft-state",
            "-",
            &["0 ok enter p"],
            "operation 0: expected a time, in nanoseconds since the run began, found none",
        ),
    ] {
        let error = checked(as_, options, lines).unwrap_err().to_string();
        assert!(error.ends_with(expected), "{error}");
    }
}

#[test]
fn a_table_is_asked_for_and_understood() {
    for (as_, options, expected) in [
        (
            "state-machine",
            "-",
            "option transitions is missing: expected transitions=a:b:c+a:d, the paths that are allowed",
        ),
        (
            "state-machine",
            "transitions=a::b",
            "option transitions=a::b: expected a:b:c+a:d, the paths that are allowed",
        ),
        (
            "state-machine",
            "transitions=a:b:a",
            "option initial is missing: expected initial=a+b, states of the table, in which every state has one before \
             and one after it",
        ),
        (
            "state-machine",
            "transitions=a:b,terminal=c",
            "option terminal=c: expected states that transitions name: a, b",
        ),
        (
            "schedule",
            "-",
            "option delays-ms is missing: expected delays-ms=0+15000+60000, when each attempt is due",
        ),
        (
            "schedule",
            "delays-ms=0+15s",
            "option delays-ms=0+15s: expected milliseconds, as a whole number",
        ),
        (
            "schedule",
            "delays-ms=0,since=now",
            "option since=now: expected begin or previous",
        ),
        ("postings", "initial=1.5", "option initial=1.5: expected a whole number"),
        (
            "soft-state",
            "window-ms=-1",
            "option window-ms=-1: expected milliseconds, as a whole number",
        ),
    ] {
        assert_eq!(checked(as_, options, &[]).unwrap_err().to_string(), expected);
    }
}
