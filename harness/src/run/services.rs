//! Starting the services of a run: each with its own environment, reaching everything through its links.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;

use super::links::{self, Links};
use super::{Names, RunError, Stage};
use crate::plan::{Manifest, Plan, PlanError, try_fill};
use crate::stack::ServiceSpec;

/// How services reach their dependencies and each other.
pub(super) enum Ways<'a> {
    /// Through the links of the run.
    Links(&'a Links),
    /// Straight, in one network with everything else.
    Direct,
}

/// Starts every service, side by side, and waits until each is ready.
pub(super) async fn start(
    stage: &Stage,
    manifest: &Manifest,
    plan: &Plan,
    names: &Names,
    ways: &Ways<'_>,
) -> Result<(), RunError> {
    let starting = manifest.services.iter().map(|(name, service)| async move {
        let direct = matches!(ways, Ways::Direct);
        let mut extra_hosts = BTreeMap::new();
        if !direct {
            let gateway = stage.stack.gateway(name).await?;
            extra_hosts = service.links.iter().map(|to| (to.clone(), gateway)).collect();
        }
        let spec = ServiceSpec {
            name: name.clone(),
            image: stage.image(name),
            env: environment(stage, manifest, name, plan, names, ways)?,
            files: certificates(stage, manifest, name, ways).await?,
            extra_hosts,
            port: service.port,
            ready_path: service.ready.clone(),
            beside_dependencies: direct,
            own_clock: plan.has_own_clock(name),
        };
        stage.stack.start_service(spec).await?;
        Ok::<(), RunError>(())
    });
    try_join_all(starting).await?;
    Ok(())
}

/// Where a service finds the certificate that it must trust to verify one of its links.
fn certificate_path(to: &str) -> String {
    format!("/paytwice/{to}-ca.pem")
}

/// The certificates that a service is told of: that of the run where links end TLS, the server's own without links.
async fn certificates(
    stage: &Stage,
    manifest: &Manifest,
    name: &str,
    ways: &Ways<'_>,
) -> Result<Vec<(String, Vec<u8>)>, RunError> {
    let service = &manifest.services[name];
    let mut files = Vec::new();
    for to in &service.links {
        let told = format!("${{{to}.ca}}");
        if !service.env.values().any(|value| value.contains(&told)) {
            continue;
        }
        let content = match ways {
            Ways::Links(links) => {
                let link = links.get(&links::link_name(name, to));
                let pem = link.and_then(|link| link.authority_pem()).unwrap_or_default();
                pem.as_bytes().to_vec()
            }
            Ways::Direct => stage.stack.mysql_certificate().await?,
        };
        files.push((certificate_path(to), content));
    }
    Ok(files)
}

fn environment(
    stage: &Stage,
    manifest: &Manifest,
    name: &str,
    plan: &Plan,
    names: &Names,
    ways: &Ways<'_>,
) -> Result<BTreeMap<String, String>, PlanError> {
    let addr = |to: &str| match ways {
        Ways::Links(links) => links::host_port(to, links.get(&links::link_name(name, to))?),
        Ways::Direct => {
            let (party, port) = links::party_behind(manifest, to)?;
            Some(format!("{}:{port}", stage.stack.host_name(party)))
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
            ("database" | "topic" | "group", own) => Some(names.own(own)),
            ("policy", policy) => plan.policies.get(policy).cloned(),
            _ => None,
        }
    };
    let fill_one = |(key, value): (&String, &String)| Ok((key.clone(), try_fill(value, &lookup)?));
    manifest.services[name].env.iter().map(fill_one).collect()
}
