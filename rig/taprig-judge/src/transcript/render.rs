//! Converts events to lines.

use super::acquirer;
use super::tap::TapText;
use taprig_model::acquirer::log::Body as Happened;
use taprig_model::event::{Body, CaseStarted, ConsoleReply, Event, Fields, JournalRow, Signal, Word};
use taprig_record::decode::View;

/// Prompts of an idle validator. A device may show them before or after `ready`, and they say nothing about a tap.
const IDLE_PROMPTS: [&str; 2] = ["welcome", "present card"];

/// The transcript for a snapshot. See [`render`].
pub fn transcript(events: &[Event]) -> String {
    render(events, View::Stable)
}

/// The transcript of the last attempt in the events of one sub-case. It ends without a line end, and it is empty if
/// there are no events.
pub fn render(events: &[Event], view: View) -> String {
    let start = events.iter().rposition(|event| matches!(event.body, Body::CaseStarted(_))).unwrap_or(0);
    let mut lines = Vec::new();
    let (mut faulty, mut frames) = (false, true);
    if let Some(Body::CaseStarted(case)) = events.get(start).map(|event| &event.body) {
        (faulty, frames) = (!case.faults.is_empty(), case.frames);
        given(case, &mut lines);
    }
    let mut step: Option<StepText> = None;
    for event in &events[start.min(events.len())..] {
        match &event.body {
            Body::StepStarted { number, step: text } => {
                finish(step.take(), view, faulty, &mut lines);
                step = Some(StepText::new(*number, text));
            }
            // Only a case about frames shows them. The records of other cases hold them for captures.
            Body::Frame { .. } if !frames => {}
            // Before the first step the rig configures the validator. The lines above show what differs from the
            // profile.
            body => {
                if let Some(step) = &mut step {
                    step.add(body);
                }
            }
        }
    }
    finish(step, view, faulty, &mut lines);
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines.join("\n")
}

fn given(case: &CaseStarted, lines: &mut Vec<String>) {
    lines.push(format!("validator {}", case.validator));
    lines.extend(case.settings.iter().map(|setting| format!("  set {setting}")));
    if let Some(card) = &case.card {
        lines.push(format!("card {card}"));
    }
    lines.extend(case.changes.iter().map(|change| format!("  {change}")));
    lines.extend(case.faults.iter().map(|fault| format!("  link: {fault}")));
    lines.push(String::new());
}

/// A step, with its events sorted by their sources.
struct StepText<'a> {
    head: String,
    before: Vec<&'a Body>,
    taps: Vec<Vec<&'a Body>>,
    /// The signals of the console, in parts that each end with `ready`.
    told: Vec<Vec<(&'a str, &'a Fields)>>,
    ready: bool,
    /// What happened at the acquirer.
    acquirer: Vec<&'a Happened>,
    journal: Vec<&'a JournalRow>,
}

impl<'a> StepText<'a> {
    fn new(number: u32, text: &str) -> Self {
        Self {
            head: format!("{number} {text}"),
            before: vec![],
            taps: vec![],
            told: vec![vec![]],
            ready: false,
            acquirer: vec![],
            journal: vec![],
        }
    }

    fn add(&mut self, body: &'a Body) {
        match body {
            Body::Presented { .. } => self.taps.push(vec![body]),
            Body::Activated { .. }
            | Body::Exchange(_)
            | Body::Frame { .. }
            | Body::Injected { .. }
            | Body::Acted { .. }
            | Body::InField { .. }
            | Body::Released { .. }
            | Body::Removed { .. }
            | Body::Balance { .. } => match self.taps.last_mut() {
                Some(tap) => tap.push(body),
                None => self.before.push(body),
            },
            // The reply to a line that was sent in the middle of the tap.
            Body::ConsoleReply(_) if !self.taps.is_empty() => {
                if let Some(tap) = self.taps.last_mut() {
                    tap.push(body);
                }
            }
            Body::ConsoleSent { .. }
            | Body::ConsoleReply(_)
            | Body::SettingsTaken { .. }
            | Body::Status { .. }
            | Body::JournalCleared { .. }
            | Body::WorkAsked { .. }
            | Body::FlashedByProgram { .. }
            | Body::Identified { .. }
            | Body::Journal { listed: Some(_), .. } => self.before.push(body),
            Body::Signal { signal, said } => self.signal(signal, said),
            Body::Journal { added, .. } => self.journal.extend(added),
            Body::Acquirer { happened } => self.acquirer.push(happened),
            _ => {}
        }
    }

