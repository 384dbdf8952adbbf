//! Faults of the machine on real servers: each is seen to take effect and seen to be healed, the correct services lose
//! nothing to them, and nothing of a disk stays behind however the harness ends.

mod common;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{TestStack, USUAL, left_of, require_docker};
use paytwice::dependency::LaunchOptions;
use paytwice::stack::{Stack as _, StackOptions, sweep, unsupported};
use paytwice::{Campaign, Run, Session};
use paytwice_checkers::verdict::Verdict;

const CHILD: &str = "PAYTWICE_TEST_DISK_CHILD";
const DISKS: &str = "/var/tmp/paytwice-disks";

/// Whether this machine can do these faults. Where it cannot, the test says so and why.
async fn can_do(kinds: &[&str]) -> bool {
    let wanting = unsupported(kinds).await.unwrap();
    for check in &wanting {
        eprintln!("SKIPPED: {check}");
    }
    wanting.is_empty()
}

fn campaign(seed: u64) -> Campaign {
    let store = std::env::temp_dir().join(format!("paytwice-machine-{}", std::process::id()));
    Campaign::target("pay-account")
        .seed(seed)
        .time(Duration::from_secs(6))
        .flush("broker", "sync")
        .store(store)
}

/// Every fault was seen to take effect and to be healed.
fn assert_seen(run: &Run) {
    for fault in &run.results().faults {
        eprintln!("{} {}: {}", fault.fault, fault.on, fault.evidence.join("; "));
        assert!(
            fault.seen,
            "{} {} was not seen\n{}",
            fault.fault,
            fault.on,
            run.summary()
        );
        assert!(fault.to_ns.is_some(), "{} {} is not healed", fault.fault, fault.on);
    }
    eprintln!("{}", run.results().sentence);
}

