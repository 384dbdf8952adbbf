//! The recorded histories that `PAYTWICE_CORPORA` names, row by row; none where it names no folder.

use std::path::PathBuf;

use paytwice_checkers::formats::Format;

pub(crate) struct Row {
    pub(crate) path: PathBuf,
    pub(crate) format: Format,
}

pub(crate) fn rows() -> Vec<Row> {
    let Some(dir) = std::env::var_os("PAYTWICE_CORPORA").map(PathBuf::from) else {
        eprintln!("skipped: PAYTWICE_CORPORA names no folder of recorded histories");
        return Vec::new();
    };
    let table = std::fs::read_to_string(dir.join("VERDICTS.tsv")).expect("VERDICTS.tsv");
    let rows = table.lines().skip(1).map(|line| {
        let mut fields = line.split('\t');
        let path = dir.join(fields.next().expect("a path"));
        let format = fields.next().and_then(|f| f.parse().ok()).expect("a format");
        Row { path, format }
    });
    rows.collect()
}
