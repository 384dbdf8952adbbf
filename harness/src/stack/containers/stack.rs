//! What every stack can do, done with containers.
//! Never: leaves a container that it was asked to remove.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Instant;

use async_trait::async_trait;
use bollard::query_parameters::RemoveContainerOptionsBuilder;

use super::error::{StackError, explain, is_absent};
use super::party::{LOOK_EVERY, PROBE_EVERY, PROBE_TIMEOUT, READY_TIMEOUT, is_running};
use super::{ContainerStack, LABEL_STACK, Party, archive, blocking, images};
use crate::stack::{
    Clock, Disk, Evidence, ExitInfo, Fallen, ImageChoice, Kill, Limits, Packets, PartySpec, Pause, Stack, Started,
};

#[async_trait]
impl Stack for ContainerStack {
    async fn launch(&self, spec: PartySpec) -> Result<Started, StackError> {
        let begun = Instant::now();
        let name = spec.name.clone();
        self.remove(&name).await?;
        self.start_container(spec).await?;
        Ok(Started {
            address: self.party(&name)?.address,
            ready_after: begun.elapsed(),
        })
    }

    async fn remove(&self, party: &str) -> Result<(), StackError> {
        self.parties().remove(party);
        let force = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        let client = self.engine.api_client();
        match client.remove_container(&self.id.name_of(party), Some(force)).await {
            Ok(()) => Ok(()),
            Err(error) if is_absent(&error) => Ok(()),
            Err(error) => Err(StackError::Engine {
                doing: format!("remove {party}"),
                cause: explain(&error),
            }),
        }
    }

    async fn renew(&self, party: &str) -> Result<(), StackError> {
        let spec = self.party(party)?.spec;
        self.remove(party).await?;
        if let Some(disk) = self.disk_of(party) {
            blocking(move || disk.renew()).await?;
        }
        self.remove_volume(party).await?;
        self.start_container(spec).await
    }

    async fn image(
        &self,
        dependency: &str,
        named: Option<&str>,
        usual: Option<&ImageChoice>,
    ) -> Result<String, StackError> {
        images::resolve(&self.engine, dependency, named, usual).await
    }

    fn host_name(&self, party: &str) -> String {
        self.id.name_of(party)
    }

    async fn listen_address(&self, party: &str) -> Result<Ipv4Addr, StackError> {
        Ok(self.network(party).await?.gateway)
    }

    async fn exec(&self, party: &str, command: &[String]) -> Result<(i64, String), StackError> {
        self.engine.exec(&self.party(party)?.container, command).await
    }

    async fn log_since_start(&self, party: &str) -> Result<String, StackError> {
        self.engine.log_since_start(&self.party(party)?.container).await
    }

    async fn read_file(&self, party: &str, path: &str) -> Result<Vec<u8>, StackError> {
        archive::read_file(&self.engine, &self.party(party)?.container, path, party).await
    }

    async fn save_files(&self, party: &str, from: &str, to: &Path) -> Result<usize, StackError> {
        archive::extract_logs(&self.engine, &self.party(party)?.container, from, to, party).await
    }

    fn attach_logs(&self, folder: &Path) -> Result<(), StackError> {
        self.logs.attach(folder)
    }

    fn detach_logs(&self) {
        self.logs.detach();
    }

    fn keep(&self) {
        self.leftovers.keep();
    }

    async fn down(&self) -> Result<(), StackError> {
        self.leftovers.remove(&self.engine).await
    }

    fn as_kill(&self) -> Option<&dyn Kill> {
        Some(self)
    }

    fn as_pause(&self) -> Option<&dyn Pause> {
        Some(self)
    }

    fn as_disk(&self) -> Option<&dyn Disk> {
        Some(self)
    }

    fn as_limits(&self) -> Option<&dyn Limits> {
        Some(self)
    }

    fn as_clock(&self) -> Option<&dyn Clock> {
        Some(self)
    }

    fn as_packets(&self) -> Option<&dyn Packets> {
        Some(self)
    }

    async fn bring_back(&self, party: &str) -> Result<Evidence, StackError> {
        self.lift_limits(party).await?;
        self.restore_disk(party).await?;
        if self.is_running(party).await? {
            self.unpause(party).await
        } else {
            self.start(party).await
        }
    }

    async fn await_ready(&self, party: &str) -> Result<(), StackError> {
        let begun = Instant::now();
        let mut looked = Instant::now();
        loop {
            let target = self.party(party)?;
            let Err(cause) = self.ask(&target, PROBE_TIMEOUT).await else {
                return Ok(());
            };
            if looked.elapsed() >= LOOK_EVERY {
                looked = Instant::now();
                if !is_running(&self.state(&target).await?) {
                    return Err(self.died(&target).await?);
                }
            }
            if begun.elapsed() > READY_TIMEOUT {
                return Err(self.not_ready(&target, begun.elapsed(), cause).await);
            }
            tokio::time::sleep(PROBE_EVERY).await;
        }
    }

    async fn is_running(&self, party: &str) -> Result<bool, StackError> {
        Ok(is_running(&self.state(&self.party(party)?).await?))
    }

    async fn exit_info(&self, party: &str) -> Result<Option<ExitInfo>, StackError> {
        let target = self.party(party)?;
        let state = self.state(&target).await?;
        if is_running(&state) {
            return Ok(None);
        }
        Ok(Some(self.exit_of(&target, &state).await))
    }

    async fn fallen(&self) -> Result<Vec<Fallen>, StackError> {
        let expected: Vec<Party> = self.parties().values().cloned().collect();
        let running = self.engine.running(&format!("{LABEL_STACK}={}", self.id)).await?;
        let mut fallen = Vec::new();
        for party in expected {
            // Between the two looks it may have been stopped here, or replaced by a fresh one.
            let still = |p: &Party| p.down_on_purpose == party.down_on_purpose && p.kills == party.kills;
            let asked_for = !self.parties().get(&party.name).is_some_and(still);
            match running.get(&party.container) {
                _ if asked_for => {}
                Some(true) => {}
                Some(false) if party.down_on_purpose => {}
                Some(false) => fallen.push(Fallen::Ended(party.name)),
                None => fallen.push(Fallen::Removed {
                    party: party.name,
                    container: party.container,
                }),
            }
        }
        Ok(fallen)
    }

    fn party_names(&self) -> Vec<String> {
        self.parties().keys().cloned().collect()
    }

    fn addr(&self, party: &str, port: u16) -> Result<SocketAddr, StackError> {
        Ok(SocketAddr::from((self.party(party)?.address, port)))
    }
}
