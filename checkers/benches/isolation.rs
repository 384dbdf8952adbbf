//! How long the isolation checkers take for a million transactions, from the builder's columns, and what they need.
//!
//! `cargo bench -p paytwice-checkers --bench isolation -- [TRANSACTIONS]`; with `--write FILE` the list-append history
//! is written as JSON lines instead, one operation a line, as other checkers read them.

use std::io::{BufWriter, Write};
use std::time::{Duration, Instant};

use paytwice_checkers::isolation::rw_register::Assumptions;
use paytwice_checkers::isolation::{ListAppend, Model, Options, Outcome, RwRegister, Txn};

const PROCESSES: u64 = 20;
const ACTIVE_KEYS: u64 = 20;
const WRITES_PER_KEY: u64 = 32;

/// A linear congruential generator: the same history every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

enum Mop {
    Append(i64, i64),
    Read(i64, Vec<i64>),
}

/// A strictly serializable store: each transaction takes effect when it completes, while up to `PROCESSES` are open.
struct Store {
    dice: Dice,
    lists: Vec<(i64, Vec<i64>)>,
    next_key: i64,
    index: u64,
    open: Vec<u64>,
    /// One read in so many misses the last element; 0 for none.
    stale: u64,
}

impl Store {
    fn new(stale: u64) -> Self {
        let lists = (0..ACTIVE_KEYS as i64).map(|key| (key, Vec::new())).collect();
        Store {
            dice: Dice(1),
            lists,
            next_key: ACTIVE_KEYS as i64,
            index: 0,
            open: Vec::new(),
            stale,
        }
    }

    /// The next transaction to complete, and what it did.
    fn next(&mut self) -> (Txn, Vec<Mop>) {
        while self.open.len() < PROCESSES as usize {
            let invoke = self.tick();
            self.open.push(invoke);
        }
        let process = self.dice.below(PROCESSES);
        let mops = self.dice.below(4) + 1;
        let mops = (0..mops).map(|_| self.mop()).collect();
        let complete = self.tick();
        let again = self.tick();
        let invoke = std::mem::replace(&mut self.open[process as usize], again);
        (
            Txn {
                process,
                invoke,
                complete: Some(complete),
                outcome: Outcome::Ok,
            },
            mops,
        )
    }

    fn tick(&mut self) -> u64 {
        self.index += 1;
        self.index - 1
    }

    fn mop(&mut self) -> Mop {
        let slot = self.dice.below(ACTIVE_KEYS) as usize;
        let (key, list) = &mut self.lists[slot];
        if self.dice.below(2) == 0 {
            let stale = self.stale > 0 && self.dice.below(self.stale) == 0;
            return Mop::Read(
                *key,
                list[..list.len() - usize::from(stale && !list.is_empty())].to_vec(),
            );
        }
        let value = list.len() as i64 + 1;
        list.push(value);
        let mop = Mop::Append(*key, value);
        if value as u64 == WRITES_PER_KEY {
            self.lists[slot] = (self.next_key, Vec::new());
            self.next_key += 1;
        }
        mop
    }
}

fn main() {
    let args: Vec<String> = std::env::args().filter(|arg| arg != "--bench").collect();
    let txns: u64 = args.get(1).and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    if let Some(at) = args.iter().position(|arg| arg == "--write") {
        return write(txns, &args[at + 1]);
    }
    for stale in [0, 1000, 10] {
        println!("one read in {stale} misses the last element (0: none)");
        let mut store = Store::new(stale);
        let history: Vec<(Txn, Vec<Mop>)> = (0..txns).map(|_| store.next()).collect();
        let before = peak_kb();
        list_append(&history);
        println!(
            "  peak memory above the history as generated: {} MB",
            peak_kb().saturating_sub(before) / 1024
        );
        rw_register(&history);
    }
    println!("each model asked for alone, {} transactions", txns / 10);
    for stale in [1000, 10] {
        println!("one read in {stale} misses the last element");
        let mut store = Store::new(stale);
        let history: Vec<(Txn, Vec<Mop>)> = (0..txns / 10).map(|_| store.next()).collect();
        for model in MODELS {
            let begin = Clock::now();
            let verdict = lists_of(&history).check(&Options::model(model)).verdict(model);
            println!("  list-append, {model}: {verdict:?} in {}", begin.elapsed());
            let begin = Clock::now();
            let registers = registers_of(&history);
            let verdict = registers
                .check(&Options::model(model), &Assumptions::default())
                .verdict(model);
            println!("  rw-register, {model}: {verdict:?} in {}", begin.elapsed());
        }
    }
}

