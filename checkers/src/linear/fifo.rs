//! First-in first-out queues whose values are enqueued once: no search.
//!
//! Decides: enqueues, dequeues, and dequeues that found nothing, on a queue that is empty at first. There is an
//! order if and only if no value is dequeued before its enqueue is called, or twice; no value overtakes another
//! (enqueued strictly later, dequeued strictly earlier, or dequeued while the other never is); and no dequeue finds
//! nothing while, at every moment of it, some value had been enqueued and not yet asked for (Henzinger, Sezgin and
//! Vafeiadis, Aspect-oriented linearizability proofs, 2013; the conditions as in Bouajjani et al., 2015).
//!
//! Info: an enqueue of unknown outcome never returned; if its value came out, it happened. A dequeue of unknown
//! outcome may have taken any value that nobody else took: each such value that was overtaken needs one of them,
//! called before it was overtaken, and the earliest deadline takes the earliest call. Where values that came out
//! unseen may also decide whether a queue was empty, and where values are enqueued more than once, the search
//! decides ([`super::models::queue`]).
//!
//! O(n) time and memory for positions that are dense (events of one queue), O(n log n) otherwise.

use crate::verdict::CheckerResult;

use super::budget::Budget;
use super::check::{impossible, trouble};
use super::map::OPEN;
use super::models::queue::{Answer, Ask, Queue};
use super::names::{Name, Names};
use super::operation::Operation;
use super::report::{self, Totals, Trouble};

/// No operation, no value.
const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Enqueue,
    Dequeue,
    /// A dequeue that found nothing.
    Empty,
    /// A dequeue of which nobody saw what it took.
    Unseen,
    /// It did not happen.
    Nothing,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    call: u32,
    /// [`OPEN`] for info.
    ret: u32,
    value: u32,
    act: Act,
}

/// A history of a queue, compactly: 16 bytes per operation, values as numbers.
#[derive(Debug, Default)]
pub struct FifoHistory {
    /// The values.
    pub values: Names,
    entries: Vec<Entry>,
}

/// An operation of a [`FifoHistory`] that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun(usize);

impl FifoHistory {
    /// An enqueue is called at `index`. It is info until something else is said of it.
    pub fn enqueue(&mut self, value: u32, index: u32) -> Begun {
        self.begin(Act::Enqueue, value, index)
    }

    /// A dequeue is called at `index`. It is info until something else is said of it.
    pub fn dequeue(&mut self, index: u32) -> Begun {
        self.begin(Act::Unseen, NONE, index)
    }

    /// The enqueue returned at `index`, or the dequeue did and nobody saw what it took.
    pub fn ok(&mut self, op: Begun, index: u32) {
        self.entries[op.0].ret = index;
    }

    /// The dequeue returned this value, or found nothing, at `index`.
    pub fn took(&mut self, op: Begun, value: Option<u32>, index: u32) {
        let entry = &mut self.entries[op.0];
        entry.ret = index;
        (entry.act, entry.value) = match value {
            Some(value) => (Act::Dequeue, value),
            None => (Act::Empty, NONE),
        };
    }

    /// The operation is known not to have happened.
    pub fn fail(&mut self, op: Begun) {
        self.entries[op.0].act = Act::Nothing;
    }

    fn begin(&mut self, act: Act, value: u32, call: u32) -> Begun {
        let ret = OPEN;
        self.entries.push(Entry { call, ret, value, act });
        Begun(self.entries.len() - 1)
    }
}

/// Judges a history. `name` is the checker's.
pub fn check(name: &str, history: &FifoHistory, budget: Budget<'_>) -> CheckerResult {
    let happened = history.entries.iter().filter(|entry| entry.act != Act::Nothing);
    let (ops, ok) = happened.fold((0, 0), |(ops, ok), entry| (ops + 1, ok + u64::from(entry.ret != OPEN)));
    let (searched, trouble) = decide(history, budget);
    let totals = Totals {
        ops,
        ok,
        info: ops - ok,
        parts: 1,
        searched: u64::from(searched),
    };
    report::result(
        name,
        totals,
        trouble.into_iter().map(|trouble| (String::new(), trouble)).collect(),
    )
}

