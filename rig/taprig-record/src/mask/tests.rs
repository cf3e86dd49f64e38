//! What is hidden, and what stays.

use super::*;
use proptest::prelude::*;

fn masked_text(line: &str) -> String {
    let mut line = line.to_owned();
    text(&mut line);
    line
}

#[test]
fn numbers_in_text() {
    assert_eq!(masked_text("deny add 6226091234567890:01"), "deny add 622609xxxxxx7890:01");
    assert_eq!(
        masked_text("deny-list 6226 0912 3456 7890, 6226 0912 3456 7890 123"),
        "deny-list 622609xxxxxx7890, 622609xxxxxxxxx0123"
    );
    for other in ["6226-0912-3456-7890", "6226.0912.3456.7890", "卡号6226-0912-3456-7890。"] {
        assert!(masked_text(other).contains("622609xxxxxx7890"), "{other}");
    }
    assert_eq!(masked_text("track 2 6226091234567890D30122010000F"), "track 2 622609xxxxxx7890D30122010000F");
    assert_eq!(masked_text("set 5A 622609123456789012f"), "set 5A 622609xxxxxxxx9012f");
    assert_eq!(
        masked_text("570000000000000000"),
        "570000xxxxxxxx0000",
        "a number, though it begins as a data object does"
    );
    assert_eq!(masked_text("return 700A5A086226091234567890"), "return 700A5A08622609CCCCCC7890");
    assert_eq!(masked_text("return 700a5a086226091234567890,"), "return 700a5a08622609cccccc7890,");
    for line in [
        "select aid A000000333010102",
        "digest=0123456789012345678901234567890123456789012345678901234567890123",
        "at 2018-05-21T08:00:00 fare=100 atc=0017",
        "pan=622609******7890 卡",
        "1234 5678 9012",
        "6226-0912 3456-7890",
        "2018-05-21-08-00-00",
        "6229-90##-####-0021",
    ] {
        assert_eq!(masked_text(line), line);
    }
}

#[test]
fn numbers_in_responses() {
    let mut bytes = Bytes(vec![
        0x70, 0x18, 0x5A, 0x08, 0x62, 0x26, 0x09, 0x12, 0x34, 0x56, 0x78, 0x90, 0x57, 0x0C, 0x62, 0x26, 0x09, 0x12,
        0x34, 0x56, 0x78, 0x90, 0xD3, 0x01, 0x22, 0x01, 0x90, 0x00,
    ]);
    response(&mut bytes, &mut Found::new());
    assert_eq!(bytes.to_string(), "70185A08622609CCCCCC7890570C622609CCCCCC7890D30122019000");
}

#[test]
fn the_number_in_an_sm2_certificate() {
    let number = [0x62, 0x26, 0x09, 0x12, 0x34, 0x56, 0x78, 0x90, 0xFF, 0xFF];
    let of = |format: u8, number: [u8; 10]| {
        let rest = [&[0x12; 6][..], &[0x00, 0x11, 0x40], &[0x12; 13]].concat();
        let mut bytes = Bytes([&[0x70, 0x24, 0x9F, 0x46, 0x21, format][..], &number, &rest, &[0x90, 0x00]].concat());
        response(&mut bytes, &mut Found::new());
        bytes.to_string()
    };
    let tail = "CC".repeat(16);
    assert_eq!(of(0x14, number), format!("70249F462114622609CCCCCC7890FFFF{}{tail}9000", "12".repeat(6)));
    assert!(of(0x04, number).contains("04622609CCCCCC7890FFFF"), "a case has spoilt the format");
    let mut other = number;
    other[1] = 0xAB;
    assert!(of(0x14, other).contains("1462AB09123456"));
}

#[test]
fn numbers_in_commands() {
    let number = [0x5A, 0x08, 0x62, 0x26, 0x09, 0x12, 0x34, 0x56, 0x78, 0x90];
    let mut returned = Bytes([&[0x00, 0x10, 0x00, 0x00, 0x0A][..], &number].concat());
    command(&mut returned, &mut Found::new());
    assert_eq!(returned.to_string(), "001000000A5A08622609CCCCCC7890");
    // 9F37 comes first, and its third byte is 5A by chance. Then 9F66, 9F02, 5F2A and 9A follow.
    let gpo = [&[0x80, 0xA8, 0, 0, 0x16, 0x83, 0x14, 1, 2, 0x5A, 4, 0x21, 0x80, 0, 0x80][..], &[0; 12]].concat();
    let mut gpo = Bytes(gpo);
    let before = gpo.clone();
    command(&mut gpo, &mut Found::new());
    assert_eq!(gpo, before);
}

#[test]
fn numbers_in_broken_responses() {
    let mut bytes = Bytes(vec![0x70, 0x7A, 0x5A, 0x0B, 0x62, 0x26, 0x09, 0x12, 0x34, 0x56, 0x78, 0x90, 0x90, 0x00]);
    response(&mut bytes, &mut Found::new());
    assert!(!bytes.to_string().contains("123456"), "{bytes}");
}

