//! The log of an acquirer's host, as `taprig acquirer --log` writes it.

use super::lines::{Line, Lines};
use super::{Reading, Refused, without_line};
use crate::books::{Books, Claim, FileId, Heard};
use crate::time::Moment;
use serde::Deserialize;
use std::borrow::Cow;
use std::io::BufRead;
use taprig_model::acquirer::log::State;
use taprig_model::books::result::Side;

/// What the books need of an entry. The rest of an entry, the messages, is skipped, as reading it takes most of the time.
#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    at: Cow<'a, str>,
    #[serde(borrow)]
    body: Body<'a>,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    claims: Vec<LoggedClaim<'a>>,
}

#[derive(Deserialize)]
struct LoggedClaim<'a> {
    #[serde(borrow)]
    terminal: Cow<'a, str>,
    #[serde(borrow)]
    merchant: Cow<'a, str>,
    batch: u32,
    trace: u32,
    fen: u64,
    state: State,
    repeat: bool,
}

/// Reads a log.
///
/// # Errors
/// The file can't be read, is empty, or is not a log. Lines that can't be read are told to the books. If the last line is cut off because
/// the host was killed, that is only a notice.
pub fn read(input: impl BufRead, file: FileId, name: &str, books: &mut Books) -> Result<(), Refused> {
    let mut lines = Lines::new(input);
    let mut reading = Reading::new(books, file, Side::Acquirer);
    let mut any = false;
    while let Some(line) = lines.next()? {
        any = true;
        if line.bytes.trim_ascii().is_empty() {
            continue;
        }
        match entry(&line) {
            Ok(entry) => {
                if let Err(why) = reading.entry(&entry, &line) {
                    reading.broken(line.row, why, None);
                }
            }
            Err(_) if line.cut_off && reading.good > 0 => reading.books.notice(format!(
                "{name} row {}: the file ends within this row, as if the host had been killed; the row is left out, and all rows before it count",
                line.row
            )),
            Err(why) => reading.broken(line.row, why, None),
        }
    }
    if !any {
        return Err(Refused::Empty);
    }
    reading.end("an entry of an acquirer's log", "`taprig acquirer --log FILE` writes such a log")
}

fn entry<'a>(line: &Line<'a>) -> Result<Entry<'a>, String> {
    if line.too_long {
        return Err("the row is too long".into());
    }
    serde_json::from_slice(line.bytes).map_err(|error| without_line(&error))
}

