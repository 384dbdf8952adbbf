//! What the client sends: the answer to the greeting, commands, and the files that the server asks for.
//!
//! Never: keeps anything of the answer to the greeting but capabilities and the character set.

use paytwice_checkers::history::Role;

use super::charset::Charset;
use super::command::Command;
use super::packet::{Broken, Head};
use super::reply::Reply;
use super::statement::{Statement, Turn};
use super::{Asked, Asking, MySql, Phase, UNANSWERED_MAX, handshake, parameters};
use crate::wire::core::Label;
use crate::wire::correlation::Found;
use crate::wire::keys::Keys;

/// What is to be noted about a command.
struct Noted {
    name: String,
    turn: Turn,
    role: Role,
    /// The gtrid of the XA transaction that it is about.
    gtrid: Option<String>,
    /// The savepoint that it is about.
    savepoint: Option<String>,
    /// The character set of what comes behind it.
    charset: Option<Charset>,
    /// Keys found in it.
    own: Found,
    /// What comes back; None for nothing.
    reply: Option<Reply>,
    may_be_refused: bool,
}

impl Noted {
    fn new(name: impl Into<String>, reply: Reply) -> Noted {
        Noted {
            name: name.into(),
            turn: Turn::Within,
            role: Role::Plain,
            gtrid: None,
            savepoint: None,
            charset: None,
            own: Found::default(),
            reply: Some(reply),
            may_be_refused: false,
        }
    }

    fn unanswered(name: &str) -> Noted {
        Noted {
            reply: None,
            ..Noted::new(name, Reply::One)
        }
    }
}

impl MySql {
    /// Takes the next packet of the client; true when it is the last of its frame.
    pub(super) fn request(&mut self, head: &Head<'_>) -> Result<bool, Broken> {
        match self.phase {
            Phase::Greeting | Phase::Bytes => Err(Broken),
            Phase::Login { offered, encrypted } => {
                let taken = handshake::taken(head.bytes).ok_or(Broken)?;
                if self.ends_tls && !encrypted && offered.wants_tls(taken, head.length) {
                    self.starts_tls = true;
                    self.phase = Phase::Login {
                        offered,
                        encrypted: true,
                    };
                    return Ok(true);
                }
                self.capabilities = offered.agreed(taken, encrypted).ok_or(Broken)?;
                self.dialect.charset = handshake::charset(head.bytes);
                self.phase = Phase::Questions;
                self.note(head, Noted::new("CONNECT", Reply::Login));
                Ok(true)
            }
            Phase::Questions => Ok(true),
            Phase::File => {
                let is_last = head.length == 0;
                if is_last {
                    self.phase = Phase::Commands;
                    self.asking.label = Some(Label::plain("LOCAL INFILE", Keys::default()));
                }
                Ok(is_last)
            }
            Phase::Commands if self.unanswered.len() >= UNANSWERED_MAX => Err(Broken),
            Phase::Commands => self.command(head).map(|()| true),
        }
    }

    fn command(&mut self, head: &Head<'_>) -> Result<(), Broken> {
        let noted = match Command::of(head.first()?) {
            Command::Query => self.query(head),
            Command::Prepare => {
                self.prepare(head);
                return Ok(());
            }
            Command::Execute => {
                self.execute(head);
                return Ok(());
            }
            Command::Fetch => {
                let statement = self.statements.of(head);
                let name = statement.map_or("STATEMENT", |(_, prepared)| &prepared.statement.name);
                Noted::new(format!("FETCH {name}"), Reply::Rows)
            }
            Command::SendLongData => {
                self.statements.sent_before(head);
                Noted::unanswered("SEND LONG DATA")
            }
            Command::CloseStatement => {
                self.statements.close(head);
                Noted::unanswered("CLOSE STATEMENT")
            }
            Command::ResetStatement => {
                if let Some((_, prepared)) = self.statements.of(head) {
                    prepared.reset();
                }
                Noted::new("RESET STATEMENT", Reply::One)
            }
            Command::ChangeUser => {
                self.phase = Phase::Questions;
                self.begin_anew();
                self.dialect.charset = handshake::changed_charset(head.bytes).unwrap_or_default();
                Noted::new("CHANGE USER", Reply::Login)
            }
            Command::ResetConnection => {
                self.begin_anew();
                Noted::new("RESET CONNECTION", Reply::One)
            }
            Command::FieldList => Noted::new("FIELD LIST", Reply::Rows),
            Command::Quit => Noted::unanswered("QUIT"),
            Command::Simple(name) => Noted::new(name, Reply::One),
            Command::Other(byte) => Noted::new(format!("COMMAND {byte}"), Reply::Result),
            Command::Stream => return Err(Broken),
        };
        self.note(head, noted);
        Ok(())
    }

