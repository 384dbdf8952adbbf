//! Archives, as the engine takes and gives them: an image from a binary, log files out of a container.
//! Never: writes outside of the folder it was given.

use std::io::Read;
use std::path::Path;

use bollard::query_parameters::DownloadFromContainerOptionsBuilder;
use futures_util::TryStreamExt;

use super::docker::Engine;
use super::error::{Doing, StackError, is_absent};

/// Copies the files of a container's folder to `to`, each under its own name with the party's in front.
pub(super) async fn extract_logs(
    engine: &Engine,
    container: &str,
    from: &str,
    to: &Path,
    party: &str,
) -> Result<usize, StackError> {
    let options = DownloadFromContainerOptionsBuilder::new().path(from).build();
    let chunks: Result<Vec<bytes::Bytes>, _> = engine
        .api_client()
        .download_from_container(container, Some(options))
        .try_collect()
        .await;
    if chunks.as_ref().is_err_and(is_absent) {
        return Ok(0);
    }
    let archive = chunks.doing(|| format!("copy {from} out of {party}"))?.concat();
    let failed = |cause| StackError::File {
        path: to.to_path_buf(),
        cause,
    };
    std::fs::create_dir_all(to).map_err(failed)?;
    let mut files = 0;
    for entry in tar::Archive::new(archive.as_slice()).entries().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        let path = entry.path().map_err(failed)?.into_owned();
        if let (true, Some(name)) = (entry.header().entry_type().is_file(), path.file_name()) {
            let target = to.join(format!("{party}-{}", name.to_string_lossy()));
            entry.unpack(&target).map_err(|cause| StackError::File {
                path: target.clone(),
                cause,
            })?;
            files += 1;
        }
    }
    Ok(files)
}

/// One file of a container.
pub(super) async fn read_file(
    engine: &Engine,
    container: &str,
    path: &str,
    party: &str,
) -> Result<Vec<u8>, StackError> {
    let options = DownloadFromContainerOptionsBuilder::new().path(path).build();
    let chunks: Result<Vec<bytes::Bytes>, _> = engine
        .api_client()
        .download_from_container(container, Some(options))
        .try_collect()
        .await;
    let archive = chunks.doing(|| format!("copy {path} out of {party}"))?.concat();
    let mut content = Vec::new();
    let read = (|| match tar::Archive::new(archive.as_slice()).entries()?.next() {
        Some(entry) => entry?.read_to_end(&mut content).map(drop),
        None => Ok(()),
    })();
    read.map_err(|cause| StackError::File {
        path: path.into(),
        cause,
    })?;
    Ok(content)
}

/// An archive that is put together in memory.
pub(super) struct ImageRoot(tar::Builder<Vec<u8>>);

impl ImageRoot {
    pub(super) fn new() -> ImageRoot {
        ImageRoot(tar::Builder::new(Vec::new()))
    }

    pub(super) fn folder(&mut self, path: &str, mode: u32) -> std::io::Result<()> {
        let mut header = header(0, mode);
        header.set_entry_type(tar::EntryType::Directory);
        self.0.append_data(&mut header, path, std::io::empty())
    }

    pub(super) fn file(&mut self, path: &str, mode: u32, content: &[u8]) -> std::io::Result<()> {
        self.0.append_data(
            &mut header(content.len() as u64, mode),
            path.trim_start_matches('/'),
            content,
        )
    }

    pub(super) fn finish(self) -> std::io::Result<Vec<u8>> {
        self.0.into_inner()
    }
}

fn header(size: u64, mode: u32) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}
