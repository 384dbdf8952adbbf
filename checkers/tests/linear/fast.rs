//! The ways around the search, against the definition.

use paytwice_checkers::linear::models::mutex::Mutex;
use paytwice_checkers::linear::models::queue::Queue;
use paytwice_checkers::linear::models::register::Register;
use paytwice_checkers::linear::models::text::Text;
use paytwice_checkers::linear::{Budget, Operation, Outcome, check, fifo, locks, map, search};
use paytwice_checkers::verdict::{CheckerResult, Verdict};
use proptest::prelude::*;
use proptest::strategy::ValueTree;

use crate::convert;
use crate::generate::{History, Object, Tape, cases, history, history_of, long_cases, tapes};
use crate::reference;

/// Nothing that returned says what the object held.
fn observes_nothing<M: Object>(object: &M, ops: &History<M>) -> bool {
    let observes =
        |op: &Operation<M::Input, M::Output>| op.ret.is_some() && object.observes(&op.input, op.output.as_ref());
    !ops.iter().any(observes)
}

/// The verdict is the definition's, and a witness names operations of the history.
fn agree<M: Object>(object: &M, ops: &History<M>, result: &CheckerResult) -> Result<(), TestCaseError> {
    let told = || format!("{result:?}{}", crate::search::told(object, ops));
    let expected = match reference::linearizable(object, ops) {
        false => Verdict::Invalid,
        true if observes_nothing(object, ops) => Verdict::Unknown,
        true => Verdict::Valid,
    };
    prop_assert!(result.verdict == expected, "{}", told());
    for anomaly in &result.anomalies {
        prop_assert!(!anomaly.witness.is_empty(), "{}", told());
        let known = |index: &u64| ops.iter().any(|op| op.index == *index || op.done_index == Some(*index));
        prop_assert!(anomaly.witness.iter().all(known), "{}", told());
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn zones(bytes in tapes()) {
        let register = Register { initial: 0_u32 };
        let ops = history(&register, &mut Tape::distinct(bytes));
        let compact = convert::map(&[("x", ops.clone())], |v| v.to_string());
        agree(&register, &ops, &map::check("register", &compact, Budget::default()))?;
    }

    #[test]
    fn maps_of_cas_registers(bytes in tapes()) {
        let register = Register { initial: 0_u32 };
        let ops = history(&register, &mut Tape::new(bytes));
        let compact = convert::map(&[("x", ops.clone())], |v| v.to_string());
        agree(&register, &ops, &map::check("cas-register", &compact, Budget::default()))?;
    }

    #[test]
    fn queues(bytes in tapes()) {
        let queue = Queue::<u32>::default();
        let ops = history(&queue, &mut Tape::distinct(bytes));
        agree(&queue, &ops, &fifo::check("fifo-queue", &convert::fifo(&ops), Budget::default()))?;
    }

    #[test]
    fn queues_of_few_values(bytes in tapes()) {
        let queue = Queue::<u32>::default();
        let ops = history(&queue, &mut Tape::new(bytes));
        agree(&queue, &ops, &fifo::check("fifo-queue", &convert::fifo(&ops), Budget::default()))?;
    }

    #[test]
    fn maps_of_texts(bytes in tapes()) {
        let text = Text::new("");
        let ops = history(&text, &mut Tape::new(bytes));
        agree(&text, &ops, &map::check("kv", &convert::texts(&ops), Budget::default()))?;
    }

    #[test]
    fn mutexes(bytes in tapes()) {
        let ops = history(&Mutex, &mut Tape::new(bytes));
        agree(&Mutex, &ops, &locks::check(&ops))?;
    }
}

/// The same with neighbours at one position: what shares it is concurrent.
fn closer<M: Object>(ops: History<M>) -> History<M> {
    let half = |op: Operation<M::Input, M::Output>| Operation {
        call: op.call / 2,
        ret: op.ret.map(|ret| ret / 2),
        index: op.call / 2,
        done_index: op.ret.map(|ret| ret / 2),
        ..op
    };
    ops.into_iter().map(half).collect()
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn registers_where_positions_are_shared(bytes in tapes(), distinct: bool) {
        let register = Register { initial: 0_u32 };
        let mut tape = Tape::new(bytes);
        tape.distinct = distinct;
        let ops = closer::<Register<u32>>(history(&register, &mut tape));
        let compact = convert::map(&[("x", ops.clone())], |v| v.to_string());
        agree(&register, &ops, &map::check("register", &compact, Budget::default()))?;
        agree(&register, &ops, &check(&register, &ops, Budget::default()))?;
        let found = search(&register, &ops.iter().collect::<Vec<_>>(), Budget::default());
        prop_assert_eq!(matches!(found, Outcome::Linearizable(_)), reference::linearizable(&register, &ops));
    }

    #[test]
    fn queues_where_positions_are_shared(bytes in tapes()) {
        let queue = Queue::<u32>::default();
        let ops = closer::<Queue<u32>>(history(&queue, &mut Tape::distinct(bytes)));
        agree(&queue, &ops, &fifo::check("fifo-queue", &convert::fifo(&ops), Budget::default()))?;
    }

    #[test]
    fn queues_of_few_values_where_positions_are_shared(bytes in tapes()) {
        let queue = Queue::<u32>::default();
        let ops = closer::<Queue<u32>>(history(&queue, &mut Tape::new(bytes)));
        agree(&queue, &ops, &fifo::check("fifo-queue", &convert::fifo(&ops), Budget::default()))?;
    }

    #[test]
    fn mutexes_where_positions_are_shared(bytes in tapes()) {
        let ops = closer::<Mutex>(history(&Mutex, &mut Tape::new(bytes)));
        agree(&Mutex, &ops, &locks::check(&ops))?;
    }
}

/// Tapes for histories of about 40 operations: too long for the definition, not for the search.
fn long_tapes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 200..700)
}

