//! What is written, byte for byte, and what is read from it.

use std::string::ToString;
use std::vec::Vec;
use std::{assert_eq, format};

use super::{COVERED, HEADER, hex, mac_key, ride};
use crate::totals::Items;
use crate::{
    Additional, Cursor, DenyPage, Error, Item, MacKey, Message, PartTotals, SettlementResult, Totals, Tpdu, What,
    Writer, authority, deny, mti, network,
};

/// A message of this type, with what the test writes.
fn content(mti: u16, write: impl for<'w, 'b> FnOnce(&'w mut Writer<'b>) -> &'w mut Writer<'b>) -> Vec<u8> {
    let mut buffer = [0; 1024];
    let mut writer = Writer::new(&mut buffer, Tpdu::new(3, 9), HEADER, mti);
    write(&mut writer);
    writer.finish(None).unwrap()[2..].to_vec()
}

/// The bytes of the fields alone.
fn fields(mti: u16, write: impl for<'w, 'b> FnOnce(&'w mut Writer<'b>) -> &'w mut Writer<'b>) -> Vec<u8> {
    content(mti, write)[21..].to_vec()
}

#[test]
fn the_ride_of_the_document_is_written_byte_for_byte() {
    for (key, mac) in [
        ("3333333333333333", "FA77EEAB"),
        ("0123456789ABCDEF", "7575A1CA"),
        ("0123456789ABCDEFFEDCBA9876543210", "9C4EFF9B"),
    ] {
        let mut buffer = [0; 128];
        let key = MacKey::new(&hex(key)).unwrap();
        let frame = ride(&mut buffer, Some(&key));
        let mut wanted = hex("005A 6000030009 613200324605");
        wanted.extend(hex(COVERED));
        wanted.extend(mac.as_bytes());
        assert_eq!(frame, wanted);
        let message = Message::decode(&frame[2..]).unwrap();
        assert!(message.mac_is_good(&key));
        assert!(!message.mac_is_good(&MacKey::new(&[0x34; 8]).unwrap()));
    }
}

#[test]
fn the_ride_of_the_document_is_read() {
    let mut buffer = [0; 128];
    let frame = ride(&mut buffer, Some(&mac_key()));
    let message = Message::decode(&frame[2..]).unwrap();
    assert_eq!(message.tpdu(), Tpdu::new(3, 9));
    assert_eq!(message.tpdu().swapped().bytes(), [0x60, 0, 9, 0, 3]);
    assert_eq!((message.header(), message.header().class(), message.header().request()), (HEADER, 61, 0));
    assert_eq!((message.mti(), mti::answer_to(message.mti())), (0x0200, 0x0210));
    assert_eq!(message.account().unwrap(), "6222021234567894");
    assert_eq!((message.amount(), message.trace()), (Some(100), Some(1)));
    assert_eq!(message.field(22), Some(&[0x07, 0x20][..]));
    assert_eq!(message.digits(22).unwrap(), "072");
    assert_eq!(message.field(23), Some(&[0x00, 0x01][..]));
    assert_eq!(message.digits(23).unwrap(), "001");
    assert_eq!((message.text(41), message.text(49)), (Some("12345678"), Some("156")));
    assert_eq!(message.additional(), Ok(Additional::ride(1)));
    assert_eq!(message.field(60), Some(&hex("2200000100 0601")[..]));
    assert_eq!(format!("{message:?}"), "Message(0200 2 3 4 11 22 23 25 41 42 49 60 64)");
    // Absent fields, fields of another form, and numbers that no field has.
    assert_eq!((message.code(), message.field(39), message.digits(41), message.text(2)), (None, None, None, None));
    assert_eq!((message.field(0), message.field(65), message.field(255)), (None, None, None));
    assert_eq!(message.chip().unwrap_err(), Error { field: 55, at: 0, what: What::Missing });
    assert_eq!(message.totals().unwrap_err().what, What::Missing);
}

