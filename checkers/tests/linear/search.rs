//! The search against the definition, for every model.

use paytwice_checkers::linear::models::multi_register::MultiRegister;
use paytwice_checkers::linear::models::mutex::Mutex;
use paytwice_checkers::linear::models::queue::Queue;
use paytwice_checkers::linear::models::register::Register;
use paytwice_checkers::linear::models::text::Text;
use paytwice_checkers::linear::{Budget, Operation, Outcome, search, solve};
use proptest::prelude::*;

use crate::generate::{History, Object, Tape, cases, history, tapes};
use crate::reference;

/// The search says what the definition says; its order is one, and what it says of a failure holds.
fn agree<M: Object>(object: &M, bytes: Vec<u8>) -> Result<(), TestCaseError>
where
    M::Input: Clone + std::fmt::Debug,
    M::Output: Clone + std::fmt::Debug,
{
    let ops = history(object, &mut Tape::new(bytes));
    let refs: Vec<_> = ops.iter().collect();
    if let Outcome::Linearizable(order) = solve(object, &refs, Budget::default()) {
        prop_assert!(
            reference::is_order(object, &ops, &order),
            "{order:?} {}",
            told(object, &ops)
        );
    }
    match &search(object, &refs, Budget::default()) {
        Outcome::Linearizable(order) => prop_assert!(
            reference::is_order(object, &ops, order),
            "{order:?} {}",
            told(object, &ops)
        ),
        Outcome::Impossible(why) => {
            prop_assert!(!reference::linearizable(object, &ops), "{}", told(object, &ops));
            let culprit_ret = ops[why.culprit].ret.expect("a culprit returned");
            prop_assert_eq!(why.window.1, culprit_ret);
            prop_assert!(
                reference::linearizable(object, &prefix::<M>(&ops, culprit_ret)),
                "{why:?} {}",
                told(object, &ops)
            );
            prop_assert!(
                !reference::linearizable(object, &prefix::<M>(&ops, culprit_ret + 1)),
                "{why:?} {}",
                told(object, &ops)
            );
        }
        Outcome::Unknown(why) => prop_assert!(false, "gave up: {why}"),
    }
    Ok(())
}

/// What happened before position `end`; operations open then keep the results that they were to return.
fn prefix<M: Object>(ops: &History<M>, end: u64) -> History<M>
where
    M::Input: Clone,
    M::Output: Clone,
{
    let before = ops.iter().filter(|op| op.call < end).cloned();
    before
        .map(|op| Operation {
            ret: op.ret.filter(|ret| *ret < end),
            ..op
        })
        .collect()
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn registers(bytes in tapes()) {
        agree(&Register { initial: 0_u32 }, bytes)?;
    }

    #[test]
    fn mutexes(bytes in tapes()) {
        agree(&Mutex, bytes)?;
    }

    #[test]
    fn queues(bytes in tapes()) {
        agree(&Queue::<u32>::default(), bytes)?;
    }

    #[test]
    fn texts(bytes in tapes()) {
        agree(&Text::new(""), bytes)?;
    }

    #[test]
    fn multi_registers(bytes in tapes()) {
        agree(&MultiRegister { initial: vec![(0, 0)], otherwise: Some(0_u32) }, bytes)?;
    }

    #[test]
    fn multi_registers_that_hold_anything_at_first(bytes in tapes()) {
        agree(&MultiRegister { initial: vec![(0, 0)], otherwise: None::<u32> }, bytes)?;
    }
}

/// A history, one operation per line.
pub(crate) fn told<M: Object>(object: &M, ops: &History<M>) -> String {
    let line = |op: &Operation<M::Input, M::Output>| {
        let words = object.describe(&op.input, op.output.as_ref());
        let known = if op.output.is_some() { "" } else { " (unseen)" };
        format!("\n  {:3} to {:?}: {words}{known}", op.call, op.ret)
    };
    ops.iter().map(line).collect()
}
