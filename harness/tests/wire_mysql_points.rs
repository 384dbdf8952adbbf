//! Rules at points of a MySQL link before a real server: what each action did is read from the server's own tables.

mod common;
#[path = "wire_common/mod.rs"]
mod wire_common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{left_of, require_docker, stack_for};
use paytwice::plan::{Direction, Moment, Refusal, WireDetail};
use paytwice::stack::ContainerStack;
use paytwice::wire::{Action, At, Correlation, Gates, Link, LinkSpec, Protocol, Rule, RuleGuard};
use sqlx::mysql::{MySqlConnectOptions, MySqlPool, MySqlSslMode};
use sqlx::{ConnectOptions, Connection, MySqlConnection};
use wire_common::{Seen, leg};

const SCHEMA: &str = "CREATE TABLE payment (id INT PRIMARY KEY);";
/// Longer than an exchange with the server takes.
const A_WHILE: Duration = Duration::from_millis(500);

#[tokio::test(flavor = "multi_thread")]
async fn every_action_on_a_real_server() {
    require_docker!();
    let stack = ContainerStack::up(stack_for(&[])).await.unwrap();
    let id = stack.id().to_string();
    let stack = Arc::new(stack);
    let for_scenarios = Arc::clone(&stack);
    let outcome = tokio::spawn(async move {
        for_scenarios.create_database("points", SCHEMA).await.unwrap();
        let bench = Bench::open(&for_scenarios).await;
        a_dropped_commit_leaves_no_row_and_its_dropped_reply_does(&bench).await;
        a_reset_before_the_commit_leaves_no_row_and_one_after_it_does(&bench).await;
        a_held_commit_is_carried_out_when_the_rule_is_lifted(&bench).await;
        a_delayed_insert_comes_later(&bench).await;
        a_cut_from_the_commit_on_keeps_even_new_connections_waiting(&bench).await;
        a_lock_wait_timeout_undoes_the_statement_alone(&bench).await;
        a_deadlock_undoes_the_transaction(&bench).await;
        a_shut_gate_leaves_exactly_what_had_passed(&bench).await;
        bench.pool.close().await;
        bench.link.close().await;
    })
    .await;
    stack.down().await.unwrap();
    assert_eq!(left_of(&id), "");
    if let Err(failed) = outcome {
        std::panic::resume_unwind(failed.into_panic());
    }
}

struct Bench {
    link: Link,
    gates: Gates,
    addr: SocketAddr,
    pool: MySqlPool,
}

impl Bench {
    async fn open(stack: &ContainerStack) -> Bench {
        let gates = Gates::default();
        let spec = LinkSpec {
            name: "pay->mysql".to_owned(),
            from: "pay".to_owned(),
            gates: gates.clone(),
            detail: WireDetail::Points,
            legs: vec![leg("main", stack.addr("mysql", 3306).unwrap(), Protocol::MySql)],
            correlation: Correlation {
                sql_columns: vec!["payment.id".to_owned()],
                ..Correlation::default()
            },
            advertise: None,
        };
        let link = Link::open(spec, Seen::new()).await.unwrap();
        let addr = link.listen_addr("main").unwrap();
        let pool = stack.mysql_pool("points").unwrap();
        Bench {
            link,
            gates,
            addr,
            pool,
        }
    }

    fn at(&self, point: &str, action: Action) -> RuleGuard {
        self.link.install(Rule {
            at: Some(At::point(point)),
            direction: Direction::Both,
            action,
            seed: 7,
        })
    }

    async fn connect(&self) -> MySqlConnection {
        let options = MySqlConnectOptions::new()
            .host(&self.addr.ip().to_string())
            .port(self.addr.port())
            .username("root")
            .ssl_mode(MySqlSslMode::Disabled)
            .database("points");
        options.connect().await.unwrap()
    }

    /// Inserts and commits on a connection of its own; whether that was acknowledged in time.
    async fn pay(&self, id: i32) -> bool {
        let mut connection = self.connect().await;
        let paid = tokio::time::timeout(A_WHILE, pay(&mut connection, &[id])).await;
        matches!(paid, Ok(Ok(())))
    }

    /// Whether the row is there. A locking read waits for a transaction that the server has not ended yet.
    async fn has(&self, id: i32) -> bool {
        let count = sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM payment WHERE id = ? FOR SHARE").bind(id);
        count.fetch_one(&self.pool).await.unwrap() == 1
    }
}

