//! Histories of completions only: what they decide, and what they leave open.

use paytwice_checkers::check::check_file;
use paytwice_checkers::verdict::Verdict;

use super::support::{Folder, request};

fn said(text: &str, as_: &str, options: &str) -> Result<Verdict, String> {
    let folder = Folder::new("completions");
    let path = folder.file("history.edn", text);
    let checked = check_file(&request(&path, as_, options));
    checked
        .map(|checked| checked.verdict())
        .map_err(|error| error.to_string())
}

fn list(text: &str, model: &str) -> Verdict {
    said(text, "list-append", &format!("model={model}")).unwrap()
}

/// The first example of Elle's manual: T1 saw T2's append to y, T2's append to x came behind T1's.
const ELLE: &str = "[{:process 0, :type :ok, :value [[:append :x 1] [:r :y [1]]]}
 {:process 1, :type :ok, :value [[:append :x 2] [:append :y 1]]}
 {:process 2, :type :ok, :value [[:r :x [1 2]]]}]";

#[test]
fn completions_only_are_transactions_of_their_processes() {
    assert_eq!(list(ELLE, "serializable"), Verdict::Invalid);
    assert_eq!(list(ELLE, "read-uncommitted"), Verdict::Valid);

    // In the order of the lines the second read is stale.
    let stale = |first: &str, second: &str| {
        format!("{{{first} :type :ok, :value [[:append :x 1]]}}\n{{{second} :type :ok, :value [[:r :x []]]}}")
    };
    for (first, second, model, expected) in [
        (":process 0,", ":process 1,", "serializable", Verdict::Valid),
        (
            ":process 0,",
            ":process 1,",
            "strong-session-serializable",
            Verdict::Valid,
        ),
        (":process 0,", ":process 1,", "strict-serializable", Verdict::Unknown),
        (":process 0,", ":process 0,", "serializable", Verdict::Valid),
        (
            ":process 0,",
            ":process 0,",
            "strong-session-serializable",
            Verdict::Invalid,
        ),
        (":process 0,", ":process 0,", "strict-serializable", Verdict::Invalid),
        ("", "", "serializable", Verdict::Valid),
        ("", "", "strong-session-serializable", Verdict::Unknown),
        ("", "", "strict-serializable", Verdict::Unknown),
    ] {
        assert_eq!(list(&stale(first, second), model), expected, "{first}{second} {model}");
    }
}

#[test]
fn completions_only_may_fail_and_be_unknown() {
    let read_of = |kind: &str| {
        format!(
            "{{:process 0, :type :ok, :value [[:append :y 1]]}}\n{{:process 1, :type :{kind}, :value [[:append :x 1]]}}\n\
             {{:process 3, :type :fail, :value nil}}\n{{:process 2, :type :ok, :value [[:r :x [1]]]}}"
        )
    };
    for (kind, expected) in [
        ("ok", Verdict::Valid),
        ("fail", Verdict::Invalid),
        ("info", Verdict::Valid),
    ] {
        let text = read_of(kind);
        assert_eq!(list(&text, "serializable"), expected, "{kind}");
    }
}

/// Without real time a linearizable key says no more than a sequential one.
#[test]
fn completions_only_make_no_key_linearizable() {
    let lines = [
        "{:process 0, :type :ok, :value [[:w 0 1]]}",
        "{:process 1, :type :ok, :value [[:r 0 nil]]}",
        "{:process 1, :type :ok, :value [[:r 0 1]]}",
        "{:process 1, :type :ok, :value [[:r 0 nil]]}",
    ];
    for (count, assumed, expected) in [
        (4, "linearizable-keys", Verdict::Invalid),
        (4, "wfr-keys", Verdict::Valid),
        (2, "linearizable-keys", Verdict::Valid),
    ] {
        let options = format!("model=serializable,{assumed}=true");
        let verdict = said(&lines[..count].join("\n"), "rw-register", &options);
        assert_eq!(verdict, Ok(expected), "{count} {assumed}");
    }
}

#[test]
fn an_info_without_its_invocation_among_others_may_have_committed_at_any_time() {
    let text = "{:process 0, :type :invoke, :value [[:r :x nil]]}\n{:process 0, :type :ok, :value [[:r :x [1]]]}\n\
                {:process 1, :type :info, :value [[:append :x 1]]}\n{:process 2, :type :info, :f :log, :value \"text\"}";
    for model in ["serializable", "strict-serializable"] {
        assert_eq!(list(text, model), Verdict::Valid, "{model}");
    }
}

#[test]
fn completions_only_and_invocations_do_not_mix() {
    let mixed =
        "{:process 0, :type :ok, :value [[:append :x 1]]}\n{:process 1, :type :invoke, :value [[:append :x 2]]}";
    let error = said(mixed, "list-append", "").unwrap_err();
    let expected =
        "operation 1: expected completions only, or invocations of all, found an invocation, but none of operation 0";
    assert!(error.ends_with(expected), "{error}");
    // What needs real time does not take completions only.
    let error = said("{:process 0, :type :ok, :f :write, :value 1}", "cas-register", "").unwrap_err();
    assert!(
        error.contains("expected the end of an operation that was invoked"),
        "{error}"
    );
}