/// And the run is valid.
fn assert_seen_and_valid(run: &Run) {
    assert_seen(run);
    run.assert_valid();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_correct_services_live_with_a_poor_machine() {
    require_docker!();
    if !can_do(&["cpu", "memory", "clock", "loss"]).await {
        return;
    }
    let run = campaign(1)
        .rate(40.0)
        .faults([
            "cpu:pay:5%@500ms+1500ms",
            "memory:account:8m@500ms+2s",
            "clock:pay:+30s@2500ms+2s",
            "loss:account->mysql:20%@3500ms+2s",
        ])
        .run()
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    assert_seen_and_valid(&run);
    let memory = run
        .results()
        .faults
        .iter()
        .find(|fault| fault.fault == "memory")
        .unwrap();
    // Whether it needs another page in this time is its own affair; what the kernel took as its limit is not.
    let words = memory.evidence.join(" ");
    assert!(words.contains("read back") && words.contains("limit lifted"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_correct_services_live_with_a_disk_that_fails() {
    require_docker!();
    if !can_do(&["power-loss", "disk-full", "read-only"]).await {
        return;
    }
    let power = campaign(1).faults(["power-loss:mysql@1s+700ms", "power-loss:broker@4s+700ms"]);
    let session = Session::up(&power).await.unwrap_or_else(|e| panic!("{e}"));
    let run = session.run(&power, (1, 1)).await.unwrap_or_else(|e| panic!("{e}"));
    assert_seen_and_valid(&run);
    let lost = |on: &str| {
        let fault = run.results().faults.iter().find(|fault| fault.on == on).unwrap();
        fault.evidence.join(" ")
    };
    assert!(lost("mysql").contains("journal replayed"), "{}", lost("mysql"));
    assert!(lost("broker").contains("exit code 137"), "{}", lost("broker"));

    let other = campaign(2).flush("broker", "async").faults(["power-loss:broker@1s+1s"]);
    let refused = session.run(&other, (1, 1)).await.unwrap_err().to_string();
    assert!(refused.contains("start it for that campaign"), "{refused}");

    for faults in [
        ["read-only:mysql@1s+1s", "read-only:broker@4s+1s"].as_slice(),
        &["disk-full:mysql@1s+2s"],
    ] {
        let campaign = campaign(3).faults(faults.iter().copied());
        let run = session.run(&campaign, (1, 1)).await.unwrap_or_else(|e| panic!("{e}"));
        assert_seen_and_valid(&run);
    }
    // What the broker makes of a full disk is for the verdict to say: it writes through a mapping of its log, and may
    // lose what it acknowledged past a hole in it.
    let campaign = campaign(3).faults(["disk-full:broker@1s+1s"]);
    let run = session.run(&campaign, (1, 1)).await.unwrap_or_else(|e| panic!("{e}"));
    assert_seen(&run);
    session.down().await.unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(disks_of(std::process::id()), Vec::<String>::new());
}

/// A clock that drifts goes off second by second, both ways, and the services' waits are left alone.
#[tokio::test(flavor = "multi_thread")]
async fn the_correct_services_live_with_clocks_that_drift() {
    require_docker!();
    if !can_do(&["clock"]).await {
        return;
    }
    let run = campaign(1)
        .time(Duration::from_secs(11))
        .rate(20.0)
        .faults(["clock:pay:+500ms/s@500ms+9s", "clock:account:-500ms/s@500ms+9s"])
        .run()
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    assert_seen_and_valid(&run);
    for fault in &run.results().faults {
        let words = fault.evidence.join(" ");
        // Whole seconds on the way, and no jump to the last of them.
        let course = if fault.on == "pay" {
            "+1, +2, +3 s in"
        } else {
            "-1, -2, -3 s in"
        };
        assert!(words.contains(course), "{words}");
        assert!(words.contains("it was off by"), "{words}");
    }
}

/// A broker that acknowledges before it writes loses what it acknowledged; the verdict names the payments.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_acknowledges_first_is_found_out_by_a_loss_of_power() {
    require_docker!();
    if !can_do(&["power-loss"]).await {
        return;
    }
    let campaign = campaign(1)
        .flush("broker", "async")
        .time(Duration::from_secs(8))
        .faults(["power-loss:broker@4s+700ms"]);
    let session = Session::up(&campaign).await.unwrap_or_else(|e| panic!("{e}"));
    let mut found = None;
    for number in 1..=3 {
        let run = session
            .run(&campaign, (number, 3))
            .await
            .unwrap_or_else(|e| panic!("{e}"));
        eprintln!("run {number}: {}", run.results().sentence);
        if run.verdict() == Verdict::Invalid {
            run.assert_finds(&["lost", "late"]);
            found = Some(number);
            break;
        }
    }
    session.down().await.unwrap_or_else(|e| panic!("{e}"));
    assert!(found.is_some(), "three losses of power lost nothing");
}

/// The same loss of power for a MySQL that is told to write about once a second, and for one that writes before it answers:
/// the first has lost payments that it had acknowledged, and the verdict names them; the second has not.
#[tokio::test(flavor = "multi_thread")]
async fn a_mysql_that_writes_once_a_second_is_found_out_by_a_loss_of_power() {
    require_docker!();
    if !can_do(&["power-loss"]).await {
        return;
    }
    let broken = |flush: &str| {
        campaign(1)
            .flush("mysql", flush)
            .rate(60.0)
            .faults(["power-loss:mysql@3s+700ms"])
    };
    // What it had not written yet is its own affair: nothing, if it wrote just before, or credits alone, if no client was
    // answered since (late, since the repair finds them). Then the next run must lose payments.
    let (session, mut found) = (up(&broken("0")).await, false);
    for number in 1..=3 {
        let run = session.run(&broken("0"), (number, 3)).await;
        let run = run.unwrap_or_else(|e| panic!("{e}"));
        assert_seen(&run);
        if run.verdict() == Verdict::Invalid {
            run.assert_finds(&["lost-write", "late", "lost"]);
            let mut anomalies = run.results().checkers.iter().flat_map(|checker| &checker.anomalies);
            found = anomalies.any(|anomaly| anomaly.kind == "lost-write");
        }
        if found {
            break;
        }
    }
    session.down().await.unwrap_or_else(|e| panic!("{e}"));
    assert!(found, "three losses of power lost no payment that a client was told of");

    let session = up(&broken("1")).await;
    let run = session
        .run(&broken("1"), (1, 1))
        .await
        .unwrap_or_else(|e| panic!("{e}"));
    assert_seen_and_valid(&run);
    session.down().await.unwrap_or_else(|e| panic!("{e}"));
}

async fn up(campaign: &Campaign) -> Session {
    Session::up(campaign).await.unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn a_fault_that_this_machine_cannot_do_is_refused_before_anything_starts() {
    let store = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_paytwice"))
        .args(["run", "pay-account", "--faults", "clock:pay:+30s", "--store"])
        .arg(store.path())
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .env("PAYTWICE_FAKETIME", "/nonexistent")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("Docker cannot be reached") {
        eprintln!("SKIPPED: {said}");
        return;
    }
    assert_eq!(output.status.code(), Some(254), "{said}");
    for words in [
        "unsupported",
        "fault clock",
        "libfaketime is not installed",
        "apt-get install",
    ] {
        assert!(said.contains(words), "{said}");
    }
    assert!(
        begun.elapsed() < Duration::from_secs(30),
        "it was refused after {:?}",
        begun.elapsed()
    );
}

/// The harness that will be killed: brings a stack with a disk up and waits.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let options = StackOptions {
        disks: vec!["mysql".to_string()],
        ..common::options()
    };
    let stack = TestStack::start(USUAL, options, &LaunchOptions::default())
        .await
        .unwrap();
    eprintln!("up");
    std::future::pending::<()>().await;
    stack.down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_disks_of_a_killed_harness_are_removed() {
    require_docker!();
    if !can_do(&["power-loss"]).await {
        return;
    }
    // By its watchdog.
    let (child, id) = start_child();
    assert!(!disks_of(child.id()).is_empty(), "the child has a disk");
    let pid = sigkill(child);
    let begun = Instant::now();
    while !disks_of(pid).is_empty() || !left_of(&id).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", disks_of(pid));
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    assert_eq!(mounts_of(&id), "");
    eprintln!("the watchdog removed the disk after {:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_sweep_removes_disks_whose_owner_is_gone() {
    require_docker!();
    if !can_do(&["power-loss"]).await {
        return;
    }
    // As a harness leaves it that was killed together with its watchdog: a process that is gone owns it.
    let (id, folder) = ("zz0test", Path::new(DISKS).join("zz0test/mysql/mnt"));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(Path::new(DISKS).join(format!("{id}.owner")), "4194300:1:x:0").unwrap();
    let image = folder.with_file_name("image");
    std::fs::File::create(&image).unwrap().set_len(16 << 20).unwrap();
    assert!(
        Command::new("mkfs.ext4")
            .arg("-q")
            .arg(&image)
            .status()
            .unwrap()
            .success()
    );
    assert!(
        Command::new("mount")
            .args(["-o", "loop"])
            .args([&image, &folder])
            .status()
            .unwrap()
            .success()
    );
    assert_ne!(mounts_of(id), "");
    let swept = sweep(false).await.unwrap();
    eprintln!("{swept}");
    assert!(swept.disks >= 1 && swept.stacks.contains(&id.to_string()), "{swept:?}");
    assert_eq!(mounts_of(id), "");
    assert!(!folder.exists());
}

fn start_child() -> (Child, String) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--nocapture"])
        .env(CHILD, "1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let mut id = String::new();
    for line in lines.by_ref() {
        eprintln!("  child: {line}");
        if let Some(rest) = line.strip_prefix("stack ") {
            id = rest.to_string();
        }
        if line == "up" {
            // Read to its end: a harness must not fail for want of a listener.
            std::thread::spawn(move || lines.for_each(drop));
            return (child, id);
        }
    }
    panic!("the child ended early: {:?}", child.wait());
}

fn sigkill(mut child: Child) -> u32 {
    child.kill().unwrap();
    child.wait().unwrap();
    child.id()
}

/// The disks whose owner is that process.
fn disks_of(pid: u32) -> Vec<String> {
    let entries = std::fs::read_dir(DISKS).into_iter().flatten().flatten();
    let owned = entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let owner = std::fs::read_to_string(entry.path()).ok()?;
        owner.starts_with(&format!("{pid}:")).then_some(name)
    });
    owned.collect()
}

fn mounts_of(stack: &str) -> String {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let ours = mounts
        .lines()
        .filter(|line| line.contains(&format!("{DISKS}/{stack}/")));
    ours.collect()
}
