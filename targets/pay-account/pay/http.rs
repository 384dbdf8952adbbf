//! The HTTP interface of `pay`.

use std::fmt::Display;

use axum::Router;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Json, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;
use service_common::database::Database;
use service_common::http::{Refusal, readiness, to_the_end};
use service_common::ids::{AccountNo, TxNo};
use service_common::message::{Payment, PaymentJson};
use service_common::money::Money;
use tracing::{info, warn};

use crate::card;
use crate::notify::Notifier;
use crate::recharge::{NoResult, recharge};
use crate::request_id::RequestId;
use crate::table::Table;

/// What the handlers work with.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) database: Database,
    pub(crate) table: Table,
    pub(crate) notifier: Notifier,
    pub(crate) money: Money,
    pub(crate) request_id: RequestId,
}

/// What a client asks for, in a body or in a query string.
#[derive(Debug, Deserialize)]
struct Asked {
    tx_no: Option<String>,
    account_no: String,
    amount: String,
    card: String,
}

pub(crate) fn routes(app: App) -> Router {
    let recharges = match app.request_id {
        RequestId::Client | RequestId::Server => post(recharge_by_body),
        RequestId::ServerGet => get(recharge_by_query),
    };
    Router::new()
        .route("/pay/recharge", recharges)
        .route("/pay/payresult/{tx_no}", get(pay_result))
        .route("/healthz", get(healthz))
        .with_state(app)
}

async fn recharge_by_body(
    State(app): State<App>,
    asked: Result<Json<Asked>, JsonRejection>,
) -> Result<Json<PaymentJson>, Refusal> {
    let Json(asked) = asked.map_err(|error| Refusal::bad_request(&error.body_text()))?;
    handle(app, asked).await
}

async fn recharge_by_query(
    State(app): State<App>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<PaymentJson>, Refusal> {
    let Query(asked) = asked.map_err(|error| Refusal::bad_request(&error.body_text()))?;
    handle(app, asked).await
}

async fn handle(app: App, asked: Asked) -> Result<Json<PaymentJson>, Refusal> {
    let payment = validate(&app, asked)?;
    let payment = to_the_end(async move {
        let tx_no = payment.tx_no.clone();
        recharge(&app.table, &app.notifier, payment)
            .await
            .map_err(|error| match error {
                NoResult::OtherPayment(_) => Refusal::conflict(&error),
                NoResult::Unknown(_) => {
                    warn!(%tx_no, %error, "outcome unknown");
                    Refusal::unknown(&error)
                }
            })
    })
    .await?;
    info!(tx_no = %payment.tx_no, account_no = %payment.account_no, amount = %payment.amount,
        result = %payment.result, "recharged");
    Ok(Json(payment.to_json()))
}

fn validate(app: &App, asked: Asked) -> Result<Payment, Refusal> {
    let tx_no = app
        .request_id
        .choose(asked.tx_no)
        .map_err(|error| refused("tx_no", &error))?;
    let account_no = AccountNo::try_from(asked.account_no).map_err(|error| refused("account_no", &error))?;
    let amount = app
        .money
        .amount(&asked.amount)
        .map_err(|error| refused("amount", &error))?;
    let result = card::charge(&asked.card).ok_or_else(|| refused("card", &"not the number of a card"))?;
    Ok(Payment {
        tx_no,
        account_no,
        amount,
        result,
    })
}

fn refused(field: &str, error: &impl Display) -> Refusal {
    Refusal::bad_request(&format!("{field}: {error}"))
}

async fn pay_result(State(app): State<App>, Path(tx_no): Path<String>) -> Result<Response, Refusal> {
    // A number that no recharge can have belongs to no payment: the same answer as for any other.
    if let Ok(tx_no) = TxNo::try_from(tx_no.clone())
        && let Some(row) = app.table.find(&tx_no).await.map_err(|error| Refusal::unknown(&error))?
    {
        let (amount, result) = (row.amount.to_string(), row.result());
        return Ok(Json(PaymentJson {
            tx_no,
            account_no: row.account_no,
            amount,
            result,
        })
        .into_response());
    }
    let body = json!({ "tx_no": tx_no, "result": "unknown" });
    Ok((StatusCode::NOT_FOUND, Json(body)).into_response())
}

async fn healthz(State(app): State<App>) -> Response {
    let mut missing = Vec::new();
    if app.database.ping().await.is_err() {
        missing.push("database");
    }
    if !app.notifier.is_ready().await {
        missing.push("broker");
    }
    readiness(&missing)
}
