//! The open transaction of a connection, and the keys in it.
//!
//! Opened and ended by what the client says and by what the server answers, so that implicit commits and connections with
//! autocommit off (Java drivers: `SET autocommit=0`) are seen too: with it off, a connection is always in a transaction, and
//! to turn it on commits. The branch of an XA transaction is held by its connection from XA START until XA PREPARE, XA COMMIT
//! or XA ROLLBACK. Savepoints end nothing; what is rolled back to one leaves the transaction. Never: holds more than a
//! bounded list of keys, or of savepoints.

use super::reply::Status;
use super::statement::Turn;
use crate::wire::keys::Keys;

/// Older savepoints than this many are forgotten.
const SAVEPOINTS_MAX: usize = 64;

/// What is known of the open transaction.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    /// Its keys; None where none is open.
    open: Option<Keys>,
    /// The server has said that it has begun.
    begun: bool,
    /// Statements do not commit by themselves.
    autocommit_off: bool,
    /// Its savepoints by name, with the keys that it had then.
    savepoints: Vec<(String, Keys)>,
    /// The keys that it has again should the server refuse to roll back to a savepoint.
    undone: Option<Keys>,
    /// The gtrid of the XA transaction that it is a branch of.
    branch: Option<String>,
}

impl Transaction {
    /// Takes a command with the keys found in it; gives those that it carries: its own, and of other keys those of the
    /// transaction. `savepoint` is the name of the one that it is about.
    pub(super) fn asked(&mut self, turn: Turn, savepoint: Option<&str>, own: Keys) -> Keys {
        match turn {
            Turn::Begins => {
                self.end();
                self.open = Some(own.clone());
                return own;
            }
            Turn::Ends => return self.take_all(&own),
            Turn::AutocommitOn if self.autocommit_off => {
                self.autocommit_off = false;
                return self.take_all(&own);
            }
            Turn::AutocommitOff => {
                self.autocommit_off = true;
                self.open.get_or_insert_default();
            }
            Turn::Within | Turn::AutocommitOn | Turn::Saves | Turn::RollsBackTo | Turn::Releases => {}
        }
        let Some(open) = &mut self.open else {
            return own;
        };
        let carried = own.clone().or(open);
        open.join(&own);
        if let Some(savepoint) = savepoint {
            self.at_savepoint(turn, savepoint);
        }
        carried
    }

    /// Whether turning autocommit on commits something.
    pub(super) fn is_committed_by_autocommit(&self) -> bool {
        let has_keys = self.open.as_ref().is_some_and(|open| !open.is_empty());
        self.autocommit_off && (self.begun || has_keys)
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
        self.begun = status.in_transaction();
        self.autocommit_off = !status.autocommit();
        self.undone = None;
        match (self.begun, &self.open) {
            (false, _) if self.branch.is_some() => {}
            (false, _) => {
                self.savepoints.clear();
                self.open = self.autocommit_off.then(Keys::default);
            }
            (true, None) if turn == Turn::Within => self.open = Some(keys.clone()),
            (true, None) => self.open = Some(Keys::default()),
            (true, Some(_)) => {}
        }
    }

    /// The server refused a command: what it was to do has not been done.
    pub(super) fn refused(&mut self, turn: Turn) {
        match turn {
            Turn::Begins if self.branch.is_some() => self.forget(),
            Turn::RollsBackTo => self.open = self.undone.take().or(self.open.take()),
            _ => {}
        }
    }

    /// The connection begins anew.
    pub(super) fn forget(&mut self) {
        *self = Transaction::default();
    }

    fn take_all(&mut self, own: &Keys) -> Keys {
        let mut all = self.open.take().unwrap_or_default();
        all.join(own);
        self.end();
        all
    }

    fn end(&mut self) {
        self.open = None;
        self.branch = None;
        self.undone = None;
        self.savepoints.clear();
    }

    fn at_savepoint(&mut self, turn: Turn, name: &str) {
        let Some(open) = &mut self.open else { return };
        let known = self
            .savepoints
            .iter()
            .position(|(known, _)| known.eq_ignore_ascii_case(name));
        match (turn, known) {
            (Turn::Saves, known) => {
                if let Some(known) = known {
                    self.savepoints.remove(known);
                }
                self.savepoints.push((name.to_owned(), open.clone()));
                if self.savepoints.len() > SAVEPOINTS_MAX {
                    self.savepoints.remove(0);
                }
            }
            // It stays, and those behind it go.
            (Turn::RollsBackTo, Some(known)) => {
                self.savepoints.truncate(known + 1);
                let then = self.savepoints[known].1.clone();
                self.undone = Some(std::mem::replace(open, then));
            }
            (Turn::Releases, Some(known)) => self.savepoints.truncate(known),
            _ => {}
        }
    }
}
