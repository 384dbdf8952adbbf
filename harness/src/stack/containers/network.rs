//! The networks of a stack: small, with no way out, and with subnets that collide with nobody's.
//! Never: takes a subnet that a route of this machine or another network uses.

use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::Ipv4Addr;

use bollard::models::{Ipam, IpamConfig, NetworkCreateRequest};
use bollard::query_parameters::ListNetworksOptions;

use super::docker::Engine;
use super::error::{Doing, StackError, explain};
use super::owner::StackId;

const POOL_DEFAULT: &str = "10.213.0.0/16";
const POOL_VARIABLE: &str = "PAYTWICE_SUBNET_POOL";
/// 14 addresses: a gateway and far more parties than one network has.
const PREFIX: u8 = 28;
const ATTEMPTS: u32 = 64;

/// A network that exists.
#[derive(Clone, Debug)]
pub(super) struct StackNetwork {
    pub name: String,
    /// The host's own address in it: where links listen.
    pub gateway: Ipv4Addr,
}

/// Makes one network for `party`, internal to the stack.
pub(super) async fn create(engine: &Engine, stack: &StackId, party: &str) -> Result<StackNetwork, StackError> {
    let name = stack.name_of(party);
    let pool_text = std::env::var(POOL_VARIABLE).unwrap_or_else(|_| POOL_DEFAULT.to_string());
    let no_subnet = |cause: &str| StackError::NoSubnet {
        network: name.clone(),
        pool: pool_text.clone(),
        cause: cause.to_string(),
    };
    let pool = Subnet::parse(&pool_text)
        .filter(|pool| pool.prefix <= PREFIX)
        .ok_or_else(|| no_subnet("not a subnet of at least 16 addresses"))?;
    let taken = taken_subnets(engine).await?;

    let mut cause = "every subnet is in use".to_string();
    for subnet in candidates(pool, &name)
        .filter(|s| !taken.iter().any(|t| t.overlaps(*s)))
        .take(ATTEMPTS as usize)
    {
        match engine
            .api_client()
            .create_network(request(&name, stack, party, subnet))
            .await
        {
            Ok(_) => {
                return Ok(StackNetwork {
                    name,
                    gateway: subnet.first_host(),
                });
            }
            // Another process was faster, or the engine knows of a use that we do not see.
            Err(error) if is_overlap(&explain(&error)) => cause = explain(&error),
            Err(error) => {
                return Err(StackError::Engine {
                    doing: format!("create network {name}"),
                    cause: explain(&error),
                });
            }
        }
    }
    Err(no_subnet(&cause))
}

/// Whether links can listen at the gateway: the engine's networks must be this machine's own.
pub(super) fn check_is_here(network: &StackNetwork) -> Result<(), StackError> {
    let gateway = network.gateway;
    std::net::UdpSocket::bind((gateway, 0))
        .map(|_| ())
        .map_err(|cause| StackError::NotHere { gateway, cause })
}

fn request(name: &str, stack: &StackId, party: &str, subnet: Subnet) -> NetworkCreateRequest {
    NetworkCreateRequest {
        name: name.to_string(),
        driver: Some("bridge".to_string()),
        internal: Some(true),
        labels: Some(stack.labels(party)),
        ipam: Some(Ipam {
            config: Some(vec![IpamConfig {
                subnet: Some(subnet.to_string()),
                gateway: Some(subnet.first_host().to_string()),
                ..IpamConfig::default()
            }]),
            ..Ipam::default()
        }),
        ..NetworkCreateRequest::default()
    }
}

fn is_overlap(message: &str) -> bool {
    message.contains("overlap")
}

/// Subnets of the pool in an order that differs from network to network, so that two processes seldom meet.
fn candidates(pool: Subnet, name: &str) -> impl Iterator<Item = Subnet> + use<> {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    let count = 1u32 << (PREFIX - pool.prefix).min(31);
    let start = (hasher.finish() % u64::from(count)) as u32;
    (0..count).map(move |step| Subnet {
        base: pool.base + ((start + step) % count) * (1 << (32 - PREFIX)),
        prefix: PREFIX,
    })
}

async fn taken_subnets(engine: &Engine) -> Result<Vec<Subnet>, StackError> {
    let networks = engine
        .api_client()
        .list_networks(None::<ListNetworksOptions>)
        .await
        .doing(|| "list networks".to_string())?;
    let of_engine = networks
        .into_iter()
        .filter_map(|network| network.ipam?.config)
        .flatten()
        .filter_map(|config| Subnet::parse(&config.subnet?));
    let routes = std::fs::read_to_string("/proc/net/route").unwrap_or_default();
    Ok(of_engine
        .chain(routes.lines().filter_map(Subnet::parse_route))
        .collect())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Subnet {
    base: u32,
    prefix: u8,
}

impl Subnet {
    fn new(base: u32, prefix: u8) -> Subnet {
        Subnet {
            base: base & mask(prefix),
            prefix,
        }
    }

    fn parse(text: &str) -> Option<Subnet> {
        let (address, prefix) = text.trim().split_once('/')?;
        let prefix = prefix.parse().ok().filter(|p| *p <= 32)?;
        Some(Subnet::new(address.parse::<Ipv4Addr>().ok()?.to_bits(), prefix))
    }

    /// A line of the kernel's table; the default route, which covers everything, is no use of a subnet.
    fn parse_route(line: &str) -> Option<Subnet> {
        let mut fields = line.split_whitespace().skip(1);
        let base = u32::from_str_radix(fields.next()?, 16).ok()?.swap_bytes();
        let mask = u32::from_str_radix(fields.nth(5)?, 16).ok()?.swap_bytes();
        (mask != 0).then(|| Subnet::new(base, mask.leading_ones() as u8))
    }

    fn overlaps(self, other: Subnet) -> bool {
        let shared = mask(self.prefix.min(other.prefix));
        self.base & shared == other.base & shared
    }

    fn first_host(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.base + 1)
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from_bits(self.base), self.prefix)
    }
}

fn mask(prefix: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(text: &str) -> Subnet {
        Subnet::parse(text).unwrap()
    }

    #[test]
    fn overlap_is_symmetric_and_exact() {
        assert!(subnet("10.0.0.0/8").overlaps(subnet("10.213.4.16/28")));
        assert!(subnet("10.213.4.16/28").overlaps(subnet("10.0.0.0/8")));
        assert!(!subnet("10.213.4.16/28").overlaps(subnet("10.213.4.32/28")));
        assert!(subnet("0.0.0.0/0").overlaps(subnet("1.2.3.4/32")));
    }

    #[test]
    fn a_route_is_read_from_the_kernels_table() {
        let line = "docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0";
        assert_eq!(Subnet::parse_route(line), Some(subnet("172.17.0.0/16")));
        let default = "eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0";
        assert_eq!(Subnet::parse_route(default), None);
        assert_eq!(Subnet::parse_route("Iface\tDestination\tGateway"), None);
    }

    #[test]
    fn candidates_fill_the_pool_once() {
        let pool = subnet("10.213.0.0/24");
        let all: Vec<Subnet> = candidates(pool, "x").collect();
        assert_eq!(all.len(), 16);
        assert!(all.iter().all(|s| s.overlaps(pool)));
        assert!(
            all.iter()
                .enumerate()
                .all(|(i, a)| all[..i].iter().all(|b| !a.overlaps(*b)))
        );
        assert_eq!(subnet("10.213.4.16/28").first_host(), Ipv4Addr::new(10, 213, 4, 17));
    }
}
