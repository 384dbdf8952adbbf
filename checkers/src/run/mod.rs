//! What every run has, whatever its target: phases, faults, operations, samples, and how they came to an end.
//!
//! Gathered event by event. Never judges: it says what was seen.

mod correlation;
mod faults;
mod stats;

use std::collections::{BTreeMap, HashMap};

pub(crate) use correlation::uncorrelated;
pub use faults::FaultSpan;
pub(crate) use stats::{percentile, windows};

use crate::history::{Body, Event, FaultStep, Kind, Op, Phase, Process};
use crate::verdict::KeyCount;
use crate::words::plural;

/// The event that says that a process ended although nobody killed it: `party`, `code`.
pub const ENDED_BY_ITSELF: &str = "ended-by-itself";

/// A phase of the run.
#[derive(Clone, Debug)]
pub struct PhaseSpan {
    /// Its name.
    pub name: String,
    /// When it began.
    pub from_ns: u64,
    /// When it ended; None when it never did.
    pub to_ns: Option<u64>,
    /// Whether its end says ok.
    pub ok: bool,
    /// Why it does not.
    pub error: Option<String>,
}

/// An operation as statistics see it.
#[derive(Clone, Copy, Debug)]
pub struct OpSpan {
    /// Its action, as a position in [`Facts::actions`].
    pub action: u32,
    /// Time of the invocation.
    pub from_ns: u64,
    /// Time and kind of the end; None when it never ended.
    pub end: Option<(u64, Kind)>,
    /// Whether nothing of it was sent.
    pub unsent: bool,
}

/// A process that ended although nobody killed it.
#[derive(Clone, Debug)]
pub struct UnaskedEnd {
    /// The party.
    pub party: String,
    /// When it was noticed.
    pub at_ns: u64,
    /// Its exit code, where that is on record.
    pub code: Option<i64>,
}

/// A sample of what must come to rest.
#[derive(Clone, Debug)]
pub struct Rest {
    /// When.
    pub time: u64,
    /// Its counters.
    pub counters: BTreeMap<String, i64>,
}

/// What is known of a run as a whole.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Faults, in order of their first step.
    pub faults: Vec<FaultSpan>,
    /// Phases, in order.
    pub phases: Vec<PhaseSpan>,
    /// Samples of what must come to rest.
    pub samples: Vec<Rest>,
    /// Names of actions.
    pub actions: Vec<String>,
    /// Operations of clients.
    pub ops: Vec<OpSpan>,
    /// How often keys were found on links.
    pub keys: Vec<KeyCount>,
    /// Bytes that crossed links without being understood, by link.
    pub unparsed: BTreeMap<String, u64>,
    /// Ends of processes that nobody asked for, in order.
    pub ends: Vec<UnaskedEnd>,
    /// Time of the last event.
    pub end_ns: u64,
    /// Events seen.
    pub events: u64,
    /// Whether the history ends before the run did.
    pub cut_short: bool,
}

/// Facts in the making.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    facts: Facts,
    spans: HashMap<u32, usize>,
    open: HashMap<Process, usize>,
    /// Whether the last event about the final reads is their end.
    read_to_the_end: bool,
}

impl Watch {
    pub(crate) fn observe(&mut self, event: &Event) {
        self.facts.end_ns = event.time;
        self.facts.events += 1;
        match &event.body {
            Body::Phase(phase) => self.phase(phase, event),
            Body::Fault(step) => self.fault(step, event),
            Body::Sample(sample) => self.facts.samples.push(Rest {
                time: event.time,
                counters: sample.counters.clone(),
            }),
            Body::Other(what, of) if what == ENDED_BY_ITSELF => self.facts.ends.extend(unasked_end(of, event.time)),
            Body::Op(op) => self.operation(op, event),
            Body::Other(f, value) => correlation::observe(&mut self.facts, f, value),
            Body::Header(_) | Body::View(_) | Body::Wire(_) => {}
        }
    }

    /// The facts; `truncated` where the history ended within a line.
    pub(crate) fn finish(mut self, truncated: bool) -> Facts {
        self.facts.cut_short = truncated || !self.read_to_the_end;
        self.facts
    }

    fn phase(&mut self, phase: &Phase, event: &Event) {
        if phase.name == "final-reads" {
            self.read_to_the_end = event.kind != Kind::Invoke;
        }
        let phases = &mut self.facts.phases;
        if event.kind == Kind::Invoke {
            phases.push(PhaseSpan {
                name: phase.name.clone(),
                from_ns: event.time,
                to_ns: None,
                ok: false,
                error: None,
            });
            return;
        }
        let open = |p: &&mut PhaseSpan| p.name == phase.name && p.to_ns.is_none();
        if let Some(span) = phases.iter_mut().rev().find(open) {
            span.to_ns = Some(event.time);
            span.ok = event.kind == Kind::Ok;
            span.error.clone_from(&event.error);
        }
    }

    fn fault(&mut self, step: &FaultStep, event: &Event) {
        let faults = &mut self.facts.faults;
        let at = *self.spans.entry(step.id).or_insert_with(|| {
            faults.push(FaultSpan::new(step, event.time));
            faults.len() - 1
        });
        faults[at].observe(step, event);
    }

