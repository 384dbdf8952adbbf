//! Judges a history: runs every checker, merges their verdicts, says the result in one sentence.
//!
//! Pure: the same history gives the same results, anomaly by anomaly. A checker that panics is caught and says
//! unknown: that is a bug of ours, never a verdict about the target.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::findings::unknown;
use crate::history::{History, Kind};
use crate::ledger::Ledger;
use crate::verdict::{Anomaly, CheckerResult, PaymentFate, RESULTS_VERSION, Results, Verdict, WindowStats};
use crate::words::plural;
use crate::{balance_convergence, exactly_once, figures, idempotency, query_honesty, stats};

/// A checker: its name, what it decides, the anomalies it reports, and itself.
#[derive(Clone, Copy, Debug)]
pub struct Checker {
    /// Its name.
    pub name: &'static str,
    /// What it decides, in one line.
    pub about: &'static str,
    /// The kinds of anomalies it reports.
    pub kinds: &'static [&'static str],
    /// The checker.
    pub check: fn(&Ledger) -> CheckerResult,
}

/// Every checker, in the order of the results.
pub const CHECKERS: [Checker; 4] = [
    Checker {
        name: exactly_once::NAME,
        about: "every payment recorded as successful is credited exactly once, nothing else is credited",
        kinds: &[
            "lost",
            "double",
            "ghost",
            "late",
            "wrong-account",
            "wrong-amount",
            "lost-write",
        ],
        check: exactly_once::check,
    },
    Checker {
        name: balance_convergence::NAME,
        about: "every account gains exactly what its recorded payments add up to",
        kinds: &[
            "wrong-balance",
            "inexact",
            "null-balance",
            "missing-account",
            "duplicate-account",
        ],
        check: balance_convergence::check,
    },
    Checker {
        name: idempotency::NAME,
        about: "one request number means one payment, one payload and one answer",
        kinds: &[
            "duplicate-payment",
            "payload-overwritten",
            "conflict-accepted",
            "divergent-answer",
            "answer-contradicted",
            "unexpected-payment",
        ],
        check: idempotency::check,
    },
    Checker {
        name: query_honesty::NAME,
        about: "no answer to a query is contradicted by the truth",
        kinds: &["false-fail", "false-success"],
        check: query_honesty::check,
    },
];

/// Kinds of anomalies, the weightiest first: money first, then records, then answers, then sums.
const WEIGHTS: [&str; 20] = [
    "double",
    "ghost",
    "lost",
    "wrong-account",
    "wrong-amount",
    "lost-write",
    "duplicate-payment",
    "payload-overwritten",
    "conflict-accepted",
    "unexpected-payment",
    "late",
    "false-fail",
    "false-success",
    "answer-contradicted",
    "divergent-answer",
    "null-balance",
    "missing-account",
    "duplicate-account",
    "inexact",
    "wrong-balance",
];

/// Judges a history.
pub fn judge(history: &History) -> Results {
    let malformed = history.check().err().map(|e| format!("the history is malformed: {e}"));
    let gathered = catch_unwind(AssertUnwindSafe(|| Ledger::of(history)));
    let ledger = gathered.ok();
    let cause = malformed.or_else(|| match &ledger {
        None => Some(bug("reading the history")),
        Some(ledger) => ledger.contradiction.clone(),
    });
    let checkers: Vec<CheckerResult> = CHECKERS
        .iter()
        .map(|checker| match (&cause, &ledger) {
            (None, Some(ledger)) => guarded(checker, ledger),
            (cause, _) => unknown(checker.name, cause.as_deref().unwrap_or_default()),
        })
        .collect();
    assemble(history, ledger.as_ref(), checkers)
}

fn bug(where_: &str) -> String {
    format!("{where_} panicked: this is a bug of paytwice, not of the target; please report it with this history")
}

