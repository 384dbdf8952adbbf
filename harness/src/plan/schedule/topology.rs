//! What a schedule knows of a target: which part each link and party plays, read from its manifest alone.
//!
//! Nothing here knows a target by name. Work goes downstream from tier to tier; which tiers a fault stops decides what
//! can be tried at the same time, so that something still moves while something else stands still.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::{CLIENT, FaultSpec, LinkDef, MachineKind, PartyDef, PartyKind, Target, placeholders};

/// Links and parties by the part they play.
#[derive(Clone, Debug)]
pub(crate) struct Topology {
    pub(crate) links: Vec<LinkDef>,
    pub(crate) parties: Vec<PartyDef>,
    /// The services that clients start subjects at.
    starting: BTreeSet<String>,
    /// Links on which a service sends messages.
    pub(crate) producing: BTreeSet<String>,
    /// Links on which a service receives messages.
    pub(crate) consuming: BTreeSet<String>,
    /// The tier of each service.
    tiers: BTreeMap<String, u32>,
}

/// Tiers that stand still under a fault, or that must not. Sets with an upper tier come after those without.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tiers(u32);

impl Tiers {
    /// One tier, from 1. Those from the last on that there is room for count as one.
    pub(crate) fn one(tier: u32) -> Tiers {
        Tiers(1 << (u32::BITS - tier.clamp(1, u32::BITS)))
    }

    pub(crate) fn meets(self, other: Tiers) -> bool {
        self.0 & other.0 != 0
    }
}

impl FromIterator<Tiers> for Tiers {
    fn from_iter<I: IntoIterator<Item = Tiers>>(tiers: I) -> Tiers {
        Tiers(tiers.into_iter().fold(0, |all, one| all | one.0))
    }
}

impl Topology {
    pub(crate) fn new(target: &Target) -> Topology {
        let manifest = &target.manifest;
        let (mut producing, mut consuming) = (BTreeSet::new(), BTreeSet::new());
        let links = target.links();
        for (name, service) in &manifest.services {
            let told = service.env.values().filter_map(|value| placeholders(value).ok());
            for group in told.flatten().filter_map(|p| p.strip_prefix("group.")) {
                for (dependency, def) in &manifest.dependencies {
                    let between = links.iter().filter(|l| l.from_of == *name && l.to_of == *dependency);
                    let between = between.map(|link| link.name.clone());
                    match def.groups.get(group).map(|g| g.topic.is_some()) {
                        Some(true) => consuming.extend(between),
                        Some(false) => producing.extend(between),
                        None => {}
                    }
                }
            }
        }
        let tiers = manifest.services.keys().map(|name| (name.clone(), target.tier(name)));
        Topology {
            links,
            parties: target.parties(),
            starting: manifest
                .starting()
                .filter_map(|(_, action)| action.call.as_ref())
                .map(|call| call.service.clone())
                .collect(),
            producing,
            consuming,
            tiers: tiers.collect(),
        }
    }

    pub(crate) fn link(&self, name: &str) -> Option<&LinkDef> {
        self.links.iter().find(|link| link.name == name)
    }

    pub(crate) fn party(&self, name: &str) -> Option<&PartyDef> {
        self.parties.iter().find(|party| party.name == name)
    }

    /// Links to what keeps rows.
    pub(crate) fn database_links(&self) -> impl Iterator<Item = &LinkDef> {
        self.links.iter().filter(|link| self.is_kept_by(link, PartyKind::Store))
    }

    fn is_kept_by(&self, link: &LinkDef, kind: PartyKind) -> bool {
        self.parties
            .iter()
            .any(|party| party.of == link.to_of && party.kind == kind)
    }

    /// Links between services.
    pub(crate) fn service_links(&self) -> impl Iterator<Item = &LinkDef> {
        self.links
            .iter()
            .filter(|link| link.from != CLIENT && self.leads_to_service(link))
    }

    fn leads_to_service(&self, link: &LinkDef) -> bool {
        self.tiers.contains_key(&link.to_of)
    }

    /// Links on which work comes in: those on which clients start subjects.
    pub(crate) fn entry_links(&self) -> impl Iterator<Item = &LinkDef> {
        self.links.iter().filter(|link| self.is_entry(link))
    }

    fn is_entry(&self, link: &LinkDef) -> bool {
        link.from == CLIENT && self.starting.contains(&link.to_of)
    }

