//! What holds for any bytes, and for anything that is written.

use std::format;
use std::string::String;
use std::vec::Vec;

use proptest::prelude::*;

use super::{HEADER, mac_key};
use crate::field::{Form, form};
use crate::totals::Items;
use crate::{
    Additional, Assembler, AuthorityKey, AuthorityList, DenyPage, Item, KeySet, MacKeyLength, Message, PartTotals,
    SettlementResult, Totals, Tpdu, WorkingKeys, Writer,
};

/// A value of one field, as the writer takes it.
#[derive(Clone, Debug)]
enum Value {
    Digits(String),
    Text(String),
    Bytes(Vec<u8>),
}

fn matching(pattern: &str) -> impl Strategy<Value = String> + use<> {
    proptest::string::string_regex(pattern).unwrap()
}

fn value(number: u8, mti: u16) -> Option<BoxedStrategy<Value>> {
    let digits = |from: usize, to: usize| matching(&format!("[0-9]{{{from},{to}}}")).prop_map(Value::Digits).boxed();
    Some(match form(number, mti)? {
        Form::Digits(len) | Form::DigitsOnRight(len) => digits(len, len),
        Form::Counted { separator: true, max, .. } => {
            matching(&format!("[0-9]{{0,19}}D[0-9]{{0,{}}}", max - 20)).prop_map(Value::Digits).boxed()
        }
        Form::Counted { .. } if number == 60 => digits(11, 19),
        Form::Counted { max, .. } => digits(0, max.min(400)),
        Form::Text(len) => matching(&format!("[ -~]{{{len}}}")).prop_map(Value::Text).boxed(),
        Form::Bytes => proptest::collection::vec(any::<u8>(), 0..300).prop_map(Value::Bytes).boxed(),
        Form::Mac => return None,
    })
}

/// A message type, and some of its fields.
fn message() -> impl Strategy<Value = (u16, Vec<(u8, Value)>)> {
    const TYPES: [u16; 12] =
        [0x0200, 0x0210, 0x0220, 0x0320, 0x0330, 0x0400, 0x0500, 0x0510, 0x0800, 0x0810, 0x0820, 0x0830];
    proptest::sample::select(&TYPES[..]).prop_flat_map(|mti| {
        let each: Vec<_> = (1..=64)
            .filter_map(|number| Some(proptest::option::of(value(number, mti)?.prop_map(move |value| (number, value)))))
            .collect();
        each.prop_map(move |fields| (mti, fields.into_iter().flatten().collect()))
    })
}

fn write(mti: u16, fields: &[(u8, Value)], signed: bool) -> Vec<u8> {
    let mut buffer = [0; 4096];
    let mut writer = Writer::new(&mut buffer, Tpdu::new(3, 9), HEADER, mti);
    for (number, value) in fields {
        match value {
            Value::Digits(digits) => writer.digits(*number, digits),
            Value::Text(text) => writer.text(*number, text),
            Value::Bytes(bytes) => writer.bytes(*number, bytes),
        };
    }
    writer.finish(signed.then_some(&mac_key())).unwrap().to_vec()
}

/// Reads everything, and writes the fields that were read once more.
fn read_and_write(message: &Message<'_>) -> Vec<u8> {
    let mut buffer = [0; 70_000];
    let mut writer = Writer::new(&mut buffer, message.tpdu(), message.header(), message.mti());
    for number in (1..64).filter(|number| message.has(*number)) {
        if let Some(digits) = message.digits(number) {
            writer.digits(number, &format!("{digits}"));
        } else if let Some(text) = message.text(number) {
            writer.text(number, text);
        } else {
            writer.bytes(number, message.field(number).unwrap());
        }
    }
    let _ = (message.amount(), message.trace(), message.code(), message.totals(), message.chip());
    let again = writer.finish(message.has(64).then_some(&mac_key())).unwrap();
    again[2..].to_vec()
}