/// Whether it took a search, and what is wrong.
fn decide(history: &FifoHistory, budget: Budget<'_>) -> (bool, Option<Trouble>) {
    let entries = &history.entries;
    if let Some(entry) = entries.iter().find(|entry| entry.ret < entry.call) {
        let why = format!("operation {} returns before it is called", entry.call);
        return (false, Some(Trouble::Unknown(why)));
    }
    match judge(entries, history.values.len(), OPEN) {
        Aspects::Orderly => (false, None),
        Aspects::Broken(_) => {
            let (sentence, witness) = explain(history);
            (false, impossible(sentence, witness))
        }
        Aspects::Undecided => (true, search(history, budget)),
    }
}

/// What the conditions say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aspects {
    Orderly,
    Broken(Conflict),
    Undecided,
}

/// Why there is no order; entries by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Conflict {
    /// This dequeue returned a value before its enqueue was called.
    Fresh(u32),
    /// Both dequeues returned the same value.
    Repeated(u32, u32),
    /// The first value, enqueued earlier, was overtaken by the second.
    Overtaken(u32, u32),
    /// More overtaken values than unseen dequeues that could have taken them; the last one overtaken.
    Missing(u32),
    /// This dequeue found nothing, and there was something all along.
    NotEmpty(u32),
}

/// Enqueue and dequeue of a value.
#[derive(Clone, Copy)]
struct Pair {
    enqueue: u32,
    dequeue: u32,
}

/// A history up to a position: who moved which value.
struct Moves<'a> {
    entries: &'a [Entry],
    end: u32,
    pairs: Vec<Pair>,
    empties: bool,
    /// Calls of dequeues of which nobody saw what they took.
    unseen: Vec<u32>,
}

impl Moves<'_> {
    fn call(&self, entry: u32) -> u32 {
        self.entries.get(entry as usize).map_or(OPEN, |entry| entry.call)
    }

    fn ret(&self, entry: u32) -> u32 {
        let ret = self.entries.get(entry as usize).map_or(OPEN, |entry| entry.ret);
        if ret < self.end { ret } else { OPEN }
    }
}

/// Judges the operations called before position `end`; what returned later has not returned yet, but is known to
/// return what it did.
fn judge(entries: &[Entry], values: usize, end: u32) -> Aspects {
    let moves = match moves(entries, values, end) {
        Ok(moves) => moves,
        Err(aspects) => return aspects,
    };
    let events = Events::new(&moves);
    let needed = match overtaken(&moves, &events) {
        Ok(needed) => needed,
        Err(conflict) => return Aspects::Broken(conflict),
    };
    if !moves.empties {
        return Aspects::Orderly;
    }
    match (needed, not_empty(&moves, &events, false)) {
        (_, Some(dequeue)) => Aspects::Broken(Conflict::NotEmpty(dequeue)),
        (0, None) => match not_empty(&moves, &events, true) {
            None => Aspects::Orderly,
            Some(dequeue) if moves.unseen.is_empty() => Aspects::Broken(Conflict::NotEmpty(dequeue)),
            Some(_) => Aspects::Undecided,
        },
        (_, None) => Aspects::Undecided,
    }
}

