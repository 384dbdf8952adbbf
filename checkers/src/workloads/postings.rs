//! `postings`: `credit [account amount]`, `debit`, `transfer` and `read [account balance]`, judged by
//! [`postings`](crate::accounts::postings).
//!
//! `transfer {:from a, :to b, :amount n}` is a debit and a credit. A read asks for one account, `[account nil]`, and is
//! answered with its balance. Amounts are whole numbers, in the smallest unit.

use crate::accounts::postings::{Event, Options as Judged, Postings};
use crate::ops::{Kind, Op, Ref};
use crate::streaming::{At, Streaming};
use crate::verdict::CheckerResult;

use super::options::{OptionError, wrong};
use super::support::{
    Clients, Forms, Misfit, Named, Processes, at, client, decided, keyed, misfit, unknown_f, whole, whole_of,
};
use super::{Context, Entry, Workload};

pub(super) const ENTRY: Entry = Entry {
    name: "postings",
    about: "every balance that is read is one that the postings before it explain",
    options: &[
        ("initial", "what every account begins with; 0 by default"),
        (
            "eventual",
            "true: balances may lag behind, only the last of each account is judged",
        ),
    ],
    decides: &[decided(
        "each balance on its own, against what must and what may have been posted by then; not whether two of them contradict each other within those bounds",
    )],
    make,
};

/// What a client asked for.
#[derive(Clone, Copy)]
enum Ask {
    /// Under the client's first number.
    Post,
    /// Under both of its numbers.
    Transfer,
    /// Of this account, under its first number.
    Read(u32),
}

struct Ledger {
    postings: Postings,
    initial: i128,
    accounts: Forms,
    /// How many accounts have begun: those with a number below.
    opened: u32,
    processes: Processes,
    clients: Clients<Ask>,
}

fn make(context: &Context) -> Result<Box<dyn Workload>, OptionError> {
    let postings = Postings::new(Judged {
        eventual: context.options.flag("eventual")?,
    });
    let initial = context.options.get("initial").unwrap_or("0");
    let initial = whole_of(initial).ok_or_else(|| wrong("initial", initial, "a whole number"))?;
    Ok(Box::new(Ledger {
        postings,
        initial,
        accounts: Forms::default(),
        opened: 0,
        processes: Processes::default(),
        clients: Clients::default(),
    }))
}

impl Workload for Ledger {
    fn push(&mut self, op: &Op) -> Result<(), Misfit> {
        let Some(client) = client(op) else { return Ok(()) };
        // A transfer is two operations to the checker.
        let first = self.processes.id(client) * 2;
        if op.kind == Kind::Invoke {
            let ask = self.ask(op, first)?;
            return self.clients.begin(client, op, ask);
        }
        let Some((_, ask)) = self.clients.end(client, op)? else {
            return Ok(());
        };
        if let Ask::Read(account) = ask {
            return self.answer(op, first, account);
        }
        let end = match op.kind {
            Kind::Ok => Event::Posted,
            Kind::Fail => Event::PostFailed,
            Kind::Info | Kind::Invoke => Event::PostUnknown,
        };
        self.postings.push(at(op), end(first));
        if let Ask::Transfer = ask {
            self.postings.push(at(op), end(first + 1));
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> CheckerResult {
        self.postings.finish_named(&Named {
            ids: &self.accounts,
            keys: &self.accounts,
        })
    }
}

impl Ledger {
    fn ask(&mut self, op: &Op, first: u32) -> Result<Ask, Misfit> {
        let amount = |form: Ref| whole(form).ok_or_else(|| misfit(op, "an amount, as a whole number", form));
        let at = at(op);
        match op.f {
            "credit" | "debit" => {
                let (account, form) = keyed(op, "a posting [account amount]")?;
                let account = self.account(at, account);
                let amount = if op.f == "debit" { -amount(form)? } else { amount(form)? };
                self.postings.push(
                    at,
                    Event::Post {
                        op: first,
                        account,
                        amount,
                    },
                );
                Ok(Ask::Post)
            }
            "transfer" => {
                let part = |name| op.value.get(name);
                let parts = part("from").zip(part("to")).zip(part("amount"));
                let ((from, to), form) =
                    parts.ok_or_else(|| misfit(op, "a transfer {:from a, :to b, :amount n}", op.value))?;
                let amount = amount(form)?;
                for (op, account, amount) in [(first, from, -amount), (first + 1, to, amount)] {
                    let account = self.account(at, account);
                    self.postings.push(at, Event::Post { op, account, amount });
                }
                Ok(Ask::Transfer)
            }
            "read" => {
                let (account, _) = keyed(op, "an account to read, [account nil]")?;
                let account = self.account(at, account);
                self.postings.push(at, Event::ReadInvoked { op: first, account });
                Ok(Ask::Read(account))
            }
            _ => Err(unknown_f(op, "credit, debit, transfer or read")),
        }
    }

    fn answer(&mut self, op: &Op, first: u32, asked: u32) -> Result<(), Misfit> {
        if op.kind != Kind::Ok {
            return Ok(());
        }
        let (account, balance) = keyed(op, "a balance [account balance]")?;
        if self.accounts.id(account) != asked {
            let expected = format!(
                "a balance of account {}, which was asked for",
                self.accounts.name(asked)
            );
            return Err(misfit(op, &expected, op.value));
        }
        let balance = whole(balance).ok_or_else(|| misfit(op, "a balance, as a whole number", balance))?;
        self.postings.push(at(op), Event::Balance { op: first, balance });
        Ok(())
    }

    /// The number of an account, which begins when it is first named.
    fn account(&mut self, at: At, form: Ref) -> u32 {
        let account = self.accounts.id(form);
        if account >= self.opened {
            self.opened = account + 1;
            let balance = self.initial;
            self.postings.push(at, Event::Opened { account, balance });
        }
        account
    }
}
