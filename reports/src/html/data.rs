//! The data that the page's scripts draw from, as JSON inside a script element.

use serde::Serialize;

use super::payments::Rows;
use super::points::{self, Points};
use super::series::{self, Series};
use super::stories::{self, Story};
use super::strings::Strings;
use crate::witness::Payments;
use crate::{ReportError, RunReport, ops};

/// Everything that is embedded.
#[derive(Debug, Serialize)]
pub(crate) struct Data {
    scale: u32,
    base: u32,
    /// Payments, one row each.
    pub(crate) payments: Rows,
    /// Stories of the payments, by row; null where it was left out.
    stories: Vec<Option<Story>>,
    /// What the plots show.
    pub(crate) timeline: Timeline,
    strings: Vec<String>,
}

/// What the plots show.
#[derive(Debug, Serialize)]
pub(crate) struct Timeline {
    /// The run's end in microseconds.
    pub(crate) end: u64,
    /// Single operations.
    pub(crate) points: Points,
    /// Rates and percentiles over time.
    pub(crate) series: Series,
    /// Name, begin, end.
    phases: Vec<(String, u64, Option<u64>)>,
    /// Number, kind, on, begin, end, whether it was seen to take effect.
    faults: Vec<(u32, String, String, u64, Option<u64>, bool)>,
}

impl Data {
    pub(crate) fn new(report: &RunReport<'_>, payments: &Payments<'_>) -> Self {
        let mut strings = Strings::default();
        let rows = Rows::new(report.results, &mut strings);
        let stories = stories::tell(report, payments, &rows, &mut strings);
        let ops = ops::pair(report.events);
        let end_ns = ops::end_ns(report);
        let results = report.results;
        let timeline = Timeline {
            end: end_ns / 1000,
            points: points::sample(
                &ops,
                end_ns,
                |tx| payments.find(tx).and_then(|at| rows.row_of(at)),
                &mut strings,
            ),
            series: series::over_time(&ops, end_ns),
            phases: results
                .phases
                .iter()
                .map(|(name, from, to)| (name.clone(), from / 1000, to.map(us)))
                .collect(),
            faults: results
                .faults
                .iter()
                .map(|f| {
                    (
                        f.id,
                        f.fault.clone(),
                        f.on.clone(),
                        f.from_ns / 1000,
                        f.to_ns.map(us),
                        f.seen,
                    )
                })
                .collect(),
        };
        let promise = &results.header.promise;
        Self {
            scale: promise.scale,
            base: promise.base,
            payments: rows,
            stories,
            timeline,
            strings: strings.into_list(),
        }
    }

    /// JSON that nothing can break out of: without a `<` there is neither an end tag nor a comment in it.
    pub(crate) fn embed(&self) -> Result<String, ReportError> {
        Ok(serde_json::to_string(self)?.replace('<', "\\u003c"))
    }
}

fn us(ns: u64) -> u64 {
    ns / 1000
}
