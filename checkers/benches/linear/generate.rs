//! Histories of a simulated correct store: what a process asks takes effect some time between call and return.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::rc::Rc;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Read,
    Write,
    Append,
    Cas,
    Enqueue,
    Dequeue,
}

/// What a history is like.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) ops: u32,
    pub(crate) keys: u32,
    pub(crate) processes: usize,
    pub(crate) info_per_mille: u64,
    /// How many values there are; None writes each once.
    pub(crate) values: Option<u32>,
    pub(crate) mix: &'static [What],
}

/// A value: one written, several appended to one another, or what a file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    None,
    One(u32),
    Many(Rc<Vec<u32>>),
    Text(String),
}

impl Value {
    /// As text: nothing, or a number in every nine characters or fewer.
    pub(crate) fn write(&self, out: &mut String) {
        let parts: &[u32] = match self {
            Value::None => &[],
            Value::One(value) => std::slice::from_ref(value),
            Value::Many(values) => values,
            Value::Text(text) => {
                out.push_str(text);
                &[]
            }
        };
        for part in parts {
            write!(out, "v{part}.").unwrap_or_default();
        }
    }

    fn append(&self, part: u32) -> Self {
        match self {
            Value::None | Value::Text(_) => Value::One(part),
            Value::One(first) => Value::Many(Rc::new(vec![*first, part])),
            Value::Many(parts) => Value::Many(Rc::new(parts.iter().copied().chain([part]).collect())),
        }
    }
}

/// One event; operations are numbered by their calls.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Call {
        what: What,
        key: u32,
        value: Value,
        to: Value,
    },
    Return {
        op: u32,
        value: Value,
        done: bool,
    },
}

struct Pending {
    op: u32,
    what: What,
    key: u32,
    value: Value,
    to: Value,
    answer: Option<(Value, bool)>,
}

/// A small generator of random numbers (splitmix64): the same history in every run.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Dice(seed)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

#[derive(Default)]
struct Store {
    cells: HashMap<u32, Value>,
    queue: VecDeque<Value>,
}

impl Store {
    fn apply(&mut self, op: &Pending) -> (Value, bool) {
        let cell = self.cells.entry(op.key).or_insert(Value::None);
        match op.what {
            What::Read => (cell.clone(), true),
            What::Write => {
                *cell = op.value.clone();
                (Value::None, true)
            }
            What::Append => {
                if let Value::One(part) = op.value {
                    *cell = cell.append(part);
                }
                (Value::None, true)
            }
            What::Cas => {
                let done = *cell == op.value;
                if done {
                    *cell = op.to.clone();
                }
                (Value::None, done)
            }
            What::Enqueue => {
                self.queue.push_back(op.value.clone());
                (Value::None, true)
            }
            What::Dequeue => match self.queue.pop_front() {
                Some(value) => (value, true),
                None => (Value::None, false),
            },
        }
    }
}

/// The events of a history.
pub(crate) fn events(shape: &Shape) -> Vec<Event> {
    let mut dice = Dice(7);
    let mut store = Store::default();
    let mut events = Vec::with_capacity(shape.ops as usize * 2);
    let mut pending: Vec<Pending> = Vec::new();
    let mut called = 0;
    while called < shape.ops || !pending.is_empty() {
        let at = dice.below(shape.processes as u64) as usize;
        if at >= pending.len() {
            if called < shape.ops {
                pending.push(call(shape, called, &mut dice, &mut events));
                called += 1;
            }
            continue;
        }
        if pending[at].answer.is_none() {
            pending[at].answer = Some(store.apply(&pending[at]));
            continue;
        }
        let Pending { op, answer, .. } = pending.swap_remove(at);
        if dice.below(1000) >= shape.info_per_mille
            && let Some((value, done)) = answer
        {
            events.push(Event::Return { op, value, done });
        }
    }
    events
}

fn call(shape: &Shape, op: u32, dice: &mut Dice, events: &mut Vec<Event>) -> Pending {
    let what = shape.mix[dice.below(shape.mix.len() as u64) as usize];
    let key = dice.below(u64::from(shape.keys)) as u32;
    let mut value = || match (what, shape.values) {
        (What::Read | What::Dequeue, _) => Value::None,
        (_, None) => Value::One(op),
        (_, Some(values)) => Value::One(dice.below(u64::from(values)) as u32),
    };
    let (value, to) = (value(), value());
    events.push(Event::Call {
        what,
        key,
        value: value.clone(),
        to: to.clone(),
    });
    Pending {
        op,
        what,
        key,
        value,
        to,
        answer: None,
    }
}
