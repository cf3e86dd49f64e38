//! The timeline of a case: each event in words.

use serde::Serialize;
use taprig_judge::transcript::{acquirer_lines, air_frame_is_checked};
use taprig_model::event::{
    Body, ConsoleReply, FlashOutcome, Freshness, JournalRow, PowerSwitch, ReadyAgain, Release, Signal, Traffic, Word,
};
use taprig_model::units::Money;
use taprig_record::decode::View;

use super::text::{counted, duration};

/// What an event is about. The page has a line of its own for each of these, in this order. The script of the page knows their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// A step of the case begins.
    Step,
    /// Power and start of a board.
    Power,
    /// Card, field and tap.
    Card,
    /// A frame on the air.
    Frame,
    /// A command and its response.
    Exchange,
    /// A fault that the case puts on the link.
    Fault,
    /// The display.
    Display,
    /// Sound and gate.
    Gate,
    /// What the device reports as the end of a tap.
    Outcome,
    /// The journal.
    Journal,
    /// The state of the device.
    State,
    /// The console, line by line.
    Console,
    /// The acquirer.
    Acquirer,
    /// The rig itself.
    Rig,
}

/// The event in words. Events that a timeline does not show have none. Exchanges and frames have their own forms.
pub(super) fn row(body: &Body) -> Option<(Lane, String)> {
    Some(match body {
        Body::StepStarted { number, step } => (Lane::Step, format!("step {number}: {step}")),
        Body::Power { role, on, by } => {
            let by = by.map(|by| format!(", {}", switch(by))).unwrap_or_default();
            (Lane::Power, format!("{role}: power {}{by}", if *on { "on" } else { "off" }))
        }
        Body::Ready { role, took_us } => (Lane::Power, format!("{role} ready after {}", duration(*took_us))),
        Body::Flashed { role, outcome, digest, .. } => {
            (Lane::Power, format!("{role} flashed ({}), SHA-256 {digest}", flashed(*outcome)))
        }
        Body::FlashedByProgram { role, command, outcome, version, .. } => {
            (Lane::Power, format!("{role} flashed by {command} ({}), version {version}", flashed(*outcome)))
        }
        Body::Firmware(image) => {
            (Lane::Power, format!("{}: image {}, SHA-256 {}", image.role, image.path, image.digest))
        }
        Body::Identified { role, identity } => (Lane::State, format!("{role}: {identity}")),
        Body::Fresh { role, by } => (Lane::Rig, format!("{role}: {}", fresh(*by))),
        Body::ConsoleSent { line } => (Lane::Console, format!("> {line}")),
        Body::ConsoleReply(reply) => (Lane::Console, console(reply)),
        Body::ConsoleNoise { text } => (Lane::Console, format!("… {text}")),
        Body::Signal { signal, said } => signal_row(signal, &said.to_string()),
        Body::Status { said, .. } => (Lane::State, format!("status {said}")),
        Body::SettingsTaken { what, refused } => (Lane::State, with_refusal(&format!("set {what}"), refused.as_ref())),
        Body::JournalCleared { refused } => (Lane::Journal, with_refusal("emptied", refused.as_ref())),
        Body::WorkAsked { work, refused } => {
            (Lane::Acquirer, with_refusal(&format!("told to: {work}"), refused.as_ref()))
        }
        Body::Acquirer { happened } => {
            let lines = acquirer_lines(happened, View::Whole);
            if lines.is_empty() {
                return None;
            }
            (Lane::Acquirer, lines.join("\n"))
        }
        Body::Books { count, total, rows } => (Lane::Journal, journal("the whole journal", *count, *total, rows)),
        Body::Journal { count, total, added, listed } => {
            let rows = listed.as_ref().unwrap_or(added);
            (Lane::Journal, journal(if listed.is_some() { "listed" } else { "read" }, *count, *total, rows))
        }
        Body::ReadyAgain { tap, seen, within_us } => (Lane::State, ready_again(*tap, *seen, *within_us)),
        Body::DeviceEnded { why } => (Lane::State, format!("the device stopped: {why}")),
        Body::Presented { tap, card } => (Lane::Card, format!("tap {tap}: {card} is held to the reader")),
        Body::Field { on, .. } => (Lane::Card, format!("field {}", if *on { "on" } else { "off" })),
        Body::Activated { fsd: Some(fsd) } => (Lane::Card, format!("activated, FSD {fsd}")),
        Body::Activated { fsd: None } => (Lane::Card, "activated".to_owned()),
        Body::Injected { at, fault, values } => {
            (Lane::Fault, format!("at {at}: {fault} {values}").trim_end().to_owned())
        }
        Body::InField { there } => {
            (Lane::Card, if *there { "the card is back in the field" } else { "the card leaves the field" }.to_owned())
        }
        Body::Acted { at, act } => (Lane::Fault, format!("while the reader waits for the answer to {at}: {act}")),
        Body::Released { how } => {
            let how = match how {
                Release::Deselected => "S(DESELECT)",
                Release::Halted => "HLTA",
                Release::FieldOff => "switching its field off",
            };
            (Lane::Card, format!("the reader releases the card by {how}"))
        }
        Body::Removed { traffic, air_us } => (Lane::Card, removed(traffic, *air_us)),
        Body::Balance { fen } => (Lane::Card, format!("electronic cash holds {}", Money::from_fen(*fen))),
        Body::RigFault(fault) => (Lane::Rig, format!("fault of the rig: {fault}")),
        Body::Note { text } => (Lane::Rig, text.clone()),
        // The two have their own forms.
        Body::Exchange(_) | Body::Frame { .. } => return None,
        // These are shown elsewhere, or say nothing about the case.
        Body::RunStarted(_)
        | Body::RunResumed { .. }
        | Body::RunFinished { .. }
        | Body::BenchOpened { .. }
        | Body::BenchClosed {}
        | Body::CaseStarted(_)
        | Body::CaseFinished { .. }
        | Body::StepDone { .. }
        | Body::Checked(_)
        | Body::Serial { .. } => return None,
    })
}

