//! Targets on disk: how they are found, what a run keeps of them, their schema files, and what provokes their defects.

mod plan_common;

use std::path::Path;

use paytwice::plan::{Target, expand, points};
use plan_common::{pay_account, pay_account_dir, pay_account_text};

#[test]
fn what_provokes_a_defect_is_a_request() {
    let target = pay_account();
    for (policy, def) in &target.manifest.policies {
        for (value, def) in &def.values {
            let Some(request) = target.provoke(policy, value) else {
                assert!(def.defect.is_none(), "nothing provokes {policy}={value}");
                continue;
            };
            let plan = expand(&target, &request).unwrap_or_else(|e| panic!("{policy}={value}: {e}"));
            assert_eq!(&plan.policies[policy], value);
            assert_eq!(
                (plan.seed, plan.workload.time_ms, plan.workload.give_up),
                (1, 8000, 0.7)
            );
        }
    }
    let request = target.provoke("notify", "plain-send").unwrap();
    assert_eq!(
        request.faults.as_deref(),
        Some("delay:pay->mysql:180ms:reply@500ms+6s,kill:pay@3s+500ms")
    );
    let request = target.provoke("result", "ignore").unwrap();
    assert_eq!(request.faults.as_deref(), Some("none"));
}

#[test]
fn what_cannot_provoke_is_said_where_a_target_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    pay_account().keep(folder.path()).unwrap();
    let file = folder.path().join("target.toml");
    let text = pay_account_text();
    for (from, to, says) in [
        ("kill:mysql@3s+500ms", "kill:mysq1@3s+500ms", "did you mean mysql"),
        (
            "provoke = { faults = [\"reset",
            "provoke = { rules = [\"pay->mysql COMIT reply: drop\"], faults = [\"reset",
            "near it: COMMIT reply",
        ),
        (
            "provoke = { time = \"8s\"",
            "provoke = { time = \"8ms\"",
            "500ms to 24h",
        ),
    ] {
        assert!(text.contains(from), "{from}");
        std::fs::write(&file, text.replacen(from, to, 1)).unwrap();
        let error = Target::load(&file).unwrap_err().to_string();
        assert!(
            error.contains("target.toml: policies.") && error.contains(".provoke: "),
            "{error}"
        );
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn a_target_that_a_run_keeps_is_the_same_target() {
    let folder = tempfile::tempdir().unwrap();
    let target = pay_account();
    target.keep(folder.path()).unwrap();
    let kept = Target::load(&folder.path().join("target.toml")).unwrap();
    assert_eq!(kept.manifest, target.manifest);
    assert_eq!(kept.dir, folder.path());
    assert_eq!(kept.home, std::path::absolute(&target.home).unwrap());
    assert_eq!(points(&kept), points(&target));
    // A manifest of another name is kept under the usual one.
    let other = folder.path().join("other.toml");
    std::fs::rename(&kept.file, &other).unwrap();
    let kept = Target::load(&other).unwrap();
    let again = tempfile::tempdir().unwrap();
    kept.keep(again.path()).unwrap();
    assert_eq!(Target::load(&again.path().join("target.toml")).unwrap().home, kept.home);
}

#[test]
fn a_schema_that_is_not_there_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("target.toml");
    std::fs::write(&file, pay_account_text()).unwrap();
    let error = Target::load(&file).unwrap_err().to_string();
    assert!(
        error.contains("dependencies.mysql.databases.bank1.schema names \"schema/bank1.sql\""),
        "{error}"
    );
    assert!(
        error.contains("policies.money.values.double.databases.bank1.schema"),
        "{error}"
    );
}

#[test]
fn a_schema_outside_of_the_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    pay_account().keep(folder.path()).unwrap();
    let file = folder.path().join("target.toml");
    let outside = pay_account_dir().join("schema/bank1.sql");
    for schema in ["../bank1.sql", outside.to_str().unwrap()] {
        let text = pay_account_text().replacen("schema/bank1.sql", schema, 1);
        std::fs::write(&file, text).unwrap();
        let error = Target::load(&file).unwrap_err().to_string();
        assert!(
            error.contains("databases.bank1.schema") && error.contains("inside the target's folder"),
            "{error}"
        );
    }
}

#[test]
fn targets_are_found_by_name_from_below_and_by_path() {
    let root = pay_account_dir().join("../..");
    let below = pay_account_dir().join("schema");
    assert_eq!(
        Target::find_from(&root, "pay-account").unwrap().manifest.name,
        "pay-account"
    );
    assert_eq!(
        Target::find_from(&below, "pay-account").unwrap().manifest.name,
        "pay-account"
    );
    assert_eq!(
        Target::find_from(&root, "targets/pay-account").unwrap().manifest.name,
        "pay-account"
    );
    assert_eq!(
        Target::find_from(&root, "targets/pay-account/target.toml")
            .unwrap()
            .manifest
            .name,
        "pay-account"
    );
    let unknown = Target::find_from(&root, "pay-acount").unwrap_err().to_string();
    assert!(
        unknown.starts_with("no target \"pay-acount\": the targets here are"),
        "{unknown}"
    );
    assert!(unknown.contains("did you mean pay-account?"), "{unknown}");
    let nowhere = Target::find_from(Path::new("/"), "pay-account")
        .unwrap_err()
        .to_string();
    assert!(nowhere.contains("there is no folder `targets`"), "{nowhere}");
}
