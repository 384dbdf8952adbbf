//! What `account` can be told by its environment.

use std::net::SocketAddr;
use std::time::Duration;

use service_common::broker::BrokerSettings;
use service_common::config::{ConfigError, Env};
use service_common::database::DatabaseSettings;
use service_common::money::Money;

use crate::credit::Crediting;
use crate::listener::{Ack, OnResult};
use crate::query::QueryFallback;

/// Everything that `account` reads from its environment.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) database: DatabaseSettings,
    pub(crate) consumer: ConsumerSettings,
    pub(crate) pay_url: String,
    /// The longest that a call of pay may take.
    pub(crate) call_timeout: Duration,
    /// The longest that the credit of a message may take.
    pub(crate) callback_timeout: Duration,
    pub(crate) crediting: Crediting,
    pub(crate) ack: Ack,
    pub(crate) result: OnResult,
    pub(crate) query_fallback: QueryFallback,
    pub(crate) money: Money,
}

/// How messages are received.
#[derive(Debug, Clone)]
pub(crate) struct ConsumerSettings {
    pub(crate) broker: BrokerSettings,
    pub(crate) group: String,
    /// How often the broker is told what has been consumed; what it was not told is delivered again.
    pub(crate) persist_offsets: Duration,
}

impl Config {
    pub(crate) fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let database = DatabaseSettings::from_env(env)?;
        // Every credit has at most three transactions, each bounded by itself.
        let callback_timeout = database.timeout() * 4;
        Ok(Self {
            listen: env.listen_addr()?,
            database,
            consumer: ConsumerSettings {
                broker: BrokerSettings::from_env(env)?,
                group: env.text("CONSUMER_GROUP", "the name of the consumer group")?,
                persist_offsets: env.millis("OFFSET_PERSIST_MS", 1000, 100..=60_000)?,
            },
            pay_url: http_url(env)?,
            call_timeout: env.millis("CALL_TIMEOUT_MS", 3000, 100..=60_000)?,
            callback_timeout,
            crediting: Crediting {
                dedup: env.policy()?,
                transactions: env.policy()?,
                missing_account: env.policy()?,
            },
            ack: env.policy()?,
            result: env.policy()?,
            query_fallback: env.policy()?,
            money: env.policy()?,
        })
    }
}

fn http_url(env: &Env) -> Result<String, ConfigError> {
    const EXPECTED: &str = "the URL of pay, such as http://pay:8080";
    let url: axum::http::Uri = env.parsed("PAY_URL", EXPECTED)?;
    if url.scheme_str() == Some("http") && url.host().is_some() {
        Ok(url.to_string().trim_end_matches('/').to_owned())
    } else {
        Err(ConfigError::Invalid {
            variable: "PAY_URL",
            value: url.to_string(),
            expected: EXPECTED.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credit::{Dedup, MissingAccount, Transactions};

    const COMPLETE: [(&str, &str); 6] = [
        ("LISTEN_ADDR", "127.0.0.1:8080"),
        ("DATABASE_URL", "mysql://root@127.0.0.1:3306/bank1"),
        ("ROCKETMQ_NAMESRV", "127.0.0.1:9876"),
        ("TOPIC", "topic_notifymsg"),
        ("CONSUMER_GROUP", "consumer_group_notifymsg_bank1"),
        ("PAY_URL", "http://pay:8080/"),
    ];

    #[test]
    fn policies_are_correct_unless_told_otherwise() {
        let config = Config::from_env(&Env::of_pairs(&COMPLETE)).unwrap();
        assert_eq!(config.crediting.dedup, Dedup::InsertFirst);
        assert_eq!(config.crediting.transactions, Transactions::One);
        assert_eq!(config.crediting.missing_account, MissingAccount::Retry);
        assert_eq!(config.ack, Ack::AfterCredit);
        assert_eq!(config.result, OnResult::Honour);
        assert_eq!(config.query_fallback, QueryFallback::Unknown);
        assert_eq!(config.money, Money::Decimal);
        assert_eq!(config.pay_url, "http://pay:8080");
    }

    #[test]
    fn each_address_is_required_by_name() {
        for (index, (variable, _)) in COMPLETE.iter().enumerate() {
            let mut pairs = COMPLETE.to_vec();
            pairs.remove(index);
            let error = Config::from_env(&Env::of_pairs(&pairs)).unwrap_err();
            assert!(
                error.to_string().starts_with(&format!("{variable} is not set")),
                "{error}"
            );
        }
    }

    #[test]
    fn the_url_of_pay_is_one() {
        for wrong in ["pay:8080", "https://pay", "http//pay"] {
            let mut pairs = COMPLETE.to_vec();
            pairs[5].1 = wrong;
            let error = Config::from_env(&Env::of_pairs(&pairs)).unwrap_err();
            assert!(error.to_string().starts_with("PAY_URL="), "{error}");
        }
    }
}
