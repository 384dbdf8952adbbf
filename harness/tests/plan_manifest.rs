//! The manifest of the sample target is read, what it says is what the harness makes of it, and what is wrong with a
//! manifest is said in words that help.

mod plan_common;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use paytwice::plan::manifest::{Field, Method};
use paytwice::plan::{Manifest, PartyKind, Target, catalogue, try_fill};
use paytwice::wire::Protocol;
use paytwice_checkers::promises::PROMISES;
use plan_common::{pay_account, pay_account_text};

fn chosen(policies: &[(&str, &str)]) -> BTreeMap<String, String> {
    policies
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect()
}

#[test]
fn links_and_parties_come_from_the_manifest() {
    let target = pay_account();
    let links: Vec<(String, Protocol)> = target.links().into_iter().map(|l| (l.name, l.protocol)).collect();
    let expected = [
        ("client->pay", Protocol::Http),
        ("client->account", Protocol::Http),
        ("account->mysql", Protocol::MySql),
        ("account->rocketmq", Protocol::RocketMq),
        ("account->pay", Protocol::Http),
        ("pay->mysql", Protocol::MySql),
        ("pay->rocketmq", Protocol::RocketMq),
    ];
    assert_eq!(links, expected.map(|(name, kind)| (name.to_owned(), kind)));
    let parties: Vec<(String, PartyKind, String)> =
        target.parties().into_iter().map(|p| (p.name, p.kind, p.of)).collect();
    let expected = [
        ("account", PartyKind::Service, "account"),
        ("pay", PartyKind::Service, "pay"),
        ("mysql", PartyKind::Store, "mysql"),
        ("broker", PartyKind::Queue, "rocketmq"),
        ("namesrv", PartyKind::Directory, "rocketmq"),
    ];
    assert_eq!(
        parties,
        expected.map(|(name, kind, of)| (name.to_owned(), kind, of.to_owned()))
    );
}

#[test]
fn parties_of_several_dependencies_of_a_kind_have_their_names() {
    let text = pay_account_text().replacen(
        "[services.pay]",
        "[dependencies.audit]\nkind = \"rocketmq\"\n\n[dependencies.cache]\nkind = \"container\"\nimage = \"redis:8\"\n\
         port = 6379\n\n[services.pay]\nreplicas = 2\ntier = 3",
        1,
    );
    let text = text.replacen(
        "links = [\"mysql\", \"rocketmq\"]",
        "links = [\"mysql\", \"rocketmq\", \"cache\"]",
        1,
    );
    let target = Target {
        manifest: Manifest::parse("target.toml", &text).unwrap_or_else(|e| panic!("{e}")),
        ..pay_account()
    };
    let parties: Vec<String> = target.parties().into_iter().map(|party| party.name).collect();
    let expected = [
        "account",
        "pay-1",
        "pay-2",
        "audit-broker",
        "audit-namesrv",
        "cache",
        "mysql",
        "rocketmq-broker",
        "rocketmq-namesrv",
    ];
    assert_eq!(parties, expected);
    let links: Vec<(String, String)> = target.links().into_iter().map(|l| (l.name, l.behind)).collect();
    let expected = [
        ("client->pay-1", "pay-1"),
        ("client->pay-2", "pay-2"),
        ("client->account", "account"),
        ("account->mysql", "mysql"),
        ("account->rocketmq", "rocketmq-broker"),
        ("account->pay-1", "pay-1"),
        ("pay-1->mysql", "mysql"),
        ("pay-1->rocketmq", "rocketmq-broker"),
        ("pay-1->cache", "cache"),
        ("pay-2->mysql", "mysql"),
        ("pay-2->rocketmq", "rocketmq-broker"),
        ("pay-2->cache", "cache"),
    ];
    assert_eq!(
        links,
        expected.map(|(name, behind)| (name.to_owned(), behind.to_owned()))
    );
    assert_eq!(["pay", "account"].map(|service| target.tier(service)), [3, 2]);
}

