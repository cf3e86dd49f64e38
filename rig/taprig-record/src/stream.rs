//! Reads the events of a record one by one. The memory that this takes does not grow with the record.

use super::{EVENTS, MARK, Mark, ReadError, State};
use serde::de::Error as _;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use taprig_model::event::{Body, Event, RunStarted, SCHEMA};

/// The longest line that is read, in bytes. The longest line of our own records is a thousand times shorter. A limit is needed
/// because a record may come from anywhere.
const LONGEST: u64 = 16 * 1024 * 1024;

/// What the line of an event about raw bytes contains. Within a text of another event the quotes would be escaped.
const RAW: &str = r#""kind":"serial""#;

/// The events of a record, in order.
///
/// A line that is not an event is an `Err` of the kind [`ReadError::Line`], and the stream goes on after it. After any other error the
/// stream ends. A last line that a killed writer left incomplete is no item: see [`Stream::torn`].
#[derive(Debug)]
pub struct Stream<R = BufReader<File>> {
    path: PathBuf,
    reader: R,
    state: State,
    line: usize,
    torn: usize,
    raw: bool,
    ended: bool,
}

impl Stream {
    /// Opens the record in `folder`.
    ///
    /// # Errors
    /// The events can't be opened, or a later version of taprig wrote the record.
    pub fn open(folder: &Path) -> Result<Self, ReadError> {
        let path = folder.join(EVENTS);
        let file = File::open(&path).map_err(|cause| ReadError::Io { path: path.clone(), cause })?;
        // If the mark is missing or unreadable, the writer got no further.
        let mark = fs::read(folder.join(MARK)).ok().and_then(|mark| serde_json::from_slice::<Mark>(&mark).ok());
        if let Some(Mark { schema, .. }) = mark
            && schema > SCHEMA
        {
            return Err(ReadError::Newer { path: folder.join(MARK), found: schema });
        }
        let state = mark.map_or(State::Open, |mark| mark.state);
        Ok(Self { path, reader: BufReader::new(file), state, line: 0, torn: 0, raw: true, ended: false })
    }
}

impl<R: BufRead> Stream<R> {
    /// The same stream without the events that say where raw bytes of a serial port are. A third of a record are such events, and
    /// leaving them out saves parsing them.
    #[must_use]
    pub fn without_raw_bytes(self) -> Self {
        Self { raw: false, ..self }
    }

    /// The state of the record.
    pub fn state(&self) -> State {
        self.state
    }

    /// Number of bytes in a last line that was cut off. This is known when the stream has ended.
    pub fn torn(&self) -> usize {
        self.torn
    }

    /// Number of whole lines that were read.
    pub fn lines(&self) -> usize {
        self.line
    }

    /// The file of the events.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The next whole line with its end, or `None` at the end of the file. A line that is too long is empty.
    fn whole_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let read = self.reader.by_ref().take(LONGEST).read_until(b'\n', &mut line)?;
        if line.ends_with(b"\n") {
            self.line += 1;
            return Ok(Some(line));
        }
        if read as u64 == LONGEST {
            line.clear();
            self.reader.skip_until(b'\n')?;
            self.line += 1;
            return Ok(Some(line));
        }
        self.torn = read;
        Ok(None)
    }
}

