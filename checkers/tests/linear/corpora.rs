//! Recorded histories with known verdicts, where `PAYTWICE_CORPORA` says that they are.

use std::collections::HashMap;
use std::path::PathBuf;

use paytwice_checkers::linear::models::multi_register::{MultiRegister, Step};
use paytwice_checkers::linear::models::mutex::Ask;
use paytwice_checkers::linear::{Budget, MapHistory, Operation, check, locks, map};
use paytwice_checkers::verdict::{CheckerResult, Verdict};

use crate::edn::{Edn, field, maps};

/// Decided otherwise than listed: nothing in them is known to have happened, and a run that observed nothing is
/// unknown here.
const NOTHING_OBSERVED: &[&str] = &["knossos/cas-register/good/mongodb-v0-ack-rollback-10.edn"];

#[test]
fn recorded_histories_are_decided_as_listed() {
    let Some(folder) = std::env::var_os("PAYTWICE_CORPORA").map(PathBuf::from) else {
        eprintln!("skipped: PAYTWICE_CORPORA does not name a folder");
        return;
    };
    let rows = std::fs::read_to_string(folder.join("VERDICTS.tsv")).expect("VERDICTS.tsv");
    let (mut agreed, mut wrong) = (0, Vec::new());
    for row in rows.lines().skip(1) {
        let row: Vec<&str> = row.split('\t').collect();
        let [path, format, kind, _, verdict, ..] = row[..] else {
            panic!("a row has six columns: {row:?}")
        };
        let text = || std::fs::read_to_string(folder.join(path)).expect(path);
        let result = match (format, kind) {
            ("porcupine-etcd", _) => etcd(&text()),
            ("porcupine-kv", _) => kv(&text()),
            (_, "cas-register") => cas_register(&text()),
            (_, "multi-register") => multi_register(&text()),
            (_, "mutex") => mutex(&text()),
            _ => continue,
        };
        let expected = match verdict {
            _ if NOTHING_OBSERVED.contains(&path) => Verdict::Unknown,
            "valid" => Verdict::Valid,
            _ => Verdict::Invalid,
        };
        if result.verdict == expected {
            agreed += 1;
        } else {
            wrong.push(format!("{path}: {verdict}, but {result:?}"));
        }
    }
    assert!(wrong.is_empty(), "{agreed} agreed, not:\n{}", wrong.join("\n"));
    assert!(agreed > 0, "no row is about linearizability");
}

/// Begun operations by process, over a map with one key or more.
struct Recorder {
    history: MapHistory,
    open: HashMap<String, map::Begun>,
    index: u32,
}

impl Recorder {
    fn new(initial: &str) -> Self {
        Self {
            history: MapHistory::new(initial.as_bytes()),
            open: HashMap::new(),
            index: 0,
        }
    }

    fn value(&mut self, value: &str) -> u32 {
        self.history.values.id(value.as_bytes())
    }

    fn invoke(&mut self, process: &str, key: &str, ask: map::Ask) {
        let key = self.history.keys.id(key.as_bytes());
        let begun = self.history.begin(key, ask, self.index);
        self.open.insert(process.to_owned(), begun);
        self.index += 1;
    }

    fn ok(&mut self, process: &str, answer: map::Answer) {
        if let Some(begun) = self.open.remove(process) {
            self.history.ok(begun, answer, self.index);
            self.index += 1;
        }
    }

    fn judge(&self) -> CheckerResult {
        map::check("cas-register", &self.history, Budget::default())
    }
}

/// A refused compare-and-set took place; a read that timed out told nothing; other timeouts may have happened.
fn etcd(text: &str) -> CheckerResult {
    let mut recorder = Recorder::new("nil");
    for line in text.lines() {
        let line: Vec<&str> = line
            .split([' ', '\t', '[', ']'])
            .filter(|word| !word.is_empty())
            .collect();
        let ["INFO", "jepsen.util", "-", process, kind, f, values @ ..] = &line[..] else {
            continue;
        };
        match (*kind, *f, values) {
            (":invoke", ":read", _) => recorder.invoke(process, "", map::Ask::Read),
            (":invoke", ":write", [value]) => {
                let value = recorder.value(value);
                recorder.invoke(process, "", map::Ask::Write(value));
            }
            (":invoke", ":cas", [from, to]) => {
                let (from, to) = (recorder.value(from), recorder.value(to));
                recorder.invoke(process, "", map::Ask::Cas(from, to));
            }
            (":ok", ":read", [value]) => {
                let value = recorder.value(value);
                recorder.ok(process, map::Answer::Value(value));
            }
            (":ok", ..) => recorder.ok(process, map::Answer::Done),
            (":fail", ":cas", [_, _]) => recorder.ok(process, map::Answer::Refused),
            (":fail", ":read", _) => recorder.ok(process, map::Answer::Unseen),
            _ => {}
        }
    }
    recorder.judge()
}

