//! A stack comes up, is killed, paused and restarted with proof, keeps its data, and leaves nothing behind.

mod common;
#[path = "common/databases.rs"]
mod databases;

use std::time::Duration;

use common::{TestStack, USUAL, left_of, options, require_docker};
use databases::Databases as _;
use paytwice::dependency::LaunchOptions;
use paytwice::stack::{Kill as _, Pause as _, Stack as _};

#[tokio::test(flavor = "multi_thread")]
async fn mysql_and_broker_keep_their_data_over_a_kill() {
    require_docker!();
    let begun = std::time::Instant::now();
    let stack = TestStack::up().await;
    eprintln!("up after {:?}: {:?}", begun.elapsed(), stack.ready_after());
    let id = stack.id().to_string();

    stack
        .create_database("kept", "CREATE TABLE t (n INT PRIMARY KEY); INSERT INTO t VALUES (7);")
        .await
        .unwrap();
    for party in ["mysql", "broker", "namesrv"] {
        let addr = stack.addr(party, 1).unwrap();
        let killed = stack.kill(party).await.unwrap();
        eprintln!("{killed}");
        assert_eq!(killed.counts["exit_code"], 137);
        assert!(!stack.is_running(party).await.unwrap());
        assert!(stack.fallen().await.unwrap().is_empty());
        let started = stack.start(party).await.unwrap();
        eprintln!("{started}");
        assert_ne!(started.counts["pid"], killed.counts["pid"]);
        assert_eq!(stack.addr(party, 1).unwrap(), addr, "a restart keeps the address");
        stack.ready(party).await.unwrap();
    }
    let pool = stack.mysql_pool("kept");
    let n: i32 = sqlx::query_scalar("SELECT n FROM t").fetch_one(&pool).await.unwrap();
    assert_eq!(n, 7);
    pool.close().await;

    stack.down().await.unwrap();
    assert_eq!(left_of(&id), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_party_does_not_answer_and_a_resumed_one_does() {
    require_docker!();
    let stack = TestStack::up().await;
    for party in ["mysql", "broker", "namesrv"] {
        let paused = stack.pause(party).await.unwrap();
        eprintln!("{paused}");
        assert!(paused.seen.contains("no answer"), "{paused}");
        assert!(stack.is_running(party).await.unwrap());
        let resumed = stack.unpause(party).await.unwrap();
        eprintln!("{resumed}");
    }
    // Paused and killed at once: the kill wins, and there is nothing left to resume.
    stack.pause("mysql").await.unwrap();
    stack.kill("mysql").await.unwrap();
    let resumed = stack.unpause("mysql").await.unwrap();
    assert!(resumed.seen.contains("killed meanwhile"), "{resumed}");
    stack.start("mysql").await.unwrap();
    stack.unpause("mysql").await.unwrap();
    stack.down().await.unwrap();
}

#[tokio::test]
async fn a_stack_that_is_dropped_leaves_nothing() {
    require_docker!();
    let stack = TestStack::up().await;
    let id = stack.id().to_string();
    assert_ne!(left_of(&id), "");
    // In whatever state its parties are.
    stack.pause("mysql").await.unwrap();
    stack.kill("broker").await.unwrap();
    drop(stack);
    assert_eq!(left_of(&id), "");

    // The same while it is still coming up.
    let (name, named) = std::sync::mpsc::channel();
    let mut options = options();
    options.progress = Some(std::sync::Arc::new(move |line| {
        let _ = name.send(line.to_string());
    }));
    let launch = LaunchOptions::default();
    let up = tokio::time::timeout(Duration::from_millis(1200), TestStack::start(USUAL, options, &launch));
    assert!(up.await.is_err(), "a stack cannot be up that soon");
    let line = named
        .try_iter()
        .find(|line| line.starts_with("stack "))
        .expect("it had begun");
    let id = line.split(' ').nth(1).unwrap();
    assert_eq!(left_of(id), "");
}
