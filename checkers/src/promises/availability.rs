//! `availability`: enough of what clients ask for is answered definitely, always or while something is down.
//!
//! - `unavailable`: the share of definite answers (ok or fail) among what was invoked in that time is below the promise.
//!
//! An operation counts where it was invoked. A refused connection is no answer: the operation has failed for certain, and nobody
//! was there. With nothing invoked in that time, or with nothing down in it, the verdict is
//! unknown. O(operations of the action).

use std::collections::HashMap;

use super::support::NAME_OPTION;
use super::{Entry, How, Judge, Options};
use crate::history::{Body, Event, Header, Kind, Process};
use crate::money;
use crate::run::{Facts, FaultSpan};
use crate::streaming::{Case, Tally, plural};
use crate::verdict::{CheckerResult, decided};

/// Name of this checker.
const NAME: &str = "availability";

pub(super) const ENTRY: Entry = Entry {
    name: NAME,
    about: "enough of what clients ask for is answered definitely, always or while something is down",
    options: &[
        NAME_OPTION,
        ("action", "the action, or a list of them"),
        (
            "while",
            "\"down:PARTY\" (killed, paused or without power), \"fault:KIND\" or \"always\" (the workload); default: \"always\"",
        ),
        (
            "at_least",
            "the share of definite answers, above 0 and up to 1, as in 0.99",
        ),
    ],
    anomalies: &["unavailable"],
    decides: &[decided(
        "the share of definite answers among the operations of that time; a refused connection is none",
    )],
    how: How::Own(make),
};

/// The faults that take a party down.
const DOWN: [&str; 3] = ["kill", "pause", "power-loss"];

/// Digits behind the point of a share.
const SCALE: u32 = 18;

/// The share of everything.
const ALL: i128 = 10_i128.pow(SCALE);

/// How many operations without a definite answer a witness names.
const WITNESS_OPS_MAX: usize = 8;

/// When answers count.
enum While {
    Always,
    Down(String),
    Fault(String),
}

/// One operation.
struct Asked {
    index: u64,
    time: u64,
    /// Index of its end, where that is definite.
    answered: Option<u64>,
}

struct Availability {
    actions: Vec<String>,
    when: While,
    /// In units of 10^-[`SCALE`]: shares are compared as whole numbers, without rounding.
    at_least: i128,
    asked: Vec<Asked>,
    open: HashMap<Process, usize>,
}

fn make(options: &mut Options, header: &Header) -> Option<Box<dyn Judge>> {
    let actions = options.needed_texts("action", "\"order\"");
    for action in actions.iter().flatten() {
        options.refers("action", "action", action, header.actions.keys().map(String::as_str));
    }
    let when = when(options);
    if options.value("at_least").is_none() {
        options.say("at_least", "is missing; for example at_least = 0.99");
    }
    let at_least = options.number("at_least");
    if at_least.is_some_and(|share| !(share > 0.0 && share <= 1.0)) {
        options.say(
            "at_least",
            format!("is {}; a share is above 0 and at most 1", at_least.unwrap_or_default()),
        );
    }
    // The shortest text of the number is what the manifest says.
    let exact = at_least.and_then(|share| money::parse(&share.to_string(), SCALE).ok());
    let at_least = exact.map(|share| share.nearest());
    let (actions, when, at_least) = (actions?, when?, at_least?);
    options.is_fine().then(|| {
        Box::new(Availability {
            actions,
            when,
            at_least,
            asked: Vec::new(),
            open: HashMap::new(),
        }) as Box<dyn Judge>
    })
}

fn when(options: &mut Options) -> Option<While> {
    let text = match options.value("while") {
        None => return Some(While::Always),
        Some(_) => options.text("while")?,
    };
    match text.split_once(':') {
        None if text == "always" => Some(While::Always),
        Some(("down", party)) if !party.is_empty() => Some(While::Down(party.to_owned())),
        Some(("fault", kind)) if !kind.is_empty() => Some(While::Fault(kind.to_owned())),
        _ => {
            options.say(
                "while",
                format!("is {text:?}; it can be \"always\", \"down:PARTY\" or \"fault:KIND\""),
            );
            None
        }
    }
}

