//! Judges a history by the promises that its header makes: runs every checker, merges their verdicts, says the result in one
//! sentence.
//!
//! Pure: the same history gives the same results, anomaly by anomaly. Events are taken in one by one and not kept. A checker
//! that panics is caught and says unknown: that is a bug of ours, never a verdict about the target.

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use crate::findings::unknown;
use crate::history::{Event, Header, History, Kind, Malformed, Moment, Pairing};
use crate::ledger::{Ledger, Observer, Role, figures};
use crate::promises::{self, Made, make};
use crate::run::{Facts, Watch, uncorrelated, windows};
use crate::verdict::{CheckerResult, Fate, RESULTS_VERSION, Results, Verdict, by_weight, of_all, weight};
use crate::words::plural;

/// A judgement in the making: told a history event by event.
pub struct Judging {
    header: Header,
    pairing: Pairing,
    malformed: Option<Malformed>,
    watch: Watch,
    ledgers: Vec<Observer>,
    promises: Vec<Named>,
    /// What panicked while it took events in.
    broken: Option<&'static str>,
}

/// What was decided, and what it was decided by.
struct Decided {
    header: Header,
    facts: Rc<Facts>,
    ledgers: Vec<Ledger>,
    checkers: Vec<CheckerResult>,
}

/// A promise with its name.
struct Named {
    name: String,
    made: Made,
}

impl Judging {
    /// Begins with the header: its promises say what is judged.
    #[must_use]
    pub fn new(header: &Header) -> Judging {
        let (follows, made) = make(header);
        let names = header.promises.iter().map(|promise| {
            let name = promise.options.get("name").and_then(serde_json::Value::as_str);
            name.unwrap_or(&promise.checker).to_owned()
        });
        Judging {
            header: header.clone(),
            pairing: Pairing::default(),
            malformed: None,
            watch: Watch::default(),
            ledgers: follows.into_iter().map(Observer::new).collect(),
            promises: names.zip(made).map(|(name, made)| Named { name, made }).collect(),
            broken: None,
        }
    }

    /// Takes in the next event.
    pub fn observe(&mut self, event: &Event) {
        if self.broken.is_some() {
            return;
        }
        if self.malformed.is_none() {
            self.malformed = self.pairing.follow(event).err();
        }
        let taken = catch_unwind(AssertUnwindSafe(|| {
            self.watch.observe(event);
            for ledger in &mut self.ledgers {
                ledger.observe(event);
            }
            for promise in &mut self.promises {
                if let Made::Own(judge) = &mut promise.made {
                    judge.observe(event);
                }
            }
        }));
        if taken.is_err() {
            self.broken = Some("reading the history");
        }
    }

    /// Judges what was taken in; `truncated` where the history ended in the middle of a line.
    #[must_use]
    pub fn finish(self, truncated: bool) -> Results {
        let Decided {
            header,
            facts,
            ledgers,
            checkers,
        } = self.decide(truncated);
        assemble(header, &facts, &ledgers, checkers)
    }

    /// The same without what became of each subject, and without figures: what takes less memory in long histories.
    #[must_use]
    pub fn checkers(self, truncated: bool) -> Vec<CheckerResult> {
        self.decide(truncated).checkers
    }

    fn decide(self, truncated: bool) -> Decided {
        let facts = Rc::new(self.watch.finish(truncated));
        let malformed = self.malformed.map(|e| format!("the history is malformed: {e}"));
        let mut cause = self.broken.map(bug).or(malformed);
        let gathered = catch_unwind(AssertUnwindSafe(|| {
            let ledgers = self.ledgers.into_iter().map(|ledger| ledger.finish(Rc::clone(&facts)));
            ledgers.collect::<Vec<Ledger>>()
        }));
        let ledgers = gathered.unwrap_or_else(|_| {
            cause.get_or_insert_with(|| bug("reading the history"));
            Vec::new()
        });
        if cause.is_none() {
            cause = ledgers.iter().find_map(|ledger| ledger.contradiction.clone());
        }
        let decide = |promise: Named| match &cause {
            Some(cause) => unknown(&promise.name, cause),
            None => decided(promise, &ledgers, &facts),
        };
        let mut checkers: Vec<CheckerResult> = self.promises.into_iter().map(decide).collect();
        for (result, promise) in checkers.iter_mut().zip(&self.header.promises) {
            let entry = promises::find(&promise.checker).ok();
            result.completeness = result.completeness.or(entry.and_then(|entry| of_all(entry.decides)));
        }
        checkers.extend(uncorrelated(&facts));
        Decided {
            header: self.header,
            facts,
            ledgers,
            checkers,
        }
    }
}

