//! Reads what an adapter program writes, and notices when it breaks the protocol: a line that is no message, a gap in
//! the numbers of its events, a time that goes back, an answer out of turn.

use taprig_model::adapter::{Event, Message, NoMessage, Reply, Reported};

/// Number of characters of a line that messages show.
const SHOWN: usize = 120;

/// The state of a conversation with an adapter program.
#[derive(Debug, Default)]
pub struct Reader {
    /// Number of the last event.
    seq: u64,
    /// Time of the last event on the device's clock.
    at_us: Option<u64>,
    /// Number of the request that has no answer yet.
    asked: Option<u64>,
}

/// A line that keeps the protocol.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// The answer to the request.
    Answer(Reply),
    /// An event.
    Event(Event),
}

/// How a program broke the protocol. The words follow the name of the program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A line is no message.
    #[error("wrote `{line}`: {why}")]
    Line {
        /// The beginning of the line, with account numbers masked.
        line: String,
        /// What is wrong.
        why: NoMessage,
    },
    /// Events were lost, or a number was used twice.
    #[error("wrote event {seq} where event {wanted} has to follow: its events have a gap or come twice")]
    Sequence {
        /// The number of the event.
        seq: u64,
        /// The number that it must have.
        wanted: u64,
    },
    /// The device's clock went back, although the device did not restart.
    #[error("wrote event {seq} with the time {at_us} us, which is before that of the last event ({last_us} us)")]
    Time {
        /// The number of the event.
        seq: u64,
        /// Its time.
        at_us: u64,
        /// The time of the event before.
        last_us: u64,
    },
    /// An answer to a request that was not made, or that was answered before.
    #[error("answered request {reply} out of turn: {}", turn(*asked))]
    Turn {
        /// The number in the answer.
        reply: u64,
        /// The request that has no answer yet.
        asked: Option<u64>,
    },
}

fn turn(asked: Option<u64>) -> String {
    asked.map_or_else(|| "no request was open".into(), |asked| format!("request {asked} was open"))
}

impl Reader {
    /// Notes that a request was made. One is made at a time.
    pub fn asked(&mut self, id: u64) {
        self.asked = Some(id);
    }

    /// Reads a line.
    ///
    /// # Errors
    /// [`Broken`] if it breaks the protocol. Nothing that follows can be relied on then.
    pub fn read(&mut self, line: &[u8]) -> Result<Heard, Broken> {
        match Message::parse(line).map_err(|why| Broken::Line { line: shown(line), why })? {
            Message::Event(event) => {
                let wanted = self.seq.saturating_add(1);
                if event.seq != wanted {
                    return Err(Broken::Sequence { seq: event.seq, wanted });
                }
                self.seq = wanted;
                // A device that restarts begins again to count its time.
                if event.told == (Reported::Started {}) {
                    self.at_us = None;
                }
                if let (Some(at_us), Some(last_us)) = (event.at_us, self.at_us)
                    && at_us < last_us
                {
                    return Err(Broken::Time { seq: event.seq, at_us, last_us });
                }
                self.at_us = event.at_us.or(self.at_us);
                Ok(Heard::Event(event))
            }
            Message::Reply(reply) if Some(reply.reply) == self.asked => {
                self.asked = None;
                Ok(Heard::Answer(reply))
            }
            Message::Reply(reply) => Err(Broken::Turn { reply: reply.reply, asked: self.asked }),
        }
    }
}

/// The beginning of a line, as messages show it.
fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(&line[..line.len().min(4 * SHOWN)]);
    let mut text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    // The number is masked before the text is cut, so that no part of it looks like something else.
    taprig_record::mask::text(&mut text);
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What is wrong with the last of these lines, after a request with the number 1.
    fn wrong(lines: &[&str]) -> String {
        let mut reader = Reader::default();
        reader.asked(1);
        let (last, first) = lines.split_last().unwrap();
        first.iter().for_each(|line| drop(reader.read(line.as_bytes()).unwrap()));
        reader.read(last.as_bytes()).unwrap_err().to_string()
    }

    const ONE: &str = r#"{"event":"ready","seq":1,"at_us":10}"#;

    #[test]
    fn events_are_numbered_without_a_gap() {
        assert!(wrong(&[ONE, ONE]).starts_with("wrote event 1 where event 2 has to follow"));
        assert!(wrong(&[ONE, r#"{"event":"ready","seq":3}"#]).starts_with("wrote event 3 where event 2 "));
        assert!(wrong(&[r#"{"event":"ready","seq":0}"#]).starts_with("wrote event 0 where event 1 "));
    }

    #[test]
    fn the_time_goes_back_only_when_the_device_restarts() {
        let back = r#"{"event":"ready","seq":2,"at_us":9}"#;
        assert!(wrong(&[ONE, back]).contains("9 us, which is before that of the last event (10 us)"));
        let untimed = r#"{"event":"ready","seq":2}"#;
        assert!(wrong(&[ONE, untimed, r#"{"event":"ready","seq":3,"at_us":9}"#]).contains("(10 us)"));
        let mut reader = Reader::default();
        for line in [ONE, r#"{"event":"started","seq":2,"at_us":0}"#, r#"{"event":"ready","seq":3,"at_us":5}"#] {
            assert!(reader.read(line.as_bytes()).is_ok(), "{line}");
        }
    }

    #[test]
    fn an_answer_comes_once_and_in_turn() {
        let answer = r#"{"reply":1,"ok":{}}"#;
        assert!(wrong(&[r#"{"reply":2,"ok":{}}"#]).ends_with("out of turn: request 1 was open"));
        assert!(wrong(&[answer, answer]).ends_with("answered request 1 out of turn: no request was open"));
    }

    #[test]
    fn a_line_that_is_no_message_is_shown_masked_and_cut() {
        assert_eq!(wrong(&["paid by 6226091234567890"]).split(": ").next(), Some("wrote `paid by 622609xxxxxx7890`"));
        let long = wrong(&[&"x".repeat(5000)]);
        assert!(long.len() < 300 && long.contains("xxx...`"), "{long}");
    }

    proptest! {
        #[test]
        fn no_lines_panic(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..6)) {
            let mut reader = Reader::default();
            for line in lines {
                if let Err(broken) = reader.read(&line) {
                    let _ = broken.to_string();
                }
            }
        }

        #[test]
        fn only_rising_numbers_are_read(numbers in prop::collection::vec(0u64..4, 1..8)) {
            let mut reader = Reader::default();
            let read = |seq: &u64| reader.read(format!(r#"{{"event":"ready","seq":{seq}}}"#).as_bytes()).is_ok();
            let all = numbers.iter().all(read);
            let rising = numbers.iter().zip(1..).all(|(seq, wanted)| *seq == wanted);
            prop_assert_eq!(all, rising);
        }
    }
}
