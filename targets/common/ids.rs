//! Transaction and account numbers: short, printable, compared byte by byte.
//!
//! They are primary keys in two databases, the key of a message and a segment of a URL. Admitting
//! only characters that mean the same in all of them rules out two numbers that one party holds
//! for equal and another does not.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Longest number, as wide as its column.
pub const LENGTH_MAX: usize = 64;

/// Why a text cannot be a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a number has 1 to {LENGTH_MAX} letters, digits or any of -_.:")]
pub struct BadNumber;

macro_rules! number {
    ($(#[$meta:meta])* $number:ident) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $number(String);

        impl $number {
            /// The number as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $number {
            type Error = BadNumber;

            fn try_from(text: String) -> Result<Self, BadNumber> {
                if is_number(&text) { Ok(Self(text)) } else { Err(BadNumber) }
            }
        }

        impl FromStr for $number {
            type Err = BadNumber;

            fn from_str(text: &str) -> Result<Self, BadNumber> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$number> for String {
            fn from(number: $number) -> Self {
                number.0
            }
        }

        impl fmt::Display for $number {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

number! {
    /// The number of a payment; whoever repeats it means the same payment.
    TxNo
}

number! {
    /// The number of an account.
    AccountNo
}

fn is_number(text: &str) -> bool {
    (1..=LENGTH_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_printable() {
        for good in ["1", "tx-17", "a.b_c:d", &"x".repeat(64)] {
            assert!(good.parse::<TxNo>().is_ok(), "{good:?}");
        }
        for bad in ["", " ", "a b", "ü", "a/b", "a'b", &"x".repeat(65)] {
            assert_eq!(bad.parse::<AccountNo>(), Err(BadNumber), "{bad:?}");
        }
    }
}
