//! The links of a run: one per (party of a service, dependency), per (party, party of another service) and per party
//! that clients call.
//!
//! A party's links listen on the gateway of its own network under the usual ports; clients' links on loopback.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use crate::dependency::manifest::Dependency;
use crate::dependency::{Databases, Leg, Names};
use crate::plan::{CLIENT, LinkDef, Manifest, PlanError, Target};
use crate::record::Recorder;
use crate::stack::{Ready, Stack, StackError};
use crate::sut::RunError;
use crate::wire::{
    Authority, Correlation, Gates, HttpGet, LegSpec, Link, LinkProbe, LinkSpec, Protocol, Tables, WireDetail,
};

/// All links of a run by name.
pub(super) type Links = BTreeMap<String, Arc<Link>>;

/// Opens every link. Those to services lead nowhere until [`point_at_services`] is called.
pub(super) async fn open(
    stack: &dyn Stack,
    target: &Target,
    manifest: &Manifest,
    names: &Names,
    gates: &Gates,
    detail: WireDetail,
    recorder: &Recorder,
) -> Result<Links, RunError> {
    let correlation = correlation(manifest, names)?;
    let authority = authority(manifest)?;
    let mut links = Links::new();
    for def in target.links() {
        let ip = match def.from == CLIENT {
            true => Ipv4Addr::LOCALHOST,
            false => stack.listen_address(&def.from).await?,
        };
        let spec = LinkSpec {
            name: def.name.clone(),
            from: def.from.clone(),
            gates: gates.clone(),
            detail,
            legs: leg_specs(stack, target, &def, IpAddr::V4(ip), authority.as_ref())?,
            correlation: correlation.clone(),
            advertise: None,
        };
        let link = Link::open(spec, Arc::new(recorder.clone())).await?;
        links.insert(def.name, Arc::new(link));
    }
    Ok(links)
}

/// Where keys stand in what crosses the links.
fn correlation(manifest: &Manifest, names: &Names) -> Result<Correlation, PlanError> {
    let mut correlation = Correlation {
        names: names.to_manifest(&manifest.dependencies),
        ..Correlation::default()
    };
    for (name, key) in &manifest.keys {
        // A template without the key names points, and nothing else.
        let own = format!("{{{name}}}");
        let names_points = |place: &&str| {
            place
                .strip_prefix("path:")
                .is_some_and(|template| !template.contains(&own))
        };
        let (paths, places): (Vec<&str>, Vec<&str>) = key.at.iter().map(String::as_str).partition(names_points);
        correlation.paths.extend(
            paths
                .iter()
                .filter_map(|place| Some(place.strip_prefix("path:")?.to_owned())),
        );
        correlation = correlation
            .with_key(name, &places)
            .map_err(|problem| PlanError::value("keys", problem))?;
    }
    Ok(correlation)
}

/// Who vouches for the links of the run that end TLS; None where none does.
fn authority(manifest: &Manifest) -> Result<Option<Authority>, RunError> {
    let ends_tls = manifest.dependencies.values().any(Dependency::ends_tls);
    Ok(if ends_tls { Some(Authority::new()?) } else { None })
}

/// The legs of a link: those of the dependency, or one for each port of the service.
fn legs(target: &Target, def: &LinkDef) -> Vec<Leg> {
    if let Some(of) = target.declared(&def.to_of) {
        return of.entry.kind.facts().legs(of);
    }
    let service = target.manifest.services.get(&def.to_of);
    let ports = service.map_or_else(Vec::new, |service| service.ports());
    let leg = |port: u16| Leg {
        name: port.to_string(),
        party: def.to.clone(),
        port,
        usual_port: port,
        protocol: Protocol::Http,
        announced: false,
    };
    ports.into_iter().map(leg).collect()
}

fn leg_specs(
    stack: &dyn Stack,
    target: &Target,
    def: &LinkDef,
    ip: IpAddr,
    authority: Option<&Authority>,
) -> Result<Vec<LegSpec>, RunError> {
    let manifest = &target.manifest;
    // A service that is told the address follows it to any port; one that was not knows only the usual one.
    let told = |leg: &Leg| {
        let words = [
            format!("${{{}.addr}}", def.to_of),
            format!("${{{}.{}.addr}}", def.to_of, leg.usual_port),
        ];
        let service = manifest.services.get(&def.from_of);
        service.is_none_or(|service| {
            service
                .env
                .values()
                .any(|value| words.iter().any(|word| value.contains(word)))
        })
    };
    // Where two links of a party have one usual port, it is for the one whose address is not told.
    let others = target
        .links()
        .into_iter()
        .filter(|other| other.from == def.from && other.name != def.name);
    let others: Vec<u16> = others
        .flat_map(|other| legs(target, &other))
        .map(|leg| leg.usual_port)
        .collect();
    let free = |leg: &Leg| def.from == CLIENT || (told(leg) && others.contains(&leg.usual_port));
    let dependency = manifest.dependencies.get(&def.to_of);
    let ends_tls = authority.filter(|_| dependency.is_some_and(Dependency::ends_tls));
    let mut specs = Vec::new();
    for leg in legs(target, def) {
        specs.push(LegSpec {
            // Services are started later: see `point_at_services`.
            upstream: match dependency {
                Some(_) => Some(stack.addr(&leg.party, leg.port)?),
                None => None,
            },
            tls: match ends_tls {
                Some(authority) => Some(authority.for_leg(&[def.to.clone(), ip.to_string()])?),
                None => None,
            },
            // Several clients' links share loopback: any free port will do there.
            listen: SocketAddr::new(ip, if free(&leg) { 0 } else { leg.usual_port }),
            fixed_port: !leg.announced && !told(&leg),
            name: leg.name,
            party: leg.party,
            protocol: leg.protocol,
        });
    }
    Ok(specs)
}

