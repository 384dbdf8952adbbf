//! `schedule`: attempts come when they were promised, and none once one was acknowledged; judged by
//! [`schedule`](crate::process::schedule).
//!
//! An attempt is a frame at a point of the wire, as its sender sent it: it counts where a link dropped it, and its copies do
//! not. It is acknowledged by a frame at another point that arrives; one without a key answers the last attempt on its
//! connection. An attempt may be late by as long as any fault was in force since the one before; it may never be early.
//! Unknown where the history ends before any further attempt was due, and nothing was acknowledged.

use std::collections::HashMap;

use super::support::{Keys, NAME_OPTION, Point, at, doubted, key_name};
use super::{Entry, How, Judge, Options};
use crate::history::{Body, Deed, Event, Header, Text, Wire};
use crate::process::schedule::{self, Schedule, Since};
use crate::run::Facts;
use crate::streaming::{At, Streaming};
use crate::verdict::{CheckerResult, Verdict, decided};

pub(super) const ENTRY: Entry = Entry {
    name: schedule::NAME,
    about: "attempts come when they were promised, and none once one was acknowledged",
    options: &[
        NAME_OPTION,
        ("point", "\"LINK POINT\": where attempts are seen"),
        ("key", "the key that says what an attempt is for"),
        (
            "steps",
            "how long after the attempt before each further one comes, as in [\"1m\", \"5m\"]; the first is not judged",
        ),
        (
            "factor",
            "by how much time runs faster in the run, as in 0.001; default: 1",
        ),
        (
            "since",
            "\"previous\" or \"first\": the attempt that steps count from; default: \"previous\"",
        ),
        (
            "tolerance",
            "how much too early or too late is still right; default: \"1s\"",
        ),
        (
            "until",
            "\"LINK POINT\": the frame that acknowledges an attempt; default: none does",
        ),
    ],
    anomalies: &["early", "late", "missing", "extra", "after-ack"],
    decides: &[decided(
        "the times of the attempts on the wire; what a fault held up is excused by as long as it was in force",
    )],
    how: How::Own(make),
};

/// What is still right where nothing is said.
const TOLERANCE_NS: u64 = 1_000_000_000;

/// The bounds of the factor.
const FACTORS: (f64, f64) = (0.000_001, 1_000.0);

struct Attempts {
    point: Point,
    until: Option<Point>,
    key: String,
    keys: Keys,
    options: schedule::Options,
    seen: Vec<(At, schedule::Event)>,
    /// The last attempt on a connection.
    on: HashMap<(Text, u64), u32>,
    frames: u64,
    end: At,
}

fn make(options: &mut Options, header: &Header) -> Option<Box<dyn Judge>> {
    options.needed("point", "\"notifier->receiver POST /notify request\"");
    let point = Point::read(options, "point");
    let until = Point::read(options, "until");
    let key = key_name(options, "key", header);
    let delays_ns = steps(options);
    let since = match options.text("since") {
        None | Some("previous") => Since::Previous,
        Some("first") => Since::Begin,
        Some(other) => {
            options.say("since", format!("is {other:?}; it can be \"previous\" or \"first\""));
            Since::Previous
        }
    };
    let tolerance = options.duration_ns("tolerance").unwrap_or(TOLERANCE_NS);
    let (point, key) = (point?, key?);
    options.is_fine().then(|| {
        Box::new(Attempts {
            point,
            until,
            keys: Keys::named(header, &key),
            key,
            options: schedule::Options {
                delays_ns,
                since,
                early_ns_max: tolerance,
                late_ns_max: tolerance,
                silence_ns: 0,
            },
            seen: Vec::new(),
            on: HashMap::new(),
            frames: 0,
            end: At::default(),
        }) as Box<dyn Judge>
    })
}

/// The delay of each attempt: none of the first, then the steps.
fn steps(options: &mut Options) -> Vec<u64> {
    options.needed_texts("steps", "[\"1m\", \"5m\"]");
    let steps = options.durations_ns("steps").unwrap_or_default();
    let factor = options.number("factor").unwrap_or(1.0);
    if !(FACTORS.0..=FACTORS.1).contains(&factor) {
        options.say(
            "factor",
            format!("is {factor}; it can be from {} to {}", FACTORS.0, FACTORS.1),
        );
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a length of time, to the microsecond"
    )]
    let scaled = steps.iter().map(|ns| (*ns as f64 * factor) as u64);
    std::iter::once(0).chain(scaled).collect()
}

