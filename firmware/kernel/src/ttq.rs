//! Terminal transaction qualifiers (tag 9F66) and card transaction qualifiers (tag 9F6C).

use crate::{Mode, Product};

/// Terminal transaction qualifiers, tag 9F66: what the reader can do and wants in this transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ttq(pub [u8; 4]);

impl Ttq {
    /// Offline-only bus: qUICS, no online connection.
    pub const OFFLINE_ONLY: Self = Self([0x28, 0x00, 0x00, 0x00]);
    /// Online without PIN and signature.
    pub const ONLINE: Self = Self([0x26, 0x80, 0x00, 0x00]);
    /// ODA for online authorisation, card without it in DF61.
    pub const ODA_OLD_CARD: Self = Self([0x61, 0x00, 0x00, 0x80]);
    /// ODA for online authorisation, credit card that knows it.
    pub const ODA_NEW_CREDIT: Self = Self([0x21, 0x80, 0x00, 0x80]);
    /// ODA for online authorisation, debit card that knows it.
    pub const ODA_NEW_DEBIT: Self = Self([0x27, 0x80, 0x00, 0x80]);
    /// Ordinary point of sale.
    pub const POINT_OF_SALE: Self = Self([0x36, 0x80, 0x00, 0x00]);

    /// The qualifiers of a mode, before pre-processing adds what the amount asks for. For ODA the
    /// card's kind decides: whether DF61 says that it knows ODA for online authorisation, and the account.
    #[must_use]
    pub fn for_mode(mode: Mode, new_card: bool, product: Product) -> Self {
        match (mode, new_card, product) {
            (Mode::Offline, ..) => Self::OFFLINE_ONLY,
            (Mode::Online, ..) => Self::ONLINE,
            (Mode::BusOda, false, _) => Self::ODA_OLD_CARD,
            (Mode::BusOda, true, Product::Debit) => Self::ODA_NEW_DEBIT,
            (Mode::BusOda, true, _) => Self::ODA_NEW_CREDIT,
        }
    }

    /// B1b7: a card may take the contactless standard debit/credit flow.
    #[must_use]
    pub const fn standard_flow(self) -> bool {
        self.0[0] & 0x40 != 0
    }

    /// B1b5: a contact interface is there.
    #[must_use]
    pub const fn contact(self) -> bool {
        self.0[0] & 0x10 != 0
    }

    /// B1b4: the reader never goes online.
    #[must_use]
    pub const fn offline_only(self) -> bool {
        self.0[0] & 0x08 != 0
    }

    /// B1b3: online PIN.
    #[must_use]
    pub const fn online_pin(self) -> bool {
        self.0[0] & 0x04 != 0
    }

    /// B1b2: signature.
    #[must_use]
    pub const fn signature(self) -> bool {
        self.0[0] & 0x02 != 0
    }

    /// B1b1: offline data authentication for online authorisation.
    #[must_use]
    pub const fn oda_for_online(self) -> bool {
        self.0[0] & 0x01 != 0
    }

    /// B2b8: an online cryptogram is required.
    #[must_use]
    pub const fn online_cryptogram_required(self) -> bool {
        self.0[1] & 0x80 != 0
    }

    /// B2b7: a cardholder verification is required.
    #[must_use]
    pub const fn cvm_required(self) -> bool {
        self.0[1] & 0x40 != 0
    }

    /// B4b8: fDDA version 01.
    #[must_use]
    pub const fn fdda_v01(self) -> bool {
        self.0[3] & 0x80 != 0
    }

    /// With B2b8 and B2b7 set where the amount asks for it.
    #[must_use]
    pub const fn with_requirements(self, online_cryptogram: bool, cvm: bool) -> Self {
        let Self([first, mut second, third, fourth]) = self;
        if online_cryptogram {
            second |= 0x80;
        }
        if cvm {
            second |= 0x40;
        }
        Self([first, second, third, fourth])
    }
}

/// Card transaction qualifiers, tag 9F6C: what the card asks of the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ctq(pub [u8; 2]);

impl Ctq {
    /// B1b8: online PIN required.
    #[must_use]
    pub const fn online_pin(self) -> bool {
        self.0[0] & 0x80 != 0
    }

    /// B1b7: signature required.
    #[must_use]
    pub const fn signature(self) -> bool {
        self.0[0] & 0x40 != 0
    }

    /// B1b6: go online if offline data authentication fails and the reader can.
    #[must_use]
    pub const fn online_if_oda_fails(self) -> bool {
        self.0[0] & 0x20 != 0
    }

    /// B1b5: take the contact interface if offline data authentication fails and the reader has one.
    #[must_use]
    pub const fn contact_if_oda_fails(self) -> bool {
        self.0[0] & 0x10 != 0
    }

    /// B1b4: go online if the application has expired.
    #[must_use]
    pub const fn online_if_expired(self) -> bool {
        self.0[0] & 0x08 != 0
    }

    /// B2b8: the cardholder was verified on the device.
    #[must_use]
    pub const fn cdcvm_performed(self) -> bool {
        self.0[1] & 0x80 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_configuration() {
        use Product::{Credit, Debit, ElectronicCash, QuasiCredit};
        let all = [Debit, Credit, QuasiCredit, ElectronicCash];
        for product in all {
            assert_eq!(Ttq::for_mode(Mode::Offline, true, product).0, [0x28, 0, 0, 0]);
            assert_eq!(Ttq::for_mode(Mode::Online, false, product).0, [0x26, 0x80, 0, 0]);
            assert_eq!(Ttq::for_mode(Mode::BusOda, false, product).0, [0x61, 0, 0, 0x80]);
        }
        assert_eq!(Ttq::for_mode(Mode::BusOda, true, Debit).0, [0x27, 0x80, 0, 0x80]);
        assert_eq!(Ttq::for_mode(Mode::BusOda, true, Credit).0, [0x21, 0x80, 0, 0x80]);
        assert_eq!(Ttq::for_mode(Mode::BusOda, true, QuasiCredit).0, [0x21, 0x80, 0, 0x80]);
    }

    #[test]
    fn the_amount_adds_bits_and_takes_none() {
        assert_eq!(Ttq::OFFLINE_ONLY.with_requirements(false, false), Ttq::OFFLINE_ONLY);
        assert_eq!(Ttq::OFFLINE_ONLY.with_requirements(true, true).0, [0x28, 0xC0, 0, 0]);
        assert_eq!(Ttq::ODA_NEW_CREDIT.with_requirements(false, false), Ttq::ODA_NEW_CREDIT);
    }
}
