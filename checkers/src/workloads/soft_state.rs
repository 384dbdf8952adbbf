//! `soft-state`: `enter id` and `leave id` of what is half done for a while, judged by
//! [`soft_state`](crate::process::soft_state).
//!
//! Both are told as they are observed, `settle` that the run is over. A fault is healed by an operation of the nemesis
//! whose `f` the option `heals` names: by its end, which in Jepsen's histories is the second of two infos. Every
//! operation has a time.

use crate::ops::{Kind, Op};
use crate::process::soft_state::{Event, Options as Judged, SoftState};
use crate::streaming::{Names, Streaming};
use crate::verdict::CheckerResult;

use super::options::OptionError;
use super::support::{Forms, Misfit, client, decided, observed, timed, unknown_f};
use super::{Context, Entry, Workload};

pub(super) const ENTRY: Entry = Entry {
    name: "soft-state",
    about: "nothing stays half done for longer than promised, and faults are recovered from in time",
    options: &[
        (
            "window-ms",
            "how long something may stay half done; only measured by default",
        ),
        (
            "recovery-ms",
            "how long it may take from healing until all is done; only measured by default",
        ),
        (
            "heals",
            "the f of operations that heal a fault: stop-partition+start; heal by default",
        ),
    ],
    decides: &[decided(
        "each stay and each recovery against its limit; unknown where no fault was healed and a recovery has one",
    )],
    make,
};

/// An `f` that heals.
struct Heal {
    f: String,
    /// It began, and has not ended.
    begun: bool,
}

struct HalfDone {
    checker: SoftState,
    ids: Forms,
    /// By number, as faults are called.
    heals: Vec<Heal>,
}

fn make(context: &Context) -> Result<Box<dyn Workload>, OptionError> {
    let options = &context.options;
    let checker = SoftState::new(Judged {
        window_ns_max: options.ms("window-ms")?,
        recovery_ns_max: options.ms("recovery-ms")?,
    });
    let heals = options.get("heals").unwrap_or("heal").split('+');
    let heals = heals.map(|f| Heal {
        f: f.to_owned(),
        begun: false,
    });
    Ok(Box::new(HalfDone {
        checker,
        ids: Forms::default(),
        heals: heals.collect(),
    }))
}

impl Workload for HalfDone {
    fn push(&mut self, op: &Op) -> Result<(), Misfit> {
        if let Some((number, heal)) = (0..).zip(&mut self.heals).find(|(_, heal)| heal.f == op.f) {
            if heal.ends(op) {
                self.checker.push(timed(op)?, Event::Healed(number));
            }
            return Ok(());
        }
        if client(op).is_none() {
            return Ok(());
        }
        let event = match (op.f, op.kind) {
            ("enter" | "leave", _) => {
                if !observed(op)? {
                    return Ok(());
                }
                let id = self.ids.id(op.value);
                if op.f == "enter" {
                    Event::Entered(id)
                } else {
                    Event::Left(id)
                }
            }
            ("settle", Kind::Ok) => Event::Ended,
            ("settle", _) => return Ok(()),
            _ => return Err(unknown_f(op, "enter, leave, settle or one of the heals")),
        };
        self.checker.push(timed(op)?, event);
        Ok(())
    }

    fn finish(self: Box<Self>) -> CheckerResult {
        let HalfDone { checker, ids, heals } = *self;
        checker.finish_named(&Healed { ids, heals })
    }
}

/// Names of what is half done, and of faults by what heals them.
struct Healed {
    ids: Forms,
    heals: Vec<Heal>,
}

impl Names for Healed {
    fn id(&self, id: u32) -> String {
        self.ids.name(id).to_owned()
    }

    fn key(&self, key: u32) -> String {
        self.heals
            .get(key as usize)
            .map_or_else(String::new, |heal| heal.f.clone())
    }
}

impl Heal {
    /// Whether this operation is the end of healing.
    fn ends(&mut self, op: &Op) -> bool {
        match op.kind {
            Kind::Invoke => self.begun = true,
            Kind::Info => self.begun = !self.begun,
            Kind::Ok | Kind::Fail => self.begun = false,
        }
        op.kind == Kind::Ok || op.kind == Kind::Info && !self.begun
    }
}
