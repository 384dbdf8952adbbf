//! Any image at all: a registry, a cache, a mail catcher. Its links carry bytes without names, one leg per port; it is
//! killed, paused and cut like any party.
//! Never: knows what is spoken on its ports.

use std::net::SocketAddr;
use std::sync::Arc;

use super::manifest::Dependency;
use super::{Declared, Kind, LaunchOptions, Leg, PartyDef, PartyKind, Server};
use crate::stack::{PartySpec, Ready, Stack};
use crate::wire::{Ask, Connecting, Protocol};

/// Any image.
#[derive(Debug)]
pub(super) struct Container;

impl Kind for Container {
    fn name(&self) -> &'static str {
        "container"
    }

    fn port(&self) -> Option<u16> {
        None
    }

    fn keys(&self) -> &'static [&'static str] {
        &["ports", "ready", "env", "command"]
    }

    fn check(&self, key: &str, entry: &Dependency) -> Vec<String> {
        let mut problems = Vec::new();
        if entry.image.is_none() {
            problems.push(format!("{key}.image is missing; say which image it runs"));
        }
        if entry.ports().is_empty() {
            problems.push(format!(
                "{key}.ports is missing; say under which ports services reach it"
            ));
        }
        problems
    }

    fn parties(&self, of: Declared<'_>) -> Vec<PartyDef> {
        vec![PartyDef {
            name: of.name.to_owned(),
            kind: PartyKind::Other,
            of: of.name.to_owned(),
            has_data: false,
            flush: &[],
            kill_ms: (500, 1000),
            pause_ms: (1500, 3000),
            recovery_ms: 3500,
        }]
    }

    fn protocol(&self) -> Protocol {
        Protocol::Tcp
    }

    fn legs(&self, of: Declared<'_>) -> Vec<Leg> {
        let leg = |port: u16| Leg {
            name: port.to_string(),
            party: of.name.to_owned(),
            port,
            usual_port: port,
            protocol: Protocol::Tcp,
            announced: false,
        };
        of.entry.ports().into_iter().map(leg).collect()
    }

    fn question(&self, addr: SocketAddr) -> Arc<dyn Ask> {
        Arc::new(Connecting { addr })
    }

    fn launch(&self, of: Declared<'_>, image: &str, _stack: &dyn Stack, _options: &LaunchOptions) -> Vec<PartySpec> {
        let ready = of.entry.ready.clone().unwrap_or(Ready::Tcp);
        let port = of.entry.port();
        let mut spec = PartySpec::new(of.name, image, crate::stack::PortReady { port });
        spec.health = ready.health(port);
        spec.env.clone_from(&of.entry.env);
        spec.command.clone_from(&of.entry.command);
        vec![spec]
    }

    fn server(&self, _of: Declared<'_>, _stack: &Arc<dyn Stack>) -> Arc<dyn Server> {
        Arc::new(Anything)
    }
}

/// A container that runs: nothing is known of what is in it.
struct Anything;

impl Server for Anything {}
