//! `mutex`: `acquire` and `release`, judged for linearizability ([`locks`](crate::linear::locks)).

use crate::linear::models::mutex::Ask;
use crate::linear::{Operation, locks};
use crate::ops::{Kind, Op};
use crate::verdict::CheckerResult;

use super::options::OptionError;
use super::support::{Clients, Misfit, client, decided, unknown_f};
use super::{Context, Entry, Workload};

pub(super) const ENTRY: Entry = Entry {
    name: "mutex",
    about: "linearizability of a mutex that is acquired and released",
    options: &[],
    decides: &[decided(
        "linearizability: an operation takes place when it has to, and the earliest deadline first",
    )],
    make,
};

#[derive(Default)]
struct Mutex {
    history: Vec<Operation<Ask, ()>>,
    clients: Clients<Ask>,
}

#[expect(clippy::unnecessary_wraps, reason = "as every workload is made")]
fn make(_: &Context) -> Result<Box<dyn Workload>, OptionError> {
    Ok(Box::new(Mutex::default()))
}

impl Workload for Mutex {
    fn push(&mut self, op: &Op) -> Result<(), Misfit> {
        let Some(client) = client(op) else { return Ok(()) };
        self.clients.follow(op)?;
        if op.kind == Kind::Invoke {
            let ask = match op.f {
                "acquire" | "lock" => Ask::Acquire,
                "release" | "unlock" => Ask::Release,
                _ => return Err(unknown_f(op, "acquire or release")),
            };
            return self.clients.begin(client, op, ask);
        }
        let Some((invoke, ask)) = self.clients.end(client, op)? else {
            return Ok(());
        };
        match op.kind {
            Kind::Ok => self
                .history
                .push(Operation::ok(client.cast_unsigned(), ask, invoke, (), op.index)),
            Kind::Info => self.history.push(Operation::info(client.cast_unsigned(), ask, invoke)),
            Kind::Fail | Kind::Invoke => {}
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> CheckerResult {
        for (client, invoke, ask) in self.clients.rest() {
            self.history.push(Operation::info(client.cast_unsigned(), ask, invoke));
        }
        locks::check(&self.history)
    }
}
