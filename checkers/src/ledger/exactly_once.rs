//! Exactly once. Valid when every subject recorded as successful took effect once, and nothing else did.
//!
//! Compares, per subject, the rows recorded as successful (or, where no records are viewed, what its client was told) with its
//! effects: the digits of a sum, rows, or frames on the wire.
//! - `lost`: recorded as successful, took effect less often than recorded.
//! - `double`: took effect more often than recorded as successful.
//! - `ghost`: took effect, but is not recorded, or not as successful; or an effect that no subject explains.
//! - `late`: took effect only when it was repaired (unless the promise accepts that).
//! - `wrong-account`: missing on its holder, while another, which its delivery names, gained exactly its value; or recorded with
//!   another holder.
//! - `wrong-amount`: missing on its holder, which gained something that no subject explains; or recorded with another payload.
//! - `lost-write`: acknowledged as successful to its client, and not recorded.
//!
//! Sees: views of records and effects, deliveries on the wire. Cannot see: an effect undone before the final read, a wrong value
//! that happens to be the sum of other subjects' values. Where a digit may carry into its neighbour's, the verdict is unknown.
//! O(subjects) time and memory.

use std::collections::{HashMap, HashSet};

use crate::findings::Findings;
use crate::history::{Kind, Moment};
use crate::verdict::CheckerResult;
use crate::words::{plural, times};

use super::story::{circumstances, row_shown, story, subject, witness};
use super::{
    Class, Effect, Follow, Holder, Id, Ledger, Opened, Owner, ReadState, Role, Subject, Unread, effects, slot,
};

/// Name of this checker.
pub(crate) const NAME: &str = "exactly-once";

/// What it reports.
pub(crate) const ANOMALIES: [&str; 7] = [
    "lost",
    "double",
    "ghost",
    "late",
    "wrong-account",
    "wrong-amount",
    "lost-write",
];

/// The views that prove an effect, or its absence.
const READS: [(Moment, Role); 3] = [
    (Moment::Initial, Role::Effect),
    (Moment::Final, Role::Recorded),
    (Moment::Final, Role::Effect),
];

/// Judges every subject of a ledger.
pub(crate) fn check(ledger: &Ledger) -> CheckerResult {
    let mut findings = Findings::default();
    if let Some(why) = ledger.incomplete() {
        findings.doubt(why);
        return findings.result(NAME);
    }
    doubts(ledger, &mut findings);
    for (subscriber, lane, ledger) in ledger.by_subscriber() {
        let due = subscriber.is_none_or(|name| ledger.follow.is_subscriber(name));
        let mut off = Deviations::of(&ledger, subscriber, due);
        off.moved(&mut findings);
        off.mistaken(&mut findings);
        off.strange(&mut findings);
        off.unexplained(lane, &mut findings);
        off.report(&mut findings);
        for at in (0..ledger.subjects.len()).filter(|_| due) {
            late(&ledger, at, subscriber, &mut findings);
        }
    }
    for at in 0..ledger.subjects.len() {
        unrecorded(ledger, at, &mut findings);
    }
    misrecorded(ledger, &mut findings);
    count(ledger, &mut findings);
    findings.result(NAME)
}

fn doubts(ledger: &Ledger, findings: &mut Findings) {
    if !ledger.has_acknowledged() {
        let actions = ledger.follow.started.join(" or ");
        findings.doubt(format!("no {actions} ended ok: there is nothing to judge"));
    }
    if !ledger.has_recorded() {
        let Follow { kind, words, .. } = &*ledger.follow;
        findings.doubt(format!(
            "no {kind} is {} as successful: there is nothing to judge",
            words.recorded
        ));
    }
    unsaid(ledger, findings);
    if let Some(why) = ledger.restless() {
        findings.doubt(why);
    }
    if let Effect::Sum { view, .. } = &ledger.follow.effect {
        match ledger.read(Moment::Initial, Role::Effect) {
            ReadState::Done(_) => unread(ledger, findings),
            ReadState::Failed(why) => findings.doubt(format!("the initial read of {view} failed: {why}")),
            ReadState::Absent => findings.doubt(format!("there is no initial read of {view}")),
        }
    }
    if matches!(ledger.follow.effect, Effect::Point { .. }) && ledger.lanes.is_empty() && ledger.has_recorded() {
        findings.doubt("no frame of the point that is its effect carried a key");
    }
    let before = ledger.subjects.iter().any(|s| s.effects_before.is_some());
    if ledger.was_repaired() && !ledger.follow.late_is_valid {
        if ledger.follow.effect.view().is_some() && ledger.read_index(Moment::Rest, Role::Effect).is_none() && !before {
            let view = ledger.follow.effect.view().unwrap_or_default();
            findings.doubt(format!(
                "{view} was not read at rest, before the repair: late effects cannot be told"
            ));
        } else if let Some(why) = ledger.restless_before() {
            findings.doubt(format!("late effects cannot be told: {why}"));
        }
    }
}

