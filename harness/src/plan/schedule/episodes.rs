//! The episodes that a full schedule is made of, from the parts that links and parties play.
//!
//! An episode is one to three faults that belong together. Some are in every run, because each of them is the
//! shortest way to catch a kind of wrong decision; the rest is spread over three neighbouring seeds, so that
//! three runs see every fault on everything it can be done to.

use std::collections::BTreeSet;

use super::topology::{Tiers, Topology, is_heavy};
use crate::plan::draw::Draw;
use crate::plan::fault_kinds::FAULTS;
use crate::plan::machine;
use crate::plan::{Direction, Duplicated, FaultSpec, LinkDef, PartyDef, PartyKind};

/// Over how many neighbouring seeds the optional faults are spread.
const THIRDS: u64 = 3;

/// Faults that belong together.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Episode {
    pub(crate) parts: Vec<Part>,
    /// What must not stand still by any other fault, from the episode's start to `needs_until_ms`.
    pub(crate) needs: Tiers,
    pub(crate) needs_until_ms: u64,
}

/// One fault of an episode, with its place in it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) after_ms: u64,
    pub(crate) for_ms: u64,
    pub(crate) fault: FaultSpec,
}

/// The episodes of one stretch of a run.
#[derive(Clone, Debug)]
pub(crate) struct Episodes {
    /// In every run, in the order drawn.
    pub(crate) always: Vec<Episode>,
    /// This seed's share of the rest that stops something.
    pub(crate) heavy: Vec<Episode>,
    /// This seed's share of the rest that stops nothing.
    pub(crate) light: Vec<Episode>,
}

impl Episode {
    pub(crate) fn single(fault: FaultSpec, for_ms: u64) -> Episode {
        Episode {
            parts: vec![Part {
                after_ms: 0,
                for_ms,
                fault,
            }],
            needs: Tiers::default(),
            needs_until_ms: 0,
        }
    }

    fn of(parts: Vec<(u64, u64, FaultSpec)>, needs: Tiers, needs_until_ms: u64) -> Episode {
        let part = |(after_ms, for_ms, fault)| Part {
            after_ms,
            for_ms,
            fault,
        };
        Episode {
            parts: parts.into_iter().map(part).collect(),
            needs,
            needs_until_ms,
        }
    }
}

/// Draws the episodes of one stretch; `third` says which third of the optional faults it holds.
pub(crate) fn of_stretch(topology: &Topology, draw: &mut Draw, third: u64) -> Episodes {
    let mut always = always(topology, draw);
    let covered: BTreeSet<(String, String)> = pairs(always.iter().flat_map(|e| &e.parts).map(|p| &p.fault));
    let rest: Vec<FaultSpec> = everything(topology, draw)
        .into_iter()
        .filter(|fault| !covered.contains(&pair(fault)))
        .collect();
    let (mut heavy, light): (Vec<FaultSpec>, Vec<FaultSpec>) = rest.into_iter().partition(is_heavy);
    // Sorted by what they stop, so that each third gets its share of the costly ones.
    heavy.sort_by_key(|fault| std::cmp::Reverse(topology.stops(fault)));
    let mut share = |faults: Vec<FaultSpec>| -> Vec<Episode> {
        let chosen = faults
            .into_iter()
            .zip(0u64..)
            .filter(|(_, n)| n % THIRDS == third % THIRDS);
        let chosen: Vec<FaultSpec> = chosen.map(|(fault, _)| fault).collect();
        let single = |fault: FaultSpec| {
            let for_ms = usual_ms(topology, &fault, draw);
            Episode::single(fault, for_ms)
        };
        let mut episodes: Vec<Episode> = chosen.into_iter().map(single).collect();
        draw.shuffle(&mut episodes);
        episodes
    };
    let (heavy, light) = (share(heavy), share(light));
    draw.shuffle(&mut always);
    Episodes { always, heavy, light }
}

/// Every fault on everything it can be done to, with usual parameters, in the order of the target's links and parties.
pub(crate) fn everything(topology: &Topology, draw: &mut Draw) -> Vec<FaultSpec> {
    let mut all = Vec::new();
    for kind in FAULTS.iter().filter(|kind| !kind.extra) {
        all.extend(of_kind(topology, kind.name, draw));
    }
    all
}

