//! `state-machine`: `enter [id state]` and `read [id state]`, judged by
//! [`state_machine`](crate::process::state_machine) against the table of its options.
//!
//! `enter` is one row of a change log: every state that was entered, in order. `read`, of one id or of a map
//! `{id state ...}`, finds an id in a state; with `sampled=true` states may pass between two reads. Reads of one id do
//! not overlap, unless they find the same. `settle` tells that the run is over.

use std::collections::HashMap;

use crate::ops::{Kind, Op, Ref};
use crate::process::state_machine::{Event, STATES_MAX, StateMachine, Table, TableError};
use crate::streaming::{Names, Streaming};
use crate::verdict::CheckerResult;

use super::options::{OptionError, Options, wrong};
use super::support::{
    Clients, Forms, Misfit, at, client, decided, keyed, keyed_each, misfit, name_of, observed, overlapping, unknown_f,
};
use super::{Context, Entry, Workload};

pub(super) const ENTRY: Entry = Entry {
    name: "state-machine",
    about: "every id goes from state to state as a table allows, and comes to an end",
    options: &[
        (
            "transitions",
            "what is allowed, as paths: created:paid:shipped+created:cancelled",
        ),
        (
            "initial",
            "states in which an id may be seen first, created+draft; those that no other leads to by default",
        ),
        (
            "terminal",
            "states in which an id may be left; those that lead to no other by default",
        ),
        ("sampled", "true: states may pass unseen between two observations"),
    ],
    decides: &[decided(
        "every observed step against the table; unknown until the end is told",
    )],
    make,
};

const TRANSITIONS: &str = "a:b:c+a:d, the paths that are allowed";

struct States {
    machine: StateMachine,
    ids: Forms,
    /// Numbers of the states: of the table, then of those that are not in it.
    states: HashMap<String, u8>,
    /// Of each id, its last state and the operation that told it.
    last: Vec<(u8, u64)>,
    reads: Clients<()>,
}

fn make(context: &Context) -> Result<Box<dyn Workload>, OptionError> {
    let (names, table) = table(&context.options)?;
    let states = names.into_iter().map(str::to_owned).zip(0..).collect();
    Ok(Box::new(States {
        machine: StateMachine::new(table),
        ids: Forms::default(),
        states,
        last: Vec::new(),
        reads: Clients::default(),
    }))
}

/// The names of the states, and the table.
fn table(options: &Options) -> Result<(Vec<&str>, Table), OptionError> {
    let text = options.needed("transitions", TRANSITIONS)?;
    let paths: Vec<Vec<&str>> = text.split('+').map(|path| path.split(':').collect()).collect();
    let mut names: Vec<&str> = Vec::new();
    for name in paths.iter().flatten() {
        if name.is_empty() {
            return Err(wrong("transitions", text, TRANSITIONS));
        }
        if !names.contains(name) {
            names.push(name);
        }
    }
    let steps: Vec<(&str, &str)> = paths
        .iter()
        .flat_map(|path| path.windows(2))
        .map(|s| (s[0], s[1]))
        .collect();
    let sources = |name: &&str| !steps.iter().any(|(from, to)| to == name && from != name);
    let sinks = |name: &&str| !steps.iter().any(|(from, to)| from == name && to != name);
    let initial = some_of(options, "initial", &names, sources)?;
    let terminal = some_of(options, "terminal", &names, sinks)?;
    let table = || -> Result<Table, TableError> {
        let mut table = Table::new(&names)?.initial(&initial)?.terminal(&terminal)?;
        for (from, to) in &steps {
            table = table.allow(from, &[to])?;
        }
        Ok(table)
    };
    let table = table().map_err(|error| wrong("transitions", text, &format!("a table ({error})")))?;
    let sampled = options.flag("sampled")?;
    Ok((names, if sampled { table.sampled() } else { table }))
}

