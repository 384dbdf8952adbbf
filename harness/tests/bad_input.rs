//! What a user can type wrongly: one clear message that says what to do, the right exit code, nothing left behind.

mod common;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use common::{left_by, require_docker};
use paytwice::stack::Engine;

/// Runs the command line in a folder, without what the developer's environment may set.
async fn paytwice_in(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paytwice"));
    let command = command
        .args(args)
        .current_dir(folder)
        .env_remove("PAYTWICE_MYSQL_IMAGE")
        .env_remove("PAYTWICE_ROCKETMQ_IMAGE");
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = child.id();
    let output = child.wait_with_output().unwrap();
    if Engine::connect().await.is_ok() {
        assert_eq!(left_by(pid), Vec::<String>::new(), "{args:?} left something behind");
    }
    output
}

async fn paytwice(args: &[&str]) -> Output {
    paytwice_in(&workspace(), args).await
}

fn workspace() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The exit code is `code`, and the message names every one of these; no panic is ever shown.
#[track_caller]
fn says(output: &Output, code: i32, names: &[&str]) {
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{err}");
    assert!(!err.contains("panicked"), "{err}");
    for name in names {
        assert!(err.contains(name), "{name:?} is not named in: {err}");
    }
}

#[tokio::test]
async fn an_unknown_target_lists_the_known_ones() {
    says(
        &paytwice(&["run", "pay-acount"]).await,
        254,
        &["pay-acount", "pay-account"],
    );
}

#[tokio::test]
async fn an_unknown_fault_policy_or_preset_names_its_neighbour() {
    says(&paytwice(&["run", "--faults", "kil:pay"]).await, 254, &["kil", "kill"]);
    says(&paytwice(&["run", "--faults", "kill:pya"]).await, 254, &["pya", "pay"]);
    says(
        &paytwice(&["run", "--faults", "cut:account->mysq"]).await,
        254,
        &["account->mysq", "account->mysql"],
    );
    says(
        &paytwice(&["run", "--policy", "dedupe=none"]).await,
        254,
        &["dedupe", "dedup"],
    );
    says(
        &paytwice(&["run", "--policy", "dedup=nothing"]).await,
        254,
        &["nothing", "insert-first"],
    );
    says(
        &paytwice(&["run", "--preset", "publishd"]).await,
        254,
        &["publishd", "published"],
    );
}

#[tokio::test]
async fn a_value_that_is_none_is_refused_by_its_flag() {
    says(&paytwice(&["run", "--time", "soon"]).await, 254, &["--time", "soon"]);
    says(&paytwice(&["run", "--rate", "0"]).await, 254, &["rate"]);
    says(
        &paytwice(&["run", "--policy", "dedup"]).await,
        254,
        &["--policy", "NAME=VALUE"],
    );
    says(
        &paytwice(&["run", "--count", "account=1"]).await,
        254,
        &["--count account", "at least 18", "payment.amount"],
    );
    says(
        &paytwice(&["run", "--count", "account=4000000000"]).await,
        254,
        &["--count account", "1 to 1000000"],
    );
    says(
        &paytwice(&["run", "--count", "account=-1"]).await,
        254,
        &["--count", "-1", "account=20"],
    );
    for (flag, wrong, bound) in [
        ("--clients", "4000000000", "1 to 10000"),
        ("--clients", "-3", "1 to 10000"),
        ("--clients", "99999999999999999999", "1 to 10000"),
        ("--rate", "-5", "above 0 and at most 100000"),
        ("--rate", "4000000000", "above 0 and at most 100000"),
        ("--rate", "NaN", "above 0 and at most 100000"),
        ("--runs", "0", "1 to 100000"),
        ("--runs", "-1", "1 to 100000"),
        ("--runs", "4000000000", "1 to 100000"),
        ("--seed", "-1", "0 to 9223372036854775807"),
        ("--time", "-5s", "below 0"),
        ("--time", "4000000000s", "500ms to 24h"),
        ("--count", "account=99999999999999999999", "up to 1000000"),
        ("--late", "account=-4", "up to 1000000"),
    ] {
        let output = paytwice(&["run", "pay-account", flag, wrong]).await;
        says(&output, 254, &[flag, bound]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("-- -"), "{said}");
    }
    let jobs = ["run", "--explore", "points", "--jobs", "-1"];
    says(&paytwice(&jobs).await, 254, &["--jobs", "1 to 64"]);
    says(
        &paytwice(&["run", "--count", "account"]).await,
        254,
        &["--count", "NAME=N"],
    );
    says(
        &paytwice(&["run", "--late", "acount=1"]).await,
        254,
        &["--late acount", "did you mean account"],
    );
    says(&paytwice(&["run", "--direct"]).await, 254, &["--direct", "--faults"]);
    says(&paytwice(&["frobnicate"]).await, 254, &["frobnicate"]);
}