async fn pay(connection: &mut MySqlConnection, ids: &[i32]) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    for id in ids {
        let insert = sqlx::query("INSERT INTO payment VALUES (?)").bind(id);
        insert.execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

async fn a_dropped_commit_leaves_no_row_and_its_dropped_reply_does(bench: &Bench) {
    for (id, point, there) in [(1, "COMMIT request", false), (2, "COMMIT reply", true)] {
        let rule = bench.at(point, Action::Drop);
        assert!(!bench.pay(id).await, "{point}");
        assert_eq!(rule.stats().dropped, 1);
        assert_eq!(bench.has(id).await, there, "{point}");
    }
}

async fn a_reset_before_the_commit_leaves_no_row_and_one_after_it_does(bench: &Bench) {
    for (id, moment, there) in [(11, Moment::Before, false), (12, Moment::After, true)] {
        let rule = bench.at("COMMIT request", Action::Sever(moment));
        assert!(!bench.pay(id).await, "{moment}");
        assert_eq!(rule.stats().reset, 1);
        assert_eq!(bench.has(id).await, there, "{moment}");
    }
}

async fn a_held_commit_is_carried_out_when_the_rule_is_lifted(bench: &Bench) {
    let rule = bench.at("COMMIT request", Action::Hold);
    let mut connection = bench.connect().await;
    let paying = tokio::spawn(async move { pay(&mut connection, &[21]).await });
    rule.fired().await;
    tokio::time::sleep(A_WHILE).await;
    assert!(!paying.is_finished());
    drop(rule);
    paying.await.unwrap().unwrap();
    assert!(bench.has(21).await);
}

async fn a_delayed_insert_comes_later(bench: &Bench) {
    let fixed = Duration::from_millis(300);
    let jitter = Duration::ZERO;
    let rule = bench.at("INSERT payment request", Action::Delay { fixed, jitter });
    let begun = Instant::now();
    assert!(bench.pay(31).await);
    assert!(begun.elapsed() >= fixed);
    assert_eq!(rule.stats().delayed, 1);
}

async fn a_cut_from_the_commit_on_keeps_even_new_connections_waiting(bench: &Bench) {
    let rule = bench.at("COMMIT reply", Action::Cut);
    let mut other = bench.connect().await;
    assert!(!bench.pay(41).await);
    assert!(tokio::time::timeout(A_WHILE, other.ping()).await.is_err());
    assert!(bench.has(41).await, "what was committed is there");
    drop(rule);
    assert!(bench.pay(42).await);
}

async fn a_lock_wait_timeout_undoes_the_statement_alone(bench: &Bench) {
    let rule = bench.link.install(Rule {
        at: Some(At {
            nth: Some(2),
            ..At::point("INSERT payment request")
        }),
        direction: Direction::Both,
        action: Action::Refuse(Refusal::LockWaitTimeout),
        seed: 7,
    });
    let mut connection = bench.connect().await;
    let mut transaction = connection.begin().await.unwrap();
    let insert = |id: i32| sqlx::query("INSERT INTO payment VALUES (?)").bind(id);
    insert(51).execute(&mut *transaction).await.unwrap();
    let error = insert(52).execute(&mut *transaction).await.unwrap_err();
    assert_eq!(number(&error), 1205, "{error}");
    insert(53).execute(&mut *transaction).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(rule.stats().answered, 1);
    assert_eq!(
        [bench.has(51).await, bench.has(52).await, bench.has(53).await],
        [true, false, true]
    );
}

async fn a_deadlock_undoes_the_transaction(bench: &Bench) {
    let rule = bench.link.install(Rule {
        at: Some(At {
            nth: Some(2),
            ..At::point("INSERT payment request")
        }),
        direction: Direction::Both,
        action: Action::Refuse(Refusal::Deadlock),
        seed: 7,
    });
    let mut connection = bench.connect().await;
    let error = pay(&mut connection, &[61, 62]).await.unwrap_err();
    assert_eq!(number(&error), 1213, "{error}");
    assert_eq!(rule.stats().answered, 1);
    drop(rule);
    assert_eq!([bench.has(61).await, bench.has(62).await], [false, false]);
    pay(&mut connection, &[63])
        .await
        .expect("the connection can be used as before");
    assert!(bench.has(63).await);
}

fn number(error: &sqlx::Error) -> u16 {
    let database = error.as_database_error().expect("an error of the server");
    database.downcast_ref::<sqlx::mysql::MySqlDatabaseError>().number()
}

async fn a_shut_gate_leaves_exactly_what_had_passed(bench: &Bench) {
    for (id, point, there) in [(71, "COMMIT request", false), (72, "COMMIT reply", true)] {
        let gate = bench.gates.of("pay");
        let mut other = bench.connect().await;
        let rule = bench.at(point, Action::Shut(Arc::clone(&gate), Moment::Before));
        assert!(!bench.pay(id).await);
        rule.fired().await;
        assert!(tokio::time::timeout(A_WHILE, pay(&mut other, &[id + 2])).await.is_err());
        gate.dead();
        gate.reborn();
        drop(rule);
        assert_eq!(
            [bench.has(id).await, bench.has(id + 2).await],
            [there, false],
            "{point}"
        );
    }
}
