//! Recorded histories of banks, sets, counters and long forks, with the verdicts that others gave them.
//!
//! Runs where `PAYTWICE_CORPORA` names a folder of recorded histories, and says so where it does not. The histories
//! are small enough for the plainest reader of their notation there can be.

use std::collections::HashMap;
use std::path::PathBuf;

use paytwice_checkers::accounts::bank::{self, Bank};
use paytwice_checkers::stores::{counter, long_fork, set, set_full};
use paytwice_checkers::streaming::{At, Streaming};
use paytwice_checkers::verdict::{CheckerResult, Verdict};

/// A value in EDN or JSON: what brackets hold, or one word.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Value {
    Word(String),
    Group(char, Vec<Value>),
}

impl Value {
    fn word(&self) -> &str {
        match self {
            Value::Word(word) => word,
            Value::Group(..) => "",
        }
    }

    fn items(&self) -> &[Value] {
        match self {
            Value::Word(_) => &[],
            Value::Group(_, items) => items,
        }
    }

    fn int(&self) -> Option<i64> {
        self.word().parse().ok()
    }

    /// What a map holds under a key.
    fn get(&self, key: &str) -> Option<&Value> {
        self.items()
            .chunks(2)
            .find(|pair| pair[0].word() == key)
            .and_then(|pair| pair.get(1))
    }
}

/// Reads every value of a text. Colons and commas only separate, quotes group.
fn read_values(text: &str) -> Vec<Value> {
    let mut open = vec![('\0', Vec::new())];
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ',' | ':' | ' ' | '\n' | '\t' | '#' => {}
            '{' | '[' | '(' => open.push((c, Vec::new())),
            '}' | ']' | ')' => {
                let (kind, items) = open.pop().expect("brackets match");
                open.last_mut()
                    .expect("brackets match")
                    .1
                    .push(Value::Group(kind, items));
            }
            '"' => {
                let mut word = String::new();
                while let Some(c) = chars.next().filter(|c| *c != '"') {
                    word.push(if c == '\\' {
                        chars.next().expect("an escape ends")
                    } else {
                        c
                    });
                }
                open.last_mut().expect("brackets match").1.push(Value::Word(word));
            }
            _ => {
                let mut word = String::from(c);
                while let Some(c) = chars.next_if(|c| !" ,\n\t{}[]():\"".contains(*c)) {
                    word.push(c);
                }
                open.last_mut().expect("brackets match").1.push(Value::Word(word));
            }
        }
    }
    open.pop().expect("brackets match").1
}

/// The operations of a file: maps, alone or in one list.
fn read_ops(path: &str) -> Option<Vec<Value>> {
    let Some(corpora) = std::env::var_os("PAYTWICE_CORPORA") else {
        eprintln!("skipped {path}: PAYTWICE_CORPORA does not name a folder of recorded histories");
        return None;
    };
    let path = PathBuf::from(corpora).join("elle-cli").join(path);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let values = read_values(&text);
    let ops = if let [Value::Group('[', ops)] = values.as_slice() {
        ops.clone()
    } else {
        values
    };
    assert!(!ops.is_empty(), "{} holds no operation", path.display());
    Some(ops)
}

/// Numbers for values, by first appearance.
#[derive(Default)]
struct Numbers(HashMap<Value, u32>);

impl Numbers {
    fn of(&mut self, value: &Value) -> u32 {
        let next = u32::try_from(self.0.len()).unwrap();
        *self.0.entry(value.clone()).or_insert(next)
    }
}

/// Position, `type f`, process, value.
fn facts(ops: &[Value]) -> impl Iterator<Item = (At, String, u32, Value)> {
    (0..).zip(ops).map(|(index, op)| {
        let word = |key| op.get(key).map(Value::word).unwrap_or_default();
        let time = word("time").parse().unwrap_or(0);
        let what = format!("{} {}", word("type"), word("f"));
        let value = op.get("value").cloned().unwrap_or(Value::Word("nil".into()));
        (At { index, time }, what, word("process").parse().unwrap_or(0), value)
    })
}

fn check_bank(path: &str, negative_balances: bool) -> Option<CheckerResult> {
    let ops = read_ops(path)?;
    let mut accounts = Numbers::default();
    let mut checker = Bank::new(bank::Options {
        negative_balances,
        ..bank::Options::default()
    });
    for (at, what, _, value) in facts(&ops) {
        if what == "ok read" {
            let balance = |pair: &[Value]| (accounts.of(&pair[0]), pair[1].int().map(i128::from));
            let read: Vec<(u32, Option<i128>)> = value.items().chunks(2).map(balance).collect();
            checker.push(at, bank::Read(&read));
        }
    }
    Some(checker.finish())
}

