//! Typed operations as compact histories.

use paytwice_checkers::linear::models::{queue, register, text};
use paytwice_checkers::linear::{FifoHistory, MapHistory, Operation, map};

/// A history of a register.
pub(crate) type Registers = Vec<Operation<register::Ask<u32>, register::Answer<u32>>>;

/// Histories of registers, one per key, as a map. Values are called by `name`.
pub(crate) fn map(keys: &[(&str, Registers)], name: impl Fn(u32) -> String) -> MapHistory {
    let mut history = MapHistory::new(name(0).as_bytes());
    for (key, ops) in keys {
        let key = history.keys.id(key.as_bytes());
        for op in ops {
            let mut value = |v: u32| history.values.id(name(v).as_bytes());
            let ask = match op.input {
                register::Ask::Read => map::Ask::Read,
                register::Ask::Write(v) => map::Ask::Write(value(v)),
                register::Ask::Cas(from, to) => map::Ask::Cas(value(from), value(to)),
            };
            let answer = match op.output {
                Some(register::Answer::Value(v)) => map::Answer::Value(value(v)),
                Some(register::Answer::Done) => map::Answer::Done,
                Some(register::Answer::Refused) => map::Answer::Refused,
                None => map::Answer::Unseen,
            };
            let begun = history.begin(key, ask, op.call as u32);
            if let Some(ret) = op.ret {
                history.ok(begun, answer, ret as u32);
            }
        }
    }
    history
}

/// A history of a text, as a map with one key.
pub(crate) fn texts(ops: &[Operation<text::Ask<&'static str>, Option<&'static str>>]) -> MapHistory {
    let mut history = MapHistory::new(b"");
    let key = history.keys.id(b"x");
    for op in ops {
        let mut value = |text: &str| history.values.id(text.as_bytes());
        let ask = match op.input {
            text::Ask::Get => map::Ask::Read,
            text::Ask::Put(piece) => map::Ask::Write(value(piece)),
            text::Ask::Append(piece) => map::Ask::Append(value(piece)),
        };
        let answer = match (op.input, op.output) {
            (text::Ask::Get, Some(Some(found))) => map::Answer::Value(value(found)),
            (text::Ask::Get, _) => map::Answer::Unseen,
            _ => map::Answer::Done,
        };
        let begun = history.begin(key, ask, op.call as u32);
        if let Some(ret) = op.ret {
            history.ok(begun, answer, ret as u32);
        }
    }
    history
}

/// A history of a queue.
pub(crate) fn fifo(ops: &[Operation<queue::Ask<u32>, queue::Answer<u32>>]) -> FifoHistory {
    let mut history = FifoHistory::default();
    for op in ops {
        let begun = match op.input {
            queue::Ask::Enqueue(v) => {
                let value = history.values.id(v.to_string().as_bytes());
                history.enqueue(value, op.call as u32)
            }
            queue::Ask::Dequeue => history.dequeue(op.call as u32),
        };
        let Some(ret) = op.ret else { continue };
        match op.output {
            Some(queue::Answer::Value(v)) => {
                let value = history.values.id(v.to_string().as_bytes());
                history.took(begun, Some(value), ret as u32);
            }
            Some(queue::Answer::Empty) => history.took(begun, None, ret as u32),
            _ => history.ok(begun, ret as u32),
        }
    }
    history
}
