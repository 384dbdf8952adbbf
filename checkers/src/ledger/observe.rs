//! The one pass over a history: every event is seen once and leaves only what the checkers need.
//!
//! O(1) per event but for views, which cost their rows.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::history::{
    Body, Deed, Event, Kind, Moment, Op, Outcome, Process, Role as WireRole, Row as ViewRow, Rows, Text, View, Wire,
    column, deeds,
};
use crate::money;

use super::follow::{Effect, Follow};
use super::model::{
    Answer, Attempt, Class, Conflict, Delivery, Holder, Holding, Lane, Opened, Owner, Payload, QueryOp, ReadState, Row,
    Strike, Subject, Sum,
};
use super::{ById, Id, Ledger, Role, slot};

/// A ledger in the making.
pub(crate) struct Observer {
    pub(super) ledger: Ledger,
    /// Subject of a client's key.
    pub(super) by_key: ById<usize>,
    /// Deliveries per key, in order.
    pub(super) deliveries: ById<Vec<Delivery>>,
    /// Replies that say that a transaction has committed: a key of it, the link, the index.
    pub(super) commits: Vec<(Id, Id, u64)>,
    /// What a link did to frames, by key.
    pub(super) strikes: ById<Vec<Strike>>,
    /// Keys that the target lists as done at the end.
    pub(super) listed: Vec<Id>,
    /// Keys recorded before the workload: not this run's.
    earlier: Vec<Id>,
    /// Keys of effects that were there before the workload.
    earlier_effects: HashSet<Id>,
    open: HashMap<Process, What>,
    repairing: bool,
    /// When what is recorded counts.
    recorded_at: Moment,
}

#[derive(Clone, Copy)]
enum What {
    Attempt { subject: usize, attempt: usize },
    Conflict(usize),
    Query(usize),
    Opening(Id),
}

impl Observer {
    pub(crate) fn new(follow: Rc<Follow>) -> Observer {
        Observer {
            ledger: Ledger::new(follow),
            by_key: ById::default(),
            deliveries: ById::default(),
            commits: Vec::new(),
            strikes: ById::default(),
            listed: Vec::new(),
            earlier: Vec::new(),
            earlier_effects: HashSet::new(),
            open: HashMap::new(),
            repairing: false,
            recorded_at: Moment::Final,
        }
    }

    /// An observer of a run that has come to rest and is not over: what is recorded then counts.
    pub(crate) fn at_rest(follow: Rc<Follow>) -> Observer {
        Observer {
            recorded_at: Moment::Rest,
            ..Observer::new(follow)
        }
    }

    pub(crate) fn observe(&mut self, event: &Event) {
        match &event.body {
            Body::Op(op) => self.operation(op, event),
            Body::Wire(wire) => self.wire(wire, event),
            Body::View(view) => self.view(view, event),
            Body::Phase(phase) => self.repairing |= phase.name == "repair",
            Body::Header(_) | Body::Fault(_) | Body::Sample(_) | Body::Other(..) => {}
        }
    }

    fn operation(&mut self, op: &Op, event: &Event) {
        if event.kind == Kind::Invoke {
            if let Some(what) = self.invoke(op, event) {
                self.open.insert(event.process.clone(), what);
            }
        } else if let Some(what) = self.open.remove(&event.process) {
            self.complete(what, op, event);
        }
    }

    fn invoke(&mut self, op: &Op, event: &Event) -> Option<What> {
        let follow = Rc::clone(&self.ledger.follow);
        if op.is_one_of(&follow.started) {
            return Some(self.begin(op, event));
        }
        if let Some((repairs, _)) = follow.asked.get(op.action.as_str()) {
            let query = QueryOp {
                action: self.ledger.words.id(&op.action),
                repairs: *repairs,
                repair: op.repair,
                key: self.ledger.keys.id(&op.subject),
                index: event.index,
                end: None,
            };
            self.ledger.queries.push(query);
            return Some(What::Query(self.ledger.queries.len() - 1));
        }
        op.is_one_of(&follow.opened).then(|| {
            let holder = self.holder(&op.subject);
            let state = &mut self.ledger.holders[holder as usize].opened;
            *state = Opened::Tried.max(*state);
            What::Opening(holder)
        })
    }

