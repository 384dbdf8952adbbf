//! The card that pays: stands for the acquirer, which says yes or no.

use service_common::message::PayResult;

/// The test card that every acquirer declines.
const DECLINED: &str = "4000000000000002";

/// Asks the acquirer. The answer depends on the card alone, so asking again gives the same one.
/// `None` when the text is not the number of a card.
pub(crate) fn charge(card: &str) -> Option<PayResult> {
    let plausible = (12..=19).contains(&card.len()) && card.bytes().all(|byte| byte.is_ascii_digit());
    plausible.then_some(if card == DECLINED {
        PayResult::Fail
    } else {
        PayResult::Success
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_acquirer_declines_one_card_and_knows_what_a_card_is() {
        assert_eq!(charge("4242424242424242"), Some(PayResult::Success));
        assert_eq!(charge("4000000000000002"), Some(PayResult::Fail));
        for text in ["", "4242", "4242 4242 4242 4242", "42424242424242424242"] {
            assert_eq!(charge(text), None, "{text:?}");
        }
    }
}
