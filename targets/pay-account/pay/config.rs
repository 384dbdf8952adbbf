//! What `pay` can be told by its environment.

use std::net::SocketAddr;
use std::time::Duration;

use service_common::broker::BrokerSettings;
use service_common::config::{ConfigError, Env};
use service_common::database::DatabaseSettings;
use service_common::money::Money;

use crate::notify::Notify;
use crate::request_id::RequestId;

/// Everything that `pay` reads from its environment.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) database: DatabaseSettings,
    pub(crate) producer: ProducerSettings,
    pub(crate) notify: Notify,
    pub(crate) request_id: RequestId,
    pub(crate) money: Money,
}

/// How messages are sent.
#[derive(Debug, Clone)]
pub(crate) struct ProducerSettings {
    pub(crate) broker: BrokerSettings,
    pub(crate) group: String,
    pub(crate) send_timeout: Duration,
    /// The longest that a local transaction or a check-back may take.
    pub(crate) callback_timeout: Duration,
}

impl Config {
    pub(crate) fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let database = DatabaseSettings::from_env(env)?;
        // A callback makes at most four bounded steps in the database: begin, commit, look, look again.
        let callback_timeout = database.timeout() * 5;
        Ok(Self {
            listen: env.listen_addr()?,
            database,
            producer: ProducerSettings {
                broker: BrokerSettings::from_env(env)?,
                group: env.text("PRODUCER_GROUP", "the name of the producer group")?,
                send_timeout: env.millis("SEND_TIMEOUT_MS", 3000, 100..=60_000)?,
                callback_timeout,
            },
            notify: env.policy()?,
            request_id: env.policy()?,
            money: env.policy()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: [(&str, &str); 5] = [
        ("LISTEN_ADDR", "127.0.0.1:8080"),
        ("DATABASE_URL", "mysql://root@127.0.0.1:3306/bank1_pay"),
        ("ROCKETMQ_NAMESRV", "127.0.0.1:9876"),
        ("TOPIC", "topic_notifymsg"),
        ("PRODUCER_GROUP", "producer_group_bank1_pay"),
    ];

    #[test]
    fn policies_are_correct_unless_told_otherwise() {
        let config = Config::from_env(&Env::of_pairs(&COMPLETE)).unwrap();
        assert_eq!(config.notify, Notify::TransactionMessage);
        assert_eq!(config.request_id, RequestId::Client);
        assert_eq!(config.money, Money::Decimal);
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
    fn a_wrong_policy_lists_the_right_ones() {
        let mut pairs = COMPLETE.to_vec();
        pairs.push(("POLICY_NOTIFY", "pigeon"));
        assert_eq!(
            Config::from_env(&Env::of_pairs(&pairs)).unwrap_err().to_string(),
            "POLICY_NOTIFY=pigeon: expected one of \
             transaction-message, send-before-commit, plain-send, undo-on-send-error"
        );
    }
}
