//! One part of a history: is there an order, and if not, where does it break?

use super::budget::{Budget, Meter};
use super::explain;
use super::machine::Machine;
use super::model::Model;
use super::operation::Operation;
use super::plan::{Item, OPEN, Plan};
use super::replay;
use super::search::{Found, Search, Stuck};

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
    /// order, in which operations still open then have the results that they were to return (but see `relaxed`).
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
    /// There is no order even if info operations that change nothing the second time (writes, compare-and-sets) could
    /// happen as often as they like. Then an order up to the culprit's return is not known: `culprit` and `states` are of
    /// one that uses some of them repeatedly.
    pub relaxed: bool,
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
    match replay::order(model, ops, budget) {
        Some(order) => Outcome::Linearizable(order),
        None => search_in(model, ops, budget, detail),
    }
}

/// Looks for an order of all operations by the search alone.
pub fn search<M: Model>(model: &M, ops: &[&Operation<M::Input, M::Output>], budget: Budget<'_>) -> Outcome {
    search_in(model, ops, budget, Detail::Full)
}

pub(crate) fn search_in<M: Model>(
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
    let root = machine.init();
    match attempts(&mut plan, &mut machine, root, budget, PATIENCE_STEPS) {
        (Found::Order(order), _) => Outcome::Linearizable(order.into_iter().map(|op| op as usize).collect()),
        (Found::GaveUp(why), _) => Outcome::Unknown(why),
        (Found::Nothing(stuck), relaxed) => Outcome::Impossible(explain::impossible(
            &mut machine,
            &plan,
            &items,
            &stuck,
            relaxed,
            detail,
        )),
    }
}

/// Steps after which a search asks first whether there is an order at all if info operations are used up only where they
/// add up.
const PATIENCE_STEPS: u64 = 300_000;

/// Searches: a while, then relaxed, then to the end of the budget. True if the relaxed one found that there is
/// nothing.
fn attempts<M: Model>(
    plan: &mut Plan,
    machine: &mut Machine<'_, M>,
    root: u32,
    budget: Budget<'_>,
    patience: u64,
) -> (Found, bool) {
    let within = |steps_max| Meter::new(Budget { steps_max, ..budget });
    let mut meter = within(budget.steps_max.min(patience));
    let found = Search::new(plan, machine, &mut meter).run(&[root]);
    let patience_lost = matches!(found, Found::GaveUp(_)) && meter.is_spent() && budget.steps_max > patience;
    if !patience_lost {
        return (found, false);
    }
    if !plan.infos.is_empty() {
        plan.reset();
        let relaxed = Search::new(plan, machine, &mut within(budget.steps_max))
            .relaxed()
            .run(&[root]);
        match relaxed {
            Found::Nothing(Stuck { repeated, .. }) => return (relaxed, repeated),
            Found::Order(_) => return (relaxed, false),
            Found::GaveUp(_) => {}
        }
    }
    plan.reset();
    (
        Search::new(plan, machine, &mut within(budget.steps_max)).run(&[root]),
        false,
    )
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::models::register::{Answer, Ask, Register};

    /// Registers with many info operations, from a seed (xorshift).
    fn history(mut seed: u64) -> Vec<Operation<Ask<u64>, Answer<u64>>> {
        let mut below = |n: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed >> 11) % n
        };
        let mut op = |call: u64| {
            let (input, output) = match below(3) {
                0 => (Ask::Read, Answer::Value(below(4))),
                1 => (Ask::Write(below(3)), Answer::Done),
                _ => (Ask::Cas(below(3), below(4)), Answer::Done),
            };
            match below(3) {
                0 => Operation::info(0, input, call),
                _ => Operation::ok(0, input, call, output, call + 1 + 2 * below(5)),
            }
        };
        (0..10).map(|n| op(2 * n)).collect()
    }

    #[test]
    fn losing_patience_changes_no_verdict() {
        let model = Register { initial: 0 };
        let (mut refuted, mut orders, mut impossible) = (0, 0, 0);
        for seed in 1..20_000 {
            let ops = history(seed);
            let ops: Vec<_> = ops.iter().collect();
            let mut machine = Machine::new(&model);
            let mut plan = Plan::new(items(&model, &mut machine, &ops).into_iter());
            let root = machine.init();
            let (found, relaxed) = attempts(&mut plan, &mut machine, root, Budget::default(), 1);
            refuted += u32::from(relaxed);
            match (search(&model, &ops, Budget::default()), found) {
                (Outcome::Linearizable(_), Found::Order(_)) => orders += 1,
                (Outcome::Impossible(_), Found::Nothing(_)) => impossible += 1,
                (other, found) => panic!("seed {seed}: {other:?}, but {found:?}"),
            }
        }
        assert!(
            refuted > 1000 && orders > 1000 && impossible > refuted,
            "{refuted} {orders} {impossible}"
        );
    }
}
