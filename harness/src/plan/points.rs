//! The wire points of a target: every name that a rule can give, from its manifest and the protocols of its links.
//!
//! HTTP points come from the calls of clients and the paths that keys stand in, those of dependencies from their kinds.
//! What else crosses a link has a name too, or none; a rule about it is a mistake.

use std::collections::BTreeSet;

use paytwice_checkers::names::{did_you_mean, list};

use super::catalogue::line;
use super::fill::placeholders;
use super::manifest::Method;
use super::point_action::{ACTIONS, PointAction};
use super::point_rule::{PointRule, PointSelection};
use super::target::{CLIENT, LinkDef, Target};
use super::types::FaultSpec;
use crate::dependency::PointsOf;
use crate::stack::Ready;
use crate::wire::{Duplicated, PointDef, Protocol};

/// A named event on a link.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Point {
    /// The link.
    pub link: String,
    /// Its name there, with its way: `COMMIT reply`.
    pub name: String,
}

impl std::fmt::Display for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.link, self.name)
    }
}

/// Every point of a target, by link.
pub fn points(target: &Target) -> Vec<Point> {
    let of = |link: LinkDef| {
        let points = points_of(target, &link).into_iter();
        points.map(move |point| Point {
            link: link.name.clone(),
            name: point.name,
        })
    };
    target.links().into_iter().flat_map(of).collect()
}

/// Whether a text stands in the name of any point that a rule can give, link included.
pub(crate) fn in_a_name(target: &Target, text: &str) -> bool {
    let mut between = target.links().into_iter().filter(calls_between_services);
    points(target).iter().any(|point| point.to_string().contains(text))
        || between.any(|link| {
            // The manifest does not tell which calls these are.
            text.contains('/')
                || Method::ALL
                    .iter()
                    .any(|method| format!("{link} {}", method.name()).contains(text))
        })
}

/// Whether calls of one service to another cross a link.
fn calls_between_services(link: &LinkDef) -> bool {
    link.protocol == Protocol::Http && link.from != CLIENT
}

/// The points of a link, with what can be done at each.
pub(crate) fn points_of(target: &Target, link: &LinkDef) -> BTreeSet<PointDef> {
    match target.manifest.services.contains_key(&link.to_of) {
        true => http(target, link),
        false => of_dependency(target, link),
    }
}

/// The text of `paytwice list points`.
pub(super) fn listing(target: &Target) -> String {
    let mut text = format!(
        "points of {}, as rules name them: POINT [#N] [tx=T] [P%]: ACTION\n",
        target.manifest.name
    );
    let mut last = String::new();
    for point in points(target) {
        if point.link != last {
            text.push('\n');
            last.clone_from(&point.link);
        }
        line(&mut text, &format!("  {point}"));
    }
    line(&mut text, "\nactions, each with an example\n");
    for (_, form, about, legality) in ACTIONS {
        line(&mut text, &format!("  {form:<32} {about} ({legality})"));
    }
    for words in [
        "",
        "#N     only the N-th frame of the point",
        "tx=T   only frames that carry the key T; tx=*: any key",
        "P%     a share of the frames, drawn from the seed",
        "",
        "between POINT and POINT #N: ACTION",
        "       acts on the frame after which N keys have passed the first point and not the second",
        "",
        "A COMMIT whose connection is lost: `COMMIT request: reset before` (the server does not execute it),",
        "`COMMIT reply: reset before` (it does, and the client does not learn it)",
    ] {
        line(&mut text, words);
    }
    text
}

/// Whether everything that a rule names is there.
pub(super) fn check_rule(target: &Target, rule: &PointRule) -> Result<(), String> {
    let (link, point) = check_point(target, &rule.at)?;
    check_action(&link, &point, &rule.action)?;
    if let PointAction::HoldUntil(until) = &rule.action {
        check_point(target, until)?;
    }
    if let PointAction::Trigger { fault, .. } = &rule.action {
        return check_fault(target, fault);
    }
    if let Some(party) = rule.action.party() {
        check_party(target, party)?;
    }
    Ok(())
}

/// Whether what crosses the point can be done that to.
fn check_action(link: &LinkDef, point: &PointDef, action: &PointAction) -> Result<(), String> {
    let (at, name) = (&link.name, &point.name);
    let delivery = point.twice == Some(Duplicated::Delivery);
    match action {
        PointAction::FailAndClose if !link.protocol.fails_and_closes() => Err(format!(
            "`fail and close` is what clients that send or receive messages recover from fast; {at} carries none: `reset \
             before` or `reset after` ends a connection there"
        )),
        PointAction::Redeliver(_) if !delivery => Err(format!(
            "`{action}` delivers a message to its consumer again; {at} {name} is no `DELIVER ...` point"
        )),
        PointAction::Duplicate { copies, after_ms } if delivery && (*copies, *after_ms) != (1, 0) => Err(format!(
            "`{action}`: a consumer asks for its messages, so one comes again as its own action says: `rewind` (pulled \
             again) or `twice` (in one answer); `duplicate` draws one of them"
        )),
        PointAction::Duplicate { .. } if point.twice.is_none() => Err(format!(
            "{at} {name} cannot arrive twice; HTTP requests, `SEND ... request` and `DELIVER ...` can"
        )),
        _ => Ok(()),
    }
}

/// Whether what a fault is done to is there.
fn check_fault(target: &Target, fault: &FaultSpec) -> Result<(), String> {
    match fault {
        FaultSpec::Kill { on } | FaultSpec::Pause { on } => check_party(target, on),
        _ => check_link(target, fault.on()).map(drop),
    }
}

