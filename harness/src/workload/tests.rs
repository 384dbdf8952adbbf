//! A small workload against a service of its own: what goes into the history, operation by operation.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use paytwice_checkers::Undone;
use paytwice_checkers::history::{Body, Event, Kind, Op, Process};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use super::*;
use crate::plan::manifest::Action;
use crate::plan::{Count, StagePlan};
use crate::sample;

/// A shop: it is busy when it hears of the second order first, refuses a known order with another payload, and is asked
/// twice before it knows an order.
#[derive(Default)]
struct Shop {
    orders: BTreeMap<String, Value>,
    was_busy: bool,
    asked: BTreeMap<String, u32>,
}

impl Shop {
    fn answer(&mut self, head: &str, body: &str) -> (u16, String) {
        if head.starts_with("POST /login ") {
            return (200, r#"{"token":"T"}"#.to_owned());
        }
        if let Some(path) = head.strip_prefix("GET /orders/") {
            let times = self
                .asked
                .entry(path.split(' ').next().unwrap().to_owned())
                .or_default();
            *times += 1;
            let status = if *times < 3 && path.starts_with("lost") {
                503
            } else {
                200
            };
            return (status, r#"{"state":"paid"}"#.to_owned());
        }
        assert!(head.to_lowercase().contains("authorization: bearer t\r\n"), "{head}");
        let order: Value = serde_json::from_str(body).unwrap();
        let tx = order["tx"].as_str().unwrap().to_owned();
        if tx.starts_with("t00001") && !std::mem::replace(&mut self.was_busy, true) {
            return (503, "busy".to_owned());
        }
        let known = self.orders.entry(tx.clone()).or_insert_with(|| order.clone());
        match *known == order {
            true => (200, format!(r#"{{"tx":"{tx}","state":"paid"}}"#)),
            false => (409, "another order".to_owned()),
        }
    }
}

async fn serve(listener: TcpListener) {
    let shop = Arc::new(Mutex::new(Shop::default()));
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let shop = Arc::clone(&shop);
        tokio::spawn(async move {
            let (head, body) = request(&mut stream).await;
            let (status, body) = locked(&shop).answer(&head, &body);
            let length = body.len();
            let answer = format!("HTTP/1.1 {status} -\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
    }
}

async fn request(stream: &mut TcpStream) -> (String, String) {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let lower = head.to_lowercase();
            let length = lower.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return (format!("{head}\r\n"), body.to_owned());
            }
        }
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "{text}");
    }
}

fn manifest() -> Manifest {
    let mut manifest = sample::manifest();
    let action = |text: &str| -> Action { toml::from_str(text).unwrap() };
    let login = "sets_up = true\ncall = \"POST orders /login\"\nanswer = { token = \"/token\" }";
    manifest.actions.insert("login".to_owned(), action(login));
    let look =
        "asks = \"order\"\nrepairs = \"order\"\ncall = \"GET orders /orders/${tx}\"\nanswer = { state = \"/state\" }";
    manifest.actions.insert("look".to_owned(), action(look));
    let order = manifest.actions.get_mut("order").unwrap();
    let from: Action = action(
        "call = \"POST orders /orders\"\nheaders = { Authorization = \"Bearer ${login.token}\" }\nfail = [409]\n\
         answer = { tx = \"/tx\", state = \"/state\" }\nretry = { attempts = 3, after = \"1ms\" }",
    );
    (order.headers, order.fail, order.answer, order.retry) = (from.headers, from.fail, from.answer, from.retry);
    manifest
}

fn plan() -> WorkloadPlan {
    WorkloadPlan {
        time_ms: 1000,
        clients: 1,
        subjects_max: 3,
        ends_early: true,
        likeliest: true,
        op_timeout_ms: 5000,
        conflict: 1.0,
        repeat: 1.0,
        ask: 1.0,
        stages: vec![StagePlan {
            rate: 100.0,
            for_ms: 1000,
        }],
        counts: [("shop".to_owned(), Count { all: 2, late: 0 })].into(),
        ..WorkloadPlan::default()
    }
}

/// Everything that clients did, in order: process, kind and operation.
async fn recorded(work: impl AsyncFnOnce(Arc<Workload>)) -> Vec<(u64, Kind, Op)> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let service = tokio::spawn(serve(listener));
    let folder = tempfile::tempdir().unwrap();
    let (recorder, guard) = Recorder::create(&folder.path().join("history.jsonl")).unwrap();
    let (manifest, plan) = (Arc::new(manifest()), plan());
    work(Arc::new(Workload::new(Parts {
        members: Arc::new(Members::new(&manifest, &plan)),
        plan,
        seed: 1,
        manifest,
        caller: Caller::new([("orders".to_owned(), vec![base])].into(), Duration::from_secs(5)).unwrap(),
        recorder: recorder.clone(),
        progress: Arc::default(),
        pace: Pace::default(),
    })))
    .await;
    service.abort();
    guard.close().unwrap();
    let text = std::fs::read_to_string(recorder.path()).unwrap();
    let events = text.lines().map(|line| serde_json::from_str::<Event>(line).unwrap());
    let op = |event: Event| match (event.process, event.body) {
        (Process::Client(process), Body::Op(op)) => Some((process, event.kind, op)),
        _ => None,
    };
    events.filter_map(op).collect()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

#[tokio::test]
async fn a_workload_is_recorded_operation_by_operation() {
    let all = recorded(async |workload| {
        workload.set_up(soon()).await.unwrap();
        workload.run().await;
    })
    .await;
    let ended = |action: &str| -> Vec<&(u64, Kind, Op)> {
        let of = |(_, kind, op): &&(u64, Kind, Op)| op.action == action && *kind != Kind::Invoke;
        all.iter().filter(of).collect()
    };
    let invoked = all.iter().filter(|(_, kind, _)| *kind == Kind::Invoke).count();
    assert_eq!(invoked * 2, all.len(), "each operation has a beginning and an end");

    let logins: BTreeMap<&str, Kind> = ended("login")
        .into_iter()
        .map(|(_, kind, op)| (op.subject.as_str(), *kind))
        .collect();
    assert_eq!(logins, [("client-0", Kind::Ok), ("client-1", Kind::Ok)].into());

    let orders = ended("order");
    let told: Vec<_> = orders
        .iter()
        .map(|(_, kind, op)| (*kind, op.subject.as_str(), op.attempt, op.changed.join(",")))
        .collect();
    let (ok, fail) = (Kind::Ok, Kind::Fail);
    let changed = |field: &str| field.to_owned();
    assert_eq!(
        told,
        [
            (ok, "t00000-1", 1, String::new()),
            (ok, "t00000-1", 2, String::new()),
            (fail, "t00000-1", 1, changed("card")),
            (Kind::Info, "t00001-1", 1, String::new()),
            (ok, "t00001-1", 2, String::new()),
            (ok, "t00001-1", 3, String::new()),
            (fail, "t00001-1", 1, changed("price")),
            (ok, "t00002-1", 1, String::new()),
            (ok, "t00002-1", 2, String::new()),
            (fail, "t00002-1", 1, changed("shop")),
        ]
    );
    let args = |op: &Op| {
        let all: Vec<&str> = op.args.values().map(|value| value.as_str()).collect();
        all.join(" ")
    };
    let (_, _, first) = orders[0];
    assert_eq!(args(first), "good 0.01 s000 t00000-1");
    assert_eq!(first.status, Some(200));
    assert_eq!(first.answer["tx"], "t00000-1");
    assert_eq!(args(&orders[2].2), "bad 0.01 s000 t00000-1", "one field differs");
    assert_eq!(args(&orders[9].2), "good 0.10 s001 t00002-1");
    assert_ne!(orders[3].0, orders[4].0, "no process goes on after an unknown outcome");

    let looks = ended("look");
    assert_eq!(looks.len(), 3);
    assert!(
        looks
            .iter()
            .all(|(_, _, op)| op.args == [("tx".into(), op.subject.clone())].into() && !op.repair)
    );
}

#[tokio::test]
async fn what_is_not_done_is_repaired_until_it_is() {
    let undone = Undone {
        kind: "order".to_owned(),
        key: "lost-1".to_owned(),
        fields: [("shop".to_owned(), "s000".to_owned())].into(),
    };
    let all = recorded(async |workload| workload.repair(vec![undone], soon()).await).await;
    let ended: Vec<_> = all
        .iter()
        .filter(|(_, kind, _)| *kind != Kind::Invoke)
        .map(|(_, kind, op)| (*kind, op.action.as_str(), op.subject.as_str(), op.attempt, op.repair))
        .collect();
    assert_eq!(
        ended,
        [
            (Kind::Info, "look", "lost-1", 1, true),
            (Kind::Info, "look", "lost-1", 2, true),
            (Kind::Ok, "look", "lost-1", 3, true)
        ]
    );
    assert!(
        all.iter()
            .all(|(_, _, op)| op.args == [("tx".into(), "lost-1".into())].into())
    );
}
