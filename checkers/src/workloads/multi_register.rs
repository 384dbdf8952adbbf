//! `multi-register`: transactions of `[:read k v]` and `[:write k v]` that take place at one moment, on several
//! registers; judged for linearizability ([`multi_register`](crate::linear::models::multi_register)).

use crate::linear::models::multi_register::{MultiRegister, Step};
use crate::linear::{Budget, Operation, check::check};
use crate::ops::{Kind, Op, Ref};
use crate::verdict::CheckerResult;

use super::options::OptionError;
use super::register::choice;
use super::support::{Clients, Misfit, client, decided, identity_of, identity_of_option, misfit, mop};
use super::{Context, Entry, Workload};

pub(super) const ENTRY: Entry = Entry {
    name: "multi-register",
    about: "linearizability of transactions over several registers",
    options: &[
        (
            "initial",
            "what every register holds at first, in EDN (a string has quotes); left open by default",
        ),
        (
            "nil-reads",
            "unseen: a read of nil tells nothing (default, as in Knossos); initial: it found what was there at first, nil \
             where that is left open",
        ),
    ],
    decides: &[decided(
        "linearizability: by search (Wing and Gong 1993, Lowe 2017); unknown where its budget ends",
    )],
    make,
};

const SHAPE: &str = "a transaction of [:read k v] and [:write k v]";

type Steps = Vec<Step<String, String>>;

struct MultiRegisters {
    model: MultiRegister<String, String>,
    history: Vec<Operation<Steps, ()>>,
    clients: Clients<Steps>,
    /// What a read of nil found, where that is known.
    nil: Option<String>,
}

fn make(context: &Context) -> Result<Box<dyn Workload>, OptionError> {
    let initial = context.options.get("initial").map(identity_of_option);
    let nil_is_unseen = choice(&context.options, "nil-reads", ["initial", "unseen"])?.unwrap_or(true);
    let nil = (!nil_is_unseen).then(|| initial.clone().unwrap_or_else(|| "nil".to_owned()));
    let model = MultiRegister {
        initial: Vec::new(),
        otherwise: initial.or_else(|| nil.clone()),
    };
    Ok(Box::new(MultiRegisters {
        model,
        history: Vec::new(),
        clients: Clients::default(),
        nil,
    }))
}

impl Workload for MultiRegisters {
    fn push(&mut self, op: &Op) -> Result<(), Misfit> {
        let Some(client) = client(op) else { return Ok(()) };
        self.clients.follow(op)?;
        if op.kind == Kind::Invoke {
            let steps = steps(op.value, None).map_err(|form| misfit(op, SHAPE, form))?;
            return self.clients.begin(client, op, steps);
        }
        let Some((invoke, asked)) = self.clients.end(client, op)? else {
            return Ok(());
        };
        match op.kind {
            Kind::Ok => {
                let seen = steps(op.value, Some(self.nil.as_deref())).map_err(|form| misfit(op, SHAPE, form))?;
                self.add(client, invoke, seen, Some(op.index));
            }
            Kind::Info => self.add(client, invoke, asked, None),
            Kind::Fail | Kind::Invoke => {}
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> CheckerResult {
        for (client, invoke, asked) in self.clients.rest() {
            self.add(client, invoke, asked, None);
        }
        check(&self.model, &self.history, Budget::default())
    }
}

impl MultiRegisters {
    fn add(&mut self, client: i64, call: u64, input: Steps, ret: Option<u64>) {
        self.history.push(Operation {
            process: client.cast_unsigned(),
            call,
            ret,
            input,
            output: ret.map(|_| ()),
            index: call,
            done_index: ret,
        });
    }
}

/// The steps of a transaction; what a read found counts only where it was `seen`, and says what nil stands for, if for
/// anything. The error is the form that is none.
fn steps<'a>(value: Ref<'a>, seen: Option<Option<&str>>) -> Result<Steps, Ref<'a>> {
    let mops = value.items().ok_or(value)?;
    mops.map(|form| {
        let (f, key, value) = mop(form).ok_or(form)?;
        let value = value.filter(|value| !value.is_nil()).map(identity_of);
        match (f, value) {
            ("read" | "r", value) => {
                let found = seen.and_then(|nil| value.or_else(|| nil.map(str::to_owned)));
                Ok(Step::Read(identity_of(key), found))
            }
            ("write" | "w", Some(value)) => Ok(Step::Write(identity_of(key), value)),
            _ => Err(form),
        }
    })
    .collect()
}
