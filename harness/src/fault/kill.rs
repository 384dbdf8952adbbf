//! Kill: the process ends at once, as by power cut to one machine; its disk stays. Then it is started again.
//! Never: stops a process gently, or touches its data.

use futures_util::future::BoxFuture;

use super::{Evidence, Fault, FaultError, from_stack};
use crate::sut::RunningTarget;

/// SIGKILL to one party.
pub(super) struct Kill {
    on: String,
    seen: Option<Evidence>,
}

impl Kill {
    pub(super) fn new(on: String) -> Kill {
        Kill { on, seen: None }
    }
}

impl Fault for Kill {
    fn begin<'a>(&'a mut self, target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move {
            self.seen = Some(from_stack(target.stack.killing()?.kill(&self.on).await?));
            Ok(Evidence::words("SIGKILL"))
        })
    }

    fn seen<'a>(&'a mut self, _target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        // The engine's answer is only taken as done once the process is gone.
        Box::pin(async move { Ok(self.seen.clone().unwrap_or_default()) })
    }

    fn end<'a>(&'a mut self, target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move { Ok(from_stack(target.stack.killing()?.start(&self.on).await?)) })
    }
}