    fn operation(&mut self, op: &Op, event: &Event) {
        let action = op.action.as_str();
        if event.kind != Kind::Invoke {
            if let Some(open) = self.open.remove(&event.process) {
                self.facts.ops[open].end = Some((event.time, event.kind));
                self.facts.ops[open].unsent = op.unsent;
            }
            return;
        }
        let actions = &mut self.facts.actions;
        let known = actions.iter().position(|name| name == action);
        let at = known.unwrap_or_else(|| {
            actions.push(action.to_owned());
            actions.len() - 1
        });
        self.open.insert(event.process.clone(), self.facts.ops.len());
        self.facts.ops.push(OpSpan {
            action: u32::try_from(at).unwrap_or(u32::MAX),
            from_ns: event.time,
            end: None,
            unsent: false,
        });
    }
}

impl Facts {
    /// The last phase of that name.
    pub fn phase(&self, name: &str) -> Option<&PhaseSpan> {
        self.phases.iter().rev().find(|p| p.name == name)
    }

    /// From when to when clients worked: the workload phase, or the whole history without one.
    pub fn workload(&self) -> (u64, u64) {
        match self.phase("workload") {
            Some(phase) => (phase.from_ns, phase.to_ns.unwrap_or(self.end_ns)),
            None => (0, self.end_ns),
        }
    }

    /// Why the end of the history does not show the end of the run; None when it does.
    pub fn incomplete(&self) -> Option<String> {
        if self.cut_short {
            // A run goes on after it did not come to rest in time: that phase stopped it only where it is the last one.
            let stopped = |(at, p): &(usize, &PhaseSpan)| {
                p.error.is_some() && (at + 1 == self.phases.len() || !p.name.starts_with("settle"))
            };
            let mut latest = self.phases.iter().enumerate().rev();
            return Some(match latest.find(stopped).map(|(_, phase)| phase) {
                Some(PhaseSpan { name, error, .. }) => format!(
                    "the history ends without final reads: the run stopped in {name}: {}",
                    first_line(error.as_deref(), "no reason given")
                ),
                None => "the history is cut short: its final reads did not end".into(),
            });
        }
        let phase = self.phase("final-reads").filter(|p| !p.ok)?;
        let why = first_line(phase.error.as_deref(), "no reason given");
        Some(format!("the final reads are incomplete: {why}"))
    }

    /// What went wrong with the run itself, a sentence each: errors of phases, and processes that ended by themselves.
    pub fn troubles(&self) -> Vec<String> {
        let failed = self.phases.iter().filter(|phase| !phase.ok);
        let phases = failed.filter_map(|phase| {
            let error = phase.error.as_deref()?;
            Some(format!("{}: {}", phase.name, first_line(Some(error), error)))
        });
        let mut parties: BTreeMap<&str, Vec<&UnaskedEnd>> = BTreeMap::new();
        for end in &self.ends {
            parties.entry(&end.party).or_default().push(end);
        }
        phases.chain(parties.into_iter().map(ended)).collect()
    }

    /// Why nobody can say that the target had come to rest before its final reads; None when it had.
    pub fn restless(&self) -> Option<String> {
        let last = self.phase("settle-repair").or_else(|| self.phase("settle"));
        self.unsettled(last)
    }

    /// Why nobody can say that the target had come to rest before anything was repaired; None when it had.
    pub fn restless_before(&self) -> Option<String> {
        self.unsettled(self.phase("settle"))
    }

    fn unsettled(&self, phase: Option<&PhaseSpan>) -> Option<String> {
        if self.phase("heal").is_some_and(|heal| !heal.ok) {
            return Some("not everything was healed after the workload".into());
        }
        if let Some(fault) = self.faults.iter().find(|f| f.is_open()) {
            return Some(format!("the fault {} was never seen healed", fault.name()));
        }
        match phase {
            None => Some("there is no settle phase: nothing says that the target came to rest".into()),
            Some(phase) if !phase.ok => {
                let why = first_line(phase.error.as_deref(), "it was cut short");
                Some(format!("the target did not come to rest in {}: {why}", phase.name))
            }
            Some(_) => None,
        }
    }
}

fn unasked_end(of: &serde_json::Value, at_ns: u64) -> Option<UnaskedEnd> {
    Some(UnaskedEnd {
        party: of.get("party")?.as_str()?.to_owned(),
        at_ns,
        code: of.get("code").and_then(serde_json::Value::as_i64),
    })
}

/// `pay ended by itself 3 times, first at 4.2 s with exit code 1`.
fn ended((party, ends): (&str, Vec<&UnaskedEnd>)) -> String {
    let times = match ends.len() {
        1 => String::new(),
        n => format!(" {}, first", plural(n, "time")),
    };
    let first = ends.first().map_or(String::new(), |end| {
        let tenths = end.at_ns / 100_000_000;
        let code = end.code.map_or(String::new(), |code| format!(" with exit code {code}"));
        format!(" at {}.{} s{code}", tenths / 10, tenths % 10)
    });
    format!("{party} ended by itself{times}{first}")
}

/// The first line of an error: reasons are sentences, logs are kept elsewhere.
pub(crate) fn first_line<'a>(error: Option<&'a str>, otherwise: &'a str) -> &'a str {
    error.and_then(|e| e.lines().next()).unwrap_or(otherwise)
}
