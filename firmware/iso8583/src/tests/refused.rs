//! What is refused, to the field and byte.

use std::assert_eq;

use super::{HEADER, mac_key, ride};
use crate::{Additional, Error, Header, Item, Message, PartTotals, Totals, Tpdu, What, Writer, mti};

fn refused(bytes: &[u8]) -> (u8, usize, What) {
    let Error { field, at, what } = Message::decode(bytes).unwrap_err();
    (field, at, what)
}

#[test]
fn each_wrong_byte_is_named() {
    let mut buffer = [0; 128];
    let good = ride(&mut buffer, Some(&mac_key()))[2..].to_vec();
    assert!(Message::decode(&good).is_ok());
    for (at, byte, wanted) in [
        (0, 0x61, (0, 0, What::Tpdu)),
        (5, 0xA1, (0, 5, What::Digit)),
        (10, 0x0F, (0, 10, What::Digit)),
        (12, 0x0A, (0, 12, What::Digit)),
        (13, 0xF0, (0, 13, What::SecondBitmap)),
        // Bit 5 is set, so field 5 begins where field 11 was.
        (13, 0x78, (5, 39, What::UnknownField)),
        // Field 2 has 15 digits, but the filler is 4; it has 20; its length is no number.
        (21, 0x15, (2, 29, What::Filler)),
        (21, 0x20, (2, 21, What::Length)),
        (21, 0x1A, (2, 21, What::Digit)),
        (22, 0x6D, (2, 22, What::Digit)),
        (38, 0x0B, (4, 38, What::Digit)),
        (43, 0x21, (22, 43, What::Filler)),
        (44, 0x10, (23, 44, What::Filler)),
        (45, 0x0C, (23, 45, What::Digit)),
        (47, 0x1F, (41, 47, What::Text)),
        (54, 0x7F, (41, 54, What::Text)),
        (72, 0x80, (49, 72, What::Text)),
        (73, 0x0A, (60, 73, What::Digit)),
        (74, 0x10, (60, 73, What::Length)),
        (74, 0x20, (60, 73, What::Length)),
        (74, 0x13, (60, 81, What::Filler)),
        (82, b'g', (64, 82, What::Text)),
        (82, b'a', (64, 82, What::Text)),
        (89, b'G', (64, 89, What::Text)),
        // Without bit 64, its bytes are too many.
        (20, 0x10, (0, 82, What::Trailing)),
    ] {
        let mut bytes = good.clone();
        bytes[at] = byte;
        assert_eq!(refused(&bytes), wanted, "byte {at} is {byte:02X}");
    }
}

#[test]
fn a_message_that_is_cut_or_longer_is_refused() {
    let mut buffer = [0; 128];
    let good = ride(&mut buffer, Some(&mac_key()))[2..].to_vec();
    for len in 0..good.len() {
        let (_, at, what) = refused(&good[..len]);
        assert_eq!((at, what), (len, What::Short), "{len} bytes");
    }
    let longer = [&good[..], &[0]].concat();
    assert_eq!(refused(&longer), (0, 90, What::Trailing));
}

#[test]
fn track_2_has_one_separator() {
    let mut buffer = [0; 128];
    let mut writer = Writer::new(&mut buffer, Tpdu::new(3, 9), HEADER, mti::RIDE);
    writer.digits(35, "6222D30");
    let mut bytes = writer.finish(None).unwrap()[2..].to_vec();
    assert_eq!(bytes[21..], [0x07, 0x62, 0x22, 0xD3, 0x00]);
    assert!(Message::decode(&bytes).is_ok());
    bytes[25] = 0xD0;
    assert_eq!(refused(&bytes), (35, 25, What::Digit));
    bytes[25] = 0x0D;
    assert_eq!(refused(&bytes), (35, 25, What::Filler));
}

/// What the writer says to these calls.
fn mistake(
    mti: u16,
    room: usize,
    write: impl for<'w, 'b> FnOnce(&'w mut Writer<'b>) -> &'w mut Writer<'b>,
) -> Option<(u8, What)> {
    let mut buffer = [0; 256];
    let mut writer = Writer::new(&mut buffer[..room], Tpdu::new(3, 9), HEADER, mti);
    write(&mut writer);
    writer.finish(None).err().map(|error| (error.field, error.what))
}

