//! The points of a MySQL link: statements that need no table, those on the tables of its databases,
//! and those on tables that services make themselves, as far as keys stand in them.
//! Never: opens a file by itself.

use std::collections::BTreeSet;

use paytwice_checkers::history::Role;

use super::super::PointsOf;
use crate::wire::{PointDef, Refusal};

/// Points that need no table.
const PLAIN: [&str; 18] = [
    "CONNECT",
    "BEGIN",
    "ROLLBACK",
    "PREPARE SELECT",
    "SET",
    "SET AUTOCOMMIT 0",
    "SET AUTOCOMMIT 1",
    "SET TRANSACTION",
    "SAVEPOINT",
    "ROLLBACK TO SAVEPOINT",
    "RELEASE SAVEPOINT",
    "PING",
    "SHOW",
    "XA START",
    "XA END",
    "XA PREPARE",
    "XA ROLLBACK",
    "XA RECOVER",
];
/// Statements that name a table.
const VERBS: [&str; 5] = ["SELECT", "INSERT", "REPLACE", "UPDATE", "DELETE"];
/// What the server may answer a statement with.
const REFUSALS: &[Refusal] = &[Refusal::LockWaitTimeout, Refusal::Deadlock];

/// Every point of a link.
pub(super) fn points(of: &PointsOf<'_>) -> BTreeSet<PointDef> {
    let mut points: BTreeSet<PointDef> = PLAIN.iter().flat_map(|name| PointDef::both(name)).collect();
    for (commit, seldom) in [("COMMIT", false), ("XA COMMIT", !of.xa)] {
        let both = PointDef::both(commit).into_iter();
        points.extend(both.map(|point| point.meaning(Role::Committed).seldom(seldom)));
    }
    points.extend(PointDef::refused("SELECT", REFUSALS));
    let told: BTreeSet<&str> = of
        .told
        .iter()
        .filter_map(|name| name.strip_prefix("database."))
        .collect();
    for (name, database) in &of.of.entry.databases {
        if !(told.is_empty() || told.contains(name.as_str())) {
            continue;
        }
        // A schema that cannot be read is an error of the manifest, told where it is loaded.
        for table in tables(&(of.file)(&database.schema)) {
            points.extend(statements(of, &table));
        }
    }
    // A table that no schema file makes is one that the service makes itself; which one does is not known.
    for table in of.keyed.iter().filter(|table| !is_made(of, table)) {
        points.extend(statements(of, table));
    }
    points
}

/// The points of statements about a table.
fn statements(of: &PointsOf<'_>, table: &str) -> impl Iterator<Item = PointDef> {
    let keyed = of.keyed.contains(table);
    VERBS.into_iter().flat_map(move |verb| {
        let prepared = PointDef::both(&format!("PREPARE {verb} {table}"));
        let executed = PointDef::refused(&format!("{verb} {table}"), REFUSALS);
        // A table of subjects is written; of others nobody knows.
        let seldom = !(keyed && ["INSERT", "UPDATE"].contains(&verb));
        executed.map(|point| point.seldom(seldom)).into_iter().chain(prepared)
    })
}

/// Whether a schema file makes a table.
fn is_made(of: &PointsOf<'_>, table: &str) -> bool {
    let mut databases = of.all.values().flat_map(|dependency| dependency.databases.values());
    databases.any(|database| tables(&(of.file)(&database.schema)).iter().any(|made| made == table))
}

/// Names of the tables that a schema makes.
fn tables(schema: &str) -> Vec<String> {
    let words: Vec<&str> = schema.split_whitespace().collect();
    let mut tables = Vec::new();
    for (at, pair) in words.windows(2).enumerate() {
        if !(pair[0].eq_ignore_ascii_case("CREATE") && pair[1].eq_ignore_ascii_case("TABLE")) {
            continue;
        }
        let rest = &words[at + 2..];
        let not_exists = ["IF", "NOT", "EXISTS"]
            .iter()
            .zip(rest)
            .all(|(a, b)| a.eq_ignore_ascii_case(b));
        let name = rest.get(if not_exists { 3 } else { 0 }).copied().unwrap_or_default();
        let name = name.split('(').next().unwrap_or_default().trim_matches('`');
        tables.push(name.rsplit('.').next().unwrap_or_default().trim_matches('`').to_owned());
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_found_however_they_are_written() {
        let schema =
            "CREATE TABLE a (id INT);\ncreate table if not exists `bank`.`b`(\n id INT);\nCREATE INDEX i ON a (id);";
        assert_eq!(tables(schema), ["a", "b"]);
    }
}
