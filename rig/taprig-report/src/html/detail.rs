//! The details of a case, in the compact form that the script of the page reads.
//!
//! A case is a list of seven parts. Numbers marked with @ refer to a table ([`Chunks`]).
//!
//! 1. times of its events in 0.1 ms, each since the event before
//! 2. its events: a [`Lane`] and @, twice as many numbers as times. @ is a text, or the exchange
//! 3. for each exchange: its time on the air in 0.1 ms, since the exchange before
//! 4. its expectations: who sees it, @what, tap, @wanted, @seen (-0.5 if it is what was wanted), result, @why, line in the file
//! 5. what was given: @validator, @card, and lists of @settings, @changes and @faults on the link
//! 6. @facts, in pairs of name and value
//! 7. events that were left out
//!
//! An exchange is @command in words, the command, its parts, the response in words, the response, its parts, the fault. A part is
//! depth, name, value, place, length. The value is 0 if it is the bytes in hexadecimal, 1 if it is only the first of them, and a list of
//! one text if it is the bytes and this text.

use serde_json::{Value, json};
use taprig_judge::transcript::TapText;
use taprig_model::event::{Body, CaseStarted, Check, CheckResult, Event, Exchange, SeenBy};
use taprig_model::result::CaseResult;
use taprig_record::decode::{Decoded, Dialogue, Part, View, hex};

use super::chunks::{Chunks, Place};
use super::rows::{self, Lane};
use super::text::{counted, duration, visible};

/// In place of what was seen, if that is what was wanted. No table has such a place.
const SAME: f64 = -0.5;

/// Adds the details of a case. `left_out` events of it were too many to be kept.
pub(super) fn add(result: &CaseResult, events: &[Event], left_out: usize, chunks: &mut Chunks) -> Place {
    let timeline = Timeline::of(events, chunks);
    let checks: Vec<_> = result.checks.iter().map(|check| self::check(check, &result.file, chunks)).collect();
    let given = events.iter().find_map(|event| match &event.body {
        Body::CaseStarted(started) => Some(given(started, chunks)),
        _ => None,
    });
    let facts: Vec<_> =
        facts(result).iter().flat_map(|(name, value)| [chunks.text(name), chunks.text(value)]).collect();
    let case =
        json!([timeline.times, timeline.rows, timeline.airs, checks, given.unwrap_or_default(), facts, left_out]);
    chunks.add(&case)
}

#[derive(Default)]
struct Timeline {
    times: Vec<u64>,
    rows: Vec<i64>,
    airs: Vec<i64>,
    last_us: u64,
    last_air: i64,
}

impl Timeline {
    fn of(events: &[Event], chunks: &mut Chunks) -> Self {
        let mut timeline = Self { last_us: events.first().map_or(0, |event| event.at_us), ..Self::default() };
        let mut taps = events.split_inclusive(|event| matches!(event.body, Body::Removed { .. }));
        let faulty =
            events.iter().any(|event| matches!(&event.body, Body::CaseStarted(case) if !case.faults.is_empty()));
        taps.by_ref().for_each(|tap| timeline.tap(tap, faulty, chunks));
        timeline
    }

