//! Builds a history event by event: numbers the events and keeps their time from running back.
//!
//! For tests, examples and converters; a run writes its history as it happens, line by line.

use super::{Body, Event, Header, History, Kind, Phase, Process};

/// Time between two events where the author does not choose one: a millisecond.
const STEP_NS: u64 = 1_000_000;

/// A history in the making.
#[derive(Clone, Debug)]
pub struct HistoryBuilder {
    header: Header,
    events: Vec<Event>,
    now_ns: u64,
}

impl HistoryBuilder {
    /// Begins with the header as the first event, at time 0.
    pub fn new(header: Header) -> HistoryBuilder {
        let mut builder = HistoryBuilder {
            header: header.clone(),
            events: Vec::new(),
            now_ns: 0,
        };
        builder.add(Process::Named("run".into()), Kind::Info, Body::Header(Box::new(header)));
        builder
    }

    /// Moves the clock to `time_ns`, unless it is already past it.
    pub fn at(&mut self, time_ns: u64) -> &mut Self {
        self.now_ns = self.now_ns.max(time_ns);
        self
    }

    /// Adds an event and moves the clock on; returns the event's index.
    pub fn add(&mut self, process: Process, kind: Kind, body: Body) -> u64 {
        self.add_error(process, kind, body, None)
    }

    /// Adds an event of a client.
    pub fn client(&mut self, process: u64, kind: Kind, body: Body) -> u64 {
        self.add(Process::Client(process), kind, body)
    }

    /// Adds the beginning (`invoke`) or the end (`ok`, `info`) of a phase.
    pub fn phase(&mut self, name: &str, kind: Kind) -> u64 {
        let body = Body::Phase(Phase { name: name.into() });
        self.add(Process::Named("run".into()), kind, body)
    }

    /// Adds an event that carries an error.
    pub fn add_error(&mut self, process: Process, kind: Kind, body: Body, error: Option<&str>) -> u64 {
        let index = self.events.len() as u64;
        self.events.push(Event {
            index,
            time: self.now_ns,
            process,
            kind,
            body,
            error: error.map(str::to_owned),
        });
        self.now_ns += STEP_NS;
        index
    }

    /// The finished history.
    pub fn build(self) -> History {
        History {
            header: self.header,
            events: self.events,
            truncated: false,
        }
    }
}
