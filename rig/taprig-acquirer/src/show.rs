//! Messages as a person reads them. [`taprig_record::numbers`] finds the account numbers of fields 2, 35 and 55, and hides them. All
//! other account numbers are hidden here.

use crate::codec::field::{self, Value};
use crate::codec::frame::Header;
use crate::codec::lists::Page;
use crate::codec::totals::{self, Totals};
use crate::codec::{Message, tlv};
use taprig_model::acquirer::log::{Field, Shown};
use taprig_record::decode::hex;
use taprig_record::decode::value::masked;
use taprig_record::mask;

/// A message with its header. The account numbers of fields 2, 35 and 55 are not hidden yet.
#[must_use]
pub fn shown(header: &Header, message: &Message) -> Shown {
    let fields = message.fields.iter().map(|(&number, value)| Field {
        number,
        name: field::of(number, message.mti).map_or("", |field| field.name).into(),
        value: text(message, number, value),
    });
    Shown { mti: format!("{:04X}", message.mti), header: header.digits().into(), fields: fields.collect() }
}

fn text(message: &Message, number: u8, value: &Value) -> String {
    match (number, value) {
        (48, Value::Digits(digits)) => batch(digits),
        (55, Value::Bytes(bytes)) => chip(bytes),
        (63, Value::Bytes(bytes)) if message.mti == 0x0810 => match Page::parse(bytes) {
            Ok(page) => list(&page),
            Err(_) => plain(bytes),
        },
        (64, Value::Bytes(bytes)) => match std::str::from_utf8(bytes) {
            Ok(text) if text.bytes().all(|c| c.is_ascii_graphic()) => text.into(),
            _ => hex(bytes),
        },
        (48 | 62 | 63, Value::Bytes(bytes)) => plain(bytes),
        (_, Value::Digits(text) | Value::Text(text)) => text.clone(),
        (_, Value::Bytes(bytes)) => plain(bytes),
    }
}

/// An account number as a record masks it.
fn account(digits: &str) -> String {
    masked(digits).replace('*', "x")
}

/// Bytes as text if they are text, otherwise in hexadecimal.
fn plain(bytes: &[u8]) -> String {
    let is_text = !bytes.is_empty() && bytes.iter().all(|byte| (0x20..0x7F).contains(byte));
    let mut text = if is_text { String::from_utf8_lossy(bytes).into_owned() } else { hex(bytes) };
    mask::text(&mut text);
    text
}

fn chip(bytes: &[u8]) -> String {
    let Ok(objects) = tlv::decode(bytes) else { return format!("{} bytes that are not TLV", bytes.len()) };
    let object = |(tag, value): &tlv::Object| format!("{tag:02X} {}", hex(value));
    objects.iter().map(object).collect::<Vec<_>>().join(", ")
}

/// Field 48 of a settlement or an upload.
fn batch(digits: &str) -> String {
    if let Ok(totals) = Totals::parse(digits) {
        let half = |half: totals::Half| {
            let (debit, credit) = (half.debit, half.credit);
            format!(
                "debit {} over {} fen, credit {} over {} fen, result {}",
                debit.count, debit.fen, credit.count, credit.fen, half.result
            )
        };
        return format!("home: {}; foreign: {}", half(totals.home), half(totals.foreign));
    }
    if digits.len() == 4 {
        return format!("{digits} payments in all");
    }
    match totals::items(digits) {
        Ok(items) => {
            let item = |item: &totals::Item| {
                format!("kind {} trace {} account {} {} fen", item.kind, item.trace, account(&item.account), item.fen)
            };
            items.iter().map(item).collect::<Vec<_>>().join("; ")
        }
        Err(_) => format!("{} digits that can't be read", digits.len()),
    }
}

fn list(page: &Page) -> String {
    let cards: Vec<_> = page.cards.iter().map(|card| account(card)).collect();
    let next = page.next.map_or("no more".into(), |next| format!("next cursor {next}"));
    format!(
        "version {}, {next}, cards: {}",
        page.version,
        if cards.is_empty() { "none".into() } else { cards.join(" ") }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    use taprig_model::acquirer::log::{Heard, Mac};
    use taprig_record::numbers;

    const CARD: &str = "6222021234567894";

    fn values(message: Message) -> String {
        let mut heard = Heard {
            message: None,
            request: shown(&Header::new("613200324605").unwrap(), &message),
            mac: Mac::NotNeeded,
            answer: None,
            delivery: vec![],
            why: String::new(),
            rule: None,
            notes: vec![],
            claims: vec![],
            cut: None,
            batch: None,
        };
        numbers::hide(&mut heard, &mut vec![]);
        heard
            .request
            .fields
            .iter()
            .map(|field| format!("{}={}", field.number, field.value))
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn no_field_shows_an_account_number() {
        let item = totals::Item { kind: "22".into(), trace: 1, account: CARD.into(), fen: 200 };
        let chip = tlv::encode(&[
            (0x5A, hex_bytes(CARD)),
            (0x57, hex_bytes(&format!("{CARD}D30122010000F"))),
            (0x9F26, vec![1; 8]),
        ]);
        let page = Page { next: None, version: 1, cards: vec![CARD.into()] };
        for message in [
            Message::new(0x0200).digits(2, CARD).digits(35, format!("{CARD}D30122010000")).bytes(55, chip.clone()),
            Message::new(0x0200).bytes(48, [b"PA5709".as_slice(), &chip].concat()).bytes(63, CARD),
            Message::new(0x0200).bytes(55, [chip.as_slice(), &[0x9F]].concat()),
            Message::new(0x0200).digits(2, "622202123456"),
            Message::new(0x0320).digits(48, totals::of_items(&[item.clone(), item])),
            Message::new(0x0320).digits(48, format!("09{CARD}{CARD}")),
            Message::new(0x0810).bytes(63, page.field()),
        ] {
            let text = values(message);
            for part in [CARD, "0212345678", "2021234567"] {
                assert!(!text.contains(part), "{text}");
            }
        }
        let text = values(Message::new(0x0200).digits(2, CARD).bytes(55, chip));
        assert_eq!(
            text,
            "2=622202xxxxxx7894\n55=5A 622202xxxxxx7894, 57 622202xxxxxx7894D30122010000FF, 9F26 0101010101010101"
        );
    }

    fn hex_bytes(hex: &str) -> Vec<u8> {
        let mut hex = hex.to_owned();
        if hex.len() % 2 == 1 {
            hex.push('F');
        }
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn a_merchant_is_no_account_number() {
        assert_eq!(values(Message::new(0x0200).text(42, "123456789012345")), "42=123456789012345");
    }

    #[test]
    fn totals_are_words() {
        let digits = "00000000120001200000000000000010000000000000000000000000000000";
        let text = values(Message::new(0x0500).digits(48, digits));
        assert!(
            text.starts_with("48=home: debit 12 over 1200 fen, credit 0 over 0 fen, result 1; foreign: debit 0"),
            "{text}"
        );
    }
}
