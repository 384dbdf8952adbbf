//! The links of a run: one per (service, dependency), per (service, service) and per service that clients call.
//!
//! A service's links listen on the gateway of its own network under the usual ports; clients' links on loopback.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use super::{Names, RunError};
use crate::fault::LinkProbe;
use crate::plan::manifest::{Dependency, DependencyKind, Service};
use crate::plan::{LinkDef, LinkKind, Manifest, Target, WireDetail};
use crate::record::Recorder;
use crate::stack::ContainerStack;
use crate::wire::{Authority, Correlation, Gates, LegSpec, Link, LinkSpec, Place, Protocol};

/// The one leg of a link that is no RocketMQ link.
const ONLY_LEG: &str = "main";
/// The legs of a RocketMQ link, with the party behind each and its port there.
const NAME_SERVER: (&str, &str) = ("name-server", "namesrv");
const BROKER: (&str, &str, u16) = ("broker", "broker", 10911);
/// The name server's own port.
const NAME_SERVER_PORT: u16 = 9876;
/// The party behind a MySQL link, and its port.
const MYSQL: &str = "mysql";
const MYSQL_PORT: u16 = 3306;

/// All links of a run by name.
pub(super) type Links = BTreeMap<String, Arc<Link>>;

/// Addresses of services, one for each replica.
pub(super) type Bases = BTreeMap<String, Vec<String>>;

/// The name of a link.
pub(super) fn link_name(from: &str, to: &str) -> String {
    format!("{from}->{to}")
}

/// Opens every link. Those to services lead nowhere until [`point_at_services`] is called.
pub(super) async fn open(
    stack: &ContainerStack,
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
        let ip = match manifest.services.contains_key(&def.from) {
            true => stack.gateway(&def.from).await?,
            false => Ipv4Addr::LOCALHOST,
        };
        let spec = LinkSpec {
            name: def.name.clone(),
            from: def.from.clone(),
            gates: gates.clone(),
            detail,
            legs: legs(stack, manifest, &def, IpAddr::V4(ip), authority.as_ref())?,
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
        names: names.to_manifest(manifest),
        ..Correlation::default()
    };
    for (name, key) in &manifest.keys {
        // A template without the key names points, and nothing else.
        let own = format!("{{{name}}}");
        let names_points = |place: &&str| place.strip_prefix("path:").is_some_and(|template| !template.contains(&own));
        let (paths, places): (Vec<&str>, Vec<&str>) = key.at.iter().map(String::as_str).partition(names_points);
        correlation.paths.extend(paths.iter().filter_map(|place| Some(place.strip_prefix("path:")?.to_owned())));
        correlation = correlation.with_key(name, &places).map_err(|problem| PlanError::value("keys", problem))?;
    }
    Ok(correlation)
}

/// Who vouches for the links of the run that end TLS; None where none does.
fn authority(manifest: &Manifest) -> Result<Option<Authority>, RunError> {
    let ends_tls = manifest.dependencies.values().any(Dependency::ends_tls);
    Ok(if ends_tls { Some(Authority::new()?) } else { None })
}

