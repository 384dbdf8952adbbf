//! The table of subjects: its columns and filters. The script fills in the rows.

use std::collections::BTreeMap;

use askama::Template;
use paytwice_checkers::verdict::Words;

use crate::html::subjects::{Column, Rows};
use crate::{RunReport, text, verdict};

/// The table.
#[derive(Template)]
#[template(path = "subjects.html")]
pub(crate) struct Section<'a> {
    words: &'a Words,
    /// The subject's word in plural.
    subjects: String,
    rows: &'a Rows,
    total: String,
    left_out: Option<String>,
    troubled: u64,
    kinds: Vec<(&'a str, String)>,
}

impl<'a> Section<'a> {
    /// None where no promise followed anything from end to end.
    pub(crate) fn new(report: &RunReport<'a>, rows: &'a Rows) -> Option<Self> {
        let words = report.results.words.as_ref()?;
        let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
        for kind in report.results.fates.iter().flat_map(|fate| &fate.anomalies) {
            *kinds.entry(kind).or_default() += 1;
        }
        let left_out = rows.total - rows.len();
        Some(Self {
            words,
            subjects: text::plural_of(&words.subject),
            rows,
            total: text::plural(rows.total as u64, &words.subject),
            left_out: (left_out > 0).then(|| text::plural(left_out as u64, &words.subject)),
            troubled: verdict::troubled(report.results),
            kinds: kinds.into_iter().map(|(kind, n)| (kind, text::count(n))).collect(),
        })
    }

    /// The subject's word in plural, as a title.
    pub(crate) fn heading(&self) -> String {
        verdict::capitalized(&self.subjects)
    }

    fn fields(&self) -> &[Column] {
        &self.rows.fields
    }

    fn title(text: &str) -> String {
        verdict::capitalized(text)
    }
}
