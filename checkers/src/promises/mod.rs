//! What a target can promise, and the checker behind each promise: one entry for each, found by name.
//!
//! A promise names where its inputs come from: actions, views, points of the wire. [`problems`] says what is wrong with the
//! promises of a header, key by key; `make` turns them into checkers that are told a history event by event. A promise whose
//! inputs never came is unknown, and says which.

mod availability;
mod branches;
mod command;
mod conserved;
mod durability;
mod given;
mod key_order;
mod leftovers;
mod linearizable_reads;
mod monotonic_reads;
mod no_rows;
mod schedule;
mod soft_state;
mod state_machine;
mod support;

use std::rc::Rc;

pub(crate) use crate::options::Options;
pub use command::of_command;
pub use given::{Checker, check_given};

use crate::history::{Event, Header, Moment, Promise};
use crate::ledger::{self, Follow, Ledger, balance_convergence, exactly_once, honest_answers, idempotent_requests};
use crate::names::UnknownName;
use crate::run::Facts;
use crate::verdict::{CheckerResult, Completeness, Decides, decided};

/// A checker that is told a run event by event.
pub(crate) trait Judge {
    /// Takes in the next event.
    fn observe(&mut self, event: &Event);

    /// The columns that it needs of views.
    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    /// Decides.
    fn finish(self: Box<Self>, run: &Facts) -> CheckerResult;
}

/// A column that a promise needs of a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The view.
    pub view: String,
    /// Its column.
    pub column: String,
    /// The option that needs it, as in `promises[2].sum`.
    pub option: String,
}

/// How a promise is judged.
pub(crate) enum Made {
    /// By what a ledger has gathered.
    OfLedger {
        /// Which ledger.
        at: usize,
        /// The checker.
        check: fn(&Ledger) -> CheckerResult,
    },
    /// By a checker of its own.
    Own(Box<dyn Judge>),
    /// Not at all: it is wrong.
    Wrong(String),
}

/// What can be promised.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The name of its checker.
    pub name: &'static str,
    /// What it decides, in one line.
    pub about: &'static str,
    /// The options that it takes, each with what it means.
    pub options: &'static [(&'static str, &'static str)],
    /// The kinds of anomalies that it reports.
    pub anomalies: &'static [&'static str],
    /// How far its verdicts go.
    pub decides: &'static [Decides],
    how: How,
}

/// How a promise becomes a checker.
#[derive(Clone, Copy, Debug)]
enum How {
    /// From a ledger of its subjects.
    Ledger(fn(&Ledger) -> CheckerResult),
    /// From its own options.
    Own(fn(&mut Options, &Header) -> Option<Box<dyn Judge>>),
}

/// Everything that can be promised.
pub const PROMISES: &[Entry] = &[
    Entry {
        name: exactly_once::NAME,
        about: "every subject recorded as successful takes effect exactly once, and nothing else does",
        options: &ledger::OPTIONS,
        anomalies: &exactly_once::ANOMALIES,
        decides: &[
            Decides {
                of: "effects by rows or frames",
                completeness: Completeness::Decided,
                how: "the number of each subject's effects against its records",
            },
            Decides {
                of: "effects by the digits of a sum",
                completeness: Completeness::Inferred,
                how: "each holder's sum is read digit by digit; where one may carry into the next, the verdict is unknown",
            },
        ],
        how: How::Ledger(exactly_once::check),
    },
    Entry {
        name: balance_convergence::NAME,
        about: "every holder gains exactly what its recorded subjects add up to",
        options: &ledger::OPTIONS,
        anomalies: &balance_convergence::ANOMALIES,
        decides: &[decided(
            "what each holder gained against the sum of its successful records",
        )],
        how: How::Ledger(balance_convergence::check),
    },
    Entry {
        name: idempotent_requests::NAME,
        about: "one key of a client means one subject, one payload and one answer",
        options: &ledger::OPTIONS,
        anomalies: &idempotent_requests::ANOMALIES,
        decides: &[decided(
            "the answers and final rows of each key; rows that came and went are not seen",
        )],
        how: How::Ledger(idempotent_requests::check),
    },
    Entry {
        name: honest_answers::NAME,
        about: "no answer about a subject is contradicted by the truth",
        options: &ledger::OPTIONS,
        anomalies: &honest_answers::ANOMALIES,
        decides: &[decided("every definite answer against the rows and effects at the end")],
        how: How::Ledger(honest_answers::check),
    },
    branches::ENTRY,
    leftovers::ENTRY,
    no_rows::ENTRY,
    conserved::ENTRY,
    durability::ENTRY,
    availability::ENTRY,
    schedule::ENTRY,
    state_machine::ENTRY,
    key_order::ENTRY,
    soft_state::ENTRY,
    linearizable_reads::ENTRY,
    monotonic_reads::ENTRY,
    command::ENTRY,
];

/// The entry of a checker.
pub fn find(name: &str) -> Result<&'static Entry, UnknownName> {
    let found = PROMISES.iter().find(|entry| entry.name == name);
    found.ok_or_else(|| UnknownName::new("promise", name, PROMISES.iter().map(|entry| entry.name)))
}

