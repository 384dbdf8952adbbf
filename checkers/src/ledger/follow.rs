//! What a ledger follows: one kind of subject, and where its beginnings, records and effects are read.
//!
//! Made from a promise and the header of a history, so that a history is judged from itself alone. Must never guess a name:
//! what refers to nothing is a problem that says what is there.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::history::{Coded, Header};
use crate::options::Options;
use crate::verdict::Words;

/// One kind of subject, followed from end to end.
#[derive(Clone, Debug, PartialEq)]
pub struct Follow {
    /// The kind: `payment`.
    pub kind: String,
    /// The name of its key: `tx`.
    pub key: String,
    /// The actions that start it.
    pub started: Vec<String>,
    /// The actions that ask about it; true where they also repair it. With the service that each calls.
    pub asked: BTreeMap<String, (bool, String)>,
    /// The actions that make what holds the sums.
    pub opened: Vec<String>,
    /// Its fields, sorted.
    pub fields: Vec<String>,
    /// The field that is coded; None where no sum tells what it is made of.
    pub coded: Option<CodedField>,
    /// Where it is recorded; None where nothing but the answers to its clients says that it began.
    pub recorded: Option<Recorded>,
    /// Where it takes effect.
    pub effect: Effect,
    /// A view of what the target itself lists as done.
    pub listed: Option<String>,
    /// What the target calls all this.
    pub words: Words,
    /// Whether an effect that only the repair brought is accepted.
    pub late_is_valid: bool,
}

/// The field whose sum tells how often each subject took effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodedField {
    /// Its name: `amount`.
    pub field: String,
    /// The field that names the holder of the sum, its code.
    pub code: Coded,
}

/// Where subjects are recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The view.
    pub view: String,
    /// Columns, each with the values that mean success; empty: every row does.
    pub success: BTreeMap<String, Vec<String>>,
    /// Columns, each with the values that mean failure.
    pub failed: BTreeMap<String, Vec<String>>,
}

/// Where subjects take effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The digits of a sum per holder.
    Sum {
        /// The view.
        view: String,
        /// The column of the sum; None: the one beside the holder's.
        value: Option<String>,
    },
    /// Rows that carry the key.
    Rows {
        /// The view.
        view: String,
        /// The column that says for whom a row is: each subject takes effect once for each of them.
        per: Option<String>,
        /// For whom all; empty: whoever is seen.
        subscribers: Vec<String>,
    },
    /// Frames that carry the key.
    Point {
        /// The link.
        link: String,
        /// The point.
        point: String,
    },
}

impl Effect {
    /// The view, where it is one.
    pub fn view(&self) -> Option<&str> {
        match self {
            Effect::Sum { view, .. } | Effect::Rows { view, .. } => Some(view),
            Effect::Point { .. } => None,
        }
    }
}

/// The options of a promise that follows subjects.
pub(crate) const OPTIONS: [(&str, &str); 8] = [
    ("name", "the name of the promise, where two have the same checker"),
    ("subject", "the kind of subject that is followed"),
    ("started", "the actions that start it; default: all that do"),
    (
        "recorded",
        "{ view, success = { COLUMN = [VALUE] }, failed = { COLUMN = [VALUE] } }: where it is recorded",
    ),
    (
        "effect",
        "{ view, by = FIELD or \"rows\", per = COLUMN, subscribers = [..], value = COLUMN } or { point = \"LINK POINT\" }",
    ),
    ("listed", "{ view }: what the target itself lists as done"),
    ("words", "{ recorded, effect }: what the target calls it"),
    (
        "late",
        "\"invalid\" or \"valid\": what an effect is that only the repair brought",
    ),
];

impl Follow {
    /// What a promise follows. None where something is wrong with it, which the options say.
    pub(crate) fn read(options: &mut Options, header: &Header) -> Option<Follow> {
        let subjects = || header.subjects.keys().map(String::as_str);
        options.needed("subject", "\"payment\"");
        let kind = options.name("subject", "subject", subjects())?.to_owned();
        let subject = &header.subjects[&kind];
        let Some(key) = subject.key.clone() else {
            options.say(
                "subject",
                format!("is {kind:?}, which has no `key`: what has none cannot be followed"),
            );
            return None;
        };
        let mut coded = subject.fields.iter().filter_map(|(name, field)| {
            let code = field.coded.clone()?;
            Some(CodedField {
                field: name.clone(),
                code,
            })
        });
        let coded = coded.next();
        let holder = coded
            .as_ref()
            .and_then(|c| subject.fields.get(&c.code.per)?.names.clone());
        let started = started(options, header, &kind);
        let recorded = recorded(options, header);
        let effect = effect(options, header, coded.as_ref());
        let listed = view(options, header, "listed", &["view"]);
        let late_is_valid = match options.text("late") {
            None | Some("invalid") => false,
            Some("valid") => true,
            Some(other) => {
                options.say("late", format!("is {other:?}; it can be \"invalid\" or \"valid\""));
                false
            }
        };
        options.table("words", &["recorded", "effect"]);
        let word =
            |options: &mut Options, key: &str, otherwise: &str| options.text(key).unwrap_or(otherwise).to_owned();
        let words = Words {
            subject: kind.clone(),
            recorded: word(options, "words.recorded", "recorded"),
            effect: word(options, "words.effect", "applied"),
            holder: coded.as_ref().map(|c| c.code.per.clone()),
        };
        let asked = header.actions.iter().filter_map(|(name, action)| {
            let about = |other: &Option<String>| other.as_deref() == Some(kind.as_str());
            let service = action.service.clone().unwrap_or_else(|| "the database".to_owned());
            let repairs = about(&action.repairs);
            (about(&action.asks) || repairs).then(|| (name.clone(), (repairs, service)))
        });
        let asked: BTreeMap<String, (bool, String)> = asked.collect();
        let opened = header
            .actions
            .iter()
            .filter(|(_, action)| action.opens.is_some() && action.opens == holder);
        let effect = effect?;
        options.is_fine().then(|| Follow {
            key,
            started,
            asked,
            opened: opened.map(|(name, _)| name.clone()).collect(),
            fields: subject.fields.keys().cloned().collect(),
            coded,
            recorded,
            effect,
            listed,
            words,
            late_is_valid,
            kind,
        })
    }

