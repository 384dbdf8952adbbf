//! The message that pay publishes and account listens to.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ids::{AccountNo, TxNo};
use crate::money::{Amount, AmountError, Money};

/// How a payment ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PayResult {
    /// The money was taken.
    Success,
    /// It was not, and never will be under this number.
    Fail,
}

impl PayResult {
    /// The result as it is stored and sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Fail => "fail",
        }
    }
}

impl fmt::Display for PayResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A payment: what is recorded, published, answered and credited.
#[derive(Debug, Clone, PartialEq)]
pub struct Payment {
    /// Its number.
    pub tx_no: TxNo,
    /// Whom it is for.
    pub account_no: AccountNo,
    /// How much.
    pub amount: Amount,
    /// How it ended.
    pub result: PayResult,
}

/// A payment as JSON: the body of the message and of the services' answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PaymentJson {
    /// Its number.
    pub tx_no: TxNo,
    /// Whom it is for.
    pub account_no: AccountNo,
    /// How much, as a decimal text.
    pub amount: String,
    /// How it ended.
    pub result: PayResult,
}

/// Why bytes are not a payment.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// Not the JSON object that it should be.
    #[error("not a payment: {0}")]
    Json(#[from] serde_json::Error),
    /// Its amount is none.
    #[error("not a payment: {0}")]
    Amount(#[from] AmountError),
}

impl Payment {
    /// The payment as JSON.
    #[must_use]
    pub fn to_json(&self) -> PaymentJson {
        PaymentJson {
            tx_no: self.tx_no.clone(),
            account_no: self.account_no.clone(),
            amount: self.amount.to_string(),
            result: self.result,
        }
    }

    /// The body of the payment's message.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(&self.to_json()).expect("strings and an enum always serialize")
    }

    /// Reads the body of a message.
    ///
    /// # Errors
    /// When it is not a payment.
    pub fn decode(body: &[u8], money: Money) -> Result<Self, DecodeError> {
        Self::from_json(serde_json::from_slice(body)?, money)
    }

    /// Reads a payment from its JSON form.
    ///
    /// # Errors
    /// When its amount is none.
    pub fn from_json(json: PaymentJson, money: Money) -> Result<Self, DecodeError> {
        Ok(Self {
            amount: money.amount(&json.amount)?,
            tx_no: json.tx_no,
            account_no: json.account_no,
            result: json.result,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payment() -> Payment {
        Payment {
            tx_no: "tx-1".parse().unwrap(),
            account_no: "acct-1".parse().unwrap(),
            amount: Money::Decimal.amount("12.3").unwrap(),
            result: PayResult::Fail,
        }
    }

    #[test]
    fn a_message_reads_back_as_what_was_sent() {
        let body = payment().encode();
        assert_eq!(
            std::str::from_utf8(&body).unwrap(),
            r#"{"tx_no":"tx-1","account_no":"acct-1","amount":"12.30","result":"fail"}"#
        );
        assert_eq!(Payment::decode(&body, Money::Decimal).unwrap(), payment());
    }

    #[test]
    fn what_is_not_a_payment_is_refused() {
        for body in [
            "",
            "{}",
            r#"{"tx_no":"","account_no":"a","amount":"1","result":"success"}"#,
            r#"{"tx_no":"t","account_no":"a","amount":"-1","result":"success"}"#,
            r#"{"tx_no":"t","account_no":"a","amount":1.5,"result":"success"}"#,
            r#"{"tx_no":"t","account_no":"a","amount":"1","result":null}"#,
        ] {
            assert!(Payment::decode(body.as_bytes(), Money::Decimal).is_err(), "{body}");
        }
    }
}
