//! `capture.pcapng`: what was on the air in each tap, for Wireshark and tshark.
//!
//! All packets of a sub-case stay together, whichever bench was faster: a reader of the capture joins the blocks of a chain, and
//! blocks of two taps would be mixed otherwise. The time of a packet is the time at which the rig noticed the frame.
//!
//! Comments name the sub-case and its attempt, the tap and its card, injected faults, checks that failed, and a verdict that is not
//! a pass. A check that failed is at the last packet of its tap.

mod packet;
mod pcapng;

use packet::Packet;
use pcapng::Pcapng;
use std::collections::BTreeMap;
use std::time::Duration;
use taprig_model::event::{Body, CaseStarted, Check, Event, Exchange, RunStarted};
use taprig_model::result::Verdict;

/// Folds events into a capture.
#[derive(Debug, Default)]
pub struct Capture {
    file: Pcapng,
    /// The description of each bench.
    benches: BTreeMap<String, String>,
    /// Sub-cases that have begun and have not ended, and under `None` what belongs to no sub-case.
    running: BTreeMap<Option<String>, Running>,
}

/// A sub-case in progress.
#[derive(Debug, Default)]
struct Running {
    bench: String,
    packets: Vec<Packet>,
    /// Comments for the next packet.
    waiting: Vec<String>,
    /// Number of the tap, and where its packets begin.
    tap: (u32, usize),
    /// The last packet of each tap that is over.
    last: BTreeMap<u32, usize>,
}

impl Capture {
    /// The capture of a complete stream.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut capture = Self::default();
        events.into_iter().for_each(|event| capture.add(event));
        capture
    }

    /// Adds an event.
    pub fn add(&mut self, event: &Event) {
        match &event.body {
            Body::RunStarted(run) => self.file.head(start(run), format!("{} {}", run.tool, run.version)),
            Body::BenchOpened { card_side, .. } => {
                let side = card_side.and_then(|side| serde_json::to_value(side).ok());
                let side = side.as_ref().and_then(serde_json::Value::as_str).unwrap_or("unknown");
                let what = format!("card side: {side}; a time is when the rig noticed the frame");
                self.benches.insert(event.bench.clone().unwrap_or_default(), what);
            }
            body => self.in_case(event, body),
        }
    }

    fn in_case(&mut self, event: &Event, body: &Body) {
        if matches!(body, Body::CaseStarted(_)) {
            // An attempt that was cut off has no end.
            self.end(&event.case);
        }
        let is_new = matches!(
            body,
            Body::CaseStarted(_) | Body::Presented { .. } | Body::Frame { .. } | Body::Field { .. } | Body::Exchange(_)
        );
        if is_new && !self.running.contains_key(&event.case) {
            self.running.insert(event.case.clone(), Running::default());
        }
        let Some(running) = self.running.get_mut(&event.case) else { return };
        if let Some(bench) = &event.bench {
            running.bench.clone_from(bench);
        }
        match body {
            Body::CaseStarted(case) => running.waiting.push(case_words(event.case.as_deref(), case)),
            Body::Presented { tap, card } => running.begin_tap(*tap, card),
            Body::Removed { .. } => running.end_tap(),
            Body::Injected { at, fault, values } => {
                running.waiting.push(format!("fault: {fault} at {at} {values}").trim_end().into());
            }
            Body::Acted { at, act } => running.waiting.push(format!("act: {act} at {at}")),
            Body::Field { on, .. } => running.push(Packet::field(event.at_us, *on)),
            Body::Frame { from_card, bytes, masked, .. } => {
                running.push(Packet::frame(event.at_us, *from_card, bytes, *masked));
            }
            Body::Exchange(exchange) => running.exchange(event.at_us, exchange),
            Body::Checked(check) if check.fails() => running.failed(check),
            Body::CaseFinished { verdict, failure, .. } => {
                if *verdict != Verdict::Pass {
                    let why = failure.as_deref().and_then(|why| why.lines().next()).unwrap_or_default();
                    running.at_last(None, format!("verdict: {verdict}: {why}"));
                }
                self.end(&event.case);
            }
            _ => {}
        }
    }

    /// Writes the packets of a sub-case.
    fn end(&mut self, case: &Option<String>) {
        let Some(mut running) = self.running.remove(case) else { return };
        running.end_tap();
        let what = self.benches.get(&running.bench).map_or("", String::as_str);
        self.file.write(&running.bench, what, &running.packets);
    }

    /// The content of the file. Sub-cases that have not ended are a part of it.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        let cases: Vec<_> = self.running.keys().cloned().collect();
        cases.iter().for_each(|case| self.end(case));
        self.file.finish()
    }
}