    /// Position of a field.
    pub(crate) fn field(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field == name)
    }

    /// Digits behind the point of the coded field.
    pub fn scale(&self) -> u32 {
        self.coded.as_ref().map_or(0, |coded| coded.code.scale)
    }

    /// Base of the coded field.
    pub fn base(&self) -> u32 {
        self.coded.as_ref().map_or(0, |coded| coded.code.base)
    }

    /// Whether effects are due to a subscriber: one that the promise names.
    pub(crate) fn is_subscriber(&self, name: &str) -> bool {
        match &self.effect {
            Effect::Rows { subscribers, .. } => subscribers.iter().any(|one| one == name),
            Effect::Sum { .. } | Effect::Point { .. } => true,
        }
    }

    /// What holds the sums, in words.
    pub fn holder(&self) -> &str {
        self.words.holder.as_deref().unwrap_or_default()
    }
}

/// The actions that start a kind of subject: those that are named, or all that do.
pub(crate) fn started(options: &mut Options, header: &Header, kind: &str) -> Vec<String> {
    let starts = |name: &str| {
        header
            .actions
            .get(name)
            .is_some_and(|a| a.starts.as_deref() == Some(kind))
    };
    let starting = || header.actions.keys().map(String::as_str).filter(|name| starts(name));
    match options.texts("started") {
        Some(names) => {
            let what = format!("an action that starts a {kind}");
            names
                .into_iter()
                .filter(|name| options.refers("started", &what, name, starting()))
                .collect()
        }
        None => {
            if starting().next().is_none() {
                options.say("subject", format!("is {kind:?}, which no action starts"));
            }
            starting().map(str::to_owned).collect()
        }
    }
}

fn view(options: &mut Options, header: &Header, key: &str, known: &[&str]) -> Option<String> {
    if !options.table(key, known) {
        return None;
    }
    let inner = format!("{key}.view");
    options.needed(&inner, "\"balances\"");
    let views = header.views.keys().map(String::as_str);
    options.name(&inner, "view", views).map(str::to_owned)
}

fn recorded(options: &mut Options, header: &Header) -> Option<Recorded> {
    let view = view(options, header, "recorded", &["view", "success", "failed"])?;
    Some(Recorded {
        view,
        success: options.values_by_column("recorded.success"),
        failed: options.values_by_column("recorded.failed"),
    })
}

fn effect(options: &mut Options, header: &Header, coded: Option<&CodedField>) -> Option<Effect> {
    match options.value("effect") {
        None => {
            options.say(
                "effect",
                "is missing; for example effect = { view = \"balances\", by = \"amount\" }",
            );
            return None;
        }
        Some(Value::Object(table)) if table.contains_key("point") => {
            options.table("effect", &["point"]);
            let text = options.text("effect.point")?;
            let Some((link, point)) = text.split_once(' ') else {
                options.say(
                    "effect.point",
                    format!("is {text:?}; expected a link and a point, as in \"account->mysql COMMIT reply\""),
                );
                return None;
            };
            return Some(Effect::Point {
                link: link.to_owned(),
                point: point.to_owned(),
            });
        }
        Some(_) => {}
    }
    let view = view(
        options,
        header,
        "effect",
        &["view", "by", "per", "subscribers", "value"],
    )?;
    options.needed("effect.by", "\"rows\"");
    let by = options.text("effect.by")?;
    if by == "rows" {
        if options.value("effect.value").is_some() {
            options.say("effect.value", "is for sums; rows are counted");
        }
        let per = options.text("effect.per").map(str::to_owned);
        let subscribers = options.texts("effect.subscribers").unwrap_or_default();
        if per.is_none() != subscribers.is_empty() {
            options.say(
                "effect",
                "needs both per = \"COLUMN\" and subscribers = [..]: one that never got anything is seen by its name alone",
            );
        }
        return Some(Effect::Rows { view, per, subscribers });
    }
    for rows_only in ["effect.per", "effect.subscribers"] {
        if options.value(rows_only).is_some() {
            options.say(rows_only, "is for by = \"rows\"");
        }
    }
    match coded {
        Some(coded) if coded.field == by => Some(Effect::Sum {
            view,
            value: options.text("effect.value").map(str::to_owned),
        }),
        _ => {
            let coded = coded.map_or(String::new(), |coded| format!("{} (a coded field), or ", coded.field));
            options.say("effect.by", format!("is {by:?}; it can be {coded}\"rows\""));
            None
        }
    }
}
