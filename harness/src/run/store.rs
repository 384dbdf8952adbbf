//! The store: one folder per run, `store/<target>/<UTC time>-<seed>/`, and `store/latest`.

use std::io;
use std::path::{Path, PathBuf};

use super::RunError;
use crate::clock::Now;

/// Makes sure that runs can be stored there, before anything is started for them.
pub fn prepare(store: &Path) -> Result<(), RunError> {
    let probe = store.join(format!(".probe-{}", std::process::id()));
    let written = std::fs::create_dir_all(store)
        .and_then(|()| std::fs::write(&probe, b""))
        .and_then(|()| std::fs::remove_file(&probe));
    written.map_err(|e| store_error(store, &e))
}

/// Makes the folder of a run, with its `logs/`, and points `latest` at it.
pub fn create(store: &Path, target: &str, now: Now, seed: u64) -> Result<PathBuf, RunError> {
    let parent = store.join(target);
    let name = format!("{}-{seed}", now.folder());
    let folder = (0..1000)
        .map(|n| parent.join(if n == 0 { name.clone() } else { format!("{name}-{n}") }))
        .find(|folder| !folder.exists())
        .unwrap_or_else(|| parent.join(&name));
    std::fs::create_dir_all(folder.join("logs")).map_err(|e| store_error(&folder, &e))?;
    point_latest(store, &folder).map_err(|e| store_error(&store.join("latest"), &e))?;
    Ok(folder)
}

/// The run that a user names: a folder, a history in it, `latest`, or the name of a run in the store.
pub fn find(store: &Path, name: &str) -> Result<PathBuf, RunError> {
    let given = PathBuf::from(name);
    let mut tried = vec![given.clone(), store.join(name)];
    if let Ok(targets) = std::fs::read_dir(store) {
        tried.extend(targets.flatten().map(|target| target.path().join(name)));
    }
    for path in tried {
        if path.is_file() && path.file_name().is_some_and(|name| name == super::results::HISTORY) {
            return Ok(path
                .parent()
                .filter(|p| !p.as_os_str().is_empty())
                .unwrap_or(Path::new("."))
                .to_owned());
        }
        if path.join(super::results::HISTORY).is_file() {
            return Ok(path);
        }
    }
    Err(RunError::NoSuchRun {
        name: name.to_owned(),
        store: store.to_owned(),
    })
}

fn point_latest(store: &Path, folder: &Path) -> io::Result<()> {
    let link = store.join("latest");
    let target = folder.strip_prefix(store).unwrap_or(folder);
    // Made beside and renamed: two runs that start together never leave a broken link.
    let fresh = store.join(format!(".latest-{}", std::process::id()));
    let _ = std::fs::remove_file(&fresh);
    std::os::unix::fs::symlink(target, &fresh)?;
    std::fs::rename(&fresh, &link)
}

fn store_error(path: &Path, e: &io::Error) -> RunError {
    RunError::Store {
        path: path.to_owned(),
        reason: e.to_string(),
    }
}