#[test]
fn a_policy_changes_what_it_says_and_nothing_else() {
    let target = pay_account();
    assert_eq!(target.effective(&BTreeMap::new()).unwrap(), target.manifest);
    let changed = target
        .effective(&chosen(&[("request_id", "server-get"), ("money", "double")]))
        .unwrap();
    let recharge = &changed.actions["recharge"];
    let call = recharge.call.as_ref().unwrap();
    assert_eq!((call.method, &recharge.body), (Method::Get, &None));
    assert!(call.path.contains("amount=${amount}"));
    assert_eq!(recharge.ok, target.manifest.actions["recharge"].ok);
    let Field::Coded(amount) = &changed.subjects["payment"].fields["amount"] else {
        panic!("amounts are coded")
    };
    assert_eq!((amount.base, amount.digits, amount.scale), (9, 15, 2));
    let databases = &changed.dependencies["mysql"].databases;
    assert_eq!(databases["bank1"].schema, "schema/bank1_double.sql");
    assert_eq!(databases["bank1_pay"].schema, "schema/bank1_pay_double.sql");
}

#[test]
fn every_value_and_preset_can_be_chosen() {
    let target = pay_account();
    for (name, policy) in &target.manifest.policies {
        for value in policy.values.keys() {
            target
                .effective(&chosen(&[(name, value)]))
                .unwrap_or_else(|e| panic!("{name}={value}: {e}"));
        }
    }
    for preset in target.manifest.presets.values() {
        target.effective(&preset.policies).unwrap_or_else(|e| panic!("{e}"));
    }
}

#[test]
fn every_environment_can_be_filled() {
    let target = pay_account();
    for service in target.manifest.services.values() {
        for value in service.env.values() {
            let filled = try_fill(value, &|name| Some(name.to_uppercase())).unwrap();
            assert!(!filled.contains("${"), "{filled}");
        }
    }
}

#[test]
fn choices_that_cannot_be_made() {
    let target = pay_account();
    let wrong: &[&[(&str, &str)]] = &[
        &[("dedupe", "none")],
        &[("dedup", "nonne")],
        &[("money", "double"), ("dedup", "check-then-insert-no-key")],
    ];
    let errors: Vec<String> = wrong
        .iter()
        .map(|c| target.effective(&chosen(c)).unwrap_err().to_string())
        .collect();
    insta::assert_snapshot!(errors.join("\n"));
}

