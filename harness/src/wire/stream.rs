//! A party's end of a connection: its socket, plain or with TLS ended on it.
//!
//! Never: says that bytes are written of which something has not been handed to the kernel.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::{Accept, Connect, TlsStream};

use super::tls::Tls;

/// A socket, and how what it carries is read and written.
pub(super) enum Stream {
    /// As the bytes come.
    Plain(TcpStream),
    /// The party is about to speak TLS: it begins.
    Accepting(Box<Accept<Rewound>>),
    /// The party is about to speak TLS: the link begins.
    Connecting(Box<Connect<Rewound>>),
    /// Encrypted.
    Encrypted(Box<Encrypted>),
    /// A handshake has failed, and the socket is closed.
    Closed,
}

/// An encrypted connection, and what it owes the kernel.
pub(super) struct Encrypted {
    tls: TlsStream<Rewound>,
    /// Bytes that were taken and encrypted, but of which not everything could be handed to the kernel yet.
    owed: usize,
}

/// A socket of which some bytes were read too early.
pub(super) struct Rewound {
    rest: Bytes,
    socket: TcpStream,
}

impl Stream {
    /// From here on the party speaks TLS. `rest` was read already, and is the beginning of that.
    pub(super) fn accept(&mut self, tls: &Tls, rest: Bytes) {
        self.shake(rest, |socket| Stream::Accepting(Box::new(tls.acceptor.accept(socket))));
    }

    /// From here on the link speaks TLS to the party. `rest` was read already, and belongs to that.
    pub(super) fn connect(&mut self, tls: &Tls, rest: Bytes) {
        self.shake(rest, |socket| {
            Stream::Connecting(Box::new(tls.connector.connect(Tls::server_name(), socket)))
        });
    }

    fn shake(&mut self, rest: Bytes, begin: impl FnOnce(Rewound) -> Stream) {
        *self = match std::mem::replace(self, Stream::Closed) {
            Stream::Plain(socket) => begin(Rewound { rest, socket }),
            other => other,
        };
    }

    /// True while a handshake is under way: neither reads nor writes.
    pub(super) fn is_shaking_hands(&self) -> bool {
        matches!(self, Stream::Accepting(_) | Stream::Connecting(_))
    }

    /// Goes on with the handshake. After an error the socket is closed.
    pub(super) fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = match self {
            Stream::Accepting(accepting) => ready!(Pin::new(accepting.as_mut()).poll(cx)).map(TlsStream::from),
            Stream::Connecting(connecting) => ready!(Pin::new(connecting.as_mut()).poll(cx)).map(TlsStream::from),
            _ => return Poll::Ready(Ok(())),
        };
        *self = Stream::Closed;
        *self = Stream::Encrypted(Box::new(Encrypted { tls: done?, owed: 0 }));
        Poll::Ready(Ok(()))
    }

    /// Writes frames from the first on; how many bytes of them have been handed to the kernel.
    pub(super) fn poll_write_frames(
        &mut self,
        cx: &mut Context<'_>,
        frames: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            Stream::Plain(socket) => match frames {
                [frame] => Pin::new(socket).poll_write(cx, frame),
                frames => Pin::new(socket).poll_write_vectored(cx, frames),
            },
            // One frame after the other, so that at most the first has begun.
            Stream::Encrypted(encrypted) => encrypted.poll_write_frame(cx, frames.first().map_or(&[], |frame| frame)),
            _ => Poll::Pending,
        }
    }

    /// True when a part of the first frame is under way that [`Stream::poll_write_frames`] has not told of.
    pub(super) fn has_begun(&self) -> bool {
        matches!(self, Stream::Encrypted(encrypted) if encrypted.owed > 0)
    }

    /// The socket, while there is one to be had.
    pub(super) fn socket(&self) -> Option<&TcpStream> {
        match self {
            Stream::Plain(socket) => Some(socket),
            Stream::Accepting(accepting) => accepting.get_ref().map(|io| &io.socket),
            Stream::Connecting(connecting) => connecting.get_ref().map(|io| &io.socket),
            Stream::Encrypted(encrypted) => Some(&encrypted.tls.get_ref().0.socket),
            Stream::Closed => None,
        }
    }

    /// The socket alone, without a word of goodbye in TLS: as a kernel ends it whose process is gone. None during a
    /// handshake, which closes it.
    pub(super) fn into_socket(self) -> Option<TcpStream> {
        match self {
            Stream::Plain(socket) => Some(socket),
            Stream::Encrypted(encrypted) => Some(match encrypted.tls {
                TlsStream::Client(tls) => tls.into_inner().0.socket,
                TlsStream::Server(tls) => tls.into_inner().0.socket,
            }),
            _ => None,
        }
    }

    /// Ends this side.
    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Stream::Encrypted(encrypted) => Pin::new(&mut encrypted.tls).poll_shutdown(cx),
            Stream::Accepting(_) | Stream::Connecting(_) => Poll::Pending,
            Stream::Closed => Poll::Ready(Ok(())),
        }
    }
}

impl Encrypted {
    fn poll_write_frame(&mut self, cx: &mut Context<'_>, frame: &[u8]) -> Poll<io::Result<usize>> {
        if self.owed == 0 {
            self.owed = ready!(Pin::new(&mut self.tls).poll_write(cx, frame))?;
        }
        ready!(Pin::new(&mut self.tls).poll_flush(cx))?;
        Poll::Ready(Ok(std::mem::take(&mut self.owed)))
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(socket) => Pin::new(socket).poll_read(cx, buf),
            Stream::Encrypted(encrypted) => match ready!(Pin::new(&mut encrypted.tls).poll_read(cx, buf)) {
                // Clients of databases often leave without a goodbye in TLS.
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
                other => Poll::Ready(other),
            },
            Stream::Accepting(_) | Stream::Connecting(_) => Poll::Pending,
            Stream::Closed => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncRead for Rewound {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.rest.is_empty() {
            return Pin::new(&mut this.socket).poll_read(cx, buf);
        }
        let taken = this.rest.len().min(buf.remaining());
        buf.put_slice(&this.rest[..taken]);
        this.rest.advance(taken);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Rewound {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}
