//! What a case alters, and what it is told when that can't be.

use crate::reader::{NEW, RING, card, image, select, tap, try_card, verify};
use proptest::prelude::*;
use taprig_card::{KeyRing, PersonaliseError, personalise};
use taprig_model::card::change::{Field, Signed};
use taprig_model::expect::CommandName;

const CARD: &str = "unionpay-credit-rsa1152";

fn refused(changes: &[&str]) -> String {
    try_card(CARD, changes).unwrap_err().to_string()
}

#[test]
fn the_counter_begins_where_the_image_says() {
    let mut zero = card("unionpay-credit-atc-zero", &[]);
    assert_eq!(tap(&mut zero, NEW).unwrap().tags[&0x9F36], [0, 0]);
    assert_eq!(tap(&mut zero, NEW).unwrap().tags[&0x9F36], [0, 1]);
}

#[test]
fn an_answer_takes_the_place_of_one_command_of_its_kind() {
    let mut card = card(CARD, &["answer: { at: read record 3, sw: 6A83 }"]);
    assert_eq!(tap(&mut card, NEW).err(), Some(0x6A83));
    let mut card = self::card(CARD, &["answer: { at: gpo, sw: \"6986\" }"]);
    assert_eq!(tap(&mut card, NEW).err(), Some(0x6986));
    assert_eq!(tap(&mut card, NEW).err(), Some(0x6986), "counted anew at each tap");
}

#[test]
fn a_response_may_be_any_bytes() {
    let mut card = card(CARD, &["respond: { at: select ppse, bytes: \"6F FF\" }"]);
    assert_eq!(card.respond(&select(b"2PAY.SYS.DDF01")).response, [0x6F, 0xFF]);
    assert!(refused(&[&format!("respond: {{ at: gpo, bytes: \"{}\" }}", "00".repeat(259))]).contains("at most 258"));
}

#[test]
fn delays_add_up_and_a_mute_card_has_processed_the_command() {
    let changes = ["delay: { at: gpo, by: 40 ms }", "delay: { at: gpo, by: 2 ms }", "mute: { at: read record 2 }"];
    let mut card = card(CARD, &changes);
    let tapped = tap(&mut card, NEW).unwrap();
    assert!(verify(&tapped).is_ok());
    card.reset();
    card.respond(&select(&[0xA0, 0x00, 0x00, 0x03, 0x33]));
    assert_eq!(card.respond(&crate::reader::gpo(&[0x9F, 0x66, 33], NEW).0).delay.us, 72_000);
    let record = [0x00, 0xB2, 0x01, 0x0C, 0x00];
    let first = card.respond(&record);
    let second = card.respond(&record);
    assert_eq!((first.mute, second.mute), (false, true));
    assert_eq!(second.name, CommandName::ReadRecord);
    assert_eq!(first.response, second.response);
}

#[test]
fn a_place_keeps_a_change_to_one_response() {
    let changed = tap(&mut card(CARD, &["drop: { object: gpo/57 }"]), NEW).unwrap();
    assert!(!changed.tags.contains_key(&0x57));
    let twice = tap(&mut card(CARD, &["set: { object: record-2.1/9F0D, value: \"0102030405\" }"]), NEW).unwrap();
    assert_eq!(twice.tags[&0x9F0D], [1, 2, 3, 4, 5]);
    let discretionary = tap(&mut card(CARD, &["set: { object: fci/DF62, value: \"01\" }"]), NEW).unwrap();
    assert_eq!(discretionary.tags[&0xDF62], [1]);
    assert!(refused(&["drop: { object: gpo/5A }"]).contains("gpo has no such object; it has 57 5F34 77 82"));
}

#[test]
fn templates_and_lengths_can_be_broken() {
    let ppse = select(b"2PAY.SYS.DDF01");
    let long = card(CARD, &["length: { object: ppse/4F, bytes: \"84 FF FF FF FF\" }"]).respond(&ppse).response;
    assert!(long.windows(6).any(|bytes| bytes == [0x4F, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]));
    let twice = card(CARD, &["duplicate: { object: \"61\" }"]).respond(&ppse).response;
    assert_eq!(twice.windows(2).filter(|bytes| *bytes == [0x4F, 0x08]).count(), 2);
    let more = card(CARD, &["insert: { object: ppse/BF0C, with: \"9F 5A 00\" }"]).respond(&ppse).response;
    assert!(more.ends_with(&[0x9F, 0x5A, 0x00, 0x90, 0x00]));
    let empty = card(CARD, &["drop: { object: ppse/6F }"]).respond(&ppse).response;
    assert_eq!(empty, [0x90, 0x00]);
}

#[test]
fn the_front_can_be_altered() {
    let front = card(CARD, &[]).front();
    assert_eq!(front.uid.as_slice(), [0x5B, 0x10, 0xE7, 0x4C]);
    assert_eq!(front.ats.as_slice(), [5, 0x78, 0x80, 0x70, 0x00]);
    let changes = ["replace: { object: front.uid, value: \"04112233445566\" }", "drop: { object: front.ats }"];
    let front = card(CARD, &changes).front();
    assert_eq!((front.uid.len(), front.ats.len()), (7, 0));
    assert!(refused(&["extend: { object: front.uid, with: \"00\" }"]).contains("a UID has 4, 7 or 10"));
    assert!(refused(&["duplicate: { object: front.sak }"]).contains("not a data object"));
}

