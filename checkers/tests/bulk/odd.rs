//! Histories that few runs write, in which something is left out, comes too late or stands for two things.

use super::common::{PLANTS, Scenario, Try, jsonl, run_of_four, run_of_one};
use super::{agrees, agrees_edited, agrees_on, first_with, insert, three_payments};
use paytwice_checkers::bulk::BulkResults;
use paytwice_checkers::history::{Kind, QueryPath};

fn edited(scenario: &Scenario, edit: impl FnOnce(&mut Vec<String>)) -> BulkResults {
    agrees_edited(&jsonl(&scenario.history()), edit).expect("it is readable")
}

/// A read that succeeded.
fn read(at: &str, role: &str, rows: &str) -> String {
    let value = format!("{{\"at\":\"{at}\",\"read\":\"{role}\",\"rows\":[{rows}]}}");
    format!("\"process\":\"final\",\"type\":\"ok\",\"f\":\"read\",\"value\":{value}")
}

/// One that did not.
fn failed(at: &str, role: &str) -> String {
    let value = format!("{{\"at\":\"{at}\",\"read\":\"{role}\",\"rows\":[]}}");
    format!("\"process\":\"final\",\"type\":\"info\",\"f\":\"read\",\"value\":{value},\"error\":\"gone\"")
}

fn recharge(process: u64, kind: &str, tx: &str, account: &str, more: &str) -> String {
    let value = format!("{{\"tx\":\"{tx}\",\"account\":\"{account}\",\"amount\":\"1\",\"attempt\":1{more}}}");
    format!("\"process\":{process},\"type\":\"{kind}\",\"f\":\"recharge\",\"value\":{value}")
}

fn row(tx: &str, account: &str, amount: &str, result: &str) -> String {
    format!("{{\"tx\":\"{tx}\",\"account\":\"{account}\",\"amount\":\"{amount}\",\"result\":\"{result}\"}}")
}

fn final_payments(lines: &[String]) -> usize {
    first_with(lines, "\"at\":\"final\",\"read\":\"payments\"")
}

/// Puts a row first in the rows of a line.
fn add_row(line: &mut String, row: &str) {
    let more = if line.contains("\"rows\":[]") { "" } else { "," };
    *line = line.replace("\"rows\":[", &format!("\"rows\":[{row}{more}"));
}

/// The final balance of an account, whatever it was, and that which it begins with.
fn balances(lines: &mut [String], account: &str, first: Option<&str>, last: &str) {
    for (at, balance) in [
        ("initial", first),
        ("before-compensate", Some(last)),
        ("final", Some(last)),
    ] {
        let line = first_with(lines, &format!("\"at\":\"{at}\",\"read\":\"balances\""));
        let begin = lines[line]
            .find(&format!("{{\"account\":\"{account}\""))
            .expect("it has a row");
        let end = begin + lines[line][begin..].find('}').expect("it has an end") + 1;
        let row = balance.map_or_else(
            || format!("{{\"account\":\"{account}\",\"balance\":null}}"),
            |balance| format!("{{\"account\":\"{account}\",\"balance\":\"{balance}\"}}"),
        );
        lines[line].replace_range(begin..end, &row);
    }
}

#[test]
fn a_history_that_is_cut_off_ends_before_the_cut() {
    for cut in [
        "\"rows\":[{\"account\"",
        "\"read\":\"credits\"",
        "\"at\":\"final\",\"read\":\"balances\"",
        "\"f\":\"phase\"",
    ] {
        let mut text = three_payments();
        text.truncate(text.rfind(cut).expect(cut) + cut.len() + 2);
        let read = agrees(text.as_bytes()).unwrap().expect(cut);
        assert_eq!((read.truncated, read.slow), (true, None), "{cut}");
        // The same where the history is read as a whole.
        let header = text
            .lines()
            .next()
            .expect("a header")
            .replace("\"index\":0", "\"index\":7");
        let read = agrees(text.replacen('\n', &format!("\n{header}\n"), 1).as_bytes())
            .unwrap()
            .expect(cut);
        assert!(read.truncated && read.slow.is_some(), "{cut}");
    }
    let whole = three_payments();
    let read = agrees(whole.trim_end().as_bytes()).unwrap().expect("it is whole");
    assert_eq!((read.truncated, read.slow), (false, None));
}

