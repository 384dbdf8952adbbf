//! Where a history that has no order breaks: the smallest stretch that has none on its own.

use super::budget::{Budget, Meter};
use super::machine::Machine;
use super::model::Model;
use super::plan::{Item, OPEN, Plan};
use super::search::{Found, Search, Stuck};
use super::solve::{Detail, Impossible};

/// Steps that one attempt to narrow the stretch may take.
const STEPS_MAX: u64 = 200_000;

/// With more states than this, a stretch begins where the history does.
const ROOTS_MAX: u32 = 256;

/// Explains a search that got `stuck`.
pub(crate) fn impossible<M: Model>(
    machine: &mut Machine<'_, M>,
    plan: &Plan,
    items: &[Item],
    stuck: &Stuck,
    relaxed: bool,
    detail: Detail,
) -> Impossible {
    let culprit = plan.items[stuck.rank as usize];
    let states = stuck.states.iter().map(|state| machine.describe(*state)).collect();
    let from = match detail {
        Detail::Full => window(machine, items, culprit.ret, relaxed),
        Detail::Brief => items.iter().map(|item| item.call).min().unwrap_or(0),
    };
    let members = items.iter().filter(|item| item.call <= culprit.ret && item.ret >= from);
    Impossible {
        culprit: culprit.op as usize,
        window: (from, culprit.ret),
        members: members.map(|item| item.op as usize).collect(),
        states,
        tried: stuck.visited,
        relaxed,
    }
}

/// The latest call from which there is no order up to the return at `to`, whatever the object held before.
fn window<M: Model>(machine: &mut Machine<'_, M>, items: &[Item], to: u64, relaxed: bool) -> u64 {
    let mut calls: Vec<u64> = items.iter().map(|item| item.call).filter(|call| *call <= to).collect();
    calls.sort_unstable();
    calls.dedup();
    let roots: Vec<u32> = (0..machine.states()).collect();
    if machine.states() > ROOTS_MAX {
        return calls[0];
    }
    // A stretch that contains one without an order has none either: halve.
    let range = |from| (from, to);
    let (mut none, mut unproven) = (0, calls.len());
    while unproven - none > 1 {
        let middle = usize::midpoint(none, unproven);
        if has_none(machine, items, range(calls[middle]), &roots, relaxed) {
            none = middle;
        } else {
            unproven = middle;
        }
    }
    calls[none]
}

/// True if the operations from `from` to `to` are known to have no order, whichever of `roots` comes before.
/// Operations that overlap either end may have taken place outside.
fn has_none<M: Model>(
    machine: &mut Machine<'_, M>,
    items: &[Item],
    (from, to): (u64, u64),
    roots: &[u32],
    relaxed: bool,
) -> bool {
    let inside = items.iter().filter(|item| item.ret >= from && item.call <= to);
    let mut plan = Plan::new(inside.map(|item| Item {
        ret: if item.call < from || item.ret > to {
            OPEN
        } else {
            item.ret
        },
        ..*item
    }));
    let mut meter = Meter::new(Budget {
        steps_max: STEPS_MAX,
        ..Budget::default()
    });
    let search = Search::new(&mut plan, machine, &mut meter);
    let search = if relaxed { search.relaxed() } else { search };
    matches!(search.run(roots), Found::Nothing(_))
}
