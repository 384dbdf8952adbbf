//! `cas-register`: `read`, `write v` and `cas [from to]` on one register, or on one per key; judged for
//! linearizability ([`map`](crate::linear::map)).

use crate::ops::Op;
use crate::verdict::CheckerResult;

use super::options::OptionError;
use super::register::{Conventions, OPTIONS, Registers};
use super::support::{Misfit, decided, identity, identity_of_option};
use super::{Context, Entry, Workload};

pub(super) const ENTRY: Entry = Entry {
    name: "cas-register",
    about: "linearizability of registers that are read, written, compared and set",
    options: &OPTIONS,
    decides: &[decided(
        "linearizability: by zones where each value is written once (Gibbons and Korach 1997), else by search (Wing and Gong 1993, Lowe 2017); unknown where its budget ends",
    )],
    make,
};

struct CasRegister(Registers);

fn make(context: &Context) -> Result<Box<dyn Workload>, OptionError> {
    let initial = identity_of_option(context.options.get("initial").unwrap_or("nil"));
    let registers = Registers::new(ENTRY.name, Conventions::of(context)?, identity, &initial);
    Ok(Box::new(CasRegister(registers)))
}

impl Workload for CasRegister {
    fn push(&mut self, op: &Op) -> Result<(), Misfit> {
        self.0.push(op)
    }

    fn finish(self: Box<Self>) -> CheckerResult {
        self.0.finish()
    }
}
