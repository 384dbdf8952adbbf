//! `bank`: `transfer` and `read` of `{account balance}`, judged by [`bank`](crate::accounts::bank).

use crate::accounts::bank::{Bank, Options as Judged, Read};
use crate::ops::{Kind, Op, Ref, Value};
use crate::streaming::Streaming;
use crate::verdict::CheckerResult;

use super::options::OptionError;
use super::support::{Forms, Misfit, Named, at, client, decided, misfit, unknown_f, whole};
use super::{Context, Entry, Workload};

pub(super) const ENTRY: Entry = Entry {
    name: "bank",
    about: "every read of all accounts adds up to the same total",
    options: &[
        ("negative-balances", "true: balances may be negative"),
        (
            "total",
            "what the balances add up to; what the first read adds up to by default",
        ),
    ],
    decides: &[decided(
        "each read of all accounts on its own; transfers are not looked at",
    )],
    make,
};

struct Accounts {
    bank: Bank,
    accounts: Forms,
    read: Vec<(u32, Option<i128>)>,
}

fn make(context: &Context) -> Result<Box<dyn Workload>, OptionError> {
    let bank = Bank::new(Judged {
        accounts: None,
        total: context.options.value("total", "a whole number")?,
        negative_balances: context.options.flag("negative-balances")?,
    });
    Ok(Box::new(Accounts {
        bank,
        accounts: Forms::default(),
        read: Vec::new(),
    }))
}

impl Workload for Accounts {
    fn push(&mut self, op: &Op) -> Result<(), Misfit> {
        if client(op).is_none() {
            return Ok(());
        }
        match (op.f, op.kind) {
            ("read", Kind::Ok) => {}
            ("read" | "transfer", _) => return Ok(()),
            _ => return Err(unknown_f(op, "read or transfer")),
        }
        let entries = op.value.entries();
        let entries = entries.ok_or_else(|| misfit(op, "a map of accounts to balances", op.value))?;
        self.read.clear();
        for (account, balance) in entries {
            let balance = balance_of(balance).ok_or_else(|| misfit(op, "a balance", balance))?;
            self.read.push((self.accounts.id(account), balance));
        }
        self.bank.push(at(op), Read(&self.read));
        Ok(())
    }

    fn finish(self: Box<Self>) -> CheckerResult {
        self.bank.finish_named(&Named {
            ids: &self.accounts,
            keys: &self.accounts,
        })
    }
}

/// A whole number, or nil; None where it is neither.
fn balance_of(form: Ref) -> Option<Option<i128>> {
    match form.value() {
        Value::Nil => Some(None),
        _ => whole(form).map(Some),
    }
}