/// Tells each link the columns of the tables behind it, as they stand now. A table that two databases have with different
/// columns is left out.
pub(super) async fn learn_tables(target: &Target, links: &Links, databases: &Databases) {
    for def in target.links() {
        let (Some(link), Some(dependency)) = (links.get(&def.name), target.manifest.dependencies.get(&def.to_of))
        else {
            continue;
        };
        let mut all = Tables::new();
        let mut unclear = BTreeSet::new();
        for (name, database) in databases
            .iter()
            .filter(|(name, _)| dependency.databases.contains_key(*name))
        {
            let tables = database.tables().await.unwrap_or_else(|error| {
                tracing::warn!(link = def.name, database = name, %error, "the columns of tables are not known");
                Tables::new()
            });
            for (table, columns) in tables {
                if all.get(&table).is_some_and(|other| *other != columns) {
                    unclear.insert(table.clone());
                }
                all.insert(table, columns);
            }
        }
        all.retain(|table, _| !unclear.contains(table));
        link.learn_tables(all);
    }
}

/// Has the links to services lead to their processes, which run by now.
pub(super) fn point_at_services(stack: &dyn Stack, target: &Target, links: &Links) -> Result<(), RunError> {
    for def in target.links() {
        let Some(link) = links
            .get(&def.name)
            .filter(|_| target.manifest.services.contains_key(&def.to_of))
        else {
            continue;
        };
        for leg in legs(target, &def) {
            link.set_upstream(&leg.name, stack.addr(&leg.party, leg.port)?);
        }
    }
    Ok(())
}

/// How a service names the other end of one of its links: the usual host name, and the port that the link got. `port`
/// is the usual port of the leg, where it is not the first one.
pub(super) fn host_port(target: &Target, links: &Links, def: &LinkDef, port: Option<u16>) -> Option<String> {
    let leg = leg_at(target, def, port)?;
    let bound = links.get(&def.name)?.listen_addr(&leg.name)?;
    Some(format!("{}:{}", def.to_of, bound.port()))
}

/// The other end of a link as a service beside it reaches it, past every link.
pub(super) fn direct(stack: &dyn Stack, target: &Target, def: &LinkDef, port: Option<u16>) -> Option<String> {
    let leg = leg_at(target, def, port)?;
    Some(format!("{}:{}", stack.host_name(&leg.party), leg.port))
}

fn leg_at(target: &Target, def: &LinkDef, port: Option<u16>) -> Option<Leg> {
    let mut legs = legs(target, def).into_iter();
    legs.find(|leg| port.is_none_or(|port| leg.usual_port == port))
}

/// Where clients call each service when there are no links: every party of it.
pub(super) fn direct_bases(
    stack: &dyn Stack,
    manifest: &Manifest,
) -> Result<BTreeMap<String, Vec<String>>, StackError> {
    let mut bases = BTreeMap::new();
    for (name, service) in &manifest.services {
        let Some(port) = service.ports().first().copied() else {
            continue;
        };
        let parties = service.parties(name).into_iter();
        let each = parties.map(|party| Ok(format!("http://{}", stack.addr(&party, port)?)));
        bases.insert(name.clone(), each.collect::<Result<Vec<_>, StackError>>()?);
    }
    Ok(bases)
}

/// How to ask through each link.
pub(super) fn probes(target: &Target, links: &Links) -> BTreeMap<String, LinkProbe> {
    let probe = |def: LinkDef| {
        let leg = legs(target, &def).into_iter().next()?;
        let addr = links.get(&def.name)?.listen_addr(&leg.name)?;
        let question = match target.declared(&def.to_of) {
            Some(of) => of.entry.kind.facts().question(addr),
            None => {
                let path = match &target.manifest.services.get(&def.to_of)?.ready {
                    Ready::Http(path) => path.clone(),
                    // Any status is an answer.
                    _ => "/".to_owned(),
                };
                Arc::new(HttpGet { addr, path })
            }
        };
        Some((def.name, LinkProbe::new(question)))
    };
    target.links().into_iter().filter_map(probe).collect()
}

/// Where clients call each service: every party of it.
pub(super) fn client_bases(target: &Target, links: &Links) -> BTreeMap<String, Vec<String>> {
    let mut bases: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for def in target.links().into_iter().filter(|def| def.from == CLIENT) {
        let leg = leg_at(target, &def, None);
        let bound = leg.and_then(|leg| links.get(&def.name)?.listen_addr(&leg.name));
        if let Some(bound) = bound {
            bases.entry(def.to_of).or_default().push(format!("http://{bound}"));
        }
    }
    bases
}

/// Ends every link; nothing of them runs any more when this returns.
pub(super) async fn close(links: Links) {
    for link in links.into_values() {
        if let Some(link) = Arc::into_inner(link) {
            link.close().await;
        }
    }
}
