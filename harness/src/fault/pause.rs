//! Pause: every process of a party is frozen, as by a long garbage collection or a suspended machine. Then it goes on.
//! Never: closes a connection, or lets time stand still for the party (its clock goes on).

use futures_util::future::BoxFuture;

use super::{Evidence, Fault, FaultError, from_stack};
use crate::sut::RunningTarget;

/// Freezes one party.
pub(super) struct Pause {
    on: String,
    seen: Option<Evidence>,
}

impl Pause {
    pub(super) fn new(on: String) -> Pause {
        Pause { on, seen: None }
    }
}

impl Fault for Pause {
    fn begin<'a>(&'a mut self, target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move {
            self.seen = Some(from_stack(target.stack.pausing()?.pause(&self.on).await?));
            Ok(Evidence::words("frozen by the engine"))
        })
    }

    fn seen<'a>(&'a mut self, _target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move { Ok(self.seen.clone().unwrap_or_default()) })
    }

    fn end<'a>(&'a mut self, target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move { Ok(from_stack(target.stack.pausing()?.unpause(&self.on).await?)) })
    }
}
