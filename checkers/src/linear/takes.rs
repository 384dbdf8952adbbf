//! First-in first-out queues whose values may be enqueued more than once: a search for the order of dequeues alone.
//!
//! Enqueues are not ordered at all. A value is in the queue from the call of its enqueue; it can be taken as long as
//! every value whose enqueue returned before its own was called has been taken: then, and only then, some order of the
//! enqueues has it in front. So a configuration is what was taken, and which of the dequeues that are under way took
//! place already, however many orders of the enqueues lead there. A dequeue takes place only when something has to
//! (Lowe, Testing for linearizability, 2017: just in time): at its own return, before that of another one, or before an
//! enqueue returns that would keep it from finding nothing. Of equal values that can be taken, the one whose enqueue
//! returns first stands in the most ways, and is taken.
//!
//! Info: an enqueue of unknown outcome never returned; its value stands in nobody's way. A dequeue of unknown outcome
//! may remove one value at any time after its call: it does so when that lets another dequeue take place. Configurations
//! count how many may; nothing says which.
//!
//! Exponential in the number of dequeues that overlap, at worst.

use std::collections::HashMap;

use super::budget::{Budget, Meter};
use super::check::impossible;
use super::fifo::{Act, Entry, FifoHistory};
use super::map::OPEN;
use super::report::Trouble;
use crate::words::plural;

/// How many configurations, and values of each, a sentence shows.
const SHOWN_MAX: usize = 4;

/// How many operations a witness names.
const WITNESS_OPS_MAX: usize = 64;

/// What is in the queue, and which dequeues under way have taken place: entries by number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Config {
    /// Enqueues, in order of call.
    there: Vec<u32>,
    /// Dequeues, ascending.
    placed: Vec<u32>,
}

/// A configuration, and how many dequeues of unknown outcome are left in it.
type Reached = (Config, u32);

/// Judges a history by the search; None where it has an order.
pub(crate) fn judge(history: &FifoHistory, budget: Budget<'_>) -> Option<Trouble> {
    let mut takes = Takes {
        entries: &history.entries,
        pending: Vec::new(),
        settled: vec![false; history.entries.len()],
        meter: Meter::new(budget),
        tried: 0,
    };
    let mut frontier = vec![(Config::default(), 0)];
    for event in events(&history.entries) {
        match takes.step(&mut frontier, event) {
            Ok(None) => {}
            Ok(Some(next)) if next.is_empty() => return Some(takes.tell(history, &frontier, event.at)),
            Ok(Some(next)) => frontier = next,
            Err(why) => return Some(Trouble::Unknown(why)),
        }
    }
    None
}

/// A call or a return.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    position: u32,
    returns: bool,
    at: u32,
}

/// Calls and returns in order; calls first where they share a position, as operations that do are concurrent. Enqueues of
/// unknown outcome whose value nobody can have taken are left out.
fn events(entries: &[Entry]) -> Vec<Event> {
    let any = entries
        .iter()
        .any(|entry| entry.act == Act::Unseen && entry.ret != OPEN);
    let mut taken: Vec<u32> = entries
        .iter()
        .filter(|entry| entry.act == Act::Dequeue && entry.ret != OPEN)
        .map(|entry| entry.value)
        .collect();
    taken.sort_unstable();
    let matters = |entry: &Entry| match entry.act {
        Act::Nothing => false,
        Act::Enqueue => entry.ret != OPEN || any || taken.binary_search(&entry.value).is_ok(),
        Act::Dequeue | Act::Empty | Act::Unseen => true,
    };
    let mut events = Vec::with_capacity(2 * entries.len());
    for (at, entry) in (0..).zip(entries).filter(|(_, entry)| matters(entry)) {
        events.push(Event {
            position: entry.call,
            returns: false,
            at,
        });
        if entry.ret != OPEN {
            events.push(Event {
                position: entry.ret,
                returns: true,
                at,
            });
        }
    }
    events.sort_unstable();
    events
}

