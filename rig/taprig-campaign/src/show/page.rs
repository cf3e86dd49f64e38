//! The status as one HTML page, which opens from disk without network and needs no script.

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::Speaker;
use super::turns::{Turn, turns};
use crate::campaign::Campaign;
use crate::status::{BusStatus, CountyStatus, Done, GateStatus, Service, State, Status, What};
use crate::text::Language;
use crate::words::Message;

/// The page can't be rendered.
#[derive(Debug, thiserror::Error)]
#[error("rendering the page of the campaign: {0}")]
pub struct PageError(#[from] askama::Error);

const STYLE: &str = include_str!("../../templates/page.css");

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    speaker: Speaker<'a>,
    /// The policy allows this style and nothing else.
    style: &'static str,
    style_digest: String,
    title: &'a str,
    day: String,
    tiles: Vec<Tile>,
    common: Vec<String>,
    gates: Vec<&'a str>,
    counties: Vec<County>,
    overdue: Vec<Late>,
    turns: Vec<Turn>,
    tasks: Vec<Row>,
    items: Vec<Row>,
    waivers: Vec<Held>,
    samples: Vec<String>,
    strays: Option<String>,
    derived: String,
}

/// A figure at the top.
struct Tile {
    figure: String,
    text: String,
    /// A word of the style.
    mood: &'static str,
}

struct County {
    title: String,
    opens: String,
    accepted: String,
    /// Width of the bar, of 100.
    share: usize,
    gates: Vec<Cell>,
    service: &'static str,
    mood: &'static str,
    buses: Vec<Square>,
}

/// A gate of a county.
struct Cell {
    mark: &'static str,
    text: String,
    more: String,
    mood: &'static str,
}

/// A bus.
struct Square {
    name: String,
    mark: &'static str,
    mood: &'static str,
    /// What the mark means, for those who hear the page.
    state: &'static str,
    text: String,
}

struct Late {
    what: String,
    party: String,
    day: String,
}

/// A task or a defect.
struct Row {
    title: String,
    place: String,
    party: String,
    deadline: String,
    state: &'static str,
    mood: &'static str,
}

struct Held {
    name: String,
    of: String,
    reason: String,
    approver: String,
    expires: String,
    state: &'static str,
    mood: &'static str,
}

/// The page.
///
/// # Errors
/// See [`PageError`].
pub fn page(campaign: &Campaign, status: &Status, file: &str, language: Language) -> Result<String, PageError> {
    let speaker = Speaker { campaign, language };
    let gates = status.counties.first().map(|county| &county.gates);
    let page = Page {
        speaker,
        style: STYLE,
        style_digest: STANDARD.encode(Sha256::digest(STYLE)),
        title: status.title.in_language(language),
        day: speaker.say(Message::StatusOf, &[("day", &speaker.day(status.today))]),
        tiles: tiles(speaker, status),
        common: status.common.iter().map(|gate| common(speaker, gate)).collect(),
        gates: gates.into_iter().flatten().map(|gate| gate.title.in_language(language)).collect(),
        counties: status.counties.iter().map(|of| county(speaker, of)).collect(),
        overdue: speaker
            .overdue(status)
            .into_iter()
            .map(|(what, party, day)| Late { what, party, day: speaker.day(day) })
            .collect(),
        turns: turns(speaker, status),
        tasks: tasks(speaker, status),
        items: items(speaker, status),
        waivers: waivers(speaker, status),
        samples: speaker.samples(status),
        strays: speaker.strays(status),
        derived: speaker.say(Message::HowDerived, &[("file", file)]),
    };
    Ok(page.render()?)
}

fn tiles(speaker: Speaker<'_>, status: &Status) -> Vec<Tile> {
    let (accepted, all) = status.accepted();
    let live = status.counties.iter().filter(|county| county.service == Service::Live).count();
    let overdue = speaker.overdue(status).len();
    let of = |n: usize, all: usize| speaker.say(Message::Of, &[("n", &n.to_string()), ("all", &all.to_string())]);
    let mood = |is_good: bool| if is_good { "good" } else { "plain" };
    let (next, due) = match status.next_deadline() {
        None => ("-".to_owned(), speaker.word(Message::NoDeadline).to_owned()),
        Some((day, due)) => {
            let due: Vec<String> = due.iter().map(|title| title.in_language(speaker.language).to_owned()).collect();
            (speaker.day(day), speaker.say(Message::NextTile, &[("what", &speaker.list(&due))]))
        }
    };
    vec![
        Tile { figure: of(accepted, all), text: speaker.word(Message::Buses).to_owned(), mood: mood(accepted == all) },
        Tile {
            figure: of(live, status.counties.len()),
            text: speaker.word(Message::CountiesInService).to_owned(),
            mood: mood(live == status.counties.len()),
        },
        Tile {
            figure: overdue.to_string(),
            text: speaker.word(Message::OverdueHeading).to_owned(),
            mood: if overdue == 0 { "good" } else { "bad" },
        },
        Tile { figure: next, text: due, mood: "plain" },
    ]
}