fn check_party(target: &Target, party: &str) -> Result<(), String> {
    let parties = target.parties();
    let known: Vec<&str> = parties.iter().map(|party| party.name.as_str()).collect();
    if known.contains(&party) {
        return Ok(());
    }
    let hint = did_you_mean(party, known.iter().copied());
    Err(format!(
        "there is no party {party:?}; this target has {}{hint}",
        list(known)
    ))
}

fn check_point(target: &Target, at: &PointSelection) -> Result<(LinkDef, PointDef), String> {
    let found = check_name(target, &at.link, &at.point)?;
    if let Some(other) = &at.not_yet {
        check_name(target, &other.link, &other.name)?;
    }
    Ok(found)
}

fn check_name(target: &Target, link: &str, name: &str) -> Result<(LinkDef, PointDef), String> {
    let link = check_link(target, link)?;
    let points = points_of(target, &link);
    let names: Vec<&str> = points.iter().map(|point| point.name.as_str()).collect();
    let known = points.iter().find(|point| point.name == name).cloned();
    match known.or_else(|| call_between_services(&link, name, &names)) {
        Some(point) => Ok((link, point)),
        None => Err(format!(
            "{link} has no point {name:?}; near it: {} (`paytwice list points` shows all)",
            list(nearest(name, &names))
        )),
    }
}

/// A call that one service can make to another: the manifest does not tell of those that no client makes. What is nearly
/// the name of a known point is a typing error.
fn call_between_services(link: &LinkDef, name: &str, known: &[&str]) -> Option<PointDef> {
    if !calls_between_services(link) || known.iter().any(|other| strsim::damerau_levenshtein(name, other) <= 2) {
        return None;
    }
    let (call, _) = name.rsplit_once(' ')?;
    let (method, path) = call.split_once(' ')?;
    let is_call =
        Method::ALL.iter().any(|known| known.name() == method) && path.starts_with('/') && !path.contains(' ');
    let found = PointDef::http(call).into_iter().find(|point| point.name == name);
    found.filter(|_| is_call)
}

fn check_link(target: &Target, link: &str) -> Result<LinkDef, String> {
    let links = target.links();
    let known: Vec<&str> = links.iter().map(|link| link.name.as_str()).collect();
    if let Some(found) = links.iter().find(|known| known.name == link) {
        return Ok(found.clone());
    }
    let hint = did_you_mean(link, known.iter().copied());
    Err(format!(
        "there is no link {link:?}; this target has {}{hint}",
        list(known)
    ))
}

/// The few names that are most like a mistyped one.
fn nearest<'a>(name: &str, names: &[&'a str]) -> Vec<&'a str> {
    let mut names = names.to_vec();
    let wanted = name.to_lowercase();
    names.sort_by_cached_key(|known| strsim::damerau_levenshtein(&wanted, &known.to_lowercase()));
    names.truncate(3);
    names
}

fn http(target: &Target, link: &LinkDef) -> BTreeSet<PointDef> {
    let manifest = &target.manifest;
    let mut points = BTreeSet::new();
    // A call between services may be any that clients can make.
    let requests = manifest.http_requests();
    for call in requests
        .iter()
        .map(|request| request.call)
        .filter(|call| call.service == link.to_of)
    {
        points.extend(PointDef::http(&format!(
            "{} {}",
            call.method,
            template(target, call.path())
        )));
    }
    // What no client calls is a call between services, of any method.
    let called = |template: &str| requests.iter().any(|request| fits(template, request.call.path()));
    if link.from != CLIENT {
        for template in templates(target).filter(|template| !called(template)) {
            for method in Method::ALL {
                points.extend(PointDef::http(&format!("{method} {template}")));
            }
        }
    }
    if let Some(Ready::Http(path)) = manifest.services.get(&link.to_of).map(|service| &service.ready) {
        points.extend(PointDef::http(&format!("GET {path}")));
    }
    points
}

/// The templates of paths that keys stand in.
fn templates(target: &Target) -> impl Iterator<Item = &str> {
    target.manifest.keys.values().flat_map(|key| key.places("path"))
}

/// The template that names a path of a call; the path itself where none fits.
fn template(target: &Target, path: &str) -> String {
    let template = templates(target).find(|template| fits(template, path));
    template.unwrap_or(path).to_owned()
}

/// Whether a template, with names in braces, names a path with placeholders.
fn fits(template: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(w), Some(g)) if w == g || (w.starts_with('{') && g.starts_with("${")) => {}
            _ => return false,
        }
    }
}

/// The points of a link to a dependency, as its kind names them.
fn of_dependency(target: &Target, link: &LinkDef) -> BTreeSet<PointDef> {
    let Some(of) = target.declared(&link.to_of) else {
        return BTreeSet::new();
    };
    let file = |path: &str| std::fs::read_to_string(target.dir.join(path)).unwrap_or_default();
    let told = match target.manifest.services.get(&link.from_of) {
        Some(service) => service
            .env
            .values()
            .filter_map(|value| placeholders(value).ok())
            .flatten()
            .map(str::to_owned)
            .collect(),
        None => BTreeSet::new(),
    };
    let keys = target.manifest.keys.values().flat_map(|key| key.places("sql"));
    of.entry.kind.facts().points(&PointsOf {
        of,
        all: &target.manifest.dependencies,
        told,
        xa: target
            .manifest
            .keys
            .values()
            .any(|key| key.places("xa").next().is_some()),
        keyed: keys.filter_map(|place| place.split('.').next()).collect(),
        file: &file,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_names_come_first() {
        let names = ["COMMIT reply", "COMMIT request", "BEGIN reply", "INSERT orders reply"];
        assert_eq!(nearest("COMIT reply", &names)[0], "COMMIT reply");
    }
}
