//! Objects in words: what each is called, says of an operation and of a state, and counts as a read.

use std::fmt::Debug;

use paytwice_checkers::linear::models::keyed::Keyed;
use paytwice_checkers::linear::models::multi_register::{MultiRegister, Step};
use paytwice_checkers::linear::models::mutex::{self, Mutex};
use paytwice_checkers::linear::models::queue::{self, Queue};
use paytwice_checkers::linear::models::register::{self, Register};
use paytwice_checkers::linear::models::text::{self, Text};
use paytwice_checkers::linear::{Budget, Model, Operation, check};
use paytwice_checkers::verdict::Verdict;

/// An operation: its words, whether it leaves the state as it is, and whether it says something about the state.
type Said<M> = (
    <M as Model>::Input,
    Option<<M as Model>::Output>,
    &'static str,
    bool,
    bool,
);

fn says<M: Model>(model: &M, operations: impl IntoIterator<Item = Said<M>>)
where
    M::Input: Debug,
{
    for (input, output, words, read, observes) in operations {
        assert_eq!(model.describe(&input, output.as_ref()), words);
        assert_eq!(model.is_read(&input, output.as_ref()), read, "{words}");
        assert_eq!(model.observes(&input, output.as_ref()), observes, "{words}");
    }
}

/// The state after operations of which nobody saw the result.
fn after<M: Model>(model: &M, inputs: impl IntoIterator<Item = M::Input>) -> M::State {
    let step = |state, input| model.step(&state, &input, None).expect("it takes place");
    inputs.into_iter().fold(model.init(), step)
}

#[test]
fn a_register() {
    use register::{Answer, Ask};
    let model = Register { initial: 7_u32 };
    assert_eq!(model.name(), "register");
    says(
        &model,
        [
            (Ask::Read, Some(Answer::Value(3)), "read -> 3", true, true),
            (Ask::Read, None, "read", true, false),
            (Ask::Write(4), Some(Answer::Done), "write 4", false, false),
            (Ask::Cas(1, 2), Some(Answer::Done), "cas 1 to 2", false, true),
            (
                Ask::Cas(1, 2),
                Some(Answer::Refused),
                "cas 1 to 2 (refused)",
                true,
                true,
            ),
            (Ask::Cas(1, 2), None, "cas 1 to 2", false, false),
            (Ask::Cas(2, 2), Some(Answer::Done), "cas 2 to 2", true, true),
        ],
    );
    assert_eq!(model.describe_state(&model.init()), "7");
    assert_eq!(model.heap_bytes(&model.init()), 0);
}

#[test]
fn a_mutex() {
    let model = Mutex;
    assert_eq!(model.name(), "mutex");
    says(
        &model,
        [
            (mutex::Ask::Acquire, Some(()), "acquire", false, true),
            (mutex::Ask::Release, None, "release", false, true),
        ],
    );
    assert_eq!(model.describe_state(&false), "free");
    assert_eq!(model.describe_state(&true), "held");
}

#[test]
fn a_queue() {
    use queue::{Answer, Ask};
    let model = Queue::<u64>::default();
    assert_eq!(model.name(), "fifo-queue");
    says(
        &model,
        [
            (Ask::Enqueue(4), Some(Answer::Done), "enqueue 4", false, false),
            (Ask::Dequeue, Some(Answer::Value(4)), "dequeue -> 4", false, true),
            (Ask::Dequeue, Some(Answer::Empty), "dequeue -> nothing", true, true),
            (Ask::Dequeue, None, "dequeue", false, false),
        ],
    );
    for (filled, words) in [
        (0, "[]"),
        (2, "[0, 1]"),
        (8, "[0, 1, 2, 3, 4, 5, 6, 7]"),
        (9, "[0, 1, 2, 3, 4, 5, 6, 7, ...]"),
    ] {
        let state = after(&model, (0..filled).map(Ask::Enqueue));
        assert_eq!(model.describe_state(&state), words);
        assert_eq!(model.heap_bytes(&state), 8 * state.capacity());
    }
}

