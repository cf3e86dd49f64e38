//! What people read: terminal, page, briefing and slip, in both languages.

use std::path::Path;

use jiff::civil::date;
use taprig_campaign::evidence::Flaw;
use taprig_campaign::show::{Verifying, brief, page, slip, terminal};
use taprig_campaign::status::Status;
use taprig_campaign::{Campaign, Facts, Language, status};
use taprig_model::result::Verdict;

use super::example::{Example, suites};

fn derived(example: &Example) -> (Campaign, Status) {
    let campaign = example.read().unwrap();
    let status =
        status(Facts { campaign: &campaign, suites: &suites(), evidence: &example.evidence, today: example.today });
    (campaign, status)
}

/// A campaign with a reason of every kind that a record, a task and a defect can have.
fn spoilt() -> Example {
    let mut example = Example::new();
    example.today = date(2018, 5, 22);
    example.evidence.strays.push("short-test/TL-7-01".into());
    example.record("short-test", "TL-1-01").firmware = ["9".repeat(64)].into();
    example.record("short-test", "TL-1-02").serials = ["<script>alert(1)</script>".to_owned()].into();
    example.record("short-test", "TL-2-01").cases.insert("ACC-001".into(), Verdict::Fail);
    example.record("short-test", "TL-2-02").cases.clear();
    let found = example.evidence.records.iter_mut().find(|found| found.folder == "short-test/TL-1-03").unwrap();
    found.seen = Err(Flaw::Broken(vec!["one".into(), "two".into(), "three".into()]));
    example.evidence.documents.insert("papers/drivers.txt".into(), Err("no such file".into()));
    example.evidence.documents.insert("papers/permission.txt".into(), Ok("4".repeat(64)));
    example
}

#[test]
fn every_view_is_whole_in_both_languages() {
    for example in [Example::new(), spoilt()] {
        let (campaign, status) = derived(&example);
        for language in Language::ALL {
            let verifying = Verifying { records: Path::new("records"), signers: Path::new("allowed_signers") };
            let mut views = vec![terminal(&campaign, &status, language), brief(&campaign, &status, language)];
            let buses = status.counties.iter().flat_map(|county| county.buses.iter().map(move |bus| (county, bus)));
            views.extend(buses.map(|of| slip(&campaign, &status, of, verifying, language)));
            views.push(page(&campaign, &status, "campaign.yaml", language).unwrap());
            for view in views {
                // A value that a sentence does not get is shown as a question mark.
                let outside_style = view.split("</style>").last().unwrap();
                assert!(!outside_style.contains(['?', '{', '}']), "{outside_style}");
                let is_chinese = outside_style.contains(|c: char| ('\u{4e00}'..='\u{9fff}').contains(&c));
                assert_eq!(is_chinese, language == Language::Zh, "{outside_style}");
            }
        }
    }
}

#[test]
fn the_page_needs_nothing_from_elsewhere_and_shows_texts_as_they_are() {
    let (campaign, status) = derived(&spoilt());
    let page = page(&campaign, &status, "campaign.yaml", Language::En).unwrap();
    assert!(page.contains("default-src 'none'; style-src 'sha256-"));
    for foreign in ["<script", "http://", "https://", "url(", " style=", "onload", "<img", "<link"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert!(page.contains("&#60;script&#62;") || page.contains("&lt;script&gt;"), "{page}");
    assert!(page.contains("the record short-test/TL-1-01 is not approved"));
}

#[test]
fn the_terminal_says_what_is_missing_whose_turn_it_is_and_since_when() {
    let (campaign, status) = derived(&spoilt());
    let text = terminal(&campaign, &status, Language::En);
    for part in [
        "0 of 5 buses are accepted.",
        "Train the drivers (The bus company), due on 18 May 2018",
        "  The bus company\n    Luonan, Short test, since 10 April 2018\n",
        "TL-2-01: ACC-001 did not pass in the record short-test/TL-2-01",
        "the seal of the record short-test/TL-1-03 does not hold: one; two; +1",
        "the county has been in service since 21 May 2018 although this gate is closed",
        "These folders belong to no gate or bus of the campaign: short-test/TL-7-01.",
        "Sample, Luonan: 1 of 3 buses take the long suite. This finds 2 bad buses of 3 in 67 of 100 campaigns.",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let chinese = terminal(&campaign, &status, Language::Zh);
    assert!(chinese.contains("共 5 辆车，已验收 0 辆。"), "{chinese}");
    assert!(chinese.contains("任务逾期：培训司机（期限2018年5月18日）"), "{chinese}");
}

#[test]
fn equal_reasons_of_many_buses_are_one_line() {
    let mut example = Example::new();
    example.evidence.records.retain(|found| found.gate != "short-test");
    let (campaign, status) = derived(&example);
    let text = terminal(&campaign, &status, Language::En);
    assert!(text.contains("      TL-1-01, TL-1-02, TL-1-03: there is no record of the short suite\n"), "{text}");
}

#[test]
fn the_briefing_says_what_opened_and_what_is_due() {
    let mut example = Example::new();
    example.today = date(2018, 5, 17);
    example.evidence.documents.insert("papers/drivers.txt".into(), Err("no such file".into()));
    let (campaign, status) = derived(&example);
    let text = brief(&campaign, &status, Language::En);
    for part in [
        "# A small campaign\n",
        "Briefing for the week from 11 May 2018 to 17 May 2018",
        "- Luonan: Short test, on 12 May 2018\n",
        "- 18 May 2018: Train the drivers (The bus company)\n",
        "- 21 May 2018: Zhashui is to open (The office)\n",
        "Nothing is overdue.",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn a_briefing_says_not_that_no_deadline_lies_ahead_above_what_is_due() {
    let (campaign, mut status) = derived(&Example::new());
    status.tasks.clear();
    status.punch_list.clear();
    let text = brief(&campaign, &status, Language::En);
    assert!(text.contains("- 21 May 2018: Zhashui is to open") && !text.contains("No deadline lies ahead."), "{text}");
    status.today = date(2018, 5, 1);
    assert!(brief(&campaign, &status, Language::En).contains("No deadline lies ahead."));
}

#[test]
fn a_slip_has_serial_number_digests_and_the_command_that_verifies() {
    let (campaign, status) = derived(&Example::new());
    let verifying = Verifying { records: Path::new("the records"), signers: Path::new("allowed_signers") };
    let text = slip(&campaign, &status, status.bus("TL-2-01").unwrap(), verifying, Language::En);
    for part in [
        "This bus is accepted.",
        "Serial number of the validator: S-4\n",
        "taprig verify 'the records/short-test/TL-2-01' --signers allowed_signers\n",
        "ssh-keygen -Y verify -f allowed_signers -I workshop@example -n record@taprig -s SHA256SUMS.sig < SHA256SUMS\n",
        "Cases that passed: 2 of 2\n",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(text.contains(&"1".repeat(64)) && text.contains(&"a".repeat(64)), "{text}");
    let (campaign, status) = derived(&spoilt());
    let text = slip(&campaign, &status, status.bus("TL-2-01").unwrap(), verifying, Language::Zh);
    assert!(text.contains("该车尚未通过验收。") && text.contains("用例 ACC-001 未通过"), "{text}");
}
