//! Money against what it must equal: its own printing, the counts that were added up, and binary floating point.

use paytwice_checkers::money::{Money, decode, major, parse, position};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_is_read_back(minor in any::<i128>(), scale in 0_u32..=38) {
        prop_assume!(minor != i128::MIN);
        prop_assert_eq!(parse(&major(minor, scale).to_string(), scale), Ok(Money::Exact(minor)));
    }

    #[test]
    fn an_exponent_moves_the_point(digits in 1_i128..1_000_000_000, zeros in 0_u32..12, scale in 0_u32..6) {
        let shifted = format!("{digits}e{zeros}");
        let plain = format!("{digits}{}", "0".repeat(zeros as usize));
        prop_assert_eq!(parse(&shifted, scale), parse(&plain, scale));
        let back = format!("{plain}E-{zeros}");
        prop_assert_eq!(parse(&back, scale), parse(&digits.to_string(), scale));
    }

    /// Nearest and remainder add up to the value, and the remainder is at most half a minor unit.
    #[test]
    fn nothing_is_rounded_away(whole in -1_000_000_i128..1_000_000, tail in 0_u32..100_000, scale in 0_u32..4) {
        let sign = if whole < 0 { "-" } else { "" };
        let text = format!("{sign}{}.{tail:05}", whole.abs());
        let money = parse(&text, scale).expect("it is an amount");
        let fine = parse(&text, 5).expect("it is an amount").nearest();
        let unit = 10_i128.pow(5 - scale);
        let rest = match &money {
            Money::Exact(_) => 0,
            Money::Inexact { remainder, .. } => parse(remainder, 5 - scale).expect("so is the remainder").nearest(),
        };
        prop_assert_eq!(money.nearest() * unit + rest, fine);
        prop_assert!(2 * rest.abs() <= unit, "{} of {}", rest, unit);
        prop_assert_eq!(money.is_exact(), rest == 0);
    }

    #[test]
    fn floating_point_sums_are_near(parts in proptest::collection::vec(0_u32..13, 1..30)) {
        let cents: i128 = parts.iter().map(|k| 10_i128.pow(*k)).sum();
        let sum: f64 = parts.iter().map(|k| 10_f64.powi(i32::try_from(*k).expect("small")) / 100.0).sum();
        let money = parse(&format!("{sum}"), 2).expect("it is an amount");
        prop_assert!(money.is_near(), "{sum}: {money:?}");
        prop_assert_eq!(money.nearest(), cents);
    }

    #[test]
    fn counts_are_read_from_the_sum(base in 2_u32..17, counts in proptest::collection::vec(0_u32..16, 1..20)) {
        let counts: Vec<u32> = counts.into_iter().map(|c| c % base).collect();
        let weight = |k: usize| i128::from(base).pow(u32::try_from(k).expect("small"));
        let sum: i128 = counts.iter().enumerate().map(|(k, c)| i128::from(*c) * weight(k)).sum();
        let k_max = u32::try_from(counts.len() - 1).expect("small");
        let digits = decode(sum, base, k_max).expect("a base");
        prop_assert_eq!(&digits.counts, &counts);
        prop_assert_eq!(digits.residue, 0);
        let beyond = decode(sum + weight(counts.len()), base, k_max).expect("a base");
        prop_assert_eq!(beyond.residue, weight(counts.len()));
        prop_assert_eq!(position(weight(counts.len()), base), Some(k_max + 1));
    }

    #[test]
    fn an_amount_beyond_all_measure_is_an_error_that_shows_it(zeros in 40_usize..60) {
        let text = format!("1e{}", "9".repeat(zeros));
        let error = parse(&text, 2).unwrap_err().to_string();
        prop_assert!(error.contains(&text), "{error}");
        let least = parse(&format!("1e-{}", "9".repeat(zeros)), 2);
        prop_assert!(matches!(least, Ok(Money::Inexact { nearest: 0, .. })), "{least:?}");
    }

    #[test]
    fn a_long_row_of_zeros_is_written_as_an_exponent(more in 0_usize..5) {
        let remainder = |zeros: usize| match parse(&format!("0.00{}7", "0".repeat(zeros)), 2) {
            Ok(Money::Inexact { remainder, .. }) => remainder,
            other => panic!("{other:?}"),
        };
        prop_assert_eq!(remainder(60), format!("0.{}7", "0".repeat(60)));
        prop_assert_eq!(remainder(61 + more), format!("0.7e-{}", 61 + more));
    }

    #[test]
    fn any_text_is_an_amount_or_an_error(text in "[-+0-9.eE]{0,60}", other in ".{0,30}", scale in 0_u32..45) {
        for text in [text, other] {
            if let Ok(Money::Inexact { remainder, .. }) = parse(&text, scale) {
                prop_assert!(remainder.len() < 200);
            }
        }
    }
}
