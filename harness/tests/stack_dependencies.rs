//! What a manifest names is what is started, under the names that it gives: two MySQL servers, none of them called
//! after its kind, and no broker.

mod common;
#[path = "wire_common/mod.rs"]
mod wire_common;

use std::sync::Arc;
use std::time::Duration;

use common::{TestStack, docker, left_of, require_docker};
use paytwice::dependency::rocketmq::{Admin, Client};
use paytwice::fault;
use paytwice::plan::{Direction, FaultSpec, WireDetail};
use paytwice::record::Recorder;
use paytwice::stack::{Kill as _, LABEL_STACK, Pause as _, Stack};
use paytwice::sut::{Observer, RunningTarget};
use paytwice::wire::{Correlation, Gates, Greeting, LegSpec, Link, LinkProbe, LinkSpec, Protocol, WireSink};

/// A link from a service to a party, on loopback.
async fn link(stack: &TestStack, name: &str, party: &str, port: u16, protocol: Protocol) -> Link {
    let (from, _) = name.split_once("->").unwrap();
    let spec = LinkSpec {
        name: name.to_owned(),
        from: from.to_owned(),
        gates: Gates::default(),
        detail: WireDetail::Points,
        legs: vec![LegSpec {
            name: "main".to_owned(),
            listen: ([127, 0, 0, 1], 0).into(),
            fixed_port: false,
            upstream: Some(stack.addr(party, port).unwrap()),
            party: party.to_owned(),
            protocol,
            tls: None,
        }],
        correlation: Correlation::default(),
        advertise: None,
    };
    Link::open(spec, Arc::new(Nowhere)).await.unwrap()
}

/// Wire events that nobody asks for.
struct Nowhere;

impl WireSink for Nowhere {
    fn record(&self, _event: paytwice_checkers::history::Wire) {}
}

/// What the nemesis would act on.
fn running(stack: &TestStack, links: Vec<(&str, Link)>, recorder: Recorder) -> RunningTarget {
    let probe = |(name, link): &(&str, Link)| {
        let addr = link.listen_addr("main").unwrap();
        ((*name).to_owned(), LinkProbe::new(Arc::new(Greeting { addr })))
    };
    RunningTarget {
        stack: Arc::<paytwice::stack::ContainerStack>::clone(&stack.stack),
        probes: links.iter().map(probe).collect(),
        links: links
            .into_iter()
            .map(|(name, link)| (name.to_owned(), Arc::new(link)))
            .collect(),
        gates: Gates::default(),
        pace: paytwice::workload::Pace::default(),
        recorder,
        observer: Observer::silent(),
    }
}

