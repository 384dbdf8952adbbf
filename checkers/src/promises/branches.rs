//! `branches`: at the end all branches of a subject are in effect, or none is; judged by
//! [`branches`](crate::process::branches).
//!
//! A branch is a view (one for each subscriber, where a column names them): its rows in effect carry the key. A key without
//! such a row is not in effect there. Judged are the subjects that clients started, and every other key that a branch shows
//! at the end and did not show initially. A subject whose every try failed has to have no effect.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::support::{
    About, Keys, Last, NAME_OPTION, STARTED_OPTION, SUBJECT_OPTION, at, cell, column, columns, doubted, fits, needs_of,
    read, unsettled,
};
use super::{Entry, How, Judge, Need, Options};
use crate::history::{Event, Header, Kind, Moment, Op, Rows};
use crate::process::branches::{self, BRANCHES_MAX, Branches};
use crate::run::Facts;
use crate::streaming::{At, Names, Streaming, plural};
use crate::verdict::{CheckerResult, decided};

pub(super) const ENTRY: Entry = Entry {
    name: branches::NAME,
    about: "at the end all branches of a subject are in effect, or none is",
    options: &[
        NAME_OPTION,
        SUBJECT_OPTION,
        STARTED_OPTION,
        (
            "branches",
            "[{ view, key = COLUMN, in_effect = { COLUMN = [VALUE] }, per = COLUMN, subscribers = [..] }, ..]: the branches; \
             key is the subject's by default, in_effect every row; with per one branch for each subscriber",
        ),
        (
            "committed",
            "{ NAME = [VALUE] }: ok answers that report the whole as done; { } for every ok; default: none does",
        ),
        (
            "rolled_back",
            "{ NAME = [VALUE] }: answers that report it as undone; a subject whose every try failed is, too",
        ),
    ],
    anomalies: &["partial", "lost", "aborted", "contradiction"],
    decides: &[decided(
        "the final view of each branch, and what clients were told of the subject",
    )],
    how: How::Own(make),
};

const EXAMPLE: &str = "[{ view = \"orders\" }, { view = \"stock\" }]";

/// Where a branch is seen.
struct Branch {
    /// What it is called.
    name: String,
    view: String,
    key: String,
    /// The column that names subscribers, and the one that this branch is.
    only: Option<(String, String)>,
    in_effect: BTreeMap<String, Vec<String>>,
    last: Last<Vec<u32>>,
}

/// What the answers to the clients say of one subject.
#[derive(Clone, Copy, Default)]
struct Told {
    asked: u32,
    failed: u32,
    failed_at: At,
}

struct Whole {
    about: About,
    branches: Vec<Branch>,
    committed: Option<BTreeMap<String, Vec<String>>>,
    rolled_back: Option<BTreeMap<String, Vec<String>>>,
    keys: Keys,
    told: HashMap<u32, Told>,
    /// What was seen, with the keys as they were given.
    seen: Vec<(At, branches::Event)>,
    /// Keys that were there initially.
    earlier: HashSet<u32>,
    /// Answers that are ok, and how many of them report the whole as done.
    oks: u64,
    reported: u64,
}

fn make(options: &mut Options, header: &Header) -> Option<Box<dyn Judge>> {
    let about = About::read(options, header);
    let count = options.tables("branches", &["view", "key", "in_effect", "per", "subscribers"], EXAMPLE);
    let mut branches = Vec::new();
    for position in 0..count {
        branch(options, header, position, about.as_ref(), &mut branches);
    }
    if (1..2).contains(&branches.len()) && options.is_fine() {
        options.say(
            "branches",
            format!("has one branch; all or none takes two, as in {EXAMPLE}"),
        );
    }
    if branches.len() > usize::from(BRANCHES_MAX) {
        options.say(
            "branches",
            format!("has {} branches; at most {BRANCHES_MAX} are judged", branches.len()),
        );
    }
    let mut answers = |key: &str| options.value(key).map(|_| options.values_by_column(key));
    let (committed, rolled_back) = (answers("committed"), answers("rolled_back"));
    let about = about?;
    options.is_fine().then(|| {
        Box::new(Whole {
            keys: Keys::of(&about.kind),
            about,
            branches,
            committed,
            rolled_back,
            told: HashMap::new(),
            seen: Vec::new(),
            earlier: HashSet::new(),
            oks: 0,
            reported: 0,
        }) as Box<dyn Judge>
    })
}

fn branch(options: &mut Options, header: &Header, position: usize, about: Option<&About>, branches: &mut Vec<Branch>) {
    let at = |key: &str| format!("branches[{position}].{key}");
    let view = options.view_at(&at("view"), header, Moment::Final);
    let key = options.text(&at("key")).or(about.map(|about| about.key.as_str()));
    let in_effect = options.values_by_column(&at("in_effect"));
    let per = options.text(&at("per"));
    let subscribers = options.texts(&at("subscribers")).unwrap_or_default();
    if per.is_some() == subscribers.is_empty() {
        options.say(
            &at("per"),
            "and subscribers go together, as in per = \"subscriber\", subscribers = [\"mail\", \"points\"]",
        );
    }
    let (Some(view), Some(key)) = (view, key) else { return };
    let mut add = |name: String, only: Option<(String, String)>| {
        branches.push(Branch {
            name,
            view: view.to_owned(),
            key: key.to_owned(),
            only,
            in_effect: in_effect.clone(),
            last: Last::Never,
        });
    };
    match per {
        Some(per) => subscribers
            .into_iter()
            .for_each(|name| add(name.clone(), Some((per.to_owned(), name)))),
        None => add(view.to_owned(), None),
    }
}

