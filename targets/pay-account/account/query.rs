//! The query path: asks `pay` itself, and makes up for a message that has not come.

use service_common::ids::TxNo;
use service_common::message::PayResult;
use tracing::{info, warn};

use crate::credit::{CreditError, Ledger};
use crate::pay::PayClient;

service_common::policy! {
    /// What the query answers when `pay` does not tell.
    pub(crate) enum QueryFallback: "POLICY_QUERY_FALLBACK" {
        /// Nobody knows.
        Unknown = "unknown",
        /// The payment failed.
        Fail = "fail",
    }
}

impl QueryFallback {
    fn answer(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Fail => PayResult::Fail.as_str(),
        }
    }
}

/// How the payment ended, by the word of `pay`. A success is credited before it is reported.
pub(crate) async fn pay_result(
    pay: &PayClient,
    ledger: &Ledger,
    fallback: QueryFallback,
    tx_no: &TxNo,
) -> Result<&'static str, CreditError> {
    let payment = match pay.pay_result(tx_no).await {
        Ok(payment) => payment,
        Err(error) => {
            warn!(%tx_no, %error, answer = fallback.answer(), "no result from pay");
            return Ok(fallback.answer());
        }
    };
    if payment.result == PayResult::Success {
        let credited = ledger.credit(&payment).await?;
        info!(%tx_no, account_no = %payment.account_no, amount = %payment.amount, ?credited, "result queried");
    }
    Ok(payment.result.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_knowing_is_not_failing() {
        assert_eq!(QueryFallback::default().answer(), "unknown");
        assert_eq!(QueryFallback::Fail.answer(), "fail");
    }
}
