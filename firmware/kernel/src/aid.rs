//! Application identifiers of UnionPay.

use heapless::Vec;

/// Registered application provider identifier: the first five bytes of an AID.
pub type Rid = [u8; 5];

/// UnionPay's RID.
pub const UNIONPAY: Rid = [0xA0, 0x00, 0x00, 0x03, 0x33];

/// AIDs that the reader supports. A card's AID that begins with one of these matches it.
pub const SUPPORTED: [([u8; 8], Product); 4] = [
    ([0xA0, 0x00, 0x00, 0x03, 0x33, 0x01, 0x01, 0x01], Product::Debit),
    ([0xA0, 0x00, 0x00, 0x03, 0x33, 0x01, 0x01, 0x02], Product::Credit),
    ([0xA0, 0x00, 0x00, 0x03, 0x33, 0x01, 0x01, 0x03], Product::QuasiCredit),
    ([0xA0, 0x00, 0x00, 0x03, 0x33, 0x01, 0x01, 0x06], Product::ElectronicCash),
];

/// What the AID says about the account behind the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// `A000000333010101`.
    Debit,
    /// `A000000333010102`.
    Credit,
    /// `A000000333010103`.
    QuasiCredit,
    /// `A000000333010106`.
    ElectronicCash,
}

/// An ADF name, 5 to 16 bytes (ISO/IEC 7816-4).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Aid(Vec<u8, 16>);

impl Aid {
    /// An AID of 5 to 16 bytes; nothing for another length.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        if bytes.len() < 5 {
            return None;
        }
        Vec::from_slice(bytes).ok().map(Self)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The provider's part.
    #[must_use]
    pub fn rid(&self) -> Rid {
        let mut rid = [0; 5];
        for (to, from) in rid.iter_mut().zip(&self.0) {
            *to = *from;
        }
        rid
    }

    /// The product, when the reader supports this AID: one of [`SUPPORTED`] is its beginning (Book B, partial match).
    #[must_use]
    pub fn product(&self) -> Option<Product> {
        SUPPORTED.iter().find(|(aid, _)| self.0.starts_with(aid)).map(|(_, product)| *product)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_name_matches_and_a_shorter_does_not() {
        let mut name = SUPPORTED[1].0.to_vec();
        assert_eq!(Aid::new(&name).unwrap().product(), Some(Product::Credit));
        name.extend([0x99, 0x01]);
        assert_eq!(Aid::new(&name).unwrap().product(), Some(Product::Credit));
        assert_eq!(Aid::new(&name[..7]).unwrap().product(), None);
        assert_eq!(Aid::new(&name).unwrap().rid(), UNIONPAY);
    }

    #[test]
    fn lengths_outside_five_to_sixteen_are_no_names() {
        assert!(Aid::new(&[0xA0; 4]).is_none());
        assert!(Aid::new(&[0xA0; 5]).is_some());
        assert!(Aid::new(&[0xA0; 16]).is_some());
        assert!(Aid::new(&[0xA0; 17]).is_none());
    }
}
