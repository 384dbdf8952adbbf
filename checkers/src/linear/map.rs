//! A map of registers or texts, compactly: 24 bytes per operation, keys and values as numbers.
//!
//! Decides linearizability per key, the keys on all cores; a register is a map with one key. Keys on which every
//! value that was read was written at most once are decided by zones (Gibbons and Korach, Testing shared memories,
//! 1997), info writes included: O(n log n), no search. The others, and those with compare-and-set or append, are
//! decided by the search. Cannot see: a compare-and-set and an append on the same key, or an append to a value that is
//! no text ([`NO_TEXT`]); that is unknown, and so is a history in which no read returned a value and no compare-and-set was decided.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::verdict::CheckerResult;

use super::budget::Budget;
use super::check::{self as generic, impossible};
use super::models::register::{self, Register};
use super::models::text::{self, Text};
use super::names::{Name, Names};
use super::operation::Operation;
use super::replay;
use super::report::{self, Totals, Trouble};
use super::solve::{Detail, search_in};
use super::zones::{self, Zones};

/// No position: a call that has no known return.
pub(crate) const OPEN: u32 = u32::MAX;

/// What the name of a value begins with that is no text: nothing can be appended to it.
pub const NO_TEXT: char = '\0';

/// What is asked of a key, with values by their number in [`MapHistory::values`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// What does it hold?
    Read,
    /// Let it hold this.
    Write(u32),
    /// If it holds the first, let it hold the second.
    Cas(u32, u32),
    /// Let its text end in this.
    Append(u32),
}

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It held this.
    Value(u32),
    /// It was written, appended to, or compared and set.
    Done,
    /// The compare-and-set took place and found another value.
    Refused,
    /// It returned, nobody knows with what.
    Unseen,
}

/// What an entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Read,
    ReadUnseen,
    Write,
    Append,
    Cas,
    CasRefused,
    CasUnseen,
    /// It did not happen.
    Nothing,
}

/// One operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) key: u32,
    pub(crate) call: u32,
    /// [`OPEN`] for info.
    pub(crate) ret: u32,
    /// Read, written, appended; compared with.
    pub(crate) value: u32,
    /// Set by a compare-and-set.
    pub(crate) to: u32,
    pub(crate) act: Act,
}

impl Entry {
    /// True if the key may hold `value` because of it.
    pub(crate) fn may_leave(&self, value: u32) -> bool {
        match self.act {
            Act::Write => self.value == value,
            Act::Cas | Act::CasUnseen => self.to == value,
            _ => false,
        }
    }
}

/// A history of a map. Positions are below 2^32 - 2.
#[derive(Debug)]
pub struct MapHistory {
    /// The names of keys.
    pub keys: Names,
    /// The values.
    pub values: Names,
    pub(crate) initial: u32,
    pub(crate) entries: Vec<Entry>,
}

/// An operation of a [`MapHistory`] that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun(usize);

impl MapHistory {
    /// An empty history of a map whose keys all hold `initial` at first.
    pub fn new(initial: &[u8]) -> Self {
        let mut values = Names::default();
        let initial = values.id(initial);
        Self {
            keys: Names::default(),
            values,
            initial,
            entries: Vec::new(),
        }
    }

    /// An operation on `key` is called at `index`. It is info until something else is said of it.
    pub fn begin(&mut self, key: u32, ask: Ask, index: u32) -> Begun {
        let (act, value, to) = match ask {
            Ask::Read => (Act::ReadUnseen, 0, 0),
            Ask::Write(value) => (Act::Write, value, 0),
            Ask::Append(value) => (Act::Append, value, 0),
            Ask::Cas(from, to) => (Act::CasUnseen, from, to),
        };
        self.entries.push(Entry {
            key,
            call: index,
            ret: OPEN,
            value,
            to,
            act,
        });
        Begun(self.entries.len() - 1)
    }

    /// The operation returned at `index`.
    pub fn ok(&mut self, op: Begun, answer: Answer, index: u32) {
        let entry = &mut self.entries[op.0];
        entry.ret = index;
        match (entry.act, answer) {
            (Act::ReadUnseen, Answer::Value(value)) => (entry.act, entry.value) = (Act::Read, value),
            (Act::CasUnseen, Answer::Done) => entry.act = Act::Cas,
            (Act::CasUnseen, Answer::Refused) => entry.act = Act::CasRefused,
            _ => {}
        }
    }

