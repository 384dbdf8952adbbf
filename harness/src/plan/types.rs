//! The plan of one run, fully expanded: everything the harness decides, decided before anything starts.
//!
//! A plan is what `plan.toml` of a run holds. The same plan gives the same workload, the same faults at the same
//! times and the same coded amounts; only the real processes differ between two runs of it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::machine::MachineFault;
use super::point_action::PointAction;
use super::point_rule::PointRule;
use super::row::FaultRow;
use crate::wire::{Direction, Duplicated, WireDetail};

/// The version of `plan.toml`.
pub const PLAN_VERSION: u32 = 1;

/// One run, fully expanded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`PLAN_VERSION`].
    pub version: u32,
    /// Name of the target.
    pub target: String,
    /// What it stands on: `containers`.
    pub stack: String,
    /// The seed that everything below was drawn from.
    pub seed: u64,
    /// Every policy with its chosen value.
    pub policies: BTreeMap<String, String>,
    /// What the clients do.
    pub workload: WorkloadPlan,
    /// What of the wire goes into the history.
    #[serde(default)]
    pub wire_detail: WireDetail,
    /// How long to wait for quiescence.
    pub settle: SettlePlan,
    /// Images by dependency, where the user named one.
    #[serde(default)]
    pub images: BTreeMap<String, String>,
    /// When parties of dependencies write to their disk, where the user chose it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub flush: BTreeMap<String, String>,
    /// What is broken, when and for how long, ordered by `at_ms`.
    #[serde(default)]
    pub faults: Vec<PlannedFault>,
}

/// What the clients do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkloadPlan {
    /// How long clients start new subjects, milliseconds: as long as all stages together.
    pub time_ms: u64,
    /// Clients at work at the same time.
    pub clients: u32,
    /// Upper bound of subjects that are started; the workload ends early when it is reached.
    pub subjects_max: u32,
    /// Whether it ends when every subject has ended and every rule at a point has met its frame.
    #[serde(default)]
    pub ends_early: bool,
    /// Whether a field that is drawn from several values always has the likeliest one.
    #[serde(default)]
    pub likeliest: bool,
    /// A client gives up on an answer after this time, milliseconds.
    pub op_timeout_ms: u64,
    /// Attempts, the first included; as each action says where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// Pause before the second attempt, milliseconds, which doubles with each further one; as each action says where it is
    /// absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// Share of subjects whose client gives up at the first answer that leaves the outcome unknown, 0 to 1.
    pub give_up: f64,
    /// Share of subjects after which the same key is sent with another value of a field, 0 to 1.
    pub conflict: f64,
    /// Share of subjects whose request is sent again though its answer is known, 0 to 1.
    pub repeat: f64,
    /// Share of subjects after whose start a client asks about a recent one, 0 to 1.
    pub ask: f64,
    /// The rates, one after the other.
    pub stages: Vec<StagePlan>,
    /// What there is beforehand, by kind of subject.
    #[serde(default)]
    pub counts: BTreeMap<String, Count>,
}

/// A rate that holds for a while.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StagePlan {
    /// New subjects per second, over all clients.
    pub rate: f64,
    /// How long it holds, milliseconds.
    pub for_ms: u64,
}

/// How many subjects of a kind there are beforehand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// All of them (the plan has made sure that the coded fields of everything that is started fit).
    pub all: u32,
    /// Those that are opened only while the workload runs: the last ones.
    pub late: u32,
}

impl WorkloadPlan {
    /// When the n-th subject is started, from 0, in milliseconds after the beginning; None past the last stage.
    pub fn at_ms(&self, n: u64) -> Option<u64> {
        let (mut begin_ms, mut before) = (0, 0.0);
        for stage in &self.stages {
            let after = (n as f64 - before) * 1000.0 / stage.rate;
            if after < stage.for_ms as f64 {
                return Some(begin_ms + after.max(0.0) as u64);
            }
            begin_ms += stage.for_ms;
            before += stage.rate * stage.for_ms as f64 / 1000.0;
        }
        None
    }
}

impl Count {
    /// Whether the n-th one, from 0, is opened only while the workload runs.
    pub fn is_late(&self, n: u32) -> bool {
        n >= self.all.saturating_sub(self.late)
    }
}

/// How long to wait for quiescence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettlePlan {
    /// Give up (verdict unknown) after this time, milliseconds.
    pub timeout_ms: u64,
    /// Time between two samples, milliseconds; two equal ones that show rest mean quiescence.
    pub sample_every_ms: u64,
}

