//! The faults, with the evidence that they took effect and were undone.

use askama::Template;

use crate::{RunReport, text};

/// Colors that kinds of faults take in turn; the style sheet defines this many.
const HUES: usize = 7;

/// The table.
#[derive(Template)]
#[template(path = "faults.html")]
pub(crate) struct Section<'a> {
    rows: Vec<Row<'a>>,
    seen: usize,
}

struct Row<'a> {
    id: u32,
    fault: &'a str,
    on: &'a str,
    hue: usize,
    from: String,
    to: Option<String>,
    lasted: Option<String>,
    seen: bool,
    evidence: &'a [String],
}

impl<'a> Section<'a> {
    pub(crate) fn new(report: &RunReport<'a>) -> Self {
        let faults = &report.results.faults;
        let mut kinds: Vec<&str> = Vec::new();
        let rows = faults.iter().map(|f| Row {
            id: f.id,
            fault: &f.fault,
            on: &f.on,
            hue: hue(&mut kinds, &f.fault),
            from: text::moment(f.from_ns),
            to: f.to_ns.map(text::moment),
            lasted: f.to_ns.map(|to| text::span_ns(to.saturating_sub(f.from_ns))),
            seen: f.seen,
            evidence: &f.evidence,
        });
        Self {
            rows: rows.collect(),
            seen: faults.iter().filter(|f| f.seen).count(),
        }
    }
}

/// One color per kind, in order of appearance, as in the plots.
fn hue<'k>(kinds: &mut Vec<&'k str>, kind: &'k str) -> usize {
    let at = kinds.iter().position(|k| *k == kind).unwrap_or_else(|| {
        kinds.push(kind);
        kinds.len() - 1
    });
    at % HUES
}