/// Judges a history.
#[must_use]
pub fn judge(history: &History) -> Results {
    let mut judging = Judging::new(&history.header);
    for event in &history.events {
        judging.observe(event);
    }
    judging.finish(history.truncated)
}

fn bug(where_: &str) -> String {
    format!("{where_} panicked: this is a bug of paytwice, not of the target; please report it with this history")
}

/// Runs one checker; its anomalies come out weightiest first, and in the order of subjects within a kind.
fn decided(promise: Named, ledgers: &[Ledger], facts: &Facts) -> CheckerResult {
    let Named { name, made } = promise;
    let run = catch_unwind(AssertUnwindSafe(|| match made {
        Made::OfLedger { at, check } => match ledgers[at].unmatched() {
            Some(why) => unknown(&name, &why),
            None => check(&ledgers[at]),
        },
        Made::Own(judge) => judge.finish(facts),
        Made::Wrong(why) => unknown(&name, &why),
    }));
    let Ok(mut result) = run else {
        return unknown(&name, &bug(&format!("the checker {name}")));
    };
    result.name = name;
    result.anomalies.sort_by_key(|anomaly| weight(&anomaly.kind));
    result
}

fn assemble(header: Header, facts: &Facts, ledgers: &[Ledger], checkers: Vec<CheckerResult>) -> Results {
    let verdict = match checkers.is_empty() {
        true => Verdict::Unknown,
        false => checkers.iter().fold(Verdict::Valid, |v, c| v.merge(c.verdict)),
    };
    Results {
        version: RESULTS_VERSION,
        verdict,
        sentence: sentence(verdict, &checkers, || kept(&checkers, ledgers)),
        header,
        truncated: facts.cut_short,
        events: facts.events,
        fates: ledgers.iter().flat_map(|ledger| fates(ledger, &checkers)).collect(),
        words: ledgers.first().map(|ledger| ledger.follow.words.clone()),
        windows: windows(facts),
        keys: facts.keys.clone(),
        unparsed: facts.unparsed.clone(),
        faults: facts.faults.iter().map(|f| f.summary()).collect(),
        phases: facts
            .phases
            .iter()
            .map(|p| (p.name.clone(), p.from_ns, p.to_ns))
            .collect(),
        troubles: facts.troubles(),
        figures: all_figures(facts, ledgers),
        checkers,
    }
}

/// Figures of the run and of each ledger; those of a second kind of subject carry its name.
fn all_figures(facts: &Facts, ledgers: &[Ledger]) -> figures::Figures {
    let mut all = figures::of_run(facts);
    for (at, ledger) in ledgers.iter().enumerate() {
        for (name, value) in figures::of_ledger(ledger) {
            let name = if at == 0 {
                name
            } else {
                format!("{}_{name}", ledger.follow.kind)
            };
            all.entry(name).or_insert(value);
        }
    }
    all
}

/// The verdict first, then its weightiest reason; `kept` says what a valid one means.
fn sentence(verdict: Verdict, checkers: &[CheckerResult], kept: impl FnOnce() -> String) -> String {
    match verdict {
        Verdict::Invalid => {
            let anomalies = by_weight(checkers);
            let what = anomalies.first().map_or("", |a| a.sentence.as_str());
            match anomalies.len() {
                0 | 1 => format!("INVALID: {what}"),
                2 => format!("INVALID: {what} (and 1 more anomaly)"),
                n => format!("INVALID: {what} (and {} more anomalies)", n - 1),
            }
        }
        Verdict::Unknown => {
            let undecided = checkers.iter().find(|c| c.verdict == Verdict::Unknown);
            let why = undecided.map(|c| format!("{}: {}", c.name, c.reason.as_deref().unwrap_or_default()));
            let none = || "the target makes no promise: there is nothing to judge".to_owned();
            format!("UNKNOWN: {}", why.unwrap_or_else(none))
        }
        Verdict::Valid => format!("VALID: {}", kept()),
    }
}

/// What a valid verdict means: what became of the subjects that were followed, or how many promises held.
fn kept(checkers: &[CheckerResult], ledgers: &[Ledger]) -> String {
    let Some(ledger) = ledgers.first() else {
        return held(checkers);
    };
    let follow = &ledger.follow;
    let successful = ledger.subjects.iter().filter(|p| p.successes > 0).count();
    let known = match follow.recorded {
        Some(_) => format!("{} as successful", follow.words.recorded),
        None => "acknowledged".to_owned(),
    };
    format!(
        "{} attempted, {successful} {known}, each of these {} exactly once",
        plural(ledger.subjects.len(), &follow.kind),
        follow.words.effect
    )
}

fn held(checkers: &[CheckerResult]) -> String {
    format!("{} held", plural(checkers.len(), "promise"))
}

