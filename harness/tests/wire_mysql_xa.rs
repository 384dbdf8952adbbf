//! XA transactions on a MySQL link before a real server: the points of a branch, the keys that they carry on whichever
//! connection, and what a crash exactly before and after the commit of a branch leaves behind. Read from the server itself.

mod common;
#[path = "wire_common/mod.rs"]
mod wire_common;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use common::{on_a_stack, require_docker};
use paytwice::plan::Moment;
use paytwice::wire::{Action, At, Correlation, KeyStats};
use paytwice_checkers::history::{Outcome, Role, Wire};
use sqlx::{Executor as _, MySqlConnection, Row as _};
use wire_common::server::{Server, connect};
use wire_common::until;

const SCHEMA: &str = "CREATE TABLE payment (id VARCHAR(20) PRIMARY KEY);";
/// Longer than an exchange with the server takes.
const A_WHILE: Duration = Duration::from_millis(500);

#[tokio::test(flavor = "multi_thread")]
async fn branches_on_a_real_server() {
    require_docker!();
    on_a_stack(async |stack| {
        let correlation = Correlation::default().with_key("tx", &["sql:payment.id"]).unwrap();
        let correlation = correlation.with_key("global", &["xa:gtrid"]).unwrap();
        let server = Server::with(&stack, SCHEMA, correlation).await;
        a_branch_carries_its_keys_to_whoever_commits_it(&server).await;
        a_branch_ends_in_one_phase_or_is_rolled_back(&server).await;
        an_error_is_told(&server).await;
        a_crash_before_the_commit_leaves_the_branch_prepared_and_one_after_it_does_not(&server).await;
        keys_were_counted(&server);
        server.close().await;
    })
    .await;
}

/// Carries out statements one by one.
async fn run(connection: &mut MySqlConnection, statements: &[&str]) -> Result<(), sqlx::Error> {
    for sql in statements {
        connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(*sql))).await?;
    }
    Ok(())
}

/// A branch of a payment, up to its promise to commit.
fn prepared(gtrid: &str, id: &str) -> [String; 4] {
    [
        format!("XA START '{gtrid}','b1'"),
        format!("INSERT INTO payment (id) VALUES ('{id}')"),
        format!("XA END '{gtrid}','b1'"),
        format!("XA PREPARE '{gtrid}','b1'"),
    ]
}

async fn prepare(connection: &mut MySqlConnection, gtrid: &str, id: &str) {
    let statements = prepared(gtrid, id);
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    run(connection, &statements).await.unwrap();
}

/// Whether the row is there, as the server itself says.
async fn has(server: &Server, id: &str) -> bool {
    let count = sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM payment WHERE id = ?").bind(id);
    count.fetch_one(&server.pool).await.unwrap() == 1
}

/// The gtrids of the branches that are prepared, as the server itself says.
async fn left(server: &Server) -> Vec<String> {
    let rows = sqlx::raw_sql("XA RECOVER").fetch_all(&server.pool).await.unwrap();
    let gtrid = |row: &sqlx::mysql::MySqlRow| {
        let length = usize::try_from(row.get::<i32, _>("gtrid_length")).unwrap();
        let data: Vec<u8> = row.get("data");
        String::from_utf8(data[..length].to_vec()).unwrap()
    };
    rows.iter().map(gtrid).collect()
}

/// `XA COMMIT request global=g1 tx=t1`
fn told(wire: &Wire) -> String {
    let keys = wire
        .keys
        .iter()
        .map(|(key, values)| format!(" {key}={}", values.join(",")));
    format!("{}{}", wire.point, keys.collect::<String>())
}

/// What crossed the link since then about XA and the payment; the session's own statements are left out.
fn crossed(server: &Server, from: usize) -> Vec<Wire> {
    let events = server.seen.events().into_iter().skip(from);
    let is_ours = |wire: &Wire| wire.point.starts_with("XA ") || wire.point.starts_with("INSERT ");
    events.filter(is_ours).collect()
}

