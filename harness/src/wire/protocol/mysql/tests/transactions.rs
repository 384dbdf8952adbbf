//! What transactions carry: their own, those that the server tells of, and the branches of XA transactions.

use paytwice_checkers::history::{Outcome, Role};

use super::*;
use crate::wire::correlation::KeyStats;

const DONE: [u16; 1] = [AUTOCOMMIT];
const WITHIN: [u16; 1] = [AUTOCOMMIT | IN_TRANSACTION];

/// Two connections of a link on which `tx` stands in columns and `global` is the gtrid.
fn two() -> [Talk; 2] {
    let correlation = correlation().with_key("global", &["xa:gtrid"]).unwrap();
    let terms = Arc::new(Terms::new(correlation, None));
    [(); 2].map(|()| {
        let mut talk = Talk::on(MySql::new(Arc::clone(&terms), false));
        talk.server(&greeting(PLAIN));
        talk.client(&login(PLAIN));
        talk.server(&ok(2, AUTOCOMMIT));
        talk
    })
}

impl Talk {
    /// A statement that succeeds; name and keys of its request, and its role.
    fn said(&mut self, sql: &str, status: [u16; 1]) -> (String, Role) {
        let frames = self.client(&query(sql));
        self.server(&ok(1, status[0]));
        (names(&frames).concat(), frames[0].points[0].label.role)
    }
}

fn plain(name: &str) -> (String, Role) {
    (name.to_owned(), Role::Plain)
}

#[test]
fn a_transaction_carries_the_numbers_of_its_statements() {
    let mut talk = Talk::open(PLAIN);
    let (done, within) = ([ok(1, AUTOCOMMIT)], [ok(1, AUTOCOMMIT | IN_TRANSACTION)]);
    talk.exchange(
        &prepare("INSERT INTO de_duplication (tx_no, t) VALUES (?, NOW())"),
        &prepared(1, 0, 1),
    );
    talk.exchange(
        &prepare("UPDATE account_info SET b = b + ? WHERE no = ?"),
        &prepared(2, 0, 2),
    );
    assert_eq!(
        talk.exchange(&query("BEGIN"), &within),
        ["BEGIN request", "BEGIN reply"]
    );
    let insert = |tx: &str, types: bool| execute(1, types, &[text(tx)]);
    let update = |types: bool| execute(2, types, &[Value(0xf6, b"\x041.50".to_vec()), text("a1")]);
    assert_eq!(
        talk.exchange(&insert("t1", true), &within),
        ["INSERT de_duplication request t1", "INSERT de_duplication reply t1"]
    );
    assert_eq!(
        talk.exchange(&update(true), &within)[0],
        "UPDATE account_info request t1",
        "of its transaction"
    );
    assert_eq!(
        talk.exchange(&insert("t2", false), &within)[0],
        "INSERT de_duplication request t2",
        "known types"
    );
    assert_eq!(
        talk.exchange(&query("COMMIT"), &done),
        ["COMMIT request t1,t2", "COMMIT reply t1,t2"]
    );
    assert_eq!(talk.exchange(&query("COMMIT"), &done)[0], "COMMIT request");
    assert_eq!(talk.exchange(&update(false), &done)[0], "UPDATE account_info request");
}

#[test]
fn a_transaction_without_a_begin_is_told_by_the_server() {
    let mut talk = Talk::open(PLAIN);
    let within = [ok(1, IN_TRANSACTION)];
    talk.exchange(&query("SET autocommit=0"), &[ok(1, 0)]);
    talk.exchange(&query("INSERT INTO account_pay (id) VALUES ('t1')"), &within);
    assert_eq!(
        talk.exchange(&query("UPDATE b SET a = 1"), &within)[0],
        "UPDATE b request t1"
    );
    let failed = talk.exchange(&query("UPDATE b SET a = 1"), &[error(1, 1205)]);
    assert_eq!(failed, ["UPDATE b request t1", "UPDATE b reply t1"]);
    assert_eq!(talk.exchange(&query("rollback"), &[ok(1, 0)])[0], "ROLLBACK request t1");
    talk.exchange(&query("INSERT INTO account_pay (id) VALUES ('t2')"), &within);
    assert_eq!(
        talk.exchange(&query("CREATE TABLE c (a INT)"), &[ok(1, 0)])[0],
        "CREATE request t2"
    );
    assert_eq!(
        talk.exchange(&query("COMMIT"), &[ok(1, 0)])[0],
        "COMMIT request",
        "it was committed without a word"
    );
}

