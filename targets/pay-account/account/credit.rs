//! The credit: a dedup row and a balance, in an order and in transactions that the policies choose.
//!
//! The message path and the query path both come through [`Ledger::credit`]; there is no other way
//! to move a balance.

use service_common::database::{Database, DatabaseError, Lease, is_duplicate_key};
use service_common::message::Payment;
use thiserror::Error;

service_common::policy! {
    /// How a second credit of the same transaction number is refused.
    pub(crate) enum Dedup: "POLICY_DEDUP" {
        /// The dedup row goes in first, under its primary key, then the credit.
        InsertFirst = "insert-first",
        /// The dedup row is looked for, the credit made, the row inserted under its primary key.
        CheckThenInsert = "check-then-insert",
        /// The same on a table that has no unique key.
        CheckThenInsertNoKey = "check-then-insert-no-key",
        /// The dedup row is looked for, the balance updated on its own, the row inserted on its own.
        CreditFirst = "credit-first",
        /// No dedup row at all.
        None = "none",
    }
}

service_common::policy! {
    /// The transaction around dedup row and balance.
    pub(crate) enum Transactions: "POLICY_CREDIT" {
        /// Both or neither.
        One = "one-transaction",
        /// The dedup row commits before the credit.
        Two = "two-transactions",
    }
}

service_common::policy! {
    /// What an account that is not there (yet) means.
    pub(crate) enum MissingAccount: "POLICY_MISSING_ACCOUNT" {
        /// The credit fails, and is tried again later.
        Retry = "retry",
        /// Zero rows updated is as good as one.
        Ignore = "ignore",
    }
}

/// The policies of a credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Crediting {
    pub(crate) dedup: Dedup,
    pub(crate) transactions: Transactions,
    pub(crate) missing_account: MissingAccount,
}

/// One statement of a credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Look for the dedup row.
    Check,
    /// Insert the dedup row.
    Record,
    /// Add the amount to the balance.
    Credit,
}

/// The steps of a credit; each inner list is a transaction of its own.
type Plan = &'static [&'static [Step]];

fn plan(dedup: Dedup, transactions: Transactions) -> Plan {
    use Step::{Check, Credit, Record};
    match (dedup, transactions) {
        (Dedup::InsertFirst, Transactions::One) => &[&[Record, Credit]],
        (Dedup::InsertFirst, Transactions::Two) => &[&[Record], &[Credit]],
        (Dedup::CheckThenInsert | Dedup::CheckThenInsertNoKey, Transactions::One) => &[&[Check, Credit, Record]],
        (Dedup::CheckThenInsert | Dedup::CheckThenInsertNoKey, Transactions::Two) => &[&[Check, Record], &[Credit]],
        (Dedup::CreditFirst, _) => &[&[Check], &[Credit], &[Record]],
        (Dedup::None, _) => &[&[Credit]],
    }
}

/// What came of a credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Credited {
    /// The balance was moved.
    Now,
    /// It had been moved before.
    Before,
}

/// Why a payment was not credited, or not certainly.
#[derive(Debug, Error)]
pub(crate) enum CreditError {
    /// The account is not there (yet).
    #[error("there is no account {0}")]
    NoAccount(String),
    /// The database gave no clear answer.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<sqlx::Error> for CreditError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Whether a transaction goes on to its commit.
enum Next {
    GoOn,
    AlreadyCredited,
}

/// The tables `account_info` and `de_duplication`.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    database: Database,
    plan: Plan,
    missing_account: MissingAccount,
}

impl Ledger {
    pub(crate) fn new(database: Database, crediting: Crediting) -> Self {
        Self {
            database,
            plan: plan(crediting.dedup, crediting.transactions),
            missing_account: crediting.missing_account,
        }
    }

    /// Credits a payment, unless it has been credited. After an error it may have been: the same
    /// call again finds out.
    pub(crate) async fn credit(&self, payment: &Payment) -> Result<Credited, CreditError> {
        for steps in self.plan {
            if let Next::AlreadyCredited = self.transaction(steps, payment).await? {
                return Ok(Credited::Before);
            }
        }
        Ok(Credited::Now)
    }

