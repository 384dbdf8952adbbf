//! The HTTP side of a service: serving until told to stop, and answering errors as JSON.

use std::convert::Infallible;
use std::fmt::Display;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde_json::json;
use tokio::net::TcpListener;
use tracing::{info, warn};

use crate::service::stop_signal;

/// How long requests may take to end after the signal to stop.
const DRAIN_MAX: Duration = Duration::from_secs(15);

/// An answer that is not the one the client hoped for.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    error: String,
}

impl Refusal {
    /// The request makes no sense; nothing happened.
    pub fn bad_request(error: &impl Display) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error: error.to_string(),
        }
    }

    /// The request contradicts an earlier one; nothing happened.
    pub fn conflict(error: &impl Display) -> Self {
        Self {
            status: StatusCode::CONFLICT,
            error: error.to_string(),
        }
    }

    /// Nobody knows whether it happened: the client may ask, or repeat the same request.
    pub fn unknown(error: &impl Display) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            error: error.to_string(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "error": self.error }))).into_response()
    }
}

/// The answer of a readiness probe: 200 when nothing is missing, else 503 with what is.
#[must_use]
pub fn readiness(missing: &[&str]) -> Response {
    if missing.is_empty() {
        (StatusCode::OK, Json(json!({ "status": "ready" }))).into_response()
    } else {
        let body = json!({ "status": "not ready", "missing": missing });
        (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
    }
}

/// Runs work that changes something to its end even if the client hangs up half-way.
///
/// The server drops the handler of a connection that was closed; dropped between two steps, the
/// work would be left for recovery to clean up although nothing was wrong with it.
///
/// # Errors
/// The refusal of the work, or [`Refusal::unknown`] when it panicked.
pub async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Refusal>> + Send + 'static,
) -> Result<T, Refusal> {
    match tokio::spawn(work).await {
        Ok(ended) => ended,
        Err(error) => Err(Refusal::unknown(&error)),
    }
}

/// Serves until SIGTERM or SIGINT, then lets the requests in flight end. Meanwhile brings up what
/// takes longer than the port.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn serve(address: SocketAddr, routes: Router, start: impl Future<Output = ()>) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| anyhow::anyhow!("LISTEN_ADDR={address}: cannot listen there: {error}"))?;
    info!(address = %listener.local_addr()?, "listening");
    let (stopping, mut stopped) = tokio::sync::watch::channel(false);
    let server = axum::serve(listener, routes).with_graceful_shutdown(async move {
        stop_signal().await;
        info!("stopping");
        let _ = stopping.send(true);
    });
    tokio::select! {
        ended = server => ended?,
        never = async {
            start.await;
            std::future::pending::<Infallible>().await
        } => match never {},
        () = async {
            let _ = stopped.changed().await;
            tokio::time::sleep(DRAIN_MAX).await;
        } => warn!("requests are still running after {DRAIN_MAX:?}: not waiting for them"),
    }
    Ok(())
}
