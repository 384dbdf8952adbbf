//! A shop whose runs are told event by event: orders, stock, notifications.

use paytwice_checkers::history::{
    Body, Deed, FaultStage, FaultStep, Header, HistoryBuilder, Kind, Moment, Op, Process, Role, Rows, Sample, View,
    Wire,
};
use paytwice_checkers::verdict::{CheckerResult, Verdict};
use paytwice_checkers::{judge, promises};
use serde_json::{Value, json};

pub(crate) const MS: u64 = 1_000_000;
pub(crate) const S: u64 = 1_000_000_000;

/// The header of the shop, with one promise.
pub(crate) fn header(promise: Value) -> Header {
    serde_json::from_value(json!({
        "format": "paytwice-history", "version": 1, "target": "shop", "run": "r", "stack": "containers", "seed": 1,
        "started_at": "2026-01-01T00:00:00Z", "policies": {},
        "keys": { "tx": ["message:key"], "number": ["message:/number"] },
        "subjects": {
            "sku": {},
            "order": { "key": "tx", "fields": { "sku": { "names": "sku" }, "quantity": {} } }
        },
        "actions": {
            "order": { "starts": "order", "service": "orders" },
            "query": { "asks": "order", "service": "orders" },
            "query-stock": { "asks": "sku", "service": "stock" }
        },
        "views": {
            "orders": ["final"], "payments": ["final"], "early": ["rest"], "points": ["initial", "final"],
            "stock": ["initial", "look", "final"], "unsent": ["rest", "final"], "log": ["final"]
        },
        "promises": Value::Array(vec![promise]),
    }))
    .unwrap()
}

/// What is wrong with a promise.
pub(crate) fn problems(promise: Value) -> Vec<String> {
    promises::problems(&header(promise))
}

/// Each promise has the one problem that is written beside it, and none without it.
#[track_caller]
pub(crate) fn messages(cases: &[(Value, &str)]) {
    for (promise, message) in cases {
        let found = problems(promise.clone());
        assert!(
            found.iter().any(|found| found == message),
            "{promise}\nexpected: {message}\nfound: {found:#?}"
        );
    }
}

/// A promise with another value of an option.
pub(crate) fn with(mut promise: Value, key: &str, value: Value) -> Value {
    promise[key] = value;
    promise
}

/// A promise without an option.
pub(crate) fn without(mut promise: Value, key: &str) -> Value {
    promise.as_object_mut().unwrap().remove(key);
    promise
}

/// A run in the making.
pub(crate) struct Run(HistoryBuilder);

impl Run {
    pub(crate) fn new(promise: Value) -> Run {
        Run::of(header(promise))
    }

    /// A run with this header.
    pub(crate) fn of(header: Header) -> Run {
        assert_eq!(promises::problems(&header), Vec::<String>::new());
        let mut run = Run(HistoryBuilder::new(header));
        run.phase("workload", Kind::Invoke);
        run
    }

    fn named(&mut self, name: &str, kind: Kind, body: Body, error: Option<&str>) -> u64 {
        self.0.add_error(Process::Named(name.into()), kind, body, error)
    }

    pub(crate) fn phase(&mut self, name: &str, kind: Kind) -> u64 {
        self.0.phase(name, kind)
    }

    /// Moves the clock.
    pub(crate) fn at(&mut self, time_ns: u64) -> &mut Run {
        self.0.at(time_ns);
        self
    }

    /// An event of a client.
    pub(crate) fn op(
        &mut self,
        client: u64,
        kind: Kind,
        action: &str,
        subject: &str,
        args: Value,
        answer: Value,
    ) -> u64 {
        let op = Op {
            action: action.into(),
            subject: subject.into(),
            attempt: 1,
            args: serde_json::from_value(args).unwrap(),
            answer: serde_json::from_value(answer).unwrap(),
            ..Op::default()
        };
        self.0.client(client, kind, Body::Op(op))
    }

    /// A client starts an order, and is answered.
    pub(crate) fn order(&mut self, client: u64, tx: &str, end: Kind) -> u64 {
        self.order_answered(client, tx, end, json!({}))
    }

    pub(crate) fn order_answered(&mut self, client: u64, tx: &str, end: Kind, answer: Value) -> u64 {
        self.op(client, Kind::Invoke, "order", tx, json!({ "tx": tx }), json!({}));
        self.op(client, end, "order", tx, json!({ "tx": tx }), answer)
    }

    /// A client starts an order, and finds nobody to send it to.
    pub(crate) fn order_unsent(&mut self, client: u64, tx: &str) {
        self.op(client, Kind::Invoke, "order", tx, json!({ "tx": tx }), json!({}));
        let op = Op {
            action: "order".into(),
            subject: tx.into(),
            unsent: true,
            ..Op::default()
        };
        self.0.client(client, Kind::Fail, Body::Op(op));
    }

