//! Recorded histories with verdicts that others gave: each is decided as listed.

use std::path::PathBuf;

use paytwice_checkers::check::check_corpus;

#[test]
fn recorded_histories_are_decided_as_listed() {
    let Some(dir) = std::env::var_os("PAYTWICE_CORPORA").map(PathBuf::from) else {
        eprintln!("skipped: PAYTWICE_CORPORA names no folder of recorded histories");
        return;
    };
    let corpus = check_corpus(&dir, |_| {}).unwrap();
    println!("{corpus}");
    assert!(corpus.agrees(), "{corpus}");
}
