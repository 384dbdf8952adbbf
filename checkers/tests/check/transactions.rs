//! Transactions: which models a history is valid by, invalid by, and what keeps it unknown.

use paytwice_checkers::check::{Checked, catalogue, check_file};
use paytwice_checkers::isolation::Model;
use paytwice_checkers::verdict::{Completeness, Verdict};

use crate::support::{Folder, checked, refused, request, verdict};

const VALID: Verdict = Verdict::Valid;
const UNKNOWN: Verdict = Verdict::Unknown;
const INVALID: Verdict = Verdict::Invalid;

/// What is said of the lines under each of these models.
fn by_models(as_: &str, models: &[&str], lines: &[&str]) -> Vec<Verdict> {
    let by = |model: &&str| verdict(as_, &format!("model={model}"), lines);
    models.iter().map(by).collect()
}

/// One transaction after another, each of its own process: an invocation, then an ok that says the same.
fn one_by_one<'t>(txns: &[&'t str]) -> Vec<String> {
    let each =
        |(process, txn): (usize, &&'t str)| [format!("{process} invoke txn {txn}"), format!("{process} ok txn {txn}")];
    txns.iter().enumerate().flat_map(each).collect()
}

fn at_once(txns: &[&str]) -> Vec<String> {
    let line = |kind: &str| {
        let each = txns.iter().enumerate();
        each.map(|(process, txn)| format!("{process} {kind} txn {txn}"))
            .collect::<Vec<String>>()
    };
    [line("invoke"), line("ok")].concat()
}

fn refs(lines: &[String]) -> Vec<&str> {
    lines.iter().map(String::as_str).collect()
}

#[test]
fn a_fractured_read_is_forbidden_by_every_model_with_atomic_visibility() {
    let atomic = [
        "read-atomic",
        "strong-session-read-atomic",
        "update-atomic",
        "causal",
        "causal-cerone",
        "prefix",
        "parallel-snapshot-isolation",
        "snapshot-isolation",
        "serializable",
    ];
    for (as_, txns) in [
        (
            "list-append",
            [
                "[[:append x 7] [:append y 7]]",
                "[[:r x [7]] [:r y []]]",
                "[[:r y []] [:r x [7]]]",
            ],
        ),
        (
            "rw-register",
            ["[[:w x 7] [:w y 7]]", "[[:r x 7] [:r y nil]]", "[[:r y nil] [:r x 7]]"],
        ),
    ] {
        for (reader, monotonic) in [(txns[1], INVALID), (txns[2], VALID)] {
            let lines = at_once(&[txns[0], reader]);
            assert!(
                by_models(as_, &atomic, &refs(&lines))
                    .iter()
                    .all(|verdict| *verdict == INVALID),
                "{as_} {reader}"
            );
            // Which of the two was read first matters to this model, and to no other.
            assert_eq!(
                by_models(as_, &["monotonic-atomic-view"], &refs(&lines)),
                [monotonic],
                "{as_} {reader}"
            );
            assert_eq!(
                by_models(as_, &["read-committed"], &refs(&lines)),
                [VALID],
                "{as_} {reader}"
            );
        }
    }
}

#[test]
fn each_weak_model_forbids_what_the_next_weaker_one_permits() {
    let models = [
        "read-atomic",
        "causal-cerone",
        "prefix",
        "snapshot-isolation",
        "serializable",
    ];
    let models = |as_, txns: &[&str]| by_models(as_, &models, &refs(&at_once(txns)));
    let cause = [
        "[[:append x 1]]",
        "[[:r x [1]] [:append y 1]]",
        "[[:r y [1]] [:r x []]]",
    ];
    assert_eq!(
        models("list-append", &cause),
        [VALID, INVALID, INVALID, INVALID, INVALID]
    );
    let cause = ["[[:w x 1]]", "[[:r x 1] [:w y 1]]", "[[:r y 1] [:r x nil]]"];
    assert_eq!(
        models("rw-register", &cause),
        [VALID, INVALID, INVALID, INVALID, INVALID]
    );
    let fork = [
        "[[:append x 1]]",
        "[[:append y 1]]",
        "[[:r x [1]] [:r y []]]",
        "[[:r x []] [:r y [1]]]",
    ];
    assert_eq!(models("list-append", &fork), [VALID, VALID, INVALID, INVALID, INVALID]);
    let fork = [
        "[[:w x 1]]",
        "[[:w y 1]]",
        "[[:r x 1] [:r y nil]]",
        "[[:r x nil] [:r y 1]]",
    ];
    assert_eq!(models("rw-register", &fork), [VALID, VALID, INVALID, INVALID, INVALID]);
    let lost = [
        "[[:r x []] [:append x 1]]",
        "[[:r x []] [:append x 2]]",
        "[[:r x [1 2]]]",
    ];
    assert_eq!(models("list-append", &lost), [VALID, VALID, VALID, INVALID, INVALID]);
    let skew = [
        "[[:r x []] [:append y 1]]",
        "[[:r y []] [:append x 1]]",
        "[[:r x [1]] [:r y [1]]]",
    ];
    assert_eq!(models("list-append", &skew), [VALID, VALID, VALID, VALID, INVALID]);
    let skew = ["[[:r x nil] [:w y 1]]", "[[:r y nil] [:w x 1]]", "[[:r x 1] [:r y 1]]"];
    assert_eq!(models("rw-register", &skew), [VALID, VALID, VALID, VALID, INVALID]);
}

#[test]
fn what_a_session_did_before_is_a_cause() {
    for (as_, lines) in [
        (
            "list-append",
            [
                "0 invoke txn [[:append x 1]]",
                "0 ok txn [[:append x 1]]",
                "0 invoke txn [[:r x nil]]",
                "0 ok txn [[:r x []]]",
                "1 invoke txn [[:r x nil]]",
                "1 ok txn [[:r x [1]]]",
            ],
        ),
        (
            "rw-register",
            [
                "0 invoke txn [[:w x 1]]",
                "0 ok txn [[:w x 1]]",
                "0 invoke txn [[:r x nil]]",
                "0 ok txn [[:r x nil]]",
                "1 invoke txn [[:r x nil]]",
                "1 ok txn [[:r x 1]]",
            ],
        ),
    ] {
        let models = [
            "causal",
            "strong-session-read-atomic",
            "strong-session-prefix",
            "strong-session-parallel-snapshot-isolation",
            "causal-cerone",
            "read-atomic",
            "prefix",
            "parallel-snapshot-isolation",
        ];
        let expected = [INVALID, INVALID, INVALID, INVALID, VALID, VALID, VALID, VALID];
        assert_eq!(by_models(as_, &models, &lines), expected, "{as_}");
    }
}

#[test]
fn whether_a_list_shows_the_appends_below_its_last_one_the_weak_models_do_not_say() {
    // The reader's list of x has 1 below 2, and what went with 1 is not in y.
    let lines = at_once(&[
        "[[:append x 1] [:append y 1]]",
        "[[:append x 2]]",
        "[[:r x [1 2]] [:r y []]]",
    ]);
    let models = ["read-atomic", "causal", "prefix", "read-committed"];
    assert_eq!(
        by_models("list-append", &models, &refs(&lines)),
        [UNKNOWN, UNKNOWN, INVALID, VALID]
    );
    let said = refused("list-append", "model=read-atomic", &refs(&lines));
    assert!(said.contains("the models do not say"), "{said}");
}

#[test]
fn a_model_without_a_procedure_is_unknown_unless_a_stronger_one_holds() {
    let others = [
        "monotonic-view",
        "monotonic-snapshot-read",
        "cursor-stability",
        "forward-consistent-view",
        "update-serializable",
    ];
    let skew = [
        "[[:r x []] [:append y 1]]",
        "[[:r y []] [:append x 1]]",
        "[[:r x [1]] [:r y [1]]]",
    ];
    // Snapshot isolation holds, and with it all but the last of them.
    assert_eq!(
        by_models("list-append", &others, &refs(&at_once(&skew))),
        [VALID, VALID, VALID, VALID, UNKNOWN]
    );
    let fractured = ["[[:append x 7] [:append y 7]]", "[[:r y []] [:r x [7]]]"];
    assert_eq!(
        by_models("list-append", &others, &refs(&at_once(&fractured))),
        [UNKNOWN, UNKNOWN, UNKNOWN, INVALID, INVALID]
    );
    assert!(
        by_models("list-append", &others, &refs(&one_by_one(&skew[2..])))
            .iter()
            .all(|verdict| *verdict == INVALID),
        "garbage is forbidden by all"
    );
}

#[test]
fn a_row_that_was_there_can_lose_an_update() {
    let invokes = [
        "0 invoke txn [[:r a nil] [:w a 90]]",
        "1 invoke txn [[:r a nil] [:w a 80]]",
    ];
    let both = ["0 ok txn [[:r a 100] [:w a 90]]", "1 ok txn [[:r a 100] [:w a 80]]"];
    let read = ["2 invoke txn [[:r a nil]]", "2 ok txn [[:r a 80]]"];
    let lines = [&invokes[..], &both, &read].concat();
    let models = [
        "update-atomic",
        "snapshot-isolation",
        "serializable",
        "strict-serializable",
    ];
    for options in ["", ",initial=100"] {
        for model in models {
            assert_eq!(
                verdict("rw-register", &format!("model={model}{options}"), &lines),
                INVALID,
                "{model} {options}"
            );
        }
    }
    assert_eq!(
        by_models("rw-register", &["read-atomic", "causal"], &lines),
        [VALID, VALID]
    );
    // Without the lost update the row that was there is no hindrance.
    let lines = [
        "0 invoke txn [[:r a nil] [:w a 90]]",
        "0 ok txn [[:r a 100] [:w a 90]]",
        "1 invoke txn [[:r a nil] [:w a 80]]",
        "1 ok txn [[:r a 90] [:w a 80]]",
    ];
    let found = checked("rw-register", "-", &lines).unwrap();
    assert_eq!(found.verdict(), VALID);
    assert!(found.to_string().contains("taken as there at first"), "{found}");
    // A row that is read as it was after it was overwritten.
    let stale = [&lines[..], &["2 invoke txn [[:r a nil]]", "2 ok txn [[:r a 100]]"]].concat();
    assert_eq!(
        by_models("rw-register", &["strict-serializable", "serializable"], &stale),
        [INVALID, VALID]
    );
}

#[test]
fn what_the_keys_held_at_first_can_be_said() {
    // Nothing says whether 7 was there before or came later: the read began when the write was over.
    let lines = [
        "0 invoke txn [[:w s 1]]",
        "0 ok txn [[:w s 1]]",
        "1 invoke txn [[:r s nil]]",
        "1 ok txn [[:r s 7]]",
    ];
    let read = ["2 invoke txn [[:r s nil]]", "2 ok txn [[:r s 1]]"];
    let both = [&lines[..2], &read, &lines[2..]].concat();
    assert_eq!(verdict("rw-register", "-", &lines), UNKNOWN);
    assert_eq!(verdict("rw-register", "-", &both), UNKNOWN);
    assert_eq!(verdict("rw-register", "initial=7", &both), INVALID);
    assert_eq!(verdict("rw-register", "initial=7,model=serializable", &both), VALID);
    assert_eq!(verdict("rw-register", "initial=8,model=serializable", &both), UNKNOWN);
    assert_eq!(verdict("rw-register", "closed=true", &lines), INVALID);
    assert_eq!(
        verdict("rw-register", "closed=true,initial=7,model=serializable", &both),
        VALID
    );
    // Nil is not what was there.
    let nil = [
        "0 invoke txn [[:r s nil]]",
        "0 ok txn [[:r s nil]]",
        "1 invoke txn [[:w s 2]]",
        "1 ok txn [[:w s 2]]",
    ];
    let read = ["2 invoke txn [[:r s nil]]", "2 ok txn [[:r s 2]]"];
    let nil = [&nil[..], &read].concat();
    assert_eq!(verdict("rw-register", "-", &nil), VALID);
    assert_eq!(verdict("rw-register", "initial=nil", &nil), VALID);
    assert_eq!(verdict("rw-register", "initial=0", &nil), UNKNOWN);
    // What was there and was written again cannot be told apart.
    assert_eq!(verdict("rw-register", "initial=2", &nil[..2]), UNKNOWN);
    assert_eq!(verdict("rw-register", "initial=2", &nil[2..]), UNKNOWN);
    assert_eq!(verdict("rw-register", "initial=word", &nil[2..]), VALID);
    let said = checked("rw-register", "initial=(", &nil).unwrap_err().to_string();
    assert!(said.contains("option initial=(: expected a number"), "{said}");
}

#[test]
fn a_history_that_nothing_binds_is_unknown() {
    let lines = one_by_one(&["[[:w x 1]]", "[[:w x 2]]", "[[:r y nil]]"]);
    let found = checked("rw-register", "-", &refs(&lines)).unwrap();
    assert_eq!(found.verdict(), UNKNOWN);
    assert!(
        found
            .to_string()
            .contains("no recorded write was read by another transaction"),
        "{found}"
    );
    // A transaction's read of its own write binds nothing.
    let lines = one_by_one(&["[[:w x 1] [:r x 1]]", "[[:w x 2] [:r x 2]]"]);
    assert_eq!(verdict("rw-register", "-", &refs(&lines)), UNKNOWN);
    // Nil that may have been written.
    let lines = one_by_one(&["[[:w x 1]]", "[[:r x 1]]", "[[:w x nil]]", "[[:r x nil]]"]);
    assert_eq!(verdict("rw-register", "-", &refs(&lines)), UNKNOWN);
}

#[test]
fn the_order_of_one_key_follows_from_the_model_that_was_asked_for() {
    let lines = [
        "1 invoke txn [[:w k 10]]",
        "2 invoke txn [[:w k 20]]",
        "1 ok txn [[:w k 10]]",
        "2 ok txn [[:w k 20]]",
        "1 invoke txn [[:r k nil]]",
        "2 invoke txn [[:r k nil]]",
        "1 ok txn [[:r k 20]]",
        "2 ok txn [[:r k 10]]",
    ];
    let models = [
        "strict-serializable",
        "strong-session-serializable",
        "strong-session-snapshot-isolation",
        "causal",
        "serializable",
        "snapshot-isolation",
        "causal-cerone",
    ];
    let expected = [INVALID, INVALID, INVALID, INVALID, VALID, VALID, VALID];
    assert_eq!(by_models("rw-register", &models, &lines), expected);
    // The same with a session of its own for each: only real time tells.
    let others = lines.map(|line| line.replace("[[:r", "[[:r ").replace("[[:r  k", "[[:r k"));
    let others: Vec<String> = (others.iter().enumerate())
        .map(|(at, line)| if at >= 4 { format!("1{line}") } else { line.clone() })
        .collect();
    let expected = [INVALID, VALID, VALID, VALID, VALID, VALID, VALID];
    assert_eq!(by_models("rw-register", &models, &refs(&others)), expected);
}

#[test]
fn an_info_whose_invocation_is_not_on_record_may_have_written_at_any_time() {
    for (as_, info, read) in [
        ("list-append", "[[:append x 4]]", "[[:r x [4]]]"),
        ("rw-register", "[[:w x 4]]", "[[:r x 4]]"),
    ] {
        let lines = [
            format!("9 info txn {info}"),
            "3 invoke txn [[:r x nil]]".to_owned(),
            format!("3 ok txn {read}"),
        ];
        assert_eq!(verdict(as_, "-", &refs(&lines)), VALID, "{as_}");
        let early = [&lines[1..], &lines[..1]].concat();
        assert_eq!(verdict(as_, "-", &refs(&early)), VALID, "{as_}, behind the read");
        let none = [
            format!("9 info txn {}", info.replace('4', "5")),
            lines[1].clone(),
            lines[2].clone(),
        ];
        assert_ne!(verdict(as_, "-", &refs(&none)), VALID, "{as_}, another value");
    }
}

/// By the lines the first read came after the append, by the times both reads may have come before it.
#[test]
fn what_lines_and_times_do_not_both_say_is_no_order() {
    for (as_, append, nothing, found) in [
        ("list-append", "[[:append x 5]]", "[[:r x []]]", "[[:r x [5]]]"),
        ("rw-register", "[[:w x 5]]", "[[:r x nil]]", "[[:r x 5]]"),
    ] {
        for (reads_at, expected) in [([110, 120], VALID), ([310, 320], INVALID)] {
            let lines = [
                format!("@100 1 invoke txn {append}"),
                format!("@300 1 ok txn {append}"),
                format!("@{} 2 invoke txn [[:r x nil]]", reads_at[0]),
                format!("@{} 2 ok txn {nothing}", reads_at[1]),
                "@330 3 invoke txn [[:r x nil]]".to_owned(),
                format!("@340 3 ok txn {found}"),
            ];
            assert_eq!(verdict(as_, "-", &refs(&lines)), expected, "{as_} {reads_at:?}");
            // What is before both by lines and by times is still before.
            let stale = lines.map(|line| line.replace(found, nothing));
            assert_eq!(verdict(as_, "-", &refs(&stale)), INVALID, "{as_} {reads_at:?}");
        }
    }
}

#[test]
fn a_set_as_a_value_has_no_order() {
    let lines = one_by_one(&["[[:append tags #{:c :a :b}]]", "[[:r tags [#{:a :b :c}]]]"]);
    assert_eq!(verdict("list-append", "-", &refs(&lines)), VALID);
}

fn completeness(found: &Checked) -> Option<Completeness> {
    found.results[0].completeness
}

#[test]
fn a_verdict_says_how_far_it_goes() {
    let lines = one_by_one(&["[[:w x 1]]", "[[:r x 1]]"]);
    let shown = checked("rw-register", "-", &refs(&lines)).unwrap();
    assert_eq!(
        (shown.verdict(), completeness(&shown)),
        (VALID, Some(Completeness::Decided))
    );
    assert!(
        shown.to_string().starts_with("VALID rw-register (decided): judged by strict-serializable; strict-serializable: an order of the transactions was found"),
        "{shown}"
    );
    let unbound = checked("rw-register", "-", &refs(&lines[..2])).unwrap();
    assert_eq!(
        (unbound.verdict(), completeness(&unbound)),
        (UNKNOWN, Some(Completeness::Inferred))
    );
    assert!(
        unbound.to_string().starts_with("UNKNOWN rw-register (inferred): "),
        "{unbound}"
    );
    let lines = at_once(&["[[:append x 7] [:append y 7]]", "[[:r y []] [:r x [7]]]"]);
    let open = checked("list-append", "model=monotonic-view", &refs(&lines)).unwrap();
    assert_eq!(
        (open.verdict(), completeness(&open)),
        (UNKNOWN, Some(Completeness::NotDecided))
    );
    assert!(
        open.to_string().contains("no procedure decides monotonic-view here"),
        "{open}"
    );
    let json = serde_json::to_value(&open.results[0]).unwrap();
    assert_eq!(json["completeness"], "not-decided");
    // A checker that says nothing has none.
    let other = checked("unique-ids", "-", &["0 invoke generate", "0 ok generate 1"]).unwrap();
    assert_eq!(other.verdict(), VALID);
}

#[test]
fn every_model_stands_in_one_row_of_each_list() {
    let text = catalogue();
    for name in ["list-append", "rw-register"] {
        let own = text.split(&format!("\n{name} ")).nth(1).unwrap();
        let end = own
            .find("\nrw-register ")
            .into_iter()
            .chain(own.find("\ncas-register "))
            .min();
        let own = &own[..end.unwrap()];
        let rows: Vec<&str> = own
            .lines()
            .filter(|line| {
                ["decided ", "inferred ", "not decided "]
                    .iter()
                    .any(|c| line.trim_start().starts_with(c))
            })
            .collect();
        assert_eq!(rows.len(), 3, "{own}");
        for model in Model::all() {
            let base = model.name().replace("strong-session-", "").replace("strong-", "");
            let named = |row: &&&str| {
                let models = row.split(':').next().unwrap_or_default();
                models
                    .split([',', ' '])
                    .any(|word| word == model.name() || word == base)
            };
            assert!(rows.iter().filter(named).count() >= 1, "{name} {model}");
        }
    }
}

#[test]
fn a_line_of_its_own_form_is_read_like_any_other() {
    let folder = Folder::new("jsonl");
    let path = folder.file(
        "history.jsonl",
        concat!(
            "{\"index\":0,\"process\":0,\"type\":\"invoke\",\"f\":\"txn\",\"value\":[[\"append\",\"x\",1],[\"append\",\"y\",1]]}\n",
            "{\"index\":1,\"process\":0,\"type\":\"ok\",\"f\":\"txn\",\"value\":[[\"append\",\"x\",1],[\"append\",\"y\",1]]}\n",
            "{\"index\":2,\"process\":1,\"type\":\"invoke\",\"f\":\"txn\",\"value\":[[\"r\",\"x\",null],[\"r\",\"y\",null]]}\n",
            "{\"index\":3,\"process\":1,\"type\":\"ok\",\"f\":\"txn\",\"value\":[[\"r\",\"x\",[1]],[\"r\",\"y\",[]]]}\n",
        ),
    );
    let found = check_file(&request(&path, "list-append", "model=causal")).unwrap();
    assert_eq!(found.verdict(), INVALID);
}
