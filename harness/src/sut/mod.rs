//! The running target: what faults act on, what is told about it, and the errors of a run.
//!
//! Faults, nemesis and settle use it without knowing how a run goes. Must never start or stop anything by itself.

mod error;
mod notice;
mod shown;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::record::Recorder;
use crate::stack::Stack;
use crate::wire::{Gates, Link, LinkProbe};
use crate::workload::Pace;

pub use error::RunError;
pub use notice::{Notice, Observer, Tick};
pub use shown::{PLAN, recheck_line, replay_line};

/// A running target, as the nemesis sees it.
pub struct RunningTarget {
    /// What it runs on.
    pub stack: Arc<dyn Stack>,
    /// Its links by name.
    pub links: BTreeMap<String, Arc<Link>>,
    /// The gates of its parties.
    pub gates: Gates,
    /// The pace of the clients.
    pub pace: Pace,
    /// How to ask through each link.
    pub probes: BTreeMap<String, LinkProbe>,
    /// The history.
    pub recorder: Recorder,
    /// Who watches.
    pub observer: Observer,
}

impl RunningTarget {
    /// A link by its name.
    pub fn link(&self, name: &str) -> Option<Arc<Link>> {
        self.links.get(name).cloned()
    }
}
