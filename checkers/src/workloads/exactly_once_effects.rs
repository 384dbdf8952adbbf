//! `exactly-once-effects`: `send v` and what came of it, judged by [`exactly_once`](crate::queues::exactly_once).
//!
//! `send v` may be tried again with the same `v`; `deliver v` tells that it reached who applies it. Effects are told in
//! one of two ways: `read [v ...]` shows every effect there is, each as often as it is there, and the last read counts;
//! or `apply v` tells each one as it is observed, and `settle` that all have been.

use crate::ops::{Kind, Op};
use crate::queues::exactly_once::{Event, ExactlyOnce};
use crate::streaming::Streaming;
use crate::verdict::CheckerResult;

use super::last_read::LastRead;
use super::options::OptionError;
use super::support::{Clients, Forms, Misfit, Named, at, client, decided, misfit, misfit_as, observed, unknown_f};
use super::{Context, Entry, Workload};

pub(super) const ENTRY: Entry = Entry {
    name: "exactly-once-effects",
    about: "what was sent and acknowledged took effect once, and nothing else did",
    options: &[],
    decides: &[decided(
        "attempts and effects of each message are counted; unknown until every effect was observed",
    )],
    make,
};

/// How the history tells of effects.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Read,
    Applied,
}

#[derive(Default)]
struct Effects {
    checker: ExactlyOnce,
    messages: Forms,
    sends: Clients<u32>,
    read: LastRead<u32>,
    told: Option<Told>,
}

#[expect(clippy::unnecessary_wraps, reason = "as every workload is made")]
fn make(_: &Context) -> Result<Box<dyn Workload>, OptionError> {
    Ok(Box::new(Effects::default()))
}

impl Workload for Effects {
    fn push(&mut self, op: &Op) -> Result<(), Misfit> {
        let Some(client) = client(op) else { return Ok(()) };
        match (op.f, op.kind) {
            ("send", _) => self.send(client, op),
            ("read", Kind::Ok) => {
                self.tell(op, Told::Read)?;
                let items = op.value.items();
                let items = items.ok_or_else(|| misfit(op, "a list of what took effect", op.value))?;
                let shown = items.map(|item| self.messages.id(item)).collect();
                self.read.read(client, op, shown);
                Ok(())
            }
            ("read", _) => {
                self.read.pass(client, op);
                Ok(())
            }
            ("deliver" | "apply", _) => {
                if observed(op)? {
                    let id = self.messages.id(op.value);
                    let event = if op.f == "apply" {
                        self.tell(op, Told::Applied)?;
                        Event::Applied(id)
                    } else {
                        Event::Delivered(id)
                    };
                    self.checker.push(at(op), event);
                }
                Ok(())
            }
            ("settle", Kind::Ok) => {
                // What reads show is settled by the last of them.
                if self.told != Some(Told::Read) {
                    self.checker.push(at(op), Event::Settled);
                }
                Ok(())
            }
            ("settle", _) => Ok(()),
            _ => Err(unknown_f(op, "send, deliver, apply, read or settle")),
        }
    }

    fn finish(mut self: Box<Self>) -> CheckerResult {
        if let Some((at, shown, complete)) = self.read.take() {
            for id in shown {
                self.checker.push(at, Event::Applied(id));
            }
            if complete {
                self.checker.push(at, Event::Settled);
            }
        }
        self.checker.finish_named(&Named {
            ids: &self.messages,
            keys: &self.messages,
        })
    }
}

impl Effects {
    fn send(&mut self, client: i64, op: &Op) -> Result<(), Misfit> {
        if op.kind == Kind::Invoke {
            let id = self.messages.id(op.value);
            self.read.moved();
            self.checker.push(at(op), Event::Attempted(id));
            return self.sends.begin(client, op, id);
        }
        let Some((_, id)) = self.sends.end(client, op)? else {
            return Ok(());
        };
        match op.kind {
            Kind::Ok => {
                self.read.moved();
                self.checker.push(at(op), Event::Acked(id));
            }
            Kind::Fail => self.checker.push(at(op), Event::Failed(id)),
            Kind::Info | Kind::Invoke => {}
        }
        Ok(())
    }

    /// An effect that both ways tell would count twice.
    fn tell(&mut self, op: &Op, told: Told) -> Result<(), Misfit> {
        if *self.told.get_or_insert(told) == told {
            return Ok(());
        }
        Err(misfit_as(op, "effects told by read or by apply", "both"))
    }
}
