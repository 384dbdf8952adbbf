//! Recorded histories with verdicts that others gave: each is decided as listed.

use std::path::PathBuf;

use paytwice_checkers::check::check_corpus;

/// Where we say otherwise: nothing of it ended ok, so nothing is known to have been judged.
const UNKNOWN_HERE: &str = "knossos/cas-register/good/mongodb-v0-ack-rollback-10.edn";

#[test]
fn recorded_histories_are_decided_as_listed() {
    let Some(dir) = std::env::var_os("PAYTWICE_CORPORA").map(PathBuf::from) else {
        eprintln!("skipped: PAYTWICE_CORPORA names no folder of recorded histories");
        return;
    };
    let corpus = check_corpus(&dir, |_| {}).unwrap();
    println!("{corpus}");
    for row in corpus.rows.iter().filter(|row| !row.agrees()) {
        let why = row
            .found
            .clone()
            .unwrap_or_else(|error| panic!("{}: {error}", row.path))
            .1;
        assert_eq!(
            (row.path.as_str(), why.as_str()),
            (UNKNOWN_HERE, "no operation is known to have happened")
        );
    }
}
