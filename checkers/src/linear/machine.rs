//! A model on small numbers: states and operations are interned, and every step is asked of the model once.

use super::interner::{Interner, NONE};
use super::model::Model;

/// Operations with the same input and output: interchangeable but for their intervals.
pub(crate) type Class = u32;

/// The states that were met, and the steps between them.
pub(crate) struct Machine<'m, M: Model> {
    model: &'m M,
    inputs: Interner<&'m M::Input>,
    classes: Interner<(u32, Option<&'m M::Output>)>,
    reads: Vec<bool>,
    states: Interner<M::State>,
    state_bytes: usize,
    steps: Interner<u64>,
    targets: Vec<u32>,
}

impl<'m, M: Model> Machine<'m, M> {
    pub(crate) fn new(model: &'m M) -> Self {
        Self {
            model,
            inputs: Interner::default(),
            classes: Interner::default(),
            reads: Vec::new(),
            states: Interner::default(),
            state_bytes: 0,
            steps: Interner::default(),
            targets: Vec::new(),
        }
    }

    /// The class of an operation.
    pub(crate) fn class(&mut self, input: &'m M::Input, output: Option<&'m M::Output>) -> Class {
        let (input_id, _) = self.inputs.id(input);
        let (class, new) = self.classes.id((input_id, output));
        if new {
            self.reads.push(self.model.is_read(input, output));
        }
        class
    }

    /// True if operations of this class never change the state.
    pub(crate) fn is_read(&self, class: Class) -> bool {
        self.reads[class as usize]
    }

    /// True if an operation of `definite`, where it leads to the same state, may take the place of one of `info`
    /// and leave its own to that: the input is the same, and nothing more is known of the output.
    pub(crate) fn does_for(&self, definite: Class, info: Class) -> bool {
        let ((input, _), (info_input, info_output)) = (self.classes[definite], self.classes[info]);
        definite == info || (input == info_input && info_output.is_none())
    }

    /// The number of the initial state.
    pub(crate) fn init(&mut self) -> u32 {
        self.state(self.model.init())
    }

    /// How many states were met.
    pub(crate) fn states(&self) -> u32 {
        self.states.items().len() as u32
    }

    /// True for a state that is no better than any other.
    pub(crate) fn is_lost(&self, state: u32) -> bool {
        self.model.is_lost(&self.states[state])
    }

    /// A state in words.
    pub(crate) fn describe(&self, state: u32) -> String {
        self.model.describe_state(&self.states[state])
    }

    /// Bytes that the states own.
    pub(crate) fn state_bytes(&self) -> usize {
        self.state_bytes
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.state_bytes + self.states.bytes() + self.steps.bytes() + self.targets.capacity() * size_of::<u32>()
    }

    /// The state after an operation of `class` in `state`; `NONE` where it cannot take place.
    pub(crate) fn step(&mut self, state: u32, class: Class) -> u32 {
        let (edge, new) = self.steps.id(u64::from(state) << 32 | u64::from(class));
        if !new {
            return self.targets[edge as usize];
        }
        let (input, output) = self.classes[class];
        let next = self.model.step(&self.states[state], self.inputs[input], output);
        let target = next.map_or(NONE, |next| self.state(next));
        self.targets.push(target);
        target
    }

    fn state(&mut self, state: M::State) -> u32 {
        let bytes = self.model.heap_bytes(&state);
        let (id, new) = self.states.id(state);
        if new {
            self.state_bytes += bytes;
        }
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::models::register::{Answer, Ask, Register};

    #[test]
    fn bytes_are_those_of_states_and_steps() {
        let model = Register { initial: 0_u64 };
        let writes: Vec<Ask<u64>> = (1..1000).map(Ask::Write).collect();
        let mut machine = Machine::new(&model);
        let mut state = machine.init();
        for write in &writes {
            let class = machine.class(write, None);
            state = machine.step(state, class);
        }
        assert_eq!((machine.states(), machine.state_bytes()), (1000, 0));
        // 1024 states and as many steps of 8 bytes, 2048 slots for each, and 1024 targets.
        assert_eq!(machine.bytes(), 2 * (1024 * 8 + 2048 * 8) + 1024 * 4);
    }

    #[test]
    fn one_does_for_another_that_asks_the_same_and_of_which_less_is_known() {
        let model = Register { initial: 0 };
        let (set, other, done) = (Ask::Cas(0, 1), Ask::Cas(0, 2), Answer::Done);
        let mut machine = Machine::new(&model);
        let [known, unknown, another] =
            [(&set, Some(&done)), (&set, None), (&other, None)].map(|(input, output)| machine.class(input, output));
        assert!(machine.does_for(known, unknown) && machine.does_for(unknown, unknown));
        assert!(!machine.does_for(unknown, known) && !machine.does_for(known, another));
        assert!(!machine.is_read(known));
        let read = machine.class(&Ask::Read, None);
        assert!(machine.is_read(read));
    }
}
