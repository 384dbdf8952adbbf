//! `kv`: `get`, `put v` and `append v` on texts by key, as porcupine's key-value tests have them; judged for
//! linearizability ([`map`](crate::linear::map)). A text is empty at first. Texts are strings: a value that is a pair is a key
//! and a text. A key that holds anything else is a register, and one that is appended to as well is not decided.

use crate::linear::map::NO_TEXT;
use crate::ops::{Op, Ref};
use crate::verdict::CheckerResult;

use super::options::OptionError;
use super::register::{Conventions, OPTIONS, Registers};
use super::support::{Misfit, decided, identity};
use super::{Context, Entry, Workload};

pub(super) const ENTRY: Entry = Entry {
    name: "kv",
    about: "linearizability of a map of texts that are got, put and appended to",
    options: &OPTIONS,
    decides: &[decided(
        "linearizability: by zones where each value is put once, else by search; unknown where its budget ends, or where a key mixes appends with compare-and-sets or with values that are no strings",
    )],
    make,
};

struct Kv(Registers);

fn make(context: &Context) -> Result<Box<dyn Workload>, OptionError> {
    let initial = context.options.get("initial").unwrap_or_default();
    let registers = Registers::new(ENTRY.name, Conventions::of(context)?.without_pairs(), text, initial);
    Ok(Box::new(Kv(registers)))
}

/// A string as it is, anything else with a mark before it.
fn text(form: Ref, out: &mut String) {
    match form.str() {
        Some(text) if !text.starts_with(NO_TEXT) => out.push_str(text),
        _ => {
            out.push(NO_TEXT);
            identity(form, out);
        }
    }
}

impl Workload for Kv {
    fn push(&mut self, op: &Op) -> Result<(), Misfit> {
        self.0.push(op)
    }

    fn finish(self: Box<Self>) -> CheckerResult {
        self.0.finish()
    }
}
