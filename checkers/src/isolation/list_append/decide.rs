//! Which models are shown to hold, once the anomalies are known.

use super::super::cycles;
use super::super::graph::{Edges, Graph, GraphBuilder};
use super::super::kind::Order;
use super::super::model::Model;
use super::super::report::{Findings, Options};
use super::orders::Orders;
use super::{ListAppend, list_words, scan, visibility};

/// Models that hold unless an anomaly rules them out.
const COMPLETE: [Model; 7] = [
    Model::ReadCommitted,
    Model::StrongSessionReadCommitted,
    Model::StrongReadCommitted,
    Model::RepeatableRead,
    Model::Serializable,
    Model::StrongSessionSerializable,
    Model::StrictSerializable,
];

/// Models that hold unless an anomaly rules them out, if the order of all appends is known.
const OF_KNOWN_ORDERS: [Model; 3] = [
    Model::SnapshotIsolation,
    Model::StrongSessionSnapshotIsolation,
    Model::StrongSnapshotIsolation,
];

/// The same, if every cycle was looked at for how many anti-dependencies it has.
const OF_KNOWN_CYCLES: [Model; 3] = [
    Model::ConsistentView,
    Model::ParallelSnapshotIsolation,
    Model::StrongSessionParallelSnapshotIsolation,
];

/// Shows what holds; adds the anomalies that only weak models forbid. `told_apart`: whether cycles with one
/// anti-dependency were told from those with several.
pub(super) fn decide(
    history: &ListAppend,
    orders: &Orders,
    graph: &Graph,
    told_apart: bool,
    options: &Options,
    findings: &mut Findings,
) {
    // Where reads of a key contradict each other, some order of the writes may still explain each of them in part.
    if findings.ruled_out().contains(Model::ReadCommitted) {
        if !findings.has(|kind| kind == super::Kind::IncompatibleOrder) {
            show_uncommitted(findings);
        }
        return;
    }
    show_uncommitted(findings);
    COMPLETE.into_iter().for_each(|model| findings.show(model));
    let hidden = scan::hides_an_order(history, orders);
    if !hidden {
        show_snapshots(told_apart, findings);
    } else if [OF_KNOWN_ORDERS, OF_KNOWN_CYCLES]
        .concat()
        .iter()
        .any(|model| findings.wants(*model, options))
    {
        complete_order(history, orders, options, findings);
    }
    if !findings.shows(Model::Causal) || !findings.shows(Model::UpdateAtomic) {
        let edges = cycles::ordered(cycles::anti(cycles::DEPENDENCIES, Order::Process), Order::Process);
        let cyclic = cycles::cyclic(graph, edges);
        visibility::judge(history, orders, graph, &cyclic, hidden, options, findings);
    }
    for (order, model) in [
        (Order::Data, Model::Prefix),
        (Order::Process, Model::StrongSessionPrefix),
    ] {
        if !findings.shows(model) && !findings.ruled_out().contains(model) {
            let cycles = cycles::find_prefix(graph, order, options.witnesses_max, options.search_edges_max);
            findings.add_cycles(cycles, &history.txns, |step| list_words::why(history, orders, step));
            if prefix_of_whole_lists(history, orders, order) {
                findings.show(model);
            } else {
                findings.leave_open(&[model], visibility::BELOW_THE_LAST);
            }
        }
    }
}

/// Whether prefix consistency holds where lists show all of their appends.
fn prefix_of_whole_lists(history: &ListAppend, orders: &Orders, order: Order) -> bool {
    let mut edges = GraphBuilder::new(&history.txns, history.mops.len());
    scan::scan_whole(history, orders, true, &mut edges, &mut Findings::new(0));
    let graph = edges.build(&history.txns, |txn| orders.committed(txn));
    cycles::find_prefix(&graph, order, 0, 0).totals.is_empty()
}

fn show_uncommitted(findings: &mut Findings) {
    findings.show(Model::ReadUncommitted);
    findings.show(Model::StrongSessionReadUncommitted);
    findings.show(Model::StrongReadUncommitted);
}

fn show_snapshots(told_apart: bool, findings: &mut Findings) {
    OF_KNOWN_ORDERS.into_iter().for_each(|model| findings.show(model));
    if told_apart {
        OF_KNOWN_CYCLES.into_iter().for_each(|model| findings.show(model));
    }
}

/// Tries one order of the appends that no read shows: that in which they completed. What it allows holds.
fn complete_order(history: &ListAppend, orders: &Orders, options: &Options, findings: &mut Findings) {
    let mut edges = GraphBuilder::new(&history.txns, history.mops.len());
    let mut found = Findings::new(0);
    scan::scan(history, orders, &mut edges, &mut found);
    scan::each_hidden(history, orders, |txns| {
        txns.sort_by_key(|txn| (history.txns.ended(*txn).unwrap_or(u64::MAX), history.txns.invoke(*txn)));
        txns.windows(2).for_each(|pair| edges.link(pair[0], pair[1], Edges::WW));
    });
    let graph = edges.build(&history.txns, |txn| orders.committed(txn));
    let cycles = cycles::find(&graph, 0, options.search_edges_max);
    let told_apart = !cycles.undecided;
    found.add_cycles(cycles, &history.txns, |_| String::new());
    show_snapshots(told_apart, &mut found);
    for model in [OF_KNOWN_ORDERS, OF_KNOWN_CYCLES].concat() {
        if found.shows(model) {
            findings.show(model);
        } else {
            findings.leave_open(
                &[model],
                "several transactions appended to one key what no read shows: their order is not known, and the one in \
                 which they completed does not explain the history",
            );
        }
    }
}
