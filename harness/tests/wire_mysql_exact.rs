//! A crash at a point is exact: a hundred processes die right before their COMMIT, a hundred right after the server has
//! carried it out, and the server's own tables say which rows are there.
//!
//! The processes are real ones (this program, started again) and do what they can to be seen after the moment of their
//! crash: a second connection writes all the time, and a commit that is not answered is tried again.

mod common;
#[path = "wire_common/mod.rs"]
mod wire_common;

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use common::{on_a_stack, require_docker};
use paytwice::plan::Moment;
use paytwice::wire::{Action, At};
use sqlx::Connection;
use wire_common::server::{Server, connect};

const SCHEMA: &str = "CREATE TABLE payment (id INT PRIMARY KEY); CREATE TABLE beat (id INT, n INT);";
const CRASHES: i32 = 100;
/// Where the process of one crash finds its link, and its number.
const WRITER: &str = "PAYTWICE_TEST_WRITER";

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_crashes_before_and_a_hundred_after_the_commit() {
    require_docker!();
    on_a_stack(async |stack| {
        let server = Server::open(&stack, SCHEMA).await;
        for (point, committed) in [("COMMIT request", 0), ("COMMIT reply", CRASHES)] {
            sqlx::query("DELETE FROM payment").execute(&server.pool).await.unwrap();
            for number in 0..CRASHES {
                crash(&server, point, number).await;
            }
            let count = sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM payment");
            let rows = count.fetch_one(&server.pool).await.unwrap();
            eprintln!("{CRASHES} crashes before {point}: {rows} rows");
            assert_eq!(rows, i64::from(committed), "before {point}");
        }
        server.close().await;
    })
    .await;
}

/// One process, from its start to its death at the point.
async fn crash(server: &Server, point: &str, number: i32) {
    let gate = server.gates.of("pay");
    let rule = server.at(At::point(point), Action::Shut(Arc::clone(&gate), Moment::Before));
    let mut writer = Writer::start(server.addr, number);
    let fired = tokio::time::timeout(Duration::from_secs(30), rule.fired());
    fired
        .await
        .unwrap_or_else(|_| panic!("writer {number} never came to {point}"));
    let before = beats(server, number).await;
    // The process has time to try again, and to write on its other connection.
    tokio::time::sleep(Duration::from_millis(60)).await;
    let later = beats(server, number).await;
    assert!(
        later - before <= 1,
        "{} beats after the crash of {number}",
        later - before
    );
    writer.kill();
    gate.dead();
    gate.reborn();
    drop(rule);
    until_gone(server, number).await;
}

async fn beats(server: &Server, number: i32) -> i64 {
    let count = sqlx::query_scalar("SELECT COUNT(*) FROM beat WHERE id = ?").bind(number);
    count.fetch_one(&server.pool).await.unwrap()
}

/// The server has noticed that the process is gone, and has undone what it left open: a locking read waits for that.
async fn until_gone(server: &Server, number: i32) {
    let locking = sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM payment WHERE id = ? FOR SHARE");
    locking.bind(number).fetch_one(&server.pool).await.unwrap();
}

/// The process that is going to die.
struct Writer(Child);

impl Writer {
    fn start(addr: SocketAddr, number: i32) -> Writer {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_process_that_writes", "--nocapture"])
            .env(WRITER, format!("{addr} {number}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Writer(child.unwrap())
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Not a test by itself: the test above starts this program again, and kills it.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_writes() {
    let Ok(told) = std::env::var(WRITER) else { return };
    let (addr, number) = told.split_once(' ').unwrap();
    let (addr, number): (SocketAddr, i32) = (addr.parse().unwrap(), number.parse().unwrap());
    let beating = tokio::spawn(async move {
        let mut other = connect(addr).await;
        for n in 0.. {
            let beat = sqlx::query("INSERT INTO beat VALUES (?, ?)").bind(number).bind(n);
            beat.execute(&mut other).await.unwrap();
        }
    });
    loop {
        let mut connection = connect(addr).await;
        let pay = async {
            let mut transaction = connection.begin().await?;
            sqlx::query("INSERT INTO payment VALUES (?)")
                .bind(number)
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await
        };
        // Not answered in time: tried again on a new connection.
        if let Ok(Ok(())) = tokio::time::timeout(Duration::from_millis(20), pay).await {
            break;
        }
    }
    beating.await.unwrap();
}
