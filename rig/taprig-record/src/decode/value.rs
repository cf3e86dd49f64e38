//! Describes the values of data objects.

use crate::decode::tag::{self, Field, Format};
use crate::decode::{bits, hex, tlv};

/// How much of a value is shown. Account numbers are masked in both views.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Everything that was sent.
    Whole,
    /// Placeholders replace what differs between runs or boards: random numbers, cryptograms, signatures, certificates,
    /// dates of the transaction, serial numbers of devices.
    Stable,
}

/// The longest value of which all bytes are shown.
const LONGEST: usize = 48;

/// The value of `tag` in words, or in hexadecimal if it does not match its format.
pub fn describe(tag: u32, value: &[u8], view: View) -> String {
    let Some(entry) = tag::lookup(tag) else { return bytes(value) };
    if value.is_empty() {
        return "(empty)".to_owned();
    }
    let bits = value.len() * 8;
    let fit = match (entry.format, view) {
        (Format::Certificate, View::Stable) => Some(format!("<{bits}-bit certificate>")),
        (Format::Certificate, View::Whole) if tag == 0x9F46 => Some(certificate(value)),
        (Format::Signature, View::Stable) => Some(format!("<{bits}-bit signature>")),
        (Format::Remainder, View::Stable) => Some(format!("<{} bytes>", value.len())),
        (Format::Cryptogram, View::Stable) => Some(format!("<{}-byte cryptogram>", value.len())),
        (Format::Random, View::Stable) => Some(format!("<{} random bytes>", value.len())),
        (Format::Moment, View::Stable) => Some(format!("<{}>", if tag == 0x9F21 { "time" } else { "date" })),
        (Format::Text, View::Stable) if tag == 0x9F1E => Some("<serial>".to_owned()),
        (Format::CardAuthentication, _) => card_authentication(value, view),
        (Format::IssuerData, _) => issuer_data(value, view),
        (Format::Pan, _) => Some(pan(value)),
        (Format::Track2, _) => Some(track2(value, view)),
        (Format::Text | Format::Name, _) => text(value),
        (Format::Date, _) => date(value),
        (Format::Amount, _) => amount(value),
        (Format::Number, _) => number(value),
        (Format::Counter, _) => counter(value),
        (Format::List, _) => list(value),
        (Format::Locator, _) => locator(value),
        (Format::Bits(field), _) => Some(with_words(value, field)),
        _ => None,
    };
    fit.unwrap_or_else(|| bytes(value))
}

/// Bytes in hexadecimal. A long value is shortened to its first bytes.
pub(super) fn bytes(value: &[u8]) -> String {
    match value {
        [] => "(empty)".to_owned(),
        value if value.len() <= LONGEST => hex(value),
        value => format!("{}... ({} bytes)", hex(&value[..16]), value.len()),
    }
}

fn with_words(value: &[u8], field: Field) -> String {
    let words = bits::words(field, value);
    if words.is_empty() { hex(value) } else { format!("{} ({})", hex(value), words.join(", ")) }
}

/// Digits in BCD up to the padding. A digit that the record masked (`C`) becomes `*`.
fn digits(value: &[u8]) -> Option<String> {
    let nibbles = value.iter().flat_map(|byte| [byte >> 4, byte & 0x0F]);
    let digits: Vec<u8> = nibbles.collect();
    let len = digits.iter().rposition(|&digit| digit != 0xF).map_or(0, |last| last + 1);
    digits[..len]
        .iter()
        .map(|digit| match digit {
            0..=9 => Some(char::from(b'0' + digit)),
            0xC => Some('*'),
            _ => None,
        })
        .collect()
}

/// The first six and the last four digits of an account number. If the number is too short for that, only the last four
/// are shown.
pub fn masked(digits: &str) -> String {
    let len = digits.chars().count();
    let clear = if len >= 13 { 6 } else { 0 };
    digits
        .chars()
        .enumerate()
        .map(|(place, digit)| if place < clear || place + 4 >= len { digit } else { '*' })
        .collect()
}

fn pan(value: &[u8]) -> String {
    digits(value).map_or_else(|| format!("<{} bytes, no BCD>", value.len()), |digits| masked(&digits))
}

/// The account number in an ICC certificate by SM2, whose contents are plain: ten bytes after the format 14. If a case has
/// spoilt the format, the bytes before the key still tell. Only by chance do the bytes of an RSA certificate look like this.
pub(crate) fn number_in_certificate(value: &[u8]) -> Option<&[u8]> {
    let number = value.get(1..11)?;
    let digits = digits(number)?;
    let by_sm2 = value[0] == 0x14 || value.get(17..20) == Some(&[0x00, 0x11, 0x40]);
    (by_sm2 && digits.len() >= 13).then_some(number)
}

