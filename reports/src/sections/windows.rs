//! Availability: counts, share of definite answers and latency, per window and action.

use askama::Template;
use paytwice_checkers::verdict::OpStats;

use crate::{RunReport, text};

/// The table.
#[derive(Template)]
#[template(path = "windows.html")]
pub(crate) struct Section<'a> {
    windows: Vec<Window<'a>>,
}

struct Window<'a> {
    name: &'a str,
    from: String,
    to: String,
    ops: Vec<Op<'a>>,
}

struct Op<'a> {
    f: &'a str,
    invoked: String,
    ok: String,
    fail: String,
    info: String,
    /// 0 to 1, for the bar.
    share: f64,
    availability: String,
    latencies: [String; 4],
}

impl<'a> Section<'a> {
    pub(crate) fn new(report: &RunReport<'a>) -> Self {
        let windows = report.results.windows.iter().map(|w| Window {
            name: &w.window,
            from: text::moment(w.from_ns),
            to: text::moment(w.to_ns),
            ops: w.ops.iter().map(|(f, stats)| op(f, stats)).collect(),
        });
        Self {
            windows: windows.collect(),
        }
    }
}

fn op<'a>(f: &'a str, stats: &OpStats) -> Op<'a> {
    let latency = |us: Option<u64>| us.map_or("–".to_owned(), text::span_us);
    Op {
        f,
        invoked: text::count(stats.invoked),
        ok: text::count(stats.ok),
        fail: text::count(stats.fail),
        info: text::count(stats.info),
        share: stats.availability.unwrap_or(0.0).clamp(0.0, 1.0),
        availability: stats.availability.map_or("–".to_owned(), text::percent),
        latencies: [
            stats.latency_p50_us,
            stats.latency_p90_us,
            stats.latency_p99_us,
            stats.latency_max_us,
        ]
        .map(latency),
    }
}