/// What was answered ok without a word on how it ended, and is not recorded: lost, or refused?
fn unsaid(ledger: &Ledger, findings: &mut Findings) {
    if ledger.follow.recorded.is_none() {
        return;
    }
    let silent = |s: &&Subject| {
        let mut ok = s.answers().filter(|answer| answer.kind == Kind::Ok);
        s.rows.is_empty() && s.outcome() == Kind::Ok && ok.all(|a| a.class == Class::Other && a.result.is_none())
    };
    let n = ledger.subjects.iter().filter(silent).count();
    if n > 0 {
        let Follow { kind, words, .. } = &*ledger.follow;
        findings.doubt(format!(
            "{} answered ok without saying how it ended, and not {}",
            plural(n, kind),
            words.recorded
        ));
    }
}

/// Holders whose effects cannot be read.
fn unread(ledger: &Ledger, findings: &mut Findings) {
    for (id, holder) in (0..).zip(&ledger.holders) {
        let expected = holder.expected != Some(0);
        match holder.unread {
            Some(Unread::NeverOpened) if !expected => {}
            Some(why) if !holder.subjects.is_empty() => {
                let (kind, name) = (ledger.follow.holder(), ledger.holder_name(id));
                findings.doubt(format!("the effects on {kind} {name} cannot be read: {why}"));
            }
            _ => {}
        }
    }
}

/// Subjects whose effects differ from their rows, until one of the reports takes them.
struct Deviations<'a> {
    ledger: &'a Ledger,
    /// For whom the effects are, in words.
    by: String,
    /// Subject, and how many effects it misses.
    missing: Vec<(usize, u32)>,
    /// Subject, and how many effects it has too many.
    surplus: Vec<(usize, u32)>,
    /// What a holder gained that no subject explains.
    residue: Vec<(Id, i128)>,
}

