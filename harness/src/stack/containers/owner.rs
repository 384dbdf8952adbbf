//! Who owns what: the labels on everything a stack makes, and whether the process behind a label still lives.
//! Never: calls an owner dead that it cannot look at (another machine, another process namespace).

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::hash::Hasher;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use super::docker::Engine;

/// Label with the id of the stack.
pub const LABEL_STACK: &str = "paytwice.stack";
/// Label with the process that made it: `pid:start time:boot id:process namespace`.
pub const LABEL_OWNER: &str = "paytwice.owner";
/// Label with the party that it belongs to.
pub const LABEL_PARTY: &str = "paytwice.party";

/// The name of one stack, unique on its engine.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StackId(String);

impl StackId {
    /// A fresh id, from what tells this process apart from every other, and a counter.
    pub(super) fn fresh() -> StackId {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let mut hasher = DefaultHasher::new();
        hasher.write(Owner::this_process().to_string().as_bytes());
        hasher.write_u32(COUNTER.fetch_add(1, Ordering::Relaxed));
        StackId(base36(hasher.finish() >> 23))
    }

    /// An id that was read from a label.
    pub fn from_label(text: &str) -> StackId {
        StackId(text.to_string())
    }

    /// The id as it stands in names and labels.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn name_of(&self, party: &str) -> String {
        format!("paytwice-{}-{party}", self.0)
    }

    pub(super) fn labels(&self, party: &str) -> HashMap<String, String> {
        HashMap::from([
            (LABEL_STACK.to_string(), self.0.clone()),
            (LABEL_OWNER.to_string(), Owner::this_process().to_string()),
            (LABEL_PARTY.to_string(), party.to_string()),
        ])
    }
}

impl fmt::Display for StackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A process, told apart from every later one with the same number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pid: u32,
    started: u64,
    boot: String,
    namespace: String,
}

impl Owner {
    pub(super) fn this_process() -> Owner {
        let pid = std::process::id();
        Owner {
            pid,
            started: start_time(pid).unwrap_or(0),
            boot: boot_id(),
            namespace: process_namespace(),
        }
    }

    pub(super) fn parse(label: &str) -> Option<Owner> {
        let mut parts = label.splitn(4, ':');
        Some(Owner {
            pid: parts.next()?.parse().ok()?,
            started: parts.next()?.parse().ok()?,
            boot: parts.next()?.to_string(),
            namespace: parts.next().unwrap_or_default().to_string(),
        })
    }

    /// Whether the process is certainly gone. A process that cannot be looked at counts as alive.
    pub(super) fn is_dead(&self, engine: &Engine) -> bool {
        let here = Owner::this_process();
        if self.boot != here.boot {
            // With the engine under our own kernel, another boot is an earlier one.
            return engine.is_local();
        }
        self.namespace == here.namespace && start_time(self.pid) != Some(self.started)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}:{}", self.pid, self.started, self.boot, self.namespace)
    }
}

/// Start time in clock ticks after boot; none where there is no such process (a zombie is none).
fn start_time(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may hold anything; the fields after the last one are plain.
    let fields: Vec<&str> = stat[stat.rfind(')')? + 1..].split_whitespace().collect();
    if fields.first() == Some(&"Z") {
        return None;
    }
    fields.get(19)?.parse().ok()
}

fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").map_or_else(|_| "unknown".into(), |id| id.trim().into())
}

fn process_namespace() -> String {
    let link = std::fs::read_link(Path::new("/proc/self/ns/pid")).unwrap_or_default();
    link.to_string_lossy().chars().filter(char::is_ascii_digit).collect()
}

fn base36(mut value: u64) -> String {
    let mut digits = Vec::new();
    loop {
        digits.push(char::from_digit((value % 36) as u32, 36).unwrap_or('0'));
        value /= 36;
        if value == 0 {
            break;
        }
    }
    digits.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_survives_its_label() {
        let owner = Owner::this_process();
        assert!(owner.started > 0);
        assert_eq!(Owner::parse(&owner.to_string()), Some(owner));
        assert_eq!(Owner::parse("nonsense"), None);
    }

    #[test]
    fn a_number_taken_by_another_process_is_another_owner() {
        let owner = Owner::this_process();
        assert_eq!(start_time(owner.pid), Some(owner.started));
        assert_ne!(start_time(owner.pid), Some(owner.started + 1));
        assert_eq!(start_time(u32::MAX), None);
    }

    #[test]
    fn ids_do_not_repeat() {
        let ids: std::collections::BTreeSet<_> = (0..1000).map(|_| StackId::fresh()).collect();
        assert_eq!(ids.len(), 1000);
    }
}
