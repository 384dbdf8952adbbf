//! Speed of the linearizability checkers, and histories for others to be measured on.
//!
//! `linear TASK` generates a history, judges it, and prints one line: task, operations, milliseconds of the judging
//! alone, peak memory of the whole process, verdict. `linear write TASK FILE` writes the history for a peer, and
//! `linear read TASK FILE` judges what was written, without the generator's memory. Tasks: kv, kv-append, register,
//! cas, fifo, etcd DIR. A run without arguments does all that need no folder.
//!
//! `linear random COUNT FILE` writes small random histories, and `linear judge FILE [VERDICTS]` judges them, beside the
//! verdicts of a peer.

use std::fmt::Write as _;
use std::time::Instant;

use paytwice_checkers::linear::{Budget, FifoHistory, MapHistory, fifo, map};
use paytwice_checkers::verdict::CheckerResult;

#[path = "linear/generate.rs"]
mod generate;
#[path = "linear/peer.rs"]
mod peer;
#[path = "linear/random.rs"]
mod random;

use generate::{Event, Shape, What};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => ["kv", "kv-append", "register", "cas", "fifo"]
            .into_iter()
            .try_for_each(generated),
        ["write", task, file] => Ok(std::fs::write(file, peer::written(&generate::events(&shape(task)?)))?),
        ["read", task, file] => measure(task, &mut peer::read(file)?),
        ["etcd", folder] => etcd(folder),
        ["random", count, file] => Ok(random::write(count.parse()?, file)?),
        ["judge", file] => Ok(random::judge(file, None)?),
        ["judge", file, verdicts] => Ok(random::judge(file, Some(verdicts))?),
        [task] => generated(task),
        _ => Err(
            "linear [TASK | read TASK FILE | write TASK FILE | etcd DIR | random COUNT FILE | judge FILE [VERDICTS]]"
                .into(),
        ),
    }
}

fn shape(task: &str) -> Result<Shape, String> {
    let base = Shape {
        ops: 1_000_000,
        keys: 1,
        processes: 16,
        info_per_mille: 0,
        values: None,
        mix: &[What::Read, What::Write],
    };
    Ok(match task {
        "kv" => Shape { keys: 10_000, ..base },
        "kv-append" => Shape {
            keys: 10_000,
            mix: &[What::Read, What::Write, What::Append],
            ..base
        },
        "register" => Shape {
            ops: 20_000,
            mix: &[
                What::Read,
                What::Read,
                What::Read,
                What::Read,
                What::Read,
                What::Read,
                What::Read,
                What::Write,
            ],
            ..base
        },
        "cas" => Shape {
            ops: 10_000,
            processes: 20,
            info_per_mille: 100,
            values: Some(5),
            mix: &[What::Read, What::Write, What::Cas],
            ..base
        },
        "fifo" => Shape {
            mix: &[What::Enqueue, What::Dequeue],
            ..base
        },
        other => return Err(format!("no task is called {other}")),
    })
}

fn generated(task: &str) -> Result<(), Box<dyn std::error::Error>> {
    measure(task, &mut generate::events(&shape(task)?).into_iter())
}

fn measure(task: &str, events: &mut dyn Iterator<Item = Event>) -> Result<(), Box<dyn std::error::Error>> {
    let (result, ms) = if task == "fifo" {
        let history = as_fifo(events);
        timed(|| fifo::check(task, &history, Budget::default()))
    } else {
        let history = as_map(events);
        timed(|| map::check(task, &history, Budget::default()))
    };
    report(task, &[result], ms);
    Ok(())
}

/// The logs of a folder, as porcupine's tests read them.
fn etcd(folder: &str) -> Result<(), Box<dyn std::error::Error>> {
    let mut files: Vec<_> = std::fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    files.sort_by_key(std::fs::DirEntry::file_name);
    let texts: Vec<String> = files
        .iter()
        .map(|file| std::fs::read_to_string(file.path()))
        .collect::<Result<_, _>>()?;
    let histories: Vec<MapHistory> = texts
        .iter()
        .map(|text| as_map(&mut peer::etcd(text).into_iter()))
        .collect();
    let check = |history| map::check("cas-register", history, Budget::default());
    let (results, ms) = timed(|| histories.iter().map(check).collect::<Vec<_>>());
    report("etcd", &results, ms);
    Ok(())
}

fn timed<R>(work: impl FnOnce() -> R) -> (R, f64) {
    let begun = Instant::now();
    let result = work();
    (result, begun.elapsed().as_secs_f64() * 1e3)
}

fn report(task: &str, results: &[CheckerResult], ms: f64) {
    let ops: u64 = results.iter().map(|result| result.counts["operations"]).sum();
    let mut verdicts = std::collections::BTreeMap::new();
    for result in results {
        *verdicts
            .entry(format!("{:?}", result.verdict).to_lowercase())
            .or_insert(0) += 1;
    }
    let mut line = format!("{task:10} {ops:8} ops  {ms:10.2} ms  {:6} MB ", peak_mb());
    for (verdict, times) in verdicts {
        write!(line, " {verdict} {times}").unwrap_or_default();
    }
    println!("{line}");
    if let [result] = results
        && let Some(reason) = &result.reason
    {
        println!("           {reason}");
    }
}

/// Peak resident memory of this process, where the system tells.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok())
        .map_or(0, |kb| kb / 1024)
}

fn as_map(events: &mut dyn Iterator<Item = Event>) -> MapHistory {
    let mut history = MapHistory::new(b"");
    let mut begun = Vec::new();
    let mut name = String::new();
    for (index, event) in (0..).zip(events) {
        let mut id = |value: &generate::Value| {
            name.clear();
            value.write(&mut name);
            history.values.id(name.as_bytes())
        };
        match &event {
            Event::Call { what, key, value, to } => {
                let ask = match what {
                    What::Write => map::Ask::Write(id(value)),
                    What::Append => map::Ask::Append(id(value)),
                    What::Cas => map::Ask::Cas(id(value), id(to)),
                    _ => map::Ask::Read,
                };
                let key = history.keys.id(key.to_string().as_bytes());
                begun.push((history.begin(key, ask, index), *what));
            }
            Event::Return { op, value, done } => {
                let (op, what) = begun[*op as usize];
                let answer = match what {
                    What::Read => map::Answer::Value(id(value)),
                    What::Cas if !done => map::Answer::Refused,
                    _ => map::Answer::Done,
                };
                history.ok(op, answer, index);
            }
        }
    }
    history
}

fn as_fifo(events: &mut dyn Iterator<Item = Event>) -> FifoHistory {
    let mut history = FifoHistory::default();
    let mut begun = Vec::new();
    let mut name = String::new();
    for (index, event) in (0..).zip(events) {
        let mut id = |value: &generate::Value| {
            name.clear();
            value.write(&mut name);
            history.values.id(name.as_bytes())
        };
        match &event {
            Event::Call { what, value, .. } => {
                let op = match what {
                    What::Enqueue => {
                        let value = id(value);
                        history.enqueue(value, index)
                    }
                    _ => history.dequeue(index),
                };
                begun.push((op, *what));
            }
            Event::Return { op, value, done } => {
                let (op, what) = begun[*op as usize];
                match what {
                    What::Enqueue => history.ok(op, index),
                    _ => {
                        let value = done.then(|| id(value));
                        history.took(op, value, index);
                    }
                }
            }
        }
    }
    history
}
