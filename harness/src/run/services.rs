//! Starting the services of a run: each with its own environment, reaching everything through its links.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::try_join_all;

use super::links::{host_port, link_name};
use super::{Names, Observer, RunError, Stage};
use crate::plan::manifest::Service;
use crate::plan::{Manifest, Plan, PlanError, try_fill};
use crate::stack::ServiceSpec;
use crate::wire::Link;

/// Starts every service, side by side, and waits until each is ready.
pub(super) async fn start(
    stage: &Stage,
    manifest: &Manifest,
    plan: &Plan,
    names: &Names,
    links: &BTreeMap<String, Arc<Link>>,
    observer: &Observer,
) -> Result<(), RunError> {
    let starting = manifest.services.iter().map(|(name, service)| async move {
        let gateway = stage.stack.gateway(name).await?;
        let spec = ServiceSpec {
            name: name.clone(),
            image: stage.image(name),
            env: environment(name, service, plan, names, links)?,
            extra_hosts: service.links.iter().map(|to| (to.clone(), gateway)).collect(),
            port: service.port,
            ready_path: service.ready.clone(),
        };
        let started = stage.stack.start_service(spec).await?;
        observer.detail(format!("{name} ready after {:.1} s", started.ready_after.as_secs_f64()));
        Ok::<(), RunError>(())
    });
    try_join_all(starting).await?;
    Ok(())
}

fn environment(
    name: &str,
    service: &Service,
    plan: &Plan,
    names: &Names,
    links: &BTreeMap<String, Arc<Link>>,
) -> Result<BTreeMap<String, String>, PlanError> {
    let lookup = |placeholder: &str| {
        if let Some(to) = placeholder.strip_suffix(".addr") {
            return host_port(to, links.get(&link_name(name, to))?);
        }
        match placeholder.split_once('.')? {
            ("database" | "topic" | "group", own) => Some(names.own(own)),
            ("policy", policy) => plan.policies.get(policy).cloned(),
            _ => None,
        }
    };
    let fill_one = |(key, value): (&String, &String)| Ok((key.clone(), try_fill(value, &lookup)?));
    service.env.iter().map(fill_one).collect()
}
