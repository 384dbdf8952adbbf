//! The workload: clients that recharge accounts and ask for results, as a plan says, through the client links.
//!
//! Payments begin at their planned times (an open loop: a slow answer does not slow the others down, only the
//! number of clients bounds what is under way). Every call is one operation of the history; a retry is a new one.

mod client;
mod pace;
mod payments;
mod progress;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use paytwice_checkers::history::{Balance, Body, Kind, Minor, OpenAccount, Process, Query, QueryPath, Recharge};
use paytwice_checkers::money::major;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub use client::{Answer, Caller};
pub use pace::{Pace, Resting};
pub use payments::{Payment, account_name, conflict_amount, is_late, payments};
pub use progress::Progress;

use crate::dependency::{Database, StatementError};
use crate::plan::manifest::Operations;
use crate::plan::{WorkloadPlan, fill};
use crate::record::Recorder;

/// Pause between two tries to open an account whose database is away.
const OPEN_ACCOUNT_RETRY: Duration = Duration::from_millis(300);

/// Everything the clients need.
pub struct Workload {
    /// What to do.
    pub plan: WorkloadPlan,
    /// The seed of the run.
    pub seed: u64,
    /// Digits behind the point.
    pub scale: u32,
    /// The manifest's operations.
    pub operations: Operations,
    /// Where calls go.
    pub caller: Caller,
    /// The database in which accounts are opened.
    pub accounts_db: Database,
    /// Where everything is written down.
    pub recorder: Recorder,
    /// What a terminal shows.
    pub progress: Arc<Progress>,
    /// Whether new payments begin.
    pub pace: Pace,
    processes: AtomicU64,
    asked: Mutex<Vec<(String, String)>>,
}

/// A client's process number, replaced by a new one after an operation whose outcome is unknown.
struct Client(u64);

impl Workload {
    /// Gathers what the clients need.
    #[expect(clippy::too_many_arguments, reason = "every part is named at the one call")]
    pub fn new(
        plan: WorkloadPlan,
        seed: u64,
        scale: u32,
        operations: Operations,
        caller: Caller,
        accounts_db: Database,
        recorder: Recorder,
        progress: Arc<Progress>,
        pace: Pace,
    ) -> Workload {
        Workload {
            plan,
            seed,
            scale,
            operations,
            caller,
            accounts_db,
            recorder,
            progress,
            pace,
            processes: AtomicU64::new(0),
            asked: Mutex::new(Vec::new()),
        }
    }

    /// Opens the accounts that exist from the beginning.
    pub async fn open_accounts(&self, deadline: Instant) -> Result<(), String> {
        let mut client = self.client();
        for n in (0..self.plan.accounts).filter(|n| !is_late(*n, &self.plan)) {
            self.open_account(&mut client, &account_name(n), deadline).await?;
        }
        Ok(())
    }

    /// Opens the accounts that come late, from a third of the workload on.
    pub async fn open_late_accounts(&self, deadline: Instant) -> Result<(), String> {
        tokio::time::sleep(Duration::from_millis(self.plan.time_ms / 3)).await;
        let mut client = self.client();
        for n in (0..self.plan.accounts).filter(|n| is_late(*n, &self.plan)) {
            self.open_account(&mut client, &account_name(n), deadline).await?;
        }
        Ok(())
    }

    /// Runs every payment to its end. Payments whose time had passed before a client was free are not made; how many
    /// is written down.
    pub async fn run(self: &Arc<Self>) {
        let began = Instant::now();
        let todo = Arc::new(Mutex::new(payments(&self.plan, self.seed).into_iter()));
        let mut tasks = JoinSet::new();
        for n in 0..self.plan.clients {
            let (this, todo) = (Arc::clone(self), Arc::clone(&todo));
            tasks.spawn(async move { this.work(n, &todo, began).await });
        }
        join_all(tasks).await;
        let begun = self.progress.counts().begun;
        let planned = payments(&self.plan, self.seed).len() as u64;
        if begun < planned {
            let body = serde_json::json!({ "payments": planned - begun });
            self.recorder.remark("run", Body::Other("not-begun".to_owned(), body));
        }
        if self.plan.ends_early {
            return;
        }
        // It lasts as long as planned, also when the last payment ended early: faults have their times in it.
        tokio::time::sleep_until(began + Duration::from_millis(self.plan.time_ms)).await;
    }

