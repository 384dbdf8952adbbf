//! One call of a client: fills in what an action sends, sends it, and says how it ended.
//!
//! An answer is `ok` or `fail` only when that is certain; it must never retry, follow a redirect, or guess.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use paytwice_checkers::history::Kind;
use reqwest::header::{CONTENT_TYPE, COOKIE, HeaderMap, SET_COOKIE};
use reqwest::{Client, Method, RequestBuilder, redirect};

use super::json::{self, Cell};
use super::session::Session;
use crate::dependency::{Databases, StatementError};
use crate::plan::manifest::{self, AnswerAt, HttpRequest, Request};
use crate::plan::{PlanError, try_fill};

/// What stands for a placeholder.
pub type Lookup<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

/// How a call ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// ok, fail or info.
    pub kind: Kind,
    /// HTTP status, where there was one.
    pub status: Option<u16>,
    /// What it said, by the names that the manifest gives to its parts.
    pub parts: BTreeMap<String, String>,
    /// Why it is not ok.
    pub error: Option<String>,
    /// Whether nothing was sent, for want of a connection.
    pub unsent: bool,
    /// Whether a statement was refused because its row is there already.
    pub duplicate: bool,
}

/// What came back of an HTTP request.
#[derive(Debug)]
pub struct Exchange {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

/// Why nothing came back.
#[derive(Debug)]
pub struct Lost {
    /// What was seen of it.
    pub reason: String,
    /// Whether it is certain that nothing was sent.
    pub unsent: bool,
}

/// Calls services and databases.
pub struct Caller {
    http: Client,
    /// By service: the address of each replica, and whose turn it is.
    bases: BTreeMap<String, (Vec<String>, AtomicUsize)>,
    databases: Databases,
    timeout: Duration,
}

impl Caller {
    /// `bases` holds the addresses under which each service is called, one for each replica, e.g. `http://127.0.0.1:34567`.
    pub fn new(bases: BTreeMap<String, Vec<String>>, timeout: Duration) -> Result<Caller, reqwest::Error> {
        let http = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .pool_max_idle_per_host(64)
            .build()?;
        let bases = bases
            .into_iter()
            .map(|(service, all)| (service, (all, AtomicUsize::new(0))));
        Ok(Caller {
            http,
            bases: bases.collect(),
            databases: Databases::default(),
            timeout,
        })
    }

    /// Has statements executed in these databases.
    #[must_use]
    pub fn with_databases(mut self, databases: Databases) -> Caller {
        self.databases = databases;
        self
    }

    /// Makes one call, or executes one statement.
    pub async fn call(&self, request: &Request<'_>, lookup: Lookup<'_>, session: &mut Session) -> Answer {
        match request {
            Request::Sql { database, sql } => self.execute(database, sql, lookup).await,
            Request::Http(request) => match self.exchange(request, lookup, session).await {
                Ok(exchange) => classify(request, &exchange),
                Err(lost) => {
                    let kind = if lost.unsent { Kind::Fail } else { Kind::Info };
                    Answer {
                        unsent: lost.unsent,
                        ..Answer::without(kind, Some(lost.reason))
                    }
                }
            },
        }
    }

    async fn execute(&self, database: &str, sql: &str, lookup: Lookup<'_>) -> Answer {
        let Some(held) = self.databases.get(database) else {
            let error = format!("there is no database {database} in this run");
            return Answer::without(Kind::Fail, Some(error));
        };
        let sql = match try_fill(sql, &|name| lookup(name).map(|value| held.quoted(&value))) {
            Ok(sql) => sql,
            Err(e) => return Answer::without(Kind::Fail, Some(e.to_string())),
        };
        let done = tokio::time::timeout(self.timeout, held.execute(&sql)).await;
        let (kind, failure) = match done.unwrap_or_else(|_| Err(StatementError::Unknown("timeout".to_owned()))) {
            Ok(()) => return Answer::without(Kind::Ok, None),
            // It may have been executed.
            Err(failure @ StatementError::Unknown(_)) => (Kind::Info, failure),
            // A statement that the server refuses is undone.
            Err(failure) => (Kind::Fail, failure),
        };
        Answer {
            duplicate: matches!(failure, StatementError::Duplicate(_)),
            unsent: matches!(failure, StatementError::NotSent(_)),
            ..Answer::without(kind, Some(failure.to_string()))
        }
    }

