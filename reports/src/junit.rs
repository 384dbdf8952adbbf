//! `junit.xml`: one test suite per run, one test case per promise.
//!
//! An invalid promise is a failure with the sentences of its anomalies; an unknown one is an error with its reason.

use std::fmt::Write as _;
use std::time::Duration;

use chrono::DateTime;
use paytwice_checkers::verdict::{CheckerResult, Verdict};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::text::{self, plain};
use crate::{ReportError, RunReport, ops};

/// Sentences in one failure; further ones are counted.
const SENTENCES_MAX: usize = 100;

/// The run as JUnit XML.
pub fn render(report: &RunReport<'_>) -> Result<String, ReportError> {
    let header = &report.results.header;
    let duration = Duration::from_nanos(ops::end_ns(report));
    let started = DateTime::parse_from_rfc3339(&header.started_at).ok();

    let mut suite = TestSuite::new(header.run.as_str());
    suite.set_time(duration);
    if let Some(started) = started {
        suite.set_timestamp(started);
    }
    suite.add_property(("target", header.target.as_str()));
    suite.add_property(("stack", header.stack.as_str()));
    suite.add_property(("seed", header.seed.to_string().as_str()));
    suite.add_property(("verdict", report.results.sentence.as_str()));
    suite.add_property(("replay", report.replay));
    if !report.results.troubles.is_empty() {
        let troubles = report.results.troubles.iter().map(|trouble| plain(trouble) + "\n");
        suite.set_system_err(troubles.collect::<String>());
    }
    for checker in &report.results.checkers {
        let mut case = TestCase::new(checker.name.as_str(), status(checker));
        case.set_classname(header.target.as_str());
        case.set_system_out(counts(checker));
        suite.add_test_case(case);
    }

    let mut xml = Report::new("paytwice");
    xml.set_time(duration);
    if let Some(started) = started {
        xml.set_timestamp(started);
    }
    xml.add_test_suite(suite);
    Ok(xml.to_string()?)
}

fn status(checker: &CheckerResult) -> TestCaseStatus {
    let (kind, word) = match checker.verdict {
        Verdict::Valid => return TestCaseStatus::success(),
        Verdict::Unknown => (NonSuccessKind::Error, "unknown"),
        Verdict::Invalid => (NonSuccessKind::Failure, "invalid"),
    };
    let mut status = TestCaseStatus::non_success(kind);
    let first = checker.anomalies.first();
    let reason = checker.reason.as_deref();
    let message = match (first, checker.anomalies.len()) {
        (Some(first), 1) => plain(&first.sentence),
        (Some(first), n) => format!("{} (and {} more)", plain(&first.sentence), n - 1),
        (None, _) => plain(reason.unwrap_or("no reason was given")),
    };
    status.set_type(first.map_or(word, |a| a.kind.as_str()));
    status.set_message(message);
    status.set_description(sentences(checker));
    status
}

fn sentences(checker: &CheckerResult) -> String {
    let mut out = String::new();
    if let Some(reason) = &checker.reason {
        push_line(&mut out, &plain(reason));
    }
    for anomaly in checker.anomalies.iter().take(SENTENCES_MAX) {
        push_line(
            &mut out,
            &format!("{}: {}", plain(&anomaly.kind), plain(&anomaly.sentence)),
        );
    }
    if let Some(more @ 1..) = checker.anomalies.len().checked_sub(SENTENCES_MAX) {
        push_line(&mut out, &format!("and {more} more in {}", crate::RESULTS_JSON));
    }
    out
}

fn counts(checker: &CheckerResult) -> String {
    let mut out = String::new();
    for (name, n) in &checker.counts {
        push_line(&mut out, &format!("{}: {}", plain(name), text::count(*n)));
    }
    out
}

fn push_line(out: &mut String, line: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{line}");
}