impl While {
    fn covers(&self, fault: &FaultSpan) -> bool {
        match self {
            While::Always => false,
            While::Down(party) => DOWN.contains(&fault.fault.as_str()) && fault.on == *party,
            While::Fault(kind) => fault.fault == *kind,
        }
    }

    /// `while logistics was down`.
    fn words(&self) -> String {
        match self {
            While::Always => "during the workload".to_owned(),
            While::Down(party) => format!("while {party} was down"),
            While::Fault(kind) => format!("while a {kind} was in force"),
        }
    }

    /// That it never was so.
    fn never(&self) -> String {
        match self {
            While::Always => "there was no workload".to_owned(),
            While::Down(party) => format!("{party} was never down (by kill, pause or power-loss)"),
            While::Fault(kind) => format!("no {kind} was in force"),
        }
    }
}

/// A share as percent, without needless zeros.
fn percent(share: i128) -> String {
    let text = money::major(share, SCALE - 2).to_string();
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl Judge for Availability {
    fn observe(&mut self, event: &Event) {
        let Body::Op(op) = &event.body else { return };
        if event.kind == Kind::Invoke {
            if op.is_one_of(&self.actions) {
                self.open.insert(event.process.clone(), self.asked.len());
                self.asked.push(Asked {
                    index: event.index,
                    time: event.time,
                    answered: None,
                });
            }
        } else if let Some(asked) = self.open.remove(&event.process)
            && matches!(event.kind, Kind::Ok | Kind::Fail)
            && !op.unsent
        {
            self.asked[asked].answered = Some(event.index);
        }
    }

    fn finish(self: Box<Self>, run: &Facts) -> CheckerResult {
        let faults = run.faults.iter().filter(|fault| self.when.covers(fault));
        let done: Vec<(u64, u64, u64)> = match self.when {
            While::Always => {
                let (from, to) = run.workload();
                vec![(from, to, u64::MAX)]
            }
            _ => faults
                .filter_map(|fault| {
                    let (index, from) = fault.done?;
                    Some((from, fault.healed_ns.unwrap_or(run.end_ns), index))
                })
                .collect(),
        };
        let within = |asked: &&Asked| done.iter().any(|(from, to, _)| (*from..=*to).contains(&asked.time));
        let asked: Vec<&Asked> = self.asked.iter().filter(within).collect();
        let answered = asked.iter().filter(|asked| asked.answered.is_some()).count();
        let mut tally = Tally::default();
        tally.count("invoked", asked.len() as u64);
        tally.count("answered", answered as u64);
        let names = self.actions.join(", ");
        let words = self.when.words();
        if run.cut_short {
            run.incomplete().into_iter().for_each(|why| tally.doubt(why));
        }
        if done.is_empty() {
            tally.doubt(self.when.never());
        } else if asked.is_empty() {
            tally.doubt(format!("no {names} was invoked {words}"));
        }
        let (answered, of) = (answered as i128, asked.len() as i128);
        if answered * ALL < self.at_least * of {
            tally.anomaly("unavailable", || {
                let open = asked
                    .iter()
                    .filter(|asked| asked.answered.is_none())
                    .take(WITNESS_OPS_MAX);
                let faults = done
                    .iter()
                    .map(|(_, _, index)| *index)
                    .filter(|index| *index != u64::MAX);
                Case {
                    subject: names.clone(),
                    sentence: format!(
                        "{answered} of {} ({} %) had a definite answer {words}; {} % are promised",
                        plural(asked.len() as u64, &format!("{names} operation")),
                        money::major((1000 * answered + of / 2) / of, 1),
                        percent(self.at_least)
                    ),
                    witness: open.map(|asked| asked.index).chain(faults).collect(),
                }
            });
        }
        tally.result(NAME)
    }
}