/// All readers of fields, on bytes of any kind.
fn read_fields(bytes: &[u8]) {
    if let Ok(page) = DenyPage::parse(bytes) {
        assert_eq!(page.cards().filter(|card| !card.is_empty()).count(), page.len());
    }
    if let Ok(list) = AuthorityList::parse(bytes) {
        assert!(list.entries().count() > 0 || bytes == b"0");
    }
    if let Ok(Some(key)) = AuthorityKey::parse(bytes) {
        let _ = key.is_sound();
    }
    for (set, length) in [
        (KeySet::Des, MacKeyLength::Sixteen),
        (KeySet::TripleDes, MacKeyLength::Eight),
        (KeySet::TripleDesWithTrack, MacKeyLength::Sixteen),
    ] {
        let _ = WorkingKeys::open(&[0x22; 16], set, bytes, length);
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read((mti, fields) in message(), signed: bool) {
        let frame = write(mti, &fields, signed);
        prop_assert_eq!(usize::from(u16::from_be_bytes([frame[0], frame[1]])), frame.len() - 2);
        let message = Message::decode(&frame[2..]).unwrap();
        prop_assert_eq!(message.mti(), mti);
        prop_assert_eq!(message.mac_is_good(&mac_key()), signed);
        for number in 1..64 {
            match fields.iter().find(|(there, _)| *there == number).map(|(_, value)| value) {
                None => prop_assert!(!message.has(number)),
                Some(Value::Digits(digits)) => prop_assert_eq!(&format!("{}", message.digits(number).unwrap()), digits),
                Some(Value::Text(text)) => prop_assert_eq!(message.text(number), Some(text.as_str())),
                Some(Value::Bytes(bytes)) => prop_assert_eq!(message.field(number), Some(&bytes[..])),
            }
        }
        prop_assert_eq!(read_and_write(&message), &frame[2..]);
    }

    /// Nothing that is read can be written in two ways. The MAC is the one thing that is not read but computed.
    #[test]
    fn a_damaged_message_is_refused_or_has_one_form(
        (mti, fields) in message(), at: proptest::sample::Index, byte: u8, cut in proptest::option::of(any::<proptest::sample::Index>()),
    ) {
        let mut content = write(mti, &fields, true)[2..].to_vec();
        let at = at.index(content.len());
        content[at] = byte;
        if let Some(cut) = cut {
            content.truncate(cut.index(content.len()));
        }
        if let Ok(message) = Message::decode(&content) {
            let again = read_and_write(&message);
            let covered = content.len() - if message.has(64) { 8 } else { 0 };
            prop_assert_eq!(&again[..covered], &content[..covered]);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(message) = Message::decode(&bytes) {
            read_and_write(&message);
        }
        read_fields(&bytes);
        let mut assembler = Assembler::<64>::new();
        for byte in &bytes {
            if assembler.push(*byte).is_err() {
                assembler.reset();
            }
        }
    }

    /// Bytes that look like an answer's field: a flag, and digits, or objects of the right tags with any values.
    #[test]
    fn no_field_panics(
        flag in "[0-3]", digits in "[0-9 ]{0,80}",
        objects in proptest::collection::vec(
            (proptest::sample::select(&[0x9F06_u16, 0x9F22, 0xDF05, 0xDF06, 0xDF07, 0xDF02, 0xDF04, 0xDF03][..]),
             proptest::collection::vec(any::<u8>(), 0..10)), 0..10),
    ) {
        read_fields(format!("{flag}{digits}").as_bytes());
        let mut bytes = flag.into_bytes();
        for (tag, value) in objects {
            bytes.extend(tag.to_be_bytes());
            bytes.push(u8::try_from(value.len()).unwrap());
            bytes.extend(value);
        }
        read_fields(&bytes);
    }

    #[test]
    fn frames_come_out_whole_and_in_order(frames in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..65), 0..6)) {
        let mut assembler = Assembler::<64>::new();
        let mut heard = Vec::new();
        for frame in &frames {
            let len = u16::try_from(frame.len()).unwrap().to_be_bytes();
            for byte in len.iter().chain(frame) {
                if let Some(whole) = assembler.push(*byte).unwrap() {
                    heard.push(whole.to_vec());
                }
            }
            prop_assert!(!assembler.is_within());
        }
        prop_assert_eq!(heard, frames);
    }

    #[test]
    fn totals_and_payments_are_read_as_written(
        sums in proptest::array::uniform4(0..1_000_000_000_000_u64), counts in proptest::array::uniform4(0..3000_u32),
        result in proptest::sample::select(&[SettlementResult::NotCompared, SettlementResult::Balanced, SettlementResult::NotBalanced][..]),
        cards in proptest::collection::vec(("[1-9][0-9]{0,19}", 0..1_000_000_u32, 0..100_u8), 1..9),
    ) {
        let [debit_fen, credit_fen, ..] = sums;
        let own = PartTotals { debit_fen, debits: counts[0], credit_fen, credits: counts[1], result };
        let foreign = PartTotals { debit_fen: sums[2], debits: counts[2], credit_fen: sums[3], credits: counts[3], ..PartTotals::default() };
        let mut buffer = [0; 512];
        let mut writer = Writer::new(&mut buffer, Tpdu::new(3, 9), HEADER, 0x0500);
        writer.totals(&Totals { own, foreign }).additional(&Additional::management(1, 201));
        let frame = writer.finish(None).unwrap();
        let sent = |part: PartTotals| PartTotals { debits: part.debits % 1000, credits: part.credits % 1000, ..part };
        let wanted = Totals { own: sent(own), foreign: sent(foreign) };
        prop_assert_eq!(Message::decode(&frame[2..]).unwrap().totals(), Ok(wanted));

        let items: Vec<_> = cards
            .iter()
            .zip(sums.iter().cycle())
            .map(|((card, trace, kind), amount)| Item { kind: *kind, trace: *trace, card: card.as_str(), amount: *amount })
            .collect();
        let mut writer = Writer::new(&mut buffer, Tpdu::new(3, 9), HEADER, 0x0320);
        writer.items(&items);
        let frame = writer.finish(None).unwrap();
        let read: Vec<_> = Items::read(Message::decode(&frame[2..]).unwrap().digits(48).unwrap()).unwrap().iter().collect();
        prop_assert_eq!(read.len(), items.len());
        for (read, item) in read.iter().zip(&items) {
            prop_assert_eq!((read.kind, read.trace, read.amount), (item.kind, item.trace, item.amount));
            prop_assert!(read.card == item.card);
        }
    }
}
