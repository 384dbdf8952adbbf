//! Starts one container, named, labelled and on the stack's own network.
//! Never: publishes a port, pulls an image, or decides when a container is ready.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use bollard::models::{ContainerCreateBody, HostConfig, Mount, MountType};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, StartContainerOptions, UploadToContainerOptionsBuilder,
};

use super::archive::ImageRoot;
use super::docker::Engine;
use super::error::{Doing, StackError};

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
    /// Creates and starts the container. Its removal is the stack's, by label.
    pub(super) async fn start(self, engine: &Engine) -> Result<(), StackError> {
        let doing = format!("start {} from image {}", self.party, self.image);
        let container = self.container.clone();
        let packed = packed(&self.files).map_err(|cause| StackError::Engine {
            doing: doing.clone(),
            cause: cause.to_string(),
        })?;
        let client = engine.api_client();
        let named = CreateContainerOptionsBuilder::new().name(&container).build();
        let created = client.create_container(Some(named), self.body()).await;
        created.doing(|| doing.clone())?;
        if let Some(packed) = packed {
            let root = UploadToContainerOptionsBuilder::new().path("/").build();
            let body = bollard::body_full(packed.into());
            let copied = client.upload_to_container(&container, Some(root), body).await;
            copied.doing(|| doing.clone())?;
        }
        let started = client.start_container(&container, None::<StartContainerOptions>);
        started.await.doing(|| doing)
    }

    fn body(self) -> ContainerCreateBody {
        let mount = |typ, (source, target): (String, String)| Mount {
            typ: Some(typ),
            source: Some(source),
            target: Some(target),
            ..Mount::default()
        };
        let volume = self.volume.map(|volume| mount(MountType::VOLUME, volume));
        let folder = self.folder.map(|folder| mount(MountType::BIND, folder));
        let hosts = self
            .hosts
            .into_iter()
            .map(|(host, address)| format!("{host}:{address}"));
        let env = self.env.into_iter().map(|(key, value)| format!("{key}={value}"));
        ContainerCreateBody {
            image: Some(self.image),
            env: Some(env.collect()),
            // None is the image's own command.
            cmd: (!self.command.is_empty()).then_some(self.command),
            labels: Some(self.labels),
            host_config: Some(HostConfig {
                network_mode: Some(self.network),
                extra_hosts: Some(hosts.collect()),
                mounts: Some(volume.into_iter().chain(folder).collect()),
                publish_all_ports: Some(false),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        }
    }
}

/// Files as an archive that is unpacked at the root; none where there are no files.
fn packed(files: &[(String, Vec<u8>)]) -> std::io::Result<Option<Vec<u8>>> {
    if files.is_empty() {
        return Ok(None);
    }
    let mut root = ImageRoot::new();
    for (path, content) in files {
        root.file(path, 0o644, content)?;
    }
    root.finish().map(Some)
}