    fn begin(&mut self, op: &Op, event: &Event) -> What {
        let key = self.ledger.keys.id(&op.subject);
        let payload = self.payload(op, event);
        let attempt = Attempt {
            index: event.index,
            time: event.time,
            end: None,
        };
        if !op.changed.is_empty() {
            self.ledger.conflicts.push(Conflict { key, payload, attempt });
            return What::Conflict(self.ledger.conflicts.len() - 1);
        }
        let subject = match self.by_key.get(&key) {
            Some(subject) => *subject,
            None => self.begin_subject(key, op.arg(&self.ledger.follow.key).is_some(), payload.clone()),
        };
        let known = &mut self.ledger.subjects[subject];
        if known.payload != payload {
            let said = format!(
                "event {}: {} is tried again with another payload, and not marked as a conflict",
                event.index, op.subject
            );
            self.ledger.contradiction.get_or_insert(said);
        }
        known.attempts.push(attempt);
        What::Attempt {
            subject,
            attempt: known.attempts.len() - 1,
        }
    }

    /// What a client asked for. A coded field that is no exact number contradicts the code.
    fn payload(&mut self, op: &Op, event: &Event) -> Payload {
        let follow = Rc::clone(&self.ledger.follow);
        let fields = self.fields(|field| op.arg(field));
        let (mut holder, mut amount) = ("", 0);
        if let Some(coded) = &follow.coded {
            holder = op.arg(&coded.code.per).unwrap_or_default();
            let text = op.arg(&coded.field).unwrap_or_default();
            match money::parse(text, coded.code.scale) {
                Ok(money) if money.is_exact() => amount = money.nearest(),
                _ => {
                    let field = &coded.field;
                    let said = format!("event {}: {field} is {text:?}, which is no coded value", event.index);
                    self.ledger.contradiction.get_or_insert(said);
                }
            }
        }
        Payload {
            holder: self.holder(holder),
            amount,
            fields,
        }
    }

