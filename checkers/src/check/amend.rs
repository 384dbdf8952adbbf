//! Histories whose lines prove less than they seem to.
//!
//! - An operation of unknown outcome (info) whose invocation is not on record: it may have begun at any time, and so have
//!   taken effect before anything else. So may an addition that ended ok.
//! - Lines that stand in one order and have times in another: an operation that ended after another began by its times is
//!   not known to have come first, whatever the order of the lines.
//!
//! Both only ever take reasons away to call a history invalid. So a history is judged as it stands, and read again, amended,
//! only where that finds something wrong: with an invocation of each such operation before all others, and with each end
//! behind the last invocation that was earlier by its time; then in the order of its times. What every reading finds is
//! wrong.
//!
//! Memory, only then: 40 bytes per operation, and the operations that are out of place.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::formats::Reader;
use crate::ops::{Kind, Op, OwnedOp, Process};
use crate::verdict::{Anomaly, CheckerResult, Verdict};
use crate::workloads::{self, Misfit, Workload};

use super::{CheckError, Make, Request, feed};

/// Processes below this number are looked up without hashing.
const SMALL: i64 = 1 << 16;

/// What is amiss with the lines of a history, told while it is read.
#[derive(Debug, Default)]
pub(super) struct Lines {
    small: Vec<bool>,
    others: HashSet<i64>,
    latest: u64,
    /// Some operation that may have begun at any time has no invocation.
    strays: bool,
    /// Some line has an earlier time than one before it.
    shuffled: bool,
}

impl Lines {
    /// The next operation. True if it ends one that was invoked.
    pub(super) fn next(&mut self, op: &Op) -> bool {
        if let Some(time) = op.time {
            self.shuffled |= time < self.latest;
            self.latest = self.latest.max(time);
        }
        let Some(client) = client(op) else { return false };
        let was_open = self.set_open(client, op.kind == Kind::Invoke);
        self.strays |= !was_open && may_have_begun(op);
        op.kind != Kind::Invoke && was_open
    }

    /// Whether a second look as this workload may find less wrong.
    pub(super) fn are_amiss(&self, as_: &str) -> bool {
        !is_isolation(as_) && (self.strays || self.shuffled && !in_sessions(as_))
    }

    fn set_open(&mut self, client: i64, open: bool) -> bool {
        match usize::try_from(client) {
            Ok(at) if client < SMALL => {
                if at >= self.small.len() {
                    self.small.resize(at + 1, false);
                }
                std::mem::replace(&mut self.small[at], open)
            }
            _ if open => !self.others.insert(client),
            _ => self.others.remove(&client),
        }
    }
}

/// Whether an end without an invocation says that something was asked for at a time that is not known: an unknown outcome, or
/// an addition that is known to have happened. What else is on record without an invocation was observed at its moment.
fn may_have_begun(op: &Op) -> bool {
    op.kind == Kind::Info || op.kind == Kind::Ok && matches!(op.f, "add" | "enqueue")
}

/// Whether it is judged by the checkers of isolation, which see to this themselves.
fn is_isolation(as_: &str) -> bool {
    workloads::find(as_).is_ok_and(|entry| matches!(entry.name, "list-append" | "rw-register"))
}

/// Whether only the order of a process's own operations counts, and not that of different ones.
fn in_sessions(as_: &str) -> bool {
    workloads::find(as_).is_ok_and(|entry| entry.name == "log")
}

/// The process of a client; those that name none are one.
fn client(op: &Op) -> Option<i64> {
    match op.process {
        Process::Client(number) => Some(number),
        Process::Nobody => Some(i64::MIN),
        Process::Named(_) => None,
    }
}

/// What was wrong at first sight, looked at again.
pub(super) fn judge_again(
    request: &Request,
    mut first: CheckerResult,
    make: Make,
) -> Result<CheckerResult, CheckError> {
    let mut reader = Reader::open(&request.path, request.format)?;
    if !reader.path().is_file() {
        doubt(&mut first, "what is no file cannot be read without them");
        return Ok(first);
    }
    let amendments = Amendments::read(&mut reader, request)?;
    let mut readings = vec![Reading::Weaker];
    readings.extend(amendments.by_time.is_some().then_some(Reading::ByTime));
    for reading in readings {
        let mut again = Again::new(make()?);
        match again.read(request, &amendments, reading) {
            Ok(()) => {}
            Err(CheckError::Misfit { misfit, .. }) => {
                let Misfit { expected, found, .. } = misfit;
                doubt(&mut first, &format!("without them, expected {expected}, found {found}"));
                return Ok(first);
            }
            Err(error) => return Err(error),
        }
        first = again.result(&first, &amendments);
        if first.verdict != Verdict::Invalid {
            break;
        }
    }
    Ok(first)
}

