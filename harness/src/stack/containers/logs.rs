//! Keeps what the containers write: one file per party in the folder of the run that is under way.
//! Never: loses the lines of a restart, or holds up a party because a file cannot be written.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::StreamExt;

use super::docker::Engine;
use super::error::StackError;

/// Lines kept per party while no run is under way.
const BACKLOG_MAX: usize = 5000;

/// The logs of one stack. Clones share their state.
#[derive(Clone, Debug, Default)]
pub(super) struct Logs {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    folder: Option<PathBuf>,
    parties: BTreeMap<String, PartyLog>,
}

#[derive(Debug, Default)]
struct PartyLog {
    file: Option<File>,
    backlog: VecDeque<String>,
    /// Engine's time of the newest line: a stream that is opened again starts with older ones.
    newest: String,
    broken: bool,
}

impl Logs {
    /// From now on lines go to `folder`, after those that came since the last run.
    pub(super) fn attach(&self, folder: &Path) -> Result<(), StackError> {
        let failed = |cause| StackError::File {
            path: folder.to_path_buf(),
            cause,
        };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let mut state = self.lock();
        state.folder = Some(folder.to_path_buf());
        for (party, log) in &mut state.parties {
            log.file = None;
            log.broken = false;
            for line in std::mem::take(&mut log.backlog) {
                log.write(folder, party, &line);
            }
        }
        Ok(())
    }

    /// The run is over; lines are kept back for the next one.
    pub(super) fn detach(&self) {
        let mut state = self.lock();
        state.folder = None;
        for log in state.parties.values_mut() {
            log.file = None;
        }
    }

    /// Follows a container from its first line not seen yet until it stops. Called again after a restart.
    pub(super) fn follow(&self, engine: &Engine, party: &str, container: &str) {
        let (logs, engine) = (self.clone(), engine.clone());
        let (party, container) = (party.to_string(), container.to_string());
        tokio::spawn(async move {
            let options = LogsOptionsBuilder::new()
                .follow(true)
                .stdout(true)
                .stderr(true)
                .timestamps(true)
                .build();
            let mut lines = engine.api_client().logs(&container, Some(options));
            while let Some(Ok(chunk)) = lines.next().await {
                logs.take(&party, &String::from_utf8_lossy(&chunk.into_bytes()));
            }
        });
    }

    /// A container of the same name will be another one: its lines are all new.
    pub(super) fn forget(&self, party: &str) {
        if let Some(log) = self.lock().parties.get_mut(party) {
            log.newest.clear();
        }
    }

    fn take(&self, party: &str, chunk: &str) {
        let mut state = self.lock();
        let folder = state.folder.clone();
        let log = state.parties.entry(party.to_string()).or_default();
        for line in chunk.lines() {
            let time = line.split(' ').next().unwrap_or_default();
            if time <= log.newest.as_str() {
                continue;
            }
            log.newest = time.to_string();
            match &folder {
                Some(folder) => log.write(folder, party, line),
                None => {
                    log.backlog.push_back(line.to_string());
                    if log.backlog.len() > BACKLOG_MAX {
                        log.backlog.pop_front();
                    }
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PartyLog {
    fn write(&mut self, folder: &Path, party: &str, line: &str) {
        if self.broken {
            return;
        }
        let path = folder.join(format!("{party}.log"));
        let result = match &mut self.file {
            Some(file) => writeln!(file, "{line}"),
            None => OpenOptions::new()
                .create(true)
                .append(true)
                .open(&path)
                .and_then(|mut file| {
                    writeln!(file, "{line}")?;
                    self.file = Some(file);
                    Ok(())
                }),
        };
        if let Err(error) = result {
            self.broken = true;
            tracing::warn!("{}: {error}; the log of {party} ends here", path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_run_gets_its_lines_once() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let logs = Logs::default();
        logs.take("pay", "T1 before any run\n");
        logs.attach(first.path()).unwrap();
        logs.take("pay", "T2 in the first\n");
        logs.detach();
        logs.take("pay", "T3 between\n");
        logs.attach(second.path()).unwrap();
        logs.take("pay", "T2 in the first\nT3 between\nT4 in the second\n");

        let read = |folder: &tempfile::TempDir| std::fs::read_to_string(folder.path().join("pay.log")).unwrap();
        assert_eq!(read(&first), "T1 before any run\nT2 in the first\n");
        assert_eq!(read(&second), "T3 between\nT4 in the second\n");
    }
}