/// Who moved which value; undecided if one is enqueued twice.
fn moves(entries: &[Entry], values: usize, end: u32) -> Result<Moves<'_>, Aspects> {
    let unmoved = Pair {
        enqueue: NONE,
        dequeue: NONE,
    };
    let mut moves = Moves {
        entries,
        end,
        pairs: vec![unmoved; values],
        empties: false,
        unseen: Vec::new(),
    };
    let mut repeated = None;
    for (at, entry) in (0..).zip(entries).filter(|(_, entry)| entry.call < end) {
        let returned = entry.ret < end;
        match entry.act {
            Act::Enqueue => {
                let place = &mut moves.pairs[entry.value as usize].enqueue;
                if std::mem::replace(place, at) != NONE {
                    return Err(Aspects::Undecided);
                }
            }
            Act::Dequeue => {
                let place = moves.pairs[entry.value as usize].dequeue;
                if place == NONE || moves.ret(place) == OPEN {
                    moves.pairs[entry.value as usize].dequeue = at;
                } else if returned {
                    repeated = repeated.or(Some(Conflict::Repeated(place, at)));
                }
            }
            Act::Empty => moves.empties |= returned,
            Act::Unseen if entry.ret != OPEN => return Err(Aspects::Undecided),
            Act::Unseen => moves.unseen.push(entry.call),
            Act::Nothing => {}
        }
    }
    for pair in &moves.pairs {
        if pair.dequeue != NONE && moves.ret(pair.dequeue) < moves.call(pair.enqueue) {
            return Err(Aspects::Broken(Conflict::Fresh(pair.dequeue)));
        }
    }
    repeated.map_or(Ok(moves), |conflict| Err(Aspects::Broken(conflict)))
}

/// The values that only an unseen dequeue can have taken, checked against those there are.
fn overtaken(moves: &Moves<'_>, events: &Events) -> Result<usize, Conflict> {
    // The earliest return of a dequeue whose value is enqueued after the present position, and that value.
    let (mut soonest, mut overtaker) = (OPEN, NONE);
    let mut deadlines: Vec<(u32, u32)> = Vec::new();
    for event in events.list.iter().rev() {
        let at = event >> 1;
        let entry = &moves.entries[at as usize];
        if entry.act != Act::Enqueue {
            continue;
        }
        let dequeue = moves.pairs[entry.value as usize].dequeue;
        if event & 1 == 0 {
            let ret = moves.ret(dequeue);
            if ret < soonest {
                (soonest, overtaker) = (ret, at);
            }
        } else if dequeue == NONE {
            if soonest != OPEN {
                deadlines.push((soonest, at));
            }
        } else if soonest < moves.call(dequeue) {
            return Err(Conflict::Overtaken(at, overtaker));
        }
    }
    deadlines.sort_unstable();
    let mut calls = moves.unseen.clone();
    calls.sort_unstable();
    for (nth, (deadline, at)) in deadlines.iter().enumerate() {
        if calls.get(nth).is_none_or(|call| call >= deadline) {
            return Err(Conflict::Missing(*at));
        }
    }
    Ok(deadlines.len())
}

/// A dequeue that found nothing while something was there all along: a value is there from the return of its
/// enqueue to the call of its dequeue. Values that nobody is known to have dequeued count if `all`.
fn not_empty(moves: &Moves<'_>, events: &Events, all: bool) -> Option<u32> {
    let mut there = 0_u64;
    // The event after which there was last nothing, counted from 1.
    let mut nothing_after = 0;
    let mut began = vec![0_usize; if moves.empties { moves.entries.len() } else { 0 }];
    for (nth, event) in (1..).zip(&events.list) {
        let (at, returned) = (event >> 1, event & 1 == 1);
        let entry = &moves.entries[at as usize];
        match (entry.act, returned) {
            (Act::Enqueue, true) => {
                let dequeue = moves.pairs[entry.value as usize].dequeue;
                let call = moves.call(dequeue);
                there += u64::from(if dequeue == NONE { all } else { call > entry.ret });
            }
            (Act::Dequeue, false) if moves.pairs[entry.value as usize].dequeue == at => {
                let enqueue = moves.pairs[entry.value as usize].enqueue;
                there -= u64::from(moves.ret(enqueue) < entry.call);
            }
            (Act::Empty, false) => began[at as usize] = nth,
            (Act::Empty, true) if nothing_after < began[at as usize] && there > 0 => return Some(at),
            _ => {}
        }
        if there == 0 {
            nothing_after = nth;
        }
    }
    None
}

