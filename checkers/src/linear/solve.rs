//! One part of a history: is there an order, and if not, where does it break?

use super::budget::{Budget, Meter};
use super::explain;
use super::machine::Machine;
use super::model::Model;
use super::operation::Operation;
use super::plan::{Item, OPEN, Plan};
use super::replay;
use super::search::{Found, Search};

/// What is known about the order of some operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// They have an order that the object can explain: positions in the slice, info operations that are part of it
    /// included.
    Linearizable(Vec<usize>),
    /// They have none.
    Impossible(Impossible),
    /// It was not decided, and why.
    Unknown(String),
}

/// Why there is no order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Impossible {
    /// Position in the slice of the operation whose return cannot be explained. Up to that return there is an
    /// order, in which operations still open then have the results that they were to return.
    pub culprit: usize,
    /// A stretch of positions, from a call to the culprit's return, in which there is no order whatever came
    /// before. The smallest one found.
    pub window: (u64, u64),
    /// Positions in the slice of the operations that overlap the window.
    pub members: Vec<usize>,
    /// What the object could have held just before the culprit's return, in words; the first few.
    pub states: Vec<String>,
    /// Configurations that were tried.
    pub tried: u64,
}

/// Looks for an order of all operations, as one part ([`Model::key`] is not asked): tries the one that suggests
/// itself, then [`search`]es.
pub fn solve<M: Model>(model: &M, ops: &[&Operation<M::Input, M::Output>], budget: Budget<'_>) -> Outcome {
    solve_in(model, ops, budget, Detail::Full)
}

/// How much to say of a part that has no order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// That it has none.
    Brief,
    /// Where it breaks.
    Full,
}

pub(crate) fn solve_in<M: Model>(
    model: &M,
    ops: &[&Operation<M::Input, M::Output>],
    budget: Budget<'_>,
    detail: Detail,
) -> Outcome {
    match replay::order(model, ops) {
        Some(order) => Outcome::Linearizable(order),
        None => search_in(model, ops, budget, detail),
    }
}

/// Looks for an order of all operations by the search alone.
pub fn search<M: Model>(model: &M, ops: &[&Operation<M::Input, M::Output>], budget: Budget<'_>) -> Outcome {
    search_in(model, ops, budget, Detail::Full)
}

fn search_in<M: Model>(
    model: &M,
    ops: &[&Operation<M::Input, M::Output>],
    budget: Budget<'_>,
    detail: Detail,
) -> Outcome {
    if let Some(op) = ops.iter().find(|op| op.ret.is_some_and(|ret| ret < op.call)) {
        return Outcome::Unknown(format!("operation {} returns before it is called", op.index));
    }
    let mut machine = Machine::new(model);
    let items = items(model, &mut machine, ops);
    let mut plan = Plan::new(items.iter().copied());
    let mut meter = Meter::new(budget);
    let root = machine.init();
    match Search::new(&mut plan, &mut machine, &mut meter).run(&[root]) {
        Found::Order(order) => Outcome::Linearizable(order.into_iter().map(|op| op as usize).collect()),
        Found::GaveUp(why) => Outcome::Unknown(why),
        Found::Nothing(stuck) => Outcome::Impossible(explain::impossible(&mut machine, &plan, &items, &stuck, detail)),
    }
}

/// The operations as the search wants them; info operations that nobody can have observed are left out.
fn items<'m, M: Model>(
    model: &M,
    machine: &mut Machine<'m, M>,
    ops: &[&'m Operation<M::Input, M::Output>],
) -> Vec<Item> {
    let seen = |op: &Operation<M::Input, M::Output>| op.ret.is_some() || !model.is_read(&op.input, op.output.as_ref());
    (0..)
        .zip(ops)
        .filter(|(_, op)| seen(op))
        .map(|(at, op)| Item {
            call: op.call,
            ret: op.ret.unwrap_or(OPEN),
            class: machine.class(&op.input, op.output.as_ref()),
            op: at,
        })
        .collect()
}