fn signal_row(signal: &Signal, said: &str) -> (Lane, String) {
    let also = |text: String| if said.is_empty() { text } else { format!("{text}\n{said}") };
    match signal {
        Signal::Started {} => (Lane::Power, also("the firmware has started".into())),
        Signal::Ready {} => (Lane::State, "ready for a card".into()),
        Signal::Show { message } => (Lane::Display, also(format!("shows {}", meaning(message)))),
        Signal::Sound { sound } => (Lane::Gate, format!("sound {}", meaning(sound))),
        Signal::Gate { gate } => (Lane::Gate, format!("gate {}", meaning(gate))),
        Signal::Result { outcome, charged, held, .. } => {
            let outcome = outcome.as_ref().map_or_else(|| "the tap has ended".to_owned(), meaning);
            let fen = |fen: &Option<u64>, what: &str| fen.map(|fen| format!(", {what} {}", Money::from_fen(fen)));
            let charged = fen(charged, "charged").unwrap_or_default();
            (Lane::Outcome, also(format!("{outcome}{charged}{}", fen(held, "held").unwrap_or_default())))
        }
        Signal::Fault { what } => (Lane::State, format!("the device reports a fault of its own: {what}")),
        Signal::Uplink { work, result } => {
            (Lane::Acquirer, format!("{} has ended: {}", meaning(work), meaning(result)))
        }
        Signal::NotSeen { what, why } => (Lane::Display, format!("nobody saw {what}: {why}")),
        Signal::Other { name } => (Lane::Console, format!("* {name} {said}").trim_end().to_owned()),
    }
}

/// A word of the device, in the words of cases.
fn meaning<T: Serialize>(word: &Word<T>) -> String {
    match word {
        Word::Known(known) => self::word(known),
        Word::Unknown(own) => format!("“{own}”, which the device file does not translate"),
    }
}

/// The word that files use for a value.
pub(super) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

/// How power is switched, in words.
pub(super) fn switch(by: PowerSwitch) -> &'static str {
    match by {
        PowerSwitch::Cut => "cut in place",
        PowerSwitch::Process => "by a new process",
        PowerSwitch::Command => "by the programs of the bench file",
        PowerSwitch::Relay => "by a relay",
        PowerSwitch::Http => "by a switch on the network",
        PowerSwitch::Line => "by a modem control line",
        PowerSwitch::Reset => "which can't be switched, so that the board was reset",
    }
}

fn flashed(outcome: FlashOutcome) -> &'static str {
    match outcome {
        FlashOutcome::Programmed => "programmed and verified",
        FlashOutcome::Unchanged => "it held the image already",
    }
}

fn fresh(by: Freshness) -> &'static str {
    match by {
        Freshness::Nonce => "returned the number of this case, so its answers are fresh",
        Freshness::PowerOn => "lost its power before the case and has started since, so its answers are fresh",
        Freshness::Restart => "was restarted before the case, so its answers are fresh",
        Freshness::Asked => "reports nothing; only answers of a person count",
    }
}

fn ready_again(tap: u32, seen: ReadyAgain, within_us: u64) -> String {
    match seen {
        ReadyAgain::InTime => format!("ready again after tap {tap}"),
        ReadyAgain::Not => format!("not ready again within {} after tap {tap}", duration(within_us)),
        ReadyAgain::Restarted => format!("restarted by itself after tap {tap}"),
        ReadyAgain::NotSeen => format!("nobody saw whether it was ready again after tap {tap}"),
    }
}

fn with_refusal(what: &str, refused: Option<&String>) -> String {
    refused.map_or_else(|| what.to_owned(), |why| format!("{what}; refused: {why}"))
}

