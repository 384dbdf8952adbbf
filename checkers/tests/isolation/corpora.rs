//! Recorded histories with known verdicts, where `PAYTWICE_CORPORA` names their folder.

use std::collections::BTreeMap;
use std::path::Path;

use paytwice_checkers::isolation::rw_register::Assumptions;
use paytwice_checkers::isolation::{ListAppend, Model, Options, Outcome, RwRegister, Txn};
use paytwice_checkers::verdict::{CheckerResult, Verdict};
use serde_json::Value;

#[test]
fn recorded_histories_are_judged_as_listed() {
    let Ok(folder) = std::env::var("PAYTWICE_CORPORA") else {
        println!("skipped: PAYTWICE_CORPORA does not name the folder of the recorded histories");
        return;
    };
    let folder = Path::new(&folder);
    let rows = std::fs::read_to_string(folder.join("VERDICTS.tsv")).unwrap();
    let mut judged = 0;
    for row in rows.lines().skip(1) {
        let [path, format, name, options, verdict, _] = row.split('\t').collect::<Vec<_>>()[..] else {
            panic!("not a row: {row}")
        };
        if !["list-append", "rw-register"].contains(&name) {
            continue;
        }
        let text = std::fs::read_to_string(folder.join(path)).unwrap();
        let ops = if format == "jepsen-edn" {
            edn(&text)
        } else {
            serde_json::from_str(&text).unwrap()
        };
        let result = judge(&ops, name, options);
        let expected = if path.starts_with("elle-cli/rw-register/rw-register.") {
            // It reads a value that no transaction wrote.
            Verdict::Unknown
        } else if verdict == "valid" {
            Verdict::Valid
        } else {
            Verdict::Invalid
        };
        assert_eq!(result.verdict, expected, "{path}: {result:#?}");
        judged += 1;
    }
    assert!(judged > 0, "no row is for these checkers");
}

fn judge(ops: &[Value], name: &str, given: &str) -> CheckerResult {
    let mut options = Options::default();
    if let Some(model) = given.strip_prefix("model=") {
        options.models = vec![model.parse::<Model>().unwrap()];
    }
    let (mut lists, mut registers) = (ListAppend::new(), RwRegister::new());
    let mut invoked: BTreeMap<u64, u64> = BTreeMap::new();
    for op in ops {
        let (index, process) = (op["index"].as_u64().unwrap(), op["process"].as_u64().unwrap());
        let outcome = match op["type"].as_str().unwrap() {
            "invoke" => {
                invoked.insert(process, index);
                continue;
            }
            "ok" => Outcome::Ok,
            "fail" => Outcome::Fail,
            _ => Outcome::Info,
        };
        let txn = Txn {
            process,
            invoke: invoked.remove(&process).unwrap(),
            complete: Some(index),
            outcome,
        };
        lists.begin(txn);
        registers.begin(txn);
        for mop in op["value"].as_array().unwrap() {
            let key = mop[1].to_string();
            match mop[0].as_str().unwrap() {
                "append" => lists.append(&*key, mop[2].as_i64().unwrap()),
                "w" => registers.write(&*key, mop[2].as_i64()),
                _ if name == "list-append" => {
                    let found = mop[2].as_array().cloned().unwrap_or_default();
                    lists.read(&*key, found.iter().map(|v| v.as_i64().unwrap()));
                }
                _ => registers.read(&*key, mop[2].as_i64()),
            }
        }
    }
    match name {
        "list-append" => lists.check(&options).into_result(),
        _ => registers.check(&options, &Assumptions::default()).into_result(),
    }
}

/// Just enough EDN for these files: maps, vectors, keywords, integers and nil, as the JSON that says the same.
fn edn(text: &str) -> Vec<Value> {
    let spaced = text.replace(',', " ");
    let mut tokens: Vec<String> = Vec::new();
    for c in spaced.chars() {
        match c {
            '[' | ']' | '{' | '}' => tokens.extend([c.to_string(), String::new()]),
            _ if c.is_whitespace() => tokens.push(String::new()),
            _ => match tokens.last_mut() {
                Some(last) => last.push(c),
                None => tokens.push(c.to_string()),
            },
        }
    }
    let mut tokens = tokens.into_iter().filter(|token| !token.is_empty()).peekable();
    let mut ops = Vec::new();
    while tokens.peek().is_some() {
        ops.push(form(&mut tokens));
    }
    ops
}

fn form(tokens: &mut std::iter::Peekable<impl Iterator<Item = String>>) -> Value {
    let token = tokens.next().unwrap();
    let mut until = |end: &str| {
        let mut forms = Vec::new();
        while tokens.next_if(|token| token == end).is_none() {
            forms.push(form(&mut *tokens as &mut std::iter::Peekable<_>));
        }
        forms
    };
    match token.as_str() {
        "[" => Value::Array(until("]")),
        "{" => {
            let forms = until("}");
            let pairs = forms
                .chunks(2)
                .map(|pair| (pair[0].as_str().unwrap().to_owned(), pair[1].clone()));
            Value::Object(pairs.collect())
        }
        "nil" => Value::Null,
        word => word
            .strip_prefix(':')
            .map_or_else(|| word.parse::<i64>().unwrap().into(), Value::from),
    }
}
