//! Registers whose values are written once: an order exists if no two zones are in each other's way.
//!
//! Decides: reads and writes of one register, where every value that was read was written at most once (a value
//! that nobody read may be written often) and the initial value, if it was read, was not written again. Otherwise
//! it says undecided, and the search has to look; but a value that was found before anything could have left it is
//! an answer for every register.
//!
//! The operations on one value are a cluster: its write and the reads that saw it. From the first return in a
//! cluster to the last call, if that comes later, the register held that value throughout: a forward zone. If it
//! comes earlier, one moment between the two will do: a backward zone. There is an order if and only if no read
//! returns before its write is called, no two forward zones overlap, and no backward zone lies inside a forward
//! one (Gibbons and Korach, Testing shared memories, 1997).
//!
//! Info: a read that nobody saw is left out. A write of unknown outcome never returned; if its value was read it
//! happened, and belongs to its cluster with no return of its own; if not, it can be left out.
//!
//! O(n log n) time, O(n) memory, no search.

use super::interner::NONE;
use super::map::{Act, Entry, MapHistory, OPEN};
use super::names::Names;

/// What the zones say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Zones {
    /// There is an order.
    Orderly,
    /// There is none.
    Broken(Conflict),
    /// They do not say.
    Undecided,
}

/// A zone: of a forward one, the first return and the last call; of a backward one, the last call and the first
/// return. Positions from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Zone {
    from: u32,
    to: u32,
    value: u32,
}

/// Why there is no order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// This value was read, and not written before the read that returned here.
    Unwritten { value: u32, ret: u32 },
    /// Two forward zones that overlap.
    Overlap(Zone, Zone),
    /// A forward zone and a backward one inside it.
    Inside(Zone, Zone),
}

/// What is known of one value.
#[derive(Clone, Copy, Debug)]
struct Cluster {
    value: u32,
    writes: u32,
    write_call: u32,
    write_ret: u32,
    reads: u32,
    read_ret_min: u32,
    call_max: u32,
}

impl Cluster {
    fn read(&mut self, call: u32, ret: u32) {
        self.reads += 1;
        self.read_ret_min = self.read_ret_min.min(ret);
        self.call_max = self.call_max.max(call);
    }

    fn written(&mut self, call: u32, ret: u32) {
        self.writes += 1;
        self.write_call = self.write_call.min(call);
        self.write_ret = self.write_ret.min(ret);
        self.call_max = self.call_max.max(call);
    }

    /// First return and last call.
    fn ends(&self) -> (u32, u32) {
        (self.read_ret_min.min(self.write_ret), self.call_max)
    }
}

/// Room to work in, used again from key to key.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    clusters: Vec<Cluster>,
    /// Clusters by value, open addressing.
    table: Vec<u32>,
    /// The forward zones.
    forward: Vec<Zone>,
}

/// Judges the operations of one register that were called before position `end`; what returned later has not
/// returned yet.
pub(crate) fn judge(entries: &[Entry], initial: u32, end: u32, scratch: &mut Scratch) -> Zones {
    let cas = entries
        .iter()
        .filter(|entry| matches!(entry.act, Act::Cas | Act::CasUnseen))
        .count();
    scratch.clear(entries.len() + cas + 1);
    let mut vague = false;
    for entry in entries.iter().filter(|entry| entry.call < end) {
        let (call, ret) = span(entry, end);
        match entry.act {
            Act::Read if ret != OPEN => {
                scratch.cluster(entry.value).read(call, ret);
            }
            Act::Write => {
                scratch.cluster(entry.value).written(call, ret);
            }
            Act::Read | Act::ReadUnseen | Act::Nothing => {}
            Act::Append => return Zones::Undecided,
            // Not decided here, except where the value that was found or left has no origin at all.
            Act::CasRefused => vague = true,
            Act::Cas | Act::CasUnseen => {
                vague = true;
                if entry.act == Act::Cas && ret != OPEN {
                    scratch.cluster(entry.value).read(call, ret);
                }
                scratch.cluster(entry.to).written(call, OPEN);
            }
        }
    }
    scratch.cluster_of_initial(initial);
    clusters(scratch)
        .or(vague.then_some(Zones::Undecided))
        .or_else(|| {
            scratch.forward.sort_unstable();
            overlap(&scratch.forward)
        })
        .or_else(|| inside(entries, end, scratch))
        .unwrap_or(Zones::Orderly)
}

