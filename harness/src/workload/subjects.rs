//! Which subjects a run starts: drawn from the plan and its seed before the first one is started.
//!
//! Coded fields: within a holder the k-th subject has the value `base^k`, so that the digits of a sum say how often each
//! took effect. It must never give two subjects of one holder the same value of a coded field.

use std::collections::{BTreeMap, BTreeSet};

use paytwice_checkers::money::major;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Members;
use crate::plan::manifest::{Action, Coded, Field, Maker, Request};
use crate::plan::{Manifest, WorkloadPlan, placeholders};

/// Draws of values and of what clients do.
const STREAM: u64 = 1;
/// Draws of actions, where several start subjects.
const ACTIONS_STREAM: u64 = 2;

/// One subject, as a client intends it.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// The action that starts it.
    pub action: String,
    /// Its kind.
    pub kind: String,
    /// Its key where its client makes it, a name of ours where the server does.
    pub name: String,
    /// The name of its key, where its client makes it.
    pub key: Option<String>,
    /// Its fields.
    pub fields: BTreeMap<String, String>,
    /// False when its client gives up at the first answer that leaves the outcome unknown.
    pub patient: bool,
    /// A field, and another value of it, with which the same key is sent afterwards.
    pub conflict: Option<(String, String)>,
    /// Send the same request again after its answer.
    pub repeat: bool,
    /// Begin, milliseconds after the workload began.
    pub at_ms: u64,
}

impl Subject {
    /// What is sent: its fields, and its key where its client makes it.
    pub fn args(&self) -> BTreeMap<String, String> {
        let key = self.key.iter().map(|key| (key.clone(), self.name.clone()));
        self.fields.clone().into_iter().chain(key).collect()
    }
}

/// Every subject of a run in the order of its beginning.
pub fn subjects(manifest: &Manifest, plan: &WorkloadPlan, seed: u64) -> Vec<Subject> {
    let members = Members::new(manifest, plan);
    let mut draws = Draws {
        manifest,
        plan,
        seed,
        members: &members,
        starting: manifest.starting().collect(),
        rng: stream(seed, STREAM),
        actions: stream(seed, ACTIONS_STREAM),
        started: BTreeMap::new(),
        held: BTreeMap::new(),
        conflicts: BTreeMap::new(),
    };
    let times = (0..u64::from(plan.subjects_max)).map_while(|n| plan.at_ms(n));
    times.map_while(|at_ms| draws.next(at_ms)).collect()
}

fn stream(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

struct Draws<'a> {
    manifest: &'a Manifest,
    plan: &'a WorkloadPlan,
    seed: u64,
    members: &'a Members,
    starting: Vec<(&'a str, &'a Action)>,
    rng: ChaCha8Rng,
    actions: ChaCha8Rng,
    /// Subjects so far, by kind.
    started: BTreeMap<&'a str, u64>,
    /// Subjects so far, by kind, coded field and holder.
    held: BTreeMap<(&'a str, &'a str, String), u32>,
    /// Conflicts so far, by action.
    conflicts: BTreeMap<&'a str, usize>,
}

impl<'a> Draws<'a> {
    /// The next subject; None when there is no room for it any more.
    fn next(&mut self, at_ms: u64) -> Option<Subject> {
        let (action, def) = self.action()?;
        let (kind, subject) = self.manifest.subjects.get_key_value(def.starts.as_deref()?)?;
        let number = self.started.entry(kind).or_default();
        let n = *number;
        *number += 1;
        let mut fields = BTreeMap::new();
        for (name, field) in &subject.fields {
            if let Some(value) = self.value(&subject.fields, name, field, n) {
                fields.insert(name.clone(), value);
            }
        }
        for (name, coded) in subject.coded() {
            let holder = fields.get(&coded.per).cloned().unwrap_or_default();
            let k = self.held.entry((kind, name, holder)).or_default();
            if *k >= coded.per_holder() {
                return None;
            }
            fields.insert(name.to_owned(), amount(coded, coded.value(*k)));
            *k += 1;
        }
        let conflict = self.rng.random_bool(self.plan.conflict.clamp(0.0, 1.0));
        let patient = !self.rng.random_bool(self.plan.give_up.clamp(0.0, 1.0));
        let repeat = self.rng.random_bool(self.plan.repeat.clamp(0.0, 1.0));
        let key = subject.key.clone().filter(|_| subject.makes_key == Maker::Client);
        Some(Subject {
            action: action.to_owned(),
            kind: kind.clone(),
            name: match &key {
                Some(_) => self.manifest.key_of(kind, n, self.seed),
                None => format!("{kind}-{n}"),
            },
            conflict: match &key {
                Some(key) if conflict => self.conflict((action, def), key, &subject.fields, &fields),
                _ => None,
            },
            // Without a key of its client a second request is another one.
            repeat: repeat && key.is_some(),
            key,
            fields,
            patient,
            at_ms,
        })
    }

