//! Tests of the words that cases are made of.

use crate::expect::{CommandName, ExchangeItem, JournalChange, TagPattern, exchange_matches};
use crate::name::{CaseId, Name, SubCaseId, Tag};
use crate::settings::{DenyEntry, Limit, Settings, Ttq};
use crate::step::{At, Fault, Injection, Step};
use crate::units::{DateTime, Duration, Hex, Money, Pan, Percent};
use proptest::prelude::*;
use std::fmt::{Debug, Display};
use std::str::FromStr;

fn same<T: FromStr<Err: Debug> + Display>(texts: &[&str]) {
    for text in texts {
        assert_eq!(text.parse::<T>().unwrap().to_string(), *text);
    }
}

fn refused<T: FromStr<Err: Debug> + Debug>(texts: &[&str]) {
    for text in texts {
        assert!(text.parse::<T>().is_err(), "`{text}` is taken for {:?}", text.parse::<T>());
    }
}

#[test]
fn words_are_written_as_they_are_read() {
    same::<Money>(&["0.00 CNY", "1.00 CNY", "20.01 CNY", "9999999999.99 CNY"]);
    same::<Duration>(&["500 us", "120 ms", "3 s", "0 ms", "3600 s"]);
    same::<Percent>(&["0 %", "20 %", "100 %"]);
    same::<Hex>(&["", "A000000333"]);
    same::<DateTime>(&["2018-05-21T08:00:00", "2020-02-29T23:59:59"]);
    same::<SubCaseId>(&["ODA-004", "ODA-004/rsa1024", "PRE-001/19.99-cny"]);
    same::<Limit>(&["none", "1.00 CNY"]);
    same::<Ttq>(&["auto", "21800080"]);
    same::<DenyEntry>(&["6229900180000021", "6229900180000021:01"]);
    same::<JournalChange>(&["unchanged", "+1"]);
    same::<ExchangeItem>(&["gpo", "read record+", "select aid?", "other*"]);
    same::<At>(&["gpo", "read record 2"]);
    same::<TagPattern>(&["absent", "present", "218000.."]);
    same::<Tag>(&["57", "9F4B", "BF0C"]);
}

#[test]
fn words_without_unit_or_out_of_range_are_refused() {
    refused::<Money>(&[
        "",
        "1",
        "1.00",
        "CNY",
        "1.0 CNY",
        "1.000 CNY",
        "-1.00 CNY",
        "1.00 USD",
        "1..00 CNY",
        "10000000000.00 CNY",
    ]);
    refused::<Duration>(&[
        "",
        "1",
        "ms",
        "1 h",
        "-1 s",
        "1.0000001 s",
        "61 min",
        "1.2.3 s",
        "99999999999 us",
        "0.5 us",
    ]);
    refused::<Percent>(&["20", "101 %", "-1 %", "%", "256 %"]);
    refused::<Hex>(&["0", "0x00", "0G", "é0"]);
    refused::<Pan>(&["", "6229900180000020", "62299001800000", "622990018000002a", "00000000000000000000"]);
    refused::<DateTime>(&[
        "2018-05-21",
        "2018-05-21 08:00:00",
        "2018-02-29T08:00:00",
        "2018-13-01T08:00:00",
        "2018-01-01T24:00:00",
        "1999-01-01T00:00:00",
        "2018-00-10T00:00:00",
        "2018-01-00T00:00:00",
        "2018-05-21T08:00:60",
    ]);
    refused::<CaseId>(&["", "ODA-1", "oda-001", "ODAX-001", "ODA-0001", "ODA_001"]);
    refused::<SubCaseId>(&["ODA-001/", "ODA-001/A", "ODA-001/a/b"]);
    refused::<Name>(&["", "A", "-a", "a-", "a b", "../a", ".a"]);
    refused::<Ttq>(&["218000", "2180008000", "automatic"]);
    refused::<DenyEntry>(&["6229900180000021:1", "6229900180000021:xx", ":01"]);
    refused::<JournalChange>(&["+0", "-1", "1", "changed"]);
    refused::<At>(&["read record 0", "record", "gpo x"]);
    refused::<TagPattern>(&["", "9", "9F6", "zz"]);
    refused::<Tag>(&["", "9", "9F4", "9F4B0102"]);
}

