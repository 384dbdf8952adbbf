//! What the checkers count of a history that is right, beside what they find in one that is wrong.

use paytwice_checkers::accounts::idempotency::{self, Idempotency};
use paytwice_checkers::accounts::postings::{self, Postings};
use paytwice_checkers::process::schedule::{self, Schedule, Since};
use paytwice_checkers::process::state_machine::{self, StateMachine, Table};
use paytwice_checkers::queues::exactly_once::{self, ExactlyOnce};
use paytwice_checkers::queues::key_order::{self, KeyOrder};
use paytwice_checkers::queues::log::{self, Log};
use paytwice_checkers::queues::total_queue::{self, TotalQueue};
use paytwice_checkers::stores::long_fork::{self, LongFork};
use paytwice_checkers::streaming::{At, Streaming};
use paytwice_checkers::verdict::{CheckerResult, Verdict};

use crate::harness::{kinds, run};

fn counts<const N: usize>(result: &CheckerResult, names: [&str; N]) -> [u64; N] {
    names.map(|name| result.counts[name])
}

#[test]
fn request_numbers_are_counted_by_what_became_of_them() {
    use idempotency::Event::{Accepted, ReadComplete, Recorded, Sent};
    let number = |id| {
        let payload = 1;
        [Sent { id, payload }, Accepted { id, payload }, Recorded { id, payload }]
    };
    let events = [number(0), number(1)].concat().into_iter().chain([ReadComplete]);
    let result = run(Idempotency::new(), events);
    assert_eq!(counts(&result, ["sent", "accepted", "recorded"]), [2, 2, 2]);
    // Of a number that is lost, the payload that was not accepted proves nothing.
    let lost = [(1, false), (2, true)].map(|(payload, accepted)| {
        let answer = if accepted {
            Accepted { id: 0, payload }
        } else {
            Sent { id: 0, payload }
        };
        [Sent { id: 0, payload }, answer]
    });
    let result = run(Idempotency::new(), lost.concat().into_iter().chain([ReadComplete]));
    assert_eq!(kinds(&result), ["lost"]);
    assert_eq!(result.anomalies[0].witness, [2, 3]);
}

#[test]
fn accounts_that_diverged_are_counted_each() {
    use postings::Event::{Balance, Post, Posted, ReadInvoked};
    let wrong = |account| {
        let op = account;
        [
            Post { op, account, amount: 5 },
            Posted(op),
            ReadInvoked { op, account },
            Balance { op, balance: 4 },
        ]
    };
    let result = run(
        Postings::new(postings::Options { eventual: false }),
        [wrong(0), wrong(1)].concat(),
    );
    let names = ["postings", "diverged-accounts", "divergent-reads", "reads"];
    assert_eq!(counts(&result, names), [2, 2, 2, 2]);
}

#[test]
fn attempts_that_were_acknowledged_are_counted() {
    use schedule::Event::{Acked, Attempt, Due, Ended};
    let options = schedule::Options {
        delays_ns: vec![0],
        since: Since::default(),
        early_ns_max: 100,
        late_ns_max: 100,
        silence_ns: 100,
    };
    let one = |id| [Due(id), Attempt(id), Acked(id)];
    let result = run(
        Schedule::new(options),
        [one(0), one(1)].concat().into_iter().chain([Ended]),
    );
    assert_eq!(counts(&result, ["acknowledged"]), [2]);
}

#[test]
fn a_sampled_state_machine_may_begin_where_it_can_have_come_to() {
    use state_machine::Event::{Seen, Settled};
    let table = || {
        let table = Table::new(&["elsewhere", "made", "paid", "lost"]).unwrap();
        let table = table.initial(&["made"]).unwrap().terminal(&["paid", "lost"]).unwrap();
        let table = table.allow("made", &["paid"]).unwrap();
        table.allow("elsewhere", &["lost"]).unwrap().sampled()
    };
    let seen = |states: [u8; 2]| {
        let events = (0..).zip(states).map(|(id, state)| Seen { id, state });
        run(StateMachine::new(table()), events.chain([Settled]))
    };
    let result = seen([2, 2]);
    assert_eq!(
        (result.verdict, counts(&result, ["ids", "seen"])),
        (Verdict::Valid, [2, 2])
    );
    assert_eq!(kinds(&seen([2, 3])), ["illegal-start"]);
    // The first number that is not in the table.
    assert_eq!(kinds(&seen([2, 4])), ["unknown-state"]);
}

