//! A register: read, write, compare-and-set.
//!
//! A compare-and-set may be recorded as refused: then it took place and found another value. Where the recorder
//! means that it did not happen at all (as Jepsen's `fail` does), leave it out of the history.

use std::fmt::Display;
use std::hash::Hash;

use crate::linear::Model;

/// A register that holds `V`s.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Register<V> {
    /// What it holds at first.
    pub initial: V,
}

/// What is asked of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ask<V> {
    /// What does it hold?
    Read,
    /// Let it hold this.
    Write(V),
    /// If it holds the first, let it hold the second.
    Cas(V, V),
}

/// What a register answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer<V> {
    /// It held this.
    Value(V),
    /// It was written, or compared and set.
    Done,
    /// It held something else.
    Refused,
}

impl<V: Clone + Eq + Hash + Display + Sync> Model for Register<V> {
    type State = V;
    type Input = Ask<V>;
    type Output = Answer<V>;
    type Key = ();

    fn name(&self) -> &'static str {
        "register"
    }

    fn init(&self) -> V {
        self.initial.clone()
    }

    fn step(&self, state: &V, input: &Ask<V>, output: Option<&Answer<V>>) -> Option<V> {
        let (next, answers) = match input {
            Ask::Read => (state, matches!(output, Some(Answer::Value(seen)) if seen == state)),
            Ask::Write(value) => (value, matches!(output, Some(Answer::Done))),
            Ask::Cas(from, to) if from == state => (to, matches!(output, Some(Answer::Done))),
            Ask::Cas(..) => (state, matches!(output, Some(Answer::Refused))),
        };
        (answers || output.is_none()).then(|| next.clone())
    }

    fn is_read(&self, input: &Ask<V>, output: Option<&Answer<V>>) -> bool {
        match input {
            Ask::Read => true,
            Ask::Write(_) => false,
            Ask::Cas(from, to) => from == to || matches!(output, Some(Answer::Refused)),
        }
    }

    fn observes(&self, input: &Ask<V>, output: Option<&Answer<V>>) -> bool {
        output.is_some() && !matches!(input, Ask::Write(_))
    }

    fn describe(&self, input: &Ask<V>, output: Option<&Answer<V>>) -> String {
        match (input, output) {
            (Ask::Read, Some(Answer::Value(value))) => format!("read -> {value}"),
            (Ask::Read, _) => "read".to_owned(),
            (Ask::Write(value), _) => format!("write {value}"),
            (Ask::Cas(from, to), Some(Answer::Refused)) => format!("cas {from} to {to} (refused)"),
            (Ask::Cas(from, to), _) => format!("cas {from} to {to}"),
        }
    }

    fn describe_state(&self, state: &V) -> String {
        state.to_string()
    }
}
