//! Links over loopback: what passes, what each rule does, and how links end.

#[path = "wire_common/mod.rs"]
mod common;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::{Seen, leg, link, rule, spec, until};
use paytwice::plan::{Direction, Duplicated};
use paytwice::wire::{Action, Correlation, Gates, Link, LinkSpec, Protocol, WireError};
use paytwice_checkers::history::{Again, Deed, Text, deeds};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Long enough for anything that should happen at once, short enough to wait for what should not.
const A_WHILE: Duration = Duration::from_millis(250);

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

/// A link to a listener of the test, and one connection through it: client side, server side.
async fn pair() -> (Link, TcpListener, TcpStream, TcpStream) {
    let (server, upstream) = listener().await;
    let (link, addr) = link(upstream, Protocol::Tcp, Seen::new()).await;
    let client = TcpStream::connect(addr).await.unwrap();
    let (accepted, _) = server.accept().await.unwrap();
    (link, server, client, accepted)
}

async fn read_exactly(stream: &mut TcpStream, bytes: usize) -> Vec<u8> {
    let mut buffer = vec![0; bytes];
    timeout(Duration::from_secs(5), stream.read_exact(&mut buffer))
        .await
        .expect("nothing came")
        .unwrap();
    buffer
}

async fn assert_silent(stream: &mut TcpStream) {
    let mut buffer = [0; 64];
    let read = timeout(A_WHILE, stream.read(&mut buffer)).await;
    assert!(read.is_err(), "{read:?} came through");
}

async fn assert_reset(stream: &mut TcpStream) {
    let read = timeout(Duration::from_secs(5), stream.read(&mut [0; 64]))
        .await
        .expect("not reset");
    assert_eq!(read.map_err(|e| e.kind()), Err(ErrorKind::ConnectionReset));
}

async fn assert_ended(stream: &mut TcpStream) {
    let read = timeout(Duration::from_secs(5), stream.read(&mut [0; 64]))
        .await
        .expect("not ended");
    assert_eq!(read.unwrap(), 0);
}

#[tokio::test]
async fn bytes_pass_both_ways_and_each_side_may_end_first() {
    let (link, _server, mut client, mut upstream) = pair().await;
    let payload: Vec<u8> = (0..300_000u32).flat_map(u32::to_le_bytes).collect();
    let expected = payload.clone();
    let sending = tokio::spawn(async move {
        client.write_all(&payload).await.unwrap();
        client.shutdown().await.unwrap();
        client
    });
    let mut arrived = Vec::new();
    upstream.read_to_end(&mut arrived).await.unwrap();
    assert!(arrived == expected, "bytes were changed");
    upstream.write_all(b"still answered").await.unwrap();
    drop(upstream);
    let mut client = sending.await.unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, b"still answered");
    until("the connection is gone", || link.stats().open == 0).await;
    link.close().await;
}