impl Attempts {
    fn attempt(&mut self, wire: &Wire, event: &Event) {
        self.frames += 1;
        if wire.did.iter().any(|deed| matches!(deed, Deed::Copy | Deed::FromLink)) {
            return;
        }
        for key in wire.key(&self.key) {
            let id = self.keys.number(key);
            self.on.insert((wire.link.clone(), wire.conn), id);
            self.seen.push((at(event), schedule::Event::Attempt(id)));
        }
    }

    fn answer(&mut self, wire: &Wire, event: &Event) {
        let made_here = |deed: &Deed| matches!(deed, Deed::Answered(_) | Deed::FromLink | Deed::Copy);
        if !wire.arrived() || wire.did.iter().any(made_here) {
            return;
        }
        // The sender was stopped with the answer in its hands: whether it took it in is not known.
        let unsure = wire.did.contains(&Deed::StoppedAfter);
        let answered = |id| {
            if unsure {
                schedule::Event::AckUnknown(id)
            } else {
                schedule::Event::Acked(id)
            }
        };
        let mut ids: Vec<u32> = wire.key(&self.key).iter().map(|key| self.keys.number(key)).collect();
        if ids.is_empty() {
            ids.extend(self.on.remove(&(wire.link.clone(), wire.conn)));
        }
        self.seen.extend(ids.into_iter().map(|id| (at(event), answered(id))));
    }
}

impl Judge for Attempts {
    fn observe(&mut self, event: &Event) {
        self.end = at(event);
        let Body::Wire(wire) = &event.body else { return };
        if self.point.is(wire) {
            self.attempt(wire, event);
        }
        if self.until.as_ref().is_some_and(|until| until.is(wire)) {
            self.answer(wire, event);
        }
    }

    fn finish(self: Box<Self>, run: &Facts) -> CheckerResult {
        let mut doubts = Vec::new();
        match self.frames {
            0 => doubts.push(format!("no frame of {} was seen", self.point)),
            _ if self.seen.is_empty() => doubts.push(format!("no frame of {} carried {}", self.point, self.key)),
            _ => {}
        }
        if run.cut_short {
            doubts.extend(run.incomplete());
        }
        let Attempts {
            keys,
            options,
            seen,
            end,
            ..
        } = *self;
        let faults = Faults::of(run);
        let mut checker = Schedule::new(options);
        let mut before: HashMap<u32, u64> = HashMap::new();
        // A further attempt is judged by its step; an acknowledgement says that there is none.
        let mut judged = false;
        for (at, event) in seen {
            judged |= matches!(event, schedule::Event::Acked(_));
            if let schedule::Event::Attempt(id) = event
                && let Some(from) = before.insert(id, at.time)
            {
                judged = true;
                let ns = faults.within(from, at.time);
                checker.push(at, schedule::Event::Allowed { id, ns });
            }
            checker.push(at, event);
        }
        for (id, from) in before {
            let ns = faults.within(from, end.time);
            checker.push(end, schedule::Event::Allowed { id, ns });
        }
        if !run.cut_short {
            checker.push(end, schedule::Event::Ended);
        }
        let result = checker.finish_named(&keys);
        if !judged && result.verdict == Verdict::Valid && doubts.is_empty() {
            doubts.push("the history ended before a second attempt was due: no step was judged".to_owned());
        }
        doubted(result, doubts)
    }
}

/// When any fault was in force: spans that do not overlap, in order.
struct Faults(Vec<(u64, u64)>);

impl Faults {
    fn of(run: &Facts) -> Faults {
        let mut spans: Vec<(u64, u64)> = run
            .faults
            .iter()
            .filter_map(|fault| fault.in_force())
            .map(|(from, to)| (from, to.unwrap_or(run.end_ns)))
            .collect();
        spans.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::new();
        for (from, to) in spans {
            match merged.last_mut() {
                Some((_, last)) if from <= *last => *last = to.max(*last),
                _ => merged.push((from, to)),
            }
        }
        Faults(merged)
    }

    /// For how long one was, between two moments.
    fn within(&self, from: u64, to: u64) -> u64 {
        let overlap = |(begin, end): &(u64, u64)| (*end).min(to).saturating_sub((*begin).max(from));
        self.0.iter().map(overlap).sum()
    }
}
