//! What the tests of all streaming checkers share: case counts, outcomes, renamings.

use std::collections::BTreeMap;

use paytwice_checkers::streaming::{At, Streaming};
use paytwice_checkers::verdict::{CheckerResult, Verdict};
use proptest::prelude::ProptestConfig;

/// How many histories each property is tried on: `PAYTWICE_PROPTEST_CASES`, or a few.
pub(crate) fn config() -> ProptestConfig {
    let cases = std::env::var("PAYTWICE_PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok());
    ProptestConfig {
        cases: cases.unwrap_or(2_000),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// What a checker found, in the terms of a reference.
pub(crate) fn outcome(result: &CheckerResult) -> (Verdict, BTreeMap<String, u64>) {
    let kinds = result
        .anomalies
        .iter()
        .map(|anomaly| (anomaly.kind.clone(), result.counts[&anomaly.kind]));
    (result.verdict, kinds.collect())
}

/// The same of a reference, kinds without anomalies left out.
pub(crate) fn expected(judged: bool, kinds: &[(&'static str, u64)]) -> (Verdict, BTreeMap<String, u64>) {
    let kinds: BTreeMap<String, u64> = kinds
        .iter()
        .filter(|k| k.1 > 0)
        .map(|(k, n)| ((*k).to_owned(), *n))
        .collect();
    let verdict = match (kinds.is_empty(), judged) {
        (false, _) => Verdict::Invalid,
        (true, true) => Verdict::Valid,
        (true, false) => Verdict::Unknown,
    };
    (verdict, kinds)
}

/// The names of the anomalies found, each once.
pub(crate) fn kinds(result: &CheckerResult) -> Vec<&str> {
    let mut kinds: Vec<&str> = result.anomalies.iter().map(|anomaly| anomaly.kind.as_str()).collect();
    kinds.dedup();
    kinds
}

/// Feeds events, one per nanosecond and index, to a checker.
pub(crate) fn run<C: Streaming>(checker: C, events: impl IntoIterator<Item = C::Event<'static>>) -> CheckerResult {
    run_at(checker, (0..).zip(events), 0)
}

/// Feeds events at their times, indices and times moved on by `shift`.
pub(crate) fn run_at<'a, C: Streaming>(
    mut checker: C,
    events: impl IntoIterator<Item = (u64, C::Event<'a>)>,
    shift: u64,
) -> CheckerResult {
    for (index, (time, event)) in (shift..).zip(events) {
        checker.push(
            At {
                index,
                time: time + shift,
            },
            event,
        );
    }
    checker.finish()
}

/// Another name for each of a few ids.
pub(crate) fn renamed(id: u32) -> u32 {
    (id * 5 + 3) % 7
}

/// Mixes several sequences into one, each in its own order; `seed` says how.
pub(crate) fn interleave<T>(lives: Vec<Vec<T>>, mut seed: u64) -> Vec<T> {
    let mut lives: Vec<std::vec::IntoIter<T>> = lives.into_iter().map(Vec::into_iter).collect();
    let mut mixed = Vec::new();
    while !lives.is_empty() {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let at = usize::try_from(seed >> 33).unwrap() % lives.len();
        match lives[at].next() {
            Some(event) => mixed.push(event),
            None => drop(lives.swap_remove(at)),
        }
    }
    mixed
}
