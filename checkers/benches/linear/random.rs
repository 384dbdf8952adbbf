//! Small random histories by the thousand, and their verdicts beside a peer's.
//!
//! A quarter of them are those of a correct store, the others have more or fewer wrong answers. Operations
//! overlap, and many are of unknown outcome.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::time::Instant;

use paytwice_checkers::linear::{Budget, fifo, map};
use paytwice_checkers::verdict::Verdict;

use crate::generate::{Dice, Event, Value, What};
use crate::peer;

/// What is generated in turn: a name, what is asked, and how many keys there are.
const KINDS: [(&str, &[What], u64); 4] = [
    ("register", &[What::Read, What::Write], 1),
    ("cas-register", &[What::Read, What::Write, What::Cas], 1),
    ("kv", &[What::Read, What::Write, What::Append, What::Append], 2),
    ("fifo-queue", &[What::Enqueue, What::Dequeue], 1),
];

/// Writes so many histories, each behind a line with its kind.
pub(crate) fn write(count: u64, file: &str) -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(std::fs::File::create(file)?);
    for nth in 0..count {
        let (name, mix, keys) = KINDS[(nth % KINDS.len() as u64) as usize];
        writeln!(out, "h\t{name}")?;
        out.write_all(peer::written(&history(mix, keys, nth)).as_bytes())?;
    }
    out.flush()
}

/// What came of the histories of one kind.
#[derive(Default)]
struct Tally {
    histories: u64,
    valid: u64,
    invalid: u64,
    /// Nothing was observed.
    nothing: u64,
    /// Given up.
    undecided: u64,
    peer_unknown: u64,
    disagreements: u64,
    ms: f64,
    slowest: (f64, u64),
}

/// Judges the histories of a file; `verdicts` has a peer's, one per line.
pub(crate) fn judge(file: &str, verdicts: Option<&str>) -> std::io::Result<()> {
    let theirs: Vec<String> = match verdicts {
        Some(file) => BufReader::new(std::fs::File::open(file)?)
            .lines()
            .collect::<Result<_, _>>()?,
        None => Vec::new(),
    };
    let text = std::fs::read_to_string(file)?;
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    for (nth, section) in (0..).zip(text.split("h\t").skip(1)) {
        let (name, lines) = section.split_once('\n').unwrap_or((section, ""));
        let mut events = peer::parse(lines.lines().map(str::to_owned));
        let queue = name == "fifo-queue";
        let begun = Instant::now();
        let result = if queue {
            fifo::check(name, &crate::as_fifo(&mut events), Budget::default())
        } else {
            map::check(name, &crate::as_map(&mut events), Budget::default())
        };
        let ms = begun.elapsed().as_secs_f64() * 1e3;
        let tally = tallies.entry(name).or_default();
        tally.add(nth, &result, ms);
        tally.compare(nth, name, result.verdict, theirs.get(nth as usize).map(String::as_str));
    }
    for (name, tally) in tallies {
        println!("{}", tally.line(name, verdicts.is_some()));
    }
    println!("peak memory {} MB", crate::peak_mb());
    Ok(())
}

impl Tally {
    fn add(&mut self, nth: u64, result: &paytwice_checkers::verdict::CheckerResult, ms: f64) {
        self.histories += 1;
        match result.verdict {
            Verdict::Valid => self.valid += 1,
            Verdict::Invalid => self.invalid += 1,
            Verdict::Unknown if result.counts["undecided"] == 0 => self.nothing += 1,
            Verdict::Unknown => self.undecided += 1,
        }
        self.ms += ms;
        if ms > self.slowest.0 {
            self.slowest = (ms, nth);
        }
    }

    fn compare(&mut self, nth: u64, name: &str, ours: Verdict, theirs: Option<&str>) {
        let same = match (ours, theirs) {
            (_, None) | (Verdict::Unknown, _) => true,
            (_, Some("unknown")) => {
                self.peer_unknown += 1;
                true
            }
            (Verdict::Valid, Some(theirs)) => theirs == "valid",
            (Verdict::Invalid, Some(theirs)) => theirs == "invalid",
        };
        if !same {
            self.disagreements += 1;
            println!(
                "history {nth} ({name}): {ours:?} here, {} there",
                theirs.unwrap_or_default()
            );
        }
    }

