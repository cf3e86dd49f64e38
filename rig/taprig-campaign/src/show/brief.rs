//! The week's briefing, in Markdown.

use std::fmt::Write as _;

use jiff::ToSpan as _;
use jiff::civil::Date;

use super::Speaker;
use super::turns::turns;
use crate::campaign::Campaign;
use crate::status::{Service, Status};
use crate::text::Language;
use crate::words::Message;

/// How long a waiver still holds if the briefing names it, in days.
const WAIVER_ENDS: i64 = 14;

/// The briefing for the seven days that end with the day of the status.
#[must_use]
pub fn brief(campaign: &Campaign, status: &Status, language: Language) -> String {
    let speaker = Speaker { campaign, language };
    let today = status.today;
    let from = days_from(today, -6);
    let mut text = format!("# {}\n\n", markdown(status.title.in_language(language)));
    let title = speaker.say(Message::BriefTitle, &[("from", &speaker.day(from)), ("to", &speaker.day(today))]);
    let _ = writeln!(text, "{title}");
    let mut section = |heading: Message, lines: Vec<String>, none: Option<Message>| {
        let _ = writeln!(text, "\n## {}\n", speaker.word(heading));
        for line in &lines {
            let _ = writeln!(text, "- {}", markdown(line));
        }
        if lines.is_empty()
            && let Some(none) = none
        {
            let _ = writeln!(text, "{}", speaker.word(none));
        }
    };

    let mut short = speaker.figures(status).to_vec();
    let due = due(speaker, status);
    // What is due next week may be the opening of a county, which is nobody's deadline.
    if due.is_empty() || status.next_deadline().is_some() {
        short.push(speaker.next_deadline(status));
    }
    section(Message::InShort, short, None);
    section(Message::OpenedThisWeek, opened(speaker, status, from), Some(Message::NothingOpened));
    let overdue = speaker.overdue(status).into_iter().map(|(what, party, day)| {
        speaker.say(Message::OverdueLine, &[("what", &what), ("party", &party), ("day", &speaker.day(day))])
    });
    section(Message::OverdueHeading, overdue.collect(), Some(Message::NothingOverdue));
    section(Message::NextWeek, due, Some(Message::NothingDue));
    let by_turn = turns(speaker, status).into_iter().flat_map(|turn| {
        let party = turn.party;
        turn.lines.into_iter().map(move |line| {
            let what = speaker.about(&line.place(speaker), &line.reason(speaker));
            let since = speaker.since(&line.since);
            speaker.say(Message::Because, &[("why", &speaker.about(&party, &what)), ("turn", &since)])
        })
    });
    section(Message::ByTurn, by_turn.collect(), Some(Message::NothingMissing));
    let ending = status.waivers.iter().filter(|waiver| waiver.holds && waiver.expires <= days_from(today, WAIVER_ENDS));
    let ending = ending.map(|waiver| {
        let values = [
            ("waiver", waiver.waiver.as_str()),
            ("of", &waiver.of),
            ("reason", waiver.reason.in_language(language)),
            ("day", &speaker.day(waiver.expires)),
        ];
        speaker.say(Message::WaiverLine, &values)
    });
    section(Message::WaiversEnding, ending.collect(), Some(Message::NoWaiverEnds));
    section(Message::Samples, speaker.samples(status), None);
    text
}

/// The gates that opened in the week.
fn opened(speaker: Speaker<'_>, status: &Status, from: Date) -> Vec<String> {
    let common = status.common.iter().map(|gate| (speaker.word(Message::AllCounties), gate));
    let of_counties =
        status.counties.iter().flat_map(|county| county.gates.iter().map(move |gate| (speaker.county(county), gate)));
    let in_week = common.chain(of_counties).filter_map(|(county, gate)| Some((county, gate, gate.opened?)));
    in_week
        .filter(|(_, _, day)| (from..=status.today).contains(day))
        .map(|(county, gate, day)| {
            let gate = gate.title.in_language(speaker.language);
            speaker.say(Message::OpenedGate, &[("county", county), ("gate", gate), ("day", &speaker.day(day))])
        })
        .collect()
}

/// What is due in the next seven days, the openings of counties among it.
fn due(speaker: Speaker<'_>, status: &Status) -> Vec<String> {
    let language = speaker.language;
    let last = days_from(status.today, 7);
    let tasks = status.tasks.iter().filter(|task| !task.done.is_settled());
    let tasks =
        tasks.map(|task| (task.deadline, task.title.in_language(language).to_owned(), speaker.party(&task.owner)));
    let items = status.punch_list.iter().filter(|item| !item.done.is_settled());
    let items =
        items.map(|item| (item.deadline, item.title.in_language(language).to_owned(), speaker.party(&item.owner)));
    let owner = speaker.campaign.gate(speaker.campaign.file.last_gate.as_str()).map(|gate| speaker.party(&gate.owner));
    let openings = status.counties.iter().filter(|county| county.service != Service::Live).map(|county| {
        let what = speaker.say(Message::CountyOpens, &[("county", speaker.county(county))]);
        (county.opens, what, owner.clone().unwrap_or_default())
    });
    let mut due: Vec<(Date, String, String)> = tasks.chain(items).chain(openings).collect();
    due.retain(|(day, ..)| (status.today..=last).contains(day));
    due.sort_by_key(|(day, ..)| *day);
    due.into_iter()
        .map(|(day, what, party)| {
            speaker.say(Message::DueLine, &[("day", &speaker.day(day)), ("what", &what), ("party", &party)])
        })
        .collect()
}

fn days_from(day: Date, days: i64) -> Date {
    day.checked_add(days.days()).unwrap_or(day)
}

/// A text that Markdown shows as it is.
fn markdown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|') {
            shown.push('\\');
        }
        shown.push(if c.is_control() { ' ' } else { c });
    }
    shown
}