/// Calls and returns in order of position: twice the entry's number, plus one for a return.
struct Events {
    list: Vec<u32>,
}

impl Events {
    fn new(moves: &Moves<'_>) -> Self {
        let entries = moves.entries;
        let mut last = 0;
        let mut count = 0;
        let each = |visit: &mut dyn FnMut(u32, u32)| {
            for (at, entry) in (0..)
                .zip(entries)
                .filter(|(_, e)| e.act != Act::Nothing && e.call < moves.end)
            {
                visit(entry.call, at << 1);
                if entry.ret < moves.end {
                    visit(entry.ret, at << 1 | 1);
                }
            }
        };
        each(&mut |position, _| {
            last = last.max(position);
            count += 1;
        });
        if last as usize >= count * 4 {
            return Self::sorted(count, each);
        }
        let mut list = vec![NONE; last as usize + 1];
        each(&mut |position, event| list[position as usize] = event);
        list.retain(|event| *event != NONE);
        if list.len() < count {
            // Two share a position.
            return Self::sorted(count, each);
        }
        Self { list }
    }

    fn sorted(count: usize, each: impl Fn(&mut dyn FnMut(u32, u32))) -> Self {
        let mut events = Vec::with_capacity(count);
        each(&mut |position, event| events.push((position, event & 1, event)));
        events.sort_unstable();
        let list = events.into_iter().map(|(_, _, event)| event).collect();
        Self { list }
    }
}

/// Says why there is no order, on the shortest prefix that has none: sentence and witness.
fn explain(history: &FifoHistory) -> (String, Vec<u64>) {
    let (entries, values) = (&history.entries, history.values.len());
    let conflict = |end| match judge(entries, values, end) {
        Aspects::Broken(conflict) => Some(conflict),
        _ => None,
    };
    let mut ends: Vec<u32> = entries
        .iter()
        .map(|entry| entry.ret)
        .filter(|ret| *ret != OPEN)
        .collect();
    ends.sort_unstable();
    let first = ends.partition_point(|ret| conflict(ret + 1).is_none());
    let shortest = ends.get(first).and_then(|ret| Some((ret + 1, conflict(ret + 1)?)));
    let Some((end, conflict)) = shortest.or_else(|| Some((OPEN, conflict(OPEN)?))) else {
        return Default::default();
    };
    let (sentence, ops) = tell(history, conflict, end);
    let upto = if end == OPEN {
        String::new()
    } else {
        format!(". Up to {} an order exists", end - 1)
    };
    let ops = ops.into_iter().filter(|at| *at != NONE).map(|at| entries[at as usize]);
    let positions = ops
        .flat_map(|entry| [entry.call, entry.ret])
        .filter(|position| *position < end);
    (format!("{sentence}{upto}"), positions.map(u64::from).collect())
}

