//! Asking: what clients ask about recent subjects, whose fate is still open.

use std::collections::BTreeMap;

use paytwice_checkers::history::Op;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::session::Session;
use super::subjects::{sent, weighted};
use super::{Answer, Subject, Workload, locked, subjects};
use crate::plan::manifest::{Action, Field};
use crate::plan::{Manifest, WorkloadPlan};

/// How far back a client asks.
const RECENT: usize = 20;

/// An action that asks.
pub(super) struct Asking {
    action: String,
    /// The kind of subject that it asks about.
    kind: String,
    weight: u32,
}

/// A subject that was started, by the key that the target knows.
pub(super) struct Recent {
    kind: String,
    key: String,
    /// Its fields and its key, by name.
    known: BTreeMap<String, String>,
}

/// The asking actions of a target, by name.
pub(super) fn of(manifest: &Manifest) -> Vec<Asking> {
    let asks = |(name, action): (&String, &Action)| {
        Some(Asking {
            action: name.clone(),
            kind: action.asks.clone()?,
            weight: action.weight,
        })
    };
    manifest.actions.iter().filter_map(asks).collect()
}

/// What an action fills in of what is known.
pub(super) fn filled(action: &Action, known: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let sent = sent(action);
    let filled = known.iter().filter(|(name, _)| sent.contains(*name));
    filled.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The actions with which a single client asks, one after the other, where every request is answered and no answer names
/// another key.
pub fn asks(manifest: &Manifest, plan: &WorkloadPlan, seed: u64) -> Vec<String> {
    let asking = of(manifest);
    let mut rng = stream_of(seed, 0);
    let mut recent = Vec::new();
    let mut asked = Vec::new();
    for subject in subjects(manifest, plan, seed) {
        recent.extend(Recent::of(manifest, &subject, None));
        if rng.random_bool(plan.ask.clamp(0.0, 1.0)) {
            let draw = draw(manifest, &asking, &recent, &mut rng);
            asked.extend(draw.map(|question| question.action.to_owned()));
        }
    }
    asked
}

/// What the n-th client draws.
pub(super) fn stream_of(seed: u64, client: u32) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(100 + u64::from(client));
    rng
}

/// One question.
struct Question<'a> {
    action: &'a str,
    weight: u32,
    /// The key or name of what it is about.
    subject: String,
    /// What can be filled in.
    known: BTreeMap<String, String>,
}

impl Recent {
    /// A subject that was sent, by the key that the server said, or else by its client's; None where neither is known.
    fn of(manifest: &Manifest, subject: &Subject, said: Option<String>) -> Option<Recent> {
        let name = manifest.subjects.get(&subject.kind)?.key.clone()?;
        let key = said.or_else(|| subject.key.as_ref().map(|_| subject.name.clone()))?;
        let mut known = subject.fields.clone();
        known.insert(name, key.clone());
        Some(Recent {
            kind: subject.kind.clone(),
            key,
            known,
        })
    }
}

/// Draws one question about some recent subject.
fn draw<'a>(
    manifest: &Manifest,
    asking: &'a [Asking],
    recent: &[Recent],
    rng: &mut ChaCha8Rng,
) -> Option<Question<'a>> {
    let last = recent.len().checked_sub(1)?;
    let recent = &recent[last - rng.random_range(0..=last.min(RECENT))];
    let mut fitting: Vec<Question<'a>> = asking
        .iter()
        .filter_map(|asking| about(manifest, asking, recent))
        .collect();
    let weights: u32 = fitting.iter().map(|question| question.weight).sum();
    if weights == 0 {
        return None;
    }
    let at = rng.random_range(0..weights);
    let drawn = weighted(fitting.iter().map(|question| question.weight), at)?;
    Some(fitting.swap_remove(drawn))
}

/// What an action would ask, starting from a recent subject: about that very one, or about one that it names.
fn about<'a>(manifest: &Manifest, asking: &'a Asking, recent: &Recent) -> Option<Question<'a>> {
    let question = |subject: &str, known| Question {
        action: &asking.action,
        weight: asking.weight,
        subject: subject.to_owned(),
        known,
    };
    if asking.kind == recent.kind {
        return Some(question(&recent.key, recent.known.clone()));
    }
    let fields = &manifest.subjects.get(&recent.kind)?.fields;
    let names = |field: &Field| matches!(field, Field::Names(kind) if *kind == asking.kind);
    let (field, _) = fields.iter().find(|(_, field)| names(field))?;
    let member = recent.known.get(field)?;
    Some(question(member, [(asking.kind.clone(), member.clone())].into()))
}

impl Workload {
    /// From now on clients may ask about a subject: once it was sent, and once the server has said its key.
    pub(super) fn remember(&self, subject: &Subject, attempt: u32, answer: &Answer) {
        let manifest = &self.parts.manifest;
        let name = manifest.subjects.get(&subject.kind).and_then(|def| def.key.as_ref());
        let said = name.and_then(|name| answer.parts.get(name).cloned());
        if said.is_some() || attempt == 1 {
            locked(&self.recent).extend(Recent::of(manifest, subject, said));
        }
    }

    /// Asks one question about some recent subject.
    pub(super) async fn ask(&self, client: &mut Session, rng: &mut ChaCha8Rng) {
        let manifest = &self.parts.manifest;
        let drawn = draw(manifest, &self.asking, &locked(&self.recent), rng);
        let Some(question) = drawn else { return };
        let Some(action) = manifest.actions.get(question.action) else {
            return;
        };
        let Some(request) = action.request() else { return };
        let op = Op {
            action: question.action.into(),
            subject: question.subject.into(),
            ..Op::default()
        }
        .asking(filled(action, &question.known));
        self.operate(client, &request, op).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Count, StagePlan};
    use crate::sample;

    #[test]
    fn questions_are_about_a_recent_subject_or_what_it_names() {
        let mut manifest = sample::manifest();
        let balance: Action =
            toml::from_str("asks = \"shop\"\ncall = \"GET till /shops/${shop}\"\nweight = 3").unwrap();
        manifest.actions.insert("balance".to_owned(), balance);
        let plan = WorkloadPlan {
            time_ms: 10_000,
            subjects_max: 100,
            ask: 1.0,
            stages: vec![StagePlan {
                rate: 10.0,
                for_ms: 10_000,
            }],
            counts: [("shop".to_owned(), Count { all: 4, late: 0 })].into(),
            ..WorkloadPlan::default()
        };
        let asked = asks(&manifest, &plan, 3);
        assert_eq!(asked.len(), 100);
        let balances = asked.iter().filter(|action| *action == "balance").count();
        assert!((60..=90).contains(&balances), "three of four: {balances}");
        let first = &subjects(&manifest, &plan, 3)[0];
        let recent = [Recent::of(&manifest, first, Some("k7".to_owned())).unwrap()];
        let asking = of(&manifest);
        let about = |n: usize| about(&manifest, &asking[n], &recent[0]).unwrap();
        let (shop, order) = (about(0), about(1));
        assert_eq!(
            (shop.action, shop.subject.as_str(), shop.known.len()),
            ("balance", "s000", 1)
        );
        assert_eq!((order.action, order.subject.as_str()), ("look", "k7"));
        assert_eq!(
            filled(&manifest.actions["look"], &order.known),
            [("tx".to_owned(), "k7".to_owned())].into()
        );
    }
}
