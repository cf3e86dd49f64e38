//! Messages as a whole: what the document shows, what is refused, and properties.

mod properties;
mod refused;
mod written;

use std::vec::Vec;

use crate::{Additional, Header, MacKey, Tpdu, Writer, mti};

/// The bytes that hexadecimal digits are; blanks are left out.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| digit as u8).collect();
    assert_eq!(digits.len() % 2, 0);
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// The bytes that the MAC of the document's example covers.
pub(crate) const COVERED: &str = "02007020068000C0801116622202123456789400000000000000010000000107200001003132333435363738\
    313233343536373839303132333435313536001422000001000601";

pub(crate) const HEADER: Header = Header([0x61, 0x32, 0x00, 0x32, 0x46, 0x05]);

pub(crate) fn mac_key() -> MacKey {
    MacKey::new(&[0x33; 8]).unwrap()
}

/// The ride of the document's example: 1.00 CNY, trace 1, batch 1.
pub(crate) fn ride<'b>(buffer: &'b mut [u8], key: Option<&MacKey>) -> &'b [u8] {
    let mut writer = Writer::new(buffer, Tpdu::new(3, 9), HEADER, mti::RIDE);
    writer.digits(2, "6222021234567894").number(3, 0).amount(100).trace(1).number(22, 72).number(23, 1).number(25, 0);
    writer.text(41, "12345678").text(42, "123456789012345").text(49, "156").additional(&Additional::ride(1));
    writer.finish(key).unwrap()
}
