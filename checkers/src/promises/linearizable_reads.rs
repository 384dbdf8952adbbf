//! `linearizable-reads`: every read sees the last write that was done before it, or one that is under way; judged by
//! [`linear`](crate::linear), register by register.
//!
//! Writes are actions that start subjects and set a field, or add it to (subtract it from) a number such as a stock. Reads are
//! actions that ask, or a view: one of its reads took place at some moment since the view was read before. The tries of one
//! subject are one write, which was done when the first of them ended ok. A key that a service gave to a subject is that of
//! the subject. Reads of other keys than were written are compared with what was there at first.
//! - `nonlinearizable`: no order of writes and reads explains what was read.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::support::{Keys, NAME_OPTION, cell, column, doubted, is_lost, needs_of, read};
use super::{Entry, How, Judge, Need, Options};
use crate::history::{Body, Event, Header, Kind, Op, Process, Rows};
use crate::linear::models::counter::{self, Counter};
use crate::linear::models::keyed::Keyed;
use crate::linear::models::register::{Answer, Ask, Register};
use crate::linear::{Budget, Operation, check};
use crate::money;
use crate::run::Facts;
use crate::verdict::{CheckerResult, decided};

/// Name of this checker.
const NAME: &str = "linearizable-reads";

pub(super) const ENTRY: Entry = Entry {
    name: NAME,
    about: "every read sees the last write that was done before it, or one that is under way",
    options: &[
        NAME_OPTION,
        ("writes", "the action that writes, or a list of them"),
        ("field", "the field that it writes"),
        (
            "effect",
            "\"set\", \"add\" or \"subtract\": what a write does to what is read; default: \"set\"",
        ),
        ("initial", "what is read before any write; default: nothing, or 0"),
        ("reads", "the action that reads, or a list of them"),
        ("answer", "the part of its answer that says what was read"),
        (
            "by",
            "the field that says what is written and read; default: the subject itself",
        ),
        ("view", "instead of reads: a view"),
        ("key", "the view's column that says what is read"),
        ("value", "the view's column of what is read"),
    ],
    anomalies: &[crate::linear::NONLINEARIZABLE],
    decides: &[decided(
        "search of an order for each key; where its budget runs out, the verdict is unknown",
    )],
    how: How::Own(make),
};

/// What one register may cost: a run has an end, and so has its judgement.
const BUDGET: Budget<'static> = Budget {
    steps_max: 5_000_000,
    bytes_max: 1 << 28,
    stop: None,
};

/// Digits behind the point that are told apart.
const SCALE: u32 = 12;

/// Operations on one object for each key.
type Operations<I, O> = Vec<Operation<(String, I), O>>;

/// What is read where nothing is.
const NOTHING: &str = "nothing";

/// What a write does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    Set,
    Add,
    Subtract,
}

/// Where reads come from.
enum Source {
    Actions { actions: Vec<String>, answer: String },
    View { view: String, key: String, value: String },
}

/// The tries of one subject, as one write.
struct Write {
    key: String,
    value: String,
    call: u64,
    tries: u32,
    failed: u32,
    done: Option<u64>,
}

/// One read that ended ok.
struct Seen {
    process: u64,
    key: String,
    value: String,
    call: u64,
    ret: u64,
    /// The action, where its answer does not say what was read: nothing, unless no answer of that action ever does.
    silent: Option<String>,
}

struct Reads {
    writes: Vec<String>,
    field: String,
    effect: Effect,
    initial: String,
    by: Option<String>,
    /// The key of the subjects that each write starts.
    given: BTreeMap<String, String>,
    keys: Keys,
    source: Source,
    written: BTreeMap<String, Write>,
    seen: Vec<Seen>,
    /// Invocations of reads that are open.
    open: HashMap<Process, u64>,
    /// The last time the view was read.
    viewed: u64,
    /// The actions that read and ended ok, each with whether any of its answers said what was read.
    answered: BTreeMap<String, bool>,
    /// The first reason of each kind.
    doubts: BTreeMap<String, String>,
}

