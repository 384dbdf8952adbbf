//! From a request to a plan and back from a file: defaults, limits, and what is said when a request cannot be met.

mod plan_common;

use std::fmt::Write as _;

use paytwice::plan::{Count, Manifest, Plan, PlanFile, PlanRequest, Target, expand};
use plan_common::{CHAIN, chain, pay_account};
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
fn the_code_of_every_subject_fits() {
    let target = pay_account();
    for policy in ["decimal", "double"] {
        let mut request = with_seed(1);
        request.policies.insert("money".to_owned(), policy.to_owned());
        let plan = expand(&target, &request).unwrap();
        let manifest = target.effective(&plan.policies).unwrap();
        let (_, amount) = manifest.subjects["payment"].coded().next().unwrap();
        assert!(
            amount.conflict()
                <= if policy == "double" {
                    10i128.pow(15)
                } else {
                    10i128.pow(38)
                }
        );
        let w = plan.workload;
        assert!(w.counts["account"].all * amount.per_holder() >= w.subjects_max);
        assert!(f64::from(w.subjects_max) >= w.stages[0].rate * w.time_ms as f64 / 1000.0);
    }
    let chain = chain().manifest;
    let (_, pieces) = chain.subjects["order"].coded().next().unwrap();
    assert_eq!(pieces.per_holder(), 8, "nine digits, the highest kept for conflicts");
    assert_eq!(pieces.conflict(), 100_000_000);
}

#[test]
fn a_shape_is_stretched_to_the_time_that_is_asked_for() {
    let text = CHAIN.replacen(
        "[keys.order]",
        "[workload]\nclients = 3\nask = 0.0\nshape = [{ rate = 20, for = \"10s\" }, { rate = 200, for = \"20s\" }]\n\n[keys.order]",
        1,
    );
    let target = Target::new(
        ".",
        Manifest::parse("target.toml", &text).unwrap_or_else(|e| panic!("{e}")),
    );
    let stages = |request: PlanRequest| -> Vec<(f64, u64)> {
        let w = expand(&target, &request).unwrap().workload;
        assert_eq!(w.time_ms, w.stages.iter().map(|stage| stage.for_ms).sum::<u64>());
        w.stages.iter().map(|stage| (stage.rate, stage.for_ms)).collect()
    };
    assert_eq!(stages(with_seed(1)), [(20.0, 10_000), (200.0, 20_000)]);
    let w = expand(&target, &with_seed(1)).unwrap().workload;
    assert_eq!((w.clients, w.ask, w.subjects_max), (3, 0.0, 4200 + 210));
    let begins: Vec<Option<u64>> = [0, 1, 199, 200, 201, 4199, 4200].map(|n| w.at_ms(n)).to_vec();
    assert_eq!(
        begins,
        [
            Some(0),
            Some(50),
            Some(9950),
            Some(10_000),
            Some(10_005),
            Some(29_995),
            None
        ]
    );
    let timed = PlanRequest {
        time_ms: Some(6000),
        ..with_seed(1)
    };
    assert_eq!(stages(timed.clone()), [(20.0, 2000), (200.0, 4000)]);
    let rated = PlanRequest {
        rate: Some(5.0),
        ..with_seed(1)
    };
    assert_eq!(stages(rated.clone()), [(5.0, 30_000)]);
    assert_eq!(stages(rated.or(timed)), [(5.0, 6000)]);
    let PlanFile::Request(file) = PlanFile::parse("p.toml", "shape = [{ rate = 2, for = \"3s\" }]").unwrap() else {
        panic!("a request")
    };
    assert_eq!(stages(with_seed(1).or(*file)), [(2.0, 3000)]);
}

#[test]
fn what_there_is_beforehand_is_as_many_as_is_asked_for() {
    let target = pay_account();
    let count = |request: &PlanRequest| expand(&target, request).unwrap().workload.counts["account"];
    assert_eq!(count(&with_seed(1)), Count { all: 18, late: 2 });
    let mut request = with_seed(1);
    request.counts.insert("account".to_owned(), 30);
    assert_eq!(count(&request), Count { all: 30, late: 2 });
    request.late.insert("account".to_owned(), 0);
    assert_eq!(count(&request), Count { all: 30, late: 0 });
    let late = Count { all: 30, late: 4 };
    assert_eq!(
        (0..30).filter(|n| late.is_late(*n)).collect::<Vec<_>>(),
        [26, 27, 28, 29]
    );
    // What the manifest says is a minimum where it can be opened, and all there is where it cannot.
    let with = |text: &str| {
        Target::new(
            ".",
            Manifest::parse("target.toml", text).unwrap_or_else(|e| panic!("{e}")),
        )
    };
    let opened = with(&CHAIN.replacen("[subjects.shelf]", "[subjects.shelf]\ncount = 20", 1));
    assert_eq!(expand(&opened, &with_seed(1)).unwrap().workload.counts["shelf"].all, 79);
    let fixed = with(
        &CHAIN
            .replacen("[subjects.shelf]", "[subjects.shelf]\ncount = 20", 1)
            .replacen("open = {", "# {", 1),
    );
    let error = expand(&fixed, &with_seed(1)).unwrap_err().to_string();
    assert!(
        error.starts_with("subjects.shelf.count: is 20; it must be at least 79"),
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
    "count = 3",
    "count = { account = 3 }",
    "count = { account = 4000000000 }",
    "count = { account = 99999999999 }",
    "count = { account = -1 }",
    "count = { acount = 30 }",
    "count = { payment = 30 }",
    "late = { account = 1000 }",
    "late = { acount = 1 }",
    "attempts = 0",
    "give_up = 1.5",
    "ask = -0.1",
    "shape = [{ rate = 5, for = \"1s\" }]\nrate = 3",
    "shape = [{ rate = 0, for = \"1s\" }]",
    "shape = [{ rate = 5, for = \"100ms\" }]",
    "shape = [{ rate = 5 }]",
    "rate = 10000.0\ntime = \"2h\"",
    "settle_timeout = \"1ms\"",
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
    ("time_ms = ", "time_ms = 1 #"),
    ("clients = ", "clients = 0 #"),
    ("ask = ", "ask = 2.0 #"),
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
    let mut few = expand(&pay_account(), &with_seed(7)).unwrap();
    few.workload
        .counts
        .insert("account".to_owned(), Count { all: 1, late: 0 });
    let error = few.check_against(&pay_account()).unwrap_err();
    writeln!(report, "too few accounts\n    {error}").unwrap();
    few.workload.counts.clear();
    let error = few.check_against(&pay_account()).unwrap_err();
    writeln!(report, "no accounts\n    {error}").unwrap();
    let mut elsewhere = expand(&pay_account(), &with_seed(7)).unwrap();
    elsewhere.policies.clear();
    elsewhere
        .workload
        .counts
        .insert("shelf".to_owned(), Count { all: 100, late: 0 });
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