    /// Adds events up to the end of a tap, or after the last one.
    fn tap(&mut self, events: &[Event], faulty: bool, chunks: &mut Chunks) {
        let exchanged = events.iter().filter_map(|event| match &event.body {
            Body::Exchange(exchange) => Some([Some(&*exchange.command), exchange.response.as_deref()]),
            _ => None,
        });
        let exchanged: Vec<&[u8]> = exchanged.flatten().flatten().collect();
        let (mut dialogue, mut text) = (Dialogue::new(View::Whole), TapText::new(View::Whole, faulty));
        let mut polling = None;
        for event in events {
            let words = text.frame(&event.body);
            if let Body::Frame { from_card, bytes, masked, .. } = &event.body {
                match words.or_else(|| more_time(*from_card, bytes)) {
                    Some(words) => {
                        self.polled(&mut polling, chunks);
                        let frame = rows::frame(&words, bytes, *masked, &exchanged);
                        self.row(event.at_us, Lane::Frame, chunks.text(&frame));
                    }
                    None => {
                        polling = Some(polling.map_or((event.at_us, 1), |(at, count): (u64, usize)| (at, count + 1)));
                    }
                }
                continue;
            }
            if let Body::Exchange(exchange) = &event.body {
                self.polled(&mut polling, chunks);
                let entry = self::exchange(exchange, &dialogue.decode(exchange));
                self.row(event.at_us, Lane::Exchange, chunks.refer(&entry));
                let air = i64::try_from(exchange.air_us / 100).unwrap_or(i64::MAX);
                self.airs.push(air.saturating_sub(self.last_air));
                self.last_air = air;
            } else if let Some((lane, words)) = rows::row(&event.body) {
                self.polled(&mut polling, chunks);
                self.row(event.at_us, lane, chunks.text(&words));
                if matches!(event.body, Body::Presented { .. }) {
                    dialogue = Dialogue::new(View::Whole);
                    self.last_air = 0;
                }
            }
        }
        self.polled(&mut polling, chunks);
    }

    /// Frames of polling become one row.
    fn polled(&mut self, polling: &mut Option<(u64, usize)>, chunks: &mut Chunks) {
        if let Some((at, frames)) = polling.take() {
            self.row(at, Lane::Frame, chunks.text(&format!("{} of polling", counted(frames, "frame"))));
        }
    }

    fn row(&mut self, at_us: u64, lane: Lane, reference: i64) {
        // Rounded from the start on, so that roundings do not add up.
        let tenths = |us: u64| us / 100;
        self.times.push(tenths(at_us).saturating_sub(tenths(self.last_us)));
        self.last_us = self.last_us.max(at_us);
        self.rows.extend([lane as i64, reference]);
    }
}

/// A request for more time, or the answer to it. A transcript leaves out those that no case asks for.
fn more_time(from_card: bool, bytes: &[u8]) -> Option<String> {
    let [0xF2, multiplier, _, _] = bytes else { return None };
    Some(format!("{} S(WTX) {multiplier}", if from_card { "<-" } else { "->" }))
}

fn exchange(exchange: &Exchange, decoded: &Decoded) -> Value {
    let response = exchange.response.as_deref();
    json!([
        visible(&decoded.command),
        hex(&exchange.command),
        parts(&decoded.sent, &exchange.command),
        visible(&decoded.response),
        response.map_or(Value::from(0), |response| Value::from(hex(response))),
        parts(&decoded.received, response.unwrap_or_default()),
        exchange.fault.as_deref().map_or(Value::from(0), |fault| Value::from(visible(fault))),
    ])
}

fn parts(parts: &[Part], bytes: &[u8]) -> Value {
    let all = parts.iter().flat_map(|part| {
        let about = part.at.clone().and_then(|at| bytes.get(at)).unwrap_or_default();
        let (place, length) = part.at.as_ref().map_or((0, 0), |at| (at.start, at.len()));
        [json!(part.depth), json!(visible(&part.name)), value(&part.value, about), json!(place), json!(length)]
    });
    Value::Array(all.collect())
}

/// A value without what its bytes say already.
fn value(words: &str, bytes: &[u8]) -> Value {
    if !bytes.is_empty() {
        let digits = hex(bytes);
        if let Some(rest) = words.strip_prefix(digits.as_str()) {
            return if rest.is_empty() { json!(0) } else { json!([visible(rest)]) };
        }
        let shortened = digits.get(..32).map(|start| format!("{start}... ({} bytes)", bytes.len()));
        if shortened.as_deref() == Some(words) {
            return json!(1);
        }
    }
    Value::from(visible(words))
}

