//! The payment table: the frame and the filters; the script fills in the rows.

use std::collections::BTreeMap;

use askama::Template;

use crate::html::payments::Rows;
use crate::{RunReport, text, verdict};

/// The table.
#[derive(Template)]
#[template(path = "payments.html")]
pub(crate) struct Section<'a> {
    total: String,
    left_out: Option<String>,
    troubled: u64,
    kinds: Vec<(&'a str, String)>,
}

impl<'a> Section<'a> {
    pub(crate) fn new(report: &RunReport<'a>, rows: &Rows) -> Self {
        let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
        for kind in report.results.payments.iter().flat_map(|p| &p.anomalies) {
            *kinds.entry(kind).or_default() += 1;
        }
        let left_out = rows.total - rows.len();
        Self {
            total: text::plural(rows.total as u64, "payment"),
            left_out: (left_out > 0).then(|| text::plural(left_out as u64, "payment")),
            troubled: verdict::troubled(report.results),
            kinds: kinds.into_iter().map(|(kind, n)| (kind, text::count(n))).collect(),
        }
    }
}