fn make(options: &mut Options, header: &Header) -> Option<Box<dyn Judge>> {
    let actions = || header.actions.keys().map(String::as_str);
    let writes = options.needed_texts("writes", "\"order\"");
    for action in writes.iter().flatten() {
        options.refers("writes", "action", action, actions());
    }
    let fields = || {
        header
            .subjects
            .values()
            .flat_map(|subject| subject.fields.keys().map(String::as_str))
    };
    options.needed("field", "\"quantity\"");
    let field = options.name("field", "field", fields());
    let by = match options.value("by") {
        Some(_) => options.name("by", "field", fields()),
        None => None,
    };
    let effect = match options.text("effect") {
        None | Some("set") => Effect::Set,
        Some("add") => Effect::Add,
        Some("subtract") => Effect::Subtract,
        Some(other) => {
            options.say(
                "effect",
                format!("is {other:?}; it can be \"set\", \"add\" or \"subtract\""),
            );
            Effect::Set
        }
    };
    let otherwise = if effect == Effect::Set { NOTHING } else { "0" };
    let initial = options
        .value("initial")
        .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    let initial = plain(initial.as_deref().unwrap_or(otherwise));
    if effect != Effect::Set && number(&initial).is_none() {
        options.say("initial", format!("is {initial:?}; expected a number, as in 100"));
    }
    let source = source(options, header);
    let (writes, field, source) = (writes?, field?.to_owned(), source?);
    let key_of = |action: &String| {
        let kind = header.actions.get(action)?.starts.as_ref()?;
        Some((action.clone(), header.subjects.get(kind)?.key.clone()?))
    };
    let given = writes.iter().filter_map(key_of).filter(|_| by.is_none()).collect();
    options.is_fine().then(|| {
        Box::new(Reads {
            writes,
            field,
            effect,
            initial,
            by: by.map(str::to_owned),
            given,
            keys: Keys::default(),
            source,
            written: BTreeMap::new(),
            seen: Vec::new(),
            open: HashMap::new(),
            viewed: 0,
            answered: BTreeMap::new(),
            doubts: BTreeMap::new(),
        }) as Box<dyn Judge>
    })
}

fn source(options: &mut Options, header: &Header) -> Option<Source> {
    if options.value("view").is_none() {
        let reads = options.needed_texts("reads", "\"query-stock\"");
        for action in reads.iter().flatten() {
            options.refers("reads", "action", action, header.actions.keys().map(String::as_str));
        }
        let answer = options.needed("answer", "\"available\"");
        return Some(Source::Actions {
            actions: reads?,
            answer: answer?.to_owned(),
        });
    }
    for other in ["reads", "answer"] {
        if options.value(other).is_some() {
            options.say(
                other,
                "and view exclude each other: reads come from actions or from a view",
            );
        }
    }
    let view = options.view("view", header);
    let (key, value) = (
        options.needed("key", "\"sku\""),
        options.needed("value", "\"available\""),
    );
    Some(Source::View {
        view: view?.to_owned(),
        key: key?.to_owned(),
        value: value?.to_owned(),
    })
}

/// A value as it is compared: a number without needless zeros, or the text.
fn plain(text: &str) -> String {
    let exact = money::parse(text, SCALE).ok().filter(money::Money::is_exact);
    exact.map_or_else(
        || text.to_owned(),
        |number| {
            let text = money::major(number.nearest(), SCALE).to_string();
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        },
    )
}

fn number(text: &str) -> Option<i128> {
    money::parse(text, SCALE).ok().map(|number| number.nearest())
}

impl Reads {
    fn key(&self, op: &Op) -> Option<String> {
        match &self.by {
            None => Some(op.subject.to_string()),
            Some(by) => op.arg(by).map(str::to_owned),
        }
    }

    /// Takes in a reason to doubt what is read or written; of each kind the first counts.
    fn doubt(&mut self, kind: &str, why: String) {
        self.doubts.entry(kind.to_owned()).or_insert(why);
    }

    /// That an operation does not say what it is of, or what it writes.
    fn lacks(&mut self, op: &Op, event: &Event, what: &str) {
        let kind = format!("{} has no {what}", op.action);
        self.doubt(&kind, format!("event {}: {kind}", event.index));
    }