fn check(check: &Check, file: &str, chunks: &mut Chunks) -> Value {
    let who = SEEN_BY.iter().position(|who| *who == check.seen_by).unwrap_or_default();
    let result = match check.result {
        CheckResult::Holds => 0,
        CheckResult::Fails => 1,
        CheckResult::NotJudged => 2,
    };
    let what = chunks.text(&check.what.to_string());
    let wanted = chunks.text(&check.wanted);
    let seen = if check.seen == check.wanted { json!(SAME) } else { json!(chunks.text(&check.seen)) };
    let why = check.why.as_ref().map_or(json!(SAME), |why| json!(chunks.text(why)));
    // A place in the file of the case is its line alone.
    let at = check.at.as_ref().map_or(json!(0), |at| {
        let line = at.strip_prefix(file).and_then(|rest| rest.strip_prefix(':')?.parse::<u32>().ok());
        line.map_or_else(|| json!(visible(at)), |line| json!(line))
    });
    json!([who, what, check.tap.unwrap_or_default(), wanted, seen, result, why, at])
}

/// The order in which the script of the page knows them.
pub(super) const SEEN_BY: [SeenBy; 5] =
    [SeenBy::Person, SeenBy::Card, SeenBy::Acquirer, SeenBy::Device, SeenBy::Baseline];

fn given(case: &CaseStarted, chunks: &mut Chunks) -> Value {
    let card = case.card.as_deref().unwrap_or_default();
    let mut list = |texts: &[String]| texts.iter().map(|text| chunks.text(text)).collect::<Vec<_>>();
    let (settings, changes, faults) = (list(&case.settings), list(&case.changes), list(&case.faults));
    json!([chunks.text(&case.validator), chunks.text(card), settings, changes, faults])
}

