//! Nanoseconds per event of each streaming checker, at 100 thousand, 1 million and 10 million events.
//!
//! Events are made before the clock runs, in blocks, as a reader would hand them over: in the order of a history in
//! which some hundreds of operations are open at a time, ids numbered by first appearance. `finish` is counted in.
//! Each figure is the best of several processes of its own, so that memory is as cold for few events as for many: the
//! first touch of a page can cost more than all that is done in it. Where the system tells it, time is that on the
//! processor. Arguments that are numbers are sizes, other arguments select checkers by name.

use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};

use paytwice_checkers::ledgers::bank::{self, Bank};
use paytwice_checkers::ledgers::idempotency::{self, Idempotency};
use paytwice_checkers::ledgers::postings::{self, Postings};
use paytwice_checkers::process::branches::{self, Branches};
use paytwice_checkers::process::leftovers::{self, Leftovers};
use paytwice_checkers::process::schedule::{self, Schedule, Since};
use paytwice_checkers::process::soft_state::{self, SoftState};
use paytwice_checkers::process::state_machine::{self, StateMachine, Table};
use paytwice_checkers::queues::exactly_once::{self, ExactlyOnce};
use paytwice_checkers::queues::key_order::{self, KeyOrder};
use paytwice_checkers::queues::log::{self, Log};
use paytwice_checkers::queues::total_queue::{self, TotalQueue};
use paytwice_checkers::stores::counter::{self, Counter};
use paytwice_checkers::stores::long_fork::{self, LongFork};
use paytwice_checkers::stores::set::{self, Set};
use paytwice_checkers::stores::set_full::{self, SetFull};
use paytwice_checkers::stores::unique_ids::{self, UniqueIds};
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

fn queues(name: &str, size: u64) -> Option<Duration> {
    Some(match name {
        "total-queue" => time(
            TotalQueue::new(total_queue::Options::default()),
            size,
            |event| {
                let (id, step) = place(event, 3);
                [
                    total_queue::Event::Enqueue,
                    total_queue::Event::Enqueued,
                    total_queue::Event::Dequeued,
                ][step as usize](id)
            },
            |c, at, e| c.push(at, e),
        ),
        "exactly-once" => time(
            ExactlyOnce::new(),
            size,
            |event| {
                use exactly_once::Event::{Acked, Applied, Attempted, Delivered};
                let (id, step) = place(event, 4);
                [Attempted, Applied, Acked, Delivered][step as usize](id)
            },
            |c, at, e| c.push(at, e),
        ),
        "key-order" => time(
            KeyOrder::new(),
            size,
            |event| {
                let (id, step) = place(event, 3);
                match step {
                    0 => key_order::Event::Send { id, key: id % 64 },
                    1 => key_order::Event::Sent(id),
                    _ => key_order::Event::Delivered(id),
                }
            },
            |c, at, e| c.push(at, e),
        ),
        "log" => time(
            Log::new(log::Options {
                undrained: true,
                ..log::Options::default()
            }),
            size,
            log_op,
            |c, at, op| {
                let (process, message, polls) = op;
                if polls {
                    c.push(at, log::Event::Invoked { process, sends: &[] });
                    let polled = Some(std::slice::from_ref(&message));
                    let outcome = log::Outcome::Ok;
                    c.push(
                        at,
                        log::Event::Ended {
                            process,
                            outcome,
                            sent: &[],
                            polled,
                            rebalanced: &[],
                        },
                    );
                } else {
                    c.push(
                        at,
                        log::Event::Invoked {
                            process,
                            sends: &[message.id],
                        },
                    );
                    let sent = std::slice::from_ref(&message);
                    let outcome = log::Outcome::Ok;
                    c.push(
                        at,
                        log::Event::Ended {
                            process,
                            outcome,
                            sent,
                            polled: None,
                            rebalanced: &[],
                        },
                    );
                }
            },
        ),
        _ => return None,
    })
}

