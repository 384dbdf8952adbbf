//! Answers in the server's place: the errors with which InnoDB ends a statement that waited for a lock.
//!
//! A lock wait timeout undoes the statement alone, so it is enough not to pass it on. A deadlock undoes the
//! transaction, so a ROLLBACK goes on in the statement's place and its answer ends here. Only statements that name a
//! table are answered so: BEGIN waits for nothing, and COMMIT cannot fail like this on one server. Never: answers before
//! what was asked earlier is answered, or lets the server miss what later commands build upon.

use paytwice_checkers::history::{Deed, Role};

use super::packet::packet;
use super::reply::Reply;
use super::statement::Turn;
use super::{Asked, MySql};
use crate::wire::Refusal;
use crate::wire::core::{Frame, FrameKind, Label, Refused};
use crate::wire::keys::Keys;

const QUERY: u8 = 0x03;

impl MySql {
    pub(super) fn refused(&mut self, frame: &Frame, error: Refusal) -> Option<Refused> {
        let (code, state, text, undoes_transaction) = match error {
            Refusal::LockWaitTimeout => (1205u16, "HY000", "Lock wait timeout exceeded", false),
            Refusal::Deadlock => (1213, "40001", "Deadlock found when trying to get lock", true),
            _ => return None,
        };
        let place = self.place_of(frame)?;
        let asked = self.unanswered.remove(place)?;
        if let Some((number, true)) = asked.executes
            && let Some(prepared) = self.statements.get_mut(number)
        {
            prepared.types_owed = true;
        }
        let payload = [
            &[0xff][..],
            &code.to_le_bytes(),
            b"#",
            state.as_bytes(),
            text.as_bytes(),
            b"; try restarting transaction",
        ];
        let answer = packet(1, &payload.concat());
        let answer = Frame::named(answer.into(), FrameKind::Plain, asked.label.reply());
        Some(Refused {
            answer: answer.did(Deed::Answered(code.into())),
            instead: undoes_transaction.then(|| self.roll_back(place)),
        })
    }

    /// Where the command waits, if it may be answered now.
    fn place_of(&self, frame: &Frame) -> Option<usize> {
        let place = self.unanswered.iter().position(|asked| asked.number == frame.asked)?;
        let asked = self.unanswered.get(place)?;
        let first = self.unanswered.iter().take(place).all(|earlier| earlier.own);
        let statement = |asked: &Asked| asked.executes.map(|(number, _)| number);
        let again = |later: &Asked| asked.executes.is_some() && statement(later) == statement(asked);
        let built_upon = self.unanswered.iter().skip(place + 1).any(again);
        (frame.asked != 0 && asked.may_be_refused && first && !built_upon).then_some(place)
    }

    fn roll_back(&mut self, place: usize) -> Frame {
        let label = Label {
            name: "ROLLBACK".to_owned(),
            role: Role::RolledBack,
            keys: Keys::default(),
        };
        let bytes = packet(
            0,
            &[&[QUERY][..], &self.no_attributes(), label.name.as_bytes()].concat(),
        );
        let request = label.request();
        let own = Asked {
            number: 0,
            label,
            turn: Turn::Ends,
            reply: Reply::Result,
            sequence: Some(1),
            own: true,
            charset: None,
            prepares: None,
            executes: None,
            may_be_refused: false,
        };
        self.unanswered.insert(place, own);
        Frame::named(bytes.into(), FrameKind::Plain, request).did(Deed::FromLink)
    }

    /// What stands before the SQL of a query without attributes, where there may be some: their count, and one set.
    fn no_attributes(&self) -> Vec<u8> {
        match self.capabilities.query_attributes() {
            true => vec![0, 1],
            false => Vec::new(),
        }
    }
}
