//! A mutex: it can be acquired while nobody holds it, and released while somebody does (anybody, as in Jepsen's
//! model).

use crate::linear::Model;

/// A mutex that is free at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mutex;

/// What is asked of a mutex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ask {
    /// Hold it.
    Acquire,
    /// Let go of it.
    Release,
}

impl Model for Mutex {
    type State = bool;
    type Input = Ask;
    type Output = ();
    type Key = ();

    fn name(&self) -> &'static str {
        "mutex"
    }

    fn init(&self) -> bool {
        false
    }

    fn step(&self, held: &bool, input: &Ask, _output: Option<&()>) -> Option<bool> {
        match input {
            Ask::Acquire => (!held).then_some(true),
            Ask::Release => held.then_some(false),
        }
    }

    fn observes(&self, _input: &Ask, _output: Option<&()>) -> bool {
        true
    }

    fn describe(&self, input: &Ask, _output: Option<&()>) -> String {
        match input {
            Ask::Acquire => "acquire".to_owned(),
            Ask::Release => "release".to_owned(),
        }
    }

    fn describe_state(&self, held: &bool) -> String {
        if *held { "held" } else { "free" }.to_owned()
    }
}
