//! The scene of a schedule: which part each link and party of a target plays, read from its manifest alone.
//!
//! Nothing here knows a target by name. What subjects pass has an upper half (clients, the services that they start
//! subjects at, their databases and brokers) and a lower half (consumers and their databases); what a fault stops decides
//! what can be tried at the same time.

use std::collections::BTreeSet;

use crate::plan::{FaultSpec, LinkDef, LinkKind, MachineKind, PartyDef, PartyKind, Target, placeholders};

/// Links and parties by the part they play.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) links: Vec<LinkDef>,
    pub(crate) parties: Vec<PartyDef>,
    /// The services that clients start subjects at.
    pub(crate) starting: BTreeSet<String>,
    /// Links on which a service sends messages.
    pub(crate) producing: BTreeSet<String>,
    /// Links on which a service receives messages.
    pub(crate) consuming: BTreeSet<String>,
}

/// Which halves of what subjects pass stand still under a fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stops {
    pub(crate) upper: bool,
    pub(crate) lower: bool,
}

impl Stops {
    pub(crate) const UPPER: Stops = Stops {
        upper: true,
        lower: false,
    };
    pub(crate) const BOTH: Stops = Stops {
        upper: true,
        lower: true,
    };

    pub(crate) fn meets(self, other: Stops) -> bool {
        (self.upper && other.upper) || (self.lower && other.lower)
    }
}

impl Scene {
    pub(crate) fn new(target: &Target) -> Scene {
        let manifest = &target.manifest;
        let (mut producing, mut consuming) = (BTreeSet::new(), BTreeSet::new());
        for (name, service) in &manifest.services {
            let groups = service
                .env
                .values()
                .filter_map(|value| placeholders(value).ok())
                .flatten();
            for group in groups.filter_map(|p| p.strip_prefix("group.")) {
                for (dependency, def) in &manifest.dependencies {
                    match def.groups.get(group).map(|g| g.topic.is_some()) {
                        Some(true) => consuming.insert(format!("{name}->{dependency}")),
                        Some(false) => producing.insert(format!("{name}->{dependency}")),
                        None => false,
                    };
                }
            }
        }
        Scene {
            links: target.links(),
            parties: target.parties(),
            starting: manifest
                .starting()
                .filter_map(|(_, action)| action.call.as_ref())
                .map(|call| call.service.clone())
                .collect(),
            producing,
            consuming,
        }
    }

    pub(crate) fn link(&self, name: &str) -> Option<&LinkDef> {
        self.links.iter().find(|link| link.name == name)
    }

    pub(crate) fn party(&self, name: &str) -> Option<&PartyDef> {
        self.parties.iter().find(|party| party.name == name)
    }

    /// Links to databases.
    pub(crate) fn database_links(&self) -> impl Iterator<Item = &LinkDef> {
        self.links.iter().filter(|link| link.kind == LinkKind::Mysql)
    }

    /// Links between services.
    pub(crate) fn service_links(&self) -> impl Iterator<Item = &LinkDef> {
        self.links
            .iter()
            .filter(|link| link.kind == LinkKind::Http && link.from != "client")
    }

    /// Whether clients start subjects at a service.
    pub(crate) fn is_starting(&self, service: &str) -> bool {
        self.starting.contains(service)
    }

    /// The links on which clients start subjects.
    pub(crate) fn starting_links(&self) -> impl Iterator<Item = &LinkDef> {
        self.links
            .iter()
            .filter(|link| link.from == "client" && self.is_starting(&link.to))
    }

    /// What stands still while a fault is in force and until its party has recovered.
    pub(crate) fn stops(&self, fault: &FaultSpec) -> Stops {
        match fault {
            FaultSpec::Kill { on } | FaultSpec::Pause { on } => match self.party(on).map(|p| p.kind) {
                Some(PartyKind::Service) => self.half(on),
                Some(PartyKind::Mysql | PartyKind::Broker) => Stops::BOTH,
                // Clients of a broker keep the routes they know.
                Some(PartyKind::NameServer) | None => Stops::default(),
            },
            FaultSpec::Cut { on, .. } => match self.link(on) {
                Some(link) if link.kind == LinkKind::Http && link.from == "client" && self.is_starting(&link.to) => {
                    Stops::UPPER
                }
                Some(link) if link.kind != LinkKind::Http => self.half(&link.from),
                _ => Stops::default(),
            },
            FaultSpec::Machine(fault) if stops_its_party(&fault.what) => match self.party(&fault.on).map(|p| p.kind) {
                Some(PartyKind::Service) => self.half(&fault.on),
                Some(PartyKind::Mysql | PartyKind::Broker) => Stops::BOTH,
                Some(PartyKind::NameServer) | None => Stops::default(),
            },
            FaultSpec::Delay { .. }
            | FaultSpec::Duplicate { .. }
            | FaultSpec::Reset { .. }
            | FaultSpec::Rule(_)
            | FaultSpec::Machine(_) => Stops::default(),
        }
    }

    fn half(&self, service: &str) -> Stops {
        let upper = self.is_starting(service);
        Stops { upper, lower: !upper }
    }

    /// How long it takes, roughly, until all is well again once a fault is being undone.
    pub(crate) fn recovery_ms(&self, fault: &FaultSpec) -> u64 {
        match fault {
            FaultSpec::Kill { on } => match self.party(on).map(|p| p.kind) {
                Some(PartyKind::Service) | None => 1500,
                Some(PartyKind::NameServer) => 2500,
                Some(PartyKind::Mysql) => 3500,
                Some(PartyKind::Broker) => 5000,
            },
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
