//! What is there beforehand: the names of its members by kind, and which of them are open by now.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::plan::{Manifest, WorkloadPlan};

/// The members of every kind of subject that is there beforehand.
#[derive(Debug, Default)]
pub struct Members(BTreeMap<String, Kind>);

#[derive(Debug)]
struct Kind {
    names: Vec<String>,
    /// How many are opened before the workload: the first ones.
    early: usize,
    /// How many are open: the first ones.
    open: AtomicUsize,
}

impl Members {
    /// The members that a plan says there are. What nobody opens is open from the beginning.
    pub fn new(manifest: &Manifest, plan: &WorkloadPlan) -> Members {
        let beforehand = manifest.subjects.iter().filter(|(_, subject)| subject.is_beforehand());
        let kinds = beforehand.map(|(kind, subject)| {
            let count = plan.counts.get(kind).copied().unwrap_or_default();
            let names: Vec<String> = (0..count.all).map(|n| manifest.name_of(kind, n)).collect();
            let early = (0..count.all).take_while(|n| !count.is_late(*n)).count();
            let open = if subject.open.is_some() { 0 } else { names.len() };
            let kind_of = Kind {
                names,
                early,
                open: AtomicUsize::new(open),
            };
            (kind.clone(), kind_of)
        });
        Members(kinds.collect())
    }

    /// Every member of a kind.
    pub fn all(&self, kind: &str) -> &[String] {
        self.0.get(kind).map_or(&[], |of| &of.names)
    }

    /// The members of a kind that are open by now.
    pub fn open(&self, kind: &str) -> &[String] {
        self.0
            .get(kind)
            .map_or(&[], |of| &of.names[..of.open.load(Ordering::Relaxed)])
    }

    /// The members of a kind that are not open yet, before the workload (`early`) or at any time.
    pub(super) fn to_open(&self, kind: &str, early: bool) -> &[String] {
        self.0.get(kind).map_or(&[], |of| {
            let end = if early { of.early } else { of.names.len() };
            &of.names[of.open.load(Ordering::Relaxed).min(end)..end]
        })
    }

    /// The next member of a kind is open.
    pub(super) fn opened(&self, kind: &str) {
        if let Some(of) = self.0.get(kind) {
            of.open.fetch_add(1, Ordering::Relaxed);
        }
    }
}
