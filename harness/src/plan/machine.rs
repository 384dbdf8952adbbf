//! Faults of the machine under a party: its processor, memory, disk, clock and packets. Extras: they need privileges
//! or a kernel that not every machine has, so no schedule draws them; they are only ever asked for by name.
//!
//! Says what can be asked of whom, and with which amount. Never: knows whether this machine can do it.

use std::collections::BTreeMap;
use std::fmt;

use paytwice_checkers::names::{did_you_mean, list};

use super::duration::{duration_ms, show_ms};
use super::fault_kinds::FaultKind;
use super::schedule::Topology;
use super::types::{FaultSpec, Plan};
use crate::dependency::PartyDef;

/// A fault of the machine under a party.
#[derive(Clone, Debug, PartialEq)]
pub struct MachineFault {
    /// The party, or the link whose packets are lost.
    pub on: String,
    /// What is done.
    pub what: MachineKind,
}

/// What can be done to the machine under a party.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MachineKind {
    /// The party gets so much of one core.
    Cpu {
        /// Percent of one core.
        percent: u32,
    },
    /// The party may take so much memory; the kernel ends it when it takes more.
    Memory {
        /// Mebibytes.
        limit_mib: u64,
    },
    /// Power fails: what the disk was not told to keep is gone.
    PowerLoss,
    /// The disk has no free block.
    DiskFull,
    /// The disk refuses every write, as a file system does after an error of its device.
    ReadOnly,
    /// The wall clock is wrong by so much.
    Clock {
        /// Milliseconds; negative is late.
        offset_ms: i64,
    },
    /// The wall clock goes wrong by so much more with every second.
    Drift {
        /// Milliseconds per second; negative goes slow.
        ms_per_s: i64,
    },
    /// A share of the packets between a service and its link is dropped, both ways.
    Loss {
        /// Percent.
        percent: u32,
    },
}

impl MachineKind {
    /// Its kind, as users type it.
    pub fn kind(&self) -> &'static str {
        match self {
            MachineKind::Cpu { .. } => "cpu",
            MachineKind::Memory { .. } => "memory",
            MachineKind::PowerLoss => "power-loss",
            MachineKind::DiskFull => "disk-full",
            MachineKind::ReadOnly => "read-only",
            MachineKind::Clock { .. } | MachineKind::Drift { .. } => "clock",
            MachineKind::Loss { .. } => "loss",
        }
    }

    /// Reads the amount of a kind; without one it is the usual.
    pub(crate) fn parse(kind: &str, amount: Option<&str>) -> Result<MachineKind, String> {
        let percent = |usual: u32, max: u32| match amount {
            None => Ok(usual),
            Some(text) => text
                .strip_suffix('%')
                .and_then(|number| number.parse().ok())
                .filter(|percent| (1..=max).contains(percent))
                .ok_or_else(|| format!("{text:?}: a {kind} takes 1% to {max}%")),
        };
        let without = |what: MachineKind| match amount {
            None => Ok(what),
            Some(text) => Err(format!("{text:?}: a {kind} takes nothing more")),
        };
        match kind {
            "cpu" => Ok(MachineKind::Cpu {
                percent: percent(10, 100)?,
            }),
            "memory" => Ok(MachineKind::Memory {
                limit_mib: mebibytes(amount.unwrap_or("64m"))?,
            }),
            "power-loss" => without(MachineKind::PowerLoss),
            "disk-full" => without(MachineKind::DiskFull),
            "read-only" => without(MachineKind::ReadOnly),
            "clock" => match amount.unwrap_or("+30s") {
                drift if drift.ends_with(PER_SECOND) => Ok(MachineKind::Drift {
                    ms_per_s: ms_per_s(drift)?,
                }),
                offset => Ok(MachineKind::Clock {
                    offset_ms: offset_ms(offset)?,
                }),
            },
            "loss" => Ok(MachineKind::Loss {
                percent: percent(10, 90)?,
            }),
            other => Err(format!("{other:?} is no fault of the machine")),
        }
    }

    /// The amount, as users type it.
    pub(crate) fn amount(&self) -> Option<String> {
        match self {
            MachineKind::Cpu { percent } | MachineKind::Loss { percent } => Some(format!("{percent}%")),
            MachineKind::Memory { limit_mib } => Some(format!("{limit_mib}m")),
            MachineKind::Clock { offset_ms } => Some(signed(*offset_ms)),
            MachineKind::Drift { ms_per_s } => Some(format!("{}{PER_SECOND}", signed(*ms_per_s))),
            MachineKind::PowerLoss | MachineKind::DiskFull | MachineKind::ReadOnly => None,
        }
    }

    /// Whether it is done to a file system of the party's own.
    pub fn needs_disk(&self) -> bool {
        matches!(
            self,
            MachineKind::PowerLoss | MachineKind::DiskFull | MachineKind::ReadOnly
        )
    }
}

