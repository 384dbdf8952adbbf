//! Queues whose values are enqueued once, judged by conditions that no history with an order violates and every
//! history without one does.
//!
//! - No value is dequeued before its enqueue is called, or twice.
//! - No value overtakes another: enqueued strictly later, dequeued strictly earlier, or dequeued while the other
//!   never is.
//! - No dequeue finds nothing while, at every moment of it, some value had been enqueued and not yet asked for.
//!
//! (Henzinger, Sezgin and Vafeiadis, Aspect-oriented linearizability proofs, 2013; the conditions as in Bouajjani et
//! al., On reducing linearizability to state reachability, 2015.) Overtaking is found by one scan from the end.
//!
//! Info: an enqueue of unknown outcome never returned; if its value came out, it happened, and if not, it can be left
//! out. A dequeue of unknown outcome may have taken any value that nobody else took: each of those that was
//! overtaken needs one, called before it was overtaken, and the earliest deadline takes the earliest call. Whether a
//! queue was empty may then depend on which took which: undecided.

use super::fifo::{Act, Entry, FifoHistory};
use super::interner::NONE;
use super::map::OPEN;

/// What the conditions say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aspects {
    Orderly,
    Broken(Conflict),
    Undecided,
}

/// Why there is no order; entries by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conflict {
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
pub(crate) fn judge(entries: &[Entry], values: usize, end: u32) -> Aspects {
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
        if calls.get(nth).is_none_or(|call| call > deadline) {
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
pub(crate) fn explain(history: &FifoHistory) -> (String, Vec<u64>) {
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
    let (sentence, ops) = Words::new(history, end).tell(conflict);
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

/// How many values that were there a witness names.
const THERE_MAX: usize = 32;

/// Tells of a history up to a position.
struct Words<'a> {
    history: &'a FifoHistory,
    end: u32,
    /// By value; the first of each.
    pairs: Vec<Pair>,
}

impl<'a> Words<'a> {
    fn new(history: &'a FifoHistory, end: u32) -> Self {
        let none = Pair {
            enqueue: NONE,
            dequeue: NONE,
        };
        let mut pairs = vec![none; history.values.len()];
        for (at, entry) in (0..).zip(&history.entries).filter(|(_, entry)| entry.call < end) {
            let place = match entry.act {
                Act::Enqueue => &mut pairs[entry.value as usize].enqueue,
                Act::Dequeue => &mut pairs[entry.value as usize].dequeue,
                _ => continue,
            };
            if *place == NONE {
                *place = at;
            }
        }
        Self { history, end, pairs }
    }

    fn entry(&self, at: u32) -> Entry {
        self.history.entries[at as usize]
    }

    fn pair(&self, at: u32) -> Pair {
        self.pairs[self.entry(at).value as usize]
    }

    fn name(&self, at: u32) -> super::names::Name<'_> {
        self.history.values.name(self.entry(at).value)
    }

    /// The conflict in words, and the operations in it.
    fn tell(&self, conflict: Conflict) -> (String, Vec<u32>) {
        match conflict {
            Conflict::Fresh(dequeue) => {
                let enqueue = self.pair(dequeue).enqueue;
                let then = match enqueue {
                    NONE => "and was never enqueued".to_owned(),
                    enqueue => format!("before its enqueue was called (at {})", self.entry(enqueue).call),
                };
                let by = self.entry(dequeue).ret;
                (
                    format!("{} was dequeued (by {by}) {then}", self.name(dequeue)),
                    vec![enqueue, dequeue],
                )
            }
            Conflict::Repeated(first, second) => {
                let [by, again] = [first, second].map(|at| self.entry(at).ret);
                let sentence = format!("{} was dequeued twice (by {by} and {again})", self.name(first));
                (sentence, vec![self.pair(first).enqueue, first, second])
            }
            Conflict::Overtaken(a, b) => self.overtaken(a, b),
            Conflict::Missing(a) => self.missing(a),
            Conflict::NotEmpty(dequeue) => self.not_empty(dequeue),
        }
    }

    fn overtaken(&self, a: u32, b: u32) -> (String, Vec<u32>) {
        let (late, soon) = (self.pair(a).dequeue, self.pair(b).dequeue);
        let sentence = format!(
            "{a_name} was enqueued (by {}) before {} (from {}), which was dequeued by {}, before {a_name} was asked for",
            self.entry(a).ret,
            self.name(b),
            self.entry(b).call,
            self.entry(soon).ret,
            a_name = self.name(a),
        );
        (sentence, vec![a, b, soon, late])
    }

    fn missing(&self, a: u32) -> (String, Vec<u32>) {
        let after = self.entry(a).ret;
        let later = self
            .pairs
            .iter()
            .filter(|pair| pair.enqueue != NONE && pair.dequeue != NONE && self.entry(pair.enqueue).call > after);
        let soonest = later.min_by_key(|pair| self.entry(pair.dequeue).ret);
        let pair = soonest.copied().unwrap_or(self.pair(a));
        let by = if pair.dequeue == NONE {
            self.end
        } else {
            self.entry(pair.dequeue).ret
        };
        let sentence = format!(
            "{a_name} was enqueued (by {after}) before {} (from {}), which was dequeued by {by}; until then no dequeue was \
             called that can have taken {a_name}",
            self.name(pair.enqueue),
            self.entry(pair.enqueue).call,
            a_name = self.name(a),
        );
        (sentence, vec![a, pair.enqueue, pair.dequeue])
    }

    fn not_empty(&self, dequeue: u32) -> (String, Vec<u32>) {
        let Entry { call, ret, .. } = self.entry(dequeue);
        let there = self.pairs.iter().filter(|pair| {
            let put = pair.enqueue != NONE && self.entry(pair.enqueue).ret < ret;
            put && (pair.dequeue == NONE || self.entry(pair.dequeue).call > call)
        });
        let there = there.take(THERE_MAX).flat_map(|pair| [pair.enqueue, pair.dequeue]);
        let sentence = format!("a dequeue found nothing (from {call} to {ret}) while something was there all along");
        (sentence, there.chain([dequeue]).collect())
    }
}
