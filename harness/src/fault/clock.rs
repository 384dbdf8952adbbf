//! Clock: the wall clock of a service is wrong by so much, and right again afterwards: two jumps. What it measures by
//! its steady clock (timeouts, intervals) is not touched.
//! Never: says that a clock is wrong because it was told to be; the `Date` of the service's answers says it.

use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::{Evidence, Fault, FaultError};
use crate::sut::RunningTarget;

const ASK_EVERY: Duration = Duration::from_millis(250);
/// `Date` has whole seconds, and the service looks at its clock's file once a second.
const NEAR_S: i64 = 2;
/// A service that remembers the `Date` of its answers until its clock is past it shows a jump back by a `Date` that
/// stands still: for this long it is watched.
const STANDS_STILL: Duration = Duration::from_secs(3);
/// How long a service may take to notice that its clock is right again.
const RIGHT_TIMEOUT: Duration = Duration::from_secs(20);

/// A service whose clock is wrong.
pub(super) struct Clock {
    on: String,
    offset_ms: i64,
}

impl Clock {
    pub(super) fn new(on: String, offset_ms: i64) -> Clock {
        Clock { on, offset_ms }
    }

    /// Waits until the answers of the service say that its clock is wrong by so much.
    async fn shows(&self, target: &RunningTarget, wanted_s: i64) -> Result<Evidence, String> {
        let clocks = target.stack.clocks().map_err(|e| e.to_string())?;
        let mut first: Option<(Instant, i64)> = None;
        loop {
            match clocks.clock_offset(&self.on).await {
                Ok(offset) if (offset - wanted_s).abs() <= NEAR_S => {
                    let detail = format!("the Date of an answer is {offset:+} s from the time");
                    return Ok(Evidence::count(detail, "offset_s", offset.unsigned_abs()));
                }
                Ok(offset) => {
                    let (since, was) = *first.get_or_insert((Instant::now(), offset));
                    let stood = since.elapsed();
                    let fell = was - offset;
                    // A clock that went on would have kept its distance.
                    if stood >= STANDS_STILL && offset > wanted_s && fell >= stood.as_secs() as i64 - 1 {
                        let detail = format!(
                            "the Date of its answers has stood still for {} s: its clock is behind it ({offset:+} s)",
                            stood.as_secs()
                        );
                        return Ok(Evidence::words(detail));
                    }
                    if fell < stood.as_secs() as i64 - 2 {
                        first = None;
                    }
                }
                // Another fault may have it down.
                Err(e) if e.contains("cannot be seen") => return Err(e),
                Err(_) => {}
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }
}

impl Fault for Clock {
    fn begin<'a>(&'a mut self, target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move {
            target.stack.clocks()?.set_clock(&self.on, self.offset_ms).await?;
            Ok(Evidence::words(format!(
                "clock told to be {:+} s from the time",
                self.offset_ms / 1000
            )))
        })
    }

    fn seen<'a>(&'a mut self, target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move {
            let shown = self.shows(target, self.offset_ms / 1000).await;
            shown.map_err(FaultError::NotHealed)
        })
    }

    fn end<'a>(&'a mut self, target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move {
            target.stack.clocks()?.set_clock(&self.on, 0).await?;
            let right = tokio::time::timeout(RIGHT_TIMEOUT, self.shows(target, 0)).await;
            let not = || "its answers do not say that its clock is right again".to_owned();
            let shown = right.unwrap_or_else(|_| Err(not()));
            shown.map_err(FaultError::NotHealed)
        })
    }
}