/// Runs one checker; its anomalies come out weightiest first, and in the order of payments within a kind.
fn guarded(checker: &Checker, ledger: &Ledger) -> CheckerResult {
    let run = catch_unwind(AssertUnwindSafe(|| (checker.check)(ledger)));
    let Ok(mut result) = run else {
        return unknown(checker.name, &bug(&format!("the checker {}", checker.name)));
    };
    result.anomalies.sort_by_key(|anomaly| weight(&anomaly.kind));
    result
}

/// Rank of a kind of anomaly: 0 is the weightiest.
pub fn weight(kind: &str) -> usize {
    WEIGHTS.iter().position(|k| *k == kind).unwrap_or(WEIGHTS.len())
}

fn assemble(history: &History, ledger: Option<&Ledger>, checkers: Vec<CheckerResult>) -> Results {
    let verdict = checkers.iter().fold(Verdict::Valid, |v, c| v.merge(c.verdict));
    let sentence = sentence(verdict, &checkers, ledger);
    let windows: Option<Vec<WindowStats>> =
        ledger.and_then(|l| catch_unwind(AssertUnwindSafe(|| stats::windows(l))).ok());
    let figures = ledger.and_then(|l| catch_unwind(AssertUnwindSafe(|| figures::figures(l))).ok());
    let phases = ledger.map(|l| l.phases.iter().map(|p| (p.name.clone(), p.from_ns, p.to_ns)).collect());
    Results {
        version: RESULTS_VERSION,
        verdict,
        sentence,
        header: history.header.clone(),
        truncated: history.is_cut_short(),
        events: history.events.len() as u64,
        payments: ledger.map(|l| fates(l, &checkers)).unwrap_or_default(),
        windows: windows.unwrap_or_default(),
        faults: ledger
            .map(|l| l.faults.iter().map(|f| f.summary()).collect())
            .unwrap_or_default(),
        phases: phases.unwrap_or_default(),
        figures: figures.unwrap_or_default(),
        checkers,
    }
}

/// Every anomaly of every checker, the weightiest first.
pub(crate) fn by_weight(checkers: &[CheckerResult]) -> Vec<&Anomaly> {
    let mut anomalies: Vec<&Anomaly> = checkers.iter().flat_map(|c| &c.anomalies).collect();
    anomalies.sort_by_key(|a| weight(&a.kind));
    anomalies
}

/// The verdict first, then its weightiest reason.
fn sentence(verdict: Verdict, checkers: &[CheckerResult], ledger: Option<&Ledger>) -> String {
    match verdict {
        Verdict::Invalid => {
            let anomalies = by_weight(checkers);
            let what = anomalies.first().map_or("", |a| a.sentence.as_str());
            match anomalies.len() {
                0 | 1 => format!("INVALID: {what}"),
                2 => format!("INVALID: {what} (and 1 more anomaly)"),
                n => format!("INVALID: {what} (and {} more anomalies)", n - 1),
            }
        }
        Verdict::Unknown => {
            let undecided = checkers.iter().find(|c| c.verdict == Verdict::Unknown);
            let why = undecided.map(|c| format!("{}: {}", c.name, c.reason.as_deref().unwrap_or_default()));
            format!("UNKNOWN: {}", why.unwrap_or_default())
        }
        Verdict::Valid => {
            let payments = ledger.map_or(&[][..], |l| &l.payments);
            let successful = payments.iter().filter(|p| p.successes > 0).count();
            format!(
                "VALID: {} attempted, {successful} recorded as successful, each of these credited exactly once",
                plural(payments.len(), "payment")
            )
        }
    }
}

/// How each payment fared, and the names of the anomalies that concern it.
fn fates(ledger: &Ledger, checkers: &[CheckerResult]) -> Vec<PaymentFate> {
    let mut named: HashMap<&str, Vec<&str>> = HashMap::new();
    for anomaly in checkers.iter().flat_map(|c| &c.anomalies) {
        named.entry(&anomaly.subject).or_default().push(&anomaly.kind);
    }
    (0..ledger.payments.len()).map(|at| fate(ledger, at, &named)).collect()
}

