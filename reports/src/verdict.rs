//! Words around verdicts, the same in every output.

use std::collections::BTreeMap;

use paytwice_checkers::CHECKERS;
use paytwice_checkers::verdict::{CheckerResult, Results, Verdict};

/// `valid`, `unknown`, `invalid`.
pub(crate) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Valid => "valid",
        Verdict::Unknown => "unknown",
        Verdict::Invalid => "invalid",
    }
}

/// `VALID`, `UNKNOWN`, `INVALID`.
pub(crate) fn loud(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Valid => "VALID",
        Verdict::Unknown => "UNKNOWN",
        Verdict::Invalid => "INVALID",
    }
}

/// The sentence without the verdict that it may begin with: each output sets that apart in its own way.
pub(crate) fn reason(verdict: Verdict, sentence: &str) -> &str {
    let word = word(verdict);
    let begins = sentence
        .get(..word.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(word));
    match sentence.get(word.len()..).filter(|_| begins) {
        Some("") => sentence,
        Some(rest) => rest.strip_prefix(':').map_or(sentence, str::trim_start),
        None => sentence,
    }
}

/// How many anomalies of each kind a checker found, in order of their first appearance.
pub(crate) fn kinds(checker: &CheckerResult) -> Vec<(&str, u64)> {
    let mut kinds: Vec<(&str, u64)> = Vec::new();
    for anomaly in &checker.anomalies {
        match kinds.iter_mut().find(|(kind, _)| *kind == anomaly.kind) {
            Some((_, n)) => *n += 1,
            None => kinds.push((&anomaly.kind, 1)),
        }
    }
    kinds
}

/// What a checker counted beside its anomalies.
pub(crate) fn other_counts<'c>(checker: &'c CheckerResult, kinds: &[(&str, u64)]) -> BTreeMap<&'c str, u64> {
    let counted = checker.counts.iter().map(|(name, n)| (name.as_str(), *n));
    counted.filter(|(name, n)| !kinds.contains(&(*name, *n))).collect()
}

/// What a checker decides, as a sentence; None for one that this version does not know.
pub(crate) fn about(checker: &str) -> Option<String> {
    let known = CHECKERS.iter().find(|known| known.name == checker)?;
    Some(format!("{}.", capitalized(known.about)))
}

/// A sentence that stands on its own begins with a capital.
pub(crate) fn capitalized(sentence: &str) -> String {
    let mut chars = sentence.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    first.chain(chars).collect()
}

/// Payments that at least one anomaly concerns.
pub(crate) fn troubled(results: &Results) -> u64 {
    results.payments.iter().filter(|p| !p.anomalies.is_empty()).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_is_not_said_twice() {
        assert_eq!(reason(Verdict::Invalid, "INVALID: credited twice"), "credited twice");
        assert_eq!(reason(Verdict::Valid, "Valid: all is well"), "all is well");
        assert_eq!(reason(Verdict::Valid, "validated everything"), "validated everything");
        assert_eq!(reason(Verdict::Valid, "valid"), "valid");
        assert_eq!(reason(Verdict::Invalid, "é"), "é");
    }
}
