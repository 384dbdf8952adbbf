//! States, schedules, branches, leftovers, soft state.

use std::time::Duration;

use paytwice_checkers::process::branches::{self, Branches};
use paytwice_checkers::process::leftovers::{self, Leftovers};
use paytwice_checkers::process::schedule::{self, Schedule, Since};
use paytwice_checkers::process::soft_state::{self, SoftState};
use paytwice_checkers::process::state_machine::{self, StateMachine, Table};
use paytwice_checkers::streaming::Streaming;

use crate::{place, time};

pub(crate) fn measure(name: &str, size: u64) -> Option<Duration> {
    Some(match name {
        "state-machine" => {
            let table = Table::new(&["trying", "frozen", "confirmed"]).and_then(|t| t.initial(&["trying"]));
            let table = table
                .and_then(|t| t.terminal(&["confirmed"]))
                .and_then(|t| t.allow("trying", &["frozen"]));
            let table = table
                .and_then(|t| t.allow("frozen", &["confirmed"]))
                .expect("the states are there");
            time(
                StateMachine::new(table),
                size,
                |event| {
                    let (id, step) = place(event, 3);
                    state_machine::Event::Seen { id, state: step as u8 }
                },
                |c, at, e| c.push(at, e),
            )
        }
        "schedule" => {
            let options = schedule::Options {
                delays_ns: vec![0, 256_000],
                since: Since::Begin,
                early_ns_max: 1_000_000,
                late_ns_max: 1_000_000,
                silence_ns: 0,
            };
            time(
                Schedule::new(options),
                size,
                |event| {
                    let (id, step) = place(event, 3);
                    if step < 2 {
                        schedule::Event::Attempt(id)
                    } else {
                        schedule::Event::Acked(id)
                    }
                },
                |c, at, e| c.push(at, e),
            )
        }
        "branches" => time(
            Branches::new(),
            size,
            |event| {
                let (id, step) = place(event, 4);
                match step {
                    0 => branches::Event::Begun { id, branches: 2 },
                    3 => branches::Event::Committed(id),
                    branch => branches::Event::Applied {
                        id,
                        branch: branch as u8 - 1,
                    },
                }
            },
            |c, at, e| c.push(at, e),
        ),
        "leftovers" => time(
            Leftovers::new(),
            size,
            |event| {
                let (id, step) = place(event, 2);
                if step == 0 {
                    leftovers::Event::Appeared { id, kind: 0 }
                } else {
                    leftovers::Event::Disappeared(id)
                }
            },
            |c, at, e| c.push(at, e),
        ),
        "soft-state" => time(
            SoftState::new(soft_state::Options::default()),
            size,
            |event| {
                let (id, step) = place(event, 2);
                if step == 0 {
                    soft_state::Event::Entered(id)
                } else {
                    soft_state::Event::Left(id)
                }
            },
            |c, at, e| c.push(at, e),
        ),
        _ => return None,
    })
}
