//! The connection to the engine: found, version agreed, and clear words where there is none.
//! Never: starts an engine, or talks to one whose address the user did not set or that is not the usual one.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bollard::Docker;
use bollard::exec::StartExecResults;
use bollard::models::{ContainerInspectResponse, ContainerSummaryStateEnum, ExecConfig};
use bollard::query_parameters::{InspectContainerOptions, ListContainersOptionsBuilder, LogsOptionsBuilder};
use futures_util::StreamExt;

use super::context::Wishes;
use super::error::{Doing, StackError, explain, is_absent};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// An engine that answers.
#[derive(Clone, Debug)]
pub struct Engine {
    docker: Docker,
    address: String,
    version: String,
    api: String,
}

impl Engine {
    /// Finds the engine as Docker's own client does (`DOCKER_HOST`, its context, else the usual socket) and agrees on an API
    /// version.
    pub async fn connect() -> Result<Engine, StackError> {
        let address = Wishes::read().address().map_err(|cause| StackError::Unreachable {
            address: "the engine of its context".to_string(),
            remedy: "name another with DOCKER_CONTEXT, docker context use or DOCKER_HOST",
            cause,
        })?;
        let unreachable = |cause: String| StackError::Unreachable {
            address: address.clone(),
            remedy: remedy(&cause),
            cause,
        };

        let docker = Docker::connect_with_host(&address).map_err(|e| unreachable(root_cause(&e)))?;
        let docker = tokio::time::timeout(CONNECT_TIMEOUT, docker.negotiate_version())
            .await
            .map_err(|_| unreachable(format!("no answer within {CONNECT_TIMEOUT:?}")))?
            .map_err(|e| unreachable(root_cause(&e)))?;
        let version = docker.version().await.map_err(|e| unreachable(root_cause(&e)))?;
        Ok(Engine {
            docker,
            address: address.clone(),
            version: version.version.unwrap_or_default(),
            api: version.api_version.unwrap_or_default(),
        })
    }

    /// The engine's own version, e.g. `28.2.2`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The newest API version that it speaks, e.g. `1.41`.
    pub fn api(&self) -> &str {
        &self.api
    }

    /// Where it is.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Whether it runs under the same kernel as this process.
    pub fn is_local(&self) -> bool {
        self.address.starts_with("unix://")
    }

    /// Where it keeps images and containers.
    pub(super) async fn data_folder(&self) -> Option<String> {
        self.docker.info().await.ok()?.docker_root_dir
    }

    pub(super) fn api_client(&self) -> &Docker {
        &self.docker
    }

    pub(super) async fn inspect(&self, container: &str) -> Result<ContainerInspectResponse, StackError> {
        self.docker
            .inspect_container(container, None::<InspectContainerOptions>)
            .await
            .doing(|| format!("look at container {container}"))
    }

    /// A container by its name; none where there is none of that name.
    pub(super) async fn find(&self, container: &str) -> Result<Option<ContainerInspectResponse>, StackError> {
        let found = self
            .docker
            .inspect_container(container, None::<InspectContainerOptions>);
        match found.await {
            Ok(found) => Ok(Some(found)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error).doing(|| format!("look at container {container}")),
        }
    }

    /// The names of every container with a label, with whether each runs (a paused one does).
    pub(super) async fn running(&self, label: &str) -> Result<BTreeMap<String, bool>, StackError> {
        let filters = HashMap::from([("label".to_string(), vec![label.to_string()])]);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let found = self.docker.list_containers(Some(options)).await;
        let found = found.doing(|| format!("list the containers with {label}"))?;
        let named = found.into_iter().flat_map(|container| {
            let ended = matches!(
                container.state,
                Some(ContainerSummaryStateEnum::EXITED | ContainerSummaryStateEnum::DEAD)
            );
            let names = container.names.unwrap_or_default().into_iter();
            names.map(move |name| (name.trim_start_matches('/').to_string(), !ended))
        });
        Ok(named.collect())
    }

    pub(super) async fn has_image(&self, image: &str) -> Result<bool, StackError> {
        match self.docker.inspect_image(image).await {
            Ok(_) => Ok(true),
            Err(error) if is_absent(&error) => Ok(false),
            Err(error) => Err(StackError::Engine {
                doing: format!("look for image {image}"),
                cause: explain(&error),
            }),
        }
    }