/// What cannot be read without what it does not bear out is unknown.
fn doubt(result: &mut CheckerResult, why: &str) {
    result.verdict = Verdict::Unknown;
    result.reason = Some(format!(
        "lines contradict their times, or operations have no invocation: {why}"
    ));
    result.anomalies.clear();
}

/// In which order a history is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// As it stands, with ends later than their lines.
    Weaker,
    /// In the order of its times.
    ByTime,
}

/// What has to be read otherwise than it stands.
#[derive(Default)]
struct Amendments {
    /// Operations that may have begun at any time, in their order.
    strays: Vec<OwnedOp>,
    /// Behind which line the end of an operation belongs, by its own line.
    waits: HashMap<usize, usize>,
    /// The earliest time from each line on, where lines are not in the order of their times.
    by_time: Option<Vec<u64>>,
}

/// What is needed of a line: its time, and whether it is an invocation, an end, or neither. None where it is no client's.
type Line = Option<(Option<u64>, Option<bool>)>;

impl Amendments {
    fn read(reader: &mut Reader, request: &Request) -> Result<Amendments, CheckError> {
        let mut amendments = Amendments::default();
        let mut lines = Lines::default();
        let mut times: Vec<Line> = Vec::new();
        feed(reader, request, |op| {
            let ends = lines.next(op);
            let is_client = client(op).is_some();
            if !ends && is_client && may_have_begun(op) {
                amendments.strays.push(OwnedOp::of(op));
            }
            let role = match op.kind {
                Kind::Invoke => Some(true),
                _ => ends.then_some(false),
            };
            times.push(is_client.then_some((op.time, role)));
            Ok(())
        })?;
        if lines.shuffled && !in_sessions(&request.as_) {
            amendments.waits = waits(&times);
            amendments.by_time = earliest(&times);
        }
        Ok(amendments)
    }
}

/// The earliest time of clients from each line on; None where one has no time.
fn earliest(times: &[Line]) -> Option<Vec<u64>> {
    let mut earliest = vec![u64::MAX; times.len() + 1];
    for (line, of) in times.iter().enumerate().rev() {
        let time = of.map_or(Some(u64::MAX), |(time, _)| time)?;
        earliest[line] = earliest[line + 1].min(time);
    }
    Some(earliest)
}

/// For each end after which an invocation stands that was earlier by its time, the last of these.
fn waits(times: &[Line]) -> HashMap<usize, usize> {
    // The invocations that are earlier than all behind them, the last one first: their times fall.
    let mut earliest: Vec<(usize, u64)> = Vec::new();
    let mut waits = HashMap::new();
    for (line, of) in times.iter().enumerate().rev() {
        let Some((Some(time), role)) = *of else { continue };
        match role {
            Some(true) if earliest.last().is_none_or(|(_, other)| time < *other) => earliest.push((line, time)),
            Some(false) => {
                let from = earliest.partition_point(|(_, other)| *other >= time);
                if let Some((last, _)) = earliest.get(from) {
                    waits.insert(line, *last);
                }
            }
            _ => {}
        }
    }
    waits
}

/// A workload that is told the amended history.
struct Again {
    workload: Box<dyn Workload>,
    /// The index that each operation has in the file.
    origin: Vec<u64>,
    /// Under which number the open operation of a process is told.
    told_as: HashMap<i64, i64>,
    /// Numbers under which an end has yet to be told.
    busy: HashSet<i64>,
    /// Ends that wait, by the line behind which they belong.
    waiting: BTreeMap<usize, Vec<(i64, OwnedOp)>>,
    /// Numbers that no process has are counted from here down.
    fresh: i64,
    /// Of these, the one of the next operation without an invocation.
    stray: i64,
    /// The first operation without an invocation that does not say what it asked for.
    untold: Option<u64>,
}

impl Again {
    fn new(workload: Box<dyn Workload>) -> Again {
        Again {
            workload,
            origin: Vec::new(),
            told_as: HashMap::new(),
            busy: HashSet::new(),
            waiting: BTreeMap::new(),
            fresh: i64::MAX,
            stray: i64::MAX,
            untold: None,
        }
    }

