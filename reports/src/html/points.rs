//! Single operations for the latency plot, thinned where there are too many to draw.

use serde::Serialize;

use super::strings::Strings;
use super::subjects::outcome;
use crate::ops::Op;

/// Points that a page holds.
const POINTS_MAX: usize = 8_000;
/// Points of one slice of time when there are more.
const SLICE_POINTS: usize = 8;
/// Of those, how many are kept for operations that did not end ok.
const SLICE_NOT_OK: usize = 3;

/// The embedded operations.
#[derive(Debug, Serialize)]
pub(crate) struct Points {
    /// All operations of the run.
    pub(crate) total: usize,
    points: Vec<Point>,
}

/// Begin and latency in microseconds (null: never ended), action, outcome, row of the table of subjects.
#[derive(Debug, Serialize)]
struct Point(u64, Option<u64>, usize, u8, Option<usize>);

impl Points {
    /// How many operations are shown.
    pub(crate) fn len(&self) -> usize {
        self.points.len()
    }
}

/// All operations if there are few. Otherwise, of each slice of time: the slowest, some that did not end ok, and an even
/// choice of the others.
pub(crate) fn sample(
    ops: &[Op<'_>],
    end_ns: u64,
    row_of: impl Fn(&str) -> Option<usize>,
    strings: &mut Strings,
) -> Points {
    let chosen = if ops.len() <= POINTS_MAX {
        (0..ops.len()).collect()
    } else {
        thin(ops, end_ns)
    };
    let points = chosen.into_iter().map(|at| {
        let op = &ops[at];
        let row = op.subject().and_then(&row_of);
        let f = strings.intern(op.invoke.body.f());
        Point(op.invoke.time / 1000, op.latency_us(), f, outcome(op.outcome()), row)
    });
    Points {
        total: ops.len(),
        points: points.collect(),
    }
}

fn thin(ops: &[Op<'_>], end_ns: u64) -> Vec<usize> {
    let slices = POINTS_MAX / SLICE_POINTS;
    let width = end_ns / slices as u64 + 1;
    let mut by_slice: Vec<Vec<usize>> = vec![Vec::new(); slices];
    for (at, op) in ops.iter().enumerate() {
        let slice = usize::try_from(op.invoke.time / width)
            .unwrap_or(usize::MAX)
            .min(slices - 1);
        by_slice[slice].push(at);
    }
    by_slice.iter().flat_map(|slice| thin_slice(ops, slice)).collect()
}

fn thin_slice(ops: &[Op<'_>], slice: &[usize]) -> Vec<usize> {
    if slice.len() <= SLICE_POINTS {
        return slice.to_vec();
    }
    let slowest = slice.iter().copied().max_by_key(|&at| ops[at].latency_us());
    let not_ok = slice.iter().copied().filter(|&at| outcome(ops[at].outcome()) != 0);
    let mut chosen: Vec<usize> = not_ok.take(SLICE_NOT_OK).chain(slowest).collect();
    let rest = SLICE_POINTS - chosen.len();
    chosen.extend((0..rest).map(|n| slice[n * slice.len() / rest]));
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}
