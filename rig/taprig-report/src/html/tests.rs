//! Whole pages, from records on disk.

use super::*;
use chunks::tests::{entry, unpack};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::fs;
use taprig_model::event::{
    Body, Bytes, CaseStarted, Criterion, Event, Exchange, Fields, RunStarted, SCHEMA, SeenBy, Signal, Word,
};
use taprig_model::result::Verdict;
use taprig_model::samples::{check, event, finished, run, started};
use taprig_record::{Options, Recorder};
use tempfile::TempDir;

fn record(events: &[Event]) -> TempDir {
    let folder = TempDir::new().unwrap();
    let recorder = Recorder::start(Some(folder.path()), Options { whole: true }, vec![]).unwrap();
    events.iter().for_each(|event| recorder.replay(event.clone()));
    recorder.close(true).unwrap();
    folder
}

fn page(events: &[Event]) -> String {
    Html::of(record(events).path(), None).unwrap().text
}

/// What is between two texts, wherever they occur.
fn between<'a>(text: &'a str, start: &str, end: &str) -> Vec<&'a str> {
    text.split(start).skip(1).map(|rest| rest.split(end).next().unwrap()).collect()
}

#[test]
fn every_row_leads_to_the_details_of_its_case() {
    let page = page(&run());
    assert!(Html::is_ours(page.as_bytes()));
    let ids = between(&page, "<a id=\"", "\"");
    assert_eq!(ids, ["BUS-001", "ISO-002", "ODA-004/rsa1024", "SM2-001", "ZZZ-001"].map(|id| id));
    let index: Value = serde_json::from_str(between(&page, "data-is=\"index\">", "</script>")[0]).unwrap();
    let shared = unpack(between(&page, "data-is=\"shared\">", "</script>")[0]).remove(0);
    let chunk = unpack(between(&page, "data-is=\"k0\">", "</script>")[0]);
    let rows = index["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 3 * ids.len());
    let files: Vec<_> = rows
        .chunks(3)
        .map(|row| {
            assert_eq!(row[0], 0);
            let case = &chunk[usize::try_from(row[1].as_i64().unwrap()).unwrap()];
            entry(case[5][1].as_i64().unwrap(), &chunk[0], &shared)
        })
        .collect();
    assert_eq!(files, vec![Value::from("cases/oda/ODA-004.yaml"); 5]);
}

#[test]
fn the_first_screen_says_what_it_came_to() {
    let page = page(&run());
    for words in [
        "1 of 3 judged sub-cases failed",
        "The rig itself failed 1 time. That says nothing about the device.",
        "the device does not claim sm2",
        "The validator refuses a card whose dynamic signature is altered",
        "data-l=\"Seen\">approved</td><td data-l=\"By\">seen by a person</td><td class=\"code\" data-l=\"Place\">cases/oda/ODA-004.yaml:21</td>",
        "modelled: the card emulator computes",
        "The end of the run is missing from the record.",
        "Repeat it: <code>taprig run ODA-004/rsa1024</code>",
        "The inputs of the run can&#39;t be read",
    ] {
        assert!(page.contains(words), "{words}");
    }
}

#[test]
fn a_failure_in_quarantine_is_told_on_the_first_screen_and_is_no_pass() {
    let page = page(&quarantine::tests::run(&["ODA-004"], "2099-12-31"));
    let tiles = between(&page, "class=\"tile ", "</a>");
    let tile = |class: &str| {
        tiles.iter().find(|tile| tile.starts_with(class)).map(|tile| between(tile, "<span class=\"n\">", "<")[0])
    };
    assert_eq!((tile("fail"), tile("quarantined")), (Some("0"), Some("1")));
    let listed = between(&page, "id=\"quarantine\"", "</section>")[0];
    for words in [">ODA-004/rsa1024</a>", "a race &#60;in&#62; the firmware", "Li Wei", "2099-12-31"] {
        assert!(listed.contains(words), "{words}: {listed}");
    }
    assert!(page.contains("<tr class=quarantined><th scope=row><a id=\"ODA-004/rsa1024\""));
    assert!(page.contains("sub-case failed in quarantine. A failure in quarantine does not fail the run."));
    let row = between(&page, "<tr class=quarantined>", "<tr")[0];
    assert!(row.contains("✗ failed in quarantine"), "{row}");
    let without = self::page(&run());
    assert!(!without.contains("id=\"quarantine\"") && !without.contains("class=\"tile quarantined"));
}

#[test]
fn the_policy_names_the_script_and_the_style_of_the_page_and_nothing_else() {
    let page = page(&run());
    let policy = between(&page, "http-equiv=\"Content-Security-Policy\" content=\"", "\"")[0].replace("&#39;", "'");
    let hash = |text: &str| {
        use base64::Engine as _;
        format!("'sha256-{}'", base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text)))
    };
    let script = between(&page, "<script>", "</script>");
    let style = between(&page, "<style>", "</style>");
    assert_eq!((script.len(), style.len()), (1, 1));
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    assert!(policy.contains(&format!("script-src {}; style-src {};", hash(script[0]), hash(style[0]))), "{policy}");
    assert!(!policy.contains("unsafe") && !page.contains("style=\"") && !page.contains(" onclick"));
}

