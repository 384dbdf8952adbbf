//! HTTP links whose messages pass as they come: seen by a client and a server that stand still in the middle of a message.

#[path = "wire_common/mod.rs"]
mod wire_common;

use std::net::SocketAddr;
use std::time::Duration;

use paytwice::plan::Direction;
use paytwice::wire::{Action, At, Link, Protocol, Rule};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wire_common::{Seen, link, until};

/// Nothing that is passed on at once takes as long.
const AT_ONCE: Duration = Duration::from_secs(5);
const REQUEST: &[u8] =
    b"POST /pay HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: 14\r\n\r\n{\"tx_no\":\"t1\"}";
const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";

async fn server() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

/// Reads exactly these bytes; false where they do not come.
async fn reads(stream: &mut TcpStream, expected: &[u8]) -> bool {
    let mut bytes = vec![0; expected.len()];
    let read = tokio::time::timeout(AT_ONCE, stream.read_exact(&mut bytes)).await;
    matches!(read, Ok(Ok(_))) && bytes == expected
}

async fn ends(client: TcpStream, server: TcpStream, link: Link) {
    drop((client, server));
    link.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunked_answer_is_not_held_unless_a_rule_needs_it_whole() {
    let ((listener, addr), seen) = (server().await, Seen::new());
    let (link, through) = link(addr, Protocol::Http, seen.clone()).await;
    let mut client = TcpStream::connect(through).await.unwrap();
    client.write_all(REQUEST).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    assert!(reads(&mut server, REQUEST).await);
    server.write_all(HEAD).await.unwrap();
    assert!(reads(&mut client, HEAD).await, "the head does not wait for the body");
    server.write_all(b"3\r\n{} \r\n").await.unwrap();
    assert!(reads(&mut client, b"3\r\n{} \r\n").await);
    assert!(seen.of("POST /pay reply").is_empty());
    server.write_all(b"0\r\n\r\n").await.unwrap();
    assert!(reads(&mut client, b"0\r\n\r\n").await);
    until("the answer is named", || seen.of("POST /pay reply").len() == 1).await;
    assert_eq!(seen.of("POST /pay reply")[0].key("tx"), ["t1"]);

    // A rule that drops the answer drops its head as well.
    let rule = link.install(Rule {
        at: Some(At::point("POST /pay reply")),
        direction: Direction::Both,
        action: Action::Drop,
        seed: 7,
    });
    client.write_all(REQUEST).await.unwrap();
    assert!(reads(&mut server, REQUEST).await);
    server.write_all(HEAD).await.unwrap();
    server.write_all(b"3\r\n{} \r\n0\r\n\r\n").await.unwrap();
    until("the answer is dropped", || rule.stats().dropped == 1).await;
    drop(rule);
    client.write_all(REQUEST).await.unwrap();
    assert!(reads(&mut server, REQUEST).await);
    server.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    assert!(
        reads(&mut client, b"HTTP/1.1 204 No Content\r\n\r\n").await,
        "nothing of the dropped one came"
    );
    assert_eq!(link.stats().unparsed_bytes, 0);
    ends(client, server, link).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_comes_before_the_body_is_through() {
    let ((listener, addr), seen) = (server().await, Seen::new());
    let (link, through) = link(addr, Protocol::Http, seen.clone()).await;
    let mut client = TcpStream::connect(through).await.unwrap();
    let head = b"POST /upload HTTP/1.1\r\ncontent-length: 100000\r\n\r\nbegin";
    client.write_all(head).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    assert!(reads(&mut server, head).await);
    let answer = b"HTTP/1.1 413 Content Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    server.write_all(answer).await.unwrap();
    assert!(reads(&mut client, answer).await);
    until("it is named", || seen.of("POST /upload reply").len() == 1).await;
    ends(client, server, link).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_an_upgrade_is_counted_while_the_connection_is_open() {
    let ((listener, addr), seen) = (server().await, Seen::new());
    let (link, through) = link(addr, Protocol::Http, seen).await;
    let mut client = TcpStream::connect(through).await.unwrap();
    let upgrade = b"GET /ws HTTP/1.1\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n";
    client.write_all(upgrade).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    assert!(reads(&mut server, upgrade).await);
    let switched = b"HTTP/1.1 101 Switching Protocols\r\n\r\n";
    server.write_all(&[&switched[..], b"server"].concat()).await.unwrap();
    assert!(reads(&mut client, &[&switched[..], b"server"].concat()).await);
    client.write_all(b"client!").await.unwrap();
    assert!(reads(&mut server, b"client!").await);
    assert_eq!(link.stats().unparsed_bytes, 6 + 7);
    ends(client, server, link).await;
}
