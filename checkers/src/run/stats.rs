//! Statistics of operations per window: counts, availability, latencies.
//!
//! An operation belongs to every fault that was in force between its invocation and its end, and to `no fault`
//! when there was none. Percentiles are exact. O(n log n) in the operations, and in their overlaps with faults.

use std::collections::BTreeMap;

use super::{Facts, OpSpan};
use crate::history::Kind;
use crate::verdict::{OpStats, WindowStats};

/// Statistics of the whole workload, of its time without faults, and of each fault that was done.
pub(crate) fn windows(facts: &Facts) -> Vec<WindowStats> {
    let (from_ns, to_ns) = facts.workload();
    let faults = spans(facts);
    let mut all = Tally::default();
    let mut calm = Tally::default();
    let mut under: Vec<Tally> = faults.iter().map(|_| Tally::default()).collect();
    for op in &facts.ops {
        if op.from_ns < from_ns || op.from_ns > to_ns {
            continue;
        }
        all.add(op);
        let end = op.end.map_or(u64::MAX, |(time, _)| time);
        let mut hit = false;
        for slot in overlapping(&faults, op.from_ns, end) {
            under[slot].add(op);
            hit = true;
        }
        if !hit {
            calm.add(op);
        }
    }
    let mut windows = vec![
        all.window(facts, "workload".into(), None, (from_ns, to_ns)),
        calm.window(facts, "no fault".into(), None, (from_ns, to_ns)),
    ];
    let mut named: Vec<(usize, WindowStats)> = Vec::new();
    for (span, tally) in faults.iter().zip(under) {
        let fault = &facts.faults[span.fault];
        let stats = tally.window(facts, fault.name(), Some(fault.id), (span.from, span.to));
        named.push((span.fault, stats));
    }
    named.sort_by_key(|(fault, _)| *fault);
    windows.extend(named.into_iter().map(|(_, stats)| stats));
    windows
}

/// The largest value that at least `share` of the sorted values do not exceed.
pub(crate) fn percentile(sorted: &[u64], share: f64) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of a length is a length"
    )]
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

/// A fault in force, and the latest end among this span and all that began before it.
struct Span {
    fault: usize,
    from: u64,
    to: u64,
    latest: u64,
}

fn spans(facts: &Facts) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for (fault, span) in facts.faults.iter().enumerate() {
        if let Some((from, to)) = span.in_force() {
            let to = to.unwrap_or(facts.end_ns);
            let latest = 0;
            spans.push(Span {
                fault,
                from,
                to,
                latest,
            });
        }
    }
    spans.sort_by_key(|span| span.from);
    let mut latest = 0;
    for span in &mut spans {
        latest = latest.max(span.to);
        span.latest = latest;
    }
    spans
}

/// The spans that overlap `from..=to`, found from the last that begins before its end.
fn overlapping(spans: &[Span], from: u64, to: u64) -> impl Iterator<Item = usize> {
    let begun = spans.partition_point(|span| span.from <= to);
    let reaching = (0..begun).rev().take_while(move |slot| spans[*slot].latest >= from);
    reaching.filter(move |slot| spans[*slot].to >= from)
}

/// Operations of one window, per `f`.
#[derive(Default)]
struct Tally {
    ops: BTreeMap<u32, (OpStats, Vec<u64>)>,
}

impl Tally {
    fn add(&mut self, op: &OpSpan) {
        let (stats, latencies) = self.ops.entry(op.action).or_default();
        stats.invoked += 1;
        match op.end {
            Some((_, Kind::Ok)) => stats.ok += 1,
            Some((_, Kind::Fail)) => {
                stats.fail += 1;
                stats.unsent += u64::from(op.unsent);
            }
            Some((_, Kind::Info | Kind::Invoke)) | None => stats.info += 1,
        }
        if let (Some((end, Kind::Ok | Kind::Fail)), false) = (op.end, op.unsent) {
            latencies.push(end.saturating_sub(op.from_ns) / 1_000);
        }
    }

    fn window(self, facts: &Facts, window: String, fault: Option<u32>, (from_ns, to_ns): (u64, u64)) -> WindowStats {
        let finish = |(f, (stats, latencies)): (u32, (OpStats, Vec<u64>))| {
            (facts.actions[f as usize].clone(), finish(stats, latencies))
        };
        WindowStats {
            window,
            fault,
            from_ns,
            to_ns,
            ops: self.ops.into_iter().map(finish).collect(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no more than 53 bits")]
fn finish(mut stats: OpStats, mut latencies: Vec<u64>) -> OpStats {
    latencies.sort_unstable();
    stats.availability =
        (stats.invoked > 0).then(|| (stats.ok + stats.fail - stats.unsent) as f64 / stats.invoked as f64);
    stats.latency_p50_us = percentile(&latencies, 0.5);
    stats.latency_p90_us = percentile(&latencies, 0.9);
    stats.latency_p99_us = percentile(&latencies, 0.99);
    stats.latency_max_us = latencies.last().copied();
    stats
}
