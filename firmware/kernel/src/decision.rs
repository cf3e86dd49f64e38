//! The decision of kernel 7 (EMV Contactless Book C-7), and cardholder verification.

use crate::{Cryptogram, Ctq, Cvm, Oda, OdaFailure, OutcomeKind, Reason, Ttq};

/// What tag 5F24 says, or track 2 in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// Today or later.
    Good,
    /// Before today.
    Past,
    /// No date, or an unreadable one.
    Missing,
}

/// Whether the card's own word on the holder's verification (9F6C) is backed by signed data: bytes 5 and 6 of 9F69.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedCtq {
    /// There is no 9F69.
    Absent,
    /// They are the same.
    Same,
    /// They differ, or 9F69 is not 8 to 16 bytes.
    Different,
}

/// Everything that the decision rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Type of cryptogram.
    pub cryptogram: Cryptogram,
    /// Qualifiers as sent.
    pub ttq: Ttq,
    /// Qualifiers of the card; without them the card asks for nothing.
    pub ctq: Option<Ctq>,
    /// How 9F69 agrees with them.
    pub signed_ctq: SignedCtq,
    /// Date of expiry.
    pub expiry: Expiry,
    /// On the deny list (exception file).
    pub denied: bool,
    /// Result of offline data authentication.
    pub oda: Oda,
    /// DF61: the card knows ODA for online authorisation.
    pub new_card: bool,
    /// The reader can go online now.
    pub online: bool,
    /// Byte 2 of the terminal capabilities (tag 9F33, EMV Book 4, A2): which cardholder verifications somebody carries out.
    pub cvm_capability: u8,
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// What is to be done.
    pub kind: OutcomeKind,
    /// Why.
    pub reason: Reason,
    /// Cardholder verification to be carried out.
    pub cvm: Cvm,
}

impl Decision {
    /// A refusal.
    pub(crate) const fn declined(reason: Reason) -> Self {
        Self { kind: OutcomeKind::Declined, reason, cvm: Cvm::None }
    }
}

impl Facts {
    /// The cardholder verification that card and reader agree on; nothing when there is none.
    ///
    /// A verification on the device counts only when it is signed, or the issuer will judge it (ARQC).
    #[must_use]
    pub fn cvm(&self) -> Option<Cvm> {
        let ctq = self.ctq.unwrap_or_default();
        let proven = match self.signed_ctq {
            SignedCtq::Same => true,
            SignedCtq::Absent => self.cryptogram == Cryptogram::Arqc,
            SignedCtq::Different => false,
        };
        if ctq.online_pin() && self.ttq.online_pin() {
            Some(Cvm::OnlinePin)
        } else if ctq.cdcvm_performed() && proven {
            Some(Cvm::Device)
        } else if ctq.signature() && self.ttq.signature() {
            Some(Cvm::Signature)
        } else if !ctq.online_pin() && !ctq.signature() && !self.ttq.cvm_required() {
            Some(Cvm::None)
        } else {
            None
        }
    }

    /// The verification, if it is one that somebody carries out here or that needs nobody. The qualifiers that UnionPay
    /// prescribes for buses announce online PIN and signature, also where there is neither PIN pad nor pen.
    pub(crate) fn cvm_carried_out(&self) -> Option<Cvm> {
        const ONLINE_PIN: u8 = 0x40;
        const SIGNATURE: u8 = 0x20;
        self.cvm().filter(|cvm| match cvm {
            Cvm::OnlinePin => self.cvm_capability & ONLINE_PIN != 0,
            Cvm::Signature => self.cvm_capability & SIGNATURE != 0,
            Cvm::Device | Cvm::None => true,
        })
    }

    /// The failed check, where authentication was needed and did not pass.
    pub(crate) const fn oda_failure(&self) -> Option<OdaFailure> {
        match self.oda {
            Oda::Passed => None,
            Oda::Failed(failure) => Some(failure),
            Oda::NotPerformed => Some(OdaFailure::NotSupported),
        }
    }

