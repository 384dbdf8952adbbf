//! The life of a service: configuration, logs, work, an end with the right exit code.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use rocketmq_client_rust::ClientRuntime;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info};
use tracing_subscriber::EnvFilter;

use crate::broker;
use crate::config::{ConfigError, Env};

/// Exit code for a configuration that nobody could start with.
const EXIT_CONFIGURATION: u8 = 2;

/// How long what is left may take to end at the very end.
const SHUTDOWN_MAX: Duration = Duration::from_secs(5);

/// What a service does not say unless it is asked to by name: the client of the broker tells of
/// each poll and heartbeat.
const LOG_QUIET: &str = "rocketmq_client_rust=warn,rocketmq_transport=warn,rocketmq_runtime=warn";

/// Runs a service from its configuration to its end.
///
/// It ends by a signal to stop, or by an error that waiting cannot cure: a wrong configuration, a
/// port that is taken. The absence of a dependency is not one.
pub fn run<C, S>(name: &str, configure: impl FnOnce(&Env) -> Result<C, ConfigError>, serve: S) -> ExitCode
where
    S: AsyncFnOnce(C, Arc<ClientRuntime>) -> anyhow::Result<()>,
{
    let config = match configure(&Env::of_process()) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("{name}: {error}");
            return ExitCode::from(EXIT_CONFIGURATION);
        }
    };
    start_logs();
    info!(service = name, version = env!("CARGO_PKG_VERSION"), "starting");
    match live(name, config, serve) {
        Ok(()) => {
            info!(service = name, "stopped");
            ExitCode::SUCCESS
        }
        Err(error) => {
            error!(service = name, error = format!("{error:#}"), "cannot go on");
            eprintln!("{name}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Completes when the process is asked to stop.
///
/// # Panics
/// When the process may not handle signals, which no supported system forbids.
pub async fn stop_signal() {
    let mut terminate = signal(SignalKind::terminate()).expect("SIGTERM can be handled");
    let mut interrupt = signal(SignalKind::interrupt()).expect("SIGINT can be handled");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

fn live<C>(
    name: &str,
    config: C,
    serve: impl AsyncFnOnce(C, Arc<ClientRuntime>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let (owner, client) = broker::runtime(name)?;
    let ended = owner.block_on(async {
        let ended = serve(config, Arc::clone(&client)).await;
        client.shutdown().await;
        ended
    });
    // Nothing of the payments depends on this: every answer that was given is durable elsewhere.
    if let Err(error) = owner.shutdown_runtime_blocking_with_timeout(SHUTDOWN_MAX) {
        error!(%error, "the runtime did not stop cleanly");
    }
    ended
}

fn start_logs() {
    let wanted = std::env::var("RUST_LOG").unwrap_or_default();
    let wanted = if wanted.is_empty() { "info" } else { &wanted };
    let filter = EnvFilter::new(format!("{LOG_QUIET},{wanted}"));
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter)
        .init();
}
