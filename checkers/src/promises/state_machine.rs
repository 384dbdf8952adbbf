//! `state-machine`: a subject goes only where its table of states lets it, and comes to an end; judged by
//! [`state_machine`](crate::process::state_machine).
//!
//! States are a column of a view at looks and at the end, where others may have passed unseen in between; or points of the
//! wire, one for each state, each of whose frames that arrive is seen.

use serde_json::Value;

use super::support::{
    Keys, Last, Looks, NAME_OPTION, Point, at, cell, column, columns, doubted, key_name, key_of, needs_of, read,
    unsettled,
};
use super::{Entry, How, Judge, Need, Options};
use crate::history::{Body, Deed, Event, Header, Moment, Rows};
use crate::ledger::Names as Numbered;
use crate::names::list;
use crate::process::state_machine::{self, StateMachine, Table};
use crate::run::Facts;
use crate::streaming::{At, Names, Streaming};
use crate::verdict::{CheckerResult, Completeness, Decides};

pub(super) const ENTRY: Entry = Entry {
    name: state_machine::NAME,
    about: "a subject goes only where its table of states lets it, and comes to an end",
    options: &[
        NAME_OPTION,
        ("view", "the view that shows states, at looks and at the end"),
        (
            "points",
            "{ STATE = \"LINK POINT\" }: instead of a view, the points of the wire that states are seen at",
        ),
        (
            "key",
            "what has a state: the view's column, or columns; the key's name on the wire",
        ),
        ("state", "the view's column of the state; default: \"state\""),
        ("states", "further states, that no transition names"),
        ("transitions", "{ STATE = [STATE] }: where each may go"),
        ("start", "the states in which one may begin"),
        (
            "terminal",
            "the states in which one may end; default: those that lead nowhere",
        ),
    ],
    anomalies: &["illegal-start", "illegal-transition", "unknown-state", "stuck"],
    decides: &[
        Decides {
            of: "states that frames tell",
            completeness: Completeness::Decided,
            how: "every change, in the order of the wire",
        },
        Decides {
            of: "states that a view shows",
            completeness: Completeness::Inferred,
            how: "a change between two reads is seen where no way of allowed changes leads from one to the other",
        },
    ],
    how: How::Own(make),
};

/// Numbers of states that are in no table begin here, and end with the last that fits into a byte.
const STRANGE: usize = state_machine::STATES_MAX;

/// Where states are seen.
enum Seen {
    View {
        view: String,
        key: Vec<String>,
        state: String,
    },
    Points {
        key: String,
        points: Vec<(Point, u8)>,
    },
}

struct Machine {
    seen: Seen,
    states: Vec<String>,
    /// States that are in no table.
    strange: Numbered,
    keys: Keys,
    checker: StateMachine,
    last: Last<()>,
    looks: Looks,
    looked_at: bool,
    frames: u64,
    observed: u64,
    end: At,
    doubts: Vec<String>,
}

fn make(options: &mut Options, header: &Header) -> Option<Box<dyn Judge>> {
    let (table, states) = table(options)?;
    let (seen, keys, table) = match options.value("points") {
        Some(_) => {
            for other in ["view", "state"] {
                if options.value(other).is_some() {
                    options.say(
                        other,
                        "and points exclude each other: states are seen in a view or on the wire",
                    );
                }
            }
            let key = key_name(options, "key", header);
            let points = points(options, &states);
            let key = key?;
            let keys = Keys::named(header, &key);
            (Seen::Points { key, points }, keys, table)
        }
        None => {
            let view = options.view_at("view", header, Moment::Final);
            let key = options.needed_texts("key", "\"tx\"");
            let state = options.text("state").unwrap_or("state").to_owned();
            let (view, key) = (view?.to_owned(), key?);
            let keys = Keys::named(header, &key[0]);
            (Seen::View { view, key, state }, keys, table.sampled())
        }
    };
    let looked_at = match &seen {
        Seen::View { view, .. } => header.views[view].contains(&Moment::Look),
        Seen::Points { .. } => false,
    };
    options.is_fine().then(|| {
        Box::new(Machine {
            seen,
            states,
            strange: Numbered::default(),
            keys,
            checker: StateMachine::new(table),
            last: Last::Never,
            looks: Looks::default(),
            looked_at,
            frames: 0,
            observed: 0,
            end: At::default(),
            doubts: Vec::new(),
        }) as Box<dyn Judge>
    })
}