/// A fault of one kind on everything it can be done to, with usual parameters.
pub(crate) fn of_kind(topology: &Topology, kind: &str, draw: &mut Draw) -> Vec<FaultSpec> {
    let parties = topology.parties.iter().map(|party| party.name.clone());
    match kind {
        "kill" => parties.map(|on| FaultSpec::Kill { on }).collect(),
        "pause" => parties.map(|on| FaultSpec::Pause { on }).collect(),
        "cut" => topology.links.iter().map(|link| cut(link, draw)).collect(),
        "delay" => topology.links.iter().map(|link| delay(link, draw)).collect(),
        "duplicate" => topology
            .links
            .iter()
            .flat_map(|link| duplicates(topology, link).into_iter().map(|what| duplicate(link, what)))
            .collect(),
        _ => topology.links.iter().map(reset).collect(),
    }
}

/// What can be duplicated on a link.
pub(crate) fn duplicates(topology: &Topology, link: &LinkDef) -> Vec<Duplicated> {
    let (sends, receives) = (
        topology.producing.contains(&link.name),
        topology.consuming.contains(&link.name),
    );
    link.protocol.duplicates(sends, receives)
}

/// How long a fault usually lasts.
pub(crate) fn usual_ms(topology: &Topology, fault: &FaultSpec, draw: &mut Draw) -> u64 {
    let times = |on: &str, of: fn(&PartyDef) -> (u64, u64), usual: (u64, u64)| {
        let (from, to) = topology.party(on).map_or(usual, of);
        from..=to
    };
    draw.ms(match fault {
        FaultSpec::Kill { on } => times(on, |party| party.kill_ms, (400, 900)),
        FaultSpec::Pause { on } => times(on, |party| party.pause_ms, (1500, 3000)),
        FaultSpec::Cut { .. } => 2000..=3200,
        FaultSpec::Delay { .. } => 2000..=4000,
        FaultSpec::Duplicate { .. } => 2500..=4000,
        FaultSpec::Reset { .. } => 300..=800,
        // As long as its window: it is never drawn, only asked for.
        FaultSpec::Rule(_) => 3000..=3000,
        FaultSpec::Machine(fault) => machine::usual_ms(&fault.what),
    })
}

/// A cut of a random direction, of both ways as often as of one.
pub(crate) fn cut(link: &LinkDef, draw: &mut Draw) -> FaultSpec {
    let directions = [Direction::Both, Direction::Both, Direction::Request, Direction::Reply];
    FaultSpec::Cut {
        on: link.name.clone(),
        direction: draw.pick(&directions).copied().unwrap_or(Direction::Both),
    }
}

/// A delay that keeps things moving: a round trip takes 170 to 350 ms longer.
pub(crate) fn delay(link: &LinkDef, draw: &mut Draw) -> FaultSpec {
    let on = link.name.clone();
    if draw.one_in(2) {
        FaultSpec::Delay {
            on,
            direction: Direction::Reply,
            fixed_ms: draw.ms(120..=250),
            jitter_ms: draw.ms(50..=100),
        }
    } else {
        FaultSpec::Delay {
            on,
            direction: Direction::Both,
            fixed_ms: draw.ms(100..=130),
            jitter_ms: draw.ms(20..=40),
        }
    }
}

/// A delay of one way under which something is always in the air: at 20 subjects a second, some four statements.
fn in_the_air(link: &LinkDef, direction: Direction, draw: &mut Draw) -> FaultSpec {
    FaultSpec::Delay {
        on: link.name.clone(),
        direction,
        fixed_ms: draw.ms(160..=220),
        jitter_ms: draw.ms(20..=60),
    }
}

/// A share that hits often enough to matter and seldom enough for a plain answer in between.
pub(crate) fn duplicate(link: &LinkDef, what: Duplicated) -> FaultSpec {
    FaultSpec::Duplicate {
        on: link.name.clone(),
        what,
        share: if what == Duplicated::Delivery { 0.5 } else { 0.3 },
    }
}

fn reset(link: &LinkDef) -> FaultSpec {
    FaultSpec::Reset { on: link.name.clone() }
}

/// Fault kind and party or link; duplicates apart by what is duplicated.
pub(crate) fn pair(fault: &FaultSpec) -> (String, String) {
    let kind = match fault {
        FaultSpec::Duplicate { what, .. } => format!("duplicate {what}"),
        other => other.kind().to_owned(),
    };
    (kind, fault.on().to_owned())
}

