//! The text console: lines in, lines out.

use core::fmt::{Display, Write};

use heapless::{String, Vec};
use kernel::{CaKey, Pan, Rid};

use crate::board::Board;
use crate::fares::policy::Rule;
use crate::problem::Problem;
use crate::work::Work;
use crate::{clock, fares, hex};

/// Longest line in, without its end; a CA key of 1984 bits needs about 530.
pub const MAX_LINE: usize = 600;

/// Collects bytes into lines.
#[derive(Default)]
pub struct LineBuffer {
    bytes: Vec<u8, MAX_LINE>,
    overlong: bool,
    done: bool,
}

/// A line came to its end.
#[derive(Debug, PartialEq, Eq)]
pub enum Input<'a> {
    /// Text without line end.
    Line(&'a str),
    /// More than [`MAX_LINE`] bytes.
    Overlong,
    /// Not UTF-8, or with control characters.
    NotText,
}

impl LineBuffer {
    /// Takes one byte; at a newline hands out the line. A carriage return before it is dropped.
    pub fn push(&mut self, byte: u8) -> Option<Input<'_>> {
        if core::mem::take(&mut self.done) {
            self.bytes.clear();
        }
        if byte != b'\n' {
            self.overlong |= self.bytes.push(byte).is_err();
            return None;
        }
        self.done = true;
        if core::mem::take(&mut self.overlong) {
            return Some(Input::Overlong);
        }
        let line = self.bytes.strip_suffix(b"\r").unwrap_or(&self.bytes);
        match core::str::from_utf8(line) {
            Ok(text) if !text.chars().any(char::is_control) => Some(Input::Line(text)),
            _ => Some(Input::NotText),
        }
    }
}