    /// Asks the crediting service for each of these payments until it answers: the compensation path.
    pub async fn compensate(self: &Arc<Self>, txs: Vec<String>, deadline: Instant) {
        let todo = Arc::new(Mutex::new(txs.into_iter()));
        let mut tasks = JoinSet::new();
        for _ in 0..self.plan.clients {
            let (this, todo) = (Arc::clone(self), Arc::clone(&todo));
            tasks.spawn(async move {
                let mut client = this.client();
                while let Some(tx) = take(&todo) {
                    while Instant::now() < deadline {
                        if this.query(&mut client, QueryPath::Compensate, &tx).await == Kind::Ok {
                            break;
                        }
                        tokio::time::sleep(Duration::from_millis(this.plan.retry_after_ms)).await;
                    }
                }
            });
        }
        join_all(tasks).await;
    }

    async fn work(&self, n: u32, todo: &Mutex<std::vec::IntoIter<Payment>>, began: Instant) {
        let mut client = self.client();
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(100 + u64::from(n));
        let end = began + Duration::from_millis(self.plan.time_ms);
        while let Some(payment) = take(todo) {
            tokio::time::sleep_until(began + Duration::from_millis(payment.at_ms)).await;
            // Late ones are made up for after a rest, unless the time is over by then.
            let free = tokio::time::timeout_at(end, self.pace.free()).await;
            if free.is_err() || Instant::now() >= end {
                return;
            }
            self.pay(&mut client, &payment).await;
            if rng.random_bool(self.plan.query_share.clamp(0.0, 1.0)) {
                self.ask(&mut client, &mut rng).await;
            }
        }
    }