#[test]
fn spaces_and_fractions_are_free() {
    assert_eq!("A0 00 00 03 33".parse::<Hex>().unwrap(), "a000000333".parse().unwrap());
    assert_eq!("6229 9001 8000 0021".parse::<Pan>().unwrap().masked(), "622990******0021");
    assert_eq!("1.5 s".parse::<Duration>().unwrap(), Duration::from_ms(1500));
    assert_eq!("2min".parse::<Duration>().unwrap().to_string(), "120 s");
    assert_eq!("1 CNY".parse::<Money>().unwrap(), Money::from_fen(100));
}

#[test]
fn a_card_number_is_masked_in_debug_output() {
    let pan: Pan = "6229900180000021".parse().unwrap();
    assert_eq!(format!("{pan:?}"), "Pan(622990******0021)");
}

#[test]
fn an_exchange_is_matched_whole() {
    let wanted = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<ExchangeItem>>();
    let seen = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<CommandName>>();
    let usual = wanted(&["select ppse", "select aid", "gpo", "read record+"]);
    assert!(exchange_matches(&usual, &seen(&["select ppse", "select aid", "gpo", "read record", "read record"])));
    assert!(!exchange_matches(&usual, &seen(&["select ppse", "select aid", "gpo"])));
    assert!(!exchange_matches(&usual, &seen(&["select ppse", "select aid", "gpo", "read record", "gpo"])));
    assert!(exchange_matches(&wanted(&["gpo?", "gpo*", "gpo+"]), &seen(&["gpo"])));
    assert!(!exchange_matches(&wanted(&["gpo?", "gpo"]), &seen(&["gpo", "gpo", "gpo"])));
    assert!(exchange_matches(&[], &[]));
    assert!(!exchange_matches(&[], &seen(&["gpo"])));
}

#[test]
fn a_tag_is_matched_by_its_digits() {
    let pattern: TagPattern = "21 80 0. ..".parse().unwrap();
    assert!(pattern.matches(Some(&[0x21, 0x80, 0x0F, 0xFF]), &[]));
    assert!(!pattern.matches(Some(&[0x21, 0x80, 0x1F, 0xFF]), &[]));
    assert!(!pattern.matches(Some(&[0x21, 0x80, 0x0F]), &[]));
    assert!(!pattern.matches(None, &[]));
    assert!(TagPattern::Absent.matches(None, &[]) && !TagPattern::Absent.matches(Some(&[]), &[]));
}

#[test]
fn commands_are_told_by_their_bytes() {
    let mut ppse = vec![0x00, 0xA4, 0x04, 0x00, 0x0E];
    ppse.extend(b"2PAY.SYS.DDF01\0");
    assert_eq!(CommandName::of(&ppse), CommandName::SelectPpse);
    assert_eq!(CommandName::of(&[0x00, 0xA4, 0x04, 0x02, 0x08]), CommandName::SelectAid);
    assert_eq!(CommandName::of(&[0x80, 0xA8, 0x00, 0x00]), CommandName::Gpo);
    assert_eq!(CommandName::of(&[0x00, 0xB2, 0x01, 0x0C, 0x00]), CommandName::ReadRecord);
    assert_eq!(CommandName::of(&[]), CommandName::Other);
}