#[test]
fn a_run_without_successes_has_nothing_to_add_up() {
    let mut scenario = run_of_one();
    scenario.payments[0].rows[0].result = Some("fail");
    scenario.payments[0].credits = 0;
    scenario.payments[0].credits_before = 0;
    let read = edited(&scenario, |_| {});
    let reason = read.balance_convergence.reason.clone().unwrap_or_default();
    assert!(reason.contains("nothing to add up"), "{reason}");
}

#[test]
fn compensations_are_known_of_without_their_payments() {
    let mut scenario = run_of_four();
    for payment in &mut scenario.payments {
        payment.compensate = Some("success");
    }
    let read = edited(&scenario, |lines| {
        let at = first_with(lines, "\"at\":\"before-compensate\"");
        lines.remove(at);
    });
    assert_eq!(read.slow, None);
    let reason = read.exactly_once.reason.clone().unwrap_or_default();
    assert!(reason.contains("late credits cannot be told"), "{reason}");
}

#[test]
fn what_is_said_of_one_payment_knows_of_the_others() {
    let mut scenario = run_of_four();
    scenario.payments[0].credits = 0;
    scenario.payments[0].credits_before = 0;
    let sentence = |read: &BulkResults| read.exactly_once.anomalies[0].sentence.clone();
    let read = edited(&scenario, |lines| lines.retain(|line| !line.contains("\"f\":\"wire\"")));
    assert!(
        sentence(&read).contains("deliveries were not recorded"),
        "{}",
        sentence(&read)
    );
    let read = edited(&scenario, |lines| {
        let at = first_with(lines, "\"read\":\"credits\"");
        add_row(&mut lines[at], "{\"tx\":\"t0\"}");
    });
    assert!(sentence(&read).contains("lists it as credited"), "{}", sentence(&read));
    // A ghost whose number nobody knows, beside payments that the service has numbered.
    scenario.number_by_the_service();
    scenario.payments[0].tries = vec![Try::ended(Kind::Info)];
    scenario.payments[0].rows.clear();
    scenario.payments[0].credits = 1;
    scenario.payments[0].credits_before = 1;
    scenario.payments[0].queries.clear();
    let read = edited(&scenario, |lines| {
        let at = first_with(lines, "DELIVER");
        lines[at] = lines[at].replace("\"s0\"", "\"unheard-of\"");
    });
    assert!(
        sentence(&read).contains("delivered under is not known"),
        "{}",
        sentence(&read)
    );
}

#[test]
fn processes_are_as_every_history_owes_them() {
    let slow = |fields: &str| {
        let read = agrees_on(|lines| {
            let at = first_with(lines, "DELIVER");
            insert(lines, at, fields);
        });
        read.expect(fields).slow.is_some()
    };
    let wire = "\"type\":\"info\",\"f\":\"wire\",\"value\":{\"link\":\"a->b\",\"conn\":1,\"point\":\"DELIVER x\",\"tx\":[\"t0\"],\"bytes\":1}";
    assert!(slow(&format!("\"process\":5,{wire}")));
    assert!(!slow(&format!("\"process\":\"wire\",{wire}")));
    assert!(!slow(&recharge(1_000_000_000_000, "invoke", "new", "a0", "")));
    assert!(slow(&recharge(1_000_000_000_000, "ok", "new", "a0", "")));
    assert!(slow(
        &read("final", "credits", "").replace("\"final\",\"type\"", "5,\"type\"")
    ));
    assert!(!slow(
        "\"process\":\"nobody\",\"type\":\"info\",\"f\":\"remark\",\"value\":{}"
    ));
}