fn pairs<'a>(faults: impl Iterator<Item = &'a FaultSpec>) -> BTreeSet<(String, String)> {
    faults.map(pair).collect()
}

fn always(topology: &Topology, draw: &mut Draw) -> Vec<Episode> {
    let mut episodes = Vec::new();
    for party in topology.parties.iter().filter(|p| p.kind == PartyKind::Service) {
        let databases: Vec<&LinkDef> = topology.database_links().filter(|l| l.from == party.name).collect();
        let database = draw.pick(&databases).copied();
        let consumes = topology
            .links
            .iter()
            .find(|l| l.from == party.name && topology.consuming.contains(&l.name));
        episodes.push(kill_while_busy(topology, party, database, consumes, draw));
    }
    for party in topology.parties.iter().filter(|p| p.kind == PartyKind::Store) {
        let writers: Vec<&LinkDef> = topology.database_links().filter(|l| l.to_of == party.of).collect();
        // The commits of the first tier tie what clients were told to what follows: theirs are the ones to lose.
        let first = writers.iter().find(|l| topology.is_first(&l.from_of)).copied();
        if let Some(link) = first.or_else(|| draw.pick(&writers).copied()) {
            episodes.push(kill_database(topology, &party.name, link, draw));
        }
    }
    for link in topology.links.iter().filter(|l| topology.producing.contains(&l.name)) {
        episodes.push(lose_send_replies(topology, link, draw));
    }
    episodes.extend(
        topology
            .entry_links()
            .map(|link| lose_client_replies(topology, link, draw)),
    );
    for link in topology.service_links() {
        let cut = FaultSpec::Cut {
            on: link.name.clone(),
            direction: Direction::Both,
        };
        episodes.push(Episode::single(cut, draw.ms(2500..=3500)));
    }
    episodes
}

/// A service is killed while its database answers slowly, so that it dies between two statements; a consumer is
/// given messages twice before that.
fn kill_while_busy(
    topology: &Topology,
    service: &PartyDef,
    database: Option<&LinkDef>,
    consumes: Option<&LinkDef>,
    draw: &mut Draw,
) -> Episode {
    let at = if consumes.is_some() {
        draw.ms(2000..=2600)
    } else {
        draw.ms(1700..=2300)
    };
    let kill = FaultSpec::Kill {
        on: service.name.clone(),
    };
    let for_ms = usual_ms(topology, &kill, draw);
    let mut parts = Vec::new();
    if let Some(link) = database {
        // What was executed is not known yet when the process dies.
        parts.push((0, at + draw.ms(300..=600), in_the_air(link, Direction::Reply, draw)));
    }
    if let Some(link) = consumes {
        parts.push((0, at + draw.ms(300..=600), duplicate(link, Duplicated::Delivery)));
    }
    parts.push((at, for_ms, kill));
    Episode::of(parts, topology.down_to(&service.of), at)
}

/// A database is killed while what a writer sends reaches it slowly: commits are in the air.
fn kill_database(topology: &Topology, party: &str, link: &LinkDef, draw: &mut Draw) -> Episode {
    let at = draw.ms(1700..=2300);
    let kill = FaultSpec::Kill { on: party.to_owned() };
    let for_ms = usual_ms(topology, &kill, draw);
    let needs = topology.down_to(&link.from_of);
    // What was sent is not executed yet when the server dies.
    let slow = in_the_air(link, Direction::Request, draw);
    Episode::of(vec![(0, at + 400, slow), (at, for_ms, kill)], needs, at)
}

/// What is sent is stored, and the answers are lost, for longer than a producer waits for one.
fn lose_send_replies(topology: &Topology, link: &LinkDef, draw: &mut Draw) -> Episode {
    let cut = FaultSpec::Cut {
        on: link.name.clone(),
        direction: Direction::Reply,
    };
    let for_ms = draw.ms(4000..=5200);
    Episode::of(vec![(0, for_ms, cut)], topology.down_to(&link.from_of), 3300)
}

/// The answers to clients are lost, for longer than a client waits for one: it tries again.
fn lose_client_replies(topology: &Topology, link: &LinkDef, draw: &mut Draw) -> Episode {
    let cut = FaultSpec::Cut {
        on: link.name.clone(),
        direction: Direction::Reply,
    };
    let for_ms = draw.ms(2600..=3400);
    Episode::of(vec![(0, for_ms, cut)], topology.down_to(&link.to_of), 1500)
}
