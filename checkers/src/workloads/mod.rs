//! What operations mean to each checker: the `f`s and values of Jepsen's workloads, one file per name of `--as`.
//!
//! A [`Workload`] is told one operation after the other, and judges them at the end:
//!
//! ```
//! use paytwice_checkers::formats::{Format, Reader};
//! use paytwice_checkers::verdict::Verdict;
//! use paytwice_checkers::workloads::{Context, Options, workload};
//!
//! let history = "\
//! {:process 0, :type :invoke, :f :enqueue, :value 1}
//! {:process 0, :type :ok, :f :enqueue, :value 1}
//! {:process 0, :type :invoke, :f :dequeue}
//! {:process 0, :type :ok, :f :dequeue, :value 2}
//! ";
//! let context = Context { format: Format::JepsenEdn, options: Options::default() };
//! let mut queue = workload("total-queue", &context)?;
//! let mut reader = Reader::new(history.as_bytes(), "history.edn", Format::JepsenEdn)?;
//! while let Some(op) = reader.next()? {
//!     queue.push(&op)?;
//! }
//! assert_eq!(queue.finish().verdict, Verdict::Invalid);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Operations of named processes (`:nemesis`) are about no object and are passed over. An operation whose value is not
//! of the workload's shape is an error that says what was expected: nothing is guessed.

mod bank;
mod branches;
mod cas_register;
mod counter;
mod exactly_once_effects;
mod fifo_queue;
mod idempotent_requests;
mod key_order;
mod kv;
mod last_read;
mod leftovers;
mod list_append;
mod log;
mod long_fork;
mod multi_register;
mod mutex;
mod options;
mod postings;
mod register;
mod rw_register;
mod schedule;
mod set;
mod set_full;
mod soft_state;
mod state_machine;
mod support;
mod total_queue;
mod txns;
mod unique_ids;

use crate::formats::Format;
use crate::names::UnknownName;
use crate::ops::Op;
use crate::verdict::{CheckerResult, Decides};

pub use options::{OptionError, Options};
pub use support::Misfit;

/// Takes in the operations of a history, and judges them.
pub trait Workload {
    /// The next operation.
    fn push(&mut self, op: &Op) -> Result<(), Misfit>;

    /// Judges what was taken in.
    fn finish(self: Box<Self>) -> CheckerResult;
}

/// What a workload is made from.
#[derive(Clone, Debug)]
pub struct Context {
    /// What the history is written in: some formats come with conventions of their own.
    pub format: Format,
    /// What was asked for.
    pub options: Options,
}

/// An entry of [`WORKLOADS`].
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Its name, as in `--as`.
    pub name: &'static str,
    /// What it decides, in one line.
    pub about: &'static str,
    /// The options that it takes, each with what it means.
    pub options: &'static [(&'static str, &'static str)],
    /// How far its verdicts go, row by row.
    pub decides: &'static [Decides],
    make: fn(&Context) -> Result<Box<dyn Workload>, OptionError>,
}

/// Every workload.
pub const WORKLOADS: [Entry; 24] = [
    list_append::ENTRY,
    rw_register::ENTRY,
    cas_register::ENTRY,
    kv::ENTRY,
    multi_register::ENTRY,
    mutex::ENTRY,
    fifo_queue::ENTRY,
    total_queue::ENTRY,
    key_order::ENTRY,
    exactly_once_effects::ENTRY,
    log::ENTRY,
    set::ENTRY,
    set_full::ENTRY,
    bank::ENTRY,
    postings::ENTRY,
    idempotent_requests::ENTRY,
    counter::ENTRY,
    long_fork::ENTRY,
    unique_ids::ENTRY,
    state_machine::ENTRY,
    schedule::ENTRY,
    branches::ENTRY,
    leftovers::ENTRY,
    soft_state::ENTRY,
];

/// Other names under which they are known.
const ALIASES: [(&str, &str); 8] = [
    ("register", "cas-register"),
    ("linearizable-register", "cas-register"),
    ("elle-list-append", "list-append"),
    ("elle-rw-register", "rw-register"),
    ("lock", "mutex"),
    ("queue", "total-queue"),
    ("kafka", "log"),
    ("fifo", "fifo-queue"),
];

/// Why there is no such workload.
#[derive(Debug, thiserror::Error)]
pub enum WorkloadError {
    /// No workload has that name.
    #[error(transparent)]
    Name(#[from] UnknownName),
    /// One of its options cannot be understood.
    #[error(transparent)]
    Option(#[from] OptionError),
}

/// The entry of a name.
pub fn find(name: &str) -> Result<&'static Entry, UnknownName> {
    let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
    let name = alias.map_or(name, |(_, name)| *name);
    let found = WORKLOADS.iter().find(|entry| entry.name == name);
    found.ok_or_else(|| UnknownName::new("workload", name, WORKLOADS.iter().map(|entry| entry.name)))
}

/// A workload by its name.
pub fn workload(name: &str, context: &Context) -> Result<Box<dyn Workload>, WorkloadError> {
    let entry = find(name)?;
    context.options.check(entry.options.iter().map(|(name, _)| *name))?;
    Ok((entry.make)(context)?)
}