    /// The operation is known not to have happened.
    pub fn fail(&mut self, op: Begun) {
        self.entries[op.0].act = Act::Nothing;
    }

    /// How many operations were begun.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True when none was.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Judges a history. `name` is the checker's: `kv`, `cas-register`, ...
pub fn check(name: &str, history: &MapHistory, budget: Budget<'_>) -> CheckerResult {
    let parts = Parts::new(history);
    let searched = AtomicU64::new(0);
    let first = generic::first_detail(parts.len());
    let troubles = generic::troubles(parts.len(), |room: &mut Room, part, detail| {
        room.entries.clear();
        room.entries
            .extend(parts.of(part).iter().map(|at| history.entries[*at as usize]));
        if !room.entries.is_sorted_by_key(|entry| entry.call) {
            room.entries.sort_by_key(|entry| entry.call);
        }
        let (search, trouble) = decide(history, room, budget, detail);
        searched.fetch_add(u64::from(search && detail == first), Ordering::Relaxed);
        trouble
    });
    let happened = history.entries.iter().filter(|entry| entry.act != Act::Nothing);
    let (ops, ok, observed) = happened.fold((0, 0, 0), |(ops, ok, observed), entry| {
        let returned = entry.ret != OPEN;
        let observes = returned && matches!(entry.act, Act::Read | Act::Cas | Act::CasRefused);
        (ops + 1, ok + u64::from(returned), observed + u64::from(observes))
    });
    let totals = Totals {
        ops,
        ok,
        info: ops - ok,
        parts: parts.len() as u64,
        searched: searched.into_inner(),
        observed,
    };
    let of = |part| {
        if parts.len() == 1 {
            String::new()
        } else {
            history.keys.name(part as u32).to_string()
        }
    };
    report::result(
        name,
        totals,
        troubles
            .into_iter()
            .map(|(part, trouble)| (of(part), trouble))
            .collect(),
    )
}

/// Room for one key at a time.
#[derive(Default)]
struct Room {
    entries: Vec<Entry>,
    zones: zones::Scratch,
}

/// One key: by zones, else by the search. Whether it took a search, and what is wrong.
fn decide(history: &MapHistory, room: &mut Room, budget: Budget<'_>, detail: Detail) -> (bool, Option<Trouble>) {
    let Room { entries, zones } = room;
    if let Some(entry) = entries.iter().find(|entry| entry.ret < entry.call) {
        let why = format!("operation {} returns before it is called", entry.call);
        return (false, Some(Trouble::Unknown(why)));
    }
    match zones::judge(entries, history.initial, OPEN, zones) {
        Zones::Orderly => (false, None),
        Zones::Broken(_) if detail == Detail::Brief => (false, Some(impossible(Default::default()))),
        Zones::Broken(_) => (false, Some(impossible(zones::explain(entries, history, zones)))),
        Zones::Undecided => (true, search(history, entries, budget, detail)),
    }
}

/// Searches one key as a register, or as a text if it was appended to.
fn search(history: &MapHistory, entries: &[Entry], budget: Budget<'_>, detail: Detail) -> Option<Trouble> {
    let value = |id| history.values.name(id);
    let happened = || entries.iter().filter(|entry| entry.act != Act::Nothing);
    let appended = happened().any(|entry| entry.act == Act::Append);
    if !appended {
        let initial = value(history.initial);
        let noticed = noticed(entries);
        let tells = |value| {
            noticed
                .as_ref()
                .is_none_or(|values| values.binary_search(&value).is_ok())
        };
        // What is of unknown outcome, and nobody can tell of, did not happen.
        let ops = happened().filter(|entry| {
            entry.ret != OPEN
                || match entry.act {
                    Act::Write => tells(entry.value),
                    _ => tells(entry.to),
                }
        });
        let ops: Vec<_> = ops.map(|entry| as_register(entry, value)).collect();
        return generic::trouble(&Register { initial }, &ops.iter().collect::<Vec<_>>(), budget, detail);
    }
    if happened().any(|entry| matches!(entry.act, Act::Cas | Act::CasRefused | Act::CasUnseen)) {
        return Some(Trouble::Unknown(
            "append and compare-and-set on one key are not decided".into(),
        ));
    }
    let texts = happened().filter(|entry| entry.act != Act::ReadUnseen);
    if texts.map(|entry| value(entry.value)).any(|name| !name.is_text()) {
        return Some(Trouble::Unknown("an append to what is no text is not decided".into()));
    }
    let ops: Vec<_> = happened().map(|entry| as_text(entry, value)).collect();
    let ops: Vec<_> = ops.iter().collect();
    if replay::order(&Text::new(value(history.initial)), &ops, budget).is_some() {
        return None;
    }
    let gets = happened().filter(|entry| entry.act == Act::Read);
    let text = Text::of_gets(value(history.initial), gets.map(|entry| value(entry.value)));
    generic::trouble_of(&text, &ops, search_in(&text, &ops, budget, detail))
}

/// The values of which some operation can tell that a register held them, ascending: those that are found or compared
/// with. None where it can be any: a compare-and-set that returned tells by being refused.
fn noticed(entries: &[Entry]) -> Option<Vec<u32>> {
    let mut values = Vec::new();
    for entry in entries {
        match entry.act {
            Act::CasRefused => return None,
            Act::CasUnseen if entry.ret != OPEN => return None,
            Act::Read | Act::Cas | Act::CasUnseen => values.push(entry.value),
            Act::Write | Act::Append | Act::ReadUnseen | Act::Nothing => {}
        }
    }
    values.sort_unstable();
    Some(values)
}

fn as_register<'a>(
    entry: &Entry,
    value: impl Fn(u32) -> Name<'a>,
) -> Operation<register::Ask<Name<'a>>, register::Answer<Name<'a>>> {
    let cas = || register::Ask::Cas(value(entry.value), value(entry.to));
    let (input, output) = match entry.act {
        Act::Read => (register::Ask::Read, Some(register::Answer::Value(value(entry.value)))),
        Act::Write => (register::Ask::Write(value(entry.value)), Some(register::Answer::Done)),
        Act::Cas => (cas(), Some(register::Answer::Done)),
        Act::CasRefused => (cas(), Some(register::Answer::Refused)),
        Act::CasUnseen => (cas(), None),
        Act::ReadUnseen | Act::Append | Act::Nothing => (register::Ask::Read, None),
    };
    operation(entry, input, output)
}