/// One change of the sample manifest each: what is replaced, by what.
const BAD: &[(&str, &str)] = &[
    ("version = 1", "version = 2"),
    ("version = 1", "version = \"1\""),
    ("version = 1\n", ""),
    ("version = 1", "version = = 1"),
    ("name = \"pay-account\"", "nam = \"pay-account\""),
    ("kind = \"mysql\"", "kind = \"mysq1\""),
    ("port = 3306", "port = \"3306\""),
    ("port = 3306", "port = 99999"),
    ("port = 3306", "port = 0"),
    ("port = 3306", "prot = 3306"),
    ("port = 3306", "port = 3306\ntls = \"terminate\""),
    ("port = 9876", "port = 9876\ntls = \"end\""),
    ("port = 3306", "ports = [3306]"),
    ("port = 3306", "port = 3306\nconfig = { max_connections = [1] }"),
    ("port = 3306", "port = 3306\nconfig = { \"a b\" = 1 }"),
    ("port = 9876", "port = 9876\nconfig = { brokerIP1 = \"10.0.0.1\" }"),
    ("kind = \"mysql\"\nport = 3306", "kind = \"container\""),
    (
        "[dependencies.rocketmq]",
        "[dependencies.cache]\nkind = \"container\"\nimage = \"redis:8\"\nports = [6379, 6379]\nready = { log = \"(\" }\n\n[dependencies.rocketmq]",
    ),
    (
        "[dependencies.rocketmq]",
        "[dependencies.cache]\nkind = \"container\"\nimage = \"redis:8\"\nport = 1\nready = { comand = [\"a\"] }\n\n[dependencies.rocketmq]",
    ),
    (
        "${database.bank1_pay}?ssl-mode=DISABLED",
        "${database.bank1_pay}?ssl-ca=${mysql.ca}",
    ),
    ("ROCKETMQ_NAMESRV = \"${rocketmq.addr}\"", "CA = \"${rocketmq.ca}\""),
    ("ROCKETMQ_NAMESRV = \"${rocketmq.addr}\"", "CA = \"${mysq1.ca}\""),
    ("ROCKETMQ_NAMESRV = \"${rocketmq.addr}\"", "CA = \"${mysql.cert}\""),
    ("queues = 4", "queues = -1"),
    ("topic = \"topic_notifymsg\"", "topic = \"topic_notify\""),
    (
        "[services.account]",
        "[services.client]\nimage = \"a\"\nport = 1\nready = \"/\"\n\n[services.account]",
    ),
    (
        "[services.account]",
        "[services.mysql]\nimage = \"a\"\nport = 1\nready = \"/\"\n\n[services.account]",
    ),
    ("ready = \"/healthz\"", "ready = true"),
    (
        "port = 8080\nready",
        "ports = [8080, 0]\nreplicas = 0\ntier = 10\nready",
    ),
    ("port = 8080\nready", "ready"),
    ("port = 8080\nready = \"/healthz\"", "ready = { log = \"listening\" }"),
    (
        "PAY_URL = \"http://${pay.addr}\"",
        "PAY_URL = \"http://${pay.9090.addr}\"",
    ),
    (
        "[services.account]",
        "[services.broker]\nimage = \"a\"\nport = 1\nready = \"/\"\n\n[services.account]",
    ),
    (
        "[services.account]",
        "[services.account-1]\nimage = \"a\"\nport = 1\nready = \"/\"\n\n[services.account]\nreplicas = 2",
    ),
    ("links = [\"mysql\", \"rocketmq\"]", "links = [\"mysq1\", \"rocketmq\"]"),
    ("links = [\"mysql\", \"rocketmq\"]", "links = \"mysql\""),
    (
        "[dependencies.rocketmq]",
        "[dependencies.books]\nkind = \"mysql\"\n\n[services.audit]\nimage = \"a\"\nready = { log = \"a\" }\nlinks = [\"mysql\", \"books\"]\n\n[dependencies.rocketmq]",
    ),
    ("cargo = { package = \"paytwice-targets\", bin = \"pay\" }\n", ""),
    (
        "root@${mysql.addr}/${database.bank1_pay}",
        "root@${mysq1.addr}/${database.bank1_pay}",
    ),
    (
        "root@${mysql.addr}/${database.bank1_pay}",
        "root@${mysql.addr}/${database.bank2}",
    ),
    (
        "root@${mysql.addr}/${database.bank1_pay}",
        "root@${mysql.port}/${database.bank1_pay}",
    ),
    ("root@${mysql.addr}/${database.bank1_pay}", "root@${mysql.addr/bank"),
    ("\"${topic.topic_notifymsg}\"", "\"${topics.topic_notifymsg}\""),
    ("\"${policy.notify}\"", "\"${policy.notfy}\""),
    ("\"${policy.notify}\"", "\"${policy.dedup}\""),
    ("services = [\"pay\"]", "services = [\"pya\"]"),
    ("default = \"transaction-message\"", "default = \"transaction\""),
    ("default = \"transaction-message\"", "default = \"plain-send\""),
    ("finds = [\"late\", \"lost\"]", "finds = [\"late\", \"lots\"]"),
    ("defect = \"sums of cents drift\"\n", ""),
    ("seed = 1, give_up = 0.7", "seed = 1, giveup = 0.7"),
    ("actions.recharge = { call", "actions.rechrge = { call"),
    (
        "call = \"GET pay /pay/recharge?account_no=${account}&",
        "call = \"FETCH pay /pay/recharge?account_no=${account}&",
    ),
    ("?account_no=${account}&", "?account_no=${acount}&"),
    (
        "databases.bank1 = { schema = \"schema/bank1_no_key.sql\" }",
        "databases.bank = { schema = \"schema/bank1_no_key.sql\" }",
    ),
    ("fields.payment.amount = { base", "fields.paymant.amount = { base"),
    ("fields.payment.amount = { base", "fields.payment.amuont = { base"),
    (
        "fields.payment.amount = { base = 9, digits = 15 }",
        "fields.payment.amount = { base = 9, digit = 15 }",
    ),
    (
        "fields.payment.amount = { base = 9, digits = 15 }",
        "fields.payment.amount = { base = 90, digits = 2 }",
    ),
    (
        "fields.payment.amount = { base = 9, digits = 15 }",
        "fields.payment.card = { base = 9 }",
    ),
    ("notify = \"send-before-commit\"", "notfy = \"send-before-commit\""),
    ("notify = \"send-before-commit\"", "notify = \"send-before\""),
    ("\"http:/tx_no\"", "\"http_body:/tx_no\""),
    ("\"http:/tx_no\"", "\"htp:/tx_no\""),
    ("\"http:/tx_no\"", "\"http:tx_no\""),
    ("\"path:/account/balance/{account}\"", "\"path:/account/balance\""),
    ("\"message:key\"", "\"message:keys\""),
    ("\"sql:account_pay.id\"", "\"sql:id\""),
    ("\"sql:account_pay.id\"", "\"sql:bank1.account_pay.id\""),
    ("\"sql:account_pay.id\"", "\"xa:branch\""),
    ("\"sql:account_pay.id\"", "\"header:\""),
    ("[keys.tx]", "[keys.txn]"),
    ("[keys.tx]", "[key.tx]"),
    ("[subjects.account]\n", "[subjects.account]\ncount = 0\n"),
    ("[subjects.account]\n", "[subjects.account]\ncount = 4000000000\n"),
    ("[subjects.account]\n", "[subjects.account]\ncount = 10\nlate = 11\n"),
    ("[subjects.account]\n", "[subjects.account]\nnames = \"acct\"\n"),
    (
        "[subjects.account]\n",
        "[subjects.account]\nfields = { limit = { value = \"1\" } }\n",
    ),
    ("[subjects.account]\nopen", "[subjects.account]\nlate = 1\n#"),
    (
        "open = { database = \"bank1\", sql",
        "open = { database = \"bank\", sql",
    ),
    ("open = { database = \"bank1\", sql", "open = { sql"),
    ("VALUES ('${account}'", "VALUES ('${acount}'"),
    ("key = \"tx\"\n", "key = \"tx\"\ncount = 5\n"),
    ("key = \"tx\"\n", "key = \"tx_no\"\n"),
    ("account = \"account\"", "account = \"acount\""),
    ("account = \"account\"", "account = 3"),
    ("account = \"account\"", "account = { name = \"account\" }"),
    ("account = \"account\"", "account = { of = {}, value = \"x\" }"),
    ("account = \"account\"", "account = { base = 3 }"),
    ("account = \"account\"", "tx = \"account\""),
    ("coded = \"account\"", "coded = \"acount\""),
    ("digits = 38", "digits = 99"),
    ("scale = 2", "scale = 38"),
    ("base = 10", "base = 2"),
    ("base = 10", "base = -1"),
    ("= 0.95", "= -0.95"),
    (
        "card = { of = { \"4242424242424242\" = 0.95, \"4000000000000002\" = 0.05 } }",
        "card = { of = {} }",
    ),
    (
        "card = { of = { \"4242424242424242\" = 0.95, \"4000000000000002\" = 0.05 } }",
        "card = { between = [5, 1] }",
    ),
    (
        "card = { of = { \"4242424242424242\" = 0.95, \"4000000000000002\" = 0.05 } }",
        "card = { between = [1] }",
    ),
    ("starts = \"payment\"", "starts = \"paymnt\""),
    ("starts = \"payment\"", "starts = \"account\""),
    ("starts = \"payment\"\n", ""),
    ("starts = \"payment\"", "asks = \"payment\""),
    ("starts = \"payment\"", "starts = \"payment\"\nasks = \"payment\""),
    ("starts = \"payment\"", "start = \"payment\""),
    ("call = \"POST pay /pay/recharge\"", "call = \"POST pay\""),
    ("call = \"POST pay /pay/recharge\"", "call = \"POST pay pay/recharge\""),
    ("call = \"POST pay /pay/recharge\"", "call = \"post pay /pay/recharge\""),
    (
        "call = \"POST pay /pay/recharge\"",
        "call = \"POST pays /pay/recharge\"",
    ),
    ("call = \"POST pay /pay/recharge\"", "call = \"GET pay /pay/recharge\""),
    ("call = \"POST pay /pay/recharge\"\n", ""),
    (
        "call = \"POST pay /pay/recharge\"",
        "database = \"bank1\"\nsql = \"INSERT\"",
    ),
    (
        "call = \"POST pay /pay/recharge\"",
        "call = \"POST pay /pay/recharge\"\nsql = \"INSERT\"",
    ),
    (
        "call = \"POST pay /pay/recharge\"",
        "call = \"POST pay /pay/recharge\"\nform = { a = \"b\" }",
    ),
    (
        "call = \"POST pay /pay/recharge\"",
        "call = \"POST pay /pay/recharge\"\nheaders = { A = \"${login.token}\" }",
    ),
    ("body = { tx_no = \"${tx}\"", "body = { tx_no = \"${txn}\""),
    ("body = { tx_no", "body = '{ \"tx\": ${tx }' # { tx_no"),
    ("body = { tx_no", "body = '{ \"tx\": ${tx} ' # { tx_no"),
    ("ok = [200]\nfail = [400, 409]", "ok = []\nfail = [400, 1000]"),
    ("ok = [200]\nfail = [400, 409]", "ok = [200]\nfail = [200]"),
    (
        "answer = { tx = \"/tx_no\", result",
        "answer = { tx = \"tx_no\", result",
    ),
    (
        "answer = { tx = \"/tx_no\", result",
        "answer = { tx = \"header:\", result",
    ),
    ("attempts = 4", "attempts = 0"),
    ("after = \"200ms\"", "after = \"200\""),
    ("after = \"200ms\"", "after = \"20m\""),
    ("weight = 2", "weight = 0"),
    ("repairs = \"payment\"", "repairs = \"account\""),
    ("[actions.balance]", "[actions.view]"),
    ("[actions.balance]", "[actions.open-account]"),
    ("[actions.balance]", "[actions.\"my balance\"]"),
    (
        "[views.balances]\ndatabase = \"bank1\"",
        "[views.balances]\ndatabase = \"bank0\"",
    ),
    ("[views.balances]\ndatabase = \"bank1\"\n", "[views.balances]\n"),
    ("[views.balances]\n", "[views.balances]\nrows = \"/items\"\n"),
    (
        "at = [\"initial\", \"rest\", \"final\"]",
        "at = [\"initial\", \"rst\", \"final\"]",
    ),
    ("at = [\"initial\", \"rest\", \"final\"]", "at = [\"look\"]"),
    ("at = [\"initial\", \"rest\", \"final\"]", "at = []"),
    ("at = [\"initial\", \"rest\", \"final\"]", "every = \"10ms\""),
    (
        "[[promises]]\nchecker = \"honest-answers\"",
        "[[promises]]\nname = \"honest\"",
    ),
    ("effect = { view = \"balances\"", "effect = { view = \"balence\""),
    ("late = \"invalid\"", "late = \"never\""),
    ("[keys.tx]", "[workload]\nrate = 0\nask = 2\nclients = 0\n\n[keys.tx]"),
    (
        "[keys.tx]",
        "[workload]\nrate = 5\nshape = [{ rate = 1000000.0, for = \"48h\" }]\n\n[keys.tx]",
    ),
    ("name = \"pay-account\"", "name = \"../pay\""),
];

