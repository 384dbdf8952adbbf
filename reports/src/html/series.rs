//! Rates and latency percentiles over time, for all operations and for each action.

use std::collections::BTreeMap;

use paytwice_checkers::history::Kind;
use serde::Serialize;

use crate::ops::Op;

/// Most slices of a plot.
const SLICES_MAX: u64 = 240;
/// Fewest slices of a plot.
const SLICES_MIN: u64 = 30;
/// Operations that a slice should hold, so that its percentiles mean something.
const SLICE_OPS: u64 = 16;

/// Series over slices of equal width.
#[derive(Debug, Serialize)]
pub(crate) struct Series {
    /// Width of a slice in microseconds.
    pub(crate) width: u64,
    /// Per action, and for all of them together under the empty name.
    by_f: BTreeMap<String, Lines>,
}

impl Series {
    /// The actions.
    pub(crate) fn fs(&self) -> impl Iterator<Item = &str> {
        self.by_f.keys().map(String::as_str).filter(|f| !f.is_empty())
    }
}

/// One value per slice; operations count where they began.
#[derive(Debug, Default, Serialize)]
struct Lines {
    ok: Vec<u32>,
    fail: Vec<u32>,
    info: Vec<u32>,
    /// Latency of definite answers in microseconds, null where there was none.
    p50: Vec<Option<u64>>,
    p99: Vec<Option<u64>>,
}

/// Cuts the run into slices.
pub(crate) fn over_time(ops: &[Op<'_>], end_ns: u64) -> Series {
    let width = width_us(ops.len() as u64, end_ns / 1000);
    let slices = usize::try_from(end_ns / 1000 / width + 1).unwrap_or(1);
    let mut by_f: BTreeMap<String, Vec<&Op<'_>>> = BTreeMap::new();
    by_f.insert(String::new(), ops.iter().collect());
    for op in ops {
        by_f.entry(op.invoke.body.f().to_owned()).or_default().push(op);
    }
    Series {
        width,
        by_f: by_f
            .into_iter()
            .map(|(f, ops)| (f, lines(&ops, slices, width)))
            .collect(),
    }
}

/// A round width: 1, 2 or 5 times a power of ten.
fn width_us(ops: u64, end_us: u64) -> u64 {
    let slices = (ops / SLICE_OPS).clamp(SLICES_MIN, SLICES_MAX);
    let least = (end_us / slices).max(1);
    let mut power = 1;
    loop {
        if let Some(factor) = [1, 2, 5].into_iter().find(|factor| factor * power >= least) {
            return factor * power;
        }
        power *= 10;
    }
}

fn lines(ops: &[&Op<'_>], slices: usize, width: u64) -> Lines {
    let mut lines = Lines {
        ok: vec![0; slices],
        fail: vec![0; slices],
        info: vec![0; slices],
        p50: Vec::new(),
        p99: Vec::new(),
    };
    let mut latencies: Vec<Vec<u64>> = vec![Vec::new(); slices];
    for op in ops {
        let slice = usize::try_from(op.invoke.time / 1000 / width)
            .unwrap_or(usize::MAX)
            .min(slices - 1);
        match op.outcome() {
            Kind::Ok => lines.ok[slice] += 1,
            Kind::Fail => lines.fail[slice] += 1,
            Kind::Info | Kind::Invoke => {
                lines.info[slice] += 1;
                continue;
            }
        }
        latencies[slice].extend(op.latency_us());
    }
    for slice in &mut latencies {
        slice.sort_unstable();
        lines.p50.push(percentile(slice, 50));
        lines.p99.push(percentile(slice, 99));
    }
    lines
}

/// The smallest value that at least `p` percent of the values do not exceed.
fn percentile(sorted: &[u64], p: usize) -> Option<u64> {
    let rank = (sorted.len() * p).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_have_a_round_width_and_hold_enough() {
        assert_eq!(width_us(800, 36_000_000), 1_000_000);
        assert_eq!(width_us(1_000_000, 36_000_000), 200_000);
        assert_eq!(width_us(0, 0), 1);
    }

    #[test]
    fn percentiles_are_values_that_were_seen() {
        assert_eq!(percentile(&[], 50), None);
        assert_eq!(percentile(&[7], 99), Some(7));
        assert_eq!(percentile(&[1, 2, 3, 4], 50), Some(2));
        assert_eq!(percentile(&(1..=200).collect::<Vec<_>>(), 99), Some(198));
    }
}
