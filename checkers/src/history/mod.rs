//! The history of a run: the ordered record of operations, faults, wire events and observations.
//!
//! One file per format; [`event`](Event) is the model that all of them read into. Never judges: whether a history
//! can be trusted at all is said by [`History::check`], what it proves is said by the checkers.

mod build;
mod event;
mod header;
mod jsonl;
mod line;
mod op;
mod rows;
mod sanity;
mod view;
mod wire;

pub use build::HistoryBuilder;
pub use event::*;
pub use header::*;
pub use jsonl::{Events, LINE_BYTES_MAX, ReadError, read, read_path, to_line};
pub use op::Op;
pub(crate) use rows::column;
pub use rows::{Row, Rows};
pub use sanity::Malformed;
pub(crate) use sanity::Pairing;
pub use view::{Moment, View};
pub use wire::{Again, Deed, Outcome, Role, Wire, deeds};

/// Text of which a history has millions, and most of it short: up to 24 bytes stand in place.
pub use compact_str::CompactString as Text;

/// A whole history in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// What the first line said.
    pub header: Header,
    /// Every event, the header's included.
    pub events: Vec<Event>,
    /// True when the file ended in the middle of a line: the writer died while it wrote.
    pub truncated: bool,
}

impl History {
    /// True when the history ends before the run did: cut off in a line, or before its final reads ended, whether
    /// they were complete or not.
    pub fn is_cut_short(&self) -> bool {
        self.truncated || !self.has_final_reads()
    }

    /// Checks what every history owes its readers: indices without gaps, time that never runs back, operations
    /// that end once after they began, process numbers that are not used again after an `info`.
    pub fn check(&self) -> Result<(), Malformed> {
        sanity::check(&self.events)
    }

    fn has_final_reads(&self) -> bool {
        let ends = |event: &&Event| matches!(&event.body, Body::Phase(p) if p.name == "final-reads");
        let last = self.events.iter().rev().find(ends);
        last.is_some_and(|event| event.kind != Kind::Invoke)
    }
}
