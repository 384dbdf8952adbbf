//! Rules in force: what each did, in numbers; who waits for it; and the guard that takes it out of force again.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use tokio::sync::Notify;

use super::core::Frame;
use super::rule::{At, Rule, mix, unit};

/// A rule in force, with its counters.
#[derive(Debug)]
pub(super) struct ActiveRule {
    /// What it does.
    pub(super) rule: Rule,
    /// What it did.
    pub(super) counters: RuleCounters,
    /// Frames that drew a die.
    met: AtomicU64,
    /// Frames of its point.
    named: AtomicU64,
    /// False for a rule at a point that acts on a whole link, until its point is met.
    engaged: AtomicBool,
    fired: OnceLock<Fired>,
    firing: Notify,
}

/// The frame at which a rule did what it is there for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fired {
    /// Link and connection on it.
    pub on: String,
    /// Its points, by name.
    pub points: String,
    /// Values of keys in it.
    pub keys: Vec<String>,
}

impl fmt::Display for Fired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.on, self.points)?;
        if self.keys.is_empty() {
            Ok(())
        } else {
            write!(f, " of {}", self.keys.join(", "))
        }
    }
}

impl ActiveRule {
    pub(super) fn new(rule: Rule) -> Arc<ActiveRule> {
        let engaged = rule.at.is_none();
        Arc::new(ActiveRule {
            rule,
            counters: RuleCounters::default(),
            met: AtomicU64::new(0),
            named: AtomicU64::new(0),
            engaged: AtomicBool::new(engaged),
            fired: OnceLock::new(),
            firing: Notify::new(),
        })
    }

    /// Whether a frame of its point is the one, or one of those, that the rule is about.
    pub(super) fn is_chosen(&self, at: &At, frame: &Frame) -> bool {
        if let Some(between) = &at.between {
            return between.enter(at.keys(frame));
        }
        let number = self.named.fetch_add(1, Ordering::Relaxed) + 1;
        at.nth.is_none_or(|nth| nth == number) && (at.share >= 1.0 || unit(self.roll()) < at.share)
    }

    /// A rule at a point that acts on more than its frame, a link or a party, begins to. True once.
    pub(super) fn engage(&self) -> bool {
        !self.engaged.swap(true, Ordering::AcqRel)
    }

    pub(super) fn is_engaged(&self) -> bool {
        self.engaged.load(Ordering::Acquire)
    }

    /// Tells who waits that the rule has met its frame: the first one.
    pub(super) fn fire(&self, at: impl FnOnce() -> Fired) {
        self.fired.get_or_init(at);
        self.firing.notify_waiters();
    }

    pub(super) fn count_duplicate(&self) {
        self.counters.duplicated.fetch_add(1, Ordering::Relaxed);
    }

    /// The die for the next frame that this rule meets.
    pub(super) fn roll(&self) -> u64 {
        let met = self.met.fetch_add(1, Ordering::Relaxed);
        mix(self.rule.seed ^ mix(met))
    }
}

/// What a rule did, counted as it happens.
#[derive(Debug, Default)]
pub(super) struct RuleCounters {
    pub(super) delayed: AtomicU64,
    pub(super) held: AtomicU64,
    pub(super) held_bytes: AtomicU64,
    pub(super) holding: AtomicU64,
    pub(super) duplicated: AtomicU64,
    pub(super) reset: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) kept_waiting: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) reordered: AtomicU64,
    pub(super) corrupted: AtomicU64,
    pub(super) answered: AtomicU64,
}

impl RuleCounters {
    /// The counts of this moment.
    pub(super) fn read(&self) -> RuleStats {
        let get = |n: &AtomicU64| n.load(Ordering::Relaxed);
        RuleStats {
            delayed: get(&self.delayed),
            held: get(&self.held),
            held_bytes: get(&self.held_bytes),
            holding: get(&self.holding),
            duplicated: get(&self.duplicated),
            reset: get(&self.reset),
            refused: get(&self.refused),
            kept_waiting: get(&self.kept_waiting),
            dropped: get(&self.dropped),
            reordered: get(&self.reordered),
            corrupted: get(&self.corrupted),
            answered: get(&self.answered),
        }
    }
}

/// What a rule did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleStats {
    /// Frames that were delayed.
    pub delayed: u64,
    /// Frames that a cut held.
    pub held: u64,
    /// Their bytes.
    pub held_bytes: u64,
    /// Frames that are delayed or held right now.
    pub holding: u64,
    /// Frames that were duplicated.
    pub duplicated: u64,
    /// Connections that were reset.
    pub reset: u64,
    /// New connections that were reset as soon as they came.
    pub refused: u64,
    /// New connections that a cut let wait.
    pub kept_waiting: u64,
    /// Frames that never arrived.
    pub dropped: u64,
    /// Frames that others overtook.
    pub reordered: u64,
    /// Frames of which a byte was changed.
    pub corrupted: u64,
    /// Requests that were answered with an error and not passed on.
    pub answered: u64,
}

impl RuleStats {
    /// True when the rule was seen to do something.
    pub fn took_effect(&self) -> bool {
        self.named_counts().iter().any(|(_, n)| *n > 0)
    }
}

