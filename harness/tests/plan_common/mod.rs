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
    Target::new(".", manifest)
}

/// The text of the manifest of [`chain`].
pub(crate) const CHAIN: &str = r#"
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

[keys.order]
at = ["http:/id", "path:/orders/{order}", "path:/book/{order}", "sql:entries.order_id"]

[subjects.shelf]
names = "shelf-{n}"
open = { call = "PUT front /shelves/${shelf}", ok = [201] }

[subjects.order]
key = "order"
makes_key = "server"
fields = { shelf = "shelf", pieces = { coded = "shelf", scale = 0, digits = 9 } }

[actions.login]
sets_up = true
call = "POST front /login"
form = { user = "anna" }
answer = { token = "header:X-Token", name = "text" }

[actions.order]
starts = "order"
call = "POST front /orders"
body = '{ "shelf": "${shelf}", "pieces": ${pieces}, "lines": [{ "n": 1 }] }'
headers = { Authorization = "Bearer ${login.token}" }
answer = { order = "/id" }

[actions.look-up]
asks = "order"
call = "GET front /orders/${order}"

[views.pieces]
call = "GET ledger /shelves/${shelf}"
each = "shelf"
columns = { pieces = "/pieces" }
at = ["initial", "final"]

[[promises]]
checker = "exactly-once"
subject = "order"
started = "order"
effect = { view = "pieces", by = "pieces" }
"#;
