//! From a request to a plan and back from a file: defaults, limits, and what is said when a request cannot be met.

mod plan_common;

use std::fmt::Write as _;

use paytwice::plan::{Plan, PlanFile, PlanRequest, expand};
use plan_common::{chain, pay_account};
use proptest::prelude::*;

fn with_seed(seed: u64) -> PlanRequest {
    PlanRequest {
        seed: Some(seed),
        ..PlanRequest::default()
    }
}

#[test]
fn defaults_are_filled_in() {
    let plan = expand(&pay_account(), &with_seed(7)).unwrap();
    insta::assert_snapshot!(plan.describe().join("\n"));
}

#[test]
fn amounts_of_every_payment_fit() {
    let target = pay_account();
    for policy in ["decimal", "double"] {
        let mut request = with_seed(1);
        request.policies.insert("money".to_owned(), policy.to_owned());
        let w = expand(&target, &request).unwrap().workload;
        assert!(f64::from(w.base).powi(w.payments_per_account as i32) <= if policy == "double" { 1e15 } else { 1e38 });
        assert!(w.accounts * w.payments_per_account >= w.payments_max);
        assert!(f64::from(w.payments_max) >= w.rate * w.time_ms as f64 / 1000.0);
    }
    assert_eq!(
        expand(&chain(), &with_seed(1)).unwrap().workload.payments_per_account,
        8,
        "nine digits, the highest kept for conflicts"
    );
}

#[test]
fn limits_of_money_that_a_policy_breaks_are_refused() {
    let mut target = pay_account();
    let double = target
        .manifest
        .policies
        .get_mut("money")
        .and_then(|p| p.values.get_mut("double"));
    double
        .and_then(|v| v.money.as_mut())
        .expect("double changes money")
        .digits = Some(2);
    let mut request = with_seed(1);
    assert!(expand(&target, &request).is_ok());
    request.policies.insert("money".to_owned(), "double".to_owned());
    let error = expand(&target, &request).unwrap_err().to_string();
    assert!(
        error.contains("money.scale is 2; it must be less than money.digits, 2"),
        "{error}"
    );
}

#[test]
fn a_preset_gives_way_to_a_policy() {
    let mut request = with_seed(1);
    request.preset = Some("published".to_owned());
    request.policies.insert("money".to_owned(), "decimal".to_owned());
    let plan = expand(&pay_account(), &request).unwrap();
    assert_eq!(plan.policies["notify"], "send-before-commit");
    assert_eq!(plan.policies["money"], "decimal");
    assert_eq!(plan.policies["ack"], "after-credit");
}

#[test]
fn a_promise_comes_from_manifest_and_plan() {
    let target = pay_account();
    let plan = expand(&target, &with_seed(1)).unwrap();
    let promise = plan.promise(&target.manifest);
    assert_eq!((promise.base, promise.scale, promise.late_is_valid), (10, 2, false));
    let late = PlanFile::parse("p.toml", "seed = 1\nlate = \"valid\"").unwrap();
    let PlanFile::Request(request) = late else {
        panic!("a request")
    };
    assert!(
        expand(&target, &request)
            .unwrap()
            .promise(&target.manifest)
            .late_is_valid
    );
}

#[test]
fn the_command_line_wins_over_a_file() {
    let text =
        "seed = 1\ntime = \"8s\"\nrate = 5\nfaults = [\"kill:pay\", \"reset\"]\n[policies]\nack = \"before-credit\"";
    let PlanFile::Request(file) = PlanFile::parse("p.toml", text).unwrap() else {
        panic!("a request")
    };
    let line = PlanRequest {
        seed: Some(2),
        ..PlanRequest::default()
    };
    let request = line.or(*file);
    assert_eq!(
        (request.seed, request.time_ms, request.rate),
        (Some(2), Some(8000), Some(5.0))
    );
    assert_eq!(request.faults.as_deref(), Some("kill:pay,reset"));
    assert_eq!(request.policies["ack"], "before-credit");
}