fn tell(history: &FifoHistory, conflict: Conflict, end: u32) -> (String, Vec<u32>) {
    let entry = |at: u32| history.entries[at as usize];
    let name = |at: u32| history.values.name(entry(at).value);
    let find = |act, at: u32| {
        let same = |e: &Entry| e.act == act && e.value == entry(at).value && e.call < end;
        history.entries.iter().position(same).map_or(NONE, |at| at as u32)
    };
    let taken = |at: u32| match find(Act::Dequeue, at) {
        NONE => "was never dequeued".to_owned(),
        dequeue => format!("was not asked for before {}", entry(dequeue).call),
    };
    match conflict {
        Conflict::Fresh(dequeue) => {
            let enqueue = find(Act::Enqueue, dequeue);
            let then = match enqueue {
                NONE => "and was never enqueued".to_owned(),
                enqueue => format!("before its enqueue was called (at {})", entry(enqueue).call),
            };
            let sentence = format!("{} was dequeued (by {}) {then}", name(dequeue), entry(dequeue).ret);
            (sentence, vec![enqueue, dequeue])
        }
        Conflict::Repeated(first, second) => {
            let sentence = format!(
                "{} was dequeued twice (by {} and {})",
                name(first),
                entry(first).ret,
                entry(second).ret
            );
            (sentence, vec![find(Act::Enqueue, first), first, second])
        }
        Conflict::Overtaken(a, b) => {
            let dequeue = find(Act::Dequeue, b);
            let sentence = format!(
                "{} was enqueued (by {}) before {} (from {}), which was dequeued by {}; {} {}",
                name(a),
                entry(a).ret,
                name(b),
                entry(b).call,
                entry(dequeue).ret,
                name(a),
                taken(a)
            );
            (sentence, vec![a, b, dequeue, find(Act::Dequeue, a)])
        }
        Conflict::Missing(a) => {
            let after = |e: &&Entry| e.act == Act::Enqueue && e.call > entry(a).ret && e.call < end;
            let enqueues = history.entries.iter().filter(after);
            let taken = enqueues.filter_map(|b| {
                let dequeue = history
                    .entries
                    .iter()
                    .position(|e| e.act == Act::Dequeue && e.value == b.value)?;
                Some((history.entries[dequeue].ret, dequeue as u32)).filter(|(ret, _)| *ret < end)
            });
            let (by, dequeue) = taken.min().unwrap_or((OPEN, NONE));
            let sentence = format!(
                "{} was enqueued (by {}) and never seen again, though a value enqueued after it was dequeued by {by} \
                 and no dequeue of unknown outcome is left that could have taken it",
                name(a),
                entry(a).ret,
            );
            (
                sentence,
                vec![
                    a,
                    if dequeue == NONE {
                        NONE
                    } else {
                        find(Act::Enqueue, dequeue)
                    },
                    dequeue,
                ],
            )
        }
        Conflict::NotEmpty(dequeue) => {
            let Entry { call, ret, .. } = entry(dequeue);
            let sentence =
                format!("a dequeue found nothing (from {call} to {ret}) while something was there all along");
            let overlap = |e: &Entry| {
                e.act == Act::Enqueue && e.ret < ret && e.call < end && {
                    let taken = find(
                        Act::Dequeue,
                        history
                            .entries
                            .iter()
                            .position(|x| std::ptr::eq(x, e))
                            .map_or(NONE, |at| at as u32),
                    );
                    taken == NONE || entry(taken).call > call
                }
            };
            let there = (0..)
                .zip(&history.entries)
                .filter(|(_, e)| overlap(e))
                .map(|(at, _)| at);
            (sentence, there.take(32).chain([dequeue]).collect())
        }
    }
}

fn search(history: &FifoHistory, budget: Budget<'_>) -> Option<Trouble> {
    let value = |id| history.values.name(id);
    let happened = history.entries.iter().filter(|entry| entry.act != Act::Nothing);
    let ops: Vec<_> = happened.map(|entry| as_queue(entry, value)).collect();
    trouble(&Queue::default(), &ops.iter().collect::<Vec<_>>(), budget)
}

fn as_queue<'a>(entry: &Entry, value: impl Fn(u32) -> Name<'a>) -> Operation<Ask<Name<'a>>, Answer<Name<'a>>> {
    let (input, output) = match entry.act {
        Act::Enqueue => (Ask::Enqueue(value(entry.value)), Some(Answer::Done)),
        Act::Dequeue => (Ask::Dequeue, Some(Answer::Value(value(entry.value)))),
        Act::Empty => (Ask::Dequeue, Some(Answer::Empty)),
        Act::Unseen | Act::Nothing => (Ask::Dequeue, None),
    };
    let ret = Some(u64::from(entry.ret)).filter(|_| entry.ret != OPEN);
    Operation {
        process: 0,
        call: u64::from(entry.call),
        ret,
        input,
        output,
        index: u64::from(entry.call),
        done_index: ret,
    }
}
