//! Cut: a black hole. No byte passes; what was under way arrives after healing, as TCP retransmits it.
//! Never: closes a connection, or loses a byte of one that outlives the cut.

use futures_util::future::BoxFuture;

use super::{Evidence, Fault, FaultError, WireRule};
use crate::plan::Direction;
use crate::run::Ground;
use crate::wire::Action;

/// A link through which nothing passes, in one direction or both.
pub(super) struct Cut(WireRule);

impl Cut {
    pub(super) fn new(on: String, direction: Direction, seed: u64) -> Cut {
        let action = Action::Cut;
        Cut(WireRule::new(on, direction, action, seed))
    }
}

impl Fault for Cut {
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