/// Everything that a device, a card or a forger of a record may send.
const HOSTILE: &str =
    "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'><b>&amp;\u{202E}\u{0}\u{1b}[31m";

#[test]
fn hostile_texts_stay_texts() {
    let id = format!("X-1/{HOSTILE}");
    let of = Some(id.as_str());
    let said = Fields(vec![(HOSTILE.to_owned(), HOSTILE.to_owned())]);
    let case = CaseStarted {
        title: HOSTILE.into(),
        file: HOSTILE.into(),
        requires: vec![HOSTILE.into()],
        validator: HOSTILE.into(),
        settings: vec![HOSTILE.into()],
        ..CaseStarted::default()
    };
    let events = [
        event(
            0,
            None,
            Body::RunStarted(RunStarted {
                schema: SCHEMA,
                tool: HOSTILE.into(),
                device: Some(HOSTILE.into()),
                arguments: vec![HOSTILE.into()],
                ..RunStarted::default()
            }),
        ),
        event(1, of, Body::CaseStarted(case)),
        event(2, of, Body::ConsoleNoise { text: HOSTILE.into() }),
        event(3, of, Body::Signal { signal: Signal::Show { message: Word::Unknown(HOSTILE.into()) }, said }),
        event(
            4,
            of,
            Body::Exchange(Exchange { command: Bytes(vec![1]), fault: Some(HOSTILE.into()), ..Exchange::default() }),
        ),
        event(5, of, check(SeenBy::Person, Criterion::Reply(HOSTILE.into()), HOSTILE, "")),
        event(6, of, finished(Verdict::Fail, 1, Some(HOSTILE))),
    ];
    let page = page(&events);
    let elements = between(&page, "<", ">");
    assert!(
        elements.iter().all(|element| !element.starts_with("img") && !element.starts_with("b>") && *element != "b")
    );
    // The index, the shared table, a chunk, and the script of the page.
    assert_eq!(page.matches("<script").count(), 4);
    assert_eq!(page.matches("</script>").count(), 4);
    assert!(!page.contains('\u{202E}') && !page.contains('\u{0}') && !page.contains('\u{1b}'));
    assert!(page.contains("[U+202E]"));
    let chunk = unpack(between(&page, "data-is=\"k0\">", "</script>")[0]);
    let whole = chunk.iter().map(Value::to_string).collect::<String>();
    assert!(!whole.contains('\u{202E}') && !whole.contains("\\u0000") && !whole.contains("\\u001b"));
}

#[test]
fn what_can_not_be_read_is_told_and_the_rest_is_shown() {
    let folder = record(&run());
    let path = folder.path().join("events.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines[3] = lines[3].replace("\"kind\":\"checked\"", "\"kind\":\"chequed\"");
    lines[8] = "{".into();
    fs::write(&path, format!("{}\n{{\"at_us\":1", lines.join("\n"))).unwrap();
    let html = Html::of(folder.path(), None).unwrap();
    assert_eq!((html.unreadable_count, html.is_whole()), (2, false));
    assert_eq!(html.cut.unwrap().cause, "the line is cut off after 10 bytes");
    let told = html.unreadable[0].to_string();
    assert!(told.contains("events.jsonl, line 4: unknown variant `chequed`"), "{told}");
    assert!(html.text.contains("events.jsonl, line 9: ") && html.text.contains("its 10 bytes are left out"));
    assert!(html.text.contains("<a id=\"BUS-001\""));
}

