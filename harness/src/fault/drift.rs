//! Drift: the wall clock of a service goes too fast or too slow, and is right again afterwards, by one jump. What it
//! measures by its steady clock is not touched.
//!
//! The clock's offset is moved on every second. libfaketime has a rate of its own, which would do for a program that
//! never waits: it counts from the start of the process, so that the clock jumps when it is set, and it stretches every
//! wait of the process as well.
//! Never: says that a clock drifts because it was told to; the `Date` of the service's answers says it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::{Evidence, Fault, FaultError};
use crate::stack::{Clock, Stack};
use crate::sut::RunningTarget;

/// The service looks at its clock's file once a second; more often is for nothing.
const STEP: Duration = Duration::from_secs(1);
const ASK_EVERY: Duration = Duration::from_millis(250);
/// `Date` has whole seconds, and a service may remember it for one: by so much less a clock may seem wrong that is right.
const OFF_S_MIN: i64 = 3;
/// By so much a clock that is right mostly seems wrong.
const ROUNDING_S: i64 = 1;
/// How long a service may take to notice that its clock is right again. One that remembers the `Date` of its answers until
/// its clock is past it needs as long as it was off.
const RIGHT_TIMEOUT: Duration = Duration::from_secs(20);

/// A service whose clock drifts.
pub(super) struct Drift {
    on: String,
    ms_per_s: i64,
    begun: Option<Instant>,
    drifting: Option<Drifting>,
}

/// Moves the clock on. Ends when it is dropped.
struct Drifting {
    over: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Drift {
    pub(super) fn new(on: String, ms_per_s: i64) -> Drift {
        Drift {
            on,
            ms_per_s,
            begun: None,
            drifting: None,
        }
    }

    fn offset_ms(&self) -> i64 {
        self.begun.map_or(0, |begun| offset_ms(begun, self.ms_per_s))
    }

    /// Waits until the answers of the service say that its clock has gone off, by more than rounding.
    async fn shows(&self, target: &RunningTarget) -> Result<Evidence, String> {
        let clocks = target.stack.clocks().map_err(|e| e.to_string())?;
        let mut offsets: Vec<i64> = Vec::new();
        loop {
            match clocks.clock_offset(&self.on).await {
                Ok(offset) => {
                    let further = |last: &i64| (offset - last) * self.ms_per_s.signum() > 0;
                    if offsets.last().is_none_or(further) {
                        offsets.push(offset);
                    }
                    if offset * self.ms_per_s.signum() >= OFF_S_MIN {
                        let after = self.begun.map_or(0.0, |begun| begun.elapsed().as_secs_f64());
                        let course: Vec<String> = offsets.iter().map(|offset| format!("{offset:+}")).collect();
                        let detail = format!(
                            "the Date of its answers was off by as much as {} s in {after:.1} s",
                            course.join(", ")
                        );
                        return Ok(Evidence::count(detail, "offset_s", offset.unsigned_abs()));
                    }
                }
                // Another fault may have it down.
                Err(e) if e.contains("cannot be seen") => return Err(e),
                Err(_) => {}
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    /// Waits until the answers of the service say that its clock is right.
    async fn right(&self, clocks: &dyn Clock) -> i64 {
        loop {
            match clocks.clock_offset(&self.on).await {
                Ok(offset) if offset.abs() <= ROUNDING_S => return offset,
                _ => tokio::time::sleep(ASK_EVERY).await,
            }
        }
    }
}

fn offset_ms(begun: Instant, ms_per_s: i64) -> i64 {
    let elapsed_ms = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
    elapsed_ms.saturating_mul(ms_per_s) / 1000
}

/// Each step is taken to its end, so that none comes after the clock is set right.
async fn drift(stack: Arc<dyn Stack>, on: String, begun: Instant, ms_per_s: i64, mut over: oneshot::Receiver<()>) {
    let Ok(clocks) = stack.clocks() else { return };
    loop {
        if let Err(error) = clocks.set_clock(&on, offset_ms(begun, ms_per_s)).await {
            tracing::debug!(%error, "a step of the clock was missed");
        }
        if tokio::time::timeout(STEP, &mut over).await.is_ok() {
            return;
        }
    }
}

impl Fault for Drift {
    fn begin<'a>(&'a mut self, target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move {
            target.stack.clocks()?;
            let begun = Instant::now();
            let (over, until) = oneshot::channel();
            let drifting = drift(Arc::clone(&target.stack), self.on.clone(), begun, self.ms_per_s, until);
            self.drifting = Some(Drifting {
                over,
                task: tokio::spawn(drifting),
            });
            self.begun = Some(begun);
            Ok(Evidence::words(format!(
                "clock told to go off by {:+} ms every second, in steps of one second",
                self.ms_per_s
            )))
        })
    }

    fn seen<'a>(&'a mut self, target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move { self.shows(target).await.map_err(FaultError::NotHealed) })
    }

    fn end<'a>(&'a mut self, target: &'a RunningTarget) -> BoxFuture<'a, Result<Evidence, FaultError>> {
        Box::pin(async move {
            let off_ms = self.offset_ms();
            if let Some(Drifting { over, task }) = self.drifting.take() {
                drop(over);
                // It ends by itself now; had it failed, the clock would only have stood.
                let _ = task.await;
            }
            let clocks = target.stack.clocks()?;
            clocks.set_clock(&self.on, 0).await?;
            let right = tokio::time::timeout(RIGHT_TIMEOUT, self.right(clocks)).await;
            let offset = right.map_err(|_| {
                FaultError::NotHealed("its answers do not say that its clock is right again".to_owned())
            })?;
            let detail = format!("it was off by {off_ms:+} ms; the Date of an answer is {offset:+} s from the time");
            Ok(Evidence::words(detail))
        })
    }
}
