//! Subjects followed from end to end: what each was asked to be, how it was answered, recorded, delivered and brought to
//! effect, and the checkers that judge it.
//!
//! [`Ledger`] is gathered in one pass over the history and shared by the four checkers of this folder. It never judges: it
//! says what was seen, the checkers say what that breaks. Rows whose key no client knows (keys made by a service) are matched
//! by the key in an answer, then by their payload, where that is unique.

pub(crate) mod balance_convergence;
mod effects;
pub(crate) mod exactly_once;
pub(crate) mod figures;
mod follow;
pub(crate) mod honest_answers;
pub(crate) mod idempotent_requests;
mod model;
mod names;
mod observe;
mod resolve;
mod story;

use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

pub use follow::{CodedField, Effect, Follow, Recorded};
pub(crate) use follow::{OPTIONS, started};
pub use model::{
    Answer, Attempt, Class, Conflict, Delivery, Holder, Holding, Lane, Opened, Owner, Payload, QueryOp, ReadState, Row,
    Strike, Subject, Sum, Unread,
};
use names::ById;
pub use names::{Id, Names};
pub(crate) use observe::Observer;

use crate::history::{Kind, Moment};
use crate::money::{self, Major};
use crate::run::{Facts, PhaseSpan, first_line};
use crate::words::plural;

/// What a view is to a ledger, as a position in [`Ledger::reads`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It shows what is recorded.
    Recorded,
    /// It shows effects.
    Effect,
    /// It shows what the target itself lists as done.
    Listed,
}

impl Role {
    pub(crate) const ALL: [Role; 3] = [Role::Recorded, Role::Effect, Role::Listed];
}

/// The position of a moment in what is kept of views; None for moments that no ledger needs.
fn slot(at: Moment) -> Option<usize> {
    match at {
        Moment::Initial => Some(0),
        Moment::Rest => Some(1),
        Moment::Final => Some(2),
        Moment::Look | Moment::AfterRepair => None,
    }
}

/// Everything that the checkers need to know about one kind of subject.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// What is followed.
    pub follow: Rc<Follow>,
    /// The run as a whole.
    pub run: Rc<Facts>,
    /// Keys, of clients and services.
    pub keys: Names,
    /// Holders, numbered like [`Ledger::holders`].
    pub names: Names,
    /// Other words: actions, results, values as text.
    pub words: Names,
    /// Subjects in order of their first try.
    pub subjects: Vec<Subject>,
    /// What holds sums of effects.
    pub holders: Vec<Holder>,
    /// Subjects recorded at the end, without those from before the run.
    pub rows: Vec<Row>,
    /// Deliberate conflicts.
    pub conflicts: Vec<Conflict>,
    /// Queries.
    pub queries: Vec<QueryOp>,
    /// Effects that were counted one by one.
    pub lanes: Vec<Lane>,
    /// Frames that are effects, by key; once they have found their subjects, those of no subject.
    pub frames: HashMap<Id, Vec<u64>>,
    /// State of the views: by moment, then by role.
    pub reads: [[ReadState; 3]; 3],
    /// Deliveries seen on the wire, of whatever subject.
    pub deliveries_seen: u64,
    /// Whether the service records subjects under keys of its own.
    pub makes_keys: bool,
    /// A contradiction in what the writer says, which forbids any verdict.
    pub contradiction: Option<String>,
    /// A subject, and a reply that says that a transaction with its key has committed, by link and index; in order.
    commits: Vec<(usize, Id, u64)>,
    /// What a link did to frames that carried a subject's key, in order.
    strikes: HashMap<usize, Vec<Strike>>,
    /// Deliveries under keys of no subject, by the holder that they name: indices, in order.
    strangers: HashMap<Id, Vec<u64>>,
    /// Subject of a key, the client's or the service's.
    owners: ById<usize>,
    /// Row of a key.
    recorded: ById<usize>,
}

impl Observer {
    /// The ledger of everything that was observed.
    pub(crate) fn finish(self, run: Rc<Facts>) -> Ledger {
        let mut ledger = resolve::resolve(self);
        ledger.run = run;
        effects::count(&mut ledger);
        ledger
    }
}