#[test]
fn a_mistake_of_the_caller_makes_no_frame() {
    type Write = for<'w, 'b> fn(&'w mut Writer<'b>) -> &'w mut Writer<'b>;
    let item = Item { kind: 0, trace: 1, card: "6222", amount: 1 };
    let cases: [(u16, Write, u8, What); 28] = [
        (0x0200, |w| w.number(3, 0).digits(2, "62"), 2, What::Order),
        (0x0200, |w| w.number(3, 0).number(3, 0), 3, What::Order),
        (0x0200, |w| w.digits(2, "62220212345678901234"), 2, What::Length),
        (0x0200, |w| w.digits(2, "6222D"), 2, What::Digit),
        (0x0200, |w| w.digits(2, "62x2"), 2, What::Digit),
        (0x0200, |w| w.digits(35, "6D2D"), 35, What::Digit),
        (0x0200, |w| w.digits(4, "100"), 4, What::Length),
        (0x0200, |w| w.amount(1_000_000_000_000), 4, What::Length),
        (0x0200, |w| w.trace(1_000_000), 11, What::Length),
        (0x0200, |w| w.number(2, 1), 2, What::Form),
        (0x0200, |w| w.number(41, 1), 41, What::Form),
        (0x0200, |w| w.number(5, 1), 5, What::Form),
        (0x0200, |w| w.text(41, "1234567"), 41, What::Length),
        (0x0200, |w| w.text(41, "1234567\u{7f}"), 41, What::Text),
        (0x0200, |w| w.text(2, "12"), 2, What::Form),
        (0x0200, |w| w.bytes(60, &[1]), 60, What::Form),
        (0x0200, |w| w.bytes(64, &[1; 8]), 64, What::Form),
        (0x0320, |w| w.bytes(48, &[1]), 48, What::Form),
        (0x0200, |w| w.totals(&Totals::default()), 48, What::Form),
        (0x0320, |w| w.items(&[]), 48, What::Length),
        (0x0320, |w| w.uploaded(10_000), 48, What::Length),
        (0x0200, |w| w.packed(2, &[0x62, 0xF2]), 2, What::Filler),
        (0x0200, |w| w.packed(2, &[0x6D, 0x22]), 2, What::Digit),
        (0x0200, |w| w.additional(&Additional { kind: 100, ..Additional::ride(1) }), 60, What::Length),
        (0x0200, |w| w.additional(&Additional::ride(1_000_000)), 60, What::Length),
        (0x0200, |w| w.additional(&Additional { network: 1000, ..Additional::ride(1) }), 60, What::Length),
        (
            0x0200,
            |w| w.additional(&Additional { rest: "6x".try_into().unwrap(), ..Additional::ride(1) }),
            60,
            What::Digit,
        ),
        (
            0x0500,
            |w| {
                let own = PartTotals { debit_fen: 1_000_000_000_000, ..PartTotals::default() };
                w.totals(&Totals { own, ..Totals::default() })
            },
            48,
            What::Length,
        ),
    ];
    for (index, (mti, write, field, what)) in cases.into_iter().enumerate() {
        assert_eq!(mistake(mti, 256, write), Some((field, what)), "case {index}");
    }
    assert_eq!(mistake(0x0320, 256, |w| w.items(&[item; 9])), Some((48, What::Length)));
    for wrong in [
        Item { kind: 100, ..item },
        Item { trace: 1_000_000, ..item },
        Item { amount: 1_000_000_000_000, ..item },
        Item { card: "622202123456789012345", ..item },
    ] {
        assert_eq!(mistake(0x0320, 256, |w| w.items(&[wrong])), Some((48, What::Length)));
    }
    assert_eq!(mistake(0x0320, 256, |w| w.items(&[Item { card: "62D2", ..item }])), Some((48, What::Digit)));
    assert_eq!(mistake(0x0A00, 256, |w| w), Some((0, What::Digit)));
    let mut buffer = [0; 64];
    let writer = Writer::new(&mut buffer, Tpdu::new(3, 9), Header([0xA0; 6]), mti::RIDE);
    assert_eq!(writer.finish(None).unwrap_err().what, What::Digit);
}

#[test]
fn a_buffer_that_is_too_small_makes_no_frame() {
    for room in 0..92 {
        let mut buffer = [0; 92];
        let mut writer = Writer::new(&mut buffer[..room], Tpdu::new(3, 9), HEADER, mti::RIDE);
        writer
            .digits(2, "6222021234567894")
            .number(3, 0)
            .amount(100)
            .trace(1)
            .number(22, 72)
            .number(23, 1)
            .number(25, 0);
        writer.text(41, "12345678").text(42, "123456789012345").text(49, "156").additional(&Additional::ride(1));
        assert_eq!(writer.finish(Some(&mac_key())).unwrap_err().what, What::Room, "{room} bytes");
    }
    let long = [0; 10_000];
    let mut buffer = [0; 12_000];
    let mut writer = Writer::new(&mut buffer, Tpdu::new(3, 9), HEADER, mti::RIDE);
    writer.bytes(62, &long);
    let error = writer.finish(None).unwrap_err();
    assert_eq!((error.field, error.what), (62, What::Length));
}

#[test]
fn errors_say_where_and_what() {
    use std::string::ToString;
    assert_eq!(Error { field: 4, at: 38, what: What::Digit }.to_string(), "field 4, byte 38: this is not a digit");
    assert_eq!(
        Error { field: 0, at: 0, what: What::Tpdu }.to_string(),
        "before the fields, byte 0: the TPDU does not begin with 60"
    );
}