    fn signal(&mut self, signal: &'a Signal, said: &'a Fields) {
        match signal {
            Signal::Ready {} => {
                self.ready = true;
                return;
            }
            Signal::Show { message: Word::Known(text) } if IDLE_PROMPTS.contains(&text.as_str()) => return,
            _ => {}
        }
        if self.ready {
            self.told.push(vec![]);
            self.ready = false;
        }
        if let Some(part) = self.told.last_mut() {
            part.push((signal.name(), said));
        }
    }
}

fn finish(step: Option<StepText<'_>>, view: View, faulty: bool, lines: &mut Vec<String>) {
    let Some(step) = step else { return };
    lines.push(step.head);
    asked(&step.before, view, lines);
    let several = step.taps.len() > 1;
    let mut told = step.told.into_iter();
    for (number, tap) in (1..).zip(&step.taps) {
        if several {
            lines.push(format!("  tap {number}"));
        }
        let mut text = TapText::new(view, faulty);
        lines.extend(tap.iter().flat_map(|body| text.lines(body)).map(|line| format!("  {line}")));
        for (name, values) in told.next().unwrap_or_default() {
            lines.push(format!("  {}", console_event(name, values, view)));
        }
    }
    for happened in step.acquirer {
        lines.extend(acquirer::lines(happened, view).iter().map(|line| format!("  {line}")));
    }
    for (name, values) in told.flatten() {
        lines.push(format!("  {}", console_event(name, values, view)));
    }
    for record in step.journal {
        lines.push(format!("  journal + {}", stable(&record.said, view, &["n"])));
    }
    lines.push(String::new());
}

/// Commands to the validator and its answers, in order.
fn asked(bodies: &[&Body], view: View, lines: &mut Vec<String>) {
    let refusal = |refused: &Option<String>| refused.as_ref().map(|why| format!("    refused: {why}"));
    for (place, body) in bodies.iter().enumerate() {
        match body {
            Body::ConsoleSent { line } => {
                lines.push(format!("  $ {line}"));
                if !matches!(bodies.get(place + 1), Some(Body::ConsoleReply(_))) {
                    lines.push("    no reply".to_owned());
                }
            }
            Body::ConsoleReply(reply) => {
                lines.extend(console_reply(reply, view).iter().map(|line| format!("    {line}")));
            }
            Body::SettingsTaken { what, refused } => {
                lines.push(format!("  set {what}"));
                lines.extend(refusal(refused));
            }
            Body::JournalCleared { refused } | Body::WorkAsked { refused, .. } => lines.extend(refusal(refused)),
            Body::Status { said, .. } | Body::Identified { identity: said, .. } => {
                lines.push(format!("  {}", stable(said, view, &[])));
            }
            Body::Journal { count, total, listed: Some(rows), .. } => {
                lines.extend(rows.iter().map(|row| format!("  - {}", stable(&row.said, view, &[]))));
                lines.push(format!("  count={count} total={total}"));
            }
            _ => {}
        }
    }
}

pub(super) fn console_reply(reply: &ConsoleReply, view: View) -> Vec<String> {
    let mut lines: Vec<_> = reply.data.iter().map(|data| format!("- {}", stable(data, view, &[]))).collect();
    lines.push(match (&reply.code, reply.ok) {
        // Values follow from the first word on. Any other text is text for people, such as an echo.
        (_, true) if reply.text.split(' ').next().is_some_and(|word| word.contains('=')) => {
            format!("ok {}", stable(&Fields::parse(&reply.text), view, &[]))
        }
        (_, true) => format!("ok {}", reply.text).trim_end().to_owned(),
        (Some(code), false) => format!("error {code} {}", reply.text).trim_end().to_owned(),
        (None, false) => format!("error {}", reply.text).trim_end().to_owned(),
    });
    lines
}

