//! Bytes of text consoles that wait for their rest, because they may be the beginning of an account number.

use super::mask;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Bytes of a port that passed at one time in one direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Passed {
    pub(super) at_us: u64,
    pub(super) bench: Arc<str>,
    pub(super) port: Arc<str>,
    pub(super) received: bool,
    pub(super) bytes: Vec<u8>,
}

/// The consoles of a record: by bench and port, and in each direction.
#[derive(Debug, Default)]
pub(super) struct Consoles(BTreeMap<(Arc<str>, Arc<str>, bool), Console>);

#[derive(Debug, Default)]
struct Console {
    masked: mask::Stream,
    /// When the bytes passed that are not written yet, and how many they are.
    waiting: VecDeque<(u64, usize)>,
}

impl Console {
    /// The bytes, each with the time at which it passed.
    fn passed(&mut self, (bench, port, received): &(Arc<str>, Arc<str>, bool), mut bytes: Vec<u8>) -> Vec<Passed> {
        let mut all = Vec::new();
        while let Some((at_us, length)) = self.waiting.front_mut().filter(|_| !bytes.is_empty()) {
            let rest = bytes.split_off(bytes.len().min(*length));
            let (bench, port, received) = (bench.clone(), port.clone(), *received);
            *length -= bytes.len();
            all.push(Passed { at_us: *at_us, bench, port, received, bytes });
            if *length == 0 {
                self.waiting.pop_front();
            }
            bytes = rest;
        }
        all
    }
}

impl Consoles {
    /// Takes bytes of a text console, and returns what can be written, masked.
    pub(super) fn push(&mut self, passed: Passed) -> Vec<Passed> {
        let of = (passed.bench, passed.port, passed.received);
        let console = self.0.entry(of.clone()).or_default();
        console.waiting.push_back((passed.at_us, passed.bytes.len()));
        let bytes = console.masked.push(&passed.bytes);
        console.passed(&of, bytes)
    }

    /// Returns what is held back, masked: of a bench, or of all. Nothing follows it.
    pub(super) fn end(&mut self, bench: Option<&str>) -> Vec<Passed> {
        let ended = self.0.iter_mut().filter(|((of, ..), _)| bench.is_none_or(|bench| **of == *bench));
        let passed = ended.flat_map(|(of, console)| {
            let bytes = console.masked.end();
            console.passed(of, bytes)
        });
        passed.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(bench: &str, received: bool, at_us: u64, bytes: &str) -> Passed {
        Passed { at_us, bench: bench.into(), port: "validator-console".into(), received, bytes: bytes.into() }
    }

    #[test]
    fn what_waited_keeps_its_time_its_direction_and_its_length() {
        let mut consoles = Consoles::default();
        assert_eq!(consoles.push(passed("one", true, 1, "pan 622609")), [passed("one", true, 1, "pan ")]);
        assert_eq!(consoles.push(passed("one", true, 2, "12345")), []);
        // The other direction and other benches do not wait for it.
        assert_eq!(consoles.push(passed("one", false, 3, "ask\n")), [passed("one", false, 3, "ask\n")]);
        assert_eq!(consoles.push(passed("two", true, 4, "7\n")), [passed("two", true, 4, "7\n")]);
        let rest = [(1, "622609"), (2, "xxxxx"), (5, "x7890\nok")].map(|(at, text)| passed("one", true, at, text));
        assert_eq!(consoles.push(passed("one", true, 5, "67890\nok")), rest);
    }

    #[test]
    fn at_the_end_nothing_waits() {
        let mut consoles = Consoles::default();
        for bench in ["one", "two"] {
            assert_eq!(consoles.push(passed(bench, true, 1, "6226091234567890")), []);
        }
        assert_eq!(consoles.end(Some("two")), [passed("two", true, 1, "622609xxxxxx7890")]);
        assert_eq!(consoles.end(None), [passed("one", true, 1, "622609xxxxxx7890")]);
        assert_eq!(consoles.end(None), []);
    }
}
