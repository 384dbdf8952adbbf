//! A lane: what is under way on one way of one connection, in order, and when it may go on.
//!
//! Frames enter with the decision about them and leave when their delay has passed and no cut holds them. Never:
//! reorders, or lets a frame out while a cut is in force (not even the rest of one that is half written).

use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use paytwice_checkers::history::Deed;
use tokio::time::Instant;

use super::active::ActiveRule;
use super::core::{Frame, FrameKind};

/// A lane takes no more from its source while it holds this much.
pub(super) const LANE_BYTES_MAX: usize = 1 << 20;

/// What a frame costs beyond its bytes, so that many tiny ones are bounded as well.
const FRAME_COST_BYTES: usize = 256;

/// What travels in a lane.
#[derive(Debug)]
pub(super) enum Load {
    /// A frame for the party at the end of the lane.
    Frame(Frame),
    /// A frame that is sent there on a connection of its own.
    Aside(Frame),
    /// The source has ended its side.
    Fin,
    /// The source has reset the connection.
    Reset,
}

impl Load {
    /// What it takes of the room of a lane.
    pub(super) fn cost(&self) -> usize {
        match self {
            Load::Frame(frame) | Load::Aside(frame) => frame.bytes.len() + FRAME_COST_BYTES,
            Load::Fin | Load::Reset => 0,
        }
    }
}

/// Counts a frame as held by a rule for as long as it lives.
#[derive(Debug)]
pub(super) struct Holding(Arc<ActiveRule>);

impl Holding {
    pub(super) fn new(rule: &Arc<ActiveRule>) -> Holding {
        rule.counters.holding.fetch_add(1, Ordering::Relaxed);
        Holding(Arc::clone(rule))
    }

    /// The rule that holds.
    pub(super) fn rule(&self) -> &ActiveRule {
        &self.0
    }

    /// Whether it is this rule that holds.
    pub(super) fn is_by(&self, rule: &Arc<ActiveRule>) -> bool {
        Arc::ptr_eq(&self.0, rule)
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.0.counters.holding.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Something under way.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) load: Load,
    arrived: Instant,
    due: Instant,
    delays: Vec<(Holding, Duration)>,
    /// By a cut of the whole way.
    held: Option<Holding>,
    /// By rules at its point.
    holds: Vec<Holding>,
    was_held: bool,
    /// Rules whose moment comes when the last byte of it is through.
    pub(super) after: Vec<Arc<ActiveRule>>,
    written: usize,
    /// Something of it may be on its way that is not counted as written.
    begun: bool,
}

/// What the rules want with something that enters a lane.
#[derive(Clone, Debug, Default)]
pub(super) struct Orders {
    /// Waits that add up.
    pub(super) delays: Vec<(Arc<ActiveRule>, Duration)>,
    /// Bounds of the rate, bytes per second.
    pub(super) throttles: Vec<(Arc<ActiveRule>, u64)>,
    /// Rules that hold it until they are lifted.
    pub(super) holds: Vec<Arc<ActiveRule>>,
    /// Rules whose moment comes when it is through.
    pub(super) after: Vec<Arc<ActiveRule>>,
}

impl Item {
    /// What the rules did to it on its way.
    pub(super) fn did(&self, now: Instant) -> Option<Deed> {
        let waited = now.saturating_duration_since(self.arrived).as_millis();
        let waited_ms = u64::try_from(waited).unwrap_or(u64::MAX);
        match (self.held.is_some() || self.was_held, self.delays.is_empty()) {
            (true, _) => Some(Deed::HeldMs(waited_ms)),
            (false, false) => Some(Deed::DelayedMs(waited_ms)),
            (false, true) => None,
        }
    }

    fn may_leave(&self, now: Instant) -> bool {
        self.due <= now && self.holds.is_empty()
    }

    fn bytes(&self) -> usize {
        match &self.load {
            Load::Frame(frame) | Load::Aside(frame) => frame.bytes.len(),
            Load::Fin | Load::Reset => 0,
        }
    }

    fn cost(&self) -> usize {
        self.load.cost()
    }
}

/// What the head of a lane asks for next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// Nothing may leave now.
    Nothing,
    /// Frames may be written.
    Frames,
    /// A frame may be sent aside.
    Aside,
    /// The end may be passed on.
    Fin,
    /// The reset may be passed on.
    Reset,
}

/// One way of one connection.
#[derive(Debug, Default)]
pub(super) struct Lane {
    queue: VecDeque<Item>,
    cost: usize,
    cut: Option<Arc<ActiveRule>>,
    /// When a rule that bounds the rate lets the next byte pass.
    free_at: Option<Instant>,
    /// Nothing more will come from the source.
    pub(super) source_ended: bool,
    /// Nothing more can be written to the destination.
    pub(super) destination_gone: bool,
    /// The end was passed on.
    pub(super) fin_passed: bool,
}

