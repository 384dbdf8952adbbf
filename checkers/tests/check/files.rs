//! One history in every format, and folders of histories with known verdicts.

use paytwice_checkers::check::{check_corpus, check_file};
use paytwice_checkers::formats::{Format, Reader, convert};

use crate::support::{Folder, edn, request};

#[test]
fn the_binary_form_is_judged_like_what_it_was_made_from() {
    let folder = Folder::new("binary");
    let lines = [
        "0 invoke txn [[:append x 1]]",
        "0 ok txn [[:append x 1]]",
        "0 invoke txn [[:r x nil]]",
        "0 ok txn [[:r x nil]]",
    ];
    let text: Vec<String> = lines.iter().map(|line| edn(line)).collect();
    let path = folder.file("history.edn", &text.join("\n"));
    let plain = check_file(&request(&path, "list-append", "-")).unwrap();
    for (name, format) in [
        ("h.ptw", Format::Binary),
        ("h.jsonl", Format::Jsonl),
        ("h.json", Format::JepsenJson),
        ("h.edn", Format::JepsenEdn),
    ] {
        let out = folder.0.join(name);
        let mut reader = Reader::open(&path, None).unwrap();
        convert(&mut reader, std::fs::File::create(&out).unwrap(), format).unwrap();
        let converted = check_file(&request(&out, "list-append", "-")).unwrap();
        assert_eq!((converted.format, &converted.results), (format, &plain.results));
    }
}

