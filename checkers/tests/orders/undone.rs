//! What is not done once everything is at rest: what the repairing actions are driven for.

use paytwice_checkers::history::{Body, History, Kind};
use paytwice_checkers::{Undone, undone};

use crate::shop::{Effect, Shop};

/// The history as it stands when the repairing actions are to be driven.
fn at_rest(shop: &Shop) -> History {
    let mut history = shop.history();
    let begins = |body: &Body| matches!(body, Body::Phase(phase) if phase.name == "repair");
    let begin = history.events.iter().position(|e| begins(&e.body)).expect("the phase");
    let views = history.events[begin + 1..]
        .iter()
        .take_while(|e| matches!(e.body, Body::View(_)));
    let end = begin + 1 + views.count();
    history.events.truncate(end);
    history
}

fn keys(shop: &Shop) -> Vec<String> {
    undone(&at_rest(shop)).into_iter().map(|undone| undone.key).collect()
}

#[test]
fn what_is_recorded_and_shows_no_effect_is_undone() {
    for effect in [Effect::Rows, Effect::Per(&["billing", "stock"]), Effect::Point] {
        let mut shop = Shop::new(true, effect);
        for _ in 0..6 {
            shop.buy();
        }
        assert_eq!(keys(&shop), [""; 0], "{effect:?}");
        // Not yet, and for one subscriber only.
        shop.orders[1].effects.fill((0, 1));
        shop.orders[2].effects[0] = (0, 1);
        // Nobody recorded it, or not as successful; twice is done.
        shop.forget(3);
        shop.orders[4].rows[0].0 = "refused";
        shop.orders[4].effects.fill((0, 0));
        shop.ship(5, 0, 2);
        assert_eq!(keys(&shop), ["o1", "o2"], "{effect:?}");
        let fields = [("quantity", "2"), ("sku", "s1")].map(|(name, of)| (name.to_owned(), of.to_owned()));
        assert_eq!(
            undone(&at_rest(&shop))[0],
            Undone {
                kind: "order".into(),
                key: "o1".into(),
                fields: fields.into(),
            }
        );
    }
}

#[test]
fn without_records_what_was_acknowledged_is_to_be_done() {
    let mut shop = Shop::new(false, Effect::Rows);
    for end in [Some(Kind::Ok), Some(Kind::Fail), Some(Kind::Info), None] {
        let at = shop.buy();
        shop.orders[at].end = end;
        shop.orders[at].effects.fill((0, 0));
    }
    assert_eq!(keys(&shop), ["o0"]);
}

#[test]
fn where_nothing_repairs_nothing_is_undone() {
    let mut shop = Shop::new(true, Effect::Rows);
    shop.buy();
    shop.orders[0].effects.fill((0, 0));
    let mut history = at_rest(&shop);
    assert_eq!(undone(&history).len(), 1);
    history.header.actions.get_mut("deliver").expect("an action").repairs = None;
    assert_eq!(undone(&history), []);
}
