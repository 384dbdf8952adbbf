//! How far list-append and rw-register go for each model: the rows of the registry, and the same for the code.

use super::model::Model;
use crate::verdict::{Completeness, Decides};

/// How far the checker of this name goes for a model.
pub(super) fn completeness(checker: &str, model: Model) -> Completeness {
    let registers = checker == super::rw_register::NAME;
    let rows: &[(Completeness, &[Model])] = if registers { &REGISTERS } else { &LISTS };
    let row = rows.iter().find(|(_, models)| models.contains(&model));
    row.map_or(Completeness::NotDecided, |(completeness, _)| *completeness)
}

/// Models that are decided of lists and of registers.
const WEAK: [Model; 10] = [
    Model::ReadUncommitted,
    Model::StrongSessionReadUncommitted,
    Model::StrongReadUncommitted,
    Model::ReadCommitted,
    Model::StrongSessionReadCommitted,
    Model::StrongReadCommitted,
    Model::MonotonicAtomicView,
    Model::ReadAtomic,
    Model::StrongSessionReadAtomic,
    Model::CausalCerone,
];

/// What is decided of lists.
const LISTS: [(Completeness, &[Model]); 4] = [
    (Completeness::Decided, &WEAK),
    (
        Completeness::Decided,
        &[
            Model::Causal,
            Model::Prefix,
            Model::StrongSessionPrefix,
            Model::RepeatableRead,
            Model::Serializable,
            Model::StrongSessionSerializable,
            Model::StrictSerializable,
        ],
    ),
    (
        Completeness::Inferred,
        &[
            Model::UpdateAtomic,
            Model::ConsistentView,
            Model::ParallelSnapshotIsolation,
            Model::StrongSessionParallelSnapshotIsolation,
            Model::SnapshotIsolation,
            Model::StrongSessionSnapshotIsolation,
            Model::StrongSnapshotIsolation,
        ],
    ),
    (Completeness::NotDecided, &OTHERS),
];

/// What is decided of registers.
const REGISTERS: [(Completeness, &[Model]); 4] = [
    (Completeness::Decided, &WEAK),
    (Completeness::Decided, &[Model::Causal]),
    (
        Completeness::Inferred,
        &[
            Model::UpdateAtomic,
            Model::Prefix,
            Model::StrongSessionPrefix,
            Model::ConsistentView,
            Model::ParallelSnapshotIsolation,
            Model::StrongSessionParallelSnapshotIsolation,
            Model::SnapshotIsolation,
            Model::StrongSessionSnapshotIsolation,
            Model::StrongSnapshotIsolation,
            Model::RepeatableRead,
            Model::Serializable,
            Model::StrongSessionSerializable,
            Model::StrictSerializable,
        ],
    ),
    (Completeness::NotDecided, &OTHERS),
];

/// Models for which there is no procedure.
const OTHERS: [Model; 5] = [
    Model::MonotonicView,
    Model::MonotonicSnapshotRead,
    Model::CursorStability,
    Model::ForwardConsistentView,
    Model::UpdateSerializable,
];

/// The rows of the registry for list-append.
pub(crate) const LISTS_DECIDE: [Decides; 3] = [
    Decides {
        of: "read-uncommitted, read-committed and their session and real-time forms, monotonic-atomic-view, read-atomic, \
             causal, causal-cerone, prefix, strong-session-read-atomic, strong-session-prefix, repeatable-read, serializable, \
             strong-session-serializable, strict-serializable",
        completeness: Completeness::Decided,
        how: "the reads give the order of the appends, and a model is a test of the graph (unknown where only an append \
              below the last one of a list shows what a read missed, and for read-uncommitted where reads of one key \
              contradict each other)",
    },
    Decides {
        of: "update-atomic, consistent-view, parallel-snapshot-isolation, snapshot-isolation and their session and \
             real-time forms",
        completeness: Completeness::Inferred,
        how: "decided where no key has two appends that no read shows; where one has, valid if the order in which they \
              completed explains the history or a stronger model holds, and unknown otherwise",
    },
    Decides {
        of: "monotonic-view, monotonic-snapshot-read, cursor-stability, forward-consistent-view, update-serializable",
        completeness: Completeness::NotDecided,
        how: "valid where a stronger model holds, invalid where a weaker one does not or an anomaly rules it out, and \
              unknown otherwise",
    },
];

/// The rows of the registry for rw-register.
pub(crate) const REGISTERS_DECIDE: [Decides; 3] = [
    Decides {
        of: "read-uncommitted, read-committed and their session and real-time forms, monotonic-atomic-view, read-atomic, \
             strong-session-read-atomic, causal, causal-cerone",
        completeness: Completeness::Decided,
        how: "what a read saw must be arbitrated before what it read: the model holds if that has no cycle",
    },
    Decides {
        of: "update-atomic, prefix, consistent-view, repeatable-read, parallel-snapshot-isolation, snapshot-isolation, \
             serializable, strict-serializable and their session and real-time forms",
        completeness: Completeness::Inferred,
        how: "the order of the versions is inferred in part (to decide it is NP-complete): invalid where that has a \
              cycle, valid where an order of the transactions is found that explains every read, unknown otherwise (of up \
              to 64 transactions every order is tried for snapshot isolation and serializability, within a budget)",
    },
    Decides {
        of: "monotonic-view, monotonic-snapshot-read, cursor-stability, forward-consistent-view, update-serializable",
        completeness: Completeness::NotDecided,
        how: "valid where a stronger model holds, invalid where a weaker one does not or an anomaly rules it out, and \
              unknown otherwise",
    },
];
