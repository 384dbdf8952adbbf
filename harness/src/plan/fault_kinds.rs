//! The one table of faults: every kind as users type it, what it does, what it can be done to, and an example.
//!
//! Selections, schedules, stored plans and listings are all made from it. A rule at a wire point is no kind of this
//! table: it has a grammar of its own.

use paytwice_checkers::names::{did_you_mean, list};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::schedule::{Topology, duplicates};
use super::target::{CLIENT, LinkDef};
use crate::dependency::{PartyDef, PartyKind};

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultKind {
    /// Its name, as `--faults` takes it.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// What it is done to.
    pub on: On,
    /// Parameters and place in time, as an item uses them.
    pub params: &'static str,
    /// Whether it needs something that not every machine has: it is done only where it is named, and no schedule draws
    /// it.
    pub extra: bool,
}

/// What a fault is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// A service or a process of a dependency.
    Party,
    /// A party with a data directory.
    Disk,
    /// A service.
    Service,
    /// A link.
    Link,
    /// A link on which something can arrive twice.
    Repeatable,
    /// A link of a service: those of clients do not cross a network of the run.
    ServiceLink,
}

/// Every kind of fault.
pub const FAULTS: [FaultKind; 13] = [
    usual(
        "kill",
        On::Party,
        "@5s+1s",
        "ends a process at once (SIGKILL) and starts it again afterwards; its disk stays",
    ),
    usual(
        "pause",
        On::Party,
        "@5s+3s",
        "freezes a process, then lets it go on where it was",
    ),
    usual(
        "cut",
        On::Link,
        ":reply@5s+4s",
        "lets no byte pass, both ways or one; what was under way arrives after healing",
    ),
    usual(
        "delay",
        On::Link,
        ":200ms+100ms:both",
        "lets every frame wait: a fixed time and a random one on top",
    ),
    usual(
        "duplicate",
        On::Repeatable,
        ":50%",
        "lets a share of the frames arrive twice: HTTP requests, sends or deliveries of messages",
    ),
    usual(
        "reset",
        On::Link,
        "@5s+500ms",
        "resets every connection, new ones too, until healed",
    ),
    extra("cpu", On::Party, ":10%", "limits a process to a share of one core"),
    extra(
        "memory",
        On::Party,
        ":64m",
        "limits a process's memory; the kernel ends it when it takes more, and it is started again",
    ),
    extra(
        "power-loss",
        On::Disk,
        "@5s+1s",
        "cuts the power: the process ends, and what was not flushed to its disk is lost",
    ),
    extra(
        "disk-full",
        On::Disk,
        "@5s+2s",
        "fills the disk under the data directory to its last block, then frees it",
    ),
    extra(
        "read-only",
        On::Disk,
        "@5s+2s",
        "lets the disk refuse every write, as after an error of its device; healed by a repair and a restart",
    ),
    extra(
        "clock",
        On::Service,
        ":+30s",
        "sets the wall clock of a service wrong (:+30s), or lets it drift (:+200ms/s)",
    ),
    extra(
        "loss",
        On::ServiceLink,
        ":10%",
        "drops a share of the packets between a service and its link, both ways",
    ),
];

const fn usual(name: &'static str, on: On, params: &'static str, about: &'static str) -> FaultKind {
    FaultKind {
        name,
        about,
        on,
        params,
        extra: false,
    }
}

const fn extra(name: &'static str, on: On, params: &'static str, about: &'static str) -> FaultKind {
    FaultKind {
        name,
        about,
        on,
        params,
        extra: true,
    }
}

impl FaultKind {
    /// The kind of that name; the error lists all.
    pub(crate) fn find(name: &str) -> Result<&'static FaultKind, String> {
        let names = || FAULTS.iter().map(|kind| kind.name);
        FAULTS.iter().find(|kind| kind.name == name).ok_or_else(|| {
            let hint = did_you_mean(name, names());
            format!("{name:?} is no kind of fault; there are {}{hint}", list(names()))
        })
    }

    /// Whether it is done to a link, not to a party.
    pub(crate) fn is_on_link(&self) -> bool {
        matches!(self.on, On::Link | On::Repeatable | On::ServiceLink)
    }

    /// Everything in a target that it can be done to.
    pub(crate) fn can_be_done_to(&self, topology: &Topology) -> Vec<String> {
        let parties = |fits: fn(&PartyDef) -> bool| -> Vec<String> {
            let fitting = topology.parties.iter().filter(|party| fits(party));
            fitting.map(|party| party.name.clone()).collect()
        };
        let links = |fits: &dyn Fn(&LinkDef) -> bool| -> Vec<String> {
            let fitting = topology.links.iter().filter(|link| fits(link));
            fitting.map(|link| link.name.clone()).collect()
        };
        match self.on {
            On::Party => parties(|_| true),
            On::Disk => parties(|party| party.has_data),
            On::Service => parties(|party| party.kind == PartyKind::Service),
            On::Link => links(&|_| true),
            On::Repeatable => links(&|link| !duplicates(topology, link).is_empty()),
            On::ServiceLink => links(&|link| link.from != CLIENT),
        }
    }
}

/// The name of a kind in a stored plan: one of the table, or `rule`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KindName(pub(crate) &'static str);

/// What stands for a rule at a wire point in a stored plan.
pub(crate) const RULE: &str = "rule";

impl Serialize for KindName {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for KindName {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let name = String::deserialize(d)?;
        let mut names = FAULTS.iter().map(|kind| kind.name).chain([RULE]);
        names.clone().find(|known| *known == name).map(KindName).ok_or_else(|| {
            let hint = did_you_mean(&name, names.clone());
            de::Error::custom(format!("is {name:?}; it can be {}{hint}", list(&mut names)))
        })
    }
}
