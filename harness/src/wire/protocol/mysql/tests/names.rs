use super::*;

fn read(sql: &str) -> Statement {
    Statement::read(sql.as_bytes(), true, &session(false).terms.finder)
}

fn name(sql: &str) -> String {
    read(sql).name
}

#[test]
fn a_statement_is_called_by_verb_and_first_table() {
    for (sql, expected) in [
        ("begin", "BEGIN"),
        ("/* app:7 */ Start Transaction read only", "BEGIN"),
        ("COMMIT AND CHAIN", "COMMIT"),
        ("ROLLBACK", "ROLLBACK"),
        ("ROLLBACK WORK TO SAVEPOINT a", "ROLLBACK TO SAVEPOINT"),
        ("INSERT INTO account_pay (id) VALUES (?)", "INSERT account_pay"),
        (
            "insert ignore `shop`.`de_duplication` values (1)",
            "INSERT de_duplication",
        ),
        ("REPLACE INTO t SET a = 1", "REPLACE t"),
        ("UPDATE LOW_PRIORITY account_info SET b = b + ?", "UPDATE account_info"),
        (
            "DELETE QUICK FROM shop . account_pay WHERE id = ?",
            "DELETE account_pay",
        ),
        ("DELETE a FROM a JOIN b", "DELETE a"),
        ("SELECT 1", "SELECT"),
        ("SELECT 1 FROM DUAL", "SELECT"),
        ("SELECT EXTRACT(YEAR FROM d), `from` FROM `de``dup`", "SELECT de`dup"),
        ("SELECT * FROM (SELECT a FROM inner_t) x", "SELECT inner_t"),
        ("(SELECT a FROM t1) UNION (SELECT a FROM t2)", "SELECT t1"),
        ("SELECT (SELECT a FROM t1)", "SELECT"),
        ("SELECT a FROM Größe", "SELECT Größe"),
        ("SELECT a FROM \"ansi\"", "SELECT ansi"),
        ("WITH c AS (SELECT a FROM t1) UPDATE t2 SET a = 1", "UPDATE t2"),
        ("CALL shop.book(?)", "CALL book"),
        ("XA COMMIT 'x'", "XA COMMIT"),
        ("SET autocommit=0, names utf8mb4", "SET"),
        ("CREATE TABLE t (a INT)", "CREATE"),
        ("show variables", "SHOW"),
        ("-- nothing\n", "QUERY"),
        ("", "QUERY"),
        ("'secret'", "QUERY"),
        ("s3cret words", "QUERY"),
        (";; COMMIT", "COMMIT"),
        ("INSERT INTO", "INSERT"),
        ("SELECT a FROM", "SELECT"),
        ("WITH", "WITH"),
    ] {
        assert_eq!(name(sql), expected, "{sql}");
    }
}

fn places(sql: &str) -> Vec<Place> {
    read(sql).places.into_iter().map(|(_, place)| place).collect()
}

use super::super::statement::Place::{self, Literal, Parameter};

fn literal(number: &str) -> Place {
    Literal(number.to_owned())
}

#[test]
fn numbers_are_found_where_the_manifest_says() {
    for (sql, expected) in [
        (
            "INSERT INTO account_pay (account_no, id, a) VALUES (?, ?, ?)",
            vec![Parameter(1)],
        ),
        (
            "INSERT INTO account_pay (`x`, `ID`) VALUES (f(?, ?), ?), (1, 't2')",
            vec![Parameter(2), literal("t2")],
        ),
        (
            "INSERT INTO account_pay (id) VALUES (17), (CONCAT('a', 'b')), ('a' 'b'), (-1), (1.5)",
            vec![literal("17")],
        ),
        ("INSERT INTO account_pay VALUES (?, ?)", vec![]),
        ("INSERT INTO account_info (id) VALUES (?)", vec![]),
        ("INSERT INTO account_pay (id) SELECT ? FROM t", vec![]),
        ("INSERT INTO account_pay SET a = ?, id = ?", vec![Parameter(1)]),
        (
            "INSERT INTO de_duplication (tx_no, create_time) VALUES (?, NOW())",
            vec![Parameter(0)],
        ),
        ("SELECT a FROM account_pay WHERE id = ? AND a = ?", vec![Parameter(0)]),
        (
            "SELECT a FROM account_pay WHERE a = ? AND account_pay.id='t''1'",
            vec![literal("t'1")],
        ),
        (
            "SELECT 1 FROM de_duplication d WHERE d.tx_no = ? LIMIT 1",
            vec![Parameter(0)],
        ),
        (
            "SELECT 1 FROM t JOIN de_duplication AS d WHERE d.tx_no = ?",
            vec![Parameter(0)],
        ),
        ("SELECT 1 FROM de_duplication d JOIN t x WHERE x.tx_no = ?", vec![]),
        ("SELECT 1 FROM t WHERE id = ?", vec![]),
        (
            "DELETE FROM account_pay WHERE id IN (?, 't2', f(?), ?)",
            vec![Parameter(0), literal("t2"), Parameter(2)],
        ),
        (
            "DELETE FROM account_pay WHERE id IN (SELECT 5 FROM t WHERE a = 6)",
            vec![],
        ),
        (
            "DELETE FROM account_pay WHERE id >= ? OR id <> ? OR id = ? + 1 OR id = a",
            vec![],
        ),
        ("SELECT 'id = 1' /* id = 2 */ FROM account_pay -- id = 3", vec![]),
        (
            "BEGIN; INSERT INTO account_pay (id) VALUES ('t1'); COMMIT",
            vec![literal("t1")],
        ),
        ("SELECT 1 FROM account_pay WHERE id = 'no end", vec![]),
    ] {
        assert_eq!(places(sql), expected, "{sql}");
    }
    assert_eq!(
        places(&format!("SELECT 1 FROM account_pay WHERE id = '{}'", "x".repeat(200))),
        []
    );
    let cut = Statement::read(
        b"SELECT 1 FROM account_pay WHERE id = 123",
        false,
        &session(false).terms.finder,
    );
    assert_eq!(cut.places, [], "the number may go on");
    let without = Statement::read(
        b"SELECT 1 FROM account_pay WHERE id = 1",
        true,
        &crate::wire::correlation::Finder::default(),
    );
    assert_eq!(without.places, []);
}

