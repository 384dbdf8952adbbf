//! What the wire layer costs: each exchange direct, through a link, and through toxiproxy where its server is named.
//!
//! `cargo bench -p paytwice --bench wire`, or `ci/bench`. The ways are measured in short turns within one run, so that what
//! else the machine and the servers do falls on all of them. A share is the median over the turns of a way's throughput
//! divided by the other's in the same turn, with the interval in which that median is with 95 % probability; where 1 is in it,
//! the two were not told apart. `direct again` shows it for the same way twice.
//! Client, link and server are processes of their own, as in a run: this program is the client, and starts itself again as
//! the others. `TOXIPROXY` names toxiproxy's server program, `SLOW_MYSQL` and `SLOW_ROCKETMQ` images whose disks take their
//! time.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use paytwice::dependency::rocketmq::{Admin, Client};
use paytwice::dependency::{Dependencies, LaunchOptions};
use paytwice::plan::WireDetail;
use paytwice::remoting::codes;
use paytwice::stack::{ContainerStack, Stack, StackOptions};
use paytwice::wire::{Correlation, Gates, LegSpec, Link, LinkSpec, Protocol, WireSink};
use paytwice_checkers::history::Wire;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

/// Turns of one client per way; the quantiles of all its latencies count.
const ALONE: usize = 120;
const ALONE_TURN: Duration = Duration::from_millis(50);
/// Turns of all clients per way; their median throughput counts.
const TOGETHER: usize = 40;
const TOGETHER_TURN: Duration = Duration::from_millis(250);
/// Clients at work at the same time where throughput is measured.
const CLIENTS: usize = 8;
/// More of them, where there is nothing to wait for but the processors: the last is as many as a busy service has.
const CROWDS: [usize; 2] = [16, 64];
const MANY: usize = 1000;

type Exchange = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// Takes events and forgets them: what writing a history costs is not the link's.
struct Nowhere;

impl WireSink for Nowhere {
    fn record(&self, _: Wire) {}
}

/// One way to an upstream.
struct Way {
    name: &'static str,
    exchange: Vec<Exchange>,
}

struct Measured {
    /// Exchanges per second by all clients at once, turn by turn.
    rates: Vec<f64>,
    /// The share of the processors' time that was left then.
    idle: f64,
    /// Latency of one client alone.
    p50: Duration,
    p99: Duration,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve"] => runtime.block_on(serve()),
        ["link", upstream, protocol] => runtime.block_on(run_link(upstream.parse().unwrap(), protocol)),
        ["--bench"] | [_, "--bench"] => runtime.block_on(bench()),
        _ => panic!(
            "usage: cargo bench -p paytwice --bench wire [-- WHAT], where the names of exchanges have WHAT in them"
        ),
    }
}

/// This program again, in another part; ended with the bench.
struct Part {
    process: Child,
    addr: SocketAddr,
}

