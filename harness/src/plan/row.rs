//! A planned fault as a row of `plan.toml`: one flat table, so that unknown and missing keys are named.

use serde::{Deserialize, Serialize};

use super::fault_kinds::{KindName, RULE};
use super::machine::{MachineFault, MachineKind};
use super::types::{FaultSpec, PlannedFault};
use crate::wire::{Direction, Duplicated};

/// One `[[faults]]`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FaultRow {
    id: u32,
    at_ms: u64,
    for_ms: u64,
    fault: KindName,
    on: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    direction: Option<Direction>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fixed_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jitter_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    what: Option<Duplicated>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    share: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    amount: Option<String>,
}

impl From<PlannedFault> for FaultRow {
    fn from(planned: PlannedFault) -> Self {
        let mut row = FaultRow {
            id: planned.id,
            at_ms: planned.at_ms,
            for_ms: planned.for_ms,
            fault: KindName(planned.fault.kind()),
            on: planned.fault.on().to_owned(),
            direction: None,
            fixed_ms: None,
            jitter_ms: None,
            what: None,
            share: None,
            rule: None,
            amount: None,
        };
        match planned.fault {
            FaultSpec::Kill { .. } | FaultSpec::Pause { .. } | FaultSpec::Reset { .. } => {}
            FaultSpec::Rule(rule) => row.rule = Some(rule.to_string()),
            FaultSpec::Machine(fault) => row.amount = fault.what.amount(),
            FaultSpec::Cut { direction, .. } => row.direction = Some(direction),
            FaultSpec::Delay {
                direction,
                fixed_ms,
                jitter_ms,
                ..
            } => {
                row.direction = Some(direction);
                (row.fixed_ms, row.jitter_ms) = (Some(fixed_ms), Some(jitter_ms));
            }
            FaultSpec::Duplicate { what, share, .. } => (row.what, row.share) = (Some(what), Some(share)),
        }
        row
    }
}

impl TryFrom<FaultRow> for PlannedFault {
    type Error = String;

    fn try_from(mut row: FaultRow) -> Result<Self, String> {
        let on = row.on.clone();
        let fault = match row.fault.0 {
            "kill" => FaultSpec::Kill { on },
            "pause" => FaultSpec::Pause { on },
            "reset" => FaultSpec::Reset { on },
            RULE => {
                let text = taken(row.id, "rule", &mut row.rule)?;
                FaultSpec::Rule(Box::new(text.parse().map_err(|e| format!("fault {}: {e}", row.id))?))
            }
            "cut" => FaultSpec::Cut {
                on,
                direction: taken(row.id, "direction", &mut row.direction)?,
            },
            "delay" => FaultSpec::Delay {
                on,
                direction: taken(row.id, "direction", &mut row.direction)?,
                fixed_ms: taken(row.id, "fixed_ms", &mut row.fixed_ms)?,
                jitter_ms: row.jitter_ms.take().unwrap_or(0),
            },
            "duplicate" => FaultSpec::Duplicate {
                on,
                what: taken(row.id, "what", &mut row.what)?,
                share: taken(row.id, "share", &mut row.share)?,
            },
            extra => {
                let what = MachineKind::parse(extra, row.amount.take().as_deref());
                let what = what.map_err(|problem| format!("fault {}: {problem}", row.id))?;
                FaultSpec::Machine(MachineFault { on, what })
            }
        };
        let left = [
            ("direction", row.direction.is_some()),
            ("fixed_ms", row.fixed_ms.is_some()),
            ("jitter_ms", row.jitter_ms.is_some()),
            ("what", row.what.is_some()),
            ("share", row.share.is_some()),
            ("rule", row.rule.is_some()),
            ("amount", row.amount.is_some()),
        ];
        match left.iter().find(|(_, there)| *there) {
            Some((key, _)) => Err(format!("fault {} is a {}, which has no `{key}`", row.id, fault.kind())),
            None => Ok(PlannedFault {
                id: row.id,
                at_ms: row.at_ms,
                for_ms: row.for_ms,
                fault,
            }),
        }
    }
}

fn taken<T>(id: u32, key: &str, value: &mut Option<T>) -> Result<T, String> {
    value.take().ok_or_else(|| format!("fault {id} lacks `{key}`"))
}
