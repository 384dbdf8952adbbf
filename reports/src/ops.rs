//! Operations: the invocations of a history, each with the event that ended it.

use std::collections::HashMap;

use paytwice_checkers::history::{Body, Event, Kind, Process};

use crate::RunReport;

/// One operation of a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Op<'a> {
    /// The invocation.
    pub(crate) invoke: &'a Event,
    /// What ended it; None when nothing did.
    pub(crate) end: Option<&'a Event>,
}

impl<'a> Op<'a> {
    /// ok, fail or info; an operation that never ended is info.
    pub(crate) fn outcome(&self) -> Kind {
        self.end.map_or(Kind::Info, |e| e.kind)
    }

    /// Microseconds from invocation to end.
    pub(crate) fn latency_us(&self) -> Option<u64> {
        self.end.map(|e| e.time.saturating_sub(self.invoke.time) / 1000)
    }

    /// The subject that it is about, as the client knows it.
    pub(crate) fn subject(&self) -> Option<&'a str> {
        match &self.invoke.body {
            Body::Op(op) => Some(&op.subject),
            _ => None,
        }
    }
}

/// Every operation, in order of invocation.
pub(crate) fn pair(events: &[Event]) -> Vec<Op<'_>> {
    let mut open: HashMap<&Process, usize> = HashMap::new();
    let mut ops: Vec<Op<'_>> = Vec::new();
    for event in events.iter().filter(|e| is_op(e)) {
        if event.kind == Kind::Invoke {
            open.insert(&event.process, ops.len());
            ops.push(Op {
                invoke: event,
                end: None,
            });
        } else if let Some(at) = open.remove(&event.process) {
            ops[at].end = Some(event);
        }
    }
    ops
}

fn is_op(event: &Event) -> bool {
    event.body.is_op() || matches!((&event.process, &event.body), (Process::Client(_), Body::Other(..)))
}

/// The last moment of the history; without events, the last that the results name.
pub(crate) fn end_ns(report: &RunReport<'_>) -> u64 {
    let phases = || report.results.phases.iter().filter_map(|(_, _, to)| *to);
    let windows = || report.results.windows.iter().map(|w| w.to_ns);
    report
        .events
        .last()
        .map_or_else(|| phases().chain(windows()).max().unwrap_or(0), |e| e.time)
}

/// The event with this index, wherever it is: a history that was cut or merged has gaps.
pub(crate) fn find(events: &[Event], index: u64) -> Option<&Event> {
    let here = usize::try_from(index)
        .ok()
        .and_then(|i| events.get(i))
        .filter(|e| e.index == index);
    here.or_else(|| {
        events
            .binary_search_by_key(&index, |e| e.index)
            .ok()
            .map(|i| &events[i])
    })
}