impl RuleStats {
    /// Each count with its name in evidence.
    pub fn named_counts(&self) -> [(&'static str, u64); 11] {
        [
            ("delayed", self.delayed),
            ("held", self.held),
            ("held_bytes", self.held_bytes),
            ("duplicated", self.duplicated),
            ("reset", self.reset),
            ("refused", self.refused),
            ("kept_waiting", self.kept_waiting),
            ("dropped", self.dropped),
            ("reordered", self.reordered),
            ("corrupted", self.corrupted),
            ("answered", self.answered),
        ]
    }
}

impl fmt::Display for RuleStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            (self.delayed, "frames delayed"),
            (self.held, "frames held"),
            (self.held_bytes, "bytes held"),
            (self.duplicated, "frames duplicated"),
            (self.reset, "connections reset"),
            (self.refused, "connections refused"),
            (self.kept_waiting, "connections kept waiting"),
            (self.dropped, "frames dropped"),
            (self.reordered, "frames overtaken"),
            (self.corrupted, "frames corrupted"),
            (self.answered, "requests answered with an error"),
        ];
        let mut first = true;
        for (count, what) in counts.into_iter().filter(|(count, _)| *count > 0) {
            let comma = if first { "" } else { ", " };
            write!(f, "{comma}{count} {what}")?;
            first = false;
        }
        if first { f.write_str("nothing met") } else { Ok(()) }
    }
}

/// The rules in force on a link, and who must hear of a change.
#[derive(Default)]
pub(super) struct RuleSet {
    rules: RwLock<Arc<[Arc<ActiveRule>]>>,
    version: AtomicU64,
}

impl RuleSet {
    /// Changes with every rule that comes or goes.
    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The rules in force.
    pub(super) fn get(&self) -> Arc<[Arc<ActiveRule>]> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn add(&self, rule: Rule) -> Arc<ActiveRule> {
        let rule = ActiveRule::new(rule);
        self.change(|rules| rules.push(Arc::clone(&rule)));
        rule
    }

    pub(super) fn remove(&self, rule: &Arc<ActiveRule>) {
        self.change(|rules| rules.retain(|r| !Arc::ptr_eq(r, rule)));
    }

    /// A rule in force acts on more than before.
    pub(super) fn touch(&self) {
        self.version.fetch_add(1, Ordering::Release);
    }

    fn change(&self, edit: impl FnOnce(&mut Vec<Arc<ActiveRule>>)) {
        let mut slot = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        let mut rules = slot.to_vec();
        edit(&mut rules);
        *slot = rules.into();
        self.version.fetch_add(1, Ordering::Release);
    }
}

/// Keeps a rule in force; uninstalls it when dropped.
#[must_use = "a rule is uninstalled when its guard is dropped"]
pub struct RuleGuard {
    rule: Arc<ActiveRule>,
    uninstall: Option<Uninstall>,
}

/// Takes a rule out of force.
type Uninstall = Box<dyn FnOnce(&Arc<ActiveRule>) + Send + Sync>;

impl RuleGuard {
    pub(super) fn new(
        rule: Arc<ActiveRule>,
        uninstall: impl FnOnce(&Arc<ActiveRule>) + Send + Sync + 'static,
    ) -> RuleGuard {
        RuleGuard {
            rule,
            uninstall: Some(Box::new(uninstall)),
        }
    }

    /// The rule.
    pub fn rule(&self) -> &Rule {
        &self.rule.rule
    }

    /// What it did so far.
    pub fn stats(&self) -> RuleStats {
        self.rule.counters.read()
    }

    /// Waits until the rule meets its frame.
    pub async fn fired(&self) -> Fired {
        loop {
            let firing = self.rule.firing.notified();
            if let Some(fired) = self.rule.fired.get() {
                return fired.clone();
            }
            firing.await;
        }
    }

    /// Uninstalls the rule now; the counters stay readable until nothing it held is under way any more.
    pub fn heal(mut self) -> HealedRule {
        self.uninstall_now();
        HealedRule(Arc::clone(&self.rule))
    }

    fn uninstall_now(&mut self) {
        if let Some(uninstall) = self.uninstall.take() {
            uninstall(&self.rule);
        }
    }
}

impl Drop for RuleGuard {
    fn drop(&mut self) {
        self.uninstall_now();
    }
}

impl fmt::Debug for RuleGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RuleGuard").field(&self.rule).finish()
    }
}

/// A rule that is no longer in force.
#[derive(Clone, Debug)]
pub struct HealedRule(Arc<ActiveRule>);

impl HealedRule {
    /// What it did. `holding` falls to 0 as what it held goes on its way.
    pub fn stats(&self) -> RuleStats {
        self.0.counters.read()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stats_read_as_a_sentence() {
        let stats = RuleStats {
            held: 2,
            held_bytes: 90,
            ..RuleStats::default()
        };
        assert_eq!(stats.to_string(), "2 frames held, 90 bytes held");
        assert_eq!(RuleStats::default().to_string(), "nothing met");
    }
}