/// Everything that is wrong with the promises of a header.
pub fn problems(header: &Header) -> Vec<String> {
    let mut problems = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    for (position, promise) in header.promises.iter().enumerate() {
        match one(header, position, promise) {
            Ok(One::Ledger(follow, _)) => problems.extend(not_read_at_rest(header, &follow)),
            Ok(One::Own(_)) => {}
            Err(wrong) => problems.extend(wrong),
        }
        let name = promise.options.get("name").and_then(serde_json::Value::as_str);
        let name = name.unwrap_or(&promise.checker);
        if names.contains(&name) {
            problems.push(format!(
                "promises[{position}] is another {name:?}; give it a name of its own, name = \"...\""
            ));
        }
        names.push(name);
    }
    problems
}

/// Whether a promise reads points of the wire.
pub fn reads_points(promise: &Promise) -> bool {
    promise.options.values().any(support::names_a_point)
}

/// Views without which nobody knows at rest what is to be repaired.
fn not_read_at_rest(header: &Header, follow: &Follow) -> Vec<String> {
    let repairs = follow.asked.iter().find(|(_, (repairs, _))| *repairs);
    let Some((action, _)) = repairs else { return Vec::new() };
    let recorded = follow.recorded.as_ref().map(|recorded| recorded.view.as_str());
    let views = recorded.into_iter().chain(follow.effect.view());
    let missing = views.filter(|view| header.views.get(*view).is_some_and(|at| !at.contains(&Moment::Rest)));
    let problem = |view| {
        format!("views.{view}.at lacks \"rest\": {action} repairs what is not done at rest, and that is read there")
    };
    missing.map(problem).collect()
}

/// The columns that the promises of a header need of its views; nothing of promises that are wrong, and of those about
/// subjects that a ledger follows.
pub fn needs(header: &Header) -> Vec<Need> {
    let mut needs = Vec::new();
    for (position, promise) in header.promises.iter().enumerate() {
        if let Ok(One::Own(judge)) = one(header, position, promise) {
            needs.extend(judge.needs().into_iter().map(|need| Need {
                option: format!("promises[{position}].{}", need.option),
                ..need
            }));
        }
    }
    needs
}

/// What is followed, each once, and how each promise of a header is judged, in its order.
pub(crate) fn make(header: &Header) -> (Vec<Rc<Follow>>, Vec<Made>) {
    let mut follows: Vec<Rc<Follow>> = Vec::new();
    let mut made = Vec::new();
    for (position, promise) in header.promises.iter().enumerate() {
        made.push(match one(header, position, promise) {
            Ok(One::Ledger(follow, check)) => {
                let known = follows.iter().position(|other| **other == *follow);
                let at = known.unwrap_or_else(|| {
                    follows.push(Rc::new(*follow));
                    follows.len() - 1
                });
                Made::OfLedger { at, check }
            }
            Ok(One::Own(judge)) => Made::Own(judge),
            Err(problems) => Made::Wrong(problems.join("; ")),
        });
    }
    (follows, made)
}

enum One {
    Ledger(Box<Follow>, fn(&Ledger) -> CheckerResult),
    Own(Box<dyn Judge>),
}

fn one(header: &Header, position: usize, promise: &Promise) -> Result<One, Vec<String>> {
    let entry = find(&promise.checker).map_err(|e| vec![format!("promises[{position}].checker: {e}")])?;
    let known = entry.options.iter().map(|(name, _)| *name);
    match entry.how {
        How::Own(make) => {
            let mut options = Options::of(promise, position);
            options.known(&known, entry.name);
            let judge = make(&mut options, header);
            options.ended(judge).map(One::Own)
        }
        How::Ledger(check) => {
            let mut own = Options::of(promise, position);
            own.known(&known, entry.name);
            let mut options = match input(header, position, promise) {
                Ok((from, _)) if from == position => own,
                other => {
                    own.ended(Some(()))?;
                    let (from, follows) = other?;
                    Options::of(follows, from)
                }
            };
            let follow = Follow::read(&mut options, header);
            options.ended(follow).map(|follow| One::Ledger(Box::new(follow), check))
        }
    }
}

/// The promise that says what is followed: this one, or the exactly-once promise of the same subject where this one says
/// nothing of it.
fn input<'a>(header: &'a Header, position: usize, promise: &'a Promise) -> Result<(usize, &'a Promise), Vec<String>> {
    let own = ["recorded", "effect", "started"]
        .iter()
        .any(|key| promise.options.contains_key(*key));
    if own || promise.checker == exactly_once::NAME {
        return Ok((position, promise));
    }
    let idle = promise
        .options
        .keys()
        .find(|key| !["name", "subject"].contains(&key.as_str()));
    if let Some(key) = idle {
        return Err(vec![format!(
            "promises[{position}].{key} says nothing without recorded and effect: give these here, too, or say it in the \
             exactly-once promise"
        )]);
    }
    let subject = promise.options.get("subject");
    let mut others = header.promises.iter().enumerate();
    let same = others.find(|(_, other)| {
        other.checker == exactly_once::NAME && subject.is_none_or(|s| other.options.get("subject") == Some(s))
    });
    same.ok_or_else(|| {
        vec![format!(
            "promises[{position}] ({}) says nothing of what it follows, and there is no exactly-once promise to take it from: \
             give it subject, recorded and effect",
            promise.checker
        )]
    })
}
