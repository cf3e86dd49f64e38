//! What a ride costs.

use crate::store::settings::Settings;

/// The amount of one ride, in fen: the flat fare less the discount, a started fen of discount not given (the
/// amount is rounded up to the fen), or one fen at most when the one-cent promotion runs. A free ride stays
/// free.
#[must_use]
pub fn amount(settings: &Settings) -> u32 {
    let share = u64::from(100 - settings.discount.min(100));
    let discounted = (u64::from(settings.fare) * share).div_ceil(100);
    // Not above the fare, so it fits.
    let discounted = u32::try_from(discounted).unwrap_or(settings.fare);
    if settings.one_cent { discounted.min(1) } else { discounted }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fare: u32, discount: u8, one_cent: bool) -> u32 {
        amount(&Settings { fare, discount, one_cent, ..Settings::default() })
    }

    #[test]
    fn discounts_round_up_to_the_fen() {
        assert_eq!(of(100, 0, false), 100);
        assert_eq!(of(100, 10, false), 90);
        assert_eq!(of(150, 33, false), 101, "100.5 fen");
        assert_eq!(of(1, 99, false), 1);
        assert_eq!(of(100, 100, false), 0);
        assert_eq!(of(999_999_999, 0, false), 999_999_999);
    }

    #[test]
    fn the_promotion_costs_one_fen() {
        assert_eq!(of(100, 0, true), 1);
        assert_eq!(of(100, 50, true), 1);
        assert_eq!(of(0, 0, true), 0, "free stays free");
    }
}
