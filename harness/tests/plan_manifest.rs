//! The manifest of the sample target is read, and what it says is what the harness makes of it.

use std::path::Path;

use paytwice::plan::{Manifest, Target};

fn manifest_text() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../targets/pay-account/target.toml");
    std::fs::read_to_string(file).expect("the manifest of pay-account")
}

#[test]
fn the_sample_manifest_is_read() {
    let manifest = Manifest::parse("target.toml", &manifest_text()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(manifest.name, "pay-account");
    let target = Target {
        dir: ".".into(),
        manifest,
    };
    let links: Vec<String> = target.links().into_iter().map(|l| l.name).collect();
    let expected = [
        "client->pay",
        "client->account",
        "account->mysql",
        "account->rocketmq",
        "account->pay",
        "pay->mysql",
        "pay->rocketmq",
    ];
    assert_eq!(links, expected);
    let parties: Vec<String> = target.parties().into_iter().map(|p| p.name).collect();
    assert_eq!(parties, ["account", "pay", "mysql", "broker", "namesrv"]);
}