async fn a_branch_carries_its_keys_to_whoever_commits_it(server: &Server) {
    let from = server.seen.events().len();
    let (mut one, mut other) = (connect(server.addr).await, connect(server.addr).await);
    prepare(&mut one, "g1", "t1").await;
    assert_eq!(left(server).await, ["g1"]);
    // In the way of Java drivers.
    run(&mut other, &["XA RECOVER", "XA COMMIT 0x6731,0x6231,0x1"])
        .await
        .unwrap();
    assert!(left(server).await.is_empty() && has(server, "t1").await);
    until("all is seen", || crossed(server, from).len() == 12).await;
    let events = crossed(server, from);
    let requests: Vec<String> = events.iter().filter(|wire| !wire.is_reply()).map(told).collect();
    assert_eq!(
        requests,
        [
            "XA START request global=g1",
            "INSERT payment request global=g1 tx=t1",
            "XA END request global=g1 tx=t1",
            "XA PREPARE request global=g1 tx=t1",
            "XA RECOVER request",
            "XA COMMIT request global=g1 tx=t1",
        ]
    );
    let roles: BTreeMap<&str, Role> = events.iter().map(|wire| (wire.point.as_str(), wire.role)).collect();
    for way in ["request", "reply"] {
        assert_eq!(roles[format!("XA PREPARE {way}").as_str()], Role::Prepared);
        assert_eq!(roles[format!("XA COMMIT {way}").as_str()], Role::Committed);
        assert_eq!(roles[format!("XA END {way}").as_str()], Role::Plain);
    }
    let inserted = events.iter().find(|wire| wire.point == "INSERT payment reply").unwrap();
    assert_eq!(inserted.outcome, Some(Outcome::Affected(1)));
}

async fn a_branch_ends_in_one_phase_or_is_rolled_back(server: &Server) {
    let from = server.seen.events().len();
    let mut connection = connect(server.addr).await;
    for (id, end) in [("t2", "XA COMMIT 'g2' ONE PHASE"), ("t3", "XA ROLLBACK 'g2'")] {
        let insert = format!("INSERT INTO payment (id) VALUES ('{id}')");
        run(&mut connection, &["XA START 'g2'", &insert, "XA END 'g2'", end])
            .await
            .unwrap();
    }
    assert_eq!([has(server, "t2").await, has(server, "t3").await], [true, false]);
    let ends = |role: Role| -> Vec<String> {
        let events = crossed(server, from).into_iter().filter(|wire| wire.role == role);
        events.map(|wire| told(&wire)).collect()
    };
    until("both ends are seen", || ends(Role::RolledBack).len() == 2).await;
    assert_eq!(ends(Role::Committed)[0], "XA COMMIT request global=g2 tx=t2");
    // A gtrid that is used again stands for all that was seen under it.
    assert_eq!(ends(Role::RolledBack)[0], "XA ROLLBACK request global=g2 tx=t2,t3");
}

async fn an_error_is_told(server: &Server) {
    let from = server.seen.events().len();
    let mut connection = connect(server.addr).await;
    run(&mut connection, &["XA COMMIT 'nobody'"]).await.unwrap_err();
    until("the reply is seen", || crossed(server, from).len() == 2).await;
    assert_eq!(
        crossed(server, from)[1].outcome,
        Some(Outcome::Error(1397)),
        "XAER_NOTA"
    );
}

/// The process that coordinates is stopped exactly before or right after its commit of a branch has arrived.
async fn a_crash_before_the_commit_leaves_the_branch_prepared_and_one_after_it_does_not(server: &Server) {
    for (id, moment, committed) in [("t4", Moment::Before, false), ("t5", Moment::After, true)] {
        let gtrid = format!("g-{id}");
        let (mut one, mut other) = (connect(server.addr).await, connect(server.addr).await);
        prepare(&mut one, &gtrid, id).await;
        let gate = server.gates.of("pay");
        let at = At {
            key: Some(id.to_owned()),
            ..At::point("XA COMMIT request")
        };
        let rule = server.at(at, Action::Shut(Arc::clone(&gate), moment));
        let commit = format!("XA COMMIT '{gtrid}','b1'");
        let answer = tokio::time::timeout(A_WHILE, run(&mut other, &[&commit])).await;
        assert!(answer.is_err(), "{moment}: nothing reaches who is stopped");
        let fired = rule.fired().await;
        assert_eq!(
            (fired.points.as_str(), &fired.keys[..]),
            ("XA COMMIT request", &[gtrid.clone(), id.to_owned()][..])
        );
        gate.dead();
        gate.reborn();
        drop(rule);
        assert_eq!(left(server).await.contains(&gtrid), !committed, "{moment}");
        assert_eq!(has(server, id).await, committed, "{moment}");
        if !committed {
            // Whoever comes after the crash finds it and ends it.
            let mut recovery = connect(server.addr).await;
            run(&mut recovery, &["XA RECOVER", &commit]).await.unwrap();
            assert!(has(server, id).await);
        }
    }
    assert!(left(server).await.is_empty());
}

fn keys_were_counted(server: &Server) {
    let keys = server.link.stats().keys;
    assert_eq!(keys["tx"], KeyStats { found: 5, of: 5 });
    assert_eq!(keys["global"], KeyStats { found: 20, of: 20 });
}