#[test]
fn what_was_there_before_is_not_this_run_s() {
    let early = |lines: &mut Vec<String>, tx: &str| {
        let at = first_with(lines, "\"at\":\"initial\"");
        insert(
            lines,
            at,
            &read("initial", "payments", &row(tx, "a0", "0.01", "success")),
        );
    };
    // A payment that was recorded before the run, and is paid again under its number.
    agrees_on(|lines| early(lines, "t0"));
    // Its number is a result, too: what is successful is so before it is recorded, or after.
    for tx in ["t0", "t1"] {
        agrees_on(|lines| {
            early(lines, "success");
            let at = final_payments(lines);
            add_row(&mut lines[at], &row("success", "a0", "0.01", "success"));
            lines
                .iter_mut()
                .for_each(|line| *line = line.replace(&format!("\"{tx}\""), "\"success\""));
        });
    }
    for tx in ["t0", "t1"] {
        agrees_on(|lines| {
            early(lines, "success");
            let renamed = |line: &String| line.replace(&format!("\"{tx}\""), "\"success\"");
            lines.iter_mut().for_each(|line| *line = renamed(line));
        });
    }
    let mut lost = run_of_four();
    lost.payments[0].credits = 0;
    lost.payments[0].credits_before = 0;
    lost.payments[0].tries = vec![Try::ended(Kind::Info)];
    let read = edited(&lost, |lines| early(lines, "success"));
    assert_eq!(read.exactly_once.anomalies[0].kind, "lost");
}

#[test]
fn a_number_may_be_a_name_as_well() {
    let mut scenario = run_of_four();
    scenario.payments[0].tx = "a0".into();
    scenario.payments[0].tries = vec![Try::ended(Kind::Info)];
    scenario.payments[0].rows[0].tx = "a0".into();
    scenario.payments[0].rows[0].result = Some("fail");
    scenario.payments[0].credits = 0;
    scenario.payments[0].credits_before = 0;
    let read = edited(&scenario, |_| {});
    assert_eq!(read.exactly_once.counts["recorded"], 4);
}

#[test]
fn a_balance_that_is_no_number_or_comes_twice_is_judged() {
    for (first, last) in [
        (None, "1.11"),
        (Some("x"), "1.11"),
        (Some("0.001"), "1.11"),
        (Some("0.00"), "x"),
    ] {
        let read = agrees_on(|lines| balances(lines, "a0", first, last));
        assert!(read.is_some(), "{first:?}");
    }
    for at in ["initial", "before-compensate", "final"] {
        for balance in ["0.00", "1.11", "-1.11"] {
            let read = agrees_on(|lines| {
                let line = first_with(lines, &format!("\"at\":\"{at}\",\"read\":\"balances\""));
                add_row(
                    &mut lines[line],
                    &format!("{{\"account\":\"a0\",\"balance\":\"{balance}\"}}"),
                );
            });
            assert!(read.is_some(), "{at} {balance}");
        }
    }
}

#[test]
fn an_account_of_the_last_read_alone_is_judged() {
    for balance in ["0.00", "0.01", "1.11"] {
        let read = agrees_on(|lines| {
            for line in lines.iter_mut().filter(|line| line.contains("\"read\":\"balances\"")) {
                *line = line.replace("{\"account\":\"a0\",", "{\"account\":\"else\",");
                if line.contains("\"at\":\"final\"") {
                    add_row(line, &format!("{{\"account\":\"a0\",\"balance\":\"{balance}\"}}"));
                }
            }
        });
        assert!(read.is_some(), "{balance}");
    }
}

#[test]
fn numbers_that_two_payments_were_told_belong_to_one() {
    for (first, second) in [
        ("s", "s"),
        ("t1", "s"),
        ("s", "t0"),
        ("t1", "t0"),
        ("t0", "t1"),
        ("t2", "t2"),
    ] {
        for recorded in [true, false] {
            for result in [None, Some("success")] {
                let mut scenario = run_of_four();
                for (payment, told) in [(0, first), (1, second)] {
                    let payment = &mut scenario.payments[payment];
                    payment.tries[0].answer_tx = Some(told.into());
                    payment.tries[0].result = result;
                    if !recorded {
                        payment.rows.clear();
                        payment.credits = 0;
                        payment.credits_before = 0;
                    }
                }
                let counts = edited(&scenario, |lines| {
                    let at = first_with(lines, "DELIVER");
                    lines[at] = lines[at].replace("\"tx\":[", "\"tx\":[\"s\",");
                });
                assert_eq!(counts.exactly_once.counts["attempted"], 4);
            }
        }
    }
}

