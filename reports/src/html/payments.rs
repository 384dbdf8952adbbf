//! Rows of the payment table, bounded.

use std::collections::HashMap;

use paytwice_checkers::history::Kind;
use paytwice_checkers::verdict::{PaymentFate, Results};
use serde::Serialize;

use super::strings::Strings;

/// Rows that a page holds. What is more is in `results.json`.
const ROWS_MAX: usize = 50_000;

/// The embedded payments.
#[derive(Debug, Serialize)]
pub(crate) struct Rows {
    /// All payments of the run.
    pub(crate) total: usize,
    rows: Vec<Row>,
    /// Positions of the rows in the results.
    #[serde(skip)]
    kept: Vec<usize>,
    #[serde(skip)]
    rows_by_position: HashMap<usize, usize>,
}

/// One payment; times are in microseconds, the later ones since the first attempt.
#[derive(Debug, Serialize)]
struct Row(
    String,        // 0 tx
    usize,         // 1 account
    String,        // 2 amount in minor units
    u32,           // 3 k
    u32,           // 4 attempts
    u8,            // 5 outcome: 0 ok, 1 fail, 2 info
    u32,           // 6 rows recorded
    Option<usize>, // 7 result
    u32,           // 8 deliveries
    Option<u32>,   // 9 credits
    Option<u32>,   // 10 credits by message
    u64,           // 11 first attempt
    Option<u64>,   // 12 answered
    Option<u64>,   // 13 first delivered
    Vec<usize>,    // 14 anomalies
);

impl Rows {
    pub(crate) fn new(results: &Results, strings: &mut Strings) -> Self {
        let kept = keep(&results.payments, ROWS_MAX);
        let rows = kept.iter().map(|&at| row(&results.payments[at], strings)).collect();
        let rows_by_position = kept.iter().enumerate().map(|(row, &at)| (at, row)).collect();
        Self {
            total: results.payments.len(),
            rows,
            kept,
            rows_by_position,
        }
    }

    /// How many payments have a row.
    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }

    /// Positions in the results, by row.
    pub(crate) fn positions(&self) -> &[usize] {
        &self.kept
    }

    /// The row of the payment at this position of the results.
    pub(crate) fn row_of(&self, at: usize) -> Option<usize> {
        self.rows_by_position.get(&at).copied()
    }
}

/// The troubled ones, then the first ones; in the order of the results.
fn keep(payments: &[PaymentFate], max: usize) -> Vec<usize> {
    if payments.len() <= max {
        return (0..payments.len()).collect();
    }
    let with = |troubled: bool| {
        let all = payments.iter().enumerate();
        all.filter(move |(_, p)| p.anomalies.is_empty() != troubled)
            .map(|(at, _)| at)
    };
    let mut kept: Vec<usize> = with(true).chain(with(false)).take(max).collect();
    kept.sort_unstable();
    kept
}

fn row(p: &PaymentFate, strings: &mut Strings) -> Row {
    let since = |ns: Option<u64>| ns.map(|ns| ns.saturating_sub(p.first_invoke_ns) / 1000);
    Row(
        p.tx.clone(),
        strings.intern(&p.account),
        p.amount.to_string(),
        p.k,
        p.attempts,
        outcome(p.outcome),
        p.recorded,
        p.result.as_deref().map(|result| strings.intern(result)),
        p.delivered,
        p.credited,
        p.credited_by_message,
        p.first_invoke_ns / 1000,
        since(p.answered_ns),
        since(p.first_delivered_ns),
        p.anomalies.iter().map(|kind| strings.intern(kind)).collect(),
    )
}

/// An outcome as a number, the same in all of the page's data.
pub(crate) fn outcome(kind: Kind) -> u8 {
    match kind {
        Kind::Ok => 0,
        Kind::Fail => 1,
        Kind::Info | Kind::Invoke => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use paytwice_checkers::history::Minor;

    fn fate(troubled: bool) -> PaymentFate {
        PaymentFate {
            tx: String::new(),
            account: String::new(),
            amount: Minor(1),
            k: 0,
            attempts: 1,
            outcome: Kind::Ok,
            recorded: 1,
            result: None,
            delivered: 1,
            credited: None,
            credited_by_message: None,
            first_invoke_ns: 0,
            answered_ns: None,
            first_delivered_ns: None,
            anomalies: troubled.then(|| "late".to_owned()).into_iter().collect(),
        }
    }

    #[test]
    fn troubled_payments_are_the_last_to_be_left_out() {
        let payments = [false, false, true, false, true].map(fate);
        assert_eq!(keep(&payments, 5), [0, 1, 2, 3, 4]);
        assert_eq!(keep(&payments, 3), [0, 2, 4]);
        assert_eq!(keep(&payments, 1), [2]);
    }
}