/// The table, and its states in order.
fn table(options: &mut Options) -> Option<(Table, Vec<String>)> {
    if options.value("transitions").is_none() {
        options.say(
            "transitions",
            "is missing; for example transitions = { NEW = [\"PAID\", \"CANCELLED\"] }",
        );
    }
    let start = options.needed_texts("start", "[\"NEW\"]").unwrap_or_default();
    let transitions = options.values_by_column("transitions");
    let given = options.texts("terminal");
    let mut states = Vec::new();
    let named = start.iter().chain(
        transitions
            .iter()
            .flat_map(|(from, to)| std::iter::once(from).chain(to)),
    );
    for state in named.cloned().chain(options.texts("states").unwrap_or_default()) {
        if !states.contains(&state) {
            states.push(state);
        }
    }
    for state in given.iter().flatten() {
        options.chosen("terminal", "state", state, states.iter().map(String::as_str));
    }
    let terminal = given.unwrap_or_else(|| {
        let leads = |state: &&String| transitions.contains_key(*state);
        states.iter().filter(|state| !leads(state)).cloned().collect()
    });
    if terminal.is_empty() && options.is_fine() {
        options.say(
            "terminal",
            "is missing, and every state leads to another: say where one may end",
        );
    }
    let text = |texts: &[String]| -> Vec<String> { texts.to_vec() };
    let made = build(&text(&states), &start, &terminal, &transitions);
    match made {
        _ if !options.is_fine() => None,
        Ok(table) => Some((table, states)),
        Err(error) => {
            options.say("transitions", format!("has {error}"));
            None
        }
    }
}

fn build(
    states: &[String],
    start: &[String],
    terminal: &[String],
    transitions: &std::collections::BTreeMap<String, Vec<String>>,
) -> Result<Table, state_machine::TableError> {
    fn texts(names: &[String]) -> Vec<&str> {
        names.iter().map(String::as_str).collect()
    }
    let mut table = Table::new(&texts(states))?
        .initial(&texts(start))?
        .terminal(&texts(terminal))?;
    for (from, to) in transitions {
        table = table.allow(from, &texts(to))?;
    }
    Ok(table)
}

fn points(options: &mut Options, states: &[String]) -> Vec<(Point, u8)> {
    let mut points: Vec<(Point, u8)> = Vec::new();
    let Some(Value::Object(named)) = options.value("points") else {
        let value = options.value("points").unwrap_or(&Value::Null);
        options.wrong("points", value, "a table, as in { PAID = \"pay->mysql COMMIT reply\" }");
        return points;
    };
    for state in named.keys() {
        options.chosen("points", "state", state, states.iter().map(String::as_str));
        let key = format!("points.{state}");
        if options.value(&key).is_none() {
            options.say(
                "points",
                format!("has {state:?}; the name of a state has no dots and brackets here"),
            );
        }
        let point = Point::read(options, &key);
        let number = states.iter().position(|other| other == state);
        let other = points.iter().find(|(other, _)| Some(other) == point.as_ref());
        if let Some((point, other)) = other {
            let other: &String = &states[usize::from(*other)];
            options.say(
                "points",
                format!("has {other:?} and {state:?} at the same point, {point}: a frame there shows one state"),
            );
        }
        points.extend(point.zip(number.and_then(|number| u8::try_from(number).ok())));
    }
    points
}

impl Machine {
    /// The number of a state.
    fn number(&mut self, state: &str) -> u8 {
        let known = self.states.iter().position(|name| name == state);
        let number = known.unwrap_or_else(|| STRANGE + self.strange.id(state) as usize);
        u8::try_from(number).unwrap_or(u8::MAX)
    }