    /// Reads the history.
    fn read(&mut self, request: &Request, amendments: &Amendments, reading: Reading) -> Result<(), CheckError> {
        for op in &amendments.strays {
            self.begin_stray(&op.op());
        }
        let earliest = amendments.by_time.as_ref().filter(|_| reading == Reading::ByTime);
        // Operations that come before a line that was not read yet, by time and line.
        let mut held: BTreeMap<(u64, usize), (i64, OwnedOp)> = BTreeMap::new();
        let mut reader = Reader::open(&request.path, request.format)?;
        let mut line = 0;
        feed(&mut reader, request, |op| {
            line += 1;
            let (Some(earliest), Some(process)) = (earliest, client(op)) else {
                return self.push(op, line - 1, &amendments.waits);
            };
            held.insert((op.time.unwrap_or(0), line), (process, OwnedOp::of(op)));
            while let Some(next) = held.first_entry().filter(|next| next.key().0 <= earliest[line]) {
                let (process, op) = next.remove();
                let process = Process::Client(process);
                self.push(&Op { process, ..op.op() }, line, &HashMap::new())?;
            }
            Ok(())
        })
    }

    /// Tells an operation under a number of its own.
    fn tell(&mut self, op: &Op, process: i64, kind: Kind) -> Result<(), Misfit> {
        let index = self.origin.len() as u64;
        self.origin.push(op.index);
        let process = Process::Client(process);
        let op = Op {
            index,
            process,
            kind,
            ..*op
        };
        self.workload.push(&op)
    }

    /// An operation whose invocation is not on record begins before all others.
    fn begin_stray(&mut self, op: &Op) {
        self.fresh -= 1;
        if self.tell(op, self.fresh + 1, Kind::Invoke).is_err() {
            self.untold.get_or_insert(op.index);
        }
    }

    /// The next operation; its end may belong behind a later line.
    fn push(&mut self, op: &Op, line: usize, waits: &HashMap<usize, usize>) -> Result<(), Misfit> {
        match client(op) {
            None => {
                let index = self.origin.len() as u64;
                self.origin.push(op.index);
                self.workload.push(&Op { index, ..*op })?;
            }
            Some(process) if op.kind == Kind::Invoke => {
                let told_as = if self.busy.contains(&process) {
                    self.fresh -= 1;
                    self.fresh + 1
                } else {
                    process
                };
                self.told_as.insert(process, told_as);
                self.tell(op, told_as, op.kind)?;
            }
            Some(process) => match (self.told_as.remove(&process), waits.get(&line)) {
                (Some(told_as), Some(last)) => {
                    self.busy.insert(told_as);
                    let waiting = self.waiting.entry(*last).or_default();
                    waiting.push((told_as, OwnedOp::of(op)));
                }
                (Some(told_as), None) => self.tell(op, told_as, op.kind)?,
                (None, _) if may_have_begun(op) => {
                    self.stray -= 1;
                    self.tell(op, self.stray + 1, op.kind)?;
                }
                (None, _) => self.tell(op, process, op.kind)?,
            },
        }
        for (told_as, op) in self.waiting.remove(&line).unwrap_or_default() {
            self.busy.remove(&told_as);
            self.tell(&op.op(), told_as, op.op().kind)?;
        }
        Ok(())
    }

    /// What both looks say: what is wrong in both, in the words of the first where it has them.
    fn result(self, first: &CheckerResult, amendments: &Amendments) -> CheckerResult {
        let mut again = self.workload.finish();
        let doubt = match self.untold {
            Some(index) => Some(format!(
                "the invocation of operation {index} is not on record, and its end does not say what it asked for"
            )),
            None if amendments.waits.is_empty() && amendments.by_time.is_none()
                || again.verdict == Verdict::Invalid =>
            {
                None
            }
            None => Some(
                "by the times of the operations, which contradict the order of the lines, nothing is known to be wrong"
                    .into(),
            ),
        };
        if let Some(doubt) = doubt {
            let more = again.reason.filter(|_| again.verdict == Verdict::Unknown);
            again.reason = Some(more.map_or_else(|| doubt.clone(), |more| format!("{doubt}; {more}")));
            again.verdict = Verdict::Unknown;
            again.anomalies.clear();
            return again;
        }
        for anomaly in &mut again.anomalies {
            let same = |other: &&Anomaly| other.kind == anomaly.kind && other.subject == anomaly.subject;
            if let Some(same) = first.anomalies.iter().find(same) {
                anomaly.clone_from(same);
                continue;
            }
            let origin = |index: &u64| self.origin.get(usize::try_from(*index).unwrap_or(usize::MAX)).copied();
            anomaly.witness = anomaly.witness.iter().filter_map(origin).collect();
            anomaly.witness.sort_unstable();
            anomaly.witness.dedup();
        }
        again
    }
}
