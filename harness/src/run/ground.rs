//! The ground of a run: what faults act on, and where what they do is written down.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Observer;
use crate::fault::LinkProbe;
use crate::record::Recorder;
use crate::stack::ContainerStack;
use crate::wire::{Gates, Link};
use crate::workload::Pace;

/// A running target, as the nemesis sees it.
pub struct Ground {
    /// Its containers.
    pub stack: Arc<ContainerStack>,
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

impl Ground {
    /// A link by its name.
    pub fn link(&self, name: &str) -> Option<Arc<Link>> {
        self.links.get(name).cloned()
    }
}
