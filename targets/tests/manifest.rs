//! The manifest and the services must agree: what `target.toml` offers is what the services accept,
//! and what they require is what it gives them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use toml::{Table, Value};

#[test]
fn each_policy_of_the_manifest_has_the_values_of_its_services() {
    let manifest = manifest();
    for (policy, description) in table(&manifest, "policies") {
        let default = description["default"].as_str().expect("a default");
        let mut values: Vec<&String> = table(description, "values").keys().collect();
        // The services name the correct value first.
        values.sort_by_key(|value| (value.as_str() != default, value.to_owned()));
        for service in description["services"].as_array().expect("a list of services") {
            let service = service.as_str().expect("the name of a service");
            let mut accepted = accepted_values(&manifest, service, policy);
            assert_eq!(accepted[0], default, "default of {policy} in {service}");
            accepted[1..].sort();
            assert_eq!(
                accepted.iter().collect::<Vec<_>>(),
                values,
                "values of {policy} in {service}"
            );
        }
    }
}

#[test]
fn every_value_of_a_preset_is_one_of_its_policy() {
    let manifest = manifest();
    for (preset, description) in table(&manifest, "presets") {
        for (policy, value) in table(description, "policies") {
            let values = table(&manifest["policies"][policy], "values");
            assert!(
                values.contains_key(value.as_str().expect("a value")),
                "{preset}: {policy} = {value}"
            );
        }
    }
}

#[test]
fn every_schema_is_there_and_creates_tables_only() {
    let mut schemas = Vec::new();
    collect_schemas(&Value::Table(manifest()), &mut schemas);
    assert!(schemas.len() >= 5, "{schemas:?}");
    for schema in schemas {
        let text = std::fs::read_to_string(folder().join(&schema)).expect(&schema);
        let code: String = text
            .lines()
            .filter(|line| !line.starts_with("--"))
            .collect::<Vec<_>>()
            .join("\n");
        for statement in code.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
            assert!(statement.starts_with("CREATE TABLE "), "{schema}: {statement}");
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("pay-account")
}

fn manifest() -> Table {
    let path = folder().join("target.toml");
    std::fs::read_to_string(path)
        .expect("the manifest")
        .parse()
        .expect("TOML")
}

fn table<'a>(parent: &'a impl std::ops::Index<&'a str, Output = Value>, key: &'a str) -> &'a Table {
    parent[key].as_table().unwrap_or_else(|| panic!("{key} is a table"))
}

fn collect_schemas(value: &Value, found: &mut Vec<String>) {
    let Value::Table(table) = value else { return };
    for (key, value) in table {
        match value {
            Value::String(schema) if key == "schema" => found.push(schema.clone()),
            other => collect_schemas(other, found),
        }
    }
}

/// Starts the service as the manifest does, with a value that this policy cannot have. That must
/// be the only complaint, and it lists the values that the policy can have.
fn accepted_values(manifest: &Table, service: &str, policy: &str) -> Vec<String> {
    let environment = table(&manifest["services"][service], "env");
    let mut variables: BTreeMap<&str, String> = BTreeMap::new();
    for (variable, value) in environment {
        variables.insert(variable, fill_in(manifest, value.as_str().expect("a text"), policy));
    }
    let output = Command::new(binary(service))
        .env_clear()
        .envs(&variables)
        .output()
        .expect("the service starts");
    let complaint = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(2), "{service}: {complaint}");
    let (_, accepted) = complaint
        .trim()
        .split_once("=no-such-value: expected one of ")
        .expect(&complaint);
    accepted.split(", ").map(str::to_owned).collect()
}

fn fill_in(manifest: &Table, template: &str, wrong_policy: &str) -> String {
    let mut text = template.to_owned();
    while let Some((before, rest)) = text.split_once("${") {
        let (name, after) = rest.split_once('}').expect("a closing brace");
        let value = match name.split_once('.').expect("a dot") {
            ("policy", policy) if policy == wrong_policy => "no-such-value".to_owned(),
            ("policy", policy) => manifest["policies"][policy]["default"]
                .as_str()
                .expect("a default")
                .to_owned(),
            (_, "addr") => "127.0.0.1:1".to_owned(),
            (_, name) => name.to_owned(),
        };
        text = format!("{before}{value}{after}");
    }
    text
}

fn binary(service: &str) -> &'static str {
    match service {
        "pay" => env!("CARGO_BIN_EXE_pay"),
        "account" => env!("CARGO_BIN_EXE_account"),
        other => panic!("no binary for service {other}"),
    }
}