#[test]
fn numbers_behind_lengths_of_any_form() {
    for length in [&[0x81, 0x08][..], &[0x84, 0xFF, 0xFF, 0xFF, 0xFF], &[0x83, 0, 0, 8]] {
        let number = [0x62, 0x26, 0x09, 0x12, 0x34, 0x56, 0x78, 0x90];
        let mut bytes = Bytes([&[0x77, 0x20, 0x5A], length, &number, &[0x90, 0x00]].concat());
        response(&mut bytes, &mut Found::new());
        assert!(bytes.to_string().contains("622609CCCCCC7890"), "{bytes}");
    }
    assert_eq!(masked_text("deny add 62299001800000210000"), "deny add 622990xxxxxxxxxx0000");
}

#[test]
fn a_certificate_can_not_be_recovered() {
    let mut bytes = Bytes([&[0x9F, 0x46, 0x81, 0x80][..], &[0x11; 128], &[0x90, 0]].concat());
    response(&mut bytes, &mut Found::new());
    assert_eq!(bytes.0[4 + 112..4 + 128], [0xCC; 16]);
    assert_eq!(bytes.0[4..4 + 112], [0x11; 112]);
}

#[test]
fn equal_numbers_have_equal_tokens_within_a_record_and_no_other() {
    let note = |text: &str| Event {
        at_us: 0,
        board_us: None,
        bench: None,
        case: None,
        source: taprig_model::event::Source::Rig,
        body: Body::Note { text: text.into() },
        numbers: vec![],
    };
    let masked = |mut event: Event, key: &Key| {
        super::event(&mut event, key, &mut Frames::default());
        event
    };
    let key = Key::default();
    let text = masked(note("deny add 6226091234567890:01, then 6226091234567908"), &key);
    assert_eq!(text.numbers.len(), 2);
    assert_ne!(text.numbers[0], text.numbers[1]);
    let mut exchange = note("");
    exchange.body = Body::Exchange(taprig_model::event::Exchange {
        response: Some(Bytes(vec![0x5A, 8, 0x62, 0x26, 9, 0x12, 0x34, 0x56, 0x78, 0x90, 0x90, 0])),
        ..Default::default()
    });
    let exchange = masked(exchange, &key);
    assert_eq!(exchange.numbers, text.numbers[..1], "the same number as bytes");
    assert_ne!(masked(note("6226091234567890"), &Key::default()).numbers, exchange.numbers, "another record");
    assert!(masked(note("622609xxxxxx7890"), &key).numbers.is_empty());
    assert!(masked(note("nothing"), &key).numbers.is_empty());
}

/// An adapter program may put a number wherever a text may stand.
#[test]
fn no_text_of_a_device_keeps_a_number() {
    use taprig_model::event::{JournalRow, Role, Status};
    const NUMBER: &str = "6226091234567890";
    let text = || Some(NUMBER.to_owned());
    let said = || Fields(vec![("x".into(), NUMBER.into())]);
    fn unknown<T>() -> Word<T> {
        Word::Unknown(NUMBER.into())
    }
    let signals = [
        Signal::Show { message: unknown() },
        Signal::Sound { sound: unknown() },
        Signal::Gate { gate: unknown() },
        Signal::Result {
            outcome: Some(unknown()),
            reason: Some(unknown()),
            charged: None,
            held: None,
            cvm: Some(unknown()),
        },
        Signal::Fault { what: NUMBER.into() },
        Signal::Other { name: NUMBER.into() },
    ];
    let row = JournalRow {
        account: text(),
        sequence: text(),
        kind: text(),
        line: text(),
        said: said(),
        ..JournalRow::default()
    };
    let status = Status { state: text(), clock: text(), ..Status::default() };
    let others = [
        Body::Identified { role: Role::Validator, identity: said() },
        Body::Status { status, said: said() },
        Body::Journal { count: 1, total: 1, added: vec![row.clone()], listed: Some(vec![row]) },
        Body::ConsoleNoise { text: NUMBER.into() },
        Body::DeviceEnded { why: NUMBER.into() },
    ];
    for mut body in signals.map(|signal| Body::Signal { signal, said: said() }).into_iter().chain(others) {
        super::body(&mut body, &mut Found::new());
        let text = serde_json::to_string(&body).unwrap();
        assert!(!text.contains(NUMBER) && text.contains("622609xxxxxx7890"), "{text}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic_and_lengths_stay(bytes in any::<Vec<u8>>()) {
        let mut once = Bytes(bytes.clone());
        response(&mut once, &mut Found::new());
        command(&mut once, &mut Found::new());
        prop_assert_eq!(once.0.len(), bytes.len());
    }

    #[test]
    fn any_number_is_hidden_wherever_it_stands(number in "[1-9][0-9]{12,18}", before in "[ =:,]{0,3}", after in "[ =:,]{0,3}") {
        let line = masked_text(&format!("{before}{number}{after}"));
        prop_assert!(line.contains(&hidden(&number)));
    }

    #[test]
    fn any_text_survives(line in ".*") {
        masked_text(&line);
    }
}
