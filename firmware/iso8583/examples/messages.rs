//! Prints one frame of each kind of message that a terminal sends, for `ci/terminal-messages`, which reads them with other
//! people's software. A line has the kind, the key for the MAC (or `-`), and the frame from its length on, both in hexadecimal.

use iso8583::{
    Additional, Cursor, Error, Header, Item, MacKey, PartTotals, Totals, Tpdu, Writer, authority, deny, mti, network,
};

const HEADER: Header = Header([0x61, 0x32, 0x00, 0x32, 0x46, 0x05]);
const SHORT: [u8; 8] = [0x33; 8];
const LONG: [u8; 16] = 0x0123_4567_89AB_CDEF_FEDC_BA98_7654_3210_u128.to_be_bytes();
const RID: [u8; 5] = [0xA0, 0, 0, 3, 0x33];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Prints a message with these fields.
fn message(kind: &str, mti: u16, key: &[u8], write: impl FnOnce(&mut Writer<'_>)) -> Result<(), Error> {
    let mut buffer = [0; 1024];
    let mut writer = Writer::new(&mut buffer, Tpdu::new(3, 9), HEADER, mti);
    write(&mut writer);
    let frame = writer.finish(MacKey::new(key).as_ref())?;
    let key = if key.is_empty() { "-".to_owned() } else { hex(key) };
    println!("{kind} {key} {}", hex(frame));
    Ok(())
}

/// Terminal and merchant.
fn named<'w, 'b>(writer: &'w mut Writer<'b>) -> &'w mut Writer<'b> {
    writer.text(41, "12345678").text(42, "123456789012345")
}

/// Fields 2 to 25 of a claim.
fn claim<'w, 'b>(writer: &'w mut Writer<'b>, card: &str) -> &'w mut Writer<'b> {
    writer.digits(2, card).number(3, 0).amount(123_456_789_012).trace(999_999).digits(14, "3012");
    writer.number(22, 72).number(23, 1).number(25, 0)
}

/// A message of management with no more than this in field 62 or 63.
fn management(kind: &str, mti: u16, network: u16, field: u8, bytes: &[u8]) -> Result<(), Error> {
    message(kind, mti, &[], |writer| {
        named(writer.trace(2)).additional(&Additional::management(1, network));
        if field > 0 {
            writer.bytes(field, bytes);
        }
    })
}

fn main() -> Result<(), Error> {
    for set in [1, 3, 4] {
        management(&format!("sign-on-{set:03}"), mti::SIGN_ON, set, 63, b"01 ")?;
    }
    management("sign-off", mti::MANAGEMENT, network::SIGN_OFF, 0, &[])?;
    management("echo", mti::MANAGEMENT, network::ECHO, 0, &[])?;
    management("list-page", mti::DOWNLOAD, network::DENY_LIST, 63, &deny::request(b"00000001", Cursor::FIRST))?;
    let known = authority::list_request(21).unwrap_or_default();
    management("key-list", mti::MANAGEMENT, network::KEY_LIST, 62, &known)?;
    management("key", mti::DOWNLOAD, network::KEY, 62, &authority::key_request(&RID, 8))?;
    management("keys-end", mti::DOWNLOAD, network::KEYS_END, 0, &[])?;

    for (kind, key, card, track) in [
        ("ride", &SHORT[..], "6222021234567894", &b"\x62\x22\x02\x12\x34\x56\x78\x94\xD3\x01\x22\x01\x00\x00\x0F"[..]),
        ("ride-odd", &LONG[..], "622202123456789", &b"\x62\x22\x02\x12\x34\x56\x78\x9D\x30\x12"[..]),
    ] {
        let long = [0x5A; 128];
        let objects: [(u32, &[u8]); 4] = [(0x9F26, &[0x11; 8]), (0x95, &[0; 5]), (0x9F36, &[0, 1]), (0x9F4B, &long)];
        message(kind, mti::RIDE, key, |writer| {
            claim(writer, card).packed(35, track);
            named(writer).bytes(48, b"PA5709#").text(49, "156").number(53, 2_600_000_000_000_000).chip(objects);
            writer.additional(&Additional::ride(1));
        })?;
    }
    message("advice", mti::ADVICE, &SHORT, |writer| {
        named(claim(writer, "6222021234567894")).text(49, "156");
        writer.additional(&Additional { kind: 36, ..Additional::ride(999_999) });
    })?;
    message("reversal", mti::REVERSAL, &SHORT, |writer| {
        named(claim(writer, "6222021234567894").text(39, "98")).text(49, "156").additional(&Additional::ride(1));
    })?;
    let own = PartTotals { debit_fen: 31_810_036_920, debits: 1007, ..PartTotals::default() };
    message("settlement", mti::SETTLEMENT, &[], |writer| {
        named(writer.trace(3)).totals(&Totals { own, ..Totals::default() }).text(49, "156");
        writer.additional(&Additional::management(1, network::SETTLEMENT)).bytes(63, b"01 ");
    })?;
    let item = |trace, card| Item { kind: 0, trace, card, amount: 150 };
    let items = [item(1, "6222021234567894"), item(999_999, "6222020000000000007")];
    message("upload", mti::BATCH_UPLOAD, &[], |writer| {
        named(writer.trace(4)).items(&items).additional(&Additional::management(1, network::SETTLEMENT));
    })?;
    for (kind, network) in [("upload-end", network::UPLOAD_END), ("balanced-end", network::BALANCED_END)] {
        message(kind, mti::BATCH_UPLOAD, &[], |writer| {
            named(writer.trace(5)).uploaded(1007).additional(&Additional::management(1, network));
        })?;
    }
    Ok(())
}
