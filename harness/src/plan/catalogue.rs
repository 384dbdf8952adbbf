//! What there is to choose from: the text of `paytwice list`.

use std::fmt::Write as _;

use paytwice_checkers::names::list;

use super::error::PlanError;
use super::fault_kinds::{FAULTS, FaultKind, On};
use super::schedule::{Topology, duplicates};
use super::target::Target;

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
    let mut text = format!(
        "faults of {}, as --faults takes them: KIND[:ON][:PARAMS][@START+LENGTH]\n\n",
        target.manifest.name
    );
    let (extras, usual): (Vec<&FaultKind>, Vec<&FaultKind>) = FAULTS.iter().partition(|kind| kind.extra);
    usual.iter().for_each(|kind| fault(&mut text, kind, &topology));
    line(
        &mut text,
        "\nextras: done only where they are named; `paytwice doctor` says which of them this machine can do\n",
    );
    extras.iter().for_each(|kind| fault(&mut text, kind, &topology));
    line(
        &mut text,
        "\nall (the default) draws a schedule of everything but the extras from the seed; none breaks nothing. Several \
         items: a,b,c",
    );
    text
}

fn fault(text: &mut String, kind: &FaultKind, topology: &Topology) {
    line(text, &format!("{:<10} {}", kind.name, kind.about));
    let on = kind.can_be_done_to(topology);
    let shown = on.iter().map(|name| match kind.on {
        On::Repeatable => {
            let link = topology.links.iter().find(|link| link.name == *name);
            let what = link.map_or_else(Vec::new, |link| duplicates(topology, link));
            let what: Vec<String> = what.iter().map(ToString::to_string).collect();
            format!("{name} ({})", list(what.iter().map(String::as_str)))
        }
        _ => name.clone(),
    });
    let shown: Vec<String> = shown.collect();
    line(
        text,
        &format!("{:10} on {}", "", list(shown.iter().map(String::as_str))),
    );
    if let Some(on) = on.first() {
        line(text, &format!("{:10} e.g. '{}:{on}{}'", "", kind.name, kind.params));
    }
}

/// The wire points of a target, and what rules can do there.
pub fn points(target: &Target) -> String {
    super::points::listing(target)
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
