//! Who makes the transaction number of a recharge.

use service_common::ids::{BadNumber, TxNo};
use uuid::Uuid;

service_common::policy! {
    /// Who makes the transaction number of a recharge.
    pub(crate) enum RequestId: "POLICY_REQUEST_ID" {
        /// The client: a retry carries the same number, so it is the same payment.
        Client = "client",
        /// The server, anew for each request.
        Server = "server",
        /// The server, anew for each request, and the request is a GET, which anything on the way may repeat.
        ServerGet = "server-get",
    }
}

impl RequestId {
    /// The number of the payment that a request asks for.
    pub(crate) fn choose(self, given: Option<String>) -> Result<TxNo, BadNumber> {
        match self {
            Self::Client => TxNo::try_from(given.unwrap_or_default()),
            Self::Server | Self::ServerGet => TxNo::try_from(Uuid::now_v7().to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_must_give_a_number_where_it_chooses() {
        assert_eq!(RequestId::Client.choose(Some("tx-1".into())).unwrap().as_str(), "tx-1");
        assert_eq!(RequestId::Client.choose(None), Err(BadNumber));
    }

    #[test]
    fn a_number_made_by_the_server_differs_each_time() {
        let first = RequestId::Server.choose(Some("tx-1".into())).unwrap();
        let second = RequestId::ServerGet.choose(None).unwrap();
        assert_ne!(first.as_str(), "tx-1");
        assert_ne!(first, second);
    }
}