    fn query(&self, head: &Head<'_>) -> Noted {
        let sql = parameters::sql(head.bytes, self.capabilities).unwrap_or_default();
        let statement = Statement::read(sql, head.is_whole(), self.dialect, &self.terms.finder);
        Noted {
            turn: statement.turn,
            role: statement.role,
            own: statement.keys(&self.terms.finder, |_| None),
            gtrid: statement.gtrid,
            savepoint: statement.savepoint,
            charset: statement.charset,
            may_be_refused: statement.may_wait && head.is_whole(),
            ..Noted::new(statement.name, Reply::Result)
        }
    }

    fn prepare(&mut self, head: &Head<'_>) {
        let sql = head.bytes.get(1..).unwrap_or_default();
        let statement = Statement::read(sql, head.is_whole(), self.dialect, &self.terms.finder);
        self.note(head, Noted::new(format!("PREPARE {}", statement.name), Reply::Prepared));
        if let Some(asked) = self.unanswered.back_mut() {
            asked.prepares = Some(statement);
        }
    }

    fn execute(&mut self, head: &Head<'_>) {
        let Some((number, prepared)) = self.statements.of(head) else {
            return self.note(head, Noted::new("EXECUTE STATEMENT", Reply::Result));
        };
        let executed = prepared.execute(head, self.capabilities, &self.terms.finder);
        let noted = Noted {
            turn: prepared.statement.turn,
            role: prepared.statement.role,
            gtrid: prepared.statement.gtrid.clone(),
            savepoint: prepared.statement.savepoint.clone(),
            charset: prepared.statement.charset,
            own: executed.found,
            may_be_refused: executed.may_be_refused,
            ..Noted::new(prepared.statement.name.clone(), Reply::Result)
        };
        self.note(head, noted);
        self.asking.owed = executed.owed;
        if let Some(asked) = self.unanswered.back_mut() {
            asked.executes = Some((number, executed.brings_types));
        }
    }

    /// Names the command that begins, and waits for its reply.
    fn note(&mut self, head: &Head<'_>, noted: Noted) {
        let commits = noted.turn == Turn::AutocommitOn && self.transaction.is_committed_by_autocommit();
        let label = Label {
            keys: self.keys(&noted),
            name: noted.name,
            role: if commits { Role::Committed } else { noted.role },
        };
        self.commands += 1;
        self.asking = Asking {
            label: Some(label.clone()),
            number: self.commands,
            owed: None,
        };
        let Some(reply) = noted.reply else {
            return;
        };
        self.unanswered.push_back(Asked {
            number: self.commands,
            label,
            turn: noted.turn,
            // Questions that were asked meanwhile change the count.
            sequence: (!head.is_continued() && reply != Reply::Login).then_some(1),
            reply,
            own: false,
            charset: noted.charset,
            prepares: None,
            executes: None,
            may_be_refused: noted.may_be_refused,
        });
    }

    /// The keys that a command carries: its own, those of its transaction, and those that were seen in other branches of
    /// its XA transaction, whichever connection they were on.
    fn keys(&mut self, noted: &Noted) -> Keys {
        let mut own = noted.own.clone();
        if let Some(gtrid) = &noted.gtrid {
            self.terms.finder.gtrid(gtrid, &mut own);
            own.keys.join(&self.terms.branches().of([gtrid.as_str()]));
        }
        let branch = self.transaction.branch().map(str::to_owned);
        let keys = self.transaction.asked(noted.turn, noted.savepoint.as_deref(), own.keys);
        if let (Turn::Begins, Some(gtrid)) = (noted.turn, &noted.gtrid) {
            self.transaction.is_branch_of(gtrid);
        }
        if let Some(gtrid) = noted.gtrid.as_ref().or(branch.as_ref()) {
            self.terms.branches().learn(gtrid, &keys);
        }
        self.terms.finder.count(&keys, &own.could);
        keys
    }

    /// The server forgets statements and the open transaction.
    fn begin_anew(&mut self) {
        self.statements.clear();
        self.transaction.forget();
        self.dialect.charset = self.greeted;
    }
}
