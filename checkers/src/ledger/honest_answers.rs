//! Honest answers. Valid when no answer about a subject was ever contradicted by the truth.
//!
//! - `false-fail`: an answer said that a subject failed, and it is recorded as successful or took effect in the end, or
//!   another answer said that it succeeded. A failure is for good; "cannot reach" is unknown.
//! - `false-success`: an answer said that a subject succeeded, and it is not recorded as successful in the end.
//!
//! Sees: `ok` answers to the actions that ask, and the final views. An answer that is neither success nor failure is
//! always fine. Cannot see: whether an unknown answer could have been definite.
//! O(queries) time, O(subjects) memory.

use std::collections::BTreeMap;

use crate::findings::Findings;
use crate::history::{Kind, Moment};
use crate::verdict::CheckerResult;
use crate::words::plural;

use super::story::{subject, witness};
use super::{Class, Id, Ledger, QueryOp, Role};

/// Name of this checker.
pub(crate) const NAME: &str = "honest-answers";

/// What it reports.
pub(crate) const ANOMALIES: [&str; 2] = ["false-fail", "false-success"];

/// The reads that decide what is true.
const READS: [(Moment, Role); 2] = [(Moment::Final, Role::Recorded), (Moment::Final, Role::Effect)];

/// The definite answers about one number.
#[derive(Default)]
struct Said<'a> {
    fail: Vec<&'a QueryOp>,
    success: Vec<&'a QueryOp>,
}

/// Judges every answered query of a ledger.
pub(crate) fn check(ledger: &Ledger) -> CheckerResult {
    let mut findings = Findings::default();
    let incomplete = ledger.incomplete();
    let mut said: BTreeMap<Id, Said> = BTreeMap::new();
    let mut answered = 0_u64;
    for query in &ledger.queries {
        let Some((_, Kind::Ok, class)) = query.end else {
            continue;
        };
        answered += 1;
        match class {
            Class::Failed => said.entry(query.key).or_default().fail.push(query),
            Class::Success => said.entry(query.key).or_default().success.push(query),
            Class::Other => {}
        }
    }
    findings.count("queries", ledger.queries.len() as u64);
    findings.count("answered", answered);
    findings.count(
        "definite",
        said.values().map(|s| (s.fail.len() + s.success.len()) as u64).sum(),
    );
    if answered == 0 {
        let actions: Vec<&str> = ledger.follow.asked.keys().map(String::as_str).collect();
        findings.doubt(format!(
            "no {} ended ok: there is nothing to judge",
            actions.join(" or ")
        ));
    } else if ledger
        .follow
        .recorded
        .as_ref()
        .is_none_or(|r| r.success.is_empty() && r.failed.is_empty())
    {
        findings.doubt("recorded.success and recorded.failed name no values: no answer can be told from another");
    }
    if answered > 0 && said.is_empty() {
        findings.doubt("no answer said success or failure: none can be held against the truth");
    }
    // In the order of the subjects, then of those that are nobody's.
    let mut said: Vec<(Id, Said)> = said.into_iter().collect();
    said.sort_by_key(|(key, said)| {
        let first = said.fail.iter().chain(&said.success).map(|query| query.index).min();
        (ledger.subject_of(*key).unwrap_or(usize::MAX), first)
    });
    for (key, said) in &said {
        judge(ledger, *key, said, incomplete.is_none(), &mut findings);
    }
    if let Some(why) = incomplete {
        findings.doubt(why);
    }
    findings.result(NAME)
}

fn judge(ledger: &Ledger, key: Id, said: &Said, final_is_known: bool, findings: &mut Findings) {
    let words = &ledger.follow.words;
    let truth = final_is_known.then(|| truth(ledger, key));
    if !said.fail.is_empty() {
        let why = match &truth {
            Some(Truth::Successful) => Some(format!("is {} as successful", words.recorded)),
            Some(Truth::InEffect) => Some(format!("was {}", words.effect)),
            _ if !said.success.is_empty() => Some("was also said to have succeeded".to_owned()),
            _ => None,
        };
        if let Some(why) = why {
            report(ledger, key, "false-fail", &said.fail, &said.success, &why, findings);
        }
    }
    if !said.success.is_empty() && matches!(truth, Some(Truth::Failed | Truth::Nothing | Truth::InEffect)) {
        let why = match truth {
            Some(Truth::Failed) => format!("is not {} as successful", words.recorded),
            _ => format!("is not {}", words.recorded),
        };
        report(ledger, key, "false-success", &said.success, &[], &why, findings);
    }
}

enum Truth {
    /// Recorded as successful.
    Successful,
    /// Recorded, not as successful.
    Failed,
    /// Not recorded, but it took effect.
    InEffect,
    /// Neither recorded nor known to have taken effect.
    Nothing,
}

/// What became of a key: the service's own row where there is one, else the client's subject.
fn truth(ledger: &Ledger, key: Id) -> Truth {
    if let Some(row) = ledger.row_of(key) {
        return if row.class == Class::Success {
            Truth::Successful
        } else {
            Truth::Failed
        };
    }
    let Some(subject) = ledger.subject_of(key).map(|at| &ledger.subjects[at]) else {
        return Truth::Nothing;
    };
    let mut rows = subject.rows.iter().map(|row| &ledger.rows[*row]);
    if rows.any(|row| row.class == Class::Success) {
        Truth::Successful
    } else if !subject.rows.is_empty() {
        Truth::Failed
    } else if subject.effects.is_some_and(|c| c > 0) {
        Truth::InEffect
    } else {
        Truth::Nothing
    }
}

fn report(
    ledger: &Ledger,
    key: Id,
    kind: &str,
    lies: &[&QueryOp],
    others: &[&QueryOp],
    why: &str,
    findings: &mut Findings,
) {
    let (subject, head, mut events) = match ledger.subject_of(key) {
        Some(at) => (ledger.key(at), subject(ledger, at), witness(ledger, at, &READS)),
        None => {
            let name = ledger.keys.name(key);
            (name, format!("{} {name}", ledger.follow.kind), Vec::new())
        }
    };
    let service = ledger.service_of(lies[0].action);
    let answer = if kind == "false-fail" { "failed" } else { "succeeded" };
    let sentence = format!(
        "{head} {why}, but {service} said in {} that it {answer}",
        plural(lies.len(), "answer")
    );
    for query in lies.iter().chain(others) {
        events.push(query.index);
        events.extend(query.end.map(|(index, _, _)| index));
    }
    findings.anomaly(kind, subject, sentence, events);
}