impl Lane {
    /// True while the source may be read.
    pub(super) fn has_room(&self) -> bool {
        self.cost < LANE_BYTES_MAX && !self.source_ended
    }

    /// True while nothing is under way, and something may still come.
    pub(super) fn is_at_rest(&self) -> bool {
        self.queue.is_empty() && !self.source_ended
    }

    /// True when nothing is under way but the end of the source.
    pub(super) fn holds_no_frame(&self) -> bool {
        self.cost == 0
    }

    /// Puts something at the end.
    pub(super) fn push(&mut self, load: Load, mut orders: Orders, now: Instant) {
        if let Load::Frame(frame) | Load::Aside(frame) = &load {
            for (rule, bytes_per_s) in orders.throttles {
                let takes = Duration::from_secs_f64(frame.bytes.len() as f64 / bytes_per_s.max(1) as f64);
                let free_at = self.free_at.map_or(now, |at| at.max(now)) + takes;
                self.free_at = Some(free_at);
                orders.delays.push((rule, free_at.saturating_duration_since(now)));
            }
            for (rule, _) in &orders.delays {
                rule.counters.delayed.fetch_add(1, Ordering::Relaxed);
            }
            for rule in &orders.holds {
                rule.counters.held.fetch_add(1, Ordering::Relaxed);
            }
        }
        let delays = orders.delays.iter();
        let mut item = Item {
            load,
            arrived: now,
            due: now,
            delays: delays.map(|(rule, delay)| (Holding::new(rule), *delay)).collect(),
            held: None,
            was_held: !orders.holds.is_empty(),
            holds: orders.holds.iter().map(Holding::new).collect(),
            after: orders.after,
            written: 0,
            begun: false,
        };
        item.due = due(&item).max(self.queue.back().map_or(now, |last| last.due));
        self.cost += item.cost();
        if let Some(rule) = &self.cut {
            hold(&mut item, rule);
        }
        self.queue.push_back(item);
    }

    /// The rules have changed: `cut` is the one that holds this lane now, `in_force` tells which delays still hold.
    pub(super) fn follow(&mut self, cut: Option<&Arc<ActiveRule>>, in_force: impl Fn(&Arc<ActiveRule>) -> bool) {
        self.cut = cut.cloned();
        let mut previous = None;
        for item in &mut self.queue {
            item.delays.retain(|(holding, _)| in_force(&holding.0));
            item.holds.retain(|holding| in_force(&holding.0));
            item.due = due(item).max(previous.unwrap_or(item.arrived));
            previous = Some(item.due);
            if let Some(rule) = cut {
                hold(item, rule);
            }
        }
    }

    /// What may leave now.
    pub(super) fn head(&self, now: Instant) -> Head {
        match self.queue.front() {
            Some(item) if self.cut.is_none() && item.may_leave(now) => match item.load {
                Load::Frame(_) => Head::Frames,
                Load::Aside(_) => Head::Aside,
                Load::Fin => Head::Fin,
                Load::Reset => Head::Reset,
            },
            _ => Head::Nothing,
        }
    }

    /// When the head may leave, where only time holds it.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        let head = self.queue.front().filter(|item| item.holds.is_empty());
        head.filter(|_| self.cut.is_none()).map(|item| item.due)
    }

    /// The bytes that may be written now, in order.
    pub(super) fn slices<'a>(&'a self, now: Instant, out: &mut [IoSlice<'a>]) -> usize {
        let ready = self.queue.iter().take_while(|item| item.may_leave(now));
        let mut count = 0;
        for (slot, item) in out.iter_mut().zip(ready) {
            let Load::Frame(frame) = &item.load else { break };
            *slot = IoSlice::new(&frame.bytes[item.written..]);
            count += 1;
            // What is to happen right after a frame happens before the next one leaves.
            if !item.after.is_empty() || frame.kind == FrameKind::StartTls {
                break;
            }
        }
        count
    }

    /// So many bytes were written. How many frames at the head are through now, and are to be taken.
    pub(super) fn advance(&mut self, mut written: usize) -> usize {
        let mut through = 0;
        for item in &mut self.queue {
            let Load::Frame(frame) = &item.load else { break };
            let left = frame.bytes.len() - item.written;
            item.written += left.min(written);
            if written < left {
                break;
            }
            through += 1;
            written -= left;
            if written == 0 {
                break;
            }
        }
        through
    }

    /// Something of the head may be on its way that [`Lane::advance`] was not told of: it is not taken back any more.
    pub(super) fn begin(&mut self) {
        if let Some(item) = self.queue.front_mut() {
            item.begun = true;
        }
    }

    /// Takes the head.
    pub(super) fn pop(&mut self) -> Option<Item> {
        let item = self.queue.pop_front()?;
        self.cost -= item.cost();
        Some(item)
    }

    /// Gives back what was taken and stays under way.
    pub(super) fn put_back(&mut self, items: Vec<Item>) {
        self.cost += items.iter().map(Item::cost).sum::<usize>();
        self.queue.extend(items);
    }

    /// Takes what a cut holds: its source was reset, and a kernel does not send again after that.
    pub(super) fn take_held(&mut self) -> Vec<Item> {
        let (held, rest) = self
            .queue
            .drain(..)
            .partition(|item| (item.held.is_some() || !item.holds.is_empty()) && item.written == 0 && !item.begun);
        self.queue = rest;
        self.cost = self.queue.iter().map(Item::cost).sum();
        Vec::from(held)
    }
}

