//! Reads a record.

use super::{Cut, EVENTS, End, SERIAL, State, Stream, serial_name};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use taprig_model::event::{Body, Event, RunStarted, SCHEMA};

/// A record on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The folder of the record.
    pub folder: PathBuf,
    /// The state of the record.
    pub state: State,
    /// The events, in order.
    pub events: Vec<Event>,
    /// Number of bytes in a last line that was cut off. `events` contains nothing of that line.
    pub torn: usize,
}

/// A record can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file can't be read.
    #[error("reading {}: {cause}; name a folder that `taprig run --report` wrote", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        cause: io::Error,
    },
    /// A line is not an event.
    #[error("reading {}, line {line}: {}; the record was altered after it was written", path.display(), in_a_line(cause))]
    Line {
        /// The file.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// What went wrong.
        cause: serde_json::Error,
    },
    /// A later version of taprig wrote the record.
    #[error("reading {}: schema {found} is later than {SCHEMA}; read it with a newer taprig", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The schema of the record.
        found: u32,
    },
}

/// What serde says about a line. It counts the lines within this one, and a second number of a line would only puzzle.
fn in_a_line(cause: &serde_json::Error) -> String {
    cause.to_string().replace(" at line 1 column ", ", at column ")
}

impl Record {
    /// Reads the record in `folder`. A last line that a killed writer left incomplete is ignored.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn open(folder: &Path) -> Result<Self, ReadError> {
        let mut stream = Stream::open(folder)?;
        let events = stream.by_ref().collect::<Result<_, _>>()?;
        Ok(Self { folder: folder.to_owned(), state: stream.state(), events, torn: stream.torn() })
    }

    /// Reads as much as possible of the record in `folder`. Lines in the middle that can't be read are left out. The second value has
    /// the errors of these lines.
    ///
    /// # Errors
    /// Nothing of it can be read, or a later version of taprig wrote it.
    pub fn readable(folder: &Path) -> Result<(Self, Vec<ReadError>), ReadError> {
        let mut stream = Stream::open(folder)?;
        let (mut events, mut unreadable) = (vec![], vec![]);
        for item in stream.by_ref() {
            match item {
                Ok(event) => events.push(event),
                Err(error @ ReadError::Line { .. }) => unreadable.push(error),
                Err(error) => return Err(error),
            }
        }
        if events.is_empty() && !unreadable.is_empty() {
            return Err(unreadable.swap_remove(0));
        }
        Ok((Self { folder: folder.to_owned(), state: stream.state(), events, torn: stream.torn() }, unreadable))
    }

    /// Where the events end.
    #[must_use]
    pub fn end(&self) -> End {
        let mut end = End { lines: self.events.len(), torn: self.torn, said: false };
        self.events.iter().for_each(|event| end.see(&event.body));
        end
    }

    /// What is missing at the end of the record, if anything.
    #[must_use]
    pub fn cut(&self) -> Option<Cut> {
        self.end().cut(&self.folder.join(EVENTS), self.state)
    }

    /// The events of one sub-case, in order.
    pub fn case(&self, id: &str) -> Vec<Event> {
        self.events.iter().filter(|event| event.case.as_deref() == Some(id)).cloned().collect()
    }

    /// The start of the run, if the record says it.
    #[must_use]
    pub fn started(&self) -> Option<&RunStarted> {
        self.events.iter().find_map(|event| match &event.body {
            Body::RunStarted(run) => Some(run),
            _ => None,
        })
    }

    /// Raw bytes of a port, in both directions. Those of a text console are masked. [`Body::Serial`] says when bytes passed, and in which direction.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn serial(&self, bench: &str, port: &str) -> Result<Vec<u8>, ReadError> {
        let path = self.folder.join(SERIAL).join(serial_name(bench, port));
        fs::read(&path).map_err(|cause| ReadError::Io { path, cause })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MARK, Mark, Options, Recorder, WriteError};
    use std::sync::{Arc, Mutex};
    use std::time::Instant;
    use taprig_model::event::{Bytes, Exchange, Fields, FirmwareImage, PowerSwitch, Role, Signal, Source};

    fn write(folder: &Path, whole: bool) -> Recorder {
        let recorder = Recorder::start(Some(folder), Options { whole }, vec![]).unwrap();
        let scope = recorder.scope();
        scope.emit(Source::Rig, Body::RunStarted(RunStarted { schema: SCHEMA, ..RunStarted::default() }));
        let bench = scope.bench("qemu");
        bench.emit(
            Source::Rig,
            Body::Firmware(FirmwareImage {
                role: Role::Validator,
                path: "validator.elf".into(),
                digest: "00".repeat(32),
                bytes: 4096,
            }),
        );
        let serial = bench.serial("validator-console");
        serial.bytes(Instant::now(), false, b"status\n");
        serial.bytes(Instant::now(), true, b"ok state=ready\n");
        let case = bench.case("BUS-001");
        case.emit(
            Source::Validator,
            Body::Signal {
                signal: Signal::Other { name: "result".into() },
                said: Fields::parse("pan=6226091234567890 fare=100"),
            },
        );
        case.emit(
            Source::Emulator,
            Body::Exchange(Exchange {
                response: Some(Bytes(vec![0x5A, 8, 0x62, 0x26, 9, 0x12, 0x34, 0x56, 0x78, 0x90, 0x90, 0])),
                ..Exchange::default()
            }),
        );
        assert_eq!(case.events().len(), 2);
        recorder
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), false).close(true).unwrap();
        let record = Record::open(folder.path()).unwrap();
        assert_eq!((record.state, record.torn, record.events.len()), (State::Complete, 0, 6));
        assert_eq!(record.case("BUS-001").len(), 2);
        let raw = record.serial("qemu", "validator-console").unwrap();
        let Body::Serial { received: true, offset, len, .. } = record.events[3].body else { panic!("no serial") };
        assert_eq!(&raw[usize::try_from(offset).unwrap()..][..len as usize], b"ok state=ready\n");
        let firmware = fs::read_to_string(folder.path().join("firmware.json")).unwrap();
        assert!(firmware.contains(&"00".repeat(32)), "{firmware}");
    }

    #[test]
    fn numbers_are_hidden_unless_kept_whole() {
        for whole in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            write(folder.path(), whole).close(true).unwrap();
            let text = fs::read_to_string(folder.path().join(EVENTS)).unwrap();
            assert_eq!(text.contains("6226091234567890"), whole, "{text}");
            assert_eq!(text.contains("5A08622609CCCCCC78909000"), !whole, "{text}");
        }
    }

    #[test]
    fn numbers_on_a_console_are_hidden_unless_kept_whole_and_nothing_is_lost() {
        for (whole, complete) in [(false, true), (false, false), (true, true)] {
            let folder = tempfile::tempdir().unwrap();
            let recorder = Recorder::start(Some(folder.path()), Options { whole }, vec![]).unwrap();
            let bench = recorder.scope().bench("desk");
            let (console, link) = (bench.console("validator-console"), bench.serial("emulator-link"));
            for piece in ["CARD 6226091", "234567890", "\nLQ9>", "6226091234567890"] {
                console.bytes(Instant::now(), true, piece.as_bytes());
                link.bytes(Instant::now(), true, piece.as_bytes());
            }
            // A board without power does not go on with a number.
            bench.emit(Source::Rig, Body::Power { role: Role::Validator, on: false, by: Some(PowerSwitch::Cut) });
            console.bytes(Instant::now(), true, b"12");
            if complete {
                recorder.close(true).unwrap();
            }
            drop((recorder, bench, console, link));
            let record = Record::open(folder.path()).unwrap();
            let text = "CARD 6226091234567890\nLQ9>6226091234567890";
            assert_eq!(record.serial("desk", "emulator-link").unwrap(), text.as_bytes(), "no text console");
            let text = if whole { text.to_owned() } else { text.replace("622609123456", "622609xxxxxx") };
            let raw = record.serial("desk", "validator-console").unwrap();
            assert_eq!(String::from_utf8(raw).unwrap(), format!("{text}12"));
            let mut ends = std::collections::BTreeMap::new();
            for event in &record.events {
                if let Body::Serial { port, offset, len, .. } = &event.body {
                    let end = ends.insert(port.clone(), offset + u64::from(*len));
                    assert_eq!(end.unwrap_or_default(), *offset, "every byte has an event");
                }
            }
            assert_eq!(ends["validator-console"], text.len() as u64 + 2);
        }
    }

    #[test]
    fn cut_off_at_any_byte_it_still_reads() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), false).close(true).unwrap();
        let path = folder.path().join(EVENTS);
        let text = fs::read(&path).unwrap();
        let whole = Record::open(folder.path()).unwrap().events;
        for len in 0..text.len() {
            fs::write(&path, &text[..len]).unwrap();
            let record = Record::open(folder.path()).unwrap();
            let lines = text[..len].iter().filter(|&&byte| byte == b'\n').count();
            assert_eq!(record.events, whole[..lines], "{len}");
        }
    }

    #[test]
    fn what_is_flushed_outlives_the_writer() {
        let folder = tempfile::tempdir().unwrap();
        let recorder = write(folder.path(), false);
        recorder.flush();
        let record = Record::open(folder.path()).unwrap();
        assert_eq!((record.state, record.torn, record.events.len()), (State::Open, 0, 6));
        assert_eq!(record.serial("qemu", "validator-console").unwrap(), b"status\nok state=ready\n");
        drop(recorder);
        assert_eq!(Record::open(folder.path()).unwrap().state, State::Partial);
    }

    #[test]
    fn a_disk_that_is_full_stops_no_listener() {
        let heard = Arc::new(Mutex::new(0));
        let tell = heard.clone();
        let folder = tempfile::tempdir().unwrap();
        let listener = Box::new(move |_: &Arc<Event>| *tell.lock().unwrap() += 1);
        let recorder = Recorder::start(Some(folder.path()), Options::default(), vec![listener]).unwrap();
        // A file can't be created if its folder was removed.
        fs::remove_dir_all(folder.path().join(SERIAL)).unwrap();
        let scope = recorder.scope().bench("qemu");
        scope.serial("validator-console").bytes(Instant::now(), true, b"ok\n");
        scope.emit(Source::Rig, Body::BenchClosed {});
        let failure = recorder.close(true).unwrap_err();
        assert!(failure.to_string().contains("qemu-validator-console.bin"), "{failure}");
        assert_eq!(*heard.lock().unwrap(), 1);
        assert_ne!(Record::open(folder.path()).unwrap().state, State::Complete);
    }

    #[test]
    fn an_altered_line_is_named() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), false).close(true).unwrap();
        let path = folder.path().join(EVENTS);
        let text = fs::read_to_string(&path).unwrap().replacen("\"kind\":\"firmware\"", "\"kind\":\"firmwear\"", 1);
        fs::write(&path, text).unwrap();
        let error = Record::open(folder.path()).unwrap_err();
        assert!(matches!(error, ReadError::Line { line: 2, .. }));
        assert!(error.to_string().contains(", at column ") && !error.to_string().contains("line 1"), "{error}");
    }

    #[test]
    fn a_killed_writer_leaves_an_open_record_and_a_folder_has_one_writer() {
        let folder = tempfile::tempdir().unwrap();
        let recorder = write(folder.path(), false);
        let mark = fs::read(folder.path().join(MARK)).unwrap();
        assert_eq!(serde_json::from_slice::<Mark>(&mark).unwrap().state, State::Open);
        let second = Recorder::start(Some(folder.path()), Options::default(), vec![]);
        assert!(matches!(second, Err(WriteError::InUse(_))));
        recorder.close(false).unwrap();
        recorder.close(true).unwrap();
        assert_eq!(Record::open(folder.path()).unwrap().state, State::Partial);
    }

    #[test]
    fn a_new_record_replaces_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), false).close(true).unwrap();
        Recorder::start(Some(folder.path()), Options::default(), vec![]).unwrap().close(true).unwrap();
        let record = Record::open(folder.path()).unwrap();
        assert!(record.events.is_empty());
        assert!(record.serial("qemu", "validator-console").is_err());
    }

    #[test]
    fn listeners_hear_all_in_order_without_a_folder() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let tell = heard.clone();
        let recorder = Recorder::start(
            None,
            Options::default(),
            vec![Box::new(move |event| tell.lock().unwrap().push(event.clone()))],
        )
        .unwrap();
        let scope = recorder.scope().case("BUS-001");
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let scope = scope.clone();
                std::thread::spawn(move || {
                    for number in 0..5_000 {
                        scope.emit(Source::Rig, Body::StepDone { number, took_us: 0 });
                    }
                })
            })
            .collect();
        tasks.into_iter().for_each(|task| task.join().unwrap());
        recorder.close(true).unwrap();
        assert_eq!(heard.lock().unwrap().len(), 20_000);
        assert_eq!(scope.events().len(), 20_000);
    }
}
