//! The balance of an account.

use service_common::database::{Database, DatabaseError};
use service_common::ids::AccountNo;
use service_common::money::{Amount, Money};

/// Reads a balance; `None` when there is no such account.
pub(crate) async fn balance(
    database: &Database,
    account_no: &AccountNo,
    money: Money,
) -> Result<Option<Amount>, DatabaseError> {
    database
        .bounded(async {
            let mut connection = database.lease().await?;
            let row = sqlx::query("SELECT account_balance FROM account_info WHERE account_no = ?")
                .bind(account_no.as_str())
                .fetch_optional(&mut *connection)
                .await?;
            connection.give_back();
            row.map(|row| money.column(&row, "account_balance"))
                .transpose()
                .map_err(DatabaseError::from)
        })
        .await
}