#[test]
fn with_autocommit_off_a_connection_is_always_in_a_transaction() {
    let mut talk = Talk::open(PLAIN);
    talk.exchange(&query("SET autocommit=0"), &[ok(1, 0)]);
    // A driver that does not wait for answers: nothing was said of a transaction yet.
    talk.client(&query("INSERT INTO account_pay (id) VALUES ('t1')"));
    assert_eq!(
        names(&talk.client(&query("UPDATE b SET a = 1"))),
        ["UPDATE b request t1"]
    );
    assert_eq!(names(&talk.client(&query("COMMIT"))), ["COMMIT request t1"]);
    talk.server(&[ok(1, IN_TRANSACTION), ok(1, IN_TRANSACTION), ok(1, 0)].concat());
    talk.client(&query("INSERT INTO account_pay (id) VALUES ('t2')"));
    assert_eq!(
        names(&talk.client(&query("COMMIT"))),
        ["COMMIT request t2"],
        "the next transaction began with the end of the first"
    );
    talk.server(&[ok(1, IN_TRANSACTION), ok(1, 0)].concat());
    talk.exchange(
        &query("INSERT INTO account_pay (id) VALUES ('t3')"),
        &[ok(1, IN_TRANSACTION)],
    );
    let commits = talk.said("SET autocommit=1", DONE);
    assert_eq!(commits, ("SET AUTOCOMMIT 1 request t3".to_owned(), Role::Committed));
    assert_eq!(talk.said("UPDATE b SET a = 1", DONE), plain("UPDATE b request"));
}

#[test]
fn a_java_transaction_lasts_from_autocommit_off_to_its_end() {
    let mut talk = Talk::open(PLAIN);
    let off = talk.said("SET autocommit=0", [0]);
    assert_eq!(off, plain("SET AUTOCOMMIT 0 request"));
    talk.said("INSERT INTO account_pay (id) VALUES ('t1')", [IN_TRANSACTION]);
    assert_eq!(
        talk.said("SET autocommit=0", [IN_TRANSACTION]),
        plain("SET AUTOCOMMIT 0 request t1"),
        "nothing new begins"
    );
    assert_eq!(
        talk.said("UPDATE b SET a = 1", [IN_TRANSACTION]),
        plain("UPDATE b request t1")
    );
    assert_eq!(
        talk.said("COMMIT", [0]),
        ("COMMIT request t1".to_owned(), Role::Committed)
    );
    assert_eq!(
        talk.said("SET autocommit=1", DONE),
        plain("SET AUTOCOMMIT 1 request"),
        "there is nothing to commit"
    );
    // Where statements commit by themselves already, it ends no transaction.
    talk.said("BEGIN", WITHIN);
    talk.said("INSERT INTO account_pay (id) VALUES ('t2')", WITHIN);
    assert_eq!(
        talk.said("SET autocommit=1", WITHIN),
        plain("SET AUTOCOMMIT 1 request t2")
    );
    assert_eq!(
        talk.said("SET SESSION TRANSACTION READ WRITE", WITHIN),
        plain("SET TRANSACTION request t2")
    );
    assert_eq!(
        talk.said("COMMIT", DONE),
        ("COMMIT request t2".to_owned(), Role::Committed)
    );
}

#[test]
fn what_is_rolled_back_to_a_savepoint_is_not_committed() {
    let mut talk = Talk::open(PLAIN);
    let insert = |id: &str| format!("INSERT INTO account_pay (id) VALUES ('{id}')");
    talk.said("BEGIN", WITHIN);
    talk.said(&insert("t1"), WITHIN);
    talk.said("SAVEPOINT a", WITHIN);
    talk.said(&insert("t2"), WITHIN);
    talk.exchange(&query("ROLLBACK TO b"), &[error(1, 1305)]);
    talk.said("SAVEPOINT b", WITHIN);
    talk.said(&insert("t3"), WITHIN);
    talk.exchange(&query("ROLLBACK TO SAVEPOINT b"), &[error(1, 1305)]);
    assert_eq!(
        talk.said("ROLLBACK TO SAVEPOINT A", WITHIN),
        plain("ROLLBACK TO SAVEPOINT request t1,t2,t3"),
        "what was refused has undone nothing"
    );
    talk.said("ROLLBACK TO b", WITHIN);
    talk.said(&insert("t4"), WITHIN);
    talk.said("RELEASE SAVEPOINT a", WITHIN);
    assert_eq!(
        talk.said("COMMIT", DONE),
        ("COMMIT request t1,t4".to_owned(), Role::Committed)
    );
}

#[test]
fn savepoints_end_no_transaction() {
    let mut talk = Talk::open(PLAIN);
    talk.said("START TRANSACTION", WITHIN);
    talk.said("INSERT INTO account_pay (id) VALUES ('t1')", WITHIN);
    for (sql, name) in [
        ("SAVEPOINT a", "SAVEPOINT request t1"),
        ("ROLLBACK TO a", "ROLLBACK TO SAVEPOINT request t1"),
        ("ROLLBACK WORK TO SAVEPOINT a", "ROLLBACK TO SAVEPOINT request t1"),
        ("RELEASE SAVEPOINT a", "RELEASE SAVEPOINT request t1"),
    ] {
        assert_eq!(talk.said(sql, WITHIN), plain(name));
    }
    let rolled_back = ("ROLLBACK request t1".to_owned(), Role::RolledBack);
    assert_eq!(talk.said("ROLLBACK", DONE), rolled_back);
}

