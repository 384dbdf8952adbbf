//! What is said where effects are rows or frames, and what cannot be said.

use paytwice_checkers::history::{Body, Deed, Event, Kind, Moment, Outcome, Rows, View};
use paytwice_checkers::judge;
use paytwice_checkers::verdict::{Results, Verdict};

use crate::shop::{Effect, Shop};
use crate::{checker, found};

const BOTH: Effect = Effect::Per(&["billing", "stock"]);

/// A run of three orders.
fn run(viewed: bool, effect: Effect) -> Shop {
    let mut shop = Shop::new(viewed, effect);
    for _ in 0..3 {
        shop.buy();
    }
    shop
}

fn edited(shop: &Shop, edit: impl FnOnce(&mut Vec<Event>)) -> Results {
    let mut history = shop.history();
    edit(&mut history.events);
    for (index, event) in (0..).zip(&mut history.events) {
        event.index = index;
    }
    judge(&history)
}

fn view<'a>(event: &'a mut Event, name: &str, at: Moment) -> Option<&'a mut View> {
    match &mut event.body {
        Body::View(view) if view.view == name && view.at == at => Some(view),
        _ => None,
    }
}

#[test]
fn a_valid_run_is_told_in_the_words_of_its_target() {
    for (viewed, known) in [(true, "booked as successful"), (false, "acknowledged")] {
        for effect in [Effect::Rows, BOTH, Effect::Point] {
            let results = judge(&run(viewed, effect).history());
            let sentence = format!("VALID: 3 orders attempted, 3 {known}, each of these shipped exactly once");
            assert_eq!(results.sentence, sentence);
            let words = results.words.as_ref().expect("a kind of subject was followed");
            assert_eq!((words.subject.as_str(), words.holder.as_deref()), ("order", None));
            let fate = &results.fates[1];
            assert_eq!((fate.effects, fate.effects_before_repair), (Some(1), Some(1)));
            assert_eq!(
                (fate.recorded, fate.fields["quantity"].as_str()),
                (viewed.then_some(1), "2")
            );
            assert_eq!(results.figures["effects_before_repair"], 3.0);
            assert!(
                !results.figures.contains_key("rpo_minor_units"),
                "{:?}",
                results.figures
            );
        }
    }
}

#[test]
fn every_kind_has_a_sentence_of_its_own() {
    let told = |viewed: bool, effect: Effect, break_: fn(&mut Shop)| {
        let mut shop = run(viewed, effect);
        break_(&mut shop);
        let results = judge(&shop.history());
        let found = found(&results);
        assert_eq!(found.len(), 1, "{found:?}");
        format!("{}: {}", found[0].0, found[0].2)
    };
    for (viewed, effect, break_, sentence) in [
        (
            true,
            Effect::Rows,
            (|s| s.ship(1, 0, 0)) as fn(&mut Shop),
            "lost: order o1 (quantity 2, sku s1) was never shipped: deliveries were not recorded",
        ),
        (
            true,
            BOTH,
            |s| s.ship(1, 1, 0),
            "lost: order o1 (quantity 2, sku s1) was never shipped by stock: deliveries were not recorded",
        ),
        (
            false,
            BOTH,
            |s| s.ship(2, 0, 3),
            "double: order o2 (quantity 3, sku s2) was shipped by billing 3 times: deliveries were not recorded",
        ),
        (
            false,
            Effect::Point,
            |s| {
                s.forget(1);
                s.orders[1].end = Some(Kind::Fail);
                s.ship(1, 0, 1);
            },
            "ghost: order o1 (quantity 2, sku s1) was shipped once although every attempt failed: deliveries were not \
             recorded",
        ),
        (
            true,
            Effect::Rows,
            |s| {
                s.forget(1);
                s.ship(1, 0, 1);
            },
            "ghost: order o1 (quantity 2, sku s1) was shipped once although it is not booked: deliveries were not recorded",
        ),
        (
            true,
            BOTH,
            |s| s.strays = vec![("o9", 1)],
            "ghost: order o9 was shipped by stock once although no client started it",
        ),
        (
            true,
            BOTH,
            |s| s.orders[1].effects[0] = (0, 1),
            "late: order o1 (quantity 2, sku s1) was shipped by billing only when its client asked for it once everything \
             was at rest: deliveries were not recorded",
        ),
        (
            true,
            Effect::Rows,
            |s| s.orders[1].rows[0].1 = 7,
            "wrong-amount: order o1 (quantity 2, sku s1) was booked with quantity 7 instead",
        ),
    ] {
        assert_eq!(told(viewed, effect, break_), sentence);
    }
}