struct Takes<'a, 'b> {
    entries: &'a [Entry],
    /// Dequeues under way that have to return, in order of return.
    pending: Vec<u32>,
    /// Whether an enqueue has returned.
    settled: Vec<bool>,
    meter: Meter<'b>,
    /// Configurations tried.
    tried: u64,
}

impl Takes<'_, '_> {
    /// Takes in an event: changes what was reached, or returns what is reached now. The error says why it gave up.
    fn step(&mut self, frontier: &mut [Reached], event: Event) -> Result<Option<Vec<Reached>>, String> {
        let Event { at, returns, .. } = event;
        let entry = self.entries[at as usize];
        match (entry.act, returns) {
            (Act::Enqueue, false) => frontier.iter_mut().for_each(|(config, _)| config.there.push(at)),
            (Act::Enqueue, true) => {
                let may_find_nothing = |at: &u32| matches!(self.entries[*at as usize].act, Act::Empty | Act::Unseen);
                let waits = self.pending.iter().any(may_find_nothing);
                let next = waits.then(|| self.reach(frontier, None)).transpose();
                self.settled[at as usize] = true;
                return next;
            }
            (_, false) if entry.ret == OPEN => frontier.iter_mut().for_each(|(_, left)| *left += 1),
            (_, false) => {
                let by_return = |at: u32| (self.entries[at as usize].ret, at);
                let place = self.pending.partition_point(|other| by_return(*other) < by_return(at));
                self.pending.insert(place, at);
            }
            (_, true) => {
                let mut next = self.reach(frontier, Some(at))?;
                self.pending.retain(|other| *other != at);
                next.iter_mut()
                    .for_each(|(config, _)| config.placed.retain(|other| *other != at));
                return Ok(Some(next));
            }
        }
        Ok(None)
    }

    /// What can be reached by letting dequeues under way take place: until `until` has, or as many as can.
    fn reach(&mut self, frontier: &[Reached], until: Option<u32>) -> Result<Vec<Reached>, String> {
        let mut seen: HashMap<Config, u32> = HashMap::new();
        let mut reached: HashMap<Config, u32> = HashMap::new();
        let mut bytes = 0;
        let mut open: Vec<Reached> = frontier.to_vec();
        while let Some((config, left)) = open.pop() {
            let done = until.is_some_and(|until| config.placed.contains(&until));
            let known = if done { &mut reached } else { &mut seen };
            if known.get(&config).is_some_and(|most| *most >= left) {
                continue;
            }
            self.tried += 1;
            bytes += size_of::<Reached>() + size_of::<u32>() * (config.there.len() + config.placed.len());
            if let Some(why) = self.meter.exhausted(bytes, || bytes) {
                return Err(why);
            }
            if !done {
                self.follow(&config, left, &mut open);
            }
            known.insert(config, left);
        }
        let mut reached: Vec<Reached> = if until.is_some() { reached } else { seen }.into_iter().collect();
        reached.sort_unstable();
        Ok(reached)
    }

    /// Every configuration that one more dequeue leads to. Of those that would do the same, the first to return goes first.
    fn follow(&mut self, config: &Config, left: u32, open: &mut Vec<Reached>) {
        for (nth, at) in self.pending.iter().enumerate() {
            let same = |other: &u32| {
                let [a, b] = [*at, *other].map(|at| self.entries[at as usize]);
                a.act == b.act && a.value == b.value
            };
            let waits = |other: &u32| !config.placed.contains(other);
            if !waits(at) || self.pending[..nth].iter().any(|other| waits(other) && same(other)) {
                continue;
            }
            self.meter.spend(1 + config.there.len() as u64 / 64);
            let Entry { act, value, .. } = self.entries[*at as usize];
            let from = open.len();
            match act {
                Act::Dequeue => self.takings(config, left, Some(value), open),
                Act::Empty => self.nothing(config, left, open),
                _ => {
                    self.takings(config, left, None, open);
                    self.nothing(config, left, open);
                }
            }
            for (next, _) in &mut open[from..] {
                let place = next.placed.partition_point(|other| other < at);
                next.placed.insert(place, *at);
            }
        }
    }

