//! Nanoseconds per event of each streaming checker, at 100 thousand, 1 million and 10 million events.
//!
//! Events are made before the clock runs, in blocks, as a reader would hand them over: in the order of a history in
//! which some hundreds of operations are open at a time, ids numbered by first appearance. `finish` is counted in.
//! Each figure is the best of several processes of its own, so that memory is as cold for few events as for many: the
//! first touch of a page can cost more than all that is done in it. Where the system tells it, time is that on the
//! processor. Arguments that are numbers are sizes, other arguments select checkers by name.

mod accounts;
mod processes;
mod queues;
mod stores;

use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};

use paytwice_checkers::streaming::{At, Streaming};
use paytwice_checkers::verdict::{CheckerResult, Verdict};

/// How many ids are open at a time.
const WINDOW: u64 = 256;

/// Events that are made before the clock runs.
const BLOCK: u64 = 65_536;

/// Measures a size until so many events were timed, at least three times and at most 40 times; keeps the best.
const EVENTS_TIMED: u64 = 20_000_000;

/// Longer than this is timed by the processor's account.
const TICKS: Duration = Duration::from_millis(40);

/// Asks a process of this bench to measure one checker at one size: set to both.
const CHILD: &str = "PAYTWICE_BENCH_STREAM";

/// What something took, by the clock and by the processor's account.
///
/// The account goes by ticks: it serves what takes many of them. Short runs go by the clock, and the best of them was
/// not interrupted.
#[derive(Default)]
struct Taken {
    by_clock: Duration,
    on_cpu: Option<Duration>,
}

impl Taken {
    fn add<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let on_cpu = || {
            let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
            told.split(' ').next()?.parse().ok().map(Duration::from_nanos)
        };
        let (begun, begun_on_cpu) = (Instant::now(), on_cpu());
        let done = work();
        self.by_clock += begun.elapsed();
        if let (Some(from), Some(to)) = (begun_on_cpu, on_cpu()) {
            self.on_cpu = Some(self.on_cpu.unwrap_or_default() + to.saturating_sub(from));
        }
        done
    }

    fn best(&self) -> Duration {
        self.on_cpu.filter(|_| self.by_clock > TICKS).unwrap_or(self.by_clock)
    }
}

/// The event of a step of an id, of so many steps each: ids overlap, steps of one id follow each other.
fn place(event: u64, steps: u64) -> (u32, u64) {
    let (round, within) = (event / (WINDOW * steps), event % (WINDOW * steps));
    // Within a window ids take their steps in a scattered order.
    let (step, slot) = (within / WINDOW, (within % WINDOW * 97) % WINDOW);
    let slot = if step == 0 { within % WINDOW } else { slot };
    (u32::try_from(round * WINDOW + slot).expect("ids are u32"), step)
}

/// Feeds `size` events to a checker; makes a block of them at a time.
fn time<C: Streaming, E>(mut checker: C, size: u64, make: impl Fn(u64) -> E, push: impl Fn(&mut C, At, E)) -> Duration {
    let mut taken = Taken::default();
    let mut block = Vec::new();
    let mut index = 0;
    while index < size {
        block.extend((index..size.min(index + BLOCK)).map(&make));
        taken.add(|| {
            for event in block.drain(..) {
                push(
                    &mut checker,
                    At {
                        index,
                        time: index * 1_000,
                    },
                    event,
                );
                index += 1;
            }
        });
    }
    let result: CheckerResult = taken.add(|| black_box(checker.finish()));
    let first = result.anomalies.first();
    assert_ne!(result.verdict, Verdict::Invalid, "{} of {size}: {first:?}", result.name);
    taken.best()
}

const NAMES: [&str; 17] = [
    "total-queue",
    "exactly-once",
    "key-order",
    "log",
    "set",
    "set-full",
    "counter",
    "unique-ids",
    "long-fork",
    "bank",
    "ledger",
    "idempotency",
    "state-machine",
    "schedule",
    "branches",
    "leftovers",
    "soft-state",
];

fn measure(name: &str, size: u64) -> Duration {
    // Whole rounds, so that nothing is open at the end.
    let size = size - size % (WINDOW * 48);
    let timed = [queues::measure, stores::measure, accounts::measure, processes::measure]
        .into_iter()
        .find_map(|bench| bench(name, size));
    timed.unwrap_or_else(|| panic!("no checker is called {name}"))
}

/// Nanoseconds per event, measured by processes of their own.
fn ns_per_event(name: &str, size: u64) -> f64 {
    let this = std::env::current_exe().expect("a process knows its program");
    let once = || {
        let child = Command::new(&this)
            .env(CHILD, format!("{name} {size}"))
            .output()
            .expect("a child starts");
        let told = String::from_utf8_lossy(&child.stdout).trim().parse::<u64>();
        told.unwrap_or_else(|_| panic!("{name} at {size}: {}", String::from_utf8_lossy(&child.stderr)))
    };
    let best = (0..(EVENTS_TIMED / size).clamp(3, 40))
        .map(|_| once())
        .min()
        .unwrap_or_default();
    best as f64 / size as f64
}

fn main() {
    if let Ok(asked) = std::env::var(CHILD) {
        let (name, size) = asked.split_once(' ').expect("a name and a size");
        measure(name, WINDOW * 48);
        println!(
            "{}",
            measure(name, size.parse().expect("a size is a number")).as_nanos()
        );
        return;
    }
    let given: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let (sizes, names): (Vec<&String>, Vec<&String>) = given.iter().partition(|arg| arg.parse::<u64>().is_ok());
    let sizes: Vec<u64> = sizes.iter().filter_map(|size| size.parse().ok()).collect();
    let sizes = if sizes.is_empty() {
        vec![100_000, 1_000_000, 10_000_000]
    } else {
        sizes
    };
    let columns: String = sizes.iter().map(|size| format!("{size:>14}")).collect();
    println!("{:<16}{columns}   growth (ns/event)", "checker");
    for name in NAMES
        .into_iter()
        .filter(|name| names.is_empty() || names.iter().any(|given| given == name))
    {
        let measured: Vec<f64> = sizes.iter().map(|size| ns_per_event(name, *size)).collect();
        let cells: String = measured.iter().map(|ns| format!("{ns:>14.2}")).collect();
        let growth = measured
            .last()
            .zip(measured.first())
            .map_or(1.0, |(last, first)| last / first);
        println!("{name:<16}{cells}   {growth:.2}");
    }
}
