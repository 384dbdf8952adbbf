use super::*;

fn read(sql: &str) -> Statement {
    let session = session(false);
    let order = ["account_no", "id", "a"].map(str::to_owned).to_vec();
    let tables = [("account_pay".to_owned(), order)];
    session.terms.finder.learn(tables.into());
    Statement::read(sql.as_bytes(), true, Dialect::default(), &session.terms.finder)
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
        ("SET autocommit=0, names utf8mb4", "SET AUTOCOMMIT 0"),
        ("SET @@session.autocommit = ON", "SET AUTOCOMMIT 1"),
        ("SET GLOBAL autocommit = 1", "SET"),
        ("SET SESSION TRANSACTION READ ONLY", "SET TRANSACTION"),
        ("SAVEPOINT a", "SAVEPOINT"),
        ("RELEASE SAVEPOINT a", "RELEASE SAVEPOINT"),
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

use super::super::places::Place::{self, Literal, Parameter};

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
        (
            "INSERT INTO account_pay VALUES (?, ?, ?), ('a', 't2', 3)",
            vec![Parameter(1), literal("t2")],
        ),
        ("REPLACE account_pay VALUES ROW('a', 't1', 3)", vec![literal("t1")]),
        ("INSERT INTO de_duplication VALUES ('t1', NOW())", vec![]),
        (
            "INSERT INTO account_pay PARTITION (p0, p1) (a, id) VALUES (?, ?)",
            vec![Parameter(1)],
        ),
        (
            "INSERT INTO account_pay (id, a) VALUES (?, ?) AS new ON DUPLICATE KEY UPDATE a = ?, id = VALUES(id)",
            vec![Parameter(0)],
        ),
        (
            "INSERT INTO account_pay (a, id) SELECT DISTINCT b, ? AS n FROM t WHERE a = ?",
            vec![Parameter(0)],
        ),
        (
            "INSERT INTO account_pay (id) (SELECT 't1') UNION ALL (SELECT 't2')",
            vec![literal("t1"), literal("t2")],
        ),
        ("INSERT INTO account_pay SELECT a, ?, c FROM t", vec![Parameter(0)]),
        (
            "INSERT INTO account_pay (id, a) SELECT s.no, 1 FROM staged s WHERE s.no = 't1'",
            vec![literal("t1")],
        ),
        (
            "INSERT INTO account_pay (id, a) SELECT s.no, 1 FROM staged s, t WHERE t.no = 't1'",
            vec![],
        ),
        (
            "INSERT INTO account_pay (id) SELECT no + 1 FROM staged WHERE no = 5",
            vec![],
        ),
        (
            "INSERT INTO account_pay (id) WITH c AS (SELECT 'x' FROM t) SELECT 't1' FROM c",
            vec![literal("t1")],
        ),
        ("INSERT INTO account_info (id) VALUES (?)", vec![]),
        ("INSERT INTO account_pay (id) SELECT ? FROM t", vec![Parameter(0)]),
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
        (
            "SELECT 1 FROM account_pay p WHERE 't1' = p.id AND ? = a",
            vec![literal("t1")],
        ),
        (
            "SELECT 1 FROM account_pay WHERE ? <=> id || id<=>'t2'",
            vec![Parameter(0), literal("t2")],
        ),
        (
            "SELECT 1 FROM account_pay WHERE (a, id) = (1, 't1')",
            vec![literal("t1")],
        ),
        (
            "SELECT 1 FROM account_pay WHERE ROW(1, 't1') = ROW(a, id)",
            vec![literal("t1")],
        ),
        (
            "DELETE FROM account_pay WHERE (a, account_pay.id) IN ((1, 't1'), (?, ?), (2, f(3)))",
            vec![literal("t1"), Parameter(1)],
        ),
        ("SELECT 1 FROM account_pay WHERE ((id) = ('t1'))", vec![literal("t1")]),
        (
            "SELECT 1 FROM account_pay WHERE id = _utf8mb4't1' COLLATE utf8mb4_bin",
            vec![literal("t1")],
        ),
        (
            "SELECT 1 FROM account_pay WHERE id = CAST(? AS CHAR) AND a = 1",
            vec![Parameter(0)],
        ),
        (
            "SELECT 1 FROM account_pay WHERE 5 + id = 6 OR a - 5 = id OR 5 <= id OR 5 != id OR id = 5 DIV 2 OR @id = 7",
            vec![],
        ),
        (
            "SELECT 1 FROM account_pay WHERE (a, id) = (SELECT 1, 't1' FROM t)",
            vec![],
        ),
        ("SELECT 1 FROM account_pay WHERE (a, id) = (1, 2, 3) OR (a, id", vec![]),
        ("CALL book('t1')", vec![]),
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
        Dialect::default(),
        &session(false).terms.finder,
    );
    assert_eq!(cut.places, [], "the number may go on");
    let without = Statement::read(
        b"SELECT 1 FROM account_pay WHERE id = 1",
        true,
        Dialect::default(),
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

#[test]
fn what_a_procedure_does_is_counted_as_unseen() {
    let mut talk = Talk::open(PLAIN);
    talk.exchange(&query("CALL book('t1')"), &[ok(1, AUTOCOMMIT)]);
    talk.exchange(&query("INSERT INTO account_pay VALUES ('t1', 1)"), &[ok(1, AUTOCOMMIT)]);
    talk.exchange(&query("SELECT 1"), &[ok(1, AUTOCOMMIT)]);
    let stats = talk.session.terms.finder.stats()["tx"];
    assert_eq!((stats.found, stats.of), (0, 2));
}

#[test]
fn statements_are_read_in_the_character_set_of_their_connection() {
    let insert = |character: &[u8]| {
        let sql = [b"\x03INSERT INTO account_pay (a, id) VALUES ('", character, b"', 't1')"].concat();
        packet(0, &sql)
    };
    let mut talk = Talk::new();
    talk.server(&greeting(PLAIN));
    let mut gbk = login(PLAIN);
    gbk[4 + 8] = 28;
    talk.client(&gbk);
    talk.server(&ok(2, AUTOCOMMIT));
    let done = [ok(1, AUTOCOMMIT)];
    assert_eq!(
        talk.exchange(&insert(b"\x87\x5c"), &done)[0],
        "INSERT account_pay request t1"
    );
    talk.exchange(&query("SET NAMES utf8mb4"), &done);
    assert_eq!(
        talk.exchange(&insert(b"\x87\x5c"), &done)[0],
        "INSERT account_pay request"
    );
    talk.exchange(&query("SET NAMES sjis"), &[error(1, 1115)]);
    assert_eq!(
        talk.exchange(&insert(b"\x95\x5c"), &done)[0],
        "INSERT account_pay request",
        "refused"
    );
    talk.exchange(&query("SET NAMES 'sjis'"), &done);
    assert_eq!(
        talk.exchange(&insert(b"\x95\x5c"), &done)[0],
        "INSERT account_pay request t1"
    );
    let change = packet(0, b"\x11alice\0\x03abcshop\0\xf8\0caching_sha2_password\0");
    talk.client(&change);
    talk.server(&ok(1, AUTOCOMMIT));
    assert_eq!(
        talk.exchange(&insert(b"\x81\x30\x81\x30"), &done)[0],
        "INSERT account_pay request t1"
    );
    assert_eq!(
        talk.exchange(&insert(b"\x87\x5c"), &done)[0],
        "INSERT account_pay request t1"
    );
    talk.exchange(&packet(0, b"\x1f"), &done);
    assert_eq!(
        talk.exchange(&insert(b"\x87\x5c"), &done)[0],
        "INSERT account_pay request"
    );
}

#[test]
fn a_backslash_escapes_nothing_where_the_status_says_so() {
    let mut talk = Talk::open(PLAIN);
    let insert = query(r"INSERT INTO account_pay (a, id) VALUES ('a\', 't1')");
    let done = [ok(1, AUTOCOMMIT)];
    assert_eq!(talk.exchange(&insert, &done)[0], "INSERT account_pay request");
    talk.exchange(
        &query("SET sql_mode = 'NO_BACKSLASH_ESCAPES'"),
        &[ok(1, AUTOCOMMIT | 0x200)],
    );
    assert_eq!(
        talk.exchange(&insert, &[ok(1, AUTOCOMMIT | 0x200)])[0],
        "INSERT account_pay request t1"
    );
    // The server says so already when a client has logged in.
    let mut talk = Talk::new();
    talk.server(&greeting(PLAIN));
    talk.client(&login(PLAIN));
    talk.server(&ok(2, AUTOCOMMIT | 0x200));
    assert_eq!(talk.exchange(&insert, &done)[0], "INSERT account_pay request t1");
}

#[test]
fn a_number_far_behind_is_found_or_counted() {
    let done = [ok(1, AUTOCOMMIT)];
    let mut talk = Talk::open(PLAIN);
    talk.exchange(
        &prepare("INSERT INTO account_pay (a, id) VALUES (?, ?)"),
        &prepared(1, 0, 2),
    );
    let blob = |bytes: usize| {
        let length = (bytes as u32).to_le_bytes();
        Value(0xfc, [&[0xfd][..], &length[..3], &vec![b'x'; bytes]].concat())
    };
    let executed = talk.exchange(&execute(1, true, &[blob(300_000), text("t1")]), &done);
    assert_eq!(executed[0], "INSERT account_pay request t1");
    let sql = format!(
        "INSERT INTO account_pay (a, id) VALUES ('{}', 't2')",
        "x".repeat(300_000)
    );
    assert_eq!(talk.exchange(&query(&sql), &done)[0], "INSERT account_pay request t2");
    let stats = talk.session.terms.finder.stats()["tx"];
    assert_eq!((stats.found, stats.of), (2, 2));
    let far = talk.client(&execute(1, true, &[blob(2 * COMMAND_BYTES), text("t3")]));
    assert_eq!(names(&far).last().unwrap(), "INSERT account_pay request");
    let stats = talk.session.terms.finder.stats()["tx"];
    assert_eq!((stats.found, stats.of), (2, 3));
}
