//! The plots: faults, latency and rate over the same time.

use askama::Template;

use crate::html::data::Timeline;
use crate::{RunReport, ops, text};

/// The frame that the script draws into.
#[derive(Template)]
#[template(path = "timeline.html")]
pub(crate) struct Section {
    /// Actions to choose from.
    fs: Vec<String>,
    summary: String,
    sampled: Option<String>,
    slice: String,
}

impl Section {
    pub(crate) fn new(report: &RunReport<'_>, timeline: &Timeline) -> Self {
        let (shown, total) = (timeline.points.len(), timeline.points.total);
        let sampled = (shown < total).then(|| {
            format!(
                "{} of {} operations are drawn as points: of each slice of time the slowest, some that did not end ok, and \
                 an even choice of the others. Percentiles and rates count all of them.",
                text::count(shown as u64),
                text::count(total as u64)
            )
        });
        Self {
            fs: timeline.series.fs().map(str::to_owned).collect(),
            summary: summary(report, total),
            sampled,
            slice: text::span_us(timeline.series.width),
        }
    }
}

/// What the plots show, for screen readers.
fn summary(report: &RunReport<'_>, total: usize) -> String {
    format!(
        "{} over {}, with {}. The tables of faults and availability below hold the figures.",
        text::plural(total as u64, "operation"),
        text::span_ns(ops::end_ns(report)),
        text::plural(report.results.faults.len() as u64, "fault"),
    )
}