#[test]
fn what_does_not_fit_is_told_before_the_run() {
    assert!(
        refused(&["flip: { object: 9F6D, bit: 1 }"]).starts_with("change `flip bit 1 of 9F6D`: the card sends no such")
    );
    assert!(refused(&["flip: { object: 9F4B, bit: 1152 }"]).contains("bits 0 to 1151"));
    assert!(
        refused(&["flip: { object: card-certificate.pan, bit: 80 }"]).contains("card-certificate.pan has bits 0 to 79")
    );
    assert!(refused(&["set: { object: dynamic-signature.hash, value: \"00\" }"]).contains("the field has 20"));
    assert!(refused(&["set: { object: issuer-certificate.header, value: FF }"]).contains("not below the modulus"));
    assert!(refused(&["truncate: { object: 9F26, to: 8 }"]).contains("only 8 bytes"));
    assert!(refused(&["drop: { object: issuer-certificate.iin }"]).contains("only `set` and `flip`"));
    assert!(refused(&["set: { object: 9F6D, value: \"00\" }"]).contains("no such object"));
    assert!(refused(&["set: { object: record-9.1/57, value: \"00\" }"]).contains("no such record"));
    assert!(refused(&["set: { object: 5A, value: ABCD }"]).contains("not a PAN"));
    assert!(refused(&["answer: { at: gpo, sw: \"69\" }"]).contains("2 bytes"));
    let long = format!("extend: {{ object: \"90\", with: \"{}\" }}", "00".repeat(12));
    assert!(refused(&[&long]).contains("the response to record-2.2 would have"));
    let no_oda = try_card("no-oda", &["flip: { object: card-certificate.hash, bit: 0 }"]).unwrap_err();
    assert!(no_oda.to_string().contains("no offline data authentication"));
}

#[test]
fn a_missing_key_is_told_with_those_that_are_there() {
    let mut image = image(CARD);
    let oda = image.applications[0].oda.as_mut().unwrap();
    oda.issuer = "test-isuer".parse().unwrap();
    let error = personalise(&image, &RING, &[]).unwrap_err().to_string();
    assert!(error.contains("`test-isuer`; these keys exist: test-card-1024-e3"), "{error}");
    image.applications[0].oda.as_mut().unwrap().issuer = "test-ca-1408-e3".parse().unwrap();
    assert!(personalise(&image, &RING, &[]).unwrap_err().to_string().contains("is not a key of an issuer or a card"));
    assert!(personalise(&image, &KeyRing::default(), &[]).is_err());
    image.include = Some("base".parse().unwrap());
    assert!(matches!(personalise(&image, &RING, &[]), Err(PersonaliseError::Include(_))));
}

fn object() -> impl Strategy<Value = String> {
    let tags =
        ["4F", "50", "57", "5A", "5F24", "5F34", "61", "6F", "70", "77", "82", "84", "87", "8F", "90", "92", "94"];
    let more = ["9F10", "9F26", "9F32", "9F36", "9F38", "9F46", "9F47", "9F48", "9F4A", "9F4B", "9F69", "9F6C", "BF0C"];
    let places = ["", "ppse/", "fci/", "gpo/", "record-1.1/", "record-2.3/", "record-31.0/"];
    let all: Vec<_> = tags.into_iter().chain(more).collect();
    let fields = Signed::ALL.iter().flat_map(|(signed, whole)| {
        let named = |field| Field::ALL.iter().find(|(known, _)| *known == field).unwrap().1;
        signed.fields().iter().map(move |field| format!("{whole}.{}", named(*field)))
    });
    let fields: Vec<_> = fields.chain(["front.uid", "front.ats"].map(String::from)).collect();
    prop_oneof![
        3 => (prop::sample::select(places.to_vec()), prop::sample::select(all)).prop_map(|(place, tag)| format!("{place}{tag}")),
        1 => prop::sample::select(fields),
    ]
}

fn any_change() -> impl Strategy<Value = String> {
    let bytes = prop::collection::vec(any::<u8>(), 0..40)
        .prop_map(|bytes| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>());
    (object(), 0usize..8, bytes, 0u16..1200).prop_map(|(object, kind, bytes, number)| {
        let (word, rest) = match kind {
            0 => ("set", format!(", value: \"{bytes}\"")),
            1 => ("replace", format!(", value: \"{bytes}\"")),
            2 => ("flip", format!(", bit: {number}")),
            3 => ("drop", String::new()),
            4 => ("truncate", format!(", to: {}", number / 16)),
            5 => ("extend", format!(", with: \"{bytes}\"")),
            6 => ("length", format!(", bytes: \"{bytes}\"")),
            _ => ("duplicate", String::new()),
        };
        format!("{word}: {{ object: \"{object}\"{rest} }}")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    /// Changes are refused or they work; a card that is made answers whatever was changed.
    #[test]
    fn no_changes_break_the_card(changes in prop::collection::vec(any_change(), 1..4)) {
        let changes: Vec<_> = changes.iter().map(String::as_str).collect();
        match try_card(CARD, &changes) {
            Err(error) => prop_assert!(!error.to_string().is_empty()),
            Ok(mut card) => {
                prop_assert!(card.respond(&select(b"2PAY.SYS.DDF01")).response.len() >= 2);
                prop_assert!(card.respond(&select(&[0xA0, 0x00, 0x00, 0x03, 0x33])).response.ends_with(&[0x90, 0x00]));
                let options = card.respond(&crate::reader::gpo(&[0x9F, 0x66, 33], NEW).0).response;
                prop_assert!(options.ends_with(&[0x90, 0x00]) || options == [0x6A, 0x80], "{options:02X?}");
                for number in 1..=3 {
                    prop_assert!(card.respond(&[0x00, 0xB2, number, 0x14, 0x00]).response.len() <= 258);
                }
            }
        }
    }
}