    fn write(&mut self, op: &Op, event: &Event) {
        if let Some(given) = self.given.get(op.action.as_str()).and_then(|key| op.said(key)) {
            let (given, subject) = (self.keys.number(given), self.keys.number(&op.subject));
            self.keys.is_also(given, subject);
        }
        let Some(key) = self.key(op) else {
            return self.lacks(op, event, &self.by.clone().unwrap_or_default());
        };
        let Some(value) = op.arg(&self.field) else {
            return self.lacks(op, event, &self.field.clone());
        };
        let write = self.written.entry(op.subject.to_string()).or_insert_with(|| Write {
            key,
            value: plain(value),
            call: event.index,
            tries: 0,
            failed: 0,
            done: None,
        });
        match event.kind {
            Kind::Invoke => write.tries += 1,
            Kind::Ok => write.done = write.done.or(Some(event.index)),
            Kind::Fail => write.failed += 1,
            Kind::Info => {}
        }
    }

    fn ask(&mut self, op: &Op, answer: &str, event: &Event) {
        if event.kind == Kind::Invoke {
            self.open.insert(event.process.clone(), event.index);
            return;
        }
        let (Some(call), Kind::Ok) = (self.open.remove(&event.process), event.kind) else {
            return;
        };
        let said = op.answer.contains_key(answer);
        *self.answered.entry(op.action.to_string()).or_default() |= said;
        let Some(key) = self.key(op) else {
            return self.lacks(op, event, &self.by.clone().unwrap_or_default());
        };
        let process = match event.process {
            Process::Client(number) => number,
            Process::Named(_) => u64::MAX,
        };
        self.seen.push(Seen {
            process,
            key,
            value: plain(op.said(answer).unwrap_or(NOTHING)),
            call,
            ret: event.index,
            silent: (!said).then(|| op.action.to_string()),
        });
    }

    fn view(&mut self, rows: &Rows, key: &str, value: &str, index: u64) -> Result<(), String> {
        let (key, value) = (column(rows, key)?, column(rows, value)?);
        for row in rows.iter() {
            self.seen.push(Seen {
                process: u64::MAX,
                key: cell(row, key).to_owned(),
                value: plain(row.at(value).unwrap_or(NOTHING)),
                call: self.viewed,
                ret: index,
                silent: None,
            });
        }
        Ok(())
    }

    /// Calls what was written and read by the keys of the subjects.
    fn rename(&mut self) {
        let keys = &mut self.keys;
        let reads = self.seen.iter_mut().map(|seen| &mut seen.key);
        for key in reads.chain(self.written.values_mut().map(|write| &mut write.key)) {
            let id = keys.number(key);
            let subject = keys.subject(id);
            if subject != id {
                keys.name(subject).clone_into(key);
            }
        }
    }

    /// Writes and reads as operations on one object for each key; None of what certainly did not happen.
    fn operations<I, O>(
        &self,
        write: impl Fn(&str) -> Option<(I, O)>,
        read: impl Fn(&str) -> Option<(I, O)>,
    ) -> Result<Operations<I, O>, String> {
        let mut operations = Vec::new();
        let happened = self
            .written
            .values()
            .filter(|write| write.done.is_some() || write.failed < write.tries);
        let no_number = |text: &str| format!("{text:?} is written or read, which is no number");
        for (process, each) in (0..).zip(happened) {
            let (input, output) = write(&each.value).ok_or_else(|| no_number(&each.value))?;
            operations.push(match each.done {
                Some(ret) => Operation::ok(process, (each.key.clone(), input), each.call, output, ret),
                None => Operation::info(process, (each.key.clone(), input), each.call),
            });
        }
        for each in &self.seen {
            let (input, output) = read(&each.value).ok_or_else(|| no_number(&each.value))?;
            operations.push(Operation::ok(
                each.process,
                (each.key.clone(), input),
                each.call,
                output,
                each.ret,
            ));
        }
        operations.sort_by_key(|operation| operation.call);
        Ok(operations)
    }

