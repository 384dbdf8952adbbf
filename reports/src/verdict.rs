//! Words around verdicts, the same in every output.

use std::collections::BTreeMap;

use paytwice_checkers::history::Header;
use paytwice_checkers::promises::PROMISES;
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

/// The sentence without its verdict, which each output shows in its own way.
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

/// What a checker counted apart from its anomalies.
pub(crate) fn other_counts<'c>(checker: &'c CheckerResult, kinds: &[(&str, u64)]) -> BTreeMap<&'c str, u64> {
    let counted = checker.counts.iter().map(|(name, n)| (name.as_str(), *n));
    counted.filter(|(name, n)| !kinds.contains(&(*name, *n))).collect()
}

/// What a promise means, as a sentence; None for one whose checker this version does not have.
pub(crate) fn about(header: &Header, promise: &str) -> Option<String> {
    let named = header.promises.iter();
    let mut named = named.filter(|p| p.options.get("name").and_then(|name| name.as_str()) == Some(promise));
    let checker = named.next().map_or(promise, |p| &p.checker);
    let known = PROMISES.iter().find(|known| known.name == checker)?;
    Some(format!("{}.", capitalized(known.about)))
}

/// The text with its first letter in upper case.
pub(crate) fn capitalized(sentence: &str) -> String {
    let mut chars = sentence.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    first.chain(chars).collect()
}

/// Subjects with at least one anomaly.
pub(crate) fn troubled(results: &Results) -> u64 {
    results.fates.iter().filter(|fate| !fate.anomalies.is_empty()).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_is_not_said_twice() {
        assert_eq!(reason(Verdict::Invalid, "INVALID: shipped twice"), "shipped twice");
        assert_eq!(reason(Verdict::Valid, "Valid: all is well"), "all is well");
        assert_eq!(reason(Verdict::Valid, "validated everything"), "validated everything");
        assert_eq!(reason(Verdict::Valid, "valid"), "valid");
        assert_eq!(reason(Verdict::Invalid, "é"), "é");
    }
}
