//! One history in every format, and folders of histories with known verdicts.

use paytwice_checkers::check::{check_corpus, check_file};
use paytwice_checkers::formats::{Format, Reader, convert};

use crate::support::{Folder, edn, request};

#[test]
fn the_binary_form_is_judged_like_what_it_was_made_from() {
    let folder = Folder::new("binary");
    let lines = [
        "0 invoke txn [[:append \"x\" 1]]",
        "0 ok txn [[:append \"x\" 1]]",
        "0 invoke txn [[:r \"x\" nil]]",
        "0 ok txn [[:r \"x\" nil]]",
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

/// An order that was recorded as successful and shipped twice.
const RUN: [&str; 12] = [
    r#"{"index":0,"time":0,"process":"run","type":"info","f":"history","value":{"format":"paytwice-history","version":1,"target":"shop","run":"example","stack":"containers","seed":1,"started_at":"2026-01-01T00:00:00Z","policies":{},"subjects":{"order":{"key":"order"}},"actions":{"buy":{"starts":"order"}},"views":{"orders":["final"],"parcels":["final"]},"promises":[{"checker":"exactly-once","subject":"order","recorded":{"view":"orders"},"effect":{"view":"parcels","by":"rows"},"words":{"effect":"shipped"}},{"checker":"idempotent-requests","name":"one order a request"}]}}"#,
    r#"{"index":1,"time":1,"process":"run","type":"invoke","f":"phase","value":{"name":"workload"}}"#,
    r#"{"index":2,"time":2,"process":0,"type":"invoke","f":"buy","value":{"subject":"o17"}}"#,
    r#"{"index":3,"time":3,"process":0,"type":"ok","f":"buy","value":{"subject":"o17","status":200}}"#,
    r#"{"index":4,"time":4,"process":"run","type":"ok","f":"phase","value":{"name":"workload"}}"#,
    r#"{"index":5,"time":5,"process":"run","type":"invoke","f":"phase","value":{"name":"settle"}}"#,
    r#"{"index":6,"time":6,"process":"run","type":"ok","f":"phase","value":{"name":"settle"}}"#,
    r#"{"index":7,"time":7,"process":"run","type":"invoke","f":"phase","value":{"name":"final-reads"}}"#,
    r#"{"index":8,"time":8,"process":"view","type":"ok","f":"view","value":{"view":"orders","at":"final","rows":[{"order":"o17"}]}}"#,
    r#"{"index":9,"time":9,"process":"view","type":"ok","f":"view","value":{"view":"parcels","at":"final","rows":[{"order":"o17"},{"order":"o17"}]}}"#,
    r#"{"index":10,"time":10,"process":"view","type":"info","f":"view","value":{"view":"parcels","at":"look"},"error":"no answer"}"#,
    r#"{"index":11,"time":11,"process":"run","type":"ok","f":"phase","value":{"name":"final-reads"}}"#,
];

#[test]
fn the_history_of_a_run_is_judged_by_all_its_promises_or_by_those_of_one_checker() {
    let folder = Folder::new("promises");
    let path = folder.file("history.jsonl", &(RUN.join("\n") + "\n"));
    let binary = folder.0.join("history.ptw");
    let mut reader = Reader::open(&path, None).unwrap();
    convert(&mut reader, std::fs::File::create(&binary).unwrap(), Format::Binary).unwrap();
    for path in [&path, &binary] {
        for (as_, names) in [
            ("promises", &["exactly-once", "one order a request"][..]),
            ("exactly-once", &["exactly-once"]),
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
            let double = &checked.results[0].anomalies[0];
            assert_eq!(
                (double.kind.as_str(), double.sentence.as_str()),
                ("double", "order o17 was shipped twice: deliveries were not recorded"),
                "{as_} of {}",
                path.display()
            );
        }
    }
    let error = check_file(&request(&path, "honest-answers", "-")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "promise of this history \"honest-answers\" is not known; possible are exactly-once, idempotent-requests"
    );
    let path = folder.file("cut.jsonl", &(RUN[..11].join("\n") + "\n" + &RUN[11][..20]));
    let checked = check_file(&request(&path, "promises", "-")).unwrap();
    assert_eq!((checked.ops, checked.cut_off.map(|cut| cut.line)), (11, Some(12)));
}

#[test]
fn a_line_of_a_run_that_is_no_event_has_its_place() {
    let folder = Folder::new("place");
    let wrong = RUN[2].replace("\"o17\"", "17");
    let path = folder.file("history.jsonl", &[RUN[0], RUN[1], &wrong, RUN[3]].join("\n"));
    let binary = folder.0.join("history.ptw");
    let mut reader = Reader::open(&path, None).unwrap();
    convert(&mut reader, std::fs::File::create(&binary).unwrap(), Format::Binary).unwrap();
    for (path, place) in [
        (&path, "history.jsonl:3:79: expected a string"),
        (&binary, "history.ptw:3:"),
    ] {
        let error = check_file(&request(path, "promises", "-")).unwrap_err();
        assert!(error.is_users() && error.to_string().contains(place), "{error}");
    }
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
