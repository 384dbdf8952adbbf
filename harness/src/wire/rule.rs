//! Rules: what a link is told to do, and the decision about one frame.
//!
//! A rule is in force from [`super::Link::install`] until its guard is dropped. It holds for a whole link, or for the
//! frames of one named point. Several at once add up: delays sum, any cut holds, each duplicate rule makes its own
//! copies. Never: draws from anything but the rule's seed.

use std::sync::Arc;
use std::time::Duration;

use super::active::ActiveRule;
use super::between::Between;
use super::core::{Again, Frame, Way};
use super::gate::Gate;
use super::{Direction, Duplicated, Moment, Redelivery, Refusal};

/// What a link is told to do.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The frames it is about; None: every frame of its direction.
    pub at: Option<At>,
    /// Which way it holds, where it holds for a whole way.
    pub direction: Direction,
    /// What is done.
    pub action: Action,
    /// Decides jitter and shares, frame by frame.
    pub seed: u64,
}

impl Rule {
    /// Whether it must see a message whole, to know it or to send it again.
    pub(super) fn needs_whole_messages(&self) -> bool {
        self.at.is_some() || matches!(self.action, Action::Duplicate { .. })
    }
}

/// Frames of a named point.
#[derive(Clone, Debug)]
pub struct At {
    /// Name of the point, with its way: `COMMIT reply`.
    pub point: String,
    /// Only the n-th such frame, from 1; every one when absent.
    pub nth: Option<u64>,
    /// Only frames on which any key has this value; `*`: any value.
    pub key: Option<String>,
    /// Share of them, 0 to 1, drawn from the rule's seed.
    pub share: f64,
    /// Only the one frame with which enough values of a key are between this point and another; instead of `nth`, `key`
    /// and `share`.
    pub between: Option<Arc<Between>>,
}

impl At {
    /// Every frame of a point.
    pub fn point(point: impl Into<String>) -> At {
        At {
            point: point.into(),
            nth: None,
            key: None,
            share: 1.0,
            between: None,
        }
    }

    /// The values that a frame carries at this point, each with the name of its key.
    pub(super) fn keys<'a>(&self, frame: &'a Frame) -> impl Iterator<Item = (&'a str, &'a str)> {
        let points = frame.points.iter().filter(|point| point.label.name == self.point);
        points.flat_map(|point| point.label.keys.iter())
    }

    /// Whether it is about this frame, apart from its number and its share.
    pub(super) fn names(&self, frame: &Frame) -> bool {
        self.first_in(frame).is_some()
    }

    /// The first point of a frame that it is about.
    fn first_in(&self, frame: &Frame) -> Option<usize> {
        frame.points.iter().position(|point| {
            point.label.name == self.point
                && match self.key.as_deref() {
                    None => true,
                    Some("*") => !point.label.keys.is_empty(),
                    Some(value) => point.label.keys.has_value(value),
                }
        })
    }
}

/// What a rule does. Those that are marked so need a point.
#[derive(Clone, Debug)]
pub enum Action {
    /// Every frame arrives later, in order; frames under way at the same time wait at the same time.
    Delay {
        /// Fixed part.
        fixed: Duration,
        /// Random part, 0 to this, drawn per frame.
        jitter: Duration,
    },
    /// A black hole. What is under way arrives after healing, as TCP retransmits it after a partition. At a point:
    /// the whole link is cut from this frame on.
    Cut,
    /// Every connection is reset at once; with `again`, new ones too while the rule is in force.
    Reset {
        /// Whether new connections are reset as well.
        again: bool,
    },
    /// Some frames arrive again.
    Duplicate {
        /// Which frames; at a point: None.
        what: Option<Duplicated>,
        /// Share of them, 0 to 1.
        share: f64,
        /// How often again; a delivery comes twice, whatever it says.
        copies: u32,
        /// Time between two arrivals. What comes behind the frame does not wait for its copies.
        after: Duration,
    },
    /// At a point: a message that the frame brings is delivered again, where its protocol can.
    Redeliver(Redelivery),
    /// Frames pass no faster than this.
    Throttle {
        /// Bytes per second, for each connection and way.
        bytes_per_s: u64,
    },
    /// At a point: the frame never arrives, and its connection stays as it is.
    Drop,
    /// At a point: the frame, and what comes behind it on its connection, waits until the rule is lifted.
    Hold,
    /// At a point: the frame's connection is reset.
    Sever(Moment),
    /// At a point: the frame does not arrive; what the client still waits for on its connection is answered with an
    /// error, where its protocol can, then the connection ends.
    FailAndClose,
    /// At a point: the frame goes behind the next ones on its way.
    Reorder {
        /// How many overtake it.
        behind: u32,
    },
    /// At a point: the request is answered with an error and not passed on, where its protocol can.
    Refuse(Refusal),
    /// At a point: one byte is changed. No network that is used rightly does that.
    Corrupt {
        /// Which byte, from the end of the frame.
        from_end: usize,
    },
    /// At a point, once: shuts the gate of a party.
    Shut(Arc<Gate>, Moment),
    /// At a point: the keys of its frame are no longer between that rule's points.
    Leave(Arc<Between>),
    /// At a point: nothing; whoever waits for it is told.
    Watch(Moment),
}

/// What the rules in force say about one frame.
#[derive(Clone, Debug, Default)]
pub(super) struct Decision {
    /// Delays, each with the rule that asks for it.
    pub(super) delays: Vec<(Arc<ActiveRule>, Duration)>,
    /// What is to arrive again, each with the rule that asks for it.
    pub(super) duplicates: Vec<(Arc<ActiveRule>, Again)>,
    /// Bounds of the rate.
    pub(super) throttles: Vec<(Arc<ActiveRule>, u64)>,
    /// Everything else that is done at this very frame, in the order of the rules.
    pub(super) orders: Vec<Arc<ActiveRule>>,
}

