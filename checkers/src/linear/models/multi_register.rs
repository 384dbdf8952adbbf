//! Several registers, read and written by transactions: each transaction takes place at one moment.
//!
//! What the registers hold at first may be left open: then the first read of a register, in the order found, says.

use std::fmt::Display;
use std::hash::Hash;

use crate::linear::Model;

/// Registers named by `K`s that hold `V`s.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MultiRegister<K, V> {
    /// What registers hold at first: those that are not named here hold `otherwise`.
    pub initial: Vec<(K, V)>,
    /// What the others hold at first; None leaves it open.
    pub otherwise: Option<V>,
}

/// A step of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step<K, V> {
    /// Read this register: its value if it was seen.
    Read(K, Option<V>),
    /// Write this register.
    Write(K, V),
}

/// A transaction: what was read is part of it, so that it answers nothing.
pub type Txn<K, V> = Vec<Step<K, V>>;

/// What registers hold, by key, where it is known.
type Held<K, V> = Vec<(K, V)>;

impl<K, V> Model for MultiRegister<K, V>
where
    K: Clone + Ord + Hash + Display + Sync,
    V: Clone + Eq + Hash + Display + Sync,
{
    type State = Held<K, V>;
    type Input = Txn<K, V>;
    type Output = ();
    type Key = ();

    fn name(&self) -> &'static str {
        "multi-register"
    }

    fn init(&self) -> Held<K, V> {
        let mut held = self.initial.clone();
        held.sort_by(|a, b| a.0.cmp(&b.0));
        held
    }

    fn step(&self, state: &Held<K, V>, txn: &Txn<K, V>, _output: Option<&()>) -> Option<Held<K, V>> {
        let mut held = state.clone();
        for step in txn {
            let (Step::Read(key, _) | Step::Write(key, _)) = step;
            let place = held.binary_search_by(|(k, _)| k.cmp(key));
            match (step, place) {
                (Step::Read(_, None), _) => {}
                (Step::Read(_, Some(seen)), Ok(at)) if held[at].1 == *seen => {}
                (Step::Read(_, Some(_)), Ok(_)) => return None,
                (Step::Read(_, Some(seen)), Err(at)) => match &self.otherwise {
                    None => held.insert(at, (key.clone(), seen.clone())),
                    Some(initial) if initial == seen => {}
                    Some(_) => return None,
                },
                (Step::Write(_, value), Ok(at)) => held[at].1 = value.clone(),
                (Step::Write(_, value), Err(at)) => held.insert(at, (key.clone(), value.clone())),
            }
        }
        Some(held)
    }

    fn is_read(&self, txn: &Txn<K, V>, _output: Option<&()>) -> bool {
        txn.iter().all(|step| match step {
            Step::Read(_, None) => true,
            // The first read of a register that may hold anything says what it holds.
            Step::Read(_, Some(_)) => self.otherwise.is_some(),
            Step::Write(..) => false,
        })
    }

    fn observes(&self, txn: &Txn<K, V>, _output: Option<&()>) -> bool {
        txn.iter().any(|step| matches!(step, Step::Read(_, Some(_))))
    }

    fn heap_bytes(&self, state: &Held<K, V>) -> usize {
        state.capacity() * size_of::<(K, V)>()
    }

    fn describe(&self, txn: &Txn<K, V>, _output: Option<&()>) -> String {
        let steps: Vec<String> = txn
            .iter()
            .map(|step| match step {
                Step::Read(key, Some(value)) => format!("read {key} -> {value}"),
                Step::Read(key, None) => format!("read {key}"),
                Step::Write(key, value) => format!("write {key} = {value}"),
            })
            .collect();
        steps.join(", ")
    }

    fn describe_state(&self, state: &Held<K, V>) -> String {
        let held: Vec<String> = state.iter().map(|(key, value)| format!("{key} = {value}")).collect();
        held.join(", ")
    }
}