/// A certificate as bytes, with the account number masked if it is plain.
fn certificate(value: &[u8]) -> String {
    let shown = bytes(value);
    match number_in_certificate(value) {
        Some(number) => shown.replacen(&hex(number), &pan(number), 1),
        None => shown,
    }
}

fn track2(value: &[u8], view: View) -> String {
    let text = hex(value);
    let Some((number, rest)) = text.split_once('D') else { return format!("<{} bytes, no D>", value.len()) };
    let number = masked(&number.replace('C', "*"));
    let rest = rest.trim_end_matches('F');
    // The number is never shown as bytes, whatever else is missing.
    let (expiry, rest) = rest.split_at_checked(4).unwrap_or((rest, ""));
    let (service, more) = rest.split_at_checked(3).unwrap_or((rest, ""));
    let more = match (more.is_empty(), view) {
        (true, _) => String::new(),
        (false, View::Stable) => format!(" +{} digits", more.len()),
        (false, View::Whole) => format!(" {more}"),
    };
    format!("{number} expiry {expiry} service {service}{more}")
}

fn text(value: &[u8]) -> Option<String> {
    let printable = value.iter().all(|byte| (0x20..0x7F).contains(byte));
    printable.then(|| format!("{:?}", String::from_utf8_lossy(value)))
}

fn date(value: &[u8]) -> Option<String> {
    let digits = digits(value).filter(|digits| digits.len() == 6)?;
    Some(format!("20{}-{}-{}", &digits[..2], &digits[2..4], &digits[4..]))
}

fn amount(value: &[u8]) -> Option<String> {
    let units: u64 = digits(value)?.parse().ok()?;
    Some(format!("{}.{:02}", units / 100, units % 100))
}

fn number(value: &[u8]) -> Option<String> {
    digits(value).map(|digits| match digits.trim_start_matches('0') {
        "" => "0".to_owned(),
        digits => digits.to_owned(),
    })
}

fn counter(value: &[u8]) -> Option<String> {
    (value.len() <= 4).then(|| value.iter().fold(0u64, |sum, &byte| sum << 8 | u64::from(byte)).to_string())
}

fn list(value: &[u8]) -> Option<String> {
    let (entries, whole) = tlv::list(value);
    let entries: Vec<_> = entries.iter().map(|(tag, len)| format!("{tag:02X}:{len}")).collect();
    Some(format!("{}{}", entries.join(" "), if whole { "" } else { " (cut off)" }))
}

fn locator(value: &[u8]) -> Option<String> {
    let entries = value.chunks(4).map(|entry| match *entry {
        [sfi, first, last, oda] => {
            let range = if first == last { format!("{first}") } else { format!("{first}-{last}") };
            let oda = if oda == 0 { String::new() } else { format!(" ({oda} signed)") };
            Some(format!("SFI {} record {range}{oda}", sfi >> 3))
        }
        _ => None,
    });
    entries.collect::<Option<Vec<_>>>().map(|entries| entries.join(", "))
}

fn issuer_data(value: &[u8], view: View) -> Option<String> {
    let [7, key, version, 3, c1, c2, c3, algorithm, discretionary @ ..] = value else { return None };
    let cvr = with_words(&[*c1, *c2, *c3], Field::Cvr);
    let algorithm = match algorithm {
        1 => "3DES".to_owned(),
        4 => "SM4".to_owned(),
        other => format!("algorithm {other:02X}"),
    };
    let rest = match (discretionary, view) {
        ([], _) => String::new(),
        // The data end in a MAC over the other fields, so they change with the cryptogram.
        (rest, View::Stable) => format!(", <{} bytes>", rest.len()),
        (rest, View::Whole) => format!(", {}", hex(rest)),
    };
    Some(format!("key {key:02X}, version {version:02X}, CVR {cvr}, {algorithm}{rest}"))
}

