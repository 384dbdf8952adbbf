//! Banks, postings, request numbers.

use std::time::Duration;

use paytwice_checkers::accounts::bank::{self, Bank};
use paytwice_checkers::accounts::idempotency::{self, Idempotency};
use paytwice_checkers::accounts::postings::{self, Postings};
use paytwice_checkers::streaming::Streaming;

use crate::{WINDOW, place, time};

pub(crate) fn measure(name: &str, size: u64) -> Option<Duration> {
    Some(match name {
        "bank" => time(
            Bank::new(bank::Options::default()),
            size,
            |event| event,
            |c, at, event| {
                let moved = i128::from(event % 50);
                c.push(
                    at,
                    bank::Read(&[(0, Some(50 - moved)), (1, Some(50 + moved)), (2, Some(9)), (3, Some(7))]),
                );
            },
        ),
        "ledger" => time(
            Postings::new(postings::Options::default()),
            size,
            |event| {
                let (id, step) = place(event, 2);
                let (op, account) = (id % u32::try_from(WINDOW).expect("a window of u32"), id % 8_192);
                let (visit, rounds) = (i128::from(id / 8_192), i128::from(id / 8_192 / 2));
                match (visit % 2, step) {
                    (0, 0) => postings::Event::Post { op, account, amount: 7 },
                    (0, _) => postings::Event::Posted(op),
                    (_, 0) => postings::Event::ReadInvoked { op, account },
                    _ => postings::Event::Balance {
                        op,
                        balance: (rounds + 1) * 7,
                    },
                }
            },
            |c, at, e| c.push(at, e),
        ),
        "idempotency" => time(
            Idempotency::new(),
            size,
            |event| {
                let (id, step) = place(event, 3);
                let payload = id;
                match step {
                    0 => idempotency::Event::Sent { id, payload },
                    1 => idempotency::Event::Accepted { id, payload },
                    _ => idempotency::Event::Recorded { id, payload },
                }
            },
            |c, at, e| c.push(at, e),
        ),
        _ => return None,
    })
}
