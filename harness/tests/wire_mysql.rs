//! MySQL links before a real server: what crossed is what a client of the field did, in order and by name.

mod common;
#[path = "wire_common/mod.rs"]
mod wire_common;

use std::net::SocketAddr;
use std::sync::Arc;

use common::{TestStack, docker, left_of, require_docker};
use paytwice::stack::{ContainerStack, Stack as _};
use paytwice::wire::{Correlation, Link, Protocol};
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{Connection, Row};
use wire_common::databases::Databases as _;
use wire_common::{Seen, leg, spec, until};

const DATABASE: &str = "bank1_pay__r7";
const SCHEMA: &str = "CREATE TABLE account_pay (id VARCHAR(64) PRIMARY KEY, note MEDIUMTEXT);
    CREATE TABLE account_info (account_no VARCHAR(64) PRIMARY KEY, account_balance DECIMAL(65,2) NOT NULL);
    INSERT INTO account_info VALUES ('a1', 0)";

/// A link to a real server, and what crossed it since a scenario began.
struct Bench {
    link: Link,
    server: SocketAddr,
    seen: Arc<Seen>,
}

impl Bench {
    async fn open(stack: &ContainerStack) -> Bench {
        stack.create_database(DATABASE, SCHEMA).await.unwrap();
        let server = stack.addr("mysql", 3306).unwrap();
        let seen = Seen::new();
        let correlation = Correlation::default().with_key("tx", &["sql:account_pay.id"]).unwrap();
        let sink: Arc<Seen> = Arc::clone(&seen);
        let legs = vec![leg("main", server, Protocol::MySql)];
        let link = Link::open(spec(legs, correlation), sink).await.unwrap();
        Bench { link, server, seen }
    }

    fn options(&self, addr: SocketAddr) -> MySqlConnectOptions {
        let options = MySqlConnectOptions::new()
            .host(&addr.ip().to_string())
            .port(addr.port());
        options.username("root").database(DATABASE)
    }

    /// A connection through the link, and how many events there were when it was ready.
    async fn connect(&self) -> (MySqlConnection, usize) {
        let options = self.options(self.link.listen_addr("main").unwrap());
        let mut connection = MySqlConnection::connect_with(&options).await.unwrap();
        connection.ping().await.unwrap();
        until("the ping is seen", || {
            self.points(0).last().is_some_and(|point| point == "PING reply")
        })
        .await;
        (connection, self.seen.events().len())
    }

    fn points(&self, from: usize) -> Vec<String> {
        let events = self.seen.events().into_iter().skip(from);
        events
            .map(|event| match event.key("tx") {
                [] => event.point.to_string(),
                tx => format!("{} {}", event.point, tx.join(",")),
            })
            .collect()
    }

    /// Exactly these points were seen since then, each once, in this order.
    async fn assert_points(&self, from: usize, expected: &[&str]) {
        until("every point is seen", || {
            self.seen.events().len() >= from + expected.len()
        })
        .await;
        assert_eq!(self.points(from), expected);
        assert!(self.seen.events().iter().all(|event| event.did.is_empty()));
    }
}

async fn a_connection_is_named_without_credentials(bench: &Bench) {
    let (connection, _) = bench.connect().await;
    let points = bench.points(0);
    assert_eq!(
        points[..3],
        ["CONNECT request", "CONNECT reply", "SET request"],
        "{points:?}"
    );
    connection.close().await.unwrap();
    until("the end is seen", || {
        bench.points(0).last().is_some_and(|point| point == "QUIT request")
    })
    .await;
}

async fn a_statement_is_prepared_once_and_keeps_its_name(bench: &Bench) {
    let (mut connection, from) = bench.connect().await;
    for tx in ["t1", "t2"] {
        let insert = sqlx::query("INSERT INTO account_pay (note, id) VALUES (?, ?)").bind("hello");
        insert.bind(tx).execute(&mut connection).await.unwrap();
    }
    let expected = [
        "PREPARE INSERT account_pay request",
        "PREPARE INSERT account_pay reply",
        "INSERT account_pay request t1",
        "INSERT account_pay reply t1",
        "INSERT account_pay request t2",
        "INSERT account_pay reply t2",
    ];
    bench.assert_points(from, &expected).await;
    let once = sqlx::query("SELECT note FROM account_pay WHERE id = 't1'").persistent(false);
    once.fetch_one(&mut connection).await.unwrap();
    until("it is closed", || bench.seen.of("CLOSE STATEMENT request").len() == 1).await;
}

