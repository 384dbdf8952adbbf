//! What the tests of the wire layer share: a sink that keeps events, and links over loopback.
#![allow(dead_code, reason = "every test file uses its own part")]

pub(crate) mod broker;
#[path = "../common/databases.rs"]
pub(crate) mod databases;
pub(crate) mod pay;
pub(crate) mod server;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use paytwice::plan::{Direction, WireDetail};
use paytwice::wire::{Action, Correlation, Gates, LegSpec, Link, LinkSpec, Protocol, Rule, WireSink};
use paytwice_checkers::history::Wire;

/// Keeps what crossed.
#[derive(Default)]
pub(crate) struct Seen(Mutex<Vec<Wire>>);

impl WireSink for Seen {
    fn record(&self, event: Wire) {
        self.0.lock().unwrap().push(event);
    }
}

impl Seen {
    pub(crate) fn new() -> Arc<Seen> {
        Arc::default()
    }

    pub(crate) fn events(&self) -> Vec<Wire> {
        self.0.lock().unwrap().clone()
    }

    /// Events whose point begins so.
    pub(crate) fn of(&self, point: &str) -> Vec<Wire> {
        self.events()
            .into_iter()
            .filter(|e| e.point.starts_with(point))
            .collect()
    }
}

pub(crate) fn leg(name: &str, upstream: SocketAddr, protocol: Protocol) -> LegSpec {
    LegSpec {
        name: name.to_owned(),
        party: "b".to_owned(),
        listen: SocketAddr::new([127, 0, 0, 1].into(), 0),
        fixed_port: true,
        upstream: Some(upstream),
        protocol,
        tls: None,
    }
}

pub(crate) fn spec(legs: Vec<LegSpec>, correlation: Correlation) -> LinkSpec {
    LinkSpec {
        name: "a->b".to_owned(),
        from: "a".to_owned(),
        gates: Gates::default(),
        detail: WireDetail::Points,
        legs,
        correlation,
        advertise: None,
    }
}

/// A link with one leg, and where it listens.
pub(crate) async fn link(upstream: SocketAddr, protocol: Protocol, sink: Arc<Seen>) -> (Link, SocketAddr) {
    let correlation = Correlation::default().with_key("tx", &["http:/tx_no"]).unwrap();
    let link = Link::open(spec(vec![leg("main", upstream, protocol)], correlation), sink)
        .await
        .unwrap();
    let addr = link.listen_addr("main").unwrap();
    (link, addr)
}

pub(crate) fn rule(direction: Direction, action: Action) -> Rule {
    Rule {
        at: None,
        direction,
        action,
        seed: 7,
    }
}

/// Waits until something is true; fails the test after ten seconds.
pub(crate) async fn until(what: &str, mut is_true: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_true() {
        assert!(begun.elapsed() < Duration::from_secs(10), "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