    fn rows(&mut self, rows: &Rows, at: At) -> Result<(), String> {
        let Seen::View { view, key, state } = &self.seen else {
            return Ok(());
        };
        let (key, state, view) = (columns(rows, key)?, column(rows, state)?, view.clone());
        let mut shown: Vec<(u32, u8)> = Vec::new();
        for row in rows.iter() {
            let (id, state) = (self.keys.number(&key_of(row, &key)), self.number(cell(row, state)));
            shown.push((id, state));
        }
        shown.sort_unstable();
        if let Some(pair) = shown.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            let key = self.keys.name(pair[0].0);
            self.doubts.push(format!(
                "view {view} shows {key} more than once: which row is its state is not known; key takes several columns"
            ));
            return Ok(());
        }
        for (id, state) in shown {
            self.observed += 1;
            self.checker.push(at, state_machine::Event::Seen { id, state });
        }
        Ok(())
    }

    fn view(&mut self, event: &Event) {
        let Seen::View { view, .. } = &self.seen else { return };
        let Some((name, moment, shown)) = read(event) else {
            return;
        };
        if name != view {
            return;
        }
        let shown = shown.and_then(|rows| self.rows(rows, at(event)));
        match moment {
            Moment::Look => self.looks.made(event, shown.as_ref().err()),
            Moment::Final => self.last.keep(event, shown),
            Moment::Initial | Moment::Rest | Moment::AfterRepair => {
                self.doubts
                    .extend(shown.err().map(|why| format!("a read of view {name} failed: {why}")));
            }
        }
    }

    /// Why not everything was seen that had to be.
    fn missing(&self, run: &Facts) -> Vec<String> {
        let mut doubts: Vec<String> = unsettled(run, Moment::Final).into_iter().collect();
        match &self.seen {
            Seen::View { view, .. } => {
                doubts.extend(self.last.shown(view, Moment::Final).err());
                doubts.extend(self.looks.doubt(view).filter(|_| self.looked_at));
                if self.observed == 0 && doubts.is_empty() && self.doubts.is_empty() {
                    doubts.push(format!("view {view} showed no row: there is nothing to judge"));
                }
            }
            Seen::Points { key, points } if self.observed == 0 => {
                let points: Vec<String> = points.iter().map(|(point, _)| point.to_string()).collect();
                let points = list(points.iter().map(String::as_str));
                doubts.push(match self.frames {
                    0 => format!("no frame of {points} was seen"),
                    _ => format!("no frame of {points} carried {key}"),
                });
            }
            Seen::Points { .. } => {}
        }
        doubts
    }
}

impl Judge for Machine {
    fn observe(&mut self, event: &Event) {
        self.end = at(event);
        match (&event.body, &self.seen) {
            (Body::View(_), Seen::View { .. }) => self.view(event),
            (Body::Wire(wire), Seen::Points { key, points }) => {
                let Some((_, state)) = points.iter().find(|(point, _)| point.is(wire)) else {
                    return;
                };
                self.frames += 1;
                if !wire.arrived() || wire.did.contains(&Deed::Copy) {
                    return;
                }
                for key in wire.key(key) {
                    self.observed += 1;
                    let id = self.keys.number(key);
                    self.checker
                        .push(at(event), state_machine::Event::Seen { id, state: *state });
                }
            }
            _ => {}
        }
    }

    fn needs(&self) -> Vec<Need> {
        match &self.seen {
            Seen::View { view, key, state } => {
                let key = key.iter().map(|key| ("key", key));
                needs_of(view, key.chain([("state", state)]))
            }
            Seen::Points { .. } => Vec::new(),
        }
    }

    fn finish(mut self: Box<Self>, run: &Facts) -> CheckerResult {
        let missing = self.missing(run);
        let settled = missing.is_empty();
        let mut doubts = std::mem::take(&mut self.doubts);
        doubts.extend(missing);
        doubts.dedup();
        if settled {
            self.checker.push(self.end, state_machine::Event::Settled);
        }
        let named = Named {
            keys: &self.keys,
            strange: &self.strange,
        };
        doubted(self.checker.finish_named(&named), doubts)
    }
}

struct Named<'a> {
    keys: &'a Keys,
    strange: &'a Numbered,
}

impl Names for Named<'_> {
    fn id(&self, id: u32) -> String {
        self.keys.name(id).to_owned()
    }

    fn said(&self, noun: &str, id: u32) -> String {
        self.keys.said(noun, id)
    }

    fn key(&self, state: u32) -> String {
        match (state as usize).checked_sub(STRANGE) {
            Some(position) if position < self.strange.len() => self.strange.name(position as u32).to_owned(),
            _ => "(one of many)".to_owned(),
        }
    }
}