fn console(reply: &ConsoleReply) -> String {
    let mut lines: Vec<_> = reply.data.iter().map(|data| format!("- {data}")).collect();
    let code = reply.code.as_ref().map(|code| format!(" {code}")).unwrap_or_default();
    let word = if reply.ok { "ok" } else { "error" };
    lines.push(format!("{word}{code} {}", reply.text).trim_end().to_owned());
    lines.join("\n")
}

fn journal(how: &str, count: u32, total: u64, rows: &[JournalRow]) -> String {
    let total = Money::from_fen(total);
    let mut lines = vec![format!("{how}: {}, together {total}", counted(count as usize, "record"))];
    lines.extend(rows.iter().map(|row| format!("+ {}", row.said)));
    lines.join("\n")
}

fn removed(traffic: &Traffic, air_us: u64) -> String {
    let Traffic { from_reader, from_card, retries, wtx, reader_us } = *traffic;
    let mut text = format!(
        "the card is taken away after {} on the air\n{} from the reader, {from_card} from the card",
        duration(air_us),
        counted(from_reader as usize, "frame"),
    );
    if retries > 0 {
        text += &format!(", {} asked for again", counted(retries as usize, "block"));
    }
    if wtx > 0 {
        text += &format!(", {} for more time", counted(wtx as usize, "request"));
    }
    if let Some(us) = reader_us {
        text += &format!("; the reader itself took {}", duration(us));
    }
    text
}

/// A frame in words, with its bytes unless the exchanges of the tap show them.
pub(super) fn frame(words: &str, bytes: &[u8], masked: bool, exchanged: &[&[u8]]) -> String {
    let hex = || taprig_record::decode::hex(bytes);
    if !air_frame_is_checked(words) {
        return format!("{words}\n{}", hex());
    }
    let Some((content, _)) = bytes.split_last_chunk::<2>() else { return format!("{words}\n{}", hex()) };
    // The record has no check sum of a masked frame, as hidden digits could be computed from it.
    if !masked && !wire::crc::crc_a_ok(bytes) {
        return format!("{words}, the check sum is wrong\n{}", hex());
    }
    let inside = content.get(1..).filter(|content| !content.is_empty());
    let is_shown = |part: &[u8]| exchanged.iter().any(|whole| whole.windows(part.len()).any(|window| window == part));
    match inside {
        Some(part) if is_shown(part) => words.to_owned(),
        _ => format!("{words}\n{}", hex()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use taprig_model::event::Fields;

    #[test]
    fn what_a_person_sees_is_in_the_words_of_cases_and_in_those_of_the_device() {
        let said = Fields::parse("id=03 text=approved amount=100");
        let show = |message| Body::Signal { signal: Signal::Show { message }, said: said.clone() };
        let known = row(&show(Word::Known("approved".into())));
        assert_eq!(known, Some((Lane::Display, "shows approved\nid=03 text=approved amount=100".into())));
        let unknown = row(&show(Word::Unknown("ZP".into()))).unwrap().1;
        assert!(unknown.starts_with("shows “ZP”, which the device file does not translate"), "{unknown}");
        let refused = Body::SettingsTaken { what: "fare 2.00 CNY".into(), refused: Some("too high".into()) };
        assert_eq!(row(&refused), Some((Lane::State, "set fare 2.00 CNY; refused: too high".into())));
    }

    #[test]
    fn the_bytes_of_a_frame_are_left_out_only_if_an_exchange_shows_them() {
        let sealed = |bytes: &[u8]| [bytes, &wire::crc::crc_a(bytes)].concat();
        let exchanged: [&[u8]; 1] = [&[0x00, 0xA4, 0x04, 0x00]];
        let block = sealed(&[0x02, 0x00, 0xA4, 0x04, 0x00]);
        assert_eq!(frame("-> I 0 4 bytes", &block, false, &exchanged), "-> I 0 4 bytes");
        assert!(frame("-> I 0 4 bytes", &block, false, &[]).contains("\n0200A40400"));
        let mut damaged = block.clone();
        damaged[2] ^= 1;
        let words = frame("-> I 0 4 bytes", &damaged, false, &exchanged);
        assert!(words.starts_with("-> I 0 4 bytes, the check sum is wrong\n0200A5"), "{words}");
        // A frame in which an account number is masked has no check sum.
        let masked = [0x02, 0x00, 0xA4, 0x04, 0x00, 0, 0];
        assert_eq!(frame("-> I 0 4 bytes", &masked, true, &exchanged), "-> I 0 4 bytes");
        assert_eq!(frame("<- UID 88040102", &[0x88, 4, 1, 2, 0x8F], false, &exchanged), "<- UID 88040102\n880401028F");
        assert!(frame("-> S(DESELECT)", &sealed(&[0xC2]), false, &exchanged).contains("\nC2"));
    }
}