    fn fields<'a>(&mut self, value: impl Fn(&str) -> Option<&'a str>) -> Box<[Option<Id>]> {
        let follow = Rc::clone(&self.ledger.follow);
        let words = &mut self.ledger.words;
        let mut word = |field: &String| value(field).map(|text| words.id(text));
        follow.fields.iter().map(&mut word).collect()
    }

    fn begin_subject(&mut self, key: Id, keyed: bool, payload: Payload) -> usize {
        let subject = self.ledger.subjects.len();
        let holder = payload.holder as usize;
        self.ledger.subjects.push(Subject {
            key,
            keyed,
            k: money::position(payload.amount, self.ledger.follow.base()),
            payload,
            attempts: Vec::with_capacity(1),
            rows: Vec::new(),
            successes: 0,
            deliveries: Vec::new(),
            frames: Vec::new(),
            asks: Vec::new(),
            listed: 0,
            effects: None,
            effects_before: None,
        });
        self.ledger.holders[holder].subjects.push(subject);
        self.by_key.insert(key, subject);
        subject
    }

    fn complete(&mut self, what: What, op: &Op, event: &Event) {
        match what {
            What::Attempt { subject, attempt } => {
                let answer = self.answer(op, event);
                self.ledger.subjects[subject].attempts[attempt].end = Some(answer);
            }
            What::Conflict(conflict) => {
                let answer = self.answer(op, event);
                self.ledger.conflicts[conflict].attempt.end = Some(answer);
            }
            What::Query(query) => {
                let (class, _) = class(&self.ledger.follow, |part| op.said(part));
                self.ledger.queries[query].end = Some((event.index, event.kind, class));
            }
            What::Opening(holder) if event.kind == Kind::Ok => {
                let opened = &mut self.ledger.holders[holder as usize];
                opened.opened = Opened::Yes;
                opened.opened_at = opened.opened_at.or(Some((event.index, event.time)));
            }
            What::Opening(_) => {}
        }
    }

    fn answer(&mut self, op: &Op, event: &Event) -> Answer {
        let (class, result) = self.class_of_answer(op, event.kind);
        let fields = self.fields(|field| op.said(field));
        let key = op.said(&self.ledger.follow.key);
        Answer {
            index: event.index,
            time: event.time,
            kind: event.kind,
            key: key.map(|key| self.ledger.keys.id(key)),
            result,
            class,
            fields,
        }
    }

    /// What an answer means, and the part of it that says so.
    fn class_of_answer(&mut self, op: &Op, kind: Kind) -> (Class, Option<Id>) {
        let follow = Rc::clone(&self.ledger.follow);
        let (class, result) = class(&follow, |column| op.said(column));
        // Where records have no word for success, an ok is one.
        let said = follow.recorded.as_ref().is_some_and(|r| !r.success.is_empty());
        let class = match kind {
            Kind::Ok if !said => Class::Success,
            _ => class,
        };
        (class, result.map(|text| self.ledger.words.id(text)))
    }

    fn holder(&mut self, name: &str) -> Id {
        let id = self.ledger.names.id(name);
        let size = self.ledger.names.len();
        self.ledger.holders.resize_with(size, Holder::default);
        id
    }

    fn wire(&mut self, wire: &Wire, event: &Event) {
        let follow = Rc::clone(&self.ledger.follow);
        if wire.keys.is_empty() {
            return;
        }
        let arrived = u32::from(wire.arrived());
        if let Effect::Point { link, point } = &follow.effect
            && (link.as_str(), point.as_str()) == (wire.link.as_str(), wire.point.as_str())
        {
            // What the link made itself is no effect; a reply tells of one even where it was withheld.
            let failed = matches!(wire.outcome, Some(Outcome::Error(_)));
            if !wire.is_of_the_link() && !failed {
                let times = if wire.is_reply() { 1 } else { arrived };
                self.count_frame(wire.key(&follow.key), times, event.index);
            }
        }
        if !wire.did.is_empty() {
            self.struck(wire, event.index);
        }
        match wire.role {
            WireRole::Delivered => self.delivered(wire, event, arrived),
            // The request asks for it, the reply decides it.
            WireRole::Committed if wire.is_reply() && !matches!(wire.outcome, Some(Outcome::Error(_))) => {
                let link = self.ledger.words.id(&wire.link);
                for key in wire.key(&follow.key) {
                    let key = self.ledger.keys.id(key);
                    self.commits.push((key, link, event.index));
                }
            }
            _ => {}
        }
    }

    fn struck(&mut self, wire: &Wire, index: u64) {
        let follow = Rc::clone(&self.ledger.follow);
        let late = |deed: &Deed| matches!(deed, Deed::DelayedMs(_) | Deed::HeldMs(_) | Deed::Overtaken(_));
        for key in wire.key(&follow.key) {
            let strike = Strike {
                index,
                sentence: format!("{} {} was {}", wire.link, wire.point, deeds(&wire.did)),
                only_late: wire.did.iter().all(late),
            };
            let key = self.ledger.keys.id(key);
            self.strikes.entry(key).or_default().push(strike);
        }
    }

    fn delivered(&mut self, wire: &Wire, event: &Event, times: u32) {
        let follow = Rc::clone(&self.ledger.follow);
        let holder = match (wire.key(follow.holder()), wire.key(&follow.key)) {
            ([holder], [_]) => Some(self.holder(holder)),
            _ => None,
        };
        for name in wire.key(&follow.key) {
            let key = self.ledger.keys.id(name);
            let deliveries = self.deliveries.entry(key).or_insert_with(|| Vec::with_capacity(1));
            if deliveries.last().is_some_and(|last| last.index == event.index) {
                continue; // the same message, found in two places
            }
            self.ledger.deliveries_seen += u64::from(times);
            deliveries.push(Delivery {
                index: event.index,
                time: event.time,
                times,
                holder,
            });
        }
    }

    fn count_frame(&mut self, keys: &[Text], times: u32, index: u64) {
        if keys.is_empty() {
            return;
        }
        let lane = self.lane(None);
        for key in keys {
            let key = self.ledger.keys.id(key);
            let frames = self.ledger.frames.entry(key).or_default();
            if frames.last() == Some(&index) {
                continue; // the same key, found in two places
            }
            frames.push(index);
            let lane = &mut self.ledger.lanes[lane];
            *lane.counts.entry(key).or_default() += times;
            if !self.repairing {
                *lane.before.entry(key).or_default() += times;
            }
        }
    }

    fn lane(&mut self, subscriber: Option<Id>) -> usize {
        let lanes = &mut self.ledger.lanes;
        lanes
            .iter()
            .position(|lane| lane.subscriber == subscriber)
            .unwrap_or_else(|| {
                lanes.push(Lane {
                    subscriber,
                    counts: HashMap::new(),
                    before: HashMap::new(),
                });
                lanes.len() - 1
            })
    }

    fn view(&mut self, view: &View, event: &Event) {
        let Some(at) = slot(view.at) else { return };
        if event.kind == Kind::Invoke {
            return;
        }
        let follow = Rc::clone(&self.ledger.follow);
        for role in Role::ALL {
            if follow.view(role) != Some(view.view.as_str()) {
                continue;
            }
            let read = match (&view.rows, event.kind, &event.error) {
                (Some(rows), Kind::Ok, None) => self.rows(role, rows, view.at),
                (_, _, error) => Err(error.clone().unwrap_or_else(|| "it failed".into())),
            };
            self.ledger.reads[at][role as usize] = match read {
                Ok(()) => ReadState::Done(event.index),
                Err(why) => ReadState::Failed(why),
            };
        }
    }

    /// Takes in the rows of a view; what they cannot mean is an error that says so.
    fn rows(&mut self, role: Role, rows: &Rows, at: Moment) -> Result<(), String> {
        let follow = Rc::clone(&self.ledger.follow);
        match (role, at) {
            (Role::Recorded, Moment::Initial) => {
                let key = column(rows, &follow.key)?;
                self.earlier = rows.iter().map(|row| self.key_at(row, key)).collect();
                self.earlier.sort_unstable();
            }
            (Role::Recorded, at) if at == self.recorded_at => self.records(rows)?,
            (Role::Effect, at) => match &follow.effect {
                Effect::Sum { value, .. } => self.sums(rows, value.as_deref(), at)?,
                Effect::Rows { per, .. } => self.effects(rows, per.as_deref(), at)?,
                Effect::Point { .. } => {}
            },
            (Role::Listed, Moment::Final) => {
                let key = column(rows, &follow.key)?;
                self.listed = rows.iter().map(|row| self.key_at(row, key)).collect();
            }
            _ => {}
        }
        Ok(())
    }

    fn key_at(&mut self, row: ViewRow, column: usize) -> Id {
        self.ledger.keys.id(row.at(column).unwrap_or_default())
    }

    fn records(&mut self, rows: &Rows) -> Result<(), String> {
        let follow = Rc::clone(&self.ledger.follow);
        let key = column(rows, &follow.key)?;
        let said = follow
            .recorded
            .as_ref()
            .into_iter()
            .flat_map(|r| r.success.keys().chain(r.failed.keys()));
        for name in said {
            column(rows, name)?;
        }
        if let (Some(coded), Effect::Sum { .. }) = (&follow.coded, &follow.effect) {
            column(rows, &coded.code.per)?;
            column(rows, &coded.field)?;
        }
        self.ledger.rows.clear();
        for row in rows.iter() {
            let key = self.key_at(row, key);
            if self.earlier.binary_search(&key).is_ok() {
                continue;
            }
            let (class, result) = class(&follow, |column| row.get(column));
            let class = match follow.recorded.as_ref().is_some_and(|r| r.success.is_empty()) {
                true if class == Class::Other => Class::Success,
                _ => class,
            };
            let coded = follow.coded.as_ref();
            let text = coded.and_then(|coded| row.get(&coded.field)).unwrap_or_default();
            let row = Row {
                key,
                holder: self.holder(coded.and_then(|coded| row.get(&coded.code.per)).unwrap_or_default()),
                amount: coded.and_then(|coded| money::parse(text, coded.code.scale).ok()),
                text: self.ledger.words.id(text),
                fields: self.fields(|field| row.get(field)),
                result: result.map(|result| self.ledger.words.id(result)),
                class,
                owner: Owner::Nobody,
            };
            self.ledger.rows.push(row);
        }
        Ok(())
    }

    fn sums(&mut self, rows: &Rows, value: Option<&str>, at: Moment) -> Result<(), String> {
        let Some(slot) = slot(at) else { return Ok(()) };
        for holder in &mut self.ledger.holders {
            holder.at[slot] = None;
        }
        if rows.is_empty() {
            return Ok(());
        }
        let follow = Rc::clone(&self.ledger.follow);
        let name = column(rows, follow.holder())?;
        let value = match value {
            Some(value) => column(rows, value)?,
            None => {
                let mut others = (0..rows.columns().len()).filter(|column| *column != name);
                match (others.next(), others.next()) {
                    (Some(only), None) => only,
                    _ => {
                        return Err(format!(
                            "it shows {}: say which column is the sum, effect = {{ value = \"COLUMN\" }}",
                            rows.columns().join(", ")
                        ));
                    }
                }
            }
        };
        let scale = follow.scale();
        for row in rows.iter() {
            let holder = self.holder(row.at(name).unwrap_or_default());
            let value = row.at(value).map(|text| Sum {
                text: self.ledger.words.id(text),
                money: money::parse(text, scale).ok(),
            });
            let held = &mut self.ledger.holders[holder as usize].at[slot];
            *held = Some(match held.take() {
                None => Holding { value, copies: 1 },
                Some(first) => first.and(value),
            });
        }
        Ok(())
    }

    /// Rows that are effects. Those that were there before the run are none of it.
    fn effects(&mut self, rows: &Rows, per: Option<&str>, at: Moment) -> Result<(), String> {
        let follow = Rc::clone(&self.ledger.follow);
        let key = column(rows, &follow.key)?;
        let per = per.map(|per| column(rows, per)).transpose()?;
        if at == Moment::Initial {
            self.earlier_effects = rows.iter().map(|row| self.key_at(row, key)).collect();
            return Ok(());
        }
        for lane in &mut self.ledger.lanes {
            lane.counts_at(at).clear();
        }
        for row in rows.iter() {
            let subject = self.key_at(row, key);
            if self.earlier_effects.contains(&subject) {
                continue;
            }
            let subscriber = per.map(|per| self.ledger.words.id(row.at(per).unwrap_or_default()));
            let lane = self.lane(subscriber);
            *self.ledger.lanes[lane].counts_at(at).entry(subject).or_default() += 1;
        }
        Ok(())
    }
}

