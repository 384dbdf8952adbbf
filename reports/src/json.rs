//! `results.json`: everything decided about a run, for machines.

use paytwice_checkers::verdict::Results;

use crate::ReportError;

/// Pretty JSON with a final line break; the order is that of the results.
pub fn render(results: &Results) -> Result<String, ReportError> {
    let mut text = serde_json::to_string_pretty(results)?;
    text.push('\n');
    Ok(text)
}
