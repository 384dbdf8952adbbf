//! A target whose services insist on TLS to MySQL and verify who they talk to: it runs, its frames are read and broken
//! like any other's, and it can be run without links too.

mod common;
mod plan_common;

use std::path::Path;
use std::time::Duration;

use common::{pay_account_image, require_docker};
use paytwice::{Campaign, Run};
use plan_common::{pay_account_dir, pay_account_text};

/// The sample target in a folder of its own, with links that end TLS and services that verify them.
async fn target_in(folder: &Path) {
    let mut text = pay_account_text();
    let mut change = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    };
    change("port = 3306", "port = 3306\ntls = \"end\"");
    change("?ssl-mode=DISABLED", "?ssl-mode=VERIFY_CA&ssl-ca=${mysql.ca}");
    for bin in ["pay", "account"] {
        let image = pay_account_image(bin).await;
        let cargo = format!("cargo = {{ package = \"paytwice-targets\", bin = \"{bin}\" }}");
        change(&cargo, &format!("image = \"{image}\""));
    }
    std::fs::write(folder.join("target.toml"), text).unwrap();
    let schemas = folder.join("schema");
    std::fs::create_dir(&schemas).unwrap();
    for entry in std::fs::read_dir(pay_account_dir().join("schema")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), schemas.join(entry.file_name())).unwrap();
    }
}

fn campaign(folder: &Path) -> Campaign {
    Campaign::target(folder.join("target.toml").display().to_string())
        .seed(3)
        .time(Duration::from_secs(3))
        .store(folder.join("store"))
}

fn history(run: &Run) -> String {
    std::fs::read_to_string(run.folder().join("history.jsonl")).unwrap()
}

/// On how many frames of a link a key was found, as the history says at its end.
fn found(history: &str, link: &str, key: &str) -> u64 {
    let events = history
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let mut keys = events
        .filter(|event| event["f"] == "keys")
        .map(|event| event["value"].clone());
    let said = keys
        .find(|said| said["link"] == link && said["key"] == key)
        .expect(link);
    let count = |of: &str| said[of].as_u64().unwrap();
    assert!(count("found") <= count("of"), "{said}");
    count("found")
}

#[tokio::test(flavor = "multi_thread")]
async fn services_that_verify_their_database_are_broken_like_any_other() {
    require_docker!();
    let folder = tempfile::tempdir().unwrap();
    target_in(folder.path()).await;
    let rule = "pay->mysql COMMIT reply #3: drop";
    let run = campaign(folder.path())
        .rule(rule)
        .run()
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    let mut faults = run.results().faults.iter();
    let fault = faults.find(|fault| fault.fault == "rule").unwrap();
    eprintln!("{}: {}", fault.fault, fault.evidence.join("; "));
    assert!(fault.seen, "{}", run.summary());
    run.assert_valid();
    let history = history(&run);
    for point in [
        "COMMIT reply",
        "INSERT account_pay request",
        "UPDATE account_info request",
    ] {
        assert!(history.contains(point), "{point} was not read");
    }
    for link in ["pay->mysql", "account->mysql", "pay->rocketmq", "account->rocketmq"] {
        assert!(found(&history, link, "tx") > 0, "{link} carried no key");
    }
    let direct = campaign(folder.path())
        .faults(["none"])
        .direct(true)
        .run()
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    direct.assert_valid();
}