#[test]
fn banks() {
    for (path, negative_balances, verdict) in [
        ("bank/bank.edn", false, Verdict::Valid),
        ("bank/bank.json", false, Verdict::Valid),
        ("bank/bank-neg.edn", true, Verdict::Valid),
        ("bank/bank-negative-balances.json", false, Verdict::Invalid),
    ] {
        let Some(result) = check_bank(path, negative_balances) else {
            continue;
        };
        assert_eq!(result.verdict, verdict, "{path}: {result:?}");
    }
    if let Some(result) = check_bank("bank/bank.edn", false) {
        assert_eq!(result.counts["read-count"], 168);
    }
    if let Some(result) = check_bank("bank/bank-negative-balances.json", false) {
        assert_eq!(result.anomalies[0].kind, "negative-value");
    }
}

#[test]
fn sets() {
    let Some(ops) = read_ops("set/set.edn") else { return };
    let mut elements = Numbers::default();
    let mut checker = set::Set::new();
    for (at, what, _, value) in facts(&ops) {
        match what.as_str() {
            "invoke add" => checker.push(at, set::Event::Add(elements.of(&value))),
            "ok add" => checker.push(at, set::Event::Added(elements.of(&value))),
            "ok read" => {
                let listed: Vec<u32> = value.items().iter().map(|element| elements.of(element)).collect();
                checker.push(at, set::Event::Read(&listed));
            }
            _ => {}
        }
    }
    let result = checker.finish();
    assert_eq!((result.verdict, result.counts["ok"]), (Verdict::Valid, 3));
}

/// Its adds name `[0 n]` and its read lists `n`: as opaque values, which is how they were judged, all are lost.
#[test]
fn full_sets() {
    let Some(ops) = read_ops("set/set_full.edn") else {
        return;
    };
    let mut elements = Numbers::default();
    let mut checker = set_full::SetFull::new(set_full::Options::default());
    for (at, what, process, value) in facts(&ops) {
        match what.as_str() {
            "invoke add" => checker.push(at, set_full::Event::Add(elements.of(&value))),
            "ok add" => checker.push(at, set_full::Event::Added(elements.of(&value))),
            "invoke read" => checker.push(at, set_full::Event::ReadInvoked { process }),
            "ok read" => {
                let listed: Vec<u32> = value.items().iter().map(|element| elements.of(element)).collect();
                checker.push(
                    at,
                    set_full::Event::Read {
                        process,
                        elements: &listed,
                    },
                );
            }
            _ => {}
        }
    }
    let result = checker.finish();
    assert_eq!((result.verdict, result.counts["lost"]), (Verdict::Invalid, 293));
}

#[test]
fn counters() {
    let Some(ops) = read_ops("counter/counter.edn") else {
        return;
    };
    let mut checker = counter::Counter::new();
    for (at, what, process, value) in facts(&ops) {
        let value = value.int();
        match what.as_str() {
            "invoke add" => checker.push(
                at,
                counter::Event::Add {
                    process,
                    amount: value.expect("an amount"),
                },
            ),
            "ok add" => checker.push(at, counter::Event::Added(process)),
            "fail add" => checker.push(at, counter::Event::AddFailed(process)),
            "info add" => checker.push(at, counter::Event::AddUnknown(process)),
            "invoke read" => checker.push(at, counter::Event::ReadInvoked(process)),
            "ok read" => checker.push(
                at,
                counter::Event::Read {
                    process,
                    value: value.expect("a value"),
                },
            ),
            _ => {}
        }
    }
    let result = checker.finish();
    // It holds no read at all.
    assert_eq!((result.counts["adds"], result.counts["reads"]), (287, 0));
    assert_eq!(result.verdict, Verdict::Valid);
}

#[test]
fn long_forks() {
    let Some(ops) = read_ops("long-fork/long-fork.edn") else {
        return;
    };
    let (mut keys, mut values) = (Numbers::default(), Numbers::default());
    let mut checker = long_fork::LongFork::new(long_fork::Options { group_size: 3 });
    for (at, what, _, value) in facts(&ops) {
        if what == "ok read" {
            let mop = |mop: &Value| {
                let [_, key, value] = mop.items() else {
                    panic!("a read has a key and a value")
                };
                (keys.of(key), (value.word() != "nil").then(|| values.of(value)))
            };
            let read: Vec<(u32, Option<u32>)> = value.items().iter().map(mop).collect();
            checker.push(at, long_fork::Event::Read(&read));
        }
    }
    let result = checker.finish();
    assert_eq!(
        (result.verdict, result.anomalies[0].subject.as_str()),
        (Verdict::Invalid, "1, 2")
    );
}
