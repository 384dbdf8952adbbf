//! The order that suggests itself, tried before any search: each operation when it returns.
//!
//! One pass, no memory of states. A read that fits while it is open takes place then; an operation that cannot take
//! place at its return may be preceded by one other that is open. What comes out is an order, or nothing: most
//! parts of a history in which few operations overlap need no more than this.

use std::cell::Cell;

use super::budget::{Budget, Meter};
use super::model::Model;
use super::operation::Operation;

/// With more operations open than this at once, it is left to the search to order them.
const OPEN_MAX: usize = 64;

/// Steps that it may take in any case, per operation: as many as a small state ever needs, at most.
const STEPS_PER_OP: u64 = 4 * OPEN_MAX as u64;

/// A step that copies so many bytes takes as long as two.
const BYTES_PER_STEP: u64 = 4096;

/// An order of all operations that returned (and some that did not), if one suggests itself before the budget is
/// spent.
pub(crate) fn order<M: Model>(
    model: &M,
    ops: &[&Operation<M::Input, M::Output>],
    budget: Budget<'_>,
) -> Option<Vec<usize>> {
    let mut meter = Meter::new(Budget {
        steps_max: budget.steps_max.max(STEPS_PER_OP * ops.len() as u64),
        ..budget
    });
    let mut replay = Replay {
        model,
        ops,
        tried: Cell::new(0),
        state: model.init(),
        open: Vec::new(),
        order: Vec::with_capacity(ops.len()),
    };
    let mut events: Vec<(u64, bool, usize)> = Vec::with_capacity(ops.len() * 2);
    for (at, op) in ops.iter().enumerate() {
        if op.ret.is_some_and(|ret| ret < op.call) {
            return None;
        }
        events.push((op.call, false, at));
        events.extend(op.ret.map(|ret| (ret, true, at)));
    }
    events.sort_unstable();
    for (_, returns, at) in events {
        meter.spend(replay.cost());
        // One state is remembered, and no more.
        if meter.exhausted(0, || 0).is_some() {
            return None;
        }
        if returns {
            replay.returned(at)?;
        } else if ops[at].ret.is_some() || !model.is_read(&ops[at].input, ops[at].output.as_ref()) {
            replay.open.push(at);
        }
        if replay.open.len() > OPEN_MAX {
            return None;
        }
    }
    Some(replay.order)
}

struct Replay<'a, M: Model> {
    model: &'a M,
    ops: &'a [&'a Operation<M::Input, M::Output>],
    /// Steps of the model since the meter was told.
    tried: Cell<u64>,
    state: M::State,
    /// Called and without a place, in order of call.
    open: Vec<usize>,
    order: Vec<usize>,
}

impl<M: Model> Replay<'_, M> {
    /// What was tried since it was last asked, in steps; one that copies a large state counts for many.
    fn cost(&self) -> u64 {
        let state_bytes = self.model.heap_bytes(&self.state) as u64;
        self.tried.take() * (1 + state_bytes / BYTES_PER_STEP)
    }

    fn returned(&mut self, at: usize) -> Option<()> {
        let Some(place) = self.open.iter().position(|open| *open == at) else {
            return Some(());
        };
        if let Some(next) = self.step(&self.state, at) {
            self.place(place, next);
            return Some(());
        }
        let (first, between, next) = (0..self.open.len()).find_map(|first| {
            let between = self.step(&self.state, self.open[first])?;
            let next = self.step(&between, at)?;
            (first != place).then_some((first, between, next))
        })?;
        self.place(first, between);
        // A read may have found its place just before.
        if let Some(place) = self.open.iter().position(|open| *open == at) {
            self.place(place, next);
        }
        Some(())
    }

    fn step(&self, state: &M::State, at: usize) -> Option<M::State> {
        self.tried.set(self.tried.get() + 1);
        let op = self.ops[at];
        self.model.step(state, &op.input, op.output.as_ref())
    }

    /// Gives the operation at `place` of the open ones its place, after the reads that fit before it.
    fn place(&mut self, place: usize, next: M::State) {
        let at = self.open.remove(place);
        if !self.is_read(at) {
            let mut open = std::mem::take(&mut self.open);
            open.retain(|other| {
                let fits = self.is_read(*other) && self.step(&self.state, *other).is_some();
                if fits {
                    self.order.push(*other);
                }
                !fits
            });
            self.open = open;
        }
        self.order.push(at);
        self.state = next;
    }

    fn is_read(&self, at: usize) -> bool {
        let op = self.ops[at];
        self.model.is_read(&op.input, op.output.as_ref())
    }
}
