//! Asking `pay` how a payment ended.

use std::time::Duration;

use anyhow::Context;
use reqwest::{Client, StatusCode};
use service_common::ids::TxNo;
use service_common::message::{DecodeError, Payment, PaymentJson};
use service_common::money::Money;
use thiserror::Error;

/// Why `pay` did not tell. None of these says that the payment failed.
#[derive(Debug, Error)]
pub(crate) enum NotTold {
    /// No answer, or not in time.
    #[error("pay cannot be reached: {0}")]
    Unreachable(#[from] reqwest::Error),
    /// An answer, but not about the payment. 404 is one: pay may hear of the payment later.
    #[error("pay answered {0}")]
    Status(StatusCode),
    /// Something that is not an answer to the question.
    #[error("pay answered nonsense: {0}")]
    Nonsense(#[from] DecodeError),
    /// An answer to another question.
    #[error("pay answered about another payment")]
    OtherPayment,
}

/// A client of `pay`.
#[derive(Debug, Clone)]
pub(crate) struct PayClient {
    client: Client,
    url: String,
    money: Money,
}

impl PayClient {
    pub(crate) fn new(url: String, timeout: Duration, money: Money) -> anyhow::Result<Self> {
        let client = Client::builder()
            .timeout(timeout)
            .no_proxy()
            .build()
            .context("HTTP client")?;
        Ok(Self { client, url, money })
    }

    /// The payment as `pay` recorded it.
    pub(crate) async fn pay_result(&self, tx_no: &TxNo) -> Result<Payment, NotTold> {
        let response = self
            .client
            .get(format!("{}/pay/payresult/{tx_no}", self.url))
            .send()
            .await?;
        if response.status() != StatusCode::OK {
            return Err(NotTold::Status(response.status()));
        }
        let body = response.bytes().await?;
        let json: PaymentJson = serde_json::from_slice(&body).map_err(DecodeError::from)?;
        let payment = Payment::from_json(json, self.money)?;
        if payment.tx_no == *tx_no {
            Ok(payment)
        } else {
            Err(NotTold::OtherPayment)
        }
    }
}