/// Call and return, counted from 1: the initial value was written at 0.
fn span(entry: &Entry, end: u32) -> (u32, u32) {
    (entry.call + 1, if entry.ret < end { entry.ret + 1 } else { OPEN })
}

/// Looks at each cluster on its own, and gathers the forward zones.
fn clusters(scratch: &mut Scratch) -> Option<Zones> {
    let mut undecided = false;
    for cluster in scratch.clusters.iter().filter(|cluster| cluster.reads > 0) {
        if cluster.writes == 0 || cluster.read_ret_min < cluster.write_call {
            return Some(Zones::Broken(Conflict::Unwritten {
                value: cluster.value,
                ret: cluster.read_ret_min,
            }));
        }
        undecided |= cluster.writes > 1;
        let (from, to) = cluster.ends();
        if from < to {
            let value = cluster.value;
            scratch.forward.push(Zone { from, to, value });
        }
    }
    undecided.then_some(Zones::Undecided)
}

/// Two forward zones that overlap, in the order of their beginnings.
fn overlap(forward: &[Zone]) -> Option<Zones> {
    let pair = forward.windows(2).find(|pair| pair[1].from < pair[0].to)?;
    Some(Zones::Broken(Conflict::Overlap(pair[0], pair[1])))
}

/// A backward zone inside a forward one. Values that nobody read may have been written more than once: each of
/// their writes is a zone of its own.
fn inside(entries: &[Entry], end: u32, scratch: &mut Scratch) -> Option<Zones> {
    if scratch.forward.is_empty() {
        return None;
    }
    let around = |forward: &[Zone], inner: Zone| {
        let outer = forward[..forward.partition_point(|zone| zone.from < inner.from)].last()?;
        (inner.to < outer.to).then_some(Zones::Broken(Conflict::Inside(*outer, inner)))
    };
    for cluster in scratch.clusters.iter().filter(|cluster| cluster.reads > 0) {
        let (to, from) = cluster.ends();
        let value = cluster.value;
        if from <= to
            && let Some(broken) = around(&scratch.forward, Zone { from, to, value })
        {
            return Some(broken);
        }
    }
    for entry in entries
        .iter()
        .filter(|entry| entry.act == Act::Write && entry.ret < end)
    {
        let (from, to) = span(entry, end);
        let value = entry.value;
        if let Some(broken) = around(&scratch.forward, Zone { from, to, value })
            && scratch.cluster(value).reads == 0
        {
            return Some(broken);
        }
    }
    None
}

impl Scratch {
    fn clear(&mut self, values: usize) {
        let size = (values * 2).next_power_of_two();
        self.clusters.clear();
        self.forward.clear();
        self.table.clear();
        self.table.resize(size, NONE);
    }

    fn cluster(&mut self, value: u32) -> &mut Cluster {
        let mask = self.table.len() - 1;
        let mut at = (value.wrapping_mul(0x9e37_79b1) >> 7) as usize & mask;
        loop {
            match self.table[at] {
                NONE => break,
                id if self.clusters[id as usize].value == value => return &mut self.clusters[id as usize],
                _ => at = (at + 1) & mask,
            }
        }
        self.table[at] = self.clusters.len() as u32;
        self.clusters.push(Cluster {
            value,
            writes: 0,
            write_call: OPEN,
            write_ret: OPEN,
            reads: 0,
            read_ret_min: OPEN,
            call_max: 0,
        });
        let last = self.clusters.len() - 1;
        &mut self.clusters[last]
    }

