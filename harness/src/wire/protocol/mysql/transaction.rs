//! The open transaction of a connection, and the numbers of the payments in it.
//!
//! Opened and ended by what the client says and by what the server answers, so that transactions without a BEGIN
//! (autocommit switched off) and implicit commits are seen too. Never: holds more than a bounded list of numbers.

use super::statement::Turn;

/// So many numbers of one transaction are kept.
const NUMBERS_MAX: usize = 256;

/// The numbers in the open transaction; None where none is open.
#[derive(Debug, Default)]
pub(super) struct Transaction(Option<Vec<String>>);

impl Transaction {
    /// Takes a command with the numbers found in it; gives those that it carries.
    pub(super) fn asked(&mut self, turn: Turn, own: Vec<String>) -> Vec<String> {
        match (turn, &mut self.0) {
            (Turn::Begins, open) => {
                *open = Some(own.clone());
                own
            }
            (Turn::Ends, open) => {
                let mut all = open.take().unwrap_or_default();
                join(&mut all, &own);
                all
            }
            (Turn::Within, Some(open)) if own.is_empty() => open.clone(),
            (Turn::Within, Some(open)) => {
                join(open, &own);
                own
            }
            (Turn::Within, None) => own,
        }
    }

    /// The server says whether a transaction is open behind a command, which carried these numbers.
    pub(super) fn answered(&mut self, is_open: bool, turn: Turn, tx: &[String]) {
        match (is_open, &self.0) {
            (false, _) => self.0 = None,
            (true, None) if turn == Turn::Within => self.0 = Some(tx.to_vec()),
            (true, None) => self.0 = Some(Vec::new()),
            (true, Some(_)) => {}
        }
    }

    /// The connection begins anew.
    pub(super) fn forget(&mut self) {
        self.0 = None;
    }
}

fn join(all: &mut Vec<String>, more: &[String]) {
    for number in more {
        if all.len() < NUMBERS_MAX && !all.contains(number) {
            all.push(number.clone());
        }
    }
}
