//! Consistency models of transactions: their names, which implies which, and what remains once some are ruled out.
//!
//! The hierarchy follows Adya ("Weak Consistency", 1999), Bailis et al. ("Highly Available Transactions", 2013),
//! Cerone, Bernardi and Gotsman ("A Framework for Transactional Consistency Models with Atomic Visibility", 2015)
//! and Daudjee and Salem ("Lazy Database Replication with Snapshot Isolation", 2006), under the names that Jepsen
//! gives them. Snapshot isolation is the generalised one: a snapshot may be old; `strong-` forbids that.
//!
//! Only `strong-session-` and `strong-` models have the order of a session in them, and `causal`, as everywhere in the
//! field: what a session did before is a cause. Without sessions it is `causal-cerone`, as in the framework of 2015.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A consistency model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[expect(missing_docs, reason = "each is named as in the literature; `Model::name` spells it")]
pub enum Model {
    ReadUncommitted,
    ReadCommitted,
    MonotonicAtomicView,
    MonotonicView,
    MonotonicSnapshotRead,
    CursorStability,
    ReadAtomic,
    UpdateAtomic,
    CausalCerone,
    Prefix,
    ConsistentView,
    ForwardConsistentView,
    ParallelSnapshotIsolation,
    SnapshotIsolation,
    RepeatableRead,
    UpdateSerializable,
    Serializable,
    StrongSessionReadUncommitted,
    StrongSessionReadCommitted,
    StrongSessionReadAtomic,
    Causal,
    StrongSessionPrefix,
    StrongSessionParallelSnapshotIsolation,
    StrongSessionSnapshotIsolation,
    StrongSessionSerializable,
    StrongReadUncommitted,
    StrongReadCommitted,
    StrongSnapshotIsolation,
    StrictSerializable,
}

use Model as M;

/// Every model, weaker ones first: a model implies only models that stand before it, or in its own session or
/// real-time family.
const ALL: [Model; 29] = [
    M::ReadUncommitted,
    M::ReadCommitted,
    M::MonotonicAtomicView,
    M::MonotonicView,
    M::MonotonicSnapshotRead,
    M::CursorStability,
    M::ReadAtomic,
    M::UpdateAtomic,
    M::CausalCerone,
    M::Prefix,
    M::ConsistentView,
    M::ForwardConsistentView,
    M::ParallelSnapshotIsolation,
    M::SnapshotIsolation,
    M::RepeatableRead,
    M::UpdateSerializable,
    M::Serializable,
    M::StrongSessionReadUncommitted,
    M::StrongSessionReadCommitted,
    M::StrongSessionReadAtomic,
    M::Causal,
    M::StrongSessionPrefix,
    M::StrongSessionParallelSnapshotIsolation,
    M::StrongSessionSnapshotIsolation,
    M::StrongSessionSerializable,
    M::StrongReadUncommitted,
    M::StrongReadCommitted,
    M::StrongSnapshotIsolation,
    M::StrictSerializable,
];

/// Other names in use: Adya's levels and synonyms.
const ALIASES: [(&str, Model); 18] = [
    ("PL-1", M::ReadUncommitted),
    ("PL-2", M::ReadCommitted),
    ("PL-CS", M::CursorStability),
    ("PL-2L", M::MonotonicView),
    ("PL-MSR", M::MonotonicSnapshotRead),
    ("PL-2+", M::ConsistentView),
    ("PL-FCV", M::ForwardConsistentView),
    ("PL-SI", M::SnapshotIsolation),
    ("PL-2.99", M::RepeatableRead),
    ("PL-3U", M::UpdateSerializable),
    ("PL-3", M::Serializable),
    ("conflict-serializable", M::Serializable),
    ("PL-SS", M::StrictSerializable),
    ("strong-serializable", M::StrictSerializable),
    ("strong-session-causal", M::Causal),
    ("strong-session-PL-1", M::StrongSessionReadUncommitted),
    ("strong-session-PL-2", M::StrongSessionReadCommitted),
    ("strong-PL-2", M::StrongReadCommitted),
];

impl Model {
    /// Every model.
    pub fn all() -> impl Iterator<Item = Model> {
        ALL.into_iter()
    }

