//! Sets, counters, unique ids, long forks.

use std::time::Duration;

use paytwice_checkers::stores::counter::{self, Counter};
use paytwice_checkers::stores::long_fork::{self, LongFork};
use paytwice_checkers::stores::set::{self, Set};
use paytwice_checkers::stores::set_full::{self, SetFull};
use paytwice_checkers::stores::unique_ids::{self, UniqueIds};
use paytwice_checkers::streaming::{At, Streaming};

use crate::{WINDOW, place, time};

pub(crate) fn measure(name: &str, size: u64) -> Option<Duration> {
    Some(match name {
        "set" => time(
            Set::new(),
            size,
            |event| place(event, 2),
            |c, at, (id, step)| {
                c.push(
                    at,
                    if step == 0 {
                        set::Event::Add(id)
                    } else {
                        set::Event::Added(id)
                    },
                );
                if at.index + 1 == size {
                    let all: Vec<u32> = (0..u32::try_from(size / 2).expect("ids are u32")).collect();
                    c.push(at, set::Event::Read(&all));
                }
            },
        ),
        // Reads list the last 256 elements, so an event is an element listed: elements are stale, and not lost.
        "set-full" => time(
            SetFull::new(set_full::Options::default()),
            size / 128,
            |event| event,
            |c, at, event| {
                let id = u32::try_from(event).expect("ids are u32");
                c.push(at, set_full::Event::Add(id));
                c.push(at, set_full::Event::Added(id));
                let last: Vec<u32> = (id.saturating_sub(127)..=id).collect();
                c.push(at, set_full::Event::ReadInvoked { process: 0 });
                c.push(
                    at,
                    set_full::Event::Read {
                        process: 0,
                        elements: &last,
                    },
                );
                if event + 1 == size / 128 {
                    let all: Vec<u32> = (0..=id).collect();
                    c.push(
                        At {
                            index: at.index + 1,
                            ..at
                        },
                        set_full::Event::ReadInvoked { process: 0 },
                    );
                    c.push(
                        At {
                            index: at.index + 2,
                            ..at
                        },
                        set_full::Event::Read {
                            process: 0,
                            elements: &all,
                        },
                    );
                }
            },
        ),
        "counter" => time(
            Counter::new(),
            size,
            |event| {
                let (id, step) = place(event, 2);
                let process = id % u32::try_from(WINDOW).expect("a window of u32");
                // Reads begin when a whole round has been added, and end before the next one begins.
                match (id / u32::try_from(WINDOW).expect("a window of u32") % 2, step) {
                    (0, 0) => counter::Event::Add { process, amount: 1 },
                    (0, _) => counter::Event::Added(process),
                    (_, 0) => counter::Event::ReadInvoked(process),
                    _ => counter::Event::Read {
                        process,
                        value: i64::from(id) / 512 * 256 + 256,
                    },
                }
            },
            |c, at, e| c.push(at, e),
        ),
        "unique-ids" => time(
            UniqueIds::new(),
            size,
            |event| event,
            |c, at, event| {
                let id = u32::try_from(event / 2).expect("ids are u32");
                c.push(
                    at,
                    if event % 2 == 0 {
                        unique_ids::Event::Generate
                    } else {
                        unique_ids::Event::Generated(id)
                    },
                );
            },
        ),
        // Groups of two keys, each written and then read twice.
        "long-fork" => time(
            LongFork::new(long_fork::Options { group_size: 2 }),
            size,
            |event| event,
            |c, at, event| {
                let x = u32::try_from(event / 4 * 2).expect("ids are u32");
                match event % 4 {
                    0 => c.push(at, long_fork::Event::Write(x)),
                    1 => c.push(at, long_fork::Event::Write(x + 1)),
                    2 => c.push(at, long_fork::Event::Read(&[(x, Some(0)), (x + 1, None)])),
                    _ => c.push(at, long_fork::Event::Read(&[(x, Some(0)), (x + 1, Some(0))])),
                }
            },
        ),
        _ => return None,
    })
}
