//! What the amount asks for, before any card is seen (EMV Contactless Book B, start A).

use crate::{Mode, Reason, Settings, Ttq};

/// What pre-processing found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Indicators {
    /// The amount is zero, and that is allowed.
    pub zero_amount: bool,
    /// The amount is one unit of currency, and that is a status check.
    pub status_check: bool,
    /// The amount is above the contactless floor limit.
    pub floor_limit_exceeded: bool,
    /// The amount is at or above the CVM required limit.
    pub cvm_required: bool,
}

impl Indicators {
    /// An online cryptogram is needed (TTQ B2b8).
    #[must_use]
    pub const fn online_cryptogram(self) -> bool {
        self.zero_amount || self.status_check || self.floor_limit_exceeded
    }
}

/// Whether the qualifiers that are set, before any card is known, belong to a reader that is never online.
fn offline_only(settings: &Settings) -> bool {
    settings.ttq.map_or(settings.mode == Mode::Offline, Ttq::offline_only)
}

/// Judges the amount by the limits. All applications share one set of limits, so that what is not allowed for one
/// is allowed for none.
///
/// # Errors
/// [`Reason::ZeroAmount`] and [`Reason::TransactionLimit`]: not over this interface.
pub fn preprocess(settings: &Settings, amount: u32) -> Result<Indicators, Reason> {
    let zero_amount = amount == 0;
    // A zero amount is only good for an online cryptogram, which an offline-only reader can't use.
    if zero_amount && (!settings.zero_amount_allowed || offline_only(settings)) {
        return Err(Reason::ZeroAmount);
    }
    if settings.transaction_limit.is_some_and(|limit| amount >= limit) {
        return Err(Reason::TransactionLimit);
    }
    Ok(Indicators {
        zero_amount,
        status_check: settings.status_check && amount == Settings::UNIT_OF_CURRENCY,
        floor_limit_exceeded: settings.floor_limit.is_some_and(|limit| amount > limit),
        cvm_required: settings.cvm_limit.is_some_and(|limit| amount >= limit),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Settings {
        Settings { transaction_limit: Some(500), floor_limit: Some(200), cvm_limit: Some(300), ..Settings::default() }
    }

    #[test]
    fn at_the_transaction_limit_is_over_it() {
        assert!(preprocess(&limits(), 499).is_ok());
        assert_eq!(preprocess(&limits(), 500), Err(Reason::TransactionLimit));
        assert_eq!(preprocess(&limits(), 501), Err(Reason::TransactionLimit));
        assert!(preprocess(&Settings::default(), u32::MAX).is_ok(), "no limit");
    }

    #[test]
    fn at_the_floor_limit_is_not_over_it() {
        assert!(!preprocess(&limits(), 199).unwrap().online_cryptogram());
        assert!(!preprocess(&limits(), 200).unwrap().online_cryptogram());
        assert!(preprocess(&limits(), 201).unwrap().online_cryptogram());
    }

    #[test]
    fn at_the_cvm_limit_is_over_it() {
        assert!(!preprocess(&limits(), 299).unwrap().cvm_required);
        assert!(preprocess(&limits(), 300).unwrap().cvm_required);
        assert!(preprocess(&limits(), 301).unwrap().cvm_required);
    }

    #[test]
    fn zero_must_be_allowed_and_needs_a_reader_that_is_sometimes_online() {
        let mut settings = limits();
        assert_eq!(preprocess(&settings, 0), Err(Reason::ZeroAmount));
        settings.zero_amount_allowed = true;
        assert!(preprocess(&settings, 0).unwrap().online_cryptogram());
        settings.mode = Mode::Offline;
        assert_eq!(preprocess(&settings, 0), Err(Reason::ZeroAmount));
        settings.ttq = Some(Ttq::POINT_OF_SALE);
        assert!(preprocess(&settings, 0).is_ok());
    }

    #[test]
    fn one_unit_is_a_status_check_when_that_is_on() {
        let mut settings = limits();
        assert!(!preprocess(&settings, 100).unwrap().online_cryptogram());
        settings.status_check = true;
        assert!(preprocess(&settings, 100).unwrap().online_cryptogram());
        assert!(!preprocess(&settings, 99).unwrap().online_cryptogram());
        assert!(!preprocess(&settings, 101).unwrap().online_cryptogram());
    }
}
