//! `idempotent-requests`: `request [id payload]` and `read`, judged by [`idempotency`](crate::accounts::idempotency).
//!
//! A request is sent again under its id, with its payload or (a divergence) with another; ok is accepted, fail is
//! refused without effect. `read [[id payload] ...]` shows every record; the last one counts, and it is final when
//! nothing was sent or accepted since it began.

use crate::accounts::idempotency::{Event, Idempotency};
use crate::ops::{Kind, Op};
use crate::streaming::Streaming;
use crate::verdict::CheckerResult;

use super::last_read::LastRead;
use super::options::OptionError;
use super::support::{Clients, Forms, Misfit, Named, at, client, decided, keyed, misfit, unknown_f};
use super::{Context, Entry, Workload};

pub(super) const ENTRY: Entry = Entry {
    name: "idempotent-requests",
    about: "one request id means one payload and one record, however often it is sent",
    options: &[],
    decides: &[decided(
        "answers and final records of each request; unknown until the records were read to the end",
    )],
    make,
};

#[derive(Default)]
struct Requests {
    checker: Idempotency,
    requests: Forms,
    payloads: Forms,
    open: Clients<(u32, u32)>,
    records: LastRead<(u32, u32)>,
}

#[expect(clippy::unnecessary_wraps, reason = "as every workload is made")]
fn make(_: &Context) -> Result<Box<dyn Workload>, OptionError> {
    Ok(Box::new(Requests::default()))
}

impl Workload for Requests {
    fn push(&mut self, op: &Op) -> Result<(), Misfit> {
        let Some(client) = client(op) else { return Ok(()) };
        match (op.f, op.kind) {
            ("request", _) => self.request(client, op)?,
            ("read", Kind::Ok) => {
                let items = op.value.items();
                let mut shown = Vec::new();
                for item in items.ok_or_else(|| misfit(op, "a list of records [id payload]", op.value))? {
                    let (id, payload) = item.pair().ok_or_else(|| misfit(op, "a record [id payload]", item))?;
                    shown.push((self.requests.id(id), self.payloads.id(payload)));
                }
                self.records.read(client, op, shown);
            }
            ("read", _) => self.records.pass(client, op),
            _ => return Err(unknown_f(op, "request or read")),
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> CheckerResult {
        if let Some((at, shown, complete)) = self.records.take() {
            for (id, payload) in shown {
                self.checker.push(at, Event::Recorded { id, payload });
            }
            if complete {
                self.checker.push(at, Event::ReadComplete);
            }
        }
        self.checker.finish_named(&Named {
            ids: &self.requests,
            keys: &self.payloads,
        })
    }
}

impl Requests {
    fn request(&mut self, client: i64, op: &Op) -> Result<(), Misfit> {
        if op.kind == Kind::Invoke {
            let (id, payload) = keyed(op, "a request [id payload]")?;
            let (id, payload) = (self.requests.id(id), self.payloads.id(payload));
            self.records.moved();
            self.checker.push(at(op), Event::Sent { id, payload });
            return self.open.begin(client, op, (id, payload));
        }
        let Some((_, (id, payload))) = self.open.end(client, op)? else {
            return Ok(());
        };
        match op.kind {
            Kind::Ok => {
                self.records.moved();
                self.checker.push(at(op), Event::Accepted { id, payload });
            }
            Kind::Fail => self.checker.push(at(op), Event::Refused { id, payload }),
            Kind::Info | Kind::Invoke => {}
        }
        Ok(())
    }
}
