//! `soft-state`: how long things stay half done, from one event to another, by key; judged by
//! [`soft_state`](crate::process::soft_state).
//!
//! It begins when a client is told that an action succeeded, or with a frame of the wire; it ends with the first frame that
//! arrives at a point, or has a role. What was done before its client knew was never half done.
//! One that is half done when the history ends, for less than `max`, makes the verdict unknown.

use std::collections::HashMap;

use super::support::{Keys, NAME_OPTION, Point, at, doubted, key_name};
use super::{Entry, How, Judge, Options};
use crate::history::{Body, Event, FaultStage, Header, Kind, Role, Text};
use crate::process::soft_state::{self, Options as Limits, SoftState};
use crate::run::Facts;
use crate::streaming::{At, Names, Streaming};
use crate::verdict::{CheckerResult, decided};

pub(super) const ENTRY: Entry = Entry {
    name: soft_state::NAME,
    about: "how long things stay half done, from one event to another",
    options: &[
        NAME_OPTION,
        (
            "key",
            "the key by which both ends are known; default: that of the subject that the action starts",
        ),
        (
            "from",
            "{ action = ACTION }, { point = \"LINK POINT\" } or { role = ROLE }: what begins it",
        ),
        ("to", "{ point = \"LINK POINT\" } or { role = ROLE }: what ends it"),
        ("max", "how long at most"),
        ("p99", "how long at most in 99 of 100"),
        (
            "recovery",
            "how long at most until all is done that was half done when a fault was healed",
        ),
    ],
    anomalies: &["window-exceeded", "p99-exceeded", "recovery-exceeded", "unfinished"],
    decides: &[decided(
        "what begins and ends it, by key and time; what a fault held up is excused by as long as it was in force",
    )],
    how: How::Own(make),
};

/// Roles by name.
const ROLES: [(&str, Role); 7] = [
    ("sent", Role::Sent),
    ("delivered", Role::Delivered),
    ("acknowledged", Role::Acknowledged),
    ("prepared", Role::Prepared),
    ("committed", Role::Committed),
    ("rolled-back", Role::RolledBack),
    ("asked-back", Role::AskedBack),
];

/// What begins or ends it.
enum Mark {
    Action(String),
    Point(Point),
    Role(Role),
}

struct Window {
    key: String,
    from: Mark,
    to: Mark,
    limits: Limits,
    p99: Option<u64>,
    keys: Keys,
    /// Every beginning and end, with the key as it was given.
    begun: Vec<(At, u32)>,
    ended: Vec<(At, u32)>,
    healed: Vec<(At, u32)>,
    faults: HashMap<u32, String>,
    end: At,
}

fn make(options: &mut Options, header: &Header) -> Option<Box<dyn Judge>> {
    let from = mark(options, "from", header, "{ action = \"order\" }");
    let to = mark(options, "to", header, "{ role = \"delivered\" }");
    if matches!(to, Some(Mark::Action(_))) {
        options.say("to.action", "is no end; it can be a point or a role");
    }
    let starts = match &from {
        Some(Mark::Action(action)) => header.actions[action].starts.as_ref(),
        _ => None,
    };
    let default = starts.and_then(|kind| header.subjects.get(kind)?.key.clone());
    let key = match options.value("key") {
        None if default.is_some() => default,
        _ => key_name(options, "key", header),
    };
    let limits = Limits {
        window_ns_max: options.duration_ns("max"),
        recovery_ns_max: options.duration_ns("recovery"),
    };
    let p99 = options.duration_ns("p99");
    if ["max", "p99", "recovery"]
        .iter()
        .all(|limit| options.value(limit).is_none())
    {
        options.say(
            "max",
            "is missing: a promise has a limit, max = \"30s\", p99 = \"5s\" or recovery = \"30s\"",
        );
    }
    let (key, from, to) = (key?, from?, to?);
    options.is_fine().then(|| {
        Box::new(Window {
            keys: Keys::named(header, &key),
            key,
            from,
            to,
            limits,
            p99,
            begun: Vec::new(),
            ended: Vec::new(),
            healed: Vec::new(),
            faults: HashMap::new(),
            end: At::default(),
        }) as Box<dyn Judge>
    })
}

fn mark(options: &mut Options, name: &str, header: &Header, example: &str) -> Option<Mark> {
    if options.value(name).is_none() {
        options.say(name, format!("is missing; for example {name} = {example}"));
        return None;
    }
    if !options.table(name, &["action", "point", "role"]) {
        return None;
    }
    let inner = |key: &str| format!("{name}.{key}");
    let given: Vec<&str> = ["action", "point", "role"]
        .into_iter()
        .filter(|key| options.value(&inner(key)).is_some())
        .collect();
    match given[..] {
        ["action"] => {
            let actions = header.actions.keys().map(String::as_str);
            options
                .name(&inner("action"), "action", actions)
                .map(|action| Mark::Action(action.to_owned()))
        }
        ["point"] => Point::read(options, &inner("point")).map(Mark::Point),
        ["role"] => {
            let role = options.text(&inner("role"))?;
            options.chosen(&inner("role"), "role", role, ROLES.iter().map(|(name, _)| *name));
            ROLES
                .iter()
                .find(|(name, _)| *name == role)
                .map(|(_, role)| Mark::Role(*role))
        }
        _ => {
            options.say(
                name,
                format!("has to say one of action, point and role, as in {example}"),
            );
            None
        }
    }
}