impl fmt::Display for MachineFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.what.kind(), self.on)?;
        match self.what.amount() {
            Some(amount) => write!(f, " {amount}"),
            None => Ok(()),
        }
    }
}

/// Whether the kind can be done to that party or link; the error says to whom it can.
pub(crate) fn check_on(topology: &Topology, kind: &str, on: &str) -> Result<(), String> {
    let known = FaultKind::find(kind)?.can_be_done_to(topology);
    if known.iter().any(|name| name == on) {
        return Ok(());
    }
    let names = || known.iter().map(String::as_str);
    let hint = did_you_mean(on, names());
    Err(format!(
        "{kind} cannot be done to {on:?}; in this target it can be done to {}{hint}",
        list(names())
    ))
}

/// How long one usually lasts, milliseconds.
pub(crate) fn usual_ms(what: &MachineKind) -> std::ops::RangeInclusive<u64> {
    match what {
        MachineKind::PowerLoss => 500..=1000,
        MachineKind::DiskFull | MachineKind::ReadOnly => 1500..=2500,
        // Until it is off by so much that whole seconds show it.
        MachineKind::Drift { ms_per_s } => {
            let for_one_s = 1_000_000 / ms_per_s.unsigned_abs().max(1);
            4 * for_one_s..=5 * for_one_s
        }
        _ => 2500..=4000,
    }
}

impl Plan {
    /// The machine faults of the plan.
    pub fn machine_faults(&self) -> impl Iterator<Item = &MachineFault> {
        self.faults.iter().filter_map(|planned| match &planned.fault {
            FaultSpec::Machine(fault) => Some(fault),
            _ => None,
        })
    }

    /// The parties that need a file system of their own.
    pub fn disks(&self) -> Vec<String> {
        let needing = self.machine_faults().filter(|fault| fault.what.needs_disk());
        let mut parties: Vec<String> = needing.map(|fault| fault.on.clone()).collect();
        parties.sort();
        parties.dedup();
        parties
    }

    /// The parties whose clock is to be set.
    pub(crate) fn has_own_clock(&self, party: &str) -> bool {
        self.machine_faults()
            .any(|fault| fault.on == party && fault.what.kind() == "clock")
    }
}

/// Checks what `--flush` says: who can be told when to write to its disk, and the values.
pub(crate) fn check_flush(parties: &[PartyDef], flush: &BTreeMap<String, String>) -> Result<(), String> {
    let flushing = || parties.iter().filter(|party| !party.flush.is_empty());
    for (name, value) in flush {
        let Some(party) = flushing().find(|party| party.name == *name) else {
            let known = || flushing().map(|party| party.name.as_str());
            let hint = did_you_mean(name, known());
            return Err(format!(
                "names {name:?}; in this target it can be {}{hint}",
                list(known())
            ));
        };
        if !party.flush.contains(&value.as_str()) {
            let values = list(party.flush.iter().copied());
            return Err(format!("{name} cannot be {value:?}; it can be {values}"));
        }
    }
    Ok(())
}

/// `64m`, `1g`.
fn mebibytes(text: &str) -> Result<u64, String> {
    let (number, per_unit) = match (text.strip_suffix('m'), text.strip_suffix('g')) {
        (Some(number), _) => (number, 1),
        (_, Some(number)) => (number, 1024),
        _ => (text, 0),
    };
    let mib = number.parse::<u64>().ok().and_then(|n| n.checked_mul(per_unit));
    mib.filter(|mib| (6..=1 << 20).contains(mib))
        .ok_or_else(|| format!("{text:?} is no size of memory; write 64m or 1g (6m at least)"))
}