#[tokio::test]
async fn a_malformed_plan_names_file_and_key() {
    let dir = tempfile::tempdir().unwrap();
    let plan = dir.path().join("bad.toml");
    let file = plan.to_str().unwrap();
    says(&paytwice(&["run", "--plan", file]).await, 254, &[file]);
    for (text, names) in [
        ("seed = \"seven\"", ["bad.toml", "seed"]),
        ("sed = 7", ["bad.toml", "sed"]),
        ("seed = ", ["bad.toml", "TOML"]),
        ("faults = [\"kil\"]", ["kil", "kill"]),
        ("clients = 4000000000", ["clients", "1 to 10000"]),
        ("clients = -1", ["clients", "0 to 4294967295"]),
        ("op_timeout = \"99h\"", ["op_timeout", "50ms to 10m"]),
    ] {
        std::fs::write(&plan, text).unwrap();
        says(&paytwice(&["run", "--plan", file]).await, 254, &names);
    }
}

#[tokio::test]
async fn a_target_need_not_be_named_where_there_is_one() {
    let dir = tempfile::tempdir().unwrap();
    says(
        &paytwice_in(dir.path(), &["list", "points"]).await,
        254,
        &["no folder `targets`"],
    );
    let original = workspace().join("targets/pay-account");
    let copy = |name: &str| {
        let to = dir.path().join("targets").join(name);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        let copied = Command::new("cp").arg("-r").arg(&original).arg(&to).status().unwrap();
        assert!(copied.success());
    };
    copy("first");
    says(&paytwice_in(dir.path(), &["list", "points"]).await, 0, &[]);
    copy("second");
    for args in [&["list", "points"][..], &["run", "--faults", "none"]] {
        says(
            &paytwice_in(dir.path(), args).await,
            254,
            &["first, second", "`paytwice run first`"],
        );
    }
    says(&paytwice_in(dir.path(), &["list", "points", "second"]).await, 0, &[]);
}

#[tokio::test]
async fn a_manifest_that_is_wrong_is_said_with_file_and_key() {
    let dir = tempfile::tempdir().unwrap();
    let original = std::fs::read_to_string(workspace().join("targets/pay-account/target.toml")).unwrap();
    let file = dir.path().join("target.toml");
    for (from, to, names) in [
        (
            "starts = \"payment\"",
            "starts = \"paymnt\"",
            ["actions.recharge.starts", "did you mean payment"],
        ),
        (
            "view = \"balances\"",
            "view = \"balence\"",
            ["promises[0].effect.view", "did you mean balances"],
        ),
        (
            "[views.payments]",
            "[view.payments]",
            ["view is not a known key", "did you mean views"],
        ),
    ] {
        assert!(original.contains(from), "{from}");
        std::fs::write(&file, original.replacen(from, to, 1)).unwrap();
        let output = paytwice(&["run", dir.path().to_str().unwrap()]).await;
        says(&output, 254, &names);
        says(&output, 254, &["target.toml: "]);
    }
}

