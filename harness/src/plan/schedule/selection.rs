//! What `--faults` says: `all`, `none`, or items like `kill:pay`, `cut:account->mysql:reply`,
//! `delay:pay->rocketmq:200ms+100ms`, `duplicate:account->rocketmq:delivery:50%`, each with an optional place in
//! time, `@5s+3s`.

use paytwice_checkers::names::{did_you_mean, list};

use super::episodes::{self, duplicates};
use super::topology::Topology;
use crate::plan::draw::Draw;
use crate::plan::duration::duration_ms;
use crate::plan::error::PlanError;
use crate::plan::fault_kinds::{FaultKind, On};
use crate::plan::machine;
use crate::plan::{Direction, Duplicated, FaultSpec, LinkDef, MachineFault, MachineKind};

/// Which faults a run has.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Selection {
    /// The full schedule.
    All,
    /// None.
    None,
    /// What the user named.
    Items(Vec<FaultItem>),
}

/// One item of a selection.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FaultItem {
    /// As the user wrote it, for messages.
    pub(crate) text: String,
    kind: &'static FaultKind,
    /// The party or link; everything that the kind can be done to when absent.
    on: Option<String>,
    params: Params,
    /// Where it is placed, and for how long.
    pub(crate) at: Option<(u64, Option<u64>)>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Params {
    direction: Option<Direction>,
    delay: Option<(u64, u64)>,
    what: Option<Duplicated>,
    share: Option<f64>,
    /// The fault of the machine, with its amount.
    machine: Option<MachineKind>,
}

impl Selection {
    /// Reads a selection; every name in it must be one of the target.
    pub(crate) fn parse(text: &str, topology: &Topology) -> Result<Selection, PlanError> {
        let items: Vec<&str> = text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect();
        match items.as_slice() {
            [] => Err(bad("names no fault; write all, none, or items like kill:NAME")),
            ["all"] => Ok(Selection::All),
            ["none"] => Ok(Selection::None),
            _ => match items.iter().find(|item| ["all", "none"].contains(item)) {
                Some(alone) => Err(bad(format!(
                    "{alone:?} stands alone; leave it out or leave out the rest"
                ))),
                None => items
                    .iter()
                    .map(|item| FaultItem::parse(item, topology))
                    .collect::<Result<_, _>>()
                    .map(Selection::Items),
            },
        }
    }
}

impl FaultItem {
    fn parse(text: &str, topology: &Topology) -> Result<FaultItem, PlanError> {
        let (what, place) = match text.split_once('@') {
            Some((what, place)) => (what, Some(place)),
            None => (text, None),
        };
        let mut fields = what.split(':').map(str::trim);
        let kind = fields.next().unwrap_or_default();
        let kind = FaultKind::find(kind).map_err(bad)?;
        let mut item = FaultItem {
            text: text.to_owned(),
            kind,
            on: fields.next().filter(|on| !on.is_empty()).map(str::to_owned),
            params: Params::default(),
            at: place.map(|place| parse_place(text, place)).transpose()?,
        };
        if kind.extra {
            let fields: Vec<&str> = fields.collect();
            item.machine(topology, &fields)
                .map_err(|problem| bad(format!("{text:?}: {problem}")))?;
            return Ok(item);
        }
        item.check_name(topology)?;
        for param in fields {
            item.param(param)?;
        }
        item.check_what(topology)?;
        Ok(item)
    }

    /// Reads what an item says about a fault of the machine.
    fn machine(&mut self, topology: &Topology, amounts: &[&str]) -> Result<(), String> {
        let kind = self.kind.name;
        if let Some(on) = &self.on {
            machine::check_on(topology, kind, on)?;
        }
        self.params.machine = Some(match amounts {
            [] => MachineKind::parse(kind, None)?,
            [amount] => MachineKind::parse(kind, Some(amount))?,
            [_, more, ..] => return Err(format!("{more:?} is one word too many")),
        });
        Ok(())
    }

    /// The faults that the item stands for.
    pub(crate) fn faults(&self, topology: &Topology, draw: &mut Draw) -> Vec<FaultSpec> {
        if let Some(what) = self.params.machine {
            let mut on = self.kind.can_be_done_to(topology);
            on.retain(|name| self.on.as_ref().is_none_or(|on| on == name));
            let fault = |on| FaultSpec::Machine(MachineFault { on, what });
            return on.into_iter().map(fault).collect();
        }
        let mut faults = episodes::of_kind(topology, self.kind.name, draw);
        faults.retain(|fault| self.on.as_deref().is_none_or(|on| on == fault.on()));
        let wanted = self.params.what;
        faults.retain(|f| wanted.is_none_or(|w| !matches!(f, FaultSpec::Duplicate { what, .. } if *what != w)));
        for fault in &mut faults {
            self.params.apply(fault);
        }
        faults
    }

