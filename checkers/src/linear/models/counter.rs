//! A counter: read, add.

use crate::linear::Model;

/// A counter of whole numbers, negative ones included. It wraps around: additions give the same in every order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    /// What it holds at first.
    pub initial: i128,
    /// Digits behind the point with which it is described.
    pub scale: u32,
}

/// What is asked of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ask {
    /// What does it hold?
    Read,
    /// Add this.
    Add(i128),
}

/// What a counter answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It held this.
    Value(i128),
    /// It was added.
    Done,
}

impl Counter {
    fn words(self, value: i128) -> String {
        let text = crate::money::major(value, self.scale).to_string();
        match text.split_once('.') {
            Some(_) => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            None => text,
        }
    }
}

impl Model for Counter {
    type State = i128;
    type Input = Ask;
    type Output = Answer;
    type Key = ();

    fn name(&self) -> &'static str {
        "counter"
    }

    fn init(&self) -> i128 {
        self.initial
    }

    fn step(&self, state: &i128, input: &Ask, output: Option<&Answer>) -> Option<i128> {
        let (next, answers) = match input {
            Ask::Read => (*state, output == Some(&Answer::Value(*state))),
            Ask::Add(amount) => (state.wrapping_add(*amount), output == Some(&Answer::Done)),
        };
        (answers || output.is_none()).then_some(next)
    }

    fn is_read(&self, input: &Ask, _output: Option<&Answer>) -> bool {
        matches!(input, Ask::Read | Ask::Add(0))
    }

    fn observes(&self, input: &Ask, output: Option<&Answer>) -> bool {
        output.is_some() && *input == Ask::Read
    }

    fn describe(&self, input: &Ask, output: Option<&Answer>) -> String {
        match (input, output) {
            (Ask::Read, Some(Answer::Value(value))) => format!("read -> {}", self.words(*value)),
            (Ask::Read, _) => "read".to_owned(),
            (Ask::Add(amount), _) if *amount < 0 => format!("subtract {}", self.words(amount.saturating_neg())),
            (Ask::Add(amount), _) => format!("add {}", self.words(*amount)),
        }
    }

    fn describe_state(&self, state: &i128) -> String {
        self.words(*state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::{Budget, Operation, check};
    use crate::verdict::Verdict;

    #[test]
    fn a_read_sees_what_was_added_before_it_and_may_see_what_is_under_way() {
        let counter = Counter {
            initial: 1000,
            scale: 2,
        };
        let mut history = vec![
            Operation::ok(0, Ask::Add(-200), 0, Answer::Done, 1),
            Operation::info(1, Ask::Add(50), 2),
            Operation::ok(2, Ask::Read, 3, Answer::Value(850), 4),
        ];
        assert_eq!(check(&counter, &history, Budget::default()).verdict, Verdict::Valid);
        history.push(Operation::ok(2, Ask::Read, 5, Answer::Value(800), 6));
        let result = check(&counter, &history, Budget::default());
        assert_eq!(result.verdict, Verdict::Invalid);
        assert!(
            result.anomalies[0].sentence.contains("read -> 8"),
            "{}",
            result.anomalies[0].sentence
        );
    }
}