/// 64 keys, each sent to by one process and polled by another.
fn log_op(event: u64) -> (u32, log::Message, bool) {
    let (id, step) = (
        u32::try_from(event / 128 * 64 + event % 64).expect("ids are u32"),
        event / 64 % 2,
    );
    let message = log::Message {
        id,
        key: id % 64,
        offset: Some(u64::from(id / 64)),
    };
    (id % 64 % 8 + if step == 1 { 8 } else { 0 }, message, step == 1)
}

fn stores(name: &str, size: u64) -> Option<Duration> {
    Some(match name {
        "set" => time(
            Set::new(),
            size,
            |event| place(event, 2),
            |c, at, (id, step)| {
                c.push(
                    at,
                    if step == 0 {
                        set::Event::Add(id)
                    } else {
                        set::Event::Added(id)
                    },
                );
                if at.index + 1 == size {
                    let all: Vec<u32> = (0..u32::try_from(size / 2).expect("ids are u32")).collect();
                    c.push(at, set::Event::Read(&all));
                }
            },
        ),
        // Reads list the last 256 elements, so an event is an element listed: elements are stale, and not lost.
        "set-full" => time(
            SetFull::new(set_full::Options::default()),
            size / 128,
            |event| event,
            |c, at, event| {
                let id = u32::try_from(event).expect("ids are u32");
                c.push(at, set_full::Event::Add(id));
                c.push(at, set_full::Event::Added(id));
                let last: Vec<u32> = (id.saturating_sub(127)..=id).collect();
                c.push(at, set_full::Event::ReadInvoked { process: 0 });
                c.push(
                    at,
                    set_full::Event::Read {
                        process: 0,
                        elements: &last,
                    },
                );
                if event + 1 == size / 128 {
                    let all: Vec<u32> = (0..=id).collect();
                    c.push(
                        At {
                            index: at.index + 1,
                            ..at
                        },
                        set_full::Event::ReadInvoked { process: 0 },
                    );
                    c.push(
                        At {
                            index: at.index + 2,
                            ..at
                        },
                        set_full::Event::Read {
                            process: 0,
                            elements: &all,
                        },
                    );
                }
            },
        ),
        "counter" => time(
            Counter::new(),
            size,
            |event| {
                let (id, step) = place(event, 2);
                let process = id % u32::try_from(WINDOW).expect("a window of u32");
                // Reads begin when a whole round has been added, and end before the next one begins.
                match (id / u32::try_from(WINDOW).expect("a window of u32") % 2, step) {
                    (0, 0) => counter::Event::Add { process, amount: 1 },
                    (0, _) => counter::Event::Added(process),
                    (_, 0) => counter::Event::ReadInvoked(process),
                    _ => counter::Event::Read {
                        process,
                        value: i64::from(id) / 512 * 256 + 256,
                    },
                }
            },
            |c, at, e| c.push(at, e),
        ),
        "unique-ids" => time(
            UniqueIds::new(),
            size,
            |event| event,
            |c, at, event| {
                let id = u32::try_from(event / 2).expect("ids are u32");
                c.push(
                    at,
                    if event % 2 == 0 {
                        unique_ids::Event::Generate
                    } else {
                        unique_ids::Event::Generated(id)
                    },
                );
            },
        ),
        // Groups of two keys, each written and then read twice.
        "long-fork" => time(
            LongFork::new(long_fork::Options { group_size: 2 }),
            size,
            |event| event,
            |c, at, event| {
                let x = u32::try_from(event / 4 * 2).expect("ids are u32");
                match event % 4 {
                    0 => c.push(at, long_fork::Event::Write(x)),
                    1 => c.push(at, long_fork::Event::Write(x + 1)),
                    2 => c.push(at, long_fork::Event::Read(&[(x, Some(0)), (x + 1, None)])),
                    _ => c.push(at, long_fork::Event::Read(&[(x, Some(0)), (x + 1, Some(0))])),
                }
            },
        ),
        _ => return None,
    })
}