#[test]
fn a_message_without_a_mac_has_no_good_one() {
    let mut buffer = [0; 128];
    let frame = ride(&mut buffer, None);
    assert_eq!(frame.len(), 2 + 82);
    // Its last 8 bytes are now those of field 60, which are no MAC either.
    assert!(!Message::decode(&frame[2..]).unwrap().mac_is_good(&mac_key()));
}

#[test]
fn every_covered_byte_counts_for_the_mac() {
    let mut buffer = [0; 128];
    let frame = ride(&mut buffer, Some(&mac_key())).to_vec();
    for at in 2..frame.len() {
        let mut altered = frame.clone();
        altered[at] ^= 1;
        let good = Message::decode(&altered[2..]).is_ok_and(|message| message.mac_is_good(&mac_key()));
        // TPDU and header do not belong to it; the first byte of the TPDU has to be 60 anyway.
        assert_eq!(good, (3..13).contains(&at), "byte {at}");
    }
}

#[test]
fn the_processing_request_is_the_sixth_digit() {
    for request in 0..=9 {
        let mut frame = [0; 128];
        let mut bytes = ride(&mut frame, None)[2..].to_vec();
        bytes[7] = request;
        assert_eq!(Message::decode(&bytes).unwrap().header().request(), request);
    }
}

#[test]
fn digits_stand_as_the_table_says() {
    assert_eq!(fields(0x0200, |writer| writer.digits(2, "622202123456789")), hex("15 6222021234567890"));
    assert_eq!(fields(0x0200, |writer| writer.number(7, 521_160_910)), hex("0521160910"));
    assert_eq!(fields(0x0200, |writer| writer.digits(14, "3012")), hex("3012"));
    assert_eq!(fields(0x0200, |writer| writer.digits(32, "00000000")), hex("08 00000000"));
    assert_eq!(fields(0x0200, |writer| writer.digits(35, "6222021234567894D3012")), hex("21 6222021234567894D30120"));
    assert_eq!(fields(0x0200, |writer| writer.digits(35, "6222=3")), hex("06 6222D3"));
    assert_eq!(
        fields(0x0200, |writer| writer.packed(35, &hex("6222021234567894D3012F"))),
        hex("21 6222021234567894D30120")
    );
    assert_eq!(fields(0x0200, |writer| writer.packed(2, &hex("62220212345678FF"))), hex("14 62220212345678"));
    assert_eq!(fields(0x0200, |writer| writer.number(53, 2_600_000_000_000_000)), hex("2600000000000000"));
    let bytes = content(0x0200, |writer| writer.digits(35, "6222021234567894D3012"));
    let digits = Message::decode(&bytes).unwrap().digits(35).unwrap();
    assert_eq!((digits.to_string().as_str(), digits.value()), ("6222021234567894D3012", None));
    assert_eq!(format!("{digits:?}"), "Digits(21)");
}

#[test]
fn field_48_counts_digits_only_where_totals_are() {
    assert_eq!(fields(mti::RIDE, |writer| writer.bytes(48, b"PA#")), hex("0003 504123"));
    assert_eq!(fields(mti::BATCH_UPLOAD, |writer| writer.uploaded(3)), hex("0004 0003"));
    let half = PartTotals { debit_fen: 400, debits: 4, ..PartTotals::default() };
    let foreign =
        PartTotals { credit_fen: 12, credits: 1000, result: SettlementResult::NotBalanced, ..PartTotals::default() };
    let totals = Totals { own: PartTotals { result: SettlementResult::Balanced, ..half }, foreign };
    let written = fields(mti::SETTLEMENT, |writer| writer.totals(&totals));
    assert_eq!(written, hex("0062 0000000004 00004 000000000000 0001 000000000000 000 000000000012 000 2"));
    let bytes = content(mti::SETTLEMENT, |writer| writer.totals(&totals));
    let read = Message::decode(&bytes).unwrap().totals().unwrap();
    assert_eq!(read, Totals { foreign: PartTotals { credits: 0, ..foreign }, ..totals });
}

