//! Sockets: how they are called, prepared and reset, and the exchange that needs one of its own.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::core::{Frame, Session, Way};

/// A peer that vanished without a word (its network is gone) is noticed after about half a minute.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(15);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(5);
/// How long a peer may take to end its side, once ours has ended.
const LET_GO_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the answer to a request that was sent aside is waited for.
const ASIDE_TIMEOUT: Duration = Duration::from_secs(30);

/// Connects to an upstream; refuses at once where there is none yet.
pub(super) async fn call(upstream: Option<SocketAddr>) -> io::Result<TcpStream> {
    let upstream = upstream.ok_or(io::ErrorKind::AddrNotAvailable)?;
    let socket = if upstream.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // A call that is given up half way is reset, however far it got.
    SockRef::from(&socket).set_linger(Some(Duration::ZERO))?;
    let stream = socket.connect(upstream).await?;
    SockRef::from(&stream).set_linger(None)?;
    prepare(&stream)?;
    Ok(stream)
}

/// What both sockets of a connection need.
pub(super) fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_AFTER)
        .with_interval(KEEPALIVE_EVERY);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}

/// Has the kernel answer the peer with a reset when the socket is dropped.
pub(super) fn reset(stream: &TcpStream) {
    // Where this fails the peer is gone already.
    let _ = stream.set_zero_linger();
}

/// Ends a connection so that what was written arrives: a socket that is closed while something in it is unread resets its
/// peer, and a reset takes back what the peer has not read yet.
pub(super) async fn let_go(mut stream: TcpStream) {
    let ending = async {
        stream.shutdown().await?;
        let mut rest = BytesMut::new();
        while stream.read_buf(&mut rest).await? > 0 {
            rest.clear();
        }
        io::Result::Ok(())
    };
    // An error or a peer that stays: there is nothing more to be said to it.
    let _ = timeout(LET_GO_TIMEOUT, ending).await;
}

/// Sends a frame on a connection of its own and drops the answer.
pub(super) async fn aside(upstream: Option<SocketAddr>, frame: Frame, mut session: Box<dyn Session>) {
    let exchange = async move {
        let mut stream = call(upstream).await?;
        stream.write_all(&frame.bytes).await?;
        let mut frames = Vec::new();
        session.frames(Way::Request, &mut BytesMut::from(&frame.bytes[..]), &mut frames);
        frames.clear();
        let mut buffer = BytesMut::new();
        while !frames.iter().any(|frame| !frame.points.is_empty()) {
            if stream.read_buf(&mut buffer).await? == 0 {
                break;
            }
            session.frames(Way::Reply, &mut buffer, &mut frames);
        }
        io::Result::Ok(())
    };
    match timeout(ASIDE_TIMEOUT, exchange).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "the duplicate of a request was not answered"),
        Err(_) => tracing::debug!("the duplicate of a request was not answered in time"),
    }
}
