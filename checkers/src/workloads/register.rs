//! What the registers and the key-value stores share: operations of clients as a [`MapHistory`].

use crate::formats::Format;
use crate::linear::map::{self, Answer, Ask, Begun};
use crate::linear::{Budget, MapHistory};
use crate::ops::{Kind, Op, Ref};
use crate::verdict::CheckerResult;

use super::Context;
use super::options::{OptionError, Options, wrong};
use super::support::{Clients, Misfit, client, identity_of, index, misfit, unknown_f};

/// What a recorder means.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conventions {
    /// A read of nil tells nothing, as in Knossos; otherwise it found what was there at first.
    nil_is_unseen: bool,
    /// A compare-and-set that failed took place and found another value; otherwise it did not happen.
    fail_is_refusal: bool,
    /// Values are pairs of a key and what is asked of it.
    independent: bool,
    /// So is a value that is a pair.
    pairs_are_keyed: bool,
}

/// The options that go with them.
pub(super) const OPTIONS: [(&str, &str); 4] = [
    (
        "initial",
        "what a register holds at first, in EDN (a string has quotes), nil by default; of kv the text itself, empty by default",
    ),
    (
        "nil-reads",
        "unseen: a read of nil tells nothing (Jepsen); initial: it found the initial value (porcupine)",
    ),
    (
        "failed-cas",
        "nothing: it did not happen (Jepsen); refused: it found another value (porcupine)",
    ),
    ("independent", "true: values are [key value]"),
];

impl Conventions {
    pub(super) fn of(context: &Context) -> Result<Conventions, OptionError> {
        let options = &context.options;
        let porcupine = matches!(context.format, Format::PorcupineEtcd | Format::PorcupineKv);
        Ok(Conventions {
            nil_is_unseen: choice(options, "nil-reads", ["initial", "unseen"])?.unwrap_or(!porcupine),
            fail_is_refusal: choice(options, "failed-cas", ["nothing", "refused"])?.unwrap_or(porcupine),
            independent: options.flag("independent")?,
            pairs_are_keyed: false,
        })
    }

    /// The same where no value is a pair, so that one can only be a key and a value.
    pub(super) fn without_pairs(self) -> Conventions {
        Conventions {
            pairs_are_keyed: true,
            ..self
        }
    }
}

/// Whether an option has the second of two values.
pub(super) fn choice(options: &Options, name: &str, values: [&str; 2]) -> Result<Option<bool>, OptionError> {
    match options.get(name) {
        None => Ok(None),
        Some(value) if value == values[0] => Ok(Some(false)),
        Some(value) if value == values[1] => Ok(Some(true)),
        Some(value) => Err(wrong(name, value, &values.join(" or "))),
    }
}

/// A history of registers or texts in the making.
pub(super) struct Registers {
    name: &'static str,
    conventions: Conventions,
    /// What tells a value from all others.
    identity: fn(Ref, &mut String),
    history: MapHistory,
    clients: Clients<(Begun, Ask)>,
    scratch: String,
}

impl Registers {
    /// Of values that `identity` tells apart: `initial` is that of what each holds at first.
    pub(super) fn new(
        name: &'static str,
        conventions: Conventions,
        identity: fn(Ref, &mut String),
        initial: &str,
    ) -> Registers {
        Registers {
            name,
            conventions,
            identity,
            history: MapHistory::new(initial.as_bytes()),
            clients: Clients::default(),
            scratch: String::new(),
        }
    }

    pub(super) fn push(&mut self, op: &Op) -> Result<(), Misfit> {
        let Some(client) = client(op) else { return Ok(()) };
        self.clients.follow(op)?;
        let at = index(op)?;
        let (key, value) = self.split(op)?;
        if op.kind == Kind::Invoke {
            let ask = self.ask(op, value)?;
            let key = self.history.keys.id(key.as_bytes());
            let begun = self.history.begin(key, ask, at);
            return self.clients.begin(client, op, (begun, ask));
        }
        let Some((_, (begun, ask))) = self.clients.end(client, op)? else {
            return Ok(());
        };
        match (op.kind, ask) {
            (Kind::Ok, Ask::Read) => {
                let answer = match value {
                    value if !value.is_nil() => Answer::Value(self.value(value)),
                    _ if self.conventions.nil_is_unseen => Answer::Unseen,
                    _ => Answer::Value(self.initial()),
                };
                self.history.ok(begun, answer, at);
            }
            (Kind::Ok, _) => self.history.ok(begun, Answer::Done, at),
            (Kind::Fail, Ask::Cas(..)) if self.conventions.fail_is_refusal => {
                self.history.ok(begun, Answer::Refused, at);
            }
            (Kind::Fail, _) => self.history.fail(begun),
            (Kind::Info | Kind::Invoke, _) => {}
        }
        Ok(())
    }

    pub(super) fn finish(self) -> CheckerResult {
        map::check(self.name, &self.history, Budget::default())
    }

    /// The key, and what is asked of it.
    fn split<'a>(&self, op: &Op<'a>) -> Result<(String, Ref<'a>), Misfit> {
        if self.conventions.independent {
            let pair = op
                .value
                .pair()
                .ok_or_else(|| misfit(op, "a pair [key value]", op.value))?;
            return Ok((identity_of(pair.0), pair.1));
        }
        let keyed = |(_, value): &(Ref, Ref)| op.f != "cas" || value.pair().is_some();
        if self.conventions.pairs_are_keyed
            && op.key.is_none()
            && let Some((key, value)) = op.value.pair().filter(keyed)
        {
            return Ok((identity_of(key), value));
        }
        Ok((op.key.map(identity_of).unwrap_or_default(), op.value))
    }

    fn ask(&mut self, op: &Op, value: Ref) -> Result<Ask, Misfit> {
        Ok(match op.f {
            "read" | "r" | "get" => Ask::Read,
            "write" | "w" | "put" => Ask::Write(self.value(value)),
            "append" => Ask::Append(self.value(value)),
            "cas" => {
                let (from, to) = value.pair().ok_or_else(|| misfit(op, "a pair [from to]", value))?;
                Ask::Cas(self.value(from), self.value(to))
            }
            _ => return Err(unknown_f(op, "read, write, cas, get, put or append")),
        })
    }

    fn value(&mut self, value: Ref) -> u32 {
        self.scratch.clear();
        (self.identity)(value, &mut self.scratch);
        self.history.values.id(self.scratch.as_bytes())
    }

    fn initial(&self) -> u32 {
        0 // the first value that a map's history has
    }
}
