//! Rules at wire points over loopback: what happens to the frame that is meant, and to no other; and the gates that
//! make a crash exact.

#[path = "wire_common/mod.rs"]
mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use common::{Seen, leg, until};
use paytwice::plan::{Direction, Moment, WireDetail};
use paytwice::wire::{Action, At, Correlation, Gates, Link, LinkSpec, Protocol, Rule, RuleGuard};
use paytwice_checkers::history::{Again, Deed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

const A_WHILE: Duration = Duration::from_millis(250);

/// A server that counts requests and answers each with its path.
struct Server {
    addr: SocketAddr,
    seen: Arc<std::sync::Mutex<Vec<String>>>,
}

impl Server {
    async fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&log)));
            }
        });
        Server { addr, seen }
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

async fn answer(mut stream: TcpStream, log: Arc<std::sync::Mutex<Vec<String>>>) {
    let (mut text, mut buffer) = (String::new(), [0; 1024]);
    while let Ok(n) = stream.read(&mut buffer).await {
        if n == 0 {
            return;
        }
        text.push_str(std::str::from_utf8(&buffer[..n]).unwrap());
        while let Some(end) = text.find("\r\n\r\n") {
            let path = text.split(' ').nth(1).unwrap().to_owned();
            text.drain(..end + 4);
            log.lock().unwrap().push(path.clone());
            let reply = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{path}", path.len());
            if stream.write_all(reply.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

/// Two links of one run, `a->b` and `a->c`, to the same server.
struct Bench {
    server: Server,
    gates: Gates,
    ab: Link,
    ac: Link,
    seen: Arc<Seen>,
}

impl Bench {
    async fn up() -> Bench {
        let server = Server::start().await;
        let (gates, seen) = (Gates::default(), Seen::new());
        let open = async |to: &str| {
            let mut only = leg("main", server.addr, Protocol::Http);
            only.party = to.to_owned();
            let spec = LinkSpec {
                name: format!("a->{to}"),
                from: "a".to_owned(),
                gates: gates.clone(),
                detail: WireDetail::Points,
                legs: vec![only],
                correlation: Correlation::default().with_key("tx", &["path:/pay/{tx}"]).unwrap(),
                advertise: None,
            };
            let sink: Arc<Seen> = Arc::clone(&seen);
            Link::open(spec, sink).await.unwrap()
        };
        let (ab, ac) = (open("b").await, open("c").await);
        Bench {
            server,
            gates,
            ab,
            ac,
            seen,
        }
    }

    fn at(&self, at: At, action: Action) -> RuleGuard {
        self.ab.install(Rule {
            at: Some(at),
            direction: Direction::Both,
            action,
            seed: 7,
        })
    }
}

struct Client(TcpStream);

impl Client {
    async fn to(link: &Link) -> Client {
        Client(TcpStream::connect(link.listen_addr("main").unwrap()).await.unwrap())
    }

    async fn send(&mut self, path: &str) {
        let request = format!("GET {path} HTTP/1.1\r\nhost: b\r\n\r\n");
        self.0.write_all(request.as_bytes()).await.unwrap();
    }

    /// The body of the next answer; None when none comes for a while; an error when the connection ended.
    async fn answer(&mut self) -> Option<Result<String, std::io::ErrorKind>> {
        let mut text = String::new();
        let read = async {
            loop {
                let mut byte = [0; 1];
                match self.0.read(&mut byte).await {
                    Ok(0) => return Err(std::io::ErrorKind::UnexpectedEof),
                    Ok(_) => text.push(char::from(byte[0])),
                    Err(e) => return Err(e.kind()),
                }
                if let Some((head, body)) = text.split_once("\r\n\r\n") {
                    let length: usize = head.rsplit(' ').next().unwrap().parse().unwrap();
                    if body.len() == length {
                        return Ok(body.to_owned());
                    }
                }
            }
        };
        timeout(A_WHILE, read).await.ok()
    }

    async fn ask(&mut self, path: &str) -> Option<Result<String, std::io::ErrorKind>> {
        self.send(path).await;
        self.answer().await
    }
}

fn said(text: &str) -> Option<Result<String, std::io::ErrorKind>> {
    Some(Ok(text.to_owned()))
}

const REPLY: &str = "GET /pay/{tx} reply";
const REQUEST: &str = "GET /pay/{tx} request";

#[tokio::test]
async fn drop_takes_the_frame_that_is_meant_and_no_other() {
    let bench = Bench::up().await;
    let rule = bench.at(
        At {
            nth: Some(2),
            ..At::point(REPLY)
        },
        Action::Drop,
    );
    let mut client = Client::to(&bench.ab).await;
    assert_eq!(client.ask("/pay/t1").await, said("/pay/t1"));
    assert_eq!(client.ask("/other").await, said("/other"));
    assert_eq!(client.ask("/pay/t2").await, None);
    let fired = rule.fired().await;
    assert_eq!((fired.points.as_str(), fired.keys), (REPLY, vec!["t2".to_owned()]));
    assert_eq!(
        bench.server.seen(),
        ["/pay/t1", "/other", "/pay/t2"],
        "the request arrived"
    );
    let mut other = Client::to(&bench.ab).await;
    assert_eq!(other.ask("/pay/t3").await, said("/pay/t3"));
    assert_eq!((rule.stats().dropped, rule.stats().held), (1, 0));
    let dropped = bench
        .seen
        .of(REPLY)
        .into_iter()
        .find(|e| e.key("tx") == ["t2"])
        .unwrap();
    assert_eq!(dropped.did, [Deed::Dropped]);
}

#[tokio::test]
async fn a_request_that_is_dropped_never_arrives() {
    let bench = Bench::up().await;
    let _rule = bench.at(
        At {
            key: Some("t1".to_owned()),
            ..At::point(REQUEST)
        },
        Action::Drop,
    );
    let mut client = Client::to(&bench.ab).await;
    assert_eq!(client.ask("/pay/t1").await, None);
    let mut other = Client::to(&bench.ab).await;
    assert_eq!(other.ask("/pay/t2").await, said("/pay/t2"));
    assert_eq!(bench.server.seen(), ["/pay/t2"]);
}

#[tokio::test]
async fn what_is_held_waits_until_the_rule_is_lifted() {
    let bench = Bench::up().await;
    let rule = bench.at(At::point(REPLY), Action::Hold);
    let mut client = Client::to(&bench.ab).await;
    client.send("/pay/t1").await;
    client.send("/other").await;
    assert_eq!(client.answer().await, None, "what comes behind waits as well");
    assert_eq!(rule.stats().holding, 1);
    let healed = rule.heal();
    assert_eq!(client.answer().await, said("/pay/t1"));
    assert_eq!(client.answer().await, said("/other"));
    assert_eq!(healed.stats().holding, 0);
}

#[tokio::test]
async fn a_reset_comes_before_or_after_the_frame() {
    for (moment, arrives) in [(Moment::Before, false), (Moment::After, true)] {
        let bench = Bench::up().await;
        let rule = bench.at(At::point(REQUEST), Action::Sever(moment));
        let mut client = Client::to(&bench.ab).await;
        let answer = client.ask("/pay/t1").await;
        assert!(matches!(answer, Some(Err(_))), "{moment}: {answer:?}");
        assert_eq!(rule.stats().reset, 1);
        if arrives {
            until("the request arrived", || !bench.server.seen().is_empty()).await;
        } else {
            tokio::time::sleep(A_WHILE).await;
            assert!(bench.server.seen().is_empty());
        }
    }
}

#[tokio::test]
async fn a_cut_begins_at_its_frame() {
    let bench = Bench::up().await;
    let rule = bench.at(At::point(REPLY), Action::Cut);
    let mut client = Client::to(&bench.ab).await;
    assert_eq!(client.ask("/other").await, said("/other"));
    let mut second = Client::to(&bench.ab).await;
    assert_eq!(second.ask("/other").await, said("/other"));
    assert_eq!(client.ask("/pay/t1").await, None);
    assert_eq!(second.ask("/other").await, None, "the whole link is cut");
    let mut elsewhere = Client::to(&bench.ac).await;
    assert_eq!(elsewhere.ask("/pay/t2").await, said("/pay/t2"), "and no other");
    drop(rule);
    assert_eq!(client.answer().await, said("/pay/t1"));
    assert_eq!(second.answer().await, said("/other"));
}

#[tokio::test]
async fn frames_are_overtaken_throttled_and_corrupted() {
    let bench = Bench::up().await;
    let rule = bench.at(
        At {
            key: Some("t1".to_owned()),
            ..At::point(REPLY)
        },
        Action::Reorder { behind: 1 },
    );
    let mut client = Client::to(&bench.ab).await;
    client.send("/pay/t1").await;
    client.send("/pay/t2").await;
    client.send("/pay/t3").await;
    let mut order = Vec::new();
    for _ in 0..3 {
        order.push(client.answer().await.unwrap().unwrap());
    }
    assert_eq!(order, ["/pay/t2", "/pay/t1", "/pay/t3"]);
    assert_eq!(rule.stats().reordered, 1);
    drop(rule);

    let rule = bench.at(At::point(REPLY), Action::Corrupt { from_end: 0 });
    assert_eq!(client.ask("/pay/t1").await, said("/pay/td"));
    assert_eq!(rule.stats().corrupted, 1);
    drop(rule);

    let rule = bench.at(At::point(REPLY), Action::Throttle { bytes_per_s: 1000 });
    let begun = std::time::Instant::now();
    for _ in 0..3 {
        assert_eq!(client.ask("/pay/t1").await, said("/pay/t1"));
    }
    // Three answers of 45 bytes each.
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(3 * 45), "{took:?}");
    assert_eq!(rule.stats().delayed, 3);
}

/// Copies of the requests of one payment.
fn copies(copies: u32, after: Duration) -> (At, Action) {
    let at = At {
        key: Some("t1".to_owned()),
        ..At::point(REQUEST)
    };
    let (what, share) = (None, 1.0);
    let action = Action::Duplicate {
        what,
        share,
        copies,
        after,
    };
    (at, action)
}

#[tokio::test]
async fn copies_come_one_after_the_other_and_nothing_waits_for_them() {
    let bench = Bench::up().await;
    let after = Duration::from_millis(400);
    let (at, action) = copies(3, after);
    let rule = bench.at(at, action);
    let mut client = Client::to(&bench.ab).await;
    let begun = std::time::Instant::now();
    assert_eq!(client.ask("/pay/t1").await, said("/pay/t1"));
    assert_eq!(client.ask("/pay/t2").await, said("/pay/t2"));
    assert!(begun.elapsed() < after, "{:?}", begun.elapsed());
    assert_eq!(bench.server.seen(), ["/pay/t1", "/pay/t2"]);
    assert_eq!(rule.stats().holding, 3, "on their way");
    for n in 1..=3u32 {
        until("the next copy came", || bench.server.seen().len() == 2 + n as usize).await;
        assert!(begun.elapsed() >= after * n, "{:?}", begun.elapsed());
    }
    assert_eq!(bench.server.seen()[2..], ["/pay/t1"; 3]);
    tokio::time::sleep(after * 2).await;
    assert_eq!(bench.server.seen().len(), 5, "and no more");
    assert_eq!((rule.stats().duplicated, rule.stats().holding), (1, 0));
    let did = bench
        .seen
        .of(REQUEST)
        .into_iter()
        .filter(|event| event.key("tx") == ["t1"]);
    let did: Vec<Deed> = did.flat_map(|event| event.did).collect();
    assert_eq!(
        did,
        [Deed::Duplicated(Again::Frame), Deed::Copy, Deed::Copy, Deed::Copy]
    );
    assert_eq!(
        client.ask("/other").await,
        said("/other"),
        "answers to copies end at the link"
    );
}

#[tokio::test]
async fn copies_set_out_when_their_rule_is_lifted_or_their_connection_ends() {
    for lifted in [true, false] {
        let bench = Bench::up().await;
        let (at, action) = copies(2, Duration::from_secs(3600));
        let rule = bench.at(at, action);
        let mut client = Client::to(&bench.ab).await;
        assert_eq!(client.ask("/pay/t1").await, said("/pay/t1"));
        assert_eq!(bench.server.seen().len(), 1);
        if lifted {
            drop(rule);
        } else {
            drop(client);
        }
        until("both copies came", || bench.server.seen() == ["/pay/t1"; 3]).await;
    }
}

#[tokio::test]
async fn a_gate_shuts_every_link_of_its_party_at_the_frame() {
    for (moment, arrives) in [(Moment::Before, false), (Moment::After, true)] {
        let bench = Bench::up().await;
        let gate = bench.gates.of("a");
        let mut on_b = Client::to(&bench.ab).await;
        let mut on_c = Client::to(&bench.ac).await;
        assert_eq!(on_c.ask("/first").await, said("/first"));

        let rule = bench.at(At::point(REPLY), Action::Shut(Arc::clone(&gate), moment));
        on_b.send("/pay/t1").await;
        let fired = timeout(Duration::from_secs(5), rule.fired()).await.unwrap();
        assert_eq!(fired.keys, ["t1"]);
        // The process goes on for a while; nobody hears of it.
        on_c.send("/too/late").await;
        let answer = on_b.answer().await;
        assert_eq!(answer, arrives.then(|| Ok("/pay/t1".to_owned())), "{moment}");
        assert_eq!(on_c.answer().await, None);
        assert_eq!(bench.server.seen(), ["/first", "/pay/t1"], "{moment}");

        gate.dead();
        assert!(matches!(on_b.answer().await, Some(Err(_))), "its connections end");
        assert!(matches!(on_c.answer().await, Some(Err(_))));
        // A connection that was made before the death and is found only now.
        let mut late = Client::to(&bench.ac).await;
        late.send("/too/late").await;
        assert_eq!(late.answer().await, None);
        gate.reborn();
        assert!(matches!(late.answer().await, Some(Err(_))));

        let mut again = Client::to(&bench.ac).await;
        assert_eq!(again.ask("/again").await, said("/again"));
        assert_eq!(bench.server.seen(), ["/first", "/pay/t1", "/again"]);
        assert_eq!(gate.first_after().as_deref(), Some("a->c GET /again request"));
    }
}

#[tokio::test]
async fn a_gate_of_the_listening_party_lets_nothing_in_or_out() {
    let bench = Bench::up().await;
    let gate = bench.gates.of("b");
    let rule = bench.at(At::point(REQUEST), Action::Shut(Arc::clone(&gate), Moment::Before));
    let mut client = Client::to(&bench.ab).await;
    client.send("/pay/t1").await;
    rule.fired().await;
    let mut elsewhere = Client::to(&bench.ac).await;
    assert_eq!(
        elsewhere.ask("/pay/t2").await,
        said("/pay/t2"),
        "the other party goes on"
    );
    assert_eq!(client.answer().await, None);
    assert_eq!(bench.server.seen(), ["/pay/t2"]);
    gate.open();
    assert_eq!(client.answer().await, said("/pay/t1"));
}

#[tokio::test]
async fn a_gate_that_was_opened_again_is_not_shut_by_what_came_before() {
    let bench = Bench::up().await;
    let gate = bench.gates.of("b");
    let rule = bench.at(At::point(REQUEST), Action::Shut(Arc::clone(&gate), Moment::After));
    let mut client = Client::to(&bench.ab).await;
    let request = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: b\r\n\r\n");
    let both = request("/pay/t1") + &request("/pay/t2");
    client.0.write_all(both.as_bytes()).await.unwrap();
    assert_eq!(rule.fired().await.keys, ["t1"]);
    assert_eq!(client.answer().await, None);
    gate.open();
    assert_eq!(client.answer().await, said("/pay/t1"));
    assert_eq!(client.answer().await, said("/pay/t2"));
}

#[tokio::test]
async fn a_last_frame_that_cannot_be_written_leaves_its_gate_open() {
    let bench = Bench::up().await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let narrow = socket.listen(1).unwrap();
    assert!(bench.ab.set_upstream("main", narrow.local_addr().unwrap()));
    let gate = bench.gates.of("b");
    let rule = bench.at(At::point(REQUEST), Action::Shut(gate, Moment::After));
    let mut client = Client::to(&bench.ab).await;
    let mut send = async |path: &str| {
        let body = "x".repeat(250_000);
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: b\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        client.0.write_all((head + &body).as_bytes()).await.unwrap();
    };
    // Until the server, which reads nothing, takes no more.
    let mut sent = 0;
    while bench.seen.of("GET /before request").len() == sent {
        send("/before").await;
        sent += 1;
        tokio::time::sleep(A_WHILE).await;
    }
    send("/pay/t1").await;
    let (server, _) = narrow.accept().await.unwrap();
    assert!(timeout(A_WHILE, rule.fired()).await.is_err(), "it is still under way");
    server.set_zero_linger().unwrap();
    drop(server);
    assert!(matches!(client.answer().await, Some(Err(_))));
    assert!(bench.ab.set_upstream("main", bench.server.addr));
    let mut again = Client::to(&bench.ab).await;
    assert_eq!(again.ask("/again").await, said("/again"));
}