impl Results {
    /// Puts the result of a promise that was decided elsewhere in the place of the one of that name, or behind all others;
    /// the verdict and its sentence follow.
    /// What was decided from a history that ends before the run did is unknown where it would be valid.
    pub fn put(&mut self, mut result: CheckerResult) {
        if self.truncated && result.verdict == Verdict::Valid {
            let why = self
                .troubles
                .first()
                .map_or(String::new(), |trouble| format!(": {trouble}"));
            result.verdict = Verdict::Unknown;
            result.reason = Some(format!("the history ends before the run did{why}"));
        }
        match self.checkers.iter_mut().find(|other| other.name == result.name) {
            Some(place) => *place = result,
            None => self.checkers.push(result),
        }
        let verdict = self.checkers.iter().fold(Verdict::Valid, |v, c| v.merge(c.verdict));
        let was_valid = self.verdict == Verdict::Valid;
        if verdict != Verdict::Valid || !was_valid {
            self.sentence = sentence(verdict, &self.checkers, || held(&self.checkers));
        }
        self.verdict = verdict;
    }
}

/// How each subject fared, and the names of the anomalies that concern it.
fn fates(ledger: &Ledger, checkers: &[CheckerResult]) -> Vec<Fate> {
    let mut named: HashMap<&str, Vec<&str>> = HashMap::new();
    for anomaly in checkers.iter().flat_map(|c| &c.anomalies) {
        named.entry(&anomaly.subject).or_default().push(&anomaly.kind);
    }
    let viewed = ledger.read_index(Moment::Final, Role::Recorded).is_some();
    (0..ledger.subjects.len())
        .map(|at| fate(ledger, at, viewed, &named))
        .collect()
}

fn fate(ledger: &Ledger, at: usize, viewed: bool, named: &HashMap<&str, Vec<&str>>) -> Fate {
    let subject = &ledger.subjects[at];
    let key = ledger.key(at);
    let row = subject.rows.first().filter(|_| viewed).map(|row| &ledger.rows[*row]);
    let outcome = subject.outcome();
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let answered = match outcome {
        Kind::Ok => subject.answers().find(|a| a.kind == Kind::Ok),
        Kind::Fail => subject.answers().last(),
        Kind::Info | Kind::Invoke => None,
    };
    let mut anomalies: Vec<String> = named.get(key).into_iter().flatten().map(|k| (*k).to_owned()).collect();
    anomalies.sort_by_key(|kind| weight(kind));
    anomalies.dedup();
    let fields = ledger.follow.fields.iter().zip(&subject.payload.fields);
    let fields = fields.filter_map(|(name, word)| Some((name.clone(), ledger.words.name((*word)?).to_owned())));
    Fate {
        kind: ledger.follow.kind.clone(),
        subject: key.to_owned(),
        fields: fields.collect(),
        attempts: count(subject.attempts.len()),
        outcome,
        recorded: viewed.then(|| count(subject.rows.len())),
        result: row
            .and_then(|row| row.result)
            .map(|result| ledger.words.name(result).to_owned()),
        delivered: subject.delivered(),
        effects: subject.effects,
        effects_before_repair: subject.effects_before,
        first_invoke_ns: subject.attempts.first().map_or(0, |a| a.time),
        answered_ns: answered.map(|a| a.time),
        first_delivered_ns: subject.deliveries.iter().find(|d| d.times > 0).map(|d| d.time),
        anomalies,
    }
}

/// A subject that is not done: known to have succeeded, and without an effect at rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undone {
    /// Its kind.
    pub kind: String,
    /// The key by which the target knows it.
    pub key: String,
    /// What its client asked for, by field.
    pub fields: BTreeMap<String, String>,
}

/// What is not done, by the views read at rest: what the repairing actions are driven for.
#[must_use]
pub fn undone(history: &History) -> Vec<Undone> {
    let (follows, _) = make(&history.header);
    let mut undone = Vec::new();
    for follow in follows
        .into_iter()
        .filter(|follow| follow.asked.values().any(|(repairs, _)| *repairs))
    {
        let mut observer = Observer::at_rest(follow);
        history.events.iter().for_each(|event| observer.observe(event));
        let ledger = observer.finish(Rc::default());
        for subject in &ledger.subjects {
            let done = subject.effects_before.is_some_and(|n| n > 0);
            if subject.successes == 0 || done {
                continue;
            }
            let names = ledger.follow.fields.iter().zip(&subject.payload.fields);
            let fields = names.filter_map(|(name, word)| Some((name.clone(), ledger.words.name((*word)?).to_owned())));
            undone.push(Undone {
                kind: ledger.follow.kind.clone(),
                key: ledger.keys.name(ledger.known_as(subject)).to_owned(),
                fields: fields.collect(),
            });
        }
    }
    undone
}