    /// A dequeue takes this value, or any.
    fn takings(&self, config: &Config, left: u32, value: Option<u32>, open: &mut Vec<Reached>) {
        let ret = |at: &u32| self.entries[*at as usize].ret;
        // Place among those that are there, how many have to go first, and the return.
        let mut takeable: Vec<(usize, u32, u32)> = Vec::new();
        for (nth, at) in config.there.iter().enumerate() {
            let entry = self.entries[*at as usize];
            let before = config.there[..nth].iter().filter(|other| ret(other) < entry.call);
            let before = before.count() as u32;
            if before > left {
                break;
            }
            if value.is_none() {
                takeable.push((nth, before, entry.ret));
            } else if value == Some(entry.value) && takeable.last().is_none_or(|(.., best)| entry.ret < *best) {
                // It stands in more ways than the others, and takes no more dequeues than the last.
                takeable.pop_if(|(_, same, _)| *same == before);
                takeable.push((nth, before, entry.ret));
            }
        }
        for (nth, before, _) in takeable {
            let call = self.entries[config.there[nth] as usize].call;
            let mut next = config.clone();
            let mut at_of = 0..;
            next.there
                .retain(|at| at_of.next() != Some(nth) && !(*at != config.there[nth] && ret(at) < call));
            open.push((next, left - before));
        }
    }

    /// A dequeue finds nothing: what is there goes first, except enqueues that have not returned.
    fn nothing(&self, config: &Config, left: u32, open: &mut Vec<Reached>) {
        let settled = |at: &&u32| self.settled[**at as usize];
        let before = config.there.iter().filter(settled).count() as u32;
        if before <= left {
            let mut next = config.clone();
            next.there.retain(|at| !settled(&at));
            open.push((next, left - before));
        }
    }

    /// The dequeue at `at` cannot be explained.
    fn tell(&self, history: &FifoHistory, frontier: &[Reached], at: u32) -> Trouble {
        let entry = self.entries[at as usize];
        let words = match entry.act {
            Act::Dequeue => format!("dequeue -> {}", history.values.name(entry.value)),
            Act::Empty => "dequeue -> nothing".to_owned(),
            _ => "dequeue".to_owned(),
        };
        let list = |config: &Config| {
            let shown = config.there.iter().take(SHOWN_MAX);
            let shown = shown.map(|at| history.values.name(self.entries[*at as usize].value).to_string());
            let more = if config.there.len() > SHOWN_MAX { ", ..." } else { "" };
            format!("[{}{more}]", shown.collect::<Vec<_>>().join(", "))
        };
        let mut held: Vec<String> = frontier.iter().map(|(config, _)| list(config)).collect();
        held.sort_unstable();
        held.dedup();
        held.truncate(SHOWN_MAX);
        let sentence = format!(
            "\"{words}\" ({} to {}) has no place: of what was enqueued by then, what overlaps it finds {}. Up to there an \
             order exists, {} tried",
            entry.call,
            entry.ret,
            held.join(" or "),
            plural(usize::try_from(self.tried).unwrap_or(usize::MAX), "configuration"),
        );
        let before = |other: &Entry| other.call < entry.ret && other.act != Act::Nothing;
        let about = |other: &Entry| entry.act != Act::Dequeue || other.value == entry.value || other.ret >= entry.call;
        let others = self.entries.iter().filter(|other| before(other) && about(other));
        let mut others: Vec<&Entry> = others.collect();
        let from = others.len().saturating_sub(WITNESS_OPS_MAX);
        let witness = others.drain(from..).flat_map(|other| [other.call, other.ret]);
        let witness = witness
            .chain([entry.call, entry.ret])
            .filter(|position| *position <= entry.ret);
        impossible((sentence, witness.map(u64::from).collect()))
    }
}
