//! What an object does when nobody disturbs it: the sequential specification that a history is checked against.

use std::fmt::Debug;
use std::hash::Hash;

/// A sequential object. The search asks it for nothing but steps, and describes what it found in its words.
///
/// Law: the state after a step depends on the state and the input alone. A known output may forbid the step, it
/// never changes where it leads: where `step(s, i, Some(o))` is `Some(t)`, `step(s, i, None)` is `Some(t)` too.
pub trait Model: Sync {
    /// What the object holds.
    type State: Clone + Eq + Hash;
    /// What is asked of it.
    type Input: Eq + Hash + Sync;
    /// What it answers.
    type Output: Eq + Hash + Sync;
    /// Names an independent part of the object; `()` when it has one part only.
    type Key: Clone + Eq + Hash + Debug + Send;

    /// What it is called: `cas-register`, `mutex`, ...
    fn name(&self) -> &'static str;

    /// What it holds at first.
    fn init(&self) -> Self::State;

    /// The state after `input`, or None if the object cannot answer `output` here. An output that nobody saw
    /// (`None`) fits whatever happens.
    fn step(&self, state: &Self::State, input: &Self::Input, output: Option<&Self::Output>) -> Option<Self::State>;

    /// The part of the object that `input` touches, if it touches one part only. Parts must be independent: a
    /// history is linearizable if each part's history is (Herlihy and Wing 1990).
    fn key(&self, _input: &Self::Input) -> Option<Self::Key> {
        None
    }

    /// True if an operation with this input and output leaves the state as it is, in every state where it can take
    /// place: a read, a compare-and-set that was refused. Saying false is always right, saying true saves work.
    fn is_read(&self, _input: &Self::Input, _output: Option<&Self::Output>) -> bool {
        false
    }

    /// True if an operation with this input and output says something about what the object held: a read, a
    /// compare-and-set, an acquired lock. A history without one is not judged.
    fn observes(&self, _input: &Self::Input, output: Option<&Self::Output>) -> bool {
        output.is_some()
    }

    /// True for a state that is no better than any other: whatever can follow it can follow all others. An info
    /// operation that leads there need not have happened. Saying false is always right, saying true saves work.
    fn is_lost(&self, _state: &Self::State) -> bool {
        false
    }

    /// Bytes that a state owns elsewhere, for the budget.
    fn heap_bytes(&self, _state: &Self::State) -> usize {
        0
    }

    /// An operation in words: `read -> 3`, `write 4`.
    fn describe(&self, input: &Self::Input, output: Option<&Self::Output>) -> String;

    /// A state in words, as in "it could have held ...".
    fn describe_state(&self, state: &Self::State) -> String;

    /// A key in words.
    fn describe_key(&self, key: &Self::Key) -> String {
        format!("{key:?}")
    }
}