impl Ledger {
    fn new(follow: Rc<Follow>) -> Ledger {
        Ledger {
            follow,
            run: Rc::default(),
            keys: Names::default(),
            names: Names::default(),
            words: Names::default(),
            subjects: Vec::new(),
            holders: Vec::new(),
            rows: Vec::new(),
            conflicts: Vec::new(),
            queries: Vec::new(),
            lanes: Vec::new(),
            frames: HashMap::new(),
            reads: Default::default(),
            deliveries_seen: 0,
            makes_keys: false,
            contradiction: None,
            commits: Vec::new(),
            strikes: HashMap::new(),
            strangers: HashMap::new(),
            owners: ById::default(),
            recorded: ById::default(),
        }
    }

    /// Whether any attempt ended ok.
    pub fn has_acknowledged(&self) -> bool {
        self.subjects.iter().any(|p| p.outcome() == Kind::Ok)
    }

    /// Whether anything is recorded as successful.
    pub fn has_recorded(&self) -> bool {
        self.subjects.iter().any(|p| p.successes > 0) || self.rows.iter().any(|row| row.class == Class::Success)
    }

    /// Whether anybody asked for what was missing once everything was at rest.
    pub fn was_repaired(&self) -> bool {
        self.queries.iter().any(|q| q.repair)
    }

    /// Key of a subject, as its client knows it.
    pub fn key(&self, subject: usize) -> &str {
        self.keys.name(self.subjects[subject].key)
    }

    /// Name of a holder.
    pub fn holder_name(&self, holder: Id) -> &str {
        self.names.name(holder)
    }

    /// A value of the coded field in major units.
    pub fn money(&self, minor: i128) -> Major {
        money::major(minor, self.follow.scale())
    }

    /// The subject that a key belongs to: the client's own, or one that the service made for it.
    pub fn subject_of(&self, key: Id) -> Option<usize> {
        self.owners.get(&key).copied()
    }

    /// The replies that say that a transaction with its key has committed: link and index.
    pub(crate) fn commits_of(&self, subject: usize) -> &[(usize, Id, u64)] {
        let from = self.commits.partition_point(|(at, ..)| *at < subject);
        let to = self.commits.partition_point(|(at, ..)| *at <= subject);
        &self.commits[from..to]
    }

    /// How often something crossed the wire that may have brought its effect: a delivery, a question that repairs, a commit,
    /// of which those of the busiest link count.
    pub(crate) fn chances(&self, at: usize) -> u32 {
        let subject = &self.subjects[at];
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let brought = subject.delivered().saturating_add(count(subject.asks.len()));
        let commits = self.commits_of(at).chunk_by(|(_, a, _), (_, b, _)| a == b);
        let committed = commits.map(|of_link| count(of_link.len())).max();
        brought.max(committed.unwrap_or(0))
    }

    /// The row recorded under exactly this key.
    pub fn row_of(&self, key: Id) -> Option<&Row> {
        self.recorded.get(&key).map(|row| &self.rows[*row])
    }

    /// What an action calls.
    pub fn service_of(&self, action: Id) -> &str {
        let asked = self.follow.asked.get(self.words.name(action));
        asked.map_or("", |(_, service)| service.as_str())
    }

    /// The key by which the target knows a subject: that of its row, or that of an answer, or the client's own.
    pub(crate) fn known_as(&self, subject: &Subject) -> Id {
        let row = subject
            .rows
            .iter()
            .map(|row| &self.rows[*row])
            .find(|row| row.class == Class::Success);
        let answered = subject.answers().find_map(|answer| answer.key);
        row.map(|row| row.key).or(answered).unwrap_or(subject.key)
    }

    /// Whether a row shows a payload, as far as it shows one.
    pub fn is_same(&self, payload: &Payload, row: &Row) -> bool {
        let follow = &self.follow;
        let sums = matches!(follow.effect, Effect::Sum { .. });
        let fields = follow.fields.iter().zip(payload.fields.iter().zip(&row.fields));
        let differs = |(name, (sent, shown)): (&String, (&Option<Id>, &Option<Id>))| match &follow.coded {
            Some(coded) if coded.field == *name => {
                (sums || shown.is_some()) && row.amount.as_ref().map(money::Money::nearest) != Some(payload.amount)
            }
            Some(coded) if coded.code.per == *name => (sums || shown.is_some()) && row.holder != payload.holder,
            _ => match (sent, shown) {
                (Some(sent), Some(shown)) => !self.says_the_same(*sent, *shown),
                _ => false,
            },
        };
        !fields.into_iter().any(differs)
    }

    /// Whether two words are the same text, or the same number.
    pub fn says_the_same(&self, a: Id, b: Id) -> bool {
        let (a, b) = (self.words.name(a), self.words.name(b));
        let number = |text: &str| money::parse(text, money::SCALE_MAX / 2).ok();
        a == b || number(a).is_some_and(|a| Some(a) == number(b))
    }

