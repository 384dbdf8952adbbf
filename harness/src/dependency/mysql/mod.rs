//! MySQL: one server, which is one party under the dependency's own name.
//! Never: weakens what a commit promises (every commit is on disk before it is answered) unless the user says so.

mod points;
mod schema;
mod server;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use super::manifest::Dependency;
use super::{Declared, Kind, LaunchOptions, Leg, PartyDef, PartyKind, PointsOf, Server};
use crate::stack::{DataFolder, ImageChoice, PartySpec, Stack};
use crate::wire::{Ask, Greeting, PointDef, Protocol};

const PORT: u16 = 3306;
const DATA: &str = "/var/lib/mysql";

/// Small and quick to start; durability is left as it comes. What only some versions know (5.7 and early 8.0 have
/// no redo log capacity, 5.7 has no X plugin) is marked as loose: a server that does not know it starts without it.
const FLAGS: [&str; 8] = [
    "--performance-schema=OFF",
    "--innodb-buffer-pool-size=64M",
    "--loose-innodb-redo-log-capacity=33554432",
    "--loose-mysqlx=OFF",
    "--skip-name-resolve",
    "--skip-log-bin",
    "--max-connections=500",
    "--log-error-verbosity=2",
];
/// Values of `innodb_flush_log_at_trx_commit`; the first is the default.
const FLUSH: &[&str] = &["1", "0", "2"];

/// MySQL.
#[derive(Debug)]
pub(super) struct MySql;

impl Kind for MySql {
    fn name(&self) -> &'static str {
        "mysql"
    }

    fn image(&self) -> Option<ImageChoice> {
        Some(ImageChoice {
            kind: "mysql",
            official: "mysql:8.4",
            local: "paytwice/mysql:local",
            variable: "PAYTWICE_MYSQL_IMAGE",
        })
    }

    fn port(&self) -> Option<u16> {
        Some(PORT)
    }

    fn keys(&self) -> &'static [&'static str] {
        &["tls", "databases", "config"]
    }

    fn check(&self, key: &str, entry: &Dependency) -> Vec<String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let wrong = entry.config.keys().filter(|name| !name.chars().all(plain));
        wrong
            .map(|name| format!("{key}.config.{name:?} is no name of a server variable"))
            .collect()
    }

    fn parties(&self, of: Declared<'_>) -> Vec<PartyDef> {
        vec![PartyDef {
            name: of.name.to_owned(),
            kind: PartyKind::Store,
            of: of.name.to_owned(),
            has_data: true,
            flush: FLUSH,
            kill_ms: (500, 1000),
            pause_ms: (2000, 3500),
            recovery_ms: 3500,
        }]
    }

    fn protocol(&self) -> Protocol {
        Protocol::MySql
    }

    fn legs(&self, of: Declared<'_>) -> Vec<Leg> {
        vec![Leg {
            name: "main".to_owned(),
            party: of.name.to_owned(),
            port: PORT,
            usual_port: of.entry.port(),
            protocol: Protocol::MySql,
            announced: false,
        }]
    }

    fn points(&self, of: &PointsOf<'_>) -> BTreeSet<PointDef> {
        points::points(of)
    }

    fn question(&self, addr: SocketAddr) -> Arc<dyn Ask> {
        Arc::new(Greeting { addr })
    }

    fn launch(&self, of: Declared<'_>, image: &str, _stack: &dyn Stack, options: &LaunchOptions) -> Vec<PartySpec> {
        let mut spec = PartySpec::new(of.name, image, server::Serves);
        let env = [("MYSQL_ALLOW_EMPTY_PASSWORD", "yes"), ("MYSQL_ROOT_HOST", "%")];
        spec.env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        spec.command = FLAGS.map(str::to_owned).to_vec();
        if let Some(value) = options.flush.get(of.name) {
            spec.command.push(format!("--innodb-flush-log-at-trx-commit={value}"));
        }
        // Last: what the manifest says wins.
        let config = entry_config(of.entry);
        spec.command
            .extend(config.map(|(name, value)| format!("--{name}={value}")));
        spec.data = Some(DataFolder {
            path: DATA.to_owned(),
            volume: true,
        });
        vec![spec]
    }

    fn server(&self, of: Declared<'_>, stack: &Arc<dyn Stack>) -> Arc<dyn Server> {
        Arc::new(server::MySqlServer::new(of.name, stack))
    }
}

fn entry_config(entry: &Dependency) -> impl Iterator<Item = (String, String)> {
    entry
        .config
        .iter()
        .map(|(name, value)| (name.clone(), value.to_string()))
}