impl Reading<'_> {
    fn entry(&mut self, entry: &Entry<'_>, line: &Line<'_>) -> Result<(), String> {
        const KINDS: [&str; 7] = ["started", "connected", "heard", "unreadable", "sent-late", "closed", "ended"];
        if !KINDS.contains(&entry.body.kind.as_ref()) {
            return Err(format!("a log has no entries of the kind `{}`", entry.body.kind));
        }
        let at = Moment::of_utc(&entry.at)?;
        self.good += 1;
        let place = self.place(line);
        for told in &entry.body.claims {
            let LoggedClaim { batch, trace, fen, state, repeat, .. } = *told;
            let claim = Claim { merchant: &told.merchant, terminal: &told.terminal, batch, trace, fen, state };
            self.books.claim(&claim, Some(Heard { at, repeat, place }));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;
    use taprig_model::acquirer::MessageKind;
    use taprig_model::acquirer::log;
    use taprig_model::books::result::{Class, Reconciliation};

    fn line(fen: u64, state: State, repeat: bool) -> String {
        let shown = log::Shown { mti: "0200".into(), header: "613200324605".into(), fields: Vec::new() };
        let claim = log::Claim {
            terminal: "12345678".into(),
            merchant: "123456789012345".into(),
            batch: 1,
            trace: 7,
            fen,
            state,
            repeat,
        };
        let heard = log::Heard {
            message: Some(MessageKind::Ride),
            request: shown,
            mac: log::Mac::Good,
            answer: None,
            delivery: Vec::new(),
            why: "a \"word\"".into(),
            rule: None,
            cut: None,
            batch: None,
            notes: Vec::new(),
            claims: vec![claim],
        };
        let at = "2018-05-21T16:30:00.000Z".into();
        let entry = log::Entry { at, connection: Some(1), body: log::Body::Heard(Box::new(heard)) };
        serde_json::to_string(&entry).unwrap() + "\n"
    }

    const STARTED: &str = "{\"at\":\"2018-05-21T00:00:00.000Z\",\"body\":{\"kind\":\"started\",\"schema\":1,\"taprig\":\"0.1.0\",\"listening\":\"x\"}}\n";

    fn result(text: &str) -> Result<Reconciliation, Refused> {
        let mut books = Books::new();
        let file = books.file(Side::Acquirer, "log.jsonl");
        read(text.as_bytes(), file, "log.jsonl", &mut books)?;
        Ok(books.reconcile(&Options::default()))
    }

    #[test]
    fn the_last_state_of_a_claim_counts() {
        let log = [STARTED, &line(100, State::Waiting, false), &line(100, State::Accepted, false)].concat();
        let accepted = result(&log).unwrap();
        assert_eq!((accepted.sides[0].read.count, accepted.sides[0].read.fen), (1, 100));
        // The day is that of China.
        assert_eq!(accepted.items[0].day.as_deref(), Some("2018-05-22"));
        assert_eq!(accepted.items[0].entries[0].state, Some(State::Accepted));
        // A restarted host may hear another amount for what it has not decided.
        let other =
            [&log[..log.len() - line(100, State::Accepted, false).len()], &line(150, State::Accepted, false)].concat();
        let other = result(&other).unwrap();
        assert_eq!((other.sides[0].read.count, other.sides[0].read.fen), (1, 150));
        let reversed =
            [&log, &line(100, State::Accepted, true), &line(100, State::Reversed, false)].map(String::as_str).concat();
        let reversed = result(&reversed).unwrap();
        assert_eq!(reversed.classes[Class::Reversed as usize].sums.acquirer.fen, 100);
        assert!(reversed.balanced);
    }

    #[test]
    fn a_claim_that_a_restarted_host_accepts_again_is_a_duplicate() {
        let log = [STARTED, &line(100, State::Accepted, false), STARTED, &line(150, State::Accepted, false)].concat();
        let result = result(&log).unwrap();
        let duplicate = result.items.iter().find(|item| item.class == Class::Duplicate).unwrap();
        assert_eq!(duplicate.entries[0].place.as_ref().unwrap().row, 4);
        assert_eq!(duplicate.first.as_ref().unwrap().row, 2);
        assert_eq!(result.classes[Class::Duplicate as usize].sums.acquirer.fen, 150);
        assert_eq!(result.sides[0].read.fen, 250);
    }

    #[test]
    fn a_host_that_was_killed_loses_only_its_last_line() {
        let whole = [STARTED, &line(100, State::Accepted, false)].concat();
        let cut = &line(999, State::Accepted, false)[..200];
        let killed = result(&format!("{whole}{cut}")).unwrap();
        assert_eq!(killed.sides[0].read.fen, 100);
        assert!(killed.broken.is_empty());
        assert!(killed.notices[0].contains("row 3: the file ends within this row"), "{:?}", killed.notices);
        // In the middle it is a broken row.
        let middle = result(&format!("{STARTED}{cut}\n{}", line(100, State::Accepted, false))).unwrap();
        assert_eq!((middle.sides[0].read.fen, middle.broken[0].place.row), (100, 2));
        assert!(middle.notices.is_empty());
        // A last line without its end that can be read is whole.
        assert_eq!(result(whole.trim_end()).unwrap().sides[0].read.fen, 100);
    }

    #[test]
    fn another_file_is_refused() {
        assert!(result("").unwrap_err().to_string().contains("the file is empty"));
        for other in [
            "merchant,terminal\n1,2\n",
            "{\"at\":\"x\"}\n",
            "{\"at\":\"2018-05-21T00:00:00Z\",\"body\":{\"kind\":\"run-started\"}}\n",
        ] {
            let error = result(other).unwrap_err();
            assert!(error.to_string().contains("no row of the file is an entry of an acquirer's log"), "{error}");
            assert!(error.help().is_some());
        }
    }
}
