//! What an acquirer's host sends to a terminal: a stream of frames, one message, or the content of field 62 or 63.

use iso8583::totals::Items;
use iso8583::{
    Assembler, AuthorityKey, AuthorityList, DenyPage, KeySet, MacKey, MacKeyLength, Message, WorkingKeys, Writer,
};

/// Plays one input, as each of the three.
pub fn run(input: &[u8]) {
    let mut assembler = Assembler::<2048>::new();
    for byte in input {
        match assembler.push(*byte) {
            Ok(None) => {}
            Ok(Some(content)) => message(content),
            Err(_) => {
                assert!(assembler.push(*byte).is_err(), "only a reset ends an error");
                assembler.reset();
            }
        }
    }
    message(input);
    field(input);
}

/// Reads everything of a message. What can be read has only one form, except for the MAC, which is computed.
fn message(content: &[u8]) {
    let Ok(message) = Message::decode(content) else { return };
    let Some(key) = MacKey::new(&[0x33; 8]) else { return };
    let mut buffer = vec![0; content.len() + 2];
    let mut writer = Writer::new(&mut buffer, message.tpdu(), message.header(), message.mti());
    for number in (1..64).filter(|number| message.has(*number)) {
        if let Some(digits) = message.digits(number) {
            writer.digits(number, &digits.to_string());
        } else if let Some(text) = message.text(number) {
            writer.text(number, text);
        } else if let Some(bytes) = message.field(number) {
            writer.bytes(number, bytes);
            field(bytes);
        }
    }
    let signed = message.has(64);
    // Only a message that is longer than a length can say has none.
    if let Ok(again) = writer.finish(signed.then_some(&key)) {
        let covered = content.len() - if signed { 8 } else { 0 };
        assert_eq!(again[2..2 + covered], content[..covered], "a message has one form");
        assert_eq!(message.mac_is_good(&key), signed && again[2..] == *content);
    } else {
        assert!(content.len() > usize::from(u16::MAX), "what is read can be written");
    }
    let _ = (message.account(), message.amount(), message.trace(), message.code(), message.totals());
    assert!(!message.has(60) || message.additional().is_ok());
    if let Ok(chip) = message.chip() {
        assert!(chip.into_iter().all(|object| object.at + object.value.len() <= content.len()));
    }
    if let Some(items) = message.digits(48).and_then(|digits| Items::read(digits).ok()) {
        assert!((1..=8).contains(&items.iter().count()));
    }
}

/// Reads bytes as everything that fields 62 and 63 can be.
fn field(bytes: &[u8]) {
    if let Ok(page) = DenyPage::parse(bytes) {
        assert!(page.cards().all(|card| card.bytes().all(|digit| digit.is_ascii_digit()) && !card.is_empty()));
        assert_eq!(page.cards().count(), page.len());
    }
    if let Ok(list) = AuthorityList::parse(bytes) {
        assert_eq!(list.entries().count() == 0, bytes == b"0");
    }
    if let Ok(Some(key)) = AuthorityKey::parse(bytes) {
        let _ = key.is_sound();
    }
    for set in [KeySet::Des, KeySet::TripleDes, KeySet::TripleDesWithTrack] {
        for length in [MacKeyLength::Eight, MacKeyLength::Sixteen] {
            let open = WorkingKeys::open(&[0x22; 16], set, bytes, length);
            assert!(open.is_err() || bytes.len() == set.field_len());
        }
    }
}