impl Lane {
    /// The counts of a moment: those at the end, or those before anything was repaired.
    fn counts_at(&mut self, at: Moment) -> &mut HashMap<Id, u32> {
        match at {
            Moment::Final => &mut self.counts,
            _ => &mut self.before,
        }
    }
}

/// What a record or an answer means, and the value that says so.
fn class<'a>(follow: &Follow, value: impl Fn(&str) -> Option<&'a str>) -> (Class, Option<&'a str>) {
    let Some(recorded) = &follow.recorded else {
        return (Class::Other, None);
    };
    let all = |columns: &std::collections::BTreeMap<String, Vec<String>>| {
        let mut columns = columns.iter().peekable();
        let any = columns.peek().is_some();
        any && columns.all(|(column, values)| value(column).is_some_and(|v| values.iter().any(|w| w == v)))
    };
    let class = if all(&recorded.success) {
        Class::Success
    } else if all(&recorded.failed) {
        Class::Failed
    } else {
        Class::Other
    };
    let shown = recorded.success.keys().chain(recorded.failed.keys()).next();
    (class, shown.and_then(|column| value(column)))
}

impl Holding {
    /// Two rows of one holder hold what both hold together.
    fn and(self, more: Option<Sum>) -> Holding {
        let copies = self.copies + 1;
        let value = match (self.value, more) {
            (Some(a), Some(b)) => Some(Sum {
                text: a.text,
                money: sum(a.money, b.money),
            }),
            _ => None,
        };
        Holding { value, copies }
    }
}

fn sum(a: Option<money::Money>, b: Option<money::Money>) -> Option<money::Money> {
    use money::Money::{Exact, Inexact};
    let (a, b) = (a?, b?);
    let nearest = a.nearest().checked_add(b.nearest())?;
    Some(match (a, b) {
        (Exact(_), Exact(_)) => Exact(nearest),
        (Inexact { remainder, .. }, _) | (_, Inexact { remainder, .. }) => Inexact { nearest, remainder },
    })
}
