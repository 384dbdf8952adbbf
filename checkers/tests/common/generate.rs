//! Valid scenarios from small numbers, so that a failing case shrinks to a simple one.

use paytwice_checkers::history::Kind;
use proptest::prelude::*;

use super::{Conflict, Fault, QUERY_ACCOUNT, QUERY_PAY, Row, Scenario, Try};

/// What is left to chance in one payment.
#[derive(Clone, Debug)]
pub(crate) struct Genes {
    account: u8,
    start_ms: u64,
    /// Tries without an answer before the last.
    lost_tries: u8,
    /// 0..=5 acknowledged, 6 declined, 7 recorded without an answer, 8 not recorded, 9 refused, 10 never ends.
    end: u8,
    repeats: u8,
    deliveries: u32,
    /// 0 none, else which query and whether its answer is definite.
    query: u8,
    conflict: u8,
    late: bool,
}

fn genes() -> impl Strategy<Value = Genes> {
    (
        (any::<u8>(), 0_u64..2_000, 0_u8..3, 0_u8..11),
        (0_u8..3, 1_u32..4, 0_u8..7, 0_u8..6, any::<bool>()),
    )
        .prop_map(
            |((account, start_ms, lost_tries, end), (repeats, deliveries, query, conflict, late))| Genes {
                account,
                start_ms,
                lost_tries,
                end,
                repeats,
                deliveries,
                query,
                conflict,
                late,
            },
        )
}

fn faults() -> impl Strategy<Value = Vec<Fault>> {
    let kinds = [
        ("kill", "account"),
        ("pause", "mysql"),
        ("cut", "pay->rocketmq"),
        ("delay", "client->pay"),
    ];
    let fault = (0..kinds.len(), 0_u64..2_000, 1_u64..900).prop_map(move |(kind, from_ms, len)| Fault {
        fault: kinds[kind].0,
        on: kinds[kind].1,
        from_ms,
        to_ms: from_ms + len,
    });
    proptest::collection::vec(fault, 0..4)
}

/// A valid run with at least two accounts and at least one acknowledged payment and answered query. No payment has its
/// chance as often as the base: then a digit might carry.
pub(crate) fn scenario() -> impl Strategy<Value = Scenario> {
    let base = prop_oneof![Just(8_u32), Just(10), Just(16)];
    let accounts = proptest::collection::vec((0_u16..500, any::<bool>()), 2..5);
    let payments = proptest::collection::vec(genes(), 0..12);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (base, flags, accounts, payments, faults()).prop_map(|(base, flags, accounts, payments, faults)| {
        let mut scenario = Scenario {
            base,
            late_is_valid: flags.0,
            server_ids: flags.1,
            repairs: flags.2,
            faults,
            ..Scenario::empty()
        };
        for (initial, late) in accounts {
            let at = scenario.account(if late { 0 } else { i128::from(initial) });
            scenario.accounts[at].late = late;
        }
        let first = scenario.pay(0, 5);
        scenario.payments[first].queries.push((QUERY_PAY, "success"));
        for genes in &payments {
            express(&mut scenario, genes);
        }
        scenario
    })
}

fn express(scenario: &mut Scenario, genes: &Genes) {
    let account = usize::from(genes.account) % scenario.accounts.len();
    let at = scenario.pay(account, genes.start_ms);
    let tx = scenario.recorded_tx(at);
    let lost = usize::from(genes.lost_tries);
    scenario.payments[at].deliveries = genes.deliveries;
    scenario.payments[at].delivered_to = genes.late.then_some(account);
    match genes.end {
        0..=5 => answered(scenario, at, genes, &tx),
        6 => decline(scenario, at, &tx),
        7 => scenario.payments[at].tries = vec![Try::ended(Kind::Info)],
        8 => scenario.forget(at),
        9 => {
            scenario.forget(at);
            let refused = Try {
                status: Some(400),
                ..Try::ended(Kind::Fail)
            };
            scenario.payments[at].tries = vec![refused; 1 + lost];
        }
        _ => {
            scenario.payments[at].tries = vec![Try {
                kind: None,
                ..Try::ended(Kind::Info)
            }];
        }
    }
    if genes.end != 9 {
        let earlier = vec![Try::ended(Kind::Info); lost];
        scenario.payments[at].tries.splice(0..0, earlier);
    }
    ask(scenario, at, genes);
    if genes.late && scenario.late_is_valid && scenario.repairs && scenario.payments[at].credits == 1 {
        scenario.payments[at].credits_before = 0;
        scenario.payments[at].repair = Some("success");
    }
}

/// The same answer each time it is asked for, and a refusal for another payload.
fn answered(scenario: &mut Scenario, at: usize, genes: &Genes, tx: &str) {
    let amount = scenario.amount(at);
    let payment = &mut scenario.payments[at];
    let full = Try {
        answer_account: Some(format!("a{}", payment.account)),
        answer_amount: Some(paytwice_checkers::money::major(amount, 2).to_string()),
        ..Try::ok("success", tx)
    };
    payment.tries = vec![full; 1 + usize::from(genes.repeats)];
    payment.conflict = match genes.conflict {
        0 => Some(Kind::Fail),
        1 => Some(Kind::Info),
        _ => None,
    }
    .map(|kind| match genes.start_ms % 2 {
        0 => Conflict::amount(7 * amount, kind),
        _ => Conflict {
            amount,
            card: Some("5555"),
            kind,
        },
    });
}

fn decline(scenario: &mut Scenario, at: usize, tx: &str) {
    let amount = scenario.amount(at);
    let payment = &mut scenario.payments[at];
    payment.declined = true;
    payment.tries = vec![Try::ok("fail", tx)];
    payment.rows = vec![Row {
        tx: tx.to_owned(),
        account: payment.account,
        amount,
        result: Some("fail"),
    }];
    payment.credits = 0;
    payment.credits_before = 0;
}

fn ask(scenario: &mut Scenario, at: usize, genes: &Genes) {
    let payment = &mut scenario.payments[at];
    let truth = payment.rows.first().and_then(|row| row.result).unwrap_or("unknown");
    let path = if genes.query.is_multiple_of(2) {
        QUERY_PAY
    } else {
        QUERY_ACCOUNT
    };
    match genes.query {
        0..=2 => {}
        3 | 4 => payment.queries = vec![(path, "unknown")],
        _ => payment.queries = vec![(path, "unknown"), (path, truth)],
    }
    if truth == "unknown" && scenario.repairs {
        payment.repair = Some("unknown");
    }
}