    /// Runs a command in a container; its exit code and what it wrote.
    pub(super) async fn exec(&self, container: &str, command: &[String]) -> Result<(i64, String), StackError> {
        let doing = || format!("run {command:?} in {container}");
        let options = ExecConfig {
            cmd: Some(command.to_vec()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..ExecConfig::default()
        };
        let made = self.docker.create_exec(container, options).await.doing(doing)?;
        let started = self.docker.start_exec(&made.id, None).await.doing(doing)?;
        let mut said = String::new();
        if let StartExecResults::Attached { mut output, .. } = started {
            while let Some(chunk) = output.next().await {
                said.push_str(&String::from_utf8_lossy(&chunk.doing(doing)?.into_bytes()));
            }
        }
        let ended = self.docker.inspect_exec(&made.id).await.doing(doing)?;
        Ok((ended.exit_code.unwrap_or(-1), said))
    }

    /// What a container wrote since it was started last.
    pub(super) async fn log_since_start(&self, container: &str) -> Result<String, StackError> {
        let state = self.inspect(container).await?.state.unwrap_or_default();
        // The engine says that a container is started only after its first lines may have come: what is not of an
        // earlier start is what came after the last end.
        let ended = state.finished_at.unwrap_or_default();
        let options = LogsOptionsBuilder::new()
            .stdout(true)
            .stderr(true)
            .timestamps(true)
            .build();
        let mut stream = self.docker.logs(container, Some(options));
        let mut text = String::new();
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.doing(|| format!("read the log of {container}"))?;
            text.push_str(&String::from_utf8_lossy(&chunk.into_bytes()));
        }
        Ok(lines_after(&text, &ended))
    }

    /// The last lines of a container, for error messages.
    pub(super) async fn last_lines(&self, container: &str, lines: usize) -> String {
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).tail("300").build();
        let mut stream = self.docker.logs(container, Some(options));
        let mut text = String::new();
        while let Some(Ok(chunk)) = stream.next().await {
            text.push_str(&String::from_utf8_lossy(&chunk.into_bytes()));
        }
        last_telling_lines(&text, lines)
    }
}

/// What to do about an engine that cannot be reached.
fn remedy(cause: &str) -> &'static str {
    if cause.to_lowercase().contains("permission denied") {
        "the engine runs, and its socket is not yours: join the group that owns it (sudo usermod -aG docker $USER, then log \
         in again), run paytwice as root, or point DOCKER_HOST at a rootless engine of your own"
    } else {
        "start Docker (on Debian, as root: ci/docker-up), or point DOCKER_HOST at an engine that runs"
    }
}

/// The lines of a log with times after a moment, without their times. The engine writes both in one form, but for zeros
/// at the end of the moment.
fn lines_after(log: &str, moment: &str) -> String {
    let moment = moment.trim_end_matches('Z');
    let lines = log.lines().filter_map(|line| line.split_once(' '));
    let mut text = String::new();
    for (_, line) in lines.filter(|(time, _)| *time > moment) {
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// The last lines that say something: the logging library's own set-up report is left out.
fn last_telling_lines(text: &str, count: usize) -> String {
    let telling: Vec<&str> = text
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty() && !line.contains("|-INFO in ") && !line.contains("|-WARN in "))
        .collect();
    let from = telling.len().saturating_sub(count);
    if telling.is_empty() {
        return "    (it wrote nothing)".to_string();
    }
    telling[from..]
        .iter()
        .map(|line| format!("    {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The innermost cause: "No such file or directory" tells more than "error trying to connect".
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_is_not_ours_has_a_remedy_of_its_own() {
        assert!(remedy("Permission denied (os error 13)").contains("usermod -aG docker"));
        assert!(remedy("No such file or directory (os error 2)").contains("start Docker"));
    }

    #[test]
    fn lines_of_an_earlier_start_are_left_out() {
        let log = "2026-11-30T17:00:00.100000000Z ready\n2026-11-30T17:00:09.300000000Z starting\n";
        assert_eq!(lines_after(log, "2026-11-30T17:00:09.29Z"), "starting\n");
        assert_eq!(lines_after(log, "0001-01-01T00:00:00Z"), "ready\nstarting\n");
    }

    #[test]
    fn the_set_up_report_of_the_logging_library_is_left_out() {
        let text = "a\n22:05:22,852 |-INFO in x - y\n\nb\nc\n";
        assert_eq!(last_telling_lines(text, 2), "    b\n    c");
        assert_eq!(last_telling_lines("", 5), "    (it wrote nothing)");
    }
}
