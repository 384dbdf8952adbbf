//! Histories by construction: a valid one is valid, one planted anomaly is that anomaly and no other.

use paytwice_checkers::history::Kind;
use paytwice_checkers::judge;
use paytwice_checkers::verdict::{Results, Verdict};
use proptest::prelude::*;

use crate::shop::{Effect, Shop, shop};

/// A way to break one promise: which anomaly it is, and the subject where that is not the victim.
struct Plant {
    kind: &'static str,
    stranger: Option<&'static str>,
    /// Whether it needs a view of what is recorded.
    viewed: bool,
    plant: fn(&mut Shop, usize, usize),
}

const fn plant(kind: &'static str, viewed: bool, plant: fn(&mut Shop, usize, usize)) -> Plant {
    Plant {
        kind,
        stranger: None,
        viewed,
        plant,
    }
}

const PLANTS: [Plant; 12] = [
    plant("lost", false, |s, v, lane| s.ship(v, lane, 0)),
    plant("double", false, |s, v, lane| s.ship(v, lane, 2)),
    // Nobody knows whether it succeeded: once it may have taken effect, twice it may not.
    plant("double", false, |s, v, lane| {
        s.orders[v].end = Some(Kind::Info);
        s.ship(v, lane, 2);
    }),
    plant("double", false, |s, v, lane| {
        s.repairs = true;
        s.orders[v].effects[lane] = (1, 2);
    }),
    plant("ghost", false, |s, v, lane| {
        s.forget(v);
        s.orders[v].end = Some(Kind::Fail);
        s.ship(v, lane, 1);
    }),
    plant("ghost", true, |s, v, lane| {
        s.forget(v);
        s.ship(v, lane, 1);
    }),
    plant("ghost", true, |s, v, lane| {
        let quantity = s.orders[v].quantity;
        s.forget(v);
        s.orders[v].end = Some(Kind::Ok);
        s.orders[v].told = Some("refused");
        s.orders[v].rows = vec![("refused", quantity)];
        s.ship(v, lane, 1);
    }),
    Plant {
        kind: "ghost",
        stranger: Some("nobody's"),
        viewed: false,
        plant: |s, _, lane| s.strays.push(("nobody's", lane)),
    },
    plant("late", false, |s, v, lane| {
        s.repairs = true;
        s.late_is_valid = false;
        for effect in s.orders.iter_mut().flat_map(|order| &mut order.effects) {
            effect.0 = effect.1;
        }
        s.orders[v].effects[lane].0 = 0;
    }),
    plant("lost-write", true, |s, v, _| {
        s.forget(v);
        s.orders[v].end = Some(Kind::Ok);
        s.orders[v].told = Some("paid");
    }),
    plant("wrong-amount", true, |s, v, _| s.orders[v].rows[0].1 += 10),
    plant("duplicate-record", true, |s, v, _| {
        let again = s.orders[v].rows[0];
        s.orders[v].rows.push(again);
        s.orders[v].effects.fill((2, 2));
    }),
];

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn assert_valid(results: &Results) {
    let judged: Vec<_> = results
        .checkers
        .iter()
        .map(|c| (&c.name, &c.reason, &c.anomalies))
        .collect();
    assert_eq!(results.verdict, Verdict::Valid, "{}\n{judged:#?}", results.sentence);
}

fn assert_planted(shop: &mut Shop, plant: &Plant, lane: usize) {
    shop.viewed |= plant.viewed;
    let victim = shop.buy();
    (plant.plant)(shop, victim, lane % shop.lanes());
    let history = shop.history();
    let results = judge(&history);
    let subject = plant.stranger.map_or_else(|| format!("o{victim}"), str::to_owned);
    let found: Vec<_> = results
        .anomalies()
        .into_iter()
        .map(|a| (&*a.kind, &*a.subject))
        .collect();
    assert_eq!(found, [(plant.kind, &*subject)], "{}", results.sentence);
    assert_eq!(results.verdict, Verdict::Invalid);
    let anomaly = results.anomalies()[0];
    assert!(
        !anomaly.witness.is_empty() && anomaly.witness.is_sorted(),
        "{anomaly:?}"
    );
    assert!(
        anomaly.witness.iter().all(|i| *i < history.events.len() as u64),
        "{anomaly:?}"
    );
    assert!(anomaly.sentence.contains(&subject), "{anomaly:?}");
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn a_valid_run_is_valid(shop in shop()) {
        assert_valid(&judge(&shop.history()));
    }
}

proptest! {
    #![proptest_config(config(1_000))]

    #[test]
    fn one_planted_anomaly_is_exactly_that(mut shop in shop(), plant in 0..PLANTS.len(), lane in 0_usize..3) {
        let plant = &PLANTS[plant];
        // Where what is recorded is viewed only now, what was refused has to be recorded so.
        prop_assume!(shop.viewed || !plant.viewed);
        assert_planted(&mut shop, plant, lane);
    }
}

#[test]
fn each_plant_is_found_in_an_otherwise_quiet_run() {
    for effect in [Effect::Rows, Effect::Per(&["billing", "stock"]), Effect::Point] {
        for plant in &PLANTS {
            for viewed in [plant.viewed, true] {
                let mut shop = Shop::new(viewed, effect);
                shop.buy();
                assert_valid(&judge(&shop.history()));
                assert_planted(&mut shop, plant, 1);
            }
        }
    }
}