#[test]
fn what_is_no_record_or_of_a_later_version_makes_no_page() {
    let folder = record(&run());
    fs::write(folder.path().join("record.json"), "{\"schema\":99,\"state\":\"complete\"}").unwrap();
    let later = Html::of(folder.path(), None).unwrap_err().to_string();
    assert!(later.contains("schema 99 is later than") && later.contains("a newer taprig"), "{later}");
    let folder = record(&[]);
    fs::write(folder.path().join("events.jsonl"), "mine\nmine too\n").unwrap();
    let wrong = Html::of(folder.path(), None).unwrap_err().to_string();
    assert!(wrong.contains("events.jsonl, line 1: "), "{wrong}");
    assert!(Html::of(&folder.path().join("missing"), None).is_err());
    assert!(Html::of(record(&[]).path(), None).unwrap().text.contains("No sub-case was judged"));
}

#[test]
fn a_last_attempt_replaces_the_ones_before() {
    let page = page(&run());
    let chunk = unpack(between(&page, "data-is=\"k0\">", "</script>")[0]);
    let index: Value = serde_json::from_str(between(&page, "data-is=\"index\">", "</script>")[0]).unwrap();
    // ISO-002 is the second row. Its first attempt had an expectation, and the second attempt has none.
    let line = usize::try_from(index["rows"][4].as_i64().unwrap()).unwrap();
    assert_eq!(chunk[line][3], Value::Array(vec![]));
    assert_eq!(chunk.len(), 1 + 6, "a table, and six attempts");
}

#[test]
fn the_same_record_gives_the_same_page() {
    let folder = record(&run());
    let one = Html::of(folder.path(), None).unwrap().text;
    assert_eq!(Html::of(folder.path(), None).unwrap().text, one);
    let since = Since::read(folder.path()).unwrap();
    let compared = Html::of(folder.path(), Some(&since)).unwrap().text;
    assert!(compared.contains("5 sub-cases in both runs have the same verdict."));
}

#[test]
fn a_stored_page_is_compared_with_the_one_that_its_record_gives() {
    let mut events = run();
    for event in &mut events {
        if let Body::RunStarted(run) = &mut event.body {
            run.device = Some("fixtures/devices/taprig-reference.yaml".into());
            run.started = "2026-12-01T02:00:00Z".into();
            run.environment.insert("bench".into(), "sim".into());
        }
    }
    let folder = record(&events);
    let own = Html::of(folder.path(), None).unwrap();
    assert_eq!(own.compared(own.text.as_bytes()), Stored::Follows { others: false });
    // What comes from other records does not matter, and everything else does.
    let since = Since::read(folder.path()).unwrap();
    let file = folder.path().join("nights.jsonl");
    let stored = taprig_record::Record::open(folder.path()).unwrap();
    let night = taprig_history::night::of(&stored, &crate::Tally::of(&events).result(), None).unwrap();
    taprig_history::file::add(&file, &[night]).unwrap();
    let nights = Nights::read(&file).unwrap();
    let compared = Html::with_nights(folder.path(), Some(&since), &nights).unwrap().text;
    for part in ["id=\"changes\"", "id=\"nights\"", "data-is=\"nights\""] {
        assert!(compared.contains(part), "{part}");
    }
    assert_eq!(own.compared(compared.as_bytes()), Stored::Follows { others: true });
    for (from, to) in [
        ("BUS-001", "BUS-002"),
        ("<h1", "<h2"),
        ("default-src", "default"),
        ("</html>", "</html> "),
        ("<!--/from other records-->", ""),
        ("version 1, layout ", "version 1, layout"),
    ] {
        assert!(compared.contains(from), "{from}");
        assert_eq!(own.compared(compared.replacen(from, to, 1).as_bytes()), Stored::Differs, "{from}");
    }
    let at = own.text.find("layout ").unwrap() + "layout ".len();
    let other = format!("{}{}{}", &own.text[..at], "0123456789abcdef", &own.text[at + 16..]);
    assert_eq!(own.compared(other.as_bytes()), Stored::OtherLayout);
    assert_eq!(own.compared(b"\xff"), Stored::Differs);
}

#[test]
fn thousands_of_events_of_one_case_are_cut() {
    let id = Some("BUS-001");
    let mut events = vec![event(0, id, started("Endless", 1))];
    events.extend((0..21_000).map(|at| event(at, id, Body::ConsoleNoise { text: format!("line {at}") })));
    events.push(event(30_000, id, finished(Verdict::Pass, 1, None)));
    let page = page(&events);
    let chunk = unpack(between(&page, "data-is=\"k0\">", "</script>")[0]);
    assert_eq!(chunk[1][0].as_array().unwrap().len(), 19_999);
    assert_eq!(chunk[1][6], 1_002);
}
