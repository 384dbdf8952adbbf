use paytwice_checkers::stores::unique_ids::{Event, UniqueIds};
use paytwice_checkers::verdict::Verdict;
use proptest::prelude::*;

use crate::harness::{config, expected, outcome, renamed, run};

proptest! {
    #![proptest_config(config())]

    #[test]
    fn agrees_with_every_pair(ids in prop::collection::vec(prop::option::of(0_u32..6), 0..12)) {
        let events = |name: fn(u32) -> u32| {
            let each = |id: &Option<u32>| [Some(Event::Generate), id.map(|id| Event::Generated(name(id)))];
            ids.iter().flat_map(each).flatten().collect::<Vec<_>>()
        };
        let again = (0..ids.len()).filter(|at| ids[*at].is_some() && ids[..*at].contains(&ids[*at]));
        let mut again: Vec<_> = again.map(|at| ids[at]).collect();
        again.sort_unstable();
        again.dedup();
        let judged = ids.iter().any(Option::is_some);
        let result = run(UniqueIds::new(), events(|id| id));
        prop_assert_eq!(outcome(&result), expected(judged, &[("duplicated", again.len() as u64)]));
        prop_assert_eq!(outcome(&run(UniqueIds::new(), events(renamed))), outcome(&result));
        prop_assert_eq!(result.counts["attempted"], ids.len() as u64);
    }

    #[test]
    fn a_sequence_is_valid(count in 1_u32..100) {
        let result = run(UniqueIds::new(), (0..count).map(Event::Generated));
        prop_assert_eq!((result.verdict, result.counts["acknowledged"]), (Verdict::Valid, u64::from(count)));
    }
}

#[test]
fn an_id_returned_again_is_duplicated() {
    let result = run(UniqueIds::new(), [0, 1, 2, 1, 1].map(Event::Generated));
    assert_eq!(result.anomalies.len(), 1);
    assert_eq!(result.anomalies[0].sentence, "id 1 was returned 3 times");
    assert_eq!(result.anomalies[0].witness, [1, 4]);
}
