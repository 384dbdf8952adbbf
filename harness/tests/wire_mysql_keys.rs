//! Keys in every form of a statement, on a MySQL link before a real server: each statement is one that the server carries
//! out, and what crossed the link tells whose it was.

mod common;
#[path = "wire_common/mod.rs"]
mod wire_common;

use common::{on_a_stack, require_docker};
use paytwice::wire::Correlation;
use paytwice_checkers::history::Role;
use sqlx::{Executor as _, MySqlConnection};
use tokio::io::AsyncWriteExt as _;
use wire_common::server::{Server, connect, log_in, packet, query, query_bytes};
use wire_common::until;

const SCHEMA: &str = "CREATE TABLE account (no INT PRIMARY KEY);
    CREATE TABLE payment (note MEDIUMTEXT, hidden INT DEFAULT 0 INVISIBLE, id VARCHAR(20) PRIMARY KEY, amount INT);
    CREATE TABLE staged (no VARCHAR(20));
    INSERT INTO staged VALUES ('s1'), ('s2');
    CREATE PROCEDURE book(IN which VARCHAR(20)) INSERT INTO payment (id) VALUES (which);";

#[tokio::test(flavor = "multi_thread")]
async fn statements_on_a_real_server() {
    require_docker!();
    on_a_stack(async |stack| {
        let correlation = Correlation::default().with_key("tx", &["sql:payment.id"]).unwrap();
        let server = Server::with(&stack, SCHEMA, correlation).await;
        let mysql = stack.dependencies.get("mysql").unwrap();
        server.link.learn_tables(mysql.tables("wire").await.unwrap());
        each_form_carries_its_key(&server).await;
        a_java_transaction_carries_its_keys(&server).await;
        savepoints_take_keys_back(&server).await;
        text_is_read_in_its_character_set(&server).await;
        a_backslash_is_read_as_the_server_does(&server).await;
        a_parameter_far_behind_is_found(&server).await;
        server.close().await;
    })
    .await;
}

async fn run(connection: &mut MySqlConnection, sql: &str) {
    let done = connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(sql))).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// The last request that crossed: name, keys, role.
fn asked(server: &Server) -> (String, Vec<String>, Role) {
    let events = server.seen.events();
    let last = events.iter().rfind(|event| !event.is_reply()).unwrap();
    (
        last.point.to_string(),
        last.key("tx").iter().map(ToString::to_string).collect(),
        last.role,
    )
}

async fn each_form_carries_its_key(server: &Server) {
    let mut connection = connect(server.addr).await;
    for (sql, keys) in [
        (
            "INSERT INTO payment VALUES ('n', 't1', 1), ('n', 't2', 1)",
            &["t1", "t2"][..],
        ),
        ("REPLACE INTO payment VALUES ROW('n', 't1', 2)", &["t1"]),
        (
            "INSERT INTO payment (id, amount) VALUES ('t1', 3) ON DUPLICATE KEY UPDATE amount = 4",
            &["t1"],
        ),
        (
            "INSERT INTO payment (amount, id) SELECT 1, 't3' FROM staged LIMIT 1",
            &["t3"],
        ),
        (
            "INSERT INTO payment (id, amount) SELECT s.no, 1 FROM staged s WHERE s.no = 's1'",
            &["s1"],
        ),
        ("UPDATE payment p SET amount = 5 WHERE 't1' = p.id", &["t1"]),
        ("UPDATE payment SET amount = 6 WHERE (amount, id) = (5, 't1')", &["t1"]),
        (
            "SELECT * FROM payment WHERE (id, amount) IN (('t2', 1), ('t3', 1))",
            &["t2", "t3"],
        ),
        ("SELECT * FROM payment WHERE id <=> CAST('t3' AS CHAR)", &["t3"]),
        ("DELETE FROM payment WHERE id = _utf8mb4't3'", &["t3"]),
        ("CALL book('t4')", &[]),
    ] {
        run(&mut connection, sql).await;
        assert_eq!(asked(server).1, keys, "{sql}");
    }
    let inserted = sqlx::query("INSERT INTO payment VALUES (?, ?, ?)")
        .bind("n")
        .bind("t5")
        .bind(1);
    inserted.execute(&mut connection).await.unwrap();
    assert_eq!(
        asked(server),
        ("INSERT payment request".to_owned(), vec!["t5".to_owned()], Role::Plain)
    );
    let stats = server.link.stats().keys["tx"];
    assert_eq!((stats.found, stats.of), (11, 12), "but for the procedure");
}

