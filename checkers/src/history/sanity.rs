//! What every history owes its readers, before anything is judged.
//!
//! Sees: order, time, and the pairing of operations. Cannot see whether what an event says is true.
//! O(events) time, O(processes) memory.

use std::collections::HashMap;

use super::{Event, Kind, Process};

/// How a history breaks the rules of its own format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The indices have a gap or repeat.
    #[error("event {found} stands where index {expected} is expected")]
    Index {
        /// The index that should have come.
        expected: u64,
        /// The index that came.
        found: u64,
    },
    /// Time runs back.
    #[error("event {index}: time runs back from {before} to {time} ns")]
    Time {
        /// The event.
        index: u64,
        /// Time of the event before it.
        before: u64,
        /// Its time.
        time: u64,
    },
    /// A process invokes while its operation is still open.
    #[error("event {index}: process {process} invokes {f} while its {open} (event {opened}) is open")]
    Nested {
        /// The event.
        index: u64,
        /// The process.
        process: String,
        /// What is invoked.
        f: String,
        /// What is open.
        open: String,
        /// The invocation that is open.
        opened: u64,
    },
    /// An operation ends that did not begin.
    #[error("event {index}: {f} of process {process} ends without an open invocation")]
    Unopened {
        /// The event.
        index: u64,
        /// The process.
        process: String,
        /// What ends.
        f: String,
    },
    /// A client process is used again after an `info`.
    #[error("event {index}: process {process} is used again after its info (event {ended})")]
    Reused {
        /// The event.
        index: u64,
        /// The process.
        process: String,
        /// The `info` that ended it.
        ended: u64,
    },
}

#[derive(Debug)]
enum State {
    Open { f: String, index: u64 },
    Gone { index: u64 },
}

/// Follows a history event by event, and says where it breaks a rule.
#[derive(Debug, Default)]
pub(crate) struct Pairing {
    expected: u64,
    time: u64,
    processes: HashMap<Process, State>,
}

pub(super) fn check(events: &[Event]) -> Result<(), Malformed> {
    let mut pairing = Pairing::default();
    events.iter().try_for_each(|event| pairing.follow(event))
}

impl Pairing {
    /// Takes in the next event.
    pub(crate) fn follow(&mut self, event: &Event) -> Result<(), Malformed> {
        if event.index != self.expected {
            return Err(Malformed::Index {
                expected: self.expected,
                found: event.index,
            });
        }
        self.expected += 1;
        if event.time < self.time {
            return Err(Malformed::Time {
                index: event.index,
                before: self.time,
                time: event.time,
            });
        }
        self.time = event.time;
        self.step(event)
    }

    /// Follows one process by one event. Named processes only owe the pairing of client operations.
    fn step(&mut self, event: &Event) -> Result<(), Malformed> {
        let client = matches!(event.process, Process::Client(_));
        if !client && !event.body.is_op() {
            return Ok(());
        }
        let f = event.body.f();
        let index = event.index;
        let process = || match &event.process {
            Process::Client(number) => number.to_string(),
            Process::Named(name) => name.to_string(),
        };
        match (event.kind, self.processes.get(&event.process)) {
            (_, Some(State::Gone { index: ended })) => Err(Malformed::Reused {
                index,
                process: process(),
                ended: *ended,
            }),
            (Kind::Invoke, Some(State::Open { f: open, index: opened })) => Err(Malformed::Nested {
                index,
                process: process(),
                f: f.to_owned(),
                open: open.clone(),
                opened: *opened,
            }),
            (Kind::Invoke, None) => {
                let open = State::Open { f: f.to_owned(), index };
                self.processes.insert(event.process.clone(), open);
                Ok(())
            }
            (kind, Some(State::Open { f: open, .. })) if *open == f => {
                if kind == Kind::Info && client {
                    self.processes.insert(event.process.clone(), State::Gone { index });
                } else {
                    self.processes.remove(&event.process);
                }
                Ok(())
            }
            (_, _) => Err(Malformed::Unopened {
                index,
                process: process(),
                f: f.to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Body, Op};

    fn event(index: u64, time: u64, process: u64, kind: Kind) -> Event {
        Event {
            index,
            time,
            process: Process::Client(process),
            kind,
            body: Body::Op(Op {
                action: "balance".into(),
                ..Op::default()
            }),
            error: None,
        }
    }

    fn said(events: &[Event]) -> String {
        check(events).map_or_else(|e| e.to_string(), |()| "fine".to_owned())
    }

    #[test]
    fn operations_may_overlap_and_stay_open() {
        let events = [
            event(0, 1, 1, Kind::Invoke),
            event(1, 1, 2, Kind::Invoke),
            event(2, 2, 1, Kind::Ok),
            event(3, 3, 1, Kind::Invoke),
            event(4, 4, 1, Kind::Info),
            event(5, 4, 3, Kind::Invoke),
        ];
        assert_eq!(check(&events), Ok(()));
    }

    #[test]
    fn each_rule_has_its_complaint() {
        let invoke = event(0, 5, 1, Kind::Invoke);
        let second = |event: Event| said(&[invoke.clone(), event]);
        assert_eq!(
            second(event(2, 6, 2, Kind::Invoke)),
            "event 2 stands where index 1 is expected"
        );
        assert_eq!(
            second(event(1, 4, 2, Kind::Invoke)),
            "event 1: time runs back from 5 to 4 ns"
        );
        assert_eq!(
            second(event(1, 6, 1, Kind::Invoke)),
            "event 1: process 1 invokes balance while its balance (event 0) is open"
        );
        assert_eq!(
            second(event(1, 6, 2, Kind::Ok)),
            "event 1: balance of process 2 ends without an open invocation"
        );
        let mut other = event(1, 6, 1, Kind::Ok);
        other.body = Body::Other("txn".into(), serde_json::Value::Null);
        assert_eq!(
            second(other),
            "event 1: txn of process 1 ends without an open invocation"
        );
        let reused = [invoke, event(1, 6, 1, Kind::Info), event(2, 7, 1, Kind::Invoke)];
        assert_eq!(
            said(&reused),
            "event 2: process 1 is used again after its info (event 1)"
        );
    }

    #[test]
    fn named_processes_only_owe_the_pairing_of_operations() {
        let mut remark = event(0, 0, 0, Kind::Info);
        remark.process = Process::Named("run".into());
        remark.body = Body::Other("note".into(), serde_json::Value::Null);
        let mut again = remark.clone();
        again.index = 1;
        assert_eq!(check(&[remark, again]), Ok(()));
    }
}