    fn line(&self, name: &str, compared: bool) -> String {
        let peer = match compared {
            true => format!(
                "  disagreements {}  peer's unknowns {}",
                self.disagreements, self.peer_unknown
            ),
            false => String::new(),
        };
        format!(
            "{name:12} {:7} histories  valid {:6}  invalid {:6}  nothing observed {:5}  undecided {}{peer}  mean {:.3} ms  \
             slowest {:.2} ms (history {})",
            self.histories,
            self.valid,
            self.invalid,
            self.nothing,
            self.undecided,
            self.ms / self.histories as f64,
            self.slowest.0,
            self.slowest.1,
        )
    }
}

struct Pending {
    op: u32,
    what: What,
    key: u64,
    value: String,
    to: String,
    info: bool,
    answer: Option<(String, bool)>,
}

/// A history from a seed.
fn history(mix: &[What], keys: u64, seed: u64) -> Vec<Event> {
    let mut dice = Dice::new(seed);
    let ops = 4 + dice.below(16) as u32;
    let processes = 2 + dice.below(7) as usize;
    let info_percent = [0, 10, 30, 50][dice.below(4) as usize];
    let values = 1 + dice.below(5);
    let wrong_percent = [0, 5, 15, 40][dice.below(4) as usize];
    let (mut events, mut pending, mut store) = (Vec::new(), Vec::<Pending>::new(), Store::default());
    let mut called = 0;
    while called < ops || pending.iter().any(|op| !op.info) {
        let busy = pending.iter().filter(|op| !op.info).count();
        if called < ops && busy < processes && dice.below(3) == 0 {
            let what = mix[dice.below(mix.len() as u64) as usize];
            let mut value = |asked: bool| {
                if asked {
                    dice.below(values).to_string()
                } else {
                    String::new()
                }
            };
            let asks = !matches!(what, What::Read | What::Dequeue);
            let (value, to) = (value(asks), value(what == What::Cas));
            let op = Pending {
                op: called,
                what,
                key: dice.below(keys),
                value,
                to,
                info: dice.below(100) < info_percent,
                answer: None,
            };
            events.push(Event::Call {
                what,
                key: op.key as u32,
                value: Value::Text(op.value.clone()),
                to: Value::Text(op.to.clone()),
            });
            pending.push(op);
            called += 1;
            continue;
        }
        if pending.is_empty() {
            continue;
        }
        let at = dice.below(pending.len() as u64) as usize;
        if pending[at].answer.is_none() {
            pending[at].answer = Some(store.apply(&pending[at]));
        } else if !pending[at].info {
            let op = pending.swap_remove(at);
            let right = op.answer.clone().unwrap_or_default();
            let wrong = dice.below(100) < wrong_percent;
            let (value, done) = if wrong { guess(&op, values, &mut dice) } else { right };
            let op = op.op;
            let value = Value::Text(value);
            events.push(Event::Return { op, value, done });
        } else if dice.below(4) == 0 {
            pending.swap_remove(at);
        }
    }
    events
}

/// Some answer.
fn guess(op: &Pending, values: u64, dice: &mut Dice) -> (String, bool) {
    let parts = match op.what {
        What::Read if op.value.is_empty() => dice.below(4),
        What::Dequeue => dice.below(3).min(1),
        _ => 0,
    };
    let value: String = (0..parts).map(|_| dice.below(values).to_string()).collect();
    let done = match op.what {
        What::Dequeue => parts > 0,
        What::Cas => dice.below(2) == 0,
        _ => true,
    };
    (value, done)
}

#[derive(Default)]
struct Store {
    cells: BTreeMap<u64, String>,
    queue: VecDeque<String>,
}

impl Store {
    fn apply(&mut self, op: &Pending) -> (String, bool) {
        let cell = self.cells.entry(op.key).or_default();
        match op.what {
            What::Read => return (cell.clone(), true),
            What::Write => cell.clone_from(&op.value),
            What::Append => cell.push_str(&op.value),
            What::Cas if *cell != op.value => return (String::new(), false),
            What::Cas => cell.clone_from(&op.to),
            What::Enqueue => self.queue.push_back(op.value.clone()),
            What::Dequeue => {
                let taken = self.queue.pop_front();
                let done = taken.is_some();
                return (taken.unwrap_or_default(), done);
            }
        }
        (String::new(), true)
    }
}
