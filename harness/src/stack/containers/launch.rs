//! Starts one container through testcontainers, named, labelled and on the stack's own network.
//! Never: publishes a port, pulls an image, or decides when a container is ready.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::OnceLock;

use testcontainers::core::{Host, Mount};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerRequest, GenericImage, ImageExt};
use tokio::runtime::Runtime;

use super::error::StackError;
use super::images::split;

/// What to start.
#[derive(Clone, Debug, Default)]
pub(super) struct Launch {
    pub party: String,
    pub container: String,
    pub image: String,
    pub network: String,
    pub labels: HashMap<String, String>,
    pub env: Vec<(String, String)>,
    pub command: Vec<String>,
    pub hosts: Vec<(String, Ipv4Addr)>,
    /// Path in the container and content.
    pub files: Vec<(String, Vec<u8>)>,
    /// Name of a volume and where it is mounted.
    pub volume: Option<(String, String)>,
    /// Folder of this machine and where it is mounted.
    pub folder: Option<(String, String)>,
}

impl Launch {
    /// Creates and starts the container. Its removal is the stack's (by label), not testcontainers'.
    pub(super) async fn start(self) -> Result<(), StackError> {
        let (party, image) = (self.party.clone(), self.image.clone());
        let failed = |cause: String| StackError::Engine {
            doing: format!("start {party} from image {image}"),
            cause,
        };

        let starting = runtime()
            .map_err(|e| failed(e.to_string()))?
            .spawn(self.request().start());
        let container = AbortOnDrop(starting)
            .wait()
            .await
            .map_err(|e| failed(e.to_string()))?
            .map_err(|e| failed(in_words(&e)))?;
        // Its drop would remove one container after the other, and panics outside of a runtime. The stack removes
        // everything it labelled, all at once, on every way out.
        std::mem::forget(container);
        Ok(())
    }

    fn request(self) -> ContainerRequest<GenericImage> {
        let (name, tag) = split(&self.image);
        let mut request = GenericImage::new(name, tag)
            .with_container_name(self.container)
            .with_network(self.network)
            .with_labels(self.labels)
            .with_cmd(self.command)
            .with_host_config_modifier(|host| host.publish_all_ports = Some(false));
        for (key, value) in self.env {
            request = request.with_env_var(key, value);
        }
        for (host, address) in self.hosts {
            request = request.with_host(host, Host::Addr(std::net::IpAddr::V4(address)));
        }
        for (path, content) in self.files {
            request = request.with_copy_to(path, content);
        }
        if let Some((volume, target)) = self.volume {
            request = request.with_mount(Mount::volume_mount(volume, target));
        }
        if let Some((folder, target)) = self.folder {
            request = request.with_mount(Mount::bind_mount(folder, target));
        }
        request
    }
}

/// testcontainers keeps one client per process, and its connections belong to the runtime that made them. A runtime
/// that ends with one test must not take them from another.
fn runtime() -> std::io::Result<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let made = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("paytwice-launch")
        .enable_all()
        .build()?;
    Ok(RUNTIME.get_or_init(|| made))
}

/// A task that does not outlive the future that waits for it.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> AbortOnDrop<T> {
    async fn wait(mut self) -> Result<T, tokio::task::JoinError> {
        (&mut self.0).await
    }
}

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The chain of causes, innermost last: the outer ones alone say little.
fn in_words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let text = inner.to_string();
        if !words.contains(&text) {
            words.push_str(": ");
            words.push_str(&text);
        }
        source = inner.source();
    }
    words
}