#[tokio::test]
async fn a_run_that_is_not_there_and_a_history_that_is_none() {
    says(
        &paytwice(&["check", "no-such-run"]).await,
        254,
        &["no-such-run", "--store"],
    );
    let dir = tempfile::tempdir().unwrap();
    let history = dir.path().join("history.jsonl");
    std::fs::write(&history, "this is no history\n{}\n").unwrap();
    let output = paytwice(&["check", history.to_str().unwrap()]).await;
    says(&output, 255, &["history.jsonl:1:"]);
}

#[tokio::test]
async fn a_checker_that_needs_a_table_asks_for_it_and_judges_by_it() {
    let dir = tempfile::tempdir().unwrap();
    let history = dir.path().join("history.edn");
    let enter = |state: &str| format!("{{:process 0, :type :ok, :f :enter, :value [order-7 {state}]}}\n");
    std::fs::write(&history, enter("made") + &enter("sent")).unwrap();
    let check = ["check", history.to_str().unwrap(), "--as", "state-machine"];
    says(
        &paytwice(&check).await,
        254,
        &["option transitions is missing", "transitions=a:b:c+a:d"],
    );
    let output = paytwice(&[&check[..], &["--option", "transitions=made:paid:sent"]].concat()).await;
    says(&output, 1, &[]);
    let told = String::from_utf8_lossy(&output.stdout);
    for part in [
        "INVALID state-machine",
        "illegal-transition: order-7 went from made to sent\n    operations 0, 1\n",
        "--as state-machine --format jepsen-edn --option transitions=made:paid:sent",
    ] {
        assert!(told.contains(part), "{part:?} is not in: {told}");
    }
}

#[tokio::test]
async fn docker_that_cannot_be_reached_is_said_with_a_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_paytwice"))
        .args(["run", "--store"])
        .arg(dir.path())
        .current_dir(workspace())
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
        .output()
        .unwrap();
    says(&output, 255, &["Docker cannot be reached", "ci/docker-up"]);
    assert_eq!(
        std::fs::read_dir(dir.path()).unwrap().count(),
        0,
        "something was left behind"
    );
}