#[test]
fn what_comes_after_the_final_reads_counts() {
    let told = "\"answer_tx\":\"s9\"";
    for owner in ["late", "s9"] {
        for account in ["a0", "a1", "else"] {
            let scenario = run_of_four();
            let anomalies = |invoked_late: bool, answered: bool| {
                let read = edited(&scenario, |lines| {
                    let end = lines.len();
                    if answered {
                        insert(
                            lines,
                            end - 1,
                            &recharge(900, "info", "late", "a0", &format!(",{told}")),
                        );
                    }
                    let at = if invoked_late {
                        end - 1
                    } else {
                        first_with(lines, "DELIVER")
                    };
                    insert(lines, at, &recharge(900, "invoke", "late", "a0", ""));
                    let at = final_payments(lines);
                    add_row(&mut lines[at], &row(owner, account, "0.01", "success"));
                });
                read.exactly_once.anomalies.len()
            };
            for (invoked_late, answered) in [(false, false), (false, true), (true, false), (true, true)] {
                assert!(anomalies(invoked_late, answered) < 9, "{owner} {account}");
            }
        }
    }
}

#[test]
fn reads_that_failed_prove_nothing() {
    for at in ["initial", "before-compensate", "final"] {
        for role in ["payments", "balances", "credits"] {
            let succeeded = failed(at, role).replace(",\"error\":\"gone\"", "");
            for line in [
                failed(at, role),
                failed(at, role).replace("info", "fail"),
                failed(at, role).replace("info", "ok"),
                succeeded.replace("info", "fail"),
                succeeded.replace("info", "ok").replace("\":", "\" :"),
                succeeded,
            ] {
                // In place of the read, before it, behind it, and at the end.
                for place in 0..4 {
                    let read = agrees_on(|lines| {
                        let words = format!("\"at\":\"{at}\",\"read\":\"{role}\"");
                        let found = lines.iter().position(|line| line.contains(&words));
                        let found = found.unwrap_or_else(|| first_with(lines, &format!("\"at\":\"{at}\"")));
                        match place {
                            0 => insert(lines, found, &line),
                            1 => insert(lines, found + 1, &line),
                            2 => insert(lines, lines.len() - 1, &line),
                            _ => {
                                insert(lines, found, &line);
                                lines.remove(found + 1);
                            }
                        }
                    });
                    assert!(read.is_some(), "{line} {place}");
                }
            }
        }
        let line = format!(
            "\"process\":\"final\",\"type\":\"info\",\"f\":\"read-failed\",\"value\":{{\"at\":\"{at}\"}},\"error\":\"gone\""
        );
        for early in [true, false] {
            let read = agrees_on(|lines| {
                let place = if early { 1 } else { lines.len() - 1 };
                insert(lines, place, &line);
            });
            assert_eq!(read.expect("it is readable").slow.is_none(), early, "{at}");
        }
    }
    // A read that only began says nothing either, nor does a remark among reads.
    for line in [
        failed("final", "payments")
            .replace("info", "invoke")
            .replace(",\"error\":\"gone\"", ""),
        "\"process\":\"run\",\"type\":\"info\",\"f\":\"remark\",\"value\":{}".to_owned(),
    ] {
        let read = agrees_on(|lines| {
            let at = final_payments(lines);
            insert(lines, at, &line);
        });
        assert_eq!(read.expect("it is readable").slow, None, "{line}");
    }
}

#[test]
fn reads_may_come_in_any_order() {
    let reads = |line: &String| line.contains("\"f\":\"read\"");
    let order: Vec<String> = three_payments().lines().map(str::to_owned).filter(reads).collect();
    for seed in 0..40_usize {
        let mut order = order.clone();
        let length = order.len();
        (0..length).for_each(|at| order.swap(at, (seed * 7 + at * seed) % length));
        let early = read("initial", "payments", &row("t0", "a0", "0.01", "success"));
        let read = agrees_on(|lines| {
            let places: Vec<usize> = (0..lines.len()).filter(|at| reads(&lines[*at])).collect();
            for (place, line) in places.iter().zip(&order) {
                let time = lines[*place].split(',').nth(1).expect("a time").to_owned();
                let rest = line.splitn(3, ',').nth(2).expect("more");
                lines[*place] = format!("{{\"index\":0,{time},{rest}");
            }
            if seed % 2 == 0 {
                let at = places[seed / 2 % places.len()];
                insert(lines, at, &early);
            }
        });
        assert!(read.is_some());
    }
}

