//! The wire points of a target: every name that a rule can give, from its manifest and the protocols of its links.
//!
//! HTTP points come from the calls of clients and the paths that keys stand in, MySQL points from the tables that the
//! schema files make and that keys stand in, RocketMQ points from topics and groups. What else crosses a link has a name
//! too, or none; a rule about it is a mistake.

use std::collections::BTreeSet;

use super::catalogue::line;
use super::error::{did_you_mean, list};
use super::fill::placeholders;
use super::manifest::{DependencyKind, Method, TopicKind};
use super::point_action::{ACTIONS, PointAction};
use super::point_rule::{PointRule, PointSelection};
use super::target::{LinkDef, LinkKind, Target};
use super::types::FaultSpec;

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

/// The party that stands for all clients.
const CLIENT: &str = "client";

/// Points of MySQL that need no table.
const MYSQL_POINTS: [&str; 9] = [
    "CONNECT",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "SELECT",
    "PREPARE SELECT",
    "SET",
    "PING",
    "SHOW",
];
/// Statements that name a table.
const MYSQL_VERBS: [&str; 4] = ["SELECT", "INSERT", "UPDATE", "DELETE"];

/// Every point of a target, by link.
pub fn points(target: &Target) -> Vec<Point> {
    let mut points = Vec::new();
    for link in target.links() {
        let names: BTreeSet<String> = match link.kind {
            LinkKind::Http => http(target, &link),
            LinkKind::Mysql => mysql(target, &link),
            LinkKind::Rocketmq => rocketmq(target, &link),
        };
        points.extend(names.into_iter().map(|name| Point {
            link: link.name.clone(),
            name,
        }));
    }
    points
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
    let points = points(target);
    check_point(target, &points, &rule.at)?;
    check_action(target, rule)?;
    if let PointAction::HoldUntil(until) = &rule.action {
        check_point(target, &points, until)?;
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
fn check_action(target: &Target, rule: &PointRule) -> Result<(), String> {
    let links = target.links();
    let Some(link) = links.iter().find(|link| link.name == rule.at.link) else {
        return Ok(());
    };
    let (at, action, point) = (&rule.at.link, &rule.action, rule.at.point.as_str());
    let delivery = link.kind == LinkKind::Rocketmq && point.starts_with("DELIVER ");
    match action {
        PointAction::FailAndClose if link.kind != LinkKind::Rocketmq => Err(format!(
            "`fail and close` is what a RocketMQ client recovers from fast; {at} is none of its links: `reset before` or \
             `reset after` ends a connection there"
        )),
        PointAction::Redeliver(_) if !delivery => Err(format!(
            "`{action}` delivers a message to its consumer again; {at} {point} is no `DELIVER ...` point"
        )),
        PointAction::Duplicate { copies, after_ms } if delivery && (*copies, *after_ms) != (1, 0) => Err(format!(
            "`{action}`: a consumer asks for its messages, so one comes again as its own action says: `rewind` (pulled \
             again) or `twice` (in one answer); `duplicate` draws one of them"
        )),
        PointAction::Duplicate { .. } if !can_be_duplicated(link.kind, point) => Err(format!(
            "{at} {point} cannot arrive twice; HTTP requests, `SEND ... request` and `DELIVER ...` can"
        )),
        _ => Ok(()),
    }
}

/// Whether the protocol of a link has a way to make such a frame arrive twice.
pub(crate) fn can_be_duplicated(kind: LinkKind, point: &str) -> bool {
    match kind {
        LinkKind::Http => point.ends_with(" request"),
        LinkKind::Rocketmq => {
            point.starts_with("DELIVER ") || (point.starts_with("SEND ") && point.ends_with(" request"))
        }
        LinkKind::Mysql => false,
    }
}

/// Whether what a fault is done to is there.
fn check_fault(target: &Target, fault: &FaultSpec) -> Result<(), String> {
    match fault {
        FaultSpec::Kill { on } | FaultSpec::Pause { on } => check_party(target, on),
        _ => check_link(target, fault.on()),
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

fn check_point(target: &Target, points: &[Point], at: &PointSelection) -> Result<(), String> {
    check_name(target, points, &at.link, &at.point)?;
    match &at.not_yet {
        Some(other) => check_name(target, points, &other.link, &other.name),
        None => Ok(()),
    }
}

fn check_name(target: &Target, points: &[Point], link: &str, name: &str) -> Result<(), String> {
    check_link(target, link)?;
    let names = points.iter().filter(|point| point.link == link);
    let names: Vec<&str> = names.map(|point| point.name.as_str()).collect();
    if names.contains(&name) || is_call_between_services(target, link, name, &names) {
        return Ok(());
    }
    Err(format!(
        "{link} has no point {name:?}; near it: {} (`paytwice list points` shows all)",
        list(nearest(name, &names))
    ))
}

/// Whether it names a call that one service can make to another: the manifest does not tell of those that no client makes.
/// What is nearly the name of a known point is a typing error.
fn is_call_between_services(target: &Target, link: &str, name: &str, known: &[&str]) -> bool {
    let links = target.links();
    let between = |def: &&LinkDef| def.name == link && def.kind == LinkKind::Http && def.from != CLIENT;
    let words: Vec<&str> = name.split(' ').collect();
    let is_call = matches!(words[..], [method, path, "request" | "reply"]
        if Method::ALL.iter().any(|known| known.name() == method) && path.starts_with('/'));
    links.iter().any(|def| between(&def))
        && is_call
        && !known.iter().any(|other| strsim::damerau_levenshtein(name, other) <= 2)
}

fn check_link(target: &Target, link: &str) -> Result<(), String> {
    let links = target.links();
    let known: Vec<&str> = links.iter().map(|link| link.name.as_str()).collect();
    if known.contains(&link) {
        return Ok(());
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

fn both(name: &str) -> [String; 2] {
    [format!("{name} request"), format!("{name} reply")]
}

fn http(target: &Target, link: &LinkDef) -> BTreeSet<String> {
    let manifest = &target.manifest;
    let mut names = BTreeSet::new();
    // A call between services may be any that clients can make.
    let requests = manifest.http_requests();
    for call in requests
        .iter()
        .map(|request| request.call)
        .filter(|call| call.service == link.to)
    {
        names.extend(both(&format!("{} {}", call.method, template(target, call.path()))));
    }
    // What no client calls is a call between services, of any method.
    let called = |template: &str| requests.iter().any(|request| fits(template, request.call.path()));
    if link.from != CLIENT {
        for template in templates(target).filter(|template| !called(template)) {
            for method in Method::ALL {
                names.extend(both(&format!("{method} {template}")));
            }
        }
    }
    if let Some(service) = manifest.services.get(&link.to) {
        names.extend(both(&format!("GET {}", service.ready)));
    }
    names
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

fn mysql(target: &Target, link: &LinkDef) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = MYSQL_POINTS.iter().flat_map(|name| both(name)).collect();
    let Some(service) = target.manifest.services.get(&link.from) else {
        return names;
    };
    let wanted: BTreeSet<String> = service
        .env
        .values()
        .filter_map(|value| placeholders(value).ok())
        .flatten()
        .filter_map(|placeholder| placeholder.strip_prefix("database.").map(str::to_owned))
        .collect();
    for (dependency, name, database) in target.manifest.databases() {
        if dependency != link.to || !(wanted.is_empty() || wanted.contains(name)) {
            continue;
        }
        // A schema that cannot be read is an error of the manifest, told where it is loaded.
        let schema = std::fs::read_to_string(target.dir.join(&database.schema)).unwrap_or_default();
        for table in tables(&schema) {
            names.extend(statements(&table));
        }
    }
    // A table that no schema file makes is one that the service makes itself; which one does is not known.
    let keys = target.manifest.keys.values().flat_map(|key| key.places("sql"));
    let tables = keys.filter_map(|place| place.split('.').next());
    for table in tables.filter(|table| !made(target, table)) {
        names.extend(statements(table));
    }
    names
}

/// The points of statements about a table.
fn statements(table: &str) -> impl Iterator<Item = String> {
    MYSQL_VERBS.into_iter().flat_map(move |verb| {
        let prepared = both(&format!("PREPARE {verb} {table}"));
        both(&format!("{verb} {table}")).into_iter().chain(prepared)
    })
}

/// Whether a schema file makes a table.
fn made(target: &Target, table: &str) -> bool {
    target.manifest.databases().any(|(_, _, database)| {
        let schema = std::fs::read_to_string(target.dir.join(&database.schema)).unwrap_or_default();
        tables(&schema).iter().any(|made| made == table)
    })
}

/// Names of the tables that a schema makes.
fn tables(schema: &str) -> Vec<String> {
    let words: Vec<&str> = schema.split_whitespace().collect();
    let mut tables = Vec::new();
    for (at, pair) in words.windows(2).enumerate() {
        if !(pair[0].eq_ignore_ascii_case("CREATE") && pair[1].eq_ignore_ascii_case("TABLE")) {
            continue;
        }
        let rest = &words[at + 2..];
        let not_exists = ["IF", "NOT", "EXISTS"]
            .iter()
            .zip(rest)
            .all(|(a, b)| a.eq_ignore_ascii_case(b));
        let name = rest.get(if not_exists { 3 } else { 0 }).copied().unwrap_or_default();
        let name = name.split('(').next().unwrap_or_default().trim_matches('`');
        tables.push(name.rsplit('.').next().unwrap_or_default().trim_matches('`').to_owned());
    }
    tables
}

fn rocketmq(target: &Target, link: &LinkDef) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let manifest = &target.manifest;
    let Some(dependency) = manifest
        .dependencies
        .get(&link.to)
        .filter(|dependency| dependency.kind == DependencyKind::Rocketmq)
    else {
        return names;
    };
    let used: BTreeSet<String> = manifest.services.get(&link.from).map_or_else(BTreeSet::new, |service| {
        let values = service.env.values().filter_map(|value| placeholders(value).ok());
        values
            .flatten()
            .filter_map(|p| p.strip_prefix("group.").map(str::to_owned))
            .collect()
    });
    for (group, def) in dependency.groups.iter().filter(|(group, _)| used.contains(*group)) {
        match &def.topic {
            Some(topic) => {
                names.extend(both(&format!("ROUTE {topic}")));
                names.extend(both(&format!("ROUTE %RETRY%{group}")));
                names.insert(format!("DELIVER {topic}"));
                names.insert(format!("DELIVER %RETRY%{group}"));
                names.extend(both(&format!("CONSUMER_SEND_MSG_BACK {topic}")));
            }
            None => {
                for (topic, kind) in dependency.topics.iter().map(|(name, topic)| (name, topic.kind)) {
                    names.extend(both(&format!("ROUTE {topic}")));
                    names.extend(both(&format!("SEND {topic}")));
                    if kind == TopicKind::Transaction {
                        names.extend(both(&format!("SEND half {topic}")));
                        names.insert(format!("CHECK_TRANSACTION_STATE {topic} request"));
                    }
                }
                if dependency
                    .topics
                    .values()
                    .any(|topic| topic.kind == TopicKind::Transaction)
                {
                    for outcome in ["commit", "rollback", "unknown"] {
                        names.insert(format!("END_TRANSACTION {outcome} request"));
                    }
                }
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_found_however_they_are_written() {
        let schema =
            "CREATE TABLE a (id INT);\ncreate table if not exists `bank`.`b`(\n id INT);\nCREATE INDEX i ON a (id);";
        assert_eq!(tables(schema), ["a", "b"]);
    }

    #[test]
    fn the_nearest_names_come_first() {
        let names = ["COMMIT reply", "COMMIT request", "BEGIN reply", "INSERT orders reply"];
        assert_eq!(nearest("COMIT reply", &names)[0], "COMMIT reply");
    }
}
