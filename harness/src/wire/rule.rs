//! Rules: what a link is told to do, the decision about one frame, and what was done, in numbers.
//!
//! A rule is in force from [`super::Link::install`] until its guard is dropped. Several at once add up: delays sum,
//! any cut holds, each duplicate rule makes its own copies. Never: draws from anything but the rule's seed.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::core::{Frame, Way};
use crate::plan::{Direction, Duplicated};

/// What a link is told to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Which way it holds.
    pub direction: Direction,
    /// What is done.
    pub action: Action,
    /// Decides jitter and shares, frame by frame.
    pub seed: u64,
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Every frame arrives later, in order; frames under way at the same time wait at the same time.
    Delay {
        /// Fixed part.
        fixed: Duration,
        /// Random part, 0 to this, drawn per frame.
        jitter: Duration,
    },
    /// A black hole. What is under way arrives after healing, as TCP retransmits it after a partition.
    Cut,
    /// Every connection is reset at once; with `again`, new ones too while the rule is in force.
    Reset {
        /// Whether new connections are reset as well.
        again: bool,
    },
    /// Some frames arrive twice.
    Duplicate {
        /// Which frames.
        what: Duplicated,
        /// Share of them, 0 to 1.
        share: f64,
    },
}

/// What the rules in force say about one frame.
#[derive(Clone, Debug, Default)]
pub(super) struct Decision {
    /// Delays, each with the rule that asks for it.
    pub(super) delays: Vec<(Arc<ActiveRule>, Duration)>,
    /// Copies, each with the rule that asks for it and a die for the protocol's choice.
    pub(super) duplicates: Vec<(Arc<ActiveRule>, u64)>,
}

impl Decision {
    /// True when the frame just passes.
    #[cfg(test)]
    fn is_pass(&self) -> bool {
        self.delays.is_empty() && self.duplicates.is_empty()
    }
}

/// Decides about one frame. Depends on nothing but the rules, the frame and how many frames each rule has met.
pub(super) fn decide(rules: &[Arc<ActiveRule>], way: Way, frame: &Frame) -> Decision {
    let mut decision = Decision::default();
    for rule in rules {
        if !way.is_in(rule.rule.direction) {
            continue;
        }
        match rule.rule.action {
            Action::Delay { fixed, jitter } => {
                let delay = fixed + jitter.mul_f64(unit(rule.roll()));
                decision.delays.push((Arc::clone(rule), delay));
            }
            Action::Duplicate { what, share } if frame.kind.is(what) => {
                let dice = rule.roll();
                if unit(dice) < share {
                    decision.duplicates.push((Arc::clone(rule), mix(dice)));
                }
            }
            Action::Cut | Action::Reset { .. } | Action::Duplicate { .. } => {}
        }
    }
    decision
}

/// The first rule that lets nothing pass this way.
pub(super) fn cut(rules: &[Arc<ActiveRule>], way: Way) -> Option<&Arc<ActiveRule>> {
    let cuts = |rule: &&Arc<ActiveRule>| rule.rule.action == Action::Cut && way.is_in(rule.rule.direction);
    rules.iter().find(cuts)
}

/// The first rule under which no new connection may live.
pub(super) fn refusal(rules: &[Arc<ActiveRule>]) -> Option<&Arc<ActiveRule>> {
    rules
        .iter()
        .find(|rule| rule.rule.action == Action::Reset { again: true })
}

/// A rule in force, with its counters.
#[derive(Debug)]
pub(super) struct ActiveRule {
    /// What it does.
    pub(super) rule: Rule,
    /// What it did.
    pub(super) counters: RuleCounters,
    met: AtomicU64,
}

impl ActiveRule {
    fn new(rule: Rule) -> Arc<ActiveRule> {
        Arc::new(ActiveRule {
            rule,
            counters: RuleCounters::default(),
            met: AtomicU64::new(0),
        })
    }

    pub(super) fn count_duplicate(&self) {
        self.counters.duplicated.fetch_add(1, Ordering::Relaxed);
    }

    /// The die for the next frame that this rule meets.
    fn roll(&self) -> u64 {
        let met = self.met.fetch_add(1, Ordering::Relaxed);
        mix(self.rule.seed ^ mix(met))
    }
}

/// The finalizer of SplitMix64: spreads a number over all 64 bits.
fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// A die as a number from 0 (included) to 1 (excluded).
fn unit(dice: u64) -> f64 {
    (dice >> 11) as f64 / (1u64 << 53) as f64
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
}

impl RuleStats {
    /// True when the rule was seen to do something.
    pub fn took_effect(&self) -> bool {
        self.delayed + self.held + self.duplicated + self.reset + self.refused + self.kept_waiting > 0
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
    use bytes::Bytes;

    use super::*;
    use crate::wire::core::FrameKind;

    fn frame(kind: FrameKind) -> Frame {
        Frame::plain(Bytes::new(), kind)
    }

    fn rule(action: Action) -> Arc<ActiveRule> {
        ActiveRule::new(Rule {
            direction: Direction::Request,
            action,
            seed: 7,
        })
    }

    #[test]
    fn delays_add_up_and_hold_one_way_only() {
        let fixed = |ms| {
            rule(Action::Delay {
                fixed: Duration::from_millis(ms),
                jitter: Duration::ZERO,
            })
        };
        let rules = [fixed(10), fixed(20)];
        let decision = decide(&rules, Way::Request, &frame(FrameKind::Bytes));
        assert_eq!(decision.delays.iter().map(|(_, d)| d.as_millis()).sum::<u128>(), 30);
        assert!(decide(&rules, Way::Reply, &frame(FrameKind::Bytes)).is_pass());
    }

    #[test]
    fn the_seed_decides_jitter_and_shares() {
        let jitter = Action::Delay {
            fixed: Duration::from_millis(5),
            jitter: Duration::from_millis(10),
        };
        let draw = |rule: Arc<ActiveRule>| -> Vec<Duration> {
            let rules = [rule];
            (0..50)
                .map(|_| decide(&rules, Way::Request, &frame(FrameKind::Bytes)).delays[0].1)
                .collect()
        };
        let first = draw(rule(jitter.clone()));
        assert_eq!(first, draw(rule(jitter)));
        assert!(first.iter().all(|d| (5.0..15.0).contains(&(d.as_secs_f64() * 1000.0))));
        assert!(first.iter().collect::<std::collections::BTreeSet<_>>().len() > 40);
    }

    #[test]
    fn a_share_of_the_named_frames_is_duplicated() {
        let share = |share| {
            let what = Duplicated::Send;
            let rules = [rule(Action::Duplicate { what, share })];
            let hit = |kind| !decide(&rules, Way::Request, &frame(kind)).duplicates.is_empty();
            assert!(!(0..100).any(|_| hit(FrameKind::Delivery)));
            (0..1000).filter(|_| hit(FrameKind::Send)).count()
        };
        assert_eq!(share(0.0), 0);
        assert_eq!(share(1.0), 1000);
        assert!((250..350).contains(&share(0.3)), "{}", share(0.3));
    }

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