fn kv(text: &str) -> CheckerResult {
    let mut recorder = Recorder::new("");
    for op in maps(text) {
        let (process, key, value) = (op.word("process"), op.word("key"), op.word("value"));
        let id = recorder.value(&value);
        match (&op.word("type")[..], &op.word("f")[..]) {
            (":invoke", ":get") => recorder.invoke(&process, &key, map::Ask::Read),
            (":invoke", ":put") => recorder.invoke(&process, &key, map::Ask::Write(id)),
            (":invoke", _) => recorder.invoke(&process, &key, map::Ask::Append(id)),
            (_, ":get") => recorder.ok(&process, map::Answer::Value(id)),
            _ => recorder.ok(&process, map::Answer::Done),
        }
    }
    recorder.judge()
}

/// As Jepsen means it: what failed did not happen.
fn cas_register(text: &str) -> CheckerResult {
    let mut recorder = Recorder::new("nil");
    for op in maps(text) {
        let process = op.word("process");
        let values: Vec<u32> = match field(&op, "value") {
            Some(Edn::List(values)) => values.iter().map(|value| recorder.value(&value.text())).collect(),
            Some(value) => vec![recorder.value(&value.text())],
            None => vec![],
        };
        match (&op.word("type")[..], &op.word("f")[..], &values[..]) {
            (":invoke", ":read", _) => recorder.invoke(&process, "", map::Ask::Read),
            (":invoke", ":write", [value]) => recorder.invoke(&process, "", map::Ask::Write(*value)),
            (":invoke", ":cas", [from, to]) => recorder.invoke(&process, "", map::Ask::Cas(*from, *to)),
            (":ok", ":read", [value]) => recorder.ok(&process, map::Answer::Value(*value)),
            (":ok", ..) => recorder.ok(&process, map::Answer::Done),
            (":fail", ..) => {
                if let Some(begun) = recorder.open.remove(&process) {
                    recorder.history.fail(begun);
                }
            }
            _ => {}
        }
    }
    recorder.judge()
}

fn multi_register(text: &str) -> CheckerResult {
    let mut ops: Vec<Operation<Vec<Step<String, String>>, ()>> = Vec::new();
    let mut open: HashMap<String, usize> = HashMap::new();
    for (index, op) in (0..).zip(maps(text)) {
        let process = op.word("process");
        if op.word("f") != ":txn" {
            continue;
        }
        let Some(Edn::List(steps)) = field(&op, "value") else {
            panic!("a transaction is a list")
        };
        let txn = steps.iter().map(|step| match step.words().as_slice() {
            [f, key, value] if f == ":read" => Step::Read(key.clone(), Some(value.clone()).filter(|v| v != "nil")),
            [_, key, value] => Step::Write(key.clone(), value.clone()),
            other => panic!("a step has three words: {other:?}"),
        });
        match &op.word("type")[..] {
            ":invoke" => {
                open.insert(process, ops.len());
                ops.push(Operation::info(0, txn.collect(), index));
            }
            ":ok" => {
                let at = open.remove(&process).expect("invoked");
                ops[at] = Operation::ok(0, txn.collect(), ops[at].call, (), index);
            }
            ":fail" => {
                let at = open.remove(&process).expect("invoked");
                ops[at].input.clear();
            }
            _ => {}
        }
    }
    let initial = ["x", "y"].map(|key| (format!(":{key}"), "0".to_owned())).to_vec();
    check(
        &MultiRegister {
            initial,
            otherwise: None,
        },
        &ops,
        Budget::default(),
    )
}

fn mutex(text: &str) -> CheckerResult {
    let mut ops: Vec<Operation<Ask, ()>> = Vec::new();
    let mut open: HashMap<String, usize> = HashMap::new();
    let mut failed = Vec::new();
    for (index, op) in (0..).zip(maps(text)) {
        let process = op.word("process");
        let ask = match &op.word("f")[..] {
            ":acquire" => Ask::Acquire,
            ":release" => Ask::Release,
            _ => continue,
        };
        match &op.word("type")[..] {
            ":invoke" => {
                open.insert(process, ops.len());
                ops.push(Operation::info(0, ask, index));
            }
            ":ok" => {
                let at = open.remove(&process).expect("invoked");
                ops[at] = Operation::ok(0, ask, ops[at].call, (), index);
            }
            ":fail" => failed.extend(open.remove(&process)),
            _ => {}
        }
    }
    let mut at = 0..;
    ops.retain(|_| at.next().is_some_and(|at| !failed.contains(&at)));
    locks::check(&ops)
}