#[test]
fn a_corpus_says_what_agrees_and_what_does_not() {
    let folder = Folder::new("corpus");
    folder.file(
        "good.edn",
        &[edn("0 invoke generate"), edn("0 ok generate 1")].join("\n"),
    );
    folder.file("bad.edn", "{:type :ok :f [}");
    let table = "path\tformat\tas\toptions\tverdict\tsource\n\
                 good.edn\tjepsen-edn\tunique-ids\t-\tvalid\tus\n\
                 good.edn\tjepsen-edn\tunique-ids\t-\tinvalid\tthem\n\
                 bad.edn\tjepsen-edn\tset\t-\tvalid\tthem\n\
                 none.edn\tjepsen-edn\tset\t-\tvalid\tthem\n";
    folder.file("VERDICTS.tsv", table);
    let corpus = check_corpus(&folder.0, |_| {}).unwrap();
    assert!(!corpus.agrees());
    let shown = corpus.to_string();
    assert!(shown.ends_with("agree 1 of 4"), "{shown}");
    assert!(
        shown.contains("disagrees: good.edn is invalid by them, here valid"),
        "{shown}"
    );
    assert!(
        shown.contains("bad.edn:1:16: expected a form or ], found `}`"),
        "{shown}"
    );
    for (row, message) in [
        (
            "a\tjepsen-eden\tset\t-\tvalid\tx",
            "VERDICTS.tsv:1: format: format \"jepsen-eden\" is not known (did you mean jepsen-edn?)",
        ),
        (
            "a\tjepsen-edn\tset\t-\tgood\tx",
            "VERDICTS.tsv:1: verdict: expected valid, invalid or unknown, found \"good\"",
        ),
        (
            "a\tjepsen-edn\tset",
            "VERDICTS.tsv:1: options: missing: a row is path, format, as, options, verdict, source",
        ),
    ] {
        folder.file("VERDICTS.tsv", row);
        let error = check_corpus(&folder.0, |_| {}).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}

/// A payment that was recorded as successful and credited twice.
const PAYMENTS: [&str; 12] = [
    r#"{"index":0,"time":0,"process":"run","type":"info","f":"history","value":{"format":"paytwice-history","version":1,"target":"pay-account","run":"example","stack":"containers","seed":1,"started_at":"2026-01-01T00:00:00Z","policies":{},"promise":{"base":10,"scale":2,"late_is_valid":false,"success":["success"],"failed":["fail"]}}}"#,
    r#"{"index":1,"time":1,"process":"final","type":"ok","f":"read","value":{"at":"initial","read":"balances","rows":[{"account":"a3","balance":"0.00"}]}}"#,
    r#"{"index":2,"time":2,"process":0,"type":"invoke","f":"recharge","value":{"tx":"t17","account":"a3","amount":"1","k":0,"attempt":1}}"#,
    r#"{"index":3,"time":3,"process":0,"type":"ok","f":"recharge","value":{"tx":"t17","account":"a3","amount":"1","k":0,"attempt":1,"status":200,"result":"success"}}"#,
    r#"{"index":4,"time":4,"process":"run","type":"invoke","f":"phase","value":{"name":"settle"}}"#,
    r#"{"index":5,"time":5,"process":"run","type":"ok","f":"phase","value":{"name":"settle"}}"#,
    r#"{"index":6,"time":6,"process":"run","type":"invoke","f":"phase","value":{"name":"final-reads"}}"#,
    r#"{"index":7,"time":7,"process":"final","type":"ok","f":"read","value":{"at":"final","read":"payments","rows":[{"tx":"t17","account":"a3","amount":"0.01","result":"success"}]}}"#,
    r#"{"index":8,"time":8,"process":"final","type":"ok","f":"read","value":{"at":"final","read":"balances","rows":[{"account":"a3","balance":"0.02"}]}}"#,
    r#"{"index":9,"time":9,"process":"run","type":"ok","f":"phase","value":{"name":"final-reads"}}"#,
    r#"{"index":10,"time":10,"process":"run","type":"invoke","f":"phase","value":{"name":"end"}}"#,
    r#"{"index":11,"time":11,"process":"run","type":"ok","f":"phase","value":{"name":"end"}}"#,
];

#[test]
fn a_history_of_payments_is_judged_as_a_whole_or_by_one_checker() {
    let folder = Folder::new("payments");
    let path = folder.file("history.jsonl", &(PAYMENTS.join("\n") + "\n"));
    let binary = folder.0.join("history.ptw");
    let mut reader = Reader::open(&path, None).unwrap();
    convert(&mut reader, std::fs::File::create(&binary).unwrap(), Format::Binary).unwrap();
    for path in [&path, &binary] {
        for (as_, names, kind) in [
            (
                "payments",
                &["exactly-once", "balance-convergence", "idempotency", "query-honesty"][..],
                "double",
            ),
            ("exactly-once", &["exactly-once"], "double"),
            ("ledger", &["balance-convergence"], "wrong-balance"),
        ] {
            let checked = check_file(&request(path, as_, "-")).unwrap();
            let found: Vec<&str> = checked.results.iter().map(|result| &*result.name).collect();
            assert_eq!(found, names, "{as_} of {}", path.display());
            assert_eq!(
                (checked.ops, checked.cut_off),
                (12, None),
                "{as_} of {}",
                path.display()
            );
            assert_eq!(
                checked.results[0].anomalies[0].kind,
                kind,
                "{as_} of {}",
                path.display()
            );
        }
    }
    let path = folder.file("cut.jsonl", &(PAYMENTS[..11].join("\n") + "\n" + &PAYMENTS[11][..20]));
    let checked = check_file(&request(&path, "payments", "-")).unwrap();
    assert_eq!((checked.ops, checked.cut_off.map(|cut| cut.line)), (11, Some(12)));
}

#[test]
fn a_corpus_agrees_when_every_row_does() {
    let folder = Folder::new("agrees");
    folder.file(
        "good.edn",
        &[edn("0 invoke generate"), edn("0 ok generate 1")].join("\n"),
    );
    folder.file(
        "twice.edn",
        &[
            edn("0 invoke generate"),
            edn("0 ok generate 1"),
            edn("0 invoke generate"),
            edn("0 ok generate 1"),
        ]
        .join("\n"),
    );
    let table = "path\tformat\tas\toptions\tverdict\tsource\n\
                 good.edn\tjepsen-edn\tunique-ids\t-\tvalid\tus\n\
                 twice.edn\tjepsen-edn\tunique-ids\t-\tinvalid\tus\n";
    folder.file("VERDICTS.tsv", table);
    let corpus = check_corpus(&folder.0, |_| {}).unwrap();
    assert!(corpus.agrees());
    assert_eq!(corpus.agreed(), 2);
    let found: Vec<&str> = corpus.rows.iter().map(|row| &*row.found.as_ref().unwrap().1).collect();
    assert_eq!(found, ["", "id 1 was returned twice"]);
}