#[test]
fn a_text() {
    use text::Ask;
    let model = Text::new("a");
    assert_eq!(model.name(), "kv");
    says(
        &model,
        [
            (Ask::Get, Some(Some("ab")), "get -> \"ab\"", true, true),
            (Ask::Get, None, "get", true, false),
            (Ask::Put("b"), Some(None), "put \"b\"", false, false),
            (Ask::Append("b"), Some(None), "append \"b\"", false, false),
        ],
    );
    let state = after(&model, [Ask::Append("bc"), Ask::Append("d")]);
    assert_eq!(
        (model.describe_state(&state), state.to_string()),
        ("\"abcd\"".to_owned(), "abcd".to_owned())
    );
    // A piece, and the two counts beside it: five words on a machine of 64 bits.
    assert_eq!(model.heap_bytes(&state), 40);
    for (length, words) in [(48, "x".repeat(48)), (49, format!("...{}", "x".repeat(48)))] {
        let long: &str = String::leak("x".repeat(length));
        assert_eq!(
            model.describe_state(&after(&model, [Ask::Put(long)])),
            format!("\"{words}\"")
        );
    }
}

#[test]
fn a_multi_register() {
    let model = MultiRegister {
        initial: vec![("y", 2), ("x", 1)],
        otherwise: None,
    };
    assert_eq!(model.name(), "multi-register");
    let seen = vec![Step::Read("x", Some(1)), Step::Write("y", 3)];
    says(
        &model,
        [
            (seen.clone(), Some(()), "read x -> 1, write y = 3", false, true),
            (vec![Step::Read("x", None)], Some(()), "read x", true, false),
            (vec![Step::Read("z", Some(4))], Some(()), "read z -> 4", false, true),
        ],
    );
    assert_eq!(model.describe_state(&model.init()), "x = 1, y = 2");
    let state = after(&model, [seen, vec![Step::Read("z", Some(4))]]);
    assert_eq!(model.describe_state(&state), "x = 1, y = 3, z = 4");
    assert_eq!(model.heap_bytes(&state), state.capacity() * size_of::<(&str, i32)>());
}

#[test]
fn one_object_per_key() {
    use queue::{Answer, Ask};
    let model = Keyed::new(Queue::<u64>::default());
    assert_eq!(model.name(), "fifo-queue");
    assert_eq!(model.key(&("k", Ask::Dequeue)), Some("k"));
    assert!(model.is_read(&("k", Ask::Dequeue), Some(&Answer::Empty)));
    assert!(!model.is_read(&("k", Ask::Dequeue), Some(&Answer::Value(1))));
    let state = after(&model, [("k", Ask::Enqueue(1)), ("k", Ask::Enqueue(2))]);
    assert_eq!(model.describe_state(&state), "[1, 2]");
    assert_eq!(model.heap_bytes(&state), 8 * state.capacity());
    let history = [
        Operation::ok(0, ("k", Ask::Enqueue(1)), 0, Answer::Done, 1),
        Operation::ok(0, ("l", Ask::Dequeue), 2, Answer::Empty, 3),
        Operation::ok(0, ("k", Ask::Dequeue), 4, Answer::Value(1), 5),
    ];
    assert_eq!(check(&model, &history, Budget::default()).verdict, Verdict::Valid);
}

/// A counter of one's own, with a key and nothing that is optional.
struct Counter;

impl Model for Counter {
    type State = u32;
    type Input = &'static str;
    type Output = u32;
    type Key = &'static str;

    fn name(&self) -> &'static str {
        "counter"
    }

    fn init(&self) -> u32 {
        0
    }

    fn step(&self, state: &u32, _input: &&'static str, output: Option<&u32>) -> Option<u32> {
        output.is_none_or(|seen| seen == state).then_some(state + 1)
    }

    fn key(&self, input: &&'static str) -> Option<&'static str> {
        Some(*input)
    }

    fn describe(&self, _input: &&'static str, output: Option<&u32>) -> String {
        format!("take -> {output:?}")
    }

    fn describe_state(&self, state: &u32) -> String {
        state.to_string()
    }
}

#[test]
fn an_object_of_ones_own_is_judged_by_what_it_returns() {
    let take = |at, seen| Operation::ok(0, "a", at, seen, at + 1);
    let result = check(&Counter, &[take(0, 0), take(2, 1)], Budget::default());
    assert_eq!(result.verdict, Verdict::Valid);
    let result = check(&Counter, &[take(0, 0), take(2, 2)], Budget::default());
    let told = &result.anomalies[0].sentence;
    assert!(
        told.starts_with("key \"a\": \"take -> Some(2)\" (2 to 3) has no place: by then the object could only be 1"),
        "{told}"
    );
    assert_eq!(Counter.heap_bytes(&3), 0);
    assert!(!Counter.observes(&"a", None));
    // Returned, and nobody saw what.
    let unseen = Operation {
        output: None,
        ..take(0, 0)
    };
    let result = check(&Counter, &[unseen], Budget::default());
    assert_eq!(
        result.reason.as_deref(),
        Some("no operation returned what the object held: nothing could contradict the others")
    );
}