    /// One payment: tried until its outcome is known or the client gives up.
    async fn pay(&self, client: &mut Client, payment: &Payment) {
        self.progress.begun.fetch_add(1, Ordering::Relaxed);
        let mut outcome = Kind::Info;
        let mut pause = Duration::from_millis(self.plan.retry_after_ms);
        let attempts = if payment.patient { self.plan.attempts } else { 1 };
        for attempt in 1..=attempts {
            let (kind, known_as) = self.recharge(client, payment, attempt, payment.amount, false).await;
            if attempt == 1 || known_as.is_some() {
                let tx = known_as.unwrap_or_else(|| payment.tx.clone());
                self.asked
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push((tx, payment.account.clone()));
            }
            outcome = kind;
            if outcome != Kind::Info {
                break;
            }
            if attempt < attempts {
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
        }
        if payment.repeat && outcome == Kind::Ok {
            // Same number, same payload, though the answer is known: it must be the same answer again.
            self.recharge(client, payment, attempts + 1, payment.amount, false)
                .await;
        }
        // Only after a definite answer: a number that is not recorded yet may be used with any payload.
        if payment.conflict && outcome == Kind::Ok {
            self.recharge(client, payment, 1, conflict_amount(&self.plan), true)
                .await;
        }
    }

    async fn recharge(
        &self,
        client: &mut Client,
        payment: &Payment,
        attempt: u32,
        amount: i128,
        conflict: bool,
    ) -> (Kind, Option<String>) {
        let mut value = Recharge {
            tx: payment.tx.clone(),
            account: payment.account.clone(),
            amount: Minor(amount),
            k: (!conflict).then_some(payment.k),
            attempt,
            good: payment.good,
            conflict,
            ..Recharge::default()
        };
        let op = &self.operations.recharge;
        let card = if payment.good { &op.good_card } else { &op.declined_card };
        let amount = major(amount, self.scale).to_string();
        let vars = [
            ("tx", payment.tx.as_str()),
            ("account", payment.account.as_str()),
            ("amount", amount.as_str()),
            ("card", card.as_deref().unwrap_or("")),
        ];
        self.invoke(client, Body::Recharge(value.clone()));
        let answer = self.caller.call(op, &vars).await;
        self.progress.recharge(answer.kind);
        let known_as = answer.tx.clone();
        value.status = answer.status;
        value.answer_tx = known_as.clone();
        value.result = answer.result.clone();
        value.answer_account = answer.account.clone();
        value.answer_amount = answer.amount.clone();
        let kind = answer.kind;
        self.complete(client, Body::Recharge(value), answer);
        (kind, known_as)
    }

    /// Asks one question about some earlier payment.
    async fn ask(&self, client: &mut Client, rng: &mut ChaCha8Rng) {
        let (tx, account) = {
            let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            // Recent payments are the interesting ones: their fate is still open.
            let Some(last) = asked.len().checked_sub(1) else { return };
            asked[last - rng.random_range(0..=last.min(20))].clone()
        };
        match rng.random_range(0..4) {
            0 => drop(self.query(client, QueryPath::Pay, &tx).await),
            1 => self.balance(client, &account).await,
            _ => drop(self.query(client, QueryPath::Account, &tx).await),
        }
    }

    async fn query(&self, client: &mut Client, path: QueryPath, tx: &str) -> Kind {
        let op = match path {
            QueryPath::Pay => &self.operations.query_pay,
            QueryPath::Account | QueryPath::Compensate => &self.operations.query_account,
        };
        let Some(op) = op else { return Kind::Ok };
        let mut value = Query {
            tx: tx.to_owned(),
            ..Query::default()
        };
        self.invoke(client, Body::Query(path, value.clone()));
        let answer = self.caller.call(op, &[("tx", tx)]).await;
        value.status = answer.status;
        value.result = answer.result.clone();
        let kind = answer.kind;
        self.complete(client, Body::Query(path, value), answer);
        kind
    }

    async fn balance(&self, client: &mut Client, account: &str) {
        let Some(op) = &self.operations.balance else { return };
        let mut value = Balance {
            account: account.to_owned(),
            ..Balance::default()
        };
        self.invoke(client, Body::Balance(value.clone()));
        let answer = self.caller.call(op, &[("account", account)]).await;
        value.status = answer.status;
        value.balance = answer.balance.clone();
        self.complete(client, Body::Balance(value), answer);
    }

    /// Opens one account, trying until the database says that it is there; past the deadline, its last answer.
    async fn open_account(&self, client: &mut Client, account: &str, deadline: Instant) -> Result<(), String> {
        let lookup = |name: &str| (name == "account").then(|| account.to_owned());
        let sql = fill(&self.operations.open_account.sql, &lookup);
        loop {
            let body = Body::OpenAccount(OpenAccount {
                account: account.to_owned(),
            });
            self.invoke(client, body.clone());
            let run = self.accounts_db.execute(&sql);
            let timeout = Duration::from_millis(self.plan.op_timeout_ms);
            let (kind, error) = match tokio::time::timeout(timeout, run).await {
                Ok(Ok(_)) => (Kind::Ok, None),
                Ok(Err(StatementError::Duplicate(_))) => (Kind::Ok, None),
                Ok(Err(e)) => (Kind::Info, Some(e.to_string())),
                Err(_) => (Kind::Info, Some("timeout".to_owned())),
            };
            self.complete(client, body, Answer::none(kind, error.clone()));
            if kind == Kind::Ok {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(format!(
                    "account {account} cannot be opened: {}",
                    error.unwrap_or_default()
                ));
            }
            tokio::time::sleep(OPEN_ACCOUNT_RETRY).await;
        }
    }

    fn client(&self) -> Client {
        Client(self.processes.fetch_add(1, Ordering::Relaxed))
    }

    fn invoke(&self, client: &Client, body: Body) {
        self.recorder
            .record(Process::Client(client.0), Kind::Invoke, body, None);
    }

    fn complete(&self, client: &mut Client, body: Body, answer: Answer) {
        self.recorder
            .record(Process::Client(client.0), answer.kind, body, answer.error);
        if answer.kind == Kind::Info {
            *client = self.client();
        }
    }
}

/// Waits for all. A client that panicked is a bug of ours that must not pass for a client with nothing to do.
async fn join_all(mut tasks: JoinSet<()>) {
    while let Some(ended) = tasks.join_next().await {
        if let Err(e) = ended
            && e.is_panic()
        {
            std::panic::resume_unwind(e.into_panic());
        }
    }
}

fn take<T>(todo: &Mutex<std::vec::IntoIter<T>>) -> Option<T> {
    todo.lock().unwrap_or_else(PoisonError::into_inner).next()
}