fn due(item: &Item) -> Instant {
    item.arrived + item.delays.iter().map(|(_, delay)| *delay).sum::<Duration>()
}

fn hold(item: &mut Item, rule: &Arc<ActiveRule>) {
    if item.held.as_ref().is_some_and(|holding| Arc::ptr_eq(&holding.0, rule)) {
        return;
    }
    if let Load::Frame(_) | Load::Aside(_) = item.load {
        let left = item.bytes() - item.written;
        rule.counters.held.fetch_add(1, Ordering::Relaxed);
        rule.counters.held_bytes.fetch_add(left as u64, Ordering::Relaxed);
        item.held = Some(Holding::new(rule));
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::wire::Direction;
    use crate::wire::active::RuleSet;
    use crate::wire::core::FrameKind;
    use crate::wire::rule::{Action, Rule};

    fn delayed(rule: &Arc<ActiveRule>, ms: u64) -> Orders {
        Orders {
            delays: vec![(Arc::clone(rule), Duration::from_millis(ms))],
            ..Orders::default()
        }
    }

    fn load(text: &'static [u8]) -> Load {
        Load::Frame(Frame::plain(Bytes::from_static(text), FrameKind::Bytes))
    }

    fn rule(action: Action) -> Arc<ActiveRule> {
        RuleSet::default().add(Rule {
            at: None,
            direction: Direction::Both,
            action,
            seed: 0,
        })
    }

    fn ready(lane: &Lane, now: Instant) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); 8];
        let count = lane.slices(now, &mut slices);
        slices[..count].iter().flat_map(|slice| slice.to_vec()).collect()
    }

    #[test]
    fn a_short_delay_does_not_overtake_a_long_one() {
        let (now, mut lane, rule) = (Instant::now(), Lane::default(), rule(Action::Cut));
        let ms = Duration::from_millis;
        lane.push(load(b"slow"), delayed(&rule, 50), now);
        lane.push(load(b"fast"), delayed(&rule, 10), now);
        lane.push(Load::Fin, Orders::default(), now);
        assert_eq!(
            (lane.head(now + ms(49)), lane.wakes_at()),
            (Head::Nothing, Some(now + ms(50)))
        );
        assert_eq!(ready(&lane, now + ms(50)), b"slowfast");
        lane.follow(None, |_| false);
        assert_eq!(ready(&lane, now), b"slowfast", "delays that are lifted hold nothing");
        assert_eq!(rule.counters.read().holding, 0);
    }

    #[test]
    fn a_cut_holds_even_the_rest_of_a_frame() {
        let (now, mut lane, cut) = (Instant::now(), Lane::default(), rule(Action::Cut));
        lane.push(load(b"abcdef"), Orders::default(), now);
        assert_eq!(lane.advance(2), 0, "not through yet");
        lane.follow(Some(&cut), |_| true);
        lane.push(load(b"gh"), Orders::default(), now);
        assert_eq!(lane.head(now), Head::Nothing);
        let stats = cut.counters.read();
        assert_eq!((stats.held, stats.held_bytes, stats.holding), (2, 6, 2));
        assert_eq!(lane.take_held().len(), 1, "what has begun is not taken back");
        lane.follow(None, |_| true);
        assert_eq!(ready(&lane, now), b"cdef");
        assert_eq!(lane.advance(4), 1);
        drop(lane.pop());
        assert_eq!((lane.holds_no_frame(), cut.counters.read().holding), (true, 0));
    }

    #[test]
    fn many_tiny_frames_are_bounded_too() {
        let (now, mut lane) = (Instant::now(), Lane::default());
        let count = (0..).take_while(|_| {
            lane.push(load(b"x"), Orders::default(), now);
            lane.has_room()
        });
        assert!(count.count() < 5000);
    }
}
