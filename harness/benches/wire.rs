//! What the wire layer costs: each exchange direct, through a link, and through toxiproxy where its server is named.
//!
//! `cargo bench -p paytwice --bench wire`, or `ci/bench`. The three ways are measured in turns within one run, round by
//! round, so that what else the machine does falls on all of them. `TOXIPROXY` names toxiproxy's server program.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use paytwice::plan::WireDetail;
use paytwice::remoting::{Admin, Client, codes};
use paytwice::stack::{ContainerStack, StackOptions};
use paytwice::wire::{Correlation, Gates, LegSpec, Link, LinkSpec, Protocol, WireSink};
use paytwice_checkers::history::WireEvent;
use sqlx::mysql::{MySqlConnectOptions, MySqlPool, MySqlPoolOptions, MySqlSslMode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Rounds per way; the best throughput and the median of the latencies count.
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(1500);
/// Clients at work at the same time where throughput is measured.
const CLIENTS: usize = 8;
const MANY: usize = 1000;

type Exchange = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// Takes events and forgets them: what writing a history costs is not the link's.
struct Nowhere;

impl WireSink for Nowhere {
    fn record(&self, _: WireEvent) {}
}

/// One way to an upstream.
struct Way {
    name: &'static str,
    exchange: Vec<Exchange>,
}

#[derive(Default)]
struct Measured {
    /// Exchanges per second by [`CLIENTS`] clients, best round.
    rate: f64,
    /// Latency of one client alone.
    p50: Duration,
    p99: Duration,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(bench());
}

async fn bench() {
    let toxiproxy = Toxiproxy::start().await;
    let mut table = String::new();
    let stack = ContainerStack::up(StackOptions::default()).await.unwrap();
    http(&toxiproxy, &mut table).await;
    mysql(&stack, &toxiproxy, &mut table).await;
    rocketmq(&stack, &toxiproxy, &mut table).await;
    stack.down().await.unwrap();
    many_connections(&mut table).await;
    println!("{table}");
}

/// A link to an upstream, kept open by the caller.
async fn link(upstream: SocketAddr, protocol: Protocol) -> (Link, SocketAddr) {
    let spec = LinkSpec {
        name: "client->server".to_owned(),
        from: "client".to_owned(),
        gates: Gates::default(),
        detail: WireDetail::Points,
        legs: vec![LegSpec {
            name: "broker".to_owned(),
            party: "server".to_owned(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            fixed_port: false,
            upstream: Some(upstream),
            protocol,
            tls: None,
        }],
        correlation: Correlation::default(),
        advertise: None,
    };
    let link = Link::open(spec, Arc::new(Nowhere)).await.unwrap();
    let addr = link.listen_addr("broker").unwrap();
    (link, addr)
}

/// Every way to an upstream: its name, and where it begins.
async fn ways(
    upstream: SocketAddr,
    protocol: Protocol,
    toxiproxy: &Option<Toxiproxy>,
) -> (Link, Vec<(&'static str, SocketAddr)>) {
    let (link, through) = link(upstream, protocol).await;
    let mut ways = vec![("direct", upstream), ("link", through)];
    if let Some(toxiproxy) = toxiproxy {
        ways.push(("toxiproxy", toxiproxy.proxy(upstream).await));
    }
    (link, ways)
}

/// Measures every way, round by round in turns.
async fn compare(what: &str, ways: Vec<Way>, table: &mut String) {
    let mut measured: Vec<(Measured, Vec<Duration>)> = ways.iter().map(|_| Default::default()).collect();
    for _ in 0..ROUNDS {
        for (way, (figures, latencies)) in ways.iter().zip(&mut measured) {
            latencies.extend(alone(&way.exchange[0]).await);
            figures.rate = figures.rate.max(together(&way.exchange).await);
        }
    }
    for (figures, latencies) in &mut measured {
        latencies.sort_unstable();
        figures.p50 = latencies[latencies.len() / 2];
        figures.p99 = latencies[latencies.len() * 99 / 100];
    }
    let direct = &measured[0].0;
    let (rate, p50) = (direct.rate, direct.p50);
    writeln!(table, "{what}").unwrap();
    for (way, (figures, _)) in ways.iter().zip(&measured) {
        writeln!(
            table,
            "  {:<10} {:>8.0}/s  {:>5.2} of direct   p50 {:>6.0} us (added {:>4.0})   p99 {:>6.0} us",
            way.name,
            figures.rate,
            figures.rate / rate,
            us(figures.p50),
            us(figures.p50) - us(p50),
            us(figures.p99)
        )
        .unwrap();
    }
    eprintln!("{what}: done");
}

fn us(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// One client, one exchange after the other.
async fn alone(exchange: &Exchange) -> Vec<Duration> {
    for _ in 0..20 {
        exchange().await;
    }
    let (begun, mut latencies) = (Instant::now(), Vec::new());
    while begun.elapsed() < ROUND {
        let at = Instant::now();
        exchange().await;
        latencies.push(at.elapsed());
    }
    latencies
}

/// All clients at once: exchanges per second.
async fn together(exchanges: &[Exchange]) -> f64 {
    let begun = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for exchange in exchanges {
        let exchange = Arc::clone(exchange);
        tasks.spawn(async move {
            let mut count = 0u64;
            while begun.elapsed() < ROUND {
                exchange().await;
                count += 1;
            }
            count
        });
    }
    let mut count = 0;
    while let Some(done) = tasks.join_next().await {
        count += done.unwrap();
    }
    count as f64 / begun.elapsed().as_secs_f64()
}

const REPLY: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n{\"result\":\"success\"}";

/// A small HTTP server: each request gets the same answer.
async fn http_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            tokio::spawn(async move {
                let mut buffer = [0; 2048];
                while let Ok(n) = stream.read(&mut buffer).await {
                    if n == 0 || stream.write_all(REPLY).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    addr
}

async fn http(toxiproxy: &Option<Toxiproxy>, table: &mut String) {
    let (_link, ways) = ways(http_server().await, Protocol::Http, toxiproxy).await;
    let mut all = Vec::new();
    for (name, addr) in ways {
        let exchange = (0..CLIENTS).map(|_| -> Exchange {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let url = format!("http://{addr}/pay/payresult/t1");
            Arc::new(move || {
                let request = client.get(&url);
                Box::pin(async move {
                    request.send().await.unwrap().bytes().await.unwrap();
                })
            })
        });
        all.push(Way {
            name,
            exchange: exchange.collect(),
        });
    }
    compare("HTTP, small GET", all, table).await;
}

async fn pool(addr: SocketAddr) -> MySqlPool {
    let options = MySqlConnectOptions::new()
        .host(&addr.ip().to_string())
        .port(addr.port())
        .username("root")
        .ssl_mode(MySqlSslMode::Disabled)
        .database("bench");
    MySqlPoolOptions::new()
        .max_connections(1)
        .connect_with(options)
        .await
        .unwrap()
}

async fn mysql(stack: &ContainerStack, toxiproxy: &Option<Toxiproxy>, table: &mut String) {
    let schema = "CREATE TABLE t (id BIGINT PRIMARY KEY AUTO_INCREMENT, n INT); INSERT INTO t (n) VALUES (7);";
    stack.create_database("bench", schema).await.unwrap();
    let (_link, ways) = ways(stack.addr("mysql", 3306).unwrap(), Protocol::MySql, toxiproxy).await;
    let (mut selects, mut inserts) = (Vec::new(), Vec::new());
    for (name, addr) in ways {
        let (mut select, mut insert): (Vec<Exchange>, Vec<Exchange>) = (Vec::new(), Vec::new());
        for _ in 0..CLIENTS {
            let pool = pool(addr).await;
            let of_select = pool.clone();
            select.push(Arc::new(move || {
                let pool = of_select.clone();
                Box::pin(async move {
                    let n: i32 = sqlx::query_scalar("SELECT n FROM t WHERE id = ?")
                        .bind(1i64)
                        .fetch_one(&pool)
                        .await
                        .unwrap();
                    assert_eq!(n, 7);
                })
            }));
            insert.push(Arc::new(move || {
                let pool = pool.clone();
                Box::pin(async move {
                    let mut transaction = pool.begin().await.unwrap();
                    sqlx::query("INSERT INTO t (n) VALUES (?)")
                        .bind(1i32)
                        .execute(&mut *transaction)
                        .await
                        .unwrap();
                    transaction.commit().await.unwrap();
                })
            }));
        }
        selects.push(Way { name, exchange: select });
        inserts.push(Way { name, exchange: insert });
    }
    compare("MySQL, point select (sqlx)", selects, table).await;
    compare("MySQL, insert with commit (sqlx)", inserts, table).await;
}

const TOPIC: &str = "bench";

async fn rocketmq(stack: &ContainerStack, toxiproxy: &Option<Toxiproxy>, table: &mut String) {
    let broker = stack.addr("broker", 10911).unwrap();
    let admin = Admin::connect(broker).await.unwrap();
    admin.create_topic(TOPIC, 1, false).await.unwrap();
    admin.create_group("bench_group").await.unwrap();
    let (_link, ways) = ways(broker, Protocol::RocketMq, toxiproxy).await;
    let (mut sends, mut pulls) = (Vec::new(), Vec::new());
    for (name, addr) in ways {
        let (mut send, mut pull): (Vec<Exchange>, Vec<Exchange>) = (Vec::new(), Vec::new());
        for _ in 0..CLIENTS {
            let client = Arc::new(Client::connect(addr, Duration::from_secs(5)).await.unwrap());
            let of_send = Arc::clone(&client);
            send.push(Arc::new(move || {
                let client = Arc::clone(&of_send);
                Box::pin(async move { send_one(&client).await })
            }));
            pull.push(Arc::new(move || {
                let client = Arc::clone(&client);
                Box::pin(async move { pull_one(&client).await })
            }));
        }
        sends.push(Way { name, exchange: send });
        pulls.push(Way { name, exchange: pull });
    }
    compare("RocketMQ, synchronous send", sends, table).await;
    compare("RocketMQ, pull of one message", pulls, table).await;
}

async fn send_one(client: &Client) {
    let fields = [
        ("producerGroup", "bench_producers"),
        ("topic", TOPIC),
        ("defaultTopic", "TBW102"),
        ("defaultTopicQueueNums", "4"),
        ("queueId", "0"),
        ("sysFlag", "0"),
        ("bornTimestamp", "1767225600000"),
        ("flag", "0"),
        ("properties", "KEYS\u{1}t1\u{2}UNIQ_KEY\u{1}U1\u{2}WAIT\u{1}true"),
        ("reconsumeTimes", "0"),
        ("unitMode", "false"),
        ("batch", "false"),
    ];
    let body = br#"{"tx_no":"t1","account_no":"a1","amount":"10.00"}"#;
    client
        .request(codes::SEND_MESSAGE, &fields, body)
        .await
        .unwrap()
        .success()
        .unwrap();
}

async fn pull_one(client: &Client) {
    let fields = [
        ("consumerGroup", "bench_group"),
        ("topic", TOPIC),
        ("queueId", "0"),
        ("queueOffset", "0"),
        ("maxMsgNums", "1"),
        ("sysFlag", "4"),
        ("commitOffset", "0"),
        ("suspendTimeoutMillis", "0"),
        ("subscription", "*"),
        ("subVersion", "0"),
        ("expressionType", "TAG"),
    ];
    client
        .request(codes::PULL_MESSAGE, &fields, b"")
        .await
        .unwrap()
        .success()
        .unwrap();
}

/// What the link itself takes for each open connection: the same connections without it are subtracted.
async fn many_connections(table: &mut String) {
    let server = http_server().await;
    let (_link, through) = link(server, Protocol::Http).await;
    let (direct, _open) = memory_of(server).await;
    let (linked, _also_open) = memory_of(through).await;
    writeln!(
        table,
        "{MANY} connections through one link, each after an exchange: {:.1} KiB each",
        linked - direct
    )
    .unwrap();
}

/// KiB for each of many connections, which stay open.
async fn memory_of(addr: SocketAddr) -> (f64, Vec<TcpStream>) {
    let before = resident_kib();
    let mut open = Vec::new();
    for _ in 0..MANY {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream
            .write_all(b"GET /pay/payresult/t1 HTTP/1.1\r\nhost: b\r\n\r\n")
            .await
            .unwrap();
        let mut reply = vec![0; REPLY.len()];
        stream.read_exact(&mut reply).await.unwrap();
        open.push(stream);
    }
    (resident_kib().saturating_sub(before) as f64 / MANY as f64, open)
}

/// Memory of this process.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Toxiproxy's server, ended with the bench.
struct Toxiproxy {
    server: Child,
    api: SocketAddr,
}

impl Toxiproxy {
    async fn start() -> Option<Toxiproxy> {
        let program = std::env::var_os("TOXIPROXY")?;
        let port = TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let server = Command::new(&program)
            .args(["-host", "127.0.0.1", "-port", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("TOXIPROXY={}: {e}", program.display()));
        let api = SocketAddr::from(([127, 0, 0, 1], port));
        let begun = Instant::now();
        while TcpStream::connect(api).await.is_err() {
            assert!(begun.elapsed() < Duration::from_secs(10), "toxiproxy does not answer");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Some(Toxiproxy { server, api })
    }

    /// A proxy to an upstream; where it listens.
    async fn proxy(&self, upstream: SocketAddr) -> SocketAddr {
        let name = format!("to-{}", upstream.port());
        let wanted = serde_json::json!({ "name": name, "listen": "127.0.0.1:0", "upstream": upstream.to_string() });
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let made = client
            .post(format!("http://{}/proxies", self.api))
            .body(wanted.to_string());
        let made = made.send().await.unwrap().text().await.unwrap();
        let made: serde_json::Value = serde_json::from_str(&made).unwrap();
        made["listen"]
            .as_str()
            .unwrap_or_else(|| panic!("{made}"))
            .parse()
            .unwrap()
    }
}

impl Drop for Toxiproxy {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
