//! The HTTP interface of `account`.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Json, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use service_common::database::Database;
use service_common::http::{Refusal, readiness, to_the_end};
use service_common::ids::{AccountNo, TxNo};
use service_common::money::Money;
use tracing::warn;

use crate::balance::balance;
use crate::credit::Ledger;
use crate::listener::Consumer;
use crate::pay::PayClient;
use crate::query::{self, QueryFallback};

/// What the handlers work with.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) database: Database,
    pub(crate) ledger: Ledger,
    pub(crate) consumer: Arc<Consumer>,
    pub(crate) pay: PayClient,
    pub(crate) money: Money,
    pub(crate) query_fallback: QueryFallback,
}

pub(crate) fn routes(app: App) -> Router {
    Router::new()
        .route("/account/payresult/{tx_no}", get(pay_result))
        .route("/account/balance/{account_no}", get(account_balance))
        .route("/healthz", get(healthz))
        .with_state(app)
}

async fn pay_result(State(app): State<App>, Path(tx_no): Path<String>) -> Result<Json<Value>, Refusal> {
    let tx_no = TxNo::try_from(tx_no).map_err(|error| Refusal::bad_request(&format!("tx_no: {error}")))?;
    let asked = tx_no.clone();
    let result = to_the_end(async move {
        query::pay_result(&app.pay, &app.ledger, app.query_fallback, &asked)
            .await
            .map_err(|error| {
                warn!(tx_no = %asked, %error, "paid, but not credited");
                Refusal::unknown(&error)
            })
    })
    .await?;
    Ok(Json(json!({ "tx_no": tx_no, "result": result })))
}

async fn account_balance(State(app): State<App>, Path(account_no): Path<String>) -> Result<Response, Refusal> {
    let found = match AccountNo::try_from(account_no.clone()) {
        Ok(number) => balance(&app.database, &number, app.money)
            .await
            .map_err(|error| Refusal::unknown(&error))?,
        Err(_) => None,
    };
    Ok(match found {
        Some(balance) => Json(json!({ "account_no": account_no, "balance": balance.to_string() })).into_response(),
        None => (
            StatusCode::NOT_FOUND,
            Json(json!({ "account_no": account_no, "error": "no such account" })),
        )
            .into_response(),
    })
}

async fn healthz(State(app): State<App>) -> Response {
    let mut missing = Vec::new();
    if app.database.ping().await.is_err() {
        missing.push("database");
    }
    if !app.consumer.is_ready().await {
        missing.push("broker");
    }
    readiness(&missing)
}