#[tokio::test]
async fn an_image_that_is_missing_is_named() {
    require_docker!();
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().to_str().unwrap();
    let image = "mysql=paytwice/no-such-image:ever";
    says(
        &paytwice(&["run", "--store", store, "--image", image]).await,
        254,
        &["paytwice/no-such-image:ever", "mysql"],
    );
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_its_link() {
    require_docker!();
    // Beside the original: its services are built from the same workspace.
    let dir = tempfile::Builder::new()
        .prefix(".hard-coded")
        .tempdir_in(workspace().join("targets"))
        .unwrap();
    let target = dir.path().join("pay-account");
    let original = workspace().join("targets/pay-account");
    assert!(
        Command::new("cp")
            .arg("-r")
            .arg(&original)
            .arg(&target)
            .status()
            .unwrap()
            .success()
    );
    let manifest = target.join("target.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    // These services insist on the usual port, and another program of this machine has it.
    let taken = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let text = text
        .replace("${mysql.addr}", "mysql:3306")
        .replace("port = 3306", &format!("port = {port}"));
    std::fs::write(&manifest, text).unwrap();
    let store = dir.path().join("store");
    let output = paytwice(&[
        "run",
        "--time",
        "1s",
        "--faults",
        "none",
        "--store",
        store.to_str().unwrap(),
        target.to_str().unwrap(),
    ])
    .await;
    drop(taken);
    says(&output, 255, &["->mysql", &port, "in use"]);
}

#[tokio::test]
async fn a_store_that_cannot_be_written_is_named() {
    require_docker!();
    let output = paytwice(&["run", "--time", "1s", "--faults", "none", "--store", "/proc/nowhere"]).await;
    says(&output, 255, &["/proc/nowhere", "--store"]);
}

#[tokio::test]
async fn points_that_no_target_has_are_refused_before_anything_is_started() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    let only = [
        "run",
        "pay-account",
        "--explore",
        "points",
        "--store",
        store.to_str().unwrap(),
        "--only",
    ];
    let output = paytwice(&[&only[..], &["NOSUCH"]].concat()).await;
    says(&output, 254, &["--only", "NOSUCH", "paytwice list points"]);
    assert!(!store.exists(), "an exploration was begun");
}

/// A copy of a target of these tests beside the original (its services are built from the same workspace), with something
/// replaced in one of its files.
fn changed(file: &str, from: &str, to: &str) -> tempfile::TempDir {
    let targets = workspace().join("harness/tests/targets");
    let dir = tempfile::Builder::new()
        .prefix(".changed")
        .tempdir_in(&targets)
        .unwrap();
    let original = targets.join("store-only/.");
    let copied = Command::new("cp")
        .arg("-r")
        .arg(&original)
        .arg(dir.path())
        .status()
        .unwrap();
    assert!(copied.success());
    let file = dir.path().join(file);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{from:?} is not in {}", file.display());
    std::fs::write(&file, text.replacen(from, to, 1)).unwrap();
    dir
}

/// What only the servers find out is said with the place in the user's file, and is the user's mistake all the same.
#[tokio::test]
async fn mistakes_that_are_found_late_are_the_user_s_all_the_same() {
    require_docker!();
    for (file, from, to, names) in [
        // The second statement: its line is that of the file.
        (
            "schema/store.sql",
            "CREATE TABLE balances (",
            "CREATE TABLE balances (\n    owner VARCHR(64),",
            &["databases.shop", "store.sql:8: ", "syntax"][..],
        ),
        (
            "target.toml",
            "SELECT account, balance FROM balances",
            "SELECT account, balance FROM balence",
            &["target.toml", "views.balances", "balence"],
        ),
        (
            "target.toml",
            "SELECT id, account, amount FROM entries",
            "SELECT id AS number, account, amount FROM entries",
            &[
                "target.toml",
                "views.entries.sql",
                "must return the column \"id\"",
                "promises[0]",
            ],
        ),
        (
            "target.toml",
            "INSERT INTO balances VALUES ('${account}', 0)",
            "INSERT INTO balance VALUES ('${account}', 0)",
            &["target.toml", "balance"],
        ),
        (
            "target.toml",
            "bin = \"stores\"",
            "bin = \"storse\"",
            &["service shop", "storse"],
        ),
        (
            "target.toml",
            "cargo = { package = \"paytwice-targets\", bin = \"stores\" }",
            "image = \"localhost:1/no/such:image\"",
            &["localhost:1/no/such:image", "shop"],
        ),
    ] {
        let dir = changed(file, from, to);
        let store = dir.path().join("store");
        let target = dir.path().to_str().unwrap();
        let output = paytwice(&[
            "run",
            target,
            "--time",
            "1s",
            "--faults",
            "none",
            "--store",
            store.to_str().unwrap(),
        ])
        .await;
        says(&output, 254, names);
    }
}

#[tokio::test]
async fn the_doctor_says_by_its_exit_code_that_a_run_would_not_start() {
    let doctor = |host: Option<&str>, config: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paytwice"));
        command.arg("doctor").env("DOCKER_CONFIG", config);
        if let Some(host) = host {
            command.env("DOCKER_HOST", host);
        }
        command.output().unwrap()
    };
    let dir = tempfile::tempdir().unwrap();
    let output = doctor(Some("unix:///nonexistent/docker.sock"), dir.path());
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("missing      docker"));
    // The context that the user has chosen counts, also where there is none of that name.
    std::fs::write(dir.path().join("config.json"), r#"{"currentContext":"elsewhere"}"#).unwrap();
    if std::env::var_os("DOCKER_HOST").is_none() {
        let output = doctor(None, dir.path());
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stdout).contains("no Docker context \"elsewhere\""));
    }
}