/// A request each, as a file writes it.
const BAD: &[&str] = &[
    "sed = 1",
    "seed = -1",
    "seed = \"one\"",
    "time = 30",
    "time = \"30\"",
    "time = \"30 secs\"",
    "time = \"soon\"",
    "time = \"100ms\"",
    "rate = \"fast\"",
    "rate = 0.0",
    "rate = -1",
    "rate = 90000.0\ntime = \"10h\"",
    "clients = 0",
    "clients = 2.5",
    "accounts = 3",
    "late_accounts = 1000",
    "attempts = 0",
    "declined_share = 1.5",
    "settle_timeout = \"1ms\"",
    "late = \"perhaps\"",
    "preset = \"publish\"",
    "policies = { dedupe = \"none\" }",
    "policies = { dedup = \"nothing\" }",
    "policies = { dedup = 1 }",
    "images = { mysq1 = \"mysql:8\" }",
    "faults = 3",
    "faults = [3]",
    "faults = \"al\"",
    "faults = [\"\"]",
    "faults = [\"all\", \"kill\"]",
    "faults = [\"kil:pay\"]",
    "faults = [\"kill:pya\"]",
    "faults = [\"kill:rocketmq\"]",
    "faults = [\"kill:pay->mysql\"]",
    "faults = [\"kill:pay:hard\"]",
    "faults = [\"cut:mysql\"]",
    "faults = [\"cut:acount->mysql\"]",
    "faults = [\"cut:account->mysql:replys\"]",
    "faults = [\"delay:pay->mysql:200\"]",
    "faults = [\"delay:pay->mysql:fast\"]",
    "faults = [\"duplicate:pay->mysql\"]",
    "faults = [\"duplicate:pay->rocketmq:delivery\"]",
    "faults = [\"duplicate:client->pay:0%\"]",
    "faults = [\"kill:pay@5\"]",
    "faults = [\"kill:pay@5s+0s\"]",
    "faults = [\"kill:pay@40s\"]",
    "faults = [\"kill:pay@5s+3s\", \"pause:pay@6s+1s\"]",
    "time = \"2s\"\nfaults = [\"kill:broker\"]",
];

#[test]
fn messages_about_bad_requests() {
    let target = pay_account();
    let mut report = String::new();
    for text in BAD {
        let error = match PlanFile::parse("p.toml", text) {
            Err(e) => e,
            Ok(PlanFile::Plan(_)) => panic!("{text} is no plan"),
            Ok(PlanFile::Request(request)) => {
                let request = with_seed(1).or(*request);
                expand(&target, &request).expect_err(text)
            }
        };
        writeln!(report, "{}\n    {error}", text.replace('\n', " | ")).unwrap();
    }
    insta::assert_snapshot!(report);
}

/// One change of a stored plan each.
const BAD_PLANS: &[(&str, &str)] = &[
    ("version = 1", "version = 7"),
    ("rate = ", "rat = "),
    ("fault = \"kill\"", "fault = \"kil\""),
    ("fault = \"kill\"", "fault = \"cut\""),
    ("fault = \"cut\"", "fault = \"kill\""),
    ("at_ms = ", "at = "),
    ("accounts = ", "accounts = 1 #"),
    ("clients = ", "clients = 0 #"),
];

#[test]
fn messages_about_bad_plans() {
    let text = expand(&pay_account(), &with_seed(7)).unwrap().to_toml();
    let mut report = String::new();
    for (from, to) in BAD_PLANS {
        assert!(text.contains(from), "the plan has no {from:?}");
        let error = Plan::from_toml("plan.toml", &text.replacen(from, to, 1)).expect_err(to);
        writeln!(report, "{from}  =>  {to}\n    {error}").unwrap();
    }
    let mut elsewhere = expand(&pay_account(), &with_seed(7)).unwrap();
    elsewhere.policies.clear();
    let error = elsewhere.check_against(&chain()).unwrap_err();
    writeln!(report, "another target\n    {error}").unwrap();
    insta::assert_snapshot!(report);
}

#[test]
fn a_stored_plan_is_told_from_a_request() {
    let plan = expand(&pay_account(), &with_seed(7)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("plan.toml");
    std::fs::write(&file, plan.to_toml()).unwrap();
    assert_eq!(PlanFile::read(&file).unwrap(), PlanFile::Plan(Box::new(plan)));
    let missing = PlanFile::read(&dir.path().join("no.toml")).unwrap_err().to_string();
    assert!(missing.contains("no.toml: cannot be read"), "{missing}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_plan_survives_its_file(seed in 0..=i64::MAX as u64, time_ms in 500u64..40_000, rate in 0.1f64..500.0) {
        let target = pay_account();
        let request = PlanRequest { time_ms: Some(time_ms), rate: Some(rate), ..with_seed(seed) };
        let plan = expand(&target, &request).unwrap();
        let read = Plan::from_toml("plan.toml", &plan.to_toml()).unwrap();
        prop_assert!(read.check_against(&target).is_ok());
        prop_assert_eq!(read, plan);
    }
}
