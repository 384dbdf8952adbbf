//! The objects under test: few values, so that operations meet.

use paytwice_checkers::linear::models::multi_register::{MultiRegister, Step, Txn};
use paytwice_checkers::linear::models::mutex::{self, Mutex};
use paytwice_checkers::linear::models::queue::{self, Queue};
use paytwice_checkers::linear::models::register::{self, Register};
use paytwice_checkers::linear::models::text::{self, Rope, Text};

use crate::generate::{Object, Tape};

impl Object for Register<u32> {
    fn ask(&self, tape: &mut Tape) -> register::Ask<u32> {
        match tape.below(4) {
            0 | 1 => register::Ask::Read,
            3 if !tape.distinct => register::Ask::Cas(tape.any(), tape.any()),
            _ => register::Ask::Write(tape.fresh()),
        }
    }

    fn answer(&self, state: &u32, input: &register::Ask<u32>) -> Option<register::Answer<u32>> {
        Some(match input {
            register::Ask::Read => register::Answer::Value(*state),
            register::Ask::Cas(from, _) if from != state => register::Answer::Refused,
            _ => register::Answer::Done,
        })
    }

    fn guess(&self, tape: &mut Tape, input: &register::Ask<u32>) -> register::Answer<u32> {
        match input {
            register::Ask::Read => register::Answer::Value(tape.any()),
            register::Ask::Cas(..) if tape.chance(50) => register::Answer::Refused,
            _ => register::Answer::Done,
        }
    }
}

impl Object for Mutex {
    fn ask(&self, tape: &mut Tape) -> mutex::Ask {
        if tape.chance(50) {
            mutex::Ask::Acquire
        } else {
            mutex::Ask::Release
        }
    }

    fn answer(&self, _held: &bool, _input: &mutex::Ask) -> Option<()> {
        Some(())
    }

    fn guess(&self, _tape: &mut Tape, _input: &mutex::Ask) {}
}

impl Object for Queue<u32> {
    fn ask(&self, tape: &mut Tape) -> queue::Ask<u32> {
        match tape.below(2) {
            0 => queue::Ask::Enqueue(tape.fresh()),
            _ => queue::Ask::Dequeue,
        }
    }

    fn answer(&self, state: &std::collections::VecDeque<u32>, input: &queue::Ask<u32>) -> Option<queue::Answer<u32>> {
        Some(match input {
            queue::Ask::Enqueue(_) => queue::Answer::Done,
            queue::Ask::Dequeue => state.front().map_or(queue::Answer::Empty, |v| queue::Answer::Value(*v)),
        })
    }

    fn guess(&self, tape: &mut Tape, input: &queue::Ask<u32>) -> queue::Answer<u32> {
        match input {
            queue::Ask::Enqueue(_) => queue::Answer::Done,
            queue::Ask::Dequeue if tape.chance(25) => queue::Answer::Empty,
            queue::Ask::Dequeue => queue::Answer::Value(tape.any()),
        }
    }
}

impl Object for Text<&'static str> {
    fn ask(&self, tape: &mut Tape) -> text::Ask<&'static str> {
        let piece = ["a", "b", "ab", ""][tape.below(4)];
        match tape.below(5) {
            0 | 1 => text::Ask::Get,
            2 => text::Ask::Put(piece),
            _ => text::Ask::Append(piece),
        }
    }

    fn answer(&self, state: &Rope<&'static str>, input: &text::Ask<&'static str>) -> Option<Option<&'static str>> {
        Some(match input {
            // The words are leaked: a test process ends soon enough.
            text::Ask::Get => Some(String::leak(state.to_string())),
            _ => None,
        })
    }

    fn guess(&self, tape: &mut Tape, input: &text::Ask<&'static str>) -> Option<&'static str> {
        let guesses = ["", "a", "b", "ab", "ba", "abab", "aab"];
        matches!(input, text::Ask::Get).then(|| guesses[tape.below(guesses.len())])
    }
}

impl Object for MultiRegister<u32, u32> {
    fn ask(&self, tape: &mut Tape) -> Txn<u32, u32> {
        let steps = 1 + tape.below(3);
        (0..steps)
            .map(|_| {
                let (key, value) = (tape.below(2) as u32, tape.below(3) as u32);
                match tape.below(3) {
                    0 => Step::Write(key, value),
                    1 => Step::Read(key, Some(value)),
                    _ => Step::Read(key, None),
                }
            })
            .collect()
    }

    fn answer(&self, _state: &Vec<(u32, u32)>, _input: &Txn<u32, u32>) -> Option<()> {
        Some(())
    }

    fn guess(&self, _tape: &mut Tape, _input: &Txn<u32, u32>) {}
}