#[test]
fn messages_about_bad_manifests() {
    let text = pay_account_text();
    let mut report = String::new();
    for (from, to) in BAD {
        assert!(text.contains(from), "the manifest has no {from:?} any more");
        let broken = text.replacen(from, to, 1);
        let error = Manifest::parse("target.toml", &broken).expect_err(to).to_string();
        assert!(error.lines().all(|line| line.starts_with("target.toml: ")), "{error}");
        let (from, to) = (from.replace('\n', " | "), to.replace('\n', " | "));
        writeln!(report, "{from}  =>  {to}\n    {}", error.replace('\n', "\n    ")).unwrap();
    }
    insta::assert_snapshot!(report);
}

#[test]
fn a_checker_with_a_typo_is_explained() {
    let broken = pay_account_text().replacen("checker = \"honest-answers\"", "checker = \"honest-answer\"", 1);
    let error = Manifest::parse("target.toml", &broken).unwrap_err().to_string();
    assert!(error.contains("target.toml: promises[3].checker"), "{error}");
    assert!(error.contains("did you mean honest-answers?"), "{error}");
    // What the missing checker would have found is not found any more.
    assert!(
        error.contains("policies.query_fallback.values.fail.finds has \"false-fail\""),
        "{error}"
    );
}

#[test]
fn a_link_with_a_typo_is_explained() {
    let broken = pay_account_text().replacen("root@${mysql.addr}", "root@${mysq1.addr}", 1);
    let error = Manifest::parse("target.toml", &broken).unwrap_err().to_string();
    let expected = "target.toml: services.pay.env.DATABASE_URL refers to link \"mysq1\"; this service has mysql, rocketmq \
                    (did you mean mysql?)";
    assert_eq!(error, expected);
}

#[test]
fn the_catalogue_lists_everything() {
    let target = pay_account();
    let text = [catalogue::faults(&target), catalogue::policies(&target)].join("\n");
    insta::assert_snapshot!(text);
}

#[test]
fn every_checker_is_listed_with_its_options_and_anomalies() {
    let text = paytwice_checkers::check::catalogue();
    for checker in PROMISES {
        assert!(
            text.contains(&format!("{:<20} {}\n", checker.name, checker.about)),
            "{text}"
        );
        for name in checker.options.iter().map(|(name, _)| name).chain(checker.anomalies) {
            assert!(text.contains(name), "{name} is not in: {text}");
        }
    }
}
