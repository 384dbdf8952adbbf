//! Rules at points of a MySQL link before a real server: what each action did is read from the server's own tables.

mod common;
#[path = "wire_common/mod.rs"]
mod wire_common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{on_a_stack, require_docker};
use paytwice::plan::{Moment, Refusal};
use paytwice::stack::{ContainerStack, Pause as _};
use paytwice::wire::{Action, At};
use sqlx::{Connection, MySqlConnection};
use tokio::io::AsyncWriteExt;
use wire_common::server::{Server, connect, log_in, packet, query};

const SCHEMA: &str = "CREATE TABLE payment (id INT PRIMARY KEY);";
/// Longer than an exchange with the server takes.
const A_WHILE: Duration = Duration::from_millis(500);

#[tokio::test(flavor = "multi_thread")]
async fn every_action_on_a_real_server() {
    require_docker!();
    on_a_stack(async |stack| {
        let server = Server::open(&stack, SCHEMA).await;
        a_dropped_commit_leaves_no_row_and_its_dropped_reply_does(&server).await;
        a_reset_before_the_commit_leaves_no_row_and_one_after_it_does(&server).await;
        a_connection_lost_at_the_commit_says_nothing_about_it(&server).await;
        a_held_commit_is_carried_out_when_the_rule_is_lifted(&server).await;
        a_delayed_insert_comes_later(&server).await;
        a_cut_from_the_commit_on_keeps_even_new_connections_waiting(&server).await;
        a_lock_wait_timeout_undoes_the_statement_alone(&server).await;
        a_deadlock_undoes_the_transaction(&server).await;
        a_shut_gate_leaves_exactly_what_had_passed(&server).await;
        a_paused_client_goes_on_where_it_was(&server).await;
        a_paused_server_commits_when_it_goes_on(&server, &stack).await;
        a_statement_that_is_overtaken_comes_behind(&server).await;
        a_throttled_insert_arrives_with_its_last_byte(&server).await;
        a_corrupted_insert_stores_another_row(&server).await;
        server.close().await;
    })
    .await;
}

/// Inserts and commits on a connection of its own; whether that was acknowledged in time.
async fn paid(server: &Server, id: i32) -> bool {
    let mut connection = connect(server.addr).await;
    let paid = tokio::time::timeout(A_WHILE, pay(&mut connection, &[id])).await;
    matches!(paid, Ok(Ok(())))
}

/// Whether the row is there. A locking read waits for a transaction that the server has not ended yet.
async fn has(server: &Server, id: i32) -> bool {
    let count = sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM payment WHERE id = ? FOR SHARE").bind(id);
    count.fetch_one(&server.pool).await.unwrap() == 1
}

