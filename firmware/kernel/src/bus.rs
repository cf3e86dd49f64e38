//! UnionPay's rule for buses: the ride is given on offline data authentication, the claim is sent later.

use crate::{
    Cryptogram, Mode, Product, Reason, Settings,
    decision::{Decision, Expiry, Facts},
    outcome::OutcomeKind,
};

/// What the merchant looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merchant {
    /// Fare, in fen.
    pub fare: u32,
    /// The journal has room.
    pub journal_has_room: bool,
}

impl Merchant {
    /// The checks that need no card: a fare of zero or above the maximum, a journal nearly full. Online the operator may allow
    /// a fare of zero.
    ///
    /// # Errors
    /// The first check that failed.
    pub fn check(self, settings: &Settings) -> Result<(), Reason> {
        let free_allowed = settings.mode == Mode::Online && settings.zero_amount_allowed;
        if self.fare == 0 && !free_allowed {
            Err(Reason::FareZero)
        } else if self.fare > settings.merchant_maximum {
            Err(Reason::FareAboveMaximum)
        } else if self.journal_has_room {
            Ok(())
        } else {
            Err(Reason::JournalFull)
        }
    }
}

/// Whether the merchant takes this kind of account.
///
/// # Errors
/// [`Reason::DebitBarred`].
pub fn check_product(settings: &Settings, product: Product) -> Result<(), Reason> {
    if product == Product::Debit && !settings.debit_allowed { Err(Reason::DebitBarred) } else { Ok(()) }
}

/// The decision on a bus, in UnionPay's order: after the card's own refusal authentication must pass; then kernel 7's
/// expiry and cardholder verification; an ARQC; a card that was once online (transaction counter not 0); the deny
/// list; the merchant's checks. The bus is never online, so that nothing turns into an online request.
#[must_use]
pub fn decide(facts: &Facts, atc: u16, product: Product, merchant: Merchant, settings: &Settings) -> Decision {
    rule(facts, atc, product, merchant, settings).unwrap_or_else(Decision::declined)
}

fn rule(
    facts: &Facts,
    atc: u16,
    product: Product,
    merchant: Merchant,
    settings: &Settings,
) -> Result<Decision, Reason> {
    if facts.cryptogram == Cryptogram::Aac {
        return Err(Reason::CardDeclined);
    }
    // First of all, as no other word of a card that is not proven counts for anything.
    if let Some(failure) = facts.oda_failure() {
        return Err(Reason::Oda(failure));
    }
    if facts.expiry != Expiry::Good {
        return Err(facts.expiry_reason());
    }
    let cvm = facts.cvm_carried_out().ok_or(Reason::CvmFailed)?;
    if facts.cryptogram != Cryptogram::Arqc {
        return Err(Reason::NotArqc);
    }
    if atc == 0 {
        return Err(Reason::NeverOnline);
    }
    if facts.denied {
        return Err(Reason::Denied);
    }
    merchant.check(settings)?;
    check_product(settings, product)?;
    Ok(Decision { kind: OutcomeKind::Approved, reason: Reason::OdaApproved, cvm })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cvm, Oda, OdaFailure, Ttq, decision::tests::GOOD};

    const ARQC: Facts = Facts { cryptogram: Cryptogram::Arqc, ttq: Ttq::ODA_NEW_CREDIT, ..GOOD };
    const RICH: Merchant = Merchant { fare: 100, journal_has_room: true };

    fn reason(facts: Facts, atc: u16, merchant: Merchant) -> Reason {
        decide(&facts, atc, Product::Credit, merchant, &Settings::default()).reason
    }

    #[test]
    fn a_good_card_rides_old_or_new() {
        let decision = decide(&ARQC, 1, Product::Debit, RICH, &Settings::default());
        let approved = Decision { kind: OutcomeKind::Approved, reason: Reason::OdaApproved, cvm: Cvm::None };
        assert_eq!(decision, approved);
        let old = Facts { new_card: false, ttq: Ttq::ODA_OLD_CARD, ..ARQC };
        assert_eq!(reason(old, 1, RICH), Reason::OdaApproved);
    }

    /// Every fault is worse than the ones after it: with all of them present the first is named, and so on.
    #[test]
    fn the_order_of_the_rule() {
        let mut facts = Facts {
            cryptogram: Cryptogram::Aac,
            ttq: ARQC.ttq.with_requirements(false, true),
            expiry: Expiry::Past,
            oda: Oda::Failed(OdaFailure::CardHash),
            denied: true,
            ..ARQC
        };
        let poor = Merchant { fare: 0, journal_has_room: false };
        assert_eq!(reason(facts, 0, poor), Reason::CardDeclined);
        facts.cryptogram = Cryptogram::Tc;
        assert_eq!(reason(facts, 0, poor), Reason::Oda(OdaFailure::CardHash));
        facts.oda = Oda::NotPerformed;
        assert_eq!(reason(facts, 0, poor), Reason::Oda(OdaFailure::NotSupported));
        facts.oda = Oda::Passed;
        assert_eq!(reason(facts, 0, poor), Reason::Expired);
        facts.expiry = Expiry::Good;
        assert_eq!(reason(facts, 0, poor), Reason::CvmFailed);
        facts.ttq = ARQC.ttq;
        assert_eq!(reason(facts, 0, poor), Reason::NotArqc);
        facts.cryptogram = Cryptogram::Arqc;
        assert_eq!(reason(facts, 0, poor), Reason::NeverOnline);
        assert_eq!(reason(facts, 1, poor), Reason::Denied);
        facts.denied = false;
        assert_eq!(reason(facts, 1, poor), Reason::FareZero);
        assert_eq!(reason(facts, 1, Merchant { fare: 2001, ..poor }), Reason::FareAboveMaximum);
        assert_eq!(reason(facts, 1, Merchant { fare: 2000, ..poor }), Reason::JournalFull);
        let barred = Settings { debit_allowed: false, ..Settings::default() };
        assert_eq!(decide(&facts, 1, Product::Debit, RICH, &barred).reason, Reason::DebitBarred);
        assert_eq!(decide(&facts, 1, Product::QuasiCredit, RICH, &barred).reason, Reason::OdaApproved);
    }
}
