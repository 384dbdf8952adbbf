//! Histories from a tape of bytes: proptest shrinks the tape, and with it the history.
//!
//! Half of them are soup: answers at random. Half come from a simulated correct object whose operations take effect
//! somewhere between call and return (or after it, or never, for info operations), perhaps with one answer spoiled.

use paytwice_checkers::linear::{Model, Operation};
use proptest::prelude::*;

/// A history of `M`.
pub(crate) type History<M> = Vec<Operation<<M as Model>::Input, <M as Model>::Output>>;

/// What the generator has to know of an object beyond its model.
pub(crate) trait Object: Model {
    /// An input.
    fn ask(&self, tape: &mut Tape) -> Self::Input;
    /// What a correct object answers.
    fn answer(&self, state: &Self::State, input: &Self::Input) -> Option<Self::Output>;
    /// Any answer.
    fn guess(&self, tape: &mut Tape, input: &Self::Input) -> Self::Output;
}

/// Choices, in order; zeros when they run out.
pub(crate) struct Tape {
    bytes: std::vec::IntoIter<u8>,
    /// Whether values should be written once, and how many were.
    pub(crate) distinct: bool,
    written: u32,
}

impl Tape {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self {
            bytes: bytes.into_iter(),
            distinct: false,
            written: 0,
        }
    }

    /// A tape for histories in which values are written once (or nearly always once).
    pub(crate) fn distinct(bytes: Vec<u8>) -> Self {
        Self {
            distinct: true,
            ..Self::new(bytes)
        }
    }

    /// A value to write.
    pub(crate) fn fresh(&mut self) -> u32 {
        if !self.distinct {
            return self.below(3) as u32;
        }
        if self.chance(3) {
            return self.any();
        }
        self.written += 1;
        self.written
    }

    /// A value that may have been written.
    pub(crate) fn any(&mut self) -> u32 {
        match self.distinct {
            true => self.below(self.written as usize + 1) as u32,
            false => self.below(3) as u32,
        }
    }

    /// A number below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        usize::from(self.bytes.next().unwrap_or(0)) % n
    }

    /// True when every further choice is the first.
    pub(crate) fn is_over(&self) -> bool {
        self.bytes.len() == 0
    }

    /// True about `percent` times in a hundred.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(256) * 100 >= (100 - percent) * 256
    }
}

/// Tapes for histories of up to 8 operations.
pub(crate) fn tapes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 16..160)
}

/// How many cases a property is tried on: few by default, `PAYTWICE_PROPTEST_CASES` for the big run.
pub(crate) fn cases(default: u32) -> ProptestConfig {
    let asked = std::env::var("PAYTWICE_PROPTEST_CASES")
        .ok()
        .and_then(|n| n.parse().ok());
    ProptestConfig {
        cases: asked.unwrap_or(default),
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..ProptestConfig::default()
    }
}

/// As [`cases`], for histories that take longer.
pub(crate) fn long_cases(default: u32) -> ProptestConfig {
    let cases = cases(default * 50).cases / 50;
    ProptestConfig {
        cases,
        ..self::cases(default)
    }
}

struct Pending<M: Object> {
    op: usize,
    /// Whether it took effect, and with which answer.
    done: Option<Option<M::Output>>,
    info: bool,
}

/// A history of up to 8 operations.
pub(crate) fn history<M: Object>(object: &M, tape: &mut Tape) -> History<M> {
    let ops_max = 3 + tape.below(6);
    history_of(object, tape, ops_max)
}

/// A history of up to this many operations.
pub(crate) fn history_of<M: Object>(object: &M, tape: &mut Tape, ops_max: usize) -> History<M> {
    let soup = tape.chance(55);
    let info_percent = [0, 20, 50][tape.below(3)];
    let processes = 1 + tape.below(5);
    let mut ops: History<M> = Vec::new();
    let mut pending: Vec<Pending<M>> = Vec::new();
    let mut state = object.init();
    let mut now = 0;
    while ops.len() < ops_max || pending.iter().any(|p| !p.info) {
        let busy = pending.iter().filter(|p| !p.info).count();
        let choice = tape.below(8);
        if ops.len() < ops_max && (busy == 0 || (busy < processes && choice < 3)) {
            let input = object.ask(tape);
            let info = tape.chance(info_percent);
            ops.push(Operation::info(ops.len() as u64, input, now));
            pending.push(Pending {
                op: ops.len() - 1,
                done: None,
                info,
            });
            now += 1;
            continue;
        }
        let at = tape.below(pending.len());
        if pending[at].done.is_none() {
            let input = &ops[pending[at].op].input;
            let answer = object.answer(&state, input);
            if let Some(next) = object.step(&state, input, answer.as_ref()) {
                state = next;
                pending[at].done = Some(answer);
            } else if soup || tape.is_over() || pending.iter().all(|p| p.info || p.done.is_none()) {
                pending[at].done = Some(None);
            }
        } else if !pending[at].info {
            let Pending { op, done, .. } = pending.swap_remove(at);
            let guess = object.guess(tape, &ops[op].input);
            let answer = done.flatten().filter(|_| !soup).unwrap_or(guess);
            ops[op].output = Some(answer);
            ops[op].ret = Some(now);
            ops[op].done_index = Some(now);
            now += 1;
        } else if tape.is_over() || tape.chance(30) {
            pending.swap_remove(at);
        }
    }
    spoil(object, tape, &mut ops);
    ops
}

/// Changes one answer, or takes one away from an operation that returned, or neither.
fn spoil<M: Object>(object: &M, tape: &mut Tape, ops: &mut History<M>) {
    let at = tape.below(ops.len());
    match tape.below(4) {
        0 | 2 if ops[at].ret.is_some() => ops[at].output = Some(object.guess(tape, &ops[at].input)),
        1 if tape.chance(30) => ops[at].output = None,
        _ => {}
    }
}
