//! A first-in first-out queue.

use std::collections::VecDeque;
use std::fmt::Display;
use std::hash::Hash;
use std::marker::PhantomData;

use crate::linear::Model;

/// A queue of `V`s that is empty at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue<V>(PhantomData<fn() -> V>);

impl<V> Default for Queue<V> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

/// What is asked of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ask<V> {
    /// Take this in.
    Enqueue(V),
    /// Give out the oldest.
    Dequeue,
}

/// What a queue answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer<V> {
    /// It was taken in.
    Done,
    /// This was the oldest.
    Value(V),
    /// There was nothing in it.
    Empty,
}

impl<V: Clone + Eq + Hash + Display + Sync> Model for Queue<V> {
    type State = VecDeque<V>;
    type Input = Ask<V>;
    type Output = Answer<V>;
    type Key = ();

    fn name(&self) -> &'static str {
        "fifo-queue"
    }

    fn init(&self) -> VecDeque<V> {
        VecDeque::new()
    }

    fn step(&self, state: &VecDeque<V>, input: &Ask<V>, output: Option<&Answer<V>>) -> Option<VecDeque<V>> {
        let fits = match (input, output) {
            (_, None) | (Ask::Enqueue(_), Some(Answer::Done)) => true,
            (Ask::Dequeue, Some(Answer::Value(value))) => state.front() == Some(value),
            (Ask::Dequeue, Some(Answer::Empty)) => state.is_empty(),
            _ => false,
        };
        fits.then(|| {
            let mut next = state.clone();
            match input {
                Ask::Enqueue(value) => next.push_back(value.clone()),
                Ask::Dequeue => {
                    next.pop_front();
                }
            }
            next
        })
    }

    fn is_read(&self, _input: &Ask<V>, output: Option<&Answer<V>>) -> bool {
        matches!(output, Some(Answer::Empty))
    }

    fn observes(&self, _input: &Ask<V>, output: Option<&Answer<V>>) -> bool {
        matches!(output, Some(Answer::Value(_) | Answer::Empty))
    }

    fn heap_bytes(&self, state: &VecDeque<V>) -> usize {
        state.capacity() * size_of::<V>()
    }

    fn describe(&self, input: &Ask<V>, output: Option<&Answer<V>>) -> String {
        match (input, output) {
            (Ask::Enqueue(value), _) => format!("enqueue {value}"),
            (Ask::Dequeue, Some(Answer::Value(value))) => format!("dequeue -> {value}"),
            (Ask::Dequeue, Some(Answer::Empty)) => "dequeue -> nothing".to_owned(),
            (Ask::Dequeue, _) => "dequeue".to_owned(),
        }
    }

    fn describe_state(&self, state: &VecDeque<V>) -> String {
        let shown: Vec<String> = state.iter().take(8).map(V::to_string).collect();
        let more = if state.len() > shown.len() { ", ..." } else { "" };
        format!("[{}{more}]", shown.join(", "))
    }
}
