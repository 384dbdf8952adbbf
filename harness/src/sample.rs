//! A small target for tests: orders are recorded, and a message books each in the till of its shop.

use crate::plan::{Manifest, Plan, PlanRequest, Target, expand};

const MANIFEST: &str = r#"
version = 1
name = "sample"
summary = "Orders that are booked by a message"

[dependencies.mysql]
kind = "mysql"
port = 3306
databases.store = { schema = "store.sql" }

[dependencies.rocketmq]
kind = "rocketmq"
port = 9876
topics.order_paid = { queues = 1 }
groups.till_group = { topic = "order_paid" }
groups.order_group = {}

[services.orders]
image = "orders"
port = 8080
ready = "/healthz"
links = ["mysql", "rocketmq"]
env = { DB = "${database.store}", GROUP = "${group.order_group}" }

[services.till]
image = "till"
port = 8080
ready = "/healthz"
links = ["mysql", "rocketmq"]
env = { DB = "${database.store}", GROUP = "${group.till_group}" }

[keys.tx]
at = ["http:/tx", "path:/orders/{tx}", "message:key"]

[subjects.shop]
count = 18
late = 2
open = { database = "store", sql = "INSERT INTO shop VALUES ('${shop}')" }

[subjects.order]
key = "tx"
fields = { shop = "shop", price = { coded = "shop", base = 10, scale = 2, digits = 38 }, card = { of = { good = 0.95, bad = 0.05 } } }

[actions.order]
starts = "order"
call = "POST orders /orders"
body = { tx = "${tx}", shop = "${shop}", price = "${price}", card = "${card}" }

[actions.look]
asks = "order"
call = "GET orders /orders/${tx}"

[views.orders]
database = "store"
sql = "SELECT tx, shop, price, state FROM orders"

[views.tills]
database = "store"
sql = "SELECT shop, balance FROM tills"
at = ["initial", "rest", "final"]

[[promises]]
checker = "exactly-once"
subject = "order"
started = "order"
recorded = { view = "orders", success = { state = ["paid"] } }
effect = { view = "tills", by = "price" }
"#;

/// The manifest.
pub(crate) fn manifest() -> Manifest {
    Manifest::parse("sample.toml", MANIFEST).unwrap_or_else(|e| panic!("{e}"))
}

/// The target. It has no folder.
pub(crate) fn target() -> Target {
    Target::new("sample", manifest())
}

/// A plan with these rules and no other faults.
pub(crate) fn plan(target: &Target, rules: &[&str]) -> Plan {
    let request = PlanRequest {
        seed: Some(1),
        rules: rules.iter().map(|&rule| rule.to_owned()).collect(),
        faults: Some("none".to_owned()),
        ..PlanRequest::default()
    };
    expand(target, &request).unwrap_or_else(|e| panic!("{e}"))
}