async fn a_java_transaction_carries_its_keys(server: &Server) {
    let mut connection = connect(server.addr).await;
    for (sql, name, keys, role) in [
        (
            "SET SESSION TRANSACTION READ WRITE",
            "SET TRANSACTION",
            &[][..],
            Role::Plain,
        ),
        ("SET autocommit=0", "SET AUTOCOMMIT 0", &[], Role::Plain),
        (
            "INSERT INTO payment (id) VALUES ('j1')",
            "INSERT payment",
            &["j1"],
            Role::Plain,
        ),
        ("INSERT INTO account VALUES (1)", "INSERT account", &["j1"], Role::Plain),
        ("COMMIT", "COMMIT", &["j1"], Role::Committed),
        (
            "INSERT INTO payment (id) VALUES ('j2')",
            "INSERT payment",
            &["j2"],
            Role::Plain,
        ),
        ("SET autocommit=1", "SET AUTOCOMMIT 1", &["j2"], Role::Committed),
        ("SET autocommit=1", "SET AUTOCOMMIT 1", &[], Role::Plain),
        ("INSERT INTO account VALUES (2)", "INSERT account", &[], Role::Plain),
    ] {
        run(&mut connection, sql).await;
        let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        assert_eq!(asked(server), (format!("{name} request"), keys, role), "{sql}");
    }
}

async fn savepoints_take_keys_back(server: &Server) {
    let mut connection = connect(server.addr).await;
    for sql in [
        "BEGIN",
        "INSERT INTO payment (id) VALUES ('v1')",
        "SAVEPOINT a",
        "INSERT INTO payment (id) VALUES ('v2')",
        "ROLLBACK TO SAVEPOINT a",
        "RELEASE SAVEPOINT a",
        "COMMIT",
    ] {
        run(&mut connection, sql).await;
    }
    assert_eq!(
        asked(server),
        ("COMMIT request".to_owned(), vec!["v1".to_owned()], Role::Committed)
    );
}

/// Each first character of the note ends with a byte that is a backslash elsewhere.
async fn text_is_read_in_its_character_set(server: &Server) {
    for (charset, character) in [
        ("gbk", &b"\x87\x5c"[..]),
        ("gb18030", b"\x87\x5c"),
        ("big5", b"\xa5\x5c"),
        ("sjis", b"\x95\x5c"),
    ] {
        let mut stream = log_in(server.addr).await;
        stream.write_all(&query(&format!("SET NAMES {charset}"))).await.unwrap();
        assert_eq!(packet(&mut stream).await[0], 0, "{charset}");
        let values = format!("', 'c-{charset}')");
        let sql = [
            b"INSERT INTO payment (note, id) VALUES ('",
            character,
            values.as_bytes(),
        ]
        .concat();
        stream.write_all(&query_bytes(&sql)).await.unwrap();
        assert_eq!(
            packet(&mut stream).await[0],
            0,
            "the server reads it so, too: {charset}"
        );
        assert_eq!(asked(server).1, [format!("c-{charset}")]);
    }
}

async fn a_backslash_is_read_as_the_server_does(server: &Server) {
    let mut connection = connect(server.addr).await;
    run(&mut connection, "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'").await;
    run(&mut connection, r"INSERT INTO payment (note, id) VALUES ('a\', 'b1')").await;
    assert_eq!(asked(server).1, ["b1"]);
    run(&mut connection, "SET SESSION sql_mode = ''").await;
    run(
        &mut connection,
        r"INSERT INTO payment (note, id) VALUES ('a\', ', 'b2')",
    )
    .await;
    assert_eq!(asked(server).1, ["b2"]);
}

async fn a_parameter_far_behind_is_found(server: &Server) {
    let mut connection = connect(server.addr).await;
    let insert = sqlx::query("INSERT INTO payment (note, id) VALUES (?, ?)");
    let insert = insert.bind("x".repeat(300_000)).bind("far");
    insert.execute(&mut connection).await.unwrap();
    until("it is named", || asked(server).1 == ["far"]).await;
}