#[test]
fn a_subscriber_that_was_never_seen_lost_everything() {
    let mut shop = run(true, BOTH);
    (0..3).for_each(|order| shop.ship(order, 1, 0));
    let results = judge(&shop.history());
    let lost: Vec<_> = found(&results)
        .iter()
        .map(|(kind, subject, _)| (*kind, *subject))
        .collect();
    assert_eq!(lost, [("lost", "o0"), ("lost", "o1"), ("lost", "o2")]);
    assert!(
        found(&results).iter().all(|(.., told)| told.contains("by stock")),
        "{results:?}"
    );
    // It took effect for all only as often as for whom it did so least often.
    assert!(results.fates.iter().all(|fate| fate.effects == Some(0)));
    let counts = &checker(&results, "exactly-once").counts;
    assert_eq!((counts["in-effect"], counts["effects-unreadable"]), (0, 0));
}

#[test]
fn effects_per_subscriber_need_the_names_of_all() {
    let mut history = run(true, BOTH).history();
    let effect = history.header.promises[0].options["effect"]
        .as_object_mut()
        .expect("a table");
    effect.remove("subscribers");
    let results = judge(&history);
    assert_eq!(results.verdict, Verdict::Unknown);
    assert!(results.sentence.contains("needs both per"), "{}", results.sentence);
}

#[test]
fn without_records_what_was_acknowledged_must_take_effect_and_what_failed_must_not() {
    for effect in [Effect::Rows, BOTH, Effect::Point] {
        for (end, times, kind) in [
            (Some(Kind::Ok), 0, Some("lost")),
            (Some(Kind::Ok), 1, None),
            (Some(Kind::Ok), 2, Some("double")),
            (Some(Kind::Fail), 0, None),
            (Some(Kind::Fail), 1, Some("ghost")),
            (Some(Kind::Info), 0, None),
            (Some(Kind::Info), 1, None),
            (Some(Kind::Info), 2, Some("double")),
            (None, 0, None),
            (None, 1, None),
        ] {
            let mut shop = run(false, effect);
            shop.orders[1].end = end;
            shop.orders[1].told = None;
            (0..shop.lanes()).for_each(|lane| shop.ship(1, lane, times));
            let results = judge(&shop.history());
            let kinds: Vec<&str> = found(&results).iter().map(|(kind, ..)| *kind).collect();
            let expected: Vec<&str> = kind.into_iter().cycle().take(shop.lanes()).collect();
            assert_eq!(kinds, expected, "{effect:?} {end:?} {times}");
        }
    }
}

#[test]
fn a_reply_tells_of_an_effect_unless_it_is_an_error_or_of_the_link() {
    let mut shop = run(true, Effect::Point);
    shop.ship(1, 0, 2);
    let dropped = |deed: Deed| {
        let results = edited(&shop, |events| {
            let frames = events.iter_mut().filter_map(|event| match &mut event.body {
                Body::Wire(wire) => Some(wire),
                _ => None,
            });
            let last = frames.last().expect("a frame");
            assert_eq!(last.key("no"), ["o1"]);
            last.did = vec![deed];
        });
        results.verdict
    };
    // The server has done it, whether its word arrives or not.
    assert_eq!(dropped(Deed::Dropped), Verdict::Invalid);
    assert_eq!(dropped(Deed::DelayedMs(10)), Verdict::Invalid);
    assert_eq!(dropped(Deed::Answered(1213)), Verdict::Valid);
    assert_eq!(dropped(Deed::Copy), Verdict::Valid);
    let refused = edited(&shop, |events| {
        let frames = events.iter_mut().filter_map(|event| match &mut event.body {
            Body::Wire(wire) => Some(wire),
            _ => None,
        });
        frames.last().expect("a frame").outcome = Some(Outcome::Error(1213));
    });
    assert_eq!(refused.verdict, Verdict::Valid);
    // One that carries the key twice is one, and what was seen proves it.
    let results = edited(&shop, |events| {
        for event in events {
            if let Body::Wire(wire) = &mut event.body {
                let twice = [wire.key("no"), wire.key("no")].concat();
                wire.keys.insert("no".into(), twice);
            }
        }
    });
    let [double] = &checker(&results, "exactly-once").anomalies[..] else {
        panic!("{results:?}");
    };
    assert!(double.sentence.contains("was shipped twice"), "{double:?}");
    let history = shop.history();
    let told = double
        .witness
        .iter()
        .map(|index| history.events[usize::try_from(*index).unwrap()].body.f());
    assert_eq!(told.collect::<Vec<_>>(), ["buy", "buy", "wire", "wire", "view"]);
    // A frame of another link, or of another point of it, is another thing.
    for (link, point) in [("store->db", "COMMIT request"), ("shop->db", "COMMIT reply")] {
        let results = edited(&shop, |events| {
            for event in events {
                if let Body::Wire(wire) = &mut event.body
                    && wire.key("no") == ["o1"]
                {
                    (wire.link, wire.point) = (link.into(), point.into());
                }
            }
        });
        assert_eq!(results.verdict, Verdict::Valid, "{link} {point}");
    }
}

