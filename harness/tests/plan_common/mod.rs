//! Targets for the tests of plans.

#![expect(dead_code, reason = "no test file uses all of it")]

use std::path::{Path, PathBuf};

use paytwice::plan::{Manifest, Target};

/// The folder of the sample target.
pub(crate) fn pay_account_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../targets/pay-account")
}

/// The text of its manifest.
pub(crate) fn pay_account_text() -> String {
    std::fs::read_to_string(pay_account_dir().join("target.toml")).expect("the manifest of pay-account")
}

/// The sample target.
pub(crate) fn pay_account() -> Target {
    Target::load(&pay_account_dir().join("target.toml")).unwrap_or_else(|e| panic!("{e}"))
}

/// A target without a broker: a front that calls a ledger, which stands on a database.
pub(crate) fn chain() -> Target {
    let manifest = Manifest::parse("target.toml", CHAIN).unwrap_or_else(|e| panic!("{e}"));
    Target {
        dir: PathBuf::from("."),
        manifest,
    }
}

const CHAIN: &str = r#"
version = 1
name = "chain"
summary = "front calls ledger"

[dependencies.store]
kind = "mysql"
port = 3306
databases.book = { schema = "book.sql" }

[services.front]
image = "front:1"
port = 80
ready = "/"
links = ["ledger"]
env = { LEDGER = "${ledger.addr}" }

[services.ledger]
image = "ledger:1"
port = 80
ready = "/"
links = ["store"]
env = { DB = "${store.addr}/${database.book}" }

[money]
scale = 0
digits = 9

[operations.recharge]
service = "front"
method = "POST"
path = "/"
body = { id = "${tx}", to = "${account}", n = "${amount}" }
ok = [200]

[operations.open-account]
database = "book"
sql = "INSERT INTO a VALUES ('${account}')"

[reads.payments]
database = "book"
sql = "SELECT 1"
success = ["ok"]

[reads.balances]
database = "book"
sql = "SELECT 1"

[promise]
credited = "once"
"#;
