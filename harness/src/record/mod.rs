//! The recorder: the one place where a history is written, while it happens.
//!
//! Callers never wait for the disk: an event gets its index and time under a short lock and goes to a writer
//! thread, which hands whole lines to the kernel in batches. What the kernel has got survives a SIGKILL of the
//! harness. It must never reorder events, and never lose one in silence: a write that fails is kept and reported.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use paytwice_checkers::history::{Body, Event, Kind, Process, Wire};
use tokio::sync::{Notify, oneshot};

use crate::wire::WireSink;

/// Bytes collected before the writer thread hands them to the kernel, at the latest when nothing else waits.
const BATCH_BYTES: usize = 64 * 1024;

/// A handle for recording events; cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    shared: Arc<Shared>,
}

struct Shared {
    path: PathBuf,
    began: Instant,
    next: Mutex<Next>,
    failure: OnceLock<String>,
    failed: Notify,
}

/// What must change together: the next index, and the channel that keeps the order.
struct Next {
    index: u64,
    lines: Option<Sender<Line>>,
}

/// What the writer thread is told.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every line is an event: a box would be made for each"
)]
enum Line {
    /// Write this event.
    Event(Event),
    /// Say when everything before this is written.
    Flush(oneshot::Sender<()>),
}

/// The writer thread's owner: closing it makes the history complete on disk.
pub struct RecorderGuard {
    recorder: Recorder,
    writer: Option<JoinHandle<()>>,
}

/// Why a history could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the history {path}: {reason}")]
pub struct RecordError {
    /// The history.
    pub path: PathBuf,
    /// What the system said, and what to do.
    pub reason: String,
}

impl Recorder {
    /// Creates the history file and starts its writer.
    pub fn create(path: &Path) -> Result<(Recorder, RecorderGuard), RecordError> {
        let file = File::options()
            .write(true)
            .create_new(true)
            .open(path)
            .map_err(|e| RecordError {
                path: path.to_owned(),
                reason: explain(&e),
            })?;
        let (lines, inbox) = channel();
        let shared = Arc::new(Shared {
            path: path.to_owned(),
            began: Instant::now(),
            next: Mutex::new(Next {
                index: 0,
                lines: Some(lines),
            }),
            failure: OnceLock::new(),
            failed: Notify::new(),
        });
        let recorder = Recorder { shared };
        let for_writer = recorder.clone();
        let writer = std::thread::Builder::new()
            .name("history".into())
            .spawn(move || write_all(file, &inbox, &for_writer))
            .map_err(|e| RecordError {
                path: path.to_owned(),
                reason: explain(&e),
            })?;
        let guard = RecorderGuard {
            recorder: recorder.clone(),
            writer: Some(writer),
        };
        Ok((recorder, guard))
    }

    /// Records one event and returns its index.
    pub fn record(&self, process: Process, kind: Kind, body: Body, error: Option<String>) -> u64 {
        let mut next = self.shared.next.lock().unwrap_or_else(PoisonError::into_inner);
        let index = next.index;
        next.index += 1;
        let event = Event {
            index,
            time: self.now_ns(),
            process,
            kind,
            body,
            error,
        };
        if let Some(lines) = &next.lines {
            // The writer only goes away after a failed write, which is kept in `failure`.
            let _ = lines.send(Line::Event(event));
        }
        index
    }

    /// Waits until everything that was recorded before can be read from the file.
    pub async fn flush(&self) -> Result<(), RecordError> {
        let (done, written) = oneshot::channel();
        {
            let next = self.shared.next.lock().unwrap_or_else(PoisonError::into_inner);
            match &next.lines {
                Some(lines) => drop(lines.send(Line::Flush(done))),
                // Closed: everything is written already.
                None => drop(done.send(())),
            }
        }
        // A writer that goes away without an answer has failed, and said why.
        let gone = written.await.is_err();
        match self.failure() {
            Some(error) => Err(error),
            None if gone => Err(RecordError {
                path: self.shared.path.clone(),
                reason: "its writer ended early".to_owned(),
            }),
            None => Ok(()),
        }
    }

    /// The file that the history is written to.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Records a remark of a named part of the run.
    pub fn remark(&self, who: &str, body: Body) -> u64 {
        self.record(Process::Named(who.into()), Kind::Info, body, None)
    }