/// Begins a fault, sees it, looks at what it does, ends it; the words of all its evidence.
async fn carry_out(target: &RunningTarget, spec: FaultSpec, during: impl AsyncFnOnce()) -> String {
    let mut fault = fault::make(&spec, 7);
    let begun = fault.begin(target).await.unwrap();
    let seen = tokio::time::timeout(Duration::from_secs(20), fault.seen(target)).await;
    let seen = seen.expect("it takes effect").unwrap();
    during().await;
    let ended = fault.end(target).await.unwrap();
    let words = format!("{spec}: {}; {}; {}", begun.detail, seen.detail, ended.detail);
    eprintln!("{words}");
    words
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_without_a_broker_are_started_and_broken_by_the_names_of_the_manifest() {
    require_docker!();
    let declared = "store = { kind = 'mysql', config = { max_connections = 321 } }\nledger = { kind = 'mysql' }";
    let stack = TestStack::of(declared).await;
    let id = stack.id().to_string();
    assert_eq!(stack.party_names(), ["ledger", "store"]);
    let filter = format!("label={LABEL_STACK}={id}");
    let mut names: Vec<String> = docker(&["ps", "--filter", &filter, "--format", "{{.Names}}"])
        .lines()
        .map(str::to_owned)
        .collect();
    names.sort();
    assert_eq!(names, [format!("paytwice-{id}-ledger"), format!("paytwice-{id}-store")]);

    // Each holds its own rows, and its own settings.
    let (store, ledger) = (
        stack.dependencies.get("store").unwrap(),
        stack.dependencies.get("ledger").unwrap(),
    );
    for server in [store, ledger] {
        server.execute("mysql", "CREATE DATABASE own").await.unwrap();
        server
            .execute(
                "own",
                "CREATE TABLE t (n DECIMAL(9,2) PRIMARY KEY, b DATETIME NULL, x VARBINARY(4))",
            )
            .await
            .unwrap();
    }
    store
        .execute("own", "INSERT INTO t VALUES (1.5, '2026-11-30 01:02:03', 'a')")
        .await
        .unwrap();
    let again = store
        .execute("own", "INSERT INTO t VALUES (1.5, NULL, 'b')")
        .await
        .unwrap_err();
    assert!(
        matches!(again, paytwice::dependency::StatementError::Duplicate(_)),
        "{again:?}"
    );
    let rows = store
        .rows("own", "SELECT n, b, x, 7 AS seven, NULL AS nothing FROM t")
        .await
        .unwrap();
    assert_eq!(rows.columns(), ["n", "b", "x", "seven", "nothing"]);
    let row = rows.iter().next().unwrap();
    let cells: Vec<Option<&str>> = (0..5).map(|at| row.at(at)).collect();
    assert_eq!(
        cells,
        [Some("1.50"), Some("2026-11-30 01:02:03"), Some("a"), Some("7"), None]
    );
    assert!(ledger.rows("own", "SELECT * FROM t").await.unwrap().is_empty());
    let max = "SELECT @@max_connections AS n";
    let n = |rows: paytwice_checkers::history::Rows| rows.iter().next().unwrap().get("n").unwrap().to_owned();
    assert_eq!(n(store.rows("own", max).await.unwrap()), "321");
    assert_eq!(n(ledger.rows("own", max).await.unwrap()), "500");

    let folder = tempfile::tempdir().unwrap();
    let (recorder, guard) = Recorder::create(&folder.path().join("history.jsonl")).unwrap();
    let to_store = link(&stack, "pay->store", "store", 3306, Protocol::MySql).await;
    let to_ledger = link(&stack, "pay->ledger", "ledger", 3306, Protocol::MySql).await;
    let links = vec![("pay->store", to_store), ("pay->ledger", to_ledger)];
    let target = running(&stack, links, recorder);
    let patience = Duration::from_millis(400);
    let other_serves = async || target.probes["pay->ledger"].ask(patience).await.unwrap();

    let on = "store".to_owned();
    let killed = carry_out(&target, FaultSpec::Kill { on: on.clone() }, async || {
        assert!(!stack.is_running("store").await.unwrap());
        other_serves().await;
    });
    let killed = killed.await;
    assert!(
        killed.contains("exit code 137") && killed.contains("ready at"),
        "{killed}"
    );
    assert_eq!(
        store.rows("own", "SELECT n FROM t").await.unwrap().len(),
        1,
        "its data stays"
    );

    let paused = carry_out(&target, FaultSpec::Pause { on }, async || {
        assert!(store.rows("own", "SELECT 1").await.is_err());
        other_serves().await;
    });
    let paused = paused.await;
    assert!(
        paused.contains("state paused") && paused.contains("no answer"),
        "{paused}"
    );

    let cut = FaultSpec::Cut {
        on: "pay->store".to_owned(),
        direction: Direction::Both,
    };
    let cut = carry_out(&target, cut, async || {
        target.probes["pay->store"].ask(patience).await.unwrap_err();
        // The link is cut, and not the server.
        assert_eq!(store.rows("own", "SELECT n FROM t").await.unwrap().len(), 1);
        other_serves().await;
    });
    let cut = cut.await;
    assert!(cut.contains("a probe passes after"), "{cut}");

    let unknown = stack.kill("mysql").await.unwrap_err().to_string();
    assert_eq!(unknown, "this stack has no party mysql; it has ledger, store");
    drop(target);
    guard.close().unwrap();
    stack.down().await.unwrap();
    assert_eq!(left_of(&id), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_image_is_started_asked_in_its_own_way_killed_paused_and_cut() {
    require_docker!();
    // A server whose image is here anyway, as an image of which nothing is known.
    let image = "kind = 'container', image = 'paytwice/mysql:local', env = { MYSQL_ALLOW_EMPTY_PASSWORD = 'yes' }";
    let small = "command = ['--performance-schema=OFF', '--innodb-buffer-pool-size=32M', '--mysqlx=OFF']";
    let declared = format!(
        "by-port = {{ {image}, {small}, ports = [3306] }}\n\
         by-log = {{ {image}, {small}, ports = [3306], ready = {{ log = 'ready for connections' }} }}\n\
         by-command = {{ {image}, {small}, ports = [3306, 33060], ready = {{ command = ['mysqladmin', 'ping'] }} }}"
    );
    let stack = TestStack::of(&declared).await;
    assert_eq!(stack.party_names(), ["by-command", "by-log", "by-port"]);

    let folder = tempfile::tempdir().unwrap();
    let (recorder, guard) = Recorder::create(&folder.path().join("history.jsonl")).unwrap();
    let to_cut = link(&stack, "pay->by-port", "by-port", 3306, Protocol::Tcp).await;
    let target = running(&stack, vec![("pay->by-port", to_cut)], recorder);
    for party in ["by-port", "by-log", "by-command"] {
        let on = party.to_owned();
        let killed = carry_out(&target, FaultSpec::Kill { on: on.clone() }, async || {
            assert!(!stack.is_running(party).await.unwrap());
        });
        let killed = killed.await;
        assert!(
            killed.contains("exit code 137") && killed.contains("ready at"),
            "{killed}"
        );
        let paused = carry_out(&target, FaultSpec::Pause { on }, async || ()).await;
        // A port that the kernel answers for, or an old line, says nothing of a process that stands still.
        assert_eq!(
            paused.contains("a probe had no answer"),
            party == "by-command",
            "{paused}"
        );
    }
    let cut = FaultSpec::Cut {
        on: "pay->by-port".to_owned(),
        direction: Direction::Both,
    };
    let patience = Duration::from_millis(400);
    let cut = carry_out(&target, cut, async || {
        target.probes["pay->by-port"].ask(patience).await.unwrap_err();
    });
    let cut = cut.await;
    assert!(cut.contains("a probe passes after"), "{cut}");
    drop(target);
    guard.close().unwrap();
    let id = stack.id().to_string();
    stack.down().await.unwrap();
    assert_eq!(left_of(&id), "");
}

/// Sends until it is acknowledged: a replica joins a while after it is ready.
async fn send_acknowledged(client: &Client, tx: &str) {
    let begun = std::time::Instant::now();
    while let Err(e) = wire_common::broker::send(client, tx, false).await {
        assert!(begun.elapsed() < Duration::from_secs(60), "{tx}: {e}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_pair_of_brokers_acknowledges_is_on_both() {
    require_docker!();
    let stack = TestStack::of("events = { kind = 'rocketmq', replica = { replication = 'sync' } }").await;
    assert_eq!(stack.party_names(), ["broker", "broker-replica", "namesrv"]);
    let topic = wire_common::broker::TOPIC;
    let (broker, replica) = (
        stack.addr("broker", 10911).unwrap(),
        stack.addr("broker-replica", 10911).unwrap(),
    );
    Admin::connect(broker)
        .await
        .unwrap()
        .create_topic(topic, 1, false)
        .await
        .unwrap();
    let client = Client::connect(broker, Duration::from_secs(8)).await.unwrap();
    send_acknowledged(&client, "t1").await;
    let route = Admin::route(stack.addr("namesrv", 9876).unwrap(), topic).await.unwrap();
    let ids: Vec<i64> = route[0].addrs.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, [0, 1], "one group of a primary and a replica");

    stack.pause("broker-replica").await.unwrap();
    let refused = wire_common::broker::send(&client, "t2", false).await;
    eprintln!("while the replica stands still: {refused:?}");
    assert!(refused.is_err(), "acknowledged by one of two");
    stack.unpause("broker-replica").await.unwrap();
    send_acknowledged(&client, "t3").await;

    // What was acknowledged is there once the primary is gone.
    stack.kill("broker").await.unwrap();
    let copy = Admin::connect(replica).await.unwrap();
    let begun = std::time::Instant::now();
    while copy.max_offsets(topic, 1).await.unwrap()[0] < 2 {
        assert!(begun.elapsed() < Duration::from_secs(20), "the replica lacks a message");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    eprintln!("{}", stack.start("broker").await.unwrap());
    let id = stack.id().to_string();
    stack.down().await.unwrap();
    assert_eq!(left_of(&id), "");
}
