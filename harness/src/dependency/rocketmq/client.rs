//! A client of one remoting connection: requests and answers, paired by their opaque.
//!
//! Never: reconnects, retries, or waits without a bound. What a failure leaves open, the caller decides.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::remoting::{CodecError, Frame, FrameEnd, Header, codes, frame_end};

/// Why a request to a name server or broker has no answer, or not the one that was needed.
#[derive(Debug, thiserror::Error)]
pub enum RemotingError {
    /// No connection.
    #[error("cannot connect to {addr}: {source}; is the broker or name server up?")]
    Connect {
        /// Who was called.
        addr: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The connection ended before the answer came.
    #[error("{addr} closed the connection before it answered {request}")]
    Closed {
        /// Who was asked.
        addr: SocketAddr,
        /// The request.
        request: String,
    },
    /// No answer in time.
    #[error("{addr} did not answer {request} within {timeout_ms} ms")]
    Timeout {
        /// Who was asked.
        addr: SocketAddr,
        /// The request.
        request: String,
        /// How long was waited.
        timeout_ms: u64,
    },
    /// An answer that says no.
    #[error("{addr} refused {request}: code {code}, {remark}")]
    Refused {
        /// Who was asked.
        addr: SocketAddr,
        /// The request.
        request: String,
        /// Response code.
        code: i32,
        /// The peer's words.
        remark: String,
    },
    /// An answer that cannot be read.
    #[error("the answer of {addr} to {request} cannot be read: {source}")]
    Unreadable {
        /// Who was asked.
        addr: SocketAddr,
        /// The request.
        request: String,
        /// Where it fails.
        source: CodecError,
    },
}

/// The answer to a request.
#[derive(Clone, Debug)]
pub struct Response {
    addr: SocketAddr,
    request: i32,
    frame: Frame,
}

impl Response {
    /// Its header.
    pub fn header(&self) -> &Header {
        &self.frame.header
    }

    /// Its body.
    pub fn body(&self) -> &[u8] {
        self.frame.body()
    }

    /// Its code.
    pub fn code(&self) -> i32 {
        self.frame.header.code
    }

    /// Itself when its code is 0, the error otherwise.
    pub fn success(self) -> Result<Response, RemotingError> {
        if self.code() == codes::SUCCESS {
            return Ok(self);
        }
        Err(RemotingError::Refused {
            addr: self.addr,
            request: request_name(self.request),
            code: self.code(),
            remark: self.header().remark.clone().unwrap_or_else(|| "no remark".to_owned()),
        })
    }

    /// The error for a body that cannot be read.
    pub(crate) fn unreadable(&self, source: CodecError) -> RemotingError {
        RemotingError::Unreadable {
            addr: self.addr,
            request: request_name(self.request),
            source,
        }
    }
}

type Pending = Arc<Mutex<Option<HashMap<i32, oneshot::Sender<Frame>>>>>;

/// One connection to a name server or broker.
#[derive(Debug)]
pub struct Client {
    addr: SocketAddr,
    timeout: Duration,
    writer: tokio::sync::Mutex<OwnedWriteHalf>,
    pending: Pending,
    next_opaque: AtomicI32,
    reader: JoinHandle<()>,
}

impl Client {
    /// Connects; `patience` bounds this and every request.
    pub async fn connect(addr: SocketAddr, patience: Duration) -> Result<Client, RemotingError> {
        let connect = timeout(patience, TcpStream::connect(addr)).await;
        let stream = connect
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            .and_then(|stream| stream.set_nodelay(true).map(|()| stream))
            .map_err(|source| RemotingError::Connect { addr, source })?;
        let (read, write) = stream.into_split();
        let pending: Pending = Arc::new(Mutex::new(Some(HashMap::new())));
        let reader = tokio::spawn(read_answers(read, Arc::clone(&pending)));
        Ok(Client {
            addr,
            timeout: patience,
            writer: tokio::sync::Mutex::new(write),
            pending,
            next_opaque: AtomicI32::new(1),
            reader,
        })
    }

    /// Who is at the other end.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// True while requests can be sent.
    pub fn is_open(&self) -> bool {
        lock(&self.pending).is_some()
    }

    /// Sends a request and waits for its answer, whatever its code.
    pub async fn request(&self, code: i32, fields: &[(&str, &str)], body: &[u8]) -> Result<Response, RemotingError> {
        let opaque = self.next_opaque.fetch_add(1, Ordering::Relaxed);
        let (sender, answer) = oneshot::channel();
        match lock(&self.pending).as_mut() {
            Some(pending) => pending.insert(opaque, sender),
            None => return Err(self.closed(code)),
        };
        let exchange = async {
            let frame = Frame::request(code, opaque, false, &owned(fields), body);
            self.write(&frame, code).await?;
            answer.await.map_err(|_| self.closed(code))
        };
        let outcome = timeout(self.timeout, exchange).await;
        if let Some(pending) = lock(&self.pending).as_mut() {
            pending.remove(&opaque);
        }
        let frame = outcome.map_err(|_| RemotingError::Timeout {
            addr: self.addr,
            request: request_name(code),
            timeout_ms: self.timeout.as_millis() as u64,
        })??;
        Ok(Response {
            addr: self.addr,
            request: code,
            frame,
        })
    }