fn console_event(name: &str, values: &Fields, view: View) -> String {
    let value = |key: &str| values.get(key).unwrap_or("-");
    match name {
        "show" => {
            let rest = stable(values, view, &["id", "text"]);
            format!("* shows {} {:?} {rest}", value("id"), value("text")).trim_end().to_owned()
        }
        "sound" | "gate" => format!("* {name} {values}").replace("=\"\"", ""),
        "result" => {
            let rest = stable(values, view, &["outcome"]);
            format!("= {} {rest}", value("outcome")).trim_end().to_owned()
        }
        _ => format!("* {name} {}", stable(values, view, &[])).trim_end().to_owned(),
    }
}

/// Whether the rig made this name of settings: 16 lower-case hexadecimal digits.
fn is_digest(value: &str) -> bool {
    value.len() == 16 && value.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
}

/// Values with placeholders for those that differ between runs or boards.
fn stable(values: &Fields, view: View, without: &[&str]) -> String {
    let pairs = values.iter().filter(|(name, _)| !without.contains(name)).map(|(name, value)| {
        let value = match (view, name) {
            (View::Whole, _) => value,
            (_, "time" | "clock") if value != "unset" => "<time>",
            (_, "ac") => "<cryptogram>",
            (_, "digest") => "<digest>",
            (_, "version") => "<version>",
            (_, "board") => "<board>",
            (_, "un" | "nonce") => "<random>",
            (_, "us" | "ms") => "<duration>",
            (_, "serial") => "<serial>",
            // The rig's own name for its settings is their digest. A name that comes from a case is shown.
            (_, "profile") if is_digest(value) => "<settings>",
            _ => value,
        };
        (name, value)
    });
    pairs.collect::<Fields>().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use taprig_model::event::{Exchange, Release, Traffic};
    use taprig_model::samples::{event, started};

    fn signal(name: &str, values: &str) -> Body {
        let said = Fields::parse(values);
        let signal = match name {
            "ready" => Signal::Ready {},
            "show" => Signal::Show { message: Word::Known(said.get("text").unwrap_or_default().into()) },
            name => Signal::Other { name: name.into() },
        };
        Body::Signal { signal, said }
    }

    fn card_side(un: u8) -> Vec<Body> {
        let fci = vec![0x6F, 0x0A, 0xA5, 0x08, 0x9F, 0x38, 0x05, 0x9F, 0x37, 0x04, 0x9A, 0x03, 0x90, 0x00];
        let gpo = vec![0x80, 0xA8, 0, 0, 9, 0x83, 7, un, un, un, un, 0x18, 0x05, 0x21, 0];
        let answer = vec![0x77, 0x0D, 0x9F, 0x26, 8, un, 1, un, 1, un, 1, un, 1, 0x82, 0, 0x90, 0];
        let exchange = |command: Vec<u8>, response: Vec<u8>| {
            Body::Exchange(Exchange {
                command: command.into(),
                response: Some(response.into()),
                air_us: u64::from(un),
                ..Exchange::default()
            })
        };
        vec![
            Body::Presented { tap: 1, card: "credit".into() },
            Body::Field { on: true, air_us: None },
            Body::Activated { fsd: Some(256) },
            exchange(vec![0, 0xA4, 4, 0, 3, 0xA0, 0, 0, 0], fci),
            exchange(gpo, answer),
            Body::Released { how: Release::Deselected },
            Body::Removed { traffic: Traffic { from_reader: u32::from(un), ..Traffic::default() }, air_us: 9 },
        ]
    }

    fn console_side() -> Vec<Body> {
        vec![
            signal("show", r#"id=16 text="processing""#),
            signal("show", r#"id=03 text="approved""#),
            signal("sound", "accepted"),
            signal("gate", "open"),
            signal("result", "outcome=approved reason=oda fare=100 charged=100 cryptogram=arqc oda=ok"),
            signal("ready", ""),
        ]
    }

    fn case(bodies: impl IntoIterator<Item = Body>) -> Vec<Event> {
        let before = [started("A new card rides", 1), Body::ConsoleSent { line: "profile x".into() }];
        let step = [Body::StepStarted { number: 1, step: "tap".into() }];
        let said = Fields::parse("n=7 time=2018-05-21T08:00:00 pan=622609******7890 fare=100 ac=0011223344556677");
        let after = [
            Body::Journal {
                count: 7,
                total: 700,
                added: vec![JournalRow { said, ..JournalRow::default() }],
                listed: None,
            },
            Body::StepStarted { number: 2, step: "console identity".into() },
            Body::ConsoleSent { line: "identity".into() },
            Body::ConsoleReply(ConsoleReply {
                data: vec![],
                ok: true,
                code: None,
                text: "device=taprig-reference board=sim version=0.1.0 digest=00".into(),
            }),
            Body::ConsoleSent { line: "fly".into() },
            Body::ConsoleReply(ConsoleReply {
                data: vec![],
                ok: false,
                code: Some("unknown".into()),
                text: "no such command".into(),
            }),
        ];
        let all = before.into_iter().chain(step).chain(bodies).chain(after);
        (0..).zip(all).map(|(at, body)| event(at, Some("ODA-004"), body)).collect()
    }

    #[test]
    fn a_tap_in_lines() {
        let events = case(card_side(7).into_iter().chain(console_side()));
        insta::assert_snapshot!(transcript(&events), @r#"
        validator shangluo-flat-1-yuan

        1 tap
          present credit
          activated, FSD 256
          > select aid A00000
          < 9000 ok
              9F38 PDOL 9F37:4 9A:3
          > gpo
              9F37 unpredictable number <4 random bytes>
              9A transaction date <date>
          < 9000 ok
              9F26 cryptogram <8-byte cryptogram>
              82 AIP (empty)
          deselected
          * shows 16 "processing"
          * shows 03 "approved"
          * sound accepted
          * gate open
          = approved reason=oda fare=100 charged=100 cryptogram=arqc oda=ok
          journal + time=<time> pan=622609******7890 fare=100 ac=<cryptogram>

        2 console identity
          $ identity
            ok device=taprig-reference board=<board> version=<version> digest=<digest>
          $ fly
            error unknown no such command
        "#);
    }

    #[test]
    fn which_port_was_faster_and_what_was_random_says_nothing() {
        let once = transcript(&case(card_side(7).into_iter().chain(console_side())));
        let idle = signal("show", r#"id=15 text="present card" amount=100"#);
        let other = std::iter::once(idle.clone()).chain(console_side()).chain(card_side(9)).chain([idle]);
        assert_eq!(transcript(&case(other)), once);
    }

    #[test]
    fn two_taps_of_a_step_each_have_what_was_told_of_them() {
        let mut bodies = Vec::new();
        for _ in 0..2 {
            bodies.extend(card_side(7));
        }
        bodies.extend(console_side());
        bodies.extend(console_side());
        let text = transcript(&case(bodies));
        let places: Vec<_> = text.match_indices("= approved").map(|(place, _)| place).collect();
        let second = text.find("  tap 2").unwrap();
        assert!(places.len() == 2 && places[0] < second && second < places[1], "{text}");
    }

    #[test]
    fn the_rigs_name_of_settings_is_a_placeholder_and_a_persons_is_not() {
        let line = |text: &str| stable(&Fields::parse(text), View::Stable, &[]);
        assert_eq!(line("state=ready profile=c38b9db0baaa81ce"), "state=ready profile=<settings>");
        assert_eq!(line("profile=-"), "profile=-");
        assert_eq!(line("profile=winter-2018"), "profile=winter-2018");
        assert_eq!(stable(&Fields::parse("profile=c38b9db0baaa81ce"), View::Whole, &[]), "profile=c38b9db0baaa81ce");
    }

    #[test]
    fn a_text_that_is_echoed_stays_as_it_is() {
        let ok = |text: &str| ConsoleReply { data: vec![], ok: true, code: None, text: text.into() };
        assert_eq!(console_reply(&ok("! a = b"), View::Stable), ["ok ! a = b"]);
        assert_eq!(console_reply(&ok("board=sim serial=7"), View::Stable), ["ok board=<board> serial=<serial>"]);
    }

    #[test]
    fn only_the_last_attempt_counts_and_nothing_is_nothing() {
        let mut events = case(card_side(1));
        events.extend(case(console_side()));
        assert_eq!(transcript(&events), transcript(&case(console_side())));
        assert_eq!(transcript(&[]), "");
    }
}