/// Of models that say what is visible, and of those that say in which order.
const MODELS: [Model; 6] = [
    Model::ReadAtomic,
    Model::CausalCerone,
    Model::Causal,
    Model::Prefix,
    Model::SnapshotIsolation,
    Model::Serializable,
];

fn list_append(history: &[(Txn, Vec<Mop>)]) {
    let begin = Clock::now();
    let lists = lists_of(history);
    let built = begin.elapsed();
    let report = lists.check(&Options::default());
    let verdict = report.into_result().verdict;
    println!("list-append, {} transactions: {verdict:?}", history.len());
    println!("  to gather: {built}\n  in all: {}", begin.elapsed());
}

fn lists_of(history: &[(Txn, Vec<Mop>)]) -> ListAppend {
    let mut lists = ListAppend::new();
    for (txn, mops) in history {
        lists.begin(*txn);
        for mop in mops {
            match mop {
                Mop::Append(key, value) => lists.append(*key, *value),
                Mop::Read(key, list) => lists.read(*key, list.iter().copied()),
            }
        }
    }
    lists
}

fn rw_register(history: &[(Txn, Vec<Mop>)]) {
    let begin = Clock::now();
    let registers = registers_of(history);
    let report = registers.check(&Options::default(), &Assumptions::default());
    let verdict = report.into_result().verdict;
    println!(
        "rw-register, {} transactions: {verdict:?}\n  in all: {}",
        history.len(),
        begin.elapsed()
    );
}

fn registers_of(history: &[(Txn, Vec<Mop>)]) -> RwRegister {
    let mut registers = RwRegister::new();
    for (txn, mops) in history {
        registers.begin(*txn);
        for mop in mops {
            match mop {
                Mop::Append(key, value) => registers.write(*key, Some(*value)),
                Mop::Read(key, list) => registers.read(*key, list.last().copied()),
            }
        }
    }
    registers
}

/// A point in time, and how long this thread has run until then, where the system tells it: on a shared machine only
/// the latter means something.
struct Clock(Instant, Option<Duration>);

impl Clock {
    fn now() -> Self {
        let ran = std::fs::read_to_string("/proc/self/schedstat").ok();
        let ran = ran.and_then(|line| Some(Duration::from_nanos(line.split(' ').next()?.parse().ok()?)));
        Clock(Instant::now(), ran)
    }

    fn elapsed(&self) -> String {
        let now = Clock::now();
        let ran = now
            .1
            .zip(self.1)
            .map(|(now, before)| format!(", {:?} on the processor", now - before));
        format!("{:?}{}", now.0 - self.0, ran.unwrap_or_default())
    }
}

/// The largest resident set so far, where the system tells it.
fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0)
}

fn write(txns: u64, path: &str) {
    let mut store = Store::new(0);
    let mut lines: Vec<(u64, String)> = Vec::new();
    for _ in 0..txns {
        let (txn, mops) = store.next();
        let text = |known: bool| {
            let mops = mops.iter().map(|mop| match mop {
                Mop::Append(key, value) => format!("[\"append\",{key},{value}]"),
                Mop::Read(key, list) if known => {
                    format!(
                        "[\"r\",{key},[{}]]",
                        list.iter().map(i64::to_string).collect::<Vec<_>>().join(",")
                    )
                }
                Mop::Read(key, _) => format!("[\"r\",{key},null]"),
            });
            mops.collect::<Vec<_>>().join(",")
        };
        let line = |index: u64, kind: &str, known: bool| {
            let process = txn.process;
            let value = text(known);
            format!("{{\"index\":{index},\"type\":\"{kind}\",\"process\":{process},\"f\":\"txn\",\"value\":[{value}]}}")
        };
        lines.push((txn.invoke, line(txn.invoke, "invoke", false)));
        let complete = txn.complete.expect("all complete");
        lines.push((complete, line(complete, "ok", true)));
    }
    lines.sort_unstable_by_key(|(index, _)| *index);
    let mut file = BufWriter::new(std::fs::File::create(path).expect("the file can be written"));
    for (_, line) in lines {
        writeln!(file, "{line}").expect("the file can be written");
    }
}
