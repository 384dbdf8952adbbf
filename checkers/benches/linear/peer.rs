//! Histories as text, for a peer to read; and porcupine's etcd logs.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};

use crate::generate::{Event, Value, What};

/// One line per event: `c OP F KEY VALUE TO` or `r OP VALUE DONE`, separated by tabs.
pub(crate) fn written(events: &[Event]) -> String {
    let mut out = String::new();
    let mut op = 0;
    for event in events {
        match event {
            Event::Call { what, key, value, to } => {
                let f = match what {
                    What::Read => "get",
                    What::Write => "put",
                    What::Append => "append",
                    What::Cas => "cas",
                    What::Enqueue => "enqueue",
                    What::Dequeue => "dequeue",
                };
                out.push_str(&format!("c\t{op}\t{f}\t{key}\t"));
                value.write(&mut out);
                out.push('\t');
                to.write(&mut out);
                op += 1;
            }
            Event::Return { op, value, done } => {
                out.push_str(&format!("r\t{op}\t"));
                value.write(&mut out);
                out.push_str(if *done { "\ttrue" } else { "\tfalse" });
            }
        }
        out.push('\n');
    }
    out
}

/// The events of a file that was [`written`].
pub(crate) fn read(file: &str) -> std::io::Result<impl Iterator<Item = Event>> {
    Ok(parse(BufReader::new(File::open(file)?).lines().map_while(Result::ok)))
}

/// The events of lines that were [`written`].
pub(crate) fn parse(lines: impl Iterator<Item = String>) -> impl Iterator<Item = Event> {
    lines.map(|line| {
        let mut words = line.split('\t');
        let mut word = || words.next().unwrap_or_default();
        let (kind, op) = (word(), word().parse().unwrap_or_default());
        if kind == "r" {
            let value = Value::Text(word().to_owned());
            let done = word() == "true";
            return Event::Return { op, value, done };
        }
        let what = match word() {
            "put" => What::Write,
            "append" => What::Append,
            "cas" => What::Cas,
            "enqueue" => What::Enqueue,
            "dequeue" => What::Dequeue,
            _ => What::Read,
        };
        Event::Call {
            what,
            key: word().parse().unwrap_or_default(),
            value: Value::Text(word().to_owned()),
            to: Value::Text(word().to_owned()),
        }
    })
}

/// An etcd log of porcupine's tests: a read that timed out is left out, every other operation without an end may
/// have happened.
pub(crate) fn etcd(text: &str) -> Vec<Event> {
    let value = |word: &str| match word.parse() {
        Ok(number) => Value::One(number),
        Err(_) => Value::None,
    };
    let mut events = Vec::new();
    let mut open: HashMap<&str, u32> = HashMap::new();
    let mut called = 0;
    for line in text.lines() {
        let line: Vec<&str> = line
            .split([' ', '\t', '[', ']'])
            .filter(|word| !word.is_empty())
            .collect();
        let ["INFO", "jepsen.util", "-", process, kind, f, rest @ ..] = &line[..] else {
            continue;
        };
        let what = match *f {
            ":read" => What::Read,
            ":write" => What::Write,
            ":cas" => What::Cas,
            _ => continue,
        };
        let mut words = rest.iter().map(|word| value(word));
        let (first, second) = (words.next().unwrap_or(Value::None), words.next().unwrap_or(Value::None));
        match *kind {
            ":invoke" => {
                open.insert(process, called);
                called += 1;
                events.push(Event::Call {
                    what,
                    key: 0,
                    value: first,
                    to: second,
                });
            }
            ":ok" | ":fail" if what == What::Cas || *kind == ":ok" => {
                if let Some(op) = open.remove(process) {
                    let done = *kind == ":ok";
                    events.push(Event::Return { op, value: first, done });
                }
            }
            _ => {}
        }
    }
    events
}
