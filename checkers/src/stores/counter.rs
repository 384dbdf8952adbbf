//! Counter: every read lies between what must have been added and what may have been.
//!
//! For histories of adds (negative ones too) and reads of one counter that starts at zero. A read must hold every
//! add that was acknowledged before it began, may hold any add that was invoked before it ended, and must not hold
//! one that definitely failed.
//! - `out-of-bounds`: a read outside this interval.
//!
//! A history of acknowledged adds without a read is valid, as it is for Jepsen, and the result remarks it.
//!
//! After `checker/counter` of Jepsen, which takes increments only. Sees: each read on its own. Cannot see: two reads
//! that contradict each other inside their intervals (that takes a linearizability checker).
//! O(1) per event at bounded concurrency, see the interval's page in the source; memory O(open operations).

use crate::accounts::bounds::{Begun, Bounds, End, Judged, Open};
use crate::streaming::{At, Capped, Case, Dense, Mark, Names, Streaming, Tally, at};
use crate::verdict::CheckerResult;

/// Name of this checker.
pub const NAME: &str = "counter";

/// What a process did. Reads that failed or ended info are told by their invocation alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It invoked an add.
    Add {
        /// The process.
        process: u32,
        /// What to add.
        amount: i64,
    },
    /// Its add ended ok.
    Added(u32),
    /// Its add definitely failed.
    AddFailed(u32),
    /// Its add ended info.
    AddUnknown(u32),
    /// It invoked a read.
    ReadInvoked(u32),
    /// Its read ended ok.
    Read {
        /// The process.
        process: u32,
        /// What it read.
        value: i64,
    },
}

/// What a process is doing.
#[derive(Clone, Copy, Default)]
enum Doing {
    #[default]
    Nothing,
    Adding(Open),
    Reading(Begun, Mark),
}

/// The beginning and the end of a read.
type Read = [Mark; 2];

/// The checker.
#[derive(Default)]
pub struct Counter {
    bounds: Bounds<Read>,
    processes: Dense<Doing>,
    wrong: Capped<Judged<Read>>,
    adds: u64,
    acknowledged: u64,
    reads: u64,
}

impl Counter {
    /// A checker that has seen nothing.
    #[must_use]
    pub fn new() -> Counter {
        Counter::default()
    }

    #[inline]
    fn end(&mut self, process: u32, end: End) {
        if let Doing::Adding(open) = std::mem::take(self.processes.at(process)) {
            let wrong = &mut self.wrong;
            self.bounds.end(open, end, |judged| keep(wrong, judged));
        }
    }

    #[inline]
    fn read(&mut self, at: At, process: u32, value: i64) {
        let now = Mark::new(at.index);
        let (begun, begun_at) = match std::mem::take(self.processes.at(process)) {
            Doing::Reading(begun, begun_at) => (begun, begun_at),
            // A read whose invocation is not on record began when it ended.
            _ => (self.bounds.begin(), Mark::NONE),
        };
        self.reads += 1;
        let wrong = &mut self.wrong;
        self.bounds
            .read_unordered(begun, value.into(), [begun_at, now], |judged| keep(wrong, judged));
    }
}

#[inline]
fn keep(wrong: &mut Capped<Judged<Read>>, judged: Judged<Read>) {
    if !judged.fits() {
        wrong.push(judged);
    }
}

impl Streaming for Counter {
    type Event<'a> = Event;

    #[inline]
    fn push(&mut self, at: At, event: Event) {
        match event {
            Event::Add { process, amount } => {
                self.adds += 1;
                // An add that is still open can end no more: it stays unknown.
                self.end(process, End::Info);
                *self.processes.at(process) = Doing::Adding(self.bounds.ask(amount.into()));
            }
            Event::Added(process) => {
                self.acknowledged += 1;
                self.end(process, End::Ok);
            }
            Event::AddFailed(process) => self.end(process, End::Fail),
            Event::AddUnknown(process) => self.end(process, End::Info),
            Event::ReadInvoked(process) => {
                self.end(process, End::Info);
                *self.processes.at(process) = Doing::Reading(self.bounds.begin(), Mark::new(at.index));
            }
            Event::Read { process, value } => self.read(at, process, value),
        }
    }

    fn finish_named(mut self, _names: &dyn Names) -> CheckerResult {
        let mut tally = Tally::default();
        let wrong = &mut self.wrong;
        self.bounds.close(|judged| keep(wrong, judged));
        tally.anomalies("out-of-bounds", &self.wrong, |judged| {
            let Judged { read, value, low, high } = judged;
            Case {
                subject: "counter".into(),
                sentence: format!("the counter was read as {value}, and must have been from {low} to {high}"),
                witness: at(*read),
            }
        });
        if self.reads == 0 && self.acknowledged == 0 {
            tally.doubt("no add and no read ended ok: there is nothing to judge");
        } else if self.reads == 0 {
            tally.remark("no read ended ok: nothing could contradict the adds");
        }
        tally.count("adds", self.adds);
        tally.count("acknowledged", self.acknowledged);
        tally.count("reads", self.reads);
        tally.result(NAME)
    }
}