fn soon() -> Budget<'static> {
    Budget {
        steps_max: 20_000,
        ..Budget::default()
    }
}

/// The verdict is the search's, where that comes to one soon.
fn agrees_with_search<M: Object>(object: &M, ops: &History<M>, result: &CheckerResult) -> Result<(), TestCaseError> {
    let refs: Vec<_> = ops.iter().collect();
    let expected = match search(object, &refs, soon()) {
        Outcome::Impossible(_) => Verdict::Invalid,
        Outcome::Unknown(_) => return Ok(()),
        Outcome::Linearizable(_) if observes_nothing(object, ops) => Verdict::Unknown,
        Outcome::Linearizable(_) => Verdict::Valid,
    };
    prop_assert!(
        result.verdict == expected,
        "{result:?}{}",
        crate::search::told(object, ops)
    );
    Ok(())
}

proptest! {
    #![proptest_config(long_cases(200))]

    #[test]
    fn long_histories_by_zones(bytes in long_tapes()) {
        let register = Register { initial: 0_u32 };
        let ops = history_of(&register, &mut Tape::distinct(bytes), 40);
        let compact = convert::map(&[("x", ops.clone())], |v| v.to_string());
        agrees_with_search(&register, &ops, &map::check("register", &compact, Budget::default()))?;
    }

    #[test]
    fn long_histories_of_queues(bytes in long_tapes()) {
        let queue = Queue::<u32>::default();
        let ops = history_of(&queue, &mut Tape::distinct(bytes), 24);
        agrees_with_search(&queue, &ops, &fifo::check("fifo-queue", &convert::fifo(&ops), soon()))?;
    }

    #[test]
    fn long_histories_of_queues_of_few_values(bytes in long_tapes()) {
        let queue = Queue::<u32>::default();
        let ops = history_of(&queue, &mut Tape::new(bytes), 20);
        agrees_with_search(&queue, &ops, &fifo::check("fifo-queue", &convert::fifo(&ops), soon()))?;
    }

    #[test]
    fn long_histories_of_texts(bytes in long_tapes()) {
        let text = Text::new("");
        let ops = history_of(&text, &mut Tape::new(bytes), 24);
        agrees_with_search(&text, &ops, &map::check("kv", &convert::texts(&ops), soon()))?;
    }

    #[test]
    fn long_histories_of_mutexes(bytes in long_tapes()) {
        let ops = history_of(&Mutex, &mut Tape::new(bytes), 40);
        agrees_with_search(&Mutex, &ops, &locks::check(&ops))?;
    }
}

/// The generator makes histories of both verdicts, and most of the distinct ones need no search.
#[test]
fn the_generator_is_worth_its_name() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut valid, mut invalid, mut searched, mut infos) = (0, 0, 0, 0);
    for _ in 0..2_000 {
        let bytes = tapes().new_tree(&mut runner).expect("a tape").current();
        let ops = history(&Register { initial: 0_u32 }, &mut Tape::distinct(bytes));
        infos += u32::from(ops.iter().any(|op| op.ret.is_none()));
        let result = map::check(
            "register",
            &convert::map(&[("x", ops)], |v| v.to_string()),
            Budget::default(),
        );
        valid += u32::from(result.verdict == Verdict::Valid);
        invalid += u32::from(result.verdict == Verdict::Invalid);
        searched += result.counts["keys-searched"];
    }
    assert!(
        valid > 400 && invalid > 400 && infos > 400 && searched < 400,
        "{valid} {invalid} {infos} {searched}"
    );
}
