//! The run itself: its phases, figures, policies and plan.

use askama::Template;
use paytwice_checkers::history::Header;

use crate::{RunReport, ops, text};

/// The section.
#[derive(Template)]
#[template(path = "run.html")]
pub(crate) struct Section<'a> {
    header: &'a Header,
    phases: Vec<Phase<'a>>,
    figures: Vec<(String, String)>,
    plan: Option<&'a str>,
}

struct Phase<'a> {
    name: &'a str,
    from: String,
    lasted: Option<String>,
    /// Begin and length as shares of the run, for the bar.
    begin: f64,
    length: f64,
}

impl<'a> Section<'a> {
    pub(crate) fn new(report: &RunReport<'a>) -> Self {
        let end_ns = ops::end_ns(report);
        let results = report.results;
        Self {
            header: &results.header,
            phases: results
                .phases
                .iter()
                .map(|(name, from, to)| phase(name, *from, *to, end_ns))
                .collect(),
            figures: results
                .figures
                .iter()
                .map(|(name, value)| text::figure(name, *value, results.header.promise.scale))
                .collect(),
            plan: report.plan,
        }
    }

    /// What the target promises about credits that only a query brought.
    fn late(&self) -> &'static str {
        if self.header.promise.late_is_valid {
            "accepted"
        } else {
            "an anomaly"
        }
    }
}

fn phase(name: &str, from: u64, to: Option<u64>, end_ns: u64) -> Phase<'_> {
    #[expect(clippy::cast_precision_loss, reason = "places of a bar on the page")]
    let share = |ns: u64| (ns as f64 / end_ns.max(1) as f64).clamp(0.0, 1.0);
    let length = to.unwrap_or(end_ns).saturating_sub(from);
    Phase {
        name,
        from: text::moment(from),
        lasted: to.map(|_| text::span_ns(length)),
        begin: share(from),
        length: share(length),
    }
}