fn ledgers(name: &str, size: u64) -> Option<Duration> {
    Some(match name {
        "bank" => time(
            Bank::new(bank::Options::default()),
            size,
            |event| event,
            |c, at, event| {
                let moved = i128::from(event % 50);
                c.push(
                    at,
                    bank::Read(&[(0, Some(50 - moved)), (1, Some(50 + moved)), (2, Some(9)), (3, Some(7))]),
                );
            },
        ),
        "ledger" => time(
            Postings::new(postings::Options::default()),
            size,
            |event| {
                let (id, step) = place(event, 2);
                let (op, account) = (id % u32::try_from(WINDOW).expect("a window of u32"), id % 8_192);
                let (visit, rounds) = (i128::from(id / 8_192), i128::from(id / 8_192 / 2));
                match (visit % 2, step) {
                    (0, 0) => postings::Event::Post { op, account, amount: 7 },
                    (0, _) => postings::Event::Posted(op),
                    (_, 0) => postings::Event::ReadInvoked { op, account },
                    _ => postings::Event::Balance {
                        op,
                        balance: (rounds + 1) * 7,
                    },
                }
            },
            |c, at, e| c.push(at, e),
        ),
        "idempotency" => time(
            Idempotency::new(),
            size,
            |event| {
                let (id, step) = place(event, 3);
                let payload = id;
                match step {
                    0 => idempotency::Event::Sent { id, payload },
                    1 => idempotency::Event::Accepted { id, payload },
                    _ => idempotency::Event::Recorded { id, payload },
                }
            },
            |c, at, e| c.push(at, e),
        ),
        _ => return None,
    })
}

fn processes(name: &str, size: u64) -> Option<Duration> {
    Some(match name {
        "state-machine" => {
            let table = Table::new(&["trying", "frozen", "confirmed"]).and_then(|t| t.initial(&["trying"]));
            let table = table
                .and_then(|t| t.terminal(&["confirmed"]))
                .and_then(|t| t.allow("trying", &["frozen"]));
            let table = table
                .and_then(|t| t.allow("frozen", &["confirmed"]))
                .expect("the states are there");
            time(
                StateMachine::new(table),
                size,
                |event| {
                    let (id, step) = place(event, 3);
                    state_machine::Event::Seen { id, state: step as u8 }
                },
                |c, at, e| c.push(at, e),
            )
        }
        "schedule" => {
            let options = schedule::Options {
                delays_ns: vec![0, 256_000],
                since: Since::Begin,
                early_ns_max: 1_000_000,
                late_ns_max: 1_000_000,
                silence_ns: 0,
            };
            time(
                Schedule::new(options),
                size,
                |event| {
                    let (id, step) = place(event, 3);
                    if step < 2 {
                        schedule::Event::Attempt(id)
                    } else {
                        schedule::Event::Acked(id)
                    }
                },
                |c, at, e| c.push(at, e),
            )
        }
        "branches" => time(
            Branches::new(),
            size,
            |event| {
                let (id, step) = place(event, 4);
                match step {
                    0 => branches::Event::Begun { id, branches: 2 },
                    3 => branches::Event::Committed(id),
                    branch => branches::Event::Applied {
                        id,
                        branch: branch as u8 - 1,
                    },
                }
            },
            |c, at, e| c.push(at, e),
        ),
        "leftovers" => time(
            Leftovers::new(),
            size,
            |event| {
                let (id, step) = place(event, 2);
                if step == 0 {
                    leftovers::Event::Appeared { id, kind: 0 }
                } else {
                    leftovers::Event::Disappeared(id)
                }
            },
            |c, at, e| c.push(at, e),
        ),
        "soft-state" => time(
            SoftState::new(soft_state::Options::default()),
            size,
            |event| {
                let (id, step) = place(event, 2);
                if step == 0 {
                    soft_state::Event::Entered(id)
                } else {
                    soft_state::Event::Left(id)
                }
            },
            |c, at, e| c.push(at, e),
        ),
        _ => return None,
    })
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
    let timed = [queues, stores, ledgers, processes]
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