#[test]
fn a_message_that_was_never_sent_is_not_recovered() {
    use exactly_once::Event::{Acked, Applied, Attempted, Delivered, Settled};
    let events = [
        &[Attempted(0), Delivered(0), Applied(0)][..],
        &[Attempted(1), Acked(1), Delivered(1), Applied(1)],
        &[Delivered(2), Applied(2), Settled],
    ];
    let result = run(ExactlyOnce::new(), events.concat());
    assert_eq!(counts(&result, ["recovered", "applied"]), [1, 3]);
}

#[test]
fn messages_of_keys_are_counted_as_sent() {
    use key_order::Event::{Delivered, Send, Sent};
    let one = |id| [Send { id, key: 0 }, Sent(id), Delivered(id)];
    let result = run(KeyOrder::new(), [one(0), one(1)].concat());
    assert_eq!(counts(&result, ["sent", "delivered"]), [2, 2]);
}

#[test]
fn a_total_queue_remarks_only_on_what_came_out_too_often() {
    use total_queue::Event::{Dequeued, Enqueue, Enqueued};
    let queue = |exactly_once| {
        TotalQueue::new(total_queue::Options {
            exactly_once,
            info_dequeues_take: false,
        })
    };
    let once = [Enqueue(0), Enqueued(0), Dequeued(0)];
    let twice = [&once[..], &[Dequeued(0)]].concat();
    let remark = "elements came out more often than they went in; a total queue may do that";
    assert_eq!(run(queue(false), once).reason, None);
    assert_eq!(run(queue(false), twice.clone()).reason.as_deref(), Some(remark));
    assert_eq!(run(queue(true), twice).reason, None);
}

#[test]
fn a_long_fork_names_the_writes_that_each_read_missed() {
    let mut checker = LongFork::new(long_fork::Options { group_size: 3 });
    let reads = [
        [(0, Some(1)), (1, Some(1)), (2, None)],
        [(0, Some(1)), (1, None), (2, Some(1))],
        [(0, None), (1, None), (2, Some(1))],
    ];
    for (index, read) in (0..).zip(&reads) {
        checker.push(At { index, time: 0 }, long_fork::Event::Read(read));
    }
    let result = checker.finish();
    assert_eq!(
        result.anomalies[0].sentence,
        "one read saw the write of 1 and not that of 2, another saw 2 and not 1"
    );
    assert_eq!(result.anomalies[0].witness, [0, 1]);
    assert_eq!(counts(&result, ["long-fork", "reads"]), [2, 3]);
}

#[test]
fn a_log_that_nobody_was_behind_on_is_without_a_remark() {
    use log::{Event, Message, Outcome};
    let message = |id| Message {
        id,
        key: 0,
        offset: Some(u64::from(id)),
    };
    let (sent, all) = ([message(0), message(1)], [message(0), message(1)]);
    let mut checker = Log::new(log::Options::default());
    let ended = |sent, polled| Event::Ended {
        process: 0,
        outcome: Outcome::Ok,
        sent,
        polled,
        rebalanced: &[],
    };
    let events = [
        Event::Assigned { process: 0, keys: &[0] },
        Event::Invoked {
            process: 0,
            sends: &[0, 1],
        },
        ended(&sent, None),
        Event::Invoked { process: 0, sends: &[] },
        ended(&[], Some(&all)),
    ];
    for (index, event) in (0..).zip(events) {
        checker.push(At { index, time: index }, event);
    }
    let result = checker.finish();
    assert_eq!((result.verdict, result.reason.as_deref()), (Verdict::Valid, None));
    assert_eq!(
        counts(&result, ["sent", "acknowledged", "worst-realtime-lag-us"]),
        [2, 2, 0]
    );
}