    /// Sends a request that will not be answered.
    pub async fn oneway(&self, code: i32, fields: &[(&str, &str)], body: &[u8]) -> Result<(), RemotingError> {
        let opaque = self.next_opaque.fetch_add(1, Ordering::Relaxed);
        let frame = Frame::request(code, opaque, true, &owned(fields), body);
        self.write(&frame, code).await
    }

    async fn write(&self, frame: &Bytes, code: i32) -> Result<(), RemotingError> {
        let written = self.writer.lock().await.write_all(frame).await;
        written.map_err(|_| self.closed(code))
    }

    fn closed(&self, code: i32) -> RemotingError {
        RemotingError::Closed {
            addr: self.addr,
            request: request_name(code),
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// Hands every answer to who waits for it. Requests of the peer itself are not for us and are left alone.
async fn read_answers(mut read: OwnedReadHalf, pending: Pending) {
    let mut buffer = BytesMut::new();
    while let Ok(1..) = read.read_buf(&mut buffer).await {
        loop {
            let end = match frame_end(&buffer) {
                FrameEnd::At(end) if end <= buffer.len() => end,
                FrameEnd::Broken => {
                    lock(&pending).take();
                    return;
                }
                _ => break,
            };
            let Ok(frame) = Frame::parse(buffer.split_to(end).freeze()) else {
                continue;
            };
            let waiting = lock(&pending)
                .as_mut()
                .filter(|_| frame.header.is_response())
                .and_then(|p| p.remove(&frame.header.opaque));
            if let Some(waiting) = waiting {
                // Who gave up waiting has dropped its end.
                let _ = waiting.send(frame);
            }
        }
    }
    lock(&pending).take();
}

fn lock(pending: &Pending) -> std::sync::MutexGuard<'_, Option<HashMap<i32, oneshot::Sender<Frame>>>> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}

fn owned(fields: &[(&str, &str)]) -> BTreeMap<String, String> {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    fields.iter().map(own).collect()
}

fn request_name(code: i32) -> String {
    match codes::name(code) {
        Some(name) => format!("request {code} ({name})"),
        None => format!("request {code}"),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::remoting::test_support::encode_binary;

    const PATIENCE: Duration = Duration::from_millis(300);

    async fn peer(answer: Option<(i32, &'static str)>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut buffer = vec![0; 4096];
            let n = stream.read(&mut buffer).await.unwrap();
            let Some((code, remark)) = answer else {
                tokio::time::sleep(PATIENCE * 3).await;
                return;
            };
            let request = Frame::parse(Bytes::copy_from_slice(&buffer[..n])).unwrap();
            let header = Header {
                code,
                opaque: request.header.opaque,
                flag: 1,
                remark: Some(remark.to_owned()),
                fields: BTreeMap::new(),
            };
            stream.write_all(&encode_binary(&header, b"ok")).await.unwrap();
        });
        addr
    }

    #[tokio::test]
    async fn an_answer_is_paired_and_a_refusal_names_everything() {
        let addr = peer(Some((17, "no such topic"))).await;
        let client = Client::connect(addr, PATIENCE).await.unwrap();
        let response = client.request(202, &[("topic", "t")], b"").await.unwrap();
        assert_eq!((response.code(), response.body()), (17, &b"ok"[..]));
        let message = response.success().unwrap_err().to_string();
        let expected = format!("{addr} refused request 202 (GET_TOPIC_STATS_INFO): code 17, no such topic");
        assert_eq!(message, expected);
    }

    #[tokio::test]
    async fn silence_is_a_timeout_and_a_close_is_noticed() {
        let client = Client::connect(peer(None).await, PATIENCE).await.unwrap();
        let error = client.request(34, &[], b"").await.unwrap_err();
        assert!(matches!(error, RemotingError::Timeout { .. }), "{error}");
        let client = Client::connect(peer(Some((0, ""))).await, PATIENCE).await.unwrap();
        client.request(34, &[], b"").await.unwrap();
        let error = client.request(34, &[], b"").await.unwrap_err();
        assert!(matches!(error, RemotingError::Closed { .. }), "{error}");
        assert!(!client.is_open());
    }

    #[tokio::test]
    async fn nobody_there_is_an_error_that_says_so() {
        let addr = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let error = Client::connect(addr, PATIENCE).await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot connect to {addr}")), "{error}");
    }
}
