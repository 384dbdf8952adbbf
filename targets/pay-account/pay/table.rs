//! The table `account_pay`: one row per transaction number, written once and never changed.

use service_common::database::{Database, DatabaseError, Lease, is_duplicate_key};
use service_common::ids::{AccountNo, TxNo};
use service_common::message::{PayResult, Payment};
use service_common::money::{Amount, Money};
use sqlx::Row as _;

/// What a row says about its transaction number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Paid.
    Success,
    /// Declined.
    Fail,
    /// Given up before it was recorded: the row is there so that it never will be.
    Aborted,
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) account_no: AccountNo,
    pub(crate) amount: Amount,
    pub(crate) state: State,
}

/// What came of inserting a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Insertion {
    /// It is there now.
    Fresh,
    /// One with that number was there before, and stays.
    Existing(Row),
}

impl From<PayResult> for State {
    fn from(result: PayResult) -> Self {
        match result {
            PayResult::Success => Self::Success,
            PayResult::Fail => Self::Fail,
        }
    }
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Fail => "fail",
            Self::Aborted => "aborted",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Success, Self::Fail, Self::Aborted]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

impl Row {
    /// What the client is told. To it, a payment that was given up has failed.
    pub(crate) fn result(&self) -> PayResult {
        match self.state {
            State::Success => PayResult::Success,
            State::Fail | State::Aborted => PayResult::Fail,
        }
    }

    /// Whether the payment that is asked for is the one in this row. The card is not stored, only
    /// what came of it; a payment that was given up got no answer from its card.
    pub(crate) fn is_answer_to(&self, asked: &Payment) -> bool {
        self.is_about(asked) && (self.state == State::Aborted || self.state == State::from(asked.result))
    }

    /// Whether the message of this payment tells the truth about this row.
    pub(crate) fn is_published_by(&self, payment: &Payment) -> bool {
        self.is_about(payment) && self.state == State::from(payment.result)
    }

    fn is_about(&self, payment: &Payment) -> bool {
        self.account_no == payment.account_no && self.amount == payment.amount
    }
}

/// Access to the table.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    database: Database,
    money: Money,
}

/// A row that was inserted in a transaction which is still open. Dropped, it is rolled back.
#[derive(Debug)]
pub(crate) struct OpenInsert {
    database: Database,
    connection: Lease,
}

/// What came of inserting a row in a transaction of the caller's.
#[derive(Debug)]
pub(crate) enum Opened {
    /// It is there once the transaction commits.
    Fresh(OpenInsert),
    /// One with that number was there before, and stays.
    Existing(Row),
}

impl Table {
    pub(crate) fn new(database: Database, money: Money) -> Self {
        Self { database, money }
    }

    pub(crate) fn money(&self) -> Money {
        self.money
    }

    /// The row of a transaction number.
    pub(crate) async fn find(&self, tx_no: &TxNo) -> Result<Option<Row>, DatabaseError> {
        self.database
            .bounded(async {
                let mut connection = self.database.lease().await?;
                let row = sqlx::query("SELECT account_no, pay_amount, result FROM account_pay WHERE id = ?")
                    .bind(tx_no.as_str())
                    .fetch_optional(&mut *connection)
                    .await?;
                connection.give_back();
                row.map(|row| self.read(&row)).transpose().map_err(DatabaseError::from)
            })
            .await
    }

    /// Inserts the row of a payment, unless its number has one, in a transaction of its own.
    pub(crate) async fn insert(&self, payment: &Payment, state: State) -> Result<Insertion, DatabaseError> {
        match self.open_insert(payment, state).await? {
            Opened::Fresh(open) => open.commit().await.map(|()| Insertion::Fresh),
            Opened::Existing(row) => Ok(Insertion::Existing(row)),
        }
    }

