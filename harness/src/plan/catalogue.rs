//! What there is to choose from: the text of `paytwice list`.

use std::fmt::Write as _;

use paytwice_checkers::CHECKERS;

use super::draw::Draw;
use super::error::{PlanError, list};
use super::machine::{EXTRAS, can_be_done_to};
use super::schedule::{KINDS, Topology, duplicates};
use super::target::Target;

/// A kind of fault for a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultEntry {
    /// Its kind, as `--faults` takes it.
    pub kind: &'static str,
    /// What it does.
    pub about: &'static str,
    /// What it is done to.
    pub on: &'static str,
    /// Parameters and place in time, as an item uses them.
    pub params: &'static str,
}

/// Every kind of fault.
pub const FAULTS: [FaultEntry; 6] = [
    FaultEntry {
        kind: "kill",
        about: "ends a process at once (SIGKILL) and starts it again afterwards; its disk stays",
        on: "a service or a process of a dependency",
        params: "@5s+1s",
    },
    FaultEntry {
        kind: "pause",
        about: "freezes a process, then lets it go on where it was",
        on: "a service or a process of a dependency",
        params: "@5s+3s",
    },
    FaultEntry {
        kind: "cut",
        about: "lets no byte pass, both ways or one; what was under way arrives after healing",
        on: "a link",
        params: ":reply@5s+4s",
    },
    FaultEntry {
        kind: "delay",
        about: "lets every frame wait: a fixed time and a random one on top",
        on: "a link",
        params: ":200ms+100ms:both",
    },
    FaultEntry {
        kind: "duplicate",
        about: "lets a share of the frames arrive twice: HTTP requests, sends or deliveries of messages",
        on: "a link that carries HTTP requests or messages",
        params: ":50%",
    },
    FaultEntry {
        kind: "reset",
        about: "resets every connection, new ones too, until healed",
        on: "a link",
        params: "@5s+500ms",
    },
];

/// The faults of the machine: each needs something that not every machine has, and is only done when it is named.
pub const MACHINE_FAULTS: [FaultEntry; 7] = [
    FaultEntry {
        kind: "cpu",
        about: "leaves a process so much of one core",
        on: "a service or a process of a dependency",
        params: ":10%",
    },
    FaultEntry {
        kind: "memory",
        about: "limits a process's memory; the kernel ends it when it takes more, and it is started again",
        on: "a service or a process of a dependency",
        params: ":64m",
    },
    FaultEntry {
        kind: "power-loss",
        about: "cuts the power: the process ends and what its disk was not told to keep is gone",
        on: "a process with a data directory",
        params: "@5s+1s",
    },
    FaultEntry {
        kind: "disk-full",
        about: "fills the disk under the data directory to its last block, then frees it",
        on: "a process with a data directory",
        params: "@5s+2s",
    },
    FaultEntry {
        kind: "read-only",
        about: "lets the disk refuse every write, as after an error of its device; healed by a repair and a restart",
        on: "a process with a data directory",
        params: "@5s+2s",
    },
    FaultEntry {
        kind: "clock",
        about: "sets the wall clock of a service wrong, or lets it go wrong by so much every second",
        on: "a service",
        params: ":+30s | :+200ms/s",
    },
    FaultEntry {
        kind: "loss",
        about: "drops a share of the packets between a service and its link, both ways",
        on: "a link of a service",
        params: ":10%",
    },
];

/// The targets that can be run from here, one line each.
pub fn targets() -> Result<String, PlanError> {
    let known = Target::known();
    if known.is_empty() {
        // The message of a target that is not found says where to go.
        return Target::find("").map(|_| String::new());
    }
    let mut text = String::new();
    for name in known {
        let summary = match Target::find(&name) {
            Ok(target) => target.manifest.summary,
            Err(e) => format!("cannot be used: {e}"),
        };
        line(&mut text, &format!("{name:<16} {summary}"));
    }
    Ok(text)
}

