//! The anomalies: their names in the field, which implies which, and the weakest models that each rules out.
//!
//! Cycles are Adya's phenomena over items (there are no predicates here, so a cycle with anti-dependencies is
//! always G2-item at least): G0 of write dependencies alone, G1c with read dependencies too, G-single with exactly
//! one anti-dependency, G-nonadjacent with several of which no two meet, G2-item otherwise. A `-process` or
//! `-realtime` cycle needs the order of a session or of real time besides. The others are seen without a graph.
//!
//! `internal` rules out read-atomic and repeatable-read upward, not read-committed: two reads of one key in one
//! transaction may differ there. A fractured read, a missed cause and a conflict that was not seen are what the axioms
//! of Cerone, Bernardi and Gotsman (2015) forbid in read atomic, causal and update atomic; a transaction that vanishes is
//! what monotonic atomic view forbids (Bailis et al., 2013). Parallel snapshot isolation forbids G1c and G-single by the characterization of
//! Cerone and Gotsman ("Analysing Snapshot Isolation", 2016), snapshot isolation every cycle without two
//! anti-dependencies in a row by the same paper.

use std::fmt;

use super::model::Model;

/// What the edges of a cycle are, at the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Write dependencies alone.
    G0,
    /// Write and read dependencies.
    G1c,
    /// Exactly one anti-dependency.
    GSingle,
    /// Two or more anti-dependencies, no two of them in a row.
    GNonadjacent,
    /// Anti-dependencies in a row.
    G2Item,
}

/// Which orders besides the data a cycle needs, and which a history tells: all, by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Order {
    /// None: the data alone contradict themselves.
    Data,
    /// The order of the transactions of one process.
    Process,
    /// The order of real time: one transaction completed before the other was invoked.
    #[default]
    Realtime,
}

/// An anomaly's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A read returned a value that no transaction wrote.
    GarbageRead,
    /// A read returned one element more than once.
    DuplicateElements,
    /// The versions of a key precede each other in a circle, by the order of the reads and writes of each session, or
    /// of real time, where that is not the data's own.
    CyclicVersions(Order),
    /// Reads of a key that no single order of its writes explains.
    IncompatibleOrder,
    /// Aborted read: a read returned what a failed transaction wrote.
    G1a,
    /// Intermediate read: a read returned a version that its own transaction overwrote.
    G1b,
    /// A committed write rests on the write of a failed transaction.
    DirtyUpdate,
    /// A transaction read what it wrote only later.
    FutureRead,
    /// A transaction contradicts its own earlier reads and writes.
    Internal,
    /// Several transactions read one version of a key, and each of them overwrote it.
    LostUpdate,
    /// Observed transaction vanishes: a transaction saw what another wrote, and then no longer saw all that it wrote.
    VanishedTransaction,
    /// A transaction saw some of what another wrote, or of what its own session wrote before, and not all of it.
    FracturedRead(Order),
    /// A transaction overwrote what another wrote, and did not see all that it wrote.
    UnseenConflict,
    /// A transaction saw an effect and not its cause.
    CausalityViolation(Order),
    /// Transactions that saw what was written in orders of which none extends the other.
    PrefixViolation(Order),
    /// No order of the transactions explains every read: no serial one, or none of snapshots and commits.
    NoOrder(Order, bool),
    /// A cycle of dependencies.
    Cycle(Class, Order),
}