    /// As [`Table::insert`], but leaves the transaction open.
    ///
    /// Waits for another transaction that is inserting the same number, until that one ends or the
    /// wait for its lock is over.
    pub(crate) async fn open_insert(&self, payment: &Payment, state: State) -> Result<Opened, DatabaseError> {
        let open = self
            .database
            .bounded(async {
                let mut connection = self.database.lease().await?;
                sqlx::raw_sql("BEGIN").execute(&mut *connection).await?;
                let insert =
                    sqlx::query("INSERT INTO account_pay (id, account_no, pay_amount, result) VALUES (?, ?, ?, ?)")
                        .bind(payment.tx_no.as_str())
                        .bind(payment.account_no.as_str());
                let insert = payment.amount.bind_to(insert).bind(state.as_str());
                match insert.execute(&mut *connection).await {
                    Ok(_) => Ok(Some(OpenInsert {
                        database: self.database.clone(),
                        connection,
                    })),
                    Err(error) if is_duplicate_key(&error) => {
                        sqlx::raw_sql("ROLLBACK").execute(&mut *connection).await?;
                        connection.give_back();
                        Ok(None)
                    }
                    Err(error) => Err(DatabaseError::from(error)),
                }
            })
            .await?;
        match open {
            Some(open) => Ok(Opened::Fresh(open)),
            // Rows are committed when they collide, but one policy deletes them again.
            None => self
                .find(&payment.tx_no)
                .await?
                .map(Opened::Existing)
                .ok_or_else(vanished),
        }
    }

    /// Deletes the row of a payment.
    pub(crate) async fn delete(&self, tx_no: &TxNo) -> Result<(), DatabaseError> {
        self.database
            .bounded(async {
                let mut connection = self.database.lease().await?;
                sqlx::query("DELETE FROM account_pay WHERE id = ?")
                    .bind(tx_no.as_str())
                    .execute(&mut *connection)
                    .await?;
                connection.give_back();
                Ok(())
            })
            .await
    }

    fn read(&self, row: &sqlx::mysql::MySqlRow) -> Result<Row, sqlx::Error> {
        let account_no: String = row.try_get("account_no")?;
        let result: String = row.try_get("result")?;
        Ok(Row {
            account_no: AccountNo::try_from(account_no).map_err(|error| sqlx::Error::Decode(error.into()))?,
            amount: self.money.column(row, "pay_amount")?,
            state: State::parse(&result)
                .ok_or_else(|| sqlx::Error::Decode(format!("unknown result `{result}`").into()))?,
        })
    }
}

impl OpenInsert {
    /// Makes the row durable. After an error nobody knows whether it is.
    pub(crate) async fn commit(self) -> Result<(), DatabaseError> {
        self.end("COMMIT").await
    }

    /// Takes the row back.
    pub(crate) async fn roll_back(self) -> Result<(), DatabaseError> {
        self.end("ROLLBACK").await
    }

    async fn end(self, statement: &'static str) -> Result<(), DatabaseError> {
        let Self {
            database,
            mut connection,
        } = self;
        database
            .bounded(async move {
                sqlx::raw_sql(statement).execute(&mut *connection).await?;
                connection.give_back();
                Ok(())
            })
            .await
    }
}

fn vanished() -> DatabaseError {
    DatabaseError::Sql(sqlx::Error::RowNotFound)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payment(amount: &str, result: PayResult) -> Payment {
        Payment {
            tx_no: "tx-1".parse().unwrap(),
            account_no: "acct-1".parse().unwrap(),
            amount: Money::Decimal.amount(amount).unwrap(),
            result,
        }
    }

    fn row(amount: &str, state: State) -> Row {
        let Payment { account_no, amount, .. } = payment(amount, PayResult::Success);
        Row {
            account_no,
            amount,
            state,
        }
    }

    #[test]
    fn a_repeated_request_gets_the_answer_of_the_first() {
        assert!(row("1.00", State::Success).is_answer_to(&payment("1", PayResult::Success)));
        assert!(row("1.00", State::Fail).is_answer_to(&payment("1", PayResult::Fail)));
    }

    #[test]
    fn another_payload_under_the_same_number_is_another_payment() {
        assert!(!row("1.00", State::Success).is_answer_to(&payment("2", PayResult::Success)));
        assert!(!row("1.00", State::Success).is_answer_to(&payment("1", PayResult::Fail)));
        assert!(!row("1.00", State::Success).is_published_by(&payment("2", PayResult::Success)));
    }

    #[test]
    fn a_payment_that_was_given_up_has_failed_and_is_never_published() {
        let aborted = row("1.00", State::Aborted);
        assert_eq!(aborted.result(), PayResult::Fail);
        for result in [PayResult::Success, PayResult::Fail] {
            assert!(aborted.is_answer_to(&payment("1", result)));
            assert!(!aborted.is_published_by(&payment("1", result)));
        }
        assert!(!aborted.is_answer_to(&payment("2", PayResult::Success)));
    }

    #[test]
    fn states_are_stored_by_name() {
        for state in [State::Success, State::Fail, State::Aborted] {
            assert_eq!(State::parse(state.as_str()), Some(state));
        }
        assert_eq!(State::parse("null"), None);
    }
}
