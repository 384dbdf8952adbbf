//! What a checker collects while it looks: counts, anomalies, doubts. Turns them into a result by one rule.

use std::collections::BTreeMap;

use crate::verdict::{Anomaly, CheckerResult, Verdict};

/// How many doubts a reason names before it only counts them.
const DOUBTS_SHOWN_MAX: usize = 3;

/// The findings of one checker: it collects while the checker looks, and gives its result.
///
/// ```
/// use paytwice_checkers::Findings;
/// use paytwice_checkers::verdict::Verdict;
///
/// let mut findings = Findings::default();
/// findings.count("orders", 2);
/// findings.anomaly("oversold", "s1", "sku s1 was sold 3 times; there were 2".into(), vec![17, 41]);
/// let result = findings.result("stock");
/// assert_eq!((result.verdict, result.counts["oversold"]), (Verdict::Invalid, 1));
/// ```
#[derive(Debug, Default)]
pub struct Findings {
    counts: BTreeMap<String, u64>,
    anomalies: Vec<Anomaly>,
    doubts: Vec<String>,
    remark: Option<String>,
}

impl Findings {
    /// Sets a count.
    pub fn count(&mut self, name: &str, value: u64) {
        self.counts.insert(name.to_owned(), value);
    }

    /// Adds to a count.
    pub fn add(&mut self, name: &str, value: u64) {
        *self.counts.entry(name.to_owned()).or_default() += value;
    }

    /// A broken promise: its kind, the subject (its key), a sentence, and the indices of the events that prove it.
    pub fn anomaly(&mut self, kind: &str, subject: &str, sentence: String, mut witness: Vec<u64>) {
        witness.sort_unstable();
        witness.dedup();
        self.anomalies.push(Anomaly {
            kind: kind.to_owned(),
            subject: subject.to_owned(),
            sentence,
            witness,
        });
    }

    /// Something that keeps the verdict from being valid.
    pub fn doubt(&mut self, why: impl Into<String>) {
        self.doubts.push(why.into());
    }

    /// Something worth saying that changes nothing.
    pub fn remark(&mut self, what: impl Into<String>) {
        self.remark = Some(what.into());
    }

    /// The result: anomalies make it invalid, doubts unknown, neither valid.
    #[must_use]
    pub fn result(self, name: &str) -> CheckerResult {
        let verdict = if !self.anomalies.is_empty() {
            Verdict::Invalid
        } else if !self.doubts.is_empty() {
            Verdict::Unknown
        } else {
            Verdict::Valid
        };
        let more = self.doubts.len().saturating_sub(DOUBTS_SHOWN_MAX);
        let mut reason = self.doubts[..self.doubts.len() - more].join("; ");
        if more > 0 {
            reason.push_str(&format!("; and {more} more"));
        }
        let mut counts = self.counts;
        for anomaly in &self.anomalies {
            *counts.entry(anomaly.kind.clone()).or_default() += 1;
        }
        CheckerResult {
            name: name.to_owned(),
            verdict,
            completeness: None,
            reason: Some(reason).filter(|r| !r.is_empty()).or(self.remark),
            counts,
            anomalies: self.anomalies,
        }
    }
}

/// The result of a checker that could not look at all.
pub(crate) fn unknown(name: &str, why: &str) -> CheckerResult {
    let mut findings = Findings::default();
    findings.doubt(why);
    findings.result(name)
}
