//! Databases of a real server, made and reached past every link.

use paytwice::stack::{ContainerStack, Stack as _};
use sqlx::mysql::{MySqlConnectOptions, MySqlPool, MySqlPoolOptions, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

/// The databases of the server `mysql`, past every link.
pub(crate) trait Databases {
    /// Makes a database and runs its schema in it.
    async fn create_database(&self, name: &str, schema: &str) -> Result<(), sqlx::Error>;

    /// A pool straight to a database; it connects when first used.
    fn mysql_pool(&self, database: &str) -> MySqlPool;
}

impl Databases for ContainerStack {
    async fn create_database(&self, name: &str, schema: &str) -> Result<(), sqlx::Error> {
        let mut connection = server(self).connect().await?;
        let script = format!("CREATE DATABASE {name}; USE {name}; {schema}");
        sqlx::raw_sql(AssertSqlSafe(script)).execute(&mut connection).await?;
        connection.close().await
    }

    fn mysql_pool(&self, database: &str) -> MySqlPool {
        let pool = MySqlPoolOptions::new().max_connections(4);
        pool.connect_lazy_with(server(self).database(database))
    }
}

fn server(stack: &ContainerStack) -> MySqlConnectOptions {
    let addr = stack.addr("mysql", 3306).unwrap();
    let options = MySqlConnectOptions::new()
        .host(&addr.ip().to_string())
        .port(addr.port());
    options.username("root").ssl_mode(MySqlSslMode::Disabled)
}
