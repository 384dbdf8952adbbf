//! What a killed harness leaves is removed: by its watchdog, or by the next sweep. Living stacks are left alone.

mod common;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use common::{TestStack, left_of, require_docker};
use paytwice::stack::{Stack as _, sweep};

const CHILD: &str = "PAYTWICE_TEST_CHILD";

/// The harness that will be killed: brings a stack up and waits.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let stack = TestStack::up().await;
    eprintln!("up");
    std::future::pending::<()>().await;
    stack.down().await.unwrap();
}

/// Starts a harness, reads its words up to those wanted, and returns it with the name of its stack.
fn start_child(until: &str, configure: impl FnOnce(&mut Command)) -> (Child, String) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["child", "--exact", "--nocapture"])
        .env(CHILD, "1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    configure(&mut command);
    let mut child = command.spawn().unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let (said, saying) = mpsc::channel();
    // Read to its end: a harness must not fail for want of a listener.
    std::thread::spawn(move || {
        for line in stderr.lines().map_while(Result::ok) {
            let _ = said.send(line);
        }
    });
    let mut id = String::new();
    while let Ok(line) = saying.recv() {
        eprintln!("  child: {line}");
        if let Some(rest) = line.strip_prefix("stack ") {
            id = rest.to_string();
        }
        if line.contains(until) {
            return (child, id);
        }
    }
    panic!("the child ended early: {:?}", child.wait());
}

fn sigkill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watchdog_removes_the_stack_of_a_killed_harness() {
    require_docker!();
    for (until, after_ms) in [("stack ", 200), ("stack ", 900), ("mysql ready", 0), ("up", 0)] {
        let (child, id) = start_child(until, |_| ());
        tokio::time::sleep(Duration::from_millis(after_ms)).await;
        sigkill(child);
        let begun = Instant::now();
        // Empty for a while: what the engine was asked for just before the end may still appear.
        let mut empty = 0;
        while empty < 8 {
            empty = if left_of(&id).is_empty() { empty + 1 } else { 0 };
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "left of {id}:\n{}",
                left_of(&id)
            );
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        eprintln!(
            "killed at `{until}` + {after_ms} ms: nothing left after {:?}",
            begun.elapsed()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_removes_what_no_watchdog_did_and_nothing_that_is_in_use() {
    require_docker!();
    let living = TestStack::up().await;
    // Without Docker's client on its PATH a harness has no watchdog.
    let (child, id) = start_child("up", |command| {
        command.env("PATH", "/nonexistent");
    });
    sweep(false).await.unwrap();
    assert_ne!(left_of(&id), "", "its owner lives");
    sigkill(child);
    assert_ne!(left_of(&id), "", "nobody has removed it");

    let swept = sweep(false).await.unwrap();
    eprintln!("{swept}");
    assert!(swept.stacks.contains(&id), "{swept:?}");
    assert!(!swept.stacks.contains(&living.id().to_string()), "{swept:?}");
    assert_eq!(left_of(&id), "");
    for party in living.party_names() {
        living.ready(&party).await.unwrap();
    }
    living.down().await.unwrap();
}
