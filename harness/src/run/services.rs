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
        match placeholder.split_once('.')? {
            ("database" | "topic" | "group", own) => Some(names.own(own)),
            ("policy", policy) => plan.policies.get(policy).cloned(),
            _ => None,
        }
    };
    let fill_one = |(key, value): (&String, &String)| Ok((key.clone(), try_fill(value, &lookup)?));
    manifest.services[name].env.iter().map(fill_one).collect()
}