    /// The action that starts the next one.
    fn action(&mut self) -> Option<(&'a str, &'a Action)> {
        if let [only] = self.starting[..] {
            return Some(only);
        }
        let weights = self.starting.iter().map(|(_, action)| action.weight);
        let at = self.actions.random_range(0..weights.clone().sum::<u32>().max(1));
        self.starting.get(weighted(weights, at)?).copied()
    }

    /// The value of a field that is not coded, for the n-th subject of its kind.
    fn value(&mut self, fields: &BTreeMap<String, Field>, name: &str, field: &Field, n: u64) -> Option<String> {
        match field {
            Field::Names(kind) => {
                let members = self.members.all(kind);
                let ahead = fields.iter().take_while(|(other, _)| *other != name);
                let ahead = ahead.filter(|(_, other)| *other == field).count() as u64;
                let at = (n + ahead).checked_rem(members.len() as u64)?;
                Some(members[at as usize].clone())
            }
            Field::Coded(_) => None,
            Field::Of(values) => {
                // Drawn in any case: what comes after must not depend on it.
                let draw = self.rng.random::<u64>() as f64 / 2f64.powi(64);
                if self.plan.likeliest {
                    let likeliest = values.iter().max_by(|a, b| a.1.total_cmp(b.1));
                    return likeliest.map(|(value, _)| value.clone());
                }
                let mut left = draw * values.values().sum::<f64>();
                let drawn = values.iter().find(|(_, share)| {
                    left -= **share;
                    left < 0.0
                });
                drawn.or(values.last_key_value()).map(|(value, _)| value.clone())
            }
            Field::Between(from, to) => Some(self.rng.random_range(*from..=*to.max(from)).to_string()),
            Field::Value(value) => Some(value.clone()),
        }
    }

    /// The field that the next conflict of an action changes, in turn over its payload, and its other value.
    /// None where it does not send the key: no two requests of it can be in conflict.
    fn conflict(
        &mut self,
        (action, def): (&'a str, &Action),
        key: &str,
        fields: &BTreeMap<String, Field>,
        values: &BTreeMap<String, String>,
    ) -> Option<(String, String)> {
        let sent = sent(def);
        if !sent.contains(key) {
            return None;
        }
        let changes: Vec<(String, String)> = fields
            .iter()
            .filter(|(name, _)| sent.contains(*name))
            .filter(|(name, _)| def.payload.as_ref().is_none_or(|payload| payload.contains(name)))
            .filter_map(|(name, field)| Some((name.clone(), self.other(field, values.get(name)?)?)))
            .collect();
        let turn = self.conflicts.entry(action).or_default();
        let change = changes.get(turn.checked_rem(changes.len())?).cloned();
        *turn += 1;
        change
    }

    /// Another value of a field; None where it has only one.
    fn other(&self, field: &Field, value: &str) -> Option<String> {
        match field {
            Field::Names(kind) => next(self.members.all(kind), value),
            Field::Coded(coded) => Some(amount(coded, coded.conflict())),
            Field::Of(values) => next(&Vec::from_iter(values.keys()), value),
            Field::Between(from, to) => {
                let value: i64 = value.parse().ok()?;
                let other = if value < *to { value + 1 } else { *from };
                (other != value).then(|| other.to_string())
            }
            Field::Value(_) => None,
        }
    }
}

/// A value of a coded field as it is sent.
fn amount(coded: &Coded, value: i128) -> String {
    major(value, coded.scale).to_string()
}

/// The one behind a value, from the beginning again behind the last; None where there is no other.
fn next(all: &[impl AsRef<str>], value: &str) -> Option<String> {
    let at = all.iter().position(|one| one.as_ref() == value).map_or(0, |at| at + 1);
    let other = all.get(at.checked_rem(all.len())?)?.as_ref();
    (other != value).then(|| other.to_owned())
}

/// The position of the item at a place on a scale on which each is as long as its weight.
pub(super) fn weighted(weights: impl IntoIterator<Item = u32>, mut at: u32) -> Option<usize> {
    weights.into_iter().position(|weight| {
        let here = at < weight;
        at = at.saturating_sub(weight);
        here
    })
}

/// Names of what an action sends.
pub(super) fn sent(action: &Action) -> BTreeSet<String> {
    let texts = match action.request() {
        None => Vec::new(),
        Some(Request::Sql { sql, .. }) => vec![sql],
        Some(Request::Http(request)) => {
            let body = request.body.into_iter().flat_map(|body| body.strings());
            let form = request.form.into_iter().flatten().map(|(_, value)| value.as_str());
            let headers = request.headers.values().map(String::as_str);
            body.chain(form)
                .chain(headers)
                .chain([request.call.path.as_str()])
                .collect()
        }
    };
    let names = texts.into_iter().filter_map(|text| placeholders(text).ok()).flatten();
    names.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Count, StagePlan};
    use crate::sample;