/// A fault with its place in time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "FaultRow", into = "FaultRow")]
pub struct PlannedFault {
    /// Number in the plan, from 1.
    pub id: u32,
    /// Start, milliseconds after the workload began.
    pub at_ms: u64,
    /// How long until it is undone, milliseconds (kill: until the restart begins).
    pub for_ms: u64,
    /// What is done.
    pub fault: FaultSpec,
}

/// What one fault does to whom.
#[derive(Clone, Debug, PartialEq)]
pub enum FaultSpec {
    /// SIGKILL; restarted after the fault's time.
    Kill {
        /// A service or a process of a dependency: `pay`, `mysql`, `broker`.
        on: String,
    },
    /// Frozen by the engine, then resumed.
    Pause {
        /// A service or a process of a dependency.
        on: String,
    },
    /// No byte passes (a black hole); bytes that were under way arrive after healing, as TCP retransmits them.
    Cut {
        /// A link, e.g. `account->mysql`.
        on: String,
        /// Which way is cut.
        direction: Direction,
    },
    /// Every frame waits.
    Delay {
        /// A link.
        on: String,
        /// Which way is delayed.
        direction: Direction,
        /// Fixed part, milliseconds.
        fixed_ms: u64,
        /// Random part, 0 to this, drawn per frame from the seed.
        jitter_ms: u64,
    },
    /// Some frames arrive twice.
    Duplicate {
        /// A link.
        on: String,
        /// Which frames.
        what: Duplicated,
        /// Share of those frames, 0 to 1, drawn per frame from the seed.
        share: f64,
    },
    /// Every connection of the link is reset at the start, and new ones too until healed.
    Reset {
        /// A link.
        on: String,
    },
    /// Something is done to the frames of a wire point.
    Rule(Box<PointRule>),
    /// Something is done to the machine under a party.
    Machine(MachineFault),
}

impl FaultSpec {
    /// Its kind, as users type it.
    pub fn kind(&self) -> &'static str {
        match self {
            FaultSpec::Kill { .. } => "kill",
            FaultSpec::Pause { .. } => "pause",
            FaultSpec::Cut { .. } => "cut",
            FaultSpec::Delay { .. } => "delay",
            FaultSpec::Duplicate { .. } => "duplicate",
            FaultSpec::Reset { .. } => "reset",
            FaultSpec::Rule(_) => "rule",
            FaultSpec::Machine(fault) => fault.what.kind(),
        }
    }

    /// Whether it ends the process of a party.
    pub fn ends(&self, party: &str) -> bool {
        match self {
            FaultSpec::Kill { on } => on == party,
            FaultSpec::Machine(fault) => fault.on == party,
            FaultSpec::Rule(rule) => match &rule.action {
                PointAction::Crash { party: of, .. } => of == party,
                PointAction::Trigger { fault, .. } => fault.ends(party),
                _ => false,
            },
            _ => false,
        }
    }

    /// The party or link it is done to.
    pub fn on(&self) -> &str {
        match self {
            FaultSpec::Kill { on }
            | FaultSpec::Pause { on }
            | FaultSpec::Cut { on, .. }
            | FaultSpec::Delay { on, .. }
            | FaultSpec::Duplicate { on, .. }
            | FaultSpec::Reset { on } => on,
            FaultSpec::Rule(rule) => &rule.at.link,
            FaultSpec::Machine(fault) => &fault.on,
        }
    }
}

impl fmt::Display for FaultSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let FaultSpec::Rule(rule) = self {
            return write!(f, "rule {rule}");
        }
        if let FaultSpec::Machine(fault) = self {
            return write!(f, "{fault}");
        }
        write!(f, "{} {}", self.kind(), self.on())?;
        match self {
            FaultSpec::Cut { direction, .. } => write!(f, " {direction}"),
            FaultSpec::Delay {
                direction,
                fixed_ms,
                jitter_ms,
                ..
            } => write!(f, " {direction} {fixed_ms}+{jitter_ms} ms"),
            FaultSpec::Duplicate { what, share, .. } => write!(f, " {what} {:.0}%", share * 100.0),
            FaultSpec::Kill { .. }
            | FaultSpec::Pause { .. }
            | FaultSpec::Reset { .. }
            | FaultSpec::Rule(_)
            | FaultSpec::Machine(_) => Ok(()),
        }
    }
}
