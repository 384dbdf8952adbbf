//! Reset: every connection of the link is reset (RST), and each new one as soon as it comes, until healed.
//! Never: resets a connection of another link, or one that was made after healing.

use futures_util::future::BoxFuture;

use super::{Evidence, Fault, FaultError, WireRule};
use crate::plan::Direction;
use crate::run::Ground;
use crate::wire::Action;

/// A link whose connections were reset.
pub(super) struct Reset(WireRule);

impl Reset {
    pub(super) fn new(on: String, seed: u64) -> Reset {
        let action = Action::Reset { again: true };
        Reset(WireRule::new(on, Direction::Both, action, seed))
    }
}

impl Fault for Reset {
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
