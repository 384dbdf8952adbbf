//! MySQL: a pool whose every use is bounded in time and never leaves a doubtful connection behind.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlPoolOptions};
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Connection, Executor, MySql, MySqlPool};
use thiserror::Error;

use crate::config::{ConfigError, Env};

/// How long MySQL keeps the session (and the locks) of a client that fell silent.
const SESSION_IDLE_MAX: Duration = Duration::from_secs(20);

/// How long the pool keeps a connection that nobody uses: shorter, so that MySQL never cuts one first.
const POOL_IDLE_MAX: Duration = Duration::from_secs(10);

/// How to reach the database.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    options: MySqlConnectOptions,
    timeout: Duration,
    connections_max: u32,
}

impl DatabaseSettings {
    /// Reads `DATABASE_URL`, `DB_TIMEOUT_MS` and `DB_MAX_CONNECTIONS`.
    ///
    /// # Errors
    /// When one of them is missing or wrong.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            options: env.parsed("DATABASE_URL", "a URL such as mysql://user@host:3306/database")?,
            timeout: env.millis("DB_TIMEOUT_MS", 3000, 100..=60_000)?,
            connections_max: env.number("DB_MAX_CONNECTIONS", 16, 1..=1000)?,
        })
    }

    /// The longest that one unit of work in the database may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }
}

/// Why a unit of work in the database did not end well. After any of these it may have taken
/// effect all the same, unless the caller knows better.
#[derive(Debug, Error)]
pub enum DatabaseError {
    /// No end in time.
    #[error("the database did not answer within {0:?}")]
    Timeout(Duration),
    /// An error of the server, the connection or the pool.
    #[error("database: {0}")]
    Sql(#[from] sqlx::Error),
}

/// A database that may be away for a while.
#[derive(Debug, Clone)]
pub struct Database {
    pool: MySqlPool,
    timeout: Duration,
    doubt: Doubt,
}

impl Database {
    /// Prepares the pool; the first connection is made when it is needed.
    #[must_use]
    pub fn open(settings: DatabaseSettings) -> Self {
        let session = session_settings(settings.timeout);
        let doubt = Doubt::default();
        let idle = doubt.clone();
        let pool = MySqlPoolOptions::new()
            .max_connections(settings.connections_max)
            // Never the first to give up: `bounded` is, and takes note.
            .acquire_timeout(settings.timeout * 2)
            .idle_timeout(POOL_IDLE_MAX)
            // Done by the hook, after a look at the doubt.
            .test_before_acquire(false)
            .before_acquire(move |connection, metadata| {
                let doubtful = idle.covers(metadata.idle_for);
                Box::pin(async move {
                    if doubtful {
                        return Err(sqlx::Error::Protocol("idle while the database did not answer".into()));
                    }
                    connection.ping().await.map(|()| true)
                })
            })
            .after_connect(move |connection, _| {
                let session = session.clone();
                Box::pin(async move { connection.execute(AssertSqlSafe(session)).await.map(drop) })
            })
            .connect_lazy_with(settings.options);
        Self {
            pool,
            timeout: settings.timeout,
            doubt,
        }
    }

    /// Bounds one unit of work: whatever is unfinished at the time-out is dropped, and with it
    /// the [`Lease`] on its connection.
    ///
    /// # Errors
    /// [`DatabaseError::Timeout`], or the error of the work.
    pub async fn bounded<T, E: From<DatabaseError>>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        match tokio::time::timeout(self.timeout, work).await {
            Ok(ended) => ended,
            Err(_) => {
                self.doubt.raise();
                Err(DatabaseError::Timeout(self.timeout).into())
            }
        }
    }

    /// A connection of the pool for one unit of work.
    ///
    /// # Errors
    /// When there is none to be had.
    pub async fn lease(&self) -> Result<Lease, DatabaseError> {
        Ok(Lease {
            connection: Some(self.pool.acquire().await?),
        })
    }

    /// Asks the server for a sign of life.
    ///
    /// # Errors
    /// When it gives none in time.
    pub async fn ping(&self) -> Result<(), DatabaseError> {
        self.bounded(async {
            let mut connection = self.lease().await?;
            sqlx::query("SELECT 1").execute(&mut *connection).await?;
            connection.give_back();
            Ok(())
        })
        .await
    }
}

/// The moment of the last time-out. A link that fell silent took all its connections with it:
/// those that were idle at that moment are given up together, instead of costing one more
/// time-out each.
#[derive(Debug, Clone, Default)]
struct Doubt {
    raised: Arc<Mutex<Option<Instant>>>,
}

impl Doubt {
    fn raise(&self) {
        *self.raised.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether it was raised while a connection was idle that has been for so long.
    fn covers(&self, idle_for: Duration) -> bool {
        let raised = *self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        raised.is_some_and(|raised| raised.elapsed() <= idle_for)
    }
}

/// A connection that goes back to the pool only when its user says that it is clean. Dropped
/// otherwise (an error, a time-out, a cancelled request) it is closed, and the server rolls back:
/// returned in the middle of something, it would let the next user commit it.
#[derive(Debug)]
pub struct Lease {
    connection: Option<PoolConnection<MySql>>,
}

impl Lease {
    /// The work has ended in a known state: the connection may be used again.
    pub fn give_back(mut self) {
        self.connection.take();
    }
}

impl Deref for Lease {
    type Target = MySqlConnection;

    fn deref(&self) -> &MySqlConnection {
        self.connection.as_ref().expect("taken only when the lease ends")
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut MySqlConnection {
        self.connection.as_mut().expect("taken only when the lease ends")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(connection.detach());
        }
    }
}

/// A lock is waited for less long than the client waits, so that the server answers with an error
/// rather than not at all; and a client that vanished without a word frees its locks.
fn session_settings(timeout: Duration) -> String {
    let lock_wait = timeout.as_secs().saturating_sub(1).max(1);
    let idle = SESSION_IDLE_MAX.max(timeout * 2).as_secs();
    format!("SET SESSION innodb_lock_wait_timeout = {lock_wait}, wait_timeout = {idle}")
}

/// Whether the error says that a row with this key is already there.
#[must_use]
pub fn is_duplicate_key(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_are_waited_for_less_long_than_answers() {
        assert_eq!(
            session_settings(Duration::from_secs(3)),
            "SET SESSION innodb_lock_wait_timeout = 2, wait_timeout = 20"
        );
        assert_eq!(
            session_settings(Duration::from_secs(15)),
            "SET SESSION innodb_lock_wait_timeout = 14, wait_timeout = 30"
        );
    }

    #[test]
    fn doubt_covers_what_was_idle_when_it_was_raised() {
        let doubt = Doubt::default();
        assert!(!doubt.covers(Duration::from_secs(60)));
        doubt.raise();
        assert!(doubt.covers(Duration::from_secs(60)));
        std::thread::sleep(Duration::from_millis(2));
        assert!(!doubt.covers(Duration::from_millis(1)));
    }

    #[test]
    fn a_url_that_is_none_is_a_configuration_error() {
        let error = DatabaseSettings::from_env(&Env::of_pairs(&[("DATABASE_URL", "bank1")])).unwrap_err();
        assert!(
            error.to_string().starts_with("DATABASE_URL=bank1: expected a URL"),
            "{error}"
        );
    }
}
