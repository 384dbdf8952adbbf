//! Duplicate: some frames arrive twice: an HTTP request, a message on its way to the broker, a delivery to a consumer.
//! Never: makes a copy that differs from its original in anything that its receiver may see as content.

use futures_util::future::BoxFuture;

use super::{Evidence, Fault, FaultError, WireRule};
use crate::plan::{Direction, Duplicated};
use crate::run::Ground;
use crate::wire::Action;

/// A link on which some frames arrive twice.
pub(super) struct Duplicate(WireRule);

impl Duplicate {
    pub(super) fn new(on: String, what: Duplicated, share: f64, seed: u64) -> Duplicate {
        let action = Action::Duplicate { what, share };
        Duplicate(WireRule::new(on, Direction::Both, action, seed))
    }
}

impl Fault for Duplicate {
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