/// What else is known of the case, in words.
fn facts(result: &CaseResult) -> Vec<(&'static str, String)> {
    let mut facts = vec![("File", result.file.clone())];
    facts.extend(result.bench.iter().map(|bench| ("Bench", bench.clone())));
    facts.extend(result.power.map(|by| ("Power before the case", rows::switch(by).to_owned())));
    facts.extend(super::quarantine::words(result).map(|words| ("Quarantine", words)));
    facts.push(("Duration", duration(result.took_us)));
    let each = |times: Vec<String>| times.join(", ");
    if !result.air_us.is_empty() {
        facts.push(("On the air", each(result.air_us.iter().map(|us| duration(*us)).collect())));
    }
    let reader: Vec<_> = result.own_time.iter().filter_map(|own| own.reader_us).map(duration).collect();
    if !reader.is_empty() {
        facts.push(("The reader itself", each(reader)));
    }
    let until: Vec<_> = result.own_time.iter().filter_map(|own| own.result_us).map(duration).collect();
    if !until.is_empty() {
        facts.push(("From release to result", each(until)));
    }
    if result.attempts.len() > 1 {
        let attempts = result.attempts.iter().map(|attempt| {
            let why = attempt.failure.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
            format!("{}: {}{why}", attempt.number, attempt.verdict)
        });
        facts.push(("Attempts", attempts.collect::<Vec<_>>().join("\n")));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tally;
    use crate::html::chunks::tests::{entry, unpack};
    use taprig_model::event::Criterion;
    use taprig_model::result::Verdict;
    use taprig_model::samples::{check as checked, event, finished, started};

    fn details(events: &[Event]) -> (Value, Value) {
        let mut chunks = Chunks::default();
        let result = Tally::of(events).result().cases.remove(0);
        let place = add(&result, events, 3, &mut chunks);
        assert_eq!(place, (0, 1));
        let (packed, _) = chunks.finish();
        let mut lines = unpack(&packed[0]);
        (lines.remove(1), lines.remove(0))
    }

    fn frame(from_card: bool, bytes: &[u8]) -> Body {
        let short = bytes.len() == 1 && !from_card;
        serde_json::from_value(json!({ "kind": "frame", "from_card": from_card, "short": short, "bytes": hex(bytes) }))
            .unwrap()
    }

    fn tap() -> Vec<Event> {
        let select = [0x00, 0xA4, 0x04, 0x00, 0x02, 0xA0, 0x01, 0x00];
        let fci = [0x6F, 0x04, 0x84, 0x02, 0xA0, 0x01, 0x90, 0x00];
        let exchange = Body::Exchange(Exchange {
            command: select.to_vec().into(),
            response: Some(fci.to_vec().into()),
            air_us: 12_340,
            ..Exchange::default()
        });
        let id = Some("BUS-001");
        [
            started("A ride", 1),
            Body::Presented { tap: 1, card: "credit".into() },
            frame(false, &[0x52]),
            frame(false, &[0x52]),
            frame(false, &[0x93, 0x20]),
            frame(true, &[0xF2, 1, 0x91, 0x40]),
            exchange,
            checked(SeenBy::Person, Criterion::Outcome, "approved", "approved"),
            checked(SeenBy::Card, Criterion::Exchange, "gpo", "select ppse"),
            finished(Verdict::Fail, 1, Some("exchange: gpo")),
        ]
        .into_iter()
        .zip([0, 1_000, 1_100, 1_200, 1_300, 1_300, 2_000, 2_001, 2_002, 2_003])
        .map(|(body, at)| event(at, id, body))
        .collect()
    }

    #[test]
    fn a_case_can_be_read_back() {
        let (case, table) = details(&tap());
        let [times, rows, airs, checks, given, facts, left_out] = &case.as_array().unwrap()[..] else {
            panic!("{case}")
        };
        assert_eq!(times, &json!([10, 1, 2, 0, 7]));
        let at = |reference: &Value| entry(reference.as_i64().unwrap(), &table, &Value::Null);
        let rows: Vec<_> = rows.as_array().unwrap().chunks(2).map(|row| (row[0].clone(), at(&row[1]))).collect();
        let lane = |lane: Lane| json!(lane as i64);
        assert_eq!(rows[0], (lane(Lane::Card), json!("tap 1: credit is held to the reader")));
        assert_eq!(rows[1], (lane(Lane::Frame), json!("2 frames of polling")));
        assert_eq!(rows[2], (lane(Lane::Frame), json!("-> anticollision 93\n9320")));
        assert!(rows[3].1.as_str().unwrap().starts_with("<- S(WTX) 1"), "no case asks for it");
        let exchange = &rows[4].1;
        assert_eq!(exchange[0], "select aid A001");
        assert_eq!(exchange[1], "00A4040002A00100");
        assert_eq!(exchange[3], "9000 ok");
        assert_eq!(exchange[5], json!([0, "84 DF name", 0, 4, 2]), "the value is its bytes");
        assert_eq!(airs, &json!([123]));
        assert_eq!(checks[0], json!([0, checks[0][1], 0, checks[0][3], SAME, 0, SAME, 21]));
        assert_eq!((at(&checks[1][3]), at(&checks[1][4])), (json!("gpo"), json!("select ppse")));
        assert_eq!(at(&given[0]), "shangluo-flat-1-yuan");
        assert_eq!((at(&facts[0]), at(&facts[1])), (json!("File"), json!("cases/oda/ODA-004.yaml")));
        assert_eq!(left_out, 3);
    }

    #[test]
    fn values_are_not_repeated() {
        let bytes = [0xAB; 60];
        let start = format!("{}... (60 bytes)", "AB".repeat(16));
        assert_eq!(value(&start, &bytes), json!(1));
        assert_eq!(value("ABAB", &bytes[..2]), json!(0));
        assert_eq!(value("ABAB (two)", &bytes[..2]), json!([" (two)"]));
        assert_eq!(value("1.00", &bytes[..2]), json!("1.00"));
        assert_eq!(value("(empty)", &[]), json!("(empty)"));
    }
}