async fn a_transaction_carries_its_numbers(bench: &Bench) {
    let (mut connection, _) = bench.connect().await;
    let warm = sqlx::query("INSERT INTO account_pay (id) VALUES (?)");
    warm.bind("before").execute(&mut connection).await.unwrap();
    until("it was prepared", || {
        bench
            .points(0)
            .last()
            .is_some_and(|point| point.ends_with("reply before"))
    })
    .await;
    let from = bench.seen.events().len();
    for end in ["COMMIT", "ROLLBACK"] {
        let mut transaction = connection.begin().await.unwrap();
        let insert = sqlx::query("INSERT INTO account_pay (id) VALUES (?)");
        insert
            .bind(format!("in-{end}"))
            .execute(&mut *transaction)
            .await
            .unwrap();
        let update = "UPDATE account_info SET account_balance = account_balance + 1 WHERE account_no = 'a1'";
        sqlx::raw_sql(update).execute(&mut *transaction).await.unwrap();
        match end {
            "COMMIT" => transaction.commit().await.unwrap(),
            _ => transaction.rollback().await.unwrap(),
        }
    }
    let of_one = |end: &str| {
        let tx = format!("in-{end}");
        let points = [
            "BEGIN request".to_owned(),
            "BEGIN reply".to_owned(),
            format!("INSERT account_pay request {tx}"),
            format!("INSERT account_pay reply {tx}"),
            format!("UPDATE account_info request {tx}"),
            format!("UPDATE account_info reply {tx}"),
            format!("{end} request {tx}"),
            format!("{end} reply {tx}"),
        ];
        Vec::from(points)
    };
    let expected = [of_one("COMMIT"), of_one("ROLLBACK")].concat();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    bench.assert_points(from, &expected).await;
    let kept: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM account_pay WHERE id LIKE 'in-%'")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(kept, 1);
}

async fn many_rows_are_one_reply(bench: &Bench) {
    let (mut connection, _) = bench.connect().await;
    let long = "x".repeat(300_000);
    let insert = sqlx::query("INSERT INTO account_pay (id, note) VALUES (?, ?)");
    insert.bind("long").bind(&long).execute(&mut connection).await.unwrap();
    // The client may have its answer before the link has told of it.
    let inserted = Some("INSERT account_pay reply long".to_owned());
    until("the insert is seen", || bench.points(0).pop() == inserted).await;
    let from = bench.seen.events().len();
    let sql = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) \
               SELECT n.i, CONCAT('a row of some length: ', REPEAT('y', 200)) FROM n";
    let text = sqlx::raw_sql(sql).fetch_all(&mut connection).await.unwrap();
    let binary = sqlx::query("SELECT id, note FROM account_pay ORDER BY LENGTH(note) DESC");
    let binary = binary.fetch_all(&mut connection).await.unwrap();
    assert_eq!((text.len(), text[899].get::<i64, _>(0)), (900, 900));
    assert!(binary[0].get::<String, _>("note") == long);
    let expected = [
        "SELECT n request",
        "SELECT n reply",
        "PREPARE SELECT account_pay request",
        "PREPARE SELECT account_pay reply",
        "SELECT account_pay request",
        "SELECT account_pay reply",
    ];
    bench.assert_points(from, &expected).await;
}

async fn several_statements_are_one_exchange(bench: &Bench) {
    let (mut connection, from) = bench.connect().await;
    let sql = "INSERT INTO account_pay (id) VALUES ('m1'); SELECT id FROM account_pay WHERE id = 'm1'; SET @a = 1; \
               SELECT 2";
    let rows = sqlx::raw_sql(sql).fetch_all(&mut connection).await.unwrap();
    assert_eq!(rows.len(), 2);
    let expected = ["INSERT account_pay request m1", "INSERT account_pay reply m1"];
    bench.assert_points(from, &expected).await;
}

async fn an_error_is_a_reply(bench: &Bench) {
    let (mut connection, from) = bench.connect().await;
    let twice = "INSERT INTO account_pay (id) VALUES ('e1'), ('e1')";
    let error = sqlx::raw_sql(twice).execute(&mut connection).await.unwrap_err();
    assert!(error.to_string().contains("Duplicate entry"), "{error}");
    let unknown = sqlx::query("SELECT a FROM no_such_table")
        .fetch_all(&mut connection)
        .await;
    assert!(unknown.is_err());
    connection.ping().await.unwrap();
    let expected = [
        "INSERT account_pay request e1",
        "INSERT account_pay reply e1",
        "PREPARE SELECT no_such_table request",
        "PREPARE SELECT no_such_table reply",
        "PING request",
        "PING reply",
    ];
    bench.assert_points(from, &expected).await;
}