    /// Its name, as in `--model`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            M::ReadUncommitted => "read-uncommitted",
            M::ReadCommitted => "read-committed",
            M::MonotonicAtomicView => "monotonic-atomic-view",
            M::MonotonicView => "monotonic-view",
            M::MonotonicSnapshotRead => "monotonic-snapshot-read",
            M::CursorStability => "cursor-stability",
            M::ReadAtomic => "read-atomic",
            M::UpdateAtomic => "update-atomic",
            M::CausalCerone => "causal-cerone",
            M::Prefix => "prefix",
            M::ConsistentView => "consistent-view",
            M::ForwardConsistentView => "forward-consistent-view",
            M::ParallelSnapshotIsolation => "parallel-snapshot-isolation",
            M::SnapshotIsolation => "snapshot-isolation",
            M::RepeatableRead => "repeatable-read",
            M::UpdateSerializable => "update-serializable",
            M::Serializable => "serializable",
            M::StrongSessionReadUncommitted => "strong-session-read-uncommitted",
            M::StrongSessionReadCommitted => "strong-session-read-committed",
            M::StrongSessionReadAtomic => "strong-session-read-atomic",
            M::Causal => "causal",
            M::StrongSessionPrefix => "strong-session-prefix",
            M::StrongSessionParallelSnapshotIsolation => "strong-session-parallel-snapshot-isolation",
            M::StrongSessionSnapshotIsolation => "strong-session-snapshot-isolation",
            M::StrongSessionSerializable => "strong-session-serializable",
            M::StrongReadUncommitted => "strong-read-uncommitted",
            M::StrongReadCommitted => "strong-read-committed",
            M::StrongSnapshotIsolation => "strong-snapshot-isolation",
            M::StrictSerializable => "strict-serializable",
        }
    }

    /// The next weaker models: whatever satisfies `self` satisfies these.
    #[must_use]
    pub fn implies(self) -> &'static [Model] {
        match self {
            M::ReadUncommitted => &[],
            M::ReadCommitted | M::StrongSessionReadUncommitted => &[M::ReadUncommitted],
            M::MonotonicAtomicView | M::MonotonicView | M::MonotonicSnapshotRead | M::CursorStability => {
                &[M::ReadCommitted]
            }
            M::ReadAtomic => &[M::MonotonicAtomicView],
            M::UpdateAtomic | M::CausalCerone => &[M::ReadAtomic],
            M::Prefix => &[M::CausalCerone],
            M::ConsistentView => &[M::CursorStability, M::MonotonicView],
            M::ForwardConsistentView => &[M::ConsistentView],
            M::ParallelSnapshotIsolation => &[M::CausalCerone, M::UpdateAtomic],
            M::SnapshotIsolation => &[
                M::ForwardConsistentView,
                M::MonotonicSnapshotRead,
                M::ParallelSnapshotIsolation,
                M::Prefix,
            ],
            M::RepeatableRead => &[M::CursorStability, M::MonotonicAtomicView],
            M::UpdateSerializable => &[M::ForwardConsistentView],
            M::Serializable => &[M::RepeatableRead, M::SnapshotIsolation, M::UpdateSerializable],
            M::StrongSessionReadCommitted => &[M::ReadCommitted, M::StrongSessionReadUncommitted],
            M::StrongSessionReadAtomic => &[M::ReadAtomic, M::StrongSessionReadCommitted],
            M::Causal => &[M::CausalCerone, M::StrongSessionReadAtomic],
            M::StrongSessionPrefix => &[M::Prefix, M::Causal],
            M::StrongSessionParallelSnapshotIsolation => &[M::ParallelSnapshotIsolation, M::Causal],
            M::StrongSessionSnapshotIsolation => &[
                M::SnapshotIsolation,
                M::StrongSessionPrefix,
                M::StrongSessionParallelSnapshotIsolation,
            ],
            M::StrongSessionSerializable => &[M::Serializable, M::StrongSessionSnapshotIsolation],
            M::StrongReadUncommitted => &[M::StrongSessionReadUncommitted],
            M::StrongReadCommitted => &[M::StrongSessionReadCommitted, M::StrongReadUncommitted],
            M::StrongSnapshotIsolation => &[M::StrongSessionSnapshotIsolation, M::StrongReadCommitted],
            M::StrictSerializable => &[M::StrongSessionSerializable, M::StrongSnapshotIsolation],
        }
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Model {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A name that is no model's.
#[derive(Debug, thiserror::Error)]
#[error("{name:?} is no consistency model; known are {}", known())]
pub struct UnknownModel {
    name: String,
}

fn known() -> String {
    ALL.map(Model::name).join(", ")
}

impl FromStr for Model {
    type Err = UnknownModel;

    fn from_str(name: &str) -> Result<Self, UnknownModel> {
        let by_name = ALL.into_iter().find(|m| m.name() == name);
        let by_alias = || ALIASES.iter().find(|(alias, _)| *alias == name).map(|(_, m)| *m);
        by_name
            .or_else(by_alias)
            .ok_or_else(|| UnknownModel { name: name.to_owned() })
    }
}

impl Model {
    /// Every model that it implies, itself among them.
    pub(super) fn weaker(self) -> Models {
        let mut weaker = Models(1 << self as u8);
        for model in self.implies() {
            weaker.0 |= model.weaker().0;
        }
        weaker
    }
}

/// A set of models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Models(u32);

impl Models {
    /// Adds `model` and every model that implies it: if it cannot hold, none of those can.
    pub(super) fn rule_out(&mut self, model: Model) {
        if self.contains(model) {
            return;
        }
        self.0 |= 1 << model as u8;
        for stronger in ALL.into_iter().filter(|m| m.implies().contains(&model)) {
            self.rule_out(stronger);
        }
    }

    /// Adds `model` and every model that it implies: if it holds, those do.
    pub(super) fn show(&mut self, model: Model) {
        self.0 |= model.weaker().0;
    }

    /// Takes `model` and every model that implies it away.
    pub(super) fn remove_up(&mut self, model: Model) {
        let mut up = Models::default();
        up.rule_out(model);
        self.0 &= !up.0;
    }

    /// Whether `model` is in it.
    pub(super) fn contains(self, model: Model) -> bool {
        self.0 >> model as u8 & 1 == 1
    }

    /// Its members, weaker ones first.
    pub(super) fn iter(self) -> impl Iterator<Item = Model> {
        ALL.into_iter().filter(move |m| self.contains(*m))
    }

    /// The strongest models outside of it: each of them may hold, and nothing that implies it may.
    pub(super) fn strongest_outside(self) -> Vec<Model> {
        let outside = |m: &Model| !self.contains(*m);
        let covered = |m: &Model| ALL.into_iter().filter(outside).any(|other| other.implies().contains(m));
        ALL.into_iter().filter(|m| outside(m) && !covered(m)).collect()
    }

    /// The weakest models in it.
    pub(super) fn weakest(self) -> Vec<Model> {
        self.iter()
            .filter(|m| !m.implies().iter().any(|weaker| self.contains(*weaker)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_is_listed_once_under_its_own_number_and_parses_back() {
        for (number, model) in ALL.into_iter().enumerate() {
            assert_eq!(model as usize, number);
            assert_eq!(model.name().parse::<Model>().unwrap(), model);
        }
        for (alias, model) in ALIASES {
            assert_eq!(alias.parse::<Model>().unwrap(), model);
        }
        let message = "serialisable".parse::<Model>().unwrap_err().to_string();
        assert!(message.starts_with("\"serialisable\" is no consistency model; known are read-uncommitted, "));
    }

    #[test]
    fn strict_serializable_implies_all_and_all_imply_read_uncommitted() {
        let mut none = Models::default();
        assert_eq!(none.strongest_outside(), [Model::StrictSerializable]);
        none.rule_out(Model::ReadUncommitted);
        assert_eq!(none.iter().count(), ALL.len());
        assert!(none.strongest_outside().is_empty());
        assert_eq!(none.weakest(), [Model::ReadUncommitted]);
    }

    #[test]
    fn without_repeatable_read_snapshot_isolation_may_still_hold() {
        let mut out = Models::default();
        out.rule_out(Model::RepeatableRead);
        assert!(out.contains(Model::Serializable) && !out.contains(Model::SnapshotIsolation));
        assert_eq!(
            out.strongest_outside(),
            [Model::UpdateSerializable, Model::StrongSnapshotIsolation]
        );
        assert_eq!(out.weakest(), [Model::RepeatableRead]);
    }
}