    /// Nanoseconds since the history began.
    pub fn now_ns(&self) -> u64 {
        u64::try_from(self.shared.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// The first failure to write, if there was one.
    pub fn failure(&self) -> Option<RecordError> {
        self.shared.failure.get().map(|reason| RecordError {
            path: self.shared.path.clone(),
            reason: reason.clone(),
        })
    }

    /// Waits until a write fails; for ever when none does.
    pub async fn until_failure(&self) -> RecordError {
        loop {
            let failed = self.shared.failed.notified();
            if let Some(error) = self.failure() {
                return error;
            }
            failed.await;
        }
    }
}

impl WireSink for Recorder {
    fn record(&self, event: Wire) {
        self.remark("wire", Body::Wire(event));
    }
}

impl RecorderGuard {
    /// Writes what is left, and says whether the whole history is on disk.
    pub fn close(mut self) -> Result<(), RecordError> {
        self.stop();
        match self.recorder.failure() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn stop(&mut self) {
        let lines = {
            let mut next = self.recorder.shared.next.lock().unwrap_or_else(PoisonError::into_inner);
            next.lines.take()
        };
        drop(lines);
        if let Some(writer) = self.writer.take() {
            // A panic of the writer has been seen as a missing tail already; there is nothing to add to it here.
            let _ = writer.join();
        }
    }
}

impl Drop for RecorderGuard {
    fn drop(&mut self) {
        self.stop();
    }
}

fn write_all(mut file: File, inbox: &Receiver<Line>, recorder: &Recorder) {
    let mut batch = Vec::with_capacity(2 * BATCH_BYTES);
    let mut waiting = Vec::new();
    while let Ok(first) = inbox.recv() {
        batch.clear();
        let mut next = Some(first);
        while let Some(line) = next {
            match line {
                Line::Flush(done) => waiting.push(done),
                Line::Event(event) => {
                    if let Err(e) = serde_json::to_writer(&mut batch, &event) {
                        let problem = format!("event {} cannot be written as JSON: {e}", event.index);
                        return fail(recorder, problem);
                    }
                    batch.push(b'\n');
                }
            }
            next = if batch.len() < BATCH_BYTES {
                inbox.try_recv().ok()
            } else {
                None
            };
        }
        if let Err(e) = file.write_all(&batch) {
            return fail(recorder, explain(&e));
        }
        for done in waiting.drain(..) {
            // Whoever asked may have stopped waiting.
            let _ = done.send(());
        }
    }
    if let Err(e) = file.sync_all() {
        fail(recorder, explain(&e));
    }
}

fn fail(recorder: &Recorder, reason: String) {
    let _ = recorder.shared.failure.set(reason);
    recorder.shared.failed.notify_waiters();
}

fn explain(e: &io::Error) -> String {
    match e.kind() {
        io::ErrorKind::StorageFull => format!("{e}: free some space there, or name another folder with --store"),
        io::ErrorKind::PermissionDenied => format!("{e}: make the folder writable, or name another one with --store"),
        _ => e.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use paytwice_checkers::history::Phase;

    fn phase(name: &str) -> Body {
        Body::Phase(Phase { name: name.to_owned() })
    }

    #[test]
    fn events_are_on_disk_in_order_after_close() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("history.jsonl");
        let (recorder, guard) = Recorder::create(&path).unwrap();
        for n in 0..1000 {
            assert_eq!(recorder.remark("run", phase("workload")), n);
        }
        guard.close().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let events: Vec<Event> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(events.len(), 1000);
        assert!(
            events
                .windows(2)
                .all(|w| w[0].index + 1 == w[1].index && w[0].time <= w[1].time)
        );
    }

    #[tokio::test]
    async fn what_was_recorded_before_a_flush_can_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("history.jsonl");
        let (recorder, guard) = Recorder::create(&path).unwrap();
        let lines = || std::fs::read_to_string(&path).unwrap().lines().count();
        for n in 1..=100 {
            recorder.remark("run", phase("workload"));
            recorder.flush().await.unwrap();
            assert_eq!(lines(), n);
        }
        guard.close().unwrap();
        recorder.flush().await.unwrap();
    }

    #[test]
    fn a_full_disk_is_reported_with_a_way_out() {
        let error = explain(&io::Error::from(io::ErrorKind::StorageFull));
        assert!(error.contains("--store"), "{error}");
    }
}
