//! What is said about names, options and operations that cannot be understood.

use paytwice_checkers::workloads::Options;

use crate::support::checked;

#[test]
fn mistakes_name_the_way_out() {
    let said = |as_: &str, options: &str, lines: &[&str]| checked(as_, options, lines).unwrap_err().to_string();
    let error = said("list-apend", "-", &[]);
    assert!(
        error.starts_with(
            "checker \"list-apend\" is not known (did you mean list-append?); possible are promises, exactly-once"
        ),
        "{error}"
    );
    let error = said("list-append", "model=serialisable", &[]);
    assert!(
        error.starts_with("model \"serialisable\" is not known (did you mean serializable?)"),
        "{error}"
    );
    let error = said("bank", "negative-balance=true", &[]);
    assert_eq!(
        error,
        "option \"negative-balance\" is not known (did you mean negative-balances?); possible are negative-balances, total"
    );
    assert_eq!(
        said("bank", "total=much", &[]),
        "option total=much: expected a whole number"
    );
    assert_eq!(
        said("bank", "negative-balances=yes", &[]),
        "option negative-balances=yes: expected true or false"
    );
    assert!(Options::parse("total").is_err());
}

#[test]
fn what_is_not_of_the_workloads_shape_has_its_place() {
    for (as_, lines, expected) in [
        (
            "counter",
            &["0 invoke add 1", "0 ok add 1", "0 invoke add x"][..],
            "history.edn:3: as counter: operation 2: expected a whole number, found x",
        ),
        (
            "set",
            &["0 invoke pop 1"],
            "history.edn:1: as set: operation 0: expected an f of add or read, found pop",
        ),
        (
            "mutex",
            &["0 invoke acquire", "0 invoke release"],
            "history.edn:2: as mutex: operation 1: expected one operation of a process at a time, found an invocation while operation 0 of its process is open",
        ),
        (
            "mutex",
            &["0 ok acquire"],
            "history.edn:1: as mutex: operation 0: expected the end of an operation that was invoked, found no invocation of its process",
        ),
        (
            "list-append",
            &["0 invoke txn [[:append x 1]]", "0 ok txn [[:apend x 1]]"],
            "history.edn:2: as list-append: operation 1: expected a transaction of [:append k v] and [:r k [v ...]], found [:apend x 1]",
        ),
    ] {
        let error = checked(as_, "-", lines).unwrap_err();
        assert!(error.is_users());
        assert!(error.to_string().ends_with(expected), "{error}");
    }
}

#[test]
fn a_misfit_has_its_place_however_far_was_read() {
    // Behind it there is more than what is read ahead.
    let mut lines = vec!["0 invoke add 1"; 2_000];
    lines[1_500] = "0 invoke pop 1";
    let said = checked("set", "-", &lines).unwrap_err().to_string();
    assert!(said.contains("history.edn:1501: as set: operation 1500: "), "{said}");
}
