//! `schedule`: `attempt id`, judged by [`schedule`](crate::process::schedule) against the delays of its options.
//!
//! An attempt is invoked when it arrives, and ends as it was answered: ok is acknowledged, fail is not. One that ends
//! info, or does not end, may have been acknowledged, so that later ones need neither come nor stay away. `due id` tells when the
//! schedule of an id begins (with the first attempt, where it is not told), and `settle` until when attempts were
//! observed. Every operation has a time.

use crate::ops::{Kind, Op};
use crate::process::schedule::{Event, Options as Judged, Schedule, Since};
use crate::streaming::{At, Streaming};
use crate::verdict::CheckerResult;

use super::options::{OptionError, ns_of_ms, wrong};
use super::support::{Clients, Forms, Misfit, Named, client, decided, observed, timed, unknown_f};
use super::{Context, Entry, Workload};

pub(super) const ENTRY: Entry = Entry {
    name: "schedule",
    about: "attempts come when they were promised, and none after the acknowledgement",
    options: &[
        ("delays-ms", "when each attempt is due: 0+15000+60000"),
        (
            "since",
            "begin: delays count from when the schedule began (default); previous: from the attempt before",
        ),
        ("early-ms", "how much too early is still right; 0 by default"),
        ("late-ms", "how much too late is still right; 0 by default"),
        (
            "silence-ms",
            "how long after an acknowledgement an attempt may still be under way; 0 by default",
        ),
    ],
    decides: &[decided(
        "every attempt against its time and the answers; unknown where the end is not told",
    )],
    make,
};

#[derive(Default)]
struct Attempts {
    schedule: Schedule,
    ids: Forms,
    attempts: Clients<u32>,
}

fn make(context: &Context) -> Result<Box<dyn Workload>, OptionError> {
    let options = &context.options;
    let delays = options.needed("delays-ms", "0+15000+60000, when each attempt is due")?;
    let delays_ns: Result<_, _> = delays.split('+').map(|ms| ns_of_ms("delays-ms", delays, ms)).collect();
    let since = match options.get("since") {
        None | Some("begin") => Since::Begin,
        Some("previous") => Since::Previous,
        Some(value) => return Err(wrong("since", value, "begin or previous")),
    };
    let schedule = Schedule::new(Judged {
        delays_ns: delays_ns?,
        since,
        early_ns_max: options.ms("early-ms")?.unwrap_or(0),
        late_ns_max: options.ms("late-ms")?.unwrap_or(0),
        silence_ns: options.ms("silence-ms")?.unwrap_or(0),
    });
    Ok(Box::new(Attempts {
        schedule,
        ..Attempts::default()
    }))
}

impl Workload for Attempts {
    fn push(&mut self, op: &Op) -> Result<(), Misfit> {
        let Some(client) = client(op) else { return Ok(()) };
        let event = match (op.f, op.kind) {
            ("attempt", Kind::Invoke) => {
                let id = self.ids.id(op.value);
                self.attempts.begin(client, op, id)?;
                Event::Attempt(id)
            }
            ("attempt", kind) => match (self.attempts.end(client, op)?, kind) {
                (Some((_, id)), Kind::Ok) => Event::Acked(id),
                (Some((_, id)), Kind::Info) => Event::AckUnknown(id),
                _ => return Ok(()),
            },
            ("due", _) => {
                if !observed(op)? {
                    return Ok(());
                }
                Event::Due(self.ids.id(op.value))
            }
            ("settle", Kind::Ok) => Event::Ended,
            ("settle", _) => return Ok(()),
            _ => return Err(unknown_f(op, "due, attempt or settle")),
        };
        self.schedule.push(timed(op)?, event);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> CheckerResult {
        for (_, index, id) in self.attempts.rest() {
            self.schedule.push(At { index, time: 0 }, Event::AckUnknown(id));
        }
        self.schedule.finish_named(&Named {
            ids: &self.ids,
            keys: &self.ids,
        })
    }
}
