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
        let mut payments = Self {
            fates: &results.payments,
            by_tx,
            server_txs,
        };
        for anomaly in results.checkers.iter().flat_map(|checker| &checker.anomalies) {
            payments.learn(report, anomaly);
        }
        payments
    }

    /// A request whose answer was lost leaves its number to the wire alone: the checker that found it names the frames.
    fn learn(&mut self, report: &RunReport<'a>, anomaly: &'a Anomaly) {
        let Some(at) = self.find(&anomaly.subject) else { return };
        for event in anomaly
            .witness
            .iter()
            .filter_map(|&index| ops::find(report.events, index))
        {
            if let Body::Wire(frame) = &event.body
                && let [tx] = frame.key_values().collect::<Vec<_>>()[..]
                && !self.by_tx.contains_key(tx)
            {
                self.by_tx.insert(tx, at);
                self.server_txs.entry(at).or_default().push(tx);
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use paytwice_checkers::history::{Header, Kind, Minor, Process, Promise, Wire};
    use paytwice_checkers::verdict::{CheckerResult, RESULTS_VERSION, Verdict};

    fn results() -> Results {
        let promise = Promise {
            base: 10,
            scale: 2,
            late_is_valid: false,
            success: vec![],
            failed: vec![],
        };
        let header = Header {
            format: "paytwice-history".into(),
            version: 1,
            target: "t".into(),
            run: "r".into(),
            stack: "s".into(),
            seed: 1,
            started_at: String::new(),
            policies: [].into(),
            promise,
        };
        let fate = PaymentFate {
            tx: "t1".into(),
            account: "a1".into(),
            amount: Minor(1),
            k: 0,
            attempts: 2,
            outcome: Kind::Info,
            recorded: 2,
            result: None,
            delivered: 1,
            credited: None,
            credited_by_message: None,
            first_invoke_ns: 0,
            answered_ns: None,
            first_delivered_ns: None,
            anomalies: vec!["duplicate-payment".into()],
        };
        let anomaly = Anomaly {
            kind: "duplicate-payment".into(),
            subject: "t1".into(),
            sentence: String::new(),
            witness: vec![7],
        };
        let checker = CheckerResult {
            name: "idempotency".into(),
            verdict: Verdict::Invalid,
            reason: None,
            counts: [].into(),
            anomalies: vec![anomaly],
        };
        Results {
            version: RESULTS_VERSION,
            verdict: Verdict::Invalid,
            sentence: String::new(),
            header,
            truncated: false,
            events: 1,
            checkers: vec![checker],
            payments: vec![fate],
            windows: vec![],
            faults: vec![],
            phases: vec![],
            figures: [].into(),
        }
    }

    #[test]
    fn a_number_that_no_answer_told_is_learnt_from_the_witness() {
        let frame = Wire {
            link: "account->rocketmq".into(),
            conn: 1,
            point: "DELIVER t".into(),
            keys: [("tx".to_owned(), vec!["0123456789-abcdefgh".to_owned()])].into(),
            ..Wire::default()
        };
        let event = Event {
            index: 7,
            time: 0,
            process: Process::Named("wire".into()),
            kind: Kind::Info,
            body: Body::Wire(frame),
            error: None,
        };
        let (results, events) = (results(), [event]);
        let report = RunReport::new(&results, &events, "");
        let payments = Payments::new(&report);
        assert_eq!(payments.find("0123456789-abcdefgh"), Some(0));
        let lines = lines(&report, &payments, &results.checkers[0].anomalies[0]);
        assert_eq!(lines[0].value, "DELIVER t (…abcdefgh)");
    }
}