    /// A view as it was read.
    pub(crate) fn view(&mut self, view: &str, at: Moment, rows: Value) -> u64 {
        let rows: Rows = serde_json::from_value(rows).unwrap();
        let view = View {
            view: view.into(),
            at,
            rows: Some(rows),
        };
        self.named("view", Kind::Ok, Body::View(view), None)
    }

    /// A view that could not be read.
    pub(crate) fn view_failed(&mut self, view: &str, at: Moment) -> u64 {
        let view = View {
            view: view.into(),
            at,
            rows: None,
        };
        self.named(
            "view",
            Kind::Info,
            Body::View(view),
            Some("connection refused\nat line 1"),
        )
    }

    /// A frame.
    pub(crate) fn wire(&mut self, point: &str, keys: Value) -> u64 {
        self.frame(point, 1, keys, Role::Plain, &[])
    }

    pub(crate) fn frame(&mut self, point: &str, conn: u64, keys: Value, role: Role, did: &[Deed]) -> u64 {
        let (link, point) = point.split_once(' ').unwrap();
        let wire = Wire {
            link: link.into(),
            conn,
            point: point.into(),
            role,
            keys: serde_json::from_value(keys).unwrap(),
            outcome: None,
            bytes: 1,
            did: did.to_vec(),
        };
        self.named("wire", Kind::Info, Body::Wire(wire), None)
    }

    pub(crate) fn fault(&mut self, id: u32, fault: &str, on: &str, step: FaultStage) -> u64 {
        let step = FaultStep {
            id,
            fault: fault.into(),
            on: on.into(),
            step,
            detail: String::new(),
            counts: Default::default(),
        };
        self.named("nemesis", Kind::Info, Body::Fault(step), None)
    }

    pub(crate) fn sample(&mut self, counters: Value) -> u64 {
        let sample = Sample {
            counters: serde_json::from_value(counters).unwrap(),
        };
        self.named("settle", Kind::Info, Body::Sample(sample), None)
    }

    /// The workload is over, and the target comes to rest; or not.
    pub(crate) fn settle(&mut self, end: Kind) {
        self.phase("workload", Kind::Ok);
        self.phase("settle", Kind::Invoke);
        let error = (end != Kind::Ok).then_some("lag 3 after 60 s");
        let phase = paytwice_checkers::history::Phase { name: "settle".into() };
        self.named("run", end, Body::Phase(phase), error);
    }

    /// The target comes to rest, and these are the final reads.
    pub(crate) fn rest<T>(mut self, reads: impl FnOnce(&mut Run) -> T) -> CheckerResult {
        self.settle(Kind::Ok);
        self.finals(reads, Kind::Ok)
    }

    /// The final reads, and how they ended.
    pub(crate) fn finals<T>(mut self, reads: impl FnOnce(&mut Run) -> T, end: Kind) -> CheckerResult {
        self.phase("final-reads", Kind::Invoke);
        reads(&mut self);
        let error = (end != Kind::Ok).then_some("two reads of orders differ");
        let phase = paytwice_checkers::history::Phase {
            name: "final-reads".into(),
        };
        self.named("run", end, Body::Phase(phase), error);
        self.cut_short()
    }

    /// The history ends here.
    pub(crate) fn cut_short(self) -> CheckerResult {
        let history = self.0.build();
        history.check().unwrap();
        let results = judge(&history);
        assert_eq!(results.checkers.len(), 1);
        let result = results.checkers.into_iter().next().unwrap();
        let entry = promises::find(&result.name).unwrap();
        for anomaly in &result.anomalies {
            assert!(
                entry.anomalies.contains(&anomaly.kind.as_str()),
                "{} is not among its anomalies",
                anomaly.kind
            );
            assert!(
                anomaly
                    .witness
                    .iter()
                    .all(|index| (*index as usize) < history.events.len())
            );
            assert!(anomaly.witness.is_sorted(), "{:?}", anomaly.witness);
        }
        result
    }
}

#[track_caller]
pub(crate) fn valid(result: &CheckerResult) {
    assert_eq!((result.verdict, &result.reason), (Verdict::Valid, &None), "{result:#?}");
}

/// Unknown, for exactly this reason.
#[track_caller]
pub(crate) fn unknown(result: &CheckerResult, reason: &str) {
    assert_eq!(
        (result.verdict, result.reason.as_deref()),
        (Verdict::Unknown, Some(reason)),
        "{result:#?}"
    );
}

/// Invalid, with exactly this anomaly.
#[track_caller]
pub(crate) fn anomaly(result: &CheckerResult, kind: &str, subject: &str, sentence: &str, witness: &[u64]) {
    assert_eq!(result.verdict, Verdict::Invalid, "{result:#?}");
    let found: Vec<_> = result
        .anomalies
        .iter()
        .map(|a| (a.kind.as_str(), a.subject.as_str(), a.sentence.as_str(), &a.witness[..]))
        .collect();
    assert_eq!(found, [(kind, subject, sentence, witness)]);
    assert_eq!(result.counts[kind], 1);
}
