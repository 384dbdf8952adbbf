use paytwice_checkers::Findings;
use paytwice_checkers::history::{History, HistoryBuilder};
use paytwice_checkers::promises::check_given;
use paytwice_checkers::verdict::{CheckerResult, Verdict};

use crate::shop::unknown;

fn history() -> History {
    HistoryBuilder::new(Default::default()).build()
}

fn said(anomalies: usize, witness: u64, verdict: Verdict) -> impl Fn(&History) -> CheckerResult {
    move |_| {
        let mut findings = Findings::default();
        findings.count("orders", 2);
        for _ in 0..anomalies {
            findings.anomaly("odd", "o1", "order o1 is odd".into(), vec![witness]);
        }
        CheckerResult {
            verdict,
            ..findings.result("a name of its own")
        }
    }
}

#[test]
fn a_checker_of_ones_own_is_called_by_the_name_of_its_promise() {
    let result = check_given("stock", &said(1, 0, Verdict::Invalid), &history());
    assert_eq!(
        (result.name.as_str(), result.verdict, result.counts["odd"]),
        ("stock", Verdict::Invalid, 1)
    );
    assert_eq!(
        check_given("stock", &said(0, 0, Verdict::Valid), &history()).verdict,
        Verdict::Valid
    );
}

#[test]
fn one_that_panics_or_contradicts_itself_is_unknown() {
    let panics = |_: &History| -> CheckerResult { panic!("a bug") };
    unknown(&check_given("stock", &panics, &history()), "the checker stock panicked");
    let result = check_given("stock", &said(1, 7, Verdict::Invalid), &history());
    unknown(
        &result,
        "the checker stock names event 7 as a witness, and the history has 1 events",
    );
    let result = check_given("stock", &said(0, 0, Verdict::Invalid), &history());
    unknown(&result, "the checker stock says invalid, and names no anomaly");
    let result = check_given("stock", &said(2, 0, Verdict::Valid), &history());
    unknown(&result, "the checker stock says valid, and names 2 anomalies");
}
