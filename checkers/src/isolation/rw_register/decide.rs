//! Which models are shown to hold, once the anomalies are known.

use super::super::cycles;
use super::super::graph::Graph;
use super::super::kind::{Kind, Order};
use super::super::model::Model;
use super::super::report::{Findings, Options, join};
use super::scan::Seen;
use super::{Assumptions, RwRegister, exhaust, explain, register_words, saturate, visibility};

/// A history, and what is known of it.
pub(super) struct Judged<'h> {
    pub(super) history: &'h RwRegister,
    pub(super) committed: &'h [bool],
    pub(super) seen: &'h Seen,
    pub(super) assumptions: &'h Assumptions,
    pub(super) options: &'h Options,
}

/// Models that hold unless an anomaly rules them out.
const COMPLETE: [Model; 6] = [
    Model::ReadUncommitted,
    Model::StrongSessionReadUncommitted,
    Model::StrongReadUncommitted,
    Model::ReadCommitted,
    Model::StrongSessionReadCommitted,
    Model::StrongReadCommitted,
];

/// Models that an order of the transactions shows: what it keeps, and whether snapshots are apart from commits.
const EXPLAINED: [(Model, Order, bool); 6] = [
    (Model::StrictSerializable, Order::Realtime, false),
    (Model::StrongSessionSerializable, Order::Process, false),
    (Model::Serializable, Order::Data, false),
    (Model::StrongSnapshotIsolation, Order::Realtime, true),
    (Model::StrongSessionSnapshotIsolation, Order::Process, true),
    (Model::SnapshotIsolation, Order::Data, true),
];

/// Whether an order of the transactions explains every read: the first that offers itself, one of those that what must be
/// leaves, or of a few transactions any. Reports that there is none where that is known.
fn explained(judged: &Judged<'_>, graph: &Graph, order: Order, snapshots: bool, findings: &mut Findings) -> bool {
    if explain::explains(judged, graph, order, snapshots) {
        return true;
    }
    let Some(saturated) = saturate::saturate(judged, order, snapshots, findings) else {
        return false;
    };
    if explain::explains(judged, &saturated, order, snapshots) {
        return true;
    }
    match exhaust::some_order_explains(judged, order, snapshots) {
        Some(true) => !judged.assumptions.sequential_keys && !judged.assumptions.linearizable_keys,
        Some(false) => {
            findings.add(Kind::NoOrder(order, snapshots), || {
                register_words::no_order(judged.history, judged.committed, order, snapshots)
            });
            false
        }
        None => false,
    }
}

/// Shows what holds; adds the anomalies that only weak models forbid.
pub(super) fn decide(judged: &Judged<'_>, graph: &Graph, findings: &mut Findings) {
    COMPLETE.into_iter().for_each(|model| findings.show(model));
    if findings.ruled_out().contains(Model::ReadCommitted) {
        return;
    }
    // Beside a doubt nothing is shown; what can be ruled out still is.
    if !findings.doubted() && !findings.has(|kind| kind == Kind::Internal) {
        let mut found = Vec::new();
        for (model, order, snapshots) in EXPLAINED {
            if findings.asks(model, judged.options) && explained(judged, graph, order, snapshots, findings) {
                findings.show(model);
                found.push(model.name());
            }
        }
        if !found.is_empty() {
            findings.remark(format!(
                "{}: an order of the transactions was found that explains every read",
                join(found.into_iter())
            ));
        }
    }
    visibility::judge(judged, findings);
    for (order, model) in [
        (Order::Data, Model::Prefix),
        (Order::Process, Model::StrongSessionPrefix),
    ] {
        if findings.wants(model, judged.options) && !findings.ruled_out().contains(model) {
            let options = judged.options;
            let cycles = cycles::find_prefix(graph, order, options.witnesses_max, options.search_edges_max);
            findings.add_cycles(cycles, &judged.history.txns, |step| {
                register_words::why(judged.history, step)
            });
        }
    }
}