#[test]
fn a_fault_has_what_belongs_to_it_and_nothing_else() {
    let read = |json: &str| serde_json::from_str::<Injection>(json).unwrap();
    let twenty = Duration { us: 20_000 };
    assert_eq!(read(r#"{"at":"gpo","fault":"late","by":"20 ms"}"#).fault, Fault::Late { by: twenty });
    assert_eq!(read(r#"{"at":"gpo","fault":"corrupt"}"#).fault, Fault::Corrupt { seed: 1, times: 1 });
    assert_eq!(read(r#"{"at":"gpo","fault":"pcb","pcb":"A2"}"#).fault, Fault::Pcb(0xA2));
    for wrong in [
        r#"{"at":"gpo","fault":"late"}"#,
        r#"{"at":"gpo","fault":"chain"}"#,
        r#"{"at":"gpo","fault":"chain","size":0}"#,
        r#"{"at":"gpo","fault":"pcb","pcb":"A2A2"}"#,
        r#"{"at":"gpo","fault":"cut","seed":1}"#,
    ] {
        assert!(serde_json::from_str::<Injection>(wrong).is_err(), "{wrong}");
    }
    assert_eq!(read(r#"{"at":"gpo","fault":"block-number"}"#).fault, Fault::BlockNumber);
}

#[test]
fn steps_are_words_or_words_and_what_they_are_about() {
    let read = |json: &str| serde_json::from_str::<Step>(json);
    assert!(matches!(read(r#""tap""#), Ok(Step::Tap(_))));
    assert!(matches!(read(r#""power-cycle""#), Ok(Step::PowerCycle)));
    assert!(matches!(read(r#"{"wait":"3 s"}"#), Ok(Step::Wait(Duration { us: 3_000_000 }))));
    for wrong in [r#""wait""#, r#"{"power-cycle":1}"#, "{}", r#"{"wait":"3 s","tap":{}}"#, r#"{"tab":{}}"#, "3"] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn settings_are_laid_over_others_and_written_in_the_console_s_units() {
    let base: Settings =
        serde_json::from_str(r#"{"fare":"2.00 CNY","retap":"3 s","debit":true,"tx-limit":"none","deny-list":[]}"#)
            .unwrap();
    let own: Settings = serde_json::from_str(r#"{"fare":{"flat":"1.60 CNY","discount":"20 %"},"mode":"oda"}"#).unwrap();
    let pairs: Vec<String> = base.overlaid(&own).pairs().iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(pairs.join(" "), "fare=160 discount=20 one-cent=off tx-limit=none debit=on retap=3 mode=oda");
    assert_eq!(base.overlaid(&own).deny_list, Some(Vec::new()));
    assert_eq!(base.overlaid(&Settings::default()), base);
}

proptest! {
    #[test]
    fn no_word_panics(text in "\\PC{0,40}") {
        let _ = text.parse::<Money>();
        let _ = text.parse::<Duration>();
        let _ = text.parse::<Percent>();
        let _ = text.parse::<Hex>();
        let _ = text.parse::<Pan>();
        let _ = text.parse::<DateTime>();
        let _ = text.parse::<SubCaseId>();
        let _ = text.parse::<Tag>();
        let _ = text.parse::<DenyEntry>();
        let _ = text.parse::<ExchangeItem>();
        let _ = text.parse::<At>();
        let _ = text.parse::<TagPattern>();
        let _ = text.parse::<Ttq>();
        let _ = text.parse::<JournalChange>();
    }

    #[test]
    fn near_words_do_not_panic(text in "[0-9.]{0,24} ?(us|ms|s|min|CNY|%|x)?") {
        let _ = text.parse::<Money>();
        let _ = text.parse::<Duration>();
        let _ = text.parse::<Percent>();
    }

    #[test]
    fn amounts_and_bytes_come_back(fen in 0..=Money::MAX.fen, bytes: Vec<u8>) {
        let money = Money::from_fen(fen);
        prop_assert_eq!(money.to_string().parse::<Money>().unwrap(), money);
        let hex = Hex(bytes);
        prop_assert_eq!(hex.to_string().parse::<Hex>().unwrap(), hex);
    }
}

#[test]
fn each_part_of_a_fare_policy_needs_its_own_claim() {
    use crate::device::claim;
    for (part, needed) in [
        (
            "distance: { stops: [{ stop: 1, at: 0 m }], steps: [{ up-to: 1 m, fare: 1.00 CNY }], trip: 2 h }",
            claim::DISTANCE_FARES,
        ),
        ("transfer: { within: 60 min, rides: 1 }", claim::TRANSFERS),
        ("discounts: [{ product: credit, discount: 20 % }]", claim::PRODUCT_DISCOUNTS),
        ("promotions: [{ from: 2018-05-01, to: 2018-05-31, discount: 50 % }]", claim::PROMOTIONS),
        ("caps: { day: 4.00 CNY }", claim::FARE_CAPS),
        ("debts: true", claim::DEBT_RECOVERY),
    ] {
        let text = serde_yaml::Deserializer::from_str(part);
        let policy = serde_yaml::with::singleton_map_recursive::deserialize(text).unwrap();
        assert_eq!(claim::of_policy(&policy), [needed], "{part}");
    }
}