impl<R: BufRead> Iterator for Stream<R> {
    type Item = Result<Event, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            let line = match self.whole_line() {
                Ok(Some(line)) => line,
                Ok(None) => break,
                Err(cause) => {
                    self.ended = true;
                    return Some(Err(ReadError::Io { path: self.path.clone(), cause }));
                }
            };
            // A line that was cut is no event, and is told.
            if !self.raw && line.ends_with(b"}}\n") && std::str::from_utf8(&line).is_ok_and(|line| line.contains(RAW)) {
                continue;
            }
            let event = if line.is_empty() {
                Err(serde_json::Error::custom(format!("the line has more than {LONGEST} bytes")))
            } else {
                serde_json::from_slice::<Event>(&line)
            };
            if let Ok(Event { body: Body::RunStarted(RunStarted { schema, .. }), .. }) = &event
                && *schema > SCHEMA
            {
                self.ended = true;
                return Some(Err(ReadError::Newer { path: self.path.clone(), found: *schema }));
            }
            return Some(event.map_err(|cause| ReadError::Line { path: self.path.clone(), line: self.line, cause }));
        }
        self.ended = true;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(text: &[u8]) -> Stream<&[u8]> {
        let (path, state) = (PathBuf::from("events.jsonl"), State::Open);
        Stream { path, reader: text, state, line: 0, torn: 0, raw: true, ended: false }
    }

    const NOTE: &str = r#"{"at_us":1,"source":"rig","body":{"kind":"note","text":"a \"kind\":\"serial\" b"}}"#;
    const BYTES: &str =
        r#"{"at_us":2,"source":"rig","body":{"kind":"serial","port":"p","received":true,"offset":0,"len":1}}"#;

    #[test]
    fn a_line_that_is_no_event_is_told_and_what_follows_is_read() {
        let text = format!("{NOTE}\n{{}}\n\n{NOTE}\n{NOTE}");
        let mut stream = of(text.as_bytes());
        let items: Vec<_> = stream.by_ref().collect();
        let wrong: Vec<_> = items
            .iter()
            .filter_map(|item| match item {
                Err(ReadError::Line { line, .. }) => Some(*line),
                _ => None,
            })
            .collect();
        assert_eq!((items.len(), wrong, stream.torn()), (4, vec![2, 3], NOTE.len()));
    }

    #[test]
    fn a_record_of_a_later_version_ends_the_stream() {
        let start = |schema: u32| {
            let run = RunStarted { schema, ..RunStarted::default() };
            let body = serde_json::to_string(&Body::RunStarted(run)).unwrap();
            format!("{{\"at_us\":0,\"source\":\"rig\",\"body\":{body}}}\n{NOTE}\n")
        };
        let (now, later) = (start(SCHEMA), start(SCHEMA + 1));
        assert_eq!(of(now.as_bytes()).filter(Result::is_ok).count(), 2);
        let items: Vec<_> = of(later.as_bytes()).collect();
        assert!(matches!(items[..], [Err(ReadError::Newer { found, .. })] if found == SCHEMA + 1));
    }

    #[test]
    fn only_events_of_raw_bytes_are_left_out() {
        let text = format!("{NOTE}\n{BYTES}\n{NOTE}\n");
        assert_eq!(of(text.as_bytes()).count(), 3);
        let left: Vec<_> = of(text.as_bytes()).without_raw_bytes().map(|event| event.unwrap().at_us).collect();
        assert_eq!(left, [1, 1]);
    }

    #[test]
    fn a_damaged_event_of_raw_bytes_is_told() {
        let text = format!("{NOTE}\n{}\n{NOTE}\n", &BYTES[..BYTES.len() - 5]);
        let items: Vec<_> = of(text.as_bytes()).without_raw_bytes().collect();
        assert!(matches!(&items[..], [Ok(_), Err(ReadError::Line { line: 2, .. }), Ok(_)]), "{items:?}");
    }

    #[test]
    fn an_endless_line_takes_no_memory_without_end() {
        let long = usize::try_from(LONGEST).unwrap() + 10;
        let text = [&vec![b'['; long][..], b"\n", NOTE.as_bytes(), b"\n"].concat();
        let items: Vec<_> = of(&text).collect();
        assert!(matches!(&items[..], [Err(ReadError::Line { line: 1, .. }), Ok(_)]), "{items:?}");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(mut bytes in any::<Vec<u8>>(), ends in prop::collection::vec(0usize..200, 0..5)) {
            for end in ends {
                let at = end % (bytes.len() + 1);
                bytes.insert(at, b'\n');
            }
            let mut stream = of(&bytes);
            let items = stream.by_ref().count();
            prop_assert_eq!(items, bytes.iter().filter(|&&byte| byte == b'\n').count());
        }
    }
}
