//! The definition, tried out: every order of every subset of the info operations. No memory, no reduction.

use paytwice_checkers::linear::{Model, Operation};

/// True if some order of all definite operations and some of the info operations respects the history and is one
/// that the object can explain.
pub(crate) fn linearizable<M: Model>(model: &M, ops: &[Operation<M::Input, M::Output>]) -> bool {
    assert!(ops.len() <= 16, "the reference is factorial");
    extend(model, ops, &model.init(), 0)
}

fn extend<M: Model>(model: &M, ops: &[Operation<M::Input, M::Output>], state: &M::State, placed: u32) -> bool {
    let open = |at: usize| placed & 1 << at == 0;
    let precedes = |a: usize, b: usize| ops[a].ret.is_some_and(|ret| ret < ops[b].call);
    if (0..ops.len()).all(|at| !open(at) || ops[at].ret.is_none()) {
        return true;
    }
    (0..ops.len())
        .filter(|at| open(*at) && (0..ops.len()).all(|other| !open(other) || !precedes(other, *at)))
        .any(|at| {
            let next = model.step(state, &ops[at].input, ops[at].output.as_ref());
            next.is_some_and(|next| extend(model, ops, &next, placed | 1 << at))
        })
}

/// True if `order` is such an order.
pub(crate) fn is_order<M: Model>(model: &M, ops: &[Operation<M::Input, M::Output>], order: &[usize]) -> bool {
    let mut state = model.init();
    for (nth, at) in order.iter().enumerate() {
        let late = order[nth + 1..]
            .iter()
            .any(|later| ops[*later].ret.is_some_and(|ret| ret < ops[*at].call));
        let Some(next) = model.step(&state, &ops[*at].input, ops[*at].output.as_ref()) else {
            return false;
        };
        if late || order[..nth].contains(at) {
            return false;
        }
        state = next;
    }
    (0..ops.len()).all(|at| ops[at].ret.is_none() || order.contains(&at))
}
