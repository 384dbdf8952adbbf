//! The witnesses of an anomaly: the events that prove it, as lines.

use std::collections::HashMap;

use paytwice_checkers::history::{Body, Event};
use paytwice_checkers::verdict::{Anomaly, PaymentFate, Results};

use crate::readable::{self, Lens, Line};
use crate::{RunReport, ops};

/// Which payments there are, and under which numbers the server knows them.
#[derive(Debug)]
pub(crate) struct Payments<'a> {
    fates: &'a [PaymentFate],
    by_tx: HashMap<&'a str, usize>,
    server_txs: HashMap<usize, Vec<&'a str>>,
}

impl<'a> Payments<'a> {
    pub(crate) fn new(report: &RunReport<'a>) -> Self {
        let results: &'a Results = report.results;
        let mut by_tx: HashMap<&str, usize> = results
            .payments
            .iter()
            .enumerate()
            .map(|(at, p)| (p.tx.as_str(), at))
            .collect();
        let mut server_txs: HashMap<usize, Vec<&str>> = HashMap::new();
        for (tx, answer_tx) in report.events.iter().filter_map(renamed) {
            let Some(&at) = by_tx.get(tx) else { continue };
            if by_tx.contains_key(answer_tx) {
                continue;
            }
            by_tx.insert(answer_tx, at);
            server_txs.entry(at).or_default().push(answer_tx);
        }
        Self {
            fates: &results.payments,
            by_tx,
            server_txs,
        }
    }

    /// Position of the payment with this number, the client's or the server's.
    pub(crate) fn find(&self, tx: &str) -> Option<usize> {
        self.by_tx.get(tx).copied()
    }

    /// What to look for in events about this subject: a payment or an account.
    pub(crate) fn lens(&self, subject: &str) -> Lens {
        let Some(at) = self.find(subject) else {
            return Lens {
                txs: vec![subject.to_owned()],
                account: Some(subject.to_owned()),
            };
        };
        let fate = &self.fates[at];
        let server = self.server_txs.get(&at).into_iter().flatten();
        let txs = std::iter::once(fate.tx.as_str()).chain(server.copied());
        Lens {
            txs: txs.map(str::to_owned).collect(),
            account: Some(fate.account.clone()),
        }
    }
}

/// The client's and the server's number, where an answer gave another than was asked.
fn renamed(event: &Event) -> Option<(&str, &str)> {
    let Body::Recharge(v) = &event.body else { return None };
    let answer_tx = v.answer_tx.as_deref()?;
    (answer_tx != v.tx && !v.conflict).then_some((v.tx.as_str(), answer_tx))
}

/// The witness of an anomaly in readable form. Events that the history does not hold are left out.
pub(crate) fn lines(report: &RunReport<'_>, payments: &Payments<'_>, anomaly: &Anomaly) -> Vec<Line> {
    let lens = payments.lens(&anomaly.subject);
    let scale = report.results.header.promise.scale;
    let events = anomaly
        .witness
        .iter()
        .filter_map(|&index| ops::find(report.events, index));
    events.map(|event| readable::line(event, scale, &lens)).collect()
}