impl Running {
    fn push(&mut self, mut packet: Packet) {
        packet.comments.splice(0..0, self.waiting.drain(..));
        self.packets.push(packet);
    }

    fn begin_tap(&mut self, tap: u32, card: &str) {
        self.end_tap();
        self.tap = (tap, self.packets.len());
        self.waiting.push(format!("tap {tap}: {card}"));
    }

    /// If the card side reported frames, they are what was on the air, and the APDUs say nothing more.
    fn end_tap(&mut self) {
        let (tap, start) = self.tap;
        let own = self.packets.split_off(start.min(self.packets.len()));
        let frames = own.iter().any(|packet| !packet.made_up && packet.bytes.len() > 4);
        let mut left: Vec<String> = vec![];
        for mut packet in own {
            if frames && packet.made_up {
                // Its own comment says that it is made up. The others belong to the packet that follows.
                packet.comments.pop();
                left.append(&mut packet.comments);
            } else {
                packet.comments.splice(0..0, left.drain(..));
                self.packets.push(packet);
            }
        }
        match self.packets.last_mut() {
            Some(last) if self.waiting.is_empty() => last.comments.append(&mut left),
            _ => self.waiting.splice(0..0, left).for_each(drop),
        }
        if self.packets.len() > start {
            self.last.insert(tap, self.packets.len() - 1);
        }
        self.tap.1 = self.packets.len();
    }

    fn exchange(&mut self, at_us: u64, exchange: &Exchange) {
        let command = Packet::apdu(at_us, false, &exchange.command, exchange.number);
        let response =
            exchange.response.iter().flat_map(|response| Packet::apdu(at_us, true, response, exchange.number));
        command.into_iter().chain(response).for_each(|packet| self.push(packet));
    }

    fn failed(&mut self, check: &Check) {
        self.end_tap();
        // The lines of a transcript that differ are in the other reports.
        let first = |text: &str| text.lines().next().unwrap_or_default().to_owned();
        let words =
            format!("failed: {}: expected {}, seen {}", check.title(), first(&check.wanted), first(&check.seen));
        self.at_last(check.tap, words);
    }

    /// Adds a comment to the last packet of a tap, or of all. A case without packets has no place for it.
    fn at_last(&mut self, tap: Option<u32>, words: String) {
        let place = tap.and_then(|tap| self.last.get(&tap).copied());
        let place = place.or(self.packets.len().checked_sub(1));
        if let Some(packet) = place.and_then(|place| self.packets.get_mut(place)) {
            packet.comments.push(words);
        }
    }
}

fn case_words(id: Option<&str>, case: &CaseStarted) -> String {
    let attempt = if case.attempt > 1 { format!(", attempt {}", case.attempt) } else { String::new() };
    format!("case {}{attempt}: {}", id.unwrap_or("without a name"), case.title)
}

/// Time from 1970 to the start of the run. It is 0 if the record does not say a time.
fn start(run: &RunStarted) -> Duration {
    let time: Option<jiff::Timestamp> = run.started.parse().ok();
    time.and_then(|time| u64::try_from(time.as_microsecond()).ok()).map(Duration::from_micros).unwrap_or_default()
}

#[cfg(test)]
mod tests;
