//! A map of independent objects: one per key, all alike at first.

use std::fmt::Display;
use std::hash::Hash;
use std::marker::PhantomData;

use crate::linear::Model;

/// One `M` per `K`. Inputs are a key and what is asked of its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keyed<K, M> {
    /// What is behind every key.
    pub each: M,
    key: PhantomData<fn() -> K>,
}

impl<K, M> Keyed<K, M> {
    /// A map of objects like `each`.
    pub fn new(each: M) -> Self {
        Self { each, key: PhantomData }
    }
}

/// The state is that of one key's object: the parts are never searched together.
impl<K, M: Model> Model for Keyed<K, M>
where
    K: Clone + Eq + Hash + Display + std::fmt::Debug + Send + Sync,
{
    type State = M::State;
    type Input = (K, M::Input);
    type Output = M::Output;
    type Key = K;

    fn name(&self) -> &'static str {
        self.each.name()
    }

    fn init(&self) -> M::State {
        self.each.init()
    }

    fn step(&self, state: &M::State, (_, input): &(K, M::Input), output: Option<&M::Output>) -> Option<M::State> {
        self.each.step(state, input, output)
    }

    fn key(&self, (key, _): &(K, M::Input)) -> Option<K> {
        Some(key.clone())
    }

    fn is_read(&self, (_, input): &(K, M::Input), output: Option<&M::Output>) -> bool {
        self.each.is_read(input, output)
    }

    fn is_lost(&self, state: &M::State) -> bool {
        self.each.is_lost(state)
    }

    fn heap_bytes(&self, state: &M::State) -> usize {
        self.each.heap_bytes(state)
    }

    fn describe(&self, (_, input): &(K, M::Input), output: Option<&M::Output>) -> String {
        self.each.describe(input, output)
    }

    fn describe_state(&self, state: &M::State) -> String {
        self.each.describe_state(state)
    }

    fn describe_key(&self, key: &K) -> String {
        key.to_string()
    }
}