    /// Makes one HTTP request and takes in the whole answer.
    pub async fn exchange(
        &self,
        request: &HttpRequest<'_>,
        lookup: Lookup<'_>,
        session: &mut Session,
    ) -> Result<Exchange, Lost> {
        let service = request.call.service.as_str();
        let built = self.request(request, lookup, session).map_err(|e| Lost {
            reason: e.to_string(),
            unsent: true,
        })?;
        let exchange = exchange(built).await.map_err(|e| Lost {
            reason: reason(&e),
            // A connection that was refused carried no request, and neither did a request that could not be built.
            unsent: e.is_connect() || e.is_builder(),
        })?;
        if request.cookies {
            let all = exchange.headers.get_all(SET_COOKIE).iter();
            all.filter_map(|value| value.to_str().ok())
                .for_each(|cookie| session.keep_cookie(service, cookie));
        }
        Ok(exchange)
    }

    fn request(
        &self,
        request: &HttpRequest<'_>,
        lookup: Lookup<'_>,
        session: &Session,
    ) -> Result<RequestBuilder, PlanError> {
        let called = request.call;
        let in_url = |name: &str| lookup(name).map(|value| percent_encoded(&value));
        let url = format!("{}{}", self.base(&called.service), try_fill(&called.path, &in_url)?);
        let mut built = self.http.request(method(called.method), url).timeout(self.timeout);
        for (name, value) in request.headers {
            built = built.header(name, try_fill(value, lookup)?);
        }
        if request.cookies
            && let Some(cookies) = session.cookies(&called.service)
        {
            built = built.header(COOKIE, cookies);
        }
        if let Some(body) = request.body {
            built = built.header(CONTENT_TYPE, "application/json").body(body.fill(lookup)?);
        } else if let Some(form) = request.form {
            let pair = |(name, value): (&String, &String)| {
                Ok(format!("{}={}", percent_encoded(name), try_fill(value, &in_url)?))
            };
            let pairs: Vec<String> = form.iter().map(pair).collect::<Result<_, PlanError>>()?;
            built = built
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(pairs.join("&"));
        }
        Ok(built)
    }

    /// The address of the replica whose turn it is.
    fn base(&self, service: &str) -> &str {
        self.bases.get(service).map_or("", |(all, turn)| {
            let turn = turn.fetch_add(1, Ordering::Relaxed).checked_rem(all.len());
            turn.map_or("", |turn| &all[turn])
        })
    }
}

impl Answer {
    /// An answer in which nothing is said.
    fn without(kind: Kind, error: Option<String>) -> Answer {
        Answer {
            kind,
            status: None,
            parts: BTreeMap::new(),
            error,
            unsent: false,
            duplicate: false,
        }
    }
}

fn method(method: manifest::Method) -> Method {
    match method {
        manifest::Method::Get => Method::GET,
        manifest::Method::Post => Method::POST,
        manifest::Method::Put => Method::PUT,
        manifest::Method::Patch => Method::PATCH,
        manifest::Method::Delete => Method::DELETE,
    }
}

async fn exchange(request: RequestBuilder) -> Result<Exchange, reqwest::Error> {
    let response = request.send().await?;
    Ok(Exchange {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: response.bytes().await?.to_vec(),
    })
}

fn classify(request: &HttpRequest<'_>, exchange: &Exchange) -> Answer {
    let status = exchange.status;
    let kind = if request.ok.contains(&status) {
        Kind::Ok
    } else if request.fail.contains(&status) {
        Kind::Fail
    } else {
        Kind::Info
    };
    let body = String::from_utf8_lossy(&exchange.body);
    let error = (kind != Kind::Ok).then(|| {
        let said: String = body.chars().take(200).collect();
        format!("status {status}: {said}")
    });
    let parsed = json::parse(&body);
    let part = |at: &AnswerAt| match at {
        AnswerAt::Text => Some(body.trim().to_owned()).filter(|text| !text.is_empty()),
        AnswerAt::Header(name) => exchange.headers.get(name)?.to_str().ok().map(str::to_owned),
        AnswerAt::Pointer(pointer) => match json::cell(json::at(parsed?, pointer)?) {
            Cell::Text(text) => Some(text),
            Cell::Null | Cell::Nested => None,
        },
    };
    let parts = request.answer.into_iter().flatten();
    Answer {
        status: Some(status),
        parts: parts.filter_map(|(name, at)| Some((name.clone(), part(at)?))).collect(),
        ..Answer::without(kind, error)
    }
}

/// A value as it stands in a URL or a form.
fn percent_encoded(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encoded = |byte: u8| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    value.bytes().map(encoded).collect()
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::plan::manifest::Action;

    fn action(text: &str) -> Action {
        toml::from_str(text).unwrap()
    }

    /// Answers each request of a client with the next answer, and says what it was asked.
    async fn service(answers: &'static [&'static str]) -> (String, tokio::task::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let served = tokio::spawn(async move {
            let mut asked = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                while !is_whole(&request) {
                    assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
                }
                asked.push(String::from_utf8(request).unwrap());
                let (head, body) = answer.split_once("\r\n\r\n").unwrap();
                let length = body.len();
                let whole = format!("{head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
                stream.write_all(whole.as_bytes()).await.unwrap();
            }
            asked
        });
        (base, served)
    }

