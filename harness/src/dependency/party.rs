//! Parties: the processes of a target, and what faults must know of each. Never: how one is started.

use std::fmt;

/// A process of a running target that can be killed and paused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartyDef {
    /// As users name it: `pay`, `account-2`, or as a kind of dependency names its own.
    pub name: String,
    /// What it is.
    pub kind: PartyKind,
    /// The service or dependency that it belongs to.
    pub of: String,
    /// Whether it has a data directory.
    pub has_data: bool,
    /// When it can be told to write to its disk; the first is the default.
    pub flush: &'static [&'static str],
    /// How long it usually stays killed, milliseconds: from and to.
    pub kill_ms: (u64, u64),
    /// How long it usually stays paused, milliseconds: from and to.
    pub pause_ms: (u64, u64),
    /// How long it takes, roughly, until all is well again once it is started.
    pub recovery_ms: u64,
}

/// What a party is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PartyKind {
    /// A process of a service of the target.
    Service,
    /// Keeps rows.
    Store,
    /// Keeps messages.
    Queue,
    /// Tells others where to find each other; they get on without it for a while.
    Directory,
    /// Anything else.
    Other,
}

impl fmt::Display for PartyDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