    /// Kernel 7's decision, in its order: the card's refusal, expiry and exception file, cardholder verification,
    /// online authorisation, offline approval, ODA for online authorisation. An ARQC in a transaction with ODA for
    /// online (TTQ B1b1) goes the last way, not the online one.
    #[must_use]
    pub fn decide(&self) -> Decision {
        let ctq = self.ctq.unwrap_or_default();
        if self.cryptogram == Cryptogram::Aac {
            return Decision::declined(Reason::CardDeclined);
        }
        if self.expiry != Expiry::Good {
            if ctq.online_if_expired() && self.online {
                return self.online(Reason::ExpiredOnline);
            }
            return Decision::declined(self.expiry_reason());
        }
        if self.denied {
            return Decision::declined(Reason::Denied);
        }
        if self.cvm().is_none() {
            return Decision::declined(Reason::CvmFailed);
        }
        match (self.cryptogram, self.ttq.oda_for_online()) {
            (Cryptogram::Tc, _) => self.offline(ctq),
            (_, true) => self.oda_for_online(),
            (_, false) => self.arqc(),
        }
    }

    /// Why a date of expiry is not good.
    pub(crate) const fn expiry_reason(&self) -> Reason {
        match self.expiry {
            Expiry::Missing => Reason::ExpiryMissing,
            Expiry::Past | Expiry::Good => Reason::Expired,
        }
    }

    /// An online request, unless the deny list or the holder's verification forbids it.
    fn online(&self, reason: Reason) -> Decision {
        if self.denied {
            return Decision::declined(Reason::Denied);
        }
        match self.cvm() {
            Some(cvm) => Decision { kind: OutcomeKind::OnlineRequest, reason, cvm },
            None => Decision::declined(Reason::CvmFailed),
        }
    }

    fn arqc(&self) -> Decision {
        if self.online { self.online(Reason::OnlineRequested) } else { Decision::declined(Reason::OnlineImpossible) }
    }

    /// An approval, unless the holder's verification is one that nobody carries out.
    fn approved(&self, reason: Reason) -> Decision {
        match self.cvm_carried_out() {
            Some(cvm) => Decision { kind: OutcomeKind::Approved, reason, cvm },
            None => Decision::declined(Reason::CvmFailed),
        }
    }

    fn offline(&self, ctq: Ctq) -> Decision {
        match self.oda_failure() {
            None => self.approved(Reason::OfflineApproved),
            Some(failure) if ctq.online_if_oda_fails() && self.online => self.online(Reason::OdaFailedOnline(failure)),
            Some(failure) if ctq.contact_if_oda_fails() && self.ttq.contact() => {
                Decision { kind: OutcomeKind::TryAnotherInterface, reason: Reason::Oda(failure), cvm: Cvm::None }
            }
            Some(failure) => Decision::declined(Reason::Oda(failure)),
        }
    }