impl Decision {
    /// True when the frame just passes.
    #[cfg(test)]
    fn is_pass(&self) -> bool {
        self.delays.is_empty() && self.duplicates.is_empty() && self.orders.is_empty()
    }
}

/// Decides about one frame. Depends on nothing but the rules, the frame and how many frames each rule has met.
pub(super) fn decide(rules: &[Arc<ActiveRule>], way: Way, frame: &Frame) -> Decision {
    let mut decision = Decision::default();
    for rule in rules {
        let meant = match &rule.rule.at {
            Some(at) => at.names(frame) && rule.is_chosen(at, frame),
            None => way.is_in(rule.rule.direction),
        };
        if !meant {
            continue;
        }
        match rule.rule.action {
            // Before anything is done to the frame: other rules may end it here.
            Action::Leave(ref between) => {
                if let Some(at) = &rule.rule.at {
                    between.leave(at.keys(frame));
                }
            }
            Action::Delay { fixed, jitter } => {
                let delay = fixed + jitter.mul_f64(unit(rule.roll()));
                decision.delays.push((Arc::clone(rule), delay));
            }
            Action::Duplicate {
                what,
                share,
                copies,
                after,
            } if what.is_none_or(|what| frame.kind.is(what)) => {
                let dice = rule.roll();
                if unit(dice) < share {
                    let again = Again {
                        dice: mix(dice),
                        copies,
                        after,
                        how: None,
                        point: rule.rule.at.as_ref().and_then(|at| at.first_in(frame)),
                    };
                    decision.duplicates.push((Arc::clone(rule), again));
                }
            }
            Action::Redeliver(how) => {
                let again = Again {
                    dice: 0,
                    copies: 1,
                    after: Duration::ZERO,
                    how: Some(how),
                    point: rule.rule.at.as_ref().and_then(|at| at.first_in(frame)),
                };
                decision.duplicates.push((Arc::clone(rule), again));
            }
            Action::Throttle { bytes_per_s } => decision.throttles.push((Arc::clone(rule), bytes_per_s)),
            _ if rule.rule.at.is_some() => decision.orders.push(Arc::clone(rule)),
            _ => {}
        }
    }
    decision
}

/// The first rule that lets nothing pass this way.
pub(super) fn cut(rules: &[Arc<ActiveRule>], way: Way) -> Option<&Arc<ActiveRule>> {
    rules
        .iter()
        .find(|rule| matches!(rule.rule.action, Action::Cut) && rule.is_engaged() && way.is_in(rule.rule.direction))
}

/// The first rule under which no new connection may live.
pub(super) fn refusal(rules: &[Arc<ActiveRule>]) -> Option<&Arc<ActiveRule>> {
    let refuses = |rule: &&Arc<ActiveRule>| matches!(rule.rule.action, Action::Reset { again: true });
    rules.iter().find(refuses)
}

/// The finalizer of SplitMix64: spreads a number over all 64 bits.
pub(super) fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// A die as a number from 0 (included) to 1 (excluded).
pub(super) fn unit(dice: u64) -> f64 {
    (dice >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::wire::core::{FrameKind, Label};
    use crate::wire::keys::Keys;

    fn frame(kind: FrameKind) -> Frame {
        Frame::plain(Bytes::new(), kind)
    }

    fn rule(action: Action) -> Arc<ActiveRule> {
        ActiveRule::new(Rule {
            at: None,
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
            let what = Some(Duplicated::Send);
            let rules = [rule(Action::Duplicate {
                what,
                share,
                copies: 1,
                after: Duration::ZERO,
            })];
            let hit = |kind| !decide(&rules, Way::Request, &frame(kind)).duplicates.is_empty();
            assert!(!(0..100).any(|_| hit(FrameKind::Delivery)));
            (0..1000).filter(|_| hit(FrameKind::Send)).count()
        };
        assert_eq!(share(0.0), 0);
        assert_eq!(share(1.0), 1000);
        assert!((250..350).contains(&share(0.3)), "{}", share(0.3));
    }

    #[test]
    fn a_point_is_met_by_name_number_and_key() {
        let met = |at: At| -> Vec<usize> {
            let rule = ActiveRule::new(Rule {
                at: Some(at),
                direction: Direction::Both,
                action: Action::Drop,
                seed: 7,
            });
            let rules = [rule];
            let frames = [
                ("COMMIT reply", "tx=t1"),
                ("COMMIT request", "tx=t1"),
                ("COMMIT reply", "order=t2 tx=t9"),
                ("COMMIT reply", ""),
            ];
            let meets = |(name, tx): (&str, &str)| {
                let label = Label::plain(name, Keys::of(tx));
                let frame = Frame::named(Bytes::new(), FrameKind::Plain, label);
                !decide(&rules, Way::Reply, &frame).orders.is_empty()
            };
            (0..frames.len()).filter(|i| meets(frames[*i])).collect()
        };
        let at = At::point("COMMIT reply");
        assert_eq!(met(at.clone()), [0, 2, 3]);
        assert_eq!(
            met(At {
                nth: Some(2),
                ..at.clone()
            }),
            [2]
        );
        assert_eq!(
            met(At {
                key: Some("*".to_owned()),
                ..at.clone()
            }),
            [0, 2]
        );
        assert_eq!(
            met(At {
                key: Some("t2".to_owned()),
                nth: Some(1),
                ..at.clone()
            }),
            [2]
        );
        assert!(met(At { share: 0.0, ..at }).is_empty());
    }
}