impl Kind {
    /// Its name in the field.
    #[must_use]
    pub fn name(self) -> &'static str {
        use Class::{G0, G1c, G2Item, GNonadjacent, GSingle};
        use Order::{Data, Process, Realtime};
        match self {
            Kind::GarbageRead => "garbage-read",
            Kind::DuplicateElements => "duplicate-elements",
            Kind::CyclicVersions(Data) => "cyclic-versions",
            Kind::CyclicVersions(Process) => "cyclic-versions-process",
            Kind::CyclicVersions(Realtime) => "cyclic-versions-realtime",
            Kind::IncompatibleOrder => "incompatible-order",
            Kind::G1a => "G1a",
            Kind::G1b => "G1b",
            Kind::DirtyUpdate => "dirty-update",
            Kind::FutureRead => "future-read",
            Kind::Internal => "internal",
            Kind::LostUpdate => "lost-update",
            Kind::VanishedTransaction => "observed-transaction-vanishes",
            Kind::FracturedRead(Data) => "fractured-read",
            Kind::FracturedRead(Process | Realtime) => "fractured-read-process",
            Kind::UnseenConflict => "unseen-conflict",
            Kind::CausalityViolation(Data) => "causality-violation",
            Kind::CausalityViolation(Process | Realtime) => "causality-violation-process",
            Kind::PrefixViolation(Data) => "prefix-violation",
            Kind::PrefixViolation(Process | Realtime) => "prefix-violation-process",
            Kind::NoOrder(Data, false) => "no-serial-order",
            Kind::NoOrder(Process, false) => "no-serial-order-process",
            Kind::NoOrder(Realtime, false) => "no-serial-order-realtime",
            Kind::NoOrder(Data, true) => "no-snapshot-order",
            Kind::NoOrder(Process, true) => "no-snapshot-order-process",
            Kind::NoOrder(Realtime, true) => "no-snapshot-order-realtime",
            Kind::Cycle(G0, Data) => "G0",
            Kind::Cycle(G0, Process) => "G0-process",
            Kind::Cycle(G0, Realtime) => "G0-realtime",
            Kind::Cycle(G1c, Data) => "G1c",
            Kind::Cycle(G1c, Process) => "G1c-process",
            Kind::Cycle(G1c, Realtime) => "G1c-realtime",
            Kind::Cycle(GSingle, Data) => "G-single",
            Kind::Cycle(GSingle, Process) => "G-single-process",
            Kind::Cycle(GSingle, Realtime) => "G-single-realtime",
            Kind::Cycle(GNonadjacent, Data) => "G-nonadjacent",
            Kind::Cycle(GNonadjacent, Process) => "G-nonadjacent-process",
            Kind::Cycle(GNonadjacent, Realtime) => "G-nonadjacent-realtime",
            Kind::Cycle(G2Item, Data) => "G2-item",
            Kind::Cycle(G2Item, Process) => "G2-item-process",
            Kind::Cycle(G2Item, Realtime) => "G2-item-realtime",
        }
    }

    /// The weakest models that cannot hold where it was seen.
    #[must_use]
    pub fn rules_out(self) -> &'static [Model] {
        use Class::{G0, G1c, G2Item, GNonadjacent, GSingle};
        use Order::{Data, Process, Realtime};
        match self {
            Kind::GarbageRead | Kind::DuplicateElements | Kind::CyclicVersions(Data) | Kind::Cycle(G0, Data) => {
                &[Model::ReadUncommitted]
            }
            Kind::CyclicVersions(Process) => &[Model::Causal],
            Kind::CyclicVersions(Realtime) => &[Model::StrongSnapshotIsolation],
            Kind::IncompatibleOrder
            | Kind::G1a
            | Kind::G1b
            | Kind::DirtyUpdate
            | Kind::FutureRead
            | Kind::Cycle(G1c, Data) => &[Model::ReadCommitted],
            Kind::Internal => &[Model::ReadAtomic, Model::RepeatableRead],
            Kind::LostUpdate => &[Model::CursorStability, Model::UpdateAtomic],
            Kind::VanishedTransaction => &[Model::MonotonicAtomicView],
            Kind::FracturedRead(Data) => &[Model::ReadAtomic],
            Kind::FracturedRead(Process | Realtime) => &[Model::StrongSessionReadAtomic],
            Kind::UnseenConflict => &[Model::UpdateAtomic],
            Kind::CausalityViolation(Data) => &[Model::CausalCerone],
            Kind::CausalityViolation(Process | Realtime) => &[Model::Causal],
            Kind::PrefixViolation(Data) => &[Model::Prefix],
            Kind::PrefixViolation(Process | Realtime) => &[Model::StrongSessionPrefix],
            Kind::NoOrder(Data, false) => &[Model::Serializable, Model::RepeatableRead],
            Kind::NoOrder(Process, false) => &[Model::StrongSessionSerializable],
            Kind::NoOrder(Realtime, false) => &[Model::StrictSerializable],
            Kind::NoOrder(Data, true) => &[Model::SnapshotIsolation],
            Kind::NoOrder(Process, true) => &[Model::StrongSessionSnapshotIsolation],
            Kind::NoOrder(Realtime, true) => &[Model::StrongSnapshotIsolation],
            Kind::Cycle(GSingle, Data) => &[
                Model::ConsistentView,
                Model::ParallelSnapshotIsolation,
                Model::RepeatableRead,
            ],
            Kind::Cycle(GNonadjacent, Data) => &[Model::SnapshotIsolation, Model::RepeatableRead],
            Kind::Cycle(G2Item, Data) => &[Model::RepeatableRead],
            Kind::Cycle(G0, Process) => &[Model::StrongSessionReadUncommitted],
            Kind::Cycle(G1c, Process) => &[Model::StrongSessionReadCommitted],
            Kind::Cycle(GSingle, Process) => &[Model::StrongSessionParallelSnapshotIsolation],
            Kind::Cycle(GNonadjacent, Process) => &[Model::StrongSessionSnapshotIsolation],
            Kind::Cycle(G2Item, Process) => &[Model::StrongSessionSerializable],
            Kind::Cycle(G0, Realtime) => &[Model::StrongReadUncommitted],
            Kind::Cycle(G1c, Realtime) => &[Model::StrongReadCommitted],
            Kind::Cycle(GSingle | GNonadjacent, Realtime) => &[Model::StrongSnapshotIsolation],
            Kind::Cycle(G2Item, Realtime) => &[Model::StrictSerializable],
        }
    }
}

impl Class {
    /// Whether a cycle of this class is one of `other` as well: then the other tells nothing new.
    pub(super) fn implies(self, other: Class) -> bool {
        match self {
            Class::G0 => matches!(other, Class::G0 | Class::G1c),
            Class::G1c => other == Class::G1c,
            Class::GSingle | Class::GNonadjacent | Class::G2Item => other >= self,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