    fn oda_for_online(&self) -> Decision {
        match self.oda_failure() {
            Some(failure) => Decision::declined(Reason::Oda(failure)),
            None if self.new_card => self.approved(Reason::OdaApproved),
            None => self.arqc(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const GOOD: Facts = Facts {
        cryptogram: Cryptogram::Tc,
        ttq: Ttq::OFFLINE_ONLY,
        ctq: None,
        signed_ctq: SignedCtq::Absent,
        expiry: Expiry::Good,
        denied: false,
        oda: Oda::Passed,
        new_card: true,
        online: false,
        cvm_capability: 0x08,
    };
    const FAILED: Oda = Oda::Failed(OdaFailure::SignatureHash);
    const ODA: Reason = Reason::Oda(OdaFailure::SignatureHash);

    fn ctq(first: u8, second: u8) -> Option<Ctq> {
        Some(Ctq([first, second]))
    }

    #[test]
    fn decision_table() {
        use OutcomeKind::{Approved, Declined, OnlineRequest, TryAnotherInterface};
        let arqc = Facts { cryptogram: Cryptogram::Arqc, ..GOOD };
        let online = Facts { ttq: Ttq::ONLINE, online: true, oda: Oda::NotPerformed, ..arqc };
        let online_tc = Facts { cryptogram: Cryptogram::Tc, oda: FAILED, ..online };
        let for_online = Facts { ttq: Ttq::ODA_NEW_CREDIT, ..arqc };
        let counter = Facts { ttq: Ttq::POINT_OF_SALE, oda: FAILED, ctq: ctq(0x10, 0), ..GOOD };
        let past = Facts { expiry: Expiry::Past, ..GOOD };
        let table = [
            ("offline approval", GOOD, Approved, Reason::OfflineApproved),
            ("AAC", Facts { cryptogram: Cryptogram::Aac, ..GOOD }, Declined, Reason::CardDeclined),
            ("AAC online", Facts { cryptogram: Cryptogram::Aac, ..online }, Declined, Reason::CardDeclined),
            ("expired", past, Declined, Reason::Expired),
            ("no date", Facts { expiry: Expiry::Missing, ..GOOD }, Declined, Reason::ExpiryMissing),
            ("no date, ARQC", Facts { expiry: Expiry::Missing, ..online }, Declined, Reason::ExpiryMissing),
            ("expired, card says online", Facts { ctq: ctq(8, 0), ..past }, Declined, Reason::Expired),
            (
                "expired, online possible",
                Facts { ctq: ctq(8, 0), expiry: Expiry::Past, ..online },
                OnlineRequest,
                Reason::ExpiredOnline,
            ),
            (
                "expired, online, denied",
                Facts { ctq: ctq(8, 0), expiry: Expiry::Past, denied: true, ..online },
                Declined,
                Reason::Denied,
            ),
            ("expired, not asked", Facts { expiry: Expiry::Past, ..online }, Declined, Reason::Expired),
            ("denied offline", Facts { denied: true, ..GOOD }, Declined, Reason::Denied),
            ("denied online", Facts { denied: true, ..online }, Declined, Reason::Denied),
            ("denied ODA", Facts { denied: true, ..for_online }, Declined, Reason::Denied),
            ("ARQC online", online, OnlineRequest, Reason::OnlineRequested),
            ("ARQC offline", arqc, Declined, Reason::OnlineImpossible),
            ("TC, bad signature", Facts { oda: FAILED, ..GOOD }, Declined, ODA),
            (
                "TC, no signature",
                Facts { oda: Oda::NotPerformed, ..GOOD },
                Declined,
                Reason::Oda(OdaFailure::NotSupported),
            ),
            ("TC, bad, asks online, can't", Facts { oda: FAILED, ctq: ctq(0x20, 0), ..GOOD }, Declined, ODA),
            (
                "TC, bad, asks online, can",
                Facts { ctq: ctq(0x20, 0), ..online_tc },
                OnlineRequest,
                Reason::OdaFailedOnline(OdaFailure::SignatureHash),
            ),
            ("TC, bad, asks nothing, can", online_tc, Declined, ODA),
            ("TC, bad, contact", counter, TryAnotherInterface, ODA),
            ("TC, bad, no contact", Facts { ttq: Ttq::OFFLINE_ONLY, ..counter }, Declined, ODA),
            ("ODA for online", for_online, Approved, Reason::OdaApproved),
            ("ODA for online while online", Facts { online: true, ..for_online }, Approved, Reason::OdaApproved),
            ("ODA for online, bad", Facts { oda: FAILED, ..for_online }, Declined, ODA),
            ("ODA for online, old card", Facts { new_card: false, ..for_online }, Declined, Reason::OnlineImpossible),
        ];
        for (name, facts, kind, reason) in table {
            let decision = facts.decide();
            assert_eq!((decision.kind, decision.reason), (kind, reason), "{name}");
        }
    }

    #[test]
    fn verification_table() {
        let required = Ttq([0x28, 0x40, 0, 0]);
        let pin_and_signature = Ttq([0x26, 0x40, 0, 0]);
        let arqc = Facts { cryptogram: Cryptogram::Arqc, ..GOOD };
        let device = Facts { ctq: ctq(0, 0x80), ttq: required, ..GOOD };
        let table = [
            ("nothing asked", GOOD, Some(Cvm::None)),
            ("reader asks, card silent", Facts { ttq: required, ..GOOD }, None),
            ("PIN", Facts { ctq: ctq(0x80, 0), ttq: pin_and_signature, ..GOOD }, Some(Cvm::OnlinePin)),
            ("PIN before device", Facts { ctq: ctq(0x80, 0x80), ttq: pin_and_signature, ..arqc }, Some(Cvm::OnlinePin)),
            ("PIN, reader can't", Facts { ctq: ctq(0x80, 0), ..GOOD }, None),
            ("signature", Facts { ctq: ctq(0x40, 0), ttq: pin_and_signature, ..GOOD }, Some(Cvm::Signature)),
            ("signature, reader can't", Facts { ctq: ctq(0x40, 0), ..GOOD }, None),
            ("device, signed", Facts { signed_ctq: SignedCtq::Same, ..device }, Some(Cvm::Device)),
            ("device, unsigned, TC", device, None),
            ("device, unsigned, ARQC", Facts { cryptogram: Cryptogram::Arqc, ..device }, Some(Cvm::Device)),
            ("device, contradicted", Facts { signed_ctq: SignedCtq::Different, ..device }, None),
            (
                "device, contradicted, ARQC",
                Facts { signed_ctq: SignedCtq::Different, cryptogram: Cryptogram::Arqc, ..device },
                None,
            ),
            ("device, unsigned, not needed", Facts { ctq: ctq(0, 0x80), ..GOOD }, Some(Cvm::None)),
        ];
        for (name, facts, cvm) in table {
            assert_eq!(facts.cvm(), cvm, "{name}");
            // With a PIN pad and a pen.
            let declined = Facts { cvm_capability: 0x68, ..facts }.decide().reason == Reason::CvmFailed;
            assert_eq!(declined, cvm.is_none(), "{name}");
        }
    }
    #[test]
    fn nobody_is_approved_on_a_verification_that_nobody_carries_out() {
        let announced = Ttq([0x27, 0x80, 0, 0x80]);
        let routes = [
            ("offline", Facts { ttq: announced, ..GOOD }),
            ("ODA for online", Facts { ttq: announced, cryptogram: Cryptogram::Arqc, ..GOOD }),
        ];
        let verifications =
            [("PIN", ctq(0x80, 0), 0x40, Cvm::OnlinePin), ("signature", ctq(0x40, 0), 0x20, Cvm::Signature)];
        for (route, facts) in routes {
            for (name, ctq, capability, cvm) in verifications {
                let decide = |cvm_capability| Facts { ctq, cvm_capability, ..facts }.decide();
                assert_eq!(decide(0x08), Decision::declined(Reason::CvmFailed), "{route}, {name}");
                assert_eq!(
                    decide(0x60 ^ capability),
                    Decision::declined(Reason::CvmFailed),
                    "{route}, {name}: the other"
                );
                let able = decide(capability);
                assert_eq!((able.kind, able.cvm), (OutcomeKind::Approved, cvm), "{route}, {name}");
            }
            let phone = Facts { ctq: ctq(0, 0x80), signed_ctq: SignedCtq::Same, ..facts };
            assert_eq!((phone.decide().kind, phone.decide().cvm), (OutcomeKind::Approved, Cvm::Device), "{route}");
        }
        let online = Facts { ttq: Ttq([0x26, 0x80, 0, 0]), cryptogram: Cryptogram::Arqc, online: true, ..GOOD };
        let asked = Facts { ctq: ctq(0x80, 0), oda: Oda::NotPerformed, ..online }.decide();
        assert_eq!((asked.kind, asked.cvm), (OutcomeKind::OnlineRequest, Cvm::OnlinePin), "the outcome asks for it");
    }
}