fn as_text<'a>(entry: &Entry, value: impl Fn(u32) -> Name<'a>) -> Operation<text::Ask<Name<'a>>, Option<Name<'a>>> {
    let (input, output) = match entry.act {
        Act::Read => (text::Ask::Get, Some(Some(value(entry.value)))),
        Act::Write => (text::Ask::Put(value(entry.value)), Some(None)),
        Act::Append => (text::Ask::Append(value(entry.value)), Some(None)),
        _ => (text::Ask::Get, None),
    };
    operation(entry, input, output)
}

fn operation<I, O>(entry: &Entry, input: I, output: Option<O>) -> Operation<I, O> {
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

/// The entries of each key, by counting.
struct Parts {
    starts: Vec<u32>,
    entries: Vec<u32>,
}

impl Parts {
    fn new(history: &MapHistory) -> Self {
        let keys = history.entries.iter().map(|entry| entry.key + 1).max().unwrap_or(0);
        let mut starts = vec![0; keys as usize + 1];
        for entry in &history.entries {
            starts[entry.key as usize + 1] += 1;
        }
        for key in 1..starts.len() {
            starts[key] += starts[key - 1];
        }
        let mut next = starts.clone();
        let mut entries = vec![0; history.entries.len()];
        for (at, entry) in (0..).zip(&history.entries) {
            let place = &mut next[entry.key as usize];
            entries[*place as usize] = at;
            *place += 1;
        }
        Self { starts, entries }
    }

    fn len(&self) -> usize {
        self.starts.len() - 1
    }

    fn of(&self, part: usize) -> &[u32] {
        &self.entries[self.starts[part] as usize..self.starts[part + 1] as usize]
    }
}
