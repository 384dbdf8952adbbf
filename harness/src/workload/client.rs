//! One call of a client: fills in the manifest's operation, sends it, and says how it ended.
//!
//! An answer is `ok` or `fail` only when that is certain; it must never retry, follow a redirect, or guess.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use paytwice_checkers::history::Kind;
use reqwest::{Client, Method, RequestBuilder, redirect};
use serde_json::Value;

use crate::plan::manifest::{self, HttpOperation};
use crate::plan::{PlanError, try_fill};

/// How a call ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// ok, fail or info.
    pub kind: Kind,
    /// HTTP status, where there was one.
    pub status: Option<u16>,
    /// The transaction number of the answer.
    pub tx: Option<String>,
    /// The result of the answer.
    pub result: Option<String>,
    /// The account of the answer.
    pub account: Option<String>,
    /// The amount of the answer, in major units.
    pub amount: Option<String>,
    /// The balance of the answer, in major units.
    pub balance: Option<String>,
    /// Why it is not ok.
    pub error: Option<String>,
}

impl Answer {
    /// An answer without a status: nothing came back.
    pub fn none(kind: Kind, error: Option<String>) -> Answer {
        Answer {
            kind,
            status: None,
            tx: None,
            result: None,
            account: None,
            amount: None,
            balance: None,
            error,
        }
    }
}

/// Calls the services of a target through the client links.
pub struct Caller {
    http: Client,
    bases: BTreeMap<String, Turns>,
    timeout: Duration,
}

/// The addresses of one service, which are called in turn.
struct Turns {
    bases: Vec<String>,
    next: AtomicUsize,
}

impl Turns {
    fn next(&self) -> Option<&str> {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        self.bases.get(n % self.bases.len().max(1)).map(String::as_str)
    }
}

impl Caller {
    /// `bases` holds the addresses of each service's client links, e.g. `http://127.0.0.1:34567`: calls go round.
    pub fn new(bases: BTreeMap<String, Vec<String>>, timeout: Duration) -> Result<Caller, reqwest::Error> {
        let http = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .pool_max_idle_per_host(64)
            .build()?;
        let turns = |(service, bases)| {
            let next = AtomicUsize::new(0);
            (service, Turns { bases, next })
        };
        let bases = bases.into_iter().map(turns).collect();
        Ok(Caller { http, bases, timeout })
    }

    /// Makes one call.
    pub async fn call(&self, op: &HttpOperation, vars: &[(&str, &str)]) -> Answer {
        let request = match self.request(op, vars) {
            Ok(request) => request,
            // Nothing was sent.
            Err(e) => return Answer::none(Kind::Fail, Some(e.to_string())),
        };
        match exchange(request).await {
            Ok((status, body)) => classify(op, status, &body),
            // A connection that was refused carried no request: it certainly did not happen.
            Err(e) => Answer::none(if e.is_connect() { Kind::Fail } else { Kind::Info }, Some(reason(&e))),
        }
    }

    fn request(&self, op: &HttpOperation, vars: &[(&str, &str)]) -> Result<RequestBuilder, PlanError> {
        let lookup = |name: &str| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        let base = self.bases.get(&op.service).and_then(Turns::next).unwrap_or_default();
        let url = format!("{base}{}", try_fill(&op.path, &lookup)?);
        let method = match op.method {
            manifest::Method::Get => Method::GET,
            manifest::Method::Post => Method::POST,
            manifest::Method::Put => Method::PUT,
        };
        let request = self.http.request(method, url).timeout(self.timeout);
        let Some(body) = &op.body else { return Ok(request) };
        let mut filled = BTreeMap::new();
        for (key, value) in body {
            filled.insert(key, try_fill(value, &lookup)?);
        }
        Ok(request.json(&filled))
    }
}

async fn exchange(request: RequestBuilder) -> Result<(u16, Vec<u8>), reqwest::Error> {
    let response = request.send().await?;
    let status = response.status().as_u16();
    Ok((status, response.bytes().await?.to_vec()))
}

fn classify(op: &HttpOperation, status: u16, body: &[u8]) -> Answer {
    let kind = if op.ok.contains(&status) {
        Kind::Ok
    } else if op.fail.contains(&status) {
        Kind::Fail
    } else {
        Kind::Info
    };
    let json: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let field = |pointer: &Option<String>| text(json.pointer(pointer.as_deref()?)?);
    let error = (kind != Kind::Ok).then(|| {
        let said = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
        format!("status {status}: {said}")
    });
    Answer {
        kind,
        status: Some(status),
        tx: field(&op.answer.tx),
        result: field(&op.answer.result),
        account: field(&op.answer.account),
        amount: field(&op.answer.amount),
        balance: field(&op.answer.balance),
        error,
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(s) => Some(s.clone()),
        Value::Number(n) => Some(n.to_string()),
        Value::Bool(b) => Some(b.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The innermost cause, without the address that changes from run to run.
fn reason(e: &reqwest::Error) -> String {
    if e.is_timeout() {
        return "timeout".to_owned();
    }
    let mut cause: &dyn std::error::Error = e;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
