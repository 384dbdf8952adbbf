//! State machine: every id begins where it may, goes only where the table lets it, and comes to an end.
//!
//! For histories that show the states of orders, TCC branches, sagas, ... in the order in which they were taken: a
//! change log, the wire, or reads that do not overlap.
//! - `illegal-start`: the first state seen is not an initial one.
//! - `illegal-transition`: from one state to another that the table does not allow from there; leaving a terminal
//!   state is one.
//! - `unknown-state`: a state that is not in the table.
//! - `stuck`: not in a terminal state when the run was over ([`Event::Settled`]); unknown without it.
//!
//! Seeing the same state again is no transition unless the table names it as one. With [`Table::sampled`] states may
//! have passed unseen between two observations: then any state that can be reached is allowed.
//!
//! Sees: states as told. Cannot see: two transitions that cancel out between two observations. O(1) per event,
//! 12 bytes per id; the table is a bit mask per state.

use crate::streaming::{At, Capped, Case, Dense, Mark, Names, Streaming, Tally, at};
use crate::verdict::CheckerResult;

/// Name of this checker.
pub const NAME: &str = "state-machine";

/// The most states a table may have.
pub const STATES_MAX: usize = 64;

/// States and the transitions that are allowed.
#[derive(Clone, Debug, Default)]
pub struct Table {
    names: Vec<String>,
    next: Vec<u64>,
    initial: u64,
    terminal: u64,
    sampled: bool,
}

/// Why a table is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// More than [`STATES_MAX`] states.
    #[error("{0} states; a table has at most {STATES_MAX}")]
    TooMany(usize),
    /// A name that is not among the states.
    #[error("{0:?} is not among the states")]
    NoSuchState(String),
}

impl Table {
    /// A table of these states, in which nothing is allowed yet. A state's number is its position.
    ///
    /// # Errors
    /// When there are more than [`STATES_MAX`].
    pub fn new(states: &[&str]) -> Result<Table, TableError> {
        if states.len() > STATES_MAX {
            return Err(TableError::TooMany(states.len()));
        }
        let names = states.iter().map(|s| (*s).to_owned()).collect();
        Ok(Table {
            names,
            next: vec![0; states.len()],
            ..Table::default()
        })
    }

    /// States in which an id may be seen first.
    ///
    /// # Errors
    /// When one is not among the states.
    pub fn initial(mut self, states: &[&str]) -> Result<Table, TableError> {
        for state in states {
            self.initial |= 1 << self.number(state)?;
        }
        Ok(self)
    }

    /// States in which an id may be left.
    ///
    /// # Errors
    /// When one is not among the states.
    pub fn terminal(mut self, states: &[&str]) -> Result<Table, TableError> {
        for state in states {
            self.terminal |= 1 << self.number(state)?;
        }
        Ok(self)
    }

    /// Allows to go from one state to others.
    ///
    /// # Errors
    /// When one is not among the states.
    pub fn allow(mut self, from: &str, to: &[&str]) -> Result<Table, TableError> {
        let from = usize::from(self.number(from)?);
        for state in to {
            self.next[from] |= 1 << self.number(state)?;
        }
        Ok(self)
    }

    /// States may pass unseen between two observations.
    #[must_use]
    pub fn sampled(mut self) -> Table {
        self.sampled = true;
        self
    }

    /// The number of a state.
    ///
    /// # Errors
    /// When it is not among the states.
    pub fn number(&self, state: &str) -> Result<u8, TableError> {
        let found = (0_u8..).zip(&self.names).find(|(_, name)| *name == state);
        found
            .map(|(number, _)| number)
            .ok_or_else(|| TableError::NoSuchState(state.to_owned()))
    }

    fn name(&self, state: u8) -> &str {
        self.names.get(usize::from(state)).map_or("(unknown)", String::as_str)
    }

    fn has(&self, state: u8) -> bool {
        usize::from(state) < self.names.len()
    }

    /// Warshall's closure, when states may pass unseen; also the first one seen need not be initial then, but must be
    /// reachable from one.
    fn close(&mut self) {
        if !self.sampled {
            return;
        }
        for via in 0..self.next.len() {
            for from in 0..self.next.len() {
                if self.next[from] >> via & 1 == 1 {
                    self.next[from] |= self.next[via];
                }
            }
        }
        for state in 0..self.next.len() {
            if self.initial >> state & 1 == 1 {
                self.initial |= self.next[state];
            }
        }
    }
}