impl Mark {
    /// The keys of what an event shows, where it is one of these.
    fn keys<'e>(&self, event: &'e Event, key: &str) -> &'e [Text] {
        match (self, &event.body) {
            (Mark::Action(action), Body::Op(op))
                if op.action == *action && event.kind == Kind::Ok && op.changed.is_empty() =>
            {
                std::slice::from_ref(&op.subject)
            }
            (Mark::Point(point), Body::Wire(wire)) if point.is(wire) && wire.arrived() => wire.key(key),
            (Mark::Role(role), Body::Wire(wire)) if wire.role == *role && wire.arrived() => wire.key(key),
            _ => &[],
        }
    }

    /// That it was never seen.
    fn never(&self, key: &str) -> String {
        match self {
            Mark::Action(action) => format!("no {action} ended ok"),
            Mark::Point(point) => format!("no frame of {point} carried {key}"),
            Mark::Role(role) => {
                let name = ROLES
                    .iter()
                    .find(|(_, other)| other == role)
                    .map_or("plain", |(name, _)| *name);
                format!("no frame that is {name} carried {key}")
            }
        }
    }
}

impl Judge for Window {
    fn observe(&mut self, event: &Event) {
        self.end = at(event);
        for key in self.from.keys(event, &self.key) {
            self.begun.push((at(event), self.keys.number(key)));
        }
        for key in self.to.keys(event, &self.key) {
            self.ended.push((at(event), self.keys.number(key)));
        }
        match &event.body {
            Body::Op(op) => {
                if let Some(given) = op.said(&self.key) {
                    let (given, subject) = (self.keys.number(given), self.keys.number(&op.subject));
                    self.keys.is_also(given, subject);
                }
            }
            Body::Fault(step) if step.step == FaultStage::Healed => {
                self.faults
                    .insert(step.id, format!("{} {} #{}", step.fault, step.on, step.id));
                self.healed.push((at(event), step.id));
            }
            _ => {}
        }
    }

    fn finish(self: Box<Self>, run: &Facts) -> CheckerResult {
        let mut doubts = Vec::new();
        for (mark, seen) in [(&self.from, &self.begun), (&self.to, &self.ended)] {
            if seen.is_empty() {
                doubts.push(mark.never(&self.key));
            }
        }
        if run.cut_short {
            doubts.extend(run.incomplete());
        }
        // Without a limit what never ends is accused at once: only where the target had come to rest.
        let restless = run.restless().filter(|_| self.limits.window_ns_max.is_none());
        let over = !run.cut_short && restless.is_none();
        doubts.extend(restless);
        let mut first: HashMap<u32, At> = HashMap::new();
        for (at, key) in &self.ended {
            first.entry(self.keys.subject(*key)).or_insert(*at);
        }
        let mut events: Vec<(At, u8, soft_state::Event)> = Vec::new();
        let mut known: std::collections::HashSet<u32> = std::collections::HashSet::new();
        for (at, key) in &self.begun {
            let id = self.keys.subject(*key);
            if !known.insert(id) {
                continue;
            }
            events.push((*at, 0, soft_state::Event::Entered(id)));
            if let Some(end) = first.get(&id) {
                let end = if end.index > at.index { *end } else { *at };
                events.push((end, 1, soft_state::Event::Left(id)));
            }
        }
        events.extend(
            self.healed
                .iter()
                .map(|(at, fault)| (*at, 2, soft_state::Event::Healed(*fault))),
        );
        events.sort_by_key(|(at, turn, _)| (at.index, *turn));
        if doubts.is_empty() {
            doubts.extend(self.still_inside(&first));
        }
        let mut checker = SoftState::new(self.limits).p99_ns_max(self.p99);
        for (at, _, event) in events {
            checker.push(at, event);
        }
        if over {
            checker.push(self.end, soft_state::Event::Ended);
        }
        let named = Named {
            keys: &self.keys,
            faults: &self.faults,
        };
        doubted(checker.finish_named(&named), doubts)
    }
}

impl Window {
    /// That some are half done at the end, and their time is not over: whether they will be done in time nobody knows.
    fn still_inside(&self, first: &HashMap<u32, At>) -> Option<String> {
        let max = self.limits.window_ns_max?;
        let took = |begun: &At| self.end.time.saturating_sub(begun.time);
        let mut known = std::collections::HashSet::new();
        let mut inside = self.begun.iter().filter_map(|(begun, key)| {
            let id = self.keys.subject(*key);
            let counts = known.insert(id) && !first.contains_key(&id) && took(begun) <= max;
            counts.then_some((begun, id))
        });
        let (begun, id) = inside.next()?;
        let others = match inside.count() {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        Some(format!(
            "{} was still half done when the history ended, after {} ms; {} ms are promised{others}",
            self.keys.said("", id),
            took(begun) / 1_000_000,
            max / 1_000_000
        ))
    }
}

struct Named<'a> {
    keys: &'a Keys,
    faults: &'a HashMap<u32, String>,
}

impl Names for Named<'_> {
    fn id(&self, id: u32) -> String {
        self.keys.name(id).to_owned()
    }

    fn said(&self, noun: &str, id: u32) -> String {
        self.keys.said(noun, id)
    }

    fn key(&self, fault: u32) -> String {
        self.faults.get(&fault).cloned().unwrap_or_default()
    }
}