async fn pay(connection: &mut MySqlConnection, ids: &[i32]) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    for id in ids {
        let insert = sqlx::query("INSERT INTO payment VALUES (?)").bind(id);
        insert.execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

async fn a_dropped_commit_leaves_no_row_and_its_dropped_reply_does(server: &Server) {
    for (id, point, there) in [(1, "COMMIT request", false), (2, "COMMIT reply", true)] {
        let rule = server.at(At::point(point), Action::Drop);
        assert!(!paid(server, id).await, "{point}");
        assert_eq!(rule.stats().dropped, 1);
        assert_eq!(has(server, id).await, there, "{point}");
    }
}

async fn a_reset_before_the_commit_leaves_no_row_and_one_after_it_does(server: &Server) {
    for (id, moment, there) in [(11, Moment::Before, false), (12, Moment::After, true)] {
        let rule = server.at(At::point("COMMIT request"), Action::Sever(moment));
        assert!(!paid(server, id).await, "{moment}");
        assert_eq!(rule.stats().reset, 1);
        assert_eq!(has(server, id).await, there, "{moment}");
    }
}

/// The commit is answered by "connection lost": to the client it is the same error, whatever became of it.
async fn a_connection_lost_at_the_commit_says_nothing_about_it(server: &Server) {
    for (id, point, there) in [(15, "COMMIT request", false), (16, "COMMIT reply", true)] {
        let rule = server.at(At::point(point), Action::Sever(Moment::Before));
        let mut connection = connect(server.addr).await;
        let error = pay(&mut connection, &[id]).await.unwrap_err();
        assert!(matches!(error, sqlx::Error::Io(_)), "{point}: {error}");
        assert_eq!(rule.stats().reset, 1);
        assert_eq!(has(server, id).await, there, "{point}");
    }
}

async fn a_held_commit_is_carried_out_when_the_rule_is_lifted(server: &Server) {
    let rule = server.at(At::point("COMMIT request"), Action::Hold);
    let mut connection = connect(server.addr).await;
    let paying = tokio::spawn(async move { pay(&mut connection, &[21]).await });
    rule.fired().await;
    tokio::time::sleep(A_WHILE).await;
    assert!(!paying.is_finished());
    drop(rule);
    paying.await.unwrap().unwrap();
    assert!(has(server, 21).await);
}

async fn a_delayed_insert_comes_later(server: &Server) {
    let fixed = Duration::from_millis(300);
    let jitter = Duration::ZERO;
    let rule = server.at(At::point("INSERT payment request"), Action::Delay { fixed, jitter });
    let mut connection = connect(server.addr).await;
    let begun = Instant::now();
    pay(&mut connection, &[31]).await.unwrap();
    assert!(begun.elapsed() >= fixed);
    assert_eq!(rule.stats().delayed, 1);
}

async fn a_cut_from_the_commit_on_keeps_even_new_connections_waiting(server: &Server) {
    let rule = server.at(At::point("COMMIT reply"), Action::Cut);
    let mut other = connect(server.addr).await;
    assert!(!paid(server, 41).await);
    assert!(tokio::time::timeout(A_WHILE, other.ping()).await.is_err());
    assert!(has(server, 41).await, "what was committed is there");
    drop(rule);
    assert!(paid(server, 42).await);
}

async fn a_lock_wait_timeout_undoes_the_statement_alone(server: &Server) {
    let rule = server.at(second_insert(), Action::Refuse(Refusal::LockWaitTimeout));
    let mut connection = connect(server.addr).await;
    let mut transaction = connection.begin().await.unwrap();
    let insert = |id: i32| sqlx::query("INSERT INTO payment VALUES (?)").bind(id);
    insert(51).execute(&mut *transaction).await.unwrap();
    let error = insert(52).execute(&mut *transaction).await.unwrap_err();
    assert_eq!(number(&error), 1205, "{error}");
    insert(53).execute(&mut *transaction).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(rule.stats().answered, 1);
    assert_eq!(
        [has(server, 51).await, has(server, 52).await, has(server, 53).await],
        [true, false, true]
    );
}

async fn a_deadlock_undoes_the_transaction(server: &Server) {
    let rule = server.at(second_insert(), Action::Refuse(Refusal::Deadlock));
    let mut connection = connect(server.addr).await;
    let error = pay(&mut connection, &[61, 62]).await.unwrap_err();
    assert_eq!(number(&error), 1213, "{error}");
    assert_eq!(rule.stats().answered, 1);
    drop(rule);
    assert_eq!([has(server, 61).await, has(server, 62).await], [false, false]);
    pay(&mut connection, &[63])
        .await
        .expect("the connection can be used as before");
    assert!(has(server, 63).await);
}

fn second_insert() -> At {
    At {
        nth: Some(2),
        ..At::point("INSERT payment request")
    }
}

fn number(error: &sqlx::Error) -> u16 {
    let database = error.as_database_error().expect("an error of the server");
    database.downcast_ref::<sqlx::mysql::MySqlDatabaseError>().number()
}

async fn a_shut_gate_leaves_exactly_what_had_passed(server: &Server) {
    for (id, point, there) in [(71, "COMMIT request", false), (72, "COMMIT reply", true)] {
        let gate = server.gates.of("pay");
        let mut other = connect(server.addr).await;
        let rule = server.at(At::point(point), Action::Shut(Arc::clone(&gate), Moment::Before));
        assert!(!paid(server, id).await);
        rule.fired().await;
        assert!(tokio::time::timeout(A_WHILE, pay(&mut other, &[id + 2])).await.is_err());
        gate.dead();
        gate.reborn();
        drop(rule);
        assert_eq!(
            [has(server, id).await, has(server, id + 2).await],
            [there, false],
            "{point}"
        );
    }
}

/// The client is stopped before or right after the commit, and goes on later: nothing is lost, and nothing was done
/// meanwhile that had not passed.
async fn a_paused_client_goes_on_where_it_was(server: &Server) {
    for (id, moment, meanwhile) in [(81, Moment::Before, false), (82, Moment::After, true)] {
        let gate = server.gates.of("pay");
        let mut connection = connect(server.addr).await;
        let rule = server.at(At::point("COMMIT request"), Action::Shut(Arc::clone(&gate), moment));
        let paying = tokio::spawn(async move { pay(&mut connection, &[id]).await });
        rule.fired().await;
        tokio::time::sleep(A_WHILE).await;
        assert!(!paying.is_finished(), "{moment}: nothing reaches who is paused");
        // A row that is not committed is locked, and a plain read does not see it.
        let count = sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM payment WHERE id = ?").bind(id);
        let there = count.fetch_one(&server.pool).await.unwrap() == 1;
        assert_eq!(there, meanwhile, "{moment}");
        gate.open();
        paying.await.unwrap().unwrap();
        assert!(has(server, id).await, "{moment}");
    }
}

async fn a_paused_server_commits_when_it_goes_on(server: &Server, stack: &ContainerStack) {
    let gate = server.gates.of("mysql");
    let mut connection = connect(server.addr).await;
    let shut = Action::Shut(Arc::clone(&gate), Moment::Before);
    let rule = server.at(At::point("COMMIT request"), shut);
    let paying = tokio::spawn(async move { pay(&mut connection, &[85]).await });
    rule.fired().await;
    stack.pause("mysql").await.unwrap();
    gate.open();
    tokio::time::sleep(A_WHILE).await;
    assert!(!paying.is_finished(), "the commit waits in a process that does not run");
    stack.unpause("mysql").await.unwrap();
    paying.await.unwrap().unwrap();
    assert!(has(server, 85).await);
}

/// Written one behind the other without waiting, as some drivers do: the row is inserted and deleted again.
async fn a_statement_that_is_overtaken_comes_behind(server: &Server) {
    let statements = |id: i32| {
        [
            query(&format!("INSERT INTO payment VALUES ({id})")),
            query(&format!("DELETE FROM payment WHERE id = {id}")),
        ]
        .concat()
    };
    let mut connection = log_in(server.addr).await;
    for (id, reordered) in [(86, false), (87, true)] {
        let rule = reordered.then(|| server.at(At::point("INSERT payment request"), Action::Reorder { behind: 1 }));
        connection.write_all(&statements(id)).await.unwrap();
        for _ in 0..2 {
            assert_eq!(packet(&mut connection).await[0], 0, "both are carried out");
        }
        assert_eq!(has(server, id).await, reordered);
        assert_eq!(rule.map_or(0, |rule| rule.stats().reordered), u64::from(reordered));
    }
}

async fn a_throttled_insert_arrives_with_its_last_byte(server: &Server) {
    let bytes_per_s = 4000;
    let rule = server.at(At::point("INSERT payment request"), Action::Throttle { bytes_per_s });
    let mut connection = connect(server.addr).await;
    let begun = Instant::now();
    let paying = tokio::spawn(async move {
        let sql = format!("INSERT INTO payment /* {} */ VALUES (91)", "x".repeat(4000));
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await
    });
    tokio::time::sleep(A_WHILE).await;
    assert!(!has(server, 91).await, "half of the statement is no statement");
    paying.await.unwrap().unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(rule.stats().delayed, 1);
    assert!(has(server, 91).await);
}

/// Nothing in the protocol notices it: the client is told that its row is stored, and the server has another one.
async fn a_corrupted_insert_stores_another_row(server: &Server) {
    let mut connection = connect(server.addr).await;
    let insert = |id: i32| sqlx::query("INSERT INTO payment VALUES (?)").bind(id);
    insert(100).execute(&mut connection).await.unwrap();
    // The last four bytes are the number, the lowest byte first.
    let rule = server.at(At::point("INSERT payment request"), Action::Corrupt { from_end: 3 });
    insert(101).execute(&mut connection).await.unwrap();
    assert_eq!(rule.stats().corrupted, 1);
    drop(rule);
    assert_eq!([has(server, 101).await, has(server, 101 ^ 0x55).await], [false, true]);
    // Where the byte is part of the statement the server refuses it, and the connection can be used as before.
    let rule = server.at(At::point("INSERT payment request"), Action::Corrupt { from_end: 0 });
    let broken = sqlx::raw_sql("INSERT INTO payment VALUES (102)")
        .execute(&mut connection)
        .await;
    assert_eq!(number(&broken.unwrap_err()), 1064);
    drop(rule);
    assert!(!has(server, 102).await);
    insert(103).execute(&mut connection).await.unwrap();
}