#[tokio::test]
async fn a_delay_shifts_frames_and_does_not_serialize_them() {
    let (link, _server, mut client, mut upstream) = pair().await;
    let delay = Action::Delay {
        fixed: Duration::from_millis(200),
        jitter: Duration::from_millis(50),
    };
    let guard = link.install(rule(Direction::Request, delay));
    let begun = Instant::now();
    for n in 0..20u8 {
        client.write_all(&[n]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(read_exactly(&mut upstream, 20).await, (0..20).collect::<Vec<u8>>());
    let took = begun.elapsed();
    assert!(
        (Duration::from_millis(300)..Duration::from_millis(900)).contains(&took),
        "{took:?}"
    );
    assert!(guard.stats().delayed >= 10, "{:?}", guard.stats());
    upstream.write_all(b"x").await.unwrap();
    let begun = Instant::now();
    read_exactly(&mut client, 1).await;
    assert!(
        begun.elapsed() < Duration::from_millis(150),
        "the other way is not delayed"
    );
    until("nothing is held", || guard.stats().holding == 0).await;
}

#[tokio::test]
async fn a_delay_that_is_lifted_lets_go_at_once() {
    let (link, _server, mut client, mut upstream) = pair().await;
    let delay = Action::Delay {
        fixed: Duration::from_secs(60),
        jitter: Duration::ZERO,
    };
    let guard = link.install(rule(Direction::Both, delay));
    client.write_all(b"late").await.unwrap();
    assert_silent(&mut upstream).await;
    assert_eq!(guard.stats().holding, 1);
    let healed = guard.heal();
    assert_eq!(read_exactly(&mut upstream, 4).await, b"late");
    until("nothing is held", || healed.stats().holding == 0).await;
}

#[tokio::test]
async fn a_cut_holds_everything_and_heals_as_tcp_does() {
    let (link, server, mut client, mut upstream) = pair().await;
    let guard = link.install(rule(Direction::Both, Action::Cut));
    client.write_all(b"question").await.unwrap();
    upstream.write_all(b"answer").await.unwrap();
    assert_silent(&mut client).await;
    assert_silent(&mut upstream).await;
    let mut newcomer = TcpStream::connect(link.listen_addr("main").unwrap()).await.unwrap();
    newcomer.write_all(b"hello").await.unwrap();
    assert!(
        timeout(A_WHILE, server.accept()).await.is_err(),
        "a new connection got through"
    );
    let stats = guard.stats();
    assert_eq!(
        (stats.held, stats.held_bytes, stats.holding, stats.kept_waiting),
        (3, 19, 3, 1)
    );
    drop(guard);
    assert_eq!(read_exactly(&mut upstream, 8).await, b"question");
    assert_eq!(read_exactly(&mut client, 6).await, b"answer");
    let (mut accepted, _) = timeout(A_WHILE * 4, server.accept()).await.unwrap().unwrap();
    assert_eq!(read_exactly(&mut accepted, 5).await, b"hello");
}

#[tokio::test]
async fn one_way_can_be_cut_alone() {
    let (link, _server, mut client, mut upstream) = pair().await;
    let guard = link.install(rule(Direction::Reply, Action::Cut));
    client.write_all(b"question").await.unwrap();
    assert_eq!(read_exactly(&mut upstream, 8).await, b"question");
    upstream.write_all(b"answer").await.unwrap();
    assert_silent(&mut client).await;
    drop(guard);
    assert_eq!(read_exactly(&mut client, 6).await, b"answer");
}

#[tokio::test]
async fn what_a_client_sent_before_it_left_arrives_after_healing() {
    let (link, _server, mut client, mut upstream) = pair().await;
    let guard = link.install(rule(Direction::Both, Action::Cut));
    client.write_all(b"last words").await.unwrap();
    drop(client);
    assert_silent(&mut upstream).await;
    drop(guard);
    assert_eq!(read_exactly(&mut upstream, 10).await, b"last words");
    assert_ended(&mut upstream).await;
}

#[tokio::test]
async fn what_a_client_that_reset_had_under_way_is_lost() {
    let (link, _server, mut client, mut upstream) = pair().await;
    let guard = link.install(rule(Direction::Both, Action::Cut));
    client.write_all(b"never sent again").await.unwrap();
    until("it is held", || guard.stats().held == 1).await;
    client.set_zero_linger().unwrap();
    drop(client);
    until("it is lost", || guard.stats().holding == 0).await;
    assert_silent(&mut upstream).await;
    drop(guard);
    assert_reset(&mut upstream).await;
}

#[tokio::test]
async fn cut_and_delay_add_up() {
    let (link, _server, mut client, mut upstream) = pair().await;
    let delay = Action::Delay {
        fixed: Duration::from_millis(400),
        jitter: Duration::ZERO,
    };
    let delayed = link.install(rule(Direction::Both, delay));
    let cut = link.install(rule(Direction::Both, Action::Cut));
    let begun = Instant::now();
    client.write_all(b"x").await.unwrap();
    assert_silent(&mut upstream).await;
    drop(cut);
    read_exactly(&mut upstream, 1).await;
    assert!(begun.elapsed() >= Duration::from_millis(400));
    assert_eq!(delayed.stats().delayed, 1);
}

#[tokio::test]
async fn a_reset_hits_both_parties_and_with_again_newcomers_too() {
    let (link, server, mut client, mut upstream) = pair().await;
    let addr = link.listen_addr("main").unwrap();
    let once = link.install(rule(Direction::Both, Action::Reset { again: false }));
    assert_reset(&mut client).await;
    assert_reset(&mut upstream).await;
    assert_eq!(once.stats().reset, 1);
    let mut client = TcpStream::connect(addr).await.unwrap();
    let (mut upstream, _) = server.accept().await.unwrap();
    client.write_all(b"ok").await.unwrap();
    assert_eq!(read_exactly(&mut upstream, 2).await, b"ok");
    drop(once);
    let again = link.install(rule(Direction::Both, Action::Reset { again: true }));
    assert_reset(&mut client).await;
    let mut refused = TcpStream::connect(addr).await.unwrap();
    assert_reset(&mut refused).await;
    assert_eq!((again.stats().reset, again.stats().refused), (1, 1));
}

#[tokio::test]
async fn resets_and_refusals_of_the_upstream_reach_the_client() {
    let (link, server, mut client, mut upstream) = pair().await;
    upstream.write_all(b"partial").await.unwrap();
    assert_eq!(read_exactly(&mut client, 7).await, b"partial");
    upstream.set_zero_linger().unwrap();
    drop(upstream);
    assert_reset(&mut client).await;
    drop(server);
    let mut client = TcpStream::connect(link.listen_addr("main").unwrap()).await.unwrap();
    assert_reset(&mut client).await;
    assert_eq!(link.stats().refused, 1);
}

#[tokio::test]
async fn an_upstream_that_moved_is_found() {
    let (link, _server, mut client, _upstream) = pair().await;
    let (moved, addr) = listener().await;
    assert!(link.set_upstream("main", addr));
    assert!(!link.set_upstream("nowhere", addr));
    client.write_all(b"the old connection stays").await.unwrap();
    let mut client = TcpStream::connect(link.listen_addr("main").unwrap()).await.unwrap();
    let (mut upstream, _) = moved.accept().await.unwrap();
    client.write_all(b"new").await.unwrap();
    assert_eq!(read_exactly(&mut upstream, 3).await, b"new");
}

#[tokio::test]
async fn a_taken_port_is_an_error_that_says_what_to_do_or_another_port() {
    let (taken, addr) = listener().await;
    let mut leg = leg("main", addr, Protocol::Tcp);
    leg.listen = addr;
    let open = |leg| Link::open(spec(vec![leg], Correlation::default()), Seen::new());
    let Err(error) = open(leg.clone()).await else {
        panic!("bound a taken port");
    };
    let text = error.to_string();
    assert!(
        text.starts_with(&format!("link a->b: {addr} is in use by another program; stop it")),
        "{text}"
    );
    leg.fixed_port = false;
    let link = open(leg.clone()).await.unwrap();
    assert_ne!(link.listen_addr("main").unwrap().port(), addr.port());
    leg.listen = "0.0.0.0:0".parse().unwrap();
    assert!(matches!(open(leg).await.err().unwrap(), WireError::Unspecified { .. }));
    drop(taken);
}

#[tokio::test]
async fn closing_a_link_leaves_nothing_behind() {
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let (link, _server, mut client, mut upstream) = pair().await;
    let addr = link.listen_addr("main").unwrap();
    let _cut = link.install(rule(Direction::Both, Action::Cut));
    client.write_all(b"held for ever").await.unwrap();
    link.close().await;
    for party in [&mut client, &mut upstream] {
        let read = timeout(A_WHILE, party.read(&mut [0; 64])).await.expect("still open");
        assert!(!matches!(read, Ok(1..)), "{read:?}");
    }
    until("no task is left", || tasks() == before).await;
    assert!(TcpStream::connect(addr).await.is_err());
    TcpListener::bind(addr).await.expect("the port is free again");
}

#[tokio::test]
async fn a_slow_reader_does_not_grow_memory() {
    for cut in [false, true] {
        let (link, _server, mut client, upstream) = pair().await;
        let _guard = cut.then(|| link.install(rule(Direction::Both, Action::Cut)));
        let piece = vec![0; 1 << 16];
        let mut sent = 0;
        while timeout(A_WHILE, client.write_all(&piece)).await.is_ok() {
            sent += piece.len();
            assert!(sent < 64 << 20, "the link swallows without a bound");
        }
        drop(upstream);
    }
}

/// Answers each request on its own connection with `ok`, and counts requests.
async fn http_server(count: Arc<AtomicUsize>) -> SocketAddr {
    let (server, addr) = listener().await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = server.accept().await {
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while let Ok(1..) = stream.read(&mut buffer).await {
                    count.fetch_add(1, Ordering::SeqCst);
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                    if stream.write_all(answer).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    addr
}

#[tokio::test]
async fn an_http_request_is_sent_twice_and_answered_once() {
    let count = Arc::new(AtomicUsize::new(0));
    let seen = Seen::new();
    let (link, addr) = link(http_server(Arc::clone(&count)).await, Protocol::Http, Arc::clone(&seen)).await;
    let what = Duplicated::HttpRequest;
    let guard = link.install(rule(
        Direction::Both,
        Action::Duplicate {
            what: Some(what),
            share: 1.0,
            copies: 1,
            after: Duration::ZERO,
        },
    ));
    let mut client = TcpStream::connect(addr).await.unwrap();
    let request = b"POST /pay/recharge HTTP/1.1\r\ncontent-length: 14\r\n\r\n{\"tx_no\":\"t1\"}";
    for _ in 0..3 {
        client.write_all(request).await.unwrap();
        assert!(read_exactly(&mut client, 40).await.ends_with(b"ok"));
    }
    assert_silent(&mut client).await;
    until("each request came twice", || count.load(Ordering::SeqCst) == 6).await;
    assert_eq!(guard.stats().duplicated, 3);
    drop(guard);
    let did: Vec<_> = seen
        .of("POST /pay/recharge request")
        .into_iter()
        .map(|e| (e.key("tx").to_vec(), e.did))
        .collect();
    assert_eq!(did.len(), 6, "{did:?}");
    assert_eq!(did[0], (vec![Text::from("t1")], vec![Deed::Duplicated(Again::Frame)]));
    assert_eq!(did[1], (vec![Text::from("t1")], vec![Deed::Copy]));
    assert_eq!(seen.of("POST /pay/recharge reply").len(), 3);
    link.close().await;
}

/// Two links of a run in a row: a frame on one brings about a frame on the other.
#[tokio::test(flavor = "multi_thread")]
async fn events_come_in_the_order_of_cause_and_effect() {
    const CLIENTS: usize = 16;
    const EXCHANGES: usize = 250;
    let (seen, gates) = (Seen::new(), Gates::default());
    let named = |name: &str, upstream| LinkSpec {
        name: name.to_owned(),
        gates: gates.clone(),
        ..spec(vec![leg("main", upstream, Protocol::Http)], Correlation::default())
    };
    let sink = || Arc::<Seen>::clone(&seen);
    let server = http_server(Arc::default()).await;
    let inner = Link::open(named("inner", server), sink()).await.unwrap();
    let inner_addr = inner.listen_addr("main").unwrap();
    let outer = Link::open(named("outer", inner_addr), sink()).await.unwrap();
    let addr = outer.listen_addr("main").unwrap();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(addr).await.unwrap();
                for exchange in 0..EXCHANGES {
                    let request = format!("GET /c{client}e{exchange} HTTP/1.1\r\nhost: b\r\n\r\n");
                    stream.write_all(request.as_bytes()).await.unwrap();
                    read_exactly(&mut stream, 40).await;
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    outer.close().await;
    inner.close().await;
    let mut exchanges = std::collections::BTreeMap::<String, Vec<String>>::new();
    for event in seen.events() {
        let (name, way) = event.point.rsplit_once(' ').unwrap();
        let told = format!("{} {way}", event.link);
        exchanges.entry(name.to_owned()).or_default().push(told);
    }
    assert_eq!(exchanges.len(), CLIENTS * EXCHANGES);
    for (exchange, told) in exchanges {
        let expected = ["outer request", "inner request", "inner reply", "outer reply"];
        assert_eq!(told, expected, "{exchange}");
    }
}

#[tokio::test]
async fn events_tell_what_was_held_and_what_was_lost() {
    let seen = Seen::new();
    let (link, addr) = link(http_server(Arc::default()).await, Protocol::Http, Arc::clone(&seen)).await;
    let mut client = TcpStream::connect(addr).await.unwrap();
    client.write_all(b"GET /first HTTP/1.1\r\n\r\n").await.unwrap();
    read_exactly(&mut client, 40).await;
    let cut = link.install(rule(Direction::Reply, Action::Cut));
    client.write_all(b"GET /second HTTP/1.1\r\n\r\n").await.unwrap();
    until("the answer is held", || cut.stats().held == 1).await;
    client.set_zero_linger().unwrap();
    drop(client);
    until("the answer is lost", || !seen.of("GET /second reply").is_empty()).await;
    let words: Vec<_> = seen.events().into_iter().map(|e| (e.point, deeds(&e.did))).collect();
    let passed = [
        ("GET /first request", ""),
        ("GET /first reply", ""),
        ("GET /second request", ""),
    ];
    for (event, (point, did)) in words.iter().zip(passed) {
        assert_eq!((event.0.as_str(), event.1.as_str()), (point, did));
    }
    let last = &words[3].1;
    assert!(
        last.starts_with("held ") && last.ends_with(" ms, lost with the connection"),
        "{last}"
    );
    link.close().await;
}