impl Part {
    fn start(args: &[&str]) -> Part {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let addr = line
            .trim()
            .parse()
            .unwrap_or_else(|e| panic!("{args:?} said {line:?}: {e}"));
        Part { process, addr }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Says where it listens, and goes on until the bench is gone.
async fn until_the_bench_ends(addr: SocketAddr) {
    println!("{addr}");
    let mut rest = Vec::new();
    tokio::io::stdin().read_to_end(&mut rest).await.unwrap();
}

async fn bench() {
    let toxiproxy = Toxiproxy::start().await;
    let mut table = String::new();
    http(&toxiproxy, &mut table).await;
    on_servers(
        &[POINT_SELECT, INSERT],
        &[SEND, PULL],
        "",
        BTreeMap::new(),
        &toxiproxy,
        &mut table,
    )
    .await;
    if let (Ok(mysql), Ok(rocketmq)) = (std::env::var("SLOW_MYSQL"), std::env::var("SLOW_ROCKETMQ")) {
        let images = [("mysql".to_owned(), mysql), ("rocketmq".to_owned(), rocketmq)].into();
        on_servers(
            &[INSERT],
            &[SEND],
            ", each flush 1 ms longer",
            images,
            &toxiproxy,
            &mut table,
        )
        .await;
    }
    many_connections(&mut table).await;
    println!("{table}");
}

/// Exchanges with MySQL and the broker, in which a send is answered once it is on the disk, as a commit is.
async fn on_servers(
    with_mysql: &[Asked],
    with_broker: &[&str],
    disk: &str,
    images: BTreeMap<String, String>,
    toxiproxy: &Option<Toxiproxy>,
    table: &mut String,
) {
    let names = with_mysql
        .iter()
        .map(|(name, _)| *name)
        .chain(with_broker.iter().copied());
    if !names.map(|name| format!("{name}{disk}")).any(|name| wanted(&name)) {
        return;
    }
    let options = StackOptions {
        disks: vec!["mysql".to_owned(), "broker".to_owned()],
        ..StackOptions::default()
    };
    let launch = LaunchOptions {
        images,
        flush: [("broker".to_owned(), "sync".to_owned())].into(),
    };
    let declared = toml::from_str("mysql = { kind = 'mysql' }\nrocketmq = { kind = 'rocketmq' }").unwrap();
    let stack: Arc<dyn Stack> = Arc::new(ContainerStack::up(options).await.unwrap());
    let _dependencies = Dependencies::start(&stack, &declared, &launch, &|_| ()).await.unwrap();
    mysql(stack.as_ref(), with_mysql, disk, toxiproxy, table).await;
    rocketmq(stack.as_ref(), with_broker, disk, toxiproxy, table).await;
    stack.down().await.unwrap();
}

/// Whether an exchange was asked for: all are where nothing was.
fn wanted(what: &str) -> bool {
    let asked = std::env::args().nth(1).filter(|asked| asked != "--bench");
    asked.is_none_or(|asked| what.contains(&asked))
}

/// The part of a link to an upstream.
async fn run_link(upstream: SocketAddr, protocol: &str) {
    let protocol = match protocol {
        "http" => Protocol::Http,
        "mysql" => Protocol::MySql,
        "rocketmq" => Protocol::RocketMq,
        other => panic!("no protocol {other}"),
    };
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
    until_the_bench_ends(link.listen_addr("broker").unwrap()).await;
}

/// Every way to an upstream: its name, and where it begins.
async fn ways(
    upstream: SocketAddr,
    protocol: &str,
    toxiproxy: &Option<Toxiproxy>,
) -> (Part, Vec<(&'static str, SocketAddr)>) {
    let link = Part::start(&["link", &upstream.to_string(), protocol]);
    let mut ways = vec![("direct", upstream), ("direct again", upstream), ("link", link.addr)];
    if let Some(toxiproxy) = toxiproxy {
        ways.push(("toxiproxy", toxiproxy.proxy(upstream).await));
    }
    (link, ways)
}

/// Measures every way, turn by turn.
async fn compare(what: &str, ways: Vec<Way>, table: &mut String) {
    if !wanted(what) {
        return;
    }
    let mut turns: Vec<(Vec<f64>, Vec<Duration>)> = ways.iter().map(|_| Default::default()).collect();
    let mut processors = vec![Processors::default(); ways.len()];
    for _ in 0..ALONE {
        for (way, (_, latencies)) in ways.iter().zip(&mut turns) {
            latencies.extend(alone(&way.exchange[0]).await);
        }
    }
    for _ in 0..TOGETHER {
        for ((way, (rates, _)), processors) in ways.iter().zip(&mut turns).zip(&mut processors) {
            let before = Processors::now();
            rates.push(together(&way.exchange).await);
            processors.add(before, Processors::now());
        }
    }
    let mut measured = Vec::new();
    for ((rates, mut latencies), processors) in turns.into_iter().zip(processors) {
        latencies.sort_unstable();
        measured.push(Measured {
            rates,
            idle: processors.idle_share(),
            p50: latencies[latencies.len() / 2],
            p99: latencies[latencies.len() * 99 / 100],
        });
    }
    let direct = &measured[0];
    writeln!(table, "{what}").unwrap();
    for (way, figures) in ways.iter().zip(&measured) {
        writeln!(
            table,
            "  {:<12} {:>8.0}/s  {} of direct   idle {:>2.0} %   p50 {:>6.0} us (added {:>4.0})   p99 {:>6.0} us",
            way.name,
            median(figures.rates.clone()).middle,
            share(&figures.rates, &direct.rates),
            100.0 * figures.idle,
            us(figures.p50),
            us(figures.p50) - us(direct.p50),
            us(figures.p99)
        )
        .unwrap();
    }
    let named = |name| {
        ways.iter()
            .position(|way| way.name == name)
            .map(|at| &measured[at].rates)
    };
    if let (Some(link), Some(toxiproxy)) = (named("link"), named("toxiproxy")) {
        writeln!(table, "  link: {} of toxiproxy", share(link, toxiproxy)).unwrap();
    }
    eprintln!("{what}: done");
}

/// A median, and the interval in which that of an endless measurement is with 95 % probability.
struct Median {
    low: f64,
    middle: f64,
    high: f64,
}

/// The interval is the one between two order statistics (W. J. Conover, Practical Nonparametric Statistics, 3.2): it asks
/// nothing of how the values are distributed.
fn median(mut values: Vec<f64>) -> Median {
    values.sort_unstable_by(f64::total_cmp);
    let count = values.len();
    let rank = (count as f64 / 2.0 - 0.98 * (count as f64).sqrt()).floor().max(1.0) as usize;
    Median {
        low: values[rank - 1],
        middle: (values[(count - 1) / 2] + values[count / 2]) / 2.0,
        high: values[count - rank],
    }
}

/// A way's throughput as share of another's, compared turn by turn.
fn share(of: &[f64], whole: &[f64]) -> String {
    let Median { low, middle, high } = median(of.iter().zip(whole).map(|(of, whole)| of / whole).collect());
    format!("{middle:.2} ({low:.2} to {high:.2})")
}

/// What the processors have done, in the kernel's ticks.
#[derive(Clone, Copy, Default)]
struct Processors {
    idle: u64,
    all: u64,
}

impl Processors {
    /// Since the machine was started.
    fn now() -> Processors {
        let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
        let line = stat.lines().next().unwrap_or_default();
        let ticks: Vec<u64> = line.split_whitespace().skip(1).filter_map(|n| n.parse().ok()).collect();
        Processors {
            // Idle, and waiting for a disk.
            idle: ticks.iter().skip(3).take(2).sum(),
            // What guests do is counted as the processors' own before.
            all: ticks.iter().take(8).sum(),
        }
    }

    fn add(&mut self, before: Processors, after: Processors) {
        self.idle += after.idle - before.idle;
        self.all += after.all - before.all;
    }

    fn idle_share(self) -> f64 {
        self.idle as f64 / self.all.max(1) as f64
    }
}

fn us(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// One client, one exchange after the other.
async fn alone(exchange: &Exchange) -> Vec<Duration> {
    let (begun, mut latencies) = (Instant::now(), Vec::new());
    while begun.elapsed() < ALONE_TURN {
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
            while begun.elapsed() < TOGETHER_TURN {
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

/// The part of a small HTTP server: each request gets the same answer.
async fn serve() {
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
    until_the_bench_ends(addr).await;
}

async fn http(toxiproxy: &Option<Toxiproxy>, table: &mut String) {
    let server = Part::start(&["serve"]);
    let (_link, ways) = ways(server.addr, "http", toxiproxy).await;
    for clients in [CLIENTS].into_iter().chain(CROWDS) {
        let what = match clients {
            CLIENTS => "HTTP, small GET".to_owned(),
            more => format!("HTTP, small GET, {more} clients"),
        };
        let all = ways.iter().map(|(name, addr)| {
            let exchange = (0..clients).map(|_| -> Exchange {
                let client = reqwest::Client::builder().no_proxy().build().unwrap();
                let url = format!("http://{addr}/pay/payresult/t1");
                Arc::new(move || {
                    let request = client.get(&url);
                    Box::pin(async move {
                        request.send().await.unwrap().bytes().await.unwrap();
                    })
                })
            });
            Way {
                name,
                exchange: exchange.collect(),
            }
        });
        compare(&what, all.collect(), table).await;
    }
}

async fn connect(addr: SocketAddr) -> MySqlConnection {
    let options = MySqlConnectOptions::new()
        .host(&addr.ip().to_string())
        .port(addr.port())
        .username("root")
        .ssl_mode(MySqlSslMode::Disabled)
        .database("bench");
    MySqlConnection::connect_with(&options).await.unwrap()
}

/// A prepared statement over a connection of its own; each exchange is one round trip.
async fn statement(addr: SocketAddr, sql: &'static str, value: i64) -> Exchange {
    let connection = Arc::new(Mutex::new(connect(addr).await));
    Arc::new(move || {
        let connection = Arc::clone(&connection);
        Box::pin(async move {
            let mut connection = connection.lock().await;
            sqlx::query(sql).bind(value).fetch_all(&mut *connection).await.unwrap();
        })
    })
}

/// An exchange with a server: its name, and its words.
type Asked = (&'static str, &'static str);
const POINT_SELECT: Asked = ("MySQL, point select (sqlx)", "SELECT n FROM t WHERE id = ?");
const INSERT: Asked = ("MySQL, insert with commit (sqlx)", "INSERT INTO t (n) VALUES (?)");

async fn mysql(stack: &dyn Stack, exchanges: &[Asked], disk: &str, toxiproxy: &Option<Toxiproxy>, table: &mut String) {
    let schema = "CREATE TABLE t (id BIGINT PRIMARY KEY AUTO_INCREMENT, n INT); INSERT INTO t (n) VALUES (7);";
    let mysql = stack.addr("mysql", 3306).unwrap();
    let server = MySqlConnectOptions::new()
        .host(&mysql.ip().to_string())
        .port(mysql.port());
    let mut connection = server
        .username("root")
        .ssl_mode(MySqlSslMode::Disabled)
        .connect()
        .await
        .unwrap();
    let script = format!("CREATE DATABASE bench; USE bench; {schema}");
    sqlx::raw_sql(AssertSqlSafe(script))
        .execute(&mut connection)
        .await
        .unwrap();
    let (_link, ways) = ways(stack.addr("mysql", 3306).unwrap(), "mysql", toxiproxy).await;
    for (what, sql) in exchanges {
        let mut all = Vec::new();
        for (name, addr) in &ways {
            let mut exchange = Vec::new();
            for _ in 0..CLIENTS {
                exchange.push(statement(*addr, sql, 1).await);
            }
            all.push(Way { name, exchange });
        }
        compare(&format!("{what}{disk}"), all, table).await;
    }
}

const TOPIC: &str = "bench";

const SEND: &str = "RocketMQ, synchronous send";
const PULL: &str = "RocketMQ, pull of one message";

async fn rocketmq(
    stack: &dyn Stack,
    exchanges: &[&str],
    disk: &str,
    toxiproxy: &Option<Toxiproxy>,
    table: &mut String,
) {
    let broker = stack.addr("broker", 10911).unwrap();
    let admin = Admin::connect(broker).await.unwrap();
    admin.create_topic(TOPIC, 1, false).await.unwrap();
    admin.create_group("bench_group").await.unwrap();
    send_one(&Client::connect(broker, Duration::from_secs(5)).await.unwrap()).await;
    let (_link, ways) = ways(broker, "rocketmq", toxiproxy).await;
    for what in exchanges {
        let mut all = Vec::new();
        for (name, addr) in &ways {
            let mut exchange: Vec<Exchange> = Vec::new();
            for _ in 0..CLIENTS {
                let client = Arc::new(Client::connect(*addr, Duration::from_secs(5)).await.unwrap());
                let sends = *what == SEND;
                exchange.push(Arc::new(move || {
                    let client = Arc::clone(&client);
                    Box::pin(async move {
                        match sends {
                            true => send_one(&client).await,
                            false => pull_one(&client).await,
                        }
                    })
                }));
            }
            all.push(Way { name, exchange });
        }
        compare(&format!("{what}{disk}"), all, table).await;
    }
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

/// What the link's process grows by for each open connection.
async fn many_connections(table: &mut String) {
    let server = Part::start(&["serve"]);
    let link = Part::start(&["link", &server.addr.to_string(), "http"]);
    let before = resident_kib(&link.process);
    let mut open = Vec::new();
    for _ in 0..MANY {
        let mut stream = TcpStream::connect(link.addr).await.unwrap();
        stream
            .write_all(b"GET /pay/payresult/t1 HTTP/1.1\r\nhost: b\r\n\r\n")
            .await
            .unwrap();
        let mut reply = vec![0; REPLY.len()];
        stream.read_exact(&mut reply).await.unwrap();
        assert_eq!(reply, REPLY);
        open.push(stream);
    }
    let grown = resident_kib(&link.process) - before;
    writeln!(
        table,
        "{MANY} connections through one link, all open, each after an exchange: {:.1} KiB each",
        grown as f64 / MANY as f64
    )
    .unwrap();
}

/// Memory of a process.
fn resident_kib(process: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Toxiproxy's server, ended with the bench.
struct Toxiproxy {
    server: Child,
    api: SocketAddr,
    proxies: AtomicU32,
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
        Some(Toxiproxy {
            server,
            api,
            proxies: AtomicU32::new(0),
        })
    }

    /// A proxy to an upstream; where it listens.
    async fn proxy(&self, upstream: SocketAddr) -> SocketAddr {
        let name = format!("proxy-{}", self.proxies.fetch_add(1, Ordering::Relaxed));
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
