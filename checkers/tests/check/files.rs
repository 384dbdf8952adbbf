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
