//! The status in a terminal.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use super::Speaker;
use super::turns::turns;
use crate::campaign::Campaign;
use crate::status::{CountyStatus, GateStatus, State, Status, What};
use crate::text::Language;
use crate::words::Message;

/// The status as text.
#[must_use]
pub fn terminal(campaign: &Campaign, status: &Status, language: Language) -> String {
    let speaker = Speaker { campaign, language };
    let mut text = String::new();
    let _ = writeln!(text, "{}", status.title.in_language(language));
    let _ = writeln!(text, "{}\n", speaker.say(Message::StatusOf, &[("day", &speaker.day(status.today))]));
    for line in speaker.figures(status) {
        let _ = writeln!(text, "{line}");
    }
    let _ = writeln!(text, "{}\n", speaker.next_deadline(status));
    for gate in &status.common {
        let values = [("gate", gate.title.in_language(language)), ("state", &state(speaker, gate))];
        let _ = writeln!(text, "{}", speaker.say(Message::CommonGate, &values));
    }
    text.push_str(&table(&counties(speaker, status)));
    let overdue = speaker.overdue(status);
    if !overdue.is_empty() {
        let _ = writeln!(text, "\n{}", speaker.word(Message::OverdueHeading));
        for (what, party, day) in overdue {
            let values = [("what", what.as_str()), ("party", &party), ("day", &speaker.day(day))];
            let _ = writeln!(text, "  {}", speaker.say(Message::OverdueLine, &values));
        }
    }
    let turns = turns(speaker, status);
    if turns.is_empty() {
        let _ = writeln!(text, "\n{}", speaker.word(Message::NothingMissing));
    } else {
        let _ = writeln!(text, "\n{}", speaker.word(Message::ByTurn));
    }
    for turn in turns {
        let _ = writeln!(text, "  {}", turn.party);
        let mut last = String::new();
        for line in turn.lines {
            let since = speaker.say(Message::Since, &[("day", &speaker.day(line.since))]);
            let place = speaker.comma(&line.place(speaker), &since);
            if place != last {
                let _ = writeln!(text, "    {place}");
            }
            last = place;
            let _ = writeln!(text, "      {}", line.reason(speaker));
        }
    }
    let samples = speaker.samples(status);
    if !samples.is_empty() {
        let _ = writeln!(text, "\n{}", speaker.word(Message::Samples));
        for line in samples {
            let _ = writeln!(text, "  {line}");
        }
    }
    if let Some(strays) = speaker.strays(status) {
        let _ = writeln!(text, "\n{strays}");
    }
    text
}

/// One gate of one county, with everything that keeps it closed.
#[must_use]
pub fn gate(campaign: &Campaign, county: Option<&CountyStatus>, gate: &GateStatus, language: Language) -> String {
    let speaker = Speaker { campaign, language };
    let title = speaker.about(gate.title.in_language(language), &state(speaker, gate));
    let mut text = county.map_or_else(|| title.clone(), |county| speaker.about(speaker.county(county), &title));
    text.push('\n');
    for blocker in &gate.blockers {
        let why = speaker.why(&blocker.what);
        let why = blocker.bus.as_ref().map_or_else(|| why.clone(), |bus| speaker.about(bus, &why));
        let since = speaker.say(Message::Since, &[("day", &speaker.day(blocker.since))]);
        let party = speaker.party(&blocker.turn);
        // Whoever it waits for is told with the gate that it waits for.
        let turn = match blocker.what {
            What::Earlier { .. } => since,
            _ => speaker.comma(&party, &since),
        };
        let _ = writeln!(text, "  {}", speaker.say(Message::Because, &[("why", &why), ("turn", &turn)]));
    }
    text
}

/// Whether a gate is open, and since when or how far.
fn state(speaker: Speaker<'_>, gate: &GateStatus) -> String {
    match (gate.state, gate.opened) {
        (State::Open, Some(day)) => speaker.say(Message::OpenSince, &[("day", &speaker.day(day))]),
        _ => speaker.progress(gate),
    }
}

/// Counties by gates.
fn counties(speaker: Speaker<'_>, status: &Status) -> Vec<Vec<String>> {
    let first = status.counties.first();
    let gates = first.map(|county| county.gates.iter().map(|gate| gate.title.in_language(speaker.language)));
    let mut head = vec![
        speaker.word(Message::County).to_owned(),
        speaker.word(Message::Opens).to_owned(),
        speaker.word(Message::Buses).to_owned(),
    ];
    head.extend(gates.into_iter().flatten().map(str::to_owned));
    head.push(speaker.word(Message::Service).to_owned());
    let rows = status.counties.iter().map(|county| {
        let buses = [("n", county.accepted().to_string()), ("all", county.buses.len().to_string())];
        let buses: Vec<(&str, &str)> = buses.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut row =
            vec![speaker.county(county).to_owned(), speaker.day(county.opens), speaker.say(Message::Of, &buses)];
        row.extend(county.gates.iter().map(|gate| speaker.progress(gate)));
        row.push(speaker.service(county.service).to_owned());
        row
    });
    std::iter::once(head).chain(rows).collect()
}

/// Rows whose cells stand below each other. A Chinese character is as wide as two letters.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|at| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.width()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.width())));
        let line = cells.collect::<Vec<_>>().join("  ");
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}
