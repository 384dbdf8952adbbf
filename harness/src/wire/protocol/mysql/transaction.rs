//! The open transaction of a connection, and the keys in it.
//!
//! Opened and ended by what the client says and by what the server answers, so that implicit commits and connections with
//! autocommit off (Java drivers: `SET autocommit=0`) are seen too: with it off, a connection is always in a transaction.
//! The branch of an XA transaction is held by its connection from XA START until XA PREPARE, XA COMMIT or XA ROLLBACK.
//! Savepoints end nothing. Never: holds more than a bounded list of keys.

use super::reply::Status;
use super::statement::Turn;
use crate::wire::keys::Keys;

/// What is known of the open transaction.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    /// Its keys; None where none is open.
    open: Option<Keys>,
    /// The gtrid of the XA transaction that it is a branch of.
    branch: Option<String>,
}

impl Transaction {
    /// Takes a command with the keys found in it; gives those that it carries: its own, and of other keys those of the
    /// transaction.
    pub(super) fn asked(&mut self, turn: Turn, own: Keys) -> Keys {
        match (turn, &mut self.open) {
            (Turn::Begins, open) => {
                *open = Some(own.clone());
                self.branch = None;
                own
            }
            (Turn::Ends, open) => {
                let mut all = open.take().unwrap_or_default();
                all.join(&own);
                self.branch = None;
                all
            }
            (Turn::Within, Some(open)) => {
                let carried = own.clone().or(open);
                open.join(&own);
                carried
            }
            (Turn::Within, None) => own,
        }
    }

    /// The transaction that has just begun is a branch of this XA transaction.
    pub(super) fn is_branch_of(&mut self, gtrid: &str) {
        self.branch = Some(gtrid.to_owned());
    }

    /// The gtrid of the XA transaction whose branch is open here.
    pub(super) fn branch(&self) -> Option<&str> {
        self.branch.as_deref()
    }

    /// The server says how things stand behind a command, which carried these keys.
    pub(super) fn answered(&mut self, status: Status, turn: Turn, keys: &Keys) {
        match (status.in_transaction(), &self.open) {
            (false, _) if self.branch.is_some() => {}
            (false, _) => self.open = (!status.autocommit()).then(Keys::default),
            (true, None) if turn == Turn::Within => self.open = Some(keys.clone()),
            (true, None) => self.open = Some(Keys::default()),
            (true, Some(_)) => {}
        }
    }

    /// The server refused a command: what it was to begin has not begun.
    pub(super) fn refused(&mut self, turn: Turn) {
        if turn == Turn::Begins && self.branch.is_some() {
            self.forget();
        }
    }

    /// The connection begins anew.
    pub(super) fn forget(&mut self) {
        *self = Transaction::default();
    }
}
