//! `monotonic-reads`: a client never reads an older value of what only grows.
//!
//! - `older-read`: a client reads less than it had read before.
//!
//! Sees: the reads of one client (a process of the history), in their order; or those of a view, which has one reader. Cannot
//! see: a value that is stale for everyone.

use std::collections::HashMap;

use super::support::{Keys, NAME_OPTION, at, cell, column, doubted, is_lost, needs_of, read};
use super::{Entry, How, Judge, Need, Options};
use crate::history::{Body, Event, Header, Kind, Moment, Op, Process, Rows};
use crate::money;
use crate::run::Facts;
use crate::streaming::{At, Capped, Case, Tally};
use crate::verdict::{CheckerResult, decided};

/// Name of this checker.
const NAME: &str = "monotonic-reads";

pub(super) const ENTRY: Entry = Entry {
    name: NAME,
    about: "a client never reads an older value of what only grows",
    options: &[
        NAME_OPTION,
        ("reads", "the action that reads, or a list of them"),
        (
            "answer",
            "the part of its answer that says what was read: a number that only grows",
        ),
        ("by", "the field that says what is read; default: the subject itself"),
        ("view", "instead of reads: a view"),
        ("key", "the view's column that says what is read"),
        ("value", "the view's column of what is read: a number that only grows"),
    ],
    anomalies: &["older-read"],
    decides: &[decided(
        "the values that each client read, in its order; a value that is stale for everybody is not seen",
    )],
    how: How::Own(make),
};

/// Digits behind the point that are told apart.
const SCALE: u32 = 12;

/// Where reads come from.
enum Source {
    Actions {
        actions: Vec<String>,
        answer: String,
        by: Option<String>,
    },
    View {
        view: String,
        key: String,
        value: String,
    },
}

/// A value as it was read.
#[derive(Clone)]
struct Value {
    number: i128,
    text: String,
    at: At,
}

/// Two reads of one client, the second of which is older.
struct Older {
    reader: Option<u64>,
    key: u32,
    before: Value,
    now: Value,
}

struct Monotonic {
    source: Source,
    keys: Keys,
    /// The last read of each reader and key.
    last: HashMap<(Option<u64>, u32), Value>,
    older: Capped<Older>,
    reads: u64,
    /// Reads of what the same reader had read before.
    compared: u64,
    doubts: Vec<String>,
}

fn make(options: &mut Options, header: &Header) -> Option<Box<dyn Judge>> {
    let (source, noun) = if options.value("view").is_some() {
        for other in ["reads", "answer", "by"] {
            if options.value(other).is_some() {
                options.say(
                    other,
                    "and view exclude each other: reads come from actions or from a view",
                );
            }
        }
        let view = options.view("view", header);
        let (key, value) = (
            options.needed("key", "\"account\""),
            options.needed("value", "\"version\""),
        );
        let (view, key, value) = (view?.to_owned(), key?.to_owned(), value?.to_owned());
        let noun = header.subjects.contains_key(&key).then(|| key.clone());
        (Source::View { view, key, value }, noun)
    } else {
        let actions = options.needed_texts("reads", "\"query-balance\"");
        for action in actions.iter().flatten() {
            options.refers("reads", "action", action, header.actions.keys().map(String::as_str));
        }
        let answer = options.needed("answer", "\"version\"");
        let by = options.text("by").map(str::to_owned);
        let (actions, answer) = (actions?, answer?.to_owned());
        let mut asked = actions
            .iter()
            .filter_map(|action| header.actions.get(action)?.asks.clone());
        let noun = by.clone().or(asked.next());
        (Source::Actions { actions, answer, by }, noun)
    };
    options.is_fine().then(|| {
        Box::new(Monotonic {
            source,
            keys: Keys::of(noun.as_deref().unwrap_or_default()),
            last: HashMap::new(),
            older: Capped::default(),
            reads: 0,
            compared: 0,
            doubts: Vec::new(),
        }) as Box<dyn Judge>
    })
}