#[test]
fn a_branch_is_held_until_its_end_and_known_on_other_connections() {
    let [mut one, mut other] = two();
    assert_eq!(
        one.said("XA START 'g1','b1'", WITHIN),
        plain("XA START request global=g1")
    );
    let insert = "INSERT INTO account_pay (id) VALUES ('t1')";
    assert_eq!(
        one.said(insert, WITHIN),
        plain("INSERT account_pay request global=g1,t1")
    );
    // Whatever a server says of a transaction within a branch, the connection holds it.
    assert_eq!(
        one.said("UPDATE b SET a = 1", DONE),
        plain("UPDATE b request global=g1,t1")
    );
    assert_eq!(
        one.said("XA END 'g1','b1'", WITHIN),
        plain("XA END request global=g1,t1")
    );
    let prepared = one.said("XA PREPARE 'g1','b1'", DONE);
    assert_eq!(prepared, ("XA PREPARE request global=g1,t1".to_owned(), Role::Prepared));
    assert_eq!(
        one.said("UPDATE b SET a = 1", DONE),
        plain("UPDATE b request"),
        "it is let go"
    );

    assert_eq!(other.said("XA RECOVER", DONE), plain("XA RECOVER request"));
    let committed = other.said("XA COMMIT 0x6731,X'6231',1", DONE);
    assert_eq!(
        committed,
        ("XA COMMIT request global=g1,t1".to_owned(), Role::Committed)
    );
    let unknown = other.said("XA ROLLBACK 'g2'", DONE);
    assert_eq!(unknown, ("XA ROLLBACK request global=g2".to_owned(), Role::RolledBack));
}

#[test]
fn a_branch_may_end_in_one_phase_or_be_rolled_back() {
    let [mut one, _] = two();
    for (end, name, role) in [
        (
            "XA COMMIT 'g1' ONE PHASE",
            "XA COMMIT request global=g1,t1",
            Role::Committed,
        ),
        ("XA ROLLBACK 'g1'", "XA ROLLBACK request global=g1,t1", Role::RolledBack),
    ] {
        one.said("XA BEGIN 'g1'", WITHIN);
        one.said("INSERT INTO account_pay (id) VALUES ('t1')", WITHIN);
        one.said("XA END 'g1'", WITHIN);
        assert_eq!(one.said(end, DONE), (name.to_owned(), role));
        assert_eq!(one.said("UPDATE b SET a = 1", DONE), plain("UPDATE b request"));
    }
}

#[test]
fn a_branch_that_is_refused_has_not_begun() {
    let [mut one, _] = two();
    one.exchange(&query("XA START 'g1'"), &[error(1, 1440)]);
    one.said("INSERT INTO account_pay (id) VALUES ('t1')", DONE);
    assert_eq!(one.said("UPDATE b SET a = 1", DONE), plain("UPDATE b request"));
}

#[test]
fn frames_that_could_carry_a_key_are_counted() {
    let [mut one, _] = two();
    one.said("SELECT 1", DONE);
    one.said("SELECT a FROM account_pay WHERE account_no = 'a1'", DONE);
    one.said("SELECT a FROM account_pay WHERE id = 't1'", DONE);
    one.exchange(&prepare("INSERT INTO account_pay (id) VALUES (?)"), &prepared(1, 0, 1));
    for tx in ["t2", "t3"] {
        one.exchange(&execute(1, true, &[text(tx)]), &[ok(1, AUTOCOMMIT)]);
    }
    one.said("XA START 'g1'", WITHIN);
    one.said("XA END 'g1'", WITHIN);
    let stats = one.session.terms.finder.stats();
    assert_eq!(stats["tx"], KeyStats { found: 3, of: 4 });
    assert_eq!(stats["global"], KeyStats { found: 2, of: 2 });
}

#[test]
fn a_reply_tells_what_came_of_its_command() {
    let mut talk = Talk::open(PLAIN);
    let changed = |rows: u8| packet(1, &[0, rows, 0, 2, 0, 0, 0]);
    for (reply, outcome) in [
        (changed(3), Some(Outcome::Affected(3))),
        (changed(0), None),
        (error(1, 1213), Some(Outcome::Error(1213))),
    ] {
        talk.client(&query("UPDATE b SET a = 1"));
        assert_eq!(talk.server(&reply)[0].points[0].outcome, outcome);
    }
}
