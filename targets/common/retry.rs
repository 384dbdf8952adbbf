//! Waiting for a dependency that is not there yet.
//!
//! Only start-up waits like this. A request never does: its client decides whether to try again.

use std::time::Duration;

use tracing::{info, warn};

const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_LONGEST: Duration = Duration::from_millis(500);

/// Tries until it works, with a pause that doubles from 0.1 s to 0.5 s.
pub async fn until_ok<T, E>(what: &str, mut attempt: impl AsyncFnMut() -> Result<T, E>) -> T
where
    E: Into<anyhow::Error>,
{
    let mut pause = PAUSE_FIRST;
    loop {
        match attempt().await {
            Ok(value) => {
                info!(what, "ready");
                return value;
            }
            Err(error) => {
                let error: anyhow::Error = error.into();
                warn!(what, error = format!("{error:#}"), "not ready, trying again");
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_LONGEST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_dependency_that_comes_late_is_waited_for() {
        let mut attempts = 0;
        let value = until_ok("test", async || {
            attempts += 1;
            if attempts < 3 {
                Err(anyhow::anyhow!("away"))
            } else {
                Ok(attempts)
            }
        })
        .await;
        assert_eq!(value, 3);
    }
}