#[test]
fn parameters_of_every_type_are_told_apart() {
    let mut talk = Talk::open(PLAIN);
    talk.exchange(
        &prepare("INSERT INTO account_pay (a,b,c,d,e,f,g,h,id) VALUES (?,?,?,?,?,?,?,?,?)"),
        &prepared(1, 0, 9),
    );
    let before = [
        Value(0x01, vec![1]),
        Value(0x02, vec![1, 2]),
        Value(0x03, vec![1, 2, 3, 4]),
        Value(0x04, vec![1, 2, 3, 4]),
        Value(0x05, vec![0; 8]),
        Value(0x0c, vec![4, 0, 0, 0, 0]),
        Value(0x0b, vec![0]),
        Value(0xfc, b"\xfc\x01\0x".to_vec()),
    ];
    for (value, tx) in [
        (text("t1"), " t1"),
        (Value(0x08, (-7i64).to_le_bytes().to_vec()), " -7"),
        (Value(0x03, 70_000u32.to_le_bytes().to_vec()), " 70000"),
        (Value(0x01, vec![200]), " -56"),
        (Value(0x05, vec![0; 8]), ""),
        (Value(0x77, vec![]), ""),
        (Value(0xfd, b"\x02\xff\xfe".to_vec()), ""),
        (Value(0xfd, b"\x09cut".to_vec()), ""),
    ] {
        let values = [&before[..], &[value]].concat();
        let names = talk.exchange(&execute(1, true, &values), &[ok(1, AUTOCOMMIT)]);
        assert_eq!(names[0], format!("INSERT account_pay request{tx}"));
    }
    let mut null = execute(1, true, &[&before[..], &[text("t1")]].concat());
    null[4 + 10 + 1] = 1; // The second byte of which are NULL.
    assert_eq!(names(&talk.client(&null)), ["INSERT account_pay request"]);
}

#[test]
fn attributes_stand_before_what_they_belong_to() {
    let mut talk = Talk::open(PLAIN | QUERY_ATTRIBUTES);
    let named = [&[0xfd, 0][..], b"\x05trace", &[0x08, 0], b"\x01n"].concat();
    let values = [&b"\x02ab"[..], &[0; 8]].concat();
    let attributes = [&[2, 1, 0, 1][..], &named, &values].concat();
    let sql = b"INSERT INTO account_pay (id) VALUES ('t1')";
    let names = talk.exchange(
        &packet(0, &[b"\x03", &attributes[..], sql].concat()),
        &[ok(1, AUTOCOMMIT)],
    );
    assert_eq!(names[0], "INSERT account_pay request t1");
    let names = talk.exchange(&packet(0, b"\x03\0\x01COMMIT"), &[ok(1, AUTOCOMMIT)]);
    assert_eq!(names[0], "COMMIT request");

    talk.exchange(&prepare("INSERT INTO account_pay (id) VALUES (?)"), &prepared(1, 0, 1));
    let types = [&[0xfd, 0, 0][..], &[0xfd, 0], b"\x05trace"].concat();
    let rest = [&[8, 1, 0, 0, 0, 2, 0, 1][..], &types, b"\x02t2\x02ab"].concat();
    let names = talk.exchange(&about(0x17, 1, &rest), &[ok(1, AUTOCOMMIT)]);
    assert_eq!(names[0], "INSERT account_pay request t2");
}

#[test]
fn nothing_but_numbers_is_kept_of_statements() {
    let mut talk = Talk::open(PLAIN);
    let frames = [
        talk.client(&query("INSERT INTO account_pay (id, card) VALUES ('t1', '4242 4242')")),
        talk.client(&query("ALTER USER x IDENTIFIED BY 'hunter2'")),
        talk.client(&query("SET PASSWORD = 'hunter2'")),
    ];
    let points: Vec<_> = frames.iter().flatten().flat_map(|frame| frame.points.clone()).collect();
    let shown = format!("{points:?}");
    assert!(!shown.contains("4242") && !shown.contains("hunter2"), "{shown}");
}
