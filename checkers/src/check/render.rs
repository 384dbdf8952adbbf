//! A checked file in words: verdicts first, then what was counted, then the anomalies with their witnesses.

use std::fmt;

use crate::verdict::{CheckerResult, Verdict};

use super::Checked;

/// How many anomalies of a checker are printed.
const ANOMALIES_SHOWN_MAX: usize = 20;
/// How many operations of a witness are printed.
const WITNESS_SHOWN_MAX: usize = 16;

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for result in &self.results {
            render(result, f)?;
        }
        if let Some(cut) = &self.cut_off {
            writeln!(f, "note: the file is {cut}")?;
        }
        write!(f, "{} operations read as {}", self.ops, self.format)
    }
}

fn render(result: &CheckerResult, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let verdict = match result.verdict {
        Verdict::Valid => "VALID",
        Verdict::Unknown => "UNKNOWN",
        Verdict::Invalid => "INVALID",
    };
    write!(f, "{verdict} {}", result.name)?;
    if let Some(completeness) = result.completeness {
        write!(f, " ({})", completeness.name())?;
    }
    match &result.reason {
        Some(reason) => writeln!(f, ": {reason}")?,
        None => writeln!(f)?,
    }
    let counts: Vec<String> = result
        .counts
        .iter()
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    if !counts.is_empty() {
        writeln!(f, "  {}", counts.join(", "))?;
    }
    for anomaly in result.anomalies.iter().take(ANOMALIES_SHOWN_MAX) {
        writeln!(f, "  {}: {}", anomaly.kind, anomaly.sentence)?;
        let shown = anomaly.witness.iter().take(WITNESS_SHOWN_MAX).map(u64::to_string);
        let more = match anomaly.witness.len().saturating_sub(WITNESS_SHOWN_MAX) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        writeln!(f, "    operations {}{more}", shown.collect::<Vec<_>>().join(", "))?;
    }
    match result.anomalies.len().saturating_sub(ANOMALIES_SHOWN_MAX) {
        0 => Ok(()),
        more => writeln!(f, "  and {more} more"),
    }
}