    fn plan() -> WorkloadPlan {
        WorkloadPlan {
            time_ms: 30_000,
            clients: 8,
            subjects_max: 630,
            give_up: 0.3,
            conflict: 0.03,
            repeat: 0.05,
            ask: 0.5,
            stages: vec![
                StagePlan {
                    rate: 10.0,
                    for_ms: 20_000,
                },
                StagePlan {
                    rate: 40.0,
                    for_ms: 10_000,
                },
            ],
            counts: [("shop".to_owned(), Count { all: 18, late: 2 })].into(),
            ..WorkloadPlan::default()
        }
    }

    #[test]
    fn no_two_subjects_of_a_holder_share_a_value() {
        let manifest = sample::manifest();
        let all = subjects(&manifest, &plan(), 7);
        assert_eq!(all.len(), 600);
        let distinct: BTreeSet<_> = all.iter().map(|s| (&s.fields["shop"], &s.fields["price"])).collect();
        assert_eq!(distinct.len(), all.len());
        assert_eq!(all, subjects(&manifest, &plan(), 7), "one seed, one workload");
        assert_ne!(all, subjects(&manifest, &plan(), 8));
        assert_eq!((all[0].name.as_str(), all[0].at_ms), ("t00000-7", 0));
        assert_eq!(
            (all[199].at_ms, all[200].at_ms, all[599].at_ms),
            (19_900, 20_000, 29_975)
        );
        assert_eq!(
            (all[18].fields["shop"].as_str(), all[18].fields["price"].as_str()),
            ("s000", "0.10")
        );
        let declined = all.iter().filter(|s| s.fields["card"] == "bad").count();
        assert!((15..=50).contains(&declined), "a twentieth of 600: {declined}");
    }

    #[test]
    fn conflicts_change_one_sent_field_after_the_other() {
        let manifest = sample::manifest();
        let often = WorkloadPlan {
            conflict: 1.0,
            ..plan()
        };
        let all = subjects(&manifest, &often, 7);
        let changed: Vec<_> = all.iter().take(4).filter_map(|s| s.conflict.clone()).collect();
        let fields: Vec<&str> = changed.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(fields, ["card", "price", "shop", "card"]);
        assert!(changed[1].1.len() > 30, "above every other: {}", changed[1].1);
        assert_eq!(
            (all[2].fields["shop"].as_str(), changed[2].1.as_str()),
            ("s002", "s003")
        );
        assert!(all.iter().all(|s| {
            s.conflict
                .as_ref()
                .is_some_and(|(field, other)| s.fields[field] != *other)
        }));
    }

    #[test]
    fn the_likeliest_value_changes_nothing_else() {
        let manifest = sample::manifest();
        let likeliest = WorkloadPlan {
            likeliest: true,
            ..plan()
        };
        let (drawn, likely) = (subjects(&manifest, &plan(), 7), subjects(&manifest, &likeliest, 7));
        assert!(likely.iter().all(|s| s.fields["card"] == "good"));
        let rest = |s: &Subject| (s.name.clone(), s.patient, s.repeat, s.conflict.is_some());
        assert!(drawn.iter().zip(&likely).all(|(a, b)| rest(a) == rest(b)));
    }

    #[test]
    fn weights_share_a_scale() {
        let at = |n| weighted([1, 2], n);
        assert_eq!((at(0), at(1), at(2), at(3)), (Some(0), Some(1), Some(1), None));
    }
}
