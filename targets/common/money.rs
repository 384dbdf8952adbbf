//! Amounts of money: how they are read, stored, added and shown.
//!
//! On the wire an amount is a JSON string, so that no reader turns it into a binary fraction on
//! the way. What the service itself does with it is the policy [`Money`].

use std::fmt;
use std::str::FromStr;

use bigdecimal::BigDecimal;
use sqlx::mysql::{MySqlArguments, MySqlRow};
use sqlx::query::Query;
use sqlx::{MySql, Row};
use thiserror::Error;

/// Digits behind the point of every amount and balance.
pub const SCALE: i64 = 2;

/// Digits before the point that a `DECIMAL(65,2)` column holds.
pub const INTEGER_DIGITS_MAX: usize = 63;

crate::policy! {
    /// How money is stored and added.
    pub enum Money: "POLICY_MONEY" {
        /// Exact decimals, `DECIMAL(65,2)` in the database.
        Decimal = "decimal",
        /// Binary floating point, `DOUBLE` in the database: sums of cents drift.
        Double = "double",
    }
}

/// An amount in the representation that the policy chose.
#[derive(Debug, Clone, PartialEq)]
pub enum Amount {
    /// Exact.
    Decimal(BigDecimal),
    /// As near as 53 bits get.
    Double(f64),
}

/// Why a text is not an amount that anybody can pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AmountError {
    /// Not plain digits with at most one point.
    #[error("an amount is written in digits, such as 12.34")]
    NotDecimal,
    /// A fraction of a cent.
    #[error("an amount has at most {SCALE} digits behind the point")]
    TooPrecise,
    /// More than a column can hold.
    #[error("an amount has at most {INTEGER_DIGITS_MAX} digits before the point")]
    TooLarge,
    /// Nothing at all.
    #[error("an amount is greater than 0")]
    Zero,
}

impl Money {
    /// Reads an amount that somebody pays: a plain decimal, greater than 0, in whole cents.
    ///
    /// # Errors
    /// When it is none. Signs and exponents are refused as well: they only hide mistakes.
    pub fn amount(self, text: &str) -> Result<Amount, AmountError> {
        let (integer, fraction) = match text.split_once('.') {
            Some((integer, fraction)) => (integer, Some(fraction)),
            None => (text, None),
        };
        if !is_digits(integer) || fraction.is_some_and(|fraction| !is_digits(fraction)) {
            return Err(AmountError::NotDecimal);
        }
        if fraction.is_some_and(|fraction| fraction.len() > SCALE.unsigned_abs() as usize) {
            return Err(AmountError::TooPrecise);
        }
        if integer.trim_start_matches('0').len() > INTEGER_DIGITS_MAX {
            return Err(AmountError::TooLarge);
        }
        if text.bytes().all(|byte| matches!(byte, b'0' | b'.')) {
            return Err(AmountError::Zero);
        }
        match self {
            Self::Decimal => BigDecimal::from_str(text)
                .map(|decimal| Amount::Decimal(decimal.with_scale(SCALE)))
                .map_err(|_| AmountError::NotDecimal),
            Self::Double => text.parse().map(Amount::Double).map_err(|_| AmountError::NotDecimal),
        }
    }

    /// Reads a column of the type that this policy's schema gives it.
    ///
    /// # Errors
    /// When the column has another type.
    pub fn column(self, row: &MySqlRow, name: &str) -> Result<Amount, sqlx::Error> {
        match self {
            Self::Decimal => row.try_get(name).map(Amount::Decimal),
            Self::Double => row.try_get(name).map(Amount::Double),
        }
    }
}

impl Amount {
    /// Binds the amount as the next argument of a query.
    pub fn bind_to<'q>(&self, query: Query<'q, MySql, MySqlArguments>) -> Query<'q, MySql, MySqlArguments> {
        match self {
            Self::Decimal(decimal) => query.bind(decimal.clone()),
            Self::Double(double) => query.bind(*double),
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decimal(decimal) => f.write_str(&decimal.with_scale(SCALE).to_plain_string()),
            Self::Double(double) => write!(f, "{double}"),
        }
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_and_shown_in_cents() {
        for (text, shown) in [
            ("12.34", "12.34"),
            ("12.3", "12.30"),
            ("7", "7.00"),
            ("0.01", "0.01"),
            ("007.50", "7.50"),
            (
                "123456789012345678901234567890123456.78",
                "123456789012345678901234567890123456.78",
            ),
        ] {
            assert_eq!(Money::Decimal.amount(text).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn amounts_that_nobody_can_pay_are_refused() {
        for (text, error) in [
            ("", AmountError::NotDecimal),
            (".", AmountError::NotDecimal),
            (".5", AmountError::NotDecimal),
            ("5.", AmountError::NotDecimal),
            ("-1", AmountError::NotDecimal),
            ("+1", AmountError::NotDecimal),
            ("1e3", AmountError::NotDecimal),
            (" 1", AmountError::NotDecimal),
            ("1,5", AmountError::NotDecimal),
            ("1.2.3", AmountError::NotDecimal),
            ("NaN", AmountError::NotDecimal),
            ("1.234", AmountError::TooPrecise),
            ("0", AmountError::Zero),
            ("0.00", AmountError::Zero),
        ] {
            assert_eq!(Money::Decimal.amount(text), Err(error), "{text:?}");
            assert_eq!(Money::Double.amount(text), Err(error), "{text:?}");
        }
        assert!(Money::Decimal.amount(&"9".repeat(63)).is_ok());
        assert_eq!(Money::Decimal.amount(&"9".repeat(64)), Err(AmountError::TooLarge));
    }

    #[test]
    fn equal_amounts_are_equal_however_they_were_written() {
        assert_eq!(
            Money::Decimal.amount("5").unwrap(),
            Money::Decimal.amount("5.00").unwrap()
        );
    }

    #[test]
    fn doubles_lose_what_decimals_keep() {
        let text = "123456789012345678901234567890123456.78";
        assert_ne!(Money::Double.amount(text).unwrap().to_string(), text);
    }
}