#[test]
fn a_point_that_was_never_seen_leaves_it_unknown() {
    let results = edited(&run(true, Effect::Point), |events| {
        events.retain(|e| !matches!(e.body, Body::Wire(_)));
    });
    let result = checker(&results, "exactly-once");
    let why = result.reason.as_deref().unwrap_or_default();
    assert!(
        why.contains("no frame of the point that is its effect carried a key"),
        "{why}"
    );
    assert_eq!(result.verdict, Verdict::Unknown, "{result:?}");
}

#[test]
fn the_last_read_counts_also_where_it_shows_nothing() {
    let shop = run(true, Effect::Rows);
    let again = |rows: Rows| {
        edited(&shop, |events| {
            let at = events
                .iter_mut()
                .position(|e| view(e, "parcels", Moment::Final).is_some())
                .expect("the view");
            let mut again = events[at].clone();
            view(&mut again, "parcels", Moment::Final).expect("the view").rows = Some(rows);
            events.insert(at + 1, again);
        })
    };
    let results = again(Rows::default());
    assert_eq!(found(&results).len(), 3, "{}", results.sentence);
    let mut rows = Rows::new(["no", "for"]);
    ["o0", "o1", "o2"]
        .iter()
        .for_each(|key| rows.push([Some(*key), Some("all")]));
    assert_eq!(again(rows).verdict, Verdict::Valid);
}

#[test]
fn a_view_that_cannot_be_read_as_promised_is_incomplete() {
    for (name, why) in [
        (
            "orders",
            "the final read of orders is incomplete: it has no column no; it shows number, state",
        ),
        (
            "parcels",
            "the final read of parcels is incomplete: it has no column no; it shows number, state",
        ),
    ] {
        let results = edited(&run(true, BOTH), |events| {
            let shown = events
                .iter_mut()
                .find_map(|e| view(e, name, Moment::Final))
                .expect("the view");
            let mut rows = Rows::new(["number", "state"]);
            rows.push([Some("o1"), Some("paid")]);
            shown.rows = Some(rows);
        });
        assert_eq!(checker(&results, "exactly-once").reason.as_deref(), Some(why));
    }
    let results = edited(&run(true, BOTH), |events| {
        let shown = events
            .iter_mut()
            .find_map(|e| view(e, "parcels", Moment::Final))
            .expect("the view");
        let mut rows = Rows::new(["no", "whom"]);
        rows.push([Some("o1"), Some("stock")]);
        shown.rows = Some(rows);
    });
    let why = "the final read of parcels is incomplete: it has no column for; it shows no, whom";
    assert_eq!(checker(&results, "exactly-once").reason.as_deref(), Some(why));
}

#[test]
fn without_a_sum_there_is_nothing_to_add_up() {
    let mut history = run(true, Effect::Rows).history();
    let promise = serde_json::from_value(serde_json::json!({ "checker": "balance-convergence" })).expect("a promise");
    history.header.promises.push(promise);
    let results = judge(&history);
    let result = checker(&results, "balance-convergence");
    assert_eq!(result.verdict, Verdict::Unknown);
    assert_eq!(
        result.reason.as_deref(),
        Some("no sum is viewed: there is nothing to add up")
    );
}
