//! What a streaming checker has found: exact totals, the first few of each kind, doubts.

use std::collections::BTreeMap;

use super::Mark;
use crate::findings::Findings;
use crate::run::percentile;
use crate::verdict::CheckerResult;

/// How many anomalies of one kind a result lists; `counts` has the exact total.
pub const ANOMALIES_PER_KIND_MAX: usize = 16;

/// One anomaly in words.
pub(crate) struct Case {
    pub(crate) subject: String,
    pub(crate) sentence: String,
    pub(crate) witness: Vec<u64>,
}

/// The findings of one streaming checker.
#[derive(Default)]
pub(crate) struct Tally {
    findings: Findings,
    totals: BTreeMap<&'static str, u64>,
    counts: BTreeMap<String, u64>,
}

impl Tally {
    /// Sets a count. Set for a kind of anomaly, it stands instead of the number of anomalies.
    pub(crate) fn count(&mut self, name: &str, value: u64) {
        self.counts.insert(name.to_owned(), value);
    }

    /// A broken promise; worded only while there is room to list it.
    pub(crate) fn anomaly(&mut self, kind: &'static str, case: impl FnOnce() -> Case) {
        let total = self.totals.entry(kind).or_default();
        *total += 1;
        if *total <= ANOMALIES_PER_KIND_MAX as u64 {
            let Case {
                subject,
                sentence,
                witness,
            } = case();
            self.findings.anomaly(kind, &subject, sentence, witness);
        }
    }

    /// Broken promises that were noticed while the history went by.
    pub(crate) fn anomalies<T>(&mut self, kind: &'static str, noticed: &Capped<T>, case: impl Fn(&T) -> Case) {
        for each in &noticed.first {
            self.anomaly(kind, || case(each));
        }
        *self.totals.entry(kind).or_default() += noticed.total - noticed.first.len() as u64;
    }

    /// Something that keeps the verdict from being valid.
    pub(crate) fn doubt(&mut self, why: impl Into<String>) {
        self.findings.doubt(why);
    }

    /// Something worth saying that changes nothing.
    pub(crate) fn remark(&mut self, what: impl Into<String>) {
        self.findings.remark(what);
    }

    /// The total of a kind so far.
    pub(crate) fn total(&self, kind: &str) -> u64 {
        self.totals.get(kind).copied().unwrap_or(0)
    }

    /// Anomalies make it invalid, doubts unknown, neither valid.
    pub(crate) fn result(self, name: &str) -> CheckerResult {
        let mut result = self.findings.result(name);
        for (kind, total) in self.totals {
            result.counts.insert(kind.to_owned(), total);
        }
        result.counts.extend(self.counts);
        result
    }
}

/// Things noticed while the history goes by: the first few, and how many there were.
#[derive(Clone, Debug)]
pub(crate) struct Capped<T> {
    total: u64,
    first: Vec<T>,
}

impl<T> Default for Capped<T> {
    fn default() -> Self {
        Capped {
            total: 0,
            first: Vec::new(),
        }
    }
}

impl<T> Capped<T> {
    #[cold]
    pub(crate) fn push(&mut self, noticed: T) {
        self.total += 1;
        if self.first.len() < ANOMALIES_PER_KIND_MAX {
            self.first.push(noticed);
        }
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }
}

/// `never`, `once`, `twice`, `3 times`.
pub(crate) fn times(n: u64) -> String {
    crate::words::times(u32::try_from(n).unwrap_or(u32::MAX))
}

/// `1 read`, `2 reads`.
pub(crate) fn plural(n: u64, noun: &str) -> String {
    crate::words::plural(usize::try_from(n).unwrap_or(usize::MAX), noun)
}

/// A witness of marks: those that are known.
pub(crate) fn at<const N: usize>(marks: [Mark; N]) -> Vec<u64> {
    marks.into_iter().filter_map(Mark::get).collect()
}

/// Adds `{name}-p0`, `-p50`, `-p95`, `-p99` and `-p100` of some durations, in microseconds.
pub(crate) fn add_quantiles(tally: &mut Tally, name: &str, mut ns: Vec<u64>) {
    ns.sort_unstable();
    for (label, share) in [("p0", 0.0), ("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("p100", 1.0)] {
        if let Some(value) = percentile(&ns, share) {
            tally.count(&format!("{name}-us-{label}"), value / 1_000);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ANOMALIES_PER_KIND_MAX, Capped, Case, Tally};
    use crate::verdict::Verdict;

    fn case(n: u64) -> Case {
        Case {
            subject: n.to_string(),
            sentence: format!("{n} is wrong"),
            witness: vec![n],
        }
    }

    #[test]
    fn many_anomalies_are_counted_and_few_are_listed() {
        let mut tally = Tally::default();
        let mut noticed = Capped::default();
        for n in 0..40 {
            tally.anomaly("odd", || case(n));
            noticed.push(n);
        }
        tally.anomalies("late", &noticed, |n| case(*n));
        assert_eq!(
            (tally.total("odd"), tally.total("late"), tally.total("none")),
            (40, 40, 0)
        );
        let result = tally.result("test");
        assert_eq!(result.verdict, Verdict::Invalid);
        assert_eq!(result.anomalies.len(), 2 * ANOMALIES_PER_KIND_MAX);
        assert_eq!((result.counts["odd"], result.counts["late"]), (40, 40));
    }

    #[test]
    fn nothing_noticed_is_counted_as_none_and_stays_valid() {
        let mut tally = Tally::default();
        tally.anomalies("late", &Capped::default(), |n: &u64| case(*n));
        let result = tally.result("test");
        assert_eq!((result.verdict, result.counts["late"]), (Verdict::Valid, 0));
    }
}