/// What follows the amount of a drift.
const PER_SECOND: &str = "/s";
/// Less takes minutes to be seen; more is no clock that drifts.
const DRIFT_MS_PER_S: std::ops::RangeInclusive<u64> = 20..=900;

/// `+200ms/s`, `-50ms/s`.
fn ms_per_s(text: &str) -> Result<i64, String> {
    let wrong = || format!("{text:?} is no drift of a clock; write +200ms/s or -50ms/s (20ms/s to 900ms/s)");
    let amount = text.strip_suffix(PER_SECOND).ok_or_else(wrong)?;
    let (sign, time) = match (amount.strip_prefix('+'), amount.strip_prefix('-')) {
        (Some(time), _) => (1, time),
        (_, Some(time)) => (-1, time),
        _ => return Err(wrong()),
    };
    let ms = duration_ms(time).ok().filter(|ms| DRIFT_MS_PER_S.contains(ms));
    ms.and_then(|ms| i64::try_from(ms).ok())
        .map(|ms| sign * ms)
        .ok_or_else(wrong)
}

/// Milliseconds with their sign: `+30s`, `-50ms`.
fn signed(ms: i64) -> String {
    let sign = if ms < 0 { '-' } else { '+' };
    format!("{sign}{}", show_ms(ms.unsigned_abs()))
}

/// `+30s`, `-1.5s`.
fn offset_ms(text: &str) -> Result<i64, String> {
    let wrong = || format!("{text:?} is no offset; write +30s or -2m");
    let (sign, time) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(time), _) => (1, time),
        (_, Some(time)) => (-1, time),
        _ => return Err(wrong()),
    };
    let ms = duration_ms(time).map_err(|_| wrong())?;
    i64::try_from(ms)
        .ok()
        .filter(|ms| *ms >= 1000)
        .map(|ms| sign * ms)
        .ok_or_else(|| format!("{text:?} is too small to be seen; a clock is set wrong by 1s at least"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_was_written() {
        for (kind, amount) in [
            ("cpu", Some("10%")),
            ("memory", Some("64m")),
            ("power-loss", None),
            ("disk-full", None),
            ("read-only", None),
            ("clock", Some("-1.5s")),
            ("clock", Some("+200ms/s")),
            ("clock", Some("-50ms/s")),
            ("loss", Some("25%")),
        ] {
            let what = MachineKind::parse(kind, amount).unwrap();
            assert_eq!((what.kind(), what.amount().as_deref()), (kind, amount));
        }
        assert_eq!(
            MachineKind::parse("memory", Some("2g")),
            Ok(MachineKind::Memory { limit_mib: 2048 })
        );
    }

    #[test]
    fn an_amount_that_makes_no_sense_is_refused() {
        for (kind, amount) in [
            ("cpu", "0%"),
            ("cpu", "101%"),
            ("cpu", "10"),
            ("memory", "64"),
            ("memory", "1m"),
            ("memory", "99999999999999999999g"),
            ("power-loss", "10%"),
            ("clock", "30s"),
            ("clock", "+10ms"),
            ("clock", "200ms/s"),
            ("clock", "+10ms/s"),
            ("clock", "-1s/s"),
            ("clock", "+30s/m"),
            ("loss", "100%"),
        ] {
            assert!(MachineKind::parse(kind, Some(amount)).is_err(), "{kind} {amount}");
        }
    }

    #[test]
    fn flushing_is_for_those_who_flush() {
        let parties = crate::sample::target().parties();
        let flush =
            |party: &str, value: &str| check_flush(&parties, &BTreeMap::from([(party.to_owned(), value.to_owned())]));
        assert_eq!(flush("broker", "sync"), Ok(()));
        assert!(flush("brokr", "sync").unwrap_err().contains("did you mean broker"));
        assert!(flush("mysql", "sync").unwrap_err().contains("1, 0, 2"));
    }
}
