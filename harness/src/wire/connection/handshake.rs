//! A connection that goes on in TLS: with the service as soon as it has asked for it, with the server as soon as it has
//! been told. What the link reads and writes from then on is what is inside.
//!
//! Never: lets a byte of a handshake pass while something holds frames up.

use std::io;
use std::task::{Context, Poll};

use super::{Connection, End, Step, Upstream};
use crate::wire::core::Way;
use crate::wire::rule::cut;

impl Connection {
    /// The service has asked: what it sent behind that is TLS.
    pub(super) fn start_tls_with_client(&mut self) {
        if let Some(tls) = self.leg.tls() {
            self.client
                .accept(tls, self.buffers[Way::Request as usize].split().freeze());
        }
    }

    /// The server has been told: the link goes on in TLS with it too.
    pub(super) fn start_tls_upstream(&mut self) {
        if let (Some(tls), Upstream::Open(upstream)) = (self.leg.tls(), &mut self.upstream) {
            upstream.connect(tls, self.buffers[Way::Reply as usize].split().freeze());
        }
    }

    /// Goes on with the handshake of the party that `way` comes from. Its bytes are no frames: while anything holds frames
    /// up, they wait.
    pub(super) fn poll_handshake(&mut self, way: Way, cx: &mut Context<'_>) -> Step {
        let stream = match (way, &mut self.upstream) {
            (Way::Request, _) => &mut self.client,
            (Way::Reply, Upstream::Open(upstream)) => upstream,
            (Way::Reply, _) => return Step::Idle,
        };
        let is_cut = || Way::BOTH.iter().any(|way| cut(&self.rules, *way).is_some());
        if !stream.is_shaking_hands() || is_cut() {
            return Step::Idle;
        }
        if !self.handle.parties.let_pass(&self.handle, Way::Request) {
            return Step::Idle;
        }
        match stream.poll_handshake(cx) {
            Poll::Pending => Step::Idle,
            Poll::Ready(Ok(())) => Step::Moved,
            Poll::Ready(Err(error)) => {
                let (link, leg) = (self.shared.name(), self.leg.name());
                match (way, error.kind()) {
                    // It speaks TLS, and does not like what it sees.
                    (Way::Request, io::ErrorKind::InvalidData) => {
                        tracing::warn!(link, leg, %error, "TLS with the service failed; does it trust the run's certificate?");
                    }
                    (Way::Reply, io::ErrorKind::InvalidData) => {
                        tracing::warn!(link, leg, %error, "TLS with the server failed");
                    }
                    // It left, or was killed.
                    _ => tracing::debug!(link, leg, %error, "a handshake of TLS came to no end"),
                }
                self.shared.count_refused();
                Step::Over(End::Closed)
            }
        }
    }
}