    /// Whether a service is in the first tier that there is.
    pub(crate) fn is_first(&self, service: &str) -> bool {
        let first = self.tiers.values().min();
        first.is_some() && self.tiers.get(service) == first
    }

    /// The tier of a service.
    pub(crate) fn tier_of(&self, service: &str) -> Tiers {
        self.tiers
            .get(service)
            .map_or_else(Tiers::default, |tier| Tiers::one(*tier))
    }

    /// Every tier down to that of a service: what must move so that it has work to do.
    pub(crate) fn down_to(&self, service: &str) -> Tiers {
        let last = self.tiers.get(service).copied().unwrap_or_default();
        let above = self.tiers.values().filter(|tier| **tier <= last);
        above.map(|tier| Tiers::one(*tier)).collect()
    }

    /// What stands still while a fault is in force and until its party has recovered.
    pub(crate) fn stops(&self, fault: &FaultSpec) -> Tiers {
        match fault {
            FaultSpec::Kill { on } | FaultSpec::Pause { on } => self.stop_with(on),
            FaultSpec::Machine(fault) if stops_its_party(&fault.what) => self.stop_with(&fault.on),
            FaultSpec::Cut { on, .. } => match self.link(on) {
                Some(link) if self.is_entry(link) => self.tier_of(&link.to_of),
                Some(link) if !self.leads_to_service(link) => self.tier_of(&link.from_of),
                _ => Tiers::default(),
            },
            FaultSpec::Delay { .. }
            | FaultSpec::Duplicate { .. }
            | FaultSpec::Reset { .. }
            | FaultSpec::Rule(_)
            | FaultSpec::Machine(_) => Tiers::default(),
        }
    }

    /// The tiers that stand still while a party does: its own, or those of the services that use it.
    fn stop_with(&self, party: &str) -> Tiers {
        let Some(party) = self.party(party) else {
            return Tiers::default();
        };
        match party.kind {
            PartyKind::Service => self.tier_of(&party.of),
            // Others keep what they were told.
            PartyKind::Directory => Tiers::default(),
            PartyKind::Store | PartyKind::Queue | PartyKind::Other => {
                let users = self.links.iter().filter(|link| link.to_of == party.of);
                users.map(|link| self.tier_of(&link.from_of)).collect()
            }
        }
    }

    /// How long it takes, roughly, until all is well again once a fault is being undone.
    pub(crate) fn recovery_ms(&self, fault: &FaultSpec) -> u64 {
        match fault {
            FaultSpec::Kill { on } => self.party(on).map_or(1500, |party| party.recovery_ms),
            FaultSpec::Machine(fault) if stops_its_party(&fault.what) => 6000,
            FaultSpec::Pause { .. } | FaultSpec::Cut { .. } | FaultSpec::Machine(_) => 300,
            FaultSpec::Delay { .. } | FaultSpec::Duplicate { .. } | FaultSpec::Reset { .. } | FaultSpec::Rule(_) => 100,
        }
    }
}

/// Whether a fault stops something altogether while it is in force.
pub(crate) fn is_heavy(fault: &FaultSpec) -> bool {
    matches!(
        fault,
        FaultSpec::Kill { .. } | FaultSpec::Pause { .. } | FaultSpec::Cut { .. }
    ) || matches!(fault, FaultSpec::Machine(fault) if stops_its_party(&fault.what))
}

/// Whether a fault of the machine ends its party, or may do so.
fn stops_its_party(what: &MachineKind) -> bool {
    what.needs_disk() || matches!(what, MachineKind::Memory { .. })
}

/// Whether two faults must not be in force at the same time: on one party never, on one link only if neither stops
/// it and they differ in kind.
pub(crate) fn exclude(a: &FaultSpec, b: &FaultSpec) -> bool {
    let calm = |f: &FaultSpec| matches!(f, FaultSpec::Delay { .. } | FaultSpec::Duplicate { .. });
    a.on() == b.on() && (a.kind() == b.kind() || !calm(a) || !calm(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stops_more_comes_later() {
        let (first, second, both) = (
            Tiers::one(1),
            Tiers::one(2),
            [1, 2].map(Tiers::one).into_iter().collect(),
        );
        assert!(Tiers::default() < second && second < first && first < both);
        assert!(both.meets(second) && !first.meets(second));
        assert_eq!(Tiers::one(40), Tiers::one(32));
    }
}