fn common(speaker: Speaker<'_>, gate: &GateStatus) -> String {
    let state = match (gate.state, gate.opened) {
        (State::Open, Some(day)) => speaker.say(Message::OpenSince, &[("day", &speaker.day(day))]),
        _ => speaker.progress(gate),
    };
    speaker.say(Message::CommonGate, &[("gate", gate.title.in_language(speaker.language)), ("state", &state)])
}

fn county(speaker: Speaker<'_>, county: &CountyStatus) -> County {
    let (accepted, all) = (county.accepted(), county.buses.len());
    let gates = county.gates.iter().map(|gate| {
        let is_wrong = gate.blockers.iter().any(|blocker| is_wrong(&blocker.what) || blocker.what.is_overdue());
        let (mark, mood) = match gate.state {
            State::Open => ("\u{2713}", "good"),
            State::Closed if is_wrong => ("!", "bad"),
            State::Closed => ("\u{25cb}", "plain"),
            State::Waiting => ("\u{2026}", "quiet"),
        };
        Cell {
            mark,
            text: speaker.progress(gate),
            more: gate.opened.map(|day| speaker.day(day)).unwrap_or_default(),
            mood,
        }
    });
    let mood = match county.service {
        Service::Live | Service::Ready => "good",
        Service::Preparing => "plain",
        Service::Ahead => "bad",
    };
    County {
        title: speaker.county(county).to_owned(),
        opens: speaker.day(county.opens),
        accepted: speaker.say(Message::Of, &[("n", &accepted.to_string()), ("all", &all.to_string())]),
        share: (accepted * 100).checked_div(all).unwrap_or(0),
        gates: gates.collect(),
        service: speaker.service(county.service),
        mood,
        buses: county.buses.iter().map(|bus| square(speaker, bus)).collect(),
    }
}

/// Whether somebody has to look at something that is there, and not only add what is missing.
fn is_wrong(what: &What) -> bool {
    !matches!(what, What::Earlier { .. } | What::NoRecord { .. } | What::Task { .. } | What::TaskAfter { .. })
}

fn square(speaker: Speaker<'_>, bus: &BusStatus) -> Square {
    let wrong = || bus.records.iter().flat_map(|record| &record.wrong).chain(&bus.listing);
    let (mark, mood, state) = match (bus.accepted, wrong().any(is_wrong)) {
        (true, _) => ("\u{2713}", "good", Message::Accepted),
        (false, true) => ("!", "bad", Message::Wrong),
        (false, false) => ("\u{b7}", "plain", Message::Lacking),
    };
    let reasons: Vec<String> = wrong().map(|what| speaker.why(what)).collect();
    let text = if reasons.is_empty() { bus.bus.clone() } else { format!("{}: {}", bus.bus, reasons.join("; ")) };
    Square { name: bus.bus.clone(), mark, mood, state: speaker.word(state), text }
}

const fn mood(done: Done) -> &'static str {
    match done {
        Done::Done | Done::Waived => "good",
        Done::Open => "plain",
        Done::Overdue => "bad",
    }
}

fn tasks(speaker: Speaker<'_>, status: &Status) -> Vec<Row> {
    let rows = status.tasks.iter().map(|task| {
        let county = match &task.county {
            None => speaker.word(Message::AllCounties).to_owned(),
            Some(county) => speaker.campaign.county_title(county).in_language(speaker.language).to_owned(),
        };
        Row {
            title: task.title.in_language(speaker.language).to_owned(),
            place: speaker.list(&[county, speaker.gate_title(&task.gate)]),
            party: speaker.party(&task.owner),
            deadline: speaker.day(task.deadline),
            state: speaker.done(task.done),
            mood: mood(task.done),
        }
    });
    rows.collect()
}

fn items(speaker: Speaker<'_>, status: &Status) -> Vec<Row> {
    let rows = status.punch_list.iter().map(|item| {
        let county = speaker.campaign.county_title(&item.county).in_language(speaker.language).to_owned();
        Row {
            title: item.title.in_language(speaker.language).to_owned(),
            place: speaker.list(&[county, item.bus.clone(), speaker.gate_title(&item.gate)]),
            party: speaker.party(&item.owner),
            deadline: speaker.day(item.deadline),
            state: speaker.done(item.done),
            mood: mood(item.done),
        }
    });
    rows.collect()
}

fn waivers(speaker: Speaker<'_>, status: &Status) -> Vec<Held> {
    let rows = status.waivers.iter().map(|waiver| Held {
        name: waiver.waiver.to_string(),
        of: waiver.of.clone(),
        reason: waiver.reason.in_language(speaker.language).to_owned(),
        approver: speaker.party(&waiver.approver),
        expires: speaker.day(waiver.expires),
        state: speaker.word(if waiver.holds { Message::Holds } else { Message::HoldsNot }),
        mood: if waiver.holds { "good" } else { "bad" },
    });
    rows.collect()
}