#[test]
fn a_read_of_more_rows_than_go_from_thread_to_thread_at_once() {
    let mut scenario = Scenario::empty();
    for _ in 0..5_000 {
        scenario.account(0);
    }
    scenario.pay(4_321, 0);
    let read = agrees(jsonl(&scenario.history()).as_bytes())
        .unwrap()
        .expect("it is readable");
    assert_eq!((read.slow, read.balance_convergence.counts["converged"]), (None, 5_000));
}

#[test]
fn one_of_more_accounts_than_are_looked_at_in_one_go_is_found() {
    for plant in ["double", "lost"] {
        let mut scenario = Scenario::empty();
        for at in 0..5_000 {
            let account = scenario.account(0);
            scenario.pay(account, at);
        }
        let plant = PLANTS.iter().find(|p| p.name == plant).unwrap();
        let planted = plant.apply(&mut scenario, 4_321, 5_000);
        let read = agrees(jsonl(&scenario.history()).as_bytes())
            .unwrap()
            .expect("it is readable");
        assert_eq!(read.slow, None, "{}", plant.name);
        assert_eq!(read.balance_convergence.counts["accounts"], 5_000, "{}", plant.name);
        let anomalies = &read.exactly_once.anomalies;
        assert!(
            anomalies.iter().all(|anomaly| anomaly.subject == planted.subject),
            "{anomalies:?}"
        );
        assert!(!anomalies.is_empty(), "{}", plant.name);
    }
}

#[test]
fn a_field_that_no_line_owes_is_not_taken_for_the_value() {
    let read = agrees_on(|lines| {
        for line in lines.iter_mut().filter(|line| line.contains("\"f\":\"wire\"")) {
            let value = line.split("\"value\":").nth(1).expect("a value").trim_end_matches('}');
            let key = value.replace("\"t0\"", "\"t1\"").replace("\"t2\"", "\"t1\"");
            *line = line.replace("\"value\":", &format!("\"key\":{key}}},\"value\":"));
        }
    });
    assert_eq!(read.expect("it is readable").exactly_once.counts["redelivered"], 0);
}

#[test]
fn questions_about_settled_payments_are_no_one_s() {
    let mut scenario = run_of_four();
    scenario.payments[3].credits = 0;
    for payment in &mut scenario.payments {
        payment.queries = vec![(QueryPath::Pay, "success"), (QueryPath::Account, "success")];
        payment.compensate = Some("success");
    }
    let read = edited(&scenario, |_| {});
    assert_eq!((read.slow, read.exactly_once.anomalies.len()), (None, 1));
}

#[test]
fn an_answer_owes_all_that_it_answers() {
    for (right, wrong) in [
        ("\"amount\":\"1\"", "\"amount\":\"x\""),
        ("\"attempt\":1", "\"attempt\":-1"),
        ("\"attempt\":1", "\"status\":200"),
    ] {
        let text = three_payments();
        let ok = text
            .lines()
            .find(|line| line.contains("\"type\":\"ok\",\"f\":\"recharge\""))
            .expect("an answer");
        let text = text.replace(ok, &ok.replace(right, wrong));
        assert_eq!(agrees(text.as_bytes()).unwrap(), None, "{wrong}");
        // The same from the binary form.
        let file = super::Scratch::new("answer.jsonl", text.as_bytes());
        let binary = super::Scratch::new("answer.ptw", &super::to_binary(&file.0).expect("it is JSON"));
        assert!(super::check_path(&binary.0, super::Format::Binary).is_err(), "{wrong}");
    }
}

#[test]
fn the_point_of_a_delivery_may_have_been_read_as_something_else() {
    let value = "{\"link\":\"DELIVER topic_notifymsg\",\"conn\":1,\"point\":\"COMMIT\",\"bytes\":1}";
    let read = agrees_on(|lines| {
        let at = first_with(lines, "DELIVER");
        let line = format!("\"process\":\"wire\",\"type\":\"info\",\"f\":\"wire\",\"value\":{value}");
        insert(lines, at, &line);
    });
    assert_eq!(read.expect("it is readable").exactly_once.counts["delivered"], 3);
}