impl Branch {
    /// The keys in effect.
    fn rows(&self, rows: &Rows, keys: &mut Keys) -> Result<Vec<u32>, String> {
        let key = column(rows, &self.key)?;
        columns(rows, self.in_effect.keys())?;
        let only = self
            .only
            .as_ref()
            .map(|(name, value)| Ok::<_, String>((column(rows, name)?, value)));
        let only = only.transpose()?;
        let mine = rows.iter().filter(|row| {
            let of = only.is_none_or(|(column, value)| row.at(column) == Some(value.as_str()));
            of && fits(&self.in_effect, |column| row.get(column))
        });
        Ok(mine.map(|row| keys.number(cell(row, key))).collect())
    }
}

impl Whole {
    fn told(&mut self, op: &Op, event: &Event) {
        let id = self.about.subject(op, &mut self.keys);
        let told = self.told.entry(id).or_default();
        let answer = |columns: &Option<BTreeMap<_, _>>| {
            let columns = columns.as_ref();
            columns.is_some_and(|columns| fits(columns, |name| op.said(name)))
        };
        match event.kind {
            Kind::Invoke => told.asked += 1,
            Kind::Fail => {
                told.failed += 1;
                told.failed_at = at(event);
            }
            Kind::Ok => {
                self.oks += 1;
                if answer(&self.committed) {
                    self.reported += 1;
                    self.seen.push((at(event), branches::Event::Committed(id)));
                }
            }
            Kind::Info => {}
        }
        if event.kind == Kind::Invoke && told.asked == 1 {
            self.seen.push((at(event), self.begun(id)));
        }
        if matches!(event.kind, Kind::Ok | Kind::Fail) && answer(&self.rolled_back) {
            self.seen.push((at(event), branches::Event::RolledBack(id)));
        }
    }

    fn begun(&self, id: u32) -> branches::Event {
        let branches = u8::try_from(self.branches.len()).unwrap_or(BRANCHES_MAX);
        branches::Event::Begun { id, branches }
    }

    /// What the branches show at the end; why that is not known of one.
    fn applied(&mut self) -> Vec<String> {
        let mut doubts = Vec::new();
        let mut found = Vec::new();
        for (branch, seen) in (0..).zip(&self.branches) {
            match seen.last.shown(&seen.view, Moment::Final) {
                Ok((at, ids)) => found.extend(ids.iter().map(|id| (at, branch, *id))),
                Err(why) if !doubts.contains(&why) => doubts.push(why),
                Err(_) => {}
            }
        }
        for (at, branch, id) in found.into_iter().filter(|(_, _, id)| !self.earlier.contains(id)) {
            let id = self.keys.subject(id);
            if !self.told.contains_key(&id) {
                self.seen.push((at, self.begun(id)));
            }
            self.seen.push((at, branches::Event::Applied { id, branch }));
        }
        doubts
    }
}

impl Judge for Whole {
    fn observe(&mut self, event: &Event) {
        if let Some(op) = self.about.op(event) {
            self.told(op, event);
            return;
        }
        let Some((view, moment, shown)) = read(event) else {
            return;
        };
        for branch in self.branches.iter_mut().filter(|branch| branch.view == view) {
            let ids = shown.clone().and_then(|rows| branch.rows(rows, &mut self.keys));
            match (moment, ids) {
                (Moment::Final, ids) => branch.last.keep(event, ids),
                (Moment::Initial, Ok(ids)) => self.earlier.extend(ids),
                _ => {}
            }
        }
    }

    fn needs(&self) -> Vec<Need> {
        let branches = self.branches.iter().flat_map(|branch| {
            let in_effect = branch.in_effect.keys();
            let columns = in_effect
                .chain(branch.only.iter().map(|(per, _)| per))
                .chain([&branch.key]);
            needs_of(&branch.view, columns.map(|column| ("branches", column)))
        });
        branches.collect()
    }

    fn finish(mut self: Box<Self>, run: &Facts) -> CheckerResult {
        let failed = self
            .told
            .iter()
            .filter(|(_, told)| told.failed > 0 && told.failed == told.asked);
        let failed: Vec<_> = failed
            .map(|(id, told)| (told.failed_at, branches::Event::RolledBack(*id)))
            .collect();
        self.seen.extend(failed);
        let mut doubts: Vec<String> = unsettled(run, Moment::Final).into_iter().collect();
        doubts.extend(self.applied());
        self.seen.sort_by_key(|(at, _)| at.index);
        let mut checker = Branches::new();
        let mut last = At::default();
        for (at, event) in &self.seen {
            checker.push(*at, *event);
            last = *at;
        }
        if doubts.is_empty() {
            checker.push(last, branches::Event::Settled);
        }
        if let Some(committed) = &self.committed
            && self.oks > 0
            && self.reported == 0
            && doubts.is_empty()
        {
            let names: Vec<&str> = committed.keys().map(String::as_str).collect();
            doubts.push(format!(
                "none of {} has the {} that committed asks for",
                plural(self.oks, "ok answer"),
                names.join(", ")
            ));
        }
        let named = Named {
            keys: &self.keys,
            branches: &self.branches,
        };
        doubted(checker.finish_named(&named), doubts)
    }
}

struct Named<'a> {
    keys: &'a Keys,
    branches: &'a [Branch],
}

impl Names for Named<'_> {
    fn id(&self, id: u32) -> String {
        self.keys.name(id).to_owned()
    }

    fn said(&self, noun: &str, id: u32) -> String {
        self.keys.said(noun, id)
    }

    fn branch(&self, branch: u8) -> Option<String> {
        self.branches.get(usize::from(branch)).map(|branch| branch.name.clone())
    }
}