impl<'a> Deviations<'a> {
    /// `due`: whether the effects must be there, or only not too often.
    fn of(ledger: &'a Ledger, subscriber: Option<&str>, due: bool) -> Deviations<'a> {
        let mut off = Deviations {
            ledger,
            by: subscriber.map_or_else(String::new, |name| format!(" by {name}")),
            missing: Vec::new(),
            surplus: Vec::new(),
            residue: Vec::new(),
        };
        for (at, subject) in ledger.subjects.iter().enumerate() {
            let Some(effects) = subject.effects else { continue };
            let recorded = subject.successes;
            let most = recorded.max(possible(ledger, subject)) + changed(ledger, at);
            if effects < recorded && due {
                off.missing.push((at, recorded - effects));
            } else if effects > most {
                off.surplus.push((at, effects - most));
            }
        }
        let holders = (0..).zip(&ledger.holders);
        off.residue = holders
            .filter(|(_, holder)| holder.residue != 0)
            .map(|(id, holder)| (id, holder.residue))
            .collect();
        off
    }

    /// `wrong-account`: what is missing here turned up there, where its own delivery says so.
    fn moved(&mut self, findings: &mut Findings) {
        let ledger = self.ledger;
        let mut strays: HashMap<(Id, i128), Vec<usize>> = HashMap::new();
        for (slot, (at, _)) in self.surplus.iter().enumerate().rev() {
            let payload = &ledger.subjects[*at].payload;
            strays.entry((payload.holder, payload.amount)).or_default().push(slot);
        }
        for (at, lacks) in self.missing.iter_mut().filter(|(_, lacks)| *lacks == 1) {
            let meant = &ledger.subjects[*at];
            let named = meant.deliveries.iter().filter(|d| d.times > 0).filter_map(|d| d.holder);
            let Some(elsewhere) = named.into_iter().find(|holder| *holder != meant.payload.holder) else {
                continue;
            };
            let stray = strays.get_mut(&(elsewhere, meant.payload.amount)).and_then(Vec::pop);
            let residue = self
                .residue
                .iter_mut()
                .find(|r| **r == (elsewhere, meant.payload.amount));
            match (stray, residue) {
                (Some(slot), _) => self.surplus[slot].1 -= 1,
                (None, Some(residue)) => residue.1 = 0,
                (None, None) => continue,
            }
            *lacks = 0;
            let sentence = format!(
                "{} was {} to {} {} instead: {}",
                subject(ledger, *at),
                ledger.follow.words.effect,
                ledger.follow.holder(),
                ledger.holder_name(elsewhere),
                story(ledger, *at)
            );
            findings.anomaly("wrong-account", ledger.key(*at), sentence, witness(ledger, *at, &READS));
        }
        self.sweep();
    }

    /// `wrong-amount`: something else came in its place.
    fn mistaken(&mut self, findings: &mut Findings) {
        if self.residue.is_empty() {
            return;
        }
        let ledger = self.ledger;
        let mut lacking: HashMap<Id, Vec<usize>> = HashMap::new();
        for (slot, (at, _)) in self.missing.iter().enumerate() {
            lacking
                .entry(ledger.subjects[*at].payload.holder)
                .or_default()
                .push(slot);
        }
        for (holder, residue) in &mut self.residue {
            let mut slots = lacking.remove(holder).unwrap_or_default();
            if slots.len() > 1 {
                slots.retain(|slot| ledger.subjects[self.missing[*slot].0].delivered() > 0);
            }
            let [slot] = slots[..] else { continue };
            let at = self.missing[slot].0;
            let sentence = format!(
                "{} was {} with {} instead: {}",
                subject(ledger, at),
                ledger.follow.words.effect,
                ledger.money(*residue),
                story(ledger, at)
            );
            findings.anomaly("wrong-amount", ledger.key(at), sentence, witness(ledger, at, &READS));
            self.missing[slot].1 = 0;
            *residue = 0;
        }
        self.sweep();
    }

    /// `ghost` money: a digit says that a subject took effect once too often, and nothing that could have brought that crossed
    /// the wire, while the same value is missing on another holder. It is not this subject's.
    fn strange(&mut self, findings: &mut Findings) {
        let ledger = self.ledger;
        if !matches!(ledger.follow.effect, Effect::Sum { .. }) || ledger.deliveries_seen == 0 {
            return;
        }
        let payload = |at: usize| &ledger.subjects[at].payload;
        for (at, many) in &mut self.surplus {
            let (holder, amount) = (payload(*at).holder, payload(*at).amount);
            let lacks_it =
                |(other, _): &(usize, u32)| payload(*other).amount == amount && payload(*other).holder != holder;
            let chances = ledger.chances(*at);
            let effects = ledger.subjects[*at].effects.unwrap_or(0);
            if chances == 0 || chances >= effects || !self.missing.iter().any(lacks_it) {
                continue;
            }
            let name = ledger.holder_name(holder);
            let sentence = format!(
                "{} {name} gained {} {} more than its {}s explain: the digit is that of {}, which was delivered and committed \
                 no more often than {}",
                ledger.follow.holder(),
                ledger.money(amount),
                times(*many),
                ledger.follow.kind,
                subject(ledger, *at),
                times(chances)
            );
            let strangers = ledger.strangers.get(&holder).into_iter().flatten().copied();
            let witness = witness(ledger, *at, &READS).into_iter().chain(strangers).collect();
            findings.anomaly("ghost", name, sentence, witness);
            *many = 0;
        }
        self.sweep();
    }

    /// `ghost` effects of nothing that is known.
    fn unexplained(&self, lane: usize, findings: &mut Findings) {
        let ledger = self.ledger;
        let follow = &ledger.follow;
        let reads: Vec<u64> = READS
            .iter()
            .filter_map(|(at, role)| ledger.read_index(*at, *role))
            .collect();
        for (holder, residue) in &self.residue {
            let name = ledger.holder_name(*holder);
            let sentence = format!(
                "{} {name} gained {} that no {} explains",
                follow.holder(),
                ledger.money(*residue),
                follow.kind
            );
            // Whatever it was, what was delivered for this holder under unknown keys may have brought it.
            let strangers = ledger.strangers.get(holder).into_iter().flatten().copied();
            findings.anomaly(
                "ghost",
                name,
                sentence,
                reads.iter().copied().chain(strangers).collect(),
            );
        }
        for (key, n) in effects::strangers(ledger, lane) {
            let name = ledger.keys.name(key);
            let sentence = format!(
                "{} {name} was {}{} {} although no client started it",
                follow.kind,
                follow.words.effect,
                self.by,
                times(n)
            );
            let frames = ledger.frames.get(&key).into_iter().flatten();
            let witness = reads.iter().chain(frames).copied();
            findings.anomaly("ghost", name, sentence, witness.collect());
        }
    }

    /// What is left: `lost`, `double`, `ghost`.
    fn report(&self, findings: &mut Findings) {
        let ledger = self.ledger;
        let mut waiting = 0;
        for (at, _) in &self.missing {
            if is_settled(ledger, *at) {
                let sentence = self.lost(*at);
                findings.anomaly("lost", ledger.key(*at), sentence, witness(ledger, *at, &READS));
            } else {
                waiting += 1;
            }
        }
        if waiting > 0 {
            let what = plural(waiting, &ledger.follow.kind);
            findings.doubt(format!("{what} not {} yet{}", ledger.follow.words.effect, self.by));
        }
        for (at, _) in &self.surplus {
            let kind = if self.was_due(*at) { "double" } else { "ghost" };
            let sentence = self.too_often(*at);
            findings.anomaly(kind, ledger.key(*at), sentence, witness(ledger, *at, &READS));
        }
    }

    /// Whether it may have taken effect once.
    fn was_due(&self, at: usize) -> bool {
        let subject = &self.ledger.subjects[at];
        subject.successes.max(possible(self.ledger, subject)) > 0
    }

    fn lost(&self, at: usize) -> String {
        let Deviations { ledger, by, .. } = self;
        let words = &ledger.follow.words;
        let what = &ledger.subjects[at];
        let effects = match (what.effects.unwrap_or(0), what.successes) {
            (0, 1) => format!("was never {}{by}", words.effect),
            (effects, recorded) => format!(
                "was {} {} as successful but {}{by} {}",
                words.recorded,
                times(recorded),
                words.effect,
                times(effects)
            ),
        };
        let listed = if what.listed > what.effects.unwrap_or(0) {
            format!("; the target lists it as {}", words.effect)
        } else {
            String::new()
        };
        format!("{} {effects}: {}{listed}", subject(ledger, at), story(ledger, at))
    }

    fn too_often(&self, at: usize) -> String {
        let Deviations { ledger, by, .. } = self;
        let words = &ledger.follow.words;
        let what = &ledger.subjects[at];
        let effects = times(what.effects.unwrap_or(0));
        let first = what.rows.first().map(|row| &ledger.rows[*row]);
        let although = match (what.successes, first.map(|row| row.result)) {
            (1, _) => String::new(),
            (0, None) if ledger.follow.recorded.is_none() && self.was_due(at) => String::new(),
            (0, None) if ledger.follow.recorded.is_none() => " although every attempt failed".to_owned(),
            (0, None) => format!(" although it is not {}", words.recorded),
            (0, Some(None)) => format!(" although it is {} without a result", words.recorded),
            (0, Some(Some(result))) => {
                format!(" although it is {} as {:?}", words.recorded, ledger.words.name(result))
            }
            (n, _) => format!(" although it is {} {} as successful", words.recorded, times(n)),
        };
        let head = subject(ledger, at);
        format!(
            "{head} was {}{by} {effects}{although}: {}",
            words.effect,
            story(ledger, at)
        )
    }

    fn sweep(&mut self) {
        self.missing.retain(|(_, lacks)| *lacks > 0);
        self.surplus.retain(|(_, many)| *many > 0);
        self.residue.retain(|(_, residue)| *residue != 0);
    }
}

/// How often a subject may have taken effect by what its client knows, where no records say it.
fn possible(ledger: &Ledger, subject: &Subject) -> u32 {
    u32::from(ledger.follow.recorded.is_none() && subject.outcome() != Kind::Fail)
}

/// Successful rows of a subject that carry another payload.
fn changed(ledger: &Ledger, at: usize) -> u32 {
    let rows = ledger.subjects[at].rows.iter().map(|row| &ledger.rows[*row]);
    let changed = rows.filter(|row| row.owner == Owner::Changed(at) && row.class == Class::Success);
    u32::try_from(changed.count()).unwrap_or(u32::MAX)
}

/// Whether an effect that is missing had its chance: the target had come to rest.
fn is_settled(ledger: &Ledger, at: usize) -> bool {
    let subject = &ledger.subjects[at];
    let missed_before = subject.effects_before.is_some_and(|c| c < subject.successes);
    let before = !ledger.follow.late_is_valid && ledger.restless_before().is_none() && missed_before;
    ledger.restless().is_none() || before
}

/// `late`: there in the end, but not at rest before the repair.
fn late(ledger: &Ledger, at: usize, subscriber: Option<&str>, findings: &mut Findings) {
    let what = &ledger.subjects[at];
    let (Some(before), Some(effects)) = (what.effects_before, what.effects) else {
        return;
    };
    if before >= what.successes || effects < what.successes {
        return;
    }
    findings.add("in-effect-by-repair", u64::from(what.successes - before));
    if ledger.follow.late_is_valid || ledger.restless_before().is_some() {
        return;
    }
    let by = subscriber.map_or_else(String::new, |name| format!(" by {name}"));
    let sentence = format!(
        "{} was {}{by} only when its client asked for it once everything was at rest: {}",
        subject(ledger, at),
        ledger.follow.words.effect,
        circumstances(ledger, at)
    );
    let mut witness = witness(ledger, at, &READS);
    witness.extend(ledger.read_index(Moment::Rest, Role::Effect));
    findings.anomaly("late", ledger.key(at), sentence, witness);
}

/// `lost-write`: the client was told that it succeeded, and no row says so.
fn unrecorded(ledger: &Ledger, at: usize, findings: &mut Findings) {
    if ledger.follow.recorded.is_none() {
        return;
    }
    let what = &ledger.subjects[at];
    // Before the target is at rest, what is not recorded yet may still be.
    let settled = ledger.restless().is_none();
    let Some(answer) = what.acknowledged().filter(|_| what.rows.is_empty() && settled) else {
        return;
    };
    let result = answer.result.map_or("ok", |result| ledger.words.name(result));
    let sentence = format!(
        "{} was acknowledged as {result:?} but is not {}: {}",
        subject(ledger, at),
        ledger.follow.words.recorded,
        story(ledger, at)
    );
    findings.anomaly("lost-write", ledger.key(at), sentence, witness(ledger, at, &READS));
}

/// Rows that carry another payload, where no deliberate conflict explains them.
fn misrecorded(ledger: &Ledger, findings: &mut Findings) {
    let conflicts: HashSet<Id> = ledger.conflicts.iter().map(|c| c.key).collect();
    for row in &ledger.rows {
        let Owner::Changed(at) = row.owner else { continue };
        let meant = &ledger.subjects[at];
        if conflicts.contains(&meant.key) {
            continue;
        }
        let elsewhere = row.holder != meant.payload.holder;
        let (kind, found) = match &ledger.follow.coded {
            Some(_) if elsewhere => ("wrong-account", row_shown(ledger, row)),
            Some(_) => ("wrong-amount", ledger.words.name(row.text).to_owned()),
            None => ("wrong-amount", row_shown(ledger, row)),
        };
        let sentence = format!(
            "{} was {} with {found} instead",
            subject(ledger, at),
            ledger.follow.words.recorded
        );
        findings.anomaly(kind, ledger.key(at), sentence, witness(ledger, at, &READS));
    }
}

fn count(ledger: &Ledger, findings: &mut Findings) {
    let subjects = &ledger.subjects;
    let number = |test: &dyn Fn(&Subject) -> bool| subjects.iter().filter(|p| test(p)).count() as u64;
    findings.count("attempted", subjects.len() as u64);
    findings.count("acknowledged", number(&|p| p.acknowledged().is_some()));
    findings.count("recorded", number(&|p| !p.rows.is_empty()));
    findings.count("successful", number(&|p| p.successes > 0));
    findings.count("delivered", number(&|p| p.delivered() > 0));
    findings.count("redelivered", number(&|p| p.delivered() > 1));
    findings.count("in-effect", number(&|p| p.effects.is_some_and(|c| c > 0)));
    findings.count("effects-unreadable", number(&|p| p.effects.is_none()));
    findings.add("in-effect-by-repair", 0);
    let initial = slot(Moment::Initial).unwrap_or_default();
    let late = |a: &&Holder| a.opened == Opened::Yes && a.at[initial].is_none();
    findings.count("opened-late", ledger.holders.iter().filter(late).count() as u64);
}
