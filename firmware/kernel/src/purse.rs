//! Electronic cash: what a card holds before it pays (JR/T 0025.12).
//!
//! A card with a purse deducts when it has answered the last READ RECORD. If that answer is lost, only the balance at the card's
//! next tap tells whether it has paid.

use crate::{
    data::CardData,
    date::from_bcd,
    tag,
    tlv::{Reader, Tag},
};

/// GET DATA for the balance.
pub(crate) const GET_BALANCE: [u8; 5] = [0x80, 0xCA, 0x9F, 0x79, 0x00];

/// An amount of at most twelve digits, in fen; nothing when it is anything else.
pub(crate) fn amount(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() || bytes.len() > 6 {
        return None;
    }
    bytes.iter().try_fold(0, |sum, byte| Some(sum * 100 + u64::from(from_bcd(*byte)?)))
}

/// What the card holds before it pays: what is available after the payment (9F5D, with a TC), and the payment.
pub(crate) fn before_payment(data: &CardData, payment: u32) -> Option<u64> {
    Some(amount(data.get(tag::AVAILABLE)?)? + u64::from(payment))
}

/// The balance in an answer to [`GET_BALANCE`].
pub(crate) fn balance(answer: &[u8]) -> Option<u64> {
    const BALANCE: Tag = tag::BALANCE;
    match Reader::new(answer).next() {
        Some(Ok(element)) if element.tag == BALANCE => amount(element.value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_digits() {
        assert_eq!(amount(&[0, 0, 0, 0x12, 0x34, 0x56]), Some(123_456));
        assert_eq!(amount(&[0x99; 6]), Some(999_999_999_999));
        for wrong in [&[][..], &[0; 7], &[0x1A]] {
            assert_eq!(amount(wrong), None, "{wrong:x?}");
        }
    }

    #[test]
    fn the_balance_is_what_the_card_holds_before_it_pays() {
        let mut data = CardData::new();
        assert_eq!(before_payment(&data, 100), None);
        data.add_response(&[0x77, 9, 0x9F, 0x5D, 6, 0, 0, 0, 0, 0x49, 0]).unwrap();
        assert_eq!(before_payment(&data, 100), Some(5000));
    }

    #[test]
    fn only_the_balance_is_taken_for_the_balance() {
        assert_eq!(balance(&[0x9F, 0x79, 6, 0, 0, 0, 0, 0x50, 0]), Some(5000));
        for wrong in [&[][..], &[0x9F, 0x79, 7, 0, 0, 0, 0, 0x50, 0], &[0x9F, 0x77, 6, 0, 0, 0, 0, 0x50, 0]] {
            assert_eq!(balance(wrong), None, "{wrong:x?}");
        }
    }
}
