//! Delay: every frame arrives later, in order; a fixed part and a random one.
//! Never: slows the link's throughput (frames that are under way at the same time wait at the same time).

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::{Evidence, Fault, FaultError, WireRule};
use crate::plan::Direction;
use crate::run::Ground;
use crate::wire::Action;

/// A slow link.
pub(super) struct Delay(WireRule);

impl Delay {
    pub(super) fn new(on: String, direction: Direction, fixed_ms: u64, jitter_ms: u64, seed: u64) -> Delay {
        let action = Action::Delay {
            fixed: Duration::from_millis(fixed_ms),
            jitter: Duration::from_millis(jitter_ms),
        };
        Delay(WireRule::new(on, direction, action, seed))
    }
}

impl Fault for Delay {
    fn begin<'a>(&'a mut self, ground: &'a Ground) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move { self.0.install(ground) })
    }

    fn seen<'a>(&'a mut self, ground: &'a Ground) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move { Ok(self.0.seen(ground).await) })
    }

    fn end<'a>(&'a mut self, ground: &'a Ground) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move { self.0.lift(ground).await })
    }
}