    fn is_whole(request: &[u8]) -> bool {
        let text = String::from_utf8_lossy(request).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            return false;
        };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        body.len() >= length.map_or(0, |length| length.parse().unwrap())
    }

    fn lookup(name: &str) -> Option<String> {
        let value = match name {
            "order" => "o1",
            "note" => "a \"b\" & c",
            "amount" => "10.00",
            "login.token" => "T",
            _ => return None,
        };
        Some(value.to_owned())
    }

    #[tokio::test]
    async fn what_an_action_sends_and_how_its_answer_is_read() {
        let (base, served) = service(&[
            "HTTP/1.1 201 Created\r\nlocation: /orders/17\r\nset-cookie: sid=s1; Path=/\r\n\r\n{\"total\":10.00,\"note\":null}",
            "HTTP/1.1 409 Conflict\r\n\r\nno\n",
            "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\n\r\n",
        ])
        .await;
        let caller = Caller::new([("shop".to_owned(), vec![base])].into(), Duration::from_secs(5)).unwrap();
        let mut session = Session::default();
        let order = action(
            r#"starts = "order"
call = "POST shop /orders/${order}?note=${note}"
headers = { Authorization = "Bearer ${login.token}" }
cookies = true
body = '{"note": "${note}", "amount": ${amount}}'
answer = { id = "header:Location", total = "/total", note = "/note", all = "text" }
"#,
        );
        let answer = caller.call(&order.request().unwrap(), &lookup, &mut session).await;
        assert_eq!((answer.kind, answer.status, answer.error), (Kind::Ok, Some(201), None));
        let parts = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        assert_eq!(
            answer.parts,
            parts(&[
                ("id", "/orders/17"),
                ("total", "10.00"),
                ("all", "{\"total\":10.00,\"note\":null}")
            ])
        );
        let form = action(
            r#"call = "PUT shop /orders"
cookies = true
form = { note = "${note}" }
fail = [409]
answer = { said = "text" }
"#,
        );
        let answer = caller.call(&form.request().unwrap(), &lookup, &mut session).await;
        assert_eq!(
            (answer.kind, answer.error.as_deref()),
            (Kind::Fail, Some("status 409: no\n"))
        );
        assert_eq!(answer.parts, parts(&[("said", "no")]));
        let moved = caller.call(&form.request().unwrap(), &lookup, &mut session).await;
        assert_eq!(
            (moved.kind, moved.status),
            (Kind::Info, Some(302)),
            "a redirect is not followed"
        );
        let asked = served.await.unwrap();
        assert!(
            asked[0].starts_with("POST /orders/o1?note=a%20%22b%22%20%26%20c HTTP/1.1\r\n"),
            "{}",
            asked[0]
        );
        assert!(asked[0].to_lowercase().contains("authorization: bearer t\r\n") && !asked[0].contains("cookie:"));
        assert!(
            asked[0].ends_with(r#"{"note": "a \"b\" & c", "amount": 10.00}"#),
            "{}",
            asked[0]
        );
        assert!(
            asked[1].to_lowercase().contains("cookie: sid=s1\r\n") && asked[1].ends_with("note=a%20%22b%22%20%26%20c")
        );
    }

    #[tokio::test]
    async fn what_was_certainly_not_sent_did_not_happen() {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", gone.local_addr().unwrap());
        drop(gone);
        let caller = Caller::new([("shop".to_owned(), vec![base])].into(), Duration::from_secs(5)).unwrap();
        let get = |path: &str| action(&format!("call = \"GET shop {path}\""));
        for path in ["/orders", "/orders/${nobody}"] {
            let answer = caller
                .call(&get(path).request().unwrap(), &lookup, &mut Session::default())
                .await;
            assert_eq!(
                (answer.kind, answer.status),
                (Kind::Fail, None),
                "{path}: {:?}",
                answer.error
            );
        }
    }

    #[test]
    fn calls_go_round_among_replicas() {
        let bases = vec!["http://one".to_owned(), "http://two".to_owned()];
        let caller = Caller::new([("shop".to_owned(), bases)].into(), Duration::from_secs(1)).unwrap();
        let turns: Vec<&str> = (0..3).map(|_| caller.base("shop")).collect();
        assert_eq!(turns, ["http://one", "http://two", "http://one"]);
        assert_eq!(caller.base("other"), "");
    }
}
