use paytwice_checkers::promises::of_command;
use paytwice_checkers::verdict::Verdict;
use serde_json::{Value, json};

use crate::shop::{Run, messages, unknown};

#[test]
fn until_its_program_has_run_nothing_is_known() {
    let run = Run::new(json!({ "checker": "command", "run": ["python3", "check.py"] }));
    unknown(&run.rest(|_| ()), "a program decides this: the harness runs it");
}

fn said(answer: &Value) -> paytwice_checkers::verdict::CheckerResult {
    of_command("stock", answer.to_string().as_bytes())
}

#[test]
fn a_verdict_of_a_program_is_taken_over() {
    let result = said(&json!({ "verdict": "valid", "counts": { "orders": 3 }, "reason": "looked at all" }));
    assert_eq!(
        (result.name.as_str(), result.verdict, result.counts["orders"]),
        ("stock", Verdict::Valid, 3)
    );
    assert_eq!(result.reason.as_deref(), Some("looked at all"));
    let anomaly =
        json!({ "kind": "oversold", "subject": "s1", "sentence": "sku s1 was sold twice", "witness": [9, 4, 9] });
    let result = said(&json!({ "verdict": "invalid", "anomalies": [anomaly] }));
    assert_eq!(
        (
            result.verdict,
            result.counts["oversold"],
            &result.anomalies[0].witness[..]
        ),
        (Verdict::Invalid, 1, &[4, 9][..])
    );
    unknown(&said(&json!({ "verdict": "unknown" })), "no reason was given");
}

#[test]
fn a_bad_answer_is_unknown_and_shows_what_it_was() {
    unknown(
        &of_command("stock", b" \n"),
        "the program wrote nothing; expected a verdict as JSON",
    );
    let result = of_command("stock", b"Traceback (most recent call last):\n");
    let reason = "the program's answer is no verdict: expected value at line 1 column 1; it wrote: Traceback (most recent call last):";
    unknown(&result, reason);
    for (answer, why) in [
        (json!({ "verdict": "fine" }), "unknown variant `fine`"),
        (json!({ "reason": "all good" }), "missing field `verdict`"),
        (json!({ "verdict": "valid", "anomaly": [] }), "unknown field `anomaly`"),
        (
            json!({ "verdict": "valid", "counts": { "orders": -1 } }),
            "invalid value: integer `-1`",
        ),
    ] {
        let reason = said(&answer).reason.unwrap();
        assert!(
            reason.contains(why) && reason.ends_with(&answer.to_string()),
            "{reason}"
        );
    }
    let long = "x".repeat(1_000);
    let reason = of_command("stock", long.as_bytes()).reason.unwrap();
    assert!(reason.ends_with("xxx ...") && reason.len() < 400, "{reason}");
}

#[test]
fn an_answer_that_contradicts_itself_is_unknown() {
    unknown(
        &said(&json!({ "verdict": "invalid" })),
        "the program says invalid, and names no anomaly; it wrote: {\"verdict\":\"invalid\"}",
    );
    let anomaly = json!({ "kind": "k", "subject": "s", "sentence": "it is" });
    let reason = said(&json!({ "verdict": "valid", "anomalies": [anomaly] }))
        .reason
        .unwrap();
    assert!(
        reason.starts_with("the program says valid, and names 1 anomaly; it wrote: "),
        "{reason}"
    );
}

#[test]
fn a_mistake_in_its_options_is_said() {
    messages(&[
        (
            json!({ "checker": "command" }),
            "promises[0].run is missing; for example run = [\"python3\", \"check.py\"]",
        ),
        (
            json!({ "checker": "command", "run": "python3 check.py" }),
            "promises[0].run is \"python3 check.py\"; expected a list of texts, as in [\"python3\", \"check.py\"]",
        ),
        (
            json!({ "checker": "command", "run": [] }),
            "promises[0].run is empty; for example run = [\"python3\", \"check.py\"]",
        ),
        (
            json!({ "checker": "command", "run": ["python3", 3] }),
            "promises[0].run is [\"python3\",3]; expected a text or a list of texts",
        ),
        (
            json!({ "checker": "command", "run": [" "] }),
            "promises[0].run[0] is empty; it is the program",
        ),
    ]);
}
