//! The services of the test targets `store-only` and `two-stores`, one program in three roles:
//! `shop` takes entries and books them in the same transaction; `front` takes entries and leaves them for the relay;
//! `relay` hands them on, again and again, until they are taken (it listens on no port); `ledger` books each once.

use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use sqlx::mysql::MySqlPoolOptions;
use sqlx::{MySqlPool, Row};
use tracing::{info, warn};

/// A call of the relay waits no longer for its answer.
const CALL_TIMEOUT: Duration = Duration::from_millis(300);
/// Pause between two looks for what is to be handed on.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Entries that are handed on after one look.
const AT_ONCE: u32 = 50;

/// An amount for an account, told apart from every other by its id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    id: String,
    account: String,
    amount: String,
}

/// What is known of an entry.
#[derive(Serialize)]
struct Found {
    id: String,
    result: &'static str,
}

#[derive(Clone)]
struct Service {
    pool: MySqlPool,
    /// Whether an entry changes a balance here.
    books: bool,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_ansi(false).init();
    let role = std::env::var("ROLE")?;
    let pool = MySqlPoolOptions::new()
        .max_connections(16)
        .acquire_timeout(Duration::from_secs(2))
        .connect_lazy(&std::env::var("DATABASE_URL")?)?;
    match role.as_str() {
        "relay" => relay(&pool, &std::env::var("LEDGER_URL")?).await,
        "shop" | "ledger" => serve(Service { pool, books: true }).await,
        "front" => serve(Service { pool, books: false }).await,
        other => anyhow::bail!("ROLE is {other:?}; it can be shop, front, relay or ledger"),
    }
}

async fn serve(service: Service) -> anyhow::Result<()> {
    let routes = Router::new()
        .route("/healthz", get(async || StatusCode::OK))
        .route("/entry", post(enter))
        .route("/entry/{id}", get(find))
        .with_state(service);
    let listener = tokio::net::TcpListener::bind("0.0.0.0:8080").await?;
    Ok(axum::serve(listener, routes).await?)
}

/// 200 where the entry is there now, whoever brought it; 409 where its id stands for another one.
async fn enter(State(service): State<Service>, Json(entry): Json<Entry>) -> (StatusCode, Json<Entry>) {
    let status = match service.record(&entry).await {
        Ok(true) => StatusCode::OK,
        Ok(false) => StatusCode::CONFLICT,
        Err(error) => {
            warn!(%error, id = entry.id, "not entered");
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    (status, Json(entry))
}

/// What is known of an entry; 404 where there is none.
async fn find(State(service): State<Service>, Path(id): Path<String>) -> (StatusCode, Json<Found>) {
    let entry = sqlx::query("SELECT id FROM entries WHERE id = ?").bind(&id);
    let (status, result) = match entry.fetch_optional(&service.pool).await {
        Ok(Some(_)) => (StatusCode::OK, "taken"),
        Ok(None) => (StatusCode::NOT_FOUND, "unknown"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "unknown"),
    };
    (status, Json(Found { id, result }))
}

impl Service {
    /// Whether this very entry is recorded; false where its id stands for another one.
    async fn record(&self, entry: &Entry) -> sqlx::Result<bool> {
        let mut tx = self.pool.begin().await?;
        let insert = sqlx::query("INSERT INTO entries (id, account, amount) VALUES (?, ?, ?)");
        let inserted = insert
            .bind(&entry.id)
            .bind(&entry.account)
            .bind(&entry.amount)
            .execute(&mut *tx)
            .await;
        match inserted {
            Err(sqlx::Error::Database(e)) if e.is_unique_violation() => {
                tx.rollback().await?;
                let same = sqlx::query("SELECT COUNT(*) FROM entries WHERE id = ? AND account = ? AND amount = ?");
                let same = same.bind(&entry.id).bind(&entry.account).bind(&entry.amount);
                return Ok(same.fetch_one(&self.pool).await?.try_get::<i64, _>(0)? == 1);
            }
            inserted => inserted?,
        };
        if self.books {
            let book = sqlx::query("UPDATE balances SET balance = balance + ? WHERE account = ?");
            let booked = book.bind(&entry.amount).bind(&entry.account).execute(&mut *tx).await?;
            if booked.rows_affected() != 1 {
                tx.rollback().await?;
                return Err(sqlx::Error::RowNotFound);
            }
        }
        tx.commit().await?;
        Ok(true)
    }
}

/// Hands on what is not marked as sent, for ever.
async fn relay(pool: &MySqlPool, ledger: &str) -> anyhow::Result<()> {
    let client = reqwest::Client::builder().no_proxy().timeout(CALL_TIMEOUT).build()?;
    info!("relaying to {ledger}");
    loop {
        if let Err(error) = hand_on(pool, &client, ledger).await {
            warn!(%error, "to be handed on again");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn hand_on(pool: &MySqlPool, client: &reqwest::Client, ledger: &str) -> anyhow::Result<()> {
    let unsent =
        sqlx::query("SELECT id, account, CAST(amount AS CHAR) FROM entries WHERE sent = 0 ORDER BY at LIMIT ?");
    for row in unsent.bind(AT_ONCE).fetch_all(pool).await? {
        let entry = Entry {
            id: row.try_get(0)?,
            account: row.try_get(1)?,
            amount: row.try_get(2)?,
        };
        let answer = client.post(format!("{ledger}/entry")).json(&entry).send().await;
        // One that the ledger does not take yet must not hold up the others.
        match answer.map(|answer| answer.status()) {
            Ok(reqwest::StatusCode::OK) => {
                let sent = sqlx::query("UPDATE entries SET sent = 1 WHERE id = ?");
                sent.bind(&entry.id).execute(pool).await?;
            }
            Ok(status) => warn!(%status, id = entry.id, "not taken"),
            Err(error) => warn!(%error, id = entry.id, "no answer"),
        }
    }
    Ok(())
}
