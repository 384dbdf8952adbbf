//! Each promise with its verdict, its anomalies and their witnesses.

use askama::Template;
use paytwice_checkers::history::Header;
use paytwice_checkers::verdict::{Anomaly, CheckerResult, Words};

use crate::readable::Line;
use crate::witness::{self, Subjects};
use crate::{RunReport, text, verdict};

/// Anomalies of one promise that are written out; the others are in the table of subjects.
const ANOMALIES_MAX: usize = 25;
/// Of those, how many are visible at once.
const FINDINGS_OPEN: usize = 4;
/// Events of one witness that are written out.
const EVENTS_MAX: usize = 60;

/// The cards, worst first.
#[derive(Template)]
#[template(path = "promises.html")]
pub(crate) struct Section<'a> {
    /// Those with anomalies, each of the full width; then those without, side by side.
    groups: Vec<Vec<Card<'a>>>,
    words: Option<&'a Words>,
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
    /// Whether the table of subjects can be filtered by it: some anomalies are about holders.
    in_table: bool,
}

struct Finding<'a> {
    kind: &'a str,
    sentence: &'a str,
    subject: &'a str,
    /// What the table of subjects shows of it.
    link: Option<Link>,
    events: Vec<Line>,
    events_more: u64,
}

/// A link into the table of subjects.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Link {
    /// The story of a subject.
    Subject,
    /// The subjects of a holder.
    Holder,
}

impl Card<'_> {
    /// Whether the anomalies that are not written out are in the table of subjects.
    fn rest_in_table(&self) -> bool {
        self.kinds.iter().all(|kind| kind.in_table)
    }
}

impl<'a> Section<'a> {
    pub(crate) fn new(report: &RunReport<'a>, subjects: &Subjects<'a>) -> Self {
        let mut checkers: Vec<&CheckerResult> = report.results.checkers.iter().collect();
        checkers.sort_by_key(|checker| std::cmp::Reverse(checker.verdict));
        let cards = checkers
            .into_iter()
            .enumerate()
            .map(|(number, checker)| card(report, subjects, number, checker));
        let (loud, quiet): (Vec<_>, Vec<_>) = cards.partition(|card| !card.findings.is_empty());
        let groups = [loud, quiet].into_iter().filter(|group| !group.is_empty());
        Self {
            groups: groups.collect(),
            words: report.results.words.as_ref(),
        }
    }

    /// `Story of order`, `Orders of shop`.
    fn link_words(&self, link: &Link) -> String {
        let Some(words) = self.words else { return String::new() };
        match link {
            Link::Subject => format!("Story of {}", words.subject),
            Link::Holder => format!(
                "{} of {}",
                verdict::capitalized(&text::plural_of(&words.subject)),
                words.holder.as_deref().unwrap_or_default()
            ),
        }
    }
}

fn card<'a>(report: &RunReport<'a>, subjects: &Subjects<'a>, number: usize, checker: &'a CheckerResult) -> Card<'a> {
    let header: &Header = &report.results.header;
    let kinds = verdict::kinds(checker);
    let fates = &report.results.fates;
    let followed = report.results.words.is_some();
    let in_table = |kind: &str| followed && fates.iter().any(|fate| fate.anomalies.iter().any(|a| a == kind));
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
        .map(|a| finding(report, subjects, a));
    Card {
        number,
        name: &checker.name,
        word: verdict::word(checker.verdict),
        about: verdict::about(header, &checker.name),
        reason: checker.reason.as_deref(),
        kinds: kinds.collect(),
        counts: counts.into_iter().map(|(name, n)| (name, text::count(n))).collect(),
        findings: findings.collect(),
        more: checker.anomalies.len().saturating_sub(ANOMALIES_MAX) as u64,
    }
}

fn finding<'a>(report: &RunReport<'a>, subjects: &Subjects<'a>, anomaly: &'a Anomaly) -> Finding<'a> {
    let mut events = witness::lines(report, subjects, anomaly);
    let events_more = events.len().saturating_sub(EVENTS_MAX) as u64;
    events.truncate(EVENTS_MAX);
    let subject = anomaly.subject.as_str();
    let link = match subjects.find(subject) {
        Some(_) => Some(Link::Subject),
        None => subjects.holds(subject).then_some(Link::Holder),
    };
    Finding {
        kind: &anomaly.kind,
        sentence: &anomaly.sentence,
        subject,
        link: link.filter(|_| report.results.words.is_some()),
        events,
        events_more,
    }
}
