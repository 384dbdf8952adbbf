//! Prepared statements of a connection: what they are called, and the types that the server knows of their parameters.
//!
//! Never: grows with the number of statements that a run prepares; the oldest are forgotten.

use std::collections::{BTreeMap, BTreeSet};

use super::handshake::Capabilities;
use super::packet::{HEADER_BYTES, Head, Reader};
use super::parameters::Execute;
use super::statement::Statement;
use crate::wire::correlation::{Finder, Found};

/// So many statements of a connection are known by name.
const STATEMENTS_MAX: usize = 4096;
/// Longer types are not kept.
const TYPES_BYTES_MAX: usize = 4096;
/// Parameters of one statement that came in commands of their own.
const SENT_BEFORE_MAX: usize = 1024;

/// A prepared statement.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) statement: Statement,
    parameters: u16,
    /// The types of its parameters, as they came last; None where they are too long to be kept.
    types: Option<Vec<u8>>,
    /// The server has not seen these types: the command that brought them was refused.
    pub(super) types_owed: bool,
    /// Parameters that came in commands of their own since the last execution.
    sent_before: BTreeSet<u16>,
}

/// What an EXECUTE is, besides its name.
pub(super) struct Executed {
    /// Its keys.
    pub(super) found: Found,
    /// It tells the server types, which the client will not say again.
    pub(super) brings_types: bool,
    /// The link may answer it in the server's place.
    pub(super) may_be_refused: bool,
    /// What must be put into the packet, and where, because the server does not know it.
    pub(super) owed: Option<(usize, Vec<u8>)>,
}

impl Prepared {
    /// Takes an EXECUTE of this statement.
    pub(super) fn execute(&mut self, head: &Head<'_>, capabilities: Capabilities, finder: &Finder) -> Executed {
        let sent_before = std::mem::take(&mut self.sent_before);
        let execute = Execute::read(head.bytes, self.parameters, capabilities);
        let wanted: Vec<usize> = self.statement.parameters().collect();
        let mut numbers = Vec::new();
        if let Some(execute) = &execute
            && sent_before.len() < SENT_BEFORE_MAX
        {
            let before = |at: usize| u16::try_from(at).is_ok_and(|at| sent_before.contains(&at));
            numbers = execute.numbers(self.types.as_deref().unwrap_or_default(), &wanted, before);
        }
        let found = self.statement.keys(finder, |at| {
            let found = numbers.iter().find(|(parameter, _)| *parameter == at);
            found.map(|(_, number)| number.clone())
        });
        let (brings_types, owed) = self.types(head, execute.as_ref());
        Executed {
            found,
            brings_types,
            may_be_refused: self.statement.may_wait
                && head.is_whole()
                && sent_before.is_empty()
                && !(brings_types && self.types.is_none()),
            owed,
        }
    }

    /// Keeps the types that stand in an EXECUTE, or says what it lacks.
    fn types(&mut self, head: &Head<'_>, execute: Option<&Execute<'_>>) -> (bool, Option<(usize, Vec<u8>)>) {
        let Some(execute) = execute else {
            return (false, None);
        };
        if let Some(types) = execute.types {
            self.types = (types.len() <= TYPES_BYTES_MAX).then(|| types.to_vec());
            self.types_owed = false;
            return (true, None);
        }
        if !self.types_owed || !head.is_whole() {
            return (false, None);
        }
        self.types_owed = false;
        let owed = self
            .types
            .clone()
            .map(|types| (HEADER_BYTES + execute.types_flag_at, types));
        (owed.is_some(), owed)
    }

    /// Forgets what came for the next execution.
    pub(super) fn reset(&mut self) {
        self.sent_before.clear();
    }
}

/// The prepared statements of a connection, by their number.
#[derive(Debug, Default)]
pub(super) struct Statements(BTreeMap<u32, Prepared>);

impl Statements {
    pub(super) fn add(&mut self, number: u32, parameters: u16, statement: Statement) {
        let prepared = Prepared {
            statement,
            parameters,
            types: Some(Vec::new()),
            types_owed: false,
            sent_before: BTreeSet::new(),
        };
        self.0.insert(number, prepared);
        if self.0.len() > STATEMENTS_MAX {
            self.0.pop_first();
        }
    }

    /// The statement that a command is about: its number stands behind the command's first byte.
    pub(super) fn of(&mut self, head: &Head<'_>) -> Option<(u32, &mut Prepared)> {
        let number = number(head)?;
        self.0.get_mut(&number).map(|prepared| (number, prepared))
    }

    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut Prepared> {
        self.0.get_mut(&number)
    }

    pub(super) fn close(&mut self, head: &Head<'_>) {
        if let Some(number) = number(head) {
            self.0.remove(&number);
        }
    }

    /// Notes that a parameter (its number stands behind the statement's) comes in a command of its own.
    pub(super) fn sent_before(&mut self, head: &Head<'_>) {
        let parameter = Reader(head.bytes.get(5..).unwrap_or_default()).number(2);
        if let (Some((_, prepared)), Some(parameter)) = (self.of(head), parameter)
            && prepared.sent_before.len() < SENT_BEFORE_MAX
        {
            prepared.sent_before.insert(parameter as u16);
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

fn number(head: &Head<'_>) -> Option<u32> {
    let mut rest = Reader(head.bytes);
    rest.take(1)?;
    rest.number(4).map(|number| number as u32)
}
