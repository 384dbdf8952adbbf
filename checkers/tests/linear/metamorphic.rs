//! What must not matter: names, unrelated keys, info operations that nobody can have observed.

use paytwice_checkers::linear::models::register::{Answer, Ask, Register};
use paytwice_checkers::linear::{Budget, Operation, map};
use paytwice_checkers::verdict::Verdict;
use proptest::prelude::*;

use crate::convert::{self, Registers};
use crate::generate::{Tape, cases, history, tapes};

fn verdict(keys: &[(&str, Registers)], name: impl Fn(u32) -> String) -> Verdict {
    map::check("register", &convert::map(keys, name), Budget::default()).verdict
}

fn generated(bytes: Vec<u8>, distinct: bool) -> Registers {
    let mut tape = Tape::new(bytes);
    tape.distinct = distinct;
    history(&Register { initial: 0_u32 }, &mut tape)
}

/// A correct client of another key, all along.
fn unrelated(end: u64) -> Registers {
    let op = |nth: u64| match nth % 2 {
        0 => Operation::ok(99, Ask::Write(nth as u32), 2 * nth, Answer::Done, 2 * nth + 1),
        _ => Operation::ok(99, Ask::Read, 2 * nth, Answer::Value(nth as u32 - 1), 2 * nth + 1),
    };
    (0..end / 2 + 1).map(op).collect()
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn names_of_values_and_keys(bytes in tapes(), distinct: bool) {
        let ops = generated(bytes, distinct);
        let plain = verdict(&[("x", ops.clone())], |v| v.to_string());
        let renamed = verdict(&[("another", ops)], |v| format!("v{}", 1000 - v));
        prop_assert_eq!(plain, renamed);
    }

    #[test]
    fn an_unrelated_key(bytes in tapes(), distinct: bool) {
        let ops = generated(bytes, distinct);
        let alone = verdict(&[("x", ops.clone())], |v| v.to_string());
        let beside = verdict(&[("x", ops.clone()), ("y", unrelated(20))], |v| v.to_string());
        // The other key alone is enough to have seen something.
        let expected = if alone == Verdict::Unknown { Verdict::Valid } else { alone };
        prop_assert_eq!(expected, beside);
    }

    #[test]
    fn info_operations_that_nobody_can_have_observed(bytes in tapes(), distinct: bool) {
        let ops = generated(bytes, distinct);
        let plain = verdict(&[("x", ops.clone())], |v| v.to_string());
        let mut more = ops.clone();
        more.push(Operation::info(77, Ask::Read, 3));
        // A refused compare-and-set can have been refused because of it.
        if !ops.iter().any(|op| op.output == Some(Answer::Refused)) {
            more.push(Operation::info(78, Ask::Write(1_000_000), 1));
        }
        more.push(Operation::info(79, Ask::Cas(2_000_000, 2), 2));
        prop_assert_eq!(plain, verdict(&[("x", more)], |v| v.to_string()));
    }

    #[test]
    fn shifted_positions(bytes in tapes(), distinct: bool) {
        let ops = generated(bytes, distinct);
        let plain = verdict(&[("x", ops.clone())], |v| v.to_string());
        let shifted = ops.into_iter().map(|op| Operation {
            call: op.call * 7 + 100,
            ret: op.ret.map(|ret| ret * 7 + 100),
            ..op
        });
        prop_assert_eq!(plain, verdict(&[("x", shifted.collect())], |v| v.to_string()));
    }
}