fn legs(
    stack: &ContainerStack,
    manifest: &Manifest,
    def: &LinkDef,
    ip: IpAddr,
    authority: Option<&Authority>,
) -> Result<Vec<LegSpec>, RunError> {
    // A service that is told the address follows it to any port; one that was not knows only the usual one.
    let told = format!("${{{}.addr}}", def.to);
    let fixed_port = manifest
        .services
        .get(&def.from)
        .is_some_and(|service| !service.env.values().any(|value| value.contains(&told)));
    let leg = |name: &str, party: &str, port: u16, upstream: Option<SocketAddr>, protocol: Protocol| LegSpec {
        name: name.to_owned(),
        party: party.to_owned(),
        listen: SocketAddr::new(ip, port),
        fixed_port,
        upstream,
        protocol,
        tls: None,
    };
    let usual = |name: &str| manifest.dependencies.get(name).map_or(0, |d| d.port);
    Ok(match def.kind {
        LinkKind::Http => {
            // Several clients' links share loopback: any free port will do there.
            let from_client = !manifest.services.contains_key(&def.from);
            let port = if from_client {
                0
            } else {
                manifest.services[&def.to].port
            };
            vec![leg(ONLY_LEG, &def.to, port, None, Protocol::Http)]
        }
        LinkKind::Mysql => {
            let mysql = stack.addr(MYSQL, MYSQL_PORT)?;
            let ends_tls = manifest.dependencies.get(&def.to).is_some_and(Dependency::ends_tls);
            let tls = match authority.filter(|_| ends_tls) {
                Some(authority) => Some(authority.for_leg(&[def.to.clone(), ip.to_string()])?),
                None => None,
            };
            vec![LegSpec {
                tls,
                ..leg(ONLY_LEG, MYSQL, usual(&def.to), Some(mysql), Protocol::MySql)
            }]
        }
        LinkKind::Rocketmq => {
            let name_server = stack.addr(NAME_SERVER.1, NAME_SERVER_PORT)?;
            let broker = stack.addr(BROKER.1, BROKER.2)?;
            vec![
                leg(
                    NAME_SERVER.0,
                    NAME_SERVER.1,
                    usual(&def.to),
                    Some(name_server),
                    Protocol::RocketMq,
                ),
                // Clients learn the broker's port from the route answer, so any port will do.
                LegSpec {
                    fixed_port: false,
                    ..leg(BROKER.0, BROKER.1, BROKER.2, Some(broker), Protocol::RocketMq)
                },
            ]
        }
    })
}

/// Has the links to services lead to their containers, which exist by now.
pub(super) fn point_at_services(stack: &ContainerStack, target: &Target, links: &Links) -> Result<(), RunError> {
    for def in target.links() {
        if let (Some(service), Some(link)) = (target.manifest.services.get(&def.to), links.get(&def.name)) {
            link.set_upstream(ONLY_LEG, stack.addr(&def.to, service.port)?);
        }
    }
    Ok(())
}

/// How a service names the other end of one of its links: the usual host name, and the port that the link got.
pub(super) fn host_port(to: &str, link: &Link) -> Option<String> {
    let bound = link.listen_addr(ONLY_LEG).or_else(|| link.listen_addr(NAME_SERVER.0))?;
    Some(format!("{to}:{}", bound.port()))
}

/// The party, and its port, that a service means by one of its links.
pub(super) fn party_behind<'a>(manifest: &'a Manifest, to: &'a str) -> Option<(&'a str, u16)> {
    if let Some(service) = manifest.services.get(to) {
        return Some((to, service.port));
    }
    Some(match manifest.dependencies.get(to)?.kind {
        DependencyKind::Mysql => (MYSQL, MYSQL_PORT),
        DependencyKind::Rocketmq => (NAME_SERVER.1, NAME_SERVER_PORT),
    })
}

/// Where each service is called past its links, one address for each replica.
pub(super) fn direct_bases(stack: &ContainerStack, manifest: &Manifest) -> Result<Bases, RunError> {
    let base = |(name, service): (&String, &Service)| {
        let base = format!("http://{}", stack.addr(name, service.port)?);
        Ok((name.clone(), vec![base]))
    };
    manifest.services.iter().map(base).collect()
}

/// How to ask through each link.
pub(super) fn probes(target: &Target, links: &Links) -> BTreeMap<String, LinkProbe> {
    let probe = |def: LinkDef| {
        let link = links.get(&def.name)?;
        let only = link.listen_addr(ONLY_LEG);
        let probe = match def.kind {
            LinkKind::Http => LinkProbe::Http {
                addr: only?,
                path: target.manifest.services.get(&def.to)?.ready.clone(),
            },
            LinkKind::Mysql => LinkProbe::Mysql { addr: only? },
            LinkKind::Rocketmq => LinkProbe::Rocketmq {
                addr: link.listen_addr(NAME_SERVER.0)?,
            },
        };
        Some((def.name, probe))
    };
    target.links().into_iter().filter_map(probe).collect()
}

/// Where clients call each service, one address for each replica.
pub(super) fn client_bases(target: &Target, links: &Links) -> Bases {
    let mut bases = Bases::new();
    for def in target
        .links()
        .into_iter()
        .filter(|def| !target.manifest.services.contains_key(&def.from))
    {
        if let Some(bound) = links.get(&def.name).and_then(|link| link.listen_addr(ONLY_LEG)) {
            bases.entry(def.to).or_default().push(format!("http://{bound}"));
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
