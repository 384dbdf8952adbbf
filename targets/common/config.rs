//! Configuration by environment variables, read once at start.
//!
//! A variable that is missing or wrong is an error that names it and what it accepts: a service
//! that starts with a guess is worse than one that does not start.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt::Display;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use crate::policy::Policy;

/// Why the configuration was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ConfigError {
    /// A variable without a default is not set, or is empty.
    #[error("{variable} is not set: give it {expected}")]
    Missing {
        /// Name of the variable.
        variable: &'static str,
        /// What it should hold.
        expected: String,
    },
    /// A variable holds something that it cannot.
    #[error("{variable}={value}: expected {expected}")]
    Invalid {
        /// Name of the variable.
        variable: &'static str,
        /// What it holds.
        value: String,
        /// What it should hold.
        expected: String,
    },
}

/// Where settings come from: the process environment, or pairs given by a test.
#[derive(Debug, Clone)]
pub struct Env {
    variables: HashMap<String, String>,
}

impl Env {
    /// The environment of this process. Variables that are no Unicode are none of ours.
    #[must_use]
    pub fn of_process() -> Self {
        let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        Self {
            variables: std::env::vars_os().filter_map(text).collect(),
        }
    }

    /// Exactly these pairs.
    #[must_use]
    pub fn of_pairs(pairs: &[(&str, &str)]) -> Self {
        Self {
            variables: pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        }
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// [`ConfigError::Missing`] when it is not set or empty.
    pub fn text(&self, variable: &'static str, expected: &str) -> Result<String, ConfigError> {
        self.get(variable).ok_or_else(|| ConfigError::Missing {
            variable,
            expected: expected.to_owned(),
        })
    }

    /// A value that must be there and must parse.
    ///
    /// # Errors
    /// [`ConfigError::Missing`] when it is not set, [`ConfigError::Invalid`] when it does not parse.
    pub fn parsed<T: FromStr>(&self, variable: &'static str, expected: &str) -> Result<T, ConfigError> {
        let value = self.text(variable, expected)?;
        value.parse().map_err(|_| ConfigError::Invalid {
            variable,
            value,
            expected: expected.to_owned(),
        })
    }

    /// The address to listen on.
    ///
    /// # Errors
    /// As [`Env::parsed`].
    pub fn listen_addr(&self) -> Result<SocketAddr, ConfigError> {
        self.parsed("LISTEN_ADDR", "an address to listen on, such as 0.0.0.0:8080")
    }

    /// A number within bounds, or its default.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] when it is no number or out of bounds.
    pub fn number<T>(
        &self,
        variable: &'static str,
        default: T,
        bounds: std::ops::RangeInclusive<T>,
    ) -> Result<T, ConfigError>
    where
        T: FromStr + PartialOrd + Display,
    {
        let Some(value) = self.get(variable) else {
            return Ok(default);
        };
        match value.parse() {
            Ok(number) if bounds.contains(&number) => Ok(number),
            _ => Err(ConfigError::Invalid {
                variable,
                value,
                expected: format!("a number from {} to {}", bounds.start(), bounds.end()),
            }),
        }
    }

    /// A duration in milliseconds, or its default.
    ///
    /// # Errors
    /// As [`Env::number`].
    pub fn millis(
        &self,
        variable: &'static str,
        default_ms: u64,
        bounds: std::ops::RangeInclusive<u64>,
    ) -> Result<Duration, ConfigError> {
        self.number(variable, default_ms, bounds).map(Duration::from_millis)
    }

    /// The chosen value of a policy, or its correct one when nothing is chosen.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] with the values that the policy knows.
    pub fn policy<P: Policy>(&self) -> Result<P, ConfigError> {
        let Some(value) = self.get(P::VARIABLE) else {
            return Ok(P::default());
        };
        value.parse().map_err(|_| ConfigError::Invalid {
            variable: P::VARIABLE,
            value,
            expected: format!("one of {}", P::allowed()),
        })
    }

    fn get(&self, variable: &str) -> Option<String> {
        self.variables.get(variable).filter(|value| !value.is_empty()).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Money;

    #[test]
    fn a_missing_variable_is_named() {
        let error = Env::of_pairs(&[("TOPIC", "")]).text("TOPIC", "a topic").unwrap_err();
        assert_eq!(error.to_string(), "TOPIC is not set: give it a topic");
    }

    #[test]
    fn a_wrong_address_is_quoted() {
        let error = Env::of_pairs(&[("LISTEN_ADDR", "8080")]).listen_addr().unwrap_err();
        assert_eq!(
            error.to_string(),
            "LISTEN_ADDR=8080: expected an address to listen on, such as 0.0.0.0:8080"
        );
    }

    #[test]
    fn numbers_have_bounds_and_defaults() {
        let env = Env::of_pairs(&[("DB_TIMEOUT_MS", "5"), ("DB_MAX_CONNECTIONS", "4")]);
        assert_eq!(env.number("DB_MAX_CONNECTIONS", 16_u32, 1..=100), Ok(4));
        assert_eq!(env.number("OTHER", 16_u32, 1..=100), Ok(16));
        let error = env.millis("DB_TIMEOUT_MS", 3000, 100..=60_000).unwrap_err();
        assert_eq!(
            error.to_string(),
            "DB_TIMEOUT_MS=5: expected a number from 100 to 60000"
        );
    }

    #[test]
    fn a_policy_defaults_to_its_correct_value_and_lists_the_others() {
        assert_eq!(Env::of_pairs(&[]).policy(), Ok(Money::Decimal));
        assert_eq!(Env::of_pairs(&[("POLICY_MONEY", "double")]).policy(), Ok(Money::Double));
        let error = Env::of_pairs(&[("POLICY_MONEY", "float")])
            .policy::<Money>()
            .unwrap_err();
        assert_eq!(error.to_string(), "POLICY_MONEY=float: expected one of decimal, double");
    }
}