/// The states that an option names, or those that are so by default.
fn some_of<'a>(
    options: &'a Options,
    name: &str,
    states: &[&'a str],
    default: impl Fn(&&str) -> bool,
) -> Result<Vec<&'a str>, OptionError> {
    let Some(value) = options.get(name) else {
        let default: Vec<&str> = states.iter().copied().filter(|state| default(state)).collect();
        if default.is_empty() {
            options.needed(
                name,
                "a+b, states of the table, in which every state has one before and one after it",
            )?;
        }
        return Ok(default);
    };
    let named: Vec<&str> = value.split('+').collect();
    if named.iter().all(|state| states.contains(state)) {
        Ok(named)
    } else {
        Err(wrong(
            name,
            value,
            &format!("states that transitions name: {}", states.join(", ")),
        ))
    }
}

impl Workload for States {
    fn push(&mut self, op: &Op) -> Result<(), Misfit> {
        let Some(client) = client(op) else { return Ok(()) };
        match (op.f, op.kind) {
            ("enter", _) => {
                if observed(op)? {
                    let (id, state) = keyed(op, "an id and the state that it entered, [id state]")?;
                    self.see(op, op.index, id, state)?;
                }
                Ok(())
            }
            ("read", Kind::Invoke) => self.reads.begin(client, op, ()),
            ("read", kind) => {
                let Some((invoke, ())) = self.reads.end(client, op)? else {
                    return Ok(());
                };
                if kind != Kind::Ok {
                    return Ok(());
                }
                let shape = "an id and its state, [id state], or a map of them";
                keyed_each(op, shape, |id, state| self.see(op, invoke, id, state))
            }
            ("settle", Kind::Ok) => {
                self.machine.push(at(op), Event::Settled);
                Ok(())
            }
            ("settle", _) => Ok(()),
            _ => Err(unknown_f(op, "enter, read or settle")),
        }
    }

    fn finish(self: Box<Self>) -> CheckerResult {
        let States {
            machine, ids, states, ..
        } = *self;
        machine.finish_named(&Stated { ids, states })
    }
}

impl States {
    /// An id was in a state at some moment since `began`; of an id that has none yet, nil says so.
    fn see(&mut self, op: &Op, began: u64, id: Ref, state: Ref) -> Result<(), Misfit> {
        if state.is_nil() {
            return Ok(());
        }
        if state.items().is_some() || state.entries().is_some() {
            return Err(misfit(op, "a state: a name or a number", state));
        }
        let id = self.ids.id(id);
        let state = self.state(state);
        match self.last.get_mut(id as usize) {
            Some((before, seen)) => {
                if began < *seen && state != *before {
                    return Err(overlapping(op, *seen));
                }
                (*before, *seen) = (state, op.index);
            }
            None => self.last.push((state, op.index)),
        }
        self.machine.push(at(op), Event::Seen { id, state });
        Ok(())
    }

    /// The number of a state. Those beyond the table's are told apart as long as there are numbers.
    fn state(&mut self, form: Ref) -> u8 {
        let owned;
        let name = match form.name() {
            Some(name) => name,
            None => {
                owned = name_of(form);
                &owned
            }
        };
        if let Some(state) = self.states.get(name) {
            return *state;
        }
        let strays = self
            .states
            .values()
            .filter(|state| usize::from(**state) >= STATES_MAX)
            .count();
        let state = u8::try_from(STATES_MAX + strays).unwrap_or(u8::MAX);
        self.states.insert(name.to_owned(), state);
        state
    }
}

/// Names of ids, and of states that are not in the table.
struct Stated {
    ids: Forms,
    states: HashMap<String, u8>,
}

impl Names for Stated {
    fn id(&self, id: u32) -> String {
        self.ids.name(id).to_owned()
    }

    fn key(&self, key: u32) -> String {
        let found = self.states.iter().find(|(_, state)| u32::from(**state) == key);
        found.map_or_else(|| "(unknown)".to_owned(), |(name, _)| name.clone())
    }
}
