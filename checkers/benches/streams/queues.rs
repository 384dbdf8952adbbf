//! Queues and logs.

use std::time::Duration;

use paytwice_checkers::queues::exactly_once::{self, ExactlyOnce};
use paytwice_checkers::queues::key_order::{self, KeyOrder};
use paytwice_checkers::queues::log::{self, Log};
use paytwice_checkers::queues::total_queue::{self, TotalQueue};
use paytwice_checkers::streaming::Streaming;

use crate::{place, time};

pub(crate) fn measure(name: &str, size: u64) -> Option<Duration> {
    Some(match name {
        "total-queue" => time(
            TotalQueue::new(total_queue::Options::default()),
            size,
            |event| {
                let (id, step) = place(event, 3);
                [
                    total_queue::Event::Enqueue,
                    total_queue::Event::Enqueued,
                    total_queue::Event::Dequeued,
                ][step as usize](id)
            },
            |c, at, e| c.push(at, e),
        ),
        "exactly-once" => time(
            ExactlyOnce::new(),
            size,
            |event| {
                use exactly_once::Event::{Acked, Applied, Attempted, Delivered};
                let (id, step) = place(event, 4);
                [Attempted, Applied, Acked, Delivered][step as usize](id)
            },
            |c, at, e| c.push(at, e),
        ),
        "key-order" => time(
            KeyOrder::new(),
            size,
            |event| {
                let (id, step) = place(event, 3);
                match step {
                    0 => key_order::Event::Send { id, key: id % 64 },
                    1 => key_order::Event::Sent(id),
                    _ => key_order::Event::Delivered(id),
                }
            },
            |c, at, e| c.push(at, e),
        ),
        "log" => time(
            Log::new(log::Options {
                undrained: true,
                ..log::Options::default()
            }),
            size,
            log_op,
            |c, at, op| {
                let (process, message, polls) = op;
                if polls {
                    c.push(at, log::Event::Invoked { process, sends: &[] });
                    let polled = Some(std::slice::from_ref(&message));
                    let outcome = log::Outcome::Ok;
                    c.push(
                        at,
                        log::Event::Ended {
                            process,
                            outcome,
                            sent: &[],
                            polled,
                            rebalanced: &[],
                        },
                    );
                } else {
                    c.push(
                        at,
                        log::Event::Invoked {
                            process,
                            sends: &[message.id],
                        },
                    );
                    let sent = std::slice::from_ref(&message);
                    let outcome = log::Outcome::Ok;
                    c.push(
                        at,
                        log::Event::Ended {
                            process,
                            outcome,
                            sent,
                            polled: None,
                            rebalanced: &[],
                        },
                    );
                }
            },
        ),
        _ => return None,
    })
}

/// 64 keys, each sent to by one process and polled by another.
fn log_op(event: u64) -> (u32, log::Message, bool) {
    let (id, step) = (
        u32::try_from(event / 128 * 64 + event % 64).expect("ids are u32"),
        event / 64 % 2,
    );
    let message = log::Message {
        id,
        key: id % 64,
        offset: Some(u64::from(id / 64)),
    };
    (id % 64 % 8 + if step == 1 { 8 } else { 0 }, message, step == 1)
}
