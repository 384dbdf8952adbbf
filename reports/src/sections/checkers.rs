//! What each checker found, with its anomalies and their witnesses.

use askama::Template;
use paytwice_checkers::verdict::{Anomaly, CheckerResult};

use crate::readable::Line;
use crate::witness::{self, Payments};
use crate::{RunReport, text, verdict};

/// Anomalies of one checker that are written out; the others are in the payment table.
const ANOMALIES_MAX: usize = 25;
/// Of those, how many stand there at first sight.
const FINDINGS_OPEN: usize = 4;
/// Events of one witness that are written out.
const EVENTS_MAX: usize = 60;

/// The cards, worst first.
#[derive(Template)]
#[template(path = "checkers.html")]
pub(crate) struct Section<'a> {
    /// Those with anomalies, each of the full width; then those without, side by side.
    groups: Vec<Vec<Card<'a>>>,
}

struct Card<'a> {
    number: usize,
    name: &'a str,
    word: &'static str,
    about: Option<String>,
    reason: Option<&'a str>,
    kinds: Vec<Kind<'a>>,
    counts: Vec<(&'a str, String)>,
    findings: Vec<Finding<'a>>,
    more: u64,
}

/// Anomalies of one kind.
struct Kind<'a> {
    name: &'a str,
    n: String,
    /// Whether the payment table can be filtered by it: some anomalies are about accounts.
    in_table: bool,
}

struct Finding<'a> {
    kind: &'a str,
    sentence: &'a str,
    subject: &'a str,
    /// `payment` or `account`: what the subject is in the payment table, if it is there.
    table: Option<&'static str>,
    events: Vec<Line>,
    events_more: u64,
}

impl Card<'_> {
    /// Where the anomalies are that are not written out.
    fn rest_in_table(&self) -> bool {
        self.kinds.iter().all(|kind| kind.in_table)
    }
}

impl<'a> Section<'a> {
    pub(crate) fn new(report: &RunReport<'a>, payments: &Payments<'a>) -> Self {
        let mut order: Vec<&CheckerResult> = report.results.checkers.iter().collect();
        order.sort_by_key(|checker| std::cmp::Reverse(checker.verdict));
        let cards = order
            .into_iter()
            .enumerate()
            .map(|(number, checker)| card(report, payments, number, checker));
        let (loud, quiet): (Vec<_>, Vec<_>) = cards.partition(|card| !card.findings.is_empty());
        let groups = [loud, quiet].into_iter().filter(|group| !group.is_empty());
        Self {
            groups: groups.collect(),
        }
    }
}

fn card<'a>(report: &RunReport<'a>, payments: &Payments<'a>, number: usize, checker: &'a CheckerResult) -> Card<'a> {
    let kinds = verdict::kinds(checker);
    let in_table = |kind: &str| {
        report
            .results
            .payments
            .iter()
            .any(|p| p.anomalies.iter().any(|a| a == kind))
    };
    let counts = verdict::other_counts(checker, &kinds);
    let kinds = kinds.into_iter().map(|(name, n)| Kind {
        name,
        n: text::count(n),
        in_table: in_table(name),
    });
    let findings = checker
        .anomalies
        .iter()
        .take(ANOMALIES_MAX)
        .map(|a| finding(report, payments, a));
    Card {
        number,
        name: &checker.name,
        word: verdict::word(checker.verdict),
        about: verdict::about(&checker.name),
        reason: checker.reason.as_deref(),
        kinds: kinds.collect(),
        counts: counts.into_iter().map(|(name, n)| (name, text::count(n))).collect(),
        findings: findings.collect(),
        more: checker.anomalies.len().saturating_sub(ANOMALIES_MAX) as u64,
    }
}

fn finding<'a>(report: &RunReport<'a>, payments: &Payments<'a>, anomaly: &'a Anomaly) -> Finding<'a> {
    let mut events = witness::lines(report, payments, anomaly);
    let events_more = events.len().saturating_sub(EVENTS_MAX) as u64;
    events.truncate(EVENTS_MAX);
    let subject = anomaly.subject.as_str();
    let table = match payments.find(subject) {
        Some(_) => Some("payment"),
        None => report
            .results
            .payments
            .iter()
            .any(|p| p.account == subject)
            .then_some("account"),
    };
    Finding {
        kind: &anomaly.kind,
        sentence: &anomaly.sentence,
        subject,
        table,
        events,
        events_more,
    }
}
