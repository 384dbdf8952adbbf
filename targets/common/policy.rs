//! Policies: decisions with several possible answers, one of them correct.
//!
//! Each policy is an enum declared with [`policy!`](macro@crate::policy), in one place, with the variable
//! that chooses it and the name of every value. Code selects a strategy by it once; it never asks
//! half-way through whether it should misbehave.

use std::fmt::{Debug, Display};
use std::str::FromStr;

/// A decision that configuration can take.
pub trait Policy: Copy + Debug + Default + Display + FromStr<Err = UnknownValue> + 'static {
    /// The environment variable that chooses.
    const VARIABLE: &'static str;
    /// Every value by its name, the correct one first.
    const VALUES: &'static [(&'static str, Self)];

    /// The names of the values, for messages.
    #[must_use]
    fn allowed() -> String {
        Self::VALUES
            .iter()
            .map(|(name, _)| *name)
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// A name that is none of a policy's values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown value `{value}`: expected one of {allowed}")]
pub struct UnknownValue {
    /// What was given.
    pub value: String,
    /// The names that would have been accepted.
    pub allowed: String,
}

/// Declares a policy: the enum, its variable, the name of each value. The first value is the default.
#[macro_export]
macro_rules! policy {
    (
        $(#[$meta:meta])*
        $vis:vis enum $policy:ident: $variable:literal {
            $(#[$default_meta:meta])*
            $default:ident = $default_name:literal,
            $($(#[$value_meta:meta])* $value:ident = $name:literal,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        $vis enum $policy {
            $(#[$default_meta])*
            #[default]
            $default,
            $($(#[$value_meta])* $value,)*
        }

        impl $crate::policy::Policy for $policy {
            const VARIABLE: &'static str = $variable;
            const VALUES: &'static [(&'static str, Self)] =
                &[($default_name, Self::$default), $(($name, Self::$value),)*];
        }

        impl ::std::str::FromStr for $policy {
            type Err = $crate::policy::UnknownValue;

            fn from_str(value: &str) -> Result<Self, Self::Err> {
                use $crate::policy::Policy;
                Self::VALUES
                    .iter()
                    .find(|(name, _)| *name == value)
                    .map(|(_, policy)| *policy)
                    .ok_or_else(|| $crate::policy::UnknownValue {
                        value: value.to_owned(),
                        allowed: Self::allowed(),
                    })
            }
        }

        impl ::std::fmt::Display for $policy {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(match self {
                    Self::$default => $default_name,
                    $(Self::$value => $name,)*
                })
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::policy! {
        /// How tea is made.
        enum Tea: "POLICY_TEA" {
            /// Properly.
            MilkLast = "milk-last",
            /// Wrongly.
            MilkFirst = "milk-first",
        }
    }

    #[test]
    fn names_and_values_map_both_ways_and_the_first_is_the_default() {
        assert_eq!(Tea::default(), Tea::MilkLast);
        for (name, value) in Tea::VALUES {
            assert_eq!(name.parse::<Tea>(), Ok(*value));
            assert_eq!(value.to_string(), *name);
        }
        let error = "lemon".parse::<Tea>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown value `lemon`: expected one of milk-last, milk-first"
        );
    }
}