    fn check_name(&self, topology: &Topology) -> Result<(), PlanError> {
        let Some(on) = self.on.as_deref() else { return Ok(()) };
        let parties: Vec<&str> = topology.parties.iter().map(|p| p.name.as_str()).collect();
        let links: Vec<&str> = topology.links.iter().map(|l| l.name.as_str()).collect();
        let on_party = !self.kind.is_on_link();
        let (what, known, others) = if on_party {
            ("party", parties, links)
        } else {
            ("link", links, parties)
        };
        if known.contains(&on) {
            return Ok(());
        }
        let of: Vec<&str> = topology
            .parties
            .iter()
            .filter(|p| p.of == on)
            .map(|p| p.name.as_str())
            .collect();
        let hint = if on_party && !of.is_empty() {
            format!(" ({on} has the processes {})", list(of))
        } else if others.contains(&on) {
            format!(
                " ({on} is a {})",
                if on_party {
                    "link"
                } else {
                    "party: name one of its links"
                }
            )
        } else {
            did_you_mean(on, known.iter().copied())
        };
        let has = list(known);
        let text = &self.text;
        Err(bad(format!(
            "{text:?} names the {what} {on:?}; this target has {has}{hint}"
        )))
    }

    /// A duplicate must fit its link.
    fn check_what(&self, topology: &Topology) -> Result<(), PlanError> {
        if self.kind.on != On::Repeatable {
            return Ok(());
        }
        let named = |link: &&LinkDef| self.on.as_deref().is_none_or(|on| on == link.name);
        let possible: Vec<Duplicated> = topology
            .links
            .iter()
            .filter(named)
            .flat_map(|l| duplicates(topology, l))
            .collect();
        let on = self.on.as_deref().unwrap_or("this target");
        let text = &self.text;
        match self.params.what {
            _ if possible.is_empty() => Err(bad(format!(
                "{text:?}: nothing can be duplicated on {on}; HTTP requests, sends and deliveries of messages can"
            ))),
            Some(what) if !possible.contains(&what) => {
                let can: Vec<String> = possible.iter().map(ToString::to_string).collect();
                let can = list(can.iter().map(String::as_str));
                Err(bad(format!("{text:?}: on {on} there is no {what}; it has {can}")))
            }
            _ => Ok(()),
        }
    }

    fn param(&mut self, param: &str) -> Result<(), PlanError> {
        let (kind, params) = (self.kind.name, &mut self.params);
        match (kind, param) {
            ("cut" | "delay", "both") => params.direction = Some(Direction::Both),
            ("cut" | "delay", "request" | "requests") => params.direction = Some(Direction::Request),
            ("cut" | "delay", "reply" | "replies") => params.direction = Some(Direction::Reply),
            ("duplicate", "http" | "http-request") => params.what = Some(Duplicated::HttpRequest),
            ("duplicate", "send") => params.what = Some(Duplicated::Send),
            ("duplicate", "delivery") => params.what = Some(Duplicated::Delivery),
            ("duplicate", share) if share.ends_with('%') => {
                let percent = share
                    .trim_end_matches('%')
                    .parse::<f64>()
                    .ok()
                    .filter(|p| *p > 0.0 && *p <= 100.0);
                let percent = percent.ok_or_else(|| bad(format!("{:?}: a share is 1% to 100%", self.text)))?;
                params.share = Some(percent / 100.0);
            }
            ("delay", time) if time.starts_with(|c: char| c.is_ascii_digit()) => {
                let (fixed, jitter) = time.split_once('+').unwrap_or((time, "0ms"));
                let in_item = |problem| bad(format!("{:?}: {problem}", self.text));
                let delay = (
                    duration_ms(fixed).map_err(in_item)?,
                    duration_ms(jitter).map_err(in_item)?,
                );
                params.delay = Some(delay);
            }
            _ => {
                let known = match kind {
                    "cut" => "both, request, reply",
                    "delay" => "both, request, reply, or a time like 200ms+100ms (fixed, and random on top)",
                    "duplicate" => "http-request, send, delivery, or a share like 30%",
                    _ => "nothing more; a place in time follows @, like @5s+3s",
                };
                return Err(bad(format!("{:?} has {param:?}; a {kind} takes {known}", self.text)));
            }
        }
        Ok(())
    }
}

impl Params {
    fn apply(&self, fault: &mut FaultSpec) {
        match fault {
            FaultSpec::Cut { direction, .. } => *direction = self.direction.unwrap_or(*direction),
            FaultSpec::Delay {
                direction,
                fixed_ms,
                jitter_ms,
                ..
            } => {
                *direction = self.direction.unwrap_or(*direction);
                (*fixed_ms, *jitter_ms) = self.delay.unwrap_or((*fixed_ms, *jitter_ms));
            }
            FaultSpec::Duplicate { share, .. } => *share = self.share.unwrap_or(*share),
            FaultSpec::Kill { .. }
            | FaultSpec::Pause { .. }
            | FaultSpec::Reset { .. }
            | FaultSpec::Rule(_)
            | FaultSpec::Machine(_) => {}
        }
    }
}

fn parse_place(text: &str, place: &str) -> Result<(u64, Option<u64>), PlanError> {
    let in_item = |problem| {
        bad(format!(
            "{text:?}: after @ comes a start like 5s or a start and a length like 5s+3s: {problem}"
        ))
    };
    let (at, length) = match place.split_once('+') {
        Some((at, length)) => (at, Some(length)),
        None => (place, None),
    };
    let length = length.map(duration_ms).transpose().map_err(in_item)?;
    if length == Some(0) {
        return Err(bad(format!("{text:?} lasts no time")));
    }
    Ok((duration_ms(at).map_err(in_item)?, length))
}

fn bad(problem: impl Into<String>) -> PlanError {
    PlanError::value("--faults", problem)
}
