//! Starting the services of a run: each with its own environment, reaching everything through its links.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;

use super::Testbed;
use super::links::{self, Links};
use crate::dependency::Names;
use crate::plan::manifest::Service;
use crate::plan::{LinkDef, Manifest, Plan, PlanError, Target, try_fill};
use crate::stack::{PartySpec, Place, PortReady};
use crate::sut::RunError;

/// How services reach their dependencies and each other.
pub(super) enum Ways<'a> {
    /// Through the links of the run.
    Links(&'a Links),
    /// Straight, in one network with everything else.
    Direct,
}

/// A run, as its services see it.
pub(super) struct ServicesOf<'a> {
    pub(super) testbed: &'a Testbed,
    pub(super) target: &'a Target,
    pub(super) manifest: &'a Manifest,
    pub(super) plan: &'a Plan,
    pub(super) names: &'a Names,
    pub(super) ways: Ways<'a>,
}

impl ServicesOf<'_> {
    /// Starts every party of every service, side by side, and waits until each is ready.
    pub(super) async fn start(&self) -> Result<(), RunError> {
        let mut parties = Vec::new();
        for (name, service) in &self.manifest.services {
            parties.extend(service.parties(name).into_iter().map(|party| (name, service, party)));
        }
        let starting = parties.into_iter().map(|(name, service, party)| async move {
            let spec = self.spec(name, service, &party).await?;
            self.testbed.stack.launch(spec).await?;
            Ok::<(), RunError>(())
        });
        try_join_all(starting).await?;
        Ok(())
    }

    async fn spec(&self, name: &str, service: &Service, party: &str) -> Result<PartySpec, RunError> {
        let port = service.ports().first().copied().unwrap_or(0);
        let links: Vec<LinkDef> = self
            .target
            .links()
            .into_iter()
            .filter(|def| def.from == party)
            .collect();
        let mut spec = PartySpec::new(party, &self.testbed.image(name), PortReady { port });
        spec.health = service.ready.health(port);
        spec.env = self.environment(service, &links)?;
        spec.files = self.certificates(service, &links).await?;
        spec.own_clock = self.plan.has_own_clock(party);
        if matches!(self.ways, Ways::Links(_)) {
            let gateway = self.testbed.stack.listen_address(party).await?;
            spec.hosts = service.links.iter().map(|to| (to.clone(), gateway)).collect();
            spec.place = Place::Own;
        }
        Ok(spec)
    }

    /// The certificates that a service is told of: that of the run where links end TLS, the server's own without links.
    async fn certificates(&self, service: &Service, links: &[LinkDef]) -> Result<Vec<(String, Vec<u8>)>, RunError> {
        let mut files = Vec::new();
        for def in links {
            let told = format!("${{{}.ca}}", def.to_of);
            if !service.env.values().any(|value| value.contains(&told)) {
                continue;
            }
            let content = match self.ways {
                Ways::Links(links) => {
                    let link = links.get(&def.name);
                    let pem = link.and_then(|link| link.authority_pem()).unwrap_or_default();
                    pem.as_bytes().to_vec()
                }
                Ways::Direct => self.testbed.dependencies.certificate(&def.to_of).await?,
            };
            files.push((certificate_path(&def.to_of), content));
        }
        Ok(files)
    }

    fn environment(&self, service: &Service, links: &[LinkDef]) -> Result<BTreeMap<String, String>, PlanError> {
        let addr = |to: &str| {
            // `cache.6379`: another port than the first one.
            let (to, port) = match to.split_once('.') {
                Some((to, port)) => (to, Some(port.parse().ok()?)),
                None => (to, None),
            };
            let def = links.iter().find(|def| def.to_of == to)?;
            match self.ways {
                Ways::Links(links) => links::host_port(self.target, links, def, port),
                Ways::Direct => links::direct(self.testbed.stack.as_ref(), self.target, def, port),
            }
        };
        let lookup = |placeholder: &str| {
            if let Some(to) = placeholder.strip_suffix(".addr") {
                return addr(to);
            }
            if let Some(to) = placeholder.strip_suffix(".ca") {
                return Some(certificate_path(to));
            }
            match placeholder.split_once('.')? {
                ("database" | "topic" | "group", own) => Some(self.names.own(own)),
                ("policy", policy) => self.plan.policies.get(policy).cloned(),
                _ => None,
            }
        };
        let fill_one = |(key, value): (&String, &String)| Ok((key.clone(), try_fill(value, &lookup)?));
        service.env.iter().map(fill_one).collect()
    }
}

/// Where a service finds the certificate that it must trust to verify one of its links.
fn certificate_path(to: &str) -> String {
    format!("/paytwice/{to}-ca.pem")
}