    fn judge(&self) -> Result<CheckerResult, String> {
        if self.effect == Effect::Set {
            let register = Register {
                initial: self.initial.clone(),
            };
            let operations = self.operations(
                |value| Some((Ask::Write(value.to_owned()), Answer::Done)),
                |value| Some((Ask::Read, Answer::Value(value.to_owned()))),
            )?;
            return Ok(check(&Keyed::new(register), &operations, BUDGET));
        }
        // Sums that no number can hold would be taken for others.
        let amounts = self.written.values().filter_map(|write| number(&write.value));
        let mut amounts = amounts.chain(number(&self.initial));
        if amounts
            .try_fold(0_u128, |sum, each| sum.checked_add(each.unsigned_abs()))
            .is_none_or(|sum| sum > i128::MAX.unsigned_abs())
        {
            return Err("what is written adds up to more than can be told".to_owned());
        }
        let sign = if self.effect == Effect::Subtract { -1 } else { 1 };
        let counter = Counter {
            initial: number(&self.initial).unwrap_or(0),
            scale: SCALE,
        };
        let operations = self.operations(
            |value| Some((counter::Ask::Add(sign * number(value)?), counter::Answer::Done)),
            |value| Some((counter::Ask::Read, counter::Answer::Value(number(value)?))),
        )?;
        Ok(check(&Keyed::new(counter), &operations, BUDGET))
    }

    /// Why there is nothing to judge.
    fn missing(&self) -> Vec<String> {
        let mut doubts: Vec<String> = self.doubts.values().cloned().collect();
        if let Source::Actions { answer, .. } = &self.source {
            let silent = self.answered.iter().filter(|(_, said)| !**said);
            doubts.extend(silent.map(|(action, _)| format!("no {action} that ended ok said {answer}")));
        }
        if self.written.is_empty() {
            doubts.push(format!("no {} was invoked", self.writes.join(", ")));
        }
        if self.seen.is_empty() && doubts.is_empty() {
            doubts.push(match &self.source {
                Source::Actions { actions, .. } => format!("no {} ended ok", actions.join(", ")),
                Source::View { view, .. } => format!("no row of view {view} was read"),
            });
        }
        let written: HashSet<&str> = self.written.values().map(|write| write.key.as_str()).collect();
        if doubts.is_empty() && !self.seen.iter().any(|seen| written.contains(seen.key.as_str())) {
            let read = self.seen.first().map_or("", |seen| seen.key.as_str());
            let written = self.written.values().next().map_or("", |write| write.key.as_str());
            doubts.push(format!(
                "nothing that was read was written: {read} was read, for example, and {written} was written"
            ));
        }
        doubts
    }
}

impl Judge for Reads {
    fn observe(&mut self, event: &Event) {
        if let Body::Op(op) = &event.body {
            if op.is_one_of(&self.writes) && op.changed.is_empty() {
                self.write(op, event);
            } else if let Source::Actions { actions, answer } = &self.source
                && op.is_one_of(actions)
            {
                let answer = answer.clone();
                self.ask(op, &answer, event);
            }
            return;
        }
        let Source::View { view, key, value } = &self.source else {
            return;
        };
        if let Some((name, _, shown)) = read(event)
            && name == view
        {
            let (view, key, value) = (view.clone(), key.clone(), value.clone());
            let shown = shown.and_then(|rows| self.view(rows, &key, &value, event.index));
            if let Err(why) = shown {
                let how = if is_lost(event) {
                    "failed"
                } else {
                    "cannot be understood"
                };
                self.doubt(how, format!("a read of view {view} {how}: {why}"));
            }
            self.viewed = event.index;
        }
    }

    fn needs(&self) -> Vec<Need> {
        match &self.source {
            Source::View { view, key, value } => needs_of(view, [("key", key), ("value", value)]),
            Source::Actions { .. } => Vec::new(),
        }
    }

    fn finish(mut self: Box<Self>, run: &Facts) -> CheckerResult {
        let answered = &self.answered;
        let speaks = |action: &String| answered.get(action).copied().unwrap_or(false);
        self.seen.retain(|seen| seen.silent.as_ref().is_none_or(speaks));
        self.rename();
        let mut doubts = self.missing();
        if run.cut_short {
            doubts.extend(run.incomplete());
        }
        match self.judge() {
            Ok(result) => doubted(result, doubts),
            Err(why) => crate::findings::unknown(NAME, &why),
        }
    }
}