#[test]
fn payments_of_an_upload_are_written_and_read() {
    let item = |trace, card| Item { kind: 0, trace, card, amount: 150 };
    let items = [item(8, "6222021234567894"), item(9, "6222020000000000007")];
    let bytes = content(mti::BATCH_UPLOAD, |writer| writer.items(&items));
    assert_eq!(
        bytes[21..],
        hex("0082 02 00 000008 00006222021234567894 000000000150 00 000009 06222020000000000007 000000000150")
    );
    let digits = Message::decode(&bytes).unwrap().digits(48).unwrap();
    let read: Vec<_> = Items::read(digits).unwrap().iter().collect();
    assert_eq!(read.len(), 2);
    for (read, written) in read.iter().zip(items) {
        assert_eq!((read.kind, read.trace, read.amount), (written.kind, written.trace, written.amount));
        assert_eq!(read.card, written.card);
    }
    assert_eq!(Items::read(digits.part(0, 81)).unwrap_err(), Error { field: 48, at: 81, what: What::Short });
    assert_eq!(Items::read(digits.part(0, 1)).unwrap_err().what, What::Short);
    assert_eq!(Items::read(digits.part(4, 2)).unwrap_err().what, What::Length);
}

#[test]
fn data_objects_have_the_length_that_ber_prescribes() {
    let (long, longer) = ([0x11; 200], [0x22; 300]);
    let values: [(u32, &[u8]); 5] =
        [(0x9F26, &[1; 8]), (0x95, &[0; 5]), (0xDF8101, &[]), (0xFF56, &long), (0x70, &longer)];
    let bytes = content(mti::RIDE, |writer| writer.chip(values));
    assert_eq!(bytes[21..41], hex("0530 9F26080101010101010101 95050000000000"));
    assert_eq!(bytes[41..46], hex("DF810100 FF")[..]);
    let read: Vec<_> =
        Message::decode(&bytes).unwrap().chip().unwrap().into_iter().map(|object| (object.tag, object.value)).collect();
    assert_eq!(read, values);
    assert_eq!(Message::decode(&bytes).unwrap().chip().unwrap().get(0x95), Some(&[0; 5][..]));
    assert_eq!(Message::decode(&bytes).unwrap().chip().unwrap().get(0x96), None);
    for tag in [0, 0x9F, 0x9F80, 0x5A01, 0x0100, 0xDF81_8101, 0xFFFF_FFFF] {
        let mut buffer = [0; 128];
        let mut writer = Writer::new(&mut buffer, Tpdu::new(3, 9), HEADER, mti::RIDE);
        writer.chip([(tag, &[1][..])]);
        assert_eq!(writer.finish(None).unwrap_err().what, What::Tag, "{tag:X}");
    }
}

#[test]
fn requests_of_downloads_are_those_of_the_document() {
    assert_eq!(authority::list_request(0), Some(*b"100"));
    assert_eq!(authority::list_request(42), Some(*b"142"));
    assert_eq!(authority::list_request(100), None);
    assert_eq!(authority::key_request(&[0xA0, 0, 0, 3, 0x33], 8)[..], hex("9F0605A000000333 9F220108"));
    assert_eq!(&deny::request(b"00000001", Cursor::FIRST), b"000000010000000000");
    assert_eq!(Additional::management(1, network::DENY_LIST).network, 570);
    let bytes = content(mti::DOWNLOAD, |writer| {
        writer.additional(&Additional::management(1, network::DENY_LIST));
        writer.bytes(63, &deny::request(b"00000001", Cursor::FIRST))
    });
    assert_eq!(bytes[21..29], hex("0011 000000015700")[..]);
    assert!(DenyPage::parse(Message::decode(&bytes).unwrap().field(63).unwrap()).is_err());
}