/// The server ends a connection that another one kills: nothing of it is mistaken for a reply.
async fn a_killed_connection_ends(bench: &Bench) {
    let (mut connection, _) = bench.connect().await;
    let number: u64 = sqlx::query_scalar("SELECT CONNECTION_ID()")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    let mut other = MySqlConnection::connect_with(&bench.options(bench.server))
        .await
        .unwrap();
    let kill = sqlx::AssertSqlSafe(format!("KILL {number}"));
    sqlx::raw_sql(kill).execute(&mut other).await.unwrap();
    assert!(connection.ping().await.is_err());
}

/// The server's own client, from its container: another handshake, other capabilities (attributes of queries, results
/// that end without EOF packets), a file of the client, a password.
async fn the_servers_own_client_is_read(bench: &Bench, stack: &ContainerStack) {
    let mut admin = MySqlConnection::connect_with(&bench.options(bench.server))
        .await
        .unwrap();
    let setup = "CREATE USER alice IDENTIFIED BY 'hunter2'; GRANT ALL ON *.* TO alice; SET GLOBAL local_infile = 1";
    sqlx::raw_sql(setup).execute(&mut admin).await.unwrap();

    let container = format!("paytwice-{}-mysql", stack.id());
    let networks = "{{range .NetworkSettings.Networks}}{{.Gateway}} {{end}}";
    let gateways = docker(&["inspect", "-f", networks, &container]);
    let gateway = gateways.split_whitespace().next().unwrap().parse().unwrap();
    let seen = Seen::new();
    let mut leg = leg("main", bench.server, Protocol::MySql);
    leg.listen = SocketAddr::new(gateway, 0);
    let sink: Arc<Seen> = Arc::clone(&seen);
    let link = Link::open(spec(vec![leg], Correlation::default()), sink).await.unwrap();
    let port = link.listen_addr("main").unwrap().port();

    let sql = "SELECT 1;\nCREATE TABLE f (a INT, b INT);\n\
               LOAD DATA LOCAL INFILE '/tmp/f.csv' INTO TABLE f FIELDS TERMINATED BY ',';\n\
               SELECT COUNT(*) FROM f;\nBEGIN;\nUPDATE f SET b = 9 WHERE a = 1;\nCOMMIT;\nSELECT REPEAT('x', 70000) FROM f LIMIT 9;";
    let client = format!(
        "MYSQL_PWD=hunter2 mysql --local-infile=1 --get-server-public-key -h{gateway} -P{port} -ualice {DATABASE} -N 2>&1"
    );
    let script =
        format!("seq 1 40000 | sed 's/$/,7/' > /tmp/f.csv; printf %b \"$0\" | {client} | cut -c1-20 | sort | uniq -c");
    let exec = ["exec", &container, "sh", "-c", &script, sql];
    let printed = tokio::task::block_in_place(|| docker(&exec));
    let words: Vec<&str> = printed.split_whitespace().collect();
    assert_eq!(
        words,
        ["1", "1", "1", "40000", "9", "xxxxxxxxxxxxxxxxxxxx"],
        "{printed}"
    );

    until("the end is seen", || seen.of("QUIT").len() == 1).await;
    let points: Vec<String> = seen.events().into_iter().map(|event| event.point.into()).collect();
    let stats = link.stats();
    assert_eq!((stats.unparsed_bytes, stats.connections), (0, 1));
    for point in [
        "CONNECT reply",
        "SELECT reply",
        "LOAD reply",
        "LOCAL INFILE request",
        "BEGIN reply",
        "UPDATE f reply",
    ] {
        assert!(points.iter().any(|seen| seen == point), "{point} is not in {points:?}");
    }
    link.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn links_on_a_real_server() {
    require_docker!();
    let stack = Arc::new(TestStack::up().await);
    let id = stack.id().to_string();
    let for_scenarios = Arc::clone(&stack);
    let outcome = tokio::spawn(async move {
        let bench = Bench::open(&for_scenarios).await;
        a_connection_is_named_without_credentials(&bench).await;
        a_statement_is_prepared_once_and_keeps_its_name(&bench).await;
        a_transaction_carries_its_numbers(&bench).await;
        many_rows_are_one_reply(&bench).await;
        several_statements_are_one_exchange(&bench).await;
        an_error_is_a_reply(&bench).await;
        a_killed_connection_ends(&bench).await;
        the_servers_own_client_is_read(&bench, &for_scenarios).await;
        assert_eq!(bench.link.stats().unparsed_bytes, 0);
        bench.link.close().await;
    })
    .await;
    stack.down().await.unwrap();
    assert_eq!(left_of(&id), "");
    if let Err(failed) = outcome {
        std::panic::resume_unwind(failed.into_panic());
    }
}
