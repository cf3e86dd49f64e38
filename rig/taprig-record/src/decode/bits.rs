//! The meaning of bit fields. Sources: EMV Book 3 annex C, EMV Contactless Book C-7, JR/T 0025 part 12.

use crate::decode::tag::Field;

/// Number of the byte from 0, mask, and the meaning of the bit if it is set.
type Bit = (usize, u8, &'static str);

const AIP: &[Bit] = &[
    (0, 0x40, "SDA"),
    (0, 0x20, "DDA"),
    (0, 0x10, "cardholder verification"),
    (0, 0x08, "terminal risk management"),
    (0, 0x04, "issuer authentication"),
    (0, 0x02, "on-device verification"),
    (0, 0x01, "CDA"),
    (1, 0x80, "magstripe mode"),
];

const TTQ: &[Bit] = &[
    (0, 0x40, "contactless debit/credit"),
    (0, 0x20, "qUICS"),
    (0, 0x10, "contact"),
    (0, 0x08, "offline only"),
    (0, 0x04, "online PIN"),
    (0, 0x02, "signature"),
    (0, 0x01, "ODA for online"),
    (1, 0x80, "online cryptogram required"),
    (1, 0x40, "CVM required"),
    (1, 0x20, "offline PIN"),
    (2, 0x80, "issuer update"),
    (2, 0x40, "CDCVM"),
    (3, 0x80, "fDDA v01"),
];

const CTQ: &[Bit] = &[
    (0, 0x80, "online PIN required"),
    (0, 0x40, "signature required"),
    (0, 0x20, "online if ODA fails"),
    (0, 0x10, "other interface if ODA fails"),
    (0, 0x08, "online if expired"),
    (0, 0x04, "other interface for cash"),
    (0, 0x02, "other interface for cashback"),
    (1, 0x80, "CDCVM performed"),
];

const TVR: &[Bit] = &[
    (0, 0x80, "ODA not performed"),
    (0, 0x40, "SDA failed"),
    (0, 0x20, "ICC data missing"),
    (0, 0x10, "card in exception file"),
    (0, 0x08, "DDA failed"),
    (0, 0x04, "CDA failed"),
    (1, 0x80, "versions differ"),
    (1, 0x40, "expired"),
    (1, 0x20, "not yet effective"),
    (1, 0x10, "service not allowed"),
    (1, 0x08, "new card"),
    (2, 0x80, "cardholder verification failed"),
    (2, 0x04, "online PIN entered"),
    (3, 0x80, "above floor limit"),
];

const TRANSIT: &[Bit] =
    &[(0, 0x40, "ODA for online"), (0, 0x02, "segment fare with offline pre-authorisation"), (0, 0x01, "segment fare")];

/// CVR without its length byte, version 1 by UnionPay.
const CVR: &[Bit] = &[
    (0, 0x08, "issuer authentication failed"),
    (0, 0x04, "offline PIN verified"),
    (0, 0x02, "offline PIN failed"),
    (0, 0x01, "unable to go online"),
    (1, 0x80, "last online not completed"),
    (1, 0x40, "PIN try limit exceeded"),
    (1, 0x20, "exceeded velocity checks"),
    (1, 0x10, "new card"),
    (1, 0x08, "issuer authentication failed last"),
    (1, 0x04, "issuer authentication missing last"),
    (1, 0x02, "application blocked, PIN tries exceeded"),
    (1, 0x01, "SDA failed last"),
    (2, 0x04, "DDA failed last"),
    (2, 0x02, "DDA performed"),
];

fn table(field: Field) -> &'static [Bit] {
    match field {
        Field::Aip => AIP,
        Field::Ttq => TTQ,
        Field::Ctq => CTQ,
        Field::Tvr => TVR,
        Field::Cvr => CVR,
        Field::Transit => TRANSIT,
    }
}

/// The meaning of the bits that are set. Card verification results are given without their length byte.
pub fn words(field: Field, value: &[u8]) -> Vec<&'static str> {
    let mut words = Vec::new();
    if field == Field::Cvr
        && let Some(&first) = value.first()
    {
        // Bits 6 and 5 say which cryptogram the first GENERATE AC returned. The response to GPO has it at the same
        // place.
        words.push(match first & 0x30 {
            0x00 => "AAC",
            0x10 => "TC",
            0x20 => "ARQC",
            _ => "no cryptogram",
        });
    }
    let set = table(field).iter().filter(|(byte, mask, _)| value.get(*byte).is_some_and(|value| value & mask != 0));
    words.extend(set.map(|(_, _, meaning)| *meaning));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qualifiers_of_buses() {
        assert_eq!(words(Field::Ttq, &[0x28, 0, 0, 0]), ["qUICS", "offline only"]);
        assert_eq!(
            words(Field::Ttq, &[0x61, 0, 0, 0x80]),
            ["contactless debit/credit", "qUICS", "ODA for online", "fDDA v01"]
        );
        assert_eq!(words(Field::Ctq, &[0x20, 0x80]), ["online if ODA fails", "CDCVM performed"]);
        assert_eq!(words(Field::Cvr, &[0xA0, 0x10, 0]), ["ARQC", "new card"]);
        assert_eq!(words(Field::Aip, &[0x20]), ["DDA"]);
        assert_eq!(words(Field::Tvr, &[]), [""; 0]);
    }
}
