//! Ctrl-C and SIGTERM: the work is dropped, which takes its stack down, before the program ends.

use tokio::signal::unix::{SignalKind, signal};

/// Waits until the user, or the system, wants the program to end; the answer is the signal's name.
pub(crate) async fn interrupted() -> &'static str {
    let (Ok(mut int), Ok(mut term)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
        // Without handlers the signals end the program at once, and the watchdog cleans up.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = int.recv() => "SIGINT",
        _ = term.recv() => "SIGTERM",
    }
}