impl Monotonic {
    fn see(&mut self, reader: Option<u64>, key: &str, text: &str, at: At) -> Result<(), String> {
        let number = money::parse(text, SCALE)
            .map_err(|_| format!("{text:?} was read, which is no number"))?
            .nearest();
        self.reads += 1;
        let key = self.keys.number(key);
        let now = Value {
            number,
            text: text.to_owned(),
            at,
        };
        let last = self.last.get_mut(&(reader, key));
        self.compared += u64::from(last.is_some());
        match last {
            Some(before) if now.number < before.number => {
                let before = before.clone();
                self.older.push(Older {
                    reader,
                    key,
                    before,
                    now,
                });
            }
            Some(before) => *before = now,
            None => drop(self.last.insert((reader, key), now)),
        }
        Ok(())
    }

    fn rows(&mut self, rows: &Rows, at: At) -> Result<(), String> {
        let Source::View { key, value, .. } = &self.source else {
            return Ok(());
        };
        let (key, value) = (column(rows, key)?, column(rows, value)?);
        // A value that is no number hides no other one.
        let mut all = Ok(());
        for row in rows.iter() {
            if let Some(text) = row.at(value) {
                all = all.and(self.see(None, cell(row, key), text, at));
            }
        }
        all
    }

    fn answer(&mut self, op: &Op, client: u64, event: &Event) {
        let Source::Actions { answer, by, .. } = &self.source else {
            return;
        };
        let key = by
            .as_ref()
            .map_or(Some(op.subject.as_str()), |by| op.arg(by))
            .map(str::to_owned);
        let Some(key) = key else {
            let by = by.as_deref().unwrap_or_default();
            self.doubt(format!("a {} that ended ok does not say {by}", op.action));
            return;
        };
        if let Some(text) = op.said(answer).map(str::to_owned)
            && let Err(why) = self.see(Some(client), &key, &text, at(event))
        {
            self.doubt(why);
        }
    }

    fn doubt(&mut self, why: String) {
        if !self.doubts.contains(&why) {
            self.doubts.push(why);
        }
    }
}

impl Judge for Monotonic {
    fn observe(&mut self, event: &Event) {
        match (&event.body, &self.source) {
            (Body::Op(op), Source::Actions { actions, .. }) if event.kind == Kind::Ok => {
                if let Process::Client(client) = event.process
                    && op.is_one_of(actions)
                {
                    self.answer(op, client, event);
                }
            }
            (Body::View(_), Source::View { view, .. }) => {
                let view = view.clone();
                let Some((name, moment, shown)) = read(event) else {
                    return;
                };
                if name != view {
                    return;
                }
                let shown = shown.and_then(|rows| self.rows(rows, at(event)));
                match shown {
                    // A look that fails under a fault shows nothing.
                    Err(_) if moment == Moment::Look && is_lost(event) => {}
                    Err(why) if is_lost(event) => self.doubt(format!("a read of view {view} failed: {why}")),
                    Err(why) => self.doubt(format!("a read of view {view} cannot be understood: {why}")),
                    Ok(()) => {}
                }
            }
            _ => {}
        }
    }

    fn needs(&self) -> Vec<Need> {
        match &self.source {
            Source::View { view, key, value } => needs_of(view, [("key", key), ("value", value)]),
            Source::Actions { .. } => Vec::new(),
        }
    }

    fn finish(self: Box<Self>, run: &Facts) -> CheckerResult {
        let mut doubts = self.doubts;
        if self.reads == 0 && doubts.is_empty() {
            doubts.push(match &self.source {
                Source::Actions { actions, answer, .. } => {
                    format!("no {} that ended ok said {answer}", actions.join(", "))
                }
                Source::View { view, .. } => format!("no row of view {view} was read"),
            });
        }
        if self.compared == 0 && doubts.is_empty() {
            doubts.push("nothing was read twice by one reader: there is nothing to compare".to_owned());
        }
        if run.cut_short {
            doubts.extend(run.incomplete());
        }
        let mut tally = Tally::default();
        tally.anomalies("older-read", &self.older, |older| {
            let reader = match (&self.source, older.reader) {
                (Source::View { view, .. }, _) => format!("view {view} showed"),
                (Source::Actions { .. }, client) => format!("client {} read", client.unwrap_or_default()),
            };
            let said = crate::streaming::Names::said(&self.keys, "", older.key);
            Case {
                subject: self.keys.name(older.key).to_owned(),
                sentence: format!(
                    "{reader} {} of {said} after {}: an older value of what only grows",
                    older.now.text, older.before.text
                ),
                witness: vec![older.before.at.index, older.now.at.index],
            }
        });
        tally.count("reads", self.reads);
        doubted(tally.result(NAME), doubts)
    }
}