    /// The initial value was written before everything else.
    fn cluster_of_initial(&mut self, initial: u32) {
        let cluster = self.cluster(initial);
        cluster.writes += 1;
        cluster.write_call = 0;
        cluster.write_ret = 0;
    }
}

/// Says why there is no order, on the shortest prefix that has none: sentence and witness.
pub(crate) fn explain(entries: &[Entry], history: &MapHistory, scratch: &mut Scratch) -> (String, Vec<u64>) {
    let mut ends: Vec<u32> = entries
        .iter()
        .map(|entry| entry.ret)
        .filter(|ret| *ret != OPEN)
        .collect();
    ends.sort_unstable();
    let mut conflict = |end| match judge(entries, history.initial, end, scratch) {
        Zones::Broken(conflict) => Some(conflict),
        _ => None,
    };
    let first = ends.partition_point(|ret| conflict(ret + 1).is_none());
    let (end, conflict) = match ends.get(first).and_then(|ret| Some((ret + 1, conflict(ret + 1)?))) {
        Some(shortest) => shortest,
        None => match conflict(OPEN) {
            Some(conflict) => (OPEN, conflict),
            None => return Default::default(),
        },
    };
    let (sentence, positions) = tell(conflict, entries, &history.values);
    let before = |position: &u64| *position < u64::from(end);
    let upto = if end == OPEN {
        String::new()
    } else {
        format!(". Up to {} an order exists", end - 1)
    };
    (
        format!("{sentence}{upto}"),
        positions.into_iter().filter(before).collect(),
    )
}

/// The conflict in words, and the positions of all operations in it.
fn tell(conflict: Conflict, entries: &[Entry], values: &Names) -> (String, Vec<u64>) {
    let (sentence, zones) = match conflict {
        Conflict::Unwritten { value, ret } => {
            let write = entries
                .iter()
                .filter(|entry| entry.may_leave(value))
                .min_by_key(|entry| entry.call);
            let then = match write {
                Some(write) => format!("before anything that could leave it was called (at {})", write.call),
                None => "and nothing ever left it".to_owned(),
            };
            let sentence = format!("{} was found (by {}) {then}", values.name(value), ret - 1);
            let from = write.map_or(ret, |write| write.call + 1);
            (sentence, [Some(Zone { from, to: ret, value }), None])
        }
        Conflict::Overlap(a, b) => (
            format!("{}, and {}", throughout(a, values), throughout(b, values)),
            [Some(a), Some(b)],
        ),
        Conflict::Inside(outer, inner) => {
            let Zone { from, to, value } = inner;
            let once = format!(
                "some time from {} to {} it held {}",
                from - 1,
                to - 1,
                values.name(value)
            );
            (
                format!("{}, but {once}", throughout(outer, values)),
                [Some(outer), Some(inner)],
            )
        }
    };
    let mut positions = Vec::new();
    for zone in zones.into_iter().flatten() {
        let at_its_end = |position: u32| position != OPEN && (position + 1 == zone.from || position + 1 == zone.to);
        for entry in entries.iter().filter(|entry| entry.value == zone.value) {
            if entry.act == Act::Write || at_its_end(entry.call) || at_its_end(entry.ret) {
                positions.push(u64::from(entry.call));
                positions.extend(Some(u64::from(entry.ret)).filter(|_| entry.ret != OPEN));
            }
        }
    }
    (sentence, positions)
}

fn throughout(zone: Zone, values: &Names) -> String {
    let name = values.name(zone.value);
    match zone.from.checked_sub(1) {
        Some(from) => format!("from {from} to {} it must have held {name} throughout", zone.to - 1),
        None => format!(
            "from the beginning to {} it must have held {name} throughout",
            zone.to - 1
        ),
    }
}
