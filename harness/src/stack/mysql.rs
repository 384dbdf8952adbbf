//! MySQL of the stack: how it is started, and its databases.
//! Never: weakens what a commit promises (every commit is on disk before it is answered) unless the user says so.

use std::net::Ipv4Addr;

use sqlx::mysql::{MySqlPool, MySqlPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use super::error::StackError;
use super::launch::Launch;
use super::owner::StackId;
use super::probe::mysql_options;

pub(super) const PARTY: &str = "mysql";
pub(super) const DATA: &str = "/var/lib/mysql";

/// Small and quick to start; durability is left as it comes.
const FLAGS: [&str; 8] = [
    "--performance-schema=OFF",
    "--innodb-buffer-pool-size=64M",
    "--innodb-redo-log-capacity=33554432",
    "--mysqlx=OFF",
    "--skip-name-resolve",
    "--skip-log-bin",
    "--max-connections=500",
    "--log-error-verbosity=2",
];

/// `flush` is the value of `innodb_flush_log_at_trx_commit`, where the user chose one.
pub(super) fn launch(stack: &StackId, image: &str, network: &str, flush: Option<&str>) -> Launch {
    let flush = flush.map(|value| format!("--innodb-flush-log-at-trx-commit={value}"));
    Launch {
        party: PARTY.to_string(),
        container: stack.name_of(PARTY),
        image: image.to_string(),
        network: network.to_string(),
        labels: stack.labels(PARTY),
        env: vec![
            ("MYSQL_ALLOW_EMPTY_PASSWORD".to_string(), "yes".to_string()),
            ("MYSQL_ROOT_HOST".to_string(), "%".to_string()),
        ],
        command: FLAGS.map(str::to_string).into_iter().chain(flush).collect(),
        volume: Some((volume(stack), DATA.to_string())),
        ..Launch::default()
    }
}

/// The certificate of the authority that the server made for itself, in its data directory.
pub(super) const CERTIFICATE: &str = "/var/lib/mysql/ca.pem";

/// The volume that keeps the data over a kill and a restart.
pub(super) fn volume(stack: &StackId) -> String {
    stack.name_of("mysql-data")
}

/// Makes a database and runs its schema file in it.
pub(super) async fn create_database(address: Ipv4Addr, name: &str, schema: &str) -> Result<(), StackError> {
    let quoted = quote(name);
    statement(address, None, format!("CREATE DATABASE {quoted}"))
        .await
        .map_err(|cause| failed(format!("create database {name}"), &cause))?;
    statement(address, Some(name), schema.to_string())
        .await
        .map_err(|cause| failed(format!("run the schema of database {name}"), &cause))
}

/// Removes a database, if it is there.
pub(super) async fn drop_database(address: Ipv4Addr, name: &str) -> Result<(), StackError> {
    statement(address, None, format!("DROP DATABASE IF EXISTS {}", quote(name)))
        .await
        .map_err(|cause| failed(format!("drop database {name}"), &cause))
}

/// A pool straight to the server; it connects when first used.
pub(super) fn pool(address: Ipv4Addr, database: &str) -> MySqlPool {
    MySqlPoolOptions::new()
        .max_connections(4)
        .acquire_timeout(std::time::Duration::from_secs(10))
        .connect_lazy_with(mysql_options(address).database(database))
}

async fn statement(address: Ipv4Addr, database: Option<&str>, sql: String) -> Result<(), sqlx::Error> {
    let mut options = mysql_options(address);
    if let Some(database) = database {
        options = options.database(database);
    }
    let mut connection = options.connect().await?;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
    connection.close().await
}

fn failed(doing: String, cause: &sqlx::Error) -> StackError {
    StackError::Sql {
        doing,
        cause: cause.to_string(),
    }
}

fn quote(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}
