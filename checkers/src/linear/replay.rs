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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::models::register::{Answer, Ask, Register};

    type Op = Operation<Ask<u32>, Answer<u32>>;

    fn write(value: u32, call: u64, ret: u64) -> Op {
        Operation::ok(0, Ask::Write(value), call, Answer::Done, ret)
    }

    fn read(value: u32, call: u64, ret: u64) -> Op {
        Operation::ok(0, Ask::Read, call, Answer::Value(value), ret)
    }

    fn suggested(ops: &[Op]) -> Option<Vec<usize>> {
        order(
            &Register { initial: 0 },
            &ops.iter().collect::<Vec<_>>(),
            Budget::default(),
        )
    }

    #[test]
    fn each_operation_takes_place_when_it_returns() {
        assert_eq!(
            suggested(&[write(1, 0, 1), read(1, 2, 3), write(2, 4, 4)]),
            Some(vec![0, 1, 2])
        );
        // After the reads that fit before it, and after one other that has to come first.
        assert_eq!(suggested(&[read(0, 0, 3), write(1, 1, 2)]), Some(vec![0, 1]));
        assert_eq!(suggested(&[write(1, 0, 5), read(1, 1, 2)]), Some(vec![0, 1]));
        assert_eq!(
            suggested(&[Operation::info(0, Ask::Write(1), 0), read(1, 1, 2)]),
            Some(vec![0, 1])
        );
        // Where two others have to come first, none suggests itself.
        let cas = |from, to, call, ret| Operation::ok(0, Ask::Cas(from, to), call, Answer::Done, ret);
        assert_eq!(suggested(&[cas(0, 1, 0, 7), cas(1, 2, 1, 8), read(2, 2, 3)]), None);
    }

    #[test]
    fn what_many_left_open_is_left_to_the_search() {
        for (open, found) in [(64, true), (65, false)] {
            let ops: Vec<Op> = (0..open).map(|n| write(1, n, n + open)).collect();
            assert_eq!(suggested(&ops).is_some(), found, "{open}");
        }
    }

    /// A register whose state is said to be so large.
    struct Heavy(usize);

    impl Model for Heavy {
        type State = u32;
        type Input = u32;
        type Output = ();
        type Key = ();

        fn name(&self) -> &'static str {
            "heavy"
        }

        fn init(&self) -> u32 {
            0
        }

        fn step(&self, _state: &u32, input: &u32, _output: Option<&()>) -> Option<u32> {
            Some(*input)
        }

        fn heap_bytes(&self, _state: &u32) -> usize {
            self.0
        }

        fn describe(&self, input: &u32, _output: Option<&()>) -> String {
            input.to_string()
        }

        fn describe_state(&self, state: &u32) -> String {
            state.to_string()
        }
    }

    #[test]
    fn a_step_that_copies_much_counts_for_many() {
        let ops: Vec<_> = (0..1000).map(|n| Operation::ok(0, 1, 2 * n, (), 2 * n + 1)).collect();
        let ops: Vec<_> = ops.iter().collect();
        let budget = Budget {
            steps_max: 0,
            ..Budget::default()
        };
        for (pages, found) in [(254, true), (257, false)] {
            assert_eq!(order(&Heavy(pages * 4096), &ops, budget).is_some(), found, "{pages}");
        }
    }
}
