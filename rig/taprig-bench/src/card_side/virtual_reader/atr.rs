//! The ATR of a contactless card, as a PC/SC reader makes it from the card's ATS.

/// Why a card has no ATR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoAtr {
    /// The card does not answer RATS.
    #[error("the card answers no RATS, so no PC/SC program can send commands to it")]
    NoAts,
    /// The length byte is wrong, or an interface byte is missing.
    #[error("its ATS is malformed")]
    Malformed,
    /// There are more historical bytes than an ATR can hold.
    #[error("its ATS has {0} historical bytes, but an ATR holds 15 at most")]
    History(usize),
}

/// TS, TD1 and TD2 of every contactless card: direct convention, T=0 and then T=1, no further interface byte.
const TS: u8 = 0x3B;
const TD1: u8 = 0x80;
const TD2: u8 = 0x01;

/// The ATR of the card with this ATS (TL to the last historical byte, ISO/IEC 14443-4, clause 5.2), by PC/SC part 3,
/// clause 3.1.3.2.3.1: a fixed frame around the historical bytes of the ATS.
pub(super) fn atr(ats: &[u8]) -> Result<Vec<u8>, NoAtr> {
    let history = historical(ats)?;
    let count = u8::try_from(history.len()).ok().filter(|count| *count <= 15).ok_or(NoAtr::History(history.len()))?;
    let mut atr = vec![TS, 0x80 | count, TD1, TD2];
    atr.extend_from_slice(history);
    // TCK covers everything from T0 on.
    atr.push(atr.iter().skip(1).fold(0, |sum, byte| sum ^ byte));
    Ok(atr)
}

fn historical(ats: &[u8]) -> Result<&[u8], NoAtr> {
    let (&length, rest) = ats.split_first().ok_or(NoAtr::NoAts)?;
    if usize::from(length) != ats.len() {
        return Err(NoAtr::Malformed);
    }
    let Some((&format, rest)) = rest.split_first() else { return Ok(&[]) };
    // T0 says which of TA1, TB1 and TC1 follow.
    let interface = (format & 0x70).count_ones() as usize;
    rest.get(interface..).ok_or(NoAtr::Malformed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn atrs_of_cards_that_everybody_knows() {
        // DESFire.
        assert_eq!(atr(&[0x06, 0x75, 0x77, 0x81, 0x02, 0x80]).unwrap(), [0x3B, 0x81, 0x80, 0x01, 0x80, 0x80]);
        // A storage card has no ATS, but its ATR has the same frame.
        let history = [0x80, 0x4F, 0x0C, 0xA0, 0, 0, 3, 6, 3, 0, 1, 0, 0, 0, 0];
        let ats = [&[17, 0x00][..], &history].concat();
        assert_eq!(atr(&ats).unwrap(), [&[0x3B, 0x8F, 0x80, 0x01][..], &history, &[0x6A]].concat());
        assert_eq!(atr(&[1]).unwrap(), [0x3B, 0x80, 0x80, 0x01, 0x01]);
    }

    #[test]
    fn cards_without_an_atr() {
        assert_eq!(atr(&[]), Err(NoAtr::NoAts));
        assert_eq!(atr(&[6, 0x75, 0x77]), Err(NoAtr::Malformed), "the length is wrong");
        assert_eq!(atr(&[3, 0x75, 0x77]), Err(NoAtr::Malformed), "TB1 and TC1 are missing");
        assert_eq!(atr(&[&[18, 0][..], &[7; 16]].concat()), Err(NoAtr::History(16)));
    }

    proptest! {
        #[test]
        fn an_atr_holds_the_history_and_its_sum_is_zero(
            interface in 0u8..8, low in 0u8..16, values: [u8; 3], history in prop::collection::vec(any::<u8>(), 0..16)
        ) {
            let interface_bytes = &values[..interface.count_ones() as usize];
            let body = [&[interface << 4 | low], interface_bytes, &history].concat();
            let made = atr(&[&[u8::try_from(body.len() + 1).unwrap()][..], &body].concat()).unwrap();
            prop_assert_eq!(made[1..].iter().fold(0, |sum, byte| sum ^ byte), 0);
            prop_assert_eq!(&made[4..made.len() - 1], &history[..]);
            prop_assert_eq!(usize::from(made[1] & 0x0F), history.len());
        }

        #[test]
        fn no_bytes_panic(ats: Vec<u8>) {
            let _ = atr(&ats);
        }
    }
}
