//! MySQL links that end TLS before a real server: a service that insists on TLS is read, broken and judged like any
//! other, a user whom the server does not know yet can log in, and no password is told.

mod common;
#[path = "wire_common/mod.rs"]
mod wire_common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use common::{docker, on_a_stack, require_docker};
use paytwice::plan::{Direction, Moment, WireDetail};
use paytwice::stack::{ContainerStack, Stack as _};
use paytwice::wire::{Action, At, Authority, Correlation, Gates, Link, LinkSpec, Protocol, Rule, RuleGuard};
use paytwice_checkers::history::Text;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlPool, MySqlSslMode};
use sqlx::{ConnectOptions, Connection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wire_common::databases::Databases as _;
use wire_common::{Seen, leg, until};

const DATABASE: &str = "wire_tls";
const SCHEMA: &str = "CREATE TABLE account_pay (id VARCHAR(64) PRIMARY KEY, note LONGTEXT);";
const PASSWORD: &str = "correct-horse-battery";
/// Longer than an exchange with the server takes.
const A_WHILE: Duration = Duration::from_millis(500);

/// A link that ends TLS, and the server behind it.
struct Bench {
    link: Link,
    gates: Gates,
    addr: SocketAddr,
    seen: Arc<Seen>,
    /// Straight to the server.
    pool: MySqlPool,
}

impl Bench {
    async fn open(stack: &ContainerStack, listen: [u8; 4]) -> Bench {
        let listen = SocketAddr::from((listen, 0));
        let (seen, gates) = (Seen::new(), Gates::default());
        let authority = Authority::new().unwrap();
        let mut leg = leg("main", stack.addr("mysql", 3306).unwrap(), Protocol::MySql);
        leg.listen = listen;
        leg.tls = Some(
            authority
                .for_leg(&["mysql".to_owned(), listen.ip().to_string()])
                .unwrap(),
        );
        let spec = LinkSpec {
            name: "pay->mysql".to_owned(),
            from: "pay".to_owned(),
            gates: gates.clone(),
            detail: WireDetail::All,
            legs: vec![leg],
            correlation: Correlation::default().with_key("tx", &["sql:account_pay.id"]).unwrap(),
            advertise: None,
        };
        let sink: Arc<Seen> = Arc::clone(&seen);
        let link = Link::open(spec, sink).await.unwrap();
        Bench {
            addr: link.listen_addr("main").unwrap(),
            link,
            gates,
            seen,
            pool: stack.mysql_pool(DATABASE),
        }
    }

    fn options(&self, user: &str, password: &str, mode: MySqlSslMode) -> MySqlConnectOptions {
        let options = MySqlConnectOptions::new().host(&self.addr.ip().to_string());
        let options = options.port(self.addr.port()).database(DATABASE).ssl_mode(mode);
        let options = options.username(user);
        match password {
            "" => options,
            password => options.password(password),
        }
    }

    /// A connection of `root`, which has no password, that insists on TLS.
    async fn connect(&self) -> MySqlConnection {
        self.options("root", "", MySqlSslMode::Required)
            .connect()
            .await
            .unwrap()
    }

    /// Makes a user whose password is in no cache of the server.
    async fn new_user(&self, name: &str) {
        let sql = format!(
            "CREATE USER {name} IDENTIFIED WITH caching_sha2_password BY '{PASSWORD}'; GRANT ALL ON *.* TO {name}; \
             FLUSH PRIVILEGES"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
            .execute(&self.pool)
            .await
            .unwrap();
    }

    fn at(&self, point: &str, action: Action) -> RuleGuard {
        self.link.install(Rule {
            at: Some(At::point(point)),
            direction: Direction::Both,
            action,
            seed: 7,
        })
    }

    /// Inserts and commits on a connection of its own; whether that was acknowledged in time.
    async fn paid(&self, id: &str) -> bool {
        let mut connection = self.connect().await;
        let paying = async {
            let mut transaction = connection.begin().await?;
            let insert = sqlx::query("INSERT INTO account_pay (id) VALUES (?)").bind(id);
            insert.execute(&mut *transaction).await?;
            transaction.commit().await
        };
        matches!(tokio::time::timeout(A_WHILE, paying).await, Ok(Ok(())))
    }

    /// Whether the row is there. A locking read waits for a transaction that the server has not ended yet.
    async fn has(&self, id: &str) -> bool {
        let count = sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM account_pay WHERE id = ? FOR SHARE").bind(id);
        count.fetch_one(&self.pool).await.unwrap() == 1
    }
}

/// The cipher that the server says it speaks with this connection; empty where it speaks none.
async fn cipher(connection: &mut MySqlConnection) -> String {
    let status = sqlx::query_as::<_, (String, String)>("SHOW SESSION STATUS LIKE 'Ssl_cipher'");
    status.fetch_one(connection).await.unwrap().1
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_ended_before_a_real_server() {
    require_docker!();
    on_a_stack(async |stack| {
        stack.create_database(DATABASE, SCHEMA).await.unwrap();
        let bench = Bench::open(&stack, [127, 0, 0, 1]).await;
        a_user_whom_the_server_does_not_know_yet_logs_in(&bench).await;
        a_wrong_password_is_refused_by_the_server(&bench).await;
        who_trusts_the_run_verifies_its_links(&bench).await;
        points_carry_their_transaction_numbers(&bench).await;
        a_dropped_commit_leaves_no_row_and_its_dropped_reply_does(&bench).await;
        a_reset_before_the_commit_leaves_no_row_and_one_after_it_does(&bench).await;
        a_shut_gate_leaves_exactly_what_had_passed(&bench).await;
        a_cut_holds_a_handshake_up_as_well(&bench).await;
        much_passes_both_ways_unchanged(&bench).await;
        who_wants_no_tls_gets_none(&bench).await;
        no_password_was_told(&bench).await;
        assert_eq!(bench.link.stats().unparsed_bytes, 0);
        bench.link.close().await;
        the_servers_own_client_verifies_the_link(&stack).await;
        a_link_that_withholds_tls_offers_none(&stack).await;
    })
    .await;
}

async fn a_user_whom_the_server_does_not_know_yet_logs_in(bench: &Bench) {
    bench.new_user("carol").await;
    let options = bench.options("carol", PASSWORD, MySqlSslMode::Required);
    for cached in [false, true] {
        let mut connection = options.connect().await.unwrap();
        assert!(!cipher(&mut connection).await.is_empty(), "cached: {cached}");
        connection.close().await.unwrap();
    }
    until("both ends are seen", || bench.seen.of("QUIT request").len() == 2).await;
    assert_eq!(bench.seen.of("CONNECT reply").len(), 2);
}

async fn a_wrong_password_is_refused_by_the_server(bench: &Bench) {
    let before = bench.seen.of("CONNECT reply").len();
    let options = bench.options("carol", "correct-horse-wrong", MySqlSslMode::Required);
    let error = options.connect().await.unwrap_err();
    let number = error
        .as_database_error()
        .map(|e| e.downcast_ref::<sqlx::mysql::MySqlDatabaseError>().number());
    assert_eq!(number, Some(1045), "{error}");
    until("the refusal is seen", || {
        bench.seen.of("CONNECT reply").len() == before + 1
    })
    .await;
}

async fn who_trusts_the_run_verifies_its_links(bench: &Bench) {
    let pem = bench.link.authority_pem().unwrap().as_bytes().to_vec();
    for mode in [MySqlSslMode::VerifyCa, MySqlSslMode::VerifyIdentity] {
        let options = bench.options("root", "", mode).ssl_ca_from_pem(pem.clone());
        let mut connection = options.connect().await.unwrap_or_else(|e| panic!("{mode:?}: {e}"));
        assert!(!cipher(&mut connection).await.is_empty());
    }
    let refused = bench.link.stats().refused;
    let other = Authority::new().unwrap().for_leg(&["mysql".to_owned()]).unwrap();
    let other = other.authority_pem().as_bytes().to_vec();
    let options = bench.options("root", "", MySqlSslMode::VerifyCa).ssl_ca_from_pem(other);
    let error = options.connect().await.unwrap_err();
    assert!(matches!(error, sqlx::Error::Tls(_) | sqlx::Error::Io(_)), "{error}");
    until("the link has noticed", || bench.link.stats().refused == refused + 1).await;
}

async fn points_carry_their_transaction_numbers(bench: &Bench) {
    let before = bench.seen.of("COMMIT").len();
    assert!(bench.paid("t1").await);
    until("the reply is seen", || bench.seen.of("COMMIT").len() == before + 2).await;
    let commits = bench.seen.of("COMMIT").split_off(before);
    let told: Vec<(&str, &[_])> = commits.iter().map(|e| (e.point.as_str(), e.key("tx"))).collect();
    let tx = [Text::from("t1")];
    assert_eq!(told, [("COMMIT request", &tx[..]), ("COMMIT reply", &tx[..])]);
}

async fn a_dropped_commit_leaves_no_row_and_its_dropped_reply_does(bench: &Bench) {
    for (id, point, there) in [("d1", "COMMIT request", false), ("d2", "COMMIT reply", true)] {
        // To a client that leaves without its answer the server says an error, which looks like that answer.
        until("the connections before are over", || bench.link.stats().open == 0).await;
        let rule = bench.at(point, Action::Drop);
        assert!(!bench.paid(id).await, "{point}");
        assert_eq!(rule.stats().dropped, 1, "{point} {:?}", bench.seen.of("COMMIT"));
        assert_eq!(bench.has(id).await, there, "{point}");
    }
}

async fn a_reset_before_the_commit_leaves_no_row_and_one_after_it_does(bench: &Bench) {
    for (id, moment, there) in [("r1", Moment::Before, false), ("r2", Moment::After, true)] {
        let rule = bench.at("COMMIT request", Action::Sever(moment));
        assert!(!bench.paid(id).await, "{moment}");
        assert_eq!(rule.stats().reset, 1, "{moment} {:?}", bench.seen.of("COMMIT"));
        assert_eq!(bench.has(id).await, there, "{moment}");
    }
}

async fn a_shut_gate_leaves_exactly_what_had_passed(bench: &Bench) {
    for (id, moment, there) in [("g1", Moment::Before, false), ("g2", Moment::After, true)] {
        let gate = bench.gates.of("pay");
        let rule = bench.at("COMMIT request", Action::Shut(Arc::clone(&gate), moment));
        assert!(!bench.paid(id).await, "{moment}");
        rule.fired().await;
        let late = tokio::time::timeout(A_WHILE, bench.connect()).await;
        assert!(late.is_err(), "not even a handshake passes");
        gate.dead();
        gate.reborn();
        drop(rule);
        assert_eq!(bench.has(id).await, there, "{moment}");
        assert!(bench.paid(&format!("{id}-reborn")).await);
    }
}

async fn a_cut_holds_a_handshake_up_as_well(bench: &Bench) {
    let mut client = TcpStream::connect(bench.addr).await.unwrap();
    let greeting = client.read(&mut [0; 4096]).await.unwrap();
    assert!(greeting > 0);
    let cut = bench.link.install(wire_common::rule(Direction::Request, Action::Cut));
    // The wish for TLS (the protocol of today, and TLS), and behind it what is no handshake.
    let wish = [&[32, 0, 0, 1][..], &(1_u32 << 9 | 1 << 11).to_le_bytes(), &[0; 28]].concat();
    client
        .write_all(&[&wish[..], b"\x16\x03\x01\x00\x05hello"].concat())
        .await
        .unwrap();
    until("the wish is held", || cut.stats().holding > 0).await;
    let mut answer = [0; 1];
    let early = tokio::time::timeout(A_WHILE, client.read(&mut answer)).await;
    assert!(early.is_err(), "{early:?}");
    let refused = bench.link.stats().refused;
    drop(cut);
    until("the handshake goes on, and fails", || {
        bench.link.stats().refused == refused + 1
    })
    .await;
}

async fn much_passes_both_ways_unchanged(bench: &Bench) {
    let note: String = (0..3_000_000)
        .map(|at: u32| char::from(b'a' + (at % 26) as u8))
        .collect();
    let mut connection = bench.connect().await;
    let insert = sqlx::query("INSERT INTO account_pay (id, note) VALUES ('big', ?)").bind(&note);
    insert.execute(&mut connection).await.unwrap();
    let read = sqlx::query_scalar::<_, String>("SELECT note FROM account_pay WHERE id = 'big'");
    assert!(read.fetch_one(&mut connection).await.unwrap() == note);
    let at_once: Vec<_> = (0..8)
        .map(|_| {
            let options = bench.options("root", "", MySqlSslMode::Required);
            tokio::spawn(async move {
                let mut connection = options.connect().await.unwrap();
                let rows = sqlx::raw_sql("SELECT REPEAT('y', 1000000) FROM information_schema.columns LIMIT 9");
                rows.fetch_all(&mut connection).await.unwrap().len()
            })
        })
        .collect();
    for rows in at_once {
        assert_eq!(rows.await.unwrap(), 9);
    }
}

async fn who_wants_no_tls_gets_none(bench: &Bench) {
    let options = bench.options("root", "", MySqlSslMode::Disabled);
    let mut connection = options.connect().await.unwrap();
    assert_eq!(cipher(&mut connection).await, "");
}

async fn no_password_was_told(bench: &Bench) {
    let events = format!("{:?}", bench.seen.events());
    assert!(
        events.contains("CONNECT request") && events.contains("frame"),
        "{events}"
    );
    for secret in [PASSWORD, "correct-horse", "caching_sha2_password"] {
        assert!(!events.contains(secret), "{secret} was told");
    }
}

/// The server's own client from its container, which links another library for TLS, with each version of TLS.
async fn the_servers_own_client_verifies_the_link(stack: &ContainerStack) {
    let container = format!("paytwice-{}-mysql", stack.id());
    let networks = "{{range .NetworkSettings.Networks}}{{.Gateway}} {{end}}";
    let gateways = docker(&["inspect", "-f", networks, &container]);
    let gateway: std::net::Ipv4Addr = gateways.split_whitespace().next().unwrap().parse().unwrap();
    let bench = Bench::open(stack, gateway.octets()).await;
    bench.new_user("dave").await;
    let pem = bench.link.authority_pem().unwrap();
    let port = bench.addr.port();
    let script = format!(
        "printf %s \"$0\" > /tmp/ca.pem; for version in TLSv1.2 TLSv1.3; do MYSQL_PWD={PASSWORD} mysql \
         --ssl-mode=VERIFY_IDENTITY --ssl-ca=/tmp/ca.pem --tls-version=$version -h{gateway} -P{port} -udave -N \
         -e \"SHOW SESSION STATUS LIKE 'Ssl_version'; SELECT id FROM {DATABASE}.account_pay WHERE id = 't1'\" 2>&1; done"
    );
    let exec = ["exec", &container, "sh", "-c", &script, pem];
    let printed = tokio::task::block_in_place(|| docker(&exec));
    let words: Vec<&str> = printed.split_whitespace().collect();
    // The link speaks the newest version to the server, whatever it speaks to the client.
    assert_eq!(
        words,
        ["Ssl_version", "TLSv1.3", "t1", "Ssl_version", "TLSv1.3", "t1"],
        "{printed}"
    );
    until("both are seen", || bench.seen.of("SELECT account_pay reply").len() == 2).await;
    assert_eq!(bench.link.stats().unparsed_bytes, 0);
    bench.link.close().await;
}

async fn a_link_that_withholds_tls_offers_none(stack: &ContainerStack) {
    let (link, addr) = wire_common::link(stack.addr("mysql", 3306).unwrap(), Protocol::MySql, Seen::new()).await;
    assert_eq!(link.authority_pem(), None);
    let options = MySqlConnectOptions::new()
        .host("127.0.0.1")
        .port(addr.port())
        .username("root");
    let error = options.ssl_mode(MySqlSslMode::Required).connect().await.unwrap_err();
    assert!(error.to_string().to_lowercase().contains("tls"), "{error}");
    link.close().await;
}
