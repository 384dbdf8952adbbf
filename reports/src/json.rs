//! `results.json`: all results of a run and its coverage, for machines.

use paytwice_checkers::verdict::Results;
use serde::Serialize;

use crate::coverage::{Coverage, PointActions};
use crate::{ReportError, RunReport};

#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    results: &'a Results,
    #[serde(skip_serializing_if = "Option::is_none")]
    coverage: Option<&'a Coverage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    never_tried: Option<Vec<PointActions>>,
}

/// Indented JSON with a final line break: the fields of the results, then `coverage` and `never_tried`.
pub fn render(report: &RunReport<'_>) -> Result<String, ReportError> {
    let whole = Whole {
        results: report.results,
        coverage: report.coverage,
        never_tried: report.coverage.map(Coverage::never),
    };
    let mut text = serde_json::to_string_pretty(&whole)?;
    text.push('\n');
    Ok(text)
}