fn card_authentication(value: &[u8], view: View) -> Option<String> {
    let [version, n1, n2, n3, n4, q1, q2, rest @ ..] = value else { return None };
    let number = match view {
        View::Stable => "<4 random bytes>".to_owned(),
        View::Whole => hex(&[*n1, *n2, *n3, *n4]),
    };
    Some(format!("fDDA v{version:02X}, {number}, CTQ {}, rest {}", with_words(&[*q1, *q2], Field::Ctq), bytes(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stable(tag: u32, value: &[u8]) -> String {
        describe(tag, value, View::Stable)
    }

    #[test]
    fn account_numbers_are_masked_in_every_view() {
        let track = [0x62, 0x26, 0x09, 0x12, 0x34, 0x56, 0x78, 0x90, 0xD3, 0x01, 0x22, 0x01, 0x00, 0x00, 0x01, 0x2F];
        assert_eq!(stable(0x57, &track), "622609******7890 expiry 3012 service 201 +7 digits");
        assert_eq!(describe(0x57, &track, View::Whole), "622609******7890 expiry 3012 service 201 0000012");
        assert_eq!(describe(0x5A, &track[..8], View::Whole), "622609******7890");
        assert_eq!(stable(0x5A, &[0x62, 0x26, 0x09, 0xCC, 0xCC, 0xCC, 0x78, 0x90]), "622609******7890");
        assert_eq!(stable(0x5A, &[0x12, 0x34, 0x56]), "**3456");
        assert_eq!(describe(0x5A, &[0xAB; 8], View::Whole), "<8 bytes, no BCD>");
        let certificate = [&[0x14][..], &track[..8], &[0xFF, 0xFF], &[0x12; 137]].concat();
        assert_eq!(describe(0x9F46, &certificate, View::Whole), "14622609******78901212121212... (148 bytes)");
        assert_eq!(describe(0x9F46, &certificate[..20], View::Whole), "14622609******7890121212121212121212");
        assert_eq!(stable(0x9F46, &certificate), "<1184-bit certificate>");
        assert!(
            describe(0x90, &certificate, View::Whole).starts_with("14622609123456"),
            "only the card's has a number"
        );
    }

    #[test]
    fn values_in_words() {
        assert_eq!(stable(0x9F02, &[0, 0, 0, 0, 1, 0]), "1.00");
        assert_eq!(stable(0x5F2A, &[0x01, 0x56]), "156");
        assert_eq!(stable(0x9F36, &[0, 0x17]), "23");
        assert_eq!(stable(0x94, &[0x08, 1, 1, 0, 0x10, 1, 3, 1]), "SFI 1 record 1, SFI 2 record 1-3 (1 signed)");
        assert_eq!(stable(0x94, &[0x08, 1, 1]), "080101");
        assert_eq!(stable(0x9F38, &[0x9F, 0x66, 4, 0x9A, 3]), "9F66:4 9A:3");
        assert_eq!(
            stable(0x9F66, &[0x21, 0x80, 0, 0x80]),
            "21800080 (qUICS, ODA for online, online cryptogram required, fDDA v01)"
        );
        assert_eq!(
            stable(0x9F10, &[7, 1, 1, 3, 0xA0, 0, 0, 1, 0x0A, 1, 2]),
            "key 01, version 01, CVR A00000 (ARQC), 3DES, <3 bytes>"
        );
        assert_eq!(
            stable(0x9F69, &[1, 9, 9, 9, 9, 0, 0x80, 0]),
            "fDDA v01, <4 random bytes>, CTQ 0080 (CDCVM performed), rest 00"
        );
        assert_eq!(stable(0x9F69, &[1, 9, 9]), "010909");
        assert_eq!(stable(0x5F24, &[0x30, 0x12, 0x31]), "2030-12-31");
        assert_eq!(stable(0x90, &[0; 144]), "<1152-bit certificate>");
        assert_eq!(stable(0x84, b"2PAY.SYS.DDF01"), "\"2PAY.SYS.DDF01\"");
        assert_eq!(stable(0x4F, &[0xA0, 0, 0, 3, 0x33, 1, 1, 2]), "A000000333010102");
        assert_eq!(stable(0xDF99, &[1]), "01");
        assert_eq!(stable(0x82, &[]), "(empty)");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(tag in prop_oneof![any::<u32>(), 0x42u32..0xA6, 0x9F00u32..0x9F80, 0xDF60u32..0xDF6A], value in any::<Vec<u8>>()) {
            describe(tag, &value, View::Stable);
            describe(tag, &value, View::Whole);
        }

        #[test]
        fn no_view_shows_a_number(number in "[1-9][0-9]{15}", tail in prop_oneof!["", "D", "D3", "D3012", "D301220100", "D3012201000F", "FF", "A0"]) {
            let text = format!("{number}{tail}");
            let bytes: Vec<u8> =
                text.as_bytes().chunks_exact(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect();
            for tag in [0x57, 0x5A, 0x9F6B] {
                for view in [View::Whole, View::Stable] {
                    let shown = describe(tag, &bytes, view);
                    prop_assert!(!shown.contains(&number[6..12]), "{}", shown);
                }
            }
        }

        #[test]
        fn a_mask_hides_the_middle(number in "[0-9]{13,19}") {
            let masked = masked(&number);
            prop_assert_eq!(masked.len(), number.len());
            prop_assert_eq!(masked.matches('*').count(), number.len() - 10);
        }
    }
}
