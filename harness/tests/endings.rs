//! However a run ends, nothing of it is left, and what was recorded can be read: SIGKILL, Ctrl-C, a full disk.

mod common;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{left_by, require_docker};
use paytwice::run::{Notice, Observer};
use paytwice::{Campaign, Session};

const PATIENCE: Duration = Duration::from_secs(90);

fn start(store: &Path, extra: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_paytwice"))
        .args(["run", "pay-account", "--seed", "3", "--time", "60s", "--store"])
        .arg(store)
        .args(extra)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits until the workload of the run has recorded something.
fn wait_for_workload(store: &Path) -> PathBuf {
    let began = Instant::now();
    loop {
        let history = store.join("latest/history.jsonl");
        let text = std::fs::read_to_string(&history).unwrap_or_default();
        if text.matches("\"f\":\"recharge\"").count() > 20 {
            return history;
        }
        assert!(began.elapsed() < PATIENCE, "no workload within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

fn wait_until_nothing_is_left(pid: u32) {
    let began = Instant::now();
    while !left_by(pid).is_empty() {
        assert!(began.elapsed() < PATIENCE, "left behind: {:?}", left_by(pid));
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn paytwice(args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_paytwice"))
        .args(args)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code(), text)
}

#[tokio::test]
async fn a_killed_harness_leaves_a_history_and_nothing_else() {
    require_docker!();
    let dir = tempfile::tempdir().unwrap();
    let mut child = start(dir.path(), &[]);
    let history = wait_for_workload(dir.path());
    signal(&child, "-KILL");
    child.wait().unwrap();

    let (code, said) = paytwice(&["check", history.to_str().unwrap()]);
    assert_eq!(code, Some(2), "a history that is cut short is unknown: {said}");
    assert!(said.contains("cut short"), "{said}");
    let (code, said) = paytwice(&["clean"]);
    assert_eq!(code, Some(0), "{said}");
    wait_until_nothing_is_left(child.id());
}

#[tokio::test]
async fn ctrl_c_takes_everything_down() {
    require_docker!();
    let dir = tempfile::tempdir().unwrap();
    // In the middle of it: a server is frozen, a link is cut, and what holds them is still at work.
    let faults = "pause:mysql@1s+50s,cut:account->rocketmq@1s+50s";
    let mut child = start(dir.path(), &["--faults", faults]);
    let history = wait_for_workload(dir.path());
    let began = Instant::now();
    while !std::fs::read_to_string(&history).unwrap().contains(r#""step":"seen""#) {
        assert!(began.elapsed() < PATIENCE, "no fault was seen within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    signal(&child, "-INT");
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(255), "an interrupted run has no verdict");
    assert_eq!(
        left_by(child.id()),
        Vec::<String>::new(),
        "left behind when the program had ended"
    );
}

#[tokio::test]
async fn a_full_disk_ends_the_run_with_a_clear_message() {
    require_docker!();
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("small");
    std::fs::create_dir(&store).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=96k", "tmpfs"])
        .arg(&store)
        .output()
        .unwrap();
    if !mounted.status.success() {
        let reason = String::from_utf8_lossy(&mounted.stderr);
        let required = std::env::var("PAYTWICE_REQUIRE_DOCKER").is_ok_and(|value| value == "1");
        assert!(!required, "no small file system can be mounted: {reason}");
        eprintln!(
            "SKIPPED a_full_disk_ends_the_run_with_a_clear_message: no small file system can be mounted: {reason}"
        );
        return;
    }
    let child = start(&store, &["--faults", "none"]);
    let pid = child.id();
    let output = child.wait_with_output().unwrap();
    let unmounted = Command::new("umount").arg(&store).status().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(255), "{said}");
    assert!(said.contains("history.jsonl") && said.contains("--store"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    assert!(unmounted.success());
    assert_eq!(left_by(pid), Vec::<String>::new());
}

/// A history that makes no promise: unknown, exit code 2.
fn judged_unknown(folder: &Path) {
    let header = r#"{"format":"paytwice-history","version":1,"target":"t","run":"r","stack":"s","seed":1,"started_at":"2026-01-01T00:00:00Z","policies":{}}"#;
    let line = format!(r#"{{"index":0,"time":0,"process":"run","type":"info","f":"history","value":{header}}}"#);
    std::fs::write(folder.join("history.jsonl"), line + "\n").unwrap();
}

#[test]
fn a_verdict_stands_where_its_reports_cannot_be_written() {
    let dir = tempfile::tempdir().unwrap();
    judged_unknown(dir.path());
    let (code, said) = paytwice(&["check", dir.path().to_str().unwrap()]);
    assert_eq!(code, Some(2), "{said}");
    assert!(!said.contains("warning"), "{said}");
    // Also for root, who may write everywhere: a folder stands where the file would.
    std::fs::create_dir(dir.path().join("results.part")).unwrap();
    let (code, said) = paytwice(&["check", dir.path().to_str().unwrap()]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.starts_with("UNKNOWN: "), "{said}");
    let warning = "the reports are not written, the verdict stands: ";
    assert!(said.contains(warning) && said.contains("results.json"), "{said}");
}

#[test]
fn a_verdict_stands_where_nobody_can_hear_it() {
    let dir = tempfile::tempdir().unwrap();
    judged_unknown(dir.path());
    std::fs::create_dir(dir.path().join("results.part")).unwrap();
    let full = || Stdio::from(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let closed = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        Stdio::from(writer)
    };
    let outputs: [&dyn Fn() -> Stdio; 3] = [&full, &closed, &Stdio::null];
    for out in outputs {
        for err in outputs {
            let of = |args: &[&str]| {
                let mut command = Command::new(env!("CARGO_BIN_EXE_paytwice"));
                command.args(args).stdout(out()).stderr(err());
                command.status().unwrap().code()
            };
            assert_eq!(of(&["check", dir.path().to_str().unwrap()]), Some(2));
            assert_eq!(of(&["check", "no-such-run"]), Some(254));
            assert_eq!(of(&["list", "checkers"]), Some(0));
            assert_eq!(of(&["run", "--rate", "-1"]), Some(254));
        }
    }
}

#[tokio::test]
async fn a_run_whose_output_is_full_is_stored_and_keeps_its_exit_code() {
    require_docker!();
    let dir = tempfile::tempdir().unwrap();
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_paytwice"))
        .args([
            "run",
            "pay-account",
            "--seed",
            "3",
            "--time",
            "2s",
            "--faults",
            "none",
            "--store",
        ])
        .arg(dir.path())
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .stdout(full())
        .stderr(full())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0));
    let (code, said) = paytwice(&["check", dir.path().join("latest").to_str().unwrap()]);
    assert_eq!(code, Some(0), "{said}");
}

/// Faults of a run that is ended in the middle of them: a server is frozen, another is dead, a link is cut.
const IN_THE_MIDDLE: [&str; 3] = [
    "pause:mysql@1s+50s",
    "kill:broker@1s+50s",
    "cut:account->rocketmq@1s+50s",
];

/// A campaign that is to be ended in the middle, and what resolves when it is there.
fn to_be_ended(store: &Path) -> (Campaign, impl Future<Output = ()> + use<>) {
    let (seen, mut all_seen) = tokio::sync::mpsc::unbounded_channel();
    let observer = Observer::new(move |notice| {
        if let Notice::Fault(said) = notice
            && said.contains(": seen")
        {
            let _ = seen.send(());
        }
    });
    let campaign = Campaign::target("pay-account")
        .seed(3)
        .faults(IN_THE_MIDDLE)
        .store(store)
        .observer(observer);
    (campaign, async move {
        for _ in IN_THE_MIDDLE {
            all_seen.recv().await;
        }
    })
}

const CHILD: &str = "PAYTWICE_TEST_PANICS_IN";

/// Not a test by itself: the test below starts this program again, to see it panic.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_s_test_that_panics() {
    let Some(store) = std::env::var_os(CHILD) else { return };
    let (campaign, in_the_middle) = to_be_ended(Path::new(&store));
    tokio::select! {
        ended = campaign.run() => panic!("over too soon: {:?}", ended.map(|run| run.verdict())),
        () = in_the_middle => panic!("in the middle of the run"),
    }
}

#[tokio::test]
async fn a_test_that_panics_leaves_nothing() {
    require_docker!();
    let dir = tempfile::tempdir().unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_user_s_test_that_panics", "--nocapture"])
        .env(CHILD, dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = child.id();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains("in the middle of the run"),
        "{said}"
    );
    assert_eq!(left_by(pid), Vec::<String>::new());
    let (code, said) = paytwice(&["check", dir.path().join("latest").to_str().unwrap()]);
    assert_eq!(code, Some(2), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_after_one_that_was_broken_off_finds_the_stack_whole() {
    require_docker!();
    let dir = tempfile::tempdir().unwrap();
    let (campaign, in_the_middle) = to_be_ended(dir.path());
    let session = Session::up(&campaign).await.unwrap();
    tokio::select! {
        ended = session.run(&campaign, (1, 2)) => panic!("over too soon: {:?}", ended.map(|run| run.verdict())),
        () = in_the_middle => {}
    }
    let next = Campaign::target("pay-account")
        .seed(4)
        .time(Duration::from_secs(2))
        .faults(["none"; 0])
        .store(dir.path());
    session.run(&next, (2, 2)).await.unwrap().assert_valid();
    session.down().await.unwrap();
}
