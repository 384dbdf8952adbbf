//! What rules do to the frames of a connection: the decision about each frame as it comes, what happens at its point,
//! and what happens right after it is through.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::BytesMut;
use paytwice_checkers::history::Deed;
use tokio::time::Instant;

use super::late::Late;
use super::{Connection, End};
use crate::wire::Moment;
use crate::wire::active::{ActiveRule, Fired};
use crate::wire::core::{Copied, Frame, FrameKind, Refused, Way};
use crate::wire::lane::{Item, Load, Orders};
use crate::wire::rule::{Action, Decision, decide};

impl Connection {
    /// Decision, frames out.
    pub(super) fn take_frame(&mut self, way: Way, frame: Frame, now: Instant) {
        self.shared.count_frame();
        if self.failing && way == Way::Request {
            return self.record(frame, [Deed::Failed]);
        }
        if !frame.forward {
            self.record(frame, []);
            return;
        }
        if self.rules.is_empty() && self.overtaken.is_empty() {
            return self.push(way, Load::Frame(frame), Orders::default(), now);
        }
        let mut decision = decide(&self.rules, way, &frame);
        let mut orders = Orders {
            delays: std::mem::take(&mut decision.delays),
            throttles: std::mem::take(&mut decision.throttles),
            ..Orders::default()
        };
        let Some(frame) = self.obey(way, frame, &decision.orders, &mut orders) else {
            return;
        };
        let (frame, copies) = self.duplicate(way, frame, &decision, now);
        let for_copies = Orders {
            after: Vec::new(),
            ..orders.clone()
        };
        self.push(way, Load::Frame(frame), orders, now);
        for copy in copies {
            self.push(way, copy, for_copies.clone(), now);
        }
        self.overtaken(way, now);
    }

    /// Does what the rules at a frame's point say. The frame, unless it ends here.
    fn obey(&mut self, way: Way, mut frame: Frame, rules: &[Arc<ActiveRule>], orders: &mut Orders) -> Option<Frame> {
        for rule in rules {
            match &rule.rule.action {
                Action::Drop => {
                    rule.counters.dropped.fetch_add(1, Ordering::Relaxed);
                    self.fire(rule, &frame);
                    self.record(frame, [Deed::Dropped]);
                    return None;
                }
                Action::Hold => {
                    self.fire(rule, &frame);
                    orders.holds.push(Arc::clone(rule));
                }
                Action::Sever(Moment::Before) => {
                    self.fire(rule, &frame);
                    self.sever(rule, End::Reset);
                    self.record(frame, [Deed::Reset]);
                    return None;
                }
                Action::FailAndClose => {
                    if let Some(answers) = self.session.fail_all(way, &frame) {
                        rule.counters.reset.fetch_add(1, Ordering::Relaxed);
                        rule.counters
                            .answered
                            .fetch_add(answers.len() as u64, Ordering::Relaxed);
                        self.fire(rule, &frame);
                        self.record(frame, [Deed::Failed]);
                        for answer in answers {
                            self.push(Way::Reply, Load::Frame(answer), Orders::default(), Instant::now());
                        }
                        self.failing = true;
                        return None;
                    }
                }
                Action::Shut(gate, Moment::Before) if rule.engage() => {
                    gate.shut();
                    self.fire(rule, &frame);
                    frame = frame.did(Deed::StoppedBefore);
                }
                Action::Shut(gate, Moment::After) if !rule.is_engaged() => {
                    gate.shut_behind(&self.handle, way);
                    orders.after.push(Arc::clone(rule));
                    frame = frame.did(Deed::StoppedAfter);
                }
                Action::Sever(Moment::After) | Action::Watch(Moment::After) => orders.after.push(Arc::clone(rule)),
                Action::Watch(Moment::Before) => {
                    self.fire(rule, &frame);
                }
                Action::Cut if rule.engage() => {
                    self.fire(rule, &frame);
                    self.shared.rules.touch();
                    self.shared.wake();
                    self.follow_rules();
                }
                Action::Reorder { behind } => {
                    self.fire(rule, &frame);
                    rule.counters.reordered.fetch_add(1, Ordering::Relaxed);
                    let frame = frame.did(Deed::Overtaken(*behind));
                    self.overtaken.push((way, *behind, frame));
                    return None;
                }
                Action::Refuse(refusal) => {
                    if let Some(Refused { answer, instead }) = self.session.refuse(&frame, *refusal) {
                        rule.counters.answered.fetch_add(1, Ordering::Relaxed);
                        self.fire(rule, &frame);
                        self.record(frame, [Deed::NotPassedOn]);
                        self.push(way.back(), Load::Frame(answer), Orders::default(), Instant::now());
                        return instead;
                    }
                }
                Action::Corrupt { from_end } => {
                    self.fire(rule, &frame);
                    rule.counters.corrupted.fetch_add(1, Ordering::Relaxed);
                    frame = corrupted(frame, *from_end);
                }
                _ => {}
            }
        }
        Some(frame)
    }