/// What was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// An id was seen in a state.
    Seen {
        /// The id.
        id: u32,
        /// The number of the state, see [`Table::number`]; any other number is a state that is not in the table, called
        /// by its key's name.
        state: u8,
    },
    /// The run is over: what is not terminal now is stuck.
    Settled,
}

/// Where an id is.
#[derive(Clone, Copy, Default)]
struct Place {
    seen_at: Mark,
    entered_at: Mark,
    state: u8,
    /// Somewhere it should never be: what comes next proves nothing.
    astray: bool,
}

/// A step that the table does not allow.
#[derive(Clone, Copy)]
struct Step {
    id: u32,
    from: u8,
    to: u8,
    marks: [Mark; 2],
}

/// The checker.
#[derive(Default)]
pub struct StateMachine {
    table: Table,
    places: Dense<Place>,
    starts: Capped<Step>,
    strays: Capped<Step>,
    steps: Capped<Step>,
    seen: u64,
    transitions: u64,
    settled: bool,
}

impl StateMachine {
    /// A checker that has seen nothing.
    #[must_use]
    pub fn new(mut table: Table) -> StateMachine {
        table.close();
        StateMachine {
            table,
            ..StateMachine::default()
        }
    }

    #[inline]
    fn see(&mut self, at: At, id: u32, state: u8) {
        self.seen += 1;
        let place = self.places.at(id);
        let now = Mark::new(at.index);
        let step = Step {
            id,
            from: place.state,
            to: state,
            marks: [place.entered_at, now],
        };
        let known = self.table.has(state);
        if !known {
            self.strays.push(step);
        } else if place.seen_at == Mark::NONE {
            if self.table.initial >> state & 1 == 0 {
                self.starts.push(step);
            }
        } else if !place.astray && (state != place.state || self.table.next[usize::from(state)] >> state & 1 == 1) {
            self.transitions += 1;
            if self.table.next[usize::from(place.state)] >> state & 1 == 0 {
                self.steps.push(step);
            }
        }
        if place.seen_at == Mark::NONE || state != place.state {
            place.entered_at = now;
        }
        (place.seen_at, place.state, place.astray) = (now, state, !known);
    }
}

impl Streaming for StateMachine {
    type Event<'a> = Event;

    #[inline]
    fn push(&mut self, at: At, event: Event) {
        match event {
            Event::Seen { id, state } => {
                self.settled = false;
                self.see(at, id, state);
            }
            Event::Settled => self.settled = true,
        }
    }

    fn finish_named(self, names: &dyn Names) -> CheckerResult {
        let mut tally = Tally::default();
        let table = &self.table;
        let case = |step: &Step, how: String| Case {
            subject: names.id(step.id),
            sentence: format!("{} {how}", names.said("", step.id)),
            witness: at(step.marks),
        };
        tally.anomalies("illegal-start", &self.starts, |s| {
            case(s, format!("began as {}", table.name(s.to)))
        });
        tally.anomalies("illegal-transition", &self.steps, |s| {
            case(s, format!("went from {} to {}", table.name(s.from), table.name(s.to)))
        });
        tally.anomalies("unknown-state", &self.strays, |s| {
            case(
                s,
                format!("was in state {}, which is not in the table", names.key(u32::from(s.to))),
            )
        });
        let mut ids = 0_u64;
        let mut unfinished = 0_u64;
        for (id, place) in self.places.iter().filter(|(_, place)| place.seen_at != Mark::NONE) {
            ids += 1;
            if place.astray || table.terminal >> place.state & 1 == 1 {
                continue;
            }
            unfinished += 1;
            if self.settled {
                tally.anomaly("stuck", || Case {
                    subject: names.id(id),
                    sentence: format!("{} is {} at the end", names.said("", id), table.name(place.state)),
                    witness: at([place.entered_at]),
                });
            }
        }
        if self.seen == 0 {
            tally.doubt("no state was seen: there is nothing to judge");
        } else if !self.settled && unfinished > 0 {
            tally.doubt(format!(
                "the run was not seen to be over, and {unfinished} are not in a terminal state"
            ));
        }
        for (name, value) in [("ids", ids), ("seen", self.seen), ("transitions", self.transitions)] {
            tally.count(name, value);
        }
        tally.result(NAME)
    }
}
