//! Recorded histories with verdicts that others gave: each is decided as listed.

use std::path::PathBuf;

use paytwice_checkers::check::check_corpus;
use paytwice_checkers::verdict::Verdict;

/// Where we say otherwise, and how that begins: nothing of it ended ok, or what was read came from elsewhere, so nothing
/// is known to have been judged.
const UNKNOWN_HERE: [(&str, &str); 3] = [
    (
        "knossos/cas-register/good/mongodb-v0-ack-rollback-10.edn",
        "no operation is known to have happened",
    ),
    (
        "elle-cli/rw-register/rw-register.edn",
        "1 reads of values that no transaction wrote",
    ),
    (
        "elle-cli/rw-register/rw-register.json",
        "1 reads of values that no transaction wrote",
    ),
];

#[test]
fn recorded_histories_are_decided_as_listed() {
    let Some(dir) = std::env::var_os("PAYTWICE_CORPORA").map(PathBuf::from) else {
        eprintln!("skipped: PAYTWICE_CORPORA names no folder of recorded histories");
        return;
    };
    let corpus = check_corpus(&dir, |_| {}).unwrap();
    println!("{corpus}");
    for row in corpus.rows.iter().filter(|row| !row.agrees()) {
        let (verdict, why) = row
            .found
            .clone()
            .unwrap_or_else(|error| panic!("{}: {error}", row.path));
        let known = UNKNOWN_HERE
            .iter()
            .any(|(path, begins)| row.path == *path && why.starts_with(begins));
        assert!(known && verdict == Verdict::Unknown, "{}: {verdict:?}, {why}", row.path);
    }
}
