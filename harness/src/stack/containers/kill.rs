//! Kill and pause of a container, each with evidence.
//! Never: claims an effect that was not seen.

use std::path::Path;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bollard::query_parameters::{KillContainerOptionsBuilder, StartContainerOptions};

use super::ContainerStack;
use super::error::{Doing, StackError};
use super::party::{EFFECT_TIMEOUT, evidence, is_running, no_effect};
use crate::stack::{Evidence, Kill, Pause, Stack};

/// A party that answers within this time is not paused.
const PAUSED_PROBE_TIMEOUT: Duration = Duration::from_millis(300);

#[async_trait]
impl Kill for ContainerStack {
    /// Ends the party's process at once (SIGKILL). Its data stays.
    async fn kill(&self, party: &str) -> Result<Evidence, StackError> {
        let target = self.party(party)?;
        let before = self.state(&target).await?;
        if !is_running(&before) && target.down_on_purpose {
            return Err(no_effect(party, "kill", "it was down already".to_string()));
        }
        if !is_running(&before) {
            return Err(self.died(&target).await?);
        }
        let pid = before.pid.unwrap_or_default();
        self.change(party, |p| {
            p.down_on_purpose = true;
            p.kills += 1;
        });
        let begun = Instant::now();
        if before.paused == Some(true) {
            // The engine kills no frozen process.
            self.engine
                .api_client()
                .unpause_container(&target.container)
                .await
                .doing(|| format!("resume {party}"))?;
        }
        let signal = KillContainerOptionsBuilder::new().signal("SIGKILL").build();
        self.engine
            .api_client()
            .kill_container(&target.container, Some(signal))
            .await
            .doing(|| format!("kill {party}"))?;
        let after = self.await_state(&target, "kill", |state| !is_running(state)).await?;
        let took = begun.elapsed();

        let code = after.exit_code.unwrap_or_default();
        if code != 137 {
            return Err(no_effect(
                party,
                "kill",
                format!("it ended with exit code {code} instead of 137"),
            ));
        }
        let gone = await_process_gone(pid).await;
        if gone == Some(false) {
            return Err(no_effect(party, "kill", format!("its process {pid} is still there")));
        }
        let process = if gone.is_some() {
            format!("; process {pid} gone")
        } else {
            String::new()
        };
        Ok(evidence(
            party,
            "kill",
            format!("exit code {code} after {} ms{process}", took.as_millis()),
            took,
            [("exit_code", code), ("pid", pid)],
        ))
    }

    /// Starts the same container again and waits until it is ready. One that runs is only waited for.
    async fn start(&self, party: &str) -> Result<Evidence, StackError> {
        let target = self.party(party)?;
        let begun = Instant::now();
        // Two faults may want the same party back at the same moment: the second one finds it running.
        let one_at_a_time = self.starting.lock().await;
        if !is_running(&self.state(&target).await?) {
            self.pin_address(&self.party(party)?).await?;
            self.engine
                .api_client()
                .start_container(&target.container, None::<StartContainerOptions>)
                .await
                .doing(|| format!("start {party}"))?;
            self.logs.follow(&self.engine, party, &target.container);
        }
        drop(one_at_a_time);
        self.change(party, |p| p.down_on_purpose = false);
        let ready = match self.find_address(&target).await {
            Ok(address) => self.await_ready(party).await.map(|()| address),
            Err(error) => Err(error),
        };
        let address = match ready {
            Ok(address) => address,
            // Not this start's failure: another fault has killed it before it was ready, and will start it again.
            Err(_) if self.party(party)?.kills != target.kills => {
                let seen = "started, and killed again by another fault before it was ready".to_string();
                return Ok(evidence(party, "start", seen, begun.elapsed(), []));
            }
            Err(error) => return Err(error),
        };
        let took = begun.elapsed();
        let pid = self.state(&target).await?.pid.unwrap_or_default();
        let seen = format!("process {pid} ready at {address} after {} ms", took.as_millis());
        Ok(evidence(party, "start", seen, took, [("pid", pid)]))
    }
}

#[async_trait]
impl Pause for ContainerStack {
    /// Freezes every process of the party.
    async fn pause(&self, party: &str) -> Result<Evidence, StackError> {
        let target = self.party(party)?;
        let begun = Instant::now();
        self.engine
            .api_client()
            .pause_container(&target.container)
            .await
            .doing(|| format!("pause {party}"))?;
        self.await_state(&target, "pause", |state| state.paused == Some(true))
            .await?;
        let took = begun.elapsed();
        let mut seen = format!("state paused after {} ms", took.as_millis());
        if target.spec.health.needs_a_running_process() {
            if self.ask(&target, PAUSED_PROBE_TIMEOUT).await.is_ok() {
                return Err(no_effect(party, "pause", "it still answers".to_string()));
            }
            let waited = PAUSED_PROBE_TIMEOUT.as_millis();
            seen.push_str(&format!("; a probe had no answer within {waited} ms"));
        }
        Ok(evidence(party, "pause", seen, took, []))
    }

    /// Lets a paused party go on and waits until it is ready. One that is not paused (any more) is only waited for.
    async fn unpause(&self, party: &str) -> Result<Evidence, StackError> {
        let target = self.party(party)?;
        let begun = Instant::now();
        let state = self.state(&target).await?;
        if state.paused == Some(true) {
            self.engine
                .api_client()
                .unpause_container(&target.container)
                .await
                .doing(|| format!("resume {party}"))?;
            self.await_state(&target, "unpause", |state| state.paused != Some(true))
                .await?;
        } else if !is_running(&state) && target.down_on_purpose {
            let seen = "not paused any more: it was killed meanwhile".to_string();
            return Ok(evidence(party, "unpause", seen, begun.elapsed(), []));
        } else if !is_running(&state) {
            return Err(self.died(&target).await?);
        }
        self.await_ready(party).await?;
        let took = begun.elapsed();
        Ok(evidence(
            party,
            "unpause",
            format!("ready after {} ms", took.as_millis()),
            took,
            [],
        ))
    }
}

/// Whether the process is gone; none where its number means nothing here (an engine elsewhere).
async fn await_process_gone(pid: i64) -> Option<bool> {
    let process = std::path::PathBuf::from(format!("/proc/{pid}"));
    if pid <= 0 || !Path::new("/proc/self").exists() {
        return None;
    }
    let begun = Instant::now();
    while process.exists() {
        if begun.elapsed() > EFFECT_TIMEOUT {
            return Some(false);
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Some(true)
}