fn fate(ledger: &Ledger, at: usize, named: &HashMap<&str, Vec<&str>>) -> PaymentFate {
    let payment = &ledger.payments[at];
    let tx = ledger.tx(at);
    let row = payment.rows.first().map(|row| &ledger.rows[*row]);
    let outcome = payment.outcome();
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let answered = match outcome {
        Kind::Ok => payment.answers().find(|a| a.kind == Kind::Ok),
        Kind::Fail => payment.answers().last(),
        Kind::Info | Kind::Invoke => None,
    };
    let mut anomalies: Vec<String> = named.get(tx).into_iter().flatten().map(|k| (*k).to_owned()).collect();
    anomalies.sort_by_key(|kind| weight(kind));
    anomalies.dedup();
    PaymentFate {
        tx: tx.to_owned(),
        account: ledger.account_name(payment.account).to_owned(),
        amount: crate::history::Minor(payment.amount),
        k: payment.k.unwrap_or(0),
        attempts: count(payment.attempts.len()),
        outcome,
        recorded: count(payment.rows.len()),
        result: row
            .and_then(|row| row.result)
            .map(|result| ledger.words.name(result).to_owned()),
        delivered: payment.delivered(),
        credited: payment.credited,
        credited_by_message: payment.credited_before,
        first_invoke_ns: payment.attempts.first().map_or(0, |a| a.time),
        answered_ns: answered.map(|a| a.time),
        first_delivered_ns: payment.deliveries.iter().find(|d| d.times > 0).map(|d| d.time),
        anomalies,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Header, HistoryBuilder, Promise};

    fn header() -> Header {
        Header {
            format: "paytwice-history".into(),
            version: 1,
            target: "pay-account".into(),
            run: "test".into(),
            stack: "none".into(),
            seed: 1,
            started_at: "2026-01-01T00:00:00Z".into(),
            policies: std::collections::BTreeMap::new(),
            promise: Promise {
                base: 10,
                scale: 2,
                late_is_valid: false,
                success: vec!["success".into()],
                failed: vec!["fail".into()],
            },
        }
    }

    #[test]
    fn a_checker_that_panics_says_unknown_and_that_it_is_our_bug() {
        let broken = Checker {
            name: "broken",
            about: "",
            kinds: &[],
            check: |_| panic!("on purpose"),
        };
        let ledger = Ledger::of(&HistoryBuilder::new(header()).build());
        let result = guarded(&broken, &ledger);
        assert_eq!(result.verdict, Verdict::Unknown);
        assert_eq!(
            result.reason.as_deref(),
            Some(
                "the checker broken panicked: this is a bug of paytwice, not of the target; please report it with \
                 this history"
            )
        );
    }

    #[test]
    fn every_kind_has_its_weight() {
        for kind in CHECKERS.iter().flat_map(|c| c.kinds) {
            assert!(WEIGHTS.contains(kind), "{kind}");
        }
        assert_eq!(CHECKERS.iter().map(|c| c.kinds.len()).sum::<usize>(), WEIGHTS.len());
    }

    #[test]
    fn an_empty_history_is_unknown() {
        let results = judge(&HistoryBuilder::new(header()).build());
        assert_eq!(results.verdict, Verdict::Unknown);
        assert!(
            results
                .checkers
                .iter()
                .all(|c| c.verdict == Verdict::Unknown && c.reason.is_some())
        );
    }

    #[test]
    fn a_promise_without_coded_amounts_does_not_panic() {
        for (base, scale) in [(0, 0), (1, 2), (u32::MAX, 38), (10, u32::MAX)] {
            let mut header = header();
            header.promise.base = base;
            header.promise.scale = scale;
            let results = judge(&HistoryBuilder::new(header).build());
            assert_eq!(results.verdict, Verdict::Unknown);
        }
    }
}