    async fn transaction(&self, steps: &[Step], payment: &Payment) -> Result<Next, CreditError> {
        self.database
            .bounded(async {
                let mut connection = self.database.lease().await?;
                sqlx::raw_sql("BEGIN").execute(&mut *connection).await?;
                for step in steps {
                    match self.step(*step, payment, &mut connection).await {
                        Ok(Next::GoOn) => {}
                        ended => {
                            // A lease that is dropped rolls back too, but costs a connection; an
                            // account that is not there yet is no reason to lose one.
                            sqlx::raw_sql("ROLLBACK").execute(&mut *connection).await?;
                            connection.give_back();
                            return ended;
                        }
                    }
                }
                sqlx::raw_sql("COMMIT").execute(&mut *connection).await?;
                connection.give_back();
                Ok(Next::GoOn)
            })
            .await
    }

    async fn step(&self, step: Step, payment: &Payment, connection: &mut Lease) -> Result<Next, CreditError> {
        match step {
            Step::Check => check(payment, connection).await,
            Step::Record => record(payment, connection).await,
            Step::Credit => match (add(payment, connection).await?, self.missing_account) {
                (0, MissingAccount::Retry) => Err(CreditError::NoAccount(payment.account_no.to_string())),
                _ => Ok(Next::GoOn),
            },
        }
    }
}

async fn check(payment: &Payment, connection: &mut Lease) -> Result<Next, CreditError> {
    let found = sqlx::query("SELECT 1 FROM de_duplication WHERE tx_no = ? LIMIT 1")
        .bind(payment.tx_no.as_str())
        .fetch_optional(&mut **connection)
        .await?;
    Ok(if found.is_some() {
        Next::AlreadyCredited
    } else {
        Next::GoOn
    })
}

/// A duplicate key is proof of a committed row: while another transaction still holds the key, this waits.
async fn record(payment: &Payment, connection: &mut Lease) -> Result<Next, CreditError> {
    let inserted = sqlx::query("INSERT INTO de_duplication (tx_no, create_time) VALUES (?, NOW())")
        .bind(payment.tx_no.as_str())
        .execute(&mut **connection)
        .await;
    match inserted {
        Ok(_) => Ok(Next::GoOn),
        Err(error) if is_duplicate_key(&error) => Ok(Next::AlreadyCredited),
        Err(error) => Err(error.into()),
    }
}

/// The sum is made by the database: a balance that was read before could be another's by now.
async fn add(payment: &Payment, connection: &mut Lease) -> Result<u64, CreditError> {
    let update = sqlx::query("UPDATE account_info SET account_balance = account_balance + ? WHERE account_no = ?");
    let updated = payment
        .amount
        .bind_to(update)
        .bind(payment.account_no.as_str())
        .execute(&mut **connection)
        .await?;
    Ok(updated.rows_affected())
}

#[cfg(test)]
mod tests {
    use service_common::policy::Policy;

    use super::*;

    #[test]
    fn the_correct_credit_is_one_transaction_with_the_dedup_row_first() {
        assert_eq!(
            plan(Dedup::default(), Transactions::default()),
            [&[Step::Record, Step::Credit]]
        );
    }

    #[test]
    fn every_plan_credits_once() {
        for (_, dedup) in Dedup::VALUES {
            for (_, transactions) in Transactions::VALUES {
                let steps: Vec<Step> = plan(*dedup, *transactions).concat();
                assert_eq!(
                    steps.iter().filter(|step| **step == Step::Credit).count(),
                    1,
                    "{dedup} {transactions}"
                );
            }
        }
    }

    #[test]
    fn two_transactions_commit_the_dedup_row_before_the_credit() {
        for dedup in [Dedup::InsertFirst, Dedup::CheckThenInsert] {
            let plan = plan(dedup, Transactions::Two);
            assert!(plan[0].contains(&Step::Record));
            assert_eq!(plan[1], [Step::Credit]);
        }
    }
}