    /// Tells who waits for a rule that it has met its frame.
    pub(super) fn fire(&self, rule: &ActiveRule, frame: &Frame) {
        rule.fire(|| Fired {
            on: format!("{} connection {}", self.shared.name(), self.number),
            points: names(frame),
            keys: values(frame),
        });
    }

    fn sever(&mut self, rule: &ActiveRule, how: End) {
        rule.counters.reset.fetch_add(1, Ordering::Relaxed);
        self.over = Some(how);
    }

    /// One more frame has gone by; those that it was the last to overtake follow it.
    pub(super) fn overtaken(&mut self, way: Way, now: Instant) {
        let mut waiting = std::mem::take(&mut self.overtaken);
        for (of, left, _) in &mut waiting {
            if *of == way {
                *left = left.saturating_sub(1);
            }
        }
        let (follow, wait): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|(_, left, _)| *left == 0);
        self.overtaken = wait;
        for (way, _, frame) in follow {
            self.push(way, Load::Frame(frame), Orders::default(), now);
        }
    }

    /// The frame, and what goes right behind it because a rule duplicates it. Copies that come later wait aside.
    fn duplicate(&mut self, way: Way, mut frame: Frame, decision: &Decision, now: Instant) -> (Frame, Vec<Load>) {
        let mut copies = Vec::new();
        for (rule, again) in &decision.duplicates {
            let original = frame.clone();
            for n in 1..=again.copies {
                let (changed, copy) = match self.session.duplicate(way, original.clone(), again) {
                    Copied::No => break,
                    Copied::Whole(frame) => (frame, None),
                    Copied::Behind(frame, copy) => (frame, Some(Load::Frame(copy))),
                    Copied::Aside(frame, copy) => (frame, Some(Load::Aside(copy))),
                };
                if n == 1 {
                    frame = changed;
                }
                match copy {
                    // It counts once it has set out: until then its connection may end.
                    Some(load) if !again.after.is_zero() => {
                        self.late
                            .push(Late::new(rule, way, load, now + again.after * n, n == 1));
                        continue;
                    }
                    Some(load) => copies.push(load),
                    None => {
                        rule.count_duplicate();
                        break;
                    }
                }
                if n == 1 {
                    rule.count_duplicate();
                }
            }
        }
        (frame, copies)
    }

    /// The connection fails: what is in front of its end reaches the client, nothing more reaches the server.
    pub(super) fn close_failed(&mut self, now: Instant) {
        self.lose_destination(Way::Request, now);
        self.push(Way::Reply, Load::Fin, Orders::default(), now);
        for lane in &mut self.lanes {
            lane.source_ended = true;
        }
    }

    /// A frame is through: what was to happen right after it happens now. Whoever waits for it hears of it last, so that
    /// the history tells of the frame before it tells of what the frame brought about.
    pub(super) fn passed(&mut self, way: Way, item: Item, now: Instant) {
        let did = item.did(now);
        let Load::Frame(frame) = item.load else { return };
        for rule in &item.after {
            match &rule.rule.action {
                // Other frames of its point may have been taken in before it had met one.
                Action::Shut(gate, _) if rule.engage() => gate.shut(),
                Action::Sever(_) => self.sever(rule, End::ResetBehind(way)),
                _ => {}
            }
        }
        self.shared.count_bytes(frame.bytes.len());
        if frame.kind == FrameKind::StartTls {
            self.start_tls_upstream();
        }
        if let Some(point) = frame.points.first() {
            let name = || format!("{} {}", self.shared.name(), point.label.name);
            self.handle.parties.passed(way, name);
        }
        if item.after.is_empty() {
            return self.record(frame, did);
        }
        self.record(frame.clone(), did);
        for rule in &item.after {
            self.fire(rule, &frame);
        }
    }
}

/// The names of a frame, each once.
fn names(frame: &Frame) -> String {
    let mut names: Vec<&str> = Vec::new();
    for point in &frame.points {
        if !names.contains(&point.label.name.as_str()) {
            names.push(&point.label.name);
        }
    }
    names.join(", ")
}

/// The values of a frame's keys, each once.
fn values(frame: &Frame) -> Vec<String> {
    let mut values: Vec<String> = Vec::new();
    for (_, value) in frame.points.iter().flat_map(|point| point.label.keys.iter()) {
        if !values.iter().any(|known| known == value) {
            values.push(value.to_owned());
        }
    }
    values
}

/// A frame with one byte changed.
fn corrupted(mut frame: Frame, from_end: usize) -> Frame {
    let mut bytes = BytesMut::from(&frame.bytes[..]);
    if let Some(at) = bytes.len().checked_sub(from_end + 1) {
        bytes[at] ^= 0x55;
    }
    frame.bytes = bytes.freeze();
    frame.did(Deed::Corrupted)
}