/// The faults, and what each can be done to in this target.
pub fn faults(target: &Target) -> String {
    let topology = Topology::new(target);
    let names = |kind: &str| -> Vec<String> {
        let mut draw = Draw::new(0, 0);
        let mut on: Vec<String> = super::schedule::of_kind(&topology, kind, &mut draw)
            .iter()
            .map(|fault| fault.on().to_owned())
            .collect();
        on.dedup();
        on
    };
    let mut text = format!(
        "faults of {}, as --faults takes them: KIND[:ON][:PARAMS][@START+LENGTH]\n\n",
        target.manifest.name
    );
    debug_assert!(FAULTS.iter().map(|f| f.kind).eq(KINDS), "every kind is listed");
    for fault in FAULTS {
        line(&mut text, &format!("{:<10} {}", fault.kind, fault.about));
        let names = names(fault.kind);
        let example = names
            .first()
            .map(|on| format!("{:10} e.g. '{}:{on}{}'", "", fault.kind, fault.params));
        let on = if fault.kind == "duplicate" {
            let links = topology
                .links
                .iter()
                .filter(|link| !duplicates(&topology, link).is_empty());
            let what = |link: &super::LinkDef| {
                let what: Vec<String> = duplicates(&topology, link).iter().map(ToString::to_string).collect();
                format!("{} ({})", link.name, list(what.iter().map(String::as_str)))
            };
            links.map(what).collect()
        } else {
            names
        };
        line(
            &mut text,
            &format!("{:10} on {}", "", list(on.iter().map(String::as_str))),
        );
        line(&mut text, &example.unwrap_or_default());
    }
    line(
        &mut text,
        "\nextras, never in all; paytwice doctor says which of them this machine can do:\n",
    );
    debug_assert!(
        MACHINE_FAULTS.iter().map(|f| f.kind).eq(EXTRAS),
        "every extra is listed"
    );
    for fault in MACHINE_FAULTS {
        line(&mut text, &format!("{:<10} {}", fault.kind, fault.about));
        let on = can_be_done_to(&topology, fault.kind);
        line(
            &mut text,
            &format!("{:10} on {}", "", list(on.iter().map(String::as_str))),
        );
        if let Some(on) = on.first() {
            line(
                &mut text,
                &format!("{:10} e.g. '{}:{on}{}'", "", fault.kind, fault.params),
            );
        }
    }
    line(
        &mut text,
        "\nall (the default) is a seeded schedule of everything; none breaks nothing. Several items: a,b,c",
    );
    text
}

/// The wire points of a target, and what rules can do there.
pub fn points(target: &Target) -> String {
    super::points::listing(target)
}

/// The checkers, and what each decides.
pub fn checkers() -> String {
    let mut text = String::new();
    for checker in CHECKERS {
        line(&mut text, &format!("{:<20} {}", checker.name, checker.about));
        line(
            &mut text,
            &format!("{:20} finds {}", "", list(checker.kinds.iter().copied())),
        );
    }
    text
}

/// The policies of a target: values, defaults, defects and what gives them away; then its presets.
pub fn policies(target: &Target) -> String {
    let manifest = &target.manifest;
    let mut text = format!(
        "policies of {}, as --policy NAME=VALUE takes them (* is the default)\n",
        manifest.name
    );
    for (name, policy) in &manifest.policies {
        line(
            &mut text,
            &format!(
                "\n{name}: {} (decided by {})",
                policy.about,
                list(policy.services.iter().map(String::as_str))
            ),
        );
        for (value, def) in &policy.values {
            let mark = if *value == policy.default { '*' } else { ' ' };
            line(&mut text, &format!("  {mark} {value:<26} {}", def.about));
            if let Some(defect) = &def.defect {
                let finds = list(def.finds.iter().map(String::as_str));
                line(&mut text, &format!("    {:<26} defect: {defect} -> {finds}", ""));
            }
        }
    }
    if !manifest.presets.is_empty() {
        line(&mut text, "\npresets, as --preset NAME takes them");
    }
    for (name, preset) in &manifest.presets {
        let values: Vec<String> = preset
            .policies
            .iter()
            .map(|(policy, value)| format!("{policy}={value}"))
            .collect();
        line(
            &mut text,
            &format!("  {name:<28} {}: {}", preset.about, values.join(" ")),
        );
    }
    text
}

pub(super) fn line(text: &mut String, words: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{words}");
}