    /// Whether two values of a field are the same: as numbers of its scale where it is coded.
    pub(crate) fn is_same_value(&self, field: &str, a: Id, b: Id) -> bool {
        match &self.follow.coded {
            Some(coded) if coded.field == field => {
                let value = |id: Id| money::parse(self.words.name(id), coded.code.scale).ok();
                a == b || value(a).is_some_and(|a| Some(a) == value(b))
            }
            _ => self.says_the_same(a, b),
        }
    }

    /// State of a view.
    pub fn read(&self, at: Moment, role: Role) -> &ReadState {
        match slot(at) {
            Some(slot) => &self.reads[slot][role as usize],
            None => &ReadState::Absent,
        }
    }

    /// Index of the event that holds a view, if it was read.
    pub fn read_index(&self, at: Moment, role: Role) -> Option<u64> {
        match self.read(at, role) {
            ReadState::Done(index) => Some(*index),
            ReadState::Absent | ReadState::Failed(_) => None,
        }
    }

    /// The last phase of that name.
    pub fn phase(&self, name: &str) -> Option<&PhaseSpan> {
        self.run.phase(name)
    }

    /// Why the end of the history does not show the end of the run; None when it does.
    pub fn incomplete(&self) -> Option<String> {
        if let Some(why) = self.run.incomplete() {
            return Some(why);
        }
        Role::ALL.into_iter().find_map(|role| {
            let view = self.follow.view(role)?;
            match self.read(Moment::Final, role) {
                ReadState::Failed(why) => {
                    let why = first_line(Some(why), "no reason given");
                    Some(format!("the final read of {view} is incomplete: {why}"))
                }
                ReadState::Absent if role != Role::Listed => Some(format!("there is no final read of {view}")),
                ReadState::Absent | ReadState::Done(_) => None,
            }
        })
    }

    /// Why a view is not about these subjects at all: it has rows, clients were told of success, and no row belongs to any
    /// subject. What it lacks accuses nobody.
    pub(crate) fn unmatched(&self) -> Option<String> {
        if self.subjects.iter().all(|subject| subject.acknowledged().is_none()) {
            return None;
        }
        let Follow { kind, key, .. } = &*self.follow;
        let strange = |view: Option<&str>, rows: usize| {
            view.map(|view| {
                format!(
                    "the final read of {view} shows {}, and no {key} in it is that of any {kind}: the view does not show what \
                     the promise is about",
                    plural(rows, "row")
                )
            })
        };
        let recorded = !self.rows.is_empty() && self.rows.iter().all(|row| row.owner == Owner::Nobody);
        if recorded {
            return strange(self.follow.view(Role::Recorded), self.rows.len());
        }
        let effects = self.lanes.iter().flat_map(|lane| lane.counts.keys());
        let counted = effects.clone().count();
        let by_rows = matches!(self.follow.effect, Effect::Rows { .. });
        (by_rows && counted > 0 && effects.into_iter().all(|key| self.subject_of(*key).is_none()))
            .then(|| strange(self.follow.view(Role::Effect), counted))
            .flatten()
    }

    /// Why nobody can say that the target had come to rest before its final reads; None when it had.
    pub fn restless(&self) -> Option<String> {
        self.run.restless()
    }

    /// Why nobody can say that the target had come to rest before anything was repaired; None when it had.
    pub fn restless_before(&self) -> Option<String> {
        self.run.restless_before()
    }

    /// Once for each subscriber, with its name: the ledger as that subscriber's effects tell it.
    fn by_subscriber(&self) -> Vec<(Option<&str>, usize, Cow<'_, Ledger>)> {
        if self.lanes.len() <= 1 {
            return vec![(None, 0, Cow::Borrowed(self))];
        }
        let lane = |at: usize| {
            let mut ledger = self.clone();
            effects::one_by_one(&mut ledger, at);
            let subscriber = self.lanes[at].subscriber.map(|id| self.words.name(id));
            (subscriber, at, Cow::Owned(ledger))
        };
        (0..self.lanes.len()).map(lane).collect()
    }
}

impl Follow {
    /// The view that has a role.
    pub fn view(&self, role: Role) -> Option<&str> {
        match role {
            Role::Recorded => self.recorded.as_ref().map(|recorded| recorded.view.as_str()),
            Role::Effect => self.effect.view(),
            Role::Listed => self.listed.as_deref(),
        }
    }
}