/// A command, read but not yet carried out.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a board has no heap, and one command at a time is alive")]
pub enum Command<'a> {
    /// Who are you?
    Identity,
    /// Say this.
    Echo(&'a str),
    /// How are you?
    Status,
    /// What have you done?
    Counters,
    /// Set the wall clock, seconds since 1970.
    Clock(u64),
    /// Change a setting.
    Set {
        /// Which.
        key: &'a str,
        /// To what, quotes removed.
        value: &'a str,
    },
    /// Add a certification authority's key.
    KeyAdd(CaKey),
    /// Forget all keys.
    KeyClear,
    /// Put a card on the deny list.
    DenyAdd(Pan, Option<u8>),
    /// Empty the deny list.
    DenyClear,
    /// Revoke an issuer certificate.
    RevokeAdd(Rid, u8, [u8; 3]),
    /// Empty the revocation list.
    RevokeClear,
    /// Name the settings.
    Profile(&'a str),
    /// List the journal from this record, counted from 1.
    Journal(u32),
    /// The requests to the issuer from this number on, 1 for the first.
    Requests(u32),
    /// Empty the journal.
    JournalClear,
    /// Send so many blocks on the air, and count what comes back: for a board whose air is wired to itself.
    Loopback(u32),
    /// Say which fare policy there is.
    Fares,
    /// The flat fare alone.
    FaresClear,
    /// Add a rule of a fare policy.
    FareRule(Rule),
    /// Put the rules in force that were added.
    FaresUse,
    /// The bus is at this stop, or nobody knows where it is.
    Stop(Option<u16>),
    /// No tap-off comes any more.
    EndOfService,
    /// Do something on the line to the acquirer.
    Uplink(Work),
    /// Factory state.
    Factory,
    /// Restart.
    Reboot,
}

fn word(text: &str) -> (&str, &str) {
    text.split_once(' ').map_or((text, ""), |(word, rest)| (word, rest.trim_start_matches(' ')))
}

/// A value with or without quotes around it.
fn unquoted(text: &str) -> Result<&str, Problem> {
    let inner = text.strip_prefix('"').map_or(Some(text), |rest| rest.strip_suffix('"'));
    inner.filter(|inner| !inner.contains('"')).ok_or(Problem::malformed("a quoted value ends with a quote"))
}

fn exactly<const N: usize>(text: &str, problem: Problem) -> Result<[u8; N], Problem> {
    let mut bytes = [0; N];
    if hex::decode(text, &mut bytes) == Some(N) { Ok(bytes) } else { Err(problem) }
}

impl<'a> Command<'a> {
    /// Reads a command line.
    ///
    /// # Errors
    /// [`Problem`], for the `error` reply.
    pub fn parse(line: &'a str) -> Result<Self, Problem> {
        let (verb, rest) = word(line.trim_matches(' '));
        let alone = |command| {
            if rest.is_empty() { Ok(command) } else { Err(Problem::malformed("this command takes nothing after it")) }
        };
        match verb {
            "identity" => alone(Self::Identity),
            "echo" => Ok(Self::Echo(rest)),
            "status" => alone(Self::Status),
            "counters" => alone(Self::Counters),
            "clock" => match clock::parse(rest) {
                Some(time) => Ok(Self::Clock(clock::to_seconds(time))),
                None => Err(Problem::value("clock takes a moment such as 2018-05-21T08:00:00, years 2000 to 2099")),
            },
            "set" => {
                let (key, value) = word(rest);
                if key.is_empty() || value.is_empty() {
                    return Err(Problem::malformed("set takes a key and a value"));
                }
                Ok(Self::Set { key, value: unquoted(value)? })
            }
            "key" => Self::key(rest),
            "deny" => Self::deny(rest),
            "revoke" => Self::revoke(rest),
            "profile" => {
                if rest.is_empty() {
                    return Err(Problem::malformed("profile takes a name"));
                }
                Ok(Self::Profile(unquoted(rest)?))
            }
            "journal" => match rest {
                "" => Ok(Self::Journal(1)),
                "clear" => Ok(Self::JournalClear),
                from => match from.parse() {
                    Ok(from) if from > 0 && !rest.starts_with('+') => Ok(Self::Journal(from)),
                    _ => Err(Problem::malformed("journal takes nothing, a record number from 1, or clear")),
                },
            },
            "requests" => match rest {
                "" => Ok(Self::Requests(1)),
                from => match from.parse() {
                    Ok(from) if from > 0 && !rest.starts_with('+') => Ok(Self::Requests(from)),
                    _ => Err(Problem::malformed("requests takes nothing, or a number from 1")),
                },
            },
            "fares" => match rest {
                "" => Ok(Self::Fares),
                "clear" => Ok(Self::FaresClear),
                "use" => Ok(Self::FaresUse),
                rule => Rule::parse(rule).map(Self::FareRule),
            },
            "stop" => match rest {
                "none" => Ok(Self::Stop(None)),
                number => fares::stop(number).map(|stop| Self::Stop(Some(stop))),
            },
            "end-of-service" => alone(Self::EndOfService),
            "loopback" => match rest.parse() {
                Ok(blocks) if (1..=10_000).contains(&blocks) && !rest.starts_with('+') => Ok(Self::Loopback(blocks)),
                _ => Err(Problem::malformed("loopback takes a number of blocks of 256 bytes, 1 to 10000")),
            },
            "upload" => alone(Self::Uplink(Work::Upload)),
            "settle" => alone(Self::Uplink(Work::Settle)),
            "sign-on" => alone(Self::Uplink(Work::SignOn)),
            "sign-off" => alone(Self::Uplink(Work::SignOff)),
            "download" => match rest {
                "deny" => Ok(Self::Uplink(Work::DenyList)),
                "keys" => Ok(Self::Uplink(Work::AuthorityKeys)),
                _ => Err(Problem::malformed("download takes deny or keys")),
            },
            "factory" => alone(Self::Factory),
            "reboot" => alone(Self::Reboot),
            _ => Err(Problem::unknown("no such command")),
        }
    }

    fn key(rest: &str) -> Result<Self, Problem> {
        const USAGE: Problem = Problem::malformed(
            "key takes clear, or add with RID (10 hex), index (2 hex), exponent, modulus, or sm2, point",
        );
        let mut words = rest.split(' ').filter(|word| !word.is_empty());
        match (words.next(), words.next(), words.next(), words.next(), words.next(), words.next()) {
            (Some("clear"), None, ..) => Ok(Self::KeyClear),
            (Some("add"), Some(rid), Some(index), Some(exponent), Some(modulus), None) => {
                let rid: Rid = exactly(rid, USAGE)?;
                let [index] = exactly(index, USAGE)?;
                if exponent == "sm2" {
                    let key = CaKey::sm2(rid, index, &exactly(modulus, USAGE)?);
                    return key.map(Self::KeyAdd).map_err(|_| Problem::value("X and Y are no point of the SM2 curve"));
                }
                let (mut e, mut m) = ([0; 4], [0; 256]);
                let exponent = hex::decode(exponent, &mut e).and_then(|length| e.get(..length)).ok_or(USAGE)?;
                let modulus = hex::decode(modulus, &mut m).and_then(|length| m.get(..length)).ok_or(USAGE)?;
                let key = CaKey::new(rid, index, modulus, exponent, None);
                key.map(Self::KeyAdd).map_err(|error| match error {
                    kernel::KeyError::Exponent => Problem::value("the exponent is an odd number above 1, 1 to 4 bytes"),
                    _ => Problem::value("the modulus is odd, 1024 to 1984 bits, without leading zero"),
                })
            }
            _ => Err(USAGE),
        }
    }

    fn deny(rest: &str) -> Result<Self, Problem> {
        const USAGE: Problem = Problem::malformed("deny takes clear, or add with a card number, perhaps :psn");
        match word(rest) {
            ("clear", "") => Ok(Self::DenyClear),
            ("add", card) => {
                let (pan, psn) = card.split_once(':').map_or((card, None), |(pan, psn)| (pan, Some(psn)));
                let psn = match psn {
                    None => None,
                    Some(psn) if (1..=2).contains(&psn.len()) && psn.bytes().all(|c| c.is_ascii_digit()) => {
                        Some(psn.parse().map_err(|_| USAGE)?)
                    }
                    Some(_) => return Err(USAGE),
                };
                let pan = Pan::from_digits(pan).filter(|pan| pan.as_str().len() >= 8).ok_or(USAGE)?;
                Ok(Self::DenyAdd(pan, psn))
            }
            _ => Err(USAGE),
        }
    }

    fn revoke(rest: &str) -> Result<Self, Problem> {
        const USAGE: Problem =
            Problem::malformed("revoke takes clear, or add with RID (10 hex), index (2 hex), serial (6 hex)");
        let mut words = rest.split(' ').filter(|word| !word.is_empty());
        match (words.next(), words.next(), words.next(), words.next(), words.next()) {
            (Some("clear"), None, ..) => Ok(Self::RevokeClear),
            (Some("add"), Some(rid), Some(index), Some(serial), None) => {
                let [index] = exactly(index, USAGE)?;
                Ok(Self::RevokeAdd(exactly(rid, USAGE)?, index, exactly(serial, USAGE)?))
            }
            _ => Err(USAGE),
        }
    }
}

/// Longest line out: an echo.
const MAX_OUT: usize = MAX_LINE + 40;

/// A line out, sent in one piece when it is done.
pub struct Line(String<MAX_OUT>);

impl Line {
    /// Begins with these words.
    #[must_use]
    pub fn new(start: &str) -> Self {
        let mut line = String::new();
        // No line that the device writes is as long as the buffer, here and below.
        let _ = line.push_str(start);
        Self(line)
    }

    /// Adds ` key=value`. The value has no spaces.
    #[must_use]
    pub fn field(mut self, key: &str, value: impl Display) -> Self {
        let _ = write!(self.0, " {key}={value}");
        self
    }

    /// Adds ` key=text`, quoted when the text is empty or has spaces.
    #[must_use]
    pub fn text(mut self, key: &str, text: &str) -> Self {
        let quote = if text.is_empty() || text.contains(' ') { "\"" } else { "" };
        let _ = write!(self.0, " {key}={quote}{text}{quote}");
        self
    }

    /// Adds a space and words as they are.
    #[must_use]
    pub fn words(mut self, words: &str) -> Self {
        let _ = write!(self.0, " {words}");
        self
    }

    /// Sends the line.
    pub fn send<B: Board>(mut self, board: &B) {
        let _ = self.0.push('\n');
        board.console_write(self.0.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_end_at_newline_with_or_without_carriage_return() {
        let mut buffer = LineBuffer::default();
        let mut lines = std::vec::Vec::new();
        for &byte in b"status\r\n\necho  a b\n" {
            if let Some(Input::Line(line)) = buffer.push(byte) {
                lines.push(std::string::String::from(line));
            }
        }
        assert_eq!(lines, ["status", "", "echo  a b"]);
    }

    #[test]
    fn the_longest_line_is_taken_and_one_byte_more_is_not() {
        for (length, expected) in [(MAX_LINE, true), (MAX_LINE + 1, false)] {
            let mut buffer = LineBuffer::default();
            for _ in 0..length {
                assert!(buffer.push(b'x').is_none());
            }
            assert_eq!(matches!(buffer.push(b'\n'), Some(Input::Line(_))), expected);
            assert!(buffer.push(b'a').is_none());
            assert_eq!(buffer.push(b'\n'), Some(Input::Line("a")));
        }
    }

    #[test]
    fn commands_are_read() {
        assert_eq!(Command::parse("echo hello  you"), Ok(Command::Echo("hello  you")));
        assert_eq!(Command::parse("set line 12"), Ok(Command::Set { key: "line", value: "12" }));
        assert_eq!(Command::parse("set route \"A to B\""), Ok(Command::Set { key: "route", value: "A to B" }));
        assert_eq!(Command::parse("set route A to B"), Ok(Command::Set { key: "route", value: "A to B" }));
        assert_eq!(Command::parse("set route \"\""), Ok(Command::Set { key: "route", value: "" }));
        assert_eq!(Command::parse("loopback 10000"), Ok(Command::Loopback(10_000)));
        assert_eq!(Command::parse("journal 7"), Ok(Command::Journal(7)));
        assert_eq!(Command::parse("requests"), Ok(Command::Requests(1)));
        assert_eq!(Command::parse("requests 2"), Ok(Command::Requests(2)));
        assert_eq!(Command::parse("requests 0").map_err(|problem| problem.code), Err("malformed"));
        let pan = Pan::from_digits("6226001234567890").expect("digits");
        assert_eq!(Command::parse("deny add 6226001234567890:01"), Ok(Command::DenyAdd(pan.clone(), Some(1))));
        assert_eq!(Command::parse("deny add 6226001234567890"), Ok(Command::DenyAdd(pan, None)));
        assert_eq!(
            Command::parse("revoke add A000000333 C1 010203"),
            Ok(Command::RevokeAdd(kernel::aid::UNIONPAY, 0xC1, [1, 2, 3]))
        );
        let key = std::format!("key add A000000333 C1 010001 {}", "c1".repeat(248));
        assert!(key.len() <= MAX_LINE);
        assert!(matches!(Command::parse(&key), Ok(Command::KeyAdd(_))));
        let point = "32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7\
                     bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0";
        let line = std::format!("key add A000000333 F0 sm2 {point}");
        assert!(
            matches!(Command::parse(&line), Ok(Command::KeyAdd(key)) if matches!(key.key(), kernel::CaPublicKey::Sm2(_)))
        );
    }

    #[test]
    fn what_is_no_command_says_why() {
        for (line, code) in [
            ("", "unknown"),
            ("dance", "unknown"),
            ("status now", "malformed"),
            ("counters clear", "malformed"),
            ("set fare", "malformed"),
            ("set line \"12", "malformed"),
            ("clock 2018-02-30T00:00:00", "value"),
            ("key add A000000333 C1 03 c1c1", "value"),
            ("key add A000000333 C1 02 c1", "value"),
            ("key add A00000033 C1 03 c1", "malformed"),
            ("key add A000000333 F0 sm2", "malformed"),
            ("key add A000000333 F0 sm2 32c4", "malformed"),
            (&std::format!("key add A000000333 F0 sm2 {}", "32".repeat(64)), "value"),
            (&std::format!("key add A000000333 F0 sm2 {}", "32".repeat(65)), "malformed"),
            ("deny add 123", "malformed"),
            ("deny add 6226001234567890:", "malformed"),
            ("deny add 6226001234567890:100", "malformed"),
            ("deny add 6226 0012", "malformed"),
            ("revoke add A000000333 C1 0102", "malformed"),
            ("journal 0", "malformed"),
            ("fares add", "malformed"),
            ("fares stop 0 0", "value"),
            ("stop", "value"),
            ("stop 0", "value"),
            ("stop 10000", "value"),
            ("end-of-service now", "malformed"),
            ("loopback", "malformed"),
            ("loopback 0", "malformed"),
            ("loopback 10001", "malformed"),
            ("journal -1", "malformed"),
            ("journal 99999999999", "malformed"),
        ] {
            assert_eq!(Command::parse(line).map_err(|problem| problem.code), Err(code), "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_line_panics(line in "(identity|set|key|deny|revoke|journal|clock|profile|echo)?[ a-z0-9:\"]{0,40}.{0,10}") {
            let _ = Command::parse(&line);
        }
    }
}
