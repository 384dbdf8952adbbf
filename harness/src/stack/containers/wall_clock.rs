//! The wall clock of a service, set wrong by libfaketime: the service is started with the library in front of its C
//! library, and a file in its container says by how much its clock is wrong. What measures time instead of telling it
//! (timeouts, intervals) is left alone. A program that does not ask the C library for the time (a static one) is not
//! reached, which is seen: its answers' `Date` stays right.
//! Never: changes the clock of anything but the service.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use bollard::query_parameters::UploadToContainerOptionsBuilder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::ContainerStack;
use super::archive::ImageRoot;
use super::error::{Doing, StackError};
use crate::clock::Now;
use crate::stack::Clock;

/// Names another library.
const LIBRARY_VARIABLE: &str = "PAYTWICE_FAKETIME";
const LIBRARY: &str = "libfaketimeMT.so.1";
/// Where it is put in the container, and the file that says the offset.
const LIBRARY_INSIDE: &str = "/paytwice/libfaketime.so.1";
const OFFSET_INSIDE: &str = "/paytwice/clock-offset";
const ASK_TIMEOUT: Duration = Duration::from_secs(2);

/// The library, where this machine has it: as Debian's package `libfaketime` and others install it.
pub(super) fn library() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(LIBRARY_VARIABLE) {
        return Some(PathBuf::from(named)).filter(|path| path.is_file());
    }
    let below = |folder: &str| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let mut folders = vec![
        PathBuf::from("/usr/lib"),
        PathBuf::from("/usr/lib64"),
        PathBuf::from("/usr/local/lib"),
    ];
    folders.extend(below("/usr/lib"));
    let mut places = folders.iter().map(|folder| folder.join("faketime").join(LIBRARY));
    places.find(|path| path.is_file())
}

/// What a container is given so that its clock can be set: its environment and its files.
#[derive(Default)]
pub(super) struct OwnClock {
    pub(super) env: Vec<(String, String)>,
    pub(super) files: Vec<(String, Vec<u8>)>,
}

/// Everything for a clock of its own, which is right to begin with.
pub(super) fn own_clock() -> Result<OwnClock, StackError> {
    let failed = |cause: String| StackError::Machine {
        doing: "find libfaketime".to_string(),
        cause,
    };
    let library = library().ok_or_else(|| failed("it is not on this machine".to_string()))?;
    let content = std::fs::read(library).map_err(|e| failed(e.to_string()))?;
    let env = [
        ("LD_PRELOAD", LIBRARY_INSIDE),
        ("FAKETIME_TIMESTAMP_FILE", OFFSET_INSIDE),
        ("FAKETIME_CACHE_DURATION", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ("DONT_FAKE_MONOTONIC", "1"),
        ("FAKETIME_DISABLE_SHM", "1"),
        ("NO_FAKE_STAT", "1"),
    ];
    Ok(OwnClock {
        env: env.map(|(name, value)| (name.to_string(), value.to_string())).to_vec(),
        files: vec![
            (LIBRARY_INSIDE.to_string(), content),
            (OFFSET_INSIDE.to_string(), offset_text(0).into_bytes()),
        ],
    })
}

#[async_trait]
impl Clock for ContainerStack {
    /// Sets the clock of a service wrong by so much; 0 sets it right. The service looks after a second at most.
    async fn set_clock(&self, service: &str, offset_ms: i64) -> Result<(), StackError> {
        let mut archive = ImageRoot::new();
        let packed = archive.file(OFFSET_INSIDE, 0o644, offset_text(offset_ms).as_bytes());
        let packed = packed
            .and_then(|()| archive.finish())
            .map_err(|e| StackError::Machine {
                doing: format!("set the clock of {service}"),
                cause: e.to_string(),
            })?;
        let container = self.party(service)?.container;
        let options = UploadToContainerOptionsBuilder::new().path("/").build();
        let client = self.engine.api_client();
        let sent = client
            .upload_to_container(&container, Some(options), bollard::body_full(packed.into()))
            .await;
        sent.doing(|| format!("set the clock of {service}"))
    }

    /// By how much the clock of a service is wrong, as the `Date` of an answer says: whole seconds.
    async fn clock_offset(&self, service: &str) -> Result<i64, String> {
        let party = self.party(service).map_err(|e| e.to_string())?;
        let Some((port, path)) = party.spec.health.http() else {
            return Err(format!(
                "{service} is not asked by HTTP whether it is ready, so its clock cannot be seen"
            ));
        };
        let asking = async {
            let say = |e: std::io::Error| e.to_string();
            let mut stream = TcpStream::connect((party.address, port)).await.map_err(say)?;
            let request = format!("GET {path} HTTP/1.1\r\nHost: {service}\r\nConnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await.map_err(say)?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.map_err(say)?;
            let text = String::from_utf8_lossy(&answer);
            let mut lines = text.lines().take_while(|line| !line.is_empty());
            let date = lines.find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("date").then(|| value.trim().to_owned())
            });
            let date = date.ok_or("its answers have no Date, so its clock cannot be seen")?;
            Now::read().seconds_until(&date).ok_or(format!("its Date is {date:?}"))
        };
        let answered = tokio::time::timeout(ASK_TIMEOUT, asking).await;
        answered.unwrap_or_else(|_| Err(format!("no answer within {ASK_TIMEOUT:?}")))
    }
}

/// As libfaketime reads it.
fn offset_text(offset_ms: i64) -> String {
    let sign = if offset_ms < 0 { '-' } else { '+' };
    let ms = offset_ms.unsigned_abs();
    format!("{sign}{}.{:03}\n", ms / 1000, ms % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_has_its_sign() {
        assert_eq!(offset_text(30_000), "+30.000\n");
        assert_eq!(offset_text(-1_500), "-1.500\n");
        assert_eq!(offset_text(-500), "-0.500\n");
    }
}
