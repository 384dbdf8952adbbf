//! `command`: a program of the user decides. It gets the history on its standard input and writes its verdict, as JSON, to its
//! standard output:
//!
//! ```json
//! {"verdict": "invalid", "reason": "optional", "counts": {"orders": 12},
//!  "anomalies": [{"kind": "oversold", "subject": "s1", "sentence": "sku s1 was sold twice", "witness": [17, 41]}]}
//! ```
//!
//! `verdict` is `valid`, `invalid` or `unknown`; all else may be left out. An invalid verdict names at least one anomaly, the
//! others name none; a witness lists indices of events. The harness runs the program: nothing here does.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::given::consistent;
use super::support::NAME_OPTION;
use super::{Entry, How, Judge, Options};
use crate::findings::unknown;
use crate::history::{Event, Header};
use crate::run::Facts;
use crate::verdict::{Anomaly, CheckerResult, Verdict};

/// Name of this checker.
const NAME: &str = "command";

pub(super) const ENTRY: Entry = Entry {
    name: NAME,
    about: "a program of the user decides: history on standard input, verdict as JSON on standard output",
    options: &[
        NAME_OPTION,
        (
            "run",
            "the program and its arguments, as in [\"python3\", \"check.py\"]",
        ),
    ],
    anomalies: &[],
    // What a program of the user decides, it alone knows.
    decides: &[],
    how: How::Own(make),
};

/// How much of a bad answer is shown.
const SHOWN_CHARS_MAX: usize = 200;

struct Elsewhere;

fn make(options: &mut Options, _: &Header) -> Option<Box<dyn Judge>> {
    let example = "[\"python3\", \"check.py\"]";
    match options.value("run") {
        Some(run) if !run.is_array() => options.wrong("run", run, &format!("a list of texts, as in {example}")),
        _ => {
            let run = options.needed_texts("run", example);
            if run.is_some_and(|run| run[0].trim().is_empty()) {
                options.say("run[0]", "is empty; it is the program");
            }
        }
    }
    options.is_fine().then(|| Box::new(Elsewhere) as Box<dyn Judge>)
}

impl Judge for Elsewhere {
    fn observe(&mut self, _: &Event) {}

    fn finish(self: Box<Self>, _: &Facts) -> CheckerResult {
        unknown(NAME, "a program decides this: the harness runs it")
    }
}

/// What a program says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    verdict: Verdict,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    counts: BTreeMap<String, u64>,
    #[serde(default)]
    anomalies: Vec<Found>,
}

/// An anomaly as a program says it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Found {
    kind: String,
    subject: String,
    sentence: String,
    #[serde(default)]
    witness: Vec<u64>,
}

/// The verdict of a program, from what it wrote to its standard output; unknown where that is none, with what it was.
///
/// ```
/// use paytwice_checkers::promises::of_command;
/// use paytwice_checkers::verdict::Verdict;
///
/// assert_eq!(of_command("stock", br#"{"verdict": "valid"}"#).verdict, Verdict::Valid);
/// let bad = of_command("stock", b"Traceback (most recent call last):");
/// assert_eq!(bad.verdict, Verdict::Unknown);
/// ```
#[must_use]
pub fn of_command(name: &str, stdout: &[u8]) -> CheckerResult {
    let shown = || {
        let text = String::from_utf8_lossy(stdout);
        let text = text.trim();
        let mut shown: String = text.chars().take(SHOWN_CHARS_MAX).collect();
        if shown.len() < text.len() {
            shown.push_str(" ...");
        }
        shown
    };
    if stdout.trim_ascii().is_empty() {
        return unknown(name, "the program wrote nothing; expected a verdict as JSON");
    }
    let answer: Answer = match serde_json::from_slice(stdout) {
        Ok(answer) => answer,
        Err(error) => {
            let why = format!("the program's answer is no verdict: {error}; it wrote: {}", shown());
            return unknown(name, &why);
        }
    };
    let mut counts = answer.counts;
    for found in &answer.anomalies {
        counts.entry(found.kind.clone()).or_insert(0);
    }
    for (kind, n) in &mut counts {
        let named = answer.anomalies.iter().filter(|found| found.kind == *kind).count() as u64;
        *n = (*n).max(named);
    }
    let anomalies = answer.anomalies.into_iter().map(|found| Anomaly {
        kind: found.kind,
        subject: found.subject,
        sentence: found.sentence,
        witness: found.witness,
    });
    let result = CheckerResult {
        name: name.to_owned(),
        verdict: answer.verdict,
        completeness: None,
        reason: answer.reason,
        counts,
        anomalies: anomalies.collect(),
    };
    consistent(name, result).unwrap_or_else(|why| unknown(name, &format!("the program {why}; it wrote: {}", shown())))
}
